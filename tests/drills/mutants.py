"""Mistakes somebody could make in the ledger, each made on purpose in a copy of the program.

    python -m tests.drills.mutants            every one of them; a table
    python -m tests.drills.mutants third      those with "third" in their name

Each is a piece of text and what stands there instead. A piece that is not there, or there twice, is
an error: a mutant that changes nothing would prove nothing. `ledger/test_state_machine.py` has to
notice each of them; a trigger of the database that has to step in counts, since then the verb did not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEDGER = "billing/ledger"
# What a copy needs to run the tests of the ledger.
PARTS = ("billing", "config", "patients", "tests", "templates", "static", "manage.py")


@dataclass(frozen=True)
class Mutant:
    """`name` says what it does wrong, in words of the desk."""

    name: str
    file: str
    text: str
    instead: str


def mutant(name: str, file: str, text: str, instead: str) -> Mutant:
    return Mutant(name, f"{LEDGER}/{file}.py", text, instead)


CENT = 'Decimal("0.01")'

MUTANTS = [
    mutant(
        "a patient pays a cent more than a line owes",
        "receiving",
        "if entry.paid > line.balance:",
        f"if entry.paid > line.balance + {CENT}:",
    ),
    mutant(
        "a cent more is allocated than was received",
        "receiving",
        "if receipt.unallocated < 0 and not (",
        'if receipt.unallocated < Decimal("-0.01") and not (',
    ),
    mutant(
        "a stranger's line is paid",
        "receiving",
        "if receipt.patient_id not in whose:",
        "if not whose:",
    ),
    mutant(
        "another provider's line is paid without a transfer",
        "receiving",
        "if account == (receipt.patient_id, receipt.provider_id):",
        "if account[0] == receipt.patient_id:",
    ),
    mutant(
        "a cent more is refunded than is unallocated",
        "moving",
        "if amount > receipt.unallocated:",
        f"if amount > receipt.unallocated + {CENT}:",
    ),
    mutant(
        "credit is transferred to where it is already",
        "moving",
        "if (payment.patient_id, payment.provider_id) == (patient.pk, provider.pk):",
        "if (payment.patient_id, payment.provider_id) == (patient.pk, None):",
    ),
    mutant(
        "a refund takes off the wrong way round",
        "moving",
        "posting.put(receipt, line, -entry.paid, reason)",
        "posting.put(receipt, line, entry.paid, reason)",
    ),
    mutant(
        "a reversal leaves the lines paid",
        "undoing",
        "            unpay_everything(posting, holders, reason)\n",
        "            pass\n",
    ),
    mutant(
        "a reversal forgets the transfers made from it",
        "undoing",
        "return _write_opposites(posting, (payment, *family), kind, reason, note)",
        "return _write_opposites(posting, (payment,), kind, reason, note)",
    ),
    mutant(
        "a payment is reversed twice",
        "undoing",
        "    if payment.reversed:\n        raise already_undone(payment)",
        "    if False:\n        raise already_undone(payment)",
    ),
    mutant(
        "an insurer's write-off outlives its payment",
        "undoing",
        "            _give_back_write_offs(posting, payment, reason)\n",
        "",
    ),
    mutant(
        "what an insurer kept outlives its payment",
        "undoing",
        "payment.offsets.standing()",
        "payment.offsets.none()",
    ),
    mutant(
        "what an insurer said the patient owes outlives its payment",
        "undoing",
        "payment.responsibilities.standing()",
        "payment.responsibilities.none()",
    ),
    mutant(
        "a takeback that stands on a payment is not undone first",
        "undoing",
        "        if by_payer[line_id] < 0:\n",
        "        if False:\n",
    ),
    mutant(
        "a deposited payment is deleted",
        "undoing",
        "    if banked:\n",
        "    if False:\n",
    ),
    mutant(
        "a cent more is written off than a line owes",
        "adjusting",
        "        if entry.write_off > line.balance:\n",
        f"        if entry.write_off > line.balance + {CENT}:\n",
    ),
    mutant(
        "a write-off is undone twice",
        "adjusting",
        "    if undone:\n",
        "    if False:\n",
    ),
    mutant(
        "a payer takes back what another payer paid",
        "insurers",
        "held = posting.held(line__in=taken_back, payment__payer=receipt.payer_id)",
        "held = posting.held(line__in=taken_back)",
    ),
    mutant(
        "a payer takes back a cent more than it paid",
        "insurers",
        "if entry.paid < 0 and by_payer[line.pk] + entry.paid < 0:",
        'if entry.paid < 0 and by_payer[line.pk] + entry.paid < Decimal("-0.01"):',
    ),
    mutant(
        "an insurer's last cent does not fit beside the patient's money",
        "insurers",
        "    if short <= 0:\n",
        f"    if short <= {CENT}:\n",
    ),
    mutant(
        "the rest is the patient's, whoever else insures them",
        "insurers",
        "after = coverages.after(line)",
        "after = None",
    ),
    mutant(
        "credit pays a cent more than there is",
        "credit",
        '    if amount > 0:\n        raise LedgerError(f"{show(amount)} more than the credit',
        '    if amount > Decimal("0.01"):\n        raise LedgerError(f"{show(amount)} more than the credit',
    ),
    mutant(
        "credit of another provider's account is spent",
        "credit",
        "            if (receipt.patient_id, receipt.provider_id) == account\n",
        "            if receipt.patient_id == account[0]\n",
    ),
    mutant(
        "nothing takes over what a bounced check paid",
        "posting",
        "        self.cover()\n",
        "",
    ),
    mutant(
        "the newest credit takes over first",
        "posting",
        "pairs.append((sorted(standing, key=age), sorted(overdrawn, key=age)))",
        "pairs.append((sorted(standing, key=age, reverse=True), sorted(overdrawn, key=age)))",
    ),
    mutant(
        "the oldest receipt is un-paid first",
        "posting",
        "newest_first = sorted(holders, key=age, reverse=True)",
        "newest_first = sorted(holders, key=age)",
    ),
    mutant(
        "a refund that never happened stays filled in",
        "posting",
        "        self._give_back_fills()\n",
        "",
    ),
    mutant(
        "a voided line keeps what patients paid on it",
        "invoicing",
        '        posting.unpay_held(line, line.paid, f"Voided: {reason}", held)\n',
        "",
    ),
    mutant(
        "a payment is dated before what it builds on",
        "posting",
        "self.date = max(self.date, latest)",
        "self.date = self.date",
    ),
]


@dataclass(frozen=True)
class Caught:
    """What became of a mutant: after how long, and which sentence gave it away."""

    mutant: Mutant
    seconds: float
    by: str

    def __str__(self) -> str:
        return f"{self.mutant.name:<62} {self.seconds:>5.0f} s  {self.by or 'NOT CAUGHT'}"


def changed(mutant: Mutant, folder: Path) -> None:
    """Make the mistake in the copy."""
    file = folder / mutant.file
    source = file.read_text()
    if (times := source.count(mutant.text)) != 1:
        raise LookupError(f"{mutant.name}: its text is {times} times in {mutant.file}, not once")
    source = source.replace(mutant.text, mutant.instead)
    if "Decimal(" in mutant.instead and "import Decimal" not in source:
        raise LookupError(f"{mutant.name}: {mutant.file} knows no Decimal")
    compile(source, mutant.file, "exec")
    file.write_text(source)


@contextmanager
def copied() -> Iterator[Path]:
    """The program in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="remit-mutant-") as name:
        folder = Path(name)
        unwanted = shutil.ignore_patterns("__pycache__", "*.sqlite3*")
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=unwanted)
            else:
                shutil.copy(ROOT / part, folder)
        shutil.copy(ROOT / "pyproject.toml", folder)
        yield folder


