"""The journal: double entry of a period or of a batch, to look at and to take away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing import journal, ledger
from billing.exports import may_export, record_export
from billing.forms.base import error_summary, errors_of
from billing.forms.journal import JournalBatchForm, JournalPeriodForm
from billing.models import JournalBatch, JournalItem
from billing.replica import as_of, reads_reports
from patients.http import DeskRequest
from patients.tables import CountedPaginator, page_number

FOLDER = "billing/journal"
ENTRIES = BATCHES = 25  # on a page


class _Entries(Sequence[journal.Entry]):
    """The entries as the pager wants them: the page that is shown is read, the others are not."""

    def __init__(self, scope: journal.Scope, chart: journal.Chart, count: int) -> None:
        self.scope, self.chart, self.count_of_all = scope, chart, count

    def __len__(self) -> int:
        return self.count_of_all

    @overload
    def __getitem__(self, index: int) -> journal.Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[journal.Entry]: ...
    def __getitem__(self, index: int | slice) -> journal.Entry | list[journal.Entry]:
        if isinstance(index, int):
            return journal.page(self.scope, self.chart, index, 1)[0]
        return journal.page(self.scope, self.chart, index.start, index.stop - index.start)


@require_safe
@reads_reports()
def journal_entries(request: DeskRequest) -> HttpResponse:
    """The journal of a period or of a batch: what is booked on each account, entry by entry."""
    period = JournalPeriodForm(request.GET)
    scope = _scope(request, period)
    context: dict[str, Any] = {"period": period, "scope": scope}
    if scope:
        chart = journal.Chart.of(scope.batch) if scope.batch else journal.Chart.current()
        trial = journal.trial(scope, chart)
        pages = CountedPaginator(_Entries(scope, chart, trial.count), ENTRIES, rows=trial.count)
        context |= {
            "trial": trial,
            "page": pages.get_page(page_number(request.GET.get("page"))),
            "formats": journal.FORMATS.values() if may_export(request.user) else (),
            "query": _query(scope),
            "read_as_of": as_of(),
        }
    else:
        context["error_summary"] = error_summary("This period cannot be used.", errors_of(period))
    page = "_entries" if request.htmx else "entries"
    return render(request, f"{FOLDER}/{page}.html", context)


def _scope(request: DeskRequest, period: JournalPeriodForm) -> journal.Scope | None:
    """What the address asks for; nothing where its period cannot be understood."""
    if number := request.GET.get("batch"):
        return journal.Scope(batch=get_object_or_404(JournalBatch, number=number))
    if not period.is_valid():
        return None
    return journal.Scope(period.first, period.last)


def _query(scope: journal.Scope) -> dict[str, str]:
    """What leads back to this scope, in an address."""
    if scope.batch:
        return {"batch": scope.batch.number}
    return {
        "from": scope.first.isoformat() if scope.first else "",
        "to": scope.last.isoformat() if scope.last else "",
    }


@require_safe
@reads_reports(whole=True)
def journal_download(request: DeskRequest, format: str) -> HttpResponse | StreamingHttpResponse:
    """The journal of a period or a batch as a file, sent while it is read; who took it is kept."""
    if format not in journal.FORMATS:
        raise Http404
    scope = _scope(request, JournalPeriodForm(request.GET))
    if scope is None:  # the screen says what is wrong with the period
        return redirect(f"{reverse('billing:journal_entries')}?{request.GET.urlencode()}")
    chosen = journal.FORMATS[format]
    chart = journal.Chart.of(scope.batch) if scope.batch else journal.Chart.current()
    if request.method == "GET":
        record_export(
            by=request.user,
            report="journal",
            format=format,
            query=request.GET,
            rows=journal.count(scope),
        )
    return StreamingHttpResponse(
        journal.in_format(format, journal.entries(scope, chart), scope, chart),
        content_type=chosen.content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{scope.file_stem}.{chosen.ending}"'
        },
    )


# ---------------------------------------------------------------------------- batches


@require_http_methods(["GET", "HEAD", "POST"])
def journal_batches(request: DeskRequest) -> HttpResponse:
    """What was handed over, and making the next batch."""
    form = JournalBatchForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            posted = ledger.make_journal_batch(by=request.user, **form.cleaned_data)
            return _made(request, posted.batch)
        except ledger.LedgerError as error:
            form.refuse(error)
    made = JournalBatch.objects.with_sums().select_related("created_by").defer("frozen")
    context = {
        "form": form,
        "not_yet": JournalItem.objects.not_yet(timezone.localdate()),
        "page": Paginator(made.order_by("-pk"), BATCHES).get_page(
            page_number(request.GET.get("page"))
        ),
    }
    if problems := errors_of(form):
        context["error_summary"] = error_summary("This batch is not made yet.", problems)
    page = "_batches" if request.htmx else "batches"
    return render(request, f"{FOLDER}/{page}.html", context)


def _made(request: DeskRequest, batch: JournalBatch | None) -> HttpResponse:
    """To the batch; where the form was sent twice, to the list it stands in."""
    if batch is None:
        messages.info(request, "This batch was made before.")
        return redirect("billing:journal_batches")
    here = " Download it here." if may_export(request.user) else ""
    messages.success(request, f"{batch} is made.{here}")
    return redirect(batch)
