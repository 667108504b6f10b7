"""What the figures of a result are called, their units and what they mean: for screen, page and notebook."""
