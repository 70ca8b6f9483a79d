"""ERA files: uploading them, what one held, and undoing everything one posted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count, Q
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from billing import balances, ledger
from billing.era import refusals
from billing.era.reading import LIMIT
from billing.forms.base import error_summary
from billing.forms.remittances import EraUploadForm, UndoRemittanceForm
from billing.models import EraFile, Remittance, RemittanceState
from billing.remittances import posting, review
from billing.remittances.uploading import Uploaded, upload, uploading
from billing.tables.remittances import EraFileTable
from billing.views import notices
from billing.views.progress import Finished, Step, Work, with_progress
from patients.http import DeskRequest

FOLDER = "billing/era"
QUICK = 300_000  # bytes that are read and matched while the browser waits
DRAFTS = 25


# ---------------------------------------------------------------------------- uploading


@require_http_methods(["GET", "HEAD", "POST"])
def era_import(request: DeskRequest) -> HttpResponse | StreamingHttpResponse:
    """Upload ERA files: each of their payments becomes a draft; nothing is posted."""
    sent = request.method == "POST"
    form = EraUploadForm(request.POST if sent else None, request.FILES if sent else None)
    if not form.is_valid():
        return _import_page(request, form)
    files: list[UploadedFile] = form.cleaned_data["uploads"]
    if sum(each.size or 0 for each in files) > QUICK:
        return with_progress(
            request,
            _at_work(request, files),
            title="Import ERA files",
            back=reverse("billing:era_import"),
            nav="insurance",
        )
    done = [_too_large(each) or upload(_name(each), each.read(), by=request.user) for each in files]
    refused = [one for one in done if one.refused]
    if not refused and len(done) == 1 and done[0].file:
        (one,) = done
        messages.success(request, _said(one))
        return redirect(one.drafts[0] if len(one.drafts) == 1 else done[0].file)
    for one in done:
        if one.file:
            messages.success(request, _said(one))
    return _import_page(request, EraUploadForm(), refused)


def _name(file: UploadedFile) -> str:
    return file.name or "unnamed"


def _too_large(file: UploadedFile) -> Uploaded | None:
    """What is too large is not even read."""
    size = file.size or 0
    return Uploaded(_name(file)).refuse(refusals.too_large(size, LIMIT)) if size > LIMIT else None


def _said(one: Uploaded) -> str:
    drafts = "1 payment" if len(one.drafts) == 1 else f"{len(one.drafts):,} payments"
    return f"{one.name}: {drafts} read. Review and save; nothing is posted yet."


def _at_work(request: DeskRequest, files: Sequence[UploadedFile]) -> Work:
    done: list[Uploaded] = []
    for file in files:
        too_large = _too_large(file)
        if too_large:
            done.append(too_large)
            continue
        steps = uploading(_name(file), file.read(), by=request.user)
        while True:
            try:
                yield Step(*next(steps))
            except StopIteration as ended:
                done.append(ended.value)
                break
    drafts = [draft for one in done for draft in one.drafts]
    refused = [f"{one.name}: {finding.text}" for one in done for _of, finding in one.refused]
    links = [(reverse("billing:era_import"), "ERA files")]
    if len(drafts) == 1:
        links.insert(0, (drafts[0].get_absolute_url(), f"Review {drafts[0].reference}"))
    lead = "1 payment read." if len(drafts) == 1 else f"{len(drafts):,} payments read."
    text = "Review and save; nothing is posted yet." if drafts else ""
    if refused:
        text = f"{text} Not imported: {' '.join(refused)}".strip()
    yield Finished(lead, text, links)


def _import_page(
    request: DeskRequest, form: EraUploadForm, refused: Sequence[Uploaded] = ()
) -> HttpResponse:
    items = [
        {"href": one.earlier.get_absolute_url() if one.earlier else "", "text": _why(one, place)}
        for one in refused
        for place in range(len(one.refused))
    ]
    items += [{"href": "#id_uploads", "text": str(text)} for text in form.errors.get("uploads", ())]
    files = (
        EraFile.objects.select_related("uploaded_by")
        .defer("packed")
        .annotate(
            payments=Count("remittances"),
            waiting=Count("remittances", filter=Q(remittances__state=RemittanceState.DRAFT)),
        )
    )
    context = {
        "form": form,
        "error_summary": error_summary("Not everything was imported.", items) if items else None,
        "drafts": balances.open_remittances()[:DRAFTS],
        "table": EraFileTable(files.order_by("-pk")).shown_for(request),
    }
    page = "_files" if request.htmx else "import"
    return render(request, f"{FOLDER}/{page}.html", context)


def _why(one: Uploaded, place: int) -> str:
    of, finding = one.refused[place]
    where = f"{one.name}, {of}" if of else one.name
    return f"{where}: {finding.text} ({finding.code})"


# ---------------------------------------------------------------------------- one file


@require_http_methods(["GET", "HEAD", "POST"])
def era_file(request: DeskRequest, pk: int) -> HttpResponse:
    """A file: its payments and how they stand, and what of it was refused."""
    file = get_object_or_404(EraFile.objects.select_related("uploaded_by").defer("packed"), pk=pk)
    if request.method == "POST":
        return _open_again(request, file)
    payments = list(file.remittances.with_names().order_by("position"))
    context = {
        "file": file,
        "payments": payments,
        "posted": [
            each for each in payments if each.state == RemittanceState.POSTED and not each.undone
        ],
    }
    return render(request, f"{FOLDER}/file.html", context)


def _open_again(request: DeskRequest, file: EraFile) -> HttpResponse:
    """A discarded payment of the file becomes a draft again."""
    wanted = request.POST.get("again", "")
    found = file.remittances.filter(pk=int(wanted)).first() if wanted.isdecimal() else None
    if found is None:
        messages.error(request, "That payment is not in this file.")
        return redirect(file)
    try:
        review.open_again(found)
    except review.ReviewError as error:
        messages.error(request, str(error))
        return redirect(file)
    return redirect(found)


@require_http_methods(["GET", "HEAD", "POST"])
def era_undo(request: DeskRequest, pk: int) -> HttpResponse:
    """Undo everything a file posted, in one act."""
    file = get_object_or_404(EraFile.objects.defer("packed"), pk=pk)
    posted = file.remittances.filter(state=RemittanceState.POSTED).with_names()
    return undo_page(request, list(posted), back=file.get_absolute_url(), what=file.name)


@require_http_methods(["GET", "HEAD", "POST"])
def remittance_undo(request: DeskRequest, pk: int) -> HttpResponse:
    """Undo what one payment of a file posted."""
    found = get_object_or_404(Remittance.objects.with_names(), pk=pk)
    posted = [found] if found.state == RemittanceState.POSTED else []
    return undo_page(request, posted, back=found.get_absolute_url(), what=found.reference)


def undo_page(
    request: DeskRequest, posted: list[Remittance], *, back: str, what: str
) -> HttpResponse:
    """The form, or carrying it out."""
    form = UndoRemittanceForm(request.POST or None)
    context: dict[str, Any] = {"form": form, "posted": posted, "back": back, "what": what}
    if request.method == "POST" and form.is_valid() and posted:
        try:
            moved_to = posting.undo(
                posted,
                by=request.user,
                date=form.cleaned_data["date"],
                reason=form.cleaned_data["reason"],
                note=form.cleaned_data["note"],
                as_drafts=form.cleaned_data["after"] == "draft",
            )
        except ledger.LedgerError as error:
            form.refuse(error)
        else:
            names = ", ".join(each.reference for each in posted[:5])
            notices.saved(request, f"{names} undone.", "Every line is as it was before.")
            notices.say_moved_date(request, moved_to)
            return redirect(back)
    if form.is_bound:
        context["error_summary"] = form.summary("This is not undone yet.")
    return render(request, f"{FOLDER}/undo.html", context)
