"""Remit as a server: gunicorn on a free port of this machine, with a database of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.processes import children

ROOT = Path(__file__).parents[2]


class App:
    """gunicorn with its workers: started, stopped, killed, started again on the same port.

    `environment` says which database (DATABASE_URL or SQLITE_PATH) and whatever else is set. A
    `folder` keeps what it says (`log`) and its static files. `wsgi` is another entry than the
    product's; with `preload` it is loaded once, so that a new worker is there in a moment.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        workers: int = 2,
        *,
        wsgi: str = "config.wsgi",
        preload: bool = False,
    ) -> None:
        self.folder, self.log = folder, folder / "app.log"
        self.wsgi, self.preload = wsgi, preload
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **os.environ,
            "REMIT_ENV_FILE": os.devnull,
            "REMIT_LOCAL": "1",
            "DATABASE_URL": "",
            "STATIC_ROOT": str(folder / "static"),
            "BIND": f"127.0.0.1:{self.port}",
            "WEB_WORKERS": str(workers),
            **environment,
        }

    def manage(self, *arguments: str) -> str:
        """`manage.py …` on its database; what it printed. Raises when it says no."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"manage.py {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def prepare(self) -> None:
        """An empty clinic: the tables, and the files a page names."""
        self.manage("migrate", "--verbosity", "0")
        self.manage("collectstatic", "--noinput", "--verbosity", "0")

    def start(self) -> None:
        """Returns when it answers."""
        gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*gunicorn, *(["--preload"] if self.preload else []), self.wsgi],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that `kill` reaches the workers, too
            )
        deadline = time.monotonic() + 180  # a machine may have much else to do
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=2).close()
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"It did not start:\n{self.log.read_text()}") from None
                time.sleep(0.1)
            else:
                return

    def workers(self) -> list[int]:
        """Their process ids."""
        assert self.process
        return children(self.process.pid)

    def kill(self) -> None:
        """kill -9 of all of it, in the middle of whatever it does."""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)

    def stop(self) -> None:
        """Requests that run are answered first."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.kill()


@contextlib.contextmanager
def served(folder: Path, environment: Mapping[str, str], workers: int = 2) -> Iterator[App]:
    """A prepared clinic, running; stopped afterwards."""
    app = App(folder, environment, workers)
    app.prepare()
    try:
        app.start()
        yield app
    finally:
        app.stop()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
