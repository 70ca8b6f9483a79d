"""Which right opens which page: one map, asked by the door and by every template alike.

A view is closed unless it stands here by its name. `ClosedUnlessOpened` refuses the request;
templates ask `may` (`{% if may.payment_new %}`, `{% if may.act.period_list %}`) before they
offer a link or a button. Who has which right is `config.roles`. What depends on the very row, such as
whose payment is reversed or how much is paid back, is the ledger's (`billing/ledger/allowed.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.functional import SimpleLazyObject
from django.views.defaults import permission_denied

from config import roles
from config.roles import role_of

# Besides rights, what a page may ask for.
ANYBODY, SIGNED_IN, STAFF = "anybody", "signed in", "staff"

Needs = tuple[str, ...]  # one of these is enough


@dataclass(frozen=True)
class Screen:
    """What it takes to look at a page (GET) and to act on it (POST). None: nobody does that."""

    look: Needs | None
    act: Needs | None


def read(*needs: str) -> Screen:
    """A page to look at, on which nothing is done."""
    return Screen(needs, None)


def work(*needs: str) -> Screen:
    """A page that is there for one thing, of no use to whoever may not do it."""
    return Screen(needs, needs)


def press(*needs: str) -> Screen:
    """An address that is posted to and has no page."""
    return Screen(None, needs)


def both(look: str, act: str) -> Screen:
    """A page more people look at than act on."""
    return Screen((look,), (act,))


MONEY = "billing.view_payment"
UNDO = ("billing.take_payment", "billing.enter_insurance_payment")  # one's own of today

SCREENS: dict[str, Screen] = {
    "billing:today": read(MONEY),
    # A patient's money
    "billing:audit": read("billing.view_auditevent"),
    "billing:patient_audit": read("billing.view_auditevent"),
    "billing:patient_account": both(MONEY, "billing.allocate_credit"),
    "billing:payment_new": work("billing.take_payment"),
    "billing:payment_start": work("billing.take_payment"),
    "billing:patient_refund": read("billing.refund_payment"),
    "billing:patient_transfer": read("billing.transfer_credit"),
    "billing:write_off_new": work("billing.write_off"),
    "billing:patient_credit": work("billing.allocate_credit"),
    "billing:patient_family": read(MONEY),
    "billing:credit_allocation": read("billing.allocate_credit"),
    "billing:patient_documents": read(MONEY),
    "billing:statement_new": work("billing.issue_document"),
    "billing:superbill_new": work("billing.issue_document"),
    "billing:session_new": work("billing.enter_charge"),
    # Sessions and fees
    "billing:session_list": both(MONEY, "billing.enter_charge"),
    "billing:session_start": work("billing.enter_charge"),
    "billing:session_edit": work("billing.enter_charge"),
    "billing:fee_list": read(MONEY),
    # Payments
    "billing:payment_list": read(MONEY),
    "billing:unallocated_payments": read(MONEY),
    "billing:negative_credit": read(MONEY),
    "billing:payment_detail": read(MONEY),
    "billing:payment_reverse": work(*UNDO, "billing.reverse_payment"),
    "billing:payment_void": work(*UNDO, "billing.void_payment"),
    "billing:payment_unpay": press("billing.allocate_credit"),
    "billing:payment_receipt": both(MONEY, "billing.issue_document"),
    "billing:payment_correct": work(*UNDO),
    "billing:payment_refund": work("billing.refund_payment"),
    "billing:refund_undo": work("billing.refund_payment"),
    "billing:payment_transfer": work("billing.transfer_credit"),
    # Write-offs
    "billing:small_balances": work("billing.write_off_small_balances"),
    "billing:write_off_undo": work("billing.write_off"),
    # Reports
    "billing:report_list": read("billing.see_reports"),
    "billing:report_detail": read("billing.see_reports"),
    "billing:report_export": read("billing.export_reports"),
    "billing:journal_entries": read("billing.view_journalbatch"),
    "billing:journal_batches": both("billing.view_journalbatch", "billing.add_journalbatch"),
    "billing:journal_download": read("billing.export_reports"),
    "billing:deposit_slip": both(MONEY, "billing.make_deposit"),
    # Insurance payments
    "billing:insurance_payment_list": read(MONEY),
    "billing:insurance_payment_new": work("billing.enter_insurance_payment"),
    "billing:insurance_payment_detail": both(MONEY, "billing.enter_insurance_payment"),
    "billing:insurance_payment_draft": press("billing.enter_insurance_payment"),
    "billing:insurance_payment_draft_kept": read("billing.enter_insurance_payment"),
    "billing:insurance_payment_drafts": read("billing.enter_insurance_payment"),
    "billing:insurance_payment_discard": press("billing.enter_insurance_payment"),
    "billing:era_import": work("billing.post_era"),
    "billing:era_file": work("billing.post_era"),
    "billing:era_undo": work("billing.post_era"),
    "billing:remittance_detail": work("billing.post_era"),
    "billing:remittance_row": work("billing.post_era"),
    "billing:remittance_undo": work("billing.post_era"),
    "billing:unmatched_claims": read("billing.post_era"),
    "billing:unmatched_claim": work("billing.post_era"),
    # Insurers
    "billing:payer_list": read(MONEY),
    "billing:payer_account": read(MONEY),
    "billing:denial_list": read(MONEY),
    # Invoices and documents
    "billing:invoice_list": read(MONEY),
    "billing:invoice_new": work("billing.enter_charge"),
    "billing:invoice_draft": work("billing.enter_charge"),
    "billing:invoice_detail": read(MONEY),
    "billing:invoice_void": work("billing.void_charge"),
    "billing:line_responsibility": work("billing.set_responsibility"),
    "billing:invoice_print": press("billing.issue_document"),
    "billing:document_detail": read(MONEY),
    "billing:statement_batch_new": work("billing.issue_document"),
    "billing:statement_batch_detail": read(MONEY),
    # Books
    "billing:deposit_list": read(MONEY),
    "billing:deposit_detail": read(MONEY),
    "billing:deposit_print": read("billing.make_deposit", "billing.export_reports"),
    "billing:period_list": both("billing.view_closingdate", "billing.close_period"),
    "billing:period_reopen": work("billing.close_period"),
    # Import
    "billing:import_start": read("billing.import_files"),
    "billing:import_upload": work("billing.import_files"),
    "billing:import_template": read("billing.import_files"),
    "billing:import_check": work("billing.import_files"),
    "billing:import_problems": read("billing.import_files"),
    # Pickers, which post what is typed so that no name stands in an address; and help
    "patients:search": press("patients.view_patient", MONEY),
    "billing:find_anything": work("patients.view_patient", MONEY),
    "billing:find_payers": press(MONEY),
    "billing:find_patients": press("patients.view_patient"),
    "billing:find_services": press(MONEY),
    "billing:help_keys": work(SIGNED_IN),
    "billing:help_words": read(SIGNED_IN),
    "billing:clinic_logo": read(SIGNED_IN),
    # Patients
    "patients:patient_list": read("patients.view_patient"),
    "patients:patient_new": work("patients.add_patient"),
    "patients:patient_detail": read("patients.view_patient"),
    "patients:patient_edit": work("patients.change_patient"),
    "patients:coverage_new": work("patients.change_patient"),
    "patients:coverage_edit": work("patients.change_patient"),
    # Signing in, and one's own account
    "account_login": work(ANYBODY),
    "account_logout": work(ANYBODY),
    "account_inactive": read(ANYBODY),
    "account_session": work(SIGNED_IN),
    "account_reauthenticate": work(SIGNED_IN),
    "account_change_password": work(SIGNED_IN),
    "account_sign_ins": work(SIGNED_IN),
    "account_set_password": work(ANYBODY),  # whoever has the link of an administrator
    "mfa_index": read(SIGNED_IN),
    "mfa_authenticate": work(ANYBODY),
    "mfa_reauthenticate": work(SIGNED_IN),
    "mfa_activate_totp": work(SIGNED_IN),
    "mfa_deactivate_totp": work(SIGNED_IN),
    "mfa_list_webauthn": read(SIGNED_IN),
    "mfa_add_webauthn": work(SIGNED_IN),
    "mfa_reauthenticate_webauthn": work(SIGNED_IN),
    "mfa_edit_webauthn": work(SIGNED_IN),
    "mfa_remove_webauthn": work(SIGNED_IN),
    "mfa_view_recovery_codes": read(SIGNED_IN),
    "mfa_generate_recovery_codes": work(SIGNED_IN),
    "mfa_download_recovery_codes": read(SIGNED_IN),
    "healthz": read(ANYBODY),
    "readyz": read(ANYBODY),
    "metrics": read(ANYBODY),  # whoever has its token
    "favicon": read(ANYBODY),
    # Django admin asks for each model's rights itself, once somebody is let in.
    "admin": work(STAFF),
    "admin:login": work(ANYBODY),
    "admin:logout": work(SIGNED_IN),
}


# ---------------------------------------------------------------------------- asking

SHORT_NAMES = {name.rpartition(":")[2]: name for name in SCREENS if not name.startswith("admin:")}


def is_open_to(user: Any, needs: Needs | None) -> bool:
    """Whether one of the things that are needed is there."""
    if needs is None:
        return False
    return (
        ANYBODY in needs
        or (SIGNED_IN in needs and user.is_authenticated)
        or (STAFF in needs and user.is_active and user.is_staff)
        or roles.may(user, *needs)
    )


def may_look(user: Any, name: str) -> bool:
    """Whether this page opens: `name` is its url's, as "billing:payment_new"."""
    return is_open_to(user, SCREENS[name].look)


