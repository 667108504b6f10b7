"""The named warnings: each has one name, one plain sentence, and travels with the result it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...io.ground.errors import InputError

#: Name -> what it means for a reader of the result.
SENTENCES: dict[str, str] = {
    "one-sided-settlement": "Nearly all settled markets paid the same side, so a constant bet would look like skill.",
    "thin-coverage": "Part of the time asked for has no usable book, and nothing could fill there.",
    "queue-sign": "The sign of the P&L depends on the queue model, so it is not known whether this makes money.",
    "edge-of-grid": "Values on the edge of the grid did best, so better ones may lie outside it.",
    "lonely-peak": "The cells around the best one earn less than half of what it earns, as luck does.",
    "few-events": "There are too few independent events for the statistics to mean much.",
    "few-periods": "There are too few periods for the statistics to mean much.",
    "concentration": "Most of the profit comes from one event.",
    "open-at-end": "Positions were open at the end and are counted at their last mark, not at a result.",
    "unknown-depth": "Nobody recorded sizes or trades, so entries are limited by the position caps alone.",
    "cut-scores": "Scores beyond a dollar were cut to a dollar; a score is an edge in dollars, not in ticks or cents.",
    "assumed-close": "Markets with a result and no closing time are taken to close and pay at their last event.",
    "close-told-late": (
        "What markets say of their close was recorded after it: before, the later of close and expiration stands in."
    ),
    "no-closing-time": "Markets without a closing time were not bet on: the strategy asks for the time left.",
    "unlisted-markets": "Tickers with quotes or trades have no row in markets: no close and no result is known.",
    "few-fills": "There are too few fills to judge by.",
    "cannot-fill": "No trades are recorded and the queue model fills by trades alone, so nothing could fill there.",
    "tau-is-a-share": "Nothing filled, and tau is the share of the session left; horizon=to-close gives it in seconds.",
    "nothing-traded": "No cell made or lost anything, so there is nothing to choose and nothing to judge.",
    "no-skill": "The trained model did not beat the market's own price on rows that it had not learned from.",
    "drift": "What the trained model reads has moved away from what it learned from.",
    "expired-model": "The trained model served bars after it had expired.",
    "overfit": "The cell that did best in half of the data mostly fell below the median in the other half.",
    "no-edge": "The best Sharpe ratio is no better than the best of as many lucky trials.",
    "out-of-sample-loss": "Cells chosen on earlier data lost money on later data.",
    "degenerate-statistic": "A statistic has no value for this data.",
    "collateral-estimated": "Returns are measured against the largest position held, not against posted collateral.",
    "book-from-quotes": "Only best quotes are recorded: depth behind them is not known.",
    "book-from-trades": "Only trades are recorded: a spread of two levels around the last one stands in for the book.",
    "outside-life": "Some events of the market lie before its open or after its close, and were left out.",
    "large-share": "The orders get a large share of a side; others would answer, so their rewards are an upper bound.",
    "rewards-in-pnl": "Part of the P&L is rewards of incentive programs, which the exchange may change or end any day.",
    "part-of-a-period": "Periods of programs lie partly outside of the data; they are told, and pay nothing.",
    "rewards-by-volume": "Programs that pay by volume are estimated beside the P&L, and no part of it.",
    "no-programs": "Incentive programs were to be counted, and none is known of this market and time.",
    "synthetic-data": "The data is synthetic: results say how the program works, not how a market does.",
    "killed": "The session was killed: everything was cancelled, and stays so until a person resumes it.",
    "halted": "Markets were halted: they are not quoted until a person resumes them.",
    "no-fills": "Nothing was filled.",
    "no-bets": "No bet was made, so no figure has a meaning.",
    "settlement": "What a market paid by the session's own account is not what the exchange says that it paid.",
    "edited-parameters": "The parameter file was edited by hand after it was exported.",
    "forced-export": "The export was forced although the checks refused it.",
}


@dataclass(frozen=True)
class Notice:
    """One warning about a result.

    >>> print(Notice("few-events", "3 events; 30 are a start"))
    few-events: There are too few independent events for the statistics to mean much. (3 events; 30 are a start)
    """

    name: str
    detail: str = ""

    def __post_init__(self) -> None:
        if self.name not in SENTENCES:
            raise InputError(f"warning {self.name!r} is not known; known are {', '.join(SENTENCES)}")

    @property
    def text(self) -> str:
        """The sentence, with what is particular to this result."""
        return SENTENCES[self.name] + (f" ({self.detail})" if self.detail else "")

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"

    def as_row(self) -> dict[str, str]:
        """Return what is written to JSON and TOML."""
        return {"name": self.name, "detail": self.detail, "text": self.text}


def notices(stored: Iterable[object]) -> list[Notice]:
    """Read warnings back: rows as ``as_row`` wrote them, or bare names.

    >>> notices([{"name": "few-events", "detail": ""}, "queue-sign"])[1].name
    'queue-sign'
    """
    found: list[Notice] = []
    for item in stored:
        row = item if isinstance(item, dict) else {"name": str(item)}
        name, detail = str(row.get("name")), str(row.get("detail") or "")
        notice = Notice(name, detail)
        if notice not in found:
            found.append(notice)
    return found
