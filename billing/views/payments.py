from django.http import HttpRequest, HttpResponse


def payment_list(request: HttpRequest) -> HttpResponse:
    return HttpResponse("to be written")


def payment_detail(request: HttpRequest, number: str) -> HttpResponse:
    return HttpResponse("to be written")


def payment_reverse(request: HttpRequest, number: str) -> HttpResponse:
    return HttpResponse("to be written")


def payment_void(request: HttpRequest, number: str) -> HttpResponse:
    return HttpResponse("to be written")


def payment_unpay(request: HttpRequest, number: str) -> HttpResponse:
    return HttpResponse("to be written")
