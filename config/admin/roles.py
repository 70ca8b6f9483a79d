"""Roles: what people may do, in words, without the hundred permissions that mean nothing here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from config.administration import SUBJECTS
from config.roles import RIGHTS
from patients.admin import OfficeAdmin

DOES = {"view": "See", "add": "Add", "change": "Change", "delete": "Delete"}
AT_THE_DESK = "At the desk and in the books"


def grouped_rights(held: Iterable[int] = ()) -> list[tuple[str, list[tuple[int, str]]]]:
    """The permissions that something asks for, under headings, in words.

    Those named in a model's `permissions` are asked for by screens. Of the four that Django makes
    for every model, the administration asks for those its page can do (`OfficeAdmin.rights`), and
    screens for some it cannot, such as looking at the audit trail. Those somebody has already
    (`held`) are told, whatever they are.
    """
    held = set(held)
    names = {
        (app, model.lower()): called[0] if called else ""
        for _title, _about, members in SUBJECTS
        for app, model, *called in members
    }
    order = list(names)
    screens: list[tuple[int, str]] = []
    pages: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
    for right in Permission.objects.select_related("content_type").order_by("pk"):
        of = (right.content_type.app_label, right.content_type.model)
        model = right.content_type.model_class()
        does, _, of_model = right.codename.partition("_")
        if model is None:
            continue  # of a model that is no more
        if does not in DOES or of_model != of[1]:
            screens.append((right.pk, capfirst(right.name.removeprefix("Can "))))
            continue
        page = admin.site._registry.get(model)
        asked = page is not None and does in getattr(page, "rights", DOES)
        by_screens = RIGHTS.get(f"{of[0]}.{right.codename}")
        if by_screens and not asked:
            screens.append((right.pk, capfirst(by_screens)))
        elif asked or right.pk in held:
            what = names.get(of) or str(model._meta.verbose_name_plural)
            small = what if what[:2].isupper() else what[:1].lower() + what[1:]
            words = f"{DOES[does]} {small}"
            pages.setdefault(of, []).append((list(DOES).index(does), right.pk, words))
    shown = [(AT_THE_DESK, screens)] if screens else []
    for of in sorted(pages, key=lambda of: order.index(of) if of in names else len(order)):
        model = apps.get_model(*of)
        heading = names.get(of) or str(capfirst(model._meta.verbose_name_plural))
        shown.append((heading, [(pk, words) for _place, pk, words in sorted(pages[of])]))
    return shown


class RightsField(forms.ModelMultipleChoiceField):
    """Tick boxes under headings. Rights that are not shown are neither given nor taken away."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, queryset: QuerySet[Permission], **kwargs: Any) -> None:
        super().__init__(queryset, **kwargs)
        self.widget.attrs["class"] = "rights"


def rights_shown() -> RightsField:
    """The field with the rights as they are now: read when a form is made, not once a start."""
    groups = grouped_rights()
    shown = [pk for _heading, rights in groups for pk, _words in rights]
    field = RightsField(Permission.objects.filter(pk__in=shown), required=False, label="Rights")
    field.choices = groups
    return field


def with_those_not_shown(chosen: QuerySet[Permission], held: Any) -> list[Permission]:
    """The rights somebody ticked, and those they could not see, which stay."""
    shown = [pk for _heading, rights in grouped_rights() for pk, _words in rights]
    return [*chosen, *held.exclude(pk__in=shown)]


class RoleForm(forms.ModelForm):
    class Meta:
        model = Group
        fields = ["name", "permissions"]

    def clean_permissions(self) -> list[Permission]:
        chosen: QuerySet[Permission] = self.cleaned_data["permissions"]
        if not self.instance.pk:
            return list(chosen)
        return with_those_not_shown(chosen, self.instance.permissions)


admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(OfficeAdmin):
    """A role is a name for rights; people get roles, so that nobody is forgotten when one changes."""

    form = RoleForm
    list_display = ["name", "people", "number_of_rights"]
    search_fields = ["name"]
    search_help_text = "Name of the role"
    ordering = ["name"]
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                members=Count("user", distinct=True), rights=Count("permissions", distinct=True)
            )
        )

    def get_fieldsets(self, request: HttpRequest, obj: Group | None = None) -> Any:
        may = self.has_change_permission(request, obj) if obj else True
        held = [("People", {"fields": ["held_by"]})] if obj else []
        return [
            (None, {"fields": ["name"]}),
            *held,
            ("Rights", {"fields": ["permissions" if may else "in_words"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> list[str]:
        return ["held_by", "in_words"]

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "permissions":
            return rights_shown()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Nobody changes a role they have themselves. (Superusers may do everything anyway.)"""
        return super().has_change_permission(request, obj) and not self._is_own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not self._is_own(request, obj)

    def _is_own(self, request: HttpRequest, obj: Group | None) -> bool:
        person = request.user
        if obj is None or not isinstance(person, User) or person.is_superuser:
            return False
        return person.groups.filter(pk=obj.pk).exists()

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Roles", **(extra_context or {})})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        title = "Change role" if object_id else "Add a role"
        return super().changeform_view(
            request, object_id, form_url, {"title": title, **(extra_context or {})}
        )

    @admin.display(description="people", ordering="members")
    def people(self, role: Any) -> int:
        count: int = role.members
        return count

    @admin.display(description="rights", ordering="rights")
    def number_of_rights(self, role: Any) -> int:
        count: int = role.rights
        return count

    @admin.display(description="who has it")
    def held_by(self, role: Group) -> SafeString | str:
        people = list(role.user_set.order_by("username"))
        if not people:
            return "Nobody yet."
        return format_html_join(
            ", ",
            '<a href="{}">{}</a>',
            ((reverse("admin:auth_user_change", args=[each.pk]), each.username) for each in people),
        )

    @admin.display(description="rights")
    def in_words(self, role: Group) -> SafeString | str:
        has = set(role.permissions.values_list("pk", flat=True))
        words = [
            words for _heading, rights in grouped_rights(has) for pk, words in rights if pk in has
        ]
        if not words:
            return "None."
        return format_html(
            '<ul class="plain">{}</ul>', format_html_join("", "<li>{}</li>", ((w,) for w in words))
        )
