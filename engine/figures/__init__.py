"""Figures about money over time, and how much of them to believe."""
