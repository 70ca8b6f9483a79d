"""Import: patients, fees and opening balances from a file, checked first and then all or nothing.

A file is kept in the database between the two steps (billing/models/import_files.py says why), so
that what is imported is byte by byte what was checked. Small files are done at once; larger ones
show a progress bar.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from billing.forms.base import error_summary
from billing.forms.imports import ImportForm
from billing.imports.job import Job, counted
from billing.imports.kinds import KINDS
from billing.imports.running import NotImported, Run, check_file, import_file, run_of
from billing.imports.running import Step as Lines
from billing.imports.source import WINDOWS, AskEncoding, names_in_doubt
from billing.models import ImportFile
from billing.views.progress import Finished, Step, Stopped, Work, with_progress
from patients.http import DeskRequest

FOLDER = "billing/imports"
AT_ONCE = 200_000  # bytes: checked or imported before anybody could watch a bar
LATEST = 20


def _kind(slug: str) -> type[Job]:
    try:
        return KINDS[slug]
    except KeyError:
        raise Http404("There is no such kind of file.") from None


def _file(request: DeskRequest, kind: str, key: uuid.UUID) -> ImportFile:
    """A file this person uploaded: nobody looks into another one's."""
    files = ImportFile.objects.select_related("uploaded_by")
    return get_object_or_404(files, kind=kind, key=key, uploaded_by=request.user)


# ---------------------------------------------------------------------------- choosing a file


@require_safe
def import_start(request: DeskRequest) -> HttpResponse:
    """The three kinds of file, in the order in which they go in, and what was imported before."""
    imported = ImportFile.objects.imported().select_related("uploaded_by")
    context = {
        "kinds": KINDS.values(),
        "imported": imported.defer("content", "found").order_by("-imported_at", "-pk")[:LATEST],
    }
    return render(request, f"{FOLDER}/start.html", context)


@require_safe
def import_template(request: DeskRequest, kind: str) -> HttpResponse:
    """The first line of such a file, to begin with in a spreadsheet."""
    return _csv(_kind(kind).template().encode("utf-8-sig"), f"{kind}-template.csv")


@require_http_methods(["GET", "HEAD", "POST"])
def import_upload(request: DeskRequest, kind: str) -> HttpResponseBase:
    """Which columns such a file has; uploading one checks it and imports nothing yet."""
    job = _kind(kind)
    sent = request.method == "POST"
    form = ImportForm(request.POST, request.FILES, kind=kind) if sent else ImportForm(kind=kind)
    if sent and form.is_valid():
        file = ImportFile.objects.keep(by=request.user, kind=kind, **form.upload)
        return _check(request, file, job)
    context: dict[str, Any] = {"kind": job, "form": form}
    if form.errors:
        items = [{"href": "#id_file", "text": str(text)} for text in form.errors["file"]]
        context["error_summary"] = error_summary("This file cannot be checked.", items)
    return render(request, f"{FOLDER}/upload.html", context)


# ---------------------------------------------------------------------------- checked, imported


@require_http_methods(["GET", "HEAD", "POST"])
def import_check(request: DeskRequest, kind: str, key: uuid.UUID) -> HttpResponseBase:
    """What checking a file found, and importing it; or what became of it."""
    job, file = _kind(kind), _file(request, kind, key)
    if request.method == "POST" and not file.imported_at:
        match request.POST.get("action"):
            case "discard":
                file.delete()
                messages.success(request, "The file is forgotten. Nothing was imported.")
                return redirect("billing:import_upload", kind)
            case "windows":
                file.confirm(WINDOWS)
                return _check(request, file, job)
            case "check":
                return _check(request, file, job)
            case "import":
                return _import(request, file, job)
        return redirect(file)
    context = {"kind": job, "file": file, "report": file.report}
    if not file.imported_at and file.report is None and _run(file) is None:
        context["doubtful"] = names_in_doubt(file.data)
    return render(request, f"{FOLDER}/check.html", context)


@require_safe
def import_problems(request: DeskRequest, kind: str, key: uuid.UUID) -> HttpResponse:
    """Everything that checking found, as a file for whoever mends the lines."""
    found = _file(request, kind, key).problems
    if not found:
        raise Http404("This file was not checked, or it is imported.")
    return _csv(found.encode("utf-8-sig"), f"{kind}-problems.csv")


def _csv(content: bytes, name: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


# ---------------------------------------------------------------------------- the work


def _run(file: ImportFile) -> Run | None:
    """None: a person has to say first whether the file reads right."""
    try:
        return run_of(file)
    except AskEncoding:
        return None


def _check(request: DeskRequest, file: ImportFile, job: type[Job]) -> HttpResponseBase:
    run = _run(file)
    if run is None:
        return redirect(file)
    return _worked(request, file, job, _checking(file, run), len(run.data))


def _import(request: DeskRequest, file: ImportFile, job: type[Job]) -> HttpResponseBase:
    run = _run(file)
    if run is None:
        return redirect(file)
    return _worked(request, file, job, _importing(request, file, run), len(run.data))


def _worked(
    request: DeskRequest, file: ImportFile, job: type[Job], work: Work, size: int
) -> HttpResponseBase:
    """Do it at once, or in a page with a bar. Either way `file`'s own page says what came of it."""
    if size > AT_ONCE:
        return with_progress(
            request,
            work,
            title=f"Import: {job.title.lower()}",
            back=file.get_absolute_url(),
            nav="admin",
            broken="Nothing was imported. Try again; if it happens again, tell your administrator.",
        )
    try:
        for _step in work:
            pass
    except Stopped as reason:
        messages.error(request, str(reason))
    return redirect(file)


def _checking(file: ImportFile, run: Run) -> Work:
    yield from _steps(check_file(file, run))
    report = run.report
    lead = f"{counted(report.rows, 'line')} checked."
    said = (
        f"{counted(report.problems, 'thing')} to mend before it can be imported."
        if report.problems
        else "Nothing in the way of importing it."
    )
    yield Finished(lead, said, [(file.get_absolute_url(), "See what was found")])


def _importing(request: DeskRequest, file: ImportFile, run: Run) -> Work:
    try:
        yield from _steps(import_file(file, run, request.user))
    except NotImported as refused:
        raise Stopped(str(refused)) from refused
    links = [(file.get_absolute_url(), "What next"), (reverse("billing:today"), "Today")]
    yield Finished("Imported.", f"{file.made}.", links)


def _steps(lines: Generator[Lines, None, None]) -> Generator[Step, None, None]:
    try:
        for step in lines:
            yield Step(step.done, step.whole, step.things)
    finally:
        lines.close()  # where the browser went away, its transaction is rolled back at once
