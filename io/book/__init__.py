"""What a row does to an order book."""
