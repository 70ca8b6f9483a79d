"""Administrators' pages about people: who may sign in, what they may do, and who did."""

from config.admin import people, roles, sign_ins

__all__ = ["people", "roles", "sign_ins"]
