"""The house rules every request passes."""

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError

from billing.models.clinic import forget_shown
from config.out_of_reach import out_of_reach, why_out_of_reach

GetResponse = Callable[[HttpRequest], HttpResponse]

FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
# us-ascii is UTF-8 too; some clients say it.
UTF8_NAMES = {"", "utf-8", "utf8", "us-ascii"}


class StrictFormEncoding:
    """Answer a form that cannot be read with a plain 400, before anything reads it.

    Django 5.2 raises BadRequest for `charset=utf-16`, and raises it again inside its own 400 and
    500 pages, so the request ends as a bare 500 with a long traceback in the log. It also guesses
    at bytes that are not UTF-8: a patient's name must never be a guess.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            problem = self.problem(request)
        except RequestDataTooBig:
            return _plain("This is more than a form may send at once. Send less.", status=413)
        if problem:
            return _plain(problem, status=400)
        return self.get_response(request)

    def problem(self, request: HttpRequest) -> str | None:
        # PostgreSQL cannot hold a NUL, so looking one up would be an error of ours. (In a posted
        # field the form says so beside the field.)
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return "This address holds a NUL character."
        if request.method != "POST" or request.content_type not in FORMS:
            return None
        if (request.content_params or {}).get("charset", "").lower() not in UTF8_NAMES:
            return "Forms must be sent as UTF-8."
        request.encoding = "utf-8"  # Django knows it by this spelling only
        try:
            if request.content_type == "multipart/form-data":
                # Parsing replaces what it cannot decode. Nobody types this character.
                if any("\N{REPLACEMENT CHARACTER}" in v for vs in _values(request) for v in vs):
                    return "Forms must be sent as UTF-8."
            else:
                unquote_to_bytes(request.body).decode("utf-8")
                _values(request)
        except UnicodeDecodeError:
            return "Forms must be sent as UTF-8."
        except RequestDataTooBig:
            raise
        except (BadRequest, MultiPartParserError, SuspiciousOperation):
            return "This form could not be read: it is broken or too large."
        return None


def _plain(text: str, *, status: int) -> HttpResponse:
    return HttpResponse(text + "\n", status=status, content_type="text/plain; charset=utf-8")


def _values(request: HttpRequest) -> list[list[str]]:
    return [values for _, values in request.POST.lists()]


class SettingsOnce:
    """The clinic's settings are looked up once a request: what the last one knew is forgotten."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        forget_shown()
        return self.get_response(request)


class DatabaseAway:
    """503 with Retry-After, not 500, when a view finds the database away, busy or full.

    (`config.views.server_error` does the same for errors outside a view, such as reading the
    session.)
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        why = why_out_of_reach(error)
        return out_of_reach(request, why) if why else None


class NoStore:
    """Keep pages out of every cache: after log-out, Back must not show a patient.

    All pages, not only those of signed-in people: the log-in form carries a token that is
    useless later, and asking who it is would cost a session read on /healthz. What may be cached
    (static files, the icon) says so itself.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store, private")
        return response
