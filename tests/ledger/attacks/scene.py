"""A small clinic in which every kind of row of money stands, for the attacks to be made on."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.db import connection
from django.http import QueryDict

from billing import ledger
from billing.exports import record_export
from billing.models import Adjustment, ClosingDate, InvoiceLine, LineVoid, Payment, Submission
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
