"""The people who may sign in: added, given roles, disabled, and signed out from everywhere.

Nobody sets another one's password: an administrator hands over a link that works once. And nobody
changes rights of their own, so that no administrator locks the last door from the inside, and no
stolen sign-in makes itself a bigger one.
"""

from __future__ import annotations

import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.models import Group, User
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode, urlsafe_base64_encode
from django.utils.safestring import SafeString

from billing.audit.address import client_address
from billing.audit.recording import record
from billing.models import EventKind
from config.admin.roles import rights_shown, with_those_not_shown
from config.models import SignIn
from patients.admin import OfficeAdmin

RIGHTS = ("is_active", "groups", "is_staff", "is_superuser", "user_permissions")
RIGHTS_IN_WORDS = {
    "is_active": ("Active", "May sign in. Take the tick off instead of deleting anybody."),
    "is_staff": ("Administration", "May open these pages, and do here what the roles say."),
    "is_superuser": ("Superuser", "May do everything, and change other superusers."),
}
SHOWN = 20  # so many sign-ins of one person are listed

# What is a person's own and goes with them. Whatever else points at them is work they did.
THEIR_OWN = {
    "account.emailaddress",
    "billing.auditevent",  # signing in and looking; these outlast the person
    "billing.desksettings",
    "config.signin",
    "mfa.authenticator",
}


def wrong_passwords() -> QuerySet[AccessAttempt]:
    """Lock-outs that stand: names with too many wrong passwords in the last quarter of an hour."""
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    return AccessAttempt.objects.filter(
        failures_since_start__gte=settings.AXES_FAILURE_LIMIT, attempt_time__gte=since
    )


def others_keep_the_keys(person: User) -> bool:
    """Whether another active superuser is left. Holds them all, so that two who take each other's
    rights away at the same moment do not both succeed."""
    keys = User.objects.select_for_update().filter(is_superuser=True, is_active=True)
    return any(each.pk != person.pk for each in keys.order_by("pk"))


def has_done_something(person: User) -> bool:
    """Whether any row names this person as who entered, changed, sent or printed it."""
    for relation in User._meta.get_fields(include_hidden=True):
        if not (relation.auto_created and (relation.one_to_many or relation.one_to_one)):
            continue
        model: Any = relation.related_model
        if model._meta.auto_created or model._meta.label_lower in THEIR_OWN:
            continue
        named = {relation.field.name: person}  # type: ignore[union-attr]
        if model._base_manager.filter(**named).exists():
            return True
    return False


# ---------------------------------------------------------------------------- forms


class AddPersonForm(forms.ModelForm):
    """A new person, who cannot sign in before they have set a password by the link."""

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "email", "groups"]
        field_classes = {"username": UsernameField}

    def clean_username(self) -> str:
        """ "Ana" beside "ana" would be taken for the same person by everybody but the program."""
        name: str = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=name).exists():
            raise ValidationError("Somebody has this user name already.")
        return name

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002  (Django passes it so)
        self.instance.set_unusable_password()
        return super().save(commit)


class PersonForm(forms.ModelForm):
    """A person as they are. What the signed-in administrator may not change is not in it."""

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "email", *RIGHTS]
        field_classes = {"username": UsernameField}

    def clean_user_permissions(self) -> Any:
        chosen = self.cleaned_data["user_permissions"]
        return with_those_not_shown(chosen, self.instance.user_permissions)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        before = User.objects.filter(pk=self.instance.pk).first()
        if before and before.is_active and before.is_superuser:
            stays = all(cleaned.get(name, True) for name in ("is_active", "is_superuser"))
            if not stays and not others_keep_the_keys(before):
                raise ValidationError(
                    f"“{before.username}” is the last active superuser. Make somebody else one"
                    " first, or nobody could ever give that right again."
                )
        return cleaned


# ---------------------------------------------------------------------------- filters


class YesOrNo(admin.SimpleListFilter):
    """A filter by something that is looked up: people it is true of, or the others."""

    true = Q()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "yes":
            return queryset.filter(self.true)
        return queryset.exclude(self.true) if self.value() == "no" else queryset


