"""Import ERA files: what is read, what is refused and in which words, and that nothing is posted."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from billing.models import EraFile, Payment, Remittance
from billing.views import era
from tests.era.clinic import TODAY, Clinic, series
from tests.era.files import HERE, constructed, malformed
from tests.screens.bad_input import nothing_happens, text
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look

pytestmark = pytest.mark.django_db
URL = "/insurance-payments/import-era/"


@pytest.fixture
def clinic() -> Iterator[Clinic]:
    with time_machine.travel(TODAY, tick=True):
        yield series()


@pytest.fixture
def desk(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(clinic.ana)
    return client


def sent(desk: Client, *files: tuple[str, bytes], **more: Any) -> Any:
    return desk.post(URL, {"uploads": [SimpleUploadedFile(*each) for each in files], **more})


def stored() -> tuple[int, int]:
    return EraFile.objects.count(), Remittance.objects.count()


# ---------------------------------------------------------------------------- it shows, it saves


def test_it_asks_for_a_file(desk: Client) -> None:
    page = look(desk, URL)
    assert "No ERA file yet" in page.words
    assert 'type="file"' in page.html
    assert "multiple" in page.html


def test_one_payment_opens_as_a_draft(desk: Client) -> None:
    with nothing_happens():
        answer = sent(desk, ("c1.835", constructed(1)))
    draft = Remittance.objects.get()
    assert answer["Location"] == draft.get_absolute_url()
    page = text(desk.get(draft.get_absolute_url()))
    assert "c1.835: 1 payment read. Review and save; nothing is posted yet." in page
    assert Payment.objects.count() == 0


def test_a_file_of_two_payments_opens_the_file(desk: Client) -> None:
    data = (HERE / "malformed/34_two_isa13_diff.835").read_bytes()
    answer = sent(desk, ("two.835", data))
    file = EraFile.objects.get()
    assert answer["Location"] == file.get_absolute_url()
    page = text(desk.get(answer["Location"]))
    assert "CHK100234" in page
    assert "CHK100235" in page


def test_several_files_at_once(desk: Client) -> None:
    answer = sent(
        desk, ("c1.835", constructed(1)), ("bad.835", b"hello"), ("c5.835", constructed(5))
    )
    page = text(answer)
    assert stored() == (2, 2)
    assert "bad.835: This is not an ERA" in page
    assert "EFT-5001" in page  # waiting to be reviewed
    assert "EFT-5005" in page


def test_drafts_say_what_is_left_to_do(desk: Client, clinic: Clinic) -> None:
    clinic.draft(1)
    clinic.draft(8)
    page = look(desk, URL).words
    assert "Ready to save" in page
    assert "2 to look at" in page


def test_a_large_file_goes_with_a_progress_bar(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(era, "QUICK", 10)
    answer = sent(desk, ("c1.835", constructed(1)), ("empty.835", b" "))
    page = unescape(" ".join(b"".join(answer.streaming_content).decode().split()))
    assert "claims matched" in page
    assert "1 payment read." in page
    assert "Review EFT-5001" in page
    assert "Not imported: empty.835: The file is empty." in page
    assert stored() == (1, 1)


# ---------------------------------------------------------------------------- it refuses


@pytest.mark.parametrize(("name", "outcome", "code", "says"), malformed())
def test_every_malformed_file(desk: Client, name: str, outcome: str, code: str, says: str) -> None:
    data = (HERE / "malformed" / name).read_bytes()
    with nothing_happens():
        answer = sent(desk, (name, data))
    if outcome == "import":
        assert answer.status_code == 302
        assert Remittance.objects.exists()
        return
    assert answer.status_code == 200
    assert f"({code})" in text(answer)
    assert "Not everything was imported." in text(answer)
    assert stored() == (0, 0)


def test_no_file_at_all(desk: Client) -> None:
    page = text(desk.post(URL, {}))
    assert "Choose the file from the insurer." in page
    assert stored() == (0, 0)


def test_a_file_that_is_too_large(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(era, "LIMIT", 1000)
    page = text(sent(desk, ("large.835", constructed(1))))
    assert "(E22)" in page
    assert stored() == (0, 0)


def test_the_same_file_again_names_the_earlier_one(desk: Client) -> None:
    sent(desk, ("c1.835", constructed(1)))
    page = text(sent(desk, ("again.835", constructed(1))))
    assert "again.835: This file was imported on 04/01/2026 as c1.835. (E21)" in page
    assert f'href="{EraFile.objects.get().get_absolute_url()}"' in page
    assert stored() == (1, 1)


def test_the_same_check_again_names_the_earlier_one(desk: Client, clinic: Clinic) -> None:
    posted = clinic.post(1)
    data = constructed(1).replace(b"000001001", b"000009001")
    page = text(sent(desk, ("again.835", data)))
    assert f"was imported on 04/01/2026 by Ana (payment {posted.payment}). (E20)" in page
    assert stored() == (1, 1)


def test_an_unknown_payer_does_not_keep_a_file_out(desk: Client, clinic: Clinic) -> None:
    clinic.evergreen.keys.all().delete()
    sent(desk, ("c1.835", constructed(1)))
    assert Remittance.objects.get().payer is None
    page = text(sent(desk, ("again.835", constructed(1).replace(b"000001001", b"000009001"))))
    assert "(E20)" in page  # the same originator and number, whoever that is


def test_an_interchange_number_used_before_is_only_a_warning(desk: Client) -> None:
    sent(desk, ("c1.835", constructed(1)))
    answer = sent(desk, ("c2.835", constructed(2).replace(b"000001002", b"000001001")))
    assert answer.status_code == 302
    file = EraFile.objects.get(name="c2.835")
    assert [code for code, _text in file.warnings] == ["W11"]


def test_odd_names_of_files(desk: Client) -> None:
    for odd in (*ODD, SCRIPT):
        answer = sent(desk, ("x" + odd, b"ISA"))
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode()


def test_odd_pages(desk: Client) -> None:
    for odd in ODD:
        assert look(desk, URL, {"page": odd, "sort": odd}).response.status_code == 200


def test_it_costs_the_same_however_many_files(desk: Client, clinic: Clinic) -> None:
    data = constructed(8)

    def add(number: int) -> None:
        changed = data.replace(b"000001007", b"%09d" % number).replace(
            b"EFT-5007", b"N%07d" % number
        )
        assert sent(desk, (f"{number}.835", changed)).status_code == 302

    costs_the_same(desk, URL, add)


def test_signed_out(db: None) -> None:
    assert Client().get(URL)["Location"].startswith("/accounts/login/")
