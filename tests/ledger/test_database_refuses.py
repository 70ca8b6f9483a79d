"""What the database itself refuses, whoever asks: raw SQL against R1–R5, R8, R9 and R10.

Each attack is one statement. It has to be refused by the trigger or constraint that is meant to,
and to leave every table as it was. With the triggers off, the ones they refuse go through: so it
is not something else that stops them (the negative control).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, models, transaction
from django.http import QueryDict

from billing import checks, guards, ledger
from billing.exports import record_export
from billing.models import (
    Adjudication,
    Adjustment,
    Allocation,
    ClosingDate,
    Deposit,
    DepositItem,
    InvoiceLine,
    JournalBatch,
    JournalItem,
    LineVoid,
    Offset,
    Payment,
    Responsibility,
    Submission,
)
from billing.models.append_only import AppendOnlyError
from billing.sharing import Entry, OffsetEntry, Owes
from tests.factories import (
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day, money
from tests.ledger.books import digest, free, owing

pytestmark = pytest.mark.django_db

SQLITE, POSTGRESQL = ["sqlite"], ["postgresql"]
BOTH = [*SQLITE, *POSTGRESQL]


# --- The scene -----------------------------------------------------------------------------------


class Scene:
    """A clinic after some days, closed through 40 days ago."""

    def __init__(self) -> None:
        self.by = OwnerFactory()
        smith, okafor = PatientFactory(), PatientFactory()
        dr1, dr2 = ProviderFactory(name="Dr 1"), ProviderFactory(name="Dr 2")
        blueriver, cascade = PayerFactory(), PayerFactory()
        self.smith, self.okafor, self.dr1, self.dr2 = smith, okafor, dr1, dr2
        self.blueriver, self.cascade = blueriver, cascade

        def line(patient: Any = smith, provider: Any = dr1, **more: Any) -> InvoiceLine:
            return LineFactory(patient=patient, provider=provider, **{"ago": 30, **more})

        def paid(amount: str, on: Any = None, ago: int = 20) -> Payment:
            return PaymentFactory(patient=smith, provider=dr1, amount=amount, on=on or {}, ago=ago)

        self.old_line = line(ago=60)
        self.old_receipt = paid("100", ago=55)
        self.open, self.shared, self.insured = line(), line(), line()
        self.of_dr2, self.hers = line(provider=dr2), line(patient=okafor)
        self.draft = InvoiceFactory(patient=smith, provider=dr1, issued=False).lines.get()
        # The old receipt is kept as it was: its credit covers nothing, since all this nets out.
        self.receipt = paid("60", {self.shared: "20"})
        self.other = paid("30", {self.shared: "30"})
        self.free = paid("50")
        self.bounced = paid("15")
        self.reversal = self.undone(self.bounced)
        self.refund = self.posted(
            ledger.refund(
                by=self.by,
                payment=self.free,
                amount=money(5),
                method="cash",
                date=day(15),
                reason="Asked",
            )
        )
        self.into = self.posted(
            ledger.transfer(
                by=self.by,
                payment=self.free,
                amount=money(10),
                patient=smith,
                provider=dr2,
                date=day(15),
                reason="Seen by Dr 2",
            )
        )
        assert self.into.original
        self.out = self.into.original
        self.check = InsurancePaymentFactory(
            payer=blueriver, amount="100", on={self.insured: ("60", "10")}, reference="104482"
        )
        self.over = InsurancePaymentFactory(
            payer=cascade, amount="5", on={self.hers: "25"}, over_allocation_reason="Offset"
        )
        self.small = InsurancePaymentFactory(payer=cascade, amount="15", on={self.insured: "10"})
        undone = InsurancePaymentFactory(payer=cascade, amount="20", on={self.hers: ("0", "20")})
        self.undone(undone)
        self.given_back = Adjustment.objects.get(undoes__isnull=False)
        self.write_off = Adjustment.objects.get(payment=self.check)
        self.allocation = self.receipt.allocations.get()
        self.key = uuid4()
        ledger.record_payment(
            by=self.by,
            patient=smith,
            provider=dr1,
            amount=money(1),
            method="cash",
            date=day(1),
            key=self.key,
        )
        self.submission = Submission.objects.get()
        self.billed_twice, self.paid_off, self.of_cascade = line(), line(), line()
        self.void = self.voided(self.billed_twice)
        paid("100", {self.paid_off: "100"})
        # Cascade wrote 25.00 off; the desk took off the rest.
        InsurancePaymentFactory(payer=cascade, amount="1", on={self.of_cascade: ("0", "25")})
        ledger.adjust(
            by=self.by,
            line=self.of_cascade,
            amount=money(75),
            kind="courtesy",
            date=day(9),
            reason="Hardship",
        )
        self.free_of_charge = line(amount="0")
        self.of_old = line(amount="0", ago=60)
        self.gone = paid("8")
        self.deletion = self.posted(
            ledger.void(by=self.by, payment=self.gone, reason="Typing error")
        )
        self.of_transfer = self.undone(self.moved_and_back())
        self.banked, self.late = paid("7"), paid("9", ago=2)
        old_slip = ledger.deposit(by=self.by, payments=[paid("6", ago=50)], date=day(50))
        slip = ledger.deposit(by=self.by, payments=[self.banked], date=day(4))
        assert slip.deposit
        assert old_slip.deposit
        self.slip, self.old_slip = slip.deposit, old_slip.deposit
        batch = ledger.make_journal_batch(by=self.by, through=day(20)).batch
        assert batch
        self.batch = batch
        self.booked = batch.items.filter(kind="payment").earliest("pk")
        self.item = self.slip.items.get()
        self.answered, self.moved, self.unsaid_line = (
            line(owed_by=payer) for payer in (blueriver, cascade, blueriver)
        )
        self.remittance = self.answers(self.answered)
        self.said = self.remittance.responsibilities.get()
        self.answer = self.remittance.adjudications.get()
        self.offset = self.remittance.offsets.get()
        self.by_hand = ledger.set_responsibility(
            by=self.by, lines=[self.moved], payer=None, date=day(9), reason="Not covered"
        ).adjudications[0]
        taken_back = self.answers(self.unsaid_line)
        self.reversal_of_payer = self.undone(taken_back)
        self.unsaid = taken_back.responsibilities.get(undoes__isnull=False)
        self.unanswered = taken_back.adjudications.get(undoes__isnull=False)
        self.unkept = taken_back.offsets.get(undoes__isnull=False)
        self.closing = ClosingDate.objects.create(closed_through=day(40), created_by=self.by)
        self.export = record_export(
            by=self.by, report="day-sheet", format="csv", query=QueryDict("from=2025-11-01"), rows=3
        )
        if connection.vendor == "postgresql":
            # Else TRUNCATE and DROP TRIGGER are refused because of foreign keys not yet looked at.
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def answers(self, line: InvoiceLine) -> Payment:
        """80.00 on the line, a copay of 20.00, and 25.00 kept for something else."""
        copay = Owes("copay", money(20), "3")
        return self.posted(
            ledger.record_payment(
                by=self.by,
                payer=self.blueriver,
                amount=money(55),
                method="eft",
                date=day(9),
                entries=[Entry(line.pk, money(80), codes="PR-3", owes=(copay,))],
                offsets=[OffsetEntry("WO", money(25), "ICN9")],
            )
        )

    @staticmethod
    def posted(posted: ledger.Posted) -> Payment:
        assert posted.payment
        return posted.payment

    def voided(self, line: InvoiceLine) -> LineVoid:
        posted = ledger.void_line(by=self.by, line=line, date=day(5), reason="Billed twice")
        return posted.voids[0]

    def moved_and_back(self) -> Payment:
        return self.posted(
            ledger.transfer(
                by=self.by,
                payment=self.free,
                amount=money(3),
                patient=self.smith,
                provider=self.dr2,
                date=day(6),
                reason="Seen by Dr 2",
            )
        )

    def undone(self, payment: Payment) -> Payment:
        return self.posted(
            ledger.reverse(by=self.by, payment=payment, date=day(5), reason="Bounced")
        )


@pytest.fixture
def scene() -> Scene:
    return Scene()


def run(sql: str, values: list[Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def columns(row: models.Model) -> dict[str, Any]:
    """The stored columns of a row, as the database has them, without its id."""
    fields = [each for each in row._meta.concrete_fields if not each.generated]
    names = [each.column for each in fields if not each.primary_key]
    with connection.cursor() as cursor:
        listed = ", ".join(names)
        sql = f"SELECT {listed} FROM {row._meta.db_table} WHERE id = %s"
        cursor.execute(sql, [row.pk])
        return dict(zip(names, cursor.fetchone(), strict=True))


def insert(like: models.Model, how: str = "INSERT INTO", end: str = "", **changes: Any) -> None:
    """Insert a copy of a row with these columns changed; amounts are in cents."""
    row = columns(like)
    if "control_number" in row:
        row["control_number"] = ""  # the original's own
    row |= changes
    places = ", ".join(["%s"] * len(row))
    table = like._meta.db_table
    run(f"{how} {table} ({', '.join(row)}) VALUES ({places}) {end}", list(row.values()))


def new_payment(like: Payment, **changes: Any) -> None:
    """A copy as an honest insert would begin it: nothing allocated, returned or reversed."""
    date = changes.pop("date", day(0))
    insert(
        like,
        **{
            "number": None if like.number is None else f"X-{uuid4().hex[:6]}",
            "reference": "",
            "allocated": 0,
            "returned": 0,
            "reversed": False,
            "date": date,
            "last_date": date,
            **changes,
        },
    )


def undo(of: Payment, **changes: Any) -> None:
    """A reversal row of a payment, as an honest insert would write it."""
    amount = -int(of.amount * 100)
    source = of.source_id or of.pk
    new_payment(
        of,
        **{
            "kind": "reversal",
            "number": None,
            "amount": amount,
            "original_id": of.pk,
            "source_id": source,
            "reason": "Bounced",
            "over_allocation_reason": "",
            **changes,
        },
    )


def draw(of: Payment, kind: str, amount: int, **changes: Any) -> None:
    """A refund or transfer out of a receipt."""
    undo(of, **{"kind": kind, "amount": amount, "source_id": of.pk, **changes})


def pay(s: Scene, payment: Payment, line: InvoiceLine, amount: int, **changes: Any) -> None:
    """An allocation row, as an honest insert would write it."""
    reason = "" if amount > 0 else "Un-paid"
    insert(
        s.allocation,
        **{
            "payment_id": payment.pk,
            "line_id": line.pk,
            "amount": amount,
            "date": day(0),
            "reason": reason,
            **changes,
        },
    )


def adjust(s: Scene, line: InvoiceLine, amount: int, **changes: Any) -> None:
    insert(
        s.write_off,
        **{
            "line_id": line.pk,
            "amount": amount,
            "payment_id": None,
            "date": day(0),
            "reason": "Courtesy",
            **changes,
        },
    )


def void(s: Scene, line: InvoiceLine, **changes: Any) -> None:
    """A row that says a line is void, as an honest insert would write it."""
    insert(s.void, **{"line_id": line.pk, "date": day(0), **changes})


def bank(s: Scene, payment: Payment, **changes: Any) -> None:
    """One payment more on the slip of four days ago."""
    insert(s.item, **{"payment_id": payment.pk, **changes})


def hand_over(s: Scene, **changes: Any) -> None:
    """One item more in the journal batch of twenty days ago."""
    insert(s.booked, **changes)


def issue(s: Scene, **changes: Any) -> None:
    day_of_issue = {"issued_on": day(30), "last_date": day(30)}
    fresh = {"invoice_id": s.draft.invoice_id, "paid": 0, "adjusted": 0}
    insert(s.open, **{**fresh, **day_of_issue, **changes})


def say(s: Scene, **changes: Any) -> None:
    """What an insurer says the patient owes, as an honest insert would write it."""
    insert(s.said, **{"date": day(0), **changes})


def answer(s: Scene, **changes: Any) -> None:
    """An insurer's answer on a line."""
    insert(s.answer, **{"date": day(0), **changes})


