"""One market's order book over a day: makers around a fair value, takers who know nothing, takers who know more.

Times are milliseconds, prices grid indices inside and ticks outside, sizes lots. A fair value is in micros of a
dollar (1,000,000 is certain). Random numbers come from a small generator of its own, so that a seed gives the same
day under every version of numpy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..ground.grids import grid_levels
from ..ground.jit import Cells, compiled, kept

DELTA, TRADE = 0, 1
_BID, _ASK = 0, 1
_DEPTH = 12  # levels a side of an opening book
_SWEEP = 400  # ticks that one taker goes through at most
_LAG = 300  # ms from a new fair value to the makers' new quotes


class SampleMarket(NamedTuple):
    """What a market's process needs besides its fair value."""

    grid: str
    close_ms: int  # counted from the start of the fair value, where the recording begins
    frames: int  # rows to expect
    stride: int  # grid steps between a maker's levels
    ahead: int  # seconds that informed takers see into the future
    pause: tuple[int, int]  # ms between which the exchange has paused the market; equal: never


class SampleRows(NamedTuple):
    """What happened, in order: a trade is followed at once by the change of the level it took from."""

    ms: NDArray[np.int64]
    kind: NDArray[np.int8]
    side: NDArray[np.int8]  # Side: of the level, or of the taker
    price: NDArray[np.int32]
    size: NDArray[np.int64]


class _Book(NamedTuple):
    size: Cells  # (2, levels)
    best: Cells  # grid index of the best bid and ask


class _Out(NamedTuple):
    ms: Cells
    kind: Cells
    side: Cells
    price: Cells
    size: Cells
    state: Cells  # rows written, time of the last


def simulate(
    market: SampleMarket, fair: NDArray[np.int64], half: NDArray[np.int64], seed: int
) -> tuple[SampleRows, SampleRows]:
    """Return the opening book and what happened after it.

    ``fair`` and ``half`` (the makers' half spread) have one value a second, in micros.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    levels = grid_levels(market.grid).astype(np.int64)
    below = np.searchsorted(levels, np.arange(10_001), side="right") - 1
    activity = 20 + (80 * 4 * fair * (1_000_000 - fair)) // 10**12
    gap = 10.0 * float(activity[: market.close_ms // 1000].sum()) / max(1, market.frames) * _ROWS_AN_ACTION
    room = market.frames * 3 // 2 + 2_000
    out = _Out(
        np.empty(room, np.int64),
        np.empty(room, np.int8),
        np.empty(room, np.int8),
        np.empty(room, np.int32),
        np.empty(room, np.int64),
        np.zeros(2, np.int64),
    )
    book = _Book(np.zeros((2, levels.size), np.int64), np.array([0, levels.size - 1], np.int64))
    random = np.array([rng.integers(0, 2**63)], np.uint64)
    sizes = _sizes(rng)
    _open_nb(book, out, levels, below, fair, half, sizes, market.stride, random)
    opening = out.state[0]
    _run_nb(
        book, out, levels, below, fair, half, activity, sizes, gap, market.close_ms,
        market.stride, market.ahead, market.pause[0], market.pause[1], random,
    )  # fmt: skip
    end = out.state[0]
    if end >= room - 100:
        raise RuntimeError(f"a sample market outgrew its {room} rows")
    columns = out[:5]
    return SampleRows(*(column[:opening] for column in columns)), SampleRows(
        *(column[opening:end] for column in columns)
    )


#: Measured: an action leaves so many rows on average (some find nothing to do, a trade leaves two).
_ROWS_AN_ACTION = 1.05


def _sizes(rng: np.random.Generator) -> NDArray[np.int64]:
    """Order sizes in lots: mostly whole contracts, one in five an odd fraction, as people who spend round sums make."""
    contracts = np.clip(rng.lognormal(2.6, 1.0, 4096), 1, 600)
    return np.where(rng.random(4096) < 0.2, np.round(contracts * 100), np.round(contracts) * 100).astype(np.int64)


@compiled
def _random_nb(state: Cells) -> float:
    """A number in [0, 1): splitmix64."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def _emit_nb(out: _Out, ms: int, kind: int, side: int, price: int, size: int) -> None:
    i = out.state[0]
    out.ms[i] = ms
    out.kind[i] = kind
    out.side[i] = 1 if side == _BID else -1
    out.price[i] = price
    out.size[i] = size
    out.state[0] = i + 1
    out.state[1] = ms


@compiled
def _change_nb(book: _Book, out: _Out, levels: Cells, ms: int, side: int, level: int, size: int) -> None:
    """Add a signed size to a level and keep the best of its side."""
    book.size[side, level] += size
    _emit_nb(out, ms, DELTA, side, levels[level], size)
    if side == _BID:
        if book.size[side, level] > 0:
            book.best[side] = max(book.best[side], level)
        else:
            while book.best[side] > 0 and book.size[side, book.best[side]] == 0:
                book.best[side] -= 1
    elif book.size[side, level] > 0:
        book.best[side] = min(book.best[side], level)
    else:
        while book.best[side] < levels.size - 1 and book.size[side, book.best[side]] == 0:
            book.best[side] += 1


