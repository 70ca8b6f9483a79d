"""From a document's texts to its PDF, by Typst.

The same texts give the same bytes: the typeface comes in a package, no clock and no font of the
machine has a say. The PDF is tagged (PDF/UA-1), so that a screen reader can read it out.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import font_source_sans_pro
import typst
from pypdf import PdfWriter

from billing.models import Logo
from billing.pictures import Picture

LAYOUT = 1
TEMPLATES = Path(__file__).parent / "templates"

# So many documents are set in one go. Typst keeps what it set lately in memory, some megabytes a
# page: a thousand at once would take more than 2 GB. By tens it stays under 500 MB and is as fast.
SHEAF = 10

Data = dict[str, Any]


@cache
def fonts() -> typst.Fonts:
    """The documents' own typeface, read once a process; none of the machine's."""
    files = Path(font_source_sans_pro.__file__).parent / "files"
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(files)]
    )


@cache
def all_fonts() -> typst.Fonts:
    """For a name in a script the typeface does not have, such as Chinese: whatever the machine
    has. Where it has nothing either, the name shows as boxes; a document is printed all the same."""
    files = Path(font_source_sans_pro.__file__).parent / "files"
    return typst.Fonts(font_paths=[str(files)])


def render(kind: str, documents: Sequence[Data], *, layout: int = LAYOUT) -> bytes:
    """One PDF of documents of one kind, each with page numbers of its own."""
    pdf, _warnings = render_with_warnings(kind, documents, layout=layout)
    return pdf


def render_with_warnings(
    kind: str, documents: Sequence[Data], *, layout: int = LAYOUT
) -> tuple[bytes, list[str]]:
    """As render, with what Typst complains about: tests let nothing pass."""
    try:
        return _compile(kind, documents, layout, font_paths=fonts(), pdf_standards="ua-1")
    except typst.TypstError as error:
        if NO_GLYPH not in str(error):
            raise
        return _compile(kind, documents, layout, font_paths=all_fonts())


NO_GLYPH = "could not be displayed with font"


def _compile(
    kind: str, documents: Sequence[Data], layout: int, **how: Any
) -> tuple[bytes, list[str]]:
    folder = TEMPLATES / str(layout)
    pdf, warnings = typst.compile_with_warnings(
        str(folder / f"{kind}.typ"),
        root=str(folder),
        sys_inputs={"data": json.dumps(documents), "logos": json.dumps(_logos(documents))},
        **how,
    )
    return pdf, [str(warning.message) for warning in warnings]


# Points: room for a logo at the left of a letterhead.
LOGO_WIDTH, LOGO_HEIGHT = 120, 46


def _logos(documents: Sequence[Data]) -> dict[str, Data]:
    """The pictures these documents' letterheads name, byte by byte: Typst reads no base64."""
    named = {each["clinic"]["logo"] for each in documents if "logo" in each["clinic"]}
    if not named:
        return {}
    found = Logo.objects.filter(digest__in=named)
    return {logo.digest: _logo(logo) for logo in found}


def _logo(logo: Logo) -> Data:
    width, height = LOGO_HEIGHT * logo.width // logo.height, LOGO_HEIGHT
    if width > LOGO_WIDTH:
        width, height = LOGO_WIDTH, LOGO_WIDTH * logo.height // logo.width
    return {"content": list(bytes(logo.content)), "width": width, "height": height}


def can_draw(picture: Picture) -> bool:
    """Whether the picture can be printed: it is tried, as no description of a file is its picture."""
    page = b"#image(bytes(json(bytes(sys.inputs.logo))), height: 1cm)"
    try:
        typst.compile(page, sys_inputs={"logo": json.dumps(list(picture.content))})
    except typst.TypstError:
        return False
    return True


class Bundle:
    """Many documents as one PDF, made sheaf by sheaf, so that memory stays small.

    Made for the printer. The joined file has no tags; each document by itself has them.
    """

    def __init__(self) -> None:
        self.writer = PdfWriter()

    def add(self, kind: str, documents: Iterable[tuple[int, Data]]) -> Iterator[int]:
        """Set documents, given with their layouts; says after each sheaf how many it held."""
        waiting = iter(documents)
        while sheaf := list(islice(waiting, SHEAF)):
            for layout in sorted({layout for layout, _data in sheaf}):
                same = [data for its, data in sheaf if its == layout]
                self.writer.append(io.BytesIO(render(kind, same, layout=layout)))
            yield len(sheaf)

    def pdf(self) -> bytes:
        out = io.BytesIO()
        self.writer.write(out)
        return out.getvalue()
