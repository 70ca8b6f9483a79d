"""From texts to PDF: nothing a patient is called is markup, and the same texts are the same bytes."""

from __future__ import annotations

import pytest

from billing import documents
from billing.documents.render import LAYOUT, SHEAF, TEMPLATES, render, render_with_warnings
from billing.documents.texts import NARROW, plain
from billing.models import DocumentKind
from patients.models import Patient
from tests.documents.reading import draft_of, pages, printed, words
from tests.factories import LineFactory, PatientFactory, PayerFactory, ProviderFactory

pytestmark = pytest.mark.django_db

STAMP = {"number": "DOC-0001", "issued_on": "27 Nov 2025", "due_on": ""}

HOSTILE = [
    '#import "x"',
    "#sys.inputs",
    "$x$",
    "*b*",
    "_i_",
    "= Heading",
    "<script>alert(1)</script>",
    "<end-0>",
    "@end-0",
    "`code`",
    "// comment",
    "/* comment",
    "] [",
    "\\u{202e}",
    '"; panic()',
    "https://example.com",
    "-- ...",
]


def of(name: str) -> documents.Draft:
    patient = PatientFactory(family_name=name, given_name="Ann", address_line1=name)
    LineFactory(patient=patient, provider=ProviderFactory(name=f"{name[:60]}1"))
    return draft_of(patient)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_looks_like_markup_is_printed_as_it_is(name: str) -> None:
    assert f"Ann {name}" in printed(of(name))


def test_what_turns_or_hides_text_is_left_out() -> None:
    text = printed(of("a\u202eb\u200fc\u0007d\u2028e"))
    assert "Ann abcd e" in text


def test_a_word_of_any_length_can_be_broken_and_an_ordinary_one_is_not() -> None:
    text = printed(of("W" * 80))
    assert text.replace(" ", "").replace("\u200b", "").count("W" * 60) == 3
    assert plain("Featherstonehau", NARROW) == "Featherstonehau"
    assert plain("W" * 17, NARROW).split("\u200b") == ["W" * 8, "W" * 8, "W"]
    assert plain("W" * 48) == "W" * 48


@pytest.mark.parametrize("name", ["李小龙", "אברהם", "Ann 🙂"])
def test_a_script_the_typeface_has_not_is_no_obstacle(name: str) -> None:
    """Printed with what the machine has; never an error."""
    assert render(DocumentKind.STATEMENT, [{**of(name).data, **STAMP}]).startswith(b"%PDF")


@pytest.mark.parametrize("name", ["Müller", "Ďurčo", "Ελένη", "Жанна", "Nguyễn", "O’Neil–Ó"])
def test_the_typeface_has_these(name: str) -> None:
    assert name in printed(of(name))


def test_the_same_texts_are_the_same_bytes_and_are_tagged() -> None:
    data = [{**of("Smith").data, **STAMP}]
    first = render(DocumentKind.STATEMENT, data)
    assert render(DocumentKind.STATEMENT, data) == first
    assert b"/StructTreeRoot" in first
    assert b"CreationDate" not in first


def test_a_broken_template_is_an_error_and_not_a_page_in_another_font() -> None:
    with pytest.raises(Exception, match="clinic"):
        render_with_warnings(DocumentKind.STATEMENT, [STAMP])


def test_every_kind_has_its_template() -> None:
    """And a deposit slip and a report, which are printed from their rows and not issued."""
    assert {path.stem for path in (TEMPLATES / str(LAYOUT)).glob("*.typ")} == {
        "layout",
        "deposit_slip",
        "report",
        *DocumentKind.values,
    }


def test_a_bundle_is_one_pdf_in_which_each_counts_its_own_pages() -> None:
    patient: Patient = PatientFactory()
    LineFactory(patient=patient, owed_by=PayerFactory())
    data = draft_of(patient).data
    many = [(LAYOUT, {**data, **STAMP, "number": f"DOC-{n:04d}"}) for n in range(SHEAF + 3)]
    bundle = documents.Bundle()
    assert list(bundle.add(DocumentKind.STATEMENT, many)) == [SHEAF, 3]
    found = pages(bundle.pdf())
    assert len(found) == len(many)
    for number, page in enumerate(found):
        assert f"DOC-{number:04d} Page 1 of 1" in page
    assert words(bundle.pdf()).count("Statement") >= len(many)
