"""Captures of exchanges' streams."""
