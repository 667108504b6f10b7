"""What the page shows, a file a kind of result: each view is a function that gives columns."""
