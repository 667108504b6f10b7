"""What `engine backtest` runs, the folder it leaves, and a look inside."""
