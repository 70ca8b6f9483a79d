"""One request, which is repeated by the line it is written as."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from urllib.parse import urlencode

from tests.drills.fuzz.typed import FORM, MULTIPART, Pairs


@dataclass
class Asked:
    """One request, by somebody; as JSON it is the line with which it is repeated."""

    who: str
    method: str
    path: str
    query: Pairs = field(default_factory=list)
    fields: Pairs = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = FORM
    body: str | None = None  # instead of the fields, as latin-1
    files: Pairs = field(default_factory=list)  # (name, content as latin-1)
    token: bool = True  # whether it has a CSRF token, or is a browser that looks for one

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, line: str) -> Asked:
        given = json.loads(line)
        for name in ("query", "fields", "files"):
            given[name] = [tuple(pair) for pair in given[name]]
        return cls(**given)

    def content(self) -> tuple[str, bytes]:
        """(content type, body)"""
        if self.body is not None:
            return self.kind, self.body.encode("latin-1")
        if self.files or self.kind == MULTIPART:
            return f"{MULTIPART}; boundary=zq-b", b"".join([*self._parts(), b"--zq-b--\r\n"])
        return FORM, urlencode(self.fields).encode()

    def _parts(self) -> Iterator[bytes]:
        head = b'--zq-b\r\nContent-Disposition: form-data; name="%s"'
        for name, value in self.fields:
            yield head % _quoted(name) + b"\r\n\r\n" + value.encode() + b"\r\n"
        for name, content in self.files:
            yield head % _quoted(name) + b'; filename="zq.835"\r\n\r\n'
            yield content.encode("latin-1") + b"\r\n"


def _quoted(name: str) -> bytes:
    return re.sub(r'["\r\n]', "%22", name).encode()
