"""From what is wanted to what rests: requests, their answers, and whether the exchange agrees."""
