from django.http import HttpRequest, HttpResponse


def patient_credit(request: HttpRequest, chart: str) -> HttpResponse:
    return HttpResponse("to be written")


def credit_allocation(request: HttpRequest) -> HttpResponse:
    return HttpResponse("to be written")
