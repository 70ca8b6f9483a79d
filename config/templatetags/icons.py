"""`{% lucide "name" size=16 %}`, each icon drawn once: the package copies an XML tree every time."""

from functools import lru_cache

from django import template
from lucide.templatetags.lucide import lucide as draw

register = template.Library()
lucide = register.simple_tag(lru_cache(maxsize=512)(draw), name="lucide")
