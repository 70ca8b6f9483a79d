"""A backup as one file: a tar with `manifest.json` and the copy of the database.

Any tar opens it, without Remit. The manifest says what was copied and the copy's SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from billing.backups.errors import BackupError

MANIFEST = "manifest.json"
FORMAT = 1
BLOCK = 1024 * 1024

Manifest = dict[str, Any]


def write(out: IO[bytes], copy: Path, manifest: Manifest) -> None:
    """The manifest first, so that it can be read without reading the rest."""
    whole = {**manifest, "format": FORMAT, "copy": copy.name, "sha256": sha256(copy)}
    said = json.dumps(whole, indent=1).encode()
    with tarfile.open(fileobj=out, mode="w|") as tar:
        about = tarfile.TarInfo(MANIFEST)
        about.size, about.mode = len(said), 0o600
        tar.addfile(about, io.BytesIO(said))
        with copy.open("rb") as content:
            member = tarfile.TarInfo(copy.name)
            member.size, member.mode = copy.stat().st_size, 0o600
            tar.addfile(member, content)


def read(source: IO[bytes], folder: Path) -> tuple[Manifest, Path]:
    """The manifest, and the copy unpacked into a folder; refused if it is not what was put in."""
    try:
        with tarfile.open(fileobj=source, mode="r|*") as tar:
            manifest = _manifest(tar)
            copy = folder / "copy"
            member = tar.next()
            content = tar.extractfile(member) if member else None
            if content is None:
                raise BackupError("This backup holds no copy of a database: it is cut off.")
            with open(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                shutil.copyfileobj(content, file, BLOCK)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BackupError(f"This is no backup of Remit's, or it is cut off ({error}).") from None
    if sha256(copy) != manifest["sha256"]:
        raise BackupError("This backup is damaged: its SHA-256 is not that of its manifest.")
    return manifest, copy


def _manifest(tar: tarfile.TarFile) -> Manifest:
    member = tar.next()
    content = tar.extractfile(member) if member and member.name == MANIFEST else None
    if content is None:
        raise BackupError("This is no backup of Remit's: it does not begin with a manifest.")
    manifest: Manifest = json.load(content)
    if manifest.get("format") != FORMAT:
        raise BackupError("This backup was made by another version, which can read it.")
    return manifest


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def complete_or_not_at_all(target: Path) -> Iterator[IO[bytes]]:
    """A file for its owner's eyes, which has its name only when all of it is on the disk."""
    if target.exists():
        raise BackupError(f"{target} is there already, and no backup is overwritten.")
    part = target.with_name(f".{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)
    except OSError as error:
        raise BackupError(f"{target} could not be written: {error.strerror or error}.") from None
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def workshop(beside: Path | None) -> Iterator[Path]:
    """A folder of one's own for a copy that is not finished, on the same disk."""
    try:
        with tempfile.TemporaryDirectory(prefix=".remit-", dir=beside) as name:
            yield Path(name)
    except FileNotFoundError as error:
        raise BackupError(f"{beside} is no folder one can write to.") from error
