"""The strip at the top of a payment: who paid, how, when and how much."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.functional import cached_property

from billing.forms.base import AccountingDateField, LedgerForm, offer_providers
from billing.forms.grid import plain
from billing.models import Payment
from billing.models.payments import PATIENT_METHODS, PAYER_METHODS, Method
from billing.models.periods import closed_through
from billing.money import AmountError, MoneyFormField, parse, show_dollars
from patients.fields import PayerField
from patients.models import Patient, Payer, Provider

FEW = 5  # characters a reason has at least
ASK_FOR_PERMISSION = (
    "You may not save a payment over-allocated. Ask an administrator for"
    ' "Can over-allocate an insurer\'s payment", or correct the amounts.'
)
NOT_FROM_PATIENTS = "Enter the amount of the payment, above 0.00."
A_MOMENT = datetime.timedelta(minutes=10)
REFERENCE_LABELS = {
    Method.CHECK: "Check number",
    Method.EFT: "EFT number",
}


def reference_label(method: str) -> str:
    """The number on a check is not called what the number of a transfer is."""
    return REFERENCE_LABELS.get(Method(method), "Reference") if method in Method else "Reference"


def may_over_allocate(user: Any) -> bool:
    """Who may put more of an insurer's payment on lines than was received."""
    return bool(user.has_perm("billing.overallocate_payment"))


def copy_of(payment: Payment) -> dict[str, Any]:
    """What the strip starts with where an undone payment is entered again, corrected."""
    today, closed = timezone.localdate(), closed_through()
    is_open = payment.date <= today and (closed is None or payment.date > closed)
    return {
        "provider": payment.provider_id,
        "payer": str(payment.payer) if payment.payer else "",
        "method": payment.method,
        "reference": payment.reference,
        "date": payment.date if is_open else today,
        "amount": plain(payment.amount),
    }


