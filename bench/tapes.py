"""The tapes that benches run on: the common work where it lies on this machine, synthetic ones elsewhere.

``BENCH_DATA`` names the folder with the common work's ``tape_2m.npz`` and ``tape_200k.npz``.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
from touchline.engine.simulator.tape import rebuild as kind
from touchline.engine.simulator.tape.tape import Tape, TapeMarket, TapeRows, build

NO_VALUES = np.zeros(0)
SHORT = os.environ.get("BENCH_SHORT") == "1"


def data(name: str) -> Path | None:
    """A file of the common work, if it is here and the run is not a short one."""
    folder = os.environ.get("BENCH_DATA")
    file = Path(folder) / name if folder else None
    return file if file and file.exists() and not SHORT else None


@cache
def common_rows(name: str) -> TapeRows | None:
    """The rows of a tape of the common work: prices in ticks, sizes in lots, sides as the store has them."""
    file = data(f"{name}.npz")
    if file is None:
        return None
    with np.load(file) as stored:
        trade, yes = stored["kind"] == 1, stored["side"] == 0
        price = np.where(trade | yes, stored["price"], 100 - stored["price"].astype(np.int32))
        return TapeRows(
            stored["ts"],
            np.where(trade, kind.PRINT, kind.DELTA).astype(np.uint8),
            np.where(yes, 1, -1).astype(np.int8),
            (price * 100).astype(np.int32),
            stored["qty"].astype(np.int64) * 100,
        )


def synthetic_rows(events: int, seed: int = 7) -> TapeRows:
    """About 20 events a second in a book of 1 to 99 cents: five changes in six, and trades that take from the touch.

    The fair price walks; both sides quote behind it; every trade is followed by the change it caused. The seed decides.
    """
    dice = np.random.default_rng(seed)
    step, reach = dice.random(events), np.minimum(dice.geometric(0.35, events), 20)
    size, side = dice.integers(1, 60, events), dice.integers(0, 2, events)
    fair = 50 + np.cumsum(dice.normal(0, 0.15, events))
    fair = 15 + np.abs((fair - 15) % 140 - 70)  # reflected between 15 and 85
    book = np.zeros((2, 101), np.int64)
    rows: list[tuple[int, int, int, int, int]] = []
    clock = 1_750_000_000_000_000_000

    def change(ts: int, which: int, level: int, by: int) -> None:
        book[which, level] += by
        rows.append((ts, kind.DELTA, 1 - 2 * which, level if which == 0 else 100 - level, by))

    for n in range(events):
        if len(rows) >= events:
            break
        clock += 50_000_000
        middle = round(fair[n])
        which = int(side[n])
        limit = middle - 1 if which == 0 else 100 - middle - 1  # on the side's own scale
        beyond = np.flatnonzero(book[which, limit + 1 :])
        if len(beyond):  # the fair price has moved through it
            level = limit + 1 + int(beyond[-1])
            taken = int(book[which, level])
            if step[n] < 0.5:
                rows.append((clock, kind.PRINT, 2 * which - 1, level if which == 0 else 100 - level, taken))
            change(clock + 1_000, which, level, -taken)
        elif step[n] < 0.15 and (stands := np.flatnonzero(book[which])).size:
            level = int(stands[-1])
            taken = min(int(size[n]), int(book[which, level]))
            rows.append((clock, kind.PRINT, 2 * which - 1, level if which == 0 else 100 - level, taken))
            change(clock + 1_000, which, level, -taken)
        else:
            level = max(1, limit + 1 - int(reach[n]))
            stands_there = int(book[which, level])
            by = int(size[n]) if stands_there < 300 or step[n] < 0.5 else -min(int(size[n]), stands_there)
            change(clock, which, level, by)
    ts, what, sides, price, sizes = (np.array(column) for column in zip(*rows[:events], strict=True))
    return TapeRows(
        ts.astype(np.int64), what.astype(np.uint8), sides.astype(np.int8), (price * 100).astype(np.int32),
        sizes.astype(np.int64) * 100,
    )  # fmt: skip


def repeated(rows: TapeRows, times: int) -> TapeRows:
    """The same rows several times over, one after the other, each time from an empty book."""
    clear = (rows.ts[-1] + 1, kind.CLEAR, 0, 0, 0)
    columns = rows.ts, rows.what, rows.side, rows.price, rows.size
    if times > 1:
        columns = tuple(
            np.append(column, np.array(last, column.dtype)) for column, last in zip(columns, clear, strict=True)
        )
    ts, *others = columns
    span = int(ts[-1] - ts[0]) + 1
    return TapeRows(np.concatenate([ts + span * n for n in range(times)]), *(np.tile(one, times) for one in others))


def tape(rows: TapeRows) -> Tape:
    """Compile rows whose book is empty at first."""
    return build(TapeMarket("BENCH"), rows, NO_VALUES, empty_start=True)
