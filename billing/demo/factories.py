"""People, insurers, services and bills of the demo clinic. All names are invented.

Every choice comes from factory_boy's own random numbers, so that the same seed makes the same
clinic. Money rows have no factory: they come from the ledger's verbs only.
"""

import datetime

import factory
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from factory.fuzzy import FuzzyChoice, FuzzyDate

from billing.models import Fee, Invoice, InvoiceLine, Service
from patients.models import Coverage, Patient, Payer, Provider, Session
from patients.npi import check_digit

FAMILY_NAMES = (  # noqa: SIM905  (in rows, to be read)
    "Abrams Adeyemi Alder Almeida Andersen Aoki Arslan Ashdown Baptiste Barlow Becker Bello "
    "Benitez Bergstrom Bhatt Birch Bishara Blakely Bogdan Boone Brandt Brecker Brightwater Bui "
    "Calloway Cardoso Castell Chaudhry Chidester Cho Clearwater Coleridge Corrigan Cosgrove "
    "Cruz Dahl Dalgaard Daoud Delacroix Demir Diallo Dominguez Dubois Dunmore Eckhart Ekström "
    "Eliasson Escobar Eze Fairbanks Farouk Fenwick Ferro Figueroa Fitzroy Forde Franks Fujita "
    "Gallo Ganesh Garrick Gedeon Glover Goldstein Grant Greenhalgh Guerrero Gunn Haas Hale "
    "Hamdan Harrow Hasan Hawthorne Heller Hoang Holloway Hossain Ibarra Idris Ilyin Imanov "
    "Inoue Ito Iwu Jacoby Jansen Jaramillo Joshi Juhl Kamara Kapoor Karlsen Kaya Keating Kimura "
    "Kinsella Kovács Kruger Laghari Lambert Larkin Leclerc Li Lindgren Locke Lomax Luna Macleod "
    "Madani Maier Malone Marchetti Mbeki Meadows Mehta Mendel Merrick Mori Moss Mwangi Nadir "
    "Nakata Narayan Navarro Ndiaye Nedved Newbury Nkosi Norling Novotny O'Brannigan Obi Ochoa "
    "Odum Olander Ortega Osman Ovalle Pacheco Paget Palmer Pascoe Pereira Petrov Phan Pinto "
    "Pollard Popescu Prescott Quigley Quiroz Rahimi Ramsey Rasmussen Redfern Renard Rhodes "
    "Rivas Rojas Rosen Rourke Saito Salazar Sandoval Santos Sato Schell Selby Serrano Shapiro "
    "Sharif Silva Singh Skov Solberg Sorenson Stavros Stroud Suzuki Szabo Takeda Tanaka Tavares "
    "Thackeray Thorne Tilly Toussaint Tran Treadwell Ueda Ulrich Underhill Urbina Vance Varga "
    "Vega Verhoeven Villar Voss Waldron Wanjiru Weaver Weir Wexford Whitlock Winslow Wolff "
    "Xiong Yamada Yates Yilmaz Yoon Zamora Zapata Zeller Zhou Zielinski Garcia-Lund Lopez-Hart "
    "de_la_Fuente van_der_Meer"
).split()
GIVEN_NAMES = (  # noqa: SIM905  (in rows, to be read)
    "Abel Ada Adrian Agnes Aisha Alba Alec Amara Amir Ana Andre Anika Anton Arlo Astrid Aurelia "
    "Axel Beatriz Benno Bianca Bruno Callum Camila Cecily Chidi Clara Cyrus Dalia Dario Delia "
    "Desmond Dina Dorian Edda Elias Elin Elsa Emeka Enzo Erik Esme Eva Ezra Fadi Farah Felix "
    "Fiona Flora Franz Freya Gemma Gideon Greta Gustav Hana Hector Helga Hiro Hugo Ida Ilse "
    "Imran Ines Ingrid Iris Ivan Jada Jamal Jana Joel Jonas Josef Juno Kai Karim Katya Kenji "
    "Kira Lars Layla Lena Leo Lila Linus Lior Lucia Luisa Mabel Magnus Malik Marcus Marek "
    "Mariam Mateo Mei Mila Mina Mona Nadia Naomi Nico Nils Nina Noor Odette Olga Omar Opal "
    "Oscar Otto Paloma Pavel Pia Piet Priya Quinn Rafael Rana Ravi Remy Rhea Rita Rosa Rufus "
    "Ruth Sadie Salma Samir Sana Selma Simon Sonia Sora Stella Sven Tala Tariq Tess Theo Tilda "
    "Tomas Uma Vera Victor Viola Walid Wanda Wen Willa Xavier Yara Yusuf Zara Zeno Zoe"
).split()


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = get_user_model()
        django_get_or_create = ("username",)


