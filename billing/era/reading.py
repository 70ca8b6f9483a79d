"""Bytes of an uploaded file → text → interchanges → segments.

The only module that knows how X12 is written down, and the only one that knows `oxedi`, which
splits an interchange into segments (`_split`). Its tables leave out modifiers, the procedure that
was billed and corrected names, so only its segments are used.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import oxedi

from billing.era import refusals
from billing.era.refusals import FileRefused, Finding

LIMIT = 20 * 1024 * 1024  # bytes
PIECE = 256 * 1024  # characters that are split into segments at a time
ISA_LENGTH = 106
ISA_WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1)  # ISA01 to ISA15

_CONTROL = bytes(range(0x21)) + b"\x7f"  # blanks and everything below, NUL and Ctrl-Z too
_BETWEEN = re.compile(r"[\x00-\x20\x7f\ufeff]*")
_NEXT_SEGMENT = re.compile(r"[^A-Za-z0-9\s]GS$")  # the end of an ISA with too few fields
_LINE_ENDS = str.maketrans("", "", "\r\n")


class Segment(NamedTuple):
    """One segment: its id and its elements; `at(1)` of a CLP is CLP01."""

    id: str
    elements: tuple[str, ...]

    def at(self, position: int) -> str:
        """An element without its blanks; "" when the segment ends before it."""
        if position > len(self.elements):
            return ""
        return self.elements[position - 1].strip()


@dataclass(frozen=True, slots=True)
class Separators:
    """What the ISA says stands between things. No element we read is ever repeated."""

    element: str
    component: str
    segment: str


@dataclass(frozen=True, slots=True)
class Interchange:
    """ISA to IEA, or as far as the file goes."""

    control: str  # ISA13
    sender: str  # ISA06
    test: bool  # ISA15
    separators: Separators
    warnings: tuple[Finding, ...]
    text: str
    closed: bool  # its IEA is there
    followed: bool  # by another ISA, if it is not closed

    def segments(self) -> Iterator[Segment]:
        return _split(self.text, self.separators)


# ---------------------------------------------------------------------------- bytes to text

_NOT_TEXT = {
    b"PK\x03\x04": ("it is a ZIP archive", "Unpack it and upload the .835 file inside."),
    b"\x1f\x8b": ("it is a gzip archive", "Unpack it and upload the .835 file inside."),
    b"7z\xbc\xaf": ("it is a 7z archive", "Unpack it and upload the .835 file inside."),
    b"\x89PNG": ("it is a PNG picture", "Upload the .835 file of the payer."),
    b"\xff\xd8\xff": ("it is a JPEG picture", "Upload the .835 file of the payer."),
    b"GIF8": ("it is a GIF picture", "Upload the .835 file of the payer."),
    b"\xd0\xcf\x11\xe0": ("it is an Office document", "Upload the .835 file of the payer."),
}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode(data: bytes) -> tuple[str, tuple[Finding, ...]]:
    """The text of a file that begins with ISA, and what is worth a warning about it."""
    if len(data) > LIMIT:
        raise FileRefused(refusals.too_large(len(data), LIMIT))
    if data.startswith(_UTF16):
        raise FileRefused(refusals.utf16())
    warnings = []
    body = data.strip(_CONTROL)
    if body.startswith(codecs.BOM_UTF8):
        warnings.append(refusals.byte_order_mark())
        body = body[len(codecs.BOM_UTF8) :].strip(_CONTROL)
    if not body:
        raise FileRefused(refusals.empty())
    _refuse_binary(data, body)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        warnings.append(refusals.windows_text())
        text = body.decode("cp1252", "replace")
    if not text.startswith("ISA"):
        raise FileRefused(refusals.not_an_era(_looks_like(body, text)))
    return text, tuple(warnings)


def _refuse_binary(data: bytes, body: bytes) -> None:
    for magic, (what, do) in _NOT_TEXT.items():
        if data.startswith(magic) or body.startswith(magic):
            raise FileRefused(refusals.not_text(what, do))
    if body.startswith((b"I\0S\0A", *_UTF16)):
        raise FileRefused(refusals.utf16())
    if body.startswith(b"%PDF"):
        return  # it may well hold NULs, but "a PDF" says more
    for strange, name in ((b"\0", "NUL byte"), *((mark, "UTF-16 mark") for mark in _UTF16)):
        place = body.find(strange)
        if place >= 0:
            place += data.find(body)
            raise FileRefused(
                refusals.not_text(
                    f"it has a {name} at {place}", "Download it again, or ask for the original."
                )
            )


def _looks_like(body: bytes, text: str) -> str:
    start = text[:200].lower()
    first_line = text[:500].splitlines()[0]
    if start.startswith(("<!doctype html", "<html")):
        return "It looks like a web page. Log in to the payer's site and download it again."
    if start.startswith("<"):
        return "It looks like an XML file."
    if start.startswith("%pdf"):
        return "It looks like a PDF. Ask the payer for the 835 file; a PDF cannot be imported."
    if start.startswith("{\\rtf"):
        return "It looks like a Word document."
    if start.startswith(("{", "[")):
        return "It looks like JSON."
    if body.startswith(b"\xc9\xe2\xc1"):
        return "It looks like EBCDIC, the text of a mainframe. Ask for it as plain text."
    if start.startswith("isa"):
        return "It begins with small letters, so it was changed. Ask for the original."
    if re.match(r"(GS|ST)[^A-Za-z0-9\s]", text):
        return f"It begins with {text[:2]}: the envelope around it is missing. Ask for all of it."
    if any(mark in first_line for mark in ",;\t"):
        return "It looks like a spreadsheet saved as text (CSV)."
    return f"It begins with {refusals.quoted(text, 20)}."


# ---------------------------------------------------------------------------- interchanges


def interchanges(text: str) -> Iterator[Interchange]:
    """Every ISA…IEA of a text, in order; a file may hold several."""
    position = 0
    while position < len(text):
        if not text.startswith("ISA", position):
            raise FileRefused(
                refusals.not_an_era(
                    f"After its closing segment IEA this one goes on with"
                    f" {refusals.quoted(text[position : position + 60], 20)}."
                    " Ask for the original."
                )
            )
        interchange, end = _interchange(text, position)
        yield interchange
        if not interchange.closed:
            return  # what follows an interchange that was cut cannot be trusted
        position = _skip_blanks(text, end)


def _interchange(text: str, start: int) -> tuple[Interchange, int]:
    separators, fields = _separators(text, start)
    end, closed, followed = _end(text, start, separators)
    body = text[start:end]
    if separators.segment not in "\r\n":
        body = body.translate(_LINE_ENDS)  # decoration, or wrapped at 80 columns
    wrong = [
        f"ISA{number:02d} has {len(field)} instead of {width}"
        for number, (field, width) in enumerate(zip(fields, ISA_WIDTHS, strict=True), 1)
        if len(field) != width
    ]
    return Interchange(
        control=fields[12].strip(),
        sender=fields[5].strip(),
        test=fields[14].strip() == "T",
        separators=separators,
        warnings=(refusals.widths(wrong),) if wrong else (),
        text=body,
        closed=closed,
        followed=followed,
    ), end


def _separators(text: str, start: int) -> tuple[Separators, list[str]]:
    """What the ISA names, and its fields ISA01 to ISA15.

    The ISA may be wrapped itself, and the character after ISA16 may be a line end that separates
    segments or one that only wraps: it separates if the next segment's name follows at once.
    """
    head = text[start : start + 1000]
    flat = head.translate(_LINE_ENDS)
    if len(flat) < ISA_LENGTH:
        raise FileRefused(refusals.isa_cut(len(flat)))
    element = flat[3:4]
    _possible(element, "element")
    parts = flat.split(element, 16)
    into_next = (field for field, part in enumerate(parts[:16]) if _NEXT_SEGMENT.search(part))
    fields = next(into_next, len(parts) - 1)
    if fields < 16:
        raise FileRefused(refusals.isa_fields(fields))
    component, after = parts[16][:1], parts[16][1:3]
    _possible(component, "component")
    segment = after[:1]
    if after.isupper() and after.isalpha() and (wrap := _line_end_after(head, element)):
        segment = wrap
    if not segment:
        raise FileRefused(refusals.isa_cut(len(flat)))
    if segment not in "\r\n":
        _possible(segment, "segment")
    for one, other in ((element, component), (element, segment), (component, segment)):
        if one == other:
            raise FileRefused(
                refusals.impossible_separator(one, "element, component or segment", "twice")
            )
    return Separators(element, component, segment), parts[1:16]


def _line_end_after(head: str, element: str) -> str:
    """The line end right after ISA16, if there is one."""
    last = head.split(element, 16)[16].lstrip("\r\n")
    return last[1] if last[1:2] in ("\r", "\n") else ""


def _possible(separator: str, what: str) -> None:
    if separator.isalpha():
        why = "a letter cannot be one"
    elif separator.isalnum():
        why = "a digit cannot be one"
    elif not separator or separator in " \t\v\f\xa0":  # not isspace: 1C to 1F are separators
        why = "a blank cannot be one"
    elif not separator.isascii():
        why = "only a plain character can be one"
    else:
        return
    raise FileRefused(refusals.impossible_separator(separator, what, why))


def _end(text: str, start: int, separators: Separators) -> tuple[int, bool, bool]:
    """Where the interchange ends, whether its IEA is there, and whether an ISA came instead."""
    element, segment = re.escape(separators.element), re.escape(separators.segment)
    edge = re.compile(
        rf"(?<=[{segment}\s\x00])"
        rf"(?:(?P<closing>{_across_lines('IEA')}{element}[^{segment}]*)"
        rf"|{_across_lines('ISA')}{element})"
    )
    for found in edge.finditer(text, start + 3):
        if not _begins_segment(text, found.start(), separators.segment):
            continue  # words inside an element
        if found["closing"] is None:
            return found.start(), False, True
        return found.end(), True, False
    return len(text), False, False


def _begins_segment(text: str, place: int, separator: str) -> bool:
    """Only blanks lie between the separator and here. (In a regular expression, a long run of
    them would be looked at again from each of its ends.)"""
    while (
        place
        and text[place - 1] != separator
        and (text[place - 1].isspace() or not ord(text[place - 1]))
    ):
        place -= 1
    return place > 0 and text[place - 1] == separator


def _across_lines(name: str) -> str:
    """A segment's name in a file wrapped at 80 columns may stand on two lines."""
    return r"[\r\n]*".join(name) + r"[\r\n]*"


