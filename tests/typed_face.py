"""The whole face in use, as a user's own file has it: never run, but read by two type checkers in strict modes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar, assert_type

import altair as alt
import polars as pl
from touchline import engine, strategies
from touchline.engine import Assumptions, Live, Result, load_params
from touchline.io import Store
from touchline.io.kalshi import Client
from touchline.strategies import Parameter, Pipeline, QuotingModel


class Narrow(QuotingModel):
    """A model of one's own: a constant distance around the mid."""

    name = "narrow"
    parameters = (Parameter("half_spread", 2.0, low=0.1, doc="cents"),)
    grid: ClassVar[Mapping[str, tuple[float, float, int]]] = {"half_spread": (1.0, 5.0, 5)}

    @staticmethod
    def quote(known: Any, p: Any) -> tuple[float, float, float, float]:
        """Quote around the mid."""
        return known.mid - p.half_spread, known.mid + p.half_spread, 1.0, 1.0


class Steady(strategies.Scorer):
    """A part of one's own."""

    name = "steady"


def told(done: int, of: int) -> None:
    """Print how much is done."""
    print(done, of)


def told_markets(done: int, of: int, what: str) -> None:
    """Print how much is done, and what is being done."""
    print(done, of, what)


def told_steps(what: str, done: int, of: int) -> None:
    """Print what is being done, and how much of it is done."""
    print(what, done, of)


def data(store: Store) -> None:
    """Use what goes into a store and what is in it."""
    day = engine.sample(store, seed=7, scale=0.01, out=Path("day"), no_import=False, progress=True)
    assert_type(day.rows, dict[str, int])
    assert_type(day.files, list[Path])
    made = engine.import_files(
        [Path("a.csv"), "b.csv"], "data", format=None, map={"ts": "time"}, tz="UTC", price_unit="cents",
        size_unit="lots", price_grid=None, ticker="A", underlying="SPX", use_yes_price=True, strict=True,
        progress=told, rows=told,
    )  # fmt: skip
    assert_type(made.rows, dict[str, int])
    assert_type(made.not_stored, str)
    print([one.report.rows for one in made.imported], made.skipped)
    checked = engine.check(store, ["A"], deep=True, progress=told)
    print([(one.check, one.ticker, one.count, one.minutes) for one in checked.faults], checked.findings)
    assert_type(engine.sql("select 1", store), pl.DataFrame)
    assert_type(engine.tables(store), pl.DataFrame)
    assert_type(engine.markets(store, series="KXINX", like="%"), pl.DataFrame)
    print([one.rows for one in engine.imports(store)])
    assert_type(engine.brought("a", store), pl.DataFrame)
    print(engine.forget("a", store, yes=True).rows, engine.compact(store, progress=True))
    assert_type(
        engine.features("quant", "2026-01-01", store, start=date(2025, 1, 1), params={"width": 2, "inputs": ["a"]}),
        pl.DataFrame,
    )


def the_store(store: Store) -> None:
    """Use every public method of a store."""
    begin, end = "2026-01-01", datetime(2026, 1, 2)
    for frame in (store.trades("A", begin, end), store.book(["A"]), store.quotes(), store.underlying("SPX"),
                  store.programs("A", begin, end),
                  store.table("trades", "A"), store.markets("result = 'yes'", history=True, ticker="A")):  # fmt: skip
        assert_type(frame, pl.LazyFrame)
    for made in (store.bars("A", seconds=60), store.sql("select 1"), store.coverage(like="%"), store.brought("a")):
        assert_type(made, pl.DataFrame)
    assert_type(store.tickers("trades"), list[str])
    assert_type(store.path, str)
    assert_type(store.version("trades", "A", begin, end), str)
    print([one.size for one in store.tables()], [one.rows for one in store.imports()], store.records())
    print([one.state for one in store.check_files(told)], store.forget("a", dry_run=True).rows, store.compact(told))
    print(store.ingest("by hand", "digest", []).rows, store.ingest_file, store.ingest_small([]))


def wrong(result: Result) -> str:
    """Use what is raised."""
    try:
        result.verify()
    except (engine.InputError, engine.CheckError) as error:
        return str(error)
    return ""


def exchange(store: Store) -> None:
    """Use what speaks with an exchange."""
    pulled = engine.pull(["KXINX"], "2026-01-01", None, store, markets=True, trades=True, candles=True, rate=5,
                         progress=told_markets, tell=print)  # fmt: skip
    print(pulled.markets, pulled.fetched, pulled.stored)
    print([(one.ticker, one.score) for one in engine.scan("KXINX", rate=5.0, tell=print)])
    print([one.per_dollar for one in engine.scan("KXINX", rewards=True, store="data", size=50)])
    heard = engine.record(
        ["A"], "data", series=["KXINX"], journal=Path("journal"), poll=None, duration=60, keep=True, no_import=True,
        rate=10, stop=threading.Event(), tell=print,
    )  # fmt: skip
    assert_type(heard.facts, dict[str, float])
    with engine.ui(["results"], store=store.path, port=0, trust="mine.py") as page:
        assert_type(page.url, str)
    with engine.exchange(store, ["A"], speed="max", port=0, cash=1_000, fault="gap=0.01", queue="touch") as venue:
        print(venue.url, venue.ws, venue.environment)
        venue.advance(1.0)
    params = load_params("params.toml")
    assert_type(params.assumptions, Assumptions)
    print(params.strategy, params.for_market("A"), params.notices, Live.from_params)