class ProviderFactory(factory.django.DjangoModelFactory[Provider]):
    class Meta:
        model = Provider

    # No clinician's number begins with 9, so these are nobody's.
    npi = factory.Sequence(lambda n: f"9{n:08d}{check_digit(f'9{n:08d}')}")


class PayerFactory(factory.django.DjangoModelFactory[Payer]):
    class Meta:
        model = Payer

    phone = factory.Sequence(lambda n: f"(555) 555-01{n % 100:02d}")


STREETS = (
    "Harbour Street",
    "Mill Lane",
    "Orchard Road",
    "Quay Street",
    "Chapel Hill",
    "Elm Avenue",
)


class PatientFactory(factory.django.DjangoModelFactory[Patient]):
    class Meta:
        model = Patient

    given_name = FuzzyChoice(GIVEN_NAMES)
    family_name = factory.LazyAttribute(lambda patient: patient.family_word.replace("_", " "))
    birth_date = FuzzyDate(datetime.date(1938, 1, 1), datetime.date(2017, 12, 31))
    # 555-01xx is set aside for invented people, and .example for invented addresses.
    phone = factory.Sequence(lambda n: f"(555) 555-01{n * 37 % 100:02d}")
    email = factory.LazyAttribute(
        lambda patient: f"{patient.given_name}.{patient.chart_number}@mail.example".lower()
    )
    # A town that is on no map.
    address_line1 = factory.Sequence(lambda n: f"{n * 7 % 180 + 1} {STREETS[n % len(STREETS)]}")
    city = "Port Ellery"
    state = "ME"
    postal_code = "04000"

    class Params:
        family_word = FuzzyChoice(FAMILY_NAMES)


class CoverageFactory(factory.django.DjangoModelFactory[Coverage]):
    class Meta:
        model = Coverage

    member_id = factory.LazyAttribute(
        lambda policy: (
            f"{policy.payer.name[:2].upper()}{policy.patient.chart_number[1:]}"
            f"{policy.rank}{policy.patient.birth_date:%m%d}"
        )
    )
    rank = 1


class ServiceFactory(factory.django.DjangoModelFactory[Service]):
    class Meta:
        model = Service


class FeeFactory(factory.django.DjangoModelFactory[Fee]):
    class Meta:
        model = Fee


class SessionFactory(factory.django.DjangoModelFactory[Session]):
    class Meta:
        model = Session


class InvoiceFactory(factory.django.DjangoModelFactory[Invoice]):
    """A draft; it counts once ledger.issue_invoice gives it its number."""

    class Meta:
        model = Invoice


class InvoiceLineFactory(factory.django.DjangoModelFactory[InvoiceLine]):
    """A line of a draft, with everything that follows from its session and its service."""

    class Meta:
        model = InvoiceLine

    patient = factory.SelfAttribute("session.patient")
    provider = factory.SelfAttribute("session.provider")
    service_date = factory.SelfAttribute("session.date")
    code = factory.SelfAttribute("service.code")
    description = factory.SelfAttribute("service.description")
