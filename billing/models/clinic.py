"""The clinic itself: what its documents say at the top, and what every page calls it."""

from __future__ import annotations

import calendar
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from billing.money import MoneyField

NAME_KEPT = "billing.clinic_name"
NAME_KEPT_FOR = 300  # seconds; another worker may show an old name for so long


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
        validators=[RegexValidator(r"\A\d{10}\Z", "An NPI has ten digits.")],
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

    class Meta:
        verbose_name_plural = "clinic"
        constraints = [
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
        cache.delete(NAME_KEPT)

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


def clinic_name() -> str:
    """What pages call the clinic. Asked of the database once in a while, not once a page."""
    return str(cache.get_or_set(NAME_KEPT, lambda: Clinic.current().name, NAME_KEPT_FOR))
