"""Filters that several reports share: each narrows rows to what the address asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.forms.reports import FROM_PATIENTS


def narrowed(rows: Any, asked: Mapping[str, Any], **fields: str) -> Any:
    """The rows that answer to what was asked; `fields` names the model's field for each filter."""
    wanted = {field: asked[name] for name, field in fields.items() if asked.get(name)}
    return rows.filter(**wanted) if wanted else rows


def of_provider(rows: Any, asked: Mapping[str, Any], field: str = "provider") -> Any:
    return narrowed(rows, asked, provider=field)


def by_user(rows: Any, asked: Mapping[str, Any], field: str = "created_by") -> Any:
    return narrowed(rows, asked, user=field)


def received_from(rows: Any, asked: Mapping[str, Any]) -> Any:
    """Patients' money, or insurers'."""
    if not asked.get("received_from"):
        return rows
    return rows.filter(payer__isnull=asked["received_from"] == FROM_PATIENTS)
