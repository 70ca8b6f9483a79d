"""The map of billing's screens. A screen's url, view function, template and test share one name."""

from django.urls import path

from billing.views import (
    account,
    credit,
    drafts,
    fees,
    find,
    help,
    insurance_payments,
    invoice_lists,
    invoices,
    payment_lists,
    payments,
    sessions,
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
    path("patients/<str:chart>/sessions/new/", sessions.session_new, name="session_new"),
    path("credit-allocation/", credit.credit_allocation, name="credit_allocation"),
    # Sessions and fees
    path("sessions/", sessions.session_list, name="session_list"),
    path("sessions/new/", sessions.session_start, name="session_start"),
    path("sessions/<int:pk>/", sessions.session_edit, name="session_edit"),
    path("fees/", fees.fee_list, name="fee_list"),
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
        "insurance-payments/<str:number>/",
        insurance_payments.insurance_payment_detail,
        name="insurance_payment_detail",
    ),
    # Invoices
    path("invoices/", invoice_lists.invoice_list, name="invoice_list"),
    path("invoices/new/", drafts.invoice_new, name="invoice_new"),
    path("invoices/drafts/<int:pk>/", drafts.invoice_draft, name="invoice_draft"),
    path("invoices/<str:number>/", invoices.invoice_detail, name="invoice_detail"),
    path("invoices/<str:number>/void/", invoices.invoice_void, name="invoice_void"),
    # Pickers and help
    path("find/payers/", find.find_payers, name="find_payers"),
    path("find/patients/", find.find_patients, name="find_patients"),
    path("find/services/", find.find_services, name="find_services"),
    path("help/keys/", help.help_keys, name="help_keys"),
]
