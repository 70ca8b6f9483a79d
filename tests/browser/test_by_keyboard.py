"""Every screen by Tab alone, with the reader's own colours (forced colours, where shadows are gone).

Each thing that can be pressed or filled is reached, is seen when it is, neither outside the window
nor under the bars that stay (WCAG 2.4.11), and says by an outline that it is the one (WCAG 2.4.7).
"""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page

from tests.browser.test_every_screen import PARTS, screens
from tests.screens.small_clinic import small_clinic
from tests.support.surprises import Surprises

pytestmark = pytest.mark.django_db(transaction=True)

# From the top, wherever the page puts the cursor by itself.
START = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
}"""

# Where Tab has come to: which thing that is, and what is wrong with how it looks there.
STOP = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  window.stops ??= [];
  if (window.stops.at(-1) === element) return { again: false, wrong: [] }; // the parts of a date
  const again = window.stops.includes(element);
  if (!again) window.stops.push(element);
  const name = (element.getAttribute("aria-label") || element.labels?.[0]?.textContent
    || element.textContent || element.id).trim().replace(/\\s+/g, " ").slice(0, 40);
  const box = element.getBoundingClientRect();
  const at = (x, y) => document.elementFromPoint(x, y);
  const mine = (found) => found && (element.contains(found) || found.contains(element)
    || [...(element.labels ?? [])].some((label) => label.contains(found)));
  const middle = box.top + box.height / 2;
  const points = [0.1, 0.5, 0.9].map((share) => at(box.left + box.width * share, middle));
  const ringed = (one) => one && getComputedStyle(one).outlineStyle !== "none"
    && parseFloat(getComputedStyle(one).outlineWidth) > 0;
  let ring = element;
  while (ring && !ringed(ring)) ring = ring.parentElement;
  const ringOfText = [...(element.labels ?? [])].some(ringed);
  const wrong = [];
  if (box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth) {
    wrong.push("outside the window");
  } else if (!points.some(mine)) wrong.push("covered");
  if (!ring && !ringOfText) wrong.push("no outline");
  return { again, name: `${element.tagName.toLowerCase()} ${name}`, wrong };
}"""

# What could be used but Tab did not come to. Of a group of radio buttons it comes to one.
MISSED = """() => {
  const all = [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")];
  const groups = new Set(window.stops.filter((one) => one.type === "radio").map((one) => one.name));
  return all.filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({
      visibilityProperty: true }) && !window.stops.includes(one)
      && !(one.type === "radio" && groups.has(one.name)))
    .map((one) => `${one.tagName.toLowerCase()} ${one.getAttribute("aria-label") || one.textContent.trim().slice(0, 40) || one.id}`);
}"""


@pytest.mark.parametrize("part", range(PARTS))
def test_tab_comes_to_everything_and_shows_where_it_is(
    live_server: Any, page: Page, no_surprises: Surprises, part: int
) -> None:
    clinic = small_clinic()
    session = clinic.client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
    )
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    page.set_viewport_size({"width": 1366, "height": 600})
    wrong = []
    for url in screens(clinic)[part::PARTS]:
        page.goto(live_server.url + url)
        page.wait_for_load_state("networkidle")
        page.evaluate(START)
        for _ in range(400):
            page.keyboard.press("Tab")
            stop = page.evaluate(STOP)
            if stop is None or stop["again"]:
                break
            wrong += [f"{url}: {stop['name']}: {each}" for each in stop["wrong"]]
        else:
            wrong.append(f"{url}: Tab does not come round")
        wrong += [f"{url}: {each}: not reached" for each in page.evaluate(MISSED)]
    assert wrong == [], "\n".join(wrong)
