"""Desks that work as people do: they look a patient up, take money, share it out, undo it.

A desk sends only forms that a page gave it, with their keys. It writes down what was acknowledged
to it, and sends the same form again where no answer came; so that afterwards the books can be
asked whether everything acknowledged is there, once (`tests/drills/clinics.py`).
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin

from tests.drills.browser import Answer, Browser, NoAnswer
from tests.screens.page_forms import PageForm

PAUSE = 0.1  # seconds before the same form is sent again
PEOPLE = ("frontdesk", "biller", "admin")  # of the demo clinic, those who may do all of this


@dataclass
class Acknowledged:
    """A posting the server said yes to."""

    verb: str
    key: str
    reference: str = ""  # of a payment: unique, so that a second one cannot hide
    cents: int = 0
    number: str = ""
    tries: int = 1


@dataclass
class Desk:
    """One person at work. `patience` is for how long a form is sent again until it is answered;
    `again` is how often one that was acknowledged is sent once more, by a nervous hand. One that
    goes `straight` to its forms looks nothing up on the way and asks for no totals while typing.
    """

    browser: Browser
    charts: list[str]
    payers: list[str]
    seed: int = 0
    patience: float = 60
    think: float = 0
    again: float = 0.1
    straight: bool = False
    name: str = ""
    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    busy: int = 0  # answers 503
    lost: int = 0  # no answer
    retries: int = 0  # forms that were sent again for either reason
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.name = self.name or f"D{self.seed}"
        self.receipts: list[str] = []  # of their own, not undone yet

    # ------------------------------------------------------------------ asking until it is answered

    def until_answered(self, ask: Callable[[], Answer]) -> tuple[Answer, int]:
        """The first answer that is one, and the how manieth try it was."""
        deadline, tries = time.monotonic() + self.patience, 0
        while True:
            tries += 1
            try:
                answer = ask()
            except NoAnswer as error:
                self.lost += 1
                said = str(error)
            else:
                if answer.status != 503:
                    if answer.status not in (200, 301, 302):
                        self.errors.append(f"{answer.status} at {answer.path}: {answer.text[:300]}")
                    return answer, tries
                self.busy += 1
                said = f"503 at {answer.path}"
                told = "again" in answer.text or answer.headers["Content-Type"].startswith(
                    "text/plain"
                )
                if "Retry-After" not in answer.headers or not told:
                    self.errors.append(f"a 503 that does not say what to do: {answer.text[:300]}")
            if time.monotonic() > deadline:
                raise NoAnswer(f"{self.name} gave up after {tries} tries: {said}")
            time.sleep(PAUSE)

    def look(self, path: str) -> Answer:
        if self.think:
            time.sleep(self.think * self.chance.uniform(0.5, 1.5))
        answer, _tries = self.until_answered(lambda: self.browser.get(path))
        return answer

    def type_into(self, page: Answer, form: PageForm) -> None:
        """What htmx asks while somebody types."""
        if not self.straight:
            self.until_answered(lambda: self.browser.press(page, form, htmx=True, what="live"))

    def save(
        self,
        page: Answer,
        form: PageForm,
        *button: str,
        verb: str,
        reference: str = "",
        cents: int = 0,
    ) -> Answer | None:
        """Send it until it is answered. The page it led to, or None where it was refused."""
        posting = Acknowledged(verb, form.sent["key"][0], reference, cents)

        def send() -> Answer:
            return self.browser.press(page, form, *button, what="save")

        answer, posting.tries = self.until_answered(send)
        self.retries += posting.tries > 1
        if answer.status != 302:
            self.refused += answer.said or [answer.text[:200]]
            return answer if answer.status == 200 and answer.said else None
        self.acknowledged.append(posting)
        led_to = self.look(urljoin(answer.path, answer.headers["Location"]))
        if found := re.search(r"Saved as ([A-Z]+-\d+)\.", led_to.text):
            posting.number = found[1]
        if self.chance.random() < self.again:
            self.until_answered(send)
        return led_to

    # ------------------------------------------------------------------ what a desk does

    def work(self) -> None:
        """One errand, chosen as a day at the desk would."""
        errand = self.chance.choices(
            [self.take_payment, self.take_check, self.undo, self.look_around], [6, 2, 2, 1]
        )[0]
        errand()

    def find_patient(self) -> str:
        """From Today over the search to the account."""
        chart = self.chance.choice(self.charts)
        if self.straight:
            return chart
        today = self.look("/")
        search = today.form("q")
        search.sent["q"] = [chart]
        self.until_answered(lambda: self.browser.press(today, search, what="search"))
        self.look(f"/patients/{chart}/account/")
        return chart

    def look_around(self) -> None:
        if self.straight:
            return
        for path in ("/payments/", "/insurance-payments/", "/invoices/"):
            self.look(path)

    def take_payment(self) -> str:
        """Take a patient's payment and put some of it on open lines; its number."""
        chart = self.find_patient()
        page = self.look(f"/patients/{chart}/payments/new/")
        form = page.form("amount")
        cents = self.chance.randint(200, 9_999)
        reference = self.fill_strip(form, cents)
        form.sent["method"] = ["cash"]
        self.share_out(page, form, most=2)
        return self.save_payment(page, form, reference, cents)

    def take_check(self) -> str:
        """Enter an insurer's check over some of its sessions, the figures asked for on the way."""
        page = self.look("/insurance-payments/new/")
        form = page.form("payer")
        cents = self.chance.randint(500, 20_000)
        form.sent["payer"] = [self.chance.choice(self.payers)]
        reference = self.fill_strip(form, cents)
        sessions_of = f"{self.chance.choice(self.charts)}:unpaid"
        page, _ = self.until_answered(lambda: self.browser.press(page, form, "add", sessions_of))
        form = page.form("payer")
        for _ in range(3):
            self.share_out(page, form, most=1)
        return self.save_payment(page, form, reference, cents)

    def fill_strip(self, form: PageForm, cents: int) -> str:
        reference = f"{self.name}-{self.chance.getrandbits(48):x}"
        form.sent["amount"] = [f"{cents / 100:.2f}"]
        form.sent["reference"] = [reference]
        return reference

    def share_out(self, page: Answer, form: PageForm, *, most: int) -> None:
        """Small amounts on a few of the lines, as typed: each asks for the totals."""
        lines = form.sent.get("lines", [])
        for line in self.chance.sample(lines, min(most, len(lines))):
            form.sent[f"line-{line}-paid"] = [f"{self.chance.randint(1, 99) / 100:.2f}"]
            self.type_into(page, form)

    def save_payment(self, page: Answer, form: PageForm, reference: str, cents: int) -> str:
        led_to = self.save(
            page, form, "action", "save", verb="record_payment", reference=reference, cents=cents
        )
        number = self.acknowledged[-1].number if self.acknowledged else ""
        if led_to and number.startswith("R-") and self.acknowledged[-1].reference == reference:
            self.receipts.append(number)
        return number

    def undo(self) -> None:
        """Reverse a receipt of one's own; where its lines stay paid, sometimes un-pay them then."""
        if not self.receipts:
            self.take_payment()
            return
        number = self.receipts.pop(self.chance.randrange(len(self.receipts)))
        page = self.look(f"/payments/{number}/reverse/")
        form = page.form("reason")
        form.sent["reason"] = ["Wrong amount"]
        if "after" in form.choices:
            form.sent["after"] = [self.chance.choice(["unpay", "leave"])]
        account = self.save(page, form, verb="reverse")
        if account and account.path != page.path:
            self.unpay(account)

    def unpay(self, account: Answer) -> None:
        """By the button the account offers where a credit is negative."""
        try:
            form = account.form("/unpay/")
        except LookupError:
            return
        self.save(account, form, verb="unpay")