def may_act(user: Any, name: str) -> bool:
    """Whether what is sent to this page is taken."""
    return is_open_to(user, SCREENS[name].act)


class _May:
    """`may.payment_new` in a template: whether that page opens to whoever is signed in.

    A name that is no page is an error, never a link that is silently left out.
    """

    def __init__(self, user: Any, asked: Callable[[Any, str], bool]) -> None:
        self._user, self._asked = user, asked

    def __getitem__(self, name: str) -> bool | _May:
        if name == "act":
            return _May(self._user, may_act)
        if name not in SHORT_NAMES:
            raise RuntimeError(f"No page is called {name} (config/access.py).")
        if self._asked is may_look and SCREENS[SHORT_NAMES[name]].look is None:
            raise RuntimeError(f"{name} has no page to look at: ask may.act.{name}.")
        return self._asked(self._user, SHORT_NAMES[name])


def what_opens(request: HttpRequest) -> dict[str, Any]:
    """`may` and `user_role`, for every template."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"may": _May(user, may_look), "user_role": SimpleLazyObject(lambda: role_of(user))}


# ---------------------------------------------------------------------------- the door

NO_ROLE = "Your log-in has no role yet, so there is nothing it may open."
NOT_ON_THE_MAP = "This page is not open to anybody yet."


class ClosedUnlessOpened:
    """Refuse what the map does not open to whoever asks, before the view runs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        screen = _screen_of(request)
        if screen is None:
            return _refused(request, NOT_ON_THE_MAP)
        doors = {"GET": screen.look, "HEAD": screen.look, "POST": screen.act}
        needs = doors.get(request.method or "")
        if needs is None:
            return HttpResponseNotAllowed([method for method in doors if doors[method]])
        if is_open_to(request.user, needs):
            return None
        return _refused(request, _why(request.user, needs))


def _screen_of(request: HttpRequest) -> Screen | None:
    match = request.resolver_match
    if match is None:
        return None
    area = match.namespaces[0] if match.namespaces else ""
    return SCREENS.get(match.view_name) or SCREENS.get(area)


def _why(user: Any, needs: Needs) -> str:
    if STAFF in needs:
        return "The administration is for administrators."
    if not user.is_superuser and not roles.rights_of(user):
        return NO_ROLE
    return roles.refusal(needs[0])


def _refused(request: HttpRequest, why: str) -> HttpResponse:
    """The page that says so; and where only a part of a page was asked for, it is read out."""
    answer = permission_denied(request, PermissionDenied(why))
    if request.headers.get("HX-Request") == "true":
        answer["HX-Trigger"] = json.dumps({"refused": why})
    return answer
