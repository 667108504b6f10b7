"""A recording as the exchange's WebSocket would have sent it: one line a frame, with receive time, sid and seq.

Books and their changes come on sid 1, trades on sid 2, life cycle messages on sid 3; seq counts each of them from 1
over all markets, acknowledgements included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..ground.atomic import writing
from ..ground.units import LOTS_PER_CONTRACT, TICKS_PER_DOLLAR
from . import process
from .plan import Contract, Recording
from .render import INT, PRICE, SIZE, TEXT, UUID, render, templates, texts

_BOOK, _TRADE, _NUMBERED, _PLAIN = range(4)
#: The sid of each template's frames; a numbered frame brings its own.
_LAYOUT = templates(
    [
        [
            b'{"recv_ts":', INT, b',"frame":{"type":"orderbook_delta","sid":1,"seq":', INT, b',"msg":{', TEXT,
            b',"price_dollars":"', PRICE, b'","delta_fp":"', SIZE, b'","side":"', TEXT, b'","ts_ms":', INT, b"}}}\n",
        ],
        [
            b'{"recv_ts":', INT, b',"frame":{"type":"trade","sid":2,"seq":', INT, b',"msg":{"trade_id":"', UUID,
            b'","market_ticker":"', TEXT, b'","yes_price_dollars":"', PRICE, b'","no_price_dollars":"', PRICE,
            b'","count_fp":"', SIZE, b'",', TEXT, b',"is_block_trade":false,"ts":', INT, b',"ts_ms":', INT, b"}}}\n",
        ],
        [
            b'{"recv_ts":', INT, b',"frame":{', TEXT, b',"sid":', INT, b',"seq":', INT, b',"msg":', TEXT, b"}}\n",
        ],
        [b'{"recv_ts":', INT, b',"frame":', TEXT, b"}\n"],
    ]
)  # fmt: skip
_FIELDS = _LAYOUT.kinds.shape[1]
_BLOCK = 200_000  # rows rendered at a time


class Played(NamedTuple):
    """A contract whose day has been played."""

    contract: Contract
    opening: process.SampleRows
    rows: process.SampleRows


class _Special(NamedTuple):
    """A frame that is no book change and no trade; ``sid`` 0: it carries no seq."""

    ms: int
    sid: int
    head: str
    body: str


def play(contract: Contract, seed: int) -> Played:
    """Let a contract's makers and takers play its day."""
    market = process.SampleMarket(
        contract.grid, (contract.close - contract.start) * 1000, contract.frames, contract.stride, contract.ahead,
        contract.pause,
    )  # fmt: skip
    return Played(contract, *process.simulate(market, contract.fair, contract.half, seed))


