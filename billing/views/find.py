from django.http import HttpRequest, HttpResponse


def find_payers(request: HttpRequest) -> HttpResponse:
    return HttpResponse("to be written")


def find_patients(request: HttpRequest) -> HttpResponse:
    return HttpResponse("to be written")
