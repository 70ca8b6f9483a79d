"""Today: what waits to be done, what was taken, what is owed."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import balances
from billing.beginning import steps_for
from billing.models import PaymentDraft
from config.access import may_look
from patients.http import DeskRequest

FIRST = 5  # rows of each worklist; the list of payments has the rest
NEGATIVE = 50  # nothing else lists these


@require_safe
def today(request: DeskRequest) -> HttpResponse:
    """The page the day begins with. Every row has the one button that deals with it.

    Where nothing was ever charged it says first what a new clinic needs, and what of it is there.
    """
    day = timezone.localdate()
    owing = balances.owing_by_age(day)
    context: dict[str, Any] = {
        "day": day,
        "over_allocated": balances.over_allocated_of_payers(day=day, first=FIRST),
        "insurers": balances.unallocated_of_payers(day=day, first=FIRST),
        "credits": balances.unallocated_of_patients(day=day, first=FIRST),
        "remittances": (
            balances.open_remittances()[:FIRST]
            if may_look(request.user, "billing:remittance_detail")
            else ()
        ),
        "unmatched": balances.unmatched(day=day, first=FIRST),
        "denials": balances.denials(day=day, first=FIRST),
        "negative": balances.negative_accounts(first=NEGATIVE),
        "takings": balances.takings(day),
        "drafts": PaymentDraft.objects.unfinished().with_names().own_first(request.user)[:FIRST],
        "owing": owing,
    }
    if not owing.total:
        context["beginning"] = steps_for(request.user)
    return render(request, "billing/today/today.html", context)
