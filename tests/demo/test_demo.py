"""The demo clinic: it holds the start of both stories, whatever else it thinks up."""

import datetime
import hashlib
from decimal import Decimal
from io import StringIO
from itertools import pairwise

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from billing import balances, checks, guards
from billing.demo.clinic import Loading
from billing.demo.plan import Plan
from billing.models import (
    Adjustment,
    Allocation,
    Fee,
    Invoice,
    InvoiceLine,
    Kind,
    LineVoid,
    NumberSeries,
    Payment,
)
from patients.models import Coverage, Patient, Payer, Provider, Session

# `make demo` has 300. A few load in a second; enough fill every worklist.
FEW, ENOUGH = 20, 150


LOGIN_ROLES = {
    "frontdesk": "Front desk",
    "biller": "Biller",
    "accountant": "Accountant",
    "admin": "Administrator",
}


def load(**options: object) -> str:
    said = StringIO()
    call_command("demo", **{"patients": FEW, "verbosity": 0, **options}, stdout=said)
    return said.getvalue()


def digest() -> str:
    """Everything in the clinic but the database's own ids and the clock."""
    rows: list[object] = [
        *Patient.objects.order_by("chart_number").values_list(
            "chart_number", "family_name", "given_name", "birth_date", "phone", "email"
        ),
        *Provider.objects.order_by("name").values_list("name", "npi"),
        *Payer.objects.order_by("name").values_list("name", "payer_id", "phone"),
        *Coverage.objects.order_by("patient__chart_number", "rank").values_list(
            "patient__chart_number", "payer__name", "member_id", "rank", "start", "end"
        ),
        *Session.objects.order_by("pk").values_list(
            "patient__chart_number", "provider__name", "date", "diagnoses"
        ),
        *InvoiceLine.objects.order_by("pk").values_list(
            "invoice__number",
            "issued_on",
            "patient__chart_number",
            "provider__name",
            "payer__name",
            "code",
            "service_date",
            "amount",
            "balance",
        ),
        *Payment.objects.order_by("pk").values_list(
            "number",
            "kind",
            "date",
            "patient__chart_number",
            "provider__name",
            "payer__name",
            "method",
            "reference",
            "amount",
            "unallocated",
            "created_by__username",
        ),
        *Allocation.objects.order_by("pk").values_list(
            "payment__number", "line__invoice__number", "amount", "date", "reason"
        ),
        *Adjustment.objects.order_by("pk").values_list(
            "line__invoice__number", "kind", "amount", "date", "reason"
        ),
        *NumberSeries.objects.order_by("prefix").values_list("prefix", "next_number"),
    ]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def assert_the_stories_are_at_their_start() -> None:
    maya = Patient.objects.get(family_name="Okafor")
    assert (maya.name, maya.chart_number) == ("Okafor, Maya", "P1001")
    blueriver = Payer.objects.get(name="BlueRiver Health")
    assert str(blueriver) == "BlueRiver Health (60054)"
    policy = maya.coverages.get()
    assert (policy.payer, policy.rank) == (blueriver, 1)
    assert maya.sessions.count() == 3
    lines = list(maya.lines.select_related("invoice", "session").order_by("service_date"))
    assert len({line.invoice for line in lines}) == len({line.session for line in lines}) == 3
    for line in lines:
        assert (line.code, line.payer, line.units) == ("90837", blueriver, 1)
        assert line.amount == line.balance == Decimal("100.00")
        assert line.service
        fee = balances.Fees([line.service]).of(line.service, line.service_date, blueriver)
        assert fee
        assert fee.amount == line.amount
        assert line.session
        assert line.issued_on == line.service_date == line.session.date
    assert not Payment.objects.filter(patient=maya).exists()

    john = Patient.objects.get(family_name="Smith")
    assert (john.name, john.chart_number) == ("Smith, John", "P1042")
    dr_1 = Provider.objects.get(name="Dr 1")
    line = john.lines.get()
    assert (line.invoice.number, line.description) == ("INV-1042", "Consultation")
    assert (line.provider, line.payer) == (dr_1, None)
    assert line.session
    assert line.session.provider == dr_1
    account = balances.account(john, dr_1)
    assert (account.invoices, account.credit, account.net) == (50, 0, 50)
    assert not john.payments.exists()
    assert not john.coverages.exists()

    for touched in (*lines, line):
        assert not touched.allocations.exists()
        assert not touched.adjustments.exists()


