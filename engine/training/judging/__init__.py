"""Judging: what a trained model is worth, what it leans on, and what has moved."""
