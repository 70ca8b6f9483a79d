"""Two desks at once, by what they do."""
