"""The local page: results to look at, replays to travel through, on this machine alone."""
