"""What a model was trained by: one hash of the code that decides what is learned."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from ..kinds.kind import Kind

_ENGINE = Path(__file__).resolve().parent.parent.parent
_HERE = ("learning/*.py", "kinds/*.py")


@cache
def _own_hash() -> str:
    made = hashlib.sha256()
    for pattern in _HERE:
        for path in sorted((_ENGINE / "training").glob(pattern)):
            made.update(path.read_bytes())
    made.update((_ENGINE / "bets" / "training.py").read_bytes())
    return made.hexdigest()[:16]


def code_hash(kind: Kind) -> str:
    """Return the hash of what trains a kind of model; a user's own file counts with it."""
    return hashlib.sha256(f"{_own_hash()} {kind.source}".encode()).hexdigest()[:16]
