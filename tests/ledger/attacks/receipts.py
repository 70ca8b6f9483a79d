"""R2 to R5: no more than was received, nothing above what is owed, undone once, on whose line."""

from __future__ import annotations

from tests.factories.bills import day
from tests.ledger.attacks.attack import Attack, constraint, trigger
from tests.ledger.attacks.rows import adjust, change, draw, insert, issue, new_payment, pay, undo

ATTACKS: list[Attack] = [
    # ------------------------------------------------------------------ R2: lines
    trigger(
        "R2 un-paying more than this receipt holds on the line",
        "R2: no receipt takes back more",
        lambda s: pay(s, s.receipt, s.shared, -3000),
        control=False,  # the receipt's own allocated would be below nothing
    ),
    trigger(
        "R2 a payer taking back what another payer paid",
        "R2: no receipt takes back more",
        lambda s: pay(s, s.small, s.insured, -1001),
    ),
    trigger(
        "R2 a payer taking back what the patient paid",
        "R2: no receipt takes back more",
        lambda s: pay(s, s.check, s.shared, -1),
    ),
    constraint(
        "R2 a line paid more than it owes",
        "r2_line_balance_not_negative",
        lambda s: pay(s, s.old_receipt, s.shared, 5001),
    ),
    constraint(
        "R2 a line written off more than it owes",
        "r2_line_balance_not_negative",
        lambda s: adjust(s, s.shared, 5001),
    ),
    constraint(
        "R2 a line below nothing", "line_amount_not_negative", lambda s: issue(s, amount=-100)
    ),
    trigger(
        "R2 a line that begins paid", "R2: a line begins with nothing", lambda s: issue(s, paid=100)
    ),
    trigger(
        "R2 a line that begins written off",
        "R2: a line begins with nothing",
        lambda s: issue(s, adjusted=100),
    ),
    constraint(
        "R2 an allocation of nothing", "allocation_not_zero", lambda s: pay(s, s.receipt, s.open, 0)
    ),
    # ------------------------------------------------------------------ R3: receipts
    constraint(
        "R3 more allocated than a patient paid",
        "r3_unallocated_not_negative",
        lambda s: pay(s, s.receipt, s.open, 4001),
    ),
    constraint(
        "R3 more allocated than a payer paid, without a reason",
        "r3_unallocated_not_negative",
        lambda s: pay(s, s.check, s.open, 4001),
    ),
    constraint(
        "R3 the reason of an over-allocation wiped out",
        "r3_unallocated_not_negative",
        lambda s: change(s.over, "over_allocation_reason = ''"),
    ),
    *(
        constraint(
            f"R3 a patient's receipt of {amount} cents",
            "r3_sign_of_amount",
            lambda s, a=amount: new_payment(s.free, amount=a),
        )
        for amount in (0, -2000)
    ),
    trigger(
        "R3 a receipt that begins allocated",
        "R3: a payment begins with nothing",
        lambda s: new_payment(s.free, allocated=100),
    ),
    trigger(
        "R3 a receipt that begins with more than its amount",
        "R3: a payment begins with nothing",
        lambda s: new_payment(s.free, returned=-100000),
    ),
    trigger(
        "R3 a receipt that begins reversed",
        "R3: a payment begins with nothing",
        lambda s: new_payment(s.free, reversed=True),
    ),
    trigger(
        "R3 a reversed receipt that pays a line",
        "R5: a standing receipt",
        lambda s: pay(s, s.bounced, s.open, 100),
    ),
    constraint(
        "R3 a receipt of nobody",
        "payment_of_account_or_payer",
        lambda s: new_payment(s.free, patient_id=None, provider_id=None),
    ),
    constraint(
        "R3 a receipt of a patient and a payer",
        "payment_of_account_or_payer",
        lambda s: new_payment(s.free, payer_id=s.blueriver.pk),
    ),
    # ------------------------------------------------------------------ R4: undoing
    constraint("R4 a second reversal", "r4_undone_once|original_id", lambda s: undo(s.bounced)),
    trigger(
        "R4 a reversal of another amount",
        "R4: the row does not fit",
        lambda s: undo(s.receipt, amount=-5999),
    ),
    trigger(
        "R4 a reversal that gives instead of taking",
        "R4: the row does not fit",
        lambda s: undo(s.receipt, amount=6000),
    ),
    trigger("R4 a reversal of a reversal", "R4: the row does not fit", lambda s: undo(s.reversal)),
    trigger(
        "R4 a reversal on another patient's account",
        "R4: the row does not fit",
        lambda s: undo(s.receipt, patient_id=s.okafor.pk),
    ),
    trigger(
        "R4 a reversal that draws on another receipt",
        "R4: the row does not fit",
        lambda s: undo(s.receipt, source_id=s.old_receipt.pk),
    ),
    trigger(
        "R4 a reversal that points at nothing",
        "R4: the row does not fit",
        lambda s: undo(s.receipt, original_id=None),
        control=False,
    ),
    constraint(
        "R4 a receipt that points at something",
        "r4_undoing_points_at_original",
        lambda s: new_payment(s.free, original_id=s.receipt.pk),
    ),
    constraint(
        "R4 more refunded than is unallocated",
        "R4: the row does not fit|r3_unallocated_not_negative",
        lambda s: draw(s.receipt, "refund", -4001),
    ),
    constraint(
        "R4 more transferred than is unallocated",
        "R4: the row does not fit|r3_unallocated_not_negative",
        lambda s: draw(s.receipt, "transfer_out", -4001),
    ),
    trigger("R4 a refund of a reversed receipt", "R4", lambda s: draw(s.bounced, "refund", -100)),
    trigger(
        "R4 a transfer out of a reversed receipt",
        "R4",
        lambda s: draw(s.bounced, "transfer_out", -100),
    ),
    trigger(
        "R4 an insurer's money moved to a patient",
        "R4",
        lambda s: draw(s.check, "transfer_out", -100),
    ),
    trigger("R4 a refund of an over-allocated check", "R4", lambda s: draw(s.over, "refund", -100)),
    constraint(
        "R4 a refund that brings money in",
        "r3_sign_of_amount",
        lambda s: draw(s.receipt, "refund", 100),
    ),
    trigger(
        "R4 a refund of a refund",
        "R4: the row does not fit",
        lambda s: draw(s.refund, "refund", -100),
    ),
    trigger(
        "R4 a transfer in of another amount than went out",
        "R4: the row does not fit",
        lambda s: new_payment(s.into, amount=1001, original_id=s.out.pk),
        control=False,  # and the pair is complete already
    ),
    constraint(
        "R4 a second transfer in for one that went out",
        "r4_transfer_has_one_other_side|original_id",
        lambda s: new_payment(s.into),
    ),
    trigger(
        "R4 a write-off given back in another amount",
        "R4: the row does not fit",
        lambda s: adjust(s, s.insured, -999, undoes_id=s.write_off.pk),
    ),
    trigger(
        "R4 a write-off given back on another line",
        "R4: the row does not fit",
        lambda s: adjust(s, s.open, -1000, undoes_id=s.write_off.pk),
    ),
    constraint(
        "R4 a write-off given back twice", "undoes_id", lambda s: insert(s.given_back, date=day(0))
    ),
    # ------------------------------------------------------------------ R5: whose line
    trigger(
        "R5 another patient's line",
        "R5: a standing receipt",
        lambda s: pay(s, s.receipt, s.hers, 100),
    ),
    trigger(
        "R5 another provider's line",
        "R5: a standing receipt",
        lambda s: pay(s, s.receipt, s.of_dr2, 100),
    ),
    trigger(
        "R5 a line nobody was billed for",
        "R5: a standing receipt",
        lambda s: pay(s, s.receipt, s.draft, 100),
        control=False,
    ),
    constraint(
        "R5 a line paid by money that went out",
        "payment_only_money_in_pays|r3_patient_allocated",
        lambda s: pay(s, s.refund, s.open, 100),
    ),
    trigger(
        "R5 a write-off that came with a patient's payment",
        "An adjustment comes with an insurer's receipt",
        lambda s: adjust(s, s.open, 100, payment_id=s.receipt.pk),
    ),
    trigger(
        "R5 a write-off of a draft",
        "An adjustment is on an issued line",
        lambda s: adjust(s, s.draft, 100),
        control=False,
    ),
]
