"""The portfolio: entries, orders that rest, money, exits."""
