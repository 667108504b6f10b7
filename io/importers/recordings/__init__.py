"""Other recordings of books."""
