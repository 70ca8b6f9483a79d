"""A small clinic in which every model has a row: what the tests of all screens at once start from."""

from __future__ import annotations

import datetime
import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, reverse

import billing.urls
import patients.urls
from billing import balances, documents, ledger, pictures
from billing.charging import Charge
from billing.exports import record_export
from billing.models import (
    Adjustment,
    Clinic,
    CodeAction,
    Deposit,
    DeskSettings,
    Document,
    ImportFile,
    Invoice,
    InvoiceLine,
    Logo,
    Payment,
    PaymentDraft,
    Remittance,
    RemittanceRow,
    Service,
)
from billing.remittances import posting, review
from billing.remittances.uploading import upload
from billing.reports import REPORTS
from billing.reports.files import FORMATS
from billing.sharing import Entry, OffsetEntry, Owes
from patients.models import Coverage, Patient, Provider, Session
from tests.era.files import constructed
from tests.factories import (
    CoverageFactory,
    FeeFactory,
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
    ServiceFactory,
    TransferFactory,
    UserFactory,
)
from tests.factories.bills import day, money
from tests.support.pictures import png


@dataclass
class SmallClinic:
    """Mr Smith, who pays for his daughter Kim and has done everything one can do with money;
    and Mrs Stranger, who is of no concern to him."""

    client: Client  # an administrator's
    by: Any
    smith: Patient
    kim: Patient
    stranger: Patient
    dr1: Provider
    line: InvoiceLine  # Smith's, owing 100.00
    strangers_line: InvoiceLine
    receipt: Payment  # Smith's, with credit
    strangers_receipt: Payment
    check: Payment
    write_off: Adjustment
    refund: Payment
    waiting_session: Session
    strangers_session: Session
    billed_session: Session
    draft: Invoice
    coverage: Coverage
    file: ImportFile
    batch: str
    remittance: Remittance  # a draft with claims to look at
    posted: Remittance  # one whose claim found no session

    def urls(self) -> list[tuple[str, str]]:
        """(name, address) of every screen, more than once where there are several kinds of things."""
        return [
            (name, reverse(name, args=args))
            for name, route in routes()
            for args in self._arguments(name, route)
        ]

    def one_of_each(self) -> list[tuple[str, str]]:
        """As urls, but each screen with one thing of each kind: R-0001, IP-0001, T-0001."""
        kinds: dict[str, tuple[str, str]] = {}
        for name, url in self.urls():
            chosen = name.partition(":")[2] in ARGUMENTS_OF  # what is named below differs in kind
            kinds.setdefault(url if chosen else re.sub(r"\d+", "#", url), (name, url))
        return list(kinds.values())

    def _arguments(self, name: str, route: str) -> list[list[Any]]:
        wanted = re.findall(r"<(?:\w+:)?(\w+)>", route)
        screen = name.partition(":")[2]
        if screen in ARGUMENTS_OF:
            return ARGUMENTS_OF[screen](self)
        if not wanted:
            return [[]]
        if wanted == ["chart"]:
            return [[self.smith.chart_number], [self.kim.chart_number]]
        if wanted == ["number"]:
            return [[number] for number in self._numbers(route)]
        raise LookupError(f"small_clinic.py has nothing to open {name} ({route}) with")

    def _numbers(self, route: str) -> list[str]:
        """The numbers of everything the route may be about."""
        if route.startswith("payments/"):
            theirs = Payment.objects.filter(patient=self.stranger)
            found = Payment.objects.money_in().exclude(pk__in=theirs)
            found = found.filter(payer=None) if "receipt" in route else found
        elif route.startswith("insurance-payments/"):
            found = Payment.objects.receipts().of_payers()
        elif route.startswith("invoices/"):
            return [str(each.number) for each in Invoice.objects.exclude(number=None)]
        elif route.startswith("documents/"):
            return [str(each.number) for each in Document.objects.all()]
        elif route.startswith("deposits/"):
            return [each.number for each in Deposit.objects.all()]
        elif route.startswith("statements/"):
            return [self.batch]
        else:
            raise LookupError(f"small_clinic.py knows no numbers for {route}")
        return [str(each.number) for each in found]


