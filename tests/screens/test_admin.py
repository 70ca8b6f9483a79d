"""The administration: every list and every page opens; money can be looked at only."""

import datetime
import html
import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import models
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import documents, ledger
from billing.checks import invoices_numbered_without_gaps
from billing.exports import record_export
from billing.models import (
    KEPT,
    Adjudication,
    Adjustment,
    AdjustmentKind,
    Allocation,
    AuditEvent,
    ChainLink,
    Clinic,
    ClosingDate,
    CodeAction,
    Deposit,
    DepositItem,
    DeskSettings,
    Document,
    EraFile,
    EraInterchange,
    Export,
    Fee,
    ImportFile,
    Invoice,
    InvoiceLine,
    JournalBatch,
    JournalItem,
    LedgerAccount,
    LineVoid,
    Logo,
    NumberSeries,
    Offset,
    PayerKey,
    Payment,
    PaymentDraft,
    Remittance,
    RemittanceClaim,
    RemittanceOffset,
    RemittanceRow,
    Responsibility,
    Service,
    StatementBatch,
    Submission,
    history_of,
)
from billing.sharing import Entry, OffsetEntry, Owes
from patients.models import Coverage, Patient, PatientWord, Payer, Provider, Session
from tests.factories import (
    CoverageFactory,
    FeeFactory,
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
    ServiceFactory,
    SessionFactory,
    TransferFactory,
)
from tests.factories.bills import day, money
from tests.screens.lists import ODD, SCRIPT, Look, look
from tests.support.caches import forget_everything

pytestmark = pytest.mark.django_db

MONEY = [
    *[Payment, Allocation, Adjustment, Invoice, InvoiceLine, LineVoid, Deposit, Submission],
    *[Adjudication, Responsibility, Offset],
    *[Document, StatementBatch, ImportFile, JournalBatch, PaymentDraft],
    *[EraFile, Remittance],
    *[ClosingDate, Export],
]
OURS = [
    *MONEY,
    Clinic,
    CodeAction,
    PayerKey,
    NumberSeries,
    LedgerAccount,
    Service,
    Patient,
    Provider,
    Payer,
    Coverage,
    Session,
]
NAMES = [model.__name__ for model in OURS]
MONEY_NAMES = [model.__name__ for model in MONEY]


def named(name: str) -> type[models.Model]:
    return next(model for model in OURS if model.__name__ == name)


