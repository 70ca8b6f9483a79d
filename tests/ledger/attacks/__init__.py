"""What the database has to refuse, whoever asks: raw SQL against R1-R5, R8, R9 and R10."""

from tests.ledger.attacks import bundles, days, insurers, receipts, written_once
from tests.ledger.attacks.attack import Attack

ATTACKS: list[Attack] = [
    *written_once.ATTACKS,
    *receipts.ATTACKS,
    *days.ATTACKS,
    *bundles.ATTACKS,
    *insurers.ATTACKS,
]
