"""The summary above a form that was refused (templates/parts/error_summary.html)."""

from __future__ import annotations

from typing import Any

from django import forms


def error_summary(what: str, items: list[dict[str, str]], hint: str = "") -> dict[str, Any]:
    """`what` is the sentence before the count: "This payment is not saved yet."."""
    count = "1 thing" if len(items) == 1 else f"{len(items)} things"
    return {"heading": f"{what} {count} to fix:", "items": items, "hint": hint}


def errors_of(*bound: forms.BaseForm) -> list[dict[str, str]]:
    """What is wrong in these forms, in the words that stand beside the fields."""
    return [
        {
            "href": f"#{form[name].id_for_label}" if name in form.fields else "#main",
            "text": str(text),
        }
        for form in bound
        for name, texts in form.errors.items()
        for text in texts
    ]
