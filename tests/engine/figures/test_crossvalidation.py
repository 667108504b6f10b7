"""PBO against the worked example and a slow oracle; splits that never look ahead."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from touchline.engine.figures.crossvalidation import (
    cpcv_paths,
    cpcv_splits,
    overfitting,
    purge,
    walk_forward,
    walk_forward_splits,
)
from touchline.io.ground.errors import InputError

TOY = np.array(
    [
        *([0, 0, 3, 6], [-5, -4, 4, 6], [-3, -2, 4, 0], [-2, 4, -3, 0]),
        *([2, 1, -5, -4], [4, 3, 4, 1], [3, -2, -1, 4], [-4, -2, -4, 0]),
    ],
    dtype=np.float64,
)


def test_worked_example():
    done = overfitting(TOY, 4, "mean")
    assert done is not None
    assert done.best.tolist() == [3, 3, 3, 1, 3, 0]
    assert done.rank.tolist() == [3, 4, 1, 1, 4, 1]
    assert done.logit == pytest.approx([0.405465, 1.386294, -1.386294, -1.386294, 1.386294, -1.386294], abs=1e-6)
    assert done.probability == 0.5


def slow(pnl: np.ndarray, blocks: int, metric: str) -> list[tuple[int, float, float, float]]:
    """The definition, one split at a time, from the rows themselves; of equally good cells the average."""
    parts = [list(rows) for rows in np.split(np.arange(len(pnl)), [k * len(pnl) // blocks for k in range(1, blocks)])]
    found = []
    for chosen in combinations(range(blocks), blocks // 2):
        inside = [row for block in chosen for row in parts[block]]
        rest = [row for block in range(blocks) if block not in chosen for row in parts[block]]
        score = []
        for rows in (inside, rest):
            mean, sd = pnl[rows].mean(axis=0), pnl[rows].std(axis=0)
            value = mean if metric == "mean" else np.where(sd > 1e-9, mean / np.maximum(sd, 1e-9), 0.0)
            score.append(np.round(value, 9))
        winners = np.flatnonzero(score[0] == score[0].max())
        rank = np.array([np.sum(score[1] < score[1][w]) + (np.sum(score[1] == score[1][w]) + 1) / 2 for w in winners])
        fell, lost = rank / (pnl.shape[1] + 1) <= 0.5, score[1][winners] < 0
        found.append((int(winners[0]), rank.mean(), fell.mean(), lost.mean()))
    return found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(8, 30), st.integers(2, 12), st.sampled_from([2, 4, 6, 8]))
def test_kernel_equals_the_definition(seed, periods, cells, blocks):
    rng = np.random.default_rng(seed)
    pnl = rng.integers(-1000, 1000, (periods, cells)) * rng.integers(0, 2, cells)  # some cells never trade
    pnl = np.column_stack([pnl, pnl[:, rng.integers(0, cells, 3)]]).astype(np.float64)  # and some are copies
    for metric in ("mean", "sharpe"):
        done = overfitting(pnl, blocks, metric)
        assert done is not None
        best, rank, fell, lost = (np.array(column) for column in zip(*slow(pnl, blocks, metric), strict=True))
        assert done.best.tolist() == best.tolist()
        assert done.rank.tolist() == rank.tolist()
        assert done.logit == pytest.approx(np.log(rank / (len(pnl[0]) + 1 - rank)))
        assert done.probability == pytest.approx(fell.mean())
        assert done.loss_probability == pytest.approx(lost.mean())


def test_neither_order_nor_size_nor_rounding_decides_among_equals():
    """Cells that trade one, two or three contracts have the same ratio but for rounding; so have cells that idle."""
    rng = np.random.default_rng(4)
    base = rng.integers(-1_000_000, 1_000_000, (48, 6)).astype(np.float64)
    base[:24, 4:] = 0.0
    scaled = np.column_stack([base, base * 3, base * 7 / 10, np.zeros((48, 2))])
    wanted = overfitting(scaled, 8)
    assert wanted is not None
    for _ in range(6):
        again = overfitting(scaled[:, rng.permutation(scaled.shape[1])], 8)
        assert again is not None
        assert again.probability == pytest.approx(wanted.probability)
        assert again.loss_probability == pytest.approx(wanted.loss_probability)


def test_of_two_equal_winners_one_that_falls_counts_half():
    """Both cells make the same in sample whatever the split; outside one of them is last and the other first."""
    pnl = np.array([[2, 2, 0], [1, 3, 0], [2, 2, 0], [3, 1, 0]], dtype=np.float64)
    done = overfitting(pnl, 2, "mean")
    assert done is not None
    assert done.best.tolist() == [1, 0]
    pnl[1] = pnl[3] = (2, 2, 0)
    done = overfitting(pnl, 2, "mean")
    assert done is not None
    assert (done.best.tolist(), done.rank.tolist(), done.probability) == ([0, 0], [2.5, 2.5], 0.0)
    pnl[2:] = ((1, 5, 3), (1, 5, 3))
    done = overfitting(pnl, 2, "mean")
    assert done is not None
    assert done.rank.tolist() == [2.0, 2.5]
    assert done.probability == 0.25  # of two equal winners of the first half one fell to the last place
    assert done.loss_probability == 0.0


def test_noise_is_overfitting_half_of_the_time():
    rng = np.random.default_rng(11)
    drawn = [overfitting(rng.normal(0, 1, (160, 20)), 10) for _ in range(60)]
    found = [done.probability for done in drawn if done is not None]
    assert len(found) == 60
    assert np.mean(found) == pytest.approx(0.5, abs=3 * 0.21 / 60**0.5)
    assert 0.1 < np.std(found) < 0.3


def test_a_planted_edge_is_no_overfitting():
    rng = np.random.default_rng(12)
    pnl = rng.normal(0, 1, (320, 64))
    pnl[:, 17] += 0.5
    done = overfitting(pnl, watched=17)
    assert done is not None
    assert done.probability < 0.01
    assert done.loss_probability < 0.01
    assert done.dominates
    assert done.watched_above_median > 0.99
    assert set(done.best) == {17}
    assert len(done.best) == 12_870


def test_equal_cells_count_as_overfitting():
    """Nothing was learned by choosing among equals."""
    pnl = np.repeat(np.random.default_rng(1).normal(0, 1, (40, 1)), 5, axis=1)
    done = overfitting(pnl)
    assert done is not None
    assert done.probability == 1.0


def test_cells_that_never_trade():
    done = overfitting(np.zeros((16, 4)), 4)
    assert done is not None
    assert (done.slope, done.loss_probability, done.probability) == (None, 0.0, 1.0)


def test_few_periods_use_fewer_blocks():
    done = overfitting(np.random.default_rng(1).normal(0, 1, (7, 3)))
    assert done is not None
    assert done.blocks == 6
    assert overfitting(np.zeros((3, 3))) is None
    assert overfitting(np.zeros((30, 1))) is None


@pytest.mark.parametrize("blocks", [0, 3])
def test_odd_blocks_are_bad_input(blocks):
    with pytest.raises(InputError, match="even"):
        overfitting(TOY, blocks)


LIVES = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60)), min_size=8, max_size=40)


@given(LIVES, st.integers(0, 20), st.data())
def test_purge_equals_the_definition(lives, embargo, data):
    start = np.array([begin for begin, _ in lives])
    end = start + np.array([length for _, length in lives])
    test = np.array(data.draw(st.sets(st.integers(0, len(lives) - 1), min_size=1, max_size=6).map(sorted)))
    train = np.setdiff1d(np.arange(len(lives)), test)
    kept = [
        row
        for row in train
        if not any(start[row] < end[t] and end[row] > start[t] for t in test)
        and not any(0 <= start[row] - end[t] < embargo for t in test)
    ]
    assert purge(start, end, train, test, embargo).tolist() == kept


@given(LIVES, st.integers(1, 5), st.integers(0, 20))
def test_walk_forward_never_trains_on_what_was_not_settled(lives, folds, embargo):
    start = np.array([begin for begin, _ in lives])
    end = start + np.array([length for _, length in lives])
    splits = walk_forward_splits(start, end, folds, embargo)
    tested = np.concatenate([split.test for split in splits])
    assert len(set(tested)) == len(tested)
    for train, test in splits:
        assert (end[train] + embargo <= start[test].min()).all()


def test_walk_forward_window_keeps_recent_rows():
    rows = np.arange(12)
    splits = walk_forward_splits(rows, rows + 1, 3, window=4)
    assert [(split.train.tolist(), split.test.tolist()) for split in splits] == [
        ([0, 1, 2], [3, 4, 5]),
        ([2, 3, 4, 5], [6, 7, 8]),
        ([5, 6, 7, 8], [9, 10, 11]),
    ]


def test_walk_forward_reports_only_what_was_not_chosen_on():
    pnl = np.array([[1, 0], [1, 0], [0, 5], [0, 5], [-1, 7], [-1, 7]], dtype=np.float64)
    rows = np.arange(6)
    done = walk_forward(pnl, walk_forward_splits(rows, rows + 1, 2))
    assert done is not None
    assert done.chosen == [0, 1]
    assert done.rows.tolist() == [2, 3, 4, 5]
    assert done.pnl.tolist() == [0, 0, 7, 7]
    assert done.in_sample_mean == pytest.approx((2 + 10) / 6)
    assert done.skipped == 0


def test_overlapping_lives_leave_nothing_to_train_on():
    start, end = np.zeros(6, dtype=np.int64), np.full(6, 9)
    assert walk_forward(np.ones((6, 2)), walk_forward_splits(start, end, 2)) is None


@pytest.mark.parametrize(("groups", "tested", "splits", "paths"), [(6, 2, 15, 5), (10, 2, 45, 9)])
def test_cpcv_counts(groups, tested, splits, paths):
    rows = np.arange(40)
    found = cpcv_splits(rows, rows + 1, groups, tested)
    assert (len(found), cpcv_paths(groups, tested)) == (splits, paths)
    times_tested = np.bincount(np.concatenate([split.test for split in found]))
    assert (times_tested == paths).all()
    assert all(np.array_equal(np.sort(np.concatenate(split)), rows) for split in found)


def test_cpcv_purges_and_embargoes():
    rows = np.arange(12) * 10
    for train, test in cpcv_splits(rows, rows + 12, 4, 1, embargo=10):
        assert purge(rows, rows + 12, train, test, 10).tolist() == train.tolist()
        assert len(train) < 9


def test_impossible_splits_are_bad_input():
    rows = np.arange(4)
    with pytest.raises(InputError, match="cannot be tested"):
        cpcv_splits(rows, rows + 1, 6, 2)
    with pytest.raises(InputError, match="at least one fold"):
        walk_forward_splits(rows, rows + 1, 0)
