"""Random numbers that are a function of what they are for, so that they do not depend on what else is drawn.

``venue`` and ``latency`` draw Poisson fills and delays from them before a kernel walks; a kernel draws nothing.
"""

from __future__ import annotations

import zlib

import numpy as np

from ..state import F64, I64

_STEP = np.uint64(0x9E3779B97F4A7C15)


def uniform_draws(seed: int, name: str, ts: I64) -> F64:
    """Numbers from 0 to 1, a row a side and a column a time, each a hash of seed, name, side and time.

    >>> few, more = (uniform_draws(1, "A", np.array(ts)) for ts in ([5, 6], [5, 6, 7]))
    >>> bool((few == more[:, :2]).all())
    True
    """
    key = _mixed(np.array([seed], np.uint64) + _mixed(np.array([zlib.crc32(name.encode())], np.uint64)))
    sides = _mixed(key + np.arange(2, dtype=np.uint64))
    drawn = _mixed(sides[:, None] ^ _mixed(ts.astype(np.uint64))[None, :])
    return (drawn >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(x: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64: every bit of the answer depends on every bit of ``x``."""
    z = x * _STEP + _STEP
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
