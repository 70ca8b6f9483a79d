"""Which patient is meant by what somebody typed where a single one has to be named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from patients.http import DeskRequest
from patients.models import Patient

MOST_FOUND = 20


class Choice:
    """Whom what was typed may mean; `there` says where a chart number leads on to."""

    def __init__(self, typed: str, there: Callable[[str], str]) -> None:
        self.typed = " ".join(typed.replace("\0", " ").split())[:80]
        self.there = there
        self.found = Patient.objects.meant(self.typed, most=MOST_FOUND + 1)

    @property
    def leads_to(self) -> str:
        """Where to go on, if only one can be meant; otherwise nowhere."""
        return self.there(self.found[0].chart_number) if len(self.found) == 1 else ""

    @property
    def context(self) -> dict[str, Any]:
        """What the page shows, and its part `_which_patient.html`."""
        nobody = f"No patient fits “{self.typed}”. Try a chart number like P1042."
        return {
            "typed": self.typed,
            "problem": nobody if self.typed and not self.found else "",
            "found": [(each, self.there(each.chart_number)) for each in self.found[:MOST_FOUND]],
            "more_found": len(self.found) > MOST_FOUND,
        }


# What is begun for a patient, by its title → the list it will stand in: its key in parts/nav.html
# and its address.
LISTED_UNDER = {
    "New session": ("Sessions", "sessions", "billing:session_list"),
    "New invoice": ("Invoices", "invoices", "billing:invoice_list"),
    "Take payment": ("Payments", "payments", "billing:payment_list"),
}


def choose_patient(request: DeskRequest, title: str, there: Callable[[str], str]) -> HttpResponse:
    """The page that asks for the patient of what is to be entered, and leads on with their chart.

    Asked by POST, so that a name is in no address; a chart number may be in one.
    """
    choice = Choice(request.POST.get("patient", ""), there)
    if choice.leads_to:
        return redirect(choice.leads_to)
    label, current, address = LISTED_UNDER[title]
    context = {"title": title, "current": current, **choice.context}
    context["listed"] = {"label": label, "url": reverse(address)}
    if not context["problem"]:
        if request.method == "POST" and not choice.typed:
            context["problem"] = "Type a patient's name or chart number."
        elif request.GET.get("patient"):
            context["problem"] = "No patient has that chart number. Choose one here."
    return render(request, "billing/choose_patient.html", context)
