"""The bytes people upload: encodings, separators, what is no table at all, and how lines count."""

from __future__ import annotations

import codecs

import pytest

from billing.imports import source
from billing.imports.source import (
    UTF8,
    UTF16,
    WINDOWS,
    AskEncoding,
    UnreadableError,
    encoding_of,
    names_in_doubt,
)
from patients.models import Patient
from tests.imports.files import bring, check, problems

pytestmark = pytest.mark.django_db

ROWS = "family_name,given_name,birth_date\nMüller,Jörg,1980-05-17\n"


def imported() -> list[tuple[str, str]]:
    return list(Patient.objects.order_by("pk").values_list("family_name", "given_name"))


# --- Encodings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (ROWS.encode(), UTF8),
        (codecs.BOM_UTF8 + ROWS.encode(), UTF8),
        (ROWS.encode("utf-16"), UTF16),
        (codecs.BOM_UTF16_LE + ROWS.encode("utf-16-le"), UTF16),
        (codecs.BOM_UTF16_BE + ROWS.encode("utf-16-be"), UTF16),
        (ROWS.encode("windows-1252"), WINDOWS),
    ],
)
def test_how_the_letters_are_written_is_found_out(data: bytes, encoding: str) -> None:
    assert encoding_of(data) == encoding


@pytest.mark.parametrize(
    "data", [ROWS.encode(), codecs.BOM_UTF8 + ROWS.encode(), ROWS.encode("utf-16")]
)
def test_unicode_arrives_as_it_is(data: bytes) -> None:
    bring("patients", data)
    assert imported() == [("Müller", "Jörg")]


def test_a_name_is_never_guessed() -> None:
    data = ROWS.encode("windows-1252")
    with pytest.raises(AskEncoding):
        check("patients", data)
    assert names_in_doubt(data) == ["Müller,Jörg,1980-05-17"]
    assert check("patients", data, confirmed=WINDOWS).report.problems == 0


def test_letters_in_two_parts_become_one() -> None:
    """So that a search for Müller finds both ways of writing it."""
    bring("patients", ROWS.replace("ü", "u\u0308"))
    assert imported() == [("Müller", "Jörg")]


# --- What is no table ----------------------------------------------------------------------------

SAVE = "Open it in the spreadsheet and save it as “CSV UTF-8”."


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "This file is empty."),
        (b"\xef\xbb\xbf\r\n\r\n", "This file is empty."),
        (b"\0\0\0", "This file is empty."),
        (
            b"PK\x03\x04\x14\0",
            f"This is an Excel file (or a ZIP archive), whatever its name says. {SAVE}",
        ),
        (b"\xd0\xcf\x11\xe0", f"This is an old Excel file, whatever its name says. {SAVE}"),
        (b"%PDF-1.7", f"This is a PDF, whatever its name says. {SAVE}"),
        (b"\x1f\x8b\x08", f"This is a compressed file. Unpack it first. {SAVE}"),
        (b"\n <!DOCTYPE html><p>", f"This is a web page, not a table. {SAVE}"),
        (b"a\0b\0", f"This is not a text file: it holds NUL characters. {SAVE}"),
        (b"\xff\xfea", f"This file is damaged: it is not whole UTF-16. {SAVE}"),
        (b"name\n\x81\x8d", f"This file is neither UTF-8 nor Windows-1252. {SAVE}"),
    ],
)
def test_what_is_no_table_is_told_so(data: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        encoding_of(data)
    assert str(refused.value) == sentence


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LARGEST", source.MEGABYTE)
    with pytest.raises(UnreadableError, match="larger than 1 MB"):
        encoding_of(b"a" * (source.MEGABYTE + 1))


def test_too_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MOST_ROWS", 1)
    assert problems("patients", ROWS + "Smith,John,1980-05-17\n") == [
        "line 3: This file has more than 1 lines. Split it and import the parts."
    ]


@pytest.mark.parametrize("end", ["", "\n", "\r\n\r\n", "\n,,\n"])
def test_only_a_header(end: str) -> None:
    assert problems("patients", ROWS.partition("\n")[0] + end) == [
        "line 1: There are only column names in this file, and no line below."
    ]


# --- Separators, headings ------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(separator: str, end: str) -> None:
    text = ROWS.replace(",", separator).replace("\n", end)
    bring("patients", text.replace("Jörg", '"Jörg, der ""Ältere"""'))
    assert imported() == [("Müller", 'Jörg, der "Ältere"')]


def test_headings_as_people_write_them() -> None:
    bring("patients", "Birth Date, FAMILY-NAME ,given name\n1980-05-17,Smith,John\n")
    assert imported() == [("Smith", "John")]


def test_columns_that_are_missing_twice_or_unknown() -> None:
    assert problems("patients", "family_name,Fax\nSmith,1\n") == [
        "line 1: The first line has no column given_name, birth_date. It has to hold the names of"
        " the columns, as the template does."
    ]
    assert problems("patients", "family_name,Family name,given_name,birth_date\na,b,c,d\n") == [
        "line 1, family_name: There are two columns of this name. Take one away."
    ]
    run = check("patients", "Fax,,family_name,given_name,birth_date\n1,,Smith,John,1980-05-17\n")
    assert run.report.unread == ["Fax", "(no name)"]
    assert run.report.problems == 0


# --- Lines ---------------------------------------------------------------------------------------

HEAD = "family_name,given_name,birth_date,note\n"


def test_lines_count_as_a_spreadsheet_numbers_rows() -> None:
    text = (
        HEAD
        + 'Smith,John,1980-05-17,"first\nsecond\r\nthird"\n'
        + "\n"
        + ",,,\n"
        + "Okafor,Maya,tomorrow,\n"
    )
    assert problems("patients", text) == [
        "line 5, birth_date: Write the date like 2025-11-18 or, month first, 11/18/2025."
    ]


def test_a_line_break_in_a_note_becomes_a_blank() -> None:
    bring("patients", HEAD + 'Smith,John,1980-05-17,"first\r\n second"\n')
    assert Patient.objects.get().note == "first second"


def test_too_few_and_too_many_values() -> None:
    assert problems("patients", HEAD + "Smith\nSmith,John,1980-05-17,a,b\n") == [
        "line 2: This line has 1 value, the first line 4. A value with a separator in it needs"
        " quotation marks around it.",
        "line 3: This line has 5 values, the first line 4. A value with a separator in it needs"
        " quotation marks around it.",
    ]


def test_quotation_marks_in_the_wrong_place() -> None:
    assert problems("patients", HEAD + 'Smith,"John" A.,1980-05-17,\n') == [
        "line 2: A quotation mark stands in the wrong place here: inside a quoted value it is"
        " written twice. Nothing after it could be read."
    ]
    never = "A quotation mark is opened here and never closed. Nothing after it could be read."
    assert problems("patients", HEAD + 'Smith,"John,1980-05-17,\nOkafor,Maya,1990-01-01,\n') == [
        f"line 2: {never}"
    ]
    assert problems("patients", HEAD + 'Smith,"' + "x" * 200_000) == [f"line 2: {never}"]
