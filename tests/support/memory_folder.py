"""A new folder in memory if there is room, else among the temporary files."""

import shutil
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
ENOUGH = 512 * 1024 * 1024  # containers often have only 64 MB there


def memory_folder(prefix: str) -> Path:
    try:
        in_memory = shutil.disk_usage(SHARED_MEMORY).free >= ENOUGH
        return Path(tempfile.mkdtemp(prefix=prefix, dir=SHARED_MEMORY if in_memory else None))
    except OSError:
        # Not /var/folders/…, macOS's own choice: too long for the path of a socket.
        return Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
