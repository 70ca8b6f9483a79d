"""Today: what waits to be done, what was taken, what is owed."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import balances
from billing.models import Payment

FIRST = 5  # rows of each worklist; the list of payments has the rest
NEGATIVE = 50  # nothing else lists these


@require_safe
def today(request: HttpRequest) -> HttpResponse:
    """The page the day begins with. Every row has the one button that deals with it."""
    day = timezone.localdate()
    payers, patients = Payment.objects.of_payers(), Payment.objects.of_patients()
    context = {
        "day": day,
        "over_allocated": balances.waiting(payers.overdrawn(), day=day, first=FIRST),
        "insurers": balances.waiting(payers.with_credit(), day=day, first=FIRST),
        "credits": balances.waiting(patients.with_credit(), day=day, first=FIRST),
        "negative": balances.negative_accounts(first=NEGATIVE),
        "takings": balances.takings(day),
        "owing": balances.owing_by_age(day),
    }
    return render(request, "billing/today/today.html", context)
