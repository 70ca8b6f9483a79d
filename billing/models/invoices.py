"""Invoices and their lines: what is owed, for what, and by whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import connection, models
from django.db.models import Case, F, Q, When
from django.urls import reverse

from billing.models.fees import Service
from billing.money import ZERO, MoneyField
from patients.models import Patient, Payer, Provider, Session


class Invoice(models.Model):
    """A bill. A draft has no number and owes nothing; `ledger.issue_invoice` makes it count."""

    number = models.CharField(max_length=12, unique=True, null=True, editable=False)  # noqa: DJ001
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="invoices")
    issued_on = models.DateField(null=True, editable=False)
    issued_at = models.DateTimeField(
        null=True, editable=False, help_text="When it was issued by the clock, whatever its date"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False
    )

    class Meta:
        permissions = [
            ("enter_charge", "Can enter sessions and bill them"),
            ("void_charge", "Can void what was billed"),
        ]
        constraints = [
            # Number, issue date and moment come together: NULL on every draft.
            models.CheckConstraint(
                condition=Q(number__isnull=True, issued_on__isnull=True, issued_at__isnull=True)
                | Q(number__isnull=False, issued_on__isnull=False, issued_at__isnull=False),
                name="invoice_numbered_when_issued",
            )
        ]
        indexes = [models.Index(fields=["issued_on", "id"], name="invoice_by_date")]

    def __str__(self) -> str:
        return self.number or f"Draft for {self.patient.name}"


class InvoiceLineQuerySet(models.QuerySet["InvoiceLine"]):
    def issued(self) -> InvoiceLineQuerySet:
        return self.filter(issued_on__isnull=False)

    def open(self) -> InvoiceLineQuerySet:
        """Lines that still owe something. The words of the partial index `line_open`."""
        return self.filter(balance__gt=0)

    def standing(self) -> InvoiceLineQuerySet:
        """Lines that were not voided, drafts among them."""
        return self.filter(void__isnull=True)

    def drafted(self) -> InvoiceLineQuerySet:
        """Lines of drafts, found by the index on the invoice numbers that are not given yet."""
        return self.filter(invoice__number__isnull=True)

    def of_account(self, patient: Patient, provider: Provider) -> InvoiceLineQuerySet:
        return self.filter(patient=patient, provider=provider)

    def oldest_first(self) -> InvoiceLineQuerySet:
        return self.order_by("service_date", "id")

    def with_names(self) -> InvoiceLineQuerySet:
        return self.select_related("patient", "provider", "invoice")

    def now_owed_by(self, payers: Mapping[int, int | None]) -> None:
        """Say who owes the rest of lines now (None: the patient). One statement, however many."""
        if not payers:
            return
        given: list[Any]
        if connection.vendor == "sqlite":
            sql, given = OWED_AS_JSON, [json.dumps(list(payers.items()))]
        else:
            sql, given = OWED_AS_ARRAYS, [list(payers), list(payers.values())]
        with connection.cursor() as cursor:
            cursor.execute(sql, given)


OWED_AS_JSON = (
    "UPDATE billing_invoiceline SET payer_id = value ->> 1"
    " FROM json_each(%s) WHERE billing_invoiceline.id = value ->> 0"
)
OWED_AS_ARRAYS = (
    "UPDATE billing_invoiceline SET payer_id = now.payer"
    " FROM unnest(%s::bigint[], %s::bigint[]) AS now (line, payer)"
    " WHERE billing_invoiceline.id = now.line"
)


class InvoiceLine(models.Model):
    """One service of one session: the charge, what came off it, and what is left.

    `paid`, `adjusted` and `last_date` are sums and the latest date of the rows on the line, kept
    by the database itself (`billing.guards`); nobody writes them. Once issued, the rest is fixed
    but for `payer`, who owes the rest now (nobody named: the patient).
    """

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="lines")
    session = models.ForeignKey(
        Session, models.PROTECT, null=True, blank=True, related_name="lines"
    )
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="lines")
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="lines")
    service = models.ForeignKey(
        Service, models.PROTECT, null=True, blank=True, related_name="lines"
    )
    payer = models.ForeignKey(Payer, models.PROTECT, null=True, blank=True, related_name="lines")
    service_date = models.DateField()
    code = models.CharField(max_length=20, blank=True)
    modifiers = models.CharField(
        max_length=11, blank=True, help_text="Up to four, separated by commas: 95,GT"
    )
    description = models.CharField(max_length=160)
    units = models.PositiveSmallIntegerField(default=1)
    amount = MoneyField()
    issued_on = models.DateField(null=True, editable=False)
    # What we gave the insurer to answer with: the claim's number and the line's own. Issuing fills
    # in the invoice's number where nothing else was given.
    claim_number = models.CharField(max_length=20, blank=True, db_index=True)
    control_number = models.CharField(max_length=30, blank=True)

    paid = MoneyField(default=ZERO, editable=False)
    adjusted = MoneyField(default=ZERO, editable=False)
    last_date = models.DateField(null=True, editable=False)
    balance = models.GeneratedField(
        expression=Case(
            When(issued_on__isnull=False, then=F("amount") - F("paid") - F("adjusted")),
            default=0,
            output_field=MoneyField(),
        ),
        output_field=MoneyField(),
        db_persist=True,
    )

    objects = InvoiceLineQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="line_amount_not_negative"),
            models.CheckConstraint(condition=Q(units__gte=1), name="line_has_units"),
            models.CheckConstraint(condition=Q(paid__gte=0), name="r2_line_paid_not_negative"),
            models.CheckConstraint(
                condition=Q(amount__gte=F("paid") + F("adjusted")),
                name="r2_line_balance_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(issued_on__isnull=False) | Q(paid=0, adjusted=0),
                name="line_draft_untouched",
            ),
            models.UniqueConstraint(
                fields=["control_number"],
                condition=~Q(control_number=""),
                name="line_control_number_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["patient", "provider", "balance"],
                name="line_open",
                condition=Q(balance__gt=0),
            ),
            models.Index(
                fields=["payer", "service_date", "balance"],
                name="line_open_of_payer",
                condition=Q(balance__gt=0),
            ),
            # With the amount, so that what was charged in a period is added up from it alone.
            models.Index(fields=["issued_on", "amount"], name="line_by_date"),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} {self.description}"

    def get_absolute_url(self) -> str:
        return reverse("billing:patient_account", args=[self.patient.chart_number])

    @property
    def voided(self) -> bool:
        """Whether it was voided; read with select_related("void") where lines are listed."""
        return hasattr(self, "void")

    @property
    def state(self) -> str:
        """Paid, Part paid or Unpaid, as the tag beside the line says it."""
        if self.balance == 0:
            return "Paid"
        return "Part paid" if self.paid else "Unpaid"

    @property
    def seen(self) -> str:
        """What a screen showed of the line's state; the verb refuses when it changed since."""
        return f"{self.paid}/{self.adjusted}"

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        if self.issued_on:
            raise TypeError("An issued line is never deleted; void it instead.")
        return super().delete(*args, **kwargs)
