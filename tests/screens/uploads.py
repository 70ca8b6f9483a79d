"""An administrator with a file in hand: what the import's screen tests start from."""

from __future__ import annotations

from html import unescape
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from billing.models import ImportFile
from config.roles import ADMINISTRATOR, BILLER
from tests.factories import UserFactory

HEAD = "family_name,given_name,birth_date\n"
SMITH = f"{HEAD}Smith,John,1980-05-17\n"


def administrator() -> Client:
    client = Client()
    client.force_login(
        UserFactory(
            username="omar", first_name="Omar", roles=[BILLER, ADMINISTRATOR], is_staff=True
        )
    )
    return client


def upload(client: Client, content: str | bytes, *, kind: str = "patients", **more: Any) -> Any:
    """Post a file to be checked; follows to the page that says what was found."""
    data = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile(more.pop("name", "file.csv"), data, content_type="text/csv")
    return client.post(f"/import/{kind}/", {"file": file}, follow=True, **more)


def waiting() -> ImportFile:
    """The one file that waits to be imported."""
    return ImportFile.objects.waiting().get()


def text(response: Any) -> str:
    """The page as read, of a page that comes in pieces too."""
    content = b"".join(response) if response.streaming else response.content
    return unescape(" ".join(content.decode().split()))
