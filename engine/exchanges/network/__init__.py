"""How the exchange is reached: sockets, requests, the stream, keys."""
