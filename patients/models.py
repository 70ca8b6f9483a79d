"""Who: the people treated, those who treat them, those who insure them, and the visits.

Nothing here knows of money; `billing` imports these models, never the other way round.
"""

from __future__ import annotations

import datetime

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models.functions import Lower
from django.urls import reverse

FIRST_CHART_NUMBER = 1001


class PatientQuerySet(models.QuerySet["Patient"]):
    def search(self, typed: str) -> PatientQuerySet:
        """Patients whose name, chart number, phone or date of birth starts as typed.

        A name may come as "Smith", "Smith, J" or "John Smith"; every word has to be found.
        """
        found = self
        typed = without_nul(typed)
        day = _as_date(typed)
        if day:
            return found.filter(birth_date=day)
        for word in typed.replace(",", " ").split():
            found = found.filter(
                models.Q(family_name__istartswith=word)
                | models.Q(given_name__istartswith=word)
                | models.Q(chart_number__istartswith=word)
                | models.Q(phone__contains=word)
            )
        return found

    def by_name(self) -> PatientQuerySet:
        return self.order_by(Lower("family_name"), Lower("given_name"), "id")


class Patient(models.Model):
    """A person treated by the clinic, known at the desk by name and chart number."""

    chart_number = models.CharField(
        max_length=12,
        unique=True,
        blank=True,
        validators=[
            RegexValidator(r"\AP\d{3,10}\Z", "A chart number is P and digits, like P1042.")
        ],
        help_text="Leave empty for the next free number.",
    )
    family_name = models.CharField(max_length=80)
    given_name = models.CharField(max_length=80)
    birth_date = models.DateField("date of birth")
    phone = models.CharField(max_length=30, blank=True)
    email = models.EmailField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PatientQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(Lower("family_name"), Lower("given_name"), name="patient_by_name"),
            models.Index(fields=["birth_date"], name="patient_by_birth_date"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.chart_number})"

    def save(self, *args: object, **kwargs: object) -> None:
        if self.chart_number:
            super().save(*args, **kwargs)  # type: ignore[arg-type]
            return
        with transaction.atomic():
            self.chart_number = next_chart_number()
            super().save(*args, **kwargs)  # type: ignore[arg-type]

    def get_absolute_url(self) -> str:
        return reverse("billing:patient_account", args=[self.chart_number])

    @property
    def name(self) -> str:
        return f"{self.family_name}, {self.given_name}"


def next_chart_number() -> str:
    """The number after the highest one given so far; the unique constraint settles a race."""
    latest = (
        Patient.objects.select_for_update()
        .annotate(length=models.functions.Length("chart_number"))
        .order_by("-length", "-chart_number")
        .values_list("chart_number", flat=True)
        .first()
    )
    return f"P{int(latest[1:]) + 1 if latest else FIRST_CHART_NUMBER}"


class Provider(models.Model):
    """A clinician. Credit belongs to a patient and a provider together."""

    name = models.CharField(max_length=80, unique=True, help_text="As shown at the desk: Dr Lee")
    npi = models.CharField(
        "NPI",
        max_length=10,
        blank=True,
        validators=[RegexValidator(r"\A\d{10}\Z", "An NPI has ten digits.")],
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PayerQuerySet(models.QuerySet["Payer"]):
    def search(self, typed: str) -> PayerQuerySet:
        """Payers whose name has the words typed, or whose payer ID starts so."""
        typed = without_nul(typed)
        return self.filter(
            models.Q(name__icontains=typed) | models.Q(payer_id__istartswith=typed)
        ).order_by("name")

    def named(self, typed: str) -> Payer | None:
        """The one payer meant by a name, an ID, "Name (ID)", or the start of a single name."""
        typed = " ".join(without_nul(typed).split())
        if not typed:
            return None
        name, _, rest = typed.partition(" (")
        exact = self.filter(models.Q(name__iexact=name) | models.Q(payer_id__iexact=typed))
        if rest:
            exact = self.filter(name__iexact=name, payer_id__iexact=rest.rstrip(")"))
        found = list(exact[:2]) or list(self.filter(name__istartswith=typed)[:2])
        return found[0] if len(found) == 1 else None


class Payer(models.Model):
    """An insurer."""

    name = models.CharField(max_length=120, unique=True)
    payer_id = models.CharField(
        "payer ID", max_length=20, blank=True, help_text="The number the insurer is known by."
    )
    phone = models.CharField(max_length=30, blank=True)
    active = models.BooleanField(default=True)

    objects = PayerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.payer_id})" if self.payer_id else self.name


class CoverageQuerySet(models.QuerySet["Coverage"]):
    def on(self, day: datetime.date) -> CoverageQuerySet:
        return self.filter(models.Q(start__isnull=True) | models.Q(start__lte=day)).filter(
            models.Q(end__isnull=True) | models.Q(end__gte=day)
        )


class Coverage(models.Model):
    """A patient's policy with a payer; rank 1 is billed first."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="coverages")
    payer = models.ForeignKey(Payer, models.PROTECT, related_name="coverages")
    member_id = models.CharField("member ID", max_length=40, blank=True)
    rank = models.PositiveSmallIntegerField(default=1, help_text="1 primary, 2 secondary …")
    start = models.DateField("from", null=True, blank=True)
    end = models.DateField("to", null=True, blank=True)

    objects = CoverageQuerySet.as_manager()

    class Meta:
        ordering = ["patient", "rank", "start"]
        constraints = [
            models.CheckConstraint(condition=models.Q(rank__gte=1), name="coverage_rank_from_1"),
            models.CheckConstraint(
                condition=models.Q(start__isnull=True)
                | models.Q(end__isnull=True)
                | models.Q(end__gte=models.F("start")),
                name="coverage_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payer} {self.member_id}".strip()

    def clean(self) -> None:
        if self.start and self.end and self.end < self.start:
            raise ValidationError({"end": "The coverage ends before it begins."})


class Session(models.Model):
    """One visit: a patient, a provider, a date. What was done and its price is billing's."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="sessions")
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="sessions")
    date = models.DateField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-date", "-id"]
        indexes = [models.Index(fields=["patient", "date"], name="session_by_patient")]

    def __str__(self) -> str:
        return f"{self.patient} with {self.provider} on {self.date:%d %b %Y}"


def without_nul(typed: str) -> str:
    """PostgreSQL cannot even be asked for a NUL."""
    return typed.replace("\0", "").strip()


def _as_date(typed: str) -> datetime.date | None:
    for pattern in ("%Y-%m-%d", "%m/%d/%Y", "%d %b %Y"):
        try:
            return datetime.datetime.strptime(typed.strip(), pattern).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None
