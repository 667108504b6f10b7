"""The compiled walk: what is read here is copied, with the model's quote, and compiled."""
