"""Bets across markets: what is known bar by bar, the portfolio and its money."""
