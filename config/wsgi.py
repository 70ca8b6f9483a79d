"""The entry point for gunicorn: `gunicorn -c python:config.gunicorn config.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

from billing import guards  # noqa: E402  (models are loaded only now)

guards.require_installed()
