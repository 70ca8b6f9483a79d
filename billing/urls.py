"""The map of billing's screens. A screen's url, view function, template and test share one name."""

from django.urls import path

from billing.views import (
    account,
    credit,
    deposits,
    documents,
    drafts,
    era,
    family,
    fees,
    find,
    help,
    imports,
    insurance_payments,
    invoice_lists,
    invoices,
    journal,
    moving,
    payers,
    payment_drafts,
    payment_lists,
    payments,
    periods,
    remittances,
    reports,
    sessions,
    statements,
    take_payment,
    today,
    unmatched,
    worklists,
    write_offs,
)

app_name = "billing"

urlpatterns = [
    path("", today.today, name="today"),
    # A patient's money
    path("patients/<str:chart>/account/", account.patient_account, name="patient_account"),
    path("patients/<str:chart>/payments/new/", take_payment.payment_new, name="payment_new"),
    path("patients/<str:chart>/refund/", moving.patient_refund, name="patient_refund"),
    path("patients/<str:chart>/transfer/", moving.patient_transfer, name="patient_transfer"),
    path("patients/<str:chart>/write-off/", write_offs.write_off_new, name="write_off_new"),
    path("patients/<str:chart>/credit/", credit.patient_credit, name="patient_credit"),
    path("patients/<str:chart>/family/", family.patient_family, name="patient_family"),
    path("credit-allocation/", credit.credit_allocation, name="credit_allocation"),
    path("patients/<str:chart>/documents/", documents.patient_documents, name="patient_documents"),
    path("patients/<str:chart>/statements/new/", statements.statement_new, name="statement_new"),
    path("patients/<str:chart>/superbills/new/", statements.superbill_new, name="superbill_new"),
    path("patients/<str:chart>/sessions/new/", sessions.session_new, name="session_new"),
    # Sessions and fees
    path("sessions/", sessions.session_list, name="session_list"),
    path("sessions/new/", sessions.session_start, name="session_start"),
    path("sessions/<int:pk>/", sessions.session_edit, name="session_edit"),
    path("fees/", fees.fee_list, name="fee_list"),
    # Payments
    path("payments/", payment_lists.payment_list, name="payment_list"),
    path("payments/unallocated/", worklists.unallocated_payments, name="unallocated_payments"),
    path("payments/negative-credit/", worklists.negative_credit, name="negative_credit"),
    path("payments/<str:number>/", payments.payment_detail, name="payment_detail"),
    path("payments/<str:number>/reverse/", payments.payment_reverse, name="payment_reverse"),
    path("payments/<str:number>/void/", payments.payment_void, name="payment_void"),
    path("payments/<str:number>/unpay/", payments.payment_unpay, name="payment_unpay"),
    path("payments/<str:number>/receipt/", documents.payment_receipt, name="payment_receipt"),
    path("payments/<str:number>/correct/", payments.payment_correct, name="payment_correct"),
    path("payments/<str:number>/refund/", moving.payment_refund, name="payment_refund"),
    path("payments/<str:number>/refunds/<int:pk>/undo/", moving.refund_undo, name="refund_undo"),
    path("payments/<str:number>/transfer/", moving.payment_transfer, name="payment_transfer"),
    # Write-offs
    path("write-offs/small-balances/", write_offs.small_balances, name="small_balances"),
    path("write-offs/<int:pk>/undo/", write_offs.write_off_undo, name="write_off_undo"),
    # Reports
    path("reports/", reports.report_list, name="report_list"),
    path("reports/journal/", journal.journal_entries, name="journal_entries"),
    path("reports/journal/batches/", journal.journal_batches, name="journal_batches"),
    path("reports/journal.<str:format>", journal.journal_download, name="journal_download"),
    path("reports/deposit-slip/", deposits.deposit_slip, name="deposit_slip"),
    path("reports/<slug:slug>/", reports.report_detail, name="report_detail"),
    path("reports/<slug:slug>.<str:format>", reports.report_export, name="report_export"),
    # Insurance payments
    path(
        "insurance-payments/",
        payment_lists.insurance_payment_list,
        name="insurance_payment_list",
    ),
    path(
        "insurance-payments/new/",
        insurance_payments.insurance_payment_new,
        name="insurance_payment_new",
    ),
    path("insurance-payments/import-era/", era.era_import, name="era_import"),
    path("insurance-payments/era/<int:pk>/", era.era_file, name="era_file"),
    path("insurance-payments/era/<int:pk>/undo/", era.era_undo, name="era_undo"),
    path(
        "insurance-payments/remittances/<int:pk>/",
        remittances.remittance_detail,
        name="remittance_detail",
    ),
    path(
        "insurance-payments/remittances/<int:pk>/rows/<int:row>/",
        remittances.remittance_row,
        name="remittance_row",
    ),
    path(
        "insurance-payments/remittances/<int:pk>/undo/",
        era.remittance_undo,
        name="remittance_undo",
    ),
    path("insurance-payments/unmatched/", unmatched.unmatched_claims, name="unmatched_claims"),
    path(
        "insurance-payments/unmatched/<int:pk>/",
        unmatched.unmatched_claim,
        name="unmatched_claim",
    ),
    path(
        "insurance-payments/new/draft/",
        payment_drafts.insurance_payment_draft,
        name="insurance_payment_draft",
    ),
    path(
        "insurance-payments/drafts/",
        payment_drafts.insurance_payment_drafts,
        name="insurance_payment_drafts",
    ),
    path(
        "insurance-payments/drafts/<uuid:key>/discard/",
        payment_drafts.insurance_payment_discard,
        name="insurance_payment_discard",
    ),
    path(
        "insurance-payments/<str:number>/",
        insurance_payments.insurance_payment_detail,
        name="insurance_payment_detail",
    ),
    # Insurers
    path("payers/", payers.payer_list, name="payer_list"),
    path("payers/<int:payer>/", payers.payer_account, name="payer_account"),
    path("denials/", payers.denial_list, name="denial_list"),
    # Invoices
    path("invoices/", invoice_lists.invoice_list, name="invoice_list"),
    path("invoices/new/", drafts.invoice_new, name="invoice_new"),
    path("invoices/drafts/<int:pk>/", drafts.invoice_draft, name="invoice_draft"),
    path("invoices/<str:number>/", invoices.invoice_detail, name="invoice_detail"),
    path("invoices/<str:number>/void/", invoices.invoice_void, name="invoice_void"),
    path(
        "invoices/<str:number>/responsibility/",
        invoices.line_responsibility,
        name="line_responsibility",
    ),
    path("invoices/<str:number>/print/", documents.invoice_print, name="invoice_print"),
    # Documents
    path("documents/<str:number>/", documents.document_detail, name="document_detail"),
    path("statements/new/", statements.statement_batch_new, name="statement_batch_new"),
    path(
        "statements/<str:number>/",
        statements.statement_batch_detail,
        name="statement_batch_detail",
    ),
    # Books
    path("deposits/", deposits.deposit_list, name="deposit_list"),
    path("deposits/<str:number>/", deposits.deposit_detail, name="deposit_detail"),
    path("deposits/<str:number>/slip.pdf", deposits.deposit_print, name="deposit_print"),
    path("periods/", periods.period_list, name="period_list"),
    path("periods/reopen/", periods.period_reopen, name="period_reopen"),
    # Import
    path("import/", imports.import_start, name="import_start"),
    path("import/<str:kind>/", imports.import_upload, name="import_upload"),
    path("import/<str:kind>/template.csv", imports.import_template, name="import_template"),
    path("import/<str:kind>/<uuid:key>/", imports.import_check, name="import_check"),
    path(
        "import/<str:kind>/<uuid:key>/problems.csv",
        imports.import_problems,
        name="import_problems",
    ),
    # Pickers and help
    path("find/payers/", find.find_payers, name="find_payers"),
    path("find/patients/", find.find_patients, name="find_patients"),
    path("find/services/", find.find_services, name="find_services"),
    path("help/keys/", help.help_keys, name="help_keys"),
]
