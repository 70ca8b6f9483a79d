"""docs/asvs.toml as the table of docs/asvs.md: `python -m tests.house.asvs > docs/asvs.md`."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs/asvs.md"

# Of OWASP ASVS 5.0.0, what of level 2 applies here: chapter.section -> numbers.
LEVEL_2 = {
    "1.1": "1 2",
    "1.2": "1 2 3 4 5 9",
    "1.3": "2 3 7 10",
    "1.4": "2",
    "1.5": "1 2",
    "2.1": "1 2 3",
    "2.2": "1 2 3",
    "2.3": "1 2 3 4",
    "2.4": "1",
    "3.2": "1 2",
    "3.3": "1 2 3 4",
    "3.4": "1 2 3 4 5 6",
    "3.5": "1 3",
    "3.7": "1",
    "4.1": "1 2 3",
    "4.2": "1",
    "5.1": "1",
    "5.2": "1 2 3",
    "5.3": "1 2",
    "5.4": "1 2",
    "6.1": "1 2",
    "6.2": "1 2 3 4 5 6 7 8 9 10 11 12",
    "6.3": "1 2 3 4",
    "6.4": "1 2 3",
    "6.5": "1 2 3 4 5",
    "7.1": "1 2",
    "7.2": "1 2 3 4",
    "7.3": "1 2",
    "7.4": "1 2 3 4 5",
    "7.5": "1 2",
    "8.1": "1 2",
    "8.2": "1 2 3",
    "8.3": "1",
    "8.4": "1",
    "11.1": "1 2",
    "11.2": "1 2 3",
    "11.4": "1 2 3",
    "11.5": "1",
    "12.1": "1 2",
    "12.2": "1 2",
    "12.3": "1 2 4",
    "13.1": "1",
    "13.2": "2 3 4 5",
    "13.3": "1 2",
    "13.4": "1 2 3 4 5",
    "14.1": "1 2",
    "14.2": "1 2 3 4",
    "14.3": "1 2 3",
    "15.1": "1 2 3",
    "15.2": "1 2 3",
    "15.3": "1 3 4 5 6 7",
    "16.1": "1",
    "16.2": "1 2 3 4 5",
    "16.3": "1 2 3 4",
    "16.4": "1 2 3",
    "16.5": "1 2 3",
}
LEVEL_3 = {"1.2.10", "2.3.5", "5.2.4", "5.3.3", "15.4.2", "16.5.4"}

CHAPTERS = {
    1: "Encoding and sanitization",
    2: "Validation and business logic",
    3: "The browser",
    4: "HTTP",
    5: "Files",
    6: "Signing in",
    7: "Sessions",
    8: "Who may do what",
    11: "Cryptography",
    12: "Transport",
    13: "Configuration",
    14: "Data",
    15: "Code and packages",
    16: "Records and errors",
}
HOW = {
    "test": "shown by tests",
    "code": "in the code",
    "document": "written down",
    "deployer": "whoever runs the server",
    "open": "**open**",
}


@dataclass(frozen=True)
class Requirement:
    id: str
    asks: str
    met: str
    kind: str
    tests: Sequence[str]

    @property
    def place(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.id.split("."))


def requirements() -> list[Requirement]:
    data = tomllib.loads((ROOT / "docs/asvs.toml").read_text("utf-8"))
    return [Requirement(**each) for each in data["requirement"]]


def level_2() -> set[str]:
    return {
        f"{section}.{number}" for section, numbers in LEVEL_2.items() for number in numbers.split()
    }


def table(rows: Sequence[Requirement]) -> str:
    """The whole of docs/asvs.md."""
    counts = ", ".join(
        f"{sum(row.kind == kind for row in rows)} {words.strip('*')}"
        for kind, words in HOW.items()
        if any(row.kind == kind for row in rows)
    )
    named = sum(bool(row.tests) for row in rows)
    lines = [
        "# OWASP ASVS 5.0, level 2",
        "",
        "What the Application Security Verification Standard 5.0.0 asks for at level 2, as far as it",
        f"applies here ({len(level_2())} requirements), and {len(LEVEL_3)} of level 3 that are this",
        "product's heart. In our own words; the standard has the exact ones. What does not apply is",
        "left out: tokens, OAuth, WebRTC, LDAP, GraphQL, WebSockets, mail, calls to other services.",
        "",
        f"{counts}. {named} name at least one test. Made of asvs.toml by",
        "`python -m tests.house.asvs`; a test checks that both say the same and every test is there.",
    ]
    chapter = 0
    for row in sorted(rows, key=lambda row: row.place):
        if row.place[0] != chapter:
            chapter = row.place[0]
            lines += ["", f"## V{chapter} {CHAPTERS[chapter]}", ""]
            lines += ["| | asks for | here | how | tests |", "|---|---|---|---|---|"]
        tests = "<br>".join(f"`{_short(test)}`" for test in row.tests)
        lines.append(f"| {row.id} | {row.asks} | {row.met} | {HOW[row.kind]} | {tests} |")
    return "\n".join(lines) + "\n"


def _short(test: str) -> str:
    return test.removeprefix("tests/").replace(".py::test_", " ")


if __name__ == "__main__":
    sys.stdout.write(table(requirements()))
