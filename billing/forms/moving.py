"""Money that leaves a receipt: paid back, or moved to another account.

Holds no money rule of its own: figures are `sharing`'s and `balances`', and the ledger refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django import forms

from billing import balances, sharing
from billing.balances import AccountBalance, Use
from billing.forms.base import AccountingDateField
from billing.forms.grid import Boxes, box_name, line_ids, plain
from billing.forms.payments import ReferenceField
from billing.forms.undo import OTHER, ReasonForm
from billing.models import InvoiceLine, Payment
from billing.models.payments import PATIENT_METHODS, PAYER_METHODS
from billing.money import ZERO, AmountError, MoneyFormField, parse_or_zero, show
from billing.sharing import Entry
from patients.models import Patient, Provider

COLUMN = "unpay"
REFUND_REASONS = ("Overpaid", "Insurer paid since", "Visit cancelled", "Leaving the clinic", OTHER)
TRANSFER_REASONS = ("Wrong provider", "Family member's bill", OTHER)
UNDO_REASONS = ("It was not paid back after all", "Wrong amount", "Entered twice", OTHER)
GONE = "One of these lines is not paid by {} any more. Look at the lines below and save again."
FOLLOWS = (
    "With what is un-paid now, {} can be paid back. The amount was brought up to it: check it and"
    " save again."
)


class UndoRefundForm(ReasonForm):
    """A refund that never happened: the money is the patient's credit again."""

    reasons = UNDO_REASONS
    date = AccountingDateField(label="Date")


