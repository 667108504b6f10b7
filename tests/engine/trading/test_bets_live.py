"""A session of bets on paper comes to the bets of the backtest of the same recording, over restarts too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from touchline import engine
from touchline.engine.api.trade import audit
from touchline.engine.bets.backtest import BetsRun, backtest
from touchline.engine.bets.results import chances
from touchline.engine.bets.types import Exit
from touchline.engine.cli.app import app
from touchline.engine.figures.words import moment, usd
from touchline.engine.trading.bets import machine
from touchline.engine.trading.journal import read, segments
from touchline.engine.trading.knowing.course import course_of
from touchline.engine.trading.lines import Command
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
Told = dict[tuple[str, int], dict[str, Any]]


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


def bets_of(found: BetsRun) -> Told:
    """Every bet of a backtest, by market and time of entry."""
    times, tickers = found.panel.times, found.panel.markets["ticker"].to_list()
    shown: Told = {}
    for rows, over in ((found.run.trades, True), (found.run.still_open, False)):
        for h, chance in zip(rows, chances(rows).tolist(), strict=True):
            pnl = int(h["proceeds"] - h["price"] * h["lots"] - h["entry_fee"] - h["exit_fee"])
            entered = int(times[h["entry_bar"]])
            shown[tickers[h["market"]], entered] = {
                "market": tickers[h["market"]], "side": "yes" if h["side"] > 0 else "no", "entered": entered,
                "probability": chance, "mark": int(h["mark"]), "score": int(h["score"]), "price": int(h["price"]),
                "lots": int(h["lots"]), "left": int(h["left"]), "proceeds": int(h["proceeds"]),
                "fees": int(h["entry_fee"] + h["exit_fee"]),
                "exit": Exit(int(h["reason"])).name.lower().replace("_", " ") if over else None,
                "left_at": int(times[h["exit_bar"]]) if over else None, "pnl": pnl if over else None,
            }  # fmt: skip
    return shown


def bet_lines(session: Path) -> Told:
    found = [json.loads(line.payload) for line in read(segments(session / "journal")) if line.kind == "bet"]
    return {(one["market"], one["entered"]): {k: v for k, v in one.items() if k != "result"} for one in found}


def walk(exchange: Any, session: Any, *, until: Callable[[], bool] = lambda: False) -> None:
    session.step()
    while not exchange.finished() and not until():
        exchange.step()
        session.step()


def bars_of(session: Path) -> list[int]:
    return [line.ts for line in read(segments(session / "journal")) if line.kind == "bar"]


@pytest.mark.slow
def test_a_session_of_bets_is_the_backtest_of_its_recording(bet_day: Store, pipeline: Path, tmp_path: Path):
    folder, after = tmp_path / "session", [0]
    with opened(bet_day) as (exchange, client):
        clock = lambda: exchange.now() + after[0]  # noqa: E731 - the exchange's time, and a little more at the end
        given: dict[str, Any] = {"session": folder, "client": client, "clock": clock, "inline": True}
        with engine.trade(pipeline, tickers_of(), **given) as session:
            walk(exchange, session, until=lambda: bool(session.runner.machine.bets.held))
        held = engine.status(folder)["bets"]
        assert held
        with engine.trade(pipeline, tickers_of(), **given) as session:  # another process goes on with them
            assert session.runner.status()["bets"] == held
            walk(exchange, session)
            after[0] = 180 * SECOND  # the last bar ends
            session.step()
            assert session.runner.machine.over
            ledger = session.runner.machine.ledger
            assert not any(one.position for one in ledger.holdings.values())
            made = session.runner.status()
            assert made["pnl"] == sum(one.cash for one in ledger.holdings.values()) == made["bets_made"]
    there = bets_of(backtest(bet_day, pipeline, end=bars_of(folder)[-1]))
    assert bet_lines(folder) == there
    assert {one["exit"] for one in there.values()} >= {"resolution", "stop loss"}
    assert len(there) > 3
    done = audit(folder)
    assert (done.difference, done.runs, done.counts["bet"] > len(there)) == (None, 2, True)
    assert done.bets is not None
    assert {one["result"] for one in done.bets["bets"]} <= {0.0, 1.0}
    assert done.bets["strategy"]["count"] == len(there)


@pytest.mark.slow
def test_orders_of_bets_that_rest_on_paper_get_what_the_backtest_says(bet_day: Store, pipeline: Path, tmp_path: Path):
    pipeline.write_text(PIPELINE + 'entry = "maker"\nmaker_bars = 2\nqueue = "power@3"\n', encoding="utf-8")
    folder, after = tmp_path / "session", [0]
    with opened(bet_day) as (exchange, client):
        clock = lambda: exchange.now() + after[0]  # noqa: E731 - the exchange's time, and a little more at the end
        given: dict[str, Any] = {"session": folder, "client": client, "clock": clock, "inline": True}
        with engine.trade(pipeline, tickers_of(), **given) as session:
            rested = list[Any]()
            walk(exchange, session, until=lambda: bool(rested.extend(session.runner.status()["bets_resting"])))
            after[0] = 180 * SECOND
            session.step()
    found = backtest(bet_day, pipeline, end=bars_of(folder)[-1])
    assert bet_lines(folder) == bets_of(found)
    assert len(found.run.trades) > 2 and rested
    assert int(found.run.account["orders"]) > len(found.run.trades)  # some were withdrawn
    assert audit(folder).difference is None


@pytest.mark.slow
def test_a_session_of_bets_from_the_command_line_is_the_backtest_from_where_it_began(
    bet_day: Store, pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "session"
    monkeypatch.setattr("touchline.engine.cli.trade.app._stop_on_signals", lambda session: None)
    with opened(bet_day, speed=120) as (exchange, _):
        for name, value in exchange.environment.items():
            monkeypatch.setenv(name, value)
        made = CliRunner().invoke(app, ["trade", str(pipeline), *tickers_of(), "--session", str(folder), "--for", "22"])
    assert made.exit_code == 0, made.output
    assert "bets that are held; " in made.output
    bars = bars_of(folder)
    there = bets_of(backtest(bet_day, pipeline, start=bars[0] - 180 * SECOND, end=bars[-1]))
    assert (bet_lines(folder), len(there) > 3) == (there, True)
    told = CliRunner().invoke(app, ["trade", "audit", str(folder)])
    assert told.exit_code == 0, told.output
    assert "probabilities of the strategy" in told.output


def test_a_model_that_may_not_serve_any_more_kills_the_session_in_one_line(
    bet_day: Store, pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def see(moves: Any, panel: Any) -> None:
        if panel.shape[0] > 1:
            raise InputError("forest reads what has moved")

    monkeypatch.setattr(machine.Moves, "see", see)
    folder = tmp_path / "session"
    with opened(bet_day) as (exchange, client):
        given: dict[str, Any] = {"session": folder, "client": client, "clock": exchange.now, "inline": True}
        with engine.trade(pipeline, tickers_of(), **given) as session:
            walk(exchange, session, until=lambda: len(session.runner.machine.bets.rows["KXTEST-26SEP21-B0"]) > 3)
    assert engine.status(folder)["killed"] == "model: forest reads what has moved"
    assert not engine.status(folder)["bets"]
    assert session.audit().difference is None


def test_a_person_orders_a_session_of_bets_about(bet_day: Store, pipeline: Path, tmp_path: Path):
    """Nothing is entered or left in a halted market, what is flattened is sold, and a kill holds over restarts."""
    folder, first = tmp_path / "session", tickers_of()[0]
    with opened(bet_day) as (exchange, client):
        given: dict[str, Any] = {"session": folder, "client": client, "clock": exchange.now, "inline": True}
        with engine.trade(pipeline, tickers_of(), **given) as session:
            session.halt("news", [first])
            walk(exchange, session, until=lambda: len(session.runner.machine.bets.held) > 1)
            held = dict.fromkeys(session.runner.machine.bets.held)
            assert first not in held
            fates = {one.ticker: one.before for one in session.runner.machine.scores}
            assert fates[first] in ("no edge", "not tradable")
            session.runner.order(Command("flatten", "enough"))
            walk(exchange, session, until=lambda: not session.runner.machine.bets.held)
            lately = session.runner.status()["bets_lately"]
            assert {one["market"] for one in lately if one["exit"] == "by hand"} == set(held)
            session.runner.order(Command("kill", "no more"))
        with engine.trade(pipeline, tickers_of(), **given) as session:
            assert session.runner.status()["killed"] == "person: no more"
            bars = session.runner.machine.bets.bars
            walk(exchange, session, until=lambda: session.runner.machine.bets.bars > bars + 1)
            assert not session.runner.machine.bets.held
            session.runner.order(Command("resume", "looked at it"))
            assert session.runner.status()["killed"] is None
            walk(exchange, session)
            assert "not tradable" not in {one.before for one in session.runner.machine.scores}
    assert audit(folder).difference is None


@pytest.mark.parametrize(
    ("more", "mode", "wrong"),
    [
        ("close_at_end = 'yes'", {}, "has no last bar"),
        ("entry = 'maker'\nqueue = 'poisson@0.7,0.3'", {}, "need the whole history"),
        ("", {"underlying": {"KXTEST": "BRTI"}}, "underlying= is for sessions that quote"),
    ],
)
def test_what_a_session_of_bets_does_not_do_is_refused(
    bet_day: Store, pipeline: Path, tmp_path: Path, more: str, mode: dict[str, Any], wrong: str
):
    pipeline.write_text(PIPELINE + more, encoding="utf-8")
    with opened(bet_day) as (_, client), pytest.raises(InputError, match=wrong):
        engine.trade(pipeline, tickers_of(), session=tmp_path / "session", client=client, **mode)
    assert not (tmp_path / "session").exists()


@pytest.fixture(scope="module")
def opening(bet_day: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The same day; the last market opens after five minutes, and the whole of it comes so much later."""
    store, late, after = Store(tmp_path_factory.mktemp("opening")), pl.col("ticker") == tickers_of()[-1], 300 * SECOND
    moved = pl.when(late).then(pl.col("ts") + after).otherwise("ts").alias("ts")
    markets = bet_day.markets(history=True).collect()
    markets = markets.with_columns(open_ts=pl.when(late).then(START + after).otherwise("open_ts"))
    books, trades = (
        one.collect().with_columns(moved).sort("ts", maintain_order=True) for one in (bet_day.book(), bet_day.trades())
    )
    tables = {"markets": markets, "book": books, "trades": trades}
    store.ingest(
        "made up", "day", [Chunk({name: one.drop("import_id", "source", strict=False) for name, one in tables.items()})]
    )
    return store


