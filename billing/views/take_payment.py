from django.http import HttpRequest, HttpResponse


def payment_new(request: HttpRequest, chart: str) -> HttpResponse:
    return HttpResponse("to be written")
