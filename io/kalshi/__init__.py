"""Kalshi: signing, REST, streams, downloads and the recorder."""
