"""Where what can be made again is kept: kernels, tapes, the browser's drawing library."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_dir() -> Path:
    """TOUCHLINE_CACHE, the user's cache folder, or a temporary one if neither is writable."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    chosen = Path(os.environ.get("TOUCHLINE_CACHE") or Path(home) / "touchline")
    for folder in (chosen, Path(tempfile.gettempdir()) / f"touchline-{os.getuid()}"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError:
            continue
        return folder
    return Path(tempfile.mkdtemp(prefix="touchline-"))