class ReferenceField(forms.CharField):
    """A check or trace number. Card numbers do not belong here."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=40, required=False, **kwargs)


class OverAllocating(LedgerForm):
    """A form that may put more of an insurer's payment on lines than was received, with a reason."""

    over_reason = forms.CharField(
        label="Reason for over-allocating", max_length=200, required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["over_reason"].widget.attrs.update({"class": "fld", "autocomplete": "off"})

    def require_reason_for_over(self, by: AbstractBaseUser) -> None:
        """Over-allocating is for those who may, and says why; nothing else is asked for it."""
        if not may_over_allocate(by):
            self.add_error(None, ASK_FOR_PERMISSION)
        elif "over_reason" not in self.errors and len(self.reason_for_over) < FEW:
            self.add_error("over_reason", "Say in a few words why it is over-allocated.")

    @property
    def reason_for_over(self) -> str:
        return str(self.cleaned_data.get("over_reason", "")).strip()


class PaymentStrip(LedgerForm):
    """The fields both kinds of payment share."""

    method = forms.ChoiceField(choices=[])
    reference = ReferenceField()
    date = AccountingDateField(
        label="Date received", error_messages={"required": "Enter the date it was received."}
    )
    amount = MoneyFormField(error_messages={"required": "Enter the amount of the payment."})
    again = forms.BooleanField(label="This is another payment", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            extra = "form-select fld" if isinstance(field, forms.ChoiceField) else "fld num"
            if isinstance(field, forms.BooleanField):
                extra = "form-check-input"
            field.widget.attrs.setdefault("class", extra)
        self.fields["amount"].widget.attrs.update(
            {"class": "fld amtbig", "placeholder": "0.00", "data-money": True}
        )

    def offer(self, methods: tuple[Method, ...]) -> None:
        """The methods to choose from; the script words the reference's label after them."""
        method = self.fields["method"]
        method.choices = [(each.value, str(each.label)) for each in methods]  # type: ignore[attr-defined]
        labels = {each.value: reference_label(each) for each in methods}
        method.widget.attrs["data-labels"] = json.dumps(labels)
        self.fields["reference"].label = reference_label(self["method"].value() or methods[0])

    def doubt(self, by: AbstractBaseUser, **whose: Any) -> None:
        """Ask once whether the very same payment, on no line yet either, was meant again.

        After Back the browser fills a form drawn anew, whose key is a new one (rule R10 cannot
        see it). Where lines are paid the second form is refused anyhow, because they changed.
        """
        same = {name: self.cleaned_data[name] for name in ("amount", "method", "reference", "date")}
        twin = Payment.objects.just_entered(by, A_MOMENT).filter(**same, **whose).first()
        # Asked last: a copy of this very form, sent at the same moment, is no twin.
        if twin and not self.cleaned_data["again"] and not self.sent_before(by):
            entered = timezone.localtime(twin.created_at)
            self.add_error(
                "again",
                f"You entered the same payment at {entered:%H:%M}: {twin.number},"
                f" {show_dollars(twin.amount)}. If this is another one, say so and save again.",
            )

    @property
    def asks_again(self) -> bool:
        """Whether the box that says so is shown."""
        return "again" in self.errors or bool(self["again"].value())

    @property
    def payment(self) -> dict[str, Any]:
        """What the ledger is told."""
        asked = ("again", "over_reason")
        return {name: value for name, value in self.cleaned_data.items() if name not in asked}

    @property
    def typed_amount(self) -> tuple[Decimal | None, str]:
        """Amount as far as it is understood, and what is wrong with it."""
        try:
            return parse_or_none(self["amount"].value()), ""
        except AmountError as error:
            return None, str(error)


class InsurancePaymentForm(OverAllocating, PaymentStrip):
    """A check or transfer from a payer."""

    payer = PayerField(error_messages={"required": "Choose the payer."})
    field_order = ["payer", "method", "reference", "date", "amount"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(PAYER_METHODS)
        if self.initial.get("payer"):  # kept from the payment before
            self.begin_in("reference")

    @cached_property
    def earlier(self) -> Payment | None:
        """The standing payment that has this payer and number already (R10)."""
        payer, reference = self.chosen_payer, self["reference"].value() or ""
        if not payer or not reference.strip() or "\0" in reference:
            return None
        return Payment.objects.standing_under(payer, reference.strip()[:40]).first()

    @cached_property
    def chosen_payer(self) -> Payer | None:
        """The payer as typed so far, also while other fields are still wrong."""
        return Payer.objects.filter(active=True).named(self.payer_text)

    @property
    def payer_text(self) -> str:
        return self["payer"].value() or ""

    @property
    def payer_field(self) -> forms.BoundField:
        return self["payer"]


class TakePaymentForm(PaymentStrip):
    """Money from a patient, for one provider."""

    provider = forms.ModelChoiceField(
        Provider.objects.none(),
        error_messages={"required": "Choose the provider.", "invalid_choice": "Choose a provider."},
    )
    field_order = ["provider", "method", "reference", "date", "amount"]

    def __init__(self, *args: Any, patient: Patient, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.patient = patient
        self.offer(PATIENT_METHODS)
        suggested = bool(self.initial.get("provider"))
        providers = Provider.objects.filter(active=True)
        offer_providers(self.fields["provider"], providers, suggested=suggested)
        self.fields["provider"].widget.attrs["class"] = "form-select fld"
        self.begin_in("amount" if suggested else "provider")

    @property
    def typed_amount(self) -> tuple[Decimal | None, str]:
        amount, problem = super().typed_amount
        return (None, NOT_FROM_PATIENTS) if amount is not None and amount < 0 else (amount, problem)

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if amount <= 0:
            raise forms.ValidationError(NOT_FROM_PATIENTS)
        return amount


def parse_or_none(text: str | None) -> Decimal | None:
    """An Amount that is still empty is not an error while somebody types elsewhere."""
    return parse(text) if text and text.strip(" ") else None
