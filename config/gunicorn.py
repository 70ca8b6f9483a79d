"""gunicorn's settings, for `make run` and for production alike."""

import os

bind = os.environ.get("BIND", "127.0.0.1:8000")

# Pages wait on the database far more than on Python, so threads; two processes so that one slow
# report never holds every desk. A worker's PostgreSQL pool (settings.py) has room for its threads.
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))

# No page waits longer for one statement. A migration or an import from the command line may.
os.environ.setdefault("DATABASE_STATEMENT_SECONDS", "60")

# The heartbeat file must not wait for a disk, or a busy disk looks like a dead worker.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108

# Nothing here is managed at run time, and two servers of one user would share its socket.
control_socket_disable = True

# No access log: query strings may hold what somebody searched for.
accesslog = None
errorlog = "-"
