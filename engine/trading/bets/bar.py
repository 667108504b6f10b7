"""What the last bar of a session of bets came to, for whoever looks: bets with results, scores, what became of them."""

from __future__ import annotations

from typing import Any

from ....io.ground.units import MICROS_PER_DOLLAR
from ...figures.calibration import calibration
from .account import BetAccount, told_bet
from .deciding import MarketScore

#: Bets and scores that are told: those that are held and the newest, the markets with the largest edges.
BETS, SCORES = 300, 200
_TOLD = ("ticker", "mark", "score", "now", "before")
_DOLLAR = 10_000


def bar_in_short(account: BetAccount, scores: list[MarketScore]) -> dict[str, Any]:
    """Return what a bar came to: prices in ticks, sizes in lots, money in micros, probabilities as shares of one."""
    held = [
        _bet(told_bet(ticker, h, account), account.rows[ticker].last.mark if ticker in account.rows else -1)
        for ticker, h in account.held.items() if not h["reserved"]
    ]  # fmt: skip
    held.sort(key=lambda one: -one["entry_ts"])
    over = [_bet(one, -1) for one in reversed(account.lately)]
    shown = sorted(scores, key=lambda one: (-abs(one.score), one.ticker))[:SCORES]
    return {
        "bar": account.until,
        "bets": [*held, *over][:BETS],
        "of": len(held) + account.over,
        "scores": [{name: getattr(one, name) for name in _TOLD} for one in shown],
        "candidates": [_fate(account, fate) for fate in account.fates],
        "calibration": calibrations(account.lately),
    }


def calibrations(bets: Any) -> dict[str, Any]:
    """How well the prices and the probabilities of bets were calibrated, of those whose result is known."""
    known = [one for one in bets if one.get("result") in (0.0, 1.0)]
    results = [one["result"] for one in known]
    told = {
        "market": calibration([one["mark"] / _DOLLAR for one in known], results),
        "strategy": calibration([one["probability"] for one in known], results),
    }
    return {name: None if one is None else one.as_dict() for name, one in told.items()}


def _bet(told: dict[str, Any], mark: int) -> dict[str, Any]:
    """A bet with its probability and, once its market has paid, whether its side won."""
    is_open, sold = told["exit"] is None, told["lots"] - told["left"]
    own = told["price"] if mark < 0 else mark if told["side"] == "yes" else _DOLLAR - mark
    made = told["proceeds"] + own * told["left"] - told["price"] * told["lots"] - told["fees"]
    return {
        "ticker": told["market"], "side": told["side"], "probability": told["probability"],
        "entry_ts": told["entered"], "exit_ts": told["left_at"], "lots": told["lots"], "entry_price": told["price"],
        "exit_price": told["proceeds"] / sold if sold else None, "score": told["score"], "fees": told["fees"],
        "pnl": made if is_open else told["pnl"], "result": told.get("result"),
        "exit": "still open" if is_open else told["exit"],
    }  # fmt: skip


def _fate(account: BetAccount, fate: str) -> dict[str, Any]:
    settled, won, made = account.settled.get(fate, (0, 0, 0))
    return {
        "fate": fate, "candidates": account.fates[fate], "settled": settled, "won": won / settled if settled else None,
        "mean_pnl": made / settled / MICROS_PER_DOLLAR if settled else None,
    }  # fmt: skip
