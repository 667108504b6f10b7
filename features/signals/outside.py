"""Signals from elsewhere: tables with times of publication, other markets, trained models."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ...io.ground.checksums import stamp
from ...io.ground.errors import InputError
from .signal import Signal

#: The record in the folder of a trained model.
RECORD = "model.toml"
#: What another market may be asked for beside its own signals.
TOUCH = ("mid", "bid", "ask", "bid_size", "ask_size", "microprice")


class Outside(Signal):
    """A signal that is not a function of the market's own events: known at an event is what came strictly before."""

    def __init__(self, values: int = 1) -> None:
        super().__init__(None, values=values)


class TableSignal(Outside):
    """A column of a table, each row known from its time of publication on."""

    def __init__(self, file: Path, value: str, known: str, ticker: str | None, tz: str | None) -> None:
        super().__init__()
        self.file, self.value, self.known, self.ticker, self.tz = file, value, known, ticker, tz

    def definition(self) -> list[str]:
        """All that decides the column beside the file's content."""
        return ["table", self.file.name, self.value, self.known, str(self.ticker), str(self.tz)]


def table(
    file: str | Path, *, value: str, known: str = "published", ticker: str | None = None, tz: str | None = None
) -> TableSignal:
    """Return a column of a CSV, JSON lines or Parquet file as a signal, each row known after its time of publication.

    ``value`` is the column of numbers, ``known`` the one with the time; a date alone counts from the end of that day.
    With ``ticker`` only the rows whose column of this name says the market's ticker count. ``tz`` is the zone of times
    that carry none, else UTC. nan before the first row; an empty value leaves the last one standing. The path is seen
    from where the program runs; write it whole to be safe.

    >>> table("cpi.csv", value="cpi", known="released").columns
    1
    """
    return TableSignal(Path(file).expanduser(), value, known, ticker, tz)


class OtherSignal(Outside):
    """Something of another market: a price or size of its touch, or a signal of its own."""

    def __init__(self, market: OtherMarket, what: str | Signal) -> None:
        super().__init__(1 if isinstance(what, str) else what.columns)
        self.market, self.what = market, what

    def definition(self) -> list[str]:
        """All that decides the column beside the other market's events."""
        told = [self.what] if isinstance(self.what, str) else self.what.definition()
        return ["other", str(self.market), *told]


@dataclass(frozen=True)
class OtherMarket:
    """Another market, by ticker or by its place among those of the same event, from which signals are read.

    ``other("X").mid``, ``bid``, ``ask``, ``bid_size``, ``ask_size`` and ``microprice`` are signals, in cents and
    contracts, nan while a side is empty; ``other("X").signal(signed_flow(60))`` is one of its own.
    """

    ticker: str | None = None
    step: int = 0  #: markets further up the event's ladder of strikes

    def __str__(self) -> str:
        return self.ticker or f"sibling {self.step:+d}"

    def __getattr__(self, name: str) -> OtherSignal:
        if name in TOUCH:
            return OtherSignal(self, name)
        raise AttributeError(f"another market has no {name!r}; it has {', '.join(TOUCH)} and signal(...)")

    def signal(self, what: Signal) -> OtherSignal:
        """A signal of the other market, computed along its own events."""
        if isinstance(what, Outside) or what.update is None:
            raise InputError(f"a signal of {self} is a function of its events; name tables and others directly")
        return OtherSignal(self, what)


def other(ticker: str) -> OtherMarket:
    """Return another market of the store, from which signals are read: ``other("TICKER").mid``.

    >>> other("KXHIGHNY-25JUN15-B72.5").mid.columns
    1
    """
    return OtherMarket(ticker=ticker)


def sibling(step: int) -> OtherMarket:
    """Return the market so many strikes further up the ladder of the same event, or down for a number below zero.

    Markets stand in the order of their floor, then their cap.

    >>> str(sibling(-1))
    'sibling -1'
    """
    if step == 0:
        raise InputError("sibling(0) is the market itself; pass a step up or down")
    return OtherMarket(step=step)


class OnnxSignal(Outside):
    """What a trained model says of signals that are declared before it."""

    def __init__(self, file: Path, inputs: Sequence[str]) -> None:
        super().__init__()
        self.file, self.inputs = file, tuple(inputs)

    def definition(self) -> list[str]:
        """All that decides the column beside the inputs' own columns."""
        return ["onnx", content(self.file), *self.inputs]


def content(file: Path) -> str:
    """Return a hash of what a file holds, or a trained model's folder; it is read again only once it has changed."""
    file = file / RECORD if (file / RECORD).is_file() else file
    if not file.is_file():
        raise InputError(f"there is no file {file}")
    return _hashed(file, stamp(file))


@lru_cache(64)
def _hashed(file: Path, version: str) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def onnx(file: str | Path, inputs: Sequence[str]) -> OnnxSignal:
    """Return what an ONNX model says, once a moment; its inputs are the values of signals declared before.

    The model takes one row of floats and gives one number, or two of which the last counts. nan while an input is.
    A folder that ``engine train`` wrote for a quoting model is served as a series: at each moment by the newest model
    that had learned from nothing after it, and before the first one by none.
    A signal of several values is named by each of them: ``ofi_1``, ``ofi_2``.

    >>> onnx("fair.onnx", inputs=["flow", "microprice"]).inputs
    ('flow', 'microprice')
    """
    if not inputs:
        raise InputError("onnx needs the names of its inputs: signals that are declared before it")
    return OnnxSignal(Path(file).expanduser(), inputs)