def keep(s: Scene, **changes: Any) -> None:
    """An offset of an insurer's payment."""
    insert(s.offset, **{"date": day(0), **changes})


def unsay(s: Scene, **changes: Any) -> None:
    of = {"undoes_id": s.said.pk, "amount": -2000, "reason": "Bounced"}
    say(s, **{**of, **changes})


def unanswer(s: Scene, **changes: Any) -> None:
    turned = {"owed_before_id": s.answer.owed_after_id, "owed_after_id": s.answer.owed_before_id}
    answer(s, **{"undoes_id": s.answer.pk, "reason": "Bounced", **turned, **changes})


def unkeep(s: Scene, **changes: Any) -> None:
    of = {"undoes_id": s.offset.pk, "amount": -2500, "reason": "Bounced"}
    keep(s, **{**of, **changes})


def change(row: models.Model, what: str) -> None:
    run(f"UPDATE {row._meta.db_table} SET {what} WHERE id = {row.pk}")


def delete(row: models.Model) -> None:
    run(f"DELETE FROM {row._meta.db_table} WHERE id = {row.pk}")


# --- The attacks ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attack:
    """`by` is what must refuse it: words of the trigger's message, or the constraint's name."""

    name: str
    by: str
    attempt: Callable[[Scene], None]
    on: tuple[str, ...] = tuple(BOTH)
    control: bool = True
    """Does it go through without the triggers? (Not where a constraint stands behind them.)"""


def trigger(name: str, by: str, attempt: Callable[[Scene], None], **more: Any) -> Attack:
    return Attack(name, by, attempt, **more)


def constraint(name: str, by: str, attempt: Callable[[Scene], None], **more: Any) -> Attack:
    return Attack(name, by, attempt, control=False, **more)


NEVER_CHANGED, NEVER_DELETED = "R1: a .* is never changed", "R1: a .* is never deleted"
NOT_BOOKED = "A journal batch holds rows of money up to its date"