def caught(mutant: Mutant | None) -> Caught:
    """Run the state machine over the mutant (None: over the program as it is)."""
    with copied() as folder:
        if mutant:
            changed(mutant, folder)
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
             "tests/ledger/test_state_machine.py"],
            cwd=folder,
            env={**os.environ, "DATABASE_URL": "", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        took = time.monotonic() - began
    if done.returncode not in (0, 1):  # it has to fail as a test, not for want of anything
        raise RuntimeError(f"{mutant}:\n{done.stdout}{done.stderr}")
    by = _sentence(done.stdout) if done.returncode else ""
    if by.startswith(("NameError", "ImportError", "AttributeError", "TypeError")):
        raise RuntimeError(f"{mutant} is no mistake but nonsense: {by}")
    return Caught(mutant or Mutant("as it is", "", "", ""), took, by)


def _sentence(said: str) -> str:
    """The first line that says what was wrong."""
    lines = re.findall(r"^E +(.+)$", said, re.MULTILINE)
    telling = [line for line in lines if not line.startswith(("+ ", "- ", "ExceptionGroup"))]
    return telling[0][:150] if telling else "failed"


def run(mutants: Iterable[Mutant]) -> Iterator[Caught]:
    """One on each core."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(caught, mutants)


def main() -> int:
    chosen = [each for each in MUTANTS if not sys.argv[1:] or sys.argv[1] in each.name]
    missed = 0
    for result in run(chosen):
        print(result, flush=True)  # noqa: T201
        missed += not result.by
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
