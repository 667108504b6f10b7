"""Sweeps: which cells share a block, threads over blocks, parts that survive a kill."""
