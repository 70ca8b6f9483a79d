"""Patients from a file: what they become, and every sentence about a value that cannot be."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone

from billing.imports.running import NotImported
from patients.models import Coverage, Patient
from tests.factories import PatientFactory, PayerFactory
from tests.imports.files import bring, check, problems, warnings

pytestmark = pytest.mark.django_db

HEAD = "chart_number,family_name,given_name,birth_date"


def row(values: str = "P1042,Smith,John,1980-05-17", **more: str) -> str:
    """A file of one patient, with these columns besides."""
    head = ",".join([HEAD, *more])
    return f"{head}\n" + ",".join([values, *more.values()]) + "\n"


def reason(column: str, **more: str) -> str:
    """What is said about the one value that is wrong."""
    [said] = problems("patients", row(**more))
    assert said.startswith(f"line 2, {column}: ")
    return said.partition(": ")[2]


# --- What it becomes -----------------------------------------------------------------------------


def test_a_patient_with_everything() -> None:
    blue = PayerFactory(name="BlueRiver Health", payer_id="60054")
    cascade = PayerFactory(name="Cascade Supplement", payer_id="60101")
    file = bring(
        "patients",
        row(
            phone="(555) 010-1234",
            email="john@example.com",
            address_line1='"12 Harbour St, rear"',
            address_line2="Apt 4",
            city="Portland",
            state="ME",
            postal_code="04101",
            note="- prefers mornings",
            primary_payer="blueriver health",
            primary_member_id="BR-1",
            primary_group="G7",
            primary_from="01/02/2024",
            primary_to="2030-12-31",
            secondary_payer="60101",
        ),
    )
    john = Patient.objects.get()
    assert (john.chart_number, john.name) == ("P1042", "Smith, John")
    assert john.birth_date == datetime.date(1980, 5, 17)
    assert (john.phone, john.email) == ("(555) 010-1234", "john@example.com")
    assert (john.address_line1, john.address_line2) == ("12 Harbour St, rear", "Apt 4")
    assert (john.city, john.state, john.postal_code) == ("Portland", "ME", "04101")
    assert john.note == "- prefers mornings"
    first, second = Coverage.objects.order_by("rank")
    assert (first.payer, first.member_id, first.group_number) == (blue, "BR-1", "G7")
    assert (first.start, first.end) == (datetime.date(2024, 1, 2), datetime.date(2030, 12, 31))
    assert (second.payer, second.rank, second.start) == (cascade, 2, None)
    assert file.made == "1 patient and 2 coverages"


def test_they_are_found_at_once() -> None:
    bring("patients", row())
    assert Patient.objects.search("smith, j").get().chart_number == "P1042"


def test_numbers_follow_the_highest_of_the_clinic_and_of_the_file() -> None:
    PatientFactory(chart_number="P1500")
    rows = "P2000,Smith,John,1980-05-17\n,Okafor,Maya,1990-01-01\n,Lopez,Ana,1970-01-01\n"
    bring("patients", f"{HEAD}\n{rows}")
    assert list(Patient.objects.order_by("pk").values_list("chart_number", flat=True)) == [
        "P1500",
        "P2000",
        "P2001",
        "P2002",
    ]


@pytest.mark.parametrize(
    ("typed", "kept"), [("p1042", "P1042"), ("1042", "P1042"), ("00042", "P00042")]
)
def test_chart_numbers_of_another_system(typed: str, kept: str) -> None:
    bring("patients", row(f"{typed},Smith,John,1980-05-17"))
    assert Patient.objects.get().chart_number == kept


def test_a_guarantor_may_come_later_in_the_file_or_from_the_clinic() -> None:
    anna = PatientFactory(chart_number="P1001")
    rows = (
        "P2000,Smith,Tim,2015-05-17,P2001\n"
        "P2001,Smith,John,1980-05-17,\n"
        ",Okafor,Leo,2016-01-01,1001\n"
    )
    bring("patients", f"{HEAD},guarantor_chart_number\n{rows}")
    tim, leo = (Patient.objects.get(given_name=name) for name in ("Tim", "Leo"))
    assert tim.guarantor == Patient.objects.get(chart_number="P2001")
    assert leo.guarantor == anna


# --- Sentences -----------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["=HYPERLINK(1)", "+cmd", "-Smith", "@x"])
@pytest.mark.parametrize("column", ["family_name", "given_name"])
def test_a_formula_is_no_name(start: str, column: str) -> None:
    names = f"{start},John" if column == "family_name" else f"Smith,{start}"
    assert problems("patients", row(f"P1042,{names},1980-05-17")) == [
        f"line 2, {column}: This begins with {start[0]}, as a spreadsheet's formula does. Take the"
        " sign away."
    ]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "This must not be empty."),
        ("   ", "This must not be empty."),
        ("12", "There is no letter in this name."),
        ("Sm\0ith", "There is a NUL character in it. Take it out."),
        ("Sm\x07ith", "There is a character in it that cannot be seen. Type it anew."),
        ("Sm\u202eith", "There is a character in it that cannot be seen. Type it anew."),
        (
            "M\ufffdller",
            "There is a \ufffd in it: a letter was lost when this file was saved. Export it anew.",
        ),
        ('"Smith\nJones"', "There is a line break in this name."),
        ("x" * 81, "This is longer than 80 characters."),
        ("x" * 5_000, "This is longer than 80 characters."),
    ],
)
def test_names(name: str, sentence: str) -> None:
    # Far into the file, where nobody would take it for a picture.
    padding = "\n" * 5_000 if "\0" in name else ""
    head, _, rest = row(f"P1042,{name},John,1980-05-17").partition("\n")
    [said] = problems("patients", f"{head}\n{padding}{rest}")
    assert said.endswith(f", family_name: {sentence}")


@pytest.mark.parametrize("name", ["O'Brien", "de la Cruz", "李", "Müller-Lüdenscheidt", "X Æ 12"])
def test_names_that_are_names(name: str) -> None:
    bring("patients", row(f"P1042,{name},John,1980-05-17"))
    assert Patient.objects.get().family_name == name


WRITE = "Write the date like 2025-11-18 or, month first, 11/18/2025."
DAY_FIRST = (
    "The day seems to come first here. Then every date of this file may be wrong: write dates like"
    " 2025-11-18."
)


@pytest.mark.parametrize(
    ("date", "sentence"),
    [
        ("31/12/1990", DAY_FIRST),
        ("03.04.1990", WRITE),
        ("03-04-1990", WRITE),
        ("5/17/80", WRITE),
        ("1990-2-3", WRITE),
        ("１９９０-01-01", WRITE),
        ("yesterday", WRITE),
        ("1990-02-30", "There is no such day."),
        ("0000-01-01", "There is no such day."),
        ("02/29/2023", "There is no such day."),
        ("0001-01-01", "The year has to be between 1900 and 2099."),
        ("9999-12-31", "The year has to be between 1900 and 2099."),
        ("2098-12-31", "The date of birth is in the future."),
    ],
)
def test_dates_of_birth(date: str, sentence: str) -> None:
    assert problems("patients", row(f"P1042,Smith,John,{date}")) == [
        f"line 2, birth_date: {sentence}"
    ]


@pytest.mark.parametrize("number", ["SMI001", "P12", "P12345678901", "P10-42", "１０４２"])
def test_chart_numbers(number: str) -> None:
    assert problems("patients", row(f"{number},Smith,John,1980-05-17")) == [
        "line 2, chart_number: A chart number is P and three to ten digits, like P1042; the P may"
        " be left out."
    ]


def test_other_values() -> None:
    assert reason("email", email="john@") == "This is not an e-mail address."
    assert reason("phone", phone="5" * 31) == "This is longer than 30 characters."
    assert reason("city", city="=1+1").startswith("This begins with =")
    assert reason("primary_payer", primary_payer="Blue Sky") == (
        "There is no payer “Blue Sky”. Add it first (Admin, Payers), or mend the name."
    )
    PayerFactory(name="A", payer_id="7")
    PayerFactory(name="B", payer_id="7")
    assert reason("primary_payer", primary_payer="7") == (
        "“7” means more than one payer. Write the payer's name."
    )
    assert reason("primary_payer", primary_member_id="M1") == (
        "Name the payer of the primary coverage."
    )
    assert reason("primary_payer", secondary_payer="A") == (
        "There is a secondary payer, but no primary one."
    )
    assert reason(
        "primary_to", primary_payer="A", primary_from="2025-02-01", primary_to="2025-01-31"
    ) == ("The coverage ends before it begins.")


def test_every_value_of_a_line_is_named_at_once() -> None:
    said = problems("patients", row("X,=a,,1990-02-30", email="@"))
    assert [each.partition(":")[0] for each in said] == [
        f"line 2, {column}"
        for column in ("chart_number", "family_name", "given_name", "birth_date", "email")
    ]


def test_chart_numbers_stand_once() -> None:
    PatientFactory(chart_number="P7000", family_name="Diaz", given_name="Eva")
    rows = "P1042,A,A,1980-05-17\n1042,B,B,1980-05-17\nP7000,C,C,1980-05-17\n"
    assert problems("patients", f"{HEAD}\n{rows}") == [
        "line 3, chart_number: P1042 is on line 2 too.",
        "line 4, chart_number: P7000 is taken: it is Diaz, Eva's.",
    ]


def test_guarantors() -> None:
    head = PatientFactory(chart_number="P7000")
    PatientFactory(chart_number="P7001", guarantor=head)
    rows = (
        "P1,Smith,Tim,2015-05-17,P9999\n"
        "P2000,Smith,John,1980-05-17,P2000\n"
        "P2001,Smith,Leo,2015-05-17,P2002\n"
        "P2002,Smith,Ann,1981-05-17,P2003\n"
        "P2003,Smith,Eve,1951-05-17,\n"
        "P2004,Smith,Bob,2012-05-17,P7001\n"
    )
    text = f"{HEAD},guarantor_chart_number\n{rows}".replace("P1,", ",")
    assert problems("patients", text) == [
        "line 2, guarantor_chart_number: There is no patient P9999, neither in this file nor in the"
        " clinic.",
        "line 3, guarantor_chart_number: Patients pay for themselves unless somebody else is named:"
        " leave this empty.",
        "line 4, guarantor_chart_number: P2002 does not pay for themself: P2003 does. Name that"
        " one.",
        "line 7, guarantor_chart_number: P7001 does not pay for themself: P7000 does. Name that"
        " one.",
    ]


def test_a_guarantor_whose_own_line_is_wrong_is_not_wrong_twice() -> None:
    rows = "P2000,Smith,John,1980-02-30,\nP2001,Smith,Tim,2015-05-17,P2000\n"
    assert problems("patients", f"{HEAD},guarantor_chart_number\n{rows}") == [
        "line 2, birth_date: There is no such day."
    ]


def test_perhaps_the_same_person() -> None:
    """Two people may share a name and a birthday: it is said and counted, and stops nothing."""
    PatientFactory(
        chart_number="P7000",
        family_name="Müller",
        given_name="Eva",
        birth_date=datetime.date(1990, 1, 1),
    )
    rows = ",Muller,EVA,1990-01-01\n,Smith,John,1980-05-17\n,SMITH,John,1980-05-17\n"
    text = f"{HEAD}\n{rows}"
    assert warnings("patients", text) == [
        "line 2, family_name: P7000 in the clinic has the same name and date of birth.",
        "line 4, family_name: Line 3 has the same name and date of birth.",
    ]
    assert ("Perhaps there already", "2") in check("patients", text).report.counts
    bring("patients", text)
    assert Patient.objects.count() == 4


# --- All or nothing ------------------------------------------------------------------------------


def test_checking_writes_nothing_and_one_bad_line_keeps_all_out() -> None:
    good = f"{HEAD}\n" + "".join(f",Smith{n},John,1980-05-17\n" for n in range(1_200))
    check("patients", good)
    assert Patient.objects.count() == 0
    with pytest.raises(NotImported, match="there are lines to mend first"):
        bring("patients", f"{good},=x,John,1980-05-17\n")
    assert Patient.objects.count() == 0


def test_thousands_of_them() -> None:
    today = timezone.localdate()
    rows = "".join(
        f"P{20_000 + n},Smith{n},John,{today:%Y-%m-%d},{f'P{20_000 + n - 1}' if n % 2 else ''}\n"
        for n in range(5_000)
    )
    file = bring("patients", f"{HEAD},guarantor_chart_number\n{rows}")
    assert file.made == "5,000 patients and 0 coverages"
    assert Patient.objects.filter(guarantor__isnull=False).count() == 2_500
    assert Patient.objects.search("smith4999").get().guarantor.chart_number == "P24998"
