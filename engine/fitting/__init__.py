"""Parameters from history, with standard errors."""
