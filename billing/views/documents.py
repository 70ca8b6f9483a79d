"""Documents: printing one, a patient's list of them, and issuing for an invoice or a payment."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import documents
from billing.chain.acts import sealing
from billing.models import Clinic, Document, Invoice, Payment
from billing.tables.documents import DocumentTable
from patients.http import DeskRequest
from patients.models import Patient

FOLDER = "billing/documents"
POLICY = {each: ["'none'"] for each in ("frame-ancestors", "base-uri", "form-action")}


def as_pdf(pdf: bytes, name: str) -> HttpResponse:
    """A PDF to look at or print, named without a word about anybody.

    Without our policy for pages: it would forbid browsers their own viewer ("object-src 'none'").
    What is left of it keeps the PDF out of other people's pages.
    """
    response = HttpResponse(
        pdf,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}"'},
    )
    response._csp_config = POLICY  # type: ignore[attr-defined]
    return response


@require_safe
def document_detail(request: DeskRequest, number: str) -> HttpResponse:
    """A document as it was issued, whatever was booked since."""
    document = get_object_or_404(Document, number=number)
    return as_pdf(documents.pdf_of(document), document.file_name)


@require_safe
def patient_documents(request: DeskRequest, chart: str) -> HttpResponse:
    """What was issued to a patient: of what, when, by whom, and what has replaced it."""
    patient = get_object_or_404(Patient, chart_number=chart)
    issued = Document.objects.filter(patient=patient).with_names()
    context = {
        "patient": patient,
        "table": DocumentTable(issued).shown_for(request),
    }
    page = "_list" if request.htmx else "list"
    return render(request, f"{FOLDER}/{page}.html", context)


@require_POST
def invoice_print(request: DeskRequest, number: str) -> HttpResponse:
    """Issue an invoice as it stands, or find the print that says the same, and show it."""
    invoice = get_object_or_404(Invoice.objects.select_related("patient"), number=number)
    with sealing("issue document", by=request.user):
        documents.hold([invoice.patient_id])
        issued = documents.issue(documents.invoice(Clinic.current(), invoice), by=request.user)
    return redirect(issued)


@require_http_methods(["GET", "HEAD", "POST"])
def payment_receipt(request: DeskRequest, number: str) -> HttpResponse:
    """What a receipt will say, those issued before, and issuing it."""
    found = Payment.objects.receipts().with_names()
    payment = get_object_or_404(found, number=number)
    if request.method == "POST":
        with sealing("issue document", by=request.user):
            documents.hold([payment.patient_id] if payment.patient_id else [])
            payment = found.get(pk=payment.pk)  # as it is now that nothing moves
            issued = documents.issue(documents.receipt(Clinic.current(), payment), by=request.user)
        return redirect(issued)
    draft = documents.receipt(Clinic.current(), payment)
    earlier = payment.documents.with_names().order_by("-pk")
    context = {
        "payment": payment,
        "data": draft.data,
        "earlier": earlier,
        "same": documents.unchanged(draft),
    }
    return render(request, f"{FOLDER}/receipt.html", context)
