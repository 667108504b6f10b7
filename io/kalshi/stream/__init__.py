"""The exchange's stream, and books kept from it."""
