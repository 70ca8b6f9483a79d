"""What people type into the patients' screens."""

from __future__ import annotations

import datetime
import hashlib
import re
from typing import Any

from django import forms
from django.db import models
from django.utils.functional import cached_property

from patients.cards import NoCardNumbers
from patients.fields import DayField, PatientField, PayerField, PolicyDayField
from patients.models import RANKS, Coverage, Patient
from patients.searching import SearchInput


class PatientSearchForm(forms.Form):
    """The search box: a name, a chart number, a phone number or a date of birth."""

    q = forms.CharField(
        label="Search patients",
        required=False,
        max_length=100,
        widget=SearchInput(
            attrs={
                "placeholder": "Name, chart number, phone or date of birth",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
        error_messages={"max_length": "Search with 100 characters at most."},
    )


class SeenForm(NoCardNumbers, forms.ModelForm):
    """A record somebody edits, while somebody else may edit it, too.

    `seen` says what the record was when the form was drawn. Where it is something else by the time
    the form comes back, saving is refused once, with what the others saved; the next saving knows.
    """

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    what = ""  # "This patient", for the sentence

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if isinstance(field, forms.CharField) and field.max_length:
                field.error_messages["max_length"] = "Use %(limit_value)d characters at most."
            if not isinstance(field, (forms.BooleanField, forms.ChoiceField)):
                field.widget.attrs.setdefault("autocomplete", "off")
            if name in ("phone", "postal_code", "member_id", "group_number", "start", "end"):
                field.widget.attrs.setdefault("class", "num")

    @property
    def kept(self) -> list[str]:
        """The fields of the record that this form shows."""
        return [name for name in self._meta.fields or () if name in self.fields]

    @property
    def seen_value(self) -> str:
        """For the hidden box: the record as it is now, so that what was refused can be repeated."""
        return self._mark(self.instance_now) if self.instance_now else ""

    @cached_property
    def instance_now(self) -> Any:
        """The record as the database has it; nothing before it is saved for the first time."""
        return self._meta.model._default_manager.filter(pk=self.instance.pk).first()

    def _mark(self, record: models.Model) -> str:
        values = [str(getattr(record, name)) for name in self.kept]
        return hashlib.sha256("\x1f".join(values).encode()).hexdigest()[:20]

    def refuse_stale(self) -> None:
        """Refuse what was typed over a record that is no longer as it was shown."""
        now = self.instance_now
        if not now or self.data.get(self.add_prefix("seen")) == self._mark(now):
            return
        changed = [
            f"{self.fields[name].label}: {getattr(now, name) or 'empty'}"
            for name in self.kept
            if str(getattr(now, name) or "") != str(self.cleaned_data.get(name) or "")
        ]
        if not changed and not self.errors:  # the very same was saved: a second click
            return
        saved = f" It has {'; '.join(changed)}." if changed else ""
        self.add_error(
            None,
            f"Somebody else changed {self.what} while you were typing.{saved}"
            " Save again to keep what stands here.",
        )


class PatientForm(SeenForm):
    """Who a patient is, how to reach them, and who pays."""

    what = "this patient"

    birth_date = DayField(
        label="Date of birth", error_messages={"required": "Enter the date of birth."}
    )
    guarantor = PatientField(
        required=False, max_length=200, help_text="Who pays, where that is somebody else."
    )
    another = forms.BooleanField(label="This is another person", required=False)

    class Meta:
        model = Patient
        fields = [
            "family_name",
            "given_name",
            "birth_date",
            "note",
            "phone",
            "email",
            "address_line1",
            "address_line2",
            "city",
            "state",
            "postal_code",
            "guarantor",
        ]
        labels = {"email": "E-mail", "address_line2": "Address, second line"}
        error_messages = {
            "family_name": {"required": "Enter the family name."},
            "given_name": {"required": "Enter the given name."},
            "email": {"invalid": "That is not an e-mail address. It looks like name@example.org."},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lookalikes: list[Patient] = []
        if not self.is_bound and not self.instance.pk:
            first = "given_name" if self.initial.get("family_name") else "family_name"
            self.fields[first].widget.attrs["autofocus"] = True
        if self.instance.pk:
            self.initial["guarantor"] = self.instance.guarantor

    def clean_family_name(self) -> str:
        return " ".join(self.cleaned_data["family_name"].split())

    def clean_given_name(self) -> str:
        return " ".join(self.cleaned_data["given_name"].split())

    def clean(self) -> dict[str, Any]:
        """With everybody whom the form is about held, so that no two desks make a chain.

        Who registers somebody holds the patient the next chart number follows as well: a second
        click waits here, and then finds whom the first one registered.
        """
        cleaned = super().clean() or {}
        guarantor = cleaned.get("guarantor")
        own = self.instance if self.instance.pk else Patient.objects.highest_number_first().first()
        people = {person.pk for person in (own, guarantor) if person}
        if people:
            rows = Patient.objects.select_for_update(no_key=True).filter(pk__in=people)
            held = {row.pk: row for row in rows.order_by("pk")}
            if guarantor:
                cleaned["guarantor"] = held[guarantor.pk]
        self.refuse_stale()
        return cleaned

    def _post_clean(self) -> None:
        """The last question, when all else is right: is this somebody we know?

        The box that says no is about those shown beside it: its value is the newest of them, so
        that the same form sent twice does not register the same other person twice.
        """
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        if self.instance.pk and not {"family_name", "given_name", "birth_date", "phone"} & set(
            self.changed_data
        ):
            return
        found = Patient.objects.lookalikes(self.instance)
        newest = max((each.pk for each in found), default=0)
        if self._another_than(newest):
            return
        self.lookalikes = found
        if self.lookalikes:
            self.fields["another"].widget.attrs["value"] = str(newest)
            self.add_error(
                "another",
                "Somebody much like this is registered already. Open their chart, or say that"
                " this is another person and save.",
            )

    def _another_than(self, newest: int) -> bool:
        """Whether the box was ticked, and nobody alike was registered since it was drawn."""
        shown = self.data.get(self.add_prefix("another"), "")
        since = re.fullmatch("[0-9]{1,18}", shown) and newest > int(shown)
        return bool(self.cleaned_data["another"] and not since)

    @property
    def asks_whether_another(self) -> bool:
        """Whether the box that says so is shown."""
        return "another" in self.errors or bool(self["another"].value())


class CoverageForm(SeenForm):
    """A patient's policy with a payer.

    While registering it may be left empty; then there is nothing to save.
    """

    what = "this coverage"

    payer = PayerField(error_messages={"required": "Choose the payer."})
    rank = forms.TypedChoiceField(
        label="Billed",
        choices=list(RANKS.items()),
        coerce=int,
        error_messages={"invalid_choice": "Choose primary, secondary or third."},
    )
    start = PolicyDayField(label="From", required=False)
    end = PolicyDayField(label="To", required=False)
    end_other = forms.BooleanField(required=False)

    class Meta:
        model = Coverage
        fields = ["payer", "rank", "member_id", "group_number", "start", "end"]
        labels = {"member_id": "Member ID"}

    def __init__(
        self, *args: Any, patient: Patient | None, may_be_empty: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.patient = patient
        self.may_be_empty = may_be_empty
        self.other: Coverage | None = None
        if patient:
            self.instance.patient = patient
        if self.instance.pk:
            self.initial["payer"] = self.instance.payer
            self.fields["payer"].kept = self.instance.payer  # type: ignore[attr-defined]
            if self.instance.rank not in RANKS:  # as an import may have it
                rank = self.fields["rank"]
                rank.choices = [  # type: ignore[attr-defined]
                    *RANKS.items(),
                    (self.instance.rank, self.instance.rank_name),
                ]
        if may_be_empty:
            del self.fields["rank"]  # the first coverage is the primary one
            self.fields["payer"].required = False

    @property
    def nothing_typed(self) -> bool:
        """Whether every box is as empty as it came; asked of the insurance of a new patient."""
        return not any((self[name].value() or "").strip() for name in self.kept)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        unnamed = not cleaned.get("payer") and "payer" not in self.errors
        if unnamed and not self.nothing_typed:
            self.add_error("payer", "Choose the payer, or leave all of Insurance empty.")
        if self.patient:
            # One at a time, or two desks could each add a primary coverage.
            list(Patient.objects.select_for_update(no_key=True).filter(pk=self.patient.pk))
        self.refuse_stale()
        return cleaned

    def _post_clean(self) -> None:
        """One payer is primary on a day: an overlap is refused, with the way out of it.

        Not one that was there before: an import may have brought it, and a member ID is corrected
        all the same.
        """
        if self.may_be_empty and self.nothing_typed:
            return
        super()._post_clean()  # type: ignore[misc]
        if self.errors or not self.patient:
            return
        if self.instance.pk and not {"rank", "start", "end"} & set(self.changed_data):
            return
        others = list(self.instance.overlapping()[:2])
        if not others:
            return
        other, start = others[0], self.instance.start
        can_end = len(others) == 1 and start and (other.start is None or other.start < start)
        if can_end:
            self.other = other
            if self.cleaned_data["end_other"]:
                return
        self.add_error("start", self._overlap(other))

    @property
    def day_before(self) -> datetime.date | None:
        """The last day of the other coverage, if this one follows it."""
        start = self.instance.start
        return start - datetime.timedelta(days=1) if self.other and start else None

    def _overlap(self, other: Coverage) -> str:
        rank = self.instance.rank_name.lower()
        days = " ".join(
            f"{word} {day:%d %b %Y}"
            for word, day in (("from", other.start), ("to", other.end))
            if day
        )
        sentence = (
            f"{other} is {rank} {days or 'without an end'}, and one coverage at a time can be that."
        )
        if not self.day_before:
            return f"{sentence} Change its dates, or these."
        return f"{sentence} Should it end on {self.day_before:%d %b %Y}? Say so below."

    def save(self, commit: bool = True) -> Coverage:  # noqa: FBT001, FBT002 - as Django calls it
        if self.other and self.day_before:
            self.other.end = self.day_before
            self.other.save(update_fields=["end"])
        coverage: Coverage = super().save(commit)
        return coverage