class _AmountForm(ReasonForm):
    """What a refund and a transfer share: how much of one receipt, and when."""

    what = "paid back"
    first = "amount"

    amount = MoneyFormField()
    date = AccountingDateField()

    def __init__(self, *args: Any, payment: Payment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.payment = payment
        self.fields["amount"].error_messages["required"] = f"Enter how much is {self.what}."
        self.fields["amount"].widget.attrs["class"] = "fld fld-s num"

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if amount <= 0:
            raise forms.ValidationError(f"Enter how much is {self.what}, above 0.00.")
        return amount

    @property
    def amount_typed(self) -> Decimal | None:
        """Amount as far as it is understood, while somebody types; None where it is no amount."""
        value = self["amount"].value()
        if isinstance(value, Decimal):
            return value
        try:
            return parse_or_zero(value or "")
        except AmountError:
            return None


# ---------------------------------------------------------------------------- paying back


@dataclass(frozen=True)
class Row:
    """A line the receipt pays, as the template prints it."""

    use: Use
    text: str
    after: Decimal
    error: str

    @property
    def line(self) -> InvoiceLine:
        return self.use.line

    @property
    def box(self) -> str:
        return box_name(self.line.pk, COLUMN)


class RefundForm(_AmountForm):
    """Pay money back, un-paying the lines it is on in the same act.

    Amount follows what can be paid back until somebody types another one: `suggested` says what
    stood there last by itself.
    """

    reasons = REFUND_REASONS
    reason_missing = "Choose a reason for the refund."

    method = forms.ChoiceField(choices=[])
    reference = ReferenceField(label="Reference (optional)")
    field_order = ["amount", "method", "reference", "reason", "note", "date"]
    data: Any  # a QueryDict, once it was sent

    def __init__(self, *args: Any, payment: Payment, uses: Sequence[Use], **kwargs: Any) -> None:
        super().__init__(*args, payment=payment, **kwargs)
        self.uses = [] if payment.payer_id else list(uses)
        self.fields["amount"].label = "Amount to pay back"
        self.fields["amount"].initial = plain(max(payment.unallocated, ZERO))
        self.fields["date"].label = "Date of the refund"
        methods = PAYER_METHODS if payment.payer_id else PATIENT_METHODS
        method = self.fields["method"]
        method.choices = [(each.value, str(each.label)) for each in methods]  # type: ignore[attr-defined]
        method.initial = payment.method if payment.method in methods else methods[0].value
        self.refused: dict[int, str] = {}

    # ------------------------------------------------------------------ figures

    @cached_property
    def boxes(self) -> Boxes[int]:
        sent = line_ids(self.data) if self.is_bound else []
        return Boxes((COLUMN,), sent, self.data if self.is_bound else {})

    @property
    def amounts(self) -> dict[int, Decimal]:
        return {use.line.pk: self.boxes.amount(use.line.pk, COLUMN) for use in self.uses}

    @property
    def refund(self) -> sharing.Refund:
        """What is typed so far comes to."""
        return sharing.pay_back(
            free=self.payment.unallocated,
            lines=balances.held_lines((use.line, use.amount) for use in self.uses),
            amounts=self.amounts,
            amount=self.amount_typed or ZERO,
        )

    @property
    def known(self) -> bool:
        """False while something typed is no amount: then no figure may look right."""
        return not self.boxes.errors and self.amount_typed is not None

    @property
    def suggested(self) -> str:
        return plain(self.refund.available)

    def effect(self, now: AccountBalance) -> AccountBalance:
        """The account once this refund is saved."""
        refund = self.refund
        return now.once(owed=refund.unpaid, credit=refund.credit_change)

    @property
    def rows(self) -> list[Row]:
        refund = self.refund
        return [
            Row(
                use,
                self.boxes.text(use.line.pk, COLUMN),
                refund.balances_after[use.line.pk],
                self.refused.get(use.line.pk)
                or self.boxes.errors.get((use.line.pk, COLUMN))
                or refund.problems.get(use.line.pk, ""),
            )
            for use in self.uses
        ]

    # ------------------------------------------------------------------ filling boxes

    def fill_everything(self) -> None:
        """Un-pay everything: each line's box takes what the receipt has on it."""
        for use in self.uses:
            if use.line.pk in self.boxes.seen:
                self.boxes.fill(use.line.pk, COLUMN, use.amount)

    def follow(self) -> dict[str, str]:
        """Bring Amount up to what can be paid back now, unless somebody typed another one."""
        typed, before = self.data.get("amount", ""), self.data.get("suggested", "")
        now = self.suggested
        if not self.known or typed != before or typed == now:
            return {}
        self.data = self.data.copy()
        self.data["amount"] = now
        return {"box": "id_amount", "was": typed, "now": now}

    # ------------------------------------------------------------------ saving

    @property
    def entries(self) -> list[Entry]:
        boxes = self.boxes
        return [
            Entry(line, paid=paid, seen=boxes.seen[line])
            for line in boxes.lines
            if (paid := boxes.amount(line, COLUMN))
        ]

    @property
    def stale(self) -> bool:
        """Whether a line changed since the form was drawn: then the ledger says so best."""
        seen = self.boxes.seen
        return any(seen.get(use.line.pk, use.line.seen) != use.line.seen for use in self.uses)

    @property
    def answer(self) -> dict[str, Any]:
        """What was answered, as the verb takes it."""
        names = ("key", "amount", "method", "reference", "date")
        return {
            **{name: self.cleaned_data[name] for name in names},
            "reason": self.why,
            "unpay": self.entries,
        }

    def refuse(self, error: Exception) -> None:
        line = getattr(error, "line", None)
        if line is None or line not in self.amounts:
            super().refuse(error)
        else:
            self.refused[line] = str(error)

    def problems(self) -> list[dict[str, str]]:
        """What keeps the lines and the amount from being saved, for the error summary."""
        items = [
            {"href": f"#{row.box}", "text": f"{row.line} {row.line.service_date:%d %b %Y}: {error}"}
            for row in self.rows
            if (error := row.error)
        ]
        if any(entry.line not in self.amounts for entry in self.entries):
            items.append({"href": "", "text": GONE.format(self.payment.number)})
        refund = self.refund
        if self.known and refund.short and not items:
            items.append({"href": "#id_amount", "text": self.too_much})
        return items

    @property
    def too_much(self) -> str:
        refund = self.refund
        more = " Un-pay more lines, or lower the amount." if self.uses else " Lower the amount."
        return f"Only {show(refund.available)} can be paid back.{more}"

    @property
    def explain(self) -> dict[str, Any]:
        """The message line: what this refund comes to."""
        refund = self.refund
        if not self.known:
            return {"state": "over", "lead": "", "text": "Correct the marked amounts."}
        if refund.problems:
            return {"state": "over", "lead": "", "text": next(iter(refund.problems.values()))}
        if refund.short:
            return {"state": "over", "lead": "", "text": self.too_much}
        if refund.left and refund.amount:
            stays = "stays with the payer" if self.payment.payer_id else "stays as credit"
            return {"state": "", "lead": "", "text": f"{show(refund.left)} of it {stays}."}
        if refund.amount:
            return {"state": "done", "lead": "", "text": "Nothing of it is left over."}
        return {"state": "", "lead": "", "text": "Enter how much is paid back."}


# ---------------------------------------------------------------------------- to another account


class TransferForm(_AmountForm):
    """Move credit to another provider of the patient, or to somebody of the family."""

    reasons = TRANSFER_REASONS
    reason_missing = "Choose a reason for the transfer."
    what = "moved"

    patient = forms.ModelChoiceField(
        Patient.objects.none(),
        label="To the account of",
        empty_label=None,
        to_field_name="chart_number",
        error_messages={
            "required": "Choose whose account it goes to.",
            "invalid_choice": "Credit moves within the family only. Choose one of these patients.",
        },
    )
    provider = forms.ModelChoiceField(
        Provider.objects.none(),
        label="With provider",
        empty_label="Choose the provider",
        error_messages={"required": "Choose the provider.", "invalid_choice": "Choose a provider."},
    )
    field_order = ["amount", "patient", "provider", "reason", "note", "date"]

    def __init__(self, *args: Any, payment: Payment, family: Any, **kwargs: Any) -> None:
        super().__init__(*args, payment=payment, **kwargs)
        self.fields["amount"].label = "Amount to move"
        self.fields["amount"].initial = plain(max(payment.unallocated, ZERO))
        self.fields["date"].label = "Date of the transfer"
        self.fields["reason"].initial = TRANSFER_REASONS[0]
        patient, provider = self.fields["patient"], self.fields["provider"]
        patient.queryset = family  # type: ignore[attr-defined]
        patient.initial = payment.patient and payment.patient.chart_number
        provider.queryset = Provider.objects.filter(active=True)  # type: ignore[attr-defined]
        for field in (patient, provider):
            field.widget.attrs["class"] = "form-select fld fld-s"

    @property
    def target(self) -> tuple[Patient, Provider] | None:
        """The account chosen so far, where it is one."""
        chosen = {}
        for name in ("patient", "provider"):
            try:
                chosen[name] = self.fields[name].clean(self[name].value())
            except forms.ValidationError:
                return None
        return chosen["patient"], chosen["provider"]

    @property
    def explain(self) -> dict[str, Any]:
        """The message line: what this transfer comes to."""
        amount, target = self.amount_typed, self.target
        if amount is None or amount < 0:
            return {"state": "over", "lead": "", "text": "Correct the amount."}
        if amount > self.payment.unallocated:
            return {"state": "over", "lead": "", "text": self.too_much}
        if target is None:
            return {"state": "", "lead": "", "text": "Choose the account the credit goes to."}
        if target == (self.payment.patient, self.payment.provider):
            return {"state": "over", "lead": "", "text": "The credit is already there."}
        text = "What is moved is that account's credit; it pays no line by itself."
        return {"state": "", "lead": "", "text": text}

    @property
    def too_much(self) -> str:
        free = show(max(self.payment.unallocated, ZERO))
        return f"Only {free} of {self.payment.number} is not allocated."

    @property
    def answer(self) -> dict[str, Any]:
        """What was answered, as the verb takes it."""
        names = ("key", "amount", "patient", "provider", "date")
        return {**{name: self.cleaned_data[name] for name in names}, "reason": self.why}


def effects(
    form: TransferForm, now: AccountBalance, there: AccountBalance | None
) -> list[tuple[AccountBalance, AccountBalance]]:
    """Both accounts now and after."""
    amount = form.amount_typed or ZERO
    pairs = [(now, now.once(credit=-amount))]
    return pairs if there is None else [*pairs, (there, there.once(credit=amount))]
