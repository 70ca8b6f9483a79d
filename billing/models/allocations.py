"""Allocations: which receipt pays which line. The link other systems forget."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.db import connection, models
from django.db.models import Q

from billing.models.append_only import AppendOnlyModel, AppendOnlyQuerySet
from billing.models.invoices import InvoiceLine
from billing.models.payments import Payment
from billing.money import MoneyField, to_cents

# How the reason begins where an insurer's money made a patient's go back to credit.
RELEASED = "Released: "


class AllocationQuerySet(AppendOnlyQuerySet["Allocation"]):
    def insert(self, rows: Sequence[Allocation]) -> None:
        """Write the allocations of one verb: one statement, in the order given.

        By hand, because bulk_create prepares every value of every row anew, while the rows of a
        verb share their date, their moment and their author. Their ids are filled in.
        """
        if not rows:
            return
        shared = [
            connection.ops.adapt_datefield_value(rows[0].date),
            connection.ops.adapt_datetimefield_value(rows[0].created_at),
            rows[0].created_by_id,
        ]
        columns = (
            [row.payment_id for row in rows],
            [row.line_id for row in rows],
            [to_cents(row.amount) for row in rows],
            [row.reason for row in rows],
        )
        given: tuple[object, ...]
        if connection.vendor == "sqlite":
            source, given = FROM_JSON, (json.dumps(list(zip(*columns, strict=True))),)
        else:
            source, given = FROM_ARRAYS, columns
        with connection.cursor() as cursor:
            cursor.execute(f"{INSERT} {source} RETURNING id", [*shared, *given])
            ids = [pk for (pk,) in cursor.fetchall()]
        for row, pk in zip(rows, ids, strict=True):
            row.pk = pk
            row._state.adding, row._state.db = False, connection.alias


INSERT = (
    "INSERT INTO billing_allocation"
    " (date, created_at, created_by_id, payment_id, line_id, amount, reason)"
)
FROM_JSON = (
    "SELECT %s, %s, %s, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(%s)"
)
FROM_ARRAYS = (
    "SELECT %s::date, %s::timestamptz, %s, *"
    " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::varchar[])"
)


class Allocation(AppendOnlyModel):
    """A signed amount of one receipt put on one line. Un-paying writes a negative one."""

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="allocations")
    line = models.ForeignKey(InvoiceLine, models.PROTECT, related_name="allocations")
    amount = MoneyField()

    objects = AllocationQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="allocation_not_zero"),
            models.CheckConstraint(
                condition=Q(amount__gt=0) | ~Q(reason=""), name="r9_unpay_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payment} on {self.line}"