ATTACKS: list[Attack] = [
    # ------------------------------------------------------------------ R1: changes
    *(
        trigger(f"R1 a payment's {what}", NEVER_CHANGED, lambda s, w=what: change(s.free, w))
        for what in (
            "amount = amount + 1000",
            "date = '2020-01-01'",
            "patient_id = 0 + patient_id + 1",
            "method = 'card'",
            "reference = 'another'",
            "number = 'R-9999'",
            "reason = 'another'",
            "created_at = '2020-01-01 00:00:00+00'",
        )
    ),
    trigger(
        "R1 a payment's kind",
        NEVER_CHANGED,
        lambda s: change(s.free, "kind = 'refund'"),
        control=False,
    ),
    trigger(
        "R1 who entered a payment",
        NEVER_CHANGED,
        lambda s: change(s.free, f"created_by_id = {OwnerFactory(username='ben').pk}"),
    ),
    trigger(
        "R1 a reversal's original",
        NEVER_CHANGED,
        lambda s: change(s.reversal, f"original_id = {s.receipt.pk}"),
    ),
    trigger(
        "R1 an allocation's amount",
        NEVER_CHANGED,
        lambda s: change(s.allocation, "amount = amount - 1"),
    ),
    trigger(
        "R1 an allocation's line",
        NEVER_CHANGED,
        lambda s: change(s.allocation, f"line_id = {s.open.pk}"),
    ),
    trigger(
        "R1 an allocation's receipt",
        NEVER_CHANGED,
        lambda s: change(s.allocation, f"payment_id = {s.other.pk}"),
    ),
    trigger(
        "R1 an allocation's day",
        NEVER_CHANGED,
        lambda s: change(s.allocation, "date = '2020-01-01'"),
    ),
    trigger(
        "R1 all allocations at once",
        NEVER_CHANGED,
        lambda s: run("UPDATE billing_allocation SET reason = 'x'"),
    ),
    trigger(
        "R1 an adjustment's amount",
        NEVER_CHANGED,
        lambda s: change(s.write_off, "amount = amount - 1"),
    ),
    trigger(
        "R1 an adjustment's kind",
        NEVER_CHANGED,
        lambda s: change(s.write_off, "kind = 'bad_debt'"),
    ),
    *(
        trigger(f"R1 an issued line's {what}", NEVER_CHANGED.replace("a ", "an "), attempt)
        for what, attempt in {
            "amount": lambda s: change(s.open, "amount = amount + 1"),
            "patient": lambda s: change(s.open, f"patient_id = {s.okafor.pk}"),
            "provider": lambda s: change(s.open, f"provider_id = {s.dr2.pk}"),
            "service date": lambda s: change(s.open, "service_date = '2020-01-01'"),
            "day of issue": lambda s: change(s.open, "issued_on = '2020-01-01'"),
            "issue, taken back": lambda s: change(s.open, "issued_on = NULL, last_date = NULL"),
            "invoice": lambda s: change(s.open, f"invoice_id = {s.hers.invoice_id}"),
        }.items()
    ),
    trigger(
        "R1 an issued invoice's number",
        "R1: an issued invoice is never changed",
        lambda s: change(s.open.invoice, "number = 'INV-9999'"),
    ),
    trigger(
        "R1 an issued invoice's patient",
        "R1: an issued invoice is never changed",
        lambda s: change(s.open.invoice, f"patient_id = {s.okafor.pk}"),
    ),
    trigger(
        "R1 an issued invoice made a draft again",
        "R1: an issued invoice is never changed",
        lambda s: change(s.open.invoice, "number = NULL, issued_on = NULL, issued_at = NULL"),
    ),
    trigger(
        "R1 past the manager, by a plain QuerySet",
        NEVER_CHANGED,
        lambda s: models.QuerySet(Allocation).update(amount=money(1)),
    ),
    # ------------------------------------------------------------------ R1: deletions
    trigger("R1 a payment deleted", NEVER_DELETED, lambda s: delete(s.reversal)),
    trigger("R1 an allocation deleted", NEVER_DELETED, lambda s: delete(s.allocation)),
    trigger("R1 an adjustment deleted", NEVER_DELETED, lambda s: delete(s.given_back)),
    trigger(
        "R1 all allocations deleted",
        NEVER_DELETED,
        lambda s: run("DELETE FROM billing_allocation"),
    ),
    trigger(
        "R1 deleted past the manager",
        NEVER_DELETED,
        lambda s: models.QuerySet(Allocation)._raw_delete("default"),
    ),
    trigger(
        "R1 an issued line deleted",
        "R1: an issued line is never deleted",
        lambda s: delete(s.open),
    ),
    trigger(
        "R1 an issued invoice deleted",
        "R1: an issued invoice is never deleted",
        lambda s: delete(s.open.invoice),
        control=False,  # its line stands behind it
    ),
    *(
        trigger(
            f"R1 {table} emptied",
            "R1: .* is never emptied",
            lambda s, t=table: run(f"TRUNCATE billing_{t} CASCADE"),
            on=("postgresql",),
        )
        for table in ("payment", "allocation", "adjustment", "invoiceline", "invoice")
    ),
    # ------------------------------------------------------------------ R1: replaced
    trigger(
        "R1 an allocation replaced under its id",
        NEVER_DELETED,
        lambda s: insert(
            s.allocation, how="REPLACE INTO", id=s.allocation.pk, amount=100, date=day(0)
        ),
        on=("sqlite",),
    ),
    trigger(
        "R1 an adjustment replaced under its id",
        NEVER_DELETED,
        lambda s: insert(
            s.write_off,
            how="INSERT OR REPLACE INTO",
            id=s.write_off.pk,
            payment_id=None,
            amount=100,
            date=day(0),
        ),
        on=("sqlite",),
    ),
    trigger(
        "R1 an issued line replaced under its id",
        "R1: an issued (line is never deleted|invoice gets no further line)",
        lambda s: insert(s.open, how="REPLACE INTO", id=s.open.pk, amount=100),
        on=("sqlite",),
    ),
    trigger(
        "R1 a payment replaced through its unique number",
        NEVER_DELETED,
        lambda s: insert(
            s.old_receipt, how="REPLACE INTO", amount=99900, date=day(0), last_date=day(0)
        ),
        on=("sqlite",),
    ),
    trigger(
        "R1 a payment replaced by an UPDATE OR REPLACE",
        NEVER_CHANGED,
        lambda s: run(
            f"UPDATE OR REPLACE billing_payment SET number = '{s.receipt.number}'"
            f" WHERE id = {s.free.pk}"
        ),
        on=("sqlite",),
    ),
    trigger(
        "R1 an allocation rewritten by an upsert",
        NEVER_CHANGED,
        lambda s: insert(
            s.allocation,
            id=s.allocation.pk,
            amount=100,
            date=day(0),
            end="ON CONFLICT (id) DO UPDATE SET amount = 100",
        ),
    ),
    # ------------------------------------------------------------------ derived totals
    *(
        trigger(
            f"totals of a line: {what}",
            "R2: a line's totals",
            lambda s, w=what: change(s.insured, w),
        )
        for what in (
            "paid = paid - 1000",
            "paid = 0",
            "adjusted = 0",
            "adjusted = adjusted + 100",
            "last_date = '2020-01-01'",
        )
    ),
    *(
        trigger(
            f"totals of a payment: {what}",
            "R3: a payment's totals",
            lambda s, w=what: change(s.free, w),
        )
        for what in (
            "allocated = 500",
            "returned = 0",
            "returned = returned + 100",
            "reversed = TRUE",
            "last_date = '2020-01-01'",
        )
    ),
    trigger(
        "totals of a payment: reversed, made standing again",
        "R3: a payment's totals",
        lambda s: change(s.bounced, "reversed = FALSE"),
    ),
    # ------------------------------------------------------------------ R2: lines
    trigger(
        "R2 un-paying more than this receipt holds on the line",
        "R2: no receipt takes back more",
        lambda s: pay(s, s.receipt, s.shared, -3000),
        control=False,  # the receipt's own allocated would be below nothing
    ),
    trigger(
        "R2 a payer taking back what another payer paid",
        "R2: no receipt takes back more",
        lambda s: pay(s, s.small, s.insured, -1001),
    ),
    trigger(
        "R2 a payer taking back what the patient paid",
        "R2: no receipt takes back more",
        lambda s: pay(s, s.check, s.shared, -1),
    ),
    constraint(
        "R2 a line paid more than it owes",
        "r2_line_balance_not_negative",
        lambda s: pay(s, s.old_receipt, s.shared, 5001),
    ),
    constraint(
        "R2 a line written off more than it owes",
        "r2_line_balance_not_negative",
        lambda s: adjust(s, s.shared, 5001),
    ),
    constraint(
        "R2 a line below nothing",
        "line_amount_not_negative",
        lambda s: issue(s, amount=-100),
    ),
    trigger(
        "R2 a line that begins paid",
        "R2: a line begins with nothing",
        lambda s: issue(s, paid=100),
    ),
    trigger(
        "R2 a line that begins written off",
        "R2: a line begins with nothing",
        lambda s: issue(s, adjusted=100),
    ),
    constraint(
        "R2 an allocation of nothing",
        "allocation_not_zero",
        lambda s: pay(s, s.receipt, s.open, 0),
    ),
    # ------------------------------------------------------------------ R3: receipts
    constraint(
        "R3 more allocated than a patient paid",
        "r3_unallocated_not_negative",
        lambda s: pay(s, s.receipt, s.open, 4001),
    ),
    constraint(
        "R3 more allocated than a payer paid, without a reason",
        "r3_unallocated_not_negative",
        lambda s: pay(s, s.check, s.open, 4001),
    ),
    constraint(
        "R3 the reason of an over-allocation wiped out",
        "r3_unallocated_not_negative",
        lambda s: change(s.over, "over_allocation_reason = ''"),
    ),
    *(
        constraint(
            f"R3 a patient's receipt of {amount} cents",
            "r3_sign_of_amount",
            lambda s, a=amount: new_payment(s.free, amount=a),
        )
        for amount in (0, -2000)
    ),
    trigger(
        "R3 a receipt that begins allocated",
        "R3: a payment begins with nothing",
        lambda s: new_payment(s.free, allocated=100),
    ),
    trigger(
        "R3 a receipt that begins with more than its amount",
        "R3: a payment begins with nothing",
        lambda s: new_payment(s.free, returned=-100000),
    ),
    trigger(
        "R3 a receipt that begins reversed",
        "R3: a payment begins with nothing",
        lambda s: new_payment(s.free, reversed=True),
    ),
    trigger(
        "R3 a reversed receipt that pays a line",
        "R5: a standing receipt",
        lambda s: pay(s, s.bounced, s.open, 100),
    ),
    constraint(
        "R3 a receipt of nobody",
        "payment_of_account_or_payer",
        lambda s: new_payment(s.free, patient_id=None, provider_id=None),
    ),
    constraint(
        "R3 a receipt of a patient and a payer",
        "payment_of_account_or_payer",
        lambda s: new_payment(s.free, payer_id=s.blueriver.pk),
    ),
    # ------------------------------------------------------------------ R4: undoing
    constraint("R4 a second reversal", "r4_undone_once|original_id", lambda s: undo(s.bounced)),
    trigger(
        "R4 a reversal of another amount",
        "R4: the row does not fit",
        lambda s: undo(s.receipt, amount=-5999),
    ),
    trigger(
        "R4 a reversal that gives instead of taking",
        "R4: the row does not fit",
        lambda s: undo(s.receipt, amount=6000),
    ),
    trigger("R4 a reversal of a reversal", "R4: the row does not fit", lambda s: undo(s.reversal)),
    trigger(
        "R4 a reversal on another patient's account",
        "R4: the row does not fit",
        lambda s: undo(s.receipt, patient_id=s.okafor.pk),
    ),
    trigger(
        "R4 a reversal that draws on another receipt",
        "R4: the row does not fit",
        lambda s: undo(s.receipt, source_id=s.old_receipt.pk),
    ),
    trigger(
        "R4 a reversal that points at nothing",
        "R4: the row does not fit",
        lambda s: undo(s.receipt, original_id=None),
        control=False,
    ),
    constraint(
        "R4 a receipt that points at something",
        "r4_undoing_points_at_original",
        lambda s: new_payment(s.free, original_id=s.receipt.pk),
    ),
    constraint(
        "R4 more refunded than is unallocated",
        "R4: the row does not fit|r3_unallocated_not_negative",
        lambda s: draw(s.receipt, "refund", -4001),
    ),
    constraint(
        "R4 more transferred than is unallocated",
        "R4: the row does not fit|r3_unallocated_not_negative",
        lambda s: draw(s.receipt, "transfer_out", -4001),
    ),
    trigger(
        "R4 a refund of a reversed receipt",
        "R4",
        lambda s: draw(s.bounced, "refund", -100),
    ),
    trigger(
        "R4 a transfer out of a reversed receipt",
        "R4",
        lambda s: draw(s.bounced, "transfer_out", -100),
    ),
    trigger(
        "R4 an insurer's money moved to a patient",
        "R4",
        lambda s: draw(s.check, "transfer_out", -100),
    ),
    trigger(
        "R4 a refund of an over-allocated check",
        "R4",
        lambda s: draw(s.over, "refund", -100),
    ),
    constraint(
        "R4 a refund that brings money in",
        "r3_sign_of_amount",
        lambda s: draw(s.receipt, "refund", 100),
    ),
    trigger(
        "R4 a refund of a refund",
        "R4: the row does not fit",
        lambda s: draw(s.refund, "refund", -100),
    ),
    trigger(
        "R4 a transfer in of another amount than went out",
        "R4: the row does not fit",
        lambda s: new_payment(s.into, amount=1001, original_id=s.out.pk),
        control=False,  # and the pair is complete already
    ),
    constraint(
        "R4 a second transfer in for one that went out",
        "r4_transfer_has_one_other_side|original_id",
        lambda s: new_payment(s.into),
    ),
    trigger(
        "R4 a write-off given back in another amount",
        "R4: the row does not fit",
        lambda s: adjust(s, s.insured, -999, undoes_id=s.write_off.pk),
    ),
    trigger(
        "R4 a write-off given back on another line",
        "R4: the row does not fit",
        lambda s: adjust(s, s.open, -1000, undoes_id=s.write_off.pk),
    ),
    constraint(
        "R4 a write-off given back twice",
        "undoes_id",
        lambda s: insert(s.given_back, date=day(0)),
    ),
    # ------------------------------------------------------------------ R5: whose line
    trigger(
        "R5 another patient's line",
        "R5: a standing receipt",
        lambda s: pay(s, s.receipt, s.hers, 100),
    ),
    trigger(
        "R5 another provider's line",
        "R5: a standing receipt",
        lambda s: pay(s, s.receipt, s.of_dr2, 100),
    ),
    trigger(
        "R5 a line nobody was billed for",
        "R5: a standing receipt",
        lambda s: pay(s, s.receipt, s.draft, 100),
        control=False,
    ),
    constraint(
        "R5 a line paid by money that went out",
        "payment_only_money_in_pays|r3_patient_allocated",
        lambda s: pay(s, s.refund, s.open, 100),
    ),
    trigger(
        "R5 a write-off that came with a patient's payment",
        "An adjustment comes with an insurer's receipt",
        lambda s: adjust(s, s.open, 100, payment_id=s.receipt.pk),
    ),
    trigger(
        "R5 a write-off of a draft",
        "An adjustment is on an issued line",
        lambda s: adjust(s, s.draft, 100),
        control=False,
    ),
    # ------------------------------------------------------------------ R8: closed days
    trigger(
        "R8 a payment on a closed day",
        "R8: the day is closed",
        lambda s: new_payment(s.free, date=day(40)),
    ),
    trigger(
        "R8 a reversal on a closed day",
        "R8: the day is closed",
        lambda s: undo(s.old_receipt, date=day(45)),
    ),
    trigger(
        "R8 an allocation on a closed day",
        "R8: the day is closed",
        lambda s: pay(s, s.old_receipt, s.old_line, 100, date=day(45)),
    ),
    trigger(
        "R8 an adjustment on a closed day",
        "R8: the day is closed",
        lambda s: adjust(s, s.old_line, 100, date=day(45)),
    ),
    trigger(
        "R8 a line issued on a closed day",
        "R8: the day is closed",
        lambda s: issue(s, issued_on=day(45), last_date=day(45)),
    ),
    trigger(
        "R8 a draft issued on a closed day",
        "R8: the day is closed",
        lambda s: change(s.draft, f"issued_on = '{day(45)}', last_date = '{day(45)}'"),
    ),
    trigger(
        "R8 an allocation before its receipt",
        "R5: a standing receipt .* not before their last row",
        lambda s: pay(s, s.receipt, s.old_line, 100, date=day(21)),
    ),
    trigger(
        "R8 an allocation before its line",
        "R5: a standing receipt .* not before their last row",
        lambda s: pay(s, s.old_receipt, s.open, 100, date=day(31)),
    ),
    trigger(
        "R8 an adjustment before the last row of its line",
        "An adjustment is on an issued line, not before",
        lambda s: adjust(s, s.shared, 100, date=day(21)),
    ),
    trigger(
        "R8 a reversal before the last row of its receipt",
        "cannot be dated before the receipt",
        lambda s: undo(s.receipt, date=day(21)),
    ),
    trigger(
        "R8 the closing date rewritten",
        NEVER_CHANGED,
        lambda s: change(s.closing, "closed_through = '2000-01-01'"),
    ),
    trigger("R8 the closing date taken away", NEVER_DELETED, lambda s: delete(s.closing)),
    trigger(
        "R1 an export that was of something else",
        NEVER_CHANGED,
        lambda s: change(s.export, "report = 'journal'"),
    ),
    trigger("R1 an export that never was", NEVER_DELETED, lambda s: delete(s.export)),
    trigger(
        "R8 the books reopened without a reason",
        "R8: reopening a period needs a reason",
        lambda s: insert(s.closing, closed_through=day(100)),
    ),
    trigger(
        "R8 a receipt frozen by a last date ahead",
        "R3: a payment's totals are the sums of its rows",
        lambda s: change(s.receipt, f"last_date = '{day(0)}'"),
    ),
    trigger(
        "R8 a line frozen by a last date ahead",
        "R2: a line's totals are the sums of its rows",
        lambda s: change(s.shared, f"last_date = '{day(0)}'"),
    ),
    # ------------------------------------------------------------------ R9: who and why
    constraint(
        "R9 a refund without a reason",
        "r9_undoing_says_why",
        lambda s: draw(s.receipt, "refund", -100, reason=""),
    ),
    constraint(
        "R9 a reversal without a reason",
        "r9_undoing_says_why",
        lambda s: undo(s.receipt, reason=""),
    ),
    constraint(
        "R9 a void without a reason",
        "r9_undoing_says_why",
        lambda s: undo(s.receipt, kind="void", reason=""),
    ),
    constraint(
        "R9 an un-pay without a reason",
        "r9_unpay_says_why",
        lambda s: pay(s, s.receipt, s.shared, -100, reason=""),
    ),
    constraint(
        "R9 a write-off put back without a reason",
        "r9_adjustment_says_why",
        lambda s: adjust(s, s.insured, -100, reason=""),
    ),
    constraint(
        "R9 an un-pay by nobody",
        "created_by_id",
        lambda s: pay(s, s.receipt, s.shared, -100, created_by_id=None),
    ),
    trigger(
        "R1 a line added to an issued invoice",
        "R1: an issued invoice gets no further line",
        lambda s: insert(s.draft, invoice_id=s.open.invoice_id, issued_on=None, last_date=None),
    ),
    trigger(
        "R1 a draft's line moved to an issued invoice",
        "R1: an issued invoice gets no further line",
        lambda s: change(s.draft, f"invoice_id = {s.open.invoice_id}"),
    ),
    # ------------------------------------------------------------------ R10: once
    constraint(
        "R10 a payer's reference twice",
        "r10_payer_reference_once|reference",
        lambda s: new_payment(s.check, reference="104482"),
    ),
    constraint(
        "R10 a form's key twice",
        "r10_form_carried_out_once|key",
        lambda s: insert(s.submission),
    ),
    trigger(
        "R10 what a form did, rewritten",
        "R10: what was carried out is not rewritten",
        lambda s: change(s.submission, f"payment_id = {s.free.pk}"),
    ),
    trigger(
        "R10 a form forgotten",
        "R10: what was carried out stays known",
        lambda s: delete(s.submission),
    ),
]

