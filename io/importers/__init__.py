"""Readers of the formats that people have: each turns a file into chunks of store rows."""
