"""Which markets a session trades, chosen anew while it runs."""
