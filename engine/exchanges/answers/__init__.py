"""What the exchange answers over REST, and how it looks as JSON."""
