"""Signals: named columns that a quoting model declares and reads as ``known.signals.NAME``."""
