"""What checking a file found, importing it, and what a second click does."""

from __future__ import annotations

import csv
import io
from html import escape
from typing import Any
from unittest import mock

import pytest
from django.core.signals import request_finished
from django.test import Client

from billing.models import ImportFile
from billing.views import imports
from config.roles import ADMINISTRATOR
from patients.models import Patient
from tests.factories import PatientFactory, UserFactory
from tests.screens.bad_input import nothing_happens
from tests.screens.lists import SCRIPT, look
from tests.screens.uploads import HEAD, SMITH, administrator, text, upload, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return administrator()


def act(client: Client, file: ImportFile, action: str) -> Any:
    return client.post(file.get_absolute_url(), {"action": action}, follow=True)


# --- Checked -------------------------------------------------------------------------------------


def test_a_good_file_says_what_would_be_made(client: Client) -> None:
    page = text(upload(client, SMITH))
    assert "Every line can be imported.</b> Nothing was imported yet." in page
    assert 'Patients</dt><dd class="kv num">1</dd>' in page
    assert "Import 1 line</button>" in page
    assert not Patient.objects.exists()


def test_a_bad_one_names_every_line_and_cannot_be_imported(client: Client) -> None:
    answer = upload(client, f"{HEAD}=HYPERLINK(1),John,1980-05-17\nOkafor,Maya,31/12/1990\n")
    page = text(answer)
    assert "2 things to mend. Nothing is imported while there is one." in page.replace("</b>", "")
    look_at = look(client, waiting().get_absolute_url())
    assert (
        "2 family_name This begins with =, as a spreadsheet&#x27;s formula does. Take the sign away."
        " 3 birth_date The day seems to come first here."
    ) in look_at.table
    assert "Import 2 lines" not in page
    page = text(act(client, waiting(), "import"))
    assert "Nothing was imported: there are lines to mend first." in page
    assert not Patient.objects.exists()