@pytest.fixture
def client(admin_user: Any) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def url(model: type[models.Model], page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def a_bit_of_everything(number: int = 0) -> None:
    """One more row, or some, of every model."""
    by = OwnerFactory()
    payer, dr = PayerFactory(), ProviderFactory()
    patient = PatientFactory(family_name=f"{SCRIPT}{number}")
    who: dict[str, Any] = {"patient": patient, "provider": dr}
    CoverageFactory(patient=patient, payer=payer)
    SessionFactory(**who)
    FeeFactory(service=ServiceFactory(code=f"A{number}"), payer=payer)
    InvoiceFactory(issued=False, **who)
    line = LineFactory(owed_by=payer, ago=9, **who)
    receipt = PaymentFactory(amount="20", on={line: "20"}, ago=8, **who)
    ledger.reverse(by=by, payment=receipt, date=day(0), reason=SCRIPT, unpay_lines=False)
    ledger.adjust(
        by=by,
        line=line,
        amount=money(5),
        kind=AdjustmentKind.COURTESY,
        date=day(0),
        reason="Kept waiting",
    )
    # With its write-off, and with a row for each kind of payment that answers another.
    check = InsurancePaymentFactory(payer=payer, on={LineFactory(): ("50", "10")})
    ledger.reverse(by=by, payment=check, date=day(0), reason="Bounced")
    said = Entry(LineFactory(owed_by=payer, **who).pk, money(30), owes=(Owes("copay", money(20)),))
    answer = ledger.record_payment(
        by=by,
        payer=payer,
        amount=money(25),
        method="eft",
        reference=f"E{number}",
        date=day(0),
        entries=[said],
        offsets=[OffsetEntry("WO", money(5), SCRIPT)],
    ).payment
    assert answer
    if number % 2:
        ledger.reverse(by=by, payment=answer, date=day(0), reason=SCRIPT)
    credit = PaymentFactory(amount="60")
    RefundFactory(payment=credit, amount="10", by=by)
    moved = TransferFactory(payment=credit, amount="10", provider=dr, by=by)
    assert moved.original
    ledger.reverse(by=by, payment=moved.original, date=day(0), reason="No")
    ledger.void(by=by, payment=PaymentFactory(), reason="Entered twice")
    ledger.void_line(by=by, line=LineFactory(**who), date=day(0), reason=SCRIPT)
    ledger.deposit(by=by, payments=[credit, receipt], date=day(0))
    ledger.make_journal_batch(by=by, through=day(0))
    LedgerAccount.objects.create(
        provider=dr, number=f"77{number}", name=f"{SCRIPT}{number}", type="income"
    )
    Submission.objects.create(
        user=by, key=f"00000000-0000-4000-8000-{number:012}", verb="allocate", payment=moved
    )
    ClosingDate.objects.create(closed_through=datetime.date(2000, 1, 1), created_by=by)
    record_export(
        by=by, report="day-sheet", format="csv", query=QueryDict(f"q={SCRIPT}"), rows=number
    )
    clinic, _new = Clinic.objects.update_or_create(defaults={"name": "Pine Clinic"})
    issued = documents.issue(documents.invoice(clinic, line.invoice), by=by)
    ImportFile.objects.keep(by=by, kind=f"kind {number}", name=SCRIPT, data=b"")
    PayerKey.objects.create(kind="name", value=f"{SCRIPT}{number}", payer=payer, created_by=by)
    file = EraFile.objects.create(
        name=SCRIPT, sha256=f"{number}", size=1, packed=b"", uploaded_by=by
    )
    Remittance.objects.create(
        file=file,
        position=0,
        number="0001",
        payer=payer,
        payer_name=SCRIPT,
        reference=f"EFT-{number}",
        amount=money(10),
    )
    PaymentDraft.objects.create(
        key=f"00000000-0000-4000-8000-{number:012}", owner=by, payer=payer, data={"note": [SCRIPT]}
    )
    StatementBatch.objects.create(
        number=f"ST-{number}",
        key=f"00000000-0000-4000-8000-{number:012}",
        period_to=day(0),
        pdf=documents.pdf_of(issued),
        created_by=by,
    )


# --- All of them ---------------------------------------------------------------------------------


def test_everything_of_ours_is_there() -> None:
    """All but what stands on another one's page, or on a draft's screen, what people set for
    themselves, and the search's words."""
    elsewhere = {Fee, DepositItem, DeskSettings, JournalItem, Logo, PatientWord}
    elsewhere |= {AuditEvent, ChainLink, *map(history_of, KEPT)}  # what they say: the audit trail
    elsewhere |= {EraInterchange, RemittanceClaim, RemittanceRow, RemittanceOffset}
    ours = {
        model
        for model in apps.get_models()
        if model._meta.app_label in ("billing", "patients") and model not in elsewhere
    }
    assert {model.__name__ for model in ours - set(admin.site._registry)} == set()


def test_every_list_and_page_opens(client: Client) -> None:
    a_bit_of_everything()
    for model, model_admin in admin.site._registry.items():
        page = look(client, url(model))
        # The clinic is one row: its list leads to it.
        assert page.response.status_code == (302 if model is Clinic else 200), model
        assert SCRIPT not in page.html, model
        for row in model._default_manager.all():
            page = look(client, url(model, "change", row.pk))
            assert page.response.status_code == 200, (model, row)
            assert SCRIPT not in page.html, (model, row)
        request = look(client, url(model, "add")).response
        can = model_admin.has_add_permission(request.wsgi_request)
        assert request.status_code == (200 if can else 403), model
    assert look(client, "/admin/").response.status_code == 200


def test_lists_cost_the_same(client: Client) -> None:
    """Each `a_bit_of_everything` is one row of most models and ten payments."""
    counts: dict[str, list[int]] = {name: [] for name in NAMES}
    for number in range(12):
        a_bit_of_everything(number)
        if number in (0, 3, 11):
            for name, found in counts.items():
                found.append(len(look(client, url(named(name))).queries))
    assert {name: found for name, found in counts.items() if len(set(found)) > 1} == {}


@pytest.mark.parametrize(
    ("name", "inline"), [("Patient", "coverage"), ("Service", "fee"), ("Invoice", "line")]
)
def test_a_page_costs_the_same_however_many_rows_it_holds(
    client: Client, name: str, inline: str
) -> None:
    counts = []
    for rows in (1, 10, 60):
        if inline == "coverage":
            page: Any = PatientFactory()
            for rank in range(rows):
                CoverageFactory(patient=page, rank=rank + 1)
        elif inline == "fee":
            page = ServiceFactory(code=f"S{rows}")
            for _ in range(rows):
                FeeFactory(service=page, payer=PayerFactory())
        else:
            page = InvoiceFactory(amounts=["10"] * rows)
        counts.append(len(look(client, url(named(name), "change", page.pk)).queries))
    assert len(set(counts)) == 1, counts


@pytest.mark.parametrize("name", NAMES)
def test_odd_searches_and_addresses_are_no_error(client: Client, name: str) -> None:
    model = named(name)
    lists = 302 if model is Clinic else 200  # of which there is one, and no list
    for typed in ODD:
        assert look(client, url(model), {"q": typed}).response.status_code == lists
    for wrong in ("x", "0", "9" * 30, "%27"):
        assert client.get(url(model, "change", wrong)).status_code in (302, 404)


@pytest.mark.parametrize("name", ["Payment", "Invoice", "Patient"])
def test_odd_filters_and_pages_are_no_error(client: Client, name: str) -> None:
    a_bit_of_everything()
    for key in ("p", "o", "e", "all", "nonsense", "date__year", "issued_on__month", "_facets"):
        for typed in ("x", "'", "9" * 30, "-1"):
            response = look(client, url(named(name)), {key: typed}).response
            assert response.status_code in (200, 302), (key, typed)


# --- Money is looked at only ---------------------------------------------------------------------


@pytest.mark.parametrize("name", MONEY_NAMES)
def test_money_is_read_only(client: Client, name: str, admin_user: Any) -> None:
    a_bit_of_everything()
    model = named(name)
    model_admin = admin.site._registry[model]
    row = model._default_manager.order_by("-pk")[0]
    page = look(client, url(model, "change", row.pk))
    assert 'name="_save"' not in page.html
    assert "deletelink" not in page.html
    assert "addlink" not in look(client, url(model)).html.partition('id="content"')[2]
    assert 'name="action"' not in look(client, url(model)).html
    before = model._default_manager.count()
    values = model._default_manager.values().get(pk=row.pk)
    assert client.get(url(model, "add")).status_code == 403
    assert client.post(url(model, "add"), {}).status_code == 403
    assert client.post(url(model, "change", row.pk), {"amount": "1.00"}).status_code == 403
    assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    client.post(
        url(model), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    )
    assert model._default_manager.count() == before
    assert model._default_manager.values().get(pk=row.pk) == values
    assert model_admin.actions is None


def test_amounts_read_as_money_and_lead_to_the_screen(client: Client) -> None:
    payment = PaymentFactory(amount="1234.5")
    page = look(client, url(Payment))
    assert "$1,234.50" in page.words
    assert f'<a href="/payments/{payment.number}/">Open payment</a>' in page.html
    detail = look(client, url(Payment, "change", payment.pk))
    assert "$1,234.50" in detail.words
    check = InsurancePaymentFactory()
    assert f'href="/insurance-payments/{check.number}/"' in look(client, url(Payment)).html
    invoice = InvoiceFactory()
    assert f'href="/invoices/{invoice.number}/"' in look(client, url(Invoice)).html


def test_money_is_found(client: Client) -> None:
    smith = PatientFactory(family_name="Smith", chart_number="P1042")
    mine, other = PaymentFactory(patient=smith), PaymentFactory(reference="AB-7")
    for typed in (mine.number, "P1042", "smith"):
        page = _found(client, Payment, typed)
        assert mine.number in page.words
        assert other.number not in page.words
    assert other.number in _found(client, Payment, "ab-7").words


@pytest.mark.parametrize("name", MONEY_NAMES)
def test_each_row_leads_to_a_screen_that_can_act(client: Client, name: str) -> None:
    """From the list and from its own page; the last column, so that nobody looks for it."""
    a_bit_of_everything()
    model = named(name)
    row = model._default_manager.order_by("-pk")[0]
    pages = [look(client, url(model)), look(client, url(model, "change", row.pk))]
    for page in pages:
        links = re.findall(
            r'field-screen">(?:<label>.*?</label>)?.*?<a href="([^"]+)"', page.html, re.S
        )
        assert links, page.html
        assert client.get(links[0]).status_code == 200


@pytest.mark.parametrize("name", NAMES)
def test_each_list_says_what_its_search_finds(client: Client, name: str) -> None:
    model_admin = admin.site._registry[named(name)]
    if model_admin.search_fields:
        assert model_admin.search_help_text
        assert str(model_admin.search_help_text) in look(client, url(named(name))).words


@pytest.mark.parametrize("name", NAMES)
def test_each_filter_of_a_list_filters(client: Client, name: str) -> None:
    """Whatever the lists offer beside them is an address that opens."""
    a_bit_of_everything()
    page = look(client, url(named(name)))
    offered = re.findall(r'<a href="(\?[^"]+)"', page.html.partition('id="changelist-filter"')[2])
    assert bool(offered) == bool(admin.site._registry[named(name)].list_filter)
    for query in offered:
        assert client.get(url(named(name)) + html.unescape(query)).status_code == 200, query


def test_lists_are_cut_down_to_what_is_left(client: Client) -> None:
    paid, owing = LineFactory(amount="20"), LineFactory()
    who = {"patient": paid.patient, "provider": paid.provider}
    spent, kept = PaymentFactory(amount="20", on={paid: "20"}, **who), PaymentFactory()
    page = look(client, url(Payment), {"unallocated_is": "more"})
    assert "By what is left" in page.words
    assert kept.number in page.words
    assert spent.number not in page.words
    assert kept.number not in look(client, url(Payment), {"unallocated_is": "less"}).words
    page = look(client, url(InvoiceLine), {"balance_is": "more"})
    assert owing.invoice.number in page.words
    assert paid.invoice.number not in page.words


def _found(client: Client, model: type[models.Model], typed: Any) -> Look:
    return look(client, url(model), {"q": typed})


def test_there_is_one_clinic_and_it_is_kept(client: Client) -> None:
    values = {
        "name": "Pine Clinic",
        "payment_terms": "14",
        "npi": "1234567893",
        "fiscal_year_month": "7",
        "currency": "USD",
        "reversal_default": "unpay",
    }
    assert client.post(url(Clinic, "add"), values).status_code == 302
    assert Clinic.current().payment_terms == 14
    assert client.get(url(Clinic, "add")).status_code == 403
    assert client.post(url(Clinic, "delete", 1), {"post": "yes"}).status_code == 403
    assert client.post(url(Clinic, "change", 1), {**values, "name": "Oak"}).status_code == 302
    assert "Oak</title>" in look(client, "/").html
    refused = client.post(url(Clinic, "change", 1), {**values, "npi": "12"})
    assert b"An NPI has ten digits." in refused.content


# --- Periods, numbers, people --------------------------------------------------------------------


def test_the_closing_date_is_moved_on_its_own_screen(client: Client, admin_user: Any) -> None:
    """By the verb that waits for those at work; here it is only looked at."""
    ledger.close_period(by=admin_user, through=day(10), seen=None)
    row = ClosingDate.objects.get()
    typed = {"closed_through": day(5).isoformat(), "reason": "x"}
    for way in (["add"], ["change", row.pk]):
        assert client.post(url(ClosingDate, *way), typed).status_code == 403
    assert client.post(url(ClosingDate, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert ClosingDate.objects.get().closed_through == day(10)
    assert '<a href="/periods/">Open periods</a>' in look(client, url(ClosingDate)).html


def test_numbers_only_go_up(client: Client) -> None:
    PaymentFactory()
    change = url(NumberSeries, "change", "R")
    assert "a number is never given" in client.post(change, {"next_number": 1}).content.decode()
    assert "go up to 9,999,999" in client.post(change, {"next_number": 10**7}).content.decode()
    assert client.post(change, {"next_number": 5000}).status_code == 302
    assert PaymentFactory().number == "R-5000"
    assert client.post(url(NumberSeries, "delete", "R"), {"post": "yes"}).status_code == 403


def test_the_number_of_invoices_is_set_before_the_first_one_only(client: Client) -> None:
    """Later it left a gap, and whoever audits the books would ask where those invoices are."""
    assert client.post(url(NumberSeries, "add"), {"prefix": "INV", "next_number": 1042})
    InvoiceFactory(issued=False)
    change = url(NumberSeries, "change", "INV")
    assert client.post(change, {"next_number": 1050}).status_code == 302
    assert InvoiceFactory().number == "INV-1050"
    refused = client.post(change, {"next_number": 2000})
    assert refused.status_code == 200
    assert (
        "Invoices are numbered without a gap, so their number can be set only before the first one"
        " is issued. The next one is INV-1051."
    ) in " ".join(refused.content.decode().split())
    assert client.post(change, {"next_number": 1051}).status_code == 302
    assert InvoiceFactory().number == "INV-1051"
    assert list(invoices_numbered_without_gaps()) == []


def test_a_series_may_be_begun_where_the_old_system_stopped(client: Client) -> None:
    assert (
        client.post(url(NumberSeries, "add"), {"prefix": "R", "next_number": 2207}).status_code
        == 302
    )
    assert PaymentFactory().number == "R-2207"
    assert (
        client.post(url(NumberSeries, "add"), {"prefix": "XX", "next_number": 1}).status_code == 200
    )


def test_patients_are_registered_with_the_next_chart_number(client: Client) -> None:
    payer = PayerFactory()
    typed = {
        "family_name": "Okafor",
        "given_name": "Maya",
        "birth_date": "1990-01-02",
        "coverages-TOTAL_FORMS": 1,
        "coverages-INITIAL_FORMS": 0,
        "coverages-0-payer": payer.pk,
        "coverages-0-member_id": "M1",
        "coverages-0-rank": 1,
    }
    assert client.post(url(Patient, "add"), typed).status_code == 302
    maya = Patient.objects.get()
    assert maya.chart_number == "P1001"
    assert maya.coverages.get().payer == payer


def test_a_patient_with_money_is_not_deleted(client: Client) -> None:
    patient = PaymentFactory().patient
    page = client.post(url(Patient, "delete", patient.pk), {"post": "yes"})
    assert page.status_code == 200
    assert "Cannot delete patient" in page.content.decode()
    chosen = {"action": "delete_selected", "_selected_action": [patient.pk], "post": "yes"}
    client.post(url(Patient), chosen)
    assert Patient.objects.filter(pk=patient.pk).exists()


def test_fees_are_typed_as_money(client: Client) -> None:
    typed = {
        "code": "90834",
        "description": "Psychotherapy",
        "active": "on",
        "fees-TOTAL_FORMS": 1,
        "fees-INITIAL_FORMS": 0,
        "fees-0-amount": "$1,250.50",
        "fees-0-valid_from": "2025-01-01",
    }
    assert client.post(url(Service, "add"), typed).status_code == 302
    assert Fee.objects.get().amount == money("1250.50")
    page = client.post(
        url(Service, "add"), {**typed, "code": "2", "fees-0-amount": "1e9"}
    ).content.decode()
    assert "That is not an amount." in page


def test_a_fee_is_offered_from_today_and_left_empty_is_none(client: Client) -> None:
    page = client.get(url(Service, "add")).content.decode()
    assert f'value="{timezone.localdate()}"' in page
    untouched = {
        "code": "90834",
        "description": "Psychotherapy",
        "active": "on",
        "fees-TOTAL_FORMS": 1,
        "fees-INITIAL_FORMS": 0,
        "fees-0-amount": "",
        "fees-0-valid_from": str(timezone.localdate()),
    }
    assert client.post(url(Service, "add"), untouched).status_code == 302
    assert not Fee.objects.exists()


def test_from_the_administration_a_link_leads_back(client: Client) -> None:
    page = client.get("/admin/").content.decode()
    assert '<a href="/">Back to Today</a>' in page
    assert "View site" not in page


def test_the_desk_has_no_administration(client: Client) -> None:
    forget_everything()
    clerk = get_user_model().objects.create_user("clerk")
    client.force_login(clerk)
    assert client.get(url(Payment)).status_code in (302, 403)


# --- The chart of accounts -----------------------------------------------------------------------


def test_an_account_is_renamed_and_stays_what_it_is_for(client: Client) -> None:
    account = LedgerAccount.objects.get(key="receivable")
    page = client.get(url(LedgerAccount, "change", account.pk)).content.decode()
    assert "What issued lines owe" in page
    typed = {"number": "1200", "name": "Debtors", "type": "asset", "key": "transit", "provider": ""}
    client.post(url(LedgerAccount, "change", account.pk), typed)
    account.refresh_from_db()
    assert (account.number, account.name, account.key) == ("1200", "Debtors", "receivable")


@pytest.mark.parametrize("number", ["", "12 00", "12-00", "ab", "1100\n", "１２", "1190", "9" * 13])
def test_a_number_that_cannot_be_in_a_journal_is_refused(client: Client, number: str) -> None:
    account = LedgerAccount.objects.get(key="income")
    typed = {"number": number, "name": "Fees", "type": "income"}
    answer = client.post(url(LedgerAccount, "change", account.pk), typed)
    account.refresh_from_db()
    if number.strip() == "1100":  # of receivable; the line break is taken off first
        assert "already exists" in answer.content.decode()
    assert answer.status_code == 200
    assert account.number == "4000"


def test_an_account_can_only_be_added_for_a_provider_and_only_such_a_one_deleted(
    client: Client,
) -> None:
    typed = {"number": "4010", "name": "Fees of Dr 1", "type": "income"}
    assert client.post(url(LedgerAccount, "add"), typed).status_code == 200
    provider = ProviderFactory(name="Dr 1")
    typed["provider"] = str(provider.pk)
    assert client.post(url(LedgerAccount, "add"), typed).status_code == 302
    own = LedgerAccount.objects.get(provider=provider)
    assert (own.key, own.number) == ("income", "4010")
    sure = {"post": "yes"}
    general = LedgerAccount.objects.get(key="income", provider=None)
    assert client.post(url(LedgerAccount, "delete", general.pk), sure).status_code == 403
    assert client.post(url(LedgerAccount, "delete", own.pk), sure).status_code == 302
    assert not LedgerAccount.objects.filter(provider=provider).exists()
