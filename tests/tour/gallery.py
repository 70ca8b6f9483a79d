"""Every screen of the demo clinic: those with a drawn model in all sizes and themes, the rest once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.tour.walking import DESK, signed_in

TABLET = {"width": 820, "height": 1180}
PHONE = {"width": 360, "height": 740}


@dataclass(frozen=True)
class View:
    """How somebody looks at a screen."""

    name: str
    size: dict[str, int]
    dark: bool = False
    printed: bool = False


VIEWS = (
    View("desk", DESK),
    View("dark", DESK, dark=True),
    View("tablet", TABLET),
    View("phone", PHONE),
    View("print", {"width": 1100, "height": 780}, printed=True),
)

# By the names of their mock-ups, kept in docs/screens/.
DRAWN = {
    "today": "/",
    "account": "/patients/P1042/account/",
    "credit-allocation": "/patients/P1042/credit/?view=all",
    "insurance-payment": "/insurance-payments/new/",
    "report": "/reports/payments-received/",
    "payment": "/payments/R-2001/",
}
# The rest, for looking at (`--all FOLDER`).
OTHERS = {
    "patients": "/patients/",
    "patient-new": "/patients/new/",
    "patient": "/patients/P1042/",
    "patient-edit": "/patients/P1042/edit/",
    "family": "/patients/P1042/family/",
    "take-payment": "/patients/P1042/payments/new/",
    "write-off": "/patients/P1042/write-off/",
    "documents": "/patients/P1042/documents/",
    "statement-new": "/patients/P1042/statements/new/",
    "superbill-new": "/patients/P1042/superbills/new/",
    "session-new": "/patients/P1042/sessions/new/",
    "audit-of-patient": "/patients/P1042/audit/",
    "sessions": "/sessions/",
    "fees": "/fees/",
    "find": "/find/?q=mo",
    "payments": "/payments/",
    "unallocated": "/payments/unallocated/",
    "negative-credit": "/payments/negative-credit/",
    "reverse": "/payments/R-2001/reverse/",
    "refund": "/payments/R-2001/refund/",
    "transfer": "/payments/R-2001/transfer/",
    "small-balances": "/write-offs/small-balances/",
    "insurance-payments": "/insurance-payments/",
    "drafts": "/insurance-payments/drafts/",
    "import-era": "/insurance-payments/import-era/",
    "unmatched": "/insurance-payments/unmatched/",
    "insurers": "/payers/",
    "insurer": "/payers/1/",
    "denials": "/denials/",
    "invoices": "/invoices/",
    "invoice-new": "/invoices/new/",
    "invoice": "/invoices/INV-1042/",
    "reports": "/reports/",
    "day-sheet": "/reports/day-sheet/",
    "aged-balances": "/reports/aged-balances/",
    "takings": "/reports/takings/",
    "production": "/reports/production/",
    "patient-ledger": "/reports/patient-ledger/",
    "tie-out": "/reports/tie-out/",
    "journal": "/reports/journal/",
    "deposit-slip": "/reports/deposit-slip/",
    "deposits": "/deposits/",
    "periods": "/periods/",
    "statements-batch": "/statements/new/",
    "import": "/import/",
    "import-patients": "/import/patients/",
    "audit": "/audit/",
    "keys": "/help/keys/",
    "second-factor": "/accounts/second-factor/",
    "password": "/accounts/password/change/",
    "admin": "/admin/",
    "admin-people": "/admin/auth/user/",
    "admin-payments": "/admin/billing/payment/",
    "admin-clinic": "/admin/billing/clinic/",
    "not-found": "/patients/P9/account/",
}


def take(browser: Browser, site: str, folder: Path, *, everything: Path | None) -> int:
    """Take the pictures; how many there are now."""
    count = 0
    for view, screens, into in _wanted(folder, everything):
        for who in ("biller", "admin"):
            mine = {name: path for name, path in screens.items() if _who(path) == who}
            if not mine:
                continue
            with signed_in(browser, site, who, **_context(view)) as page:
                for name, path in mine.items():
                    page.goto(site + path)
                    if view.printed:
                        page.emulate_media(media="print")
                    page.wait_for_timeout(200)
                    page.screenshot(
                        path=into / f"{name}-{view.name}.png",
                        animations="disabled",
                        full_page=view.printed,
                    )
                    count += 1
    return count


def _wanted(folder: Path, everything: Path | None) -> Iterator[tuple[View, dict[str, str], Path]]:
    folder.mkdir(parents=True, exist_ok=True)
    if everything:
        everything.mkdir(parents=True, exist_ok=True)
    for view in VIEWS:
        yield view, DRAWN, folder
        if everything:
            yield view, OTHERS, everything


def _who(path: str) -> str:
    """The biller does the desk's work; settings, imports and the trail are an administrator's."""
    admins = (
        "/admin/",
        "/audit/",
        "/import/",
        "/periods/",
        "/reports/journal",
        "/patients/P1042/audit",
    )
    return "admin" if path.startswith(admins) else "biller"


def _context(view: View) -> dict[str, Any]:
    return {"viewport": view.size, "color_scheme": "dark" if view.dark else "light"}
