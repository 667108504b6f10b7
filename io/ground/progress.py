"""How long work tells whoever waits for it how far it is."""

from __future__ import annotations

from collections.abc import Callable

#: Called with what is done and how much there is in all, as often as the work likes.
Progress = Callable[[int, int], None]


def silent(done: int, of: int) -> None:
    """Tell nobody."""
