"""The same decisions on a stream: its messages as events, the quote as orders."""
