"""The map of billing's screens. A screen's url, view function, template and test share one name."""

from django.urls import path

from billing.views import (
    account,
    credit,
    documents,
    era,
    family,
    find,
    help,
    insurance_payments,
    invoices,
    payment_lists,
    payments,
    remittances,
    statements,
    take_payment,
    today,
    unmatched,
)

app_name = "billing"

urlpatterns = [
    path("", today.today, name="today"),
    # A patient's money
    path("patients/<str:chart>/account/", account.patient_account, name="patient_account"),
    path("patients/<str:chart>/payments/new/", take_payment.payment_new, name="payment_new"),
    path("patients/<str:chart>/credit/", credit.patient_credit, name="patient_credit"),
    path("patients/<str:chart>/family/", family.patient_family, name="patient_family"),
    path("credit-allocation/", credit.credit_allocation, name="credit_allocation"),
    path("patients/<str:chart>/documents/", documents.patient_documents, name="patient_documents"),
    path("patients/<str:chart>/statements/new/", statements.statement_new, name="statement_new"),
    path("patients/<str:chart>/superbills/new/", statements.superbill_new, name="superbill_new"),
    # Payments
    path("payments/", payment_lists.payment_list, name="payment_list"),
    path("payments/<str:number>/", payments.payment_detail, name="payment_detail"),
    path("payments/<str:number>/reverse/", payments.payment_reverse, name="payment_reverse"),
    path("payments/<str:number>/void/", payments.payment_void, name="payment_void"),
    path("payments/<str:number>/unpay/", payments.payment_unpay, name="payment_unpay"),
    path("payments/<str:number>/receipt/", documents.payment_receipt, name="payment_receipt"),
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
        "insurance-payments/<str:number>/",
        insurance_payments.insurance_payment_detail,
        name="insurance_payment_detail",
    ),
    # Invoices
    path("invoices/<str:number>/", invoices.invoice_detail, name="invoice_detail"),
    path("invoices/<str:number>/print/", documents.invoice_print, name="invoice_print"),
    # Documents
    path("documents/<str:number>/", documents.document_detail, name="document_detail"),
    path("statements/new/", statements.statement_batch_new, name="statement_batch_new"),
    path(
        "statements/<str:number>/",
        statements.statement_batch_detail,
        name="statement_batch_detail",
    ),
    # Pickers and help
    path("find/payers/", find.find_payers, name="find_payers"),
    path("find/patients/", find.find_patients, name="find_patients"),
    path("help/keys/", help.help_keys, name="help_keys"),
]
