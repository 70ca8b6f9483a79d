"""Which account a row is booked on, and what that account is called in each format."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from billing.models import AccountType, JournalBatch, LedgerAccount
from billing.models.journal import INCOME
from patients.models import Payer, Provider

# What plain-text accounting calls the five types; both tools know them by these words.
ROOTS: dict[str, str] = {
    AccountType.ASSET.value: "Assets",
    AccountType.LIABILITY.value: "Liabilities",
    AccountType.EQUITY.value: "Equity",
    AccountType.INCOME.value: "Income",
    AccountType.EXPENSE.value: "Expenses",
}


@dataclass(frozen=True)
class Account:
    """An account as it is written: `path` in plain-text journals, number and name elsewhere."""

    number: str
    name: str
    type: str
    path: str

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


def component(number: str, name: str) -> str:
    """One part of a path, such as 2100-Unallocated-credit-Patients: valid for both tools.

    They allow ASCII letters, digits and hyphens, and the first has to be a capital or a digit. The
    number stands in front, unchanged and without a hyphen of its own, so that accounts whose names
    look alike without their signs and accents are still two.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")
    return f"{number}-{words}" if words else number


Named = tuple[str, str, str]  # number, name, type


@dataclass(frozen=True)
class Chart:
    """The chart of accounts with the names that stand in entries; as now, or as a batch froze it."""

    general: Mapping[str, Named]
    own: Mapping[int, Named]  # income of a provider that has an account of its own
    providers: Mapping[int, str]
    payers: Mapping[int, str]
    _made: dict[tuple[str, int | None], Account] = field(default_factory=dict, compare=False)

    @classmethod
    def current(cls) -> Chart:
        """As the clinic has it now; three queries."""
        general: dict[str, Named] = {}
        own: dict[int, Named] = {}
        for row in LedgerAccount.objects.order_by("number"):
            named = (row.number, row.name, row.type)
            if row.provider_id:
                own[row.provider_id] = named
            else:
                general[row.key] = named
        return cls(
            general,
            own,
            dict(Provider.objects.order_by("pk").values_list("pk", "name")),
            dict(Payer.objects.order_by("pk").values_list("pk", "name")),
        )

    @classmethod
    def of(cls, batch: JournalBatch) -> Chart:
        """As it was when the batch was made."""
        kept = batch.frozen
        return cls(
            {key: (number, name, kind) for key, (number, name, kind) in kept["general"].items()},
            {int(pk): (number, name, kind) for pk, (number, name, kind) in kept["own"].items()},
            {int(pk): name for pk, name in kept["providers"].items()},
            {int(pk): name for pk, name in kept["payers"].items()},
        )

    def frozen(self) -> dict[str, Any]:
        """What a batch keeps of it."""
        return {
            "general": self.general,
            "own": self.own,
            "providers": self.providers,
            "payers": self.payers,
        }

    def account(self, key: str, provider: int | None = None) -> Account:
        """The account of a key. Income is the provider's own, or their part of the general one."""
        made = self._made.get((key, provider))
        if made is None:
            made = self._made[key, provider] = self._make(key, provider)
        return made

    def _make(self, key: str, provider: int | None) -> Account:
        of_its_own = self.own.get(provider) if provider else None
        number, name, kind = of_its_own or self.general[key]
        path = f"{ROOTS[kind]}:{component(number, name)}"
        if of_its_own or provider is None:
            return Account(number, name, kind, path)
        who = self.provider(provider)
        # A number of the chart has no hyphen, so this one is nobody else's.
        return Account(
            f"{number}-{provider}",
            f"{name}: {who}",
            kind,
            f"{path}:{component(str(provider), who)}",
        )

    def provider(self, pk: int | None) -> str:
        """A name, or nothing. One entered after the chart was frozen goes by its id."""
        return self.providers.get(pk, f"Provider {pk}") if pk else ""

    def payer(self, pk: int | None) -> str:
        """A name, or nothing. One entered after the chart was frozen goes by its id."""
        return self.payers.get(pk, f"Payer {pk}") if pk else ""

    def accounts(self) -> list[Account]:
        """Every account there is to book on, by path."""
        found = [self.account(key) for key in self.general if key != INCOME]
        found += [self.account(INCOME, provider) for provider in self.providers]
        return sorted(found, key=lambda account: account.path)


def opened_before(batch: JournalBatch) -> set[str]:
    """Paths that earlier batches opened: whoever reads all batches together opens them once."""
    earlier = JournalBatch.objects.filter(pk__lt=batch.pk)
    return {account.path for each in earlier for account in Chart.of(each).accounts()}