def test_the_first_200_are_shown_and_all_can_be_had(client: Client) -> None:
    upload(client, HEAD + "=x,John,1980-05-17\n" * 250)
    page = look(client, waiting().get_absolute_url())
    assert "The first 200 are shown; the file has them all." in page.words
    assert page.table.count("family_name") == 200
    assert len(page.queries) <= 12
    answer = client.get(waiting().get_absolute_url() + "problems.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="patients-problems.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["line", "column", "kind", "reason"]
    assert len(rows) == 251
    assert rows[250][:3] == ["251", "family_name", "problem"]


def test_a_reason_in_the_file_of_problems_is_no_formula(client: Client) -> None:
    PatientFactory(chart_number="P7000", family_name="Diaz", given_name="Eva")
    upload(client, "chart_number," + HEAD + "P7000,Smith,John,1980-05-17\n")
    with mock.patch("billing.imports.patients.birth_date_problem", return_value="=1+1"):
        act(client, waiting(), "check")
    assert ",'=1+1" in client.get(waiting().get_absolute_url() + "problems.csv").content.decode()


def test_warnings_stop_nothing(client: Client) -> None:
    page = text(upload(client, SMITH + "Smith,John,1980-05-17\n"))
    assert "Worth a look" in page
    assert "Line 2 has the same name and date of birth." in page
    act(client, waiting(), "import")
    assert Patient.objects.count() == 2


def test_other_columns_are_named(client: Client) -> None:
    page = text(
        upload(client, SMITH.replace("birth_date", "birth_date,<i>Fax").replace("17", "17,"))
    )
    assert f"Not read, because no column is called so: <code>{'<i>Fax'}</code>" in page


def test_what_a_file_says_is_never_markup(client: Client) -> None:
    answer = upload(client, f"primary_payer,{HEAD}{SCRIPT},{SCRIPT},John,1980-05-17\n")
    assert SCRIPT not in answer.content.decode()
    assert escape(SCRIPT) in answer.content.decode()


def test_checking_again_sees_the_clinic_as_it_is_now(client: Client) -> None:
    upload(client, f"chart_number,{HEAD}P7000,Smith,John,1980-05-17\n")
    PatientFactory(chart_number="P7000", family_name="Diaz", given_name="Eva")
    page = text(act(client, waiting(), "check"))
    assert "P7000 is taken: it is Diaz, Eva's." in page


# --- Another encoding ----------------------------------------------------------------------------

MULLER = f"{HEAD}Müller,Jörg,1980-05-17\n".encode("windows-1252")


def test_a_person_says_whether_names_read_right(client: Client) -> None:
    page = text(upload(client, MULLER))
    assert "This file is not UTF-8" in page
    assert "<li>Müller,Jörg,1980-05-17</li>" in page
    assert waiting().report is None
    assert "Every line can be imported." in text(act(client, waiting(), "windows"))
    act(client, waiting(), "import")
    assert Patient.objects.get().name == "Müller, Jörg"


@pytest.mark.parametrize("action", ["import", "check"])
def test_nobody_goes_past_that_question(client: Client, action: str) -> None:
    upload(client, MULLER)
    assert "This file is not UTF-8" in text(act(client, waiting(), action))
    assert not Patient.objects.exists()


def test_names_that_read_wrong_are_forgotten(client: Client) -> None:
    upload(client, MULLER)
    page = text(act(client, waiting(), "discard"))
    assert "The file is forgotten. Nothing was imported." in page
    assert not ImportFile.objects.exists()


# --- Imported ------------------------------------------------------------------------------------


def test_it_goes_in_and_is_forgotten(client: Client) -> None:
    upload(client, SMITH)
    file = waiting()
    page = text(act(client, file, "import"))
    assert "Imported on" in page
    assert "1 patient and 0 coverages." in page
    assert "Go on with the fee schedule" in page
    file.refresh_from_db()
    assert (bytes(file.content), bytes(file.found), file.report) == (b"", b"", None)
    assert client.get(file.get_absolute_url() + "problems.csv").status_code == 404


@pytest.mark.parametrize("action", ["import", "check", "windows", "discard", "", "else"])
def test_a_second_click_does_nothing(client: Client, action: str) -> None:
    upload(client, SMITH)
    file = waiting()
    act(client, file, "import")
    with nothing_happens():
        page = text(act(client, file, action))
    assert "Imported on" in page
    assert Patient.objects.count() == 1


def test_looking_writes_nothing_whatever_the_state(client: Client) -> None:
    for content in (SMITH, MULLER, f"{HEAD}=x,,\n"):
        upload(client, content)
        look(client, waiting().get_absolute_url())
    act(client, waiting(), "else")
    assert not Patient.objects.exists()


def test_another_ones_file_is_not_there(client: Client) -> None:
    upload(client, SMITH)
    eva = Client()
    eva.force_login(UserFactory(username="eva", roles=[ADMINISTRATOR]))
    url = waiting().get_absolute_url()
    assert eva.get(url).status_code == 404
    assert eva.post(url, {"action": "import"}).status_code == 404
    assert eva.get(url + "problems.csv").status_code == 404
    assert client.get(url.replace("patients", "fees")).status_code == 404
    assert not Patient.objects.exists()


# --- Long files, with a bar ----------------------------------------------------------------------


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is long enough for a bar, and every step is sent."""
    monkeypatch.setattr(imports, "AT_ONCE", 0)
    monkeypatch.setattr("billing.views.progress.EVERY", 0)


ROWS = HEAD + "".join(f"Smith{n},John,1980-05-17\n" for n in range(1_200))


@pytest.mark.usefixtures("long")
def test_a_bar_for_checking_and_for_importing(client: Client) -> None:
    page = text(upload(client, ROWS))
    assert '<progress max="1201" value="500"' in page
    assert "1,200 lines checked." in page
    assert "Nothing in the way of importing it." in page
    assert f'href="{waiting().get_absolute_url()}">See what was found' in page
    file = waiting()
    page = text(act(client, file, "import"))
    assert '<progress max="1200" value="1000"' in page
    assert "lines imported" in page
    assert "1,200 patients and 0 coverages." in page
    assert Patient.objects.count() == 1_200
    assert "Imported on" in text(act(client, file, "import"))


@pytest.mark.usefixtures("long")
def test_things_to_mend_end_the_bar_in_words(client: Client) -> None:
    page = text(upload(client, HEAD + "=x,John,1980-05-17\n"))
    assert "1 line checked." in page
    assert "1 thing to mend before it can be imported." in page
    page = text(act(client, waiting(), "import"))
    assert "Nothing was imported: there are lines to mend first." in page


@pytest.mark.usefixtures("long")
def test_the_browser_that_goes_away_leaves_nothing(client: Client) -> None:
    upload(client, ROWS).getvalue()
    answer = client.post(waiting().get_absolute_url(), {"action": "import"})
    for piece in answer:
        if b"lines imported" in piece:
            break
    with mock.patch.object(request_finished, "send"):  # it would close the test's database
        answer.close()
    assert not Patient.objects.exists()
    assert waiting().imported_at is None


@pytest.mark.usefixtures("long")
def test_a_check_that_broke_off_can_be_run_again(client: Client) -> None:
    with mock.patch("billing.imports.patients.birth_date_problem", side_effect=ZeroDivisionError):
        page = text(upload(client, SMITH))
    assert "Nothing was imported. Try again" in page
    file = waiting()
    assert "This file was not checked to its end." in look(client, file.get_absolute_url()).words
    assert "1 line checked." in text(act(client, file, "check"))
