"""A process whose threads hardly wait for each other: what is decided is sent while the next message is decided on."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator

#: How long a thread that has something to send or has heard something waits for one that computes.
_SWITCH_S = 0.0005


@contextlib.contextmanager
def without_pauses() -> Iterator[None]:
    """Let threads take turns often, and nobody look through everything that was there before for what is unused."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, _SWITCH_S))
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)
