"""Pictures, pages and what is said at the end."""
