"""A browser signed in at the clinic of the constructed series."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from billing.models import Remittance, RemittanceRow
from tests.era.clinic import TODAY, Clinic, series
from tests.screens.bad_input import text


class EraDesk:
    def __init__(self) -> None:
        self.clinic: Clinic = series()
        self.client = Client()
        self.client.force_login(self.clinic.ana)

    def draft(self, number: int) -> Remittance:
        return self.clinic.draft(number)

    def rows(self, draft: Remittance) -> list[RemittanceRow]:
        return list(draft.rows.select_related("claim").order_by("claim__index", "number", "part"))

    def act(self, draft: Remittance, action: str, *, query: str = "", **more: Any) -> Any:
        return self.client.post(draft.get_absolute_url() + query, {"action": action, **more})

    def said(self, answer: Any) -> str:
        """The page an answer leads to; or all of one that shows how far its work is."""
        if answer.streaming:
            return b"".join(answer.streaming_content).decode()
        url = answer.get("Location") or answer.get("HX-Redirect")
        return text(self.client.get(url)) if url else text(answer)

    def save(self, draft: Remittance, **changed: Any) -> Any:
        action = str(changed.pop("action", "save"))
        form = {"key": str(uuid.uuid4()), "date": "2026-03-24", "sure": "on", **changed}
        return self.act(draft, action, **{name: each for name, each in form.items() if each})

    def unmatched(self) -> RemittanceRow:
        """A payment saved with 150.00 of a claim nobody knows."""
        draft = self.draft(8)
        first, second = self.rows(draft)
        self.act(draft, f"accept:{first.pk}")
        self.act(draft, f"unapplied:{second.pk}")
        assert self.save(draft).status_code == 302
        second.refresh_from_db()
        return second


@pytest.fixture
def desk(db: None) -> Iterator[EraDesk]:
    with time_machine.travel(TODAY, tick=True):
        yield EraDesk()
