"""How a screen answers while somebody types (HTMX): outputs only, never a box.

The page, the live answer and the fills are drawn from the same grid or the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from billing.forms.charges import ChargeRows
from billing.forms.line_grid import LineGrid
from billing.forms.payment_grid import PaymentGrid
from patients.http import DeskRequest

# ---------------------------------------------------------------------------- amounts on lines


def live(
    request: DeskRequest, grid: PaymentGrid | LineGrid, *, template: str, **context: Any
) -> HttpResponse:
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
        "over": grid.overdrawn,
        "wrong": grid.wrong_boxes(outputs),
    }
    answer = render(request, template, {**context, "grid": grid, "outputs": outputs, "oob": True})
    answer["HX-Trigger"] = json.dumps(events)
    return answer


def _rows_of(boxes: dict[str, str]) -> list[str]:
    return [name.split("-")[1] for name in boxes if name.startswith("line-")]


# ---------------------------------------------------------------------------- rows of services


def live_rows(
    request: DeskRequest,
    rows: ChargeRows,
    *,
    template: str,
    filled: Mapping[str, str] | None = None,
) -> HttpResponse:
    """What the rows come to, and a fresh row under the last; after a fill, its boxes as well."""
    rows.make_room()
    answer = render(request, template, {"rows": rows, "oob": True})
    events: dict[str, Any] = {"figures": {"said": rows.said, "over": False}}
    if filled is not None:
        events["fill-boxes"] = {"values": filled}
    answer["HX-Trigger"] = json.dumps(events)
    if rows.added or filled is not None:
        focus = rows.next_box() if filled is not None else ""
        after_settling(answer, focus=focus, said=rows.said)
    return answer


def after_settling(answer: HttpResponse, *, focus: str, said: str) -> HttpResponse:
    """Where the focus goes once new fields stand, and what is read out."""
    answer["HX-Trigger-After-Settle"] = json.dumps({"rows-added": {"focus": focus, "said": said}})
    return answer
