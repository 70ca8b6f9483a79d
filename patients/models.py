"""Who: the people treated, those who treat them, those who insure them, and the visits.

Nothing here knows of money; `billing` imports these models, never the other way round.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import IntegrityError, models, transaction
from django.db.models.functions import Length, Lower
from django.urls import reverse
from django.utils import timezone

from patients.diagnoses import read_diagnoses
from patients.search import (
    LONGEST_WORD,
    SHORTEST_PHONE,
    folded,
    names_of,
    phone_digits,
    read_search,
    words_of,
)

FIRST_CHART_NUMBER = 1001
EARLIEST_BIRTH = datetime.date(1900, 1, 1)
CHART_NUMBER = re.compile(r"\bP\d{3,10}\b", re.IGNORECASE | re.ASCII)
MOST_ALIKE = 6  # so many patients who may be the same person are shown
ATTEMPTS = 5  # for a chart number that other desks may take at the same moment
SEARCHED = {"family_name", "given_name", "chart_number", "phone"}


class PatientQuerySet(models.QuerySet["Patient"]):
    def search(self, typed: str) -> PatientQuerySet:
        """Patients found by what is typed: name, chart number, phone, date of birth.

        A name may come as "Smith", "Smith, J" or "john smith", a phone number with or without
        separators, a date as 1980-05-17, 05/17/1980 or 17 May 1980. Every word has to be found;
        the start of it is enough. Nothing typed leaves everybody, nothing but signs finds nobody.
        """
        wanted = read_search(typed)
        if typed.strip() and not wanted.words and not wanted.dates:
            return self.none()
        found = self
        for day in wanted.dates:
            found = found.filter(birth_date=day)
        for word in wanted.words:
            found = found.filter(
                pk__in=PatientWord.objects.filter(word__begins=word).values("patient")
            )
        return found

    def meant(self, typed: str, *, most: int) -> list[Patient]:
        """Who is meant, by a chart number as in "Smith, John (P1042)", otherwise by a search.

        Several where that is not clear, by name and `most` at most; nobody where nothing is typed.
        """
        chart = CHART_NUMBER.search(typed)
        exact: list[Patient] = []
        if chart:
            exact = list(self.filter(chart_number=chart.group().upper()))
        if exact or not typed.strip():
            return exact
        return list(self.search(typed).by_name()[:most])

    def lookalikes(self, patient: Patient) -> list[Patient]:
        """Patients who may be the same person: a handful, the newest of them, by name.

        The same birth date and a name in common, the same full name (also the wrong way round),
        or the same phone and given name.
        """
        family, given = folded(patient.family_name), folded(patient.given_name)
        others = self.exclude(pk=patient.pk).order_by("-pk")
        found = list(
            others.filter(birth_date=patient.birth_date).with_word(*names_of(patient))[:MOST_ALIKE]
        )
        found += [
            other
            for other in others.with_word(family).with_word(given)[: 10 * MOST_ALIKE]
            if {folded(other.family_name), folded(other.given_name)} == {family, given}
        ]
        phone = phone_digits(patient.phone)[-10:]
        if len(phone) >= SHORTEST_PHONE:
            found += list(others.with_word(phone).with_word(given)[:MOST_ALIKE])
        newest = sorted(set(found), key=lambda other: -other.pk)[:MOST_ALIKE]
        return sorted(newest, key=lambda other: (other.name.casefold(), other.pk))

    def with_word(self, *words: str) -> PatientQuerySet:
        """Patients who are found by one of these whole words."""
        return self.filter(pk__in=PatientWord.objects.filter(word__in=words).values("patient"))

    def by_name(self) -> PatientQuerySet:
        return self.order_by(Lower("family_name"), Lower("given_name"), "id")

    def highest_number_first(self) -> PatientQuerySet:
        """By chart number, read from its index."""
        return self.annotate(length=Length("chart_number")).order_by("-length", "-chart_number")

    def reindex(self) -> None:
        """Write the words of these patients anew; other ways of saving do it by themselves."""
        with transaction.atomic():
            PatientWord.objects.filter(patient__in=self.order_by().values("pk")).delete()
            PatientWord.objects.add(self.order_by().iterator(2000))

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """As everywhere in Django; the new patients are found at once."""
        with transaction.atomic():
            created = super().bulk_create(objs, *args, **kwargs)
            PatientWord.objects.add(created)
        return created

    def update(self, **values: Any) -> int:
        """As everywhere in Django; whoever gets another name is found by it."""
        if SEARCHED.isdisjoint(values):
            return super().update(**values)
        with transaction.atomic():
            changed = list(self.values_list("pk", flat=True))
            rows = super().update(**values)
            self.model.objects.filter(pk__in=changed).reindex()
        return rows


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
    address_line1 = models.CharField("address", max_length=80, blank=True)
    address_line2 = models.CharField("address, second line", max_length=80, blank=True)
    city = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=30, blank=True)
    postal_code = models.CharField("ZIP code", max_length=12, blank=True)
    note = models.CharField(
        max_length=200, blank=True, help_text="For the desk. It is printed nowhere."
    )
    guarantor = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="dependents",
        help_text="Who pays, where that is somebody else: a parent, a spouse.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PatientQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(Lower("family_name"), Lower("given_name"), "id", name="patient_by_name"),
            models.Index(fields=["birth_date"], name="patient_by_birth_date"),
            models.Index(Length("chart_number"), "chart_number", name="patient_by_chart"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(guarantor=models.F("id")), name="patient_pays_not_via_self"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.chart_number})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, with the next chart number where there is none yet, and the words of the search.

        Two desks may register somebody at the same moment: whoever comes second tries the next.
        """
        numbered = bool(self.chart_number)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with transaction.atomic():
                    if not numbered:
                        self.chart_number = next_chart_number()
                    super().save(*args, **kwargs)
                    PatientWord.objects.renew(self)
                return
            except IntegrityError:
                taken = Patient.objects.filter(chart_number=self.chart_number).exists()
                if numbered or not taken or attempt == ATTEMPTS:
                    raise

    def get_absolute_url(self) -> str:
        return reverse("billing:patient_account", args=[self.chart_number])

    def clean(self) -> None:
        """What no desk means: a birth ahead or long ago, and guarantors in a chain."""
        problems = {}
        if self.birth_date and (problem := birth_date_problem(self.birth_date)):
            problems["birth_date"] = problem
        if self.guarantor and (problem := self._guarantor_problem(self.guarantor)):
            problems["guarantor"] = problem
        if problems:
            raise ValidationError(problems)

    def _guarantor_problem(self, guarantor: Patient) -> str:
        """One level only: whoever pays for others pays for themself."""
        if self.pk and guarantor.pk == self.pk:
            return "Patients pay for themselves unless somebody else is named: leave this empty."
        if guarantor.guarantor:
            return (
                f"{guarantor} does not pay for themself: {guarantor.guarantor} does."
                f" Name {guarantor.guarantor.name} here."
            )
        dependent = self.dependents.by_name().first() if self.pk else None
        if dependent:
            return f"{self} pays for {dependent}, so nobody else can pay for {self.name}."
        return ""

    @property
    def name(self) -> str:
        return f"{self.family_name}, {self.given_name}"

    @property
    def address_lines(self) -> list[str]:
        """The address as it stands on an envelope, without the name; empty lines left out."""
        region = f"{self.state} {self.postal_code}".strip()
        town = ", ".join(part for part in (self.city, region) if part)
        return [line for line in (self.address_line1, self.address_line2, town) if line]

    def family(self) -> PatientQuerySet:
        """Whoever pays, first, and everybody they pay for; a patient without either, alone."""
        head = self.guarantor_id or self.pk
        return Patient.objects.filter(models.Q(pk=head) | models.Q(guarantor=head)).order_by(
            models.F("guarantor").asc(nulls_first=True), "birth_date", "id"
        )


