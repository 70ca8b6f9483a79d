"""Reports: the list of them, one on the screen, and one as a file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import (
    FileResponse,
    Http404,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.exports import may_export, record_export
from billing.forms.base import error_summary, errors_of
from billing.replica import as_of, reads_reports
from billing.reports import REPORTS, Report, shelves
from billing.reports.files import FORMATS, Format
from billing.reports.rows import Totals
from billing.tables.reports import ReportTable
from patients.http import DeskRequest
from patients.tables import CountedPaginator, page_number

FOLDER = "billing/reports"
ON_A_PAGE = 50


@require_safe
def report_list(request: DeskRequest) -> HttpResponse:
    """Every report there is for whoever asks, each in a sentence."""
    return render(request, f"{FOLDER}/list.html", {"shelves": shelves(request.user)})


@require_safe
@reads_reports()
def report_detail(request: DeskRequest, slug: str) -> HttpResponse:
    """A report on the screen: its filters, its figures, its rows a page at a time."""
    kind = _kind(request, slug)
    form = _form(request, kind)
    context: dict[str, Any] = {"kind": kind, "form": form}
    if form.is_valid():
        context |= _shown(request, kind(form.cleaned_data))
    else:
        context["error_summary"] = error_summary(
            "This report cannot be shown like that.", errors_of(form)
        )
    page = "_report" if request.htmx else "detail"
    return render(request, f"{FOLDER}/{page}.html", context)


def _kind(request: DeskRequest, slug: str) -> type[Report]:
    if slug not in REPORTS:
        raise Http404("There is no such report.")
    kind = REPORTS[slug]
    if not kind.open_to(request.user):
        raise PermissionDenied
    return kind


def _form(request: DeskRequest, kind: type[Report]) -> forms.Form:
    shown = [(column.name, column.label) for column in kind.columns if not column.hidden]
    return kind.form(request.GET, columns=shown)  # type: ignore[call-arg]


def _shown(request: DeskRequest, report: Report) -> dict[str, Any]:
    totals = report.totals
    pages = CountedPaginator(range(totals.count), ON_A_PAGE, rows=totals.count)
    page = pages.get_page(page_number(request.GET.get("page")))
    start = (page.number - 1) * ON_A_PAGE
    values = report.rows.page(report.sorted_by, start, ON_A_PAGE) if totals.count else []
    return {
        "report": report,
        "totals": totals,
        "counted": report.counted(totals.count),
        "figures": report.figures(totals),
        "check": report.check(totals),
        "panels": report.panels(),
        "table": ReportTable(report, values, totals),
        "page": page,
        "formats": _formats(request, totals),
        "query": _query(request),
        "read_as_of": as_of(),
    }


def _query(request: DeskRequest) -> str:
    """The filters, without the page that is looked at."""
    query = request.GET.copy()
    query.pop("page", None)
    return query.urlencode()


def _formats(request: DeskRequest, totals: Totals) -> list[tuple[Format, str]]:
    """The files this report can be taken away as, each with why it cannot; none without the right."""
    if not may_export(request.user):
        return []
    return [(each, each.refuses(totals.count)) for each in FORMATS.values()]


@require_safe
@reads_reports(whole=True)
def report_export(request: DeskRequest, slug: str, format: str) -> HttpResponseBase:
    """The rows as a file, sent while they are read. Who took it is kept (docs/decisions/0013)."""
    kind = _kind(request, slug)
    if format not in FORMATS:
        raise Http404("There is no such format.")
    form = _form(request, kind)
    chosen = FORMATS[format]
    if not form.is_valid():  # the screen says what is wrong with the filters
        return _to_screen(request, slug)
    report = kind(form.cleaned_data)
    rows = report.totals.count
    if chosen.refuses(rows):
        return _to_screen(request, slug)
    if request.method == "GET":
        record_export(by=request.user, report=slug, format=format, query=request.GET, rows=rows)
    headers = {"Content-Disposition": f'attachment; filename="{report.file_stem}.{format}"'}
    content = chosen.write(report)
    if isinstance(content, bytes):
        return HttpResponse(content, content_type=chosen.content_type, headers=headers)
    kind_of = FileResponse if hasattr(content, "read") else StreamingHttpResponse
    return kind_of(content, content_type=chosen.content_type, headers=headers)


def _to_screen(request: DeskRequest, slug: str) -> HttpResponse:
    url = reverse("billing:report_detail", args=[slug])
    return redirect(f"{url}?{request.GET.urlencode()}")
