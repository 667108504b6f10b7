"""Recording without losing a message."""
