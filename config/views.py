"""The pages that belong to no app."""

import sys
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.views import LogoutView
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse, HttpResponseServerError, JsonResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template import loader
from django.urls import reverse_lazy
from django.views.decorators.http import require_http_methods, require_safe

from config.models import SignIn
from config.out_of_reach import out_of_reach, why_out_of_reach
from config.sessions import seconds_left
from config.tracing import reference

# A tick on a bill. Browsers ask for /favicon.ico on pages
# that name no icon (the admin's); a 404 there would hide real errors in the console.
FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
    '<rect x="3" y="1" width="18" height="22" rx="3" fill="#2c4fbf"/>'
    '<path d="M7.5 12.5l3 3 6-7" fill="none" stroke="#fff" stroke-width="2.5"/></svg>'
)


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. (No database: a load balancer must not drop every desk's server
    because of one slow query.)"""
    return HttpResponse("ok", content_type="text/plain; charset=utf-8")


@require_safe
@login_not_required
def favicon(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        FAVICON,
        content_type="image/svg+xml",
        headers={"Cache-Control": "public, max-age=86400"},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def session(request: HttpRequest) -> JsonResponse:
    """How long this sign-in lasts; a POST says that somebody is at the desk, which prolongs it.

    For `static/js/session.js`. `token` is for forms of a page that was open while its reader
    signed in again elsewhere; `user` says whether that was the same reader.
    """
    left, whole = seconds_left(request.session)
    return JsonResponse(
        {
            "left": left,
            "whole": whole,
            "user": str(request.user.pk),
            "token": get_token(request),
        }
    )


class SetPassword(PasswordResetConfirmView):
    """Where the link leads that an administrator hands over: a password is set, once.

    It signs nobody in. Whoever sets it signs in with it, and shows a second factor as always.
    """

    template_name = "account/password_set.html"
    success_url = reverse_lazy("account_login")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, "Your password is set. Sign in with it.")
        return super().form_valid(form)


@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required
def sign_ins(request: HttpRequest) -> HttpResponse:
    """Where one is signed in, and signing out everywhere but here."""
    mine = SignIn.objects.of([request.user]).standing()
    here = request.session.session_key
    if request.method == "POST":
        others = mine.exclude(pk=here)
        ended = others.count()
        others.delete()
        places = "1 other place" if ended == 1 else f"{ended} other places"
        messages.success(request, f"Signed out in {places}.")
        return redirect("account_sign_ins")
    context = {"sign_ins": mine.order_by("-expire_date"), "here": here}
    return render(request, "account/sign_ins.html", context)


class SignOut(LogoutView):
    """Sign out, and have the browser forget the pages it keeps for its Back button."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        if not request.user.is_authenticated:
            response["Clear-Site-Data"] = '"cache"'
        return response


def server_error(request: HttpRequest) -> HttpResponse:
    """The 500 page, or the 503 page where the error was the database being away."""
    why = why_out_of_reach(sys.exc_info()[1])
    if why:
        return out_of_reach(request, why)
    page = loader.get_template("500.html").render({"reference": reference()})
    return HttpResponseServerError(page)
