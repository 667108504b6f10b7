"""A bar of a session of bets, decided as the backtest decides it, and what that asks of the exchange."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ....io.ground.units import NS_PER_SECOND
from ....strategies.pipeline.lookback import bars_back
from ....strategies.pipeline.pipeline import Pipeline
from ...bets.backtest import maker_of, membership_of, score_panel
from ...bets.portfolio.columns import columns_of
from ...bets.portfolio.portfolio import rules
from ...bets.portfolio.stepping import Stepped, stepped
from ...bets.results import fate_names
from ...bets.types import NO_ORDER, NO_PRICE, Exit, Fate, PanelColumns
from .account import BetAccount, BetState, Want, plain, told_bet
from .rows import BarsWindow, window_of

#: What becomes of an edge on which the next bar decides.
WAITS = "waits for the next bar"
_DOLLAR = 10_000


class AssumedFill(NamedTuple):
    """A fill as the backtest assumes it: 1 buys YES, YES ticks, lots, micros."""

    ticker: str
    side: int
    price: int
    lots: int
    fee: int


class Leaving(NamedTuple):
    """What of a position is to be sold now."""

    ticker: str
    side: int  #: that is held
    lots: int


class MarketScore(NamedTuple):
    """A market's mark and edge of YES in ticks; what becomes of it, and what became of the one that was decided on."""

    ticker: str
    mark: int | None
    score: int
    now: str | None
    before: str | None
    side: int  #: of the candidate that was decided on; 0: it was none
    price: int | None  #: what one contract of it costs now, of the own side, ticks


class Decided(NamedTuple):
    """What a bar came to: the line of the journal, and what it asks for."""

    line: dict[str, Any]
    changed: list[dict[str, Any]]  #: bets as they stand now
    fills: list[AssumedFill]  #: on paper
    leaving: list[Leaving]  #: where orders are sent
    scores: list[MarketScore]
    window: BarsWindow
    passed: npt.NDArray[np.int8] | None


class GotResting(NamedTuple):
    """What an order that rests got in the bar: lots, and their fee where the exchange told it."""

    lots: int
    fee: int | None


