"""Money in the administration: to look at and to look up. It is moved on the screens, by verbs.

Rows that verbs write are read only here, each with a link to the screen that can act. What an
office sets up itself (fees, letterhead, numbers, rules of an insurer) is changed here.
"""

from billing.admin import books, clinic, documents, insurers, money, settings

__all__ = ["books", "clinic", "documents", "insurers", "money", "settings"]
