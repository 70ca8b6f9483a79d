"""Speed in the hand: from the key to the painted figure, in a real Chromium.

    python -m benchmarks.hand [--rows 200] [--keys 100]

New insurance payment with so many sessions, served by gunicorn on this machine. Digits are typed at the
pace of somebody quick; the clock starts at the key and stops when the frame that shows the new
Unallocated has been painted. It also weighs the page: what a first visit loads, compressed, and
how far anything moved while somebody typed (layout shift).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.support import browser as chromium
from tests.support.served import ROOT, App

PACE = 180  # ms between keys: about 65 words a minute

WATCH = """() => {
  window.painted = []; window.shifts = 0; window.pressed = 0;
  const total = () => document.querySelector("#unallocated").textContent;
  let shown = total();
  document.addEventListener("keydown", () => { window.pressed = performance.now(); }, true);
  new MutationObserver(() => {
    if (total() === shown) return;
    shown = total();
    const since = window.pressed;
    // The second frame begins when the first one has been painted.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      window.painted.push(performance.now() - since);
    }));
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: false });
  return true;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hand", description=__doc__)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--keys", type=int, default=100)
    wanted = parser.parse_args()
    if wanted.rows % 10:
        parser.error("--rows: ten of each patient")
    with tempfile.TemporaryDirectory(prefix="remit-hand-") as name:
        folder = Path(name)
        app = App(folder, {"SQLITE_PATH": str(folder / "hand.sqlite3")})
        app.prepare()
        subprocess.run(
            [sys.executable, "-m", "benchmarks.hand_clinic", str(wanted.rows)],
            cwd=ROOT,
            env=app.environment,
            check=True,
        )
        app.start()
        try:
            with sync_playwright() as playwright:
                found = playwright.chromium.launch(
                    executable_path=chromium.find(), args=chromium.FLAGS
                )
                page = found.new_page(viewport={"width": 1366, "height": 768})
                _measure(page, app.url, wanted.rows, wanted.keys)
                found.close()
        finally:
            app.stop()


def _measure(page: Page, site: str, rows: int, keys: int) -> None:
    weights: dict[str, int] = {}
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on(
        "Network.loadingFinished",
        lambda event: weights.__setitem__(event["requestId"], event["encodedDataLength"]),
    )
    page.goto(f"{site}/accounts/login/")
    page.get_by_label("Username").fill("hand")
    page.get_by_label("Password").fill("remit-demo")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state("networkidle")
    print(f"first visit, sign-in and Today: {sum(weights.values()) / 1000:.0f} KB compressed")

    page.goto(f"{site}/insurance-payments/new/")
    page.get_by_label("Payer", exact=True).fill("60001")
    page.get_by_label("Amount", exact=True).fill("99999")
    page.get_by_label("Add a patient's sessions").fill("e")
    option = page.locator("#patient-options").get_by_role("option")
    option.filter(has_text="Everyone with unpaid sessions").click()
    boxes = page.locator("input.amt[data-col=paid]")
    expect(boxes).to_have_count(rows, timeout=60_000)
    boxes.first.focus()
    assert page.evaluate(WATCH)
    for key in range(keys):
        if key and key % 2 == 0:
            page.keyboard.press("Enter")
            page.wait_for_timeout(PACE)
        before = page.evaluate("window.painted.length")
        page.keyboard.press(str(1 + key % 9))
        # Asked now and then: asked at each frame, the browser would draw frames for us.
        page.wait_for_function("before => window.painted.length > before", arg=before, polling=50)
        page.wait_for_timeout(PACE)
    painted = sorted(page.evaluate("window.painted"))
    p95 = painted[int(len(painted) * 0.95)]
    print(
        f"key to painted figure, {rows} rows, {len(painted)} keys:"
        f" median {statistics.median(painted):.0f} ms, p95 {p95:.0f} ms"
    )
    print(f"layout shift while typing: {page.evaluate('window.shifts'):.4f}")


if __name__ == "__main__":
    main()
