"""Numba, made quick for kernels: what it would do over and over, and steps that change nothing in them."""
