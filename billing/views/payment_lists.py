"""The two lists of payments: everybody's receipts, and the insurers' own."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing import balances
from billing.forms.filters import InsurancePaymentFilter, PaymentFilter, ReceiptFilter
from billing.models import Payment
from billing.tables.payments import InsurancePaymentTable, PaymentTable
from patients.http import DeskRequest
from patients.tables import ListTable


@require_safe
def payment_list(request: DeskRequest) -> HttpResponse:
    """What patients and insurers paid, with the credit that was moved between accounts."""
    filtered = PaymentFilter(request, Payment.objects.money_in())
    return _list(request, "billing/payments", filtered, PaymentTable)


@require_safe
def insurance_payment_list(request: DeskRequest) -> HttpResponse:
    """The insurers' receipts; those that still wait for their lines are one click away."""
    filtered = InsurancePaymentFilter(request, Payment.objects.receipts().of_payers())
    return _list(
        request,
        "billing/insurance_payments",
        filtered,
        InsurancePaymentTable,
        waiting=balances.waiting_counts()["insurance"],
    )


def _list(
    request: DeskRequest,
    folder: str,
    filtered: ReceiptFilter,
    table: type[ListTable],
    **more: Any,
) -> HttpResponse:
    found = filtered.found
    sums = balances.received_total(found)
    context = {
        "form": filtered.form,
        "error_summary": filtered.error_summary,
        "sums": sums,
        "anything": filtered.queryset.exists,  # asked only where the filters find nothing
        "table": table(found.with_names()).shown_for(request, count=sums.count),
        **more,
    }
    page = "_list.html" if request.htmx else "list.html"
    return render(request, f"{folder}/{page}", context)
