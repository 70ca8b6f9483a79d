"""Links of the chain: each seals the rows of one act, and the link before it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from billing.chain.acts import Act
from billing.chain.tables import SEALED, Sealed, sealed
from billing.models.chain import ChainLink

CHAIN_LOCK = 10_420_018  # of PostgreSQL's advisory locks the one on the chain's end
MOST = 5_000  # rows a link; an act that wrote more has several, and none is too large to look at
SHORT = 12  # so much of a MAC is written down by hand
BEFORE = "What was there before the chain"

Digests = dict[str, dict[int, str]]  # table -> id -> digest


class Head(NamedTuple):
    """The end of the chain: how many links there are, and the MAC of the last."""

    number: int
    mac: str

    def __str__(self) -> str:
        return f"{self.number}:{self.mac[:SHORT]}"


def head() -> Head:
    """Where the chain ends. Written down elsewhere, it shows that nothing was cut off since."""
    last = ChainLink.objects.order_by("-number").values_list("number", "mac").first()
    return Head(*last) if last else Head(0, "")


def seal(act: Act) -> None:
    """Append a link for the rows of an act, as the database holds them now. An act that wrote
    nothing gets none.

    In the act's own transaction, so there is no row without its seal and no seal without its row.
    """
    _append(act, (some for model, ids in act.rows.items() for some in _read(sealed(model), ids)))


def seal_what_was_there() -> int:
    """Seal every row of books that have no chain yet; how many those were.

    Nobody can say any more whether they were changed before. The link says when that was.
    """
    if ChainLink.objects.exists():
        return 0
    with transaction.atomic():
        counts: list[int] = []

        def parts() -> Iterator[tuple[str, dict[int, str]]]:
            for table in SEALED:
                for some in table.all_digests(MOST):
                    counts.append(len(some))
                    yield table.name, some

        _append(Act(BEFORE), parts())
    return sum(counts)


def _read(table: Sealed, ids: list[int]) -> Iterator[tuple[str, dict[int, str]]]:
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), MOST):
        yield table.name, table.digests(wanted[start : start + MOST])


def _append(act: Act, parts: Iterator[tuple[str, dict[int, str]]]) -> None:
    for rows in _together(parts):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])
        last = head()
        link = ChainLink(
            number=last.number + 1,
            previous=last.mac,
            at=timezone.now(),
            by_id=act.by.pk if act.by else None,
            act=act.name[:60],
            rows=json.dumps(rows, separators=(",", ":")),
        )
        link.mac = mac_of(link, settings.AUDIT_KEY)
        link.save()


def _together(parts: Iterator[tuple[str, dict[int, str]]]) -> Iterator[Digests]:
    """As many rows in one link as it may hold."""
    rows: Digests = {}
    count = 0
    for name, digests in parts:
        if not digests:
            continue
        if count and count + len(digests) > MOST:
            yield rows
            rows, count = {}, 0
        rows.setdefault(name, {}).update(digests)
        count += len(digests)
    if count:
        yield rows


def mac_of(link: ChainLink, key: str) -> str:
    """What only somebody who knows the key can write under a link."""
    said = [link.number, link.previous, link.at.timestamp(), link.by_id, link.act, link.rows]
    return hmac.new(key.encode(), json.dumps(said).encode(), hashlib.sha256).hexdigest()


def is_genuine(link: ChainLink) -> bool:
    """Whether the link was written with our key, or with one we had before, and is unchanged."""
    keys = [settings.AUDIT_KEY, *settings.AUDIT_KEY_FALLBACKS]
    return any(hmac.compare_digest(mac_of(link, key), link.mac) for key in keys)
