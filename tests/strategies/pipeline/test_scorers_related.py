"""Related markets: chosen by what was known, followed by their trailing slope, equal to plain sums."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from touchline.engine.bets.backtest import score_panel
from touchline.engine.bets.panel.panel import panel_of
from touchline.engine.bets.panel.scratch import Scratch
from touchline.features import related
from touchline.features.related import correlated_leaders
from touchline.strategies.pipeline.pipeline import pipeline_of

HOUR = 3_600_000_000_000


@st.composite
def marks(draw):
    """Bars x markets in ticks: some follow another's moves later, many stand still, some are missing for a while."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    bars, markets = draw(st.integers(12, 45)), draw(st.integers(2, 6))
    moves = rng.integers(-3, 4, (bars, markets)) * (rng.random((bars, markets)) < draw(st.sampled_from([0.2, 0.9])))
    if draw(st.booleans()):
        moves[2:, -1] = moves[:-2, 0]
    mark = np.clip(5_000 + 100 * np.cumsum(moves, axis=0), 100, 9_900)
    mark[rng.random(mark.shape) < draw(st.sampled_from([0, 0.1]))] = -1
    return mark


def step(mark, t, m):
    return int(mark[t, m] - mark[t - 1, m]) if mark[t, m] >= 0 and mark[t - 1, m] >= 0 else 0


@settings(deadline=None)
@given(mark=marks(), window=st.integers(3, 12), lag=st.integers(1, 3), least=st.integers(1, 4), data=st.data())
def test_leaders_are_the_strongest_by_sql(mark, window, lag, least, data):
    bar = data.draw(st.integers(0, len(mark) - 1))
    found = correlated_leaders(mark, bar, window, lag, 3, least)
    if bar < window + lag:
        assert (found == -1).all()
        return
    changes = pl.DataFrame(  # noqa: F841 - read by name in the query
        [(t, m, step(mark, t, m)) for m in range(mark.shape[1]) for t in range(1, bar + 1)],
        schema=["t", "m", "c"],
        orient="row",
    )
    rows = duckdb.sql(f"""
        select own.m as own, ahead.m as ahead, abs(corr(own.c::double, ahead.c::double)) as r,
               count(*) filter (own.c != 0 and ahead.c != 0) as moved
        from changes own join changes ahead on own.t = ahead.t + {lag} and own.m != ahead.m
        where own.t > {bar - window} group by all
        having moved >= {least} and stddev_pop(own.c) > 0 and stddev_pop(ahead.c) > 0
    """).fetchall()
    known = {(own, ahead): r for own, ahead, r, _ in rows}
    for m in range(mark.shape[1]):
        best = sorted((r for (own, _), r in known.items() if own == m and r > 1e-9), reverse=True)[:3]
        chosen = [known[m, int(other)] for other in found[m] if other >= 0]
        assert chosen == pytest.approx(best, abs=1e-9)


