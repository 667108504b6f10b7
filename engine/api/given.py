"""What calls of the face are given in several forms, in one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...io.store.store import Store


def listed(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return names as a tuple: of one, of several, or of none."""
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def opened(store: Store | str | Path) -> Store:
    """Return a store from its place."""
    return store if isinstance(store, Store) else Store(store)
