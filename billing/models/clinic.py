"""The clinic itself: what its documents say at the top, and what every page calls it."""

from __future__ import annotations

import calendar
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.db import models
from django.db.models import Q

from billing.models.append_only import AppendOnlyQuerySet, WrittenOnceModel
from billing.money import CURRENCIES, USD, MoneyField
from patients.npi import check_npi

KEPT = "billing.clinic"
KEPT_FOR = 300  # seconds; another worker may show an old name for so long


class LogoQuerySet(AppendOnlyQuerySet["Logo"]):
    """Logos: added, never changed or deleted, since documents name them."""


class Logo(WrittenOnceModel):
    """A picture for the letterhead, as bytes: it lies in the backup, and no folder is served.

    Named by its digest, so that a document says which one was its letterhead's and prints the
    same again after the clinic has another. Rows are added only (`billing/pictures.py` says what
    may be one).
    """

    digest = models.CharField("SHA-256", max_length=64, unique=True)
    content = models.BinaryField()
    content_type = models.CharField(max_length=20)
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    uploaded_at = models.DateTimeField(auto_now_add=True)

    objects = LogoQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.width} \u00d7 {self.height} pixels"


class ReversalDefault(models.TextChoices):
    """With which answer the page of a reversal begins; it always offers both."""

    UNPAY = "unpay", "Un-pay the lines it paid"
    LEAVE = "leave", "Leave invoices paid"


class Clinic(models.Model):
    """The letterhead, and the terms on which patients pay. There is one row, or none yet."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    name = models.CharField(max_length=80)
    address_line1 = models.CharField("address", max_length=100, blank=True)
    address_line2 = models.CharField("address, second line", max_length=100, blank=True)
    city = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=30, blank=True)
    postal_code = models.CharField("ZIP code", max_length=12, blank=True)
    phone = models.CharField(max_length=30, blank=True)
    email = models.EmailField("e-mail", blank=True)
    tax_id = models.CharField(
        "tax ID", max_length=20, blank=True, help_text="On superbills, for the insurer."
    )
    npi = models.CharField(
        "NPI",
        max_length=10,
        blank=True,
        validators=[check_npi],
        help_text="The clinic's own; a provider's stands with the provider.",
    )
    payment_terms = models.PositiveSmallIntegerField(
        "payment terms",
        default=30,
        help_text="In so many days an invoice or a statement is due. 0: on the day it is issued.",
    )
    fiscal_year_month = models.PositiveSmallIntegerField(
        "fiscal year begins in",
        choices=[(at, month) for at, month in enumerate(calendar.month_name) if at],
        default=1,
        help_text="The first month of the clinic's fiscal year, for the periods of reports.",
    )
    # What people without the right to more may do for one family within 30 days (ledger/allowed.py).
    write_off_limit = MoneyField(
        null=True,
        blank=True,
        help_text="For one family within 30 days, by one person. More is for those whose role"
        " may write off more. Empty: no limit.",
    )
    refund_limit = MoneyField(
        null=True,
        blank=True,
        help_text="For one family, or one insurer, within 30 days, by one person. More is for"
        " those whose role may pay more back. Empty: no limit.",
    )
    statement_message = models.CharField(
        max_length=400,
        blank=True,
        help_text="Printed at the foot of every statement and invoice, such as how to pay.",
    )

    logo = models.ForeignKey(
        Logo,
        models.PROTECT,
        to_field="digest",
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    currency = models.CharField(
        max_length=3,
        choices=[(code, f"{each.name} ({code})") for code, each in CURRENCIES.items()],
        default=USD,
        help_text="What all amounts are in. It can be changed until the first money is recorded.",
    )
    reversal_default = models.CharField(
        "when a payment is reversed",
        max_length=5,
        choices=ReversalDefault,
        default=ReversalDefault.UNPAY,
        help_text="The page of a reversal begins with this answer. It always offers both.",
    )

    class Meta:
        verbose_name = "clinic settings"
        verbose_name_plural = "clinic settings"
        constraints = [
            models.CheckConstraint(
                condition=Q(currency__in=sorted(CURRENCIES)), name="clinic_currency"
            ),
            models.CheckConstraint(
                condition=Q(reversal_default__in=ReversalDefault.values),
                name="clinic_reversal_default",
            ),
            models.CheckConstraint(condition=Q(id=1), name="clinic_only_one"),
            models.CheckConstraint(
                condition=Q(fiscal_year_month__range=(1, 12)), name="clinic_fiscal_year_month"
            ),
            models.CheckConstraint(
                condition=(Q(write_off_limit=None) | Q(write_off_limit__gte=0))
                & (Q(refund_limit=None) | Q(refund_limit__gte=0)),
                name="clinic_limits_not_negative",
                violation_error_message="A limit is 0.00 or more.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        caches["worker"].delete(KEPT)
        forget_shown()

    @classmethod
    def current(cls) -> Clinic:
        """The clinic as it is now; with a name only, until an administrator has filled it in."""
        return cls.objects.first() or cls(name=settings.CLINIC_NAME)

    @property
    def place(self) -> str:
        """ "Springfield, IL 62701", as far as it is known."""
        return place(self.city, self.state, self.postal_code)


def place(city: str, state: str, postal_code: str) -> str:
    """The last line of an address: "Springfield, IL 62701"."""
    region = " ".join(part for part in (state, postal_code) if part)
    return ", ".join(part for part in (city, region) if part)


@dataclass(frozen=True)
class Shown:
    """What every page needs of the clinic's settings."""

    name: str = ""
    logo: str = ""  # its digest
    currency: str = USD


_shown: ContextVar[Shown | None] = ContextVar("shown", default=None)


def shown() -> Shown:
    """The clinic as pages show it: looked up once a request, and of the database once in a while."""
    found = _shown.get()
    if found is None:
        found = caches["worker"].get_or_set(KEPT, _read, KEPT_FOR) or _read()
        _shown.set(found)
    return found


def forget_shown() -> None:
    """Look it up again: another request begins, or the settings were saved."""
    _shown.set(None)


def _read() -> Shown:
    clinic = Clinic.current()
    return Shown(clinic.name, clinic.logo_id or "", clinic.currency)


def clinic_name() -> str:
    """What pages call the clinic."""
    return shown().name
