"""The map of the patients' screens."""

from django.urls import path

from patients import views

app_name = "patients"

urlpatterns = [
    path("patients/", views.patient_list, name="patient_list"),
    path("patients/<str:chart>/", views.patient_detail, name="patient_detail"),
]
