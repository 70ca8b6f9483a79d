"""What a view may count on: the person signed in, and htmx's side of the request."""

from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class DeskRequest(HttpRequest):
    """A request that passed sign-in (LoginRequiredMiddleware) and django-htmx."""

    user: User
    htmx: HtmxDetails