ATTACKS += [
    # ------------------------------------------------------------------ voided lines
    *(
        trigger(f"void {what}", NEVER_CHANGED, lambda s, c=change_: change(s.void, c))
        for what, change_ in {
            "moved to another day": "date = '2020-01-01'",
            "given another reason": "reason = 'another'",
        }.items()
    ),
    trigger(
        "void moved to another line",
        NEVER_CHANGED,
        lambda s: change(s.void, f"line_id = {s.free_of_charge.pk}"),
    ),
    trigger("void taken back", NEVER_DELETED, lambda s: delete(s.void)),
    trigger(
        "void taken back past the manager",
        NEVER_DELETED,
        lambda s: models.QuerySet(LineVoid)._raw_delete("default"),
    ),
    trigger(
        "void replaced under its id",
        NEVER_DELETED,
        lambda s: insert(s.void, how="REPLACE INTO", id=s.void.pk, date=day(0)),
        on=("sqlite",),
    ),
    trigger(
        "void of a line that owes",
        "R2: an issued line is voided once nothing is paid or owed",
        lambda s: void(s, s.open),
    ),
    trigger(
        "void of a line that is paid",
        "R2: an issued line is voided once nothing is paid or owed",
        lambda s: void(s, s.paid_off),
    ),
    trigger(
        "void of a draft's line",
        "R2: an issued line is voided once nothing is paid or owed",
        lambda s: void(s, s.draft),
    ),
    trigger(
        "void of a line an insurer's write-off stands on",
        "R2: a line is voided once no insurer's write-off stands on it",
        lambda s: void(s, s.of_cascade),
    ),
    trigger(
        "void before the last row of its line",
        "R2: an issued line is voided",
        lambda s: void(s, s.free_of_charge, date=day(31)),
    ),
    trigger(
        "void on a closed day",
        "R8: the day is closed",
        lambda s: void(s, s.of_old, date=day(45)),
    ),
    constraint(
        "void of a line a second time",
        "line_id",
        lambda s: void(s, s.billed_twice),
    ),
    constraint(
        "void without a reason",
        "r9_void_says_why",
        lambda s: void(s, s.free_of_charge, reason=""),
    ),
    constraint(
        "void by nobody",
        "created_by_id",
        lambda s: void(s, s.free_of_charge, created_by_id=None),
    ),
    trigger(
        "void line that owes again",
        "R2: nothing is put on a voided line",
        lambda s: adjust(s, s.billed_twice, -100),
    ),
    constraint(
        "void line that is paid",
        "r2_line_balance_not_negative",
        lambda s: pay(s, s.receipt, s.billed_twice, 100),
    ),
    constraint(
        "void line with more written off",
        "R2: nothing is put on a voided line|r2_line_balance_not_negative",
        lambda s: adjust(s, s.billed_twice, 100),
    ),
    # ------------------------------------------------------------------ the journal's batches
    trigger(
        "journal batch moved to another day",
        NEVER_CHANGED,
        lambda s: change(s.batch, "date = '2020-01-01'"),
    ),
    trigger(
        "journal batch given another chart",
        NEVER_CHANGED,
        lambda s: change(s.batch, "frozen = '{}'"),
    ),
    trigger("journal batch taken back", NEVER_DELETED, lambda s: delete(s.batch), control=False),
    trigger("journal item taken off", NEVER_DELETED, lambda s: delete(s.booked)),
    trigger(
        "journal item made another row",
        NEVER_CHANGED,
        lambda s: change(s.booked, "row_id = 0"),
    ),
    trigger("journal item of no row", NOT_BOOKED, lambda s: hand_over(s, row_id=0)),
    trigger("journal item of no kind", NOT_BOOKED, lambda s: hand_over(s, kind="deposit")),
    trigger(
        "journal item with another date",
        NOT_BOOKED,
        lambda s: hand_over(s, row_id=s.late.pk, date=day(21)),
    ),
    trigger(
        "journal item after its batch",
        NOT_BOOKED,
        lambda s: hand_over(s, row_id=s.late.pk, date=s.late.date),
    ),
    constraint(
        "journal item handed over twice",
        "journal_item_in_one_batch|kind, billing_journalitem.row_id",
        lambda s: insert(s.booked),
    ),
    # ------------------------------------------------------------------ deposits
    trigger(
        "deposit moved to another day",
        NEVER_CHANGED,
        lambda s: change(s.slip, "date = '2020-01-01'"),
    ),
    trigger(
        "deposit given another number",
        NEVER_CHANGED,
        lambda s: change(s.slip, "number = 'D-9999'"),
    ),
    trigger("deposit taken back", NEVER_DELETED, lambda s: delete(s.slip), control=False),
    trigger("deposit item taken off", NEVER_DELETED, lambda s: delete(s.item)),
    trigger(
        "deposit item made another payment",
        NEVER_CHANGED,
        lambda s: change(s.item, f"payment_id = {s.receipt.pk}"),
    ),
    trigger(
        "deposit item moved to another slip",
        NEVER_CHANGED,
        lambda s: change(s.item, f"deposit_id = {s.old_slip.pk}"),
    ),
    trigger(
        "deposit item replaced under its id",
        NEVER_DELETED,
        lambda s: bank(s, s.receipt, id=s.item.pk, how="REPLACE INTO"),
        on=("sqlite",),
    ),
    constraint(
        "deposit of one payment on two slips",
        "payment_id",
        lambda s: bank(s, s.banked),
    ),
    *(
        trigger(f"deposit of {what}", "A slip holds receipts", lambda s, p=of: bank(s, p(s)))
        for what, of in {
            "what went to another account": lambda s: s.out,
            "what came from another account": lambda s: s.into,
            "the reversal of a transfer": lambda s: s.of_transfer,
            "a deletion": lambda s: s.deletion,
            "a deleted receipt": lambda s: s.gone,
            "a receipt later than the slip": lambda s: s.late,
        }.items()
    ),
    trigger(
        "deposit on a closed day",
        "R8: the day is closed",
        lambda s: insert(s.slip, number="D-0009", date=day(45)),
    ),
    trigger(
        "deposit of a closed day that gets one item more",
        "R8: the day is closed",
        lambda s: bank(s, s.old_receipt, deposit_id=s.old_slip.pk),
    ),
    constraint(
        "deposit by nobody",
        "created_by_id",
        lambda s: insert(s.slip, number="D-0009", date=day(0), created_by_id=None),
    ),
    constraint(
        "deposit under a number that is given",
        "number",
        lambda s: insert(s.slip, date=day(0)),
    ),
    trigger(
        "deposit whose receipt is deleted",
        "A deposited payment is reversed, not deleted",
        lambda s: undo(s.banked, kind="void"),
    ),
    *(
        trigger(
            f"{name} emptied",
            "R1: .* is never emptied",
            lambda s, t=table: run(f"TRUNCATE billing_{t} CASCADE"),
            on=("postgresql",),
        )
        for name, table in {
            "void lines": "linevoid",
            "deposit slips": "deposit",
            "deposit items": "deposititem",
        }.items()
    ),
]

