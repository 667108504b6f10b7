"""The version of the engine, as results record it."""

__version__ = "0.1.0"