@pytest.mark.django_db
def test_it_holds_what_it_promises() -> None:
    said = load(patients=ENOUGH)

    assert_the_stories_are_at_their_start()
    assert checks.run_all() == []
    assert f"Demo clinic: {ENOUGH} patients" in said
    assert "password remit-demo" in said
    for username in ("frontdesk", "biller", "accountant", "admin"):
        user = authenticate(HttpRequest(), username=username, password="remit-demo")
        assert user is not None
        assert user.get_full_name()
        assert user.is_superuser == user.is_staff == (username == "admin")
        assert [group.name for group in user.groups.all()] == [LOGIN_ROLES[username]]
        assert not user.user_permissions.exists()
    assert Patient.objects.count() == ENOUGH
    assert set(Provider.objects.values_list("name", flat=True)) >= {"Dr 1", "Dr 2", "Dr Lee"}
    assert_nothing_is_ahead_of_today()
    assert_documents_are_numbered_in_order_of_their_days()
    assert not InvoiceLine.objects.filter(session__isnull=True).exists()
    # The next documents are called as those of the documentation's examples.
    numbers = dict(NumberSeries.objects.values_list("prefix", "next_number"))
    assert (numbers["R"], numbers["IP"]) == (2207, 318)

    families = Patient.objects.filter(guarantor__isnull=False)
    assert families.exists()
    assert not families.filter(guarantor__guarantor__isnull=False).exists()
    # Sessions of today and yesterday wait on drafts; something was voided; some payers have fees.
    yesterday = timezone.localdate() - datetime.timedelta(days=1)
    waiting = {line.service_date for line in InvoiceLine.objects.drafted()}
    assert waiting == {timezone.localdate(), yesterday}
    assert LineVoid.objects.count() == 2
    assert Fee.objects.filter(payer__isnull=False).exists()
    assert Session.objects.filter(diagnoses="").count() == 4  # the stories'

    # Something in every worklist.
    kinds = set(Payment.objects.values_list("kind", flat=True))
    assert {Kind.RECEIPT, Kind.REVERSAL, Kind.REFUND} <= kinds
    assert Payment.objects.of_patients().with_credit().exists()
    assert Payment.objects.of_patients().overdrawn().exists()
    assert Payment.objects.of_payers().with_credit().exists()
    assert Payment.objects.of_patients().filter(date=timezone.localdate()).exists()
    assert Adjustment.objects.filter(payment__isnull=False).exists()
    lines = InvoiceLine.objects.count()
    assert 0.03 < InvoiceLine.objects.open().count() / lines < 0.35


def assert_nothing_is_ahead_of_today() -> None:
    today = timezone.localdate()
    days: list[datetime.date | None] = []
    for model, column in (
        (Session, "date"),
        (InvoiceLine, "issued_on"),
        (Payment, "date"),
        (Allocation, "date"),
        (Adjustment, "date"),
    ):
        days += model.objects.exclude(**{column: None}).values_list(column, flat=True)
    assert all(day is not None and day <= today for day in days)


def assert_documents_are_numbered_in_order_of_their_days() -> None:
    for prefix, listed in (
        ("INV", Invoice.objects.exclude(number=None).values_list("number", "issued_on")),
        ("R", Payment.objects.of_patients().receipts().values_list("number", "date")),
        ("IP", Payment.objects.of_payers().receipts().values_list("number", "date")),
    ):
        documents = sorted((int(str(number).split("-")[1]), str(day)) for number, day in listed)
        assert all(one[1] <= other[1] for one, other in pairwise(documents)), prefix
        first, last = documents[0][0], documents[-1][0]
        assert [number for number, _day in documents] == list(range(first, last + 1)), prefix


@pytest.mark.django_db
def test_the_same_day_brings_the_same_clinic() -> None:
    load()
    first = digest()
    # As somebody leaves it after trying things out.
    Patient.objects.create(family_name="New", given_name="Nora", birth_date="1990-01-01")
    load(fresh=True)
    assert digest() == first
    assert guards.missing(connection) == []
    assert_the_stories_are_at_their_start()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "day", ["2024-02-29", "2024-03-02", "2024-03-03", "2025-01-01", "2025-07-31"]
)
def test_it_is_plausible_on_any_day(day: str) -> None:
    """Saturday, Sunday, a leap day, New Year: the stories and the books hold."""

    def progress(plan: Plan) -> object:
        return lambda: None

    today = datetime.date.fromisoformat(day)
    Loading(patients=30, today=today).load(progress=progress)  # type: ignore[arg-type]
    assert_the_stories_are_at_their_start()
    assert checks.run_all() == []
    assert Payment.objects.latest("date").date <= today


@pytest.mark.django_db
def test_only_the_stories() -> None:
    load(patients=2)
    assert_the_stories_are_at_their_start()
    assert not Payment.objects.exists()


# --- When it may, and when it may not ------------------------------------------------------------


@pytest.mark.django_db
def test_it_never_touches_production(settings: pytest.FixtureRequest) -> None:
    settings.LOCAL = False  # type: ignore[attr-defined]
    patient = Patient.objects.create(family_name="Real", given_name="R", birth_date="1990-01-01")
    for options in ({}, {"once": True}, {"fresh": True}):
        with pytest.raises(CommandError, match="never into a production database"):
            load(**options)
    assert list(Patient.objects.all()) == [patient]


@pytest.mark.django_db
def test_once_does_nothing_the_second_time() -> None:
    load(once=True)
    before = digest()
    assert "nothing to do" in load(once=True)
    assert digest() == before


@pytest.mark.django_db
def test_a_clinic_is_not_loaded_into_another() -> None:
    Patient.objects.create(family_name="Own", given_name="O", birth_date="1990-01-01")
    with pytest.raises(CommandError, match="--fresh takes them out first"):
        load()
    assert Patient.objects.count() == 1


@pytest.mark.django_db
def test_a_database_server_keeps_a_clinic_that_is_not_the_demo() -> None:
    """Whoever has REMIT_LOCAL=1 and the address of a real clinic in one shell loses nothing."""
    Patient.objects.create(family_name="Own", given_name="O", birth_date="1990-01-01")
    if connection.vendor == "sqlite":
        load(fresh=True)
        assert not Patient.objects.filter(family_name="Own").exists()
        return
    with pytest.raises(CommandError, match="is not emptied"):
        load(fresh=True)
    assert Patient.objects.count() == 1


@pytest.mark.django_db
def test_what_fails_half_way_leaves_the_old_clinic(monkeypatch: pytest.MonkeyPatch) -> None:
    load()
    before = digest()

    def fail(*args: object) -> None:
        raise RuntimeError("no more")

    monkeypatch.setattr("billing.demo.clinic.think_up", fail)
    with pytest.raises(RuntimeError):
        load(fresh=True)
    assert digest() == before
    assert guards.missing(connection) == []
    assert checks.run_all() == []
