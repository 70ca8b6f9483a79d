"""The forms of a page, read as a browser reads them: what each would send if it were sent now."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

TYPED = {"text", "search", "date", "number", "email", "tel", ""}


@dataclass
class PageForm:
    """One form: `sent` is what it sends as it came, `typed` the boxes one can type into."""

    action: str
    method: str
    target: str = ""  # where htmx puts the answer
    sent: dict[str, list[str]] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def put(self, name: str, value: str) -> None:
        self.sent.setdefault(name, []).append(value)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self.by_id: dict[str, PageForm] = {}
        self.open: PageForm | None = None
        self.select = ""
        self.area = ""
        self.outside: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.open = PageForm(
                given.get("action", ""),
                given.get("method", "get").lower(),
                given.get("hx-target", "").lstrip("#"),
            )
            self.forms.append(self.open)
            self.by_id[given.get("id", "")] = self.open
        elif "form" in given and tag in ("input", "button", "select", "textarea"):
            self.outside.append((tag, given))
        elif self.open:
            self.control(self.open, tag, given)

    def control(self, form: PageForm, tag: str, given: dict[str, str]) -> None:
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "option" and self.select:
            form.choices[self.select].append(value)
            if "selected" in given:
                form.sent[self.select] = [value]
        elif not name or "disabled" in given:
            return
        elif tag == "select":
            self.select = name
            form.choices[name] = []
        elif tag == "textarea":
            form.typed.append(name)
            form.put(name, "")
        elif tag == "button":
            form.buttons.append((name, value))
        elif tag == "input":
            self.input(form, given.get("type", ""), name, given)

    def input(self, form: PageForm, kind: str, name: str, given: dict[str, str]) -> None:
        value = given.get("value", "")
        if kind == "file":
            form.files.append(name)
        elif kind in ("checkbox", "radio"):
            form.choices.setdefault(name, []).append(value or "on")
            if "checked" in given:
                form.put(name, value or "on")
        elif kind in ("submit", "image", "button"):
            form.buttons.append((name, value))
        else:
            form.put(name, value)
            if kind in TYPED:
                form.typed.append(name)

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            if self.open and self.select:
                choices = self.open.choices[self.select]
                self.open.sent.setdefault(self.select, choices[:1])
            self.select = ""
        elif tag == "form":
            self.open = None


def forms_of(html: str) -> list[PageForm]:
    """Every form of a page, with the controls that stand elsewhere but name it."""
    reader = _Reader()
    reader.feed(html)
    for tag, given in reader.outside:
        if form := reader.by_id.get(given["form"]):
            reader.control(form, tag, given)
    return reader.forms
