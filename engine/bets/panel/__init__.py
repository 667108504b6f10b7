"""Time by market: what betting knows, bar by bar."""
