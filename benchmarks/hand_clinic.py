"""The clinic that `benchmarks.hand` types in, in the database of the environment."""

from __future__ import annotations

import os
import sys


def main(rows: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.contrib.auth import get_user_model

    from tests.factories import PayerFactory, ProviderFactory
    from tests.factories.bills import many_sessions

    by = get_user_model().objects.create_superuser("hand", password="remit-demo")
    payer = PayerFactory(name="Bench Health", payer_id="60001")
    many_sessions(patients=rows // 10, each=10, payer=payer, provider=ProviderFactory(), by=by)


if __name__ == "__main__":
    main(int(sys.argv[1]))
