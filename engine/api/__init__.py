"""What the public face offers: runs and results, the store and the exchange. The command line calls exactly these."""
