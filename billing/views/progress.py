"""Long work in the browser, with a progress bar that needs no script.

The answer is sent while the work goes on: first the page down to the bar, then a small element
for every step (the style sheet shows only the latest), then how it ended, then the rest of the
page. For whoever uses it:

    def work() -> Work:
        with transaction.atomic():                # all or nothing: held while the work goes on
            for done, row in enumerate(rows, 1):
                ...
                yield Step(done, len(rows), "patients")
        yield Finished("1,000 patients imported.", links=[("/patients/", "Open the patients")])

    return with_progress(request, work(), title="Import patients", back=url)

* Only in answer to a POST of a plain form (`data-once`, no hx-post): a page that is still coming
  cannot be swapped in, and looking must not start work.
* Yield often; what is too quick to see is not sent. `total` may be 0 while it is not known.
* Where the browser goes away, the generator is closed: a transaction it holds is rolled back.
  So yield `Finished` after the `with`, or what it says may not be so.
* Refuse before, with the form's own errors. What only the work finds out it raises as
  `Stopped("a sentence for the desk")`. Anything else is logged, and the page says in plain words
  that the work broke off (`broken` says what that means for what was being done).
* When the page begins to go out the session is already saved: messages added later are lost.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from django.http import HttpRequest, StreamingHttpResponse
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)

FOLDER = "billing/progress"
HERE = "<!-- the work's steps -->"  # in page.html: where the page is cut in two
EVERY = 0.1  # seconds between two steps that are sent

NOTHING_DONE = "Nothing was saved. Try again; if it happens again, tell your administrator."


@dataclass(frozen=True)
class Step:
    """So much of the work is done: 300 of 1,000 "statements"."""

    done: int
    total: int
    things: str


@dataclass(frozen=True)
class Finished:
    """How it ended, in words, and where to go from there: (address, label), the first one first."""

    lead: str
    text: str = ""
    links: Sequence[tuple[str, str]] = ()


Work = Generator["Step | Finished", None, None]


class Stopped(Exception):
    """The work cannot go on, for a reason the desk can do something about. Says it."""


def with_progress(
    request: HttpRequest,
    work: Work,
    *,
    title: str,
    back: str,
    nav: str = "patients",
    broken: str = NOTHING_DONE,
) -> StreamingHttpResponse:
    """The page that shows `work` going on and how it ended. `back` is where to try again."""
    context = {"title": title, "back": back, "current": nav}
    head, _here, tail = render_to_string(f"{FOLDER}/page.html", context, request).partition(HERE)
    return StreamingHttpResponse(_sent(head, work, tail, back, broken))


def _sent(head: str, work: Work, tail: str, back: str, broken: str) -> Iterator[str]:
    with closing(_elements(work, back, broken)) as elements:  # the browser may go away
        yield head
        yield from elements
        yield tail


def _elements(work: Work, back: str, broken: str) -> Generator[str, None, None]:
    sent_at = -EVERY
    try:
        with closing(work) as steps:
            for step in steps:
                if isinstance(step, Finished):
                    yield render_to_string(f"{FOLDER}/_finished.html", {"finished": step})
                elif step.done >= step.total or time.monotonic() - sent_at >= EVERY:
                    sent_at = time.monotonic()
                    yield render_to_string(f"{FOLDER}/_step.html", {"step": step})
    except Stopped as reason:
        yield render_to_string(f"{FOLDER}/_stopped.html", {"text": str(reason), "back": back})
    except Exception:
        logger.exception("Work with a progress bar broke off")
        yield render_to_string(f"{FOLDER}/_stopped.html", {"text": broken, "back": back})
