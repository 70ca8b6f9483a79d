"""The environment tests run in, whatever the shell or a .env file says.

A pytest plugin of its own (`-p`, see pyproject.toml): settings are read before conftest.py is.
"""

import os

# A developer's .env must not lead the tests to a real database.
os.environ["REMIT_ENV_FILE"] = os.devnull
os.environ["REMIT_LOCAL"] = "1"
for name in (
    "DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "CLINIC_NAME", "TIME_ZONE", "CACHE_URL", "REPORTS_DATABASE_URL",
    "AUDIT_KEY", "AUDIT_KEY_FALLBACKS", "SECOND_FACTOR_FOR", "SESSION_IDLE_MINUTES", "SESSION_HOURS",
    "LOG_FORMAT", "SLOW_QUERY_MS", "SLOW_REQUEST_MS", "METRICS_TOKEN",
):  # fmt: skip
    os.environ.pop(name, None)
# DATABASE_URL stays: the PostgreSQL run sets it (tests/support/temporary_postgres.py).

# Playwright's synchronous calls run inside an event loop, where Django would refuse the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
