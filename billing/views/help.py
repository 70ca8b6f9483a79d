"""Help: the keys."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def help_keys(request: HttpRequest) -> HttpResponse:
    """Every key there is, on a page; base.html shows the same part in a dialog."""
    return render(request, "help/keys.html")
