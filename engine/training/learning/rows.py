"""What a model learns from: a pipeline's own rows at its own times, with labels and the moment each was known."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....io.ground.errors import InputError
from ....strategies.pipeline.pipeline import DOLLAR, Pipeline
from ....strategies.pipeline.scorers.onnx import has_inputs, inputs_of
from ...bets.backtest import MINUTE_NS
from ...bets.panel.panel import Panel
from ...bets.training import features_of, panel_rows

#: Names of columns that say how a market ended, which is not known when a bet is made.
ENDINGS = frozenset({
    "settlement", "settlement_price", "settlement_value", "settled", "settled_ts", "settlement_ts", "result", "outcome",
    "label", "label_ts", "payout", "paid", "won", "winner",
})  # fmt: skip
#: What a model of fills gives.
CENTS = "cents"
#: A feature that tells the label of so many events apart without one mistake is taken for the label itself.
TELLING_EVENTS = 20
_MOVE = re.compile(r"move:(\d+(?:\.\d+)?)(m|h|d)")
_MINUTES = {"m": 1, "h": 60, "d": 1_440}


@dataclass(frozen=True)
class Target:
    """What is to be learned: the ``outcome``, the mark's ``move`` over so many bars, or the value of a fill."""

    name: str
    move_bars: int | None = None
    seconds: float = 0.0  #: after which a fill is valued
    at_fills: bool = False  #: only where a trade comes next

    @property
    def gives(self) -> str:
        """What a model of it gives: the probability of YES, an edge in dollars, or cents above the mid."""
        return CENTS if self.seconds else "probability" if self.move_bars is None else "edge"

    @property
    def is_outcome(self) -> bool:
        """Whether labels are of two classes."""
        return self.gives == "probability"


def target_of(text: str, step_minutes: int) -> Target:
    """Read a target.

    >>> target_of("move:4h", 60)
    Target(name='move:4h', move_bars=4, seconds=0.0, at_fills=False)
    """
    if text == "outcome":
        return Target(text)
    found = _MOVE.fullmatch(text)
    if found is None:
        more = "fill-value:60s is of a quoting model"
        raise InputError(f"target= is outcome or a move such as move:4h, not {text!r}; {more}")
    bars = float(found[1]) * _MINUTES[found[2]] / step_minutes
    if bars < 1 or not bars.is_integer():
        raise InputError(f"target {text} is not a whole number of this pipeline's bars of {step_minutes} minutes")
    return Target(text, int(bars))


