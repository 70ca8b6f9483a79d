"""The map of billing's screens. A screen's url, view function, template and test share one name."""

from django.urls import path

from billing.views import (
    account,
    credit,
    drafts,
    find,
    help,
    insurance_payments,
    invoices,
    payment_lists,
    payments,
    take_payment,
    today,
)

app_name = "billing"

urlpatterns = [
    path("", today.today, name="today"),
    # A patient's money
    path("patients/<str:chart>/account/", account.patient_account, name="patient_account"),
    path("patients/<str:chart>/payments/new/", take_payment.payment_new, name="payment_new"),
    path("patients/<str:chart>/credit/", credit.patient_credit, name="patient_credit"),
    path("credit-allocation/", credit.credit_allocation, name="credit_allocation"),
    # Payments
    path("payments/", payment_lists.payment_list, name="payment_list"),
    path("payments/<str:number>/", payments.payment_detail, name="payment_detail"),
    path("payments/<str:number>/reverse/", payments.payment_reverse, name="payment_reverse"),
    path("payments/<str:number>/void/", payments.payment_void, name="payment_void"),
    path("payments/<str:number>/unpay/", payments.payment_unpay, name="payment_unpay"),
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
    path(
        "insurance-payments/new/draft/",
        drafts.insurance_payment_draft,
        name="insurance_payment_draft",
    ),
    path(
        "insurance-payments/drafts/",
        drafts.insurance_payment_drafts,
        name="insurance_payment_drafts",
    ),
    path(
        "insurance-payments/drafts/<uuid:key>/discard/",
        drafts.insurance_payment_discard,
        name="insurance_payment_discard",
    ),
    path(
        "insurance-payments/<str:number>/",
        insurance_payments.insurance_payment_detail,
        name="insurance_payment_detail",
    ),
    # Invoices
    path("invoices/<str:number>/", invoices.invoice_detail, name="invoice_detail"),
    path(
        "invoices/<str:number>/responsibility/",
        invoices.line_responsibility,
        name="line_responsibility",
    ),
    # Pickers and help
    path("find/payers/", find.find_payers, name="find_payers"),
    path("find/patients/", find.find_patients, name="find_patients"),
    path("help/keys/", help.help_keys, name="help_keys"),
]
