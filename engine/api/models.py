"""Strategies and their parameters: what there is, and what history says of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...io.ground.errors import InputError
from ...io.ground.progress import Progress
from ...io.ground.times import Moment
from ...io.store.store import Store
from ...strategies.own_file import Trust
from ...strategies.parameters import nearest
from .given import listed, opened
from .showing import showing

if TYPE_CHECKING:
    from ...strategies.parameters import Parameter
    from ..fitting.fit import MarketFit, UnderlyingFit
    from ..trading.knowing.session_fit import SessionFit


@dataclass(frozen=True)
class Entry:
    """A strategy or a part of pipelines: its kind, its name, a line on it, and its parameters."""

    kind: str
    name: str
    doc: str
    parameters: tuple[Parameter, ...]


def strategies(name: str | None = None) -> list[Entry]:
    """List quoting models, betting pipelines and the parts they are made of.

    Args:
        name: Only those of this name, or the model or pipeline of a file of one's own.

    Returns:
        An entry each, with the parameters: default, bounds and a line on what each is.

    Example:
        >>> from touchline import engine
        >>> [(one.name, one.default) for one in engine.strategies("glft")[0].parameters]
        [('gamma', 0.1), ('kappa', 1.5), ('A', 1.0), ('size', 10.0)]
    """
    from ...strategies.families import is_pipeline
    from ...strategies.models.registry import quoting_model, quoting_models
    from ...strategies.pipeline.pipeline import load_pipeline, parts, shipped

    if name is not None and (".py" in name or name.endswith(".toml")):
        if is_pipeline(name):
            return [Entry("pipeline", name, load_pipeline(name).description, ())]
        model = quoting_model(name)
        return [Entry("quoting model", name, _first_line(model), tuple(model.parameters))]
    found = [
        Entry("quoting model", key, _first_line(model), tuple(model.parameters))
        for key, model in quoting_models().items()
    ]
    found += [Entry("pipeline", key, load_pipeline(key).description, ()) for key in shipped()]
    found += [Entry(kind, key, part.doc(), tuple(part.PARAMETERS)) for kind, key, part in parts()]
    if name is None:
        return found
    chosen = [one for one in found if one.name == name]
    if not chosen:
        raise InputError(f"there is no strategy {name!r}; {nearest(name, {one.name for one in found})}")
    return chosen


def _first_line(model: type) -> str:
    return (model.__doc__ or "").strip().split("\n")[0]


@dataclass(frozen=True)
class Fits:
    """What was fitted: a fit a market, a fit an underlying, and what a session measured of queues and delays."""

    markets: list[MarketFit]
    underlyings: list[UnderlyingFit]
    session: SessionFit | None = None


def fit(
    market: str | Sequence[str] = (), underlying: str | Sequence[str] = (), store: Store | str | Path = "data", *,
    start: Moment | None = None, end: Moment | None = None, step: float = 1.0, window: float = 60.0,
    theta: float = 60.0, horizons: Sequence[float] = (60.0, 300.0, 900.0, 3600.0), nu: float = 3.0,
    held_out: float = 0.3, progress: Progress | bool = False, session: str | Path | None = None,
    out: str | Path | None = None, trust: Trust = (),
) -> Fits:  # fmt: skip
    """Estimate A, kappa and sigma of markets, and the law of an underlying's return, by maximum likelihood.

    Of a trading session in production: how queues move, and how long messages take.

    Args:
        market: Tickers whose A, kappa and sigma are fitted.
        underlying: Symbols whose return's law is fitted.
        store: The store.
        start: From this time on.
        end: Before this time.
        step: Seconds in which the deepest trade of a side counts.
        window: Seconds of a window, for sigma from levels.
        theta: Time constant of the moving average with exponential weights, in seconds.
        horizons: Seconds over which returns are taken.
        nu: Degrees of freedom of Student's law.
        held_out: Share of the returns, the last, that laws are scored on.
        progress: ``True`` shows a bar; a function is told how many fits are done.
        session: The folder of a session: its own orders say how queues move, its messages how long they take.
        out: Folder for what a session says as assumptions of backtests, ``assumptions.toml`` and files of delays;
            ``fit`` in the session's folder unless given.
        trust: The file of a model of one's own that the session traded by.

    Returns:
        The fits, with standard errors and notes.

    Example:
        >>> from touchline import engine
        >>> engine.fit("SYNINX-26OCT06H1600-B6737").markets[0].trades
        31
    """
    from ..fitting.fit import fit_market, fit_underlying

    tickers, symbols = listed(market), listed(underlying)
    if session is not None:
        return _fit_session(session, out, trust)
    if not tickers and not symbols:
        raise InputError("name what to fit: market=, underlying= or both; or session=")
    if not 0 < held_out < 1:
        raise InputError(f"held_out= is a share between 0 and 1, not {held_out:g}")
    if not all(0 < span < math.inf for span in horizons):
        raise InputError(f"horizons= must be more than 0 seconds, not {', '.join(f'{span:g}' for span in horizons)}")
    source, total, found = opened(store), len(tickers) + len(symbols), Fits([], [])
    with showing(progress, "fitting") as seen:
        for ticker in tickers:
            found.markets.append(fit_market(source, ticker, start, end, step_s=step, window_s=window, theta_s=theta))
            seen(len(found.markets), total)
        for symbol in symbols:
            found.underlyings.append(
                fit_underlying(source, symbol, start, end, horizons_s=horizons, nu=nu, held_out=held_out)
            )
            seen(len(found.markets) + len(found.underlyings), total)
    return found


def _fit_session(session: str | Path, out: str | Path | None, trust: Trust) -> Fits:
    from ..trading.knowing.session_fit import fit_session

    found = fit_session(session, trust=trust)
    found.write(Path(session) / "fit" if out is None else Path(out))
    return Fits([], [], found)
