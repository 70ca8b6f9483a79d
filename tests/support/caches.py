"""What the program remembers between requests."""

from django.core.cache import caches


def forget_everything() -> None:
    """No test sees another one's counts, nor its failed log-ins."""
    for name in caches.settings:
        caches[name].clear()
