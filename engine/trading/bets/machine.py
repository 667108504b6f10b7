"""The deterministic heart of a session of bets: lines come in, and at each bar's end bets go out.

A bar is the backtest itself, on what was heard up to its end: its panel, its scores, its portfolio. What a bet is worth
saying is what changed since the bar before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ....io.ground.errors import CheckError, InputError
from ....io.ground.times import iso
from ....io.kalshi.stream.stream import BOOK, Gap
from ....strategies.pipeline.pipeline import Pipeline, recorded_pipeline
from ...bets.backtest import MINUTE_NS, BetsRun, backtest, panel_for
from ...bets.results import BetsResult, chances
from ...bets.served import check_live
from ...bets.types import NO_PRICE, Exit
from ..journal import JournalLine
from ..orders.jobs import encode
from .history import HeardHistory


class BetHeader(msgspec.Struct):
    """How a run of a session of bets began."""

    version: int
    pipeline: dict[str, Any]
    markets: list[dict[str, Any]]  #: rows of the table of markets, as the exchange listed them
    now: int
    engine: str = ""


class BetMachine:
    """A session from its first line on, over all its runs."""

    def __init__(self, folder: Path) -> None:
        self.history = HeardHistory(folder)
        self.pipeline: Pipeline | None = None
        self.now = self.begin = self.done = self.step = self.runs = 0
        self.refused: str | None = None
        self.found: BetsRun | None = None
        self.bets: dict[tuple[str, int], dict[str, Any]] = {}

    def take(self, line: JournalLine) -> list[JournalLine]:
        """Take a line in; returns the lines that go out."""
        before, self.now = self.now, max(self.now, line.ts)
        if line.kind == "run":
            self._begin(msgspec.json.decode(line.payload, type=BetHeader), before)
        elif line.kind == "<":
            self.history.hear(line.ts, line.payload)
        elif line.kind == "gap":
            self.history.miss(line.ts, msgspec.json.decode(line.payload, type=Gap))
        elif line.kind == "turn":
            return self._turn(msgspec.json.decode(line.payload, type=dict[str, int])["until"])
        else:
            raise CheckError(f"a journal of bets has no lines of kind {line.kind!r} that come in")
        return []

    def due(self, known: int) -> int | None:
        """The end of the last bar of which everything is known, when everything before ``known`` was heard."""
        last = self.begin + (known - 1 - self.begin) // self.step * self.step
        return last if last > self.done else None

    @property
    def over(self) -> bool:
        """Whether every market has paid and nothing is held."""
        if self.found is None:
            return False
        market = self.found.columns.market
        paid = (market["payout"] != NO_PRICE) & (market["settles"] < len(self.found.columns.times))
        return bool(paid.all()) and not len(self.found.run.still_open)

    def _begin(self, header: BetHeader, heard: int) -> None:
        self.refused = None
        if self.runs:  # what came while nobody listened is not known
            self.history.miss(header.now, Gap(BOOK, (), heard, "the session began anew"))
        else:
            self.pipeline = recorded_pipeline(header.pipeline)
            self.step = int(self.pipeline.source.values["step_minutes"]) * MINUTE_NS
            self.begin = self.done = header.now // self.step * self.step
        self.runs += 1
        self.history.list(header.markets)

    def _turn(self, until: int) -> list[JournalLine]:
        lines: list[JournalLine] = []
        while self.done < until and self.refused is None:
            lines += self._bar(self.done + self.step)
        return lines

    def _bar(self, end: int) -> list[JournalLine]:
        """Run the backtest up to a bar's end, and tell what changed."""
        assert self.pipeline is not None
        self.history.bring(end)
        panel, _ = panel_for(self.history.store, self.pipeline, self.begin, end, recorded=True)
        self.done = end
        if not panel.lives.total:
            return []
        try:
            check_live(self.pipeline, end, panel)
        except InputError as error:
            return self._halt(end, "model", str(error))
        found = backtest(panel, self.pipeline)
        stand = bets_of(found)
        other = sorted(self.bets.keys() - stand.keys()) + [
            key for key in stand if key[1] < end and key not in self.bets
        ]
        if other:
            text = f"what came late changes the bet on {other[0][0]} of {iso(other[0][1])}, a bar that was over"
            return self._halt(end, "late", text)
        self.found = found
        lines: list[JournalLine] = []
        for key, told in stand.items():
            if self.bets.get(key) != told:
                self.bets[key] = told
                lines.append(JournalLine("bet", end, encode(told)))
        account = self.found.run.account
        equity = {"equity": int(account["equity"]), "cash": int(account["cash"]), "open": int(account["held"])}
        return [*lines, JournalLine("bar", end, encode(equity))]

    def _halt(self, end: int, guard: str, text: str) -> list[JournalLine]:
        self.refused = text
        return [JournalLine("halt", end, encode({"guard": guard, "text": text}))]


def bets_of(found: BetsRun) -> dict[tuple[str, int], dict[str, Any]]:
    """Every bet of a run as it stands, by market and time of entry: prices in ticks, sizes in lots, money in micros."""
    run, times = found.run, found.panel.times
    rows = np.concatenate([run.trades, run.still_open])
    tickers = found.panel.markets["ticker"].to_list()
    shown: dict[tuple[str, int], dict[str, Any]] = {}
    for place, (h, chance) in enumerate(zip(rows, chances(rows).tolist(), strict=True)):
        over = place < len(run.trades)
        ticker, entered = tickers[int(h["market"])], int(times[h["entry_bar"]])
        shown[ticker, entered] = {
            "market": ticker, "side": "yes" if h["side"] > 0 else "no", "entered": entered,
            "probability": chance, "mark": int(h["mark"]), "score": int(h["score"]), "price": int(h["price"]),
            "lots": int(h["lots"]), "left": int(h["left"]), "proceeds": int(h["proceeds"]),
            "fees": int(h["entry_fee"] + h["exit_fee"]),
            "exit": Exit(int(h["reason"])).name.lower().replace("_", " ") if over else None,
            "left_at": int(times[h["exit_bar"]]) if over else None,
        }  # fmt: skip
    return shown


def judged(found: BetsRun | None) -> dict[str, Any]:
    """Each bet's probability beside its result once known, and how well the probabilities were calibrated."""
    if found is None:
        return {"bets": [], "market": None, "strategy": None}
    market = dict(zip(found.panel.markets["ticker"], found.columns.market["payout"].tolist(), strict=True))
    bets = []
    for one in bets_of(found).values():
        paid = market[one["market"]]
        own = None if paid == NO_PRICE else (paid if one["side"] == "yes" else 10_000 - paid) / 10_000
        bets.append({**one, "result": own})
    told = BetsResult(found).calibration
    return {"bets": bets, **{name: None if one is None else one.as_dict() for name, one in told.items()}}
