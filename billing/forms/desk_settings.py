"""What people set for themselves."""

from __future__ import annotations

from django import forms


class LetterKeysForm(forms.Form):
    """Letters as commands, on or off."""

    letter_keys = forms.BooleanField(
        label="Letter keys in amount boxes",
        help_text=(
            "P, O, W, D, R and U fill and undo while an amount box has the focus. Turn them off if"
            " you speak to your computer or press keys by accident: the buttons do the same."
        ),
        required=False,
    )
    letter_keys.widget.attrs |= {
        "class": "form-check-input",
        "aria-describedby": "letters-hint",
    }
