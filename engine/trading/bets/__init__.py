"""Sessions that hold bets by a pipeline instead of quoting."""
