"""Choosing on one part of the data and judging on another: symmetric splits, walk-forward, purged combinations.

The probability of backtest overfitting is that of Bailey, Borwein, Lopez de Prado and Zhu (2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ...io.ground.errors import InputError
from ...io.ground.jit import kept
from .metrics import Floats, Integers

Metric = Literal["sharpe", "mean"]
#: About so many out-of-sample figures stand for all of them where a distribution is needed.
_SAMPLED = 500_000
#: Performances that differ by less than this share of the largest one are ties: only rounding tells them apart.
_TIE = 1e-9


@dataclass(frozen=True)
class Overfitting:
    """What happened to the best cell of one half of the data in the other half, over every symmetric split.

    Cells that are equally good in sample are all the best one, and what became of them is averaged.
    """

    probability: float  #: share of splits in which it fell to the median or below: the PBO
    best: npt.NDArray[np.int64]  #: per split, the first cell that was best in sample
    rank: Floats  #: per split, the rank of the best out of sample; 1 is the worst, ties averaged
    logit: Floats  #: per split, the log odds of that relative rank
    slope: float | None  #: of out-of-sample on in-sample performance of the best cells
    loss_probability: float  #: share of splits in which it lost out of sample
    dominates: bool  #: at no percentile is it below a cell taken at random (from a sample of splits)
    watched_above_median: float  #: share of splits in which the watched cell stood above the median out of sample
    blocks: int


def overfitting(pnl: Floats, blocks: int = 16, metric: Metric = "sharpe", watched: int = 0) -> Overfitting | None:
    """Split a periods x cells matrix into blocks, and try each choice of half of them as in-sample data.

    With fewer periods than blocks fewer blocks are used; None below four periods or two cells.
    """
    values = np.asarray(pnl, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise InputError("overfitting needs a matrix of finite numbers, periods by cells")
    periods, cells = values.shape
    if blocks < 2 or blocks % 2:
        raise InputError(f"the number of blocks must be even and at least 2, got {blocks}")
    blocks = min(blocks, periods // 2 * 2)
    if periods < 4 or cells < 2:
        return None
    bounds = np.arange(blocks) * periods // blocks
    sums = np.add.reduceat(values, bounds, axis=0)
    squares = np.add.reduceat(values * values, bounds, axis=0)
    sizes = np.diff(bounds, append=periods)
    halves = np.array(list(combinations(range(blocks), blocks // 2)), dtype=np.int64)
    every = max(len(halves) * cells // _SAMPLED, 1)
    best, ranks, inside, outside, shares, sampled = _judge_splits_nb(
        halves, sums, squares, sizes, sums.sum(axis=0), squares.sum(axis=0), metric == "sharpe", watched, every
    )
    relative = ranks[:, 0] / (cells + 1)
    percentiles = np.arange(1, 100)
    varies = float(np.ptp(inside)) > 1e-12 * float(np.max(np.abs(inside)))
    return Overfitting(
        probability=float(np.mean(shares[:, 0])),
        best=best,
        rank=ranks[:, 0],
        logit=np.log(relative / (1 - relative)),
        slope=float(np.cov(inside, outside)[0, 1] / np.var(inside, ddof=1)) if varies else None,
        loss_probability=float(np.mean(shares[:, 1])),
        dominates=bool((np.percentile(outside, percentiles) >= np.percentile(sampled, percentiles)).all()),
        watched_above_median=float(np.mean(2 * ranks[:, 1] > cells + 1)),
        blocks=blocks,
    )


@kept()
def _ratio_nb(total: float, square: float, count: float, is_sharpe: bool) -> float:
    """Return the mean, or the Sharpe ratio; a cell that never varies has ratio 0."""
    mean = total / count
    variance = square / count - mean * mean
    ratio = mean / np.sqrt(variance) if variance * count > 1e-12 * square else 0.0
    return ratio if is_sharpe else mean


@kept()
def _tie_nb(values: Floats) -> float:
    """Return how far apart two of the values may be and still be equal but for rounding."""
    largest = 0.0
    for value in values:
        largest = max(largest, abs(value))
    return _TIE * largest


@kept()
def _rank_nb(values: Floats, cell: int, tie: float) -> float:
    """Return a cell's rank, 1 for the lowest, ties averaged."""
    lower = equal = 0
    for other in range(values.size):
        below = values[other] < values[cell] - tie
        lower += below
        equal += (values[other] <= values[cell] + tie) & (not below)
    return lower + (equal + 1) / 2