ARGUMENTS_OF: dict[str, Any] = {
    "clinic_logo": lambda c: [[logo.digest] for logo in Logo.objects.all()],
    "session_edit": lambda c: [[c.waiting_session.pk], [c.billed_session.pk]],
    "invoice_draft": lambda c: [[c.draft.pk]],
    "coverage_edit": lambda c: [[c.smith.chart_number, c.coverage.pk]],
    "refund_undo": lambda c: [[c.receipt.number, c.refund.pk]],
    "write_off_undo": lambda c: [
        [c.write_off.pk],
        *[[each.pk] for each in Adjustment.objects.exclude(pk=c.write_off.pk).filter(undoes=None)],
    ],
    "import_upload": lambda c: [["patients"], ["fees"], ["balances"]],
    "import_template": lambda c: [["patients"], ["fees"], ["balances"]],
    "import_check": lambda c: [[c.file.kind, c.file.key]],
    "import_problems": lambda c: [[c.file.kind, c.file.key]],
    "payer_account": lambda c: [[c.check.payer_id]],
    "insurance_payment_draft_kept": lambda c: [[draft.key] for draft in PaymentDraft.objects.all()],
    "insurance_payment_discard": lambda c: [[draft.key] for draft in PaymentDraft.objects.all()],
    "era_file": lambda c: [[c.remittance.file_id], [c.posted.file_id]],
    "era_undo": lambda c: [[c.posted.file_id]],
    "remittance_detail": lambda c: [[c.remittance.pk], [c.posted.pk]],
    "remittance_undo": lambda c: [[c.posted.pk]],
    "remittance_row": lambda c: [
        [row.remittance_id, row.pk]
        for row in RemittanceRow.objects.filter(remittance__in=[c.remittance, c.posted])
    ],
    "unmatched_claim": lambda c: [[row.pk] for row in c.posted.rows.all()],
    "journal_download": lambda c: [["csv"], ["hledger"], ["beancount"]],
    "report_detail": lambda c: [[slug] for slug in REPORTS],
    "report_export": lambda c: [[slug, format] for slug in REPORTS for format in FORMATS],
    "payment_receipt": lambda c: [[c.receipt.number], [c.check.number]],
}


def routes() -> list[tuple[str, str]]:
    """(name, route) of every url of billing and patients."""
    found = []
    for module in (billing.urls, patients.urls):
        for pattern in module.urlpatterns:
            assert isinstance(pattern, URLPattern)
            found.append((f"{module.app_name}:{pattern.name}", str(pattern.pattern)))
    return list(dict.fromkeys(found))