class HasSecondFactor(YesOrNo):
    title, parameter_name, true = "second factor", "second_factor", Q(has_second_factor=True)


class IsLockedOut(YesOrNo):
    title, parameter_name, true = "locked out", "locked", Q(is_locked_out=True)


class IsSignedIn(YesOrNo):
    title, parameter_name, true = "signed in now", "signed_in", Q(signed_in__gt=0)


# ---------------------------------------------------------------------------- the pages

admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(OfficeAdmin, UserAdmin):
    form = PersonForm
    add_form = AddPersonForm
    add_form_template = None
    change_form_template = "admin/people/change_form.html"
    list_display = ["username", "name", "roles", "state", "second_factor", "last_sign_in"]
    list_filter = ["is_active", "groups", HasSecondFactor, IsSignedIn, IsLockedOut, "is_superuser"]
    search_fields = ["username", "first_name", "last_name", "email"]
    search_help_text = "User name, first or last name, or e-mail"
    ordering = ["username"]
    filter_horizontal = []
    actions = ["sign_out"]
    fieldsets = [
        (None, {"fields": ["username", ("first_name", "last_name"), "email"]}),
        (
            "Signing in",
            {"fields": ["password_state", "factors", "lock", "sign_ins", "last_sign_in"]},
        ),
        ("Rights", {"fields": ["is_active", "groups", "is_staff", "is_superuser"]}),
        (
            "Single rights, beside those of the roles",
            {"classes": ["collapse"], "fields": ["user_permissions"]},
        ),
    ]
    add_fieldsets = [
        (
            None,
            {
                "fields": ["username", ("first_name", "last_name"), "email", "groups"],
                "description": "They set their own password: when the person is saved, the next"
                " page makes the link for it.",
            },
        )
    ]
    seen_only = ("password_state", "factors", "lock", "sign_ins", "last_sign_in")

    # ------------------------------------------------------------------ who may

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        own = OuterRef("pk")
        locked = wrong_passwords().filter(username=OuterRef("username"))
        standing = Q(sign_ins__expire_date__gt=timezone.now())
        people = super().get_queryset(request)
        return people.prefetch_related(Prefetch("groups", to_attr="all_roles")).annotate(
            has_second_factor=Exists(Authenticator.objects.filter(user=own)),
            is_locked_out=Exists(locked),
            signed_in=Count("sign_ins", filter=standing, distinct=True),
        )

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A superuser is changed by superusers only, or a lesser right led to every other."""
        allowed = super().has_change_permission(request, obj)
        above = obj is not None and obj.is_superuser and not _is_superuser(request)
        return allowed and not above

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        above = obj is not None and obj.is_superuser and not _is_superuser(request)
        return allowed and not above

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is not None and obj.pk == request.user.pk:
            return [*self.seen_only, *RIGHTS[:-1], "single_rights"]
        return [
            *self.seen_only,
            *([] if _is_superuser(request) else ["is_superuser", "single_rights"]),
        ]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """A long list of ticked boxes that cannot be changed is read as a sentence."""
        if obj is None:
            return self.add_fieldsets
        readonly = self.get_readonly_fields(request, obj)
        if "single_rights" not in readonly and self.has_change_permission(request, obj):
            return self.fieldsets
        title, shown = self.fieldsets[-1]
        return [*self.fieldsets[:-1], (title, {**shown, "fields": ["single_rights"]})]

    def get_form(
        self,
        request: HttpRequest,
        obj: User | None = None,
        change: bool = False,  # noqa: FBT001, FBT002  (Django passes it so)
        **kwargs: Any,
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        roles: Any = form.base_fields.get("groups")
        if roles:
            roles.widget = forms.CheckboxSelectMultiple(choices=roles.choices)
            roles.label = "Roles"
            roles.help_text = (
                "What the person may do, all of it together."
                if Group.objects.exists()
                else "There are no roles yet. Add one under People, Roles."
            )
        for name, (label, help_text) in RIGHTS_IN_WORDS.items():
            if field := form.base_fields.get(name):
                field.label, field.help_text = label, help_text
        return form

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "user_permissions":
            return rights_shown()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    # ------------------------------------------------------------------ columns and fields

    @admin.display(description="name", ordering="last_name")
    def name(self, person: User) -> str:
        return person.get_full_name() or "-"

    @admin.display(description="roles")
    def roles(self, person: Any) -> str:
        names = [role.name for role in person.all_roles]
        return ", ".join([*names, *(["Superuser"] if person.is_superuser else [])]) or "none"

    @admin.display(description="state", ordering="is_active")
    def state(self, person: Any) -> str:
        if not person.is_active:
            return "Disabled"
        if person.is_locked_out:
            return "Locked out"
        return "Signed in" if person.signed_in else "-"

    @admin.display(description="second factor", boolean=True, ordering="has_second_factor")
    def second_factor(self, person: Any) -> bool:
        there: bool = person.has_second_factor
        return there

    @admin.display(description="last sign-in", ordering="last_login")
    def last_sign_in(self, person: User) -> str:
        if person.last_login is None:
            return "never"
        return f"{timezone.localtime(person.last_login):%d %b %Y %H:%M}"

    @admin.display(description="password")
    def password_state(self, person: User) -> str:
        if person.has_usable_password():
            return "Set. Nobody can read it; a link lets them set another."
        return "Not set yet. They cannot sign in before they have used their link."

    @admin.display(description="second factor")
    def factors(self, person: Any) -> SafeString | str:
        kinds = [each.get_type_display() for each in person.authenticator_set.order_by("type")]
        if not kinds:
            return "None. Remit asks for one at the next sign-in, where it is required."
        where = reverse("admin:mfa_authenticator_changelist")
        return format_html(
            '{}. <a href="{}?{}">Look at them</a>: deleting them lets somebody who lost the phone'
            " set up another.",
            ", ".join(kinds),
            where,
            urlencode({"q": person.username}),
        )

    @admin.display(description="lock-out")
    def lock(self, person: Any) -> SafeString | str:
        where = reverse("admin:axes_accessattempt_changelist")
        query = urlencode({"q": person.username})
        if not person.is_locked_out:
            return format_html('No. <a href="{}?{}">Wrong passwords</a>', where, query)
        return format_html(
            'Locked out after too many wrong passwords. <a href="{}?{}">Unlock</a>', where, query
        )

    @admin.display(description="signed in now")
    def sign_ins(self, person: User) -> SafeString | str:
        standing = list(person.sign_ins.standing().order_by("-expire_date")[: SHOWN + 1])
        if not standing:
            return "Nowhere."
        lines = format_html_join("", "<li>{}</li>", ((_told(each),) for each in standing[:SHOWN]))
        more = format_html("<li>and more</li>") if len(standing) > SHOWN else ""
        return format_html('<ul class="plain">{}{}</ul>', lines, more)

    @admin.display(description="single rights")
    def single_rights(self, person: User) -> str:
        return ", ".join(each.name for each in person.user_permissions.all()) or "None."

    # ------------------------------------------------------------------ saving

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            SignIn.objects.of([obj]).delete()

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: Any = None) -> Any:
        messages.info(request, "Now make the link with which they set their password.")
        if not obj.is_superuser and not obj.groups.exists():
            messages.warning(
                request,
                f"“{obj.username}” has no role yet: they can sign in, and nothing opens to them."
                " Tick one under Roles.",
            )
        return super().response_add(request, obj, post_url_continue)

    # ------------------------------------------------------------------ signing out

    @admin.action(description="Sign out everywhere", permissions=["change"])
    def sign_out(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """End what the chosen people are signed in to, but for the browser that asks."""
        people = [each for each in queryset if self.has_change_permission(request, each)]
        self._end_sign_ins(request, people)
        if len(people) < len(queryset):
            messages.warning(request, "Superusers are signed out by superusers only.")

    def sign_out_view(self, request: HttpRequest, id: str) -> HttpResponse:
        person = self._person(request, id)
        self._end_sign_ins(request, [person])
        return HttpResponseRedirect(reverse("admin:auth_user_change", args=[person.pk]))

    def _end_sign_ins(self, request: HttpRequest, people: list[User]) -> None:
        ended = SignIn.objects.of(people).exclude(pk=request.session.session_key)
        count = ended.standing().count()
        ended.delete()
        for person in people:
            self.log_change(request, person, "Signed out everywhere.")
            self._keep(request, EventKind.ENDED, person)
        names = ", ".join(person.username for person in people) or "nobody"
        said = (
            f"Signed out everywhere: {names} ({count} {'sign-in' if count == 1 else 'sign-ins'})."
        )
        if any(person.pk == request.user.pk for person in people):
            said += " This browser stays signed in."
        messages.success(request, said)

    # ------------------------------------------------------------------ the password link

    def password_link(self, request: HttpRequest, id: str) -> HttpResponse:
        """Make a link with which somebody sets a password, once, within a day, and show it once."""
        person = self._person(request, id)
        if person.pk == request.user.pk:
            return HttpResponseRedirect(reverse("account_change_password"))
        where = reverse("admin:auth_user_change", args=[person.pk])
        if not person.is_active:
            messages.error(request, f"“{person.username}” is disabled. Make them active first.")
            return HttpResponseRedirect(where)
        link = reverse(
            "account_set_password",
            args=[
                urlsafe_base64_encode(force_bytes(person.pk)),
                default_token_generator.make_token(person),
            ],
        )
        self.log_change(request, person, "Made a link to set a password.")
        self._keep(request, EventKind.LINK, person)
        until = timezone.localtime() + datetime.timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": person,
            "title": "Link to set a password",
            "link": request.build_absolute_uri(link),
            "until": until,
        }
        return TemplateResponse(request, "admin/people/password_link.html", context)

    def _keep(self, request: HttpRequest, kind: EventKind, person: User) -> None:
        """In the audit trail, which nobody can wipe as they can the administration's own log."""
        record(
            kind,
            user=request.user,
            what=f"of user {person.pk}",
            address=client_address(request),
        )

    def _person(self, request: HttpRequest, id: str) -> User:
        """Whom a button was pressed for; only by those who may change them."""
        person = get_object_or_404(
            User, pk=id if id.isdecimal() and id.isascii() and len(id) < 19 else 0
        )
        if request.method != "POST" or not self.has_change_permission(request, person):
            raise PermissionDenied
        return person

    def get_urls(self) -> list[URLPattern]:
        """Without Django's page on which an administrator types another one's password."""
        view = self.admin_site.admin_view
        ours = [
            path("<id>/password-link/", view(self.password_link), name="auth_user_password_link"),
            path("<id>/sign-out/", view(self.sign_out_view), name="auth_user_sign_out"),
        ]
        return [*ours, *super(UserAdmin, self).get_urls()]

    # ------------------------------------------------------------------ deleting

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Only somebody who never did anything goes; the others stay under what they did."""
        with transaction.atomic():  # the other superusers are held until this one is gone
            person = self.get_object(request, object_id)
            if person and self.has_delete_permission(request, person):
                why = self._why_kept(request, person)
                if why:
                    messages.error(request, why)
                    page = reverse("admin:auth_user_change", args=[person.pk])
                    return HttpResponseRedirect(page)
            return super().delete_view(request, object_id, extra_context)

    def _why_kept(self, request: HttpRequest, person: User) -> str:
        if person.pk == request.user.pk:
            return "You cannot delete yourself. Another administrator can."
        if has_done_something(person):
            return (
                f"“{person.username}” has worked with Remit, and their name stands beside what they"
                " did, so they cannot be deleted. To keep them out, take the tick off Active: they"
                " are signed out and cannot sign in any more."
            )
        if person.is_superuser and person.is_active and not others_keep_the_keys(person):
            return f"“{person.username}” is the last active superuser and cannot be deleted."
        return ""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)  # one at a time, with the reason why not
        return actions


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def _told(sign_in: SignIn) -> str:
    """ "Since 27 Nov 2026 08:02, last seen 27 Nov 2026 09:15, from 192.0.2.7". Its key is told to nobody."""
    since, seen = timezone.localtime(sign_in.since), timezone.localtime(sign_in.seen)
    said = f"Since {since:%d %b %Y %H:%M}, last seen {seen:%d %b %Y %H:%M}"
    return f"{said}, from {sign_in.address}" if sign_in.address else said
