"""Around a session's heart: sources of an underlying's prices, the choice of markets, and word to people."""
