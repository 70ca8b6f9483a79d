"""The audit trail: who looked at whom, who was refused, what signing in left, what was changed."""
