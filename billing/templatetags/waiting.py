"""The way on from a receipt whose money waits, for templates."""

from __future__ import annotations

from typing import Any

from django import template

from billing import waiting

register = template.Library()


@register.simple_tag(takes_context=True)
def way_on(context: Any, receipt: Any) -> dict[str, str]:
    """`{% way_on payment as way %}`: the one button, way.label and way.url."""
    label, url = waiting.way_on(receipt, context["request"].user)
    return {"label": label, "url": url}
