"""Credit allocation: what is typed on an account's lines, and what follows from it.

Holds no money rule of its own: every figure is `sharing.move_credit`'s, here only put into the
words and shapes the templates print. The page, the live answer and the fills draw the same grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing import balances, sharing
from billing.balances import AccountBalance, PaidBy
from billing.forms.grid import box_name, line_id
from billing.forms.line_grid import LineGrid, LineRow
from billing.models import InvoiceLine
from billing.money import show, show_dollars
from billing.sharing import CreditLine, CreditMove, CreditTotals, Entry

COLUMN = "amount"
FOREIGN = "That invoice line is not on this account."
HOW = {
    "all": "A plus amount pays a line from credit. A minus amount un-pays it and puts the money"
    " back into credit. Reversed payments are taken back first.",
    "unpaid": "A plus amount pays a line from credit. Choose All to see paid lines and take money"
    " back off them with a minus amount.",
}
TO_FIX = "Correct the marked amounts; until then this total is not known."


@dataclass(frozen=True)
class Row(LineRow):
    """A line, what pays it, and which of the two buttons it has."""

    paid_by: Sequence[PaidBy]
    pays: bool
    can_fill: bool


class CreditGrid(LineGrid):
    """What is typed on the lines of one account, and the account as it would then stand."""

    column = COLUMN

    def __init__(
        self,
        *,
        account: AccountBalance,
        lines: Sequence[InvoiceLine],
        view: str,
        sent: Sequence[int],
        data: Mapping[str, str],
    ) -> None:
        super().__init__(lines, sent, data)
        self.account = account
        self.view = view
        self.credit_lines, self.paid_by = balances.credit_lines(lines)
        self.by_id: dict[int, CreditLine] = {line.id: line for line in self.credit_lines}
        self._move: CreditMove | None = None

    # ------------------------------------------------------------------ figures

    @property
    def entries(self) -> list[Entry]:
        """What is to be moved, as the ledger takes it; untouched lines are none."""
        typed = (
            Entry(line, self.boxes.amount(line, COLUMN), seen=self.boxes.seen[line])
            for line in self.boxes.lines
        )
        return [entry for entry in typed if not entry.empty]

    @property
    def foreign(self) -> bool:
        """Amounts for lines that are not this account's: somebody made the form up."""
        return any(entry.line not in self.by_id for entry in self.entries)

    def _moved(self, amounts: Mapping[int, Decimal]) -> CreditMove:
        return sharing.move_credit(
            credit=self.account.credit,
            invoices=self.account.invoices,
            lines=self.credit_lines,
            amounts=amounts,
        )

    @property
    def amounts(self) -> dict[int, Decimal]:
        return {line: self.boxes.amount(line, COLUMN) for line in self.by_id}

    @property
    def move(self) -> CreditMove:
        """The account before and after; worked out once until a box is filled."""
        if self._move is None:
            self._move = self._moved(self.amounts)
        return self._move

    @property
    def totals(self) -> CreditTotals:
        return sharing.credit_totals(self.credit_lines, self.move)

    @property
    def state(self) -> str:
        if not self.known:
            return "stale"
        after = self.move.credit_after
        return "over" if after < 0 else "todo" if after else "done"

    @property
    def unallocated(self) -> dict[str, str]:
        """The Available credit block (parts/unallocated.html)."""
        move = self.move
        if move.credit_after != move.credit:
            words = f"was {show(move.credit)}"
        else:
            words = {"over": "negative", "done": "none to use"}.get(self.state, "ready to use")
        block = {"label": "Available credit", "state": self.state, "words": words}
        if not self.known:
            return {**block, "figure": "-", "words": "check the amounts"}
        return {**block, "figure": show_dollars(move.credit_after)}

    @property
    def explain(self) -> dict[str, Any]:
        """The message line."""
        if not self.known:
            return {"state": "over", "lead": "", "text": TO_FIX}
        if self.move.short:
            return {
                "state": "over",
                "lead": self.too_much,
                "text": "Lower an amount, or un-pay another line to free some credit.",
            }
        return {"state": "", "lead": "", "text": HOW[self.view]}

    @property
    def overdrawn(self) -> bool:
        """Whether more credit is given out than there is."""
        return bool(self.move.short)

    @property
    def too_much(self) -> str:
        return f"{show(self.move.short)} more than the credit available."

    @property
    def said(self) -> str:
        """What a screen reader hears once typing pauses."""
        if not self.known:
            return next(iter(self.boxes.errors.values()))
        if self.move.short:
            return self.too_much
        return (
            f"Available credit {show_dollars(self.move.credit_after)}."
            f" Invoices owing {show_dollars(self.move.invoices_after)}."
        )

    # ------------------------------------------------------------------ rows

    def _row(self, line: InvoiceLine) -> Row:
        state = self.by_id[line.pk]
        return Row(
            line=line,
            box=box_name(line.pk, COLUMN),
            paid_by=self.paid_by.get(line.pk, []),
            text=self.boxes.text(line.pk, COLUMN),
            after=self.move.balances_after[line.pk],
            pays=sharing.offers_pay(state, self.account.credit),
            can_fill=bool(state.balance > 0 or state.held),
            error=self._error(line.pk, self.move.problems),
        )

    # ------------------------------------------------------------------ filling boxes

    def fill(self, what: str) -> tuple[dict[str, str], str]:
        """Pay or un-pay one line for the typist; returns box → new text, and what to say."""
        verb, _, which = what.partition(":")
        line = line_id(which) if verb == "line" else None
        if line not in self.by_id or line is None:
            return {}, ""
        others = self._moved({pk: each for pk, each in self.amounts.items() if pk != line})
        amount = sharing.fill_credit(self.by_id[line], self.account.credit, others)
        values = self._put(line, amount)
        return values, self.said if amount else "No credit is left for this line."

    def _forget(self) -> None:
        self._move = None

    # ------------------------------------------------------------------ saving

    def refuse(self, line: int, text: str) -> None:
        """The ledger refused this line: the words go beside its box."""
        self.refused[line] = text

    def problems(self) -> list[dict[str, str]]:
        """Everything that keeps these amounts from being saved, for the error summary."""
        items = self._wrong_amounts()
        if self.foreign:
            items.append({"href": "", "text": FOREIGN})
        if self.known and self.move.short and not items:
            items.append({"href": "#un", "text": f"{self.too_much} {self.explain['text']}"})
        if not items and not self.entries:
            items.append({"href": "", "text": "Enter an amount on at least one line."})
        return items