OF_INSURERS: dict[str, Callable[[Scene], Any]] = {
    "a responsibility": lambda s: s.said,
    "an answer": lambda s: s.answer,
    "an offset": lambda s: s.offset,
}
NOT_OF_THE_LINE = "What an insurer said is of an issued line that is not void, not before"
NOT_OF_ITS_RECEIPT = "What an insurer said comes with its receipt"
DOES_NOT_FIT = "R4: the row does not fit what it undoes"

ATTACKS += [
    # ------------------------------------------------------------------ what insurers said: R1
    *(
        trigger(
            f"insurer {name}'s {what}",
            NEVER_CHANGED.replace("a ", "an? "),
            lambda s, f=find, w=what: change(f(s), w),
        )
        for name, find in OF_INSURERS.items()
        for what in (
            "date = '2020-01-01'",
            "reason = 'another'",
            "created_at = '2020-01-01 00:00:00+00'",
            *(
                {
                    "a responsibility": ["amount = amount + 1", "kind = 'other'", "carc = '9'"],
                    "an answer": ["outcome = 'denied'", "codes = 'N54'"],
                    "an offset": ["amount = -amount", "code = 'L6'", "reference = 'other'"],
                }[name]
            ),
        )
    ),
    *(
        trigger(
            f"insurer {name} moved to another receipt",
            NEVER_CHANGED.replace("a ", "an? "),
            lambda s, f=find: change(f(s), f"payment_id = {s.check.pk}"),
        )
        for name, find in OF_INSURERS.items()
    ),
    trigger(
        "insurer a responsibility moved to another line",
        NEVER_CHANGED,
        lambda s: change(s.said, f"line_id = {s.open.pk}"),
    ),
    trigger(
        "insurer an answer that named another payer",
        NEVER_CHANGED.replace("a ", "an? "),
        lambda s: change(s.answer, f"owed_after_id = {s.cascade.pk}"),
    ),
    trigger(
        "insurer somebody else's word by hand",
        NEVER_CHANGED.replace("a ", "an? "),
        lambda s: change(s.by_hand, f"owed_after_id = {s.blueriver.pk}"),
    ),
    *(
        trigger(f"insurer {name} deleted", NEVER_DELETED, lambda s, f=find: delete(f(s)))
        for name, find in {
            "a responsibility": lambda s: s.unsaid,
            "an answer": lambda s: s.unanswered,
            "an offset": lambda s: s.unkept,
        }.items()
    ),
    *(
        trigger(
            f"insurer {model.__name__} rows deleted past the manager",
            NEVER_DELETED,
            lambda s, m=model: models.QuerySet(m)._raw_delete("default"),
        )
        for model in (Responsibility, Adjudication, Offset)
    ),
    *(
        trigger(
            f"insurer {model.__name__} rows changed past the manager",
            NEVER_CHANGED.replace("a ", "an? "),
            lambda s, m=model: models.QuerySet(m).update(reason="x"),
        )
        for model in (Responsibility, Adjudication, Offset)
    ),
    *(
        trigger(
            f"insurer {name} replaced under its id",
            NEVER_DELETED,
            lambda s, f=find: insert(
                f(s), how="REPLACE INTO", id=f(s).pk, date=day(0), reason="Other"
            ),
            on=("sqlite",),
        )
        for name, find in OF_INSURERS.items()
    ),
    *(
        trigger(
            f"insurer {name} rewritten by an upsert",
            NEVER_CHANGED.replace("a ", "an? "),
            lambda s, f=find: insert(
                f(s),
                id=f(s).pk,
                date=day(0),
                end="ON CONFLICT (id) DO UPDATE SET reason = 'Other'",
            ),
        )
        for name, find in OF_INSURERS.items()
    ),
    *(
        trigger(
            f"insurer {table} emptied",
            "R1: .* is never emptied",
            lambda s, t=table: run(f"TRUNCATE billing_{t} CASCADE"),
            on=("postgresql",),
        )
        for table in ("responsibility", "adjudication", "offset")
    ),
    # ------------------------------------------------------------------ of which line
    *(
        trigger(f"insurer {name} {what}", NOT_OF_THE_LINE, lambda s, w=write, f=found: w(s, **f(s)))
        for name, write in {"a responsibility": say, "an answer": answer}.items()
        for what, found in {
            "of a draft's line": lambda s: {"line_id": s.draft.pk},
            "of a voided line": lambda s: {"line_id": s.billed_twice.pk},
            "before the last row of its line": lambda s: {
                "line_id": s.paid_off.pk,
                "date": day(29),
            },
        }.items()
    ),
    trigger(
        "insurer a word by hand on a voided line",
        NOT_OF_THE_LINE,
        lambda s: insert(s.by_hand, line_id=s.billed_twice.pk, date=day(0)),
    ),
    # ------------------------------------------------------------------ of which receipt
    *(
        trigger(
            f"insurer {name} {what}",
            NOT_OF_ITS_RECEIPT,
            lambda s, w=write, f=found: w(s, **f(s)),
        )
        for name, write in {
            "a responsibility": say,
            "an answer": answer,
            "an offset": keep,
        }.items()
        for what, found in {
            "with a patient's payment": lambda s: {"payment_id": s.receipt.pk},
            "with the reversal of a check": lambda s: {"payment_id": s.reversal_of_payer.pk},
        }.items()
    ),
    *(
        trigger(
            f"insurer {name} before the last row of its receipt",
            NOT_OF_ITS_RECEIPT,
            lambda s, w=write, f=found: w(s, date=day(10), **f(s)),
        )
        for name, write, found in (
            ("a responsibility", say, lambda s: {"line_id": s.open.pk}),
            ("an answer", answer, lambda s: {"line_id": s.open.pk}),
            ("an offset", keep, lambda s: {}),
        )
    ),
    constraint(
        "insurer a responsibility without a payment",
        "What an insurer said comes with its receipt|payment_id",
        lambda s: say(s, payment_id=None),
    ),
    constraint(
        "insurer an offset without a payment",
        "What an insurer said comes with its receipt|payment_id",
        lambda s: keep(s, payment_id=None),
    ),
    # ------------------------------------------------------------------ amounts
    constraint(
        "insurer a responsibility of nothing",
        "responsibility_not_zero",
        lambda s: say(s, amount=0),
    ),
    constraint("insurer an offset of nothing", "offset_not_zero", lambda s: keep(s, amount=0)),
    constraint(
        "insurer more added than the check has left",
        "r3_unallocated_not_negative",
        lambda s: keep(s, amount=-1),
    ),
    trigger(
        "insurer a check that begins with an offset",
        "R3: a payment begins with nothing",
        lambda s: new_payment(s.check, offset_total=-2500),
    ),
    *(
        trigger(
            f"insurer totals of a check: {what}",
            "R3: a payment's totals",
            lambda s, w=what: change(s.remittance, w),
            control="- 100" in what,  # otherwise too much would be allocated
        )
        for what in ("offset_total = 0", "offset_total = offset_total - 100")
    ),
    # ------------------------------------------------------------------ R4: undoing
    trigger(
        "insurer a responsibility taken back in another amount",
        DOES_NOT_FIT,
        lambda s: unsay(s, amount=-1999),
    ),
    trigger(
        "insurer a responsibility taken back on another line",
        DOES_NOT_FIT,
        lambda s: unsay(s, line_id=s.open.pk),
    ),
    trigger(
        "insurer an undone responsibility said again by undoing the undoing",
        DOES_NOT_FIT,
        lambda s: say(
            s,
            undoes_id=s.unsaid.pk,
            line_id=s.unsaid.line_id,
            payment_id=s.unsaid.payment_id,
            amount=2000,
            reason="Again",
        ),
    ),
    trigger(
        "insurer an answer taken back to somebody else",
        DOES_NOT_FIT,
        lambda s: unanswer(s, owed_after_id=s.cascade.pk),
    ),
    trigger(
        "insurer an answer taken back from somebody else",
        DOES_NOT_FIT,
        lambda s: unanswer(s, owed_before_id=s.cascade.pk),
    ),
    trigger(
        "insurer an answer taken back on another line",
        DOES_NOT_FIT,
        lambda s: unanswer(s, line_id=s.open.pk),
    ),
    trigger(
        "insurer an offset taken back in another amount",
        DOES_NOT_FIT,
        lambda s: unkeep(s, amount=2499),
    ),
    trigger(
        "insurer an offset taken back on another check",
        DOES_NOT_FIT,
        lambda s: unkeep(s, payment_id=s.over.pk),
    ),
    *(
        constraint(
            f"insurer {name} taken back twice",
            "undoes_id",
            lambda s, f=find: insert(f(s), date=day(0)),
        )
        for name, find in {
            "a responsibility": lambda s: s.unsaid,
            "an answer": lambda s: s.unanswered,
            "an offset": lambda s: s.unkept,
        }.items()
    ),
    # ------------------------------------------------------------------ R8, R9
    *(
        trigger(
            f"insurer {name} on a closed day",
            "R8: the day is closed",
            lambda s, w=write: w(s, date=day(45)),
        )
        for name, write in {
            "a responsibility": say,
            "an answer": answer,
            "an offset": keep,
        }.items()
    ),
    constraint(
        "insurer a responsibility taken back without a reason",
        "r9_responsibility_says_why",
        lambda s: unsay(s, reason=""),
    ),
    constraint(
        "insurer an answer taken back without a reason",
        "r9_adjudication_says_why",
        lambda s: unanswer(s, reason=""),
    ),
    constraint(
        "insurer a word by hand without a reason",
        "r9_adjudication_says_why",
        lambda s: insert(s.by_hand, date=day(0), reason=""),
    ),
    constraint(
        "insurer an offset taken back without a reason",
        "r9_offset_says_why",
        lambda s: unkeep(s, reason="", payment_id=s.remittance.pk),
    ),
    *(
        constraint(
            f"insurer {name} by nobody",
            "created_by_id",
            lambda s, w=write: w(s, created_by_id=None),
        )
        for name, write in {
            "a responsibility": say,
            "an answer": answer,
            "an offset": keep,
        }.items()
    ),
]

