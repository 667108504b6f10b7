"""What is known: indicators as Polars expressions, each with a plain definition and a test vector."""
