"""Help: the keys, and the words."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from billing.forms.desk_settings import LetterKeysForm
from billing.models import DeskSettings, uses_letter_keys
from patients.http import DeskRequest


@require_http_methods(["GET", "HEAD", "POST"])
def help_keys(request: DeskRequest) -> HttpResponse:
    """Every key there is, on a page; base.html shows the same part in a dialog.

    Here each person says whether letters are commands in amount boxes (WCAG 2.1.4).
    """
    if request.method == "POST":
        form = LetterKeysForm(request.POST)
        if form.is_valid():  # a box is ticked or not: there is nothing to refuse
            DeskSettings.objects.update_or_create(user=request.user, defaults=form.cleaned_data)
            state = "on" if form.cleaned_data["letter_keys"] else "off"
            messages.success(request, f"Letter keys in amount boxes are {state}.")
        return redirect("billing:help_keys")
    form = LetterKeysForm(initial={"letter_keys": uses_letter_keys(request.user)})
    return render(request, "help/keys.html", {"form": form})


# By what they are about; the texts are in templates/help/_word.html.
WORDS = (
    ("Money that waits", "unallocated credit negative net"),
    ("Paying lines", "allocate unpay cover over"),
    ("Undoing and moving", "reverse delete refund transfer"),
    ("Insurers", "writeoff takeback adjustment"),
)


@require_safe
def help_words(request: DeskRequest) -> HttpResponse:
    """What the words of money mean at the desk."""
    return render(request, "help/words.html", {"groups": WORDS})
