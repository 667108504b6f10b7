"""What recorded history says about a model's parameters: A, kappa and sigma of a market, the law of an underlying."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...io.ground.errors import InputError
from ...io.ground.grids import grid_ranges
from ...io.ground.times import Moment
from ...io.store.store import Store
from . import volatility
from .intensity import Intensity, Reaches, count_reaches, geometric, reach_rates
from .returns import CAUCHY, NORMAL, Law, ScaleLaw, fit_law, fit_scale_law, held_out_scores, returns_over
from .touch import touch

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
HORIZONS_S = (60.0, 300.0, 900.0, 3600.0)
STUDENT = 3.0
SIDES = ("both", "asks", "bids")


@dataclass(frozen=True)
class MarketFit:
    """A and kappa by side, sigma by estimator in cents per square root of a second, and what they were made from."""

    ticker: str
    quotes: int
    trades: int
    block_trades: int  #: left out: they never touched the book
    seconds: float  #: time with a bid and an ask
    tick: float  #: cents
    intensity: Mapping[str, Intensity]  #: "both", "asks" (takers bought), "bids"
    rates: Sequence[tuple[int, float, float]]  #: ticks beyond the nearest price, reached a second, fitted
    sigma: Mapping[str, float]
    notes: Sequence[str]


@dataclass(frozen=True)
class HorizonFit:
    """The laws at one horizon, location 0: fitted to all returns, and compared on the ones held out."""

    seconds: float
    n: int
    laws: Sequence[Law]
    scores: Mapping[str, float]  #: mean log density on the held-out part, by law, best first


@dataclass(frozen=True)
class UnderlyingFit:
    """The law of an underlying's return, and how its scale grows with the horizon."""

    symbol: str
    values: int
    horizons: Sequence[HorizonFit]
    growth: Mapping[str, ScaleLaw]  #: by law
    best: str  #: the law with the highest mean score over the horizons
    notes: Sequence[str] = field(default_factory=tuple)


def fit_market(
    store: Store,
    ticker: str,
    start: Moment | None = None,
    end: Moment | None = None,
    *,
    step_s: float = 1.0,
    window_s: float = 60.0,
    theta_s: float = 60.0,
) -> MarketFit:
    """Fit one market: reaches in steps of ``step_s``; sigma of the mid in windows of ``window_s``."""
    trades = store.trades(ticker, start, end).select("ts", "price", "taker_side", "is_block").collect()
    listed = trades.filter(~pl.col("is_block").fill_null(False))
    ts, mid = _mids(store, ticker, start, end)
    price = listed.get_column("price").to_numpy() / 100.0
    tick = _tick(store, ticker, price)
    notes: list[str] = []
    intensity: dict[str, Intensity] = {}
    rates: list[tuple[int, float, float]] = []
    taker = listed.get_column("taker_side").fill_null(0).to_numpy()
    reaches = count_reaches(ts, mid, listed.get_column("ts").to_numpy(), price, taker, round(step_s * 1e9), tick)
    for side in SIDES:
        try:
            intensity[side] = _intensity(reaches, side, tick)
        except InputError as error:
            notes.append(f"A and kappa, {side}: {error}")
    if "both" in intensity:
        rates = reach_rates(reaches, intensity["both"], tick)
    sigma = _sigmas(ts, mid, window_s, theta_s)
    notes += [f"sigma, {name}: too little history" for name, value in sigma.items() if math.isnan(value)]
    return MarketFit(
        ticker, ts.size, listed.height, trades.height - listed.height, reaches.seconds, tick, intensity, rates, sigma,
        notes,
    )  # fmt: skip


def _mids(store: Store, ticker: str, start: Moment | None, end: Moment | None) -> tuple[Times, Floats]:
    """The mid in cents after each change of the book, or of the recorded quotes; nan where a side is missing."""
    book = store.book(ticker, start, end).collect()
    if book.height:
        ts, bid, ask = touch(book)
    else:
        rows = store.quotes(ticker, start, end).select("ts", pl.col("bid", "ask").fill_null(-1).cast(pl.Int64))
        ts, bid, ask = (column.to_numpy() for column in rows.collect().get_columns())
    if ts.size < 2:
        where = "in that time" if start is not None or end is not None else f"in {store.path}"
        raise InputError(f"{ticker} has no book and no quotes {where}; A, kappa and sigma are measured from the mid")
    return ts, np.where((bid > 0) & (ask >= 0), (bid + ask) / 200.0, np.nan)


