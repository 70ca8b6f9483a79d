"""How a payment's grid answers while somebody types (HTMX): outputs only, never a box.

The page, the live answer and the fills are drawn from the same PaymentGrid.
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from billing.forms.payment_grid import PaymentGrid
from patients.http import DeskRequest


def live(request: DeskRequest, grid: PaymentGrid, *, template: str, **context: Any) -> HttpResponse:
    """The figures for what is typed now, and the boxes a fill asks to set."""
    events: dict[str, Any] = {}
    values: dict[str, str] = {}
    said = ""
    if fill := request.POST.get("fill"):
        values, said = grid.fill(fill)
        events["fill-boxes"] = {"values": values, "undo": fill.partition(":")[0]}
        if focus := grid.focus_after(fill, values):
            events["fill-boxes"]["focus"] = focus
    elif tidy := request.POST.get("tidy"):
        events["fill-boxes"] = {"values": grid.tidy(tidy.split(","))}
    listed = ",".join([request.POST.get("touched", ""), *_rows_of(values)])
    outputs = grid.touched(listed)
    events["figures"] = {
        "said": said or grid.said,
        "over": grid.sharing.state == "over",
        "wrong": grid.wrong_boxes(outputs),
    }
    answer = render(request, template, {**context, "grid": grid, "outputs": outputs, "oob": True})
    answer["HX-Trigger"] = json.dumps(events)
    return answer


def _rows_of(boxes: dict[str, str]) -> list[str]:
    return [name.split("-")[1] for name in boxes if name.startswith("line-")]
