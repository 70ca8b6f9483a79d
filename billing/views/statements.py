"""Statements and superbills: of one patient, of a family, and of everybody who owes something."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from billing import balances, documents
from billing.chain.acts import sealing
from billing.forms.base import error_summary, errors_of
from billing.forms.documents import (
    BatchForm,
    MakeBatchForm,
    PeriodForm,
    StatementForm,
    SuperbillForm,
)
from billing.models import Clinic, StatementBatch
from billing.views.documents import as_pdf
from billing.views.progress import Finished, Step, Work, with_progress
from patients.http import DeskRequest
from patients.models import Patient

FOLDER = "billing/documents"
LISTED = 50  # names of who gets a statement
LATEST = 10  # so many batches are listed


def _summary(form: PeriodForm) -> dict[str, Any] | None:
    items = errors_of(form)
    return error_summary("This cannot be worked out yet.", items) if items else None


# ---------------------------------------------------------------------------- one patient


@require_http_methods(["GET", "HEAD", "POST"])
def statement_new(request: DeskRequest, chart: str) -> HttpResponse:
    """A patient's statement for a period: look at its figures, then issue it."""
    patient = get_object_or_404(Patient.objects.select_related("guarantor"), chart_number=chart)
    typed = request.POST if request.method == "POST" else request.GET
    form = StatementForm(typed, has_family=patient.dependents.exists())
    valid = form.is_valid()
    if request.method == "POST" and valid:
        with sealing("issue document", by=request.user):
            documents.hold(member.pk for member in _members(patient, form))
            issued = documents.issue(_statement(patient, form), by=request.user)
        return redirect(issued)
    context: dict[str, Any] = {"patient": patient, "form": form, "error_summary": _summary(form)}
    if valid:
        draft = _statement(patient, form)
        context |= {"data": draft.data, "same": documents.unchanged(draft)}
    page = "_statement" if request.htmx else "statement_new"
    return render(request, f"{FOLDER}/{page}.html", context)


def _members(patient: Patient, form: StatementForm) -> list[Patient]:
    if not form.for_family:
        return [patient]
    return list(patient.family().select_related("guarantor"))


def _statement(patient: Patient, form: StatementForm) -> documents.Draft:
    members = _members(patient, form)
    found = balances.statements(members, first=form.first, last=form.last)
    parts = [found[member.pk] for member in members]
    return documents.statement(Clinic.current(), parts, family=len(parts) > 1)


@require_http_methods(["GET", "HEAD", "POST"])
def superbill_new(request: DeskRequest, chart: str) -> HttpResponse:
    """A superbill: which charges of one provider go on it, then issue it."""
    patient = get_object_or_404(Patient, chart_number=chart)
    typed = request.POST if request.method == "POST" else request.GET
    form = SuperbillForm(typed, patient=patient)
    lines = list(form.lines) if form.is_valid() and form.chosen_provider else []
    summary = _summary(form)
    if request.method == "POST" and not summary:
        chosen = [line for line in lines if str(line.pk) in request.POST.getlist("lines")]
        if chosen and form.chosen_provider and form.first:
            with sealing("issue document", by=request.user):
                documents.hold([patient.pk])
                ids = {line.pk for line in chosen}
                draft = documents.superbill(
                    Clinic.current(),
                    patient,
                    form.chosen_provider,
                    [line for line in form.lines if line.pk in ids],
                    first=form.first,
                    last=form.last,
                )
                issued = documents.issue(draft, by=request.user)
            return redirect(issued)
        items = [{"href": "#lines-h", "text": "Choose at least one charge."}]
        summary = error_summary("This superbill is not issued yet.", items)
    context = {"patient": patient, "form": form, "lines": lines, "error_summary": summary}
    page = "_superbill" if request.htmx else "superbill_new"
    return render(request, f"{FOLDER}/{page}.html", context)


# ---------------------------------------------------------------------------- many


@require_http_methods(["GET", "HEAD", "POST"])
def statement_batch_new(request: DeskRequest) -> HttpResponse | StreamingHttpResponse:
    """Statements for everybody who owes something: how many first, then make them."""
    typed = request.POST if request.method == "POST" else request.GET
    form = BatchForm(typed)
    owing = None
    if form.is_valid():
        owing = balances.debtors(
            more_than=form.cleaned_data["more_than"], provider=form.cleaned_data["provider"]
        )
    start = MakeBatchForm(request.POST or None)
    if request.method == "POST" and start.is_valid() and owing and owing.patients:
        made = StatementBatch.objects.filter(created_by=request.user, key=start.cleaned_data["key"])
        if found := made.defer("pdf").first():
            messages.info(request, f"These statements were made already: {found.number}.")
            return redirect("billing:statement_batch_new")
        return with_progress(
            request,
            _make(_batch(request, form, start, owing)),
            title="Statements",
            back=reverse("billing:statement_batch_new"),
            broken="The statements issued so far stand. Start again: they are found and not"
            " issued twice.",
        )
    context = {
        "form": form,
        "start": start,
        "owing": owing,
        "listed": owing.first(LISTED) if owing else [],
        "error_summary": _summary(form),
        "batches": StatementBatch.objects.with_counts()
        .defer("pdf")
        .select_related("created_by")
        .order_by("-pk")[:LATEST],
    }
    page = "_batch" if request.htmx else "batch_new"
    return render(request, f"{FOLDER}/{page}.html", context)


def _batch(
    request: DeskRequest, form: BatchForm, start: MakeBatchForm, owing: balances.Debtors
) -> documents.Batch:
    return documents.Batch(
        by=request.user,
        patients=owing.by_name(),
        first=form.first,
        last=form.last,
        key=start.cleaned_data["key"],
    )


def _make(batch: documents.Batch) -> Work:
    total = len(batch.patients)
    yield Step(0, total, "statements")
    for done in batch.make():
        yield Step(done, total, "statements")
    saved = batch.saved
    yield Finished(
        f"{total:,} statement{'' if total == 1 else 's'} issued as {saved.number}.",
        "They are in one PDF, and each with its patient's documents.",
        [(saved.get_absolute_url(), "Open the PDF"), (reverse("billing:today"), "Today")],
    )


@require_safe
def statement_batch_detail(request: DeskRequest, number: str) -> HttpResponse:
    """All statements of a batch as one PDF, as they were issued."""
    batch = get_object_or_404(StatementBatch, number=number)
    return as_pdf(bytes(batch.pdf), batch.file_name)
