"""Finding processes to kill, and waiting for what they do."""

import subprocess
import time
from collections.abc import Callable


def children(pid: int) -> list[int]:
    """The processes that this one started itself."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    pairs = (line.split() for line in listed.splitlines())
    return [int(child) for child, parent in pairs if int(parent) == pid]


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so; it never being so fails the test."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
