"""The learned micro-price: Stoikov's own sums, a chain whose answer is known, and nothing of the future."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchline.engine.bets.panel.book import book_quotes
from touchline.engine.simulator.tape.source import compile_tape
from touchline.features.microprice import Shape, fit_microprice
from touchline.features.quotes import mid, weighted_mid
from touchline.io.ground.errors import InputError

from ..engine.histories import imported
from .rows import frames, many

SMALL = Shape(tick=1, spreads=3, buckets=5)


def plain_state(row):
    """Class of spread and bucket of imbalance from their definitions; None where the book is not whole."""
    if None in (row["bid"], row["ask"], row["bid_size"], row["ask_size"]) or row["ask"] <= row["bid"]:
        return None
    imbalance = (row["bid_size"] - row["ask_size"]) / (row["bid_size"] + row["ask_size"])
    bucket = min(int(abs(imbalance) * SMALL.buckets / 2 + 0.5 + 1e-12), 2)
    return min(row["ask"] - row["bid"], SMALL.spreads) - 1, bucket if imbalance > 0 else -bucket


def stoikov(frame, before, prior):
    """``sum of B^i G1`` of the symmetrised chain, from counts made row by row."""
    states = [(s, b) for s in range(3) for b in range(-2, 3)]
    place = {state: index for index, state in enumerate(states)}
    mirror = [place[s, -b] for s, b in states]
    stay, go, moved = np.zeros((15, 15)), np.zeros((15, 15)), np.zeros(15)
    for ticker in frame["ticker"].unique():
        rows = frame.filter(pl.col("ticker") == ticker, pl.col("ts") < before).to_dicts()
        for old, new in pairwise(rows):
            x, y = plain_state(old), plain_state(new)
            if x is None or y is None:
                continue
            x, y = place[x], place[y]
            step = (new["bid"] + new["ask"] - old["bid"] - old["ask"]) / 2
            for a, b, d in ((x, y, step), (mirror[x], mirror[y], -step)):
                (go if step else stay)[a, b] += 1
                moved[a] += d
    seen = (stay + go).sum(axis=1).reshape(3, 5).astype(int)
    for x in range(15):
        stay[x, x] += prior / 2
        stay[x, mirror[x]] += prior / 2
    total = (stay + go).sum(axis=1)
    inverse = np.linalg.pinv(np.eye(15) - stay / total[:, None])
    # A state that the mid never leaves has no first move; its symmetric part is no part of the sum.
    first, b = inverse @ (moved / total), inverse @ (go / total[:, None])
    summed, power = first, b
    for _ in range(14):
        summed, power = summed + power @ summed, power @ power
        summed = (summed - summed[mirror]) / 2
    return summed.reshape(3, 5), seen


@many
@given(frame=frames(), before=st.integers(1, 2_000), prior=st.sampled_from([0.5, 2.0]))
def test_the_adjustment_is_stoikov_s_sum(frame, before, prior):
    found = fit_microprice(frame.lazy(), before, SMALL, prior=prior)
    expected, seen = stoikov(frame, before, prior)
    np.testing.assert_allclose(found.adjustment, expected, atol=1e-6)
    np.testing.assert_array_equal(found.rows, seen)
    np.testing.assert_array_equal(found.adjustment, -found.adjustment[:, ::-1])


@many
@given(frame=frames(), before=st.integers(1, 2_000))
def test_it_learns_from_the_past_and_speaks_of_what_follows(frame, before):
    found = fit_microprice(frame.lazy(), before, SMALL)
    past = fit_microprice(frame.filter(pl.col("ts") < before).lazy(), before, SMALL)
    np.testing.assert_array_equal(found.adjustment, past.adjustment)
    said = frame.select("ts", price=found.price())
    assert said.filter(pl.col("ts") < before)["price"].is_null().all()
    for row, price in zip(frame.to_dicts(), said["price"], strict=True):
        state = plain_state(row)
        if row["ts"] < before or state is None:
            assert price is None
        else:
            assert price == pytest.approx((row["bid"] + row["ask"]) / 2 + found.adjustment[state[0], state[1] + 2])


def walk(n, rng, p):
    """A book of one-tick spread: a heavy bid mostly lets the mid rise, then the sides are drawn anew."""
    bid, heavy, rows = 5_000, 1, []
    for ts in range(n):
        size = (90, 10) if heavy > 0 else (10, 90)
        rows.append(("A", ts, bid, size[0], bid + 100, size[1]))
        if rng.random() < p:
            bid += 100 * heavy
            heavy = int(rng.choice([1, -1], p=[0.25, 0.75])) * heavy
    return pl.DataFrame(rows, schema=["ticker", "ts", "bid", "bid_size", "ask", "ask_size"], orient="row")


def test_a_chain_whose_answer_is_known():
    """Each move is a tick towards the heavy side, which then turns in 3 of 4: 100 (1 - 1/2 + 1/4 - …) = 200 / 3."""
    frame = walk(60_000, np.random.default_rng(0), 0.2)
    found = fit_microprice(frame.lazy(), 50_000, Shape(spreads=1, buckets=3))
    assert found.adjustment[0].tolist() == pytest.approx([-200 / 3, 0, 200 / 3], abs=1.5)
    rest = frame.with_columns(micro=found.price(), mid=(pl.col("bid") + pl.col("ask")) / 2)
    later = rest.with_columns(later=pl.col("mid").shift(-200)).drop_nulls()
    assert later.height > 9_000
    slope = ((later["micro"] - later["mid"]) * (later["later"] - later["mid"])).sum()
    assert slope / ((later["micro"] - later["mid"]) ** 2).sum() == pytest.approx(1, abs=0.25)


def test_fits_follow_each_other():
    frame = walk(3_000, np.random.default_rng(1), 0.3)
    shape = Shape(spreads=1, buckets=3)
    first, second = (fit_microprice(frame.lazy(), before, shape) for before in (1_000, 2_000))
    found = frame.select("ts", both=pl.coalesce(second.price(), first.price()), a=first.price(), b=second.price())
    assert found["both"].null_count() == 1_000
    assert (found["both"] == found["a"])[1_000:2_000].all()
    assert (found["both"] == found["b"])[2_000:].all()
    assert (found["a"] != found["b"])[2_000:].all()


def test_what_cannot_be_fitted_is_said():
    frame = walk(10, np.random.default_rng(0), 0.5).lazy()
    with pytest.raises(InputError, match="odd number from 3 on, not 4"):
        Shape(buckets=4)
    with pytest.raises(InputError, match="prior is above 0"):
        fit_microprice(frame, 5, prior=0)
    assert (fit_microprice(frame, 0).adjustment == 0).all()


@pytest.mark.slow
def test_a_day_of_the_index_teaches_where_the_mid_goes_three_days_later(market_data, tmp_path):
    """Learned on 10 April 2023, used on 13 April: nearer to the mid of ten seconds later than mid and weighted mid."""
    store = imported(market_data / "inx2023_l2", tmp_path / "store")
    tickers = sorted(store.book().select("ticker").unique().collect()["ticker"])
    first, second = (book_quotes(compile_tape(store, ticker)) for ticker in tickers)
    learned = fit_microprice(first.lazy(), int(second["ts"][0]), Shape(buckets=7))
    said = second.with_columns(mid=mid(), weighted=weighted_mid(), micro=learned.price())
    later = said.select("ts", later="mid").drop_nulls()
    both = said.with_columns(pl.col("ts") + 10 * 10**9).join_asof(later, on="ts").drop_nulls()
    assert both.height > 20_000
    error = {name: ((both[name] - both["later"]) ** 2).mean() for name in ("micro", "mid", "weighted")}
    assert error["micro"] < 0.98 * error["mid"] < error["weighted"]
