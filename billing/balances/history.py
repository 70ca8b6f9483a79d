"""A patient's charges and payments, row by row."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Q

from billing.balances.links import PaidBy, paid_by, pays
from billing.balances.write_offs import WrittenOff, write_offs
from billing.models import Adjustment, InvoiceLine, Kind, LineVoid, Payment
from billing.models.payments import UNDOING
from billing.money import ZERO
from patients.models import Patient, Provider

Key = tuple[datetime.date, int, int]  # the day, 0 for a charge or 1 for a payment, its id
CHARGE, PAYMENT = 0, 1


@dataclass(frozen=True)
class HistoryRow:
    """A line of the financial history. `balance` is what it still adds to the net balance.

    `under` marks a row that stands under another: what undid a payment, what was paid back of it,
    what was written off a charge.
    """

    date: datetime.date
    provider: Provider
    balance: Decimal
    charge: Decimal | None = None
    paid: Decimal | None = None
    line: InvoiceLine | None = None
    void: LineVoid | None = None
    payment: Payment | None = None
    written_off: WrittenOff | None = None
    insurers: Sequence[WrittenOff] = field(default_factory=list)
    links: Sequence[PaidBy] = field(default_factory=list)
    lines: Mapping[int, InvoiceLine] = field(default_factory=dict)
    under: bool = False

    @property
    def pays(self) -> list[tuple[InvoiceLine, Decimal]]:
        """The lines a payment pays, with how much; a charge pays none."""
        if self.payment is None:
            return []
        return [(self.lines[link.line_id], link.amount) for link in self.links]


class HistoryEntries:
    """A patient's charges and payments, newest first; a page of them is a slice.

    Only days and ids are read for all of them; the rows are made for the slice somebody looks at,
    in a constant number of queries. What belongs to an entry stands under it: a reversal or a
    refund under its payment, a write-off under its charge.

    `show` narrows it to charges, payments, "open" charges or payments with "unallocated" money on
    either side of zero. Deleted payments are left out unless `deleted`, or they still pay a line,
    or money of theirs was really paid back. With no filter the balances of all rows add up to the
    patient's net balance, those of "open" to what the invoices owe, those of "unallocated" to
    the credit, the other way round.
    """

    def __init__(
        self,
        patient: Patient,
        *,
        provider: Provider | None = None,
        show: str = "everything",
        since: datetime.date | None = None,
        deleted: bool = False,
    ) -> None:
        self.patient = patient
        self._under: dict[int, list[int]] = defaultdict(list)  # payment → what stands under it
        self._lately: set[int] = set()  # payments that something stands under of `since` or later
        self._since = since
        keys: list[Key] = []
        if show in ("everything", "charges", "open"):
            keys += self._charges(provider, only_open=show == "open")
        if show in ("everything", "payments", "unallocated"):
            keys += self._payments(provider, deleted=deleted, only_free=show == "unallocated")
        keys.sort(reverse=True)
        self.keys = keys if since is None else self._recent(keys, since)
        self.earlier = len(keys) - len(self.keys)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, wanted: slice) -> list[HistoryRow]:
        """The rows of these entries, each with those under it."""
        keys = self.keys[wanted]
        groups = self._charge_rows([pk for _day, what, pk in keys if what == CHARGE])
        groups |= self._payment_rows([pk for _day, what, pk in keys if what == PAYMENT])
        return [row for _day, what, pk in keys for row in groups[what, pk]]

    def _recent(self, keys: list[Key], since: datetime.date) -> list[Key]:
        """Those of that day or later, or with something under them that is."""
        written_off = set(
            Adjustment.objects.filter(
                line__patient=self.patient, payment__isnull=True, date__gte=since
            ).values_list("line", flat=True)
        )
        voided = LineVoid.objects.filter(line__patient=self.patient, date__gte=since)
        written_off |= set(voided.values_list("line", flat=True))
        lately = {CHARGE: written_off, PAYMENT: self._lately}
        return [key for key in keys if key[0] >= since or key[2] in lately[key[1]]]

    # ------------------------------------------------------------------ which entries

    def _charges(self, provider: Provider | None, *, only_open: bool) -> list[Key]:
        lines = InvoiceLine.objects.issued().filter(patient=self.patient)
        if provider:
            lines = lines.filter(provider=provider)
        if only_open:
            lines = lines.open()
        found = lines.order_by().values_list("issued_on", "pk")
        return [(day, CHARGE, pk) for day, pk in found if day]

    def _payments(self, provider: Provider | None, *, deleted: bool, only_free: bool) -> list[Key]:
        payments = Payment.objects.filter(patient=self.patient)
        if provider:
            payments = payments.filter(provider=provider)
        found = list(
            payments.order_by("pk").values_list(
                "pk", "date", "kind", "original", "reversed", "unallocated"
            )
        )
        undone: dict[int, str] = {}
        refunds: dict[int, list[int]] = defaultdict(list)
        for pk, _day, kind, original, undone_since, _free in found:
            if original and kind in UNDOING:
                undone[original] = kind
            elif original and kind == Kind.REFUND and not undone_since:
                refunds[original].append(pk)
        # What undid a refund stands under the receipt, like the refund.
        owner = {
            pk: original
            for pk, _day, kind, original, *_ in found
            if original and kind == Kind.REFUND
        }
        keys: list[Key] = []
        for pk, day, kind, original, _undone, free in found:
            if original and (kind in UNDOING or kind == Kind.REFUND):
                payment = owner.get(original, original)
                self._under[payment].append(pk)
                if self._since and day >= self._since:
                    self._lately.add(payment)
                continue
            gone = undone.get(pk) == Kind.VOID and not free and not refunds[pk]
            if (gone and not deleted) or (only_free and not free):
                continue
            keys.append((day, PAYMENT, pk))
        return keys

    # ------------------------------------------------------------------ their rows

    def _charge_rows(self, ids: Sequence[int]) -> dict[tuple[int, int], list[HistoryRow]]:
        if not ids:
            return {}
        lines = InvoiceLine.objects.with_names().select_related("void__created_by").in_bulk(ids)
        links, off = paid_by(ids), write_offs(ids)
        groups = {}
        for pk, line in lines.items():
            own = off.get(pk, [])
            void = line.void if line.voided else None
            assert line.issued_on  # noqa: S101
            charge = HistoryRow(
                date=line.issued_on,
                provider=line.provider,
                charge=line.amount,
                paid=line.paid,
                balance=line.balance,
                line=line,
                void=void,
                links=links.get(pk, []),
                insurers=[each for each in own if each.row.payment],
            )
            clinics = [
                HistoryRow(
                    date=each.row.date,
                    provider=line.provider,
                    balance=ZERO,
                    line=line,
                    void=void,
                    written_off=each,
                    under=True,
                )
                for each in own
                if not (each.row.payment or (void and each.row.created_at == void.created_at))
            ]
            if void:  # what it took off is its own correction: one row says both
                clinics.append(
                    HistoryRow(
                        date=void.date,
                        provider=line.provider,
                        charge=-line.amount,
                        balance=ZERO,
                        line=line,
                        void=void,
                        under=True,
                    )
                )
            groups[CHARGE, pk] = [charge, *clinics]
        return groups

    def _payment_rows(self, ids: Sequence[int]) -> dict[tuple[int, int], list[HistoryRow]]:
        if not ids:
            return {}
        under = [pk for payment in ids for pk in self._under.get(payment, [])]
        payments = (
            Payment.objects.with_names()
            .select_related("original", "source")
            .filter(Q(pk__in=ids) | Q(pk__in=under))
            .in_bulk()
        )
        links = pays(ids)
        lines = InvoiceLine.objects.with_names().in_bulk(
            {link.line_id for found in links.values() for link in found}
        )
        return {
            (PAYMENT, pk): _payment_group(
                payments[pk],
                [payments[each] for each in sorted(self._under.get(pk, []))],
                links.get(pk, []),
                lines,
            )
            for pk in ids
        }


def _payment_group(
    payment: Payment,
    under: Iterable[Payment],
    links: Sequence[PaidBy],
    lines: Mapping[int, InvoiceLine],
) -> list[HistoryRow]:
    """A payment, and what stands under it; the row that undid it carries what it left behind."""
    assert payment.provider  # noqa: S101
    rows = [
        HistoryRow(
            date=payment.date,
            provider=payment.provider,
            paid=payment.amount,
            balance=ZERO if payment.reversed else -payment.unallocated,
            payment=payment,
            links=links,
            lines=lines,
        )
    ]
    rows += [
        HistoryRow(
            date=each.date,
            provider=payment.provider,
            paid=each.amount,
            balance=-payment.unallocated if undoes else ZERO,
            payment=each,
            links=links if undoes else [],
            lines=lines,
            under=True,
        )
        for each in under
        for undoes in [each.kind in UNDOING and each.original_id == payment.pk]
    ]
    return rows


def history(
    patient: Patient,
    *,
    provider: Provider | None = None,
    show: str = "everything",
    since: datetime.date | None = None,
    deleted: bool = False,
) -> list[HistoryRow]:
    """All rows of a patient's history, as HistoryEntries has them."""
    entries = HistoryEntries(patient, provider=provider, show=show, since=since, deleted=deleted)
    return entries[:]
