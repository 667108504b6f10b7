"""The exchange's REST interface, typed."""
