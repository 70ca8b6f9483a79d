"""Choosing a file to import."""

from __future__ import annotations

import hashlib
from typing import Any

from django import forms

from billing.imports.source import LARGEST, MEGABYTE, UnreadableError, encoding_of
from billing.models import ImportFile


class ImportForm(forms.Form):
    """One file. What is no table at all is refused here; what is in it is checked afterwards."""

    file = forms.FileField(
        label="CSV file",
        allow_empty_file=True,  # our own words for it
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv"}),
        error_messages={
            "required": "Choose a file.",
            "invalid": "Choose a file.",
            "missing": "Choose a file.",
        },
    )

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind

    def clean_file(self) -> bytes:
        upload = self.cleaned_data["file"]
        if upload.size > LARGEST:
            raise forms.ValidationError(
                f"This file is larger than {LARGEST // MEGABYTE} MB. Split it and import the parts."
            )
        data: bytes = upload.read()
        try:
            encoding_of(data)
        except UnreadableError as error:
            raise forms.ValidationError(str(error)) from error
        digest = hashlib.sha256(data).hexdigest()
        if before := ImportFile.objects.imported().same(self.kind, digest):
            raise forms.ValidationError(before.said)
        self.name = upload.name
        return data

    @property
    def upload(self) -> dict[str, Any]:
        return {"data": self.cleaned_data["file"], "name": self.name}
