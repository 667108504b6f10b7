"""Plain tables."""
