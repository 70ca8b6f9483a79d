"""A picture somebody uploaded -> the same picture and nothing else, or why it is refused.

What a file is, its bytes say, not its name and not what the browser says of it. It is put together
anew from the parts that make the picture, so that no text, no place where a photograph was taken
and no second file behind the picture is kept, or served to anybody.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

LARGEST = 200 * 1024  # bytes: printed in every document, and 2,000 statements hold it ten at a time
SMALLEST_SIDE, LONGEST_SIDE = 32, 2000  # pixels
LONGEST_SHAPE = 8  # times as long as high; beyond that nothing of it can be read on paper

TOO_LARGE = f"The file is larger than {LARGEST // 1024} KB. Save the logo smaller."

PNG, JPEG = "image/png", "image/jpeg"


class NoPicture(ValueError):
    """The file cannot be a logo. The text may be shown to who uploaded it."""


@dataclass(frozen=True)
class Picture:
    """A PNG or a JPEG, stripped to what is drawn."""

    content: bytes
    content_type: str
    width: int
    height: int

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def read(data: bytes) -> Picture:
    """The picture in an uploaded file."""
    if len(data) > LARGEST:
        raise NoPicture(TOO_LARGE)
    if data.startswith(PNG_SIGNATURE):
        picture = _png(data)
    elif data.startswith(b"\xff\xd8\xff"):
        picture = _jpeg(data)
    else:
        raise NoPicture(_what_it_is(data))
    _check_size(picture.width, picture.height)
    return picture


def _what_it_is(data: bytes) -> str:
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not data:
        return "The file is empty."
    if head.startswith((b"<svg", b"<?xml", b"<!doctype svg")) or b"<svg" in head:
        return "SVG files can carry programs, so they are not taken. Save the logo as PNG."
    return "This is neither a PNG nor a JPEG. Save the logo as one of these."


def _check_size(width: int, height: int) -> None:
    if not (SMALLEST_SIDE <= width <= LONGEST_SIDE and SMALLEST_SIDE <= height <= LONGEST_SIDE):
        raise NoPicture(
            f"The picture is {width:,} \u00d7 {height:,} pixels. Each side has to have from"
            f" {SMALLEST_SIDE} to {LONGEST_SIDE:,}."
        )
    if width > LONGEST_SHAPE * height or height > LONGEST_SHAPE * width:
        raise NoPicture("The picture is too long and narrow to be read on a letterhead.")


BROKEN = "The picture is broken or cut off. Save it anew and upload that."

# ---------------------------------------------------------------------------- PNG

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What the picture is made of. Texts, times, colour profiles and moving parts are left out.
DRAWN = (b"IHDR", b"PLTE", b"tRNS", b"sRGB", b"gAMA", b"IDAT", b"IEND")
# Samples a pixel, and which depths the format allows, by its kind of colour.
COLOURS = {0: (1, (1, 2, 4, 8, 16)), 2: (3, (8, 16)), 3: (1, (1, 2, 4, 8)), 4: (2, (8, 16)), 6: (4, (8, 16))}  # fmt: skip


def _png(data: bytes) -> Picture:
    chunks = list(_chunks(data))
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise NoPicture(BROKEN)
    width, height, depth, colour, packing, filtering, interlaced = struct.unpack(
        ">IIBBBBB", chunks[0][1]
    )
    samples, depths = COLOURS.get(colour, (0, ()))
    if depth not in depths or packing or filtering or interlaced > 1:
        raise NoPicture(BROKEN)
    _check_size(width, height)  # before anything is unpacked by it
    bits = samples * depth
    if interlaced:
        # Every eighth, fourth, second … point of it, as Adam7 takes them.
        passes = ((8, 8, 0, 0), (8, 8, 4, 0), (4, 8, 0, 4), (4, 4, 2, 0), (2, 4, 0, 2), (2, 2, 1, 0), (1, 2, 0, 1))  # fmt: skip
        sizes = [
            ((width - x + dx - 1) // dx, (height - y + dy - 1) // dy) for dx, dy, x, y in passes
        ]
    else:
        sizes = [(width, height)]
    unpacked = sum(rows * (1 + (bits * columns + 7) // 8) for columns, rows in sizes if columns)
    _check_packed(b"".join(body for name, body in chunks if name == b"IDAT"), unpacked)
    kept = b"".join(_chunk(name, body) for name, body in chunks if name in DRAWN)
    return Picture(PNG_SIGNATURE + kept, PNG, width, height)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The parts of a PNG up to its end; what follows that is not part of it."""
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        if at + 12 + length > len(data):
            break
        if zlib.crc32(name + body) != struct.unpack_from(">I", data, at + 8 + length)[0]:
            break
        yield name, body
        if name == b"IEND":
            return
        at += 12 + length
    raise NoPicture(BROKEN)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _check_packed(packed: bytes, size: int) -> None:
    """That it unpacks to the points its head promises: no fewer, and no gigabytes."""
    unpacker = zlib.decompressobj()
    try:
        got = len(unpacker.decompress(packed, size + 1))
    except zlib.error as error:
        raise NoPicture(BROKEN) from error
    if got != size:
        raise NoPicture(BROKEN)


# ---------------------------------------------------------------------------- JPEG

START, END, SCAN = 0xD8, 0xD9, 0xDA
FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive: what browsers and PDF readers draw
OTHER_FRAMES = (0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
TABLES = (0xC4, 0xDB, 0xDD)
# JFIF's head, and which colours Adobe's programs mean. Exif, with its places and thumbnails, goes.
HEADS = (0xE0, 0xEE)


def _jpeg(data: bytes) -> Picture:
    kept, at, size = [data[:2]], 2, None
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 4 > len(data) and data[at : at + 2] != b"\xff\xd9":
            raise NoPicture(BROKEN)
        if data[at] != 0xFF:
            raise NoPicture(BROKEN)
        marker = data[at + 1]
        if marker == END:
            kept.append(b"\xff\xd9")
            break
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if length < 2 or at + 2 + length > len(data) or marker in OTHER_FRAMES:
            raise NoPicture(BROKEN)
        if marker in FRAMES:
            if size is not None:
                raise NoPicture(BROKEN)
            size = _frame(body)
        if marker in (SCAN, *FRAMES, *TABLES, *HEADS):
            kept.append(data[at : at + 2 + length])
        at += 2 + length
        if marker == SCAN:
            end = _end_of_scan(data, at)
            kept.append(data[at:end])
            at = end
    if size is None or not any(part[1] == SCAN for part in kept if part[0] == 0xFF):
        raise NoPicture(BROKEN)
    return Picture(b"".join(kept), JPEG, *size)


def _frame(body: bytes) -> tuple[int, int]:
    """Width and height; grey or coloured for screens."""
    if len(body) < 6 or body[0] != 8 or len(body) != 6 + 3 * body[5]:
        raise NoPicture(BROKEN)
    if body[5] not in (1, 3):
        raise NoPicture("The picture is made for a printing press (CMYK). Save it as RGB.")
    height, width = struct.unpack_from(">HH", body, 1)
    _check_size(width, height)
    return width, height


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the points of a scan end: at the next marker that is not one of their own."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise NoPicture(BROKEN)
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2
