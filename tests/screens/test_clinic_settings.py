"""The clinic's settings: its logo, its currency, its numbers; and what follows them."""

from __future__ import annotations

import io
import re
import struct
import zlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pypdf import PdfReader

from billing import documents, money, pictures
from billing.journal.chart import Chart
from billing.journal.formats import as_beancount, as_hledger
from billing.models import Clinic, EraFile, Logo, shown
from billing.models.append_only import AppendOnlyError
from billing.remittances.uploading import upload
from patients.models import Provider
from patients.npi import check_digit
from tests.era.files import constructed
from tests.factories import InvoiceFactory, PaymentFactory, ProviderFactory, UserFactory
from tests.screens.lists import look
from tests.support.caches import forget_everything
from tests.support.pictures import chunk, jpeg, png

pytestmark = pytest.mark.django_db

PAGE = "/admin/billing/clinic/1/change/"


@pytest.fixture
def clinic() -> Clinic:
    return Clinic.objects.create(name="Pine Clinic")


@pytest.fixture
def admin(admin_user: Any) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def typed(**more: Any) -> dict[str, Any]:
    usual = {
        "name": "Pine Clinic",
        "payment_terms": "30",
        "fiscal_year_month": "1",
        "currency": "USD",
        "reversal_default": "unpay",
    }
    return {**usual, **more}


def file(data: bytes, name: str = "logo.png", kind: str = "image/png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, kind)


def upload_logo(admin: Client, data: bytes, **more: Any) -> Any:
    return admin.post(PAGE, typed(logo_file=file(data, **more)))


# --- The logo ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (png(), "image/png"),
        (png(2000, 400), "image/png"),
        (jpeg(), "image/jpeg"),
        (jpeg(colours=3), "image/jpeg"),
    ],
)
def test_a_logo_is_taken_for_what_it_is(
    admin: Client, clinic: Clinic, data: bytes, kind: str
) -> None:
    """Its name and the type the browser says it has are not believed."""
    assert upload_logo(admin, data, name="x.exe", kind="text/html").status_code == 302
    logo = Logo.objects.get()
    assert logo.content_type == kind
    answer = admin.get(f"/clinic/logo/{logo.digest}/")
    assert answer["Content-Type"] == kind
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer.content == bytes(logo.content)
    assert f'src="/clinic/logo/{logo.digest}/"' in look(admin, "/patients/").html


