"""Patients, who pays for them, and their coverage, from a file."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from billing.imports.columns import (
    CHART_NUMBER,
    DAY,
    Column,
    email,
    free_text,
    name,
    text,
)
from billing.imports.job import Job, Payers, Problem, Row, counted
from patients.models import Coverage, Patient, birth_date_problem, next_chart_number
from patients.search import folded

SELF = "Patients pay for themselves unless somebody else is named: leave this empty."
AT_ONCE = 500
Same = tuple[str, str, datetime.date]


def _longest(model: Any, field: str) -> int:
    return int(model._meta.get_field(field).max_length)


def _coverage_columns(which: str, meant: str, payer: str, member: str) -> list[Column]:
    return [
        Column(f"{which}_payer", text(120), f"{meant}: its name or its payer ID here", payer),
        Column(
            f"{which}_member_id",
            text(_longest(Coverage, "member_id")),
            "the policy's number",
            member,
            of_others=True,
        ),
        Column(
            f"{which}_group",
            text(_longest(Coverage, "group_number")),
            "the group's number",
            of_others=True,
        ),
        Column(f"{which}_from", DAY, "first day it holds; empty: always"),
        Column(f"{which}_to", DAY, "last day it holds; empty: until further notice"),
    ]


class PatientsJob(Job):
    """Who is treated. An import only adds patients; it changes none that is there."""

    slug = "patients"
    title = "Patients"
    about = "Names, dates of birth, addresses, who pays for a family, and insurance."
    columns = (
        Column(
            "chart_number",
            CHART_NUMBER,
            "the patient's number; empty: the next free one",
            "P1042",
        ),
        Column("family_name", name(_longest(Patient, "family_name")), "family name", "Smith", True),
        Column("given_name", name(_longest(Patient, "given_name")), "given name", "John", True),
        Column("birth_date", DAY, "date of birth", "1980-05-17", True),
        Column(
            "phone",
            free_text(_longest(Patient, "phone")),
            "phone",
            "(555) 010-1234",
            of_others=True,
        ),
        Column("email", email(_longest(Patient, "email")), "e-mail", "john@example.com"),
        Column(
            "address_line1", text(_longest(Patient, "address_line1")), "street", "12 Harbour St"
        ),
        Column("address_line2", text(_longest(Patient, "address_line2")), "second line", "Apt 4"),
        Column("city", text(_longest(Patient, "city")), "city", "Portland"),
        Column("state", text(_longest(Patient, "state")), "state", "ME"),
        Column("postal_code", text(_longest(Patient, "postal_code")), "ZIP code", "04101"),
        Column(
            "guarantor_chart_number",
            CHART_NUMBER,
            "who pays, if that is somebody else: a patient of this file or of the clinic",
            "P1001",
        ),
        Column("note", free_text(_longest(Patient, "note")), "a note for the desk"),
        *_coverage_columns("primary", "the insurer billed first", "BlueRiver Health", "BR-4471"),
        *_coverage_columns("secondary", "the insurer billed second", "", ""),
    )

    def __init__(self) -> None:
        self.payers = Payers()
        self.patients = self.coverages = self.twins = 0
        self.lines: dict[str, int] = {}  # chart number → line
        self.same: dict[Same, int] = {}
        self.guarantors: dict[int, tuple[str | None, str]] = {}  # line → own, guarantor's number
        self.highest = 0
        self.next = 0
        self.dependents: list[tuple[int, str]] = []  # id, guarantor's number

    def counts(self) -> list[tuple[str, str]]:
        return [
            ("Patients", f"{self.patients:,}"),
            ("Coverages", f"{self.coverages:,}"),
            ("With a guarantor", f"{len(self.guarantors):,}"),
            ("Perhaps there already", f"{self.twins:,}"),
        ]

    def made(self) -> str:
        return f"{counted(self.patients, 'patient')} and {counted(self.coverages, 'coverage')}"

    # ------------------------------------------------------------------ checking

    def check(self, rows: Sequence[Row]) -> Iterator[Problem]:
        charts = {row["chart_number"] for row in rows if row["chart_number"]}
        taken = {
            patient.chart_number: patient.name
            for patient in Patient.objects.filter(chart_number__in=charts)
        }
        there = self._there(rows)
        for row in rows:
            self.patients += 1
            yield from self._check_number(row, taken)
            if problem := birth_date_problem(row["birth_date"]):
                yield row.problem("birth_date", problem)
            yield from self._check_twins(row, there)
            yield from self._check_coverages(row)
            if row["guarantor_chart_number"]:
                self.guarantors[row.line] = row["chart_number"], row["guarantor_chart_number"]

    def pass_over(self, line: int, read: dict[str, Any]) -> None:
        """Whoever names this patient as guarantor is right to, once the line is mended."""
        if chart := read.get("chart_number"):
            self.lines.setdefault(chart, line)

    def _there(self, rows: Sequence[Row]) -> dict[Same, str]:
        """Patients of the clinic who were born on one of these days."""
        days = {row["birth_date"] for row in rows}
        found = Patient.objects.filter(birth_date__in=days).values_list(
            "family_name", "given_name", "birth_date", "chart_number"
        )
        return {
            (folded(family), folded(given), born): chart for family, given, born, chart in found
        }

    def _check_number(self, row: Row, taken: dict[str, str]) -> Iterator[Problem]:
        chart = row["chart_number"]
        if not chart:
            return
        if chart in self.lines:
            yield row.problem("chart_number", f"{chart} is on line {self.lines[chart]} too.")
        elif chart in taken:
            yield row.problem("chart_number", f"{chart} is taken: it is {taken[chart]}'s.")
        self.lines.setdefault(chart, row.line)
        self.highest = max(self.highest, int(chart[1:]))

    def _check_twins(self, row: Row, there: dict[Same, str]) -> Iterator[Problem]:
        """Two people may share a name and a birthday, so this is only said."""
        same = folded(row["family_name"]), folded(row["given_name"]), row["birth_date"]
        if same in self.same:
            said = f"Line {self.same[same]} has the same name and date of birth."
        elif same in there:
            said = f"{there[same]} in the clinic has the same name and date of birth."
        else:
            self.same[same] = row.line
            return
        self.twins += 1
        yield row.warning("family_name", said)

    def _check_coverages(self, row: Row) -> Iterator[Problem]:
        if row["secondary_payer"] and not row["primary_payer"]:
            yield row.problem("primary_payer", "There is a secondary payer, but no primary one.")
        for which in ("primary", "secondary"):
            payer, start, end = row[f"{which}_payer"], row[f"{which}_from"], row[f"{which}_to"]
            if problem := self.payers.problem(payer):
                yield row.problem(f"{which}_payer", problem)
            if payer:
                self.coverages += 1
            elif start or end or row[f"{which}_member_id"] or row[f"{which}_group"]:
                yield row.problem(f"{which}_payer", f"Name the payer of the {which} coverage.")
            if start and end and end < start:
                yield row.problem(f"{which}_to", "The coverage ends before it begins.")

    def check_end(self) -> Iterator[Problem]:
        """Guarantors may stand anywhere in the file; whoever pays for others pays for themself."""
        paid_for = {own: chart for own, chart in self.guarantors.values() if own}
        wanted = {chart for _own, chart in self.guarantors.values()}
        found = {
            patient.chart_number: patient.guarantor
            for charts in _in_parts(sorted(wanted.difference(self.lines)))
            for patient in Patient.objects.filter(chart_number__in=charts).select_related(
                "guarantor"
            )
        }
        for line, (own, chart) in self.guarantors.items():
            if chart == own:
                said = SELF
            elif chart in paid_for:
                said = f"{chart} does not pay for themself: {paid_for[chart]} does. Name that one."
            elif (pays := found.get(chart)) is not None:
                said = (
                    f"{chart} does not pay for themself: {pays.chart_number} does. Name that one."
                )
            elif chart not in self.lines and chart not in found:
                said = f"There is no patient {chart}, neither in this file nor in the clinic."
            else:
                continue
            yield Problem(line, "guarantor_chart_number", said)

    # ------------------------------------------------------------------ writing

    def write(self, rows: Sequence[Row], by: AbstractBaseUser) -> None:
        made = Patient.objects.bulk_create([self._patient(row) for row in rows])
        Coverage.objects.bulk_create(
            Coverage(
                patient=patient,
                payer=self.payers.get(row[f"{which}_payer"]),
                member_id=row[f"{which}_member_id"] or "",
                group_number=row[f"{which}_group"] or "",
                rank=rank,
                start=row[f"{which}_from"],
                end=row[f"{which}_to"],
            )
            for patient, row in zip(made, rows, strict=True)
            for rank, which in enumerate(("primary", "secondary"), start=1)
            if row[f"{which}_payer"]
        )
        self.dependents += [
            (patient.pk, row["guarantor_chart_number"])
            for patient, row in zip(made, rows, strict=True)
            if row["guarantor_chart_number"]
        ]

    def _patient(self, row: Row) -> Patient:
        fields = (
            "family_name",
            "given_name",
            "birth_date",
            "phone",
            "email",
            "address_line1",
            "address_line2",
            "city",
            "state",
            "postal_code",
            "note",
        )
        return Patient(
            chart_number=row["chart_number"] or self._next_number(),
            **{field: row[field] or "" for field in fields},
        )

    def _next_number(self) -> str:
        """After the highest of the clinic and of the file."""
        if not self.next:
            self.next = max(int(next_chart_number()[1:]), self.highest + 1)
        self.next += 1
        return f"P{self.next - 1}"

    def write_end(self) -> None:
        charts = sorted({chart for _pk, chart in self.dependents})
        ids = {
            chart: pk
            for some in _in_parts(charts)
            for chart, pk in Patient.objects.filter(chart_number__in=some).values_list(
                "chart_number", "pk"
            )
        }
        for some in _in_parts(self.dependents):
            Patient.objects.bulk_update(
                [Patient(pk=pk, guarantor_id=ids[chart]) for pk, chart in some], ["guarantor"]
            )


def _in_parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
