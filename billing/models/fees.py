"""The fee schedule: what the clinic does and what it asks for it, from which day on."""

from __future__ import annotations

from django.db import models

from billing.money import MoneyField
from patients.models import Payer, without_nul


class ServiceQuerySet(models.QuerySet["Service"]):
    def search(self, typed: str) -> ServiceQuerySet:
        """Services whose code begins so, or whose description has all the words; codes first."""
        typed = without_nul(typed)[:80]
        described = models.Q()
        for word in typed.split():
            described &= models.Q(description__icontains=word)
        coded = models.Q(code__istartswith=typed)
        place = models.Case(
            models.When(code__iexact=typed, then=0),
            models.When(coded, then=1),
            default=2,
            output_field=models.IntegerField(),
        )
        return self.filter(coded | described).order_by(place, "code")


class Service(models.Model):
    """An entry of the fee schedule: a code (CPT or the clinic's own) and its description."""

    code = models.CharField(max_length=20, unique=True)
    description = models.CharField(max_length=120)
    active = models.BooleanField(default=True)

    objects = ServiceQuerySet.as_manager()

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} {self.description}"


class Fee(models.Model):
    """The price of one unit of a service from a day on, for everybody or for one payer."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="fees")
    payer = models.ForeignKey(
        Payer,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="fees",
        help_text="Only for fees agreed with one payer.",
    )
    amount = MoneyField()
    valid_from = models.DateField()

    class Meta:
        ordering = ["service", "payer", "-valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount__gte=0),
                name="fee_not_negative",
                violation_error_message="A fee is 0.00 or more.",
            ),
            models.UniqueConstraint(
                fields=["service", "payer", "valid_from"],
                nulls_distinct=None,
                name="fee_once_a_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service.code} from {self.valid_from:%d %b %Y}"
