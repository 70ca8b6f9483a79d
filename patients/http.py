"""What a view may count on: the person signed in, and htmx's side of the request."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails


class DeskRequest(HttpRequest):
    """A request that passed sign-in (LoginRequiredMiddleware) and django-htmx."""

    user: User
    htmx: HtmxDetails


Transaction = Callable[[str, HttpRequest], AbstractContextManager[None]]
_transaction: Transaction = lambda name, request: transaction.atomic()  # noqa: E731


def write_in(of: Transaction) -> None:
    """Tell in what transaction a view writes: the books, which patients know nothing of, seal it."""
    global _transaction
    _transaction = of


def atomic_post(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """What a POST reads, locks and writes is one transaction; looking at the page takes no lock."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with _transaction(view.__name__.replace("_", " "), request):
            return view(request, *args, **kwargs)

    return answer


def go_on(request: DeskRequest, url: str) -> HttpResponse:
    """To the next page, from a page or from a dialog on one alike."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
