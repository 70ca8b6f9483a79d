"""What a new clinic needs before its first invoice, in that order, and what of it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.urls import reverse

from billing.models import Clinic, InvoiceLine, Service
from config.access import may_look
from patients.models import Patient, Payer, Provider


@dataclass(frozen=True)
class Step:
    """One thing to set up: whether it is done, and the way there for whoever may do it."""

    name: str
    text: str
    done: bool
    label: str
    address: str  # empty: an administrator does it


def steps_for(user: Any) -> Sequence[Step]:
    """The steps of a clinic that has never charged anything; none once it has."""
    if InvoiceLine.objects.exists():
        return ()
    others = get_user_model().objects.filter(is_active=True, groups__isnull=False)
    return (
        Step(
            "The clinic",
            "Its name and address as they stand on paper, its logo and its currency.",
            Clinic.objects.exists(),
            "Clinic settings",
            _in_admin(user, "billing", "clinic", "change", "changelist"),
        ),
        Step(
            "People",
            "Who signs in, each with a role: front desk, biller, accountant, administrator.",
            others.exclude(pk=user.pk).exists(),
            "Add somebody",
            _in_admin(user, "auth", "user", "add"),
        ),
        Step(
            "Providers",
            "Who treats, and whose account each charge is on.",
            Provider.objects.exists(),
            "Add a provider",
            _in_admin(user, "patients", "provider", "add"),
        ),
        Step(
            "Insurers",
            "Who pays for patients. Without any, everybody pays for themselves.",
            Payer.objects.exists(),
            "Add an insurer",
            _in_admin(user, "patients", "payer", "add"),
        ),
        Step(
            "Fee schedule",
            "What is done here, and what it costs from which day on.",
            Service.objects.exists(),
            "Add a service",
            _in_admin(user, "billing", "service", "add"),
        ),
        Step(
            "Patients",
            "Who is treated, who pays, and who insures them.",
            Patient.objects.exists(),
            "Register patient",
            _page(user, "patients:patient_new"),
        ),
        Step(
            "The first session",
            "What was done, with its fees; its invoice follows.",
            done=False,
            label="New session",
            address=_page(user, "billing:session_start"),
        ),
    )


def _page(user: Any, name: str) -> str:
    return reverse(name) if may_look(user, name) else ""


def _in_admin(user: Any, app: str, model: str, act: str, page: str = "") -> str:
    """Where an administrator does it; nothing for everybody else."""
    allowed = may_look(user, "admin") and user.has_perm(f"{app}.{act}_{model}")
    return reverse(f"admin:{app}_{model}_{page or act}") if allowed else ""
