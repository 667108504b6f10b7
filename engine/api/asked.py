"""What a call of the face was asked for: a strategy of one family or the other, markets, a store, assumptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...io.ground.errors import InputError
from ...io.store.store import Store
from ...strategies.families import is_pipeline
from ...strategies.models.registry import quoting_model
from ...strategies.quoting.model import QuotingModel
from ..simulator.assumptions.latency import Delay, check_delay
from ..simulator.assumptions.venue import ALSO, Assumed, Assumptions
from .given import listed

if TYPE_CHECKING:
    from ...strategies.pipeline.pipeline import Pipeline
    from ..bets.panel.history import Opened
    from ..bets.panel.panel import Panel

    #: A name, a file, or the thing itself.
    Strategy = str | Path | type[QuotingModel] | Pipeline
#: Assumptions as a whole, some of them by name, or a file of them as a session's fit writes it.
Assume = Assumptions | Mapping[str, Assumed] | str | Path
#: What counts as not given.
_NOTHING: tuple[Any, ...] = (None, (), [], {})


def is_betting(strategy: Strategy) -> bool:
    """Whether a strategy bets across markets; one that is no strategy at all is an error."""
    return is_pipeline(strategy) if isinstance(strategy, str) else not isinstance(strategy, type)


def model_of(strategy: str | type[QuotingModel]) -> type[QuotingModel]:
    """Return the class of a quoting model from its name, or as it is."""
    return quoting_model(strategy) if isinstance(strategy, str) else strategy


def class_of(strategy: Strategy) -> type[QuotingModel] | None:
    """Return the strategy where it was given as a class; None else."""
    return strategy if isinstance(strategy, type) else None


def not_for_bets(strategy: Strategy, **given: Any) -> None:
    """Refuse for a betting pipeline what only quoting strategies have."""
    for name, value in given.items():
        if value not in _NOTHING:
            more = ", which finds its own markets" if name == "market" else ""
            raise InputError(
                f"{name}= belongs to quoting strategies, and {name_of(strategy)} is a betting pipeline{more}"
            )


def not_for_quotes(strategy: Strategy, **given: Any) -> None:
    """Refuse for a quoting strategy what only betting pipelines have."""
    for name, value in given.items():
        if value not in _NOTHING:
            raise InputError(f"{name}= belongs to betting pipelines, and {name_of(strategy)} is a quoting strategy")


def name_of(strategy: Strategy) -> str:
    """Return the name of a strategy, or its file."""
    return str(strategy) if isinstance(strategy, str | Path) else strategy.name


def markets_of(market: str | Sequence[str] | None) -> list[str]:
    """The markets of a replay, each once."""
    named = list(dict.fromkeys(listed(market)))
    if not named:
        raise InputError(
            "a quoting strategy is replayed on a market: name it with market=; engine data markets lists them"
        )
    return named


def history_of(store: Store | str | Path | Panel) -> Opened:
    """Open the store that a quoting strategy runs on."""
    from ..bets.panel.history import open_history

    if not isinstance(store, Store | str | Path):
        raise InputError("a quoting strategy needs a store, or the place of one, not a panel")
    return open_history(store)


def place_of(store: Store | str | Path | Panel) -> str:
    """Return the place of the store that a quoting strategy runs on."""
    if isinstance(store, Store):
        return store.path
    if not isinstance(store, str | Path):
        raise InputError("a quoting strategy needs a store, or the place of one, not a panel")
    return str(store)


def assumptions_of(
    assume: Assume | None, queue: str | None, latency_ms: Delay | None, reward: str | Sequence[str] = (),
    reaction: str | None = None,
) -> Assumptions:  # fmt: skip
    """The assumptions as a whole, with those that have keywords of their own."""
    programs = ";".join(listed(reward)) or None
    short = {"queue": queue, "latency_ms": latency_ms, "rewards": programs, "reaction": reaction}
    given = {name: value for name, value in short.items() if value is not None}
    if latency_ms is not None:
        check_delay("latency_ms=", latency_ms)
    if isinstance(assume, str | Path):  # what a file says holds unless a keyword says otherwise
        assume = Assumptions().with_options(written_assumptions(assume))
    if isinstance(assume, Assumptions):
        return assume.with_options(given)
    told = {name.replace("-", "_") for name in assume or {}}
    for name in given:
        if told & {name, ALSO.get(name, name)}:
            by = "reward" if name == "rewards" else name
            raise InputError(f"{name} given twice, by {by}= and in assume=; leave one out")
    return Assumptions().with_options({**(assume or {}), **given})


def written_assumptions(path: str | Path) -> dict[str, Any]:
    """Read a file of assumptions: its tables ``venue`` and ``limits``; files of delays stand beside it."""
    import tomllib

    file = Path(path)
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{file} is no file of assumptions: {error}") from None
    tables = [document.get(name, {}) for name in ("venue", "limits")]
    if not all(isinstance(table, dict) for table in tables) or not any(tables):
        raise InputError(f"{file} has no table venue or limits, as a file of assumptions has")
    told = {name: value for table in tables for name, value in table.items()}
    return {
        name: str(file.parent / value) if isinstance(value, str) and value.endswith((".csv", ".parquet")) else value
        for name, value in told.items()
    }
