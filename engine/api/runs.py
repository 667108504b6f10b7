"""Backtests, sweeps and what is done with their results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...io.ground.errors import InputError
from ...io.ground.progress import Progress
from ...io.ground.times import Moment, nanoseconds
from ...io.store.store import Store
from ...strategies.parameters import Setting, check
from ...strategies.quoting.model import QuotingModel
from ..simulator.ahead import compile_ahead
from ..simulator.assumptions.latency import Delay
from ..simulator.assumptions.venue import Assumptions
from .asked import (
    Assume,
    assumptions_of,
    class_of,
    history_of,
    is_betting,
    markets_of,
    model_of,
    not_for_bets,
    not_for_quotes,
    place_of,
)
from .given import listed
from .showing import showing

if TYPE_CHECKING:
    from ...strategies.own_file import Trust
    from ..bets.panel.panel import Panel
    from ..reports.drawing import Drawer
    from ..results.params import Params, PickName
    from ..results.results import Run, Sweep
    from ..results.selection import Ranking
    from ..runs.explain import Explanation
    from ..runs.replayed import ReplaySettings
    from ..runs.result import Result
    from .asked import Strategy

#: Values of an axis: a text such as ``"0.05:1:32"``, one value, or several.
AxisValues = str | float | Iterable[float | str]
#: The random portfolios that ``compare_random=True`` stands for.
RANDOM_PORTFOLIOS = 200


def backtest(
    strategy: Strategy, market: str | Sequence[str] | None = None, store: Store | str | Path | Panel = "data", *,
    params: Mapping[str, Setting] | None = None, start: Moment | None = None, end: Moment | None = None,
    queue: str | None = None, latency_ms: Delay | None = None, assume: Assume | None = None,
    reward: str | Sequence[str] = (), reaction: str | None = None, price_grid: str | None = None,
    underlying: str | None = None, compare_random: bool | int = False, seed: int | None = None,
    out: str | Path | None = None, force: bool = False, progress: Progress | bool = False,
) -> Result:  # fmt: skip
    """Try a strategy on recorded markets, in exact money: replay a quoting model, or bet with a pipeline.

    Args:
        strategy: A quoting model by name, as ``file.py:ClassName`` or as a class; or a pipeline by name, as a TOML
            file or as a ``Pipeline``, which finds its own markets.
        market: The ticker, or several, that a quoting model is replayed on.
        store: A store, the place of one, or a folder with ``markets.csv`` and ``trades.csv``.
        params: Parameters of the strategy by name, in the units that ``engine strategies NAME`` says.
        start: From this time on; without it from the first event.
        end: Before this time.
        queue: The queue model, ``power@3`` unless given; short for ``assume={"queue": …}``.
        latency_ms: How long orders take, in ms, or a law such as ``lognormal:50:0.5``; short in the same way.
        assume: Assumptions about the venue and risk by name, see docs/settings.md.
        reward: Incentive programs to count: ``"recorded"``, or one as text such as ``"pool=20,per=15m,target=300"``, or
            several; short for ``assume={"rewards": …}``. Of bets, for entries that rest, beside their P&L.
        reaction: What rivals do about quotes that score: ``"none"``, or ``"step:5s"``; short in the same way.
        price_grid: The price grid, where the market's own is not stored.
        underlying: Symbol of the underlying's prices, where the market's own is not stored.
        compare_random: Bets only: also run 200 random portfolios of the same exposure, or as many as this says.
        seed: Bets only: of the random portfolios, 0 unless given.
        out: Folder to write the result to.
        force: Replace what the folder holds, even the answer to another question.
        progress: ``True`` shows a bar on a terminal and in a notebook; a function is told how much is done, and of how
            much.

    Returns:
        The result, with its frames, queue bracket and warnings.

    Example:
        >>> from touchline import engine
        >>> found = engine.backtest("fixed-spread", "SYNINX-26OCT06H1600-B6737", params={"half_spread": 2})
        >>> found.summary["pnl"], found.fills.height, found.hash
        (-7701400, 15, '1cd0521a7f8295bd')
    """
    if is_betting(strategy):
        not_for_bets(strategy, market=market, queue=queue, latency_ms=latency_ms, assume=assume, reaction=reaction,
                      price_grid=price_grid, underlying=underlying)  # fmt: skip
        found = _bet(
            strategy, store, params, (start, end), (_portfolios(compare_random), seed or 0),
            ";".join(listed(reward)) or "none", progress,
        )  # fmt: skip
    else:
        not_for_quotes(strategy, compare_random=compare_random or None, seed=seed)
        asked = _Asked(
            strategy, store, params, start, end, assumptions_of(assume, queue, latency_ms, reward, reaction),
            price_grid, underlying,
        )  # fmt: skip
        found = _replay(asked, markets_of(market), progress)
    return found if out is None else found.written(out, force=force)


@dataclass(frozen=True)
class _Asked:
    """What replays of several markets share."""

    strategy: Strategy
    store: Store | str | Path | Panel
    params: Mapping[str, Setting] | None
    start: Moment | None
    end: Moment | None
    assumptions: Assumptions
    price_grid: str | None
    underlying: str | None

    @property
    def name(self) -> str:
        """The strategy as a record names it."""
        return str(self.strategy) if self.model is None else self.model.name

    @property
    def model(self) -> type[QuotingModel] | None:
        """The strategy, where it was given as a class."""
        return self.strategy if isinstance(self.strategy, type) else None

    def on(self, ticker: str) -> ReplaySettings:
        """The settings of a replay on one market."""
        from ..runs.replayed import settings_of

        return settings_of(
            self.name, ticker, place_of(self.store), self.params or {}, self.assumptions, start=self.start,
            end=self.end, price_grid=self.price_grid, underlying=self.underlying,
        )  # fmt: skip


def _replay(asked: _Asked, tickers: Sequence[str], progress: Progress | bool) -> Result:
    if asked.model is None:
        compile_ahead(asked.name, asked.assumptions)  # while the rest is loaded
    from ..runs.replayed import recorded, run_settings
    from ..runs.result import Result
    from ..runs.several import together

    runs: list[Run] = []
    with showing(progress, "running") as seen:
        for done, ticker in enumerate(tickers, 1):
            settings = asked.on(ticker)
            runs.append(recorded(run_settings(settings, asked.model), settings))
            seen(done, len(tickers))
    return Result(together(runs), strategy=asked.model)


def _bet(
    strategy: Strategy, store: Store | str | Path | Panel, params: Mapping[str, Setting] | None,
    window: tuple[Moment | None, Moment | None], chance: tuple[int, int], reward: str, progress: Progress | bool,
) -> Result:  # fmt: skip
    from ...strategies.pipeline.pipeline import Pipeline
    from ..bets.backtest import backtest as bet
    from ..bets.results import BetsResult
    from ..runs.result import Result

    assert isinstance(strategy, str | Path | Pipeline)
    count, seed = chance
    with showing(progress, "running") as seen:
        found = bet(
            store, strategy, start=window[0], end=window[1], options=params, random_portfolios=count, seed=seed,
            reward=reward, progress=seen,
        )  # fmt: skip
    return Result(BetsResult(found).recorded)


def _portfolios(asked: bool | int) -> int:
    """How many random portfolios are to stand beside a run."""
    if isinstance(asked, bool):
        return RANDOM_PORTFOLIOS if asked else 0
    if asked < 0:
        raise InputError(f"compare_random= is a number of portfolios, not {asked}")
    return asked


def explain(
    strategy: str | type[QuotingModel], market: str, at: Moment, store: Store | str = "data", *,
    params: Mapping[str, Setting] | None = None, start: Moment | None = None, end: Moment | None = None,
    queue: str | None = None, latency_ms: Delay | None = None, assume: Assume | None = None,
    reward: str | Sequence[str] = (), reaction: str | None = None, price_grid: str | None = None,
    underlying: str | None = None,
) -> Explanation:  # fmt: skip
    """Say why a quote was what it was: the last decision up to a moment, made again with a look inside.

    Args:
        strategy: A quoting model by name, as ``file.py:ClassName`` or as a class.
        market: The ticker that it is replayed on.
        at: The moment to explain.
        store: A store or the place of one.
        params: Parameters of the model by name.
        start: From this time on.
        end: Before this time.
        queue: The queue model; short for ``assume={"queue": …}``.
        latency_ms: How long orders take, in ms; short in the same way.
        assume: Assumptions about the venue and risk by name.
        reward: Incentive programs to count; short for ``assume={"rewards": …}``.
        reaction: What rivals do about quotes that score; short in the same way.
        price_grid: The price grid, where the market's own is not stored.
        underlying: Symbol of the underlying's prices.

    Returns:
        What the model knew, asked for and got, and the rules that changed it; prices in cents, sizes in contracts.

    Example:
        >>> from touchline import engine
        >>> why = engine.explain("fixed-spread", "SYNINX-26OCT06H1600-B6737", "2026-10-06T18:00Z")
        >>> why.wanted
        ('10 at 27', '10 at 29')
    """
    if is_betting(strategy):
        raise InputError(f"a quote is explained of a quoting strategy, and {strategy} is a betting pipeline")
    from ..runs.explain import explain_settings

    asked = _Asked(
        strategy,
        store,
        params,
        start,
        end,
        assumptions_of(assume, queue, latency_ms, reward, reaction),
        price_grid,
        underlying,
    )
    return explain_settings(asked.on(market), nanoseconds(at, "at"), asked.model)


def sweep(
    strategy: Strategy, market: str | Sequence[str] | None = None, store: Store | str | Path | Panel = "data", *,
    axes: Mapping[str, AxisValues] | Sequence[str] | None = None, sample: str | None = None,
    params: Mapping[str, Setting] | None = None, series: str | Sequence[str] = (), category: str | None = None,
    where: str | None = None, min_volume: float | None = None, score: int | None = None, start: Moment | None = None,
    end: Moment | None = None, queue: str | None = None, latency_ms: Delay | None = None,
    assume: Assume | None = None, reward: str | Sequence[str] = (), reaction: str | None = None,
    price_grid: str | None = None, underlying: str | None = None, threads: int = 2, walk_forward: int | None = None,
    embargo_hours: float | None = None, prove: bool = False, scheduler: str | None = None,
    out: str | Path = "results/sweep", force: bool = False, pictures: bool | Drawer = True,
    progress: Progress | bool = False,
) -> Result:  # fmt: skip
    """Run a grid of parameters of a quoting model on markets, or of a betting pipeline across all, and weigh it.

    Everything is left in the folder ``out``. What it holds already is not computed again, so a sweep that was stopped
    goes on, and a wider one computes what is new.

    Args:
        strategy: A quoting model by name, as ``file.py:ClassName`` or as a class; or a pipeline by name, as a TOML
            file or as a ``Pipeline``, which finds its own markets.
        market: The ticker, or several, that a quoting model runs on.
        store: A store, the place of one, or a folder with ``markets.csv`` and ``trades.csv``.
        axes: Maps a parameter of the model, the venue or the limits, or of the pipeline and its parts, to a list of
            values or a text such as ``"0.05:1:32"``, or is a list of texts ``"gamma=0.05:1:32"``. Without it there is
            a default grid.
        sample: Some of the grid's cells: ``sobol:4096``.
        params: Parameters that are fixed, by name.
        series: All markets of a series, or of several.
        category: All markets of a category.
        where: A condition in SQL on table ``markets``.
        min_volume: Contracts traded before ``start``, at least.
        score: So many markets with the best score before ``start``.
        start: From this time on.
        end: Before this time.
        queue: The queue model; short for ``assume={"queue": …}``.
        latency_ms: How long orders take, in ms; short in the same way.
        assume: Assumptions about the venue and risk by name.
        reward: Incentive programs to count; short for ``assume={"rewards": …}``.
        reaction: What rivals do about quotes that score; short in the same way.
        price_grid: The price grid, where the markets' own are not stored.
        underlying: Symbol of the underlying's prices.
        threads: Threads that run cells.
        walk_forward: Folds, each chosen on earlier data only; 5 unless given.
        embargo_hours: Hours left out before each fold; none unless given.
        prove: First cut the tapes at random: nothing earlier may change.
        scheduler: Address of a Dask scheduler, whose workers read the same store.
        out: Folder for the result.
        force: Replace what the folder holds, even the answer to another question.
        pictures: Draw heat maps and write the report.
        progress: ``True`` shows a bar on a terminal and in a notebook; a function is told how much is done, and of how
            much.

    Returns:
        The result, with its cells, periods and evidence.

    Example:
        >>> from touchline import engine
        >>> found = engine.sweep("fixed-spread", "SYNINX-26OCT06H1600-B6737", axes={"half_spread": "1:4:4"})
        >>> found.cells.height, found.summary["robust"]["parameters"]
        (4, {'half_spread': 3.0})
    """
    from ..reports.conclusions import conclude, get_ready
    from ..reports.drawing import drawing
    from ..runs.result import Result
    from ..sweeps.folder import claimed

    place = Path(out)
    grid: dict[str, Any] = {"axes": [axes] if isinstance(axes, str) else axes, "sample": sample, "params": params,
                            "start": start, "end": end, "force": force}  # fmt: skip
    quoting: dict[str, Any] = {
        "queue": queue, "latency_ms": latency_ms, "assume": assume, "reward": reward, "reaction": reaction,
        "price_grid": price_grid, "underlying": underlying, "walk_forward": walk_forward,
        "embargo_hours": embargo_hours, "scheduler": scheduler, "prove": prove or None,
    }  # fmt: skip
    chosen: dict[str, Any] = {"market": market, "series": series or None, "category": category, "where": where,
                              "min_volume": min_volume, "score": score}  # fmt: skip
    bets = is_betting(strategy)
    if bets:
        not_for_bets(strategy, **chosen, **quoting)
    with claimed(place), drawing(pictures) as drawer, showing(progress, "sweeping") as seen:
        grid["progress"] = seen
        if bets:
            made = _sweep_bets(strategy, store, place, threads, grid)
        else:
            get_ready(drawer is not None)
            made = _sweep_quotes(strategy, store, place, threads, chosen, grid | quoting)
        return Result(made, strategy=class_of(strategy), weighed=conclude(made, place, drawer))


def _sweep_quotes(
    strategy: Strategy, store: Store | str | Path | Panel, place: Path, threads: int, chosen: dict[str, Any],
    asked: dict[str, Any],
) -> Sweep:  # fmt: skip
    from ..sweeps.market_choice import MarketChoice, choose_markets
    from ..sweeps.sweeping import sweep_quotes

    choice = MarketChoice(
        listed(chosen["market"]), listed(chosen["series"]), chosen["category"], chosen["where"],
        chosen["min_volume"], chosen["score"],
    )  # fmt: skip
    if choice == MarketChoice():
        raise InputError("a sweep of a quoting strategy needs markets: name them with market=, or choose with "
                         "series= or category= or where= or score=")  # fmt: skip
    assumed = assumptions_of(*(asked.pop(name) for name in ("assume", "queue", "latency_ms", "reward", "reaction")))
    given = {name: value for name, value in asked.items() if value is not None}
    quoting = strategy if isinstance(strategy, type) else str(strategy)
    history = history_of(store)
    check(model_of(quoting).parameters, asked["params"] or {})  # before the markets are looked for
    tickers = choose_markets(history.store, choice, asked["start"], asked["end"])
    return sweep_quotes(quoting, tickers, history.store, place, threads=threads, assumptions=assumed, **given)


def _sweep_bets(
    strategy: Strategy, store: Store | str | Path | Panel, place: Path, threads: int, asked: dict[str, Any]
) -> Sweep:
    import numba

    from ...strategies.pipeline.pipeline import Pipeline
    from ..bets.sweep import sweep_bets

    assert isinstance(strategy, str | Path | Pipeline)
    most = vars(numba)["config"].NUMBA_NUM_THREADS
    before = numba.get_num_threads()
    numba.set_num_threads(min(threads, most))
    try:
        return sweep_bets(strategy, store, place, **asked)
    finally:
        numba.set_num_threads(before)


def open(folder: str | Path) -> Result:
    """Open a folder of results, of whatever kind it is.

    Args:
        folder: The folder that a backtest or a sweep was written to.

    Returns:
        The result, as it was when it was written; a damaged file is an error.

    Example:
        >>> from touchline import engine
        >>> engine.open("results/replay").kind
        'replay'
    """
    from ..runs.result import open_result

    return open_result(folder)


def show(folder: str | Path, *, top: int = 10, by: Ranking = "pnl") -> dict[str, Any]:
    """Return what a sweep comes to in short: the top cells, the effect of each parameter, the evidence.

    Args:
        folder: A sweep's folder.
        top: How many cells to list.
        by: What the cells rank by: ``pnl``; ``cash``, which leaves out what positions settled at; where programs were
            counted, ``pnl-without-rewards`` or ``rewards-per-collateral``.

    Returns:
        A document of plain values, money in micros.

    Example:
        >>> from touchline import engine
        >>> engine.show("results/grid", top=1)["top"][0]["cell"]
        3
    """
    from ..results.results import read_sweep
    from ..results.shown import shown

    return shown(read_sweep(folder), top, by=by)


def verify(folder: str | Path, *, trust: Trust = (), store: str | None = None) -> str:
    """Run what a folder holds again and compare the hash of everything it produced.

    Args:
        folder: A folder of results.
        trust: Files of code that the result names and that may run.
        store: Where the store is now, if it is elsewhere.

    Returns:
        The hash. A result that does not repeat raises a ``CheckError``.

    Example:
        >>> from touchline import engine
        >>> engine.verify("results/replay")
        '1cd0521a7f8295bd'
    """
    return open(folder).verify(trust=trust, store=store)


def report(
    folder: str | Path, *, out: str | Path | None = None, settlements: bool = False, trust: Trust = ()
) -> Path:  # fmt: skip
    """Write one HTML page about a folder of results or a trading session, with figures, warnings and charts.

    Args:
        folder: A folder of results.
        out: The file to write; ``report.html`` in the folder unless given.
        settlements: Of a session: read what the exchange says that markets paid, and hold the account against it.
        trust: Of a session: the file of a model of one's own that it traded by.

    Returns:
        The page's path. It needs no network.

    Example:
        >>> from touchline import engine
        >>> engine.report("results/replay").name
        'report.html'
    """
    from ..trading.folder import SessionFolder

    if SessionFolder(folder).is_begun:
        return _session_report(folder, out, trust, settlements=settlements)
    return open(folder).report(out)


def _session_report(folder: str | Path, out: str | Path | None, trust: Trust, *, settlements: bool) -> Path:
    from ...io.kalshi.client import Client
    from ..trading.folder import SessionFolder

    begun = SessionFolder(folder)
    if begun.is_of_bets:
        from ..trading.knowing.bets_report import write_bets_session_report as write  # with the panels of bets
    else:
        from ..trading.knowing.report import write_session_report as write

    if not settlements:
        return write(folder, out, trust=trust)
    own = begun.settings().subaccount
    with Client() as client:
        told = [one for page in client.portfolio.settlements(subaccount=own) for one in page]
    return write(folder, out, trust=trust, settled=told)


def export(
    folder: str | Path, out: str | Path, *, pick: PickName = "robust", by: Ranking = "pnl", force: bool = False,
    valid_days: float | None = None,
) -> Params:  # fmt: skip
    """Write a sweep's choice as a parameter file for the live runner, unless the evidence forbids it.

    Refuses when the probability of overfitting is above .5, when the out-of-sample P&L is negative, when one of them
    is not known, or on the evidence of fewer than five independent events.

    Args:
        folder: A sweep's folder.
        out: The file to write, such as ``params.toml``.
        pick: ``robust``, the best neighbourhood; ``overall``, the highest average P&L; ``by-market``, each its own.
        by: What the last two rank by, as in :func:`show`.
        force: Export although the checks refuse it; the file says so.
        valid_days: Days after the data's end for which the file holds; as long as the data unless given.

    Returns:
        The parameters as they were written.

    Example:
        >>> from touchline import engine
        >>> params = engine.export("results/grid", "params.toml", force=True)
        >>> params.applies[0].parameters
        {'half_spread': 3.0}
    """
    return open(folder).export(out, pick=pick, by=by, force=force, valid_days=valid_days)
