from django.http import HttpRequest, HttpResponse


def patient_account(request: HttpRequest, chart: str) -> HttpResponse:
    return HttpResponse("to be written")