def _tick(store: Store, ticker: str, price: Floats) -> float:
    """The step of the market's grid, in cents, where most of it was traded."""
    rows = store.markets(ticker=ticker).select("grid").collect()
    name = rows.item() if rows.height else None
    middle = float(np.median(price)) * 100 if price.size else 5_000.0
    return next(step for low, high, step in grid_ranges(name or "linear_cent") if low <= middle <= high) / 100.0


def _intensity(reaches: Reaches, side: str, tick: float) -> Intensity:
    mine = np.ones(reaches.index.size, np.bool_) if side == "both" else reaches.is_ask == (side == "asks")
    seconds = reaches.seconds * (2 if side == "both" else 1)
    return geometric(reaches.index[mine], tick, seconds, reaches.nearest, reaches.weight)


def _sigmas(ts: Times, mid: Floats, window_s: float, theta_s: float) -> dict[str, float]:
    known = np.isfinite(mid)
    t, x = ts[known], mid[known]
    second = volatility.on_a_clock(t, x, 1_000_000_000)
    return {
        "realised": volatility.realised(t, x),
        "realised-1s": volatility.realised(*second),
        "bipower-1s": volatility.bipower(*second),
        "levels": volatility.from_levels(t, x, round(window_s * 1e9)),
        "ewma": volatility.from_ewma(t, x, theta_s),
    }


def fit_underlying(
    store: Store,
    symbol: str,
    start: Moment | None = None,
    end: Moment | None = None,
    *,
    horizons_s: Sequence[float] = HORIZONS_S,
    nu: float = STUDENT,
    held_out: float = 0.3,
) -> UnderlyingFit:
    """Fit Cauchy, Student-t(``nu``) and normal laws to an underlying's returns over several horizons.

    Each law is also fitted to the first part of the returns and scored on the last ``held_out`` of them.
    """
    rows = store.underlying(symbol, start, end).select("ts", "value").collect()
    if rows.height < 2:
        known = ", ".join(store.tickers("underlying")) or "none"
        raise InputError(f"underlying {symbol} has {rows.height} values in that time; symbols in the store: {known}")
    ts, value = rows.get_column("ts").to_numpy(), rows.get_column("value").to_numpy()
    nus = list(dict.fromkeys((CAUCHY, float(nu), NORMAL)))
    fitted: list[HorizonFit] = []
    notes: list[str] = []
    for seconds in sorted(set(horizons_s)):
        horizon_ns = round(seconds * 1e9)
        _, x = returns_over(ts, value, horizon_ns, stale_ns=horizon_ns)
        try:
            laws = [fit_law(x, one, location=0.0) for one in nus]
            scores = {law.name: score for law, score in held_out_scores(x, nus, held_out)}
        except InputError as error:
            notes.append(f"{seconds:g} s left out: {error}")
            continue
        fitted.append(HorizonFit(seconds, x.size, laws, scores))
    if not fitted:
        raise InputError(f"{symbol}: no horizon could be fitted; {notes[0]}")
    growth: dict[str, ScaleLaw] = {}
    if len(fitted) > 1:
        spans = [one.seconds for one in fitted]
        growth = {
            law.name: fit_scale_law(spans, [one.laws[i] for one in fitted]) for i, law in enumerate(fitted[0].laws)
        }
    else:
        notes.append("one horizon says nothing about how the scale grows; give several")
    names = [law.name for law in fitted[0].laws]
    mean = {name: sum(one.scores[name] for one in fitted) / len(fitted) for name in names}
    return UnderlyingFit(symbol, rows.height, fitted, growth, max(mean, key=lambda name: mean[name]), notes)
