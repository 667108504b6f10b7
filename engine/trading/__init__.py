"""Trading for real, on paper or in the shadow: many markets, a journal first, and the same decisions made again."""
