"""`make screenshots`: the demo clinic in Chromium, its pictures into docs/screens/.

python -m tests.tour [--only walks|gallery] [--all FOLDER]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.support import browser as chromium
from tests.support.served import ROOT, App
from tests.tour import gallery, walks
from tests.tour.walking import Walker, signed_in

SCREENS = ROOT / "docs" / "screens"
Walk = Callable[[Walker], None]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.tour", description=__doc__)
    parser.add_argument("--only", choices=("walks", "gallery"))
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every screen in every size")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="remit-tour-") as name, sync_playwright() as playwright:
        folder = Path(name)
        app = App(folder, {"SQLITE_PATH": str(folder / "demo.sqlite3")})
        print("The demo clinic is being made ...", flush=True)
        app.prepare()
        app.manage("demo", "--once")
        app.start()
        found = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.FLAGS)
        try:
            if wanted.only != "walks":
                pictures = gallery.take(found, app.url, SCREENS, everything=wanted.all)
                print(f"{pictures} pictures of screens")
            if wanted.only != "gallery":
                _walk(found, app, folder)
        finally:
            found.close()
            app.stop()


def _walk(found: Browser, app: App, folder: Path) -> None:
    # Whose work each walk is.
    planned: tuple[tuple[str, str, Walk], ...] = (
        ("insurance-payment", "biller", walks.insurance_payment),
        ("negative-credit", "biller", walks.negative_credit),
        ("era", "biller", lambda at: walks.era_import(at, _remittance(app, folder))),
        ("statement", "frontdesk", walks.statement),
        ("month-end", "accountant", walks.month_end),
    )
    for name, who, walk in planned:
        with signed_in(found, app.url, who) as page:
            at = Walker(page, site=app.url, walk=name, folder=SCREENS)
            walk(at)
        print(f"{name}: {at.actions} actions, {at.characters} characters, {len(at.taken)} pictures")


def _remittance(app: App, folder: Path) -> Path:
    """Written by a process of its own, which reads the clinic's database."""
    file = folder / "remittance.835"
    subprocess.run(
        [sys.executable, "-m", "tests.tour.remittance", str(file)],
        cwd=ROOT,
        env=app.environment,
        check=True,
    )
    return file


if __name__ == "__main__":
    main()