class Decider:
    """A pipeline's way from bars to bets."""

    def __init__(self, pipeline: Pipeline, *, assumed: bool) -> None:
        self._pipeline, self._assumed = pipeline, assumed
        self.rule = rules(pipeline.limits())
        self.orders = maker_of((pipeline,))
        self.delay = int(self.rule["delay"][0])
        back = bars_back(pipeline)
        waits = 0 if self.orders is None else self.orders[1]
        #: so many bars of a market are kept; None: all
        self.keep = None if back is None else max(back, waits) + self.delay + 2

    def bar(
        self, account: BetAccount, markets: Any, rows: Mapping[str, tuple[int, ...]], got: Mapping[str, GotResting],
        stopped: Collection[str], shut: Callable[[str], bool],
    ) -> Decided:  # fmt: skip
        """Decide on the bar after the account's last, whose rows these are.

        ``got`` is what resting orders got in it; nothing is entered or left in markets that are ``stopped``, and
        nothing can rest where trading is ``shut``.
        """
        since = {ticker: int(h["entry_bar"]) for ticker, h in account.held.items()}
        window = window_of(
            markets, account.rows, rows, account.begin, account.step, account.bars + 1, self.keep, since, self.orders
        )
        panel = window.panel
        place = {ticker: m for m, ticker in enumerate(markets["ticker"])}
        scored = score_panel(panel, self._pipeline)
        columns = columns_of(panel, scored.score, membership_of(self._pipeline))
        t = len(panel.times) - 1
        passed = self._without(columns, scored.passed, [place[ticker] for ticker in stopped if ticker in place], t)
        held = [self._relative(h, place[ticker], window.base) for ticker, h in account.held.items() if ticker in place]
        if self.orders is not None:
            self._rested(columns, held, got, markets["ticker"], shut, t)
        wanted = stepped(columns, self.rule, passed, account.account, held)
        firm = wanted
        if not self._assumed:
            enters = self.orders is not None
            firm = stepped(columns, self.rule, passed, account.account, held, enters=enters, sells=False)
            self._charged(firm, got, markets["ticker"])
        tickers = markets["ticker"].to_list()
        line, changed = self._line(account, firm, rows, tickers, window.base, columns)
        leaving = [] if self._assumed else _leaving(firm, wanted, tickers)
        if not self._assumed and self.orders is None:
            line["wants"] = _entries(wanted, firm, tickers, account.bars, t)
        scores = self._scores(columns, passed, wanted, tickers, t)
        line["candidates"] = [[one.ticker, one.before, one.side, one.price] for one in scores if one.side]
        fills = _fills(account, firm, tickers) if self._assumed else []
        return Decided(
            line, changed, fills, leaving, scores, window, scored.passed
        )  # fmt: skip

    def warm(self, markets: Any) -> None:
        """Compile before the stream begins, which would be lost meanwhile. Decides nothing."""
        spare, row = BetAccount(BetState(), self.rule, self.keep), (5_000, 4_900, 5_100, 100, 100, 0, 0, 0)
        spare.began(0, NS_PER_SECOND)
        tickers = markets["ticker"].to_list()[:1]
        for _ in range(self.delay + 2):
            made = self.bar(spare, markets, dict.fromkeys(tickers, row), {}, (), lambda ticker: False)
            spare.bar(made.line)

    def _without(
        self, columns: PanelColumns, passed: npt.NDArray[np.int8] | None, stopped: list[int], t: int
    ) -> npt.NDArray[np.int8] | None:
        """What passes the filters, but for markets in which nothing is entered or left now."""
        if not stopped:
            return passed
        made = np.zeros(len(columns.score), np.int8) if passed is None else passed.copy()
        market, known = columns.market, t - self.delay
        for m in stopped:
            market["closes"][m] = min(market["closes"][m], t - 1)
            if market["first"][m] <= known <= market["last"][m]:
                made[market["base"][m] + known * market["stride"][m]] = Fate.NOT_TRADABLE
        return made

    def _relative(self, h: Any, market: int, base: int) -> Any:
        one = h.copy()
        one["market"] = market
        one["entry_bar"] -= base
        one["exit_bar"] = one["exit_bar"] - base if one["exit_bar"] >= 0 else -1
        return one

    def _rested(
        self, columns: PanelColumns, held: list[Any], got: Mapping[str, GotResting], tickers: Any,
        shut: Callable[[str], bool], t: int,
    ) -> None:  # fmt: skip
        """Write into the columns where no order can stand, and what those that rest got in this bar."""
        market = columns.market
        for m, ticker in enumerate(tickers):
            if market["first"][m] <= t <= market["last"][m] and shut(ticker):
                row = market["base"][m] + t * market["stride"][m]
                columns.bid_after[row] = columns.ask_after[row] = NO_ORDER
        for h in held:
            found = got.get(tickers[int(h["market"])])
            if not h["reserved"]:
                continue
            m, placed = int(h["market"]), int(h["entry_bar"])
            row = market["base"][m] + placed * market["stride"][m]
            after, lots = (
                (columns.bid_after, columns.bid_got) if h["side"] > 0 else (columns.ask_after, columns.ask_got)
            )
            after[row], lots[row] = (0, 0) if found is None or not found.lots else (t - placed, found.lots)

    def _charged(self, firm: Stepped, got: Mapping[str, GotResting], tickers: Any) -> None:
        """Put the fees that the exchange told in the place of those that were assumed."""
        for h in firm.held:
            found = got.get(tickers[int(h["market"])])
            if found is not None and found.fee is not None and not h["reserved"] and h["ordered"]:
                more = found.fee - int(h["entry_fee"])
                h["entry_fee"] += more
                firm.account["fees"] += more
                firm.account["cash"] -= more

    def _line(
        self, account: BetAccount, firm: Stepped, rows: Mapping[str, tuple[int, ...]], tickers: list[str], base: int,
        columns: PanelColumns,
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:  # fmt: skip
        """The bar as the journal tells it, and the bets that it changed."""
        held, changed, ended = list[tuple[str, list[Any]]](), list[dict[str, Any]](), list[dict[str, Any]]()

        def absolute(h: Any) -> Any:
            one = h.copy()
            one["entry_bar"] += base
            one["exit_bar"] = one["exit_bar"] + base if one["exit_bar"] >= 0 else -1
            one["market"] = 0
            return one

        for h in firm.held:
            ticker, one = tickers[int(h["market"])], absolute(h)
            held.append((ticker, plain(one)))
            before = account.held.get(ticker)
            told = told_bet(ticker, one, account)
            if not one["reserved"] and (
                before is None or before["reserved"] or told_bet(ticker, before, account) != told
            ):
                changed.append(told)
        for h in firm.closed:
            ticker, one = tickers[int(h["market"])], absolute(h)
            told = told_bet(ticker, one, account, over=True)
            if one["reason"] == Exit.RESOLUTION:
                paid = int(columns.market["payout"][int(h["market"])])
                told["result"] = (paid if one["side"] > 0 else _DOLLAR - paid) / _DOLLAR
            ended.append(told)
        waiting = [(ticker, plain(h)) for ticker, h in account.held.items() if ticker not in tickers]
        line = {
            "until": account.until + account.step, "equity": int(firm.account["equity"]),
            "cash": int(firm.account["cash"]), "open": int(firm.account["held"]),
            "rows": {ticker: list(row) for ticker, row in rows.items()}, "account": plain(firm.account),
            "held": [*held, *waiting], "ended": ended, "wants": list[dict[str, Any]](), "moved": account.moved,
            "paid": dict[str, int](),
        }  # fmt: skip
        return line, [*changed, *ended]

    def _scores(
        self, columns: PanelColumns, passed: npt.NDArray[np.int8] | None, wanted: Stepped, tickers: list[str], t: int
    ) -> list[MarketScore]:
        """Of each market that lives: its edge now, and what became of the one that was decided on."""
        names = fate_names(self._pipeline) | {int(Fate.NONE): "no edge"}
        least, found, market = int(self.rule["min_score"][0]), list[MarketScore](), columns.market

        def fate(m: int, bar: int) -> str | None:
            if not market["first"][m] <= bar <= market["last"][m]:
                return None
            row = market["base"][m] + bar * market["stride"][m]
            if (code := int(wanted.fates[row])) or not columns.score[row]:
                return names.get(code)
            stopped = 0 if passed is None else int(passed[row])
            if stopped or abs(int(columns.score[row])) < least:
                return names[stopped or int(Fate.WEAK)]
            return WAITS

        for m, ticker in enumerate(tickers):
            if not market["first"][m] <= t <= market["last"][m]:
                continue
            row, known = market["base"][m] + t * market["stride"][m], t - self.delay
            mark, before = int(columns.mark[row]), fate(m, known)
            side = 0
            if before not in (None, names[int(Fate.NONE)]):
                side = 1 if columns.score[row - self.delay * market["stride"][m]] > 0 else -1
            quote = int(columns.ask[row] if side > 0 else columns.bid[row])
            price = None
            if side and quote != NO_PRICE and market["opens"][m] <= t <= market["closes"][m]:
                own = _yes(quote, side) + int(self.rule["slippage"][0])
                price = own if 0 < own < _DOLLAR else None
            found.append(
                MarketScore(
                    ticker, None if mark == NO_PRICE else mark, int(columns.score[row]), fate(m, t), before, side, price
                )
            )
        return found


def _fills(account: BetAccount, firm: Stepped, tickers: list[str]) -> list[AssumedFill]:
    """What the bar bought and sold, as fills of one price each."""
    found: list[AssumedFill] = []
    for h in (*firm.closed, *firm.held):
        ticker, side = tickers[int(h["market"])], int(h["side"])
        before = account.held.get(ticker)
        lots, left, proceeds, exit_fee = (
            (0, 0, 0, 0) if before is None else (int(before[name]) for name in ("lots", "left", "proceeds", "exit_fee"))
        )
        if bought := int(h["lots"]) - lots:
            found.append(AssumedFill(ticker, side, _yes(int(h["price"]), side), bought, int(h["entry_fee"])))
        sold = left + bought - int(h["left"])
        if sold and h["reason"] != Exit.RESOLUTION:
            own = (int(h["proceeds"]) - proceeds) // sold
            found.append(AssumedFill(ticker, -side, _yes(own, side), sold, int(h["exit_fee"]) - exit_fee))
    return found


def _leaving(firm: Stepped, wanted: Stepped, tickers: list[str]) -> list[Leaving]:
    """What the backtest sells in this bar of what is held."""
    left = {int(h["market"]): int(h["left"]) for h in wanted.held}
    return [
        Leaving(tickers[int(h["market"])], int(h["side"]), lots)
        for h in firm.held
        if not h["reserved"] and (lots := int(h["left"]) - left.get(int(h["market"]), 0)) > 0
    ]


def _entries(wanted: Stepped, firm: Stepped, tickers: list[str], bar: int, t: int) -> list[dict[str, Any]]:
    """What the backtest enters in this bar."""
    known = {int(h["market"]) for h in firm.held}
    return [
        {
            "ticker": tickers[int(h["market"])], "side": int(h["side"]), "lots": int(h["lots"]),
            "price": int(h["price"]), "score": int(h["score"]), "mark": int(h["mark"]), "bar": bar,
        }
        for h in wanted.held
        if int(h["market"]) not in known and h["entry_bar"] == t
    ]  # fmt: skip


def wants_of(line: Mapping[str, Any]) -> list[Want]:
    """The entries that a bar's line names."""
    return [Want(**one) for one in line["wants"]]


def _yes(own: int, side: int) -> int:
    return own if side > 0 else _DOLLAR - own
