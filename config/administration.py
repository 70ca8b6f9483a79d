"""The administration's front: one list of what there is, grouped by what an office calls it."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from billing.chain.acts import sealing

# Heading, a line under it, and the models: (app, model, what the list calls it, if not its name).
SUBJECTS: tuple[tuple[str, str, tuple[tuple[str, ...], ...]], ...] = (
    (
        "Clinic",
        "The letterhead, and where its numbers begin",
        (("billing", "Clinic"), ("billing", "NumberSeries"), ("billing", "LedgerAccount")),
    ),
    (
        "People",
        "Who may sign in, and what they may do",
        (
            ("auth", "User", "Users"),
            ("auth", "Group", "Roles"),
            ("mfa", "Authenticator", "Second factors"),
            ("axes", "AccessAttempt", "Wrong passwords and lock-outs"),
            ("axes", "AccessLog", "Who signed in"),
        ),
    ),
    (
        "Patients, providers, payers",
        "Who is treated, by whom, and who pays",
        (
            ("patients", "Patient"),
            ("patients", "Provider"),
            ("patients", "Payer", "Payers (insurers)"),
            ("patients", "Coverage"),
            ("patients", "Session"),
        ),
    ),
    (
        "Fees and insurers\u2019 files",
        "What a service costs, and how remittances are read",
        (
            ("billing", "Service", "Services and fees"),
            ("billing", "CodeAction", "Reason codes: what is done"),
            ("billing", "PayerKey", "Payers as files name them"),
            ("billing", "EraFile", "ERA files"),
            ("billing", "Remittance"),
        ),
    ),
    (
        "Money",
        "To look at and look up; each row leads to the screen that can act",
        (
            ("billing", "Invoice"),
            ("billing", "InvoiceLine"),
            ("billing", "LineVoid", "Voided lines"),
            ("billing", "Payment"),
            ("billing", "Allocation"),
            ("billing", "Adjustment", "Write-offs"),
            ("billing", "Adjudication", "Insurers\u2019 answers"),
            ("billing", "Responsibility", "What patients owe by insurers"),
            ("billing", "Offset"),
            ("billing", "Deposit"),
        ),
    ),
    (
        "Books and papers",
        "What was closed, issued, imported and taken out; to look at",
        (
            ("billing", "ClosingDate", "Closed periods"),
            ("billing", "JournalBatch", "Batches of the journal"),
            ("billing", "Export"),
            ("billing", "Document"),
            ("billing", "StatementBatch", "Batches of statements"),
            ("billing", "ImportFile", "Imported files"),
            ("billing", "PaymentDraft", "Drafts of insurance payments"),
            ("billing", "Submission", "Forms carried out"),
        ),
    ),
)


class Administration(AdminSite):
    """Django's, signed in to as everything else is, and in the order an office looks for things."""

    site_title = site_header = "Remit administration"
    index_title = "Administration"
    site_url = None  # admin/base_site.html leads back, in words that say where

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The subjects with what this person may see of each; then what no subject names."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        left = {
            (app["app_label"], model["object_name"]): (app, model)
            for app in apps
            for model in app["models"]
        }
        listed = []
        for title, about, members in SUBJECTS:
            models = []
            for app_name, name, *called in members:
                _app, model = left.pop((app_name, name), (None, None))
                if model:
                    models.append({**model, "name": called[0] if called else model["name"]})
            if models:
                listed.append({"name": title, "about": about, "models": models})
        others: dict[str, Any] = {}
        for app, model in left.values():
            group = others.setdefault(app["name"], {"name": app["name"], "about": "", "models": []})
            group["models"].append(model)
        return listed + list(others.values())

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002  (Django passes it so)
        """What a page here saves is one act, sealed last of all.

        Each row of the history sealed on its own would hold the chain's end, which every desk needs,
        while the page still waits for rows that a desk holds: they would wait in a circle.
        """
        page = super().admin_view(view, cacheable)

        @wraps(page)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.method != "POST":
                return page(request, *args, **kwargs)
            by = request.user if request.user.is_authenticated else None
            with sealing("administration", by=by):
                return page(request, *args, **kwargs)

        return answer

    @login_not_required
    def login(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Where everybody signs in: a page of the admin's own would ask for no second factor."""
        if not request.user.is_authenticated:
            after = request.GET.get("next", "")
            if not url_has_allowed_host_and_scheme(after, {request.get_host()}):
                after = reverse("admin:index", current_app=self.name)
            return redirect_to_login(after, reverse("account_login"))
        if not self.has_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:index", current_app=self.name))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Ours: the admin's own asks for no recent sign-in, and would be a second way past it."""
        return redirect("account_change_password")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Ours: the admin's own would leave its pages behind the browser's Back button."""
        from config.views import SignOut

        return SignOut.as_view()(request)
