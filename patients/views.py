from django.http import HttpRequest, HttpResponse


def patient_list(request: HttpRequest) -> HttpResponse:
    return HttpResponse("to be written")


def patient_detail(request: HttpRequest, chart: str) -> HttpResponse:
    return HttpResponse("to be written")