def test_a_market_of_the_series_that_opens_joins_and_is_bet_on_as_the_backtest_says(
    opening: Store, pipeline: Path, tmp_path: Path
):
    folder, late, after = tmp_path / "session", tickers_of()[-1], [0]
    paid = START + 2400 * SECOND  # the first markets have
    with opened(opening) as (exchange, client):
        clock = lambda: exchange.now() + after[0]  # noqa: E731 - the exchange's time, and a little more at the end
        given: dict[str, Any] = {
            "series": "KXTEST",
            "session": folder,
            "client": client,
            "clock": clock,
            "inline": True,
            "limits": {"choose_s": 5},
        }
        with engine.trade(pipeline, **given) as session:
            assert [*session.runner.machine.markets] == tickers_of()[:2]
            walk(exchange, session, until=lambda: late in session.runner.machine.bets.held)
        with engine.trade(pipeline, **given) as session:  # another process knows it
            assert [*session.runner.machine.markets] == tickers_of()
            session.runner.journal.rotate(session.runner.machine.state())  # the next segment names no market
            walk(exchange, session, until=lambda: late not in session.runner.machine.markets or exchange.now() > paid)
        with engine.trade(pipeline, **given) as session:
            walk(exchange, session)
            after[0] = 180 * SECOND
            session.step()
            session.step()
            assert session.runner.machine.over
    joined = [json.loads(line.payload) for line in read(segments(folder / "journal")) if line.kind == "join"]
    assert [one["market"] for one in joined] == [late]
    there = bets_of(backtest(opening, pipeline, end=bars_of(folder)[-1]))
    assert bet_lines(folder) == there
    assert any(ticker == late for ticker, _ in there)
    assert audit(folder).difference is None
    page = engine.report(folder).read_text()
    for (ticker, entered), one in there.items():
        assert f">{ticker}<" in page and moment(entered) in page and usd(one["pnl"]) in page
    assert usd(sum(one["pnl"] for one in there.values())) in page and "What became of the candidates" in page
    with pytest.raises(InputError, match="there is no twin and no queue to fit"):
        course_of(folder)


def test_in_production_a_market_that_opens_joins_with_an_order_group(opening: Store, pipeline: Path, tmp_path: Path):
    folder, late = tmp_path / "session", tickers_of()[-1]
    with opened(opening) as (exchange, client):
        given: dict[str, Any] = {
            "series": "KXTEST",
            "session": folder,
            "client": client,
            "clock": exchange.now,
            "inline": True,
        }
        with engine.trade(pipeline, production=True, limits={"choose_s": 5}, **given) as session:
            walk(exchange, session, until=lambda: any(one == late for one, _ in bet_lines(folder)))
            ledger = session.runner.machine.ledger
            assert len({ledger.holding(one).group for one in tickers_of()} - {None}) == 3
    assert any(one["lots"] for (ticker, _), one in bet_lines(folder).items() if ticker == late)
    assert audit(folder).difference is None