def birth_date_problem(day: datetime.date) -> str:
    """Why nobody treated here was born on that day, or nothing."""
    if day > timezone.localdate():
        return "The date of birth is in the future."
    if day < EARLIEST_BIRTH:
        return f"The date of birth is before {EARLIEST_BIRTH.year}. Check the year."
    return ""


@models.CharField.register_lookup
class Begins(models.Lookup):
    """Words that begin so, read from the index on both databases.

    SQLite compares text byte by byte, so the words that begin so lie between two of them, and no
    word holds the very last character of Unicode. PostgreSQL orders by language; there the index
    is one for LIKE (varchar_pattern_ops).
    """

    lookup_name = "begins"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        after = f"{self.rhs}\U0010ffff"
        return f"({column} >= %s AND {column} < %s)", (*params, self.rhs, *params, after)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        return f"{column} LIKE %s", (*params, f"{connection.ops.prep_for_like_query(self.rhs)}%")


class PatientWords(models.Manager["PatientWord"]):
    def add(self, patients: Iterable[Patient]) -> None:
        """Write the words of patients that have none yet, some at a time."""
        rows = (
            PatientWord(patient_id=patient.pk, word=word)
            for patient in patients
            for word in sorted(words_of(patient))
        )
        while some := list(islice(rows, 5000)):
            self.bulk_create(some)

    def renew(self, patient: Patient) -> None:
        """Write what changed of a patient's words; mostly nothing did."""
        words = words_of(patient)
        kept = dict(self.filter(patient=patient).values_list("word", "pk"))
        gone = [pk for word, pk in kept.items() if word not in words]
        if gone:
            self.filter(pk__in=gone).delete()
        new = sorted(words.difference(kept))
        if new:
            self.bulk_create(PatientWord(patient=patient, word=word) for word in new)