def write(recording: Recording, played: list[Played], path: Path, seed: int) -> int:
    """Write a capture and return the number of frames."""
    specials = sorted(_specials(recording, played), key=lambda frame: frame.ms)
    template, fields, listed = _columns(recording, played, specials, seed)
    table = texts(listed)
    with writing(path) as beside, beside.open("wb") as file:
        for start in range(0, template.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            render(_LAYOUT, table, template[part], fields[:, part]).tofile(file)
    return int(template.size)


def market_id(ticker: str) -> str:
    """A made-up id that belongs to a ticker."""
    number = int.from_bytes(ticker.encode().rjust(16, b"\0")[-16:], "big") * 0x9E3779B97F4A7C15F39CC0605CEDC835
    text = f"{number % 2**128:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _names(ticker: str) -> str:
    return f'"market_ticker":"{ticker}","market_id":"{market_id(ticker)}"'


def price_text(ticks: int) -> str:
    """Ticks as the exchange writes dollars.

    >>> price_text(4700)
    '0.4700'
    """
    return f"{ticks // TICKS_PER_DOLLAR}.{ticks % TICKS_PER_DOLLAR:04d}"


def size_text(lots: int) -> str:
    """Lots as the exchange writes contracts.

    >>> size_text(1411)
    '14.11'
    """
    return f"{lots // LOTS_PER_CONTRACT}.{lots % LOTS_PER_CONTRACT:02d}"


def _specials(recording: Recording, played: list[Played]) -> Iterator[_Special]:
    """Commands, acknowledgements, snapshots and life cycle messages."""
    begin = min(item.contract.start for item in played) * 1000
    first = [item.contract.ticker for item in played if item.contract.start * 1000 == begin]
    flag = recording.use_yes_price
    channels = ("orderbook_delta", "trade", "market_lifecycle_v2")
    for number, channel in enumerate(channels, 1):
        params: dict[str, object] = {"channels": [channel]}
        if number < 3:
            params["market_tickers"] = first
        if number == 1:
            params["use_yes_price"] = flag
        command = {"id": number, "cmd": "subscribe", "params": params}
        yield _Special(begin - 400 + number, 0, "", _json(command))
        ack = {"type": "subscribed", "id": number, "msg": {"channel": channel, "sid": number}}
        yield _Special(begin - 300 + number, 0, "", _json(ack))
    known, command_id = list(first), 4
    for item in played:
        contract, opens = item.contract, item.contract.start * 1000
        if opens > begin:
            known.append(contract.ticker)
            for sid in (1, 2):
                params = {"sids": [sid], "market_tickers": [contract.ticker], "action": "add_markets"}
                command = {"id": command_id, "cmd": "update_subscription", "params": params}
                yield _Special(opens, 0, "", _json(command))
                yield _Special(opens, sid, f'"type":"ok","id":{command_id}', _json({"market_tickers": known}))
                command_id += 1
        yield _Special(opens, 1, '"type":"orderbook_snapshot"', _snapshot(item, flag))
        yield from _life(contract, begin)


def _snapshot(item: Played, use_yes_price: bool) -> str:
    sides: dict[str, list[list[str]]] = {}
    rows = item.opening
    for side, key in ((1, "yes_dollars_fp"), (-1, "no_dollars_fp")):
        chosen = rows.side == side
        flipped = side < 0 and not use_yes_price
        prices = TICKS_PER_DOLLAR - rows.price[chosen] if flipped else rows.price[chosen]
        levels = sorted(zip(prices.tolist(), rows.size[chosen].tolist(), strict=True))
        if levels:
            sides[key] = [[price_text(price), size_text(size)] for price, size in levels]
    ticker = item.contract.ticker
    return _json({"market_ticker": ticker, "market_id": market_id(ticker), **sides})


def _life(contract: Contract, begin: int) -> Iterator[_Special]:
    """The life cycle messages of one market; the close itself has none."""

    def message(second: int, event_type: str, **body: object) -> _Special:
        text = _json({"market_ticker": contract.ticker, "event_type": event_type, **body})
        return _Special(second * 1000, 3, '"type":"market_lifecycle_v2"', text)

    if contract.start * 1000 > begin:
        about = {
            "name": contract.label, "title": contract.event.title, "yes_sub_title": contract.label,
            "no_sub_title": contract.label, "rules_primary": "A synthetic market of the sample day.",
            "rules_secondary": "", "can_close_early": True, "event_ticker": contract.event.ticker,
            "expected_expiration_ts": contract.close, **contract.strike,
        }  # fmt: skip
        yield message(
            contract.start - 60, "created", open_ts=contract.listed, close_ts=contract.close, additional_metadata=about
        )
        yield message(contract.start, "activated", is_deactivated=False)
    if contract.pause[0]:
        pause, resume = (contract.start + ms // 1000 for ms in contract.pause)
        yield message(pause, "deactivated", is_deactivated=True)
        yield message(resume, "activated", is_deactivated=False)
    if contract.result:
        if contract.planned_close:
            yield message(contract.close, "close_date_updated", close_ts=contract.close)
        settlement = "1.0000" if contract.result == "yes" else "0.0000"
        determined = contract.close + 5
        yield message(
            determined, "determined", result=contract.result, determination_ts=determined, settlement_value=settlement
        )
        yield message(determined + contract.timer, "settled", settled_ts=determined + contract.timer)


def _columns(
    recording: Recording, played: list[Played], specials: list[_Special], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """All frames in the order in which they arrived: template and fields of each, and the texts they refer to."""
    listed = ["yes", "no", *(_taker(side) for side in ("yes", "no"))]
    names = len(listed)
    listed += [_names(item.contract.ticker) for item in played] + [item.contract.ticker for item in played]
    words = len(listed)
    listed += [frame.head for frame in specials] + [frame.body for frame in specials]

    count = len(specials)
    ms = np.concatenate([[frame.ms for frame in specials], *(i.rows.ms + i.contract.start * 1000 for i in played)])
    order = np.argsort(ms, kind="stable")
    plain = [_NUMBERED if frame.sid else _PLAIN for frame in specials]
    template = np.concatenate([plain, *(item.rows.kind for item in played)]).astype(np.int64)
    template = template[order]
    order, template = _shuffle_pairs(order, template, seed)

    def gather(of_special: list[int], of_rows: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        return np.concatenate([np.array(of_special, np.int64), *of_rows])[order]

    nothing = [0] * count
    ms = ms[order]
    market = gather(nothing, [np.full(i.rows.ms.size, n, np.int64) for n, i in enumerate(played)])
    side = gather(nothing, [item.rows.side.astype(np.int64) for item in played])
    price = gather(nothing, [item.rows.price.astype(np.int64) for item in played])
    size = gather(nothing, [item.rows.size for item in played])
    special = gather(list(range(count)), [np.zeros(item.rows.ms.size, np.int64) for item in played])
    sid = gather([frame.sid for frame in specials], [item.rows.kind.astype(np.int64) + 1 for item in played])
    seq = np.zeros(ms.size, np.int64)
    for number in (1, 2, 3):
        chosen = sid == number
        seq[chosen] = np.arange(1, chosen.sum() + 1)

    fields = np.zeros((_FIELDS, ms.size), np.int64)
    fields[0] = _arrival(ms, seed)
    fields[1] = seq
    is_no = (side < 0).astype(np.int64)
    shown = price if recording.use_yes_price else np.where(is_no == 1, TICKS_PER_DOLLAR - price, price)
    _fill(fields, template == _BOOK, 2, names + market, shown, size, is_no, ms)
    trades = template == _TRADE
    ids = (seed % 2**20 << 40) + (sum(recording.name.encode()) << 28) + seq
    tickers = names + len(played) + market
    other = TICKS_PER_DOLLAR - price
    _fill(fields, trades, 2, ids, tickers, price, other, size, 2 + is_no, ms // 1000, ms)
    _fill(fields, template == _NUMBERED, 1, words + special, sid, seq, words + count + special)
    _fill(fields, template == _PLAIN, 1, words + count + special)
    return template, fields, listed


def _fill(fields: NDArray[np.int64], chosen: NDArray[np.bool_], first: int, *columns: NDArray[np.int64]) -> None:
    for index, column in enumerate(columns, first):
        fields[index, chosen] = column[chosen]


def _shuffle_pairs(
    order: NDArray[np.int64], template: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Let one trade in four arrive after the change it made: two channels promise no order between them."""
    rng = np.random.Generator(np.random.PCG64([seed, 11]))
    trade = np.flatnonzero((template == _TRADE) & (rng.random(template.size) < 0.25))
    for column in (order, template):
        column[trade], column[trade + 1] = column[trade + 1].copy(), column[trade].copy()
    return order, template


def _arrival(ms: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Receive times in nanoseconds: 12 to 45 ms later, in the order of the frames."""
    rng = np.random.Generator(np.random.PCG64([seed, 12]))
    return np.maximum.accumulate(ms * 1_000_000 + rng.integers(12_000_000, 45_000_000, ms.size))


def _taker(side: str) -> str:
    book = "bid" if side == "yes" else "ask"
    return f'"taker_side":"{side}","taker_outcome_side":"{side}","taker_book_side":"{book}"'


def _json(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))
