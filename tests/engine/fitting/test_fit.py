"""Fitting from a store: a market of known A, kappa and sigma, a real one, and what the command shows."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from touchline.engine.cli.fit import app
from touchline.engine.fitting.fit import fit_market, fit_underlying
from touchline.engine.fitting.touch import touch
from touchline.io.ground.errors import InputError
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, plan
from touchline.io.store.chunk import Chunk
from touchline.io.store.schema import BookKind, Side
from touchline.io.store.store import Store
from typer.testing import CliRunner

SECOND = 10**9
START = 1_767_225_600 * SECOND
A, KAPPA, SIGMA = 0.2, 0.6, 0.12


def made_up(seed: int = 1, seconds: int = 40_000) -> dict[str, pl.DataFrame]:
    """A market whose mid walks on the half cents and whose quotes are reached as the law says."""
    rng = np.random.default_rng(seed)
    moves = np.where(rng.random(seconds) < SIGMA**2, rng.choice([-1, 1], seconds), 0)
    bid = 4950 + 100 * moves.cumsum() - 50
    ts = START + np.arange(seconds) * SECOND
    quotes = {"ts": ts, "ticker": "MADE", "bid": bid, "ask": bid + 100, "bid_size": 500, "ask_size": 500}
    trades: list[pl.DataFrame] = []
    for side in (1, -1):
        hit = rng.random(seconds) < A * math.exp(-KAPPA * 0.5)
        ticks = rng.geometric(1 - math.exp(-KAPPA), seconds) - 1
        price = np.where(side > 0, bid + 100 + 100 * ticks, bid - 100 * ticks)
        rows = {"ts": ts + SECOND // 2, "ticker": "MADE", "price": price, "size": 100, "taker_side": side}
        trades.append(pl.DataFrame(rows).filter(pl.Series(hit)))
    walk = 4000 * np.exp((1e-4 * rng.standard_t(3, seconds)).cumsum())
    underlying = {"ts": ts, "symbol": "IDX", "value": walk}
    return {"quotes": pl.DataFrame(quotes), "trades": pl.concat(trades), "underlying": pl.DataFrame(underlying)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = Store(tmp_path_factory.mktemp("fit") / "store")
    made.ingest("made.csv", "d1", [Chunk(made_up())])
    return made


def test_a_market_of_known_parameters(store: Store):
    found = fit_market(store, "MADE")
    for one in found.intensity.values():
        assert abs(one.kappa - KAPPA) < 4 * one.kappa_se
        assert abs(one.A - A) < 4 * one.A_se
    for name in ("realised", "realised-1s", "levels", "ewma"):
        assert found.sigma[name] == pytest.approx(SIGMA, rel=0.12)
    assert (found.tick, found.notes) == (1.0, [])
    assert found.seconds == 39_999


def test_a_part_of_the_time_and_too_little_of_it(store: Store):
    found = fit_market(store, "MADE", START, START + 20 * SECOND)
    assert found.quotes == 20
    assert any("sigma, levels: too little history" in note for note in found.notes)
    with pytest.raises(InputError, match="MADE has no book and no quotes in that time"):
        fit_market(store, "MADE", 0, 1)
    with pytest.raises(InputError, match="NOPE has no book and no quotes in"):
        fit_market(store, "NOPE")


def test_an_underlying_of_known_law(store: Store):
    found = fit_underlying(store, "IDX", horizons_s=(1.0, 10.0, 60.0))
    one = found.horizons[0]
    assert [law.name for law in one.laws] == ["Cauchy", "Student-t(3)", "normal"]
    assert max(one.scores, key=lambda name: one.scores[name]) == "Student-t(3)"
    assert abs(one.laws[1].scale - 1e-4) < 4 * one.laws[1].scale_se
    assert found.growth["normal"].exponent == pytest.approx(0.5, abs=0.05)
    assert found.best in found.growth


def test_a_horizon_that_cannot_be_fitted_is_left_out_with_its_reason(store: Store):
    found = fit_underlying(store, "IDX", horizons_s=(60.0, 30_000.0))
    assert [one.seconds for one in found.horizons] == [60.0]
    assert "30000 s left out: 1 returns are too few" in found.notes[0]
    assert "one horizon says nothing" in found.notes[1]
    with pytest.raises(InputError, match="no horizon could be fitted"):
        fit_underlying(store, "IDX", horizons_s=(30_000.0,))
    with pytest.raises(InputError, match="symbols in the store: IDX"):
        fit_underlying(store, "BTC")


def naive_touch(rows: list[tuple[int, int, int, int, int]]) -> list[tuple[int, int, int]]:
    """A book as two dicts, told after the last row of each moment."""
    book: dict[int, dict[int, int]] = {1: {}, -1: {}}
    known, found = True, list[tuple[int, int, int]]()
    for number, (ts, kind, side, price, size) in enumerate(rows):
        if kind in (BookKind.CLEAR, BookKind.GAP):
            book, known = {1: {}, -1: {}}, kind == BookKind.CLEAR
        else:
            book[side][price] = size if kind == BookKind.LEVEL else book[side].get(price, 0) + size
        if number + 1 == len(rows) or rows[number + 1][0] != ts:
            bids = [level for level, held in book[1].items() if held > 0]
            asks = [level for level, held in book[-1].items() if held > 0]
            found.append((ts, max(bids, default=-1) if known else -1, min(asks, default=-1) if known else -1))
    return found


ROW = st.tuples(
    st.integers(0, 2),
    st.sampled_from([0, 0, 0, 1, 1, 2, 3]),
    st.sampled_from([int(Side.BID), int(Side.ASK)]),
    st.integers(1, 12).map(lambda level: level * 100),
    st.integers(-3, 5),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(ROW, min_size=1, max_size=60))
def test_the_touch_is_that_of_a_plain_book(rows: list[tuple[int, int, int, int, int]]):
    at, steps = 0, list[tuple[int, int, int, int, int]]()
    for wait, *rest in rows:
        at += wait
        steps.append((at, *rest))
    frame = pl.DataFrame(steps, schema=["ts", "kind", "side", "price", "size"], orient="row")
    assert list(zip(*(column.tolist() for column in touch(frame)), strict=True)) == naive_touch(steps)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_as_json_and_as_tables(store: Store):
    asked = ["--store", store.path, "--market", "MADE", "--underlying", "IDX", "--horizons", "10,60"]
    shown = json.loads(run(*asked, "--json"))
    found = fit_market(store, "MADE")
    assert shown["markets"][0]["intensity"]["both"]["kappa"] == found.intensity["both"].kappa
    assert shown["underlyings"][0]["horizons"][0]["laws"][0]["law"] == "Cauchy"
    assert set(shown["underlyings"][0]["growth"]) == {"Cauchy", "Student-t(3)", "normal"}
    tables = run(*asked)
    for word in ("kappa, 1/cent", "bipower-1s", "log score held out", "exponent"):
        assert word in tables


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name what to fit"),
        (["--underlying", "IDX", "--horizons", "60,x"], "horizons= are seconds"),
        (["--underlying", "IDX", "--horizons", "60,0"], "horizons= must be more than 0"),
        (["--underlying", "IDX", "--held-out", "1"], "held_out= is a share"),
        (["--market", "MADE", "--start", "soon"], "not an ISO 8601 time"),
    ],
)
def test_bad_input_of_the_command(store: Store, arguments: list[str], message: str):
    with pytest.raises(InputError, match=message):
        run("--store", store.path, *arguments)


@pytest.mark.slow
def test_two_real_days(market_data: Path, tmp_path: Path):
    real = Store(tmp_path / "store")
    for day in ("10", "13"):
        known, _ = plan([market_data / "inx2023_l2" / f"apr-{day}-combined.csv.gz"], Options())
        import_file(real, known[0], Options())
    for ticker in ("INX-23APR10-B4075", "INX-23APR13-B4125"):
        found = fit_market(real, ticker)
        assert 0.5 < found.intensity["both"].kappa < 2 and found.intensity["both"].reaches > 300
        assert found.sigma["bipower-1s"] < found.sigma["realised-1s"] < 0.5
    law = fit_underlying(real, "SPX", horizons_s=(5.0, 30.0, 60.0, 300.0, 900.0))
    assert 0.5 < law.growth["Cauchy"].exponent < 0.75
    assert law.best == "Student-t(3)"