@kept()
def _judge_splits_nb(
    halves: Integers,
    sums: Floats,
    squares: Floats,
    sizes: Integers,
    all_sums: Floats,
    all_squares: Floats,
    is_sharpe: bool,
    watched: int,
    every: int,
) -> tuple[Integers, Floats, Floats, Floats, Floats, Floats]:
    """Per split: the best cell in sample, its and the watched cell's rank outside, its performance in and outside.

    Then the shares of equally good best cells that fell to the median or below, and that lost; and a sample of all.
    """
    # Plain loops throughout: slices and reductions double the time to compile this.
    splits, cells = halves.shape[0], sums.shape[1]
    best = np.empty(splits, dtype=np.int64)
    ranks, shares = np.empty((splits, 2)), np.empty((splits, 2))
    inside, outside = np.empty(splits), np.empty(splits)
    sampled = np.empty(((splits + every - 1) // every, cells))
    train, test = np.empty(cells), np.empty(cells)
    total, square = np.empty(cells), np.empty(cells)
    all_rows = 0
    for block in range(sizes.size):
        all_rows += int(sizes[block])
    for split in range(splits):
        rows = 0
        for cell in range(cells):
            total[cell] = 0.0
            square[cell] = 0.0
        for place in range(halves.shape[1]):
            block = halves[split, place]
            rows += int(sizes[block])
            for cell in range(cells):
                total[cell] += sums[block, cell]
            for cell in range(cells):
                square[cell] += squares[block, cell]
        for cell in range(cells):
            train[cell] = _ratio_nb(total[cell], square[cell], rows, is_sharpe)
        for cell in range(cells):
            test[cell] = _ratio_nb(
                all_sums[cell] - total[cell], all_squares[cell] - square[cell], all_rows - rows, is_sharpe
            )
        highest = train[0]
        for cell in range(cells):
            highest = max(highest, train[cell])
        least, tie = highest - _tie_nb(train), _tie_nb(test)
        winners, rank = 0, 0.0
        best[split], inside[split], outside[split] = -1, highest, 0.0
        ranks[split, 0], ranks[split, 1] = 0.0, _rank_nb(test, watched, tie)
        shares[split, 0], shares[split, 1] = 0.0, 0.0
        before = np.nan
        for cell in range(cells):
            if train[cell] >= least:
                if test[cell] != before:  # copies of a cell stand together, and need one rank
                    rank = _rank_nb(test, cell, tie)
                    before = test[cell]
                best[split] = cell if winners == 0 else best[split]
                winners += 1
                ranks[split, 0] += rank
                outside[split] += test[cell]
                shares[split, 0] += 2 * rank <= cells + 1
                shares[split, 1] += test[cell] < -tie
        ranks[split, 0] /= winners
        outside[split] /= winners
        shares[split, 0] /= winners
        shares[split, 1] /= winners
        if split % every == 0:
            for cell in range(cells):
                sampled[split // every, cell] = test[cell]
    return best, ranks, inside, outside, shares, sampled


class Split(NamedTuple):
    """Rows to choose on and rows to judge on."""

    train: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]


def purge(
    start: Integers, end: Integers, train: npt.NDArray[np.int64], test: npt.NDArray[np.int64], embargo: int = 0
) -> npt.NDArray[np.int64]:
    """Drop training rows whose life [start, end) overlaps a test row's life or starts within ``embargo`` after it.

    >>> rows = np.arange(5)
    >>> purge(rows * 10, rows * 10 + 12, rows[[0, 1, 3, 4]], rows[[2]], embargo=9).tolist()
    [0]
    """
    if not test.size:
        return train
    by_start = test[np.argsort(start[test], kind="stable")]
    opened = start[by_start]
    closed = np.maximum.accumulate(end[by_start])  # the latest end among the lives opened so far
    last = np.searchsorted(opened, end[train], side="left") - 1
    overlaps = (last >= 0) & (closed[np.maximum(last, 0)] > start[train])
    ends = np.sort(end[test])
    before = np.searchsorted(ends, start[train], side="right") - 1
    follows = (before >= 0) & (start[train] - ends[np.maximum(before, 0)] < embargo)
    return train[~(overlaps | follows)]


def walk_forward_splits(
    start: Integers, end: Integers, folds: int = 5, embargo: int = 0, window: int | None = None
) -> list[Split]:
    """Cut rows, in the order of their end, into ``folds`` test blocks after a first training block.

    A training row must have ended ``embargo`` before the first life of the test block begins; ``window`` keeps only
    rows that started at most so long before it. Rows are periods or whole events: what is known only at an event's
    settlement is never used before it.
    """
    if folds < 1:
        raise InputError(f"walk-forward needs at least one fold, got {folds}")
    order = np.lexsort((start, end))
    blocks = np.array_split(order, folds + 1)
    splits: list[Split] = []
    for test in blocks[1:]:
        if not test.size:
            continue
        opens = int(start[test].min())
        known = end + embargo <= opens
        if window is not None:
            known &= start >= opens - window
        splits.append(Split(order[known[order]], test))
    return splits


def cpcv_splits(start: Integers, end: Integers, groups: int = 6, tested: int = 2, embargo: int = 0) -> list[Split]:
    """Combinatorial purged cross-validation: every choice of ``tested`` of ``groups`` blocks in the order of their end.

    >>> rows = np.arange(12)
    >>> len(cpcv_splits(rows, rows + 1)), cpcv_paths(6, 2)
    (15, 5)
    """
    if not 0 < tested < groups <= len(start):
        raise InputError(f"{tested} of {groups} groups cannot be tested on {len(start)} rows")
    order = np.lexsort((start, end))
    blocks = np.array_split(order, groups)
    splits = []
    for chosen in combinations(range(groups), tested):
        test = np.concatenate([blocks[index] for index in chosen])
        rest = np.concatenate([blocks[index] for index in range(groups) if index not in chosen])
        splits.append(Split(purge(start, end, rest, test, embargo), test))
    return splits


def cpcv_paths(groups: int, tested: int) -> int:
    """Full out-of-sample paths that the combinations make up."""
    return math.comb(groups - 1, tested - 1)


@dataclass(frozen=True)
class WalkForward:
    """The out-of-sample record: only rows on which the cell was not chosen."""

    chosen: list[int]  #: per fold with training data
    rows: npt.NDArray[np.int64]  #: tested rows in order
    pnl: Floats  #: per tested row
    in_sample_mean: float  #: per row, of the chosen cells on their training rows
    skipped: int  #: folds without any training row left


def walk_forward(pnl: Floats, splits: list[Split], choose: Callable[[Floats], int] | None = None) -> WalkForward | None:
    """Choose a cell on each training part and collect what it made on the test part; None without any training row."""
    pick = choose or (lambda train: int(np.argmax(train.sum(axis=0))))
    chosen: list[int] = []
    rows: list[npt.NDArray[np.int64]] = []
    outside: list[Floats] = []
    trained = trained_rows = 0.0
    for train, test in splits:
        if not train.size:
            continue
        cell = pick(pnl[train])
        chosen.append(cell)
        rows.append(test)
        outside.append(pnl[test, cell])
        trained += float(pnl[train, cell].sum())
        trained_rows += train.size
    if not chosen:
        return None
    return WalkForward(
        chosen, np.concatenate(rows), np.concatenate(outside), trained / trained_rows, len(splits) - len(chosen)
    )