def sessions(client: Client) -> None:
    """Use what trades, and what watches it."""
    with engine.trade(
        "params.toml", ["A"], series="KXINX", top=3, paper=True, session=Path("sessions/a"), limits={"loss": 50.0},
        client=client, tell=print,
    ) as session:  # fmt: skip
        assert_type(session.path, Path)
        print(session.run(10.0)["running"], session.audit().difference)
    print(engine.status("sessions/a")["markets"], [one.name for one in engine.doctor("sessions/a")])
    engine.halt("sessions/a", market="A", reason="news")
    engine.flatten("sessions/a", market=["A", "B"])
    engine.kill(Path("sessions/a"))
    engine.resume("sessions/a", reason="looked")
    engine.alert("a test")
    assert_type(engine.audit("sessions/a", trust="mine.py").difference, str | None)
    print(engine.twin("sessions/a", trust="mine.py"))


def runs(store: Store) -> Result:
    """Use backtests, sweeps and what explains them."""
    assume = Assumptions(queue="power@2", entry_ms=50.0, position_limit=20.0)
    found = engine.backtest(
        Narrow, ["A", "B"], store, params={"half_spread": 2}, start="2026-01-01", end=date(2026, 1, 2),
        queue="power@3", latency_ms="lognormal:50:0.5", assume=assume, price_grid=None, underlying=None,
        out=Path("results/a"), force=True, progress=True,
    )  # fmt: skip
    assert_type(found, Result)
    engine.backtest("quant", store=store, params={"take_profit": 0.2}, compare_random=100, seed=1, progress=told)
    engine.backtest("fixed-spread", "A", "data", assume={"queue": "touch", "halt": None, "post_only": False})
    engine.backtest(strategies.load_pipeline("quant"), store="data")
    why = engine.explain(Narrow, "A", datetime(2026, 1, 1), store, params={"half_spread": 2.0}, latency_ms=50)
    print(why.decided_ts, why.known["mid"], why.values, why.inside, why.asked, why.wanted, why.because, why.resting)
    axes: dict[str, list[float]] = {"half_spread": [1, 2, 3]}
    engine.sweep(Narrow, "A", store, axes=axes, sample="sobol:16", threads=2, prove=True, walk_forward=3)
    engine.sweep("glft", series="KXINX", category=None, where="result = 'yes'", min_volume=10, score=3, axes=["a=1,2"])
    return engine.sweep(
        "quant", store=store, axes={"take_profit": "0.1:0.3:3", "side": ["both", "yes"]}, params={"step_minutes": 5},
        out="results/grid", pictures=False, progress=told,
    )  # fmt: skip


def a_result(found: Result) -> None:
    """Use every member of a result."""
    print(found, repr(found), found.kind, found.folder, found.hash, found.record["strategy"], found.summary["pnl"])
    print([(one.name, one.text) for one in found.warnings], found.evidence.trials, found.runs, found.recorded)
    assert_type(found.frames, dict[str, pl.DataFrame])
    for frame in (
        found.fills,
        found.quotes,
        found.signals,
        found.equity,
        found.rewards,
        found.trades,
        found.candidates,
        found.cells,
        found.periods,
    ):
        assert_type(frame, pl.DataFrame)
    assert_type(found.write("results/a", force=True), Path)
    assert_type(found.write_new("results"), Path)
    assert_type(found.written("results/b").folder, Path | None)
    assert_type(found.report(), Path)
    assert_type(found.verify(trust="narrow.py", store="data"), str)
    assert_type(found.chart("equity"), alt.TopLevelMixin)
    assert_type(found.strategy, type[QuotingModel] | Pipeline | None)
    params = found.export("params.toml", pick="overall", by="cash", force=True, valid_days=7)
    print(params.applies[0].parameters, found.weighed)


def folders() -> None:
    """Use what is done with folders of results."""
    assert_type(engine.open("results/a"), Result)
    print(engine.show("results/grid", top=3, by="pnl")["best"])
    trained = engine.train("quant", "logistic", "data", out="m", features=["mark"], every="7d", params={"penalty": 0.1})
    assert_type(trained.has_skill, bool)
    assert_type(engine.audit_model("m", until="2026-01-01").has_skill, bool)
    assert_type(engine.verify("results/a", trust=["narrow.py"], store="data"), str)
    assert_type(engine.report(Path("results/a"), out="a.html"), Path)
    print(engine.export("results/grid", "params.toml", pick="by-market").content_hash, engine.__version__)
    made = engine.demo("results/demo", seed=7, scale=0.01, progress=told_steps)
    print(made.bets.hash, made.swept.hash, made.checked.faults, made.busiest)


def models(store: Store) -> None:
    """Use strategies, their parts and their fits."""
    for entry in engine.strategies("glft"):
        print(entry.kind, entry.name, entry.doc, [(one.name, one.default, one.bounds) for one in entry.parameters])
    assert_type(
        engine.signals("A", Narrow, store, start=None, end=None, price_grid=None, underlying=None, out=None),
        pl.DataFrame,
    )
    fits = engine.fit("A", ["SPX"], store, step=1, window=60, theta=60, horizons=(60, 300), nu=3, held_out=0.3)
    print([(one.ticker, one.sigma) for one in fits.markets], [one.best for one in fits.underlyings])
    shipped: Sequence[type[QuotingModel]] = (
        strategies.AvellanedaStoikov, strategies.BinaryCara, strategies.CauchyBand, strategies.FixedSpread,
        strategies.Glft, strategies.Stationary,
    )  # fmt: skip
    print([one.columns() for one in shipped], Narrow.row({"half_spread": 2.0}))
    print(
        strategies.Executor, strategies.Filter, strategies.Selector, strategies.Source, strategies.Table, Steady.doc()
    )
    pipeline = strategies.load_pipeline("quant")
    assert_type(pipeline.with_values(take_profit=0.3), Pipeline)