class PatientWord(models.Model):
    """One word a patient is found by (patients/search.py says which)."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="words")
    word = models.CharField(max_length=LONGEST_WORD)

    objects = PatientWords()

    class Meta:
        constraints = [
            # The index of the search, too: the word first, and LIKE may use it (see Begins).
            models.UniqueConstraint(
                fields=["word", "patient"],
                opclasses=["varchar_pattern_ops", "int8_ops"],
                name="patient_word_once",
            ),
        ]

    def __str__(self) -> str:
        return self.word


def next_chart_number() -> str:
    """The number after the highest one given so far; the unique constraint settles a race."""
    latest = (
        Patient.objects.select_for_update(no_key=True)
        .highest_number_first()
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


RANKS = {1: "Primary", 2: "Secondary", 3: "Third"}


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
    group_number = models.CharField(max_length=40, blank=True)
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

    @property
    def rank_name(self) -> str:
        """What a rank is called at the desk."""
        return RANKS.get(self.rank, f"Rank {self.rank}")

    @property
    def state(self) -> str:
        """Whether it holds today: Current, Ended or Not yet."""
        today = timezone.localdate()
        if self.end and self.end < today:
            return "Ended"
        return "Not yet" if self.start and self.start > today else "Current"

    def overlapping(self) -> CoverageQuerySet:
        """The patient's other coverages of this rank that hold on one of its days."""
        others = Coverage.objects.filter(patient=self.patient, rank=self.rank).exclude(pk=self.pk)
        if self.end:
            others = others.filter(models.Q(start__isnull=True) | models.Q(start__lte=self.end))
        if self.start:
            others = others.filter(models.Q(end__isnull=True) | models.Q(end__gte=self.start))
        return others.select_related("payer").order_by("start", "id")

    def clean(self) -> None:
        if self.start and self.end and self.end < self.start:
            raise ValidationError({"end": "The coverage ends before it begins."})


class PlaceOfService(models.TextChoices):
    """Where a session took place, by the codes of CMS that a clinic like ours meets."""

    OFFICE = "11", "11 Office"
    TELEHEALTH_HOME = "10", "10 Telehealth, patient at home"
    TELEHEALTH = "02", "02 Telehealth, patient elsewhere"
    HOME = "12", "12 Home"
    SCHOOL = "03", "03 School"
    ASSISTED_LIVING = "13", "13 Assisted living"
    OFF_CAMPUS = "19", "19 Outpatient hospital, off campus"
    URGENT_CARE = "20", "20 Urgent care"
    INPATIENT = "21", "21 Inpatient hospital"
    OUTPATIENT = "22", "22 Outpatient hospital, on campus"
    EMERGENCY = "23", "23 Emergency room"
    SKILLED_NURSING = "31", "31 Skilled nursing facility"
    NURSING = "32", "32 Nursing facility"
    INDEPENDENT_CLINIC = "49", "49 Independent clinic"
    MENTAL_HEALTH = "53", "53 Community mental health center"
    OTHER = "99", "99 Other place"


class Session(models.Model):
    """One visit: a patient, a provider, a date. What was done and its price is billing's."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="sessions")
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="sessions")
    date = models.DateField()
    diagnoses = models.CharField(
        max_length=120,
        blank=True,
        help_text="ICD-10 codes with commas between them, the main one first: F41.1, M54.50",
    )
    place_of_service = models.CharField(
        max_length=2, choices=PlaceOfService.choices, default=PlaceOfService.OFFICE
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-date", "-id"]
        indexes = [
            models.Index(fields=["patient", "date"], name="session_by_patient"),
            models.Index(fields=["date", "id"], name="session_by_date"),
        ]

    def __str__(self) -> str:
        return f"{self.patient} with {self.provider} on {self.date:%d %b %Y}"

    def clean(self) -> None:
        """Codes are kept in capitals, with their point, each once."""
        try:
            self.diagnoses = read_diagnoses(self.diagnoses)
        except ValidationError as error:
            raise ValidationError({"diagnoses": error}) from error

    @property
    def diagnosis_codes(self) -> list[str]:
        """The codes one by one, the main one first."""
        return self.diagnoses.split(", ") if self.diagnoses else []


def without_nul(typed: str) -> str:
    """PostgreSQL cannot even be asked for a NUL."""
    return typed.replace("\0", "").strip()
