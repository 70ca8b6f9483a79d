"""All screens at once: each url opens and writes nothing, each form withstands what is typed.

What a screen says is tested in its own file. Here the pages are read as a browser reads them, so
that a screen added tomorrow is looked at as well.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection, reset_queries, transaction
from django.test.utils import CaptureQueriesContext

from billing.models import Allocation, InvoiceLine, Payment
from patients.models import Coverage, Session
from tests.ledger.books import digest
from tests.screens.bad_input import writes
from tests.screens.page_forms import PageForm, forms_of
from tests.screens.small_clinic import SmallClinic, everything, models, routes, small_clinic

pytestmark = pytest.mark.django_db

LONG = "x" * 5_000
BROKEN = [
    "",
    "\0",
    LONG,
    "NaN",
    "1e9",
    "２０２５-01-01",
    "9" * 30,
    "0001-01-01",
    "9999-12-31",
    "-1",
    "<script>alert(1)</script>",
    "%' OR 1=1 --",
]
WORST = ["\0", "9" * 30]  # each in one box alone, too, the others as they should be
IN_ADDRESSES = ["\0", LONG, "9" * 30, "0001-01-01", "9999-12-31", "-1"]
PARAMETERS = (
    "q", "from", "to", "date", "state", "provider", "payer", "patient", "method", "page", "sort",
    "show", "period", "line", "why", "copy", "at_most", "days", "more_than", "family", "unbilled",
    "guarantor", "deleted", "view", "through", "as_of", "by", "columns", "user", "group", "dates",
    "received_from",
)  # fmt: skip
ONLY_POSTED = {
    "billing:payment_unpay",
    "billing:insurance_payment_draft",
    "billing:insurance_payment_discard",
    "billing:invoice_print",
    "billing:find_payers",
    "billing:find_patients",
    "billing:find_services",
    "patients:search",
}
# Screens about everybody's money: there another patient's line is nothing forged.
OF_EVERYBODY = {
    "billing:insurance_payment_new",
    "billing:insurance_payment_detail",
    "billing:small_balances",
    "billing:session_list",
    "billing:statement_batch_new",
    "billing:deposit_slip",
}


# A file that is handed out is noted (docs/decisions/0013), with its seal; who looked at a patient and who
# was refused (0018); and once a minute that somebody is at the desk (config/sessions.py). No figure
# hangs on any of it.
NOTED = (
    'INSERT INTO "billing_export"',
    'INSERT INTO "billing_chainlink"',
    'UPDATE "config_signin"',
)
FILES = {"billing:report_export", "billing:journal_download", "billing:deposit_print"}


@pytest.fixture
def clinic() -> SmallClinic:
    return small_clinic()


def test_every_model_and_every_url_is_in_it(clinic: SmallClinic) -> None:
    assert [model.__name__ for model in models() if not model.objects.exists()] == []
    assert {name for name, _url in clinic.urls()} == {name for name, _route in routes()}


def get(clinic: SmallClinic, url: str, query: Any = None, **headers: str) -> Any:
    """Open a page; whatever it is, nothing is written, but who took a file out."""
    reset_queries()
    with CaptureQueriesContext(connection) as captured:
        answer = clinic.client.get(url, query or {}, headers=headers)
        if answer.streaming:
            b"".join(answer.streaming_content)
    written = writes([query["sql"] for query in captured])
    assert [sql for sql in written if not sql.startswith(NOTED)] == [], url
    return answer


def test_each_opens_and_writes_nothing(clinic: SmallClinic) -> None:
    noted = frozenset({"Export", "ChainLink", "AuditEvent"})
    before = everything(but=noted)
    statuses = {(name, url): get(clinic, url).status_code for name, url in clinic.urls()}
    closed = {
        key: status
        for key, status in statuses.items()
        if status not in ((405,) if key[0] in ONLY_POSTED else (200, 302))
    }
    assert closed == {}
    assert everything(but=noted) == before


def test_a_part_lies_unchanged_inside_its_page(clinic: SmallClinic) -> None:
    """What htmx gets of a screen is what the whole page holds (docs: one file beside its page)."""
    parts = 0
    for name, url in clinic.one_of_each():
        if name in ONLY_POSTED:
            continue
        target = {"billing:patient_account": "history", "billing:small_balances": "chosen"}
        part = get(clinic, url, **{"hx-request": "true", "hx-target": target.get(name, "")})
        if part.status_code != 200 or part["Content-Type"] != "text/html; charset=utf-8":
            continue
        words = _still(part)
        if not words.startswith("<!doctype"):
            parts += 1
            assert words in _still(get(clinic, url)), url
    assert parts > 20


def _still(answer: Any) -> str:
    """A page without what differs each time it is drawn."""
    html = " ".join(answer.content.decode().split())
    html = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "KEY", html)
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "TOKEN", html)


def test_no_address_breaks_a_page(clinic: SmallClinic) -> None:
    """Filters live in the address, where anybody may change them."""
    failed = []
    for name, url in clinic.one_of_each():
        if name in ONLY_POSTED:
            continue
        for value in IN_ADDRESSES:
            answer = get(clinic, url, dict.fromkeys(PARAMETERS, value))
            if answer.status_code not in (200, 302, 400):
                failed.append((url, value[:20], answer.status_code))
    assert failed == []


# ---------------------------------------------------------------------------- forms


def posted_forms(clinic: SmallClinic) -> Iterator[tuple[str, str, PageForm]]:
    """(screen, where it is sent, form) of every form that writes, each of its kind once."""
    known = set()
    for name, url in clinic.one_of_each():
        if name in ONLY_POSTED | FILES:
            continue
        page = get(clinic, url)
        if page.status_code != 200 or "text/html" not in page["Content-Type"]:
            continue
        for form in forms_of(page.content.decode()):
            action = urlsplit(form.action)
            to = action.path or url
            if form.method != "post" or to.startswith("/accounts/"):
                continue
            query = f"?{action.query}" if action.query else ""
            shape = {re.sub(r"\d+", "#", box) for box in [*form.sent, *form.choices]}
            mark = (re.sub(r"\d+", "#", to), tuple(sorted(shape)), len(form.buttons))
            if mark not in known:
                known.add(mark)
                yield name, to + query, form


def filled(form: PageForm) -> dict[str, list[str]]:
    """As somebody who answers every question would send it."""
    sent = {name: list(values) for name, values in form.sent.items()}
    for name, choices in form.choices.items():
        real = [choice for choice in choices if choice]
        if not any(sent.get(name, [])) and real and not name.endswith("-remove"):
            sent[name] = real if name in ("session", "line", "lines") else real[:1]
    for name in form.typed:
        if not any(sent[name]):
            sent[name] = [ANSWERS.get(re.sub(r"line-\d+-|row-\d+-", "", name), "")]
    return sent


ANSWERS = {
    "amount": "6.00",
    "reason": "Because",
    "note": "Because",
    "paid": "1.00",
    "write_off": "1.00",
    "code": "90834",
    "payer": "BlueRiver Health",
    "family_name": "Newcomer",
    "given_name": "Nina",
    "birth_date": "1990-01-01",
    "patient": "P1042",
}


def send(
    clinic: SmallClinic,
    to: str,
    data: dict[str, Any],
    button: tuple[str, str] | None,
    **headers: str,
) -> Any:
    """Post it; the answer of long work is read to its end."""
    extra = {button[0]: button[1]} if button and button[0] else {}
    answer = clinic.client.post(to, {**data, **extra}, headers=headers)
    if answer.streaming:
        b"".join(answer.streaming_content)
    return answer


class _Back(Exception):
    pass


def tried(clinic: SmallClinic, before: str, *ways: tuple[Any, ...]) -> list[tuple[int, bool]]:
    """Status, and whether any money changed, of each sending in turn; then as if nothing was."""
    found = []
    try:
        with transaction.atomic():
            for to, data, button, headers in ways:
                answer = send(clinic, to, data, button, **headers)
                after = digest()
                found.append((answer.status_code, after != before))
                before = after
            raise _Back
    except _Back:
        return found


def buttons(form: PageForm) -> Sequence[tuple[str, str] | None]:
    return form.buttons or [None]


FINE = {200, 302, 400, 403, 404, 405}


def test_no_form_breaks_on_what_is_typed(clinic: SmallClinic) -> None:
    failed, before = [], digest()
    for _name, to, form in posted_forms(clinic):
        boxes = [box for box in form.sent if box != "csrfmiddlewaretoken"]
        kinds = {re.sub(r"\d+", "#", box): box for box in [*boxes, *form.choices]}
        good = filled(form)
        for value in BROKEN:
            data = {**good, **{box: [value] for box in (*boxes, *form.choices)}}
            live = {"hx-request": "true", "hx-target": form.target}
            ways = [(button, {}) for button in buttons(form)] + [(None, live)]
            for button, headers in ways if value in WORST else ways[:1]:
                [(status, changed)] = tried(clinic, before, (to, data, button, headers))
                if status not in FINE or (changed and boxes):
                    failed.append((to, button, value[:20], status, changed))
        for box in kinds.values():
            for value in WORST:
                way = (to, {**good, box: [value]}, buttons(form)[-1], {})
                [(status, _changed)] = tried(clinic, before, way)
                if status not in FINE:
                    failed.append((to, box, value[:20], status))
    assert failed == []


def test_a_form_without_its_key_writes_no_money_and_with_it_once(clinic: SmallClinic) -> None:
    saved, wrong, before = set(), [], digest()
    for _name, to, form in posted_forms(clinic):
        good = filled(form)
        for button in buttons(form):
            if "key" in good:
                bare = {name: values for name, values in good.items() if name != "key"}
                [(_status, changed)] = tried(clinic, before, (to, bare, button, {}))
                if changed:
                    wrong.append((to, button, "without its key"))
            first, second = tried(clinic, before, (to, good, button, {}), (to, good, button, {}))
            if first[0] not in FINE or second[0] not in FINE:
                wrong.append((to, button, first, second))
            if first[1]:
                saved.add(_name)
            if second[1]:
                wrong.append((to, button, "twice"))
    assert wrong == []
    assert saved >= SAVING, SAVING - saved


# Screens whose forms were filled well enough to be carried out, or the test above is no test.
SAVING = {
    "billing:insurance_payment_new",
    "billing:invoice_draft",
    "billing:invoice_void",
    "billing:payment_correct",
    "billing:payment_new",
    "billing:payment_receipt",
    "billing:payment_refund",
    "billing:payment_reverse",
    "billing:payment_transfer",
    "billing:payment_void",
    "billing:refund_undo",
    "billing:session_edit",
    "billing:session_list",
    "billing:statement_batch_new",
    "billing:statement_new",
    "billing:superbill_new",
    "billing:write_off_new",
    "billing:write_off_undo",
}


def test_another_patients_things_are_not_touched(clinic: SmallClinic) -> None:
    """Numbers of Mrs Stranger's line and session, put into forms of Mr Smith."""
    own = {
        str(pk)
        for pk in InvoiceLine.objects.exclude(patient=clinic.stranger).values_list("pk", flat=True)
    }
    visits = {
        str(pk)
        for pk in Session.objects.exclude(patient=clinic.stranger).values_list("pk", flat=True)
    }
    changed = []
    for name, to, form in posted_forms(clinic):
        if name in OF_EVERYBODY or clinic.strangers_receipt.number in to:
            continue
        good = filled(form)
        line, visit = str(clinic.strangers_line.pk), str(clinic.strangers_session.pk)
        forged: dict[str, Any] = {}
        for box, values in good.items():
            new = re.sub(r"line-\d+-", f"line-{line}-", box)
            if box in ("line", "lines") or re.fullmatch(r"row-\d+-line", box):
                values = [line if value in own else value for value in values]
            elif box in ("session", "listed"):
                values = [visit if value in visits else value for value in values]
            forged[new] = values
        forged |= {"patient": forged.get("patient", [clinic.stranger.chart_number])}
        forged.setdefault("line", [line])
        before = _strangers(clinic)
        for button in buttons(form):
            try:
                with transaction.atomic():
                    answer = send(clinic, to, {**forged, "key": [str(uuid.uuid4())]}, button)
                    if answer.status_code not in FINE or _strangers(clinic) != before:
                        changed.append((to, button, answer.status_code))
                    raise _Back
            except _Back:
                pass
    assert changed == []


def _strangers(clinic: SmallClinic) -> list[Any]:
    who = clinic.stranger
    return [
        list(InvoiceLine.objects.filter(patient=who).order_by("pk").values()),
        list(Payment.objects.filter(patient=who).order_by("pk").values()),
        list(Allocation.objects.filter(line__patient=who).order_by("pk").values()),
        list(Coverage.objects.filter(patient=who).order_by("pk").values()),
        list(Session.objects.filter(patient=who).order_by("pk").values()),
        clinic.stranger.family().count(),
    ]
