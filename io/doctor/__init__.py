"""What is wrong with stored history, and what it costs."""
