"""Documents: what was handed to somebody, kept as it was printed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from billing.models.append_only import AppendOnlyQuerySet, WrittenOnceModel
from billing.models.invoices import Invoice
from billing.models.payments import Payment
from patients.models import Patient


class DocumentKind(models.TextChoices):
    INVOICE = "invoice", "Invoice"
    RECEIPT = "receipt", "Receipt"
    STATEMENT = "statement", "Statement"
    SUPERBILL = "superbill", "Superbill"


class DocumentQuerySet(AppendOnlyQuerySet["Document"]):
    def latest_of(self, subjects: list[str]) -> DocumentQuerySet:
        """Of each subject the document that no later one replaces."""
        return self.filter(subject__in=subjects, replaced_by__isnull=True)

    def with_names(self) -> DocumentQuerySet:
        return self.select_related("patient", "invoice", "payment", "created_by", "replaced_by")


class Document(WrittenOnceModel):
    """A document as it was issued: every text and figure on it, and the layout it was set in.

    Printing it again says the same to the letter, whatever was booked since. `subject` names the
    thing it is about, such as "invoice:17"; the documents of one subject form a chain, each
    saying which earlier one it replaces.
    """

    number = models.CharField(max_length=12, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=DocumentKind.choices)
    subject = models.CharField(max_length=80)
    patient = models.ForeignKey(
        Patient,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="documents",
        help_text="None on an insurer's receipt.",
    )
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, null=True, blank=True, related_name="documents"
    )
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, blank=True, related_name="documents"
    )
    period_from = models.DateField("from", null=True, blank=True)
    period_to = models.DateField("to", null=True, blank=True)
    data = models.JSONField(help_text="Everything printed, as texts.")
    layout = models.PositiveSmallIntegerField(help_text="Which set of templates it is printed by.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False
    )
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by"
    )

    objects = DocumentQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        permissions = [("issue_document", "Can issue invoices, receipts and statements")]
        constraints = [
            models.CheckConstraint(
                condition=Q(patient__isnull=False) | Q(kind=DocumentKind.RECEIPT),
                name="document_of_patient_or_receipt",
            ),
            models.CheckConstraint(
                condition=Q(kind=DocumentKind.INVOICE, invoice__isnull=False)
                | Q(kind=DocumentKind.RECEIPT, payment__isnull=False)
                | Q(
                    kind__in=[DocumentKind.STATEMENT, DocumentKind.SUPERBILL],
                    period_to__isnull=False,
                ),
                name="document_of_something",
            ),
            models.UniqueConstraint(
                fields=["subject"], condition=Q(replaces__isnull=True), name="document_first_once"
            ),
        ]
        indexes = [models.Index(fields=["patient", "-id"], name="document_by_patient")]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("billing:document_detail", args=[self.number])

    @property
    def file_name(self) -> str:
        """A name for the file that says nothing about anybody: DOC-0001-statement.pdf."""
        return f"{self.number}-{self.kind}.pdf"


class StatementBatchQuerySet(models.QuerySet["StatementBatch"]):
    def with_counts(self) -> StatementBatchQuerySet:
        """Each with how many statements it holds."""
        return self.annotate(count=models.Count("documents"))


class StatementBatch(models.Model):
    """The statements made in one go, and the one PDF that holds them all."""

    number = models.CharField(max_length=12, unique=True, editable=False)
    key = models.UUIDField(help_text="Of the form that asked for it, so that it is made once.")
    period_from = models.DateField("from", null=True, blank=True)
    period_to = models.DateField("to")
    documents = models.ManyToManyField(Document, related_name="batches")
    pdf = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False
    )

    objects = StatementBatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "statement batches"
        constraints = [
            models.UniqueConstraint(fields=["created_by", "key"], name="batch_made_once")
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("billing:statement_batch_detail", args=[self.number])

    @property
    def file_name(self) -> str:
        return f"{self.number}-statements.pdf"
