"""A model's signals along a tape or a stream: the compiled walk, the columns it writes, and where they are kept."""
