"""The books behind a capture: which are whole, what stands at each level, and where one breaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...book.columns import CLEAR, GAP, LOST, stands_nb
from ...ground.jit import compiled, kept
from ...ground.units import TICKS_PER_DOLLAR
from ..values.text import NULL

KEEP, STALE, BROKEN, NOTHING = range(4)
#: A row that says what stands at a level now; applying it makes it a change.
SET = 4
#: Stands for every subscription: of a gap that is nobody's in particular.
ANY = NULL + 1
_PRICES = TICKS_PER_DOLLAR + 1


class BookState:
    """Follows the books of a capture, block after block; a market is a small number, an unowned one has sid NONE."""

    def __init__(self) -> None:
        self.live = np.zeros(0, np.bool_)
        self.owner = np.zeros(0, np.int64)
        self._epoch = np.zeros(0, np.int64)
        self._ts = np.zeros(0, np.int64)
        self._seq = np.zeros(0, np.int64)
        self._keys = np.full(1024, -1, np.int64)
        self._sizes = np.zeros(1024, np.int64)
        self._epochs = np.zeros(1024, np.int64)

    def grow(self, markets: int) -> None:
        """Make room for markets not seen before."""
        more = markets - self.live.size
        if more > 0:
            self.live = np.concatenate([self.live, np.zeros(more, np.bool_)])
            self.owner, self._ts, self._seq = (
                np.concatenate([old, np.full(more, NULL)]) for old in (self.owner, self._ts, self._seq)
            )
            self._epoch = np.concatenate([self._epoch, np.zeros(more, np.int64)])

    def apply(
        self,
        kind: NDArray[np.int8],
        market: NDArray[np.int64],
        sid: NDArray[np.int64],
        side: NDArray[np.int8],
        price: NDArray[np.int64],
        size: NDArray[np.int64],
        ts: NDArray[np.int64],
        seq: NDArray[np.int64],
    ) -> tuple[NDArray[np.uint8], int]:
        """Apply rows in order: what becomes of each, and how many times were moved forward.

        ``ts`` and ``seq`` are changed in place so that sorting a market's rows by them keeps their order, and the
        ``size`` of a SET row so that it is a change.
        """
        self._reserve(kind.size)
        verdict = np.zeros(kind.size, np.uint8)
        state = (self.live, self.owner, self._epoch, self._ts, self._seq, self._keys, self._sizes, self._epochs)
        moved = _apply_nb(kind, market, sid, side, price, size, ts, seq, *state, verdict)
        return verdict, int(moved)

    def _reserve(self, rows: int) -> None:
        """Keep the table at most half full; levels of older books leave it."""
        markets = np.maximum(self._keys, 0) // (2 * _PRICES)
        held = (self._keys >= 0) & (self._sizes > 0)
        if held.any():
            held[held] = self._epoch[markets[held]] == self._epochs[held]
        capacity = self._keys.size
        while capacity < 2 * (int(held.sum()) + rows):
            capacity *= 2
        keys, sizes, epochs = (
            np.full(capacity, -1, np.int64),
            np.zeros(capacity, np.int64),
            np.zeros(capacity, np.int64),
        )
        _fill_nb(self._keys[held], self._sizes[held], self._epochs[held], keys, sizes, epochs)
        self._keys, self._sizes, self._epochs = keys, sizes, epochs


@compiled
def _slot_nb(keys: NDArray[np.int64], key: int) -> int:
    """Return the slot of a key, or the free one where it belongs; the table's size is a power of two."""
    slot = (key * 0x9E3779B97F4A7C1) & (keys.size - 1)
    while keys[slot] != key and keys[slot] != -1:
        slot = (slot + 1) & (keys.size - 1)
    return slot


@kept()
def _fill_nb(
    given: NDArray[np.int64],
    given_sizes: NDArray[np.int64],
    given_epochs: NDArray[np.int64],
    keys: NDArray[np.int64],
    sizes: NDArray[np.int64],
    epochs: NDArray[np.int64],
) -> None:
    for row in range(given.size):
        slot = _slot_nb(keys, given[row])
        keys[slot], sizes[slot], epochs[slot] = given[row], given_sizes[row], given_epochs[row]


@compiled
def _place_nb(
    market: int, row: int, restart: bool, ts: NDArray[np.int64], seq: NDArray[np.int64],
    last_ts: NDArray[np.int64], last_seq: NDArray[np.int64],
) -> int:  # fmt: skip
    """Keep a market's rows in order of (ts, seq): never back in time, and past it when seq begins again."""
    moved = 0
    if seq[row] == NULL:
        seq[row] = last_seq[market]
    if ts[row] < last_ts[market]:
        ts[row], moved = last_ts[market], 1
    if restart and ts[row] == last_ts[market] and seq[row] < last_seq[market]:
        ts[row] += 1
    last_ts[market], last_seq[market] = ts[row], seq[row]
    return moved


@kept()
def _apply_nb(
    kind: NDArray[np.int8],
    market: NDArray[np.int64],
    sid: NDArray[np.int64],
    side: NDArray[np.int8],
    price: NDArray[np.int64],
    size: NDArray[np.int64],
    ts: NDArray[np.int64],
    seq: NDArray[np.int64],
    live: NDArray[np.bool_],
    owner: NDArray[np.int64],
    epoch: NDArray[np.int64],
    last_ts: NDArray[np.int64],
    last_seq: NDArray[np.int64],
    keys: NDArray[np.int64],
    sizes: NDArray[np.int64],
    epochs: NDArray[np.int64],
    verdict: NDArray[np.uint8],
) -> int:
    moved = 0
    for row in range(kind.size):
        at, what = market[row], kind[row]
        if what == CLEAR:
            live[at], owner[at] = True, sid[row]
            epoch[at] += 1
            moved += _place_nb(at, row, True, ts, seq, last_ts, last_seq)
            continue
        if not live[at] or (owner[at] != sid[row] and sid[row] != ANY):
            verdict[row] = NOTHING if what == GAP else STALE
            continue
        moved += _place_nb(at, row, False, ts, seq, last_ts, last_seq)
        if what == GAP:
            live[at] = False
            continue
        slot = _slot_nb(keys, (at * 2 + (side[row] < 0)) * _PRICES + price[row])
        if keys[slot] == -1:
            keys[slot] = (at * 2 + (side[row] < 0)) * _PRICES + price[row]
        there = sizes[slot] if epochs[slot] == epoch[at] else 0
        stands = stands_nb(True, what, there, size[row])
        if what == SET:
            size[row] -= there
            if size[row] == 0:
                verdict[row] = NOTHING
        if stands == LOST:
            verdict[row], live[at] = BROKEN, False
        else:
            sizes[slot], epochs[slot] = stands, epoch[at]
    return moved
