"""Import: the three kinds of file, what was imported before, and who may."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from billing.imports.kinds import KINDS
from tests.factories import PatientFactory
from tests.imports.files import bring
from tests.screens.lists import costs_the_same, look, part, signed_in
from tests.screens.uploads import SMITH, administrator, text, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return administrator()


def test_three_kinds_in_their_order(client: Client) -> None:
    words = look(client, "/import/").words
    assert "1 Patients" in words
    assert words.index("2 Fee schedule") < words.index("3 Opening balances")
    assert "Needed: family_name given_name birth_date" in words
    assert "Imported before" not in words


def test_what_was_imported_before(client: Client) -> None:
    bring("patients", SMITH)
    words = look(client, "/import/").words
    assert "file.csv 1 patient and 0 coverages Ana" in words


def test_it_costs_the_same_however_much_was_imported(client: Client) -> None:
    costs_the_same(
        client, "/import/", lambda number: bring("patients", SMITH + "\n" * (number + 1))
    )


@pytest.mark.parametrize(
    "address",
    [
        "/import/",
        "/import/patients/",
        "/import/patients/template.csv",
        f"/import/patients/{uuid.UUID(int=7)}/",
        f"/import/patients/{uuid.UUID(int=7)}/problems.csv",
    ],
)
def test_it_is_for_administrators(address: str) -> None:
    ana = signed_in()
    answer = ana.get(address)
    assert answer.status_code == 403
    assert "You may not import patients, fees and balances. Ask an administrator." in text(answer)
    assert upload(ana, SMITH).status_code == 403


def test_only_administrators_see_the_way_there(client: Client) -> None:
    empty = "bring them along from another system. Import from a file"
    assert empty in part(client, "/patients/").words
    assert empty not in part(signed_in(), "/patients/").words
    assert 'href="/import/"' in look(client, "/admin/").html
    PatientFactory()
    assert empty not in part(client, "/patients/").words


@pytest.mark.parametrize("kind", [*KINDS, "people", "Patients"])
def test_templates(client: Client, kind: str) -> None:
    answer = client.get(f"/import/{kind}/template.csv")
    if kind not in KINDS:
        assert answer.status_code == 404
        assert client.get(f"/import/{kind}/").status_code == 404
        return
    assert answer["Content-Disposition"] == f'attachment; filename="{kind}-template.csv"'
    lines = answer.content.decode("utf-8-sig").split("\r\n")
    assert lines == [",".join(column.name for column in KINDS[kind].columns), ""]
