"""Every test, three ways; what `make test` runs. All parts run, even when one fails.

(The drills are longer and have a command of their own: `make drill`.)
"""

import os
import subprocess
import sys
import time

PYTHON = sys.executable
PYTEST = [PYTHON, "-m", "pytest", "-n", "2"]
NEITHER = "not browser and not drill"
ON_SQLITE = {**os.environ, "DATABASE_URL": ""}

PARTS = {
    "SQLite": [[*PYTEST, "-m", NEITHER]],
    "PostgreSQL": [
        [PYTHON, "-m", "tests.support.temporary_postgres", "--", *PYTEST, "-m", NEITHER]
    ],
    "Browser": [[PYTHON, "-m", "tests.support.browser"], [*PYTEST, "-m", "browser"]],
}


def main() -> int:
    results = {}
    for name, commands in PARTS.items():
        print(f"\n=== {name}", flush=True)  # noqa: T201
        start = time.monotonic()
        # `all` stops at the first that fails: no browser, no browser tests.
        passed = all(subprocess.run(c, env=ON_SQLITE).returncode == 0 for c in commands)
        results[name] = passed, time.monotonic() - start
    print()  # noqa: T201
    for name, (passed, seconds) in results.items():
        print(f"{name:<12} {'passed' if passed else 'FAILED'} in {seconds:.0f} s")  # noqa: T201
    return 0 if all(passed for passed, _ in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
