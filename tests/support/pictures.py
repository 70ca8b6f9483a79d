"""Small PNG and JPEG files, put together by hand, and their bad relations."""

from __future__ import annotations

import struct
import zlib


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    width: int = 80, height: int = 40, *, extra: bytes = b"", rows: bytes | None = None
) -> bytes:
    """A plain green picture; `extra` are more chunks, `rows` other points than its own."""
    points = rows if rows is not None else (b"\0" + b"\x14\x78\x6e" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(points)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + body


def jpeg(
    width: int = 64, height: int = 64, *, colours: int = 1, frame: int = 0xC0, extra: bytes = b""
) -> bytes:
    """A grey picture of one shade: each block of eight by eight says "as the one before"."""

    def segment(marker: int, body: bytes) -> bytes:
        return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body

    quantities = segment(0xDB, b"\0" + b"\x10" * 64)
    parts = b"".join(bytes((n + 1, 0x11, 0)) for n in range(colours))
    size = segment(frame, struct.pack(">BHHB", 8, height, width, colours) + parts)
    # One code each: "no difference", and "the rest of the block is empty".
    shortest = bytes([1] + [0] * 15) + b"\0"
    codes = segment(0xC4, b"\0" + shortest) + segment(0xC4, b"\x10" + shortest)
    scanned = bytes((colours,)) + b"".join(bytes((n + 1, 0)) for n in range(colours))
    scan = segment(0xDA, scanned + b"\0\x3f\0")
    blocks = ((width + 7) // 8) * ((height + 7) // 8) * colours
    points = b"\0" * ((2 * blocks + 7) // 8)
    head = b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    return head + extra + quantities + size + codes + scan + points + b"\xff\xd9"