def small_clinic() -> SmallClinic:
    by = UserFactory(username="omar", first_name="Omar", is_staff=True, is_superuser=True)
    client = Client(raise_request_exception=False)
    client.force_login(by)
    logo = pictures.read(png())
    kept = Logo.objects.create(
        digest=logo.digest,
        content=logo.content,
        content_type=logo.content_type,
        width=logo.width,
        height=logo.height,
    )
    Clinic.objects.update_or_create(pk=1, defaults={"name": "Harbor Clinic", "logo": kept})
    ledger.close_period(by=by, through=day(400), seen=None)
    CodeAction.objects.create(reason="999", action="write-off", position=999, why="Look at it")
    DeskSettings.objects.create(user=by, letter_keys=False)
    record_export(by=by, report="day-sheet", format="csv", query=QueryDict(), rows=3)
    smith = PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    kim = PatientFactory(
        family_name="Smith",
        given_name="Kim",
        guarantor=smith,
        birth_date=datetime.date(2015, 6, 1),
    )
    stranger = PatientFactory(family_name="Stranger", given_name="Maria")
    dr1, dr2 = ProviderFactory(name="Dr 1"), ProviderFactory(name="Dr 2")
    payer = PayerFactory(name="BlueRiver Health", payer_id="60054")
    start = datetime.date(2020, 1, 1)
    coverage = CoverageFactory(patient=smith, payer=payer, start=start)
    CoverageFactory(patient=stranger, payer=payer)
    therapy = ServiceFactory()
    FeeFactory(service=therapy, amount=money(85))
    FeeFactory(service=therapy, amount=money(80), payer=payer)

    line, part_paid, twice, extra, _small = (
        LineFactory(patient=smith, provider=dr1, amount=amount, by=by, ago=60)
        for amount in ("100", "100", "3", "40", "2")
    )
    LineFactory(patient=kim, provider=dr1, amount="70", by=by)
    strangers_line = LineFactory(patient=stranger, provider=dr1, amount="100", by=by)
    waiting = LineFactory(patient=smith, provider=dr2, amount="90", by=by, owed_by=payer)
    reversed_ = PaymentFactory(
        patient=smith, provider=dr2, amount="30", by=by, on={}, method="check", reference="17"
    )
    ledger.reverse(by=by, payment=reversed_, date=day(5), reason="Payment bounced")
    lena = PatientFactory(family_name="Late", given_name="Lena")
    bounced = PaymentFactory(
        patient=lena,
        provider=dr2,
        amount="25",
        by=by,
        method="check",
        on={LineFactory(patient=lena, provider=dr2, amount="25", by=by): "25"},
    )
    ledger.reverse(by=by, payment=bounced, date=day(3), reason="Payment bounced", unpay_lines=False)
    PaymentFactory(patient=smith, provider=dr1, amount="40", by=by, on={part_paid: "40"})
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="60", by=by, on={extra: "20"})
    strangers_receipt = PaymentFactory(
        patient=stranger, provider=dr1, amount="50", by=by, on={strangers_line: "10"}
    )
    check = InsurancePaymentFactory(payer=payer, amount="80", by=by, on={waiting: ("50", "10")})
    posted = ledger.adjust(
        by=by, line=part_paid, amount=money(7), kind="courtesy", date=day(9), reason="Hardship"
    )
    undone = ledger.adjust(
        by=by, line=part_paid, amount=money(2), kind="courtesy", date=day(9), reason="Hardship"
    ).adjustments[0]
    ledger.undo_write_off(by=by, adjustment=undone, date=day(8), reason="Paid after all")
    refund = RefundFactory(payment=receipt, amount="5", ago=7, by=by)
    TransferFactory(payment=receipt, amount="4", provider=dr2, ago=6, by=by)
    ledger.void_line(by=by, line=twice, date=day(5), reason="Entered twice")
    old = PaymentFactory(patient=kim, provider=dr1, amount="12", by=by)
    ledger.deposit(by=by, payments=[old], date=day(4))
    ledger.record_opening(
        by=by,
        balances=[ledger.OpeningBalance(kim, dr1, money("-6"), day(100))],
    )
    assert refund
    waiting_session, billed_session, strangers_session = (
        _visit(by, patient, dr1, therapy) for patient in (smith, smith, stranger)
    )
    ledger.bill_sessions(by=by, sessions=[billed_session], date=day(0), key=uuid.uuid4())
    draft = InvoiceFactory(patient=smith, provider=dr1, by=by, issued=False)
    kind = {"patient": smith, "first": None, "last": day(0)}
    letterhead = Clinic.current()
    for issued in (
        documents.invoice(
            letterhead, Invoice.objects.select_related("patient").get(pk=line.invoice_id)
        ),
        documents.receipt(letterhead, Payment.objects.with_names().get(pk=receipt.pk)),
        documents.statement(letterhead, [balances.statement(**kind)], family=False),
        documents.superbill(letterhead, smith, dr1, [line], first=day(90), last=day(0)),
    ):
        documents.issue(issued, by=by)
    batch = documents.Batch(by=by, patients=[stranger.pk], first=None, last=day(0))
    list(batch.make())
    file = ImportFile.objects.keep(
        by=by,
        kind="patients",
        data=b"family_name,given_name,birth_date\nNew,Nora,1980-05-17\nBad,Bob,nonsense\n",
        name="patients.csv",
    )
    client.post(file.get_absolute_url(), {"action": "check"})
    file.refresh_from_db()
    ledger.record_payment(
        by=by,
        payer=payer,
        amount=money(15),
        method="eft",
        reference="EFT-1",
        date=day(2),
        entries=[
            Entry(waiting.pk, money(10), owes=(Owes("copay", money(20)),), codes="CO-45"),
        ],
        offsets=[OffsetEntry("WO", money(-5), "ICN9")],
    )
    PaymentDraft.objects.create(
        key=uuid.uuid4(), owner=by, payer=payer, data={"amount": "12"}, amount=money(12)
    )
    remittance = upload("c8.835", constructed(8), by=by).drafts[0]
    upload("c4.835", constructed(4), by=by)  # with provider adjustments
    posted_claim = upload("c6.835", constructed(6), by=by).drafts[0]
    for each in (remittance, posted_claim):
        with review.changing(each.pk) as locked:
            review.choose_payer(locked, payer, by=by)
    for row in posted_claim.rows.all():
        review.leave_unapplied(row)
    with review.changing(posted_claim.pk) as locked:
        posting.save(locked, by=by, sure=True)
    posted_claim.refresh_from_db()
    ledger.make_journal_batch(by=by, through=day(2))
    return SmallClinic(
        client=client,
        by=by,
        smith=smith,
        kim=kim,
        stranger=stranger,
        dr1=dr1,
        line=line,
        strangers_line=strangers_line,
        receipt=receipt,
        strangers_receipt=strangers_receipt,
        check=check,
        write_off=posted.adjustments[0],
        refund=refund,
        waiting_session=waiting_session,
        billed_session=billed_session,
        strangers_session=strangers_session,
        draft=draft,
        coverage=coverage,
        file=file,
        batch=batch.saved.number,
        remittance=remittance,
        posted=posted_claim,
    )


def _visit(by: Any, patient: Patient, provider: Provider, service: Service) -> Session:
    draft = ledger.enter_session(
        by=by,
        patient=patient,
        provider=provider,
        date=day(0),
        place_of_service="11",
        diagnoses="F41.1",
        charges=[
            Charge(
                provider=provider,
                date=day(0),
                code=service.code,
                description=service.description,
                units=1,
                amount=money(85),
                service=service,
            )
        ],
    ).invoices[0]
    session = draft.lines.all()[0].session
    assert session
    return session


def models() -> list[Any]:
    """Every model of billing and patients."""
    return [
        model for app in ("billing", "patients") for model in apps.get_app_config(app).get_models()
    ]


def everything(*, but: frozenset[str] = frozenset()) -> str:
    """One fingerprint of every row there is, of money and of people."""
    found = hashlib.sha256()
    with connection.cursor() as cursor:
        for model in models():
            table = model._meta.db_table
            if model.__name__ not in but:
                cursor.execute(f"SELECT * FROM {table}")
                found.update(f"{table} {sorted(map(str, cursor.fetchall()))}".encode())
    return found.hexdigest()