@dataclass(frozen=True)
class Rows:
    """Every row of a panel with its features, and which of them a model may learn from.

    ``x`` and ``ts`` have a row a market and bar, market after market. ``at`` are the places of rows with a label, in
    the order of time; the columns after it have a value for each of those.
    """

    names: tuple[str, ...]
    window: int
    x: npt.NDArray[np.float32]
    ts: npt.NDArray[np.int64]
    served: npt.NDArray[np.bool_]  #: of every row: whether a model has all of its inputs
    at: npt.NDArray[np.int64]
    y: npt.NDArray[np.float64]
    known: npt.NDArray[np.int64]  #: when the label was known, ns
    event: npt.NDArray[np.int32]
    market: npt.NDArray[np.int32]
    mark: npt.NDArray[np.float64]  #: dollars
    hours_left: npt.NDArray[np.float32]
    events: tuple[str, ...]
    tickers: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.at)

    @property
    def time(self) -> npt.NDArray[np.int64]:
        """The close of the bar of each row with a label, ns."""
        return self.ts[self.at]

    def inputs(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """What a model is given for rows with a label: by their numbers or as a mask."""
        return inputs_of(self.x, self.at[rows], self.window)

    @cached_property
    def event_known(self) -> npt.NDArray[np.int64]:
        """Of each event: when the last of its labels was known."""
        made = np.full(len(self.events), np.iinfo(np.int64).min)
        np.maximum.at(made, self.event, self.known)
        return made

    @cached_property
    def data_hash(self) -> str:
        """One hash of everything that a model learns from."""
        made = hashlib.sha256(repr((self.names, self.window, self.events)).encode())
        for column in (self.x, self.ts, self.at, self.y, self.known, self.event, self.mark):
            made.update(np.ascontiguousarray(column).tobytes())
        return made.hexdigest()[:16]


def rows_of(
    panel: Panel, pipeline: Pipeline, features: Sequence[str] = (), target: Target = Target("outcome"), window: int = 1
) -> Rows:
    """Collect the rows of a panel, which must be as it was known at the time up to which is trained."""
    for name in features:
        if name in ENDINGS:
            raise InputError(f"feature {name!r} says how a market ended, which nobody knows when a bet is made")
    names = features_of(panel, pipeline, features)
    for name in names:
        if name in ENDINGS:
            raise InputError(f"feature {name!r} says how a market ended, which nobody knows when a bet is made")
    parts: list[pl.DataFrame] = []
    matrices: list[npt.NDArray[np.float32]] = []
    for frame in panel_rows(panel, pipeline, names, target.move_bars):
        matrices.append(frame.select(f"feature {name}" for name in names).to_numpy(order="c"))
        parts.append(
            frame.select("ts", "event", "market", "bar", "mark", "hours_left", "candidate", "label", "label_ts")
        )
    x, frame = np.concatenate(matrices), pl.concat(parts)
    served = has_inputs(x, frame["bar"].to_numpy(), window)
    candidate = frame["candidate"].to_numpy()
    labelled = frame["label"].is_not_null().to_numpy() & frame["mark"].is_not_null().to_numpy()
    _refuse_empty(names, x, candidate, labelled)
    wanted, notes = candidate & labelled & served, list[str]()
    label = frame["label"].fill_null(0.0).to_numpy()
    if target.move_bars is None:
        scalar = wanted & (label != 0) & (label != 1)
        if scalar.any():
            notes.append(f"{scalar.sum():,} rows of markets that paid neither nothing nor a dollar were left out")
        wanted &= ~scalar
    missing = int((candidate & labelled & ~served).sum())
    if missing:
        notes.append(f"{missing:,} rows without all of their features were left out")
    at = np.flatnonzero(wanted)
    if not len(at):
        raise InputError("no row has all of its features and a label; name other features, or more history")
    at = at[np.argsort(frame["ts"].to_numpy()[at], kind="stable")]
    own = frame[at]
    codes = own["event"].cast(pl.String).fill_null("")
    events = codes.unique(maintain_order=True)
    place = pl.DataFrame({"event": events, "code": np.arange(len(events), dtype=np.int32)})
    made = Rows(
        tuple(names), window, x, frame["ts"].to_numpy(), served, at, label[at],
        own["label_ts"].to_numpy(), own.select(codes.alias("event")).join(place, on="event", how="left",
        maintain_order="left")["code"].to_numpy(), own["market"].to_numpy(), own["mark"].to_numpy() / DOLLAR,
        own["hours_left"].fill_null(np.nan).to_numpy(), tuple(events), tuple(panel.markets["ticker"]), tuple(notes),
    )  # fmt: skip
    _refuse_bad_labels(made, target)
    return made


def _refuse_empty(
    names: Sequence[str], x: npt.NDArray[np.float32], candidate: npt.NDArray[np.bool_],
    labelled: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    if not candidate.any():
        raise InputError("the pipeline could not have bet anywhere: its filters let no row through")
    if not (candidate & labelled).any():
        raise InputError("no label is known: nothing that the pipeline could have bet on was settled before until=")
    for place, name in enumerate(names):
        if not np.isfinite(x[candidate, place]).any():
            raise InputError(f"feature {name!r} is missing in every row in which the pipeline could have bet")


def _refuse_bad_labels(rows: Rows, target: Target) -> None:
    """Refuse labels of one class, and a feature that is the label under another name."""
    if target.move_bars is not None:
        return
    if rows.y.min() == rows.y.max():
        word = "YES" if rows.y[0] else "NO"
        raise InputError(f"every market with a known result settled {word}: there is nothing to tell apart")
    if len(rows.events) < TELLING_EVENTS:
        return
    yes = rows.y == 1
    latest = inputs_of(rows.x, rows.at, 1)
    for place, name in enumerate(rows.names):
        column = latest[:, place]
        low, high = (column[yes].min(), column[yes].max()), (column[~yes].min(), column[~yes].max())
        if low[0] > high[1] or high[0] > low[1]:
            raise InputError(
                f"feature {name!r} tells the result of all {len(rows.events)} events without one mistake: it says how "
                "markets ended, which nobody knows when a bet is made"
            )


def step_minutes(pipeline: Pipeline) -> int:
    """Minutes from bar to bar."""
    return int(pipeline.source.values.get("step_minutes", 60))


def step_ns(pipeline: Pipeline) -> int:
    """The same in ns."""
    return step_minutes(pipeline) * MINUTE_NS


def as_frame(rows: Rows, columns: Mapping[str, npt.NDArray[Any]], chosen: npt.NDArray[Any]) -> pl.DataFrame:
    """Some rows with a label as a frame, with more columns."""
    tickers, events = pl.Series(rows.tickers), pl.Series(rows.events)
    return pl.DataFrame({
        "ts": rows.time[chosen],
        "ticker": tickers.gather(rows.market[chosen]),
        "event": events.gather(rows.event[chosen]),
        "mark": rows.mark[chosen],
        "hours_left": rows.hours_left[chosen],
        "label": rows.y[chosen],
        "label_ts": rows.known[chosen],
        **columns,
    })  # fmt: skip
