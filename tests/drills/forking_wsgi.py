"""Remit as it is, loaded once before the workers are forked: a killed one is replaced in a moment."""

from config.wsgi import application

__all__ = ["application"]

from django.db import connection

connection.close()
if connection.vendor == "postgresql":
    connection.close_pool()  # a pool of connections is nothing to share between processes
