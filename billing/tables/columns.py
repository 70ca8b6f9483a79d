"""Columns that several lists have: who did something, and when."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.contrib.auth.models import AbstractBaseUser

from billing.tables.payments import FOLDED, NUMBER
from billing.wording import full_name


class MomentColumn(tables.DateTimeColumn):
    """When something was entered, to the minute: 14 Nov 2025 10:42."""

    def __init__(self, verbose_name: str, **kwargs: Any) -> None:
        super().__init__(verbose_name=verbose_name, format="d M Y H:i", attrs=NUMBER, **kwargs)


class ByColumn(tables.Column):
    """Who did it, by full name. Folded away on a tablet."""

    def __init__(self, accessor: str = "created_by") -> None:
        super().__init__("By", accessor=accessor, orderable=False, attrs=FOLDED)

    def render(self, value: AbstractBaseUser) -> str:
        return full_name(value)
