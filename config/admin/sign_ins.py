"""Who signed in, who is locked out, who has a second factor: for administrators.

The makers of these models bring pages of their own, which show secrets or leave the unlocking to
be guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from billing.audit.address import client_address
from billing.audit.recording import record
from billing.models import EventKind
from patients.admin import OfficeAdmin


class SeenOnlyAdmin(OfficeAdmin):
    """Rows that signing in writes: looked at here, perhaps taken away, never typed."""

    rights: tuple[str, ...] = ("view", "delete")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LockedOut(admin.SimpleListFilter):
    title = "locked out"
    parameter_name = "locked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "Not yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "yes":
            return queryset.filter(failures_since_start__gte=settings.AXES_FAILURE_LIMIT)
        if self.value() == "no":
            return queryset.filter(failures_since_start__lt=settings.AXES_FAILURE_LIMIT)
        return queryset


@admin.register(AccessAttempt)
class AccessAttemptAdmin(SeenOnlyAdmin):
    """Wrong passwords since the last right one. Unlocking is forgetting them."""

    list_display = ["username", "ip_address", "attempt_time", "failures", "locked"]
    list_filter = [LockedOut, "attempt_time"]
    search_fields = ["username", "ip_address"]
    search_help_text = "User name or address"
    fields = ["username", "ip_address", "attempt_time", "failures", "locked", "user_agent"]
    actions = ["unlock"]

    @admin.display(description="wrong passwords", ordering="failures_since_start")
    def failures(self, attempt: AccessAttempt) -> int:
        count: int = attempt.failures_since_start
        return count

    @admin.display(description="locked out", boolean=True)
    def locked(self, attempt: AccessAttempt) -> bool:
        return self.failures(attempt) >= settings.AXES_FAILURE_LIMIT

    @admin.action(description="Unlock the selected log-ins", permissions=["delete"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        names = sorted(set(queryset.values_list("username", flat=True)))
        self.delete_queryset(request, queryset)
        messages.success(request, f"Unlocked: {', '.join(name or '(no name)' for name in names)}.")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._keep(request, queryset.values_list("username", flat=True))
        super().delete_queryset(request, queryset)

    def delete_model(self, request: HttpRequest, obj: AccessAttempt) -> None:
        self._keep(request, [obj.username])
        super().delete_model(request, obj)

    def _keep(self, request: HttpRequest, names: Iterable[str]) -> None:
        """Whose lock-out was lifted. Of names that are nobody's only how many: what is typed into
        that box may be a password."""
        forgotten = set(names)
        ours = dict(User.objects.filter(username__in=forgotten).values_list("username", "pk"))
        told = [f"of user {pk}" for pk in sorted(ours.values())]
        if unknown := len(forgotten - ours.keys()):
            told.append(f"of {unknown} {'name' if unknown == 1 else 'names'} that nobody has")
        for what in told:
            record(
                EventKind.UNLOCKED, user=request.user, what=what, address=client_address(request)
            )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)  # the same under another name
        return actions


@admin.register(AccessLog)
class AccessLogAdmin(SeenOnlyAdmin):
    """Who signed in and out, when and from where."""

    rights = ("view",)

    list_display = ["username", "ip_address", "attempt_time", "logout_time"]
    list_filter = ["attempt_time"]
    search_fields = ["username", "ip_address"]
    search_help_text = "User name or address"
    fields = ["username", "ip_address", "attempt_time", "logout_time", "user_agent"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


admin.site.unregister(EmailAddress)  # allauth's own list of them: Remit sends no mail
admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class AuthenticatorAdmin(SeenOnlyAdmin):
    """Second factors. Deleting those of somebody who lost the phone lets them set up another."""

    list_display = ["user", "type", "created_at", "last_used_at"]
    list_filter = ["type"]
    list_select_related = ["user"]
    search_fields = ["user__username", "user__last_name"]
    search_help_text = "User name or last name"
    fields = ["user", "type", "created_at", "last_used_at"]  # never `data`: it holds the secret

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Those of superusers are seen, and taken away, by superusers only."""
        found = super().get_queryset(request)
        return found if request.user.is_superuser else found.filter(user__is_superuser=False)
