"""The end of a session's journal as a person reads it: the lines since the last look, alerts, and why a quote moved."""

from __future__ import annotations

import json
from collections import deque
from datetime import date
from pathlib import Path
from typing import Any

from ...io.ground.units import cents, contracts
from ..figures.words import usd
from ..trading.journal import decoded, segments

#: The day that days are counted from.
EPOCH = date(1970, 1, 1).toordinal()
#: Lines that are sent at once, and alerts.
MOST, ALERTS = 400, 60
#: Kinds of lines that a person reads; the messages of the exchange and the turns are too many.
TOLD = (
    "quote", "fill", "ask", "end", "halt", "lift", "kill", "note", "cmd", "gap", "join", "part", "wait", "go", "settle",
    "alert", "day", "bet",
)  # fmt: skip
#: How the session notes what it looked up itself: no order of a person.
LOOKED = b'{"verb":"seen"'
#: Those that somebody should look at.
ALARMING = ("halt", "kill", "wait", "gap", "alert")


class JournalTail:
    """What was written to a session's journal since it was looked at last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._at = 0
        self._since: dict[str, list[str]] = {}  #: of each market, what happened since its last quote
        self._quoted: dict[str, dict[str, Any]] = {}

    def more(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the new lines that a person reads and the alerts among them, oldest first, the last so many."""
        found: deque[dict[str, Any]] = deque(maxlen=MOST)
        alerts: deque[dict[str, Any]] = deque(maxlen=ALERTS)
        open_ones = [path for path in segments(self._folder) if path.suffix == ".log"]
        if not open_ones:
            return [], []
        newest = open_ones[-1]
        if newest != self._path:
            self._path, self._at = newest, 0
        with newest.open("rb") as file:
            file.seek(self._at)
            for raw in file:
                if not raw.endswith(b"\n"):
                    break  # still being written
                self._at += len(raw)
                line = decoded(raw)
                if line is not None and line.kind in TOLD and not line.payload.startswith(LOOKED):
                    found.append(row := self._row(line.kind, line.ts, line.payload))
                    if line.kind in ALARMING:
                        alerts.append(row)
        return list(found), list(alerts)

    def _row(self, kind: str, ts: int, payload: bytes) -> dict[str, Any]:
        row: dict[str, Any] = {"kind": kind, "ts": str(ts), "told": told(kind, payload)}
        try:
            document = json.loads(payload)
        except ValueError:
            return row
        if not isinstance(document, dict):
            return row
        market = str(document.get("market", ""))
        if kind == "quote":
            row |= {"market": market, "why": self._why(market, document)}
        elif kind == "bet":
            row |= {"market": market, "why": _why_bet(document)}
        elif kind == "fill":
            self._after(market, f"after a fill: {row['told'].partition(': ')[2].partition(', fee')[0]}")
        elif kind in ("halt", "kill", "wait"):
            for one in [market] if market else [*self._quoted]:
                self._after(one, f"{kind}: {document.get('text', '')}")
        elif kind in ("lift", "go"):
            for one in self._quoted:
                self._after(one, "quoting goes on")
        return row

    def _after(self, market: str, what: str) -> None:
        others = [one for one in self._since.get(market, []) if one.partition(":")[0] != what.partition(":")[0]]
        self._since[market] = [*others, what]  # of several fills the last one

    def _why(self, market: str, quote: dict[str, Any]) -> str:
        """What a decision says of itself, or what it followed and which sides it moved."""
        before, self._quoted[market] = self._quoted.get(market, {}), quote
        followed = "; ".join(self._since.pop(market, []))
        if said := quote.get("why"):
            return str(said)
        moved = [f"{side} {_price(before, side)} to {_price(quote, side)}" for side in ("bid", "ask")
                 if before.get(side) != quote.get(side)]  # fmt: skip
        resized = [side for side in ("bid", "ask") if before.get(side) == quote.get(side)
                   and before.get(f"{side}_size") != quote.get(f"{side}_size")]  # fmt: skip
        if not before:
            moved, followed = [], followed or "the first quote"
        changes = moved + [f"size of the {side}" for side in resized]
        return "; ".join(one for one in (followed, ", ".join(changes)) if one) or "the same again"


def _why_bet(bet: dict[str, Any]) -> str:
    """What a bet was made for, or what it was left by."""
    try:
        if bet["exit"] is not None:
            return str(bet["exit"])
        return f"{bet['side']} wins with {bet['probability']:.1%}, the market says {bet['mark'] / 10_000:.1%}"
    except (KeyError, TypeError):
        return ""  # a line of another version


def _bet(bet: dict[str, Any]) -> str:
    entry = f"{contracts(bet['lots'])} {bet['side']} at {cents(bet['price'])}"
    if bet["exit"] is None:
        return f"{bet['market']}: bought {entry}, fee {usd(bet['fees'])}"
    made = bet["proceeds"] - bet["price"] * bet["lots"] - bet["fees"]
    return f"{bet['market']}: left {entry}, P&L {usd(made)}"


def _price(quote: dict[str, Any], side: str) -> str:
    return "none" if not isinstance(quote.get(side), int) else cents(quote[side])


def told(kind: str, payload: bytes) -> str:
    """A line's payload in short: in cents, contracts and dollars where its kind is known, else names and values."""
    try:
        told = json.loads(payload)
    except ValueError:
        return payload[:200].decode("utf-8", "replace")
    if not isinstance(told, dict):
        return str(told)[:200]
    try:
        if kind == "quote":
            sides = (_order(told[name], told[f"{name}_size"]) for name in ("bid", "ask"))
            shown = " / ".join(sides)
            return f"{told['market']}: {'no quote' if shown == 'none / none' else shown}"
        if kind == "fill":
            verb, fee = "bought" if told["side"] > 0 else "sold", usd(told["fee"])
            held = contracts(told["position"])
            return f"{told['market']}: {verb} {_order(told['price'], told['lots'])}, fee {fee}, position {held}"
        if kind == "bet":
            return _bet(told)
        if kind == "cmd":
            of = ", ".join(told.get("tickers", ())) or "all markets"
            return f"{told['verb']} {of}" + (f": {told['reason']}" if told.get("reason") else "")
        if kind == "day":
            return f"the day of {date.fromordinal(EPOCH + told['day'])} begins"
    except (KeyError, TypeError):
        pass  # a line of another version is told as it stands
    return "  ".join(f"{name} {value}" for name, value in told.items() if value not in (None, "", []))[:300]


def _order(price: int | None, lots: int) -> str:
    return "none" if price is None else f"{contracts(lots)} at {cents(price)}"