HERE = [attack for attack in ATTACKS if connection.vendor in attack.on]
RULES = (
    "R1",
    "R2",
    "R3",
    "R4",
    "R5",
    "R8",
    "R9",
    "R10",
    "totals",
    "void",
    "deposit",
    "insurer",
    "journal",
)
EACH_RULE = pytest.mark.parametrize("rule", RULES)


def against(rule: str) -> list[Attack]:
    return [attack for attack in HERE if attack.name.startswith(f"{rule} ")]


def test_there_are_enough_attacks_of_each_rule() -> None:
    assert len({attack.name for attack in HERE}) == len(HERE)
    assert sum(len(against(rule)) for rule in RULES) == len(HERE) >= 30
    assert all(len(against(rule)) >= 4 for rule in RULES)


@EACH_RULE
def test_the_database_refuses(rule: str, scene: Scene, subtests: pytest.Subtests) -> None:
    before = digest()
    for attack in against(rule):
        with subtests.test(attack.name), rolled_back():
            with pytest.raises(DatabaseError, match=attack.by), transaction.atomic():
                attack.attempt(scene)
            assert digest() == before, "it was refused, but left something behind"


@contextmanager
def rolled_back() -> Iterator[None]:
    """Whatever is done meanwhile is undone."""
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)


@EACH_RULE
def test_without_the_triggers_it_goes_through(
    rule: str, scene: Scene, subtests: pytest.Subtests
) -> None:
    before = digest()
    with rolled_back():
        guards.drop(connection)
        for attack in against(rule):
            if attack.control:
                with subtests.test(attack.name), rolled_back():
                    attack.attempt(scene)
                    assert digest() != before, "it changed nothing even without the triggers"
    assert digest() == before


