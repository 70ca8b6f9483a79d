"""Does every row still say what it said when it was sealed?

The links are read from the newest to the oldest, so that of a row which was sealed twice (a form that
was carried out, for example) the latest seal counts. What is kept in memory meanwhile is one bit for
each row of the books, and some thousand rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils import timezone

from billing.chain.links import MOST, Digests, head, is_genuine
from billing.chain.tables import BY_NAME, SEALED, Sealed
from billing.models.chain import ChainLink

AT_ONCE = 50  # links in memory
BLOCK = 4096  # ids a block of bits


class Seen:
    """A set of ids, one bit each: ids of one table stand close together."""

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}

    def add(self, pk: int) -> bool:
        """Remember an id; whether it is new."""
        block = self._blocks.get(pk // BLOCK)
        if block is None:
            block = self._blocks[pk // BLOCK] = bytearray(BLOCK // 8)
        at, bit = divmod(pk % BLOCK, 8)
        if block[at] >> bit & 1:
            return False
        block[at] |= 1 << bit
        return True

    def __contains__(self, pk: int) -> bool:
        block = self._blocks.get(pk // BLOCK)
        return block is not None and bool(block[pk % BLOCK // 8] >> pk % 8 & 1)


@dataclass
class Replay:
    """One look through the whole chain. `findings()` says in plain words what is not as it was."""

    seen: dict[str, Seen] = field(default_factory=dict)
    links: int = 0
    rows: int = 0

    def findings(self) -> Iterator[str]:
        """What was changed, taken away, put in or forged; nothing where all is well."""
        self.seen = {table.name: Seen() for table in SEALED}
        waiting: list[tuple[ChainLink, Digests]] = []
        count = 0
        for link, problem in _links():
            self.links += 1
            if problem:
                yield problem
                continue
            rows = self._new(link)
            waiting.append((link, rows))
            count += sum(map(len, rows.values()))
            if count > MOST:
                yield from self._compare(waiting)
                waiting, count = [], 0
        yield from self._compare(waiting)
        for table in SEALED:
            yield from self._in_no_link(table)

    def _new(self, link: ChainLink) -> Digests:
        """What of a link no later one has sealed again."""
        link_rows: Digests = {}
        for name, rows in json.loads(link.rows).items():
            if name in self.seen:
                add = self.seen[name].add
                link_rows[name] = {int(pk): said for pk, said in rows.items() if add(int(pk))}
        link.rows = ""  # it may be long
        return link_rows

    def _compare(self, links: list[tuple[ChainLink, Digests]]) -> Iterator[str]:
        found: Digests = {}
        for name in {name for _link, rows in links for name in rows}:
            ids = [pk for _link, rows in links for pk in rows.get(name, ())]
            found[name] = {}
            for start in range(0, len(ids), MOST):
                found[name] |= BY_NAME[name].digests(ids[start : start + MOST])
        for link, rows in links:
            for name, sealed in rows.items():
                self.rows += len(sealed)
                for pk, digest in sealed.items():
                    if found[name].get(pk) != digest:
                        gone = pk not in found[name]
                        yield f"{_row(BY_NAME[name], pk)} {GONE if gone else CHANGED} {_told(link)}"

    def _in_no_link(self, table: Sealed) -> Iterator[str]:
        seen = self.seen[table.name]
        for ids in table.ids(MOST):
            for pk in ids:
                if pk not in seen and not (table.later and _has_own_seal(table, pk)):
                    yield f"{_row(table, pk)} was not written by Remit: no link of the chain has it"


def _has_own_seal(table: Sealed, pk: int) -> bool:
    """Whether an event that no link has taken in yet is as it was written."""
    from billing.audit.recording import is_genuine as is_event_of_ours
    from billing.models import AuditEvent

    return is_event_of_ours(AuditEvent.objects.get(pk=pk))


CHANGED = "was changed: it is not as it was sealed in"
GONE = "is gone; it was sealed in"


def _row(table: Sealed, pk: int) -> str:
    return f"{table.noun} {pk} (table {table.name})"


def _told(link: ChainLink) -> str:
    when = f"{timezone.localtime(link.at):%d %b %Y %H:%M}"
    what = f" ({link.act})" if link.act else ""
    return f"link {link.number} of {when}{what}"


def _links() -> Iterator[tuple[ChainLink, str]]:
    """Every link, the newest first, with what is wrong with it."""
    later: ChainLink | None = None
    number: int | None = None
    while True:
        links = ChainLink.objects.order_by("-number")
        if number is not None:
            links = links.filter(number__lt=number)
        some = list(links[:AT_ONCE])
        if not some:
            break
        for link in some:
            missing = later.number - link.number - 1 if later else 0
            if later and missing:
                yield later, _missing(link.number + 1, later.number - 1)
            elif later and later.previous != link.mac:
                yield later, f"link {later.number} does not follow on link {link.number}"
            later, number = link, link.number
            yield link, "" if is_genuine(link) else FORGED.format(link.number)
    if later and later.number != 1:
        yield later, _missing(1, later.number - 1)


FORGED = "link {} of the chain was changed, or not written by Remit: its MAC does not fit"


def _missing(first: int, last: int) -> str:
    if first == last:
        return f"link {first} of the chain is missing"
    return f"links {first} to {last} of the chain are missing"


def compare_head(written: str) -> str:
    """What is wrong with the chain's end, compared with one that was written down ("1204:9f3c…").

    Nothing where that link is still there as it was, whatever was added since.
    """
    number, _, mac = written.strip().partition(":")
    if not (number.isascii() and number.isdigit() and mac):
        return f"{written!r} is no end of a chain. It looks like 1204:9f3c01d2e4b7."
    if int(number) == 0:
        return ""
    link = ChainLink.objects.filter(number=int(number)).first() if len(number) < 18 else None
    if link is None:
        return f"the chain was cut off: it ended with link {number}, and now with {head().number}"
    if not link.mac.startswith(mac):
        return f"link {number} is not the one that was written down"
    return ""
