"""Importing this makes a process warm; the server of warmed.py does, once."""

from .warmed import warm

warm()
