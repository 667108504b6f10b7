"""A portfolio under way, a bar at a time: what is held goes in, what the bar makes of it comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..types import ACCOUNT, HOLDING, Candidates, PanelColumns
from .kernel import step_nb
from .portfolio import candidates, check_columns, desks


@dataclass(frozen=True)
class Stepped:
    """The portfolio after a bar. Bars of holdings are places in the columns' times."""

    account: Any  #: one ACCOUNT
    held: npt.NDArray[Any]  #: a HOLDING for each open position and each order that rests
    closed: npt.NDArray[Any]  #: positions that ended in the bar
    fates: npt.NDArray[np.int8]  #: Fate of the candidate in each row


def opened(rule: npt.NDArray[Any]) -> Any:
    """Return the account before its first bar."""
    account = np.zeros(1, ACCOUNT)[0]
    account["cash"] = account["equity"] = account["peak"] = rule["capital"][0]
    return account


def stepped(
    columns: PanelColumns, rule: npt.NDArray[Any], passed: npt.NDArray[np.int8] | None, account: Any,
    held: Sequence[Any], *, enters: bool = True, sells: bool = True,
) -> Stepped:  # fmt: skip
    """Run the columns' last bar. Without ``sells`` an exit that is due is only noted, as if nobody bid."""
    check_columns(columns, rule)
    t = len(columns.times) - 1
    market = columns.market
    desk = type(whole := desks(columns, rule, recorded=True))(*(column[0] for column in whole))
    room = max(len(desk.slots), len(held) + 1)
    slots = np.zeros(room, HOLDING)
    own = np.array([account], ACCOUNT)
    desk = desk._replace(account=own[0], slots=slots, trades=np.zeros(room, HOLDING))
    desk.account["trades"], desk.account["held"] = 0, len(held)
    for i, h in enumerate(held):
        slots[i] = h
        m = int(h["market"])
        desk.held[m] = i
        for row, kind in enumerate(("event", "series", "category")):
            desk.counts[row, market[kind][m]] += 1
    if not sells:
        rows = market["base"] + t * market["stride"]
        alive = rows[(market["first"] <= t) & (t <= market["last"])]
        bid_lots, ask_lots = columns.bid_lots.copy(), columns.ask_lots.copy()
        bid_lots[alive] = ask_lots[alive] = 0
        columns = columns._replace(bid_lots=bid_lots, ask_lots=ask_lots)
    none = Candidates(np.zeros(len(columns.times) + 1, np.int64), np.empty(0, np.int64))
    listed = candidates(columns, passed, 1, bool(rule["ranked"][0])) if enters else none
    step_nb(columns, rule[0], listed, t, desk)
    closed = int(desk.account["trades"])
    desk.account["trades"] += int(account["trades"])
    return Stepped(desk.account.copy(), slots[: int(desk.account["held"])].copy(), desk.trades[:closed], desk.fates)
