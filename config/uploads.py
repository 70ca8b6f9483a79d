"""What may be sent at all: files are stopped while they come in, not looked at afterwards."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

MEGABYTE = 1_000_000
LARGEST_FILE = 50 * MEGABYTE  # what the largest import takes (billing/imports/source.py)
LARGEST_REQUEST = 200 * MEGABYTE  # all files of a form together


class StopAtLimit(FileUploadHandler):
    """Put before Django's own handlers: keep no more of a file than says that it is too large.

    Django spools whatever is sent to the disk before any form sees it. Here a file's rest is thrown
    away once it is larger than the largest that any form takes; the form then finds it too large
    and says so beside its box. A request that is too large altogether is refused before it is
    read.
    """

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:
        if content_length > LARGEST_REQUEST:
            raise RequestDataTooBig("more than LARGEST_REQUEST")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return raw_data if start <= LARGEST_FILE else None

    def file_complete(self, file_size: int) -> None:
        return None
