"""Find a Chromium for the browser tests, or install one, or say what is missing.

python -m tests.support.browser
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

NAMES = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
]
PLACES = [Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")]

# Nothing may go out on the network but what a page asks for.
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
if hasattr(os, "geteuid") and os.geteuid() == 0:
    FLAGS.append("--no-sandbox")  # as root, Chromium does not start with it

MISSING = """\
The browser tests need Chromium, and none could be started.
  Either point to one:        CHROME=/path/to/chromium make test
  or install the system's:    apt-get install chromium   (or your system's like of it)
  or Playwright's own:        .venv/bin/playwright install --with-deps chromium"""


def find() -> str | None:
    """The browser to use; None means Playwright's own."""
    if chosen := os.environ.get("CHROME"):
        return chosen
    on_path = [path for path in map(shutil.which, NAMES) if path]
    in_place = [str(path) for path in PLACES if path.exists()]
    return next(iter(on_path + in_place), None)


def problem(path: str | None) -> str | None:
    """Why this browser does not start, or None if it does."""
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            page = browser.new_page()
            page.goto("data:text/html,<title>ready</title>")
            title = page.title()
            browser.close()
    except Error as error:
        return str(error).strip().splitlines()[0]
    return None if title == "ready" else "It shows no page."


def install() -> None:
    """Playwright's own download; where that leads to nothing, the system's package."""
    download = [sys.executable, "-m", "playwright", "install", "chromium"]
    if subprocess.run(download).returncode == 0 and problem(None) is None:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update"])
        subprocess.run(["apt-get", "install", "-y", "chromium"])


def main() -> int:
    trouble = problem(find())
    if trouble and not os.environ.get("CHROME"):
        print("No Chromium found; installing one.", flush=True)  # noqa: T201
        install()
        trouble = problem(find())
    if trouble:
        sys.stderr.write(f"{MISSING}\n  ({find() or 'Playwright'}: {trouble})\n")
        return 1
    print(f"Browser: {find() or 'the one of Playwright'}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
