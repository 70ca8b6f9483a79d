"""Filters that several reports share: each narrows rows to what the address asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.forms.reports import FROM_PATIENTS


def of_provider(rows: Any, asked: Mapping[str, Any], field: str = "provider") -> Any:
    return rows.filter(**{field: asked["provider"]}) if asked.get("provider") else rows


def by_user(rows: Any, asked: Mapping[str, Any]) -> Any:
    return rows.filter(created_by=asked["user"]) if asked.get("user") else rows


def received_from(rows: Any, asked: Mapping[str, Any]) -> Any:
    """Patients' money, or insurers'."""
    if not asked.get("received_from"):
        return rows
    return rows.filter(payer__isnull=asked["received_from"] == FROM_PATIENTS)
