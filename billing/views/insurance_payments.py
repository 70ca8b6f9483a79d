from django.http import HttpRequest, HttpResponse


def insurance_payment_list(request: HttpRequest) -> HttpResponse:
    return HttpResponse("to be written")


def insurance_payment_new(request: HttpRequest) -> HttpResponse:
    return HttpResponse("to be written")


def insurance_payment_detail(request: HttpRequest, number: str) -> HttpResponse:
    return HttpResponse("to be written")
