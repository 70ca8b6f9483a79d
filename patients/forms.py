"""What people type into the patients' screens."""

from django import forms


class PatientSearchForm(forms.Form):
    """The search box: a name, a chart number, a phone number or a date of birth."""

    q = forms.CharField(
        label="Search patients",
        required=False,
        max_length=100,
        widget=forms.TextInput(
            attrs={
                "type": "search",
                "placeholder": "Name, chart number, phone or date of birth",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
        error_messages={"max_length": "Search with 100 characters at most."},
    )