def bomb() -> bytes:
    """Points for a thousand pictures of this size."""
    return png(rows=b"\0" * 80 * 40 * 3 * 1000)


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'
HUGE = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
BAD = {
    "svg": (SVG, "SVG files can carry programs"),
    "svg without a head": (b"  <svg onload=alert(1)>", "SVG files can carry programs"),
    "html": (b"<html><script>alert(1)</script>", "neither a PNG nor a JPEG"),
    "gif": (b"GIF89a" + b"\0" * 50, "neither a PNG nor a JPEG"),
    "webp": (b"RIFF\x24\0\0\0WEBPVP8 ", "neither a PNG nor a JPEG"),
    "pdf": (b"%PDF-1.7 ", "neither a PNG nor a JPEG"),
    "zip": (b"PK\3\4" + b"\0" * 40, "neither a PNG nor a JPEG"),
    "only the head of a PNG": (b"\x89PNG\r\n\x1a\n", "broken or cut off"),
    "cut PNG": (png()[:-30], "broken or cut off"),
    "one byte changed": (png().replace(b"IDATx", b"IDATy"), "broken or cut off"),
    "too few points": (png(rows=b"\0" * 30), "broken or cut off"),
    "bomb": (bomb(), "broken or cut off"),
    "promises too much": (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", HUGE) + chunk(b"IEND", b""),
        "60,000 × 60,000 pixels",
    ),
    "too small": (png(31, 31), "31 × 31 pixels"),
    "too long": (png(1600, 40), "too long and narrow"),
    "too heavy": (png() + b"\0" * pictures.LARGEST, "larger than 200 KB"),
    "cut JPEG": (jpeg()[:60], "broken or cut off"),
    "JPEG without an end": (jpeg()[:-2], "broken or cut off"),
    "JPEG without points": (b"\xff\xd8\xff\xd9" + b"\0" * 40, "broken or cut off"),
    "JPEG for a press": (jpeg(colours=4), "CMYK"),
    "JPEG of a kind nobody draws": (jpeg(frame=0xC9), "broken or cut off"),
    "a filter that does not exist": (png(rows=(b"\x09" + b"\1" * 240) * 40), "broken or cut off"),
    "empty": (b"", "empty"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_logo_is_refused(admin: Client, clinic: Clinic, what: str) -> None:
    data, why = BAD[what]
    answer = upload_logo(admin, data)
    assert answer.status_code == 200
    assert why in answer.content.decode()
    assert not Logo.objects.exists()
    assert Clinic.current().logo_id is None


def test_nothing_but_the_picture_is_kept(admin: Client, clinic: Clinic) -> None:
    """No text, no place it was taken at, no second file behind it, in either kind."""
    secret = b"taken at home <script>alert(1)</script>"
    text = chunk(b"tEXt", b"Comment\0" + secret)
    upload_logo(admin, png(extra=text) + b"PK\3\4" + secret)
    exif = b"Exif\0\0" + secret
    comment = b"\xff\xfe" + struct.pack(">H", len(secret) + 2) + secret
    exif = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    upload_logo(admin, jpeg(extra=exif + comment) + secret)
    one, two = Logo.objects.order_by("uploaded_at")
    assert bytes(one.content) == png()
    assert bytes(two.content) == jpeg()


def test_an_interlaced_picture_is_measured_pass_by_pass() -> None:
    head = struct.pack(">IIBBBBB", 33, 35, 8, 0, 0, 0, 1)
    passes = [(5, 5), (4, 5), (9, 4), (8, 9), (17, 9), (16, 18), (33, 17)]
    points = b"".join((b"\0" + b"\x80" * wide) * high for wide, high in passes)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    packed = chunk(b"IDAT", zlib.compress(points)) + chunk(b"IEND", b"")
    picture = pictures.read(start + packed)
    assert (picture.width, picture.height) == (33, 35)
    assert documents.can_draw(picture)


def test_the_same_logo_is_kept_once_and_can_be_taken_off(admin: Client, clinic: Clinic) -> None:
    upload_logo(admin, png())
    upload_logo(admin, png())
    logo = Logo.objects.get()
    both = admin.post(PAGE, typed(logo_file=file(jpeg()), without_logo="on"))
    assert "not both" in both.content.decode()
    assert admin.post(PAGE, typed()).status_code == 302
    assert Clinic.current().logo_id == logo.digest
    assert admin.post(PAGE, typed(without_logo="on")).status_code == 302
    assert Clinic.current().logo_id is None
    assert "/clinic/logo/" not in look(admin, "/patients/").html
    with pytest.raises(AppendOnlyError):
        logo.delete()


def test_a_logo_nobody_uploaded_is_not_found(admin: Client) -> None:
    assert admin.get(f"/clinic/logo/{'0' * 64}/").status_code == 404
    assert Client().get(f"/clinic/logo/{'0' * 64}/").status_code == 302


def pictures_in(pdf: bytes) -> list[str]:
    pages = PdfReader(io.BytesIO(pdf)).pages
    return [name for page in pages for name in page["/Resources"].get("/XObject", {})]


def test_documents_show_the_logo_of_their_day(admin: Client, clinic: Clinic) -> None:
    by, invoice = UserFactory(), InvoiceFactory()
    before = documents.issue(documents.invoice(Clinic.current(), invoice), by=by)
    assert pictures_in(documents.pdf_of(before)) == []
    upload_logo(admin, png())
    with_logo = documents.issue(documents.invoice(Clinic.current(), invoice), by=by)
    assert with_logo != before
    first = documents.pdf_of(with_logo)
    assert len(pictures_in(first)) == 1
    upload_logo(admin, jpeg())
    assert documents.pdf_of(with_logo) == first
    assert pictures_in(documents.pdf_of(before)) == []
    receipt = documents.issue(documents.receipt(Clinic.current(), PaymentFactory()), by=by)
    assert len(pictures_in(documents.pdf_of(receipt))) == 1


# --- Numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("npi", "why"),
    [
        ("12", "An NPI has ten digits."),
        ("１２３４５６７８９３", "An NPI has ten digits."),
        ("1234567890", "its last digit does not fit"),
        ("1234567839", "its last digit does not fit"),  # two digits changed places
    ],
)
def test_a_wrong_npi_is_refused(admin: Client, clinic: Clinic, npi: str, why: str) -> None:
    assert why in admin.post(PAGE, typed(npi=npi)).content.decode()
    dr = ProviderFactory()
    page = f"/admin/patients/provider/{dr.pk}/change/"
    assert why in admin.post(page, {"name": dr.name, "npi": npi}).content.decode()
    assert Provider.objects.get(pk=dr.pk).npi == dr.npi


def test_a_right_npi_is_kept(admin: Client, clinic: Clinic) -> None:
    assert check_digit("123456789") == "3"
    assert admin.post(PAGE, typed(npi="1234567893")).status_code == 302
    assert Clinic.current().npi == "1234567893"


# --- The currency --------------------------------------------------------------------------------


def test_screens_forms_and_documents_are_in_the_clinics_currency(
    admin: Client, clinic: Clinic
) -> None:
    assert admin.post(PAGE, typed(currency="EUR")).status_code == 302
    payment = PaymentFactory(amount="1234.5")
    page = look(admin, f"/payments/{payment.number}/reverse/").words
    assert "Reverse this €1,234.50 payment?" in page
    assert "$" not in page
    new = look(admin, f"/patients/{payment.patient.chart_number}/payments/new/").html
    assert "€" in new
    assert "€1,234.50" in look(admin, "/admin/billing/payment/").words
    draft = documents.receipt(Clinic.current(), payment)
    assert draft.data["due"]["amount"] == "€1,234.50"
    issued = documents.issue(draft, by=UserFactory())
    printed = PdfReader(io.BytesIO(documents.pdf_of(issued))).pages[0].extract_text()
    assert "€1,234.50" in printed


@pytest.mark.parametrize("code", money.CURRENCIES)
def test_every_currency_is_read_as_it_is_written(clinic: Clinic, code: str) -> None:
    clinic.currency = code
    clinic.save()
    each = money.currency()
    assert each.code == code
    amount = money.parse("1234.50")
    assert money.parse(money.show_dollars(amount)) == amount
    assert money.parse(money.show_dollars(-amount)) == -amount
    assert money.parse(f"{each.typed}20+{each.typed}5") == money.parse("25")
    other = "€" if each.sign != "€" else "$"
    with pytest.raises(money.AmountError):
        money.parse(f"{other}20")


def test_the_currency_stays_once_money_is_recorded(admin: Client, clinic: Clinic) -> None:
    PaymentFactory()
    page = look(admin, PAGE)
    assert 'name="currency"' not in page.html
    assert "Money has been recorded in it, so it stays" in page.words
    assert admin.post(PAGE, typed(currency="EUR", name="Oak")).status_code == 302
    now = Clinic.current()
    assert (now.currency, now.name) == ("USD", "Oak")


def test_a_currency_nobody_knows_is_refused(admin: Client, clinic: Clinic) -> None:
    assert admin.post(PAGE, typed(currency="XXX")).status_code == 200
    assert Clinic.current().currency == "USD"


def test_the_journal_names_the_currency(clinic: Clinic) -> None:
    clinic.currency = "GBP"
    clinic.save()
    nothing: Any = type("Scope", (), {"batch": None, "__str__": lambda self: "of nothing"})()
    chart: Any = Chart
    assert "commodity 1000.00 GBP" in "".join(as_hledger([], nothing, chart))
    assert '"operating_currency" "GBP"' in "".join(as_beancount([], nothing, chart))


def in_another_currency(file: bytes, code: bytes) -> bytes:
    """With a CUR before each TRN, and one more segment counted at each end."""
    separator = file[105:106]
    file = file.replace(b"TRN*", b"CUR*PR*" + code + separator + b"TRN*")
    return re.sub(rb"SE\*(\d+)\*", lambda end: b"SE*%d*" % (int(end[1]) + 1), file)


def test_a_remittance_of_another_currency_is_refused(clinic: Clinic) -> None:
    ours = constructed(1)
    theirs = in_another_currency(ours, b"CAD")
    by = UserFactory()
    refused = upload("cad.835", theirs, by=by)
    assert not EraFile.objects.exists()
    assert [finding.code for _of, finding in refused.refused] == ["E24"]
    assert "in CAD, the clinic's books are in USD" in refused.refused[0][1].text
    clinic.currency = "CAD"
    clinic.save()
    # A file that does not say pays US dollars.
    assert [each.code for _of, each in upload("usd.835", ours, by=by).refused] == ["E24"]
    assert upload("cad.835", theirs, by=by).drafts


# --- What pages show -----------------------------------------------------------------------------


def test_the_settings_cost_one_query_however_much_money_a_page_shows(
    admin: Client, clinic: Clinic
) -> None:
    counts = []
    for number in (1, 10, 30):
        for _ in range(number):
            PaymentFactory()
        forget_everything()
        page = look(admin, "/admin/billing/payment/")
        counts.append(sum('"billing_clinic"."name"' in query for query in page.queries))
    assert counts == [1, 1, 1]


def test_saving_is_seen_at_once(admin: Client, clinic: Clinic) -> None:
    assert shown().name == "Pine Clinic"
    admin.post(PAGE, typed(name="Oak <b>Clinic</b>"))
    page = look(admin, "/patients/").html
    assert "Oak &lt;b&gt;Clinic&lt;/b&gt;</title>" in page
    assert "<b>Clinic</b>" not in page
