"""Files to import, as texts: checked, and brought in."""

from __future__ import annotations

from billing.imports.kinds import KINDS
from billing.imports.running import Run, check_file, import_file, run_of
from billing.models import ImportFile
from tests.factories import OwnerFactory


def as_bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def check(kind: str, content: str | bytes, *, confirmed: str = "") -> Run:
    """The file, checked to its end."""
    run = Run(KINDS[kind], as_bytes(content), confirmed=confirmed)
    for _step in run.check():
        pass
    return run


def problems(kind: str, content: str | bytes) -> list[str]:
    return [str(each) for each in check(kind, content).report.first_problems]


def warnings(kind: str, content: str | bytes) -> list[str]:
    return [str(each) for each in check(kind, content).report.first_warnings]


def kept(kind: str, content: str | bytes) -> ImportFile:
    """The file as an upload leaves it, checked."""
    file = ImportFile.objects.keep(
        by=OwnerFactory(), kind=kind, name="file.csv", data=as_bytes(content)
    )
    for _step in check_file(file, run_of(file)):
        pass
    return file


def bring(kind: str, content: str | bytes) -> ImportFile:
    """The file, imported."""
    file = kept(kind, content)
    for _step in import_file(file, run_of(file), OwnerFactory()):
        pass
    return file