def test_r1_the_checks_see_that_the_triggers_are_off() -> None:
    with rolled_back():
        guards.drop(connection)
        absent = [each for each in checks.run_all() if each.startswith("R1: trigger")]
        assert len(absent) == len(guards._triggers(connection))


def slip_of_today(s: Scene) -> Deposit:
    insert(s.slip, number="D-0009", date=day(0))
    return Deposit.objects.get(number="D-0009")


def batch_of_today(s: Scene) -> JournalBatch:
    insert(s.batch, number="J-0009", date=day(0), frozen="{}")
    return JournalBatch.objects.get(number="J-0009")


def test_honest_inserts_of_the_same_shape_are_accepted(scene: Scene) -> None:
    """The helpers above fail for what an attack changes, not for a column they forgot."""
    with rolled_back():
        new_payment(scene.free)
        pay(scene, scene.receipt, scene.open, 100)
        pay(scene, scene.receipt, scene.shared, -100)
        pay(scene, scene.check, scene.open, 4000)
        adjust(scene, scene.open, 100)
        adjust(scene, scene.insured, -1000, undoes_id=scene.write_off.pk)
        draw(scene.receipt, "refund", -100)
        undo(scene.receipt)
        issue(scene)
        void(scene, scene.free_of_charge)
        bank(scene, scene.receipt)
        bank(scene, scene.refund)
        bank(scene, scene.reversal, deposit_id=slip_of_today(scene).pk)
        hand_over(
            scene, row_id=scene.late.pk, date=scene.late.date, batch_id=batch_of_today(scene).pk
        )
        assert free(scene.check) == 0
        assert owing(scene.open) == (41, 58)
        say(scene)
        answer(scene)
        insert(scene.by_hand, date=day(0))
        unsay(scene)
        unanswer(scene)
        keep(scene)
        assert free(scene.remittance) == 25
        unkeep(scene)
        assert free(scene.remittance) == 0


