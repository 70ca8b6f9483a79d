from django.http import HttpRequest, HttpResponse


def invoice_detail(request: HttpRequest, number: str) -> HttpResponse:
    return HttpResponse("to be written")
