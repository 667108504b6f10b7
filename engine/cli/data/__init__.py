"""The commands `engine data …`."""