@compiled
def _edge_nb(levels: Cells, below: Cells, side: int, value: int) -> int:
    """The grid level at or behind a value in micros, as a maker on that side would choose; 0 and the end mean none."""
    if side == _BID:
        return below[max(0, value // 100)]
    level = below[min(10_000, (value + 99) // 100)]
    return level if levels[level] * 100 >= value else level + 1


@kept()
def _open_nb(
    book: _Book,
    out: _Out,
    levels: Cells,
    below: Cells,
    fair: Cells,
    half: Cells,
    sizes: Cells,
    stride: int,
    random: Cells,
) -> None:
    """Lay out a book around the fair value, a few levels deep on both sides."""
    ms = out.state[1]
    for side in range(2):
        away = -1 if side == _BID else 1
        value = fair[ms // 1000] + away * half[ms // 1000]
        start = _edge_nb(levels, below, side, value)
        for k in range(_DEPTH):
            level = start + away * k * stride
            if 0 < level < levels.size - 1:
                size = sizes[int(_random_nb(random) * sizes.size)] * (2 + min(k, 6))
                _change_nb(book, out, levels, ms, side, level, size)


@compiled
def _take_nb(book: _Book, out: _Out, levels: Cells, ms: int, side: int, size: int, limit: int) -> None:
    """Take from a side up to a limit in ticks: for each level a trade and the change it makes, a millisecond apart."""
    taker = _ASK if side == _BID else _BID
    while size > 0:
        level = book.best[side]
        if not 0 < level < levels.size - 1:
            break
        if (side == _ASK and levels[level] > limit) or (side == _BID and levels[level] < limit):
            break
        part = min(size, book.size[side, level])
        _emit_nb(out, ms, TRADE, taker, levels[level], part)
        _change_nb(book, out, levels, ms, side, level, -part)
        size -= part
        ms += 1


@compiled
def _make_nb(
    book: _Book,
    out: _Out,
    levels: Cells,
    below: Cells,
    ms: int,
    value: int,
    half: int,
    sizes: Cells,
    stride: int,
    random: Cells,
) -> None:
    """A maker adds to a level behind the fair value or takes back what stands there."""
    side = _BID if _random_nb(random) < 0.5 else _ASK
    away = -1 if side == _BID else 1
    k = int(np.log(1.0 - 0.9999 * _random_nb(random)) / np.log(0.62))
    level = _edge_nb(levels, below, side, value + away * half) + away * k * stride
    # A post-only order stays behind the other side's best.
    level = min(level, book.best[_ASK] - 1) if side == _BID else max(level, book.best[_BID] + 1)
    if not 0 < level < levels.size - 1:
        return
    size = sizes[int(_random_nb(random) * sizes.size)]
    there = book.size[side, level]
    if _random_nb(random) * (there + 15_000 + 4_000 * min(k, 8)) < there:
        size = -there if there <= size or _random_nb(random) < 0.12 else -size
    _change_nb(book, out, levels, ms, side, level, size)


@compiled
def _reopen_nb(
    book: _Book,
    out: _Out,
    levels: Cells,
    below: Cells,
    fair: Cells,
    half: Cells,
    sizes: Cells,
    stride: int,
    ms: int,
    random: Cells,
) -> None:
    """After a pause every resting order is cancelled and the makers come back."""
    for side in range(2):
        for level in range(1, levels.size - 1):
            if book.size[side, level] > 0:
                _change_nb(book, out, levels, ms, side, level, -book.size[side, level])
    out.state[1] = ms + 1
    _open_nb(book, out, levels, below, fair, half, sizes, stride, random)


@kept()
def _run_nb(
    book: _Book,
    out: _Out,
    levels: Cells,
    below: Cells,
    fair: Cells,
    half: Cells,
    activity: Cells,
    sizes: Cells,
    gap: float,
    close_ms: int,
    stride: int,
    ahead: int,
    pause: int,
    resume: int,
    random: Cells,
) -> None:
    """Walk from action to action until the close."""
    clock = float(out.state[1] + 200)  # the snapshot is on its way
    room = out.ms.size - 100
    last = levels.size - 1
    while out.state[0] < room:
        clock += 1.0 - np.log(1.0 - _random_nb(random)) * gap
        ms = max(int(clock), out.state[1] + 1)
        if pause <= ms < resume:
            _reopen_nb(book, out, levels, below, fair, half, sizes, stride, resume, random)
            clock = float(resume + 2)
            continue
        if ms >= close_ms - 20:
            break
        second = ms // 1000
        u = _random_nb(random)
        if u * 100 >= activity[second]:
            continue
        value, spread = fair[max(0, ms - _LAG) // 1000], half[second]
        bid, ask = book.best[_BID], book.best[_ASK]
        side = _BID if bid > 0 and levels[bid] * 100 > value - spread // 2 else -1
        if ask < last and levels[ask] * 100 < value + spread // 2 and (side < 0 or _random_nb(random) < 0.5):
            side = _ASK
        u = _random_nb(random)
        if side >= 0 and u < 0.7:  # a maker pulls what the fair value has come too near to
            _change_nb(book, out, levels, ms, side, book.best[side], -book.size[side, book.best[side]])
            continue
        size = sizes[int(_random_nb(random) * sizes.size)]
        future = fair[min(fair.size - 1, second + ahead)]
        u = _random_nb(random)
        if u < 0.22:  # who knows what comes takes a best price that is wrong by more than a third of a cent
            if ask < last and future > levels[ask] * 100 + 3_500:
                _take_nb(book, out, levels, ms, _ASK, 2 * size, levels[ask])
            elif bid > 0 and future < levels[bid] * 100 - 3_500:
                _take_nb(book, out, levels, ms, _BID, 2 * size, levels[bid])
        elif u < 0.27:  # who knows nothing takes at the touch, and now and then far through it
            large = 30 if _random_nb(random) < 0.15 else 1
            if _random_nb(random) < 0.5:
                _take_nb(book, out, levels, ms, _ASK, large * size, levels[ask] + _SWEEP)
            else:
                _take_nb(book, out, levels, ms, _BID, large * size, levels[bid] - _SWEEP)
        else:
            _make_nb(book, out, levels, below, ms, value, spread, sizes, stride, random)
