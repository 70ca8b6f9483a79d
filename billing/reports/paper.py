"""A report on paper: the figures above it, its columns as on the screen, and the sums below."""

from __future__ import annotations

from typing import Any

from billing.documents import render
from billing.documents.texts import of_clinic, plain
from billing.models import Clinic
from billing.money import show
from billing.reports.base import Check, Panel, Report
from billing.reports.columns import Column, Holds
from billing.wording import day


def as_pdf(report: Report, about: str = "") -> bytes:
    """The report as a PDF; `about` are the filters in words."""
    return render("report", [texts(report, about)])


def texts(report: Report, about: str = "") -> dict[str, Any]:
    """Everything printed, as texts."""
    columns = report.on_screen
    place = {column.name: at for at, column in enumerate(report.columns)}
    totals = report.totals
    check = report.check(totals)
    return {
        **of_clinic(Clinic.current()),
        "number": report.title,
        "title": report.title,
        "when": report.when,
        "about": plain(about, 99),
        "wide": len(columns) > 7,
        "figures": [[figure.label, show(figure.amount)] for figure in report.figures(totals)],
        "check": _check(check),
        "panels": [_panel(panel) for panel in report.panels()],
        "columns": [
            {
                "label": column.label,
                "right": column.right,
                "grow": column.holds is Holds.TEXT,
            }
            for column in columns
        ],
        "rows": [
            [printed(column, row[place[column.name]]) for column in columns]
            for row in report.rows.stream(report.sorted_by)
        ],
        "totals": _totals(columns, totals),
        "empty": report.nothing_found[0],
    }


def _totals(columns: list[Column], totals: Any) -> list[str]:
    """The row of sums; none where nothing is added up. Its first cell says what it is."""
    if not any(column.total for column in columns):
        return []
    cells = [printed(column, totals[column.name]) if column.total else "" for column in columns]
    return [cells[0] or "Total", *cells[1:]]


def _check(check: Check | None) -> list[str]:
    if check is None:
        return []
    return [check.words, "" if check.holds else f"Differs by {show(check.difference)}"]


def _panel(panel: Panel) -> dict[str, Any]:
    total = [panel.total] if panel.total else []
    return {
        "title": panel.title,
        "headings": list(panel.headings),
        "rows": [[plain(label), *map(show, amounts)] for label, amounts in panel.rows],
        "total": [[plain(label), *map(show, amounts)] for label, amounts in total],
        "check": _check(panel.check),
    }


def printed(column: Column, value: Any) -> str:
    """A value in words and figures, as documents print them."""
    if value is None or value == "":
        return ""
    if column.holds is Holds.MONEY:
        return show(value)
    if column.holds is Holds.DAY:
        return day(value)
    if column.holds is Holds.MOMENT:
        return f"{value:%d %b %Y %H:%M}"
    return plain(str(value))