def _skip_blanks(text: str, position: int) -> int:
    """Past the segment separator of an IEA and whatever blank follows it."""
    between = _BETWEEN.match(text, min(position + 1, len(text)))
    return between.end() if between else position


# ---------------------------------------------------------------------------- segments


def _split(text: str, separators: Separators) -> Iterator[Segment]:
    """The segments of one interchange; empty ones are none. Another splitter goes here.

    Piece by piece, each with the ISA in front that `oxedi` wants to see: it works out tables and
    findings we do not use, and on a file made to be a burden they would fill the memory.
    """
    delimiters = oxedi.Delimiters(
        separators.element.encode(), separators.component.encode(), separators.segment.encode()
    )
    isa = text[: text.find(separators.segment) + 1]
    start = 0
    while start < len(text):
        edge = text.find(separators.segment, start + PIECE)
        end = len(text) if edge < 0 else edge + 1
        piece = (isa if start else "") + text[start:end]
        try:
            document = oxedi.parse(piece.encode(), delimiters=delimiters).document
        except oxedi.ParseError:
            what = "its segments cannot be told apart"
            raise FileRefused(refusals.not_text(what, refusals.AGAIN)) from None
        for position in range(1 if start else 0, len(document)):
            segment = document[position].raw.decode().strip().removesuffix(separators.segment)
            if segment.strip():
                name, *elements = segment.split(separators.element)
                yield Segment(name.strip(), tuple(elements))
        start = end
