"""The local page as one call: what `engine ui` does, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...io.ground.errors import InputError
from ...strategies.own_file import Trust
from .folders import Folders
from .opening import OpenResults
from .server import Page


def ui(
    folders: str | Path | Sequence[str | Path] = (), *, store: str | Sequence[str] = (), port: int = 0,
    trust: Trust = (),
) -> Page:  # fmt: skip
    """Open a page on this machine over folders of results; it serves in the background while its context lasts.

    Args:
        folders: Where to look for results and stores, at any depth; the folder ``results`` unless given.
        store: More stores to look into; also where a result's store is now, if it is elsewhere.
        port: The page's port; 0 is any free one.
        trust: Files of code that results name and that may run when a replay is looked into.

    Returns:
        The page, a context manager: ``url`` is the address to open.

    Example:
        >>> from touchline import engine
        >>> with engine.ui("results") as page:  # doctest: +SKIP
        ...     page.url.startswith("http://127.0.0.1:")
        True
    """
    if not 0 <= port <= 65_535:
        raise InputError(f"port must be from 0 to 65535, not {port}")
    named = [folders] if isinstance(folders, str | Path) else list(folders)
    roots = [Path(one) for one in named or ["results"]]
    for root in roots:
        if not root.expanduser().is_dir():
            raise InputError(f"{root} is no folder; name one that holds results, such as results/demo")
    stores = [store] if isinstance(store, str) else list(store)
    return Page(OpenResults(Folders(roots, stores), trust), port)
