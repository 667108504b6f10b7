"""Damage for tests: one byte of one file at a time, anywhere, to any other value."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path


def flips(files: Sequence[Path], count: int, seed: int = 0) -> Iterator[Path]:
    """Change a byte of one of the files, give the file, and put it right again; large files are hit more often."""
    dice = random.Random(seed)
    sizes = [path.stat().st_size for path in files]
    for _ in range(count):
        (path,) = dice.choices(files, sizes)
        whole = path.read_bytes()
        place, value = dice.randrange(len(whole)), dice.randrange(1, 256)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ value]) + whole[place + 1 :])
        yield path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(whole)
