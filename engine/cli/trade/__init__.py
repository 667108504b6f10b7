"""The commands of trading sessions."""
