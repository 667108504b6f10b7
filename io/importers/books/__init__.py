"""Books from recordings: what an event does to one, its levels, and the rows that the store keeps of it."""
