"""The bytes of a file somebody uploaded, read as a table: encoding, separator, lines.

Nothing is guessed where a guess could change a name. UTF-8 is proved by reading all of it, UTF-16
by its mark at the beginning; Windows-1252 fits almost any bytes, so whoever uploaded the file is
shown what it would read and asked first (`AskEncoding`).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from itertools import islice

MEGABYTE = 1_000_000
LARGEST = 50 * MEGABYTE
MOST_ROWS = 200_000

UTF8, UTF16, WINDOWS = "utf-8-sig", "utf-16", "windows-1252"
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}

# What people rename to .csv, by the first bytes.
NOT_TEXT = {
    b"PK\x03\x04": "This is an Excel file (or a ZIP archive), whatever its name says.",
    b"\xd0\xcf\x11\xe0": "This is an old Excel file, whatever its name says.",
    b"%PDF": "This is a PDF, whatever its name says.",
    b"\x1f\x8b": "This is a compressed file. Unpack it first.",
}
SAVE_AS_CSV = "Open it in the spreadsheet and save it as “CSV UTF-8”."
WEB_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml)", re.IGNORECASE)


class UnreadableError(Exception):
    """The file is no table at all, or stops being one. The text says why, and what to do."""

    def __init__(self, text: str, line: int = 1) -> None:
        super().__init__(text)
        self.line = line


class AskEncoding(Exception):
    """The bytes are not Unicode and might be Windows-1252: a person has to look at the names."""


def encoding_of(data: bytes) -> str:
    """How to decode the bytes. Refused (UnreadableError): what is no text; nothing; too much."""
    if not data.strip(b"\xef\xbb\xbf\xff\xfe\r\n\t \0"):
        raise UnreadableError("This file is empty.")
    if len(data) > LARGEST:
        raise UnreadableError(
            f"This file is larger than {LARGEST // MEGABYTE} MB. Split it and import the parts."
        )
    for start, what in NOT_TEXT.items():
        if data.startswith(start):
            raise UnreadableError(f"{what} {SAVE_AS_CSV}")
    if WEB_PAGE.match(data):
        raise UnreadableError(f"This is a web page, not a table. {SAVE_AS_CSV}")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        if not _decodes(data, UTF16):
            raise UnreadableError(f"This file is damaged: it is not whole UTF-16. {SAVE_AS_CSV}")
        return UTF16
    if b"\0" in data[:4096]:
        raise UnreadableError(f"This is not a text file: it holds NUL characters. {SAVE_AS_CSV}")
    if _decodes(data, UTF8):
        return UTF8
    if _decodes(data, WINDOWS):
        return WINDOWS
    raise UnreadableError(f"This file is neither UTF-8 nor Windows-1252. {SAVE_AS_CSV}")


def _decodes(data: bytes, encoding: str) -> bool:
    """Whether all of it decodes; a part at a time, so that no second copy is held."""
    decoder = codecs.getincrementaldecoder(encoding)()
    view = memoryview(data)
    try:
        for start in range(0, len(view), MEGABYTE):
            decoder.decode(bytes(view[start : start + MEGABYTE]))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def names_in_doubt(data: bytes, most: int = 12) -> list[str]:
    """Lines with letters that Windows-1252 would read, for a person to look at."""
    lines = (line.strip() for line in io.BytesIO(data) if not line.isascii())
    return [line.decode(WINDOWS)[:200] for line in islice(lines, most)]


class Table:
    """The rows of a file, one at a time, each with its line.

    Lines are counted as a spreadsheet numbers its rows: the column names are line 1, an empty
    line counts, and a value with line breaks in it still belongs to one line.
    """

    def __init__(self, data: bytes, encoding: str, known: Callable[[str], str | None]) -> None:
        """`known` says which column a heading means, or None."""
        self._text = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
        self.separator = self._separator(known)
        self._text.seek(0)
        self._rows = self._numbered()
        self.headings = self._read_headings()
        self.rows = 0

    def _separator(self, known: Callable[[str], str | None]) -> str:
        """The one by which the first line falls into most of the columns we know."""
        start = self._text.read(65_536).lstrip("\r\n")

        def fits(separator: str) -> tuple[int, int]:
            try:
                headings = next(csv.reader(io.StringIO(start, newline=""), delimiter=separator))
            except (csv.Error, StopIteration):
                return 0, 0
            return sum(1 for each in headings if known(each)), len(headings)

        return max(SEPARATORS, key=fits)

    def _read_headings(self) -> list[str]:
        for _line, values in self._rows:
            return [value.strip() for value in values]
        raise UnreadableError("This file is empty.")

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Line and values of every row that is not empty."""
        for line, values in self._rows:
            self.rows += 1
            if self.rows > MOST_ROWS:
                raise UnreadableError(
                    f"This file has more than {MOST_ROWS:,} lines. Split it and import the parts.",
                    line,
                )
            yield line, values

    def _numbered(self) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(self._text, delimiter=self.separator, strict=True)
        line = 0
        while True:
            line += 1
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise UnreadableError(_what(error), line) from error
            if any(value.strip() for value in values):
                yield line, values


def _what(error: csv.Error) -> str:
    """In words for somebody with the file in front of them."""
    said = str(error)
    if "unexpected end" in said or "field limit" in said:
        return "A quotation mark is opened here and never closed. Nothing after it could be read."
    return (
        "A quotation mark stands in the wrong place here: inside a quoted value it is written"
        " twice. Nothing after it could be read."
    )
