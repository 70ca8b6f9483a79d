"""Patients, providers, payers and who works at the desk."""

import datetime
from typing import Any

import factory
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.utils import timezone

from config.roles import BILLER, ROLES, rights_of
from patients.models import Coverage, Patient, Payer, Provider, Session


class UserFactory(factory.django.DjangoModelFactory[Any]):
    """Somebody at the desk; one and the same person unless a test names another.

    A biller, who does all the desk's work, unless a test says which roles they have.
    """

    class Meta:
        model = get_user_model()
        django_get_or_create = ("username",)
        skip_postgeneration_save = True

    username = "ana"
    first_name = "Ana"

    @factory.post_generation
    def roles(self: Any, create: bool, names: Any, **kwargs: Any) -> None:
        if names is not None or not self.groups.exists():
            self.groups.set(Group.objects.filter(name__in=[BILLER] if names is None else names))


def give(user: Any, *roles: str) -> None:
    """Give somebody more roles; what they may do is asked anew from then on."""
    user.groups.add(*Group.objects.filter(name__in=roles))
    user.__dict__.pop("_rights", None)


class OwnerFactory(UserFactory):
    """The same person where the clinic is small: somebody who has every role.

    Their rights are known, as those of whoever sends a request are before a verb asks for one.
    """

    @factory.post_generation
    def roles(self: Any, create: bool, names: Any, **kwargs: Any) -> None:
        self.groups.set(Group.objects.filter(name__in=ROLES))
        rights_of(self)


class PatientFactory(factory.django.DjangoModelFactory[Patient]):
    """A patient with the next chart number."""

    class Meta:
        model = Patient

    family_name = factory.Sequence(lambda n: f"Sample{n}")
    given_name = "Robin"
    birth_date = datetime.date(1980, 5, 17)


class ProviderFactory(factory.django.DjangoModelFactory[Provider]):
    class Meta:
        model = Provider
        django_get_or_create = ("name",)

    name = factory.Sequence(lambda n: f"Dr Number{n}")


class PayerFactory(factory.django.DjangoModelFactory[Payer]):
    class Meta:
        model = Payer
        django_get_or_create = ("name",)

    name = factory.Sequence(lambda n: f"Payer {n}")
    payer_id = factory.Sequence(lambda n: f"{60000 + n}")


class CoverageFactory(factory.django.DjangoModelFactory[Coverage]):
    class Meta:
        model = Coverage

    patient = factory.SubFactory(PatientFactory)
    payer = factory.SubFactory(PayerFactory)
    member_id = factory.Sequence(lambda n: f"M{n:06d}")
    rank = 1


class SessionFactory(factory.django.DjangoModelFactory[Session]):
    class Meta:
        model = Session

    patient = factory.SubFactory(PatientFactory)
    provider = factory.SubFactory(ProviderFactory)
    date = factory.LazyFunction(timezone.localdate)
