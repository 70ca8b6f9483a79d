"""Who and what the demo clinic consists of, before anything happens."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count, islice
from random import Random
from typing import Any

import factory.random
from django.contrib.auth.models import Group, User

from billing.demo import factories
from billing.models import Service
from config.roles import ACCOUNTANT, ADMINISTRATOR, BILLER, FRONT_DESK
from patients.models import Patient, Payer, Provider

SEED = 1042
PASSWORD = "remit-demo"  # noqa: S105  (public: it exists in the demo clinic only)

LOGINS: tuple[dict[str, Any], ...] = (
    {"username": "frontdesk", "first_name": "Ana", "last_name": "Rell", "role": FRONT_DESK},
    {"username": "biller", "first_name": "Tomas", "last_name": "Quade", "role": BILLER},
    {"username": "accountant", "first_name": "Grace", "last_name": "Lindow", "role": ACCOUNTANT},
    {
        "username": "admin",
        "first_name": "Omar",
        "last_name": "Sayle",
        "is_staff": True,
        "is_superuser": True,
        "role": ADMINISTRATOR,
    },
)
PROVIDERS = ("Dr 1", "Dr 2", "Dr Lee", "Dr Patel", "Dr Haddad", "Dr Moreno", "Dr Nowak", "Dr Wynn")
BLUERIVER = "BlueRiver Health"
# Name, payer ID, what it allows of a fee in percent, how it pays.
PAYERS = (
    (BLUERIVER, "60054", 84, "check"),
    ("Kestrel Mutual", "KM410", 80, "eft"),
    ("Northway Benefits", "NB227", 88, "eft"),
    ("Pinecrest Health Plan", "PH118", 76, "check"),
    ("Lakeshore Care", "LC905", 90, "eft"),
    ("Summit Union Insurance", "SU336", 82, "check"),
    ("Copperfield Assurance", "CA871", 100, "virtual_card"),
    ("Harborlight State Plan", "HS002", 68, "eft"),
)
CONSULTATION, LONG_SESSION = "CONS", "90837"
# Code, our words for it, fee in dollars.
SERVICES = (
    (CONSULTATION, "Consultation", 50),
    (LONG_SESSION, "Psychotherapy, 60 min", 100),
    ("90834", "Psychotherapy, 45 min", 85),
    ("90832", "Psychotherapy, 30 min", 65),
    ("90791", "First interview, mental health", 160),
    ("90847", "Family therapy", 120),
    ("90853", "Group therapy", 45),
    ("96127", "Questionnaire, scored", 12),
    ("97161", "Physiotherapy, first assessment", 110),
    ("97110", "Exercise therapy, 15 min", 38),
    ("97140", "Manual therapy, 15 min", 40),
    ("97530", "Everyday activities training", 42),
    ("97014", "Electrical stimulation", 25),
    ("99202", "New patient, short visit", 90),
    ("99203", "New patient, visit", 135),
    ("99212", "Visit, brief", 62),
    ("99213", "Visit", 95),
    ("99214", "Visit, longer", 140),
    ("99396", "Yearly check-up", 175),
    ("36415", "Blood draw", 14),
    ("81002", "Urine test strip", 9),
    ("87880", "Throat swab, rapid test", 28),
    ("93000", "Electrocardiogram", 48),
    ("90471", "Vaccination", 27),
    ("REPORT", "Written report", 75),
    ("NOSHOW", "Missed appointment", 40),
)
UNCHANGED = (CONSULTATION, LONG_SESSION)
# Payer, code, fee in dollars: what was agreed with single payers, from this month on.
AGREED = (
    ("Kestrel Mutual", "99213", 88),
    ("Kestrel Mutual", "99214", 129),
    ("Northway Benefits", "97110", 36),
    ("Northway Benefits", "97140", 37),
    ("Copperfield Assurance", "90834", 92),
    ("Harborlight State Plan", "90834", 74),
)


@dataclass(frozen=True)
class Track:
    """What somebody comes for: the first visit, the usual ones, what may come on top."""

    first: str
    usual: tuple[str, ...]
    extra: tuple[str, ...]
    longest: int
    diagnoses: tuple[str, ...]  # what they come for: ICD-10, as a session keeps them


TRACKS = (
    Track(
        "90791",
        (LONG_SESSION, "90834", "90834", "90832"),
        ("96127", "REPORT"),
        34,
        ("F41.1", "F33.1", "F43.23", "F32.1, F41.1", "F40.10", "F43.10, F51.01"),
    ),
    Track(
        "97161",
        ("97110", "97140", "97530"),
        ("97110", "97014"),
        20,
        ("M54.50", "M25.561", "M75.42", "M54.2, M62.838", "S93.401D", "M17.11"),
    ),
    Track(
        "99203",
        ("99213", "99213", "99212", "99214"),
        ("36415", "87880", "93000", "90471"),
        7,
        ("I10", "J06.9", "E11.9, I10", "J02.9", "R53.83", "K21.9"),
    ),
)


@dataclass
class Course:
    """Patient, provider and insurer of a series of visits."""

    patient: Patient
    provider: Provider
    payer: Payer | None
    secondary: Payer | None
    track: Track
    diagnoses: str = ""


@dataclass
class Cast:
    users: dict[str, User]
    providers: dict[str, Provider]
    payers: dict[str, Payer]
    services: dict[str, Service]
    maya: Patient
    john: Patient
    courses: list[Course] = field(default_factory=list)
    prices: dict[str, list[tuple[datetime.date, Decimal]]] = field(default_factory=dict)
    agreed: dict[tuple[str, str], tuple[datetime.date, Decimal]] = field(default_factory=dict)

    def fee(self, code: str, day: datetime.date, payer: Payer | None = None) -> Decimal:
        """The payer's own where one is agreed by that day, otherwise the clinic's."""
        if payer and (payer.name, code) in self.agreed:
            start, own = self.agreed[payer.name, code]
            if start <= day:
                return own
        return [amount for start, amount in self.prices[code] if start <= day][-1]


def assemble(*, patients: int, today: datetime.date) -> Cast:
    """Make everybody and every price. The same day gives the same people."""
    factory.random.reseed_random(SEED)
    for made in (factories.ProviderFactory, factories.PayerFactory, factories.PatientFactory):
        made.reset_sequence(1)
    rng = Random(SEED)  # noqa: S311  (a clinic, not a key)
    payers = {
        name: factories.PayerFactory.create(name=name, payer_id=payer_id)
        for name, payer_id, _allows, _method in PAYERS
    }
    cast = Cast(
        users={login["username"]: _user(login) for login in LOGINS},
        providers={name: factories.ProviderFactory.create(name=name) for name in PROVIDERS},
        payers=payers,
        services={
            code: factories.ServiceFactory.create(code=code, description=words)
            for code, words, _fee in SERVICES
        },
        maya=factories.PatientFactory.create(
            chart_number="P1001",
            family_name="Okafor",
            given_name="Maya",
            birth_date=datetime.date(1987, 9, 4),
        ),
        john=factories.PatientFactory.create(
            chart_number="P1042",
            family_name="Smith",
            given_name="John",
            birth_date=datetime.date(1968, 3, 2),
        ),
    )
    factories.CoverageFactory.create(
        patient=cast.maya, payer=payers[BLUERIVER], start=datetime.date(today.year - 2, 1, 1)
    )
    _set_prices(cast, today)
    _others(cast, rng, patients - 2, today)
    _families(cast, today)
    return cast


def _user(login: dict[str, Any]) -> User:
    about = {name: value for name, value in login.items() if name != "role"}
    user = factories.UserFactory.create(**about)
    for name, value in about.items():
        setattr(user, name, value)
    user.is_active = True
    if not user.check_password(PASSWORD):  # as it is, sessions that are open stay open
        user.set_password(PASSWORD)
    user.save()
    user.user_permissions.clear()
    user.groups.set(Group.objects.filter(name=login["role"]))
    return user


def _set_prices(cast: Cast, today: datetime.date) -> None:
    """The fees of three years ago, and most of them a little higher since seven months."""
    long_ago = datetime.date(today.year - 3, 1, 1)
    lately = (today.replace(day=1) - datetime.timedelta(days=200)).replace(day=1)
    for code, _words, dollars in SERVICES:
        prices = [(lately, Decimal(dollars).quantize(Decimal("0.01")))]
        if code not in UNCHANGED:
            prices.insert(0, (long_ago, prices[0][1] - max(1, dollars // 20)))
        else:
            prices = [(long_ago, prices[0][1])]
        cast.prices[code] = prices
        for start, amount in prices:
            factories.FeeFactory.create(
                service=cast.services[code], amount=amount, valid_from=start
            )
    for payer, code, dollars in AGREED:
        cast.agreed[payer, code] = (
            today.replace(day=1),
            Decimal(dollars).quantize(Decimal("0.01")),
        )
        start, amount = cast.agreed[payer, code]
        factories.FeeFactory.create(
            service=cast.services[code], payer=cast.payers[payer], amount=amount, valid_from=start
        )


def _others(cast: Cast, rng: Random, number: int, today: datetime.date) -> None:
    """Everybody else. Nobody is called like the people of the stories."""
    names: set[str] = set()
    providers, payers = list(cast.providers.values()), list(cast.payers.values())
    for chart_number in islice(_chart_numbers(), number):
        patient = factories.PatientFactory.build(chart_number=chart_number)
        while patient.name in names:
            patient = factories.PatientFactory.build(chart_number=chart_number)
        names.add(patient.name)
        if rng.random() < 0.2:
            patient.email = ""
        patient.save()
        payer = rng.choice(payers) if rng.random() < 0.74 else None
        secondary = None
        if payer:
            start = today - datetime.timedelta(days=rng.randrange(450, 1400))
            factories.CoverageFactory.create(patient=patient, payer=payer, start=start)
            if rng.random() < 0.1:
                secondary = rng.choice([other for other in payers if other != payer])
                factories.CoverageFactory.create(
                    patient=patient, payer=secondary, rank=2, start=start
                )
        index = rng.randrange(len(providers))
        track = TRACKS[index % len(TRACKS)]
        cast.courses.append(_course(patient, providers[index], payer, secondary, track))
        if rng.random() < 0.15:  # with a second provider too
            index = (index + 1) % len(providers)
            track = TRACKS[index % len(TRACKS)]
            cast.courses.append(_course(patient, providers[index], payer, secondary, track))


def _course(
    patient: Patient,
    provider: Provider,
    payer: Payer | None,
    secondary: Payer | None,
    track: Track,
) -> Course:
    """What somebody comes for follows from their number, so that no other choice changes with it."""
    number = int(patient.chart_number[1:])
    diagnoses = track.diagnoses[number % len(track.diagnoses)]
    return Course(patient, provider, payer, secondary, track, diagnoses)


def _families(cast: Cast, today: datetime.date) -> None:
    """A child whose family name an adult of a parent's age shares lives with them: they pay."""
    everybody = sorted(
        {course.patient for course in cast.courses}, key=lambda patient: patient.chart_number
    )
    for child in everybody:
        if today.year - child.birth_date.year > 17:
            continue
        for adult in everybody:
            apart = child.birth_date.year - adult.birth_date.year
            if adult.family_name == child.family_name and 20 <= apart <= 45:
                child.guarantor, child.phone, child.email = adult, adult.phone, ""
                child.address_line1 = adult.address_line1
                child.save()
                break


def _chart_numbers() -> Iterator[str]:
    return (f"P{number}" for number in count(1002) if number != 1042)
