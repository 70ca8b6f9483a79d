"""The clinic's settings: its letterhead with the logo, and how it works."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing import pictures
from billing.balances import money_is_recorded
from billing.documents import can_draw
from billing.models import Clinic, Logo
from patients.admin import OfficeAdmin


class ClinicForm(forms.ModelForm):
    """The settings; a logo comes as a file and is kept as a row."""

    logo_file = forms.FileField(
        label="New logo",
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg"}),
        help_text=(
            f"A PNG or JPEG of {pictures.LARGEST // 1024} KB at most, each side from"
            f" {pictures.SMALLEST_SIDE} to {pictures.LONGEST_SIDE:,} pixels. Documents issued"
            " before keep the logo of their day."
        ),
    )
    without_logo = forms.BooleanField(
        label="Take the logo off", required=False, help_text="New documents have none then."
    )

    class Meta:
        widgets = {
            "statement_message": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})
        }

    def clean_logo_file(self) -> pictures.Picture | None:
        """What was uploaded, read and tried out. Its name and the type the browser says it has
        are not looked at."""
        file: UploadedFile | None = self.cleaned_data["logo_file"]
        if file is None:
            return None
        if (file.size or 0) > pictures.LARGEST:
            raise ValidationError(pictures.TOO_LARGE)  # without reading it
        try:
            picture = pictures.read(file.read(pictures.LARGEST + 1))
        except pictures.NoPicture as error:
            raise ValidationError(str(error)) from error
        if not can_draw(picture):
            raise ValidationError(pictures.BROKEN)
        return picture

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("logo_file") and cleaned.get("without_logo"):
            self.add_error("without_logo", "Either upload a new logo or take it off, not both.")
        return cleaned

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002  (Django passes it so)
        picture: pictures.Picture | None = self.cleaned_data.get("logo_file")
        if picture:
            self.instance.logo, _new = Logo.objects.get_or_create(
                digest=picture.digest,
                defaults={
                    "content": picture.content,
                    "content_type": picture.content_type,
                    "width": picture.width,
                    "height": picture.height,
                },
            )
        elif self.cleaned_data.get("without_logo"):
            self.instance.logo = None
        return super().save(commit)


@admin.register(Clinic)
class ClinicAdmin(OfficeAdmin):
    """One row, changed in place. What was issued keeps the letterhead of its day."""

    rights = ("view", "add", "change")
    form = ClinicForm
    list_display = ["name", "place", "phone", "tax_id", "payment_terms"]
    actions = None
    readonly_fields = ["logo_now", "currency_stays"]

    def get_fieldsets(self, request: HttpRequest, obj: Clinic | None = None) -> Any:
        logo = ["logo_now", "logo_file", "without_logo"] if obj and obj.logo_id else ["logo_file"]
        money = "currency_stays" if money_is_recorded() else "currency"
        return [
            (None, {"fields": ["name", ("phone", "email")]}),
            (
                "Address",
                {
                    "fields": [
                        *["address_line1", "address_line2"],
                        ("city", "state", "postal_code"),
                    ]
                },
            ),
            ("Logo", {"fields": logo}),
            ("For insurers", {"fields": [("tax_id", "npi")]}),
            ("Money", {"fields": [money, "reversal_default", ("write_off_limit", "refund_limit")]}),
            ("Invoices and statements", {"fields": ["payment_terms", "statement_message"]}),
            ("Reports", {"fields": ["fiscal_year_month"]}),
        ]

    @admin.display(description="logo now")
    def logo_now(self, clinic: Clinic) -> SafeString:
        return format_html(
            '<img class="logo" src="{}" alt="The clinic\u2019s logo">',
            reverse("billing:clinic_logo", args=[clinic.logo_id]),
        )

    @admin.display(description="currency")
    def currency_stays(self, clinic: Clinic) -> str:
        return (
            f"{clinic.get_currency_display()}. Money has been recorded in it, so it stays: another"
            " sign before the same figures would make every one of them false."
        )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """A list of one is a detour, and an empty one a dead end."""
        if self.has_view_permission(request):
            clinic = Clinic.objects.first()
            if clinic:
                page = reverse("admin:billing_clinic_change", args=[clinic.pk])
                return HttpResponseRedirect(page)
            if self.has_add_permission(request):
                return HttpResponseRedirect(reverse("admin:billing_clinic_add"))
        return super().changelist_view(request, extra_context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Clinic.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
