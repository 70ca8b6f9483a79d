from django.http import HttpRequest, HttpResponse


def help_keys(request: HttpRequest) -> HttpResponse:
    return HttpResponse("to be written")