@settings(deadline=None)
@given(
    mark=marks(), window=st.integers(3, 12), lag=st.integers(1, 3), bar=st.integers(5, 40), markets=st.integers(1, 3)
)
def test_later_bars_and_blocks_change_no_choice(mark, window, lag, bar, markets):
    bar = min(bar, len(mark) - 1)
    whole = correlated_leaders(mark, bar, window, lag, 2, 1)
    np.testing.assert_array_equal(correlated_leaders(mark[: bar + 1], bar, window, lag, 2, 1), whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(related, "_FOLLOWERS", markets)
        np.testing.assert_array_equal(correlated_leaders(mark, bar, window, lag, 2, 1), whole)


def plain_led(mark, periods, window, lag, least):
    """What the leaders make expect, from the window's changes at each bar anew."""
    led = np.zeros(mark.shape)
    for first, last, leaders in periods:
        for m in range(mark.shape[1]):
            followed = [int(other) for other in leaders[m] if other >= 0]
            for other in followed:
                for t in range(first, last):
                    if t < window + lag:
                        continue
                    x = np.array([step(mark, k - lag, other) for k in range(t - window + 1, t + 1)])
                    y = np.array([step(mark, k, m) for k in range(t - window + 1, t + 1)])
                    if x.std() == 0 or y.std() == 0:
                        continue
                    covariance = np.mean(x * y) - x.mean() * y.mean()
                    if abs(covariance) < (least - 1e-9) * x.std() * y.std():
                        continue
                    ahead = sum(step(mark, t - k, other) for k in range(lag))
                    led[t, m] += covariance / x.var() * ahead / len(followed)
    return led


@settings(deadline=None, max_examples=40)
@given(
    mark=marks(), window=st.integers(8, 12), lag=st.integers(1, 3), choose=st.integers(1, 9),
    among=st.sampled_from(["series", "all"]),
)  # fmt: skip
def test_the_scorer_equals_plain_sums(mark, window, lag, choose, among):
    own = pl.DataFrame({"ticker": [f"K-{m // 2}-{m}" for m in range(mark.shape[1])], "series": "K"})
    panel = panel_of(mark, HOUR * np.arange(1, len(mark) + 1), own)
    given = {"window_bars": window, "lag_bars": lag, "related": 2, "among": among, "choose_bars": choose}
    scorer = pipeline_of({"scorer": {"name": "correlation", "min_moves": 2, **given}}, "p").scorer
    found = panel.matrix_of(scorer.prepare(panel)[scorer.own("led")])
    periods = list(scorer.periods(panel))
    np.testing.assert_allclose(found, plain_led(mark, periods, window, lag, 0.2), rtol=1e-4, atol=1e-2)
    if among == "all":
        assert [first for first, _, _ in periods] == list(range(window + lag, len(mark), choose))


@pytest.mark.parametrize(
    ("least", "ahead", "own"),
    [
        (0.2, [-1, 0, 0, -1, -3, 1, -3, 2], [-1, 1, -2, 2, 0, 1, 1, 2]),
        (1.0, [1, 3, 3, -1, 0, -1, 0, -2], [-7, -21, -21, 7, 0, 7, 0, 14]),
    ],
)
def test_a_leader_that_correlates_just_as_much_as_asked_is_followed(least, ahead, own):
    """Correlations of a fifth and of one: in floating point both come out a little less."""
    moves = np.stack([[0, *ahead, 2], [0, 0, *own]], axis=1) * 100
    markets = pl.DataFrame({"ticker": ["K-A", "K-B"], "series": "K"})
    panel = panel_of(5_000 + np.cumsum(moves, axis=0), HOUR * np.arange(1, 11), markets)
    given = {"name": "correlation", "window_bars": 8, "related": 1, "min_correlation": least}
    scorer = pipeline_of({"scorer": given}, "p").scorer
    ahead, own = 100 * np.array(ahead), 100 * np.array(own)
    slope = np.cov(ahead, own, bias=True)[0, 1] / ahead.var()
    assert panel.matrix_of(scorer.prepare(panel)[scorer.own("led")])[9, 1] == pytest.approx(slope * moves[9, 0])


def test_a_leader_of_another_series_is_found_and_nothing_is_known_early():
    rng = np.random.default_rng(1)
    moves = rng.integers(-2, 3, (400, 40)) * 50
    moves[3:, 7] = moves[:-3, 31] + rng.integers(-1, 2, 397) * 10
    mark = np.clip(5_000 + np.cumsum(moves, axis=0), 100, 9_900)
    panel = panel_of(mark, HOUR * np.arange(1, 401), pl.DataFrame({"ticker": [f"S{m}-A" for m in range(40)]}))
    given = {"name": "correlation", "among": "all", "lag_bars": 3, "related": 1, "min_correlation": 0.5}
    pipeline = pipeline_of({"scorer": given}, "p")
    assert [leaders[7, 0] for _, _, leaders in pipeline.scorer.periods(panel)] == [31] * 4
    whole = panel.matrix_of(score_panel(panel, pipeline).score)
    assert (whole[:, 7] != 0).mean() > 0.6
    mapped = score_panel(replace(panel, folder=Scratch("related-")), pipeline).score
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(panel.matrix_of(mapped), whole)
    for bars in (120, 200, 333):
        early = panel.until(bars)
        np.testing.assert_array_equal(early.matrix_of(score_panel(early, pipeline).score), whole[:bars])


def test_two_of_a_kind_stand_side_by_side():
    rng = np.random.default_rng(2)
    mark = np.clip(5_000 + 100 * np.cumsum(rng.integers(-1, 2, (200, 6)), axis=0), 100, 9_900)
    panel = panel_of(mark, HOUR * np.arange(1, 201), pl.DataFrame({"ticker": list("ABCDEF"), "series": "S"}))
    members = [{"name": "correlation", "lag_bars": lag, "min_correlation": 0} for lag in (1, 5)]
    both = score_panel(panel, pipeline_of({"scorer": {"name": "ensemble", "members": members}}, "p")).score
    alone = [score_panel(panel, pipeline_of({"scorer": one}, "p")).score for one in members]
    assert (alone[0] != alone[1]).any()
    np.testing.assert_allclose(both, alone[0] + alone[1], atol=1)
