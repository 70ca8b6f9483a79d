"""gunicorn's settings, for `make run` and for production alike."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import environ


class Said(environ.Env):
    """The environment with the `.env` file, as settings.py will have them; each worker reads it anew."""

    ENVIRON = dict(os.environ)


Said.read_env(Said().str("REMIT_ENV_FILE", default=str(Path(__file__).parents[1] / ".env")))
said = Said()

bind = said.str("BIND", default="127.0.0.1:8000")

# Pages wait on the database far more than on Python, so threads; two processes so that one slow
# report never holds every desk. A worker's PostgreSQL pool (settings.py) has room for its threads.
worker_class = "gthread"
workers = said.int("WEB_WORKERS", default=2)
threads = said.int("WEB_THREADS", default=4)

# No page waits longer for one statement. A migration or an import from the command line may.
if "DATABASE_STATEMENT_SECONDS" not in said:
    os.environ["DATABASE_STATEMENT_SECONDS"] = "60"

# The heartbeat file must not wait for a disk, or a busy disk looks like a dead worker.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108

# Nothing here is managed at run time, and two servers of one user would share its socket.
control_socket_disable = True

# No access log of its own: query strings may hold what somebody searched for. Ours has a line for
# each request (config/tracing.py).
accesslog = None
errorlog = "-"

# Each worker keeps its figures for Prometheus in this folder (config/metrics.py).
METRICS = "PROMETHEUS_MULTIPROC_DIR"
if said.str("METRICS_TOKEN", default="") and METRICS not in os.environ:
    os.environ[METRICS] = tempfile.mkdtemp(prefix="remit-metrics-", dir=worker_tmp_dir)


def child_exit(server: Any, worker: Any) -> None:
    """What a worker that is gone held open is no longer open; what it counted stays counted."""
    if METRICS in os.environ:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    if METRICS in os.environ:
        shutil.rmtree(os.environ[METRICS], ignore_errors=True)
