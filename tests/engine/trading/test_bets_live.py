"""A session of bets comes to the bets of the backtest of the same recording, over restarts too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from touchline import engine
from touchline.engine.api.trade import audit
from touchline.engine.bets.backtest import backtest
from touchline.engine.cli.app import app
from touchline.engine.trading.bets import machine
from touchline.engine.trading.bets.machine import bets_of
from touchline.engine.trading.journal import read, segments
from touchline.io.ground.errors import InputError
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from typer.testing import CliRunner

from ..exchanges.conftest import SECOND, START, random_frames
from .conftest import opened, tickers_of

PIPELINE = """
[source]
step_minutes = 3
[scorer]
name = "momentum"
window_bars = 2
strength = 1.0
[selector]
name = "top-k"
k = 2
min_score = 0.001
[executor]
sizing = "fixed-fraction"
fraction = 0.01
capital = 1000
max_hold_hours = 0.3
"""


@pytest.fixture(scope="module")
def bet_day(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three markets for half an hour that then pay, one of them later."""
    store = Store(tmp_path_factory.mktemp("bet-day"))
    end = START + 2100 * SECOND
    paid = {"result": "yes", "settlement": 10_000, "settled_ts": end + 120 * SECOND}
    markets, books, trades = random_frames(7, tickers=3, rows=150, step=10.0, **paid)
    late = pl.col("settled_ts") + pl.when(pl.col("ticker") == tickers_of()[-1]).then(360 * SECOND).otherwise(0)
    markets = markets.with_columns(late.alias("settled_ts"))
    store.ingest("made up", "day", [Chunk({"markets": markets, "book": books, "trades": trades})])
    return store


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    path = tmp_path / "pipeline.toml"
    path.write_text(PIPELINE, encoding="utf-8")
    return path


def bet_lines(session: Path) -> dict[tuple[str, int], dict[str, Any]]:
    found = [json.loads(line.payload) for line in read(segments(session / "journal")) if line.kind == "bet"]
    return {(one["market"], one["entered"]): one for one in found}


def walk(exchange: Any, session: Any, *, until: Callable[[], bool]) -> None:
    session.step()
    while not exchange.finished() and not until():
        exchange.step()
        session.step()


@pytest.mark.slow
def test_a_session_of_bets_is_the_backtest_of_its_recording(bet_day: Store, pipeline: Path, tmp_path: Path):
    folder, after = tmp_path / "session", [0]
    with opened(bet_day) as (exchange, client):
        clock = lambda: exchange.now() + after[0]  # noqa: E731 - the exchange's time, and a little more at the end
        given: dict[str, Any] = {"session": folder, "client": client, "clock": clock, "inline": True}
        with engine.trade(pipeline, tickers_of(), **given) as session:
            walk(exchange, session, until=lambda: bool(session.told()["bets"]))
        held = engine.status(folder)["bets"]
        assert held
        torn = segments(folder / "journal")[-1]
        whole = torn.read_bytes().splitlines(keepends=True)
        assert b" bar " in whole[-1]
        torn.write_bytes(b"".join(whole[:-1]))  # killed before it wrote that down
        with engine.trade(pipeline, tickers_of(), **given) as session:  # another process goes on with them
            assert session.told()["bets"] == held
            walk(exchange, session, until=lambda: False)
            after[0] = 180 * SECOND  # the last bar ends
            session.step()
            assert session.machine.over
    last = max(line.ts for line in read(segments(folder / "journal")) if line.kind == "bar")
    there = bets_of(backtest(bet_day, pipeline, end=last))
    assert bet_lines(folder) == there
    assert {one["exit"] for one in there.values()} >= {"resolution", "stop loss"}
    assert len(there) > 3
    done = audit(folder)
    assert (done.difference, done.runs, done.counts["bet"] > len(there)) == (None, 2, True)
    assert done.bets is not None
    assert {one["result"] for one in done.bets["bets"]} <= {0.0, 1.0}
    assert done.bets["strategy"]["count"] == len(there)


@pytest.mark.slow
def test_a_session_of_bets_from_the_command_line_is_the_backtest_from_where_it_began(
    bet_day: Store, pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "session"
    monkeypatch.setattr("touchline.engine.cli.trade.app._stop_on_signals", lambda session: None)
    with opened(bet_day, speed=400) as (exchange, _):
        for name, value in exchange.environment.items():
            monkeypatch.setenv(name, value)
        made = CliRunner().invoke(app, ["trade", str(pipeline), *tickers_of(), "--session", str(folder), "--for", "9"])
    assert made.exit_code == 0, made.output
    assert "bets that are held; " in made.output
    bars = [line.ts for line in read(segments(folder / "journal")) if line.kind == "bar"]
    there = bets_of(backtest(bet_day, pipeline, start=bars[0] - 180 * SECOND, end=bars[-1]))
    assert (bet_lines(folder), len(there) > 3) == (there, True)
    told = CliRunner().invoke(app, ["trade", "audit", str(folder)])
    assert told.exit_code == 0, told.output
    assert "probabilities of the strategy" in told.output


def test_a_model_that_may_not_serve_any_more_ends_the_session_in_one_line(
    bet_day: Store, pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def check(pipeline: Any, now: int, panel: Any = None) -> None:
        if panel is not None and panel.shape[0] > 1:
            raise InputError("forest reads what has moved")

    monkeypatch.setattr(machine, "check_live", check)
    folder = tmp_path / "session"
    with opened(bet_day) as (exchange, client):
        given: dict[str, Any] = {"session": folder, "client": client, "clock": exchange.now, "inline": True}
        with (
            engine.trade(pipeline, tickers_of(), **given) as session,
            pytest.raises(InputError, match="forest reads what has moved"),
        ):
            walk(exchange, session, until=lambda: False)
    assert engine.status(folder)["killed"] == "forest reads what has moved"
    assert session.audit().difference is None


def test_a_bet_of_a_bar_that_was_over_is_never_changed_in_silence(bet_day: Store, pipeline: Path, tmp_path: Path):
    with opened(bet_day) as (exchange, client):
        given: dict[str, Any] = {"session": tmp_path / "session", "client": client, "clock": exchange.now}
        with engine.trade(pipeline, tickers_of(), **given) as session:
            session.machine.bets[tickers_of()[0], START] = {"exit": None}
            with pytest.raises(InputError, match="what came late changes the bet on KXTEST-26SEP21-B0"):
                walk(exchange, session, until=lambda: False)


@pytest.mark.parametrize(
    ("more", "mode", "wrong"),
    [
        ("", {"production": True}, "bets are held on paper, not in production"),
        ("entry = 'maker'", {}, "set entry=taker"),
        ("close_at_end = 'yes'", {}, "has no last bar"),
        ("", {"limits": {"loss_day": 5}}, "limits= is for sessions that quote"),
    ],
)
def test_what_a_session_of_bets_does_not_do_is_refused(
    bet_day: Store, pipeline: Path, tmp_path: Path, more: str, mode: dict[str, Any], wrong: str
):
    pipeline.write_text(PIPELINE + more, encoding="utf-8")
    with opened(bet_day) as (_, client), pytest.raises(InputError, match=wrong):
        engine.trade(pipeline, tickers_of(), session=tmp_path / "session", client=client, **mode)
    assert not (tmp_path / "session").exists()
