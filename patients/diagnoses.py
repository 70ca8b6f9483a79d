"""Diagnoses of a session: ICD-10-CM codes, as a superbill and a claim need them."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError

MOST_DIAGNOSES = 12  # a claim has room for A to L
CODE = re.compile(r"([A-Z][0-9][0-9A-Z])\.?([0-9A-Z]{0,4})")


def read_diagnoses(typed: str) -> str:
    """The codes typed, in order and each once: "f411; m54.50" becomes "F41.1, M54.50".

    Refused with a sentence: what is no ICD-10 code, and more than a claim has room for.
    """
    codes: dict[str, None] = {}
    for word in re.split(r"[\s,;]+", typed.strip()):
        if not word:
            continue
        code = CODE.fullmatch(word.upper())
        if not code:
            raise ValidationError(
                f"“{word[:20]}” is not an ICD-10 code. Codes look like F41.1 or M54.50."
            )
        category, detail = code.groups()
        codes[f"{category}.{detail}" if detail else category] = None
    if len(codes) > MOST_DIAGNOSES:
        raise ValidationError(
            f"A session has {MOST_DIAGNOSES} diagnoses at most; these are {len(codes)}."
        )
    return ", ".join(codes)
