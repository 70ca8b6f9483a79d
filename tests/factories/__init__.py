"""Made-up people and bills for tests.

People are plain rows (`people`). Money comes about as it does at the desk, through the verbs of
`billing.ledger` only (`bills`), so no test starts from books that could not exist.
"""

from tests.factories.bills import (
    AllocationFactory,
    FeeFactory,
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    PaymentFactory,
    RefundFactory,
    ServiceFactory,
    TransferFactory,
)
from tests.factories.people import (
    CoverageFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    ProviderFactory,
    SessionFactory,
    UserFactory,
    give,
)

__all__ = [
    "AllocationFactory",
    "CoverageFactory",
    "FeeFactory",
    "InsurancePaymentFactory",
    "InvoiceFactory",
    "LineFactory",
    "OwnerFactory",
    "PatientFactory",
    "PayerFactory",
    "PaymentFactory",
    "ProviderFactory",
    "RefundFactory",
    "ServiceFactory",
    "SessionFactory",
    "TransferFactory",
    "UserFactory",
    "give",
]
