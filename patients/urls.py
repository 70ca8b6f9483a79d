"""The map of the patients' screens."""

from django.urls import path

from patients import views

app_name = "patients"

urlpatterns = [
    path("search/", views.search, name="search"),
    path("patients/", views.patient_list, name="patient_list"),
    path("patients/new/", views.patient_new, name="patient_new"),
    path("patients/<str:chart>/", views.patient_detail, name="patient_detail"),
    path("patients/<str:chart>/edit/", views.patient_edit, name="patient_edit"),
    path("patients/<str:chart>/coverages/new/", views.coverage_new, name="coverage_new"),
    path("patients/<str:chart>/coverages/<int:pk>/", views.coverage_edit, name="coverage_edit"),
]