# --- By way of the models ------------------------------------------------------------------------

BY_THE_MODELS: dict[str, Callable[[Payment, Allocation], Any]] = {
    "save": lambda payment, row: payment.save(),
    "save a field": lambda payment, row: payment.save(update_fields=["note"]),
    "delete": lambda payment, row: row.delete(),
    "update": lambda payment, row: Payment.objects.update(note="x"),
    "update filtered": lambda payment, row: Payment.objects.filter(pk=payment.pk).update(note="x"),
    "queryset delete": lambda payment, row: Allocation.objects.all().delete(),
    "bulk_update": lambda payment, row: Payment.objects.bulk_update([payment], ["note"]),
    "update_or_create": lambda payment, row: Payment.objects.update_or_create(pk=payment.pk),
    "related manager": lambda payment, row: payment.allocations.all().delete(),
    "related update": lambda payment, row: payment.allocations.update(amount=money(1)),
    "save a void": lambda payment, row: LineVoid.objects.get().save(),
    "delete a void": lambda payment, row: LineVoid.objects.get().delete(),
    "save a slip": lambda payment, row: Deposit.objects.get().save(),
    "delete a slip": lambda payment, row: Deposit.objects.get().delete(),
    "update slips": lambda payment, row: Deposit.objects.update(number="D-9"),
    "update items": lambda payment, row: DepositItem.objects.update(payment=payment),
    "queryset delete of items": lambda payment, row: DepositItem.objects.all().delete(),
    "related items": lambda payment, row: Deposit.objects.get().items.all().delete(),
    "save an item": lambda payment, row: DepositItem.objects.get().save(),
    "delete an item": lambda payment, row: DepositItem.objects.get().delete(),
    "delete through the receipt": lambda payment, row: payment.deposit_item.delete(),
    "save a batch": lambda payment, row: JournalBatch.objects.get().save(),
    "update batches": lambda payment, row: JournalBatch.objects.update(frozen={}),
    "delete batches": lambda payment, row: JournalBatch.objects.all().delete(),
    "update booked items": lambda payment, row: JournalItem.objects.update(row_id=0),
    "delete booked items": lambda payment, row: JournalItem.objects.all().delete(),
    "save an answer": lambda payment, row: Adjudication.objects.get().save(),
    "update answers": lambda payment, row: Adjudication.objects.update(codes="N54"),
    "update responsibilities": lambda payment, row: Responsibility.objects.update(carc="1"),
    "delete responsibilities": lambda payment, row: Responsibility.objects.all().delete(),
    "update offsets": lambda payment, row: Offset.objects.update(code="L6"),
    "delete offsets": lambda payment, row: Offset.objects.all().delete(),
    "bulk_update answers": lambda payment, row: Adjudication.objects.bulk_update(
        [Adjudication.objects.get()], ["codes"]
    ),
    "base manager": lambda payment, row: Allocation._base_manager.all().delete(),
    "ignore conflicts": lambda payment, row: Allocation.objects.bulk_create(
        [row], ignore_conflicts=True
    ),
}


@pytest.mark.parametrize("attempt", BY_THE_MODELS.values(), ids=BY_THE_MODELS)
def test_r1_the_models_refuse_before_the_database_has_to(
    attempt: Callable[[Payment, Allocation], Any],
) -> None:
    by = OwnerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    payment = PaymentFactory(patient=line.patient, provider=line.provider, on={line: "20"})
    twice = LineFactory(patient=line.patient, provider=line.provider)
    ledger.void_line(by=by, line=twice, date=day(0), reason="Billed twice")
    ledger.deposit(by=by, payments=[payment], date=day(0))
    waiting = LineFactory(
        patient=line.patient, provider=line.provider, owed_by=PayerFactory(name="BlueRiver")
    )
    ledger.set_responsibility(by=by, lines=[waiting], payer=None, date=day(0), reason="Not covered")
    ledger.make_journal_batch(by=by, through=day(0))
    before = digest()
    with pytest.raises(AppendOnlyError, match="never changed or deleted"):
        attempt(payment, payment.allocations.get())
    assert digest() == before


def test_r1_deleting_a_person_never_takes_money_along() -> None:
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    payment = PaymentFactory(patient=line.patient, provider=line.provider, on={line: "20"})
    for row in (line.patient, line.provider, line.invoice, payment.created_by):
        with pytest.raises(models.ProtectedError):
            row.delete()
