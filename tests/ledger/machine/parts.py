"""Who, how much and when: what the acts are chosen from."""

import os
from decimal import Decimal

from hypothesis import strategies as st

from tests.ledger.machine.model import ZERO

CENT = Decimal("0.01")
MORE = os.environ.get("REMIT_HYPOTHESIS_EXAMPLES")
STEPS = int(os.environ.get("REMIT_HYPOTHESIS_STEPS", "25"))

PICK = st.integers(0, 99)
"""Which of the lines or receipts there are; the last ones are the likelier by shrinking to 0."""
PART = st.sampled_from(["all", "all", "a cent less", "a cent more", "half", "a cent", "three"])
AGO = st.sampled_from([0, 0, 1, 2, 3])
WHO = st.sampled_from(["Smith", "Okafor", "Kim"])
PROVIDER = st.sampled_from(["Dr 1", "Dr 2"])
PAYER = st.sampled_from(["BlueRiver", "Cascade"])
AMOUNT = st.sampled_from(["0.00", "0.01", "20.00", "33.33", "50.00", "100.00"]).map(Decimal)
OUTCOMES = ["", "", "", "", "zero", "denied", "forwarded", "patient", "taken_back"]
OUTCOME = st.sampled_from(OUTCOMES)
RESTS = ["", "", "", "stays", "patient", "next"]
REST = st.sampled_from(RESTS)
SAID: list[tuple[tuple[str, Decimal], ...]] = [
    (),
    (),
    (("copay", Decimal("20.00")),),
    (("deductible", Decimal("10.00")), ("coinsurance", CENT)),
    (("copay", Decimal("-20.00")),),
]
OWES = st.sampled_from(SAID)
BESIDE: list[list[tuple[str, Decimal, str]]] = [
    [],
    [],
    [],
    [("WO", Decimal("-25.00"), "A")],
    [("WO", Decimal("25.00"), "A")],
    [("FB", Decimal("-10.00"), "B"), ("L6", Decimal("-1.25"), "")],
    [("FB", Decimal("10.00"), "B"), ("72", Decimal("-5.00"), "A"), ("WO", Decimal("5.00"), "A")],
    [("WO", ZERO, "A")],
]
OFFSETS = st.sampled_from(BESIDE)
CHECKS = ["typed", "fits", "fits", "a cent short"]
CHECK = st.sampled_from(CHECKS)
"""Its amount: any, or what leaves nothing unallocated, or a cent too little for that."""
ENTRIES = st.lists(st.tuples(PICK, PART), max_size=3, unique_by=lambda each: each[0])


def part(of: Decimal, which: str) -> Decimal:
    return {
        "all": of,
        "a cent less": of - CENT,
        "a cent more": of + CENT,
        "half": (of / 2).quantize(CENT),
        "a cent": CENT,
        "three": Decimal("3.00"),
    }[which]
