"""Messages of the stream, decoded fast when they have today's shape and patiently when they have not."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from ..rest.wire import convert


class _Frame(msgspec.Struct, gc=False, kw_only=True):
    sid: int | None = None
    seq: int | None = None
    id: int | None = None


class SnapshotBody(msgspec.Struct, gc=False):
    """All levels of a market; the key of an empty side is missing. Only replays and recordings say of which time."""

    market_ticker: str
    yes: list[tuple[str, str]] = msgspec.field(name="yes_dollars_fp", default_factory=list)
    no: list[tuple[str, str]] = msgspec.field(name="no_dollars_fp", default_factory=list)
    ts_ms: int = 0


class Snapshot(_Frame, tag="orderbook_snapshot"):
    """A market's whole book."""

    msg: SnapshotBody


class DeltaBody(msgspec.Struct, gc=False):
    """A change of one level."""

    market_ticker: str
    price: str = msgspec.field(name="price_dollars")
    delta: str = msgspec.field(name="delta_fp")
    side: str
    ts_ms: int = 0
    client_order_id: str | None = None


class Delta(_Frame, tag="orderbook_delta"):
    """A change of one level of a market's book."""

    msg: DeltaBody


class TradeBody(msgspec.Struct, gc=False):
    """A trade."""

    trade_id: str
    market_ticker: str
    price: str = msgspec.field(name="yes_price_dollars")
    count: str = msgspec.field(name="count_fp")
    taker_outcome_side: str | None = None
    taker_book_side: str | None = None
    taker_side: str | None = None
    is_block_trade: bool = False
    ts_ms: int = 0


class TradeFrame(_Frame, tag="trade"):
    """A trade of a market."""

    msg: TradeBody


class SubscribedBody(msgspec.Struct):
    """Which channel got which subscription number."""

    channel: str
    sid: int


class Subscribed(_Frame, tag="subscribed"):
    """The answer to subscribe, one per channel."""

    msg: SubscribedBody


class Unsubscribed(_Frame, tag="unsubscribed"):
    """The answer to unsubscribe."""


class Ok(_Frame, tag="ok"):
    """The answer to an update (the full list of markets) or to a listing (channels and their numbers)."""

    msg: Any = None


class ErrorBody(msgspec.Struct):
    """Why the stream refused something, or ended a subscription."""

    code: int = 0
    msg: str = ""
    market_ticker: str | None = None
    market_tickers: list[str] | None = None


class ErrorFrame(_Frame, tag="error"):
    """A refusal, or the end of a subscription (codes 10 and 25)."""

    msg: ErrorBody


class LifecycleBody(msgspec.Struct):
    """What happened to a market; ``additional_metadata`` comes with ``created``."""

    market_ticker: str
    event_type: str
    additional_metadata: dict[str, Any] | None = None
    close_ts: int | None = None  # seconds
    ts_ms: int = 0  # only replays say it
    settlement_value: str | None = None  # of one YES, dollars; comes with ``determined``


class Lifecycle(_Frame, tag="market_lifecycle_v2"):
    """A step in a market's life."""

    msg: LifecycleBody


class FillBody(msgspec.Struct):
    """An execution of an own order, at a YES price."""

    trade_id: str
    order_id: str
    market_ticker: str
    price: str = msgspec.field(name="yes_price_dollars")
    count: str = msgspec.field(name="count_fp")
    book_side: str = ""
    fee: str = msgspec.field(name="fee_cost", default="0")
    ts_ms: int = 0
    client_order_id: str | None = None


class FillFrame(_Frame, tag="fill"):
    """An own order traded."""

    msg: FillBody


class OrderBody(msgspec.Struct):
    """Where an own order stands; ``status`` is resting, canceled or executed."""

    order_id: str
    ticker: str = ""
    status: str = ""
    client_order_id: str | None = None
    last_update_reason: str | None = None
    filled: str = msgspec.field(name="fill_count_fp", default="0")


class OrderFrame(_Frame, tag="user_order"):
    """An own order changed."""

    msg: OrderBody


class GroupBody(msgspec.Struct):
    """What happened to an order group of ours: created, triggered, reset, deleted or limit_updated."""

    event_type: str
    order_group_id: str
    ts_ms: int = 0


class GroupFrame(_Frame, tag="order_group_updates"):
    """An order group changed."""

    msg: GroupBody


class IndexMean(msgspec.Struct, gc=False):
    """The mean of an index over a time, so far: over ``window_size`` values."""

    value: str
    window_size: int = 0
    window_start_ts_ms: int = 0
    window_end_ts_exclusive: int = 0  # ms, too


class _Value(msgspec.Struct, gc=False):
    value: str | float
    time: int = 0


class IndexBody(msgspec.Struct, gc=False):
    """A reference value; ``data`` is the provider's own message, as text."""

    index_id: str
    data: str
    received_at: int = 0
    last_minute: IndexMean | None = msgspec.field(name="avg_60s_data", default=None)
    #: In the last minute before a quarter of an hour: what the 15-minute markets settle at, as far as it is known.
    settling: IndexMean | None = msgspec.field(name="last_60s_windowed_average_15min", default=None)

    @property
    def value(self) -> float:
        """What the index is worth."""
        return float(_VALUE.decode(self.data).value)

    @property
    def ts_ms(self) -> int:
        """When it was worth this, as the provider says."""
        return _VALUE.decode(self.data).time or self.received_at


class IndexFrame(_Frame, tag="cfbenchmarks_value"):
    """A value of an index."""

    msg: IndexBody


class FastIndexBody(msgspec.Struct, gc=False):
    """A reference value, up to five a second; it comes without averages."""

    index_id: str
    value_usd: str | float
    source_ts_ms: int = 0
    received_at: int = 0

    @property
    def value(self) -> float:
        """What the index is worth."""
        return float(self.value_usd)

    @property
    def ts_ms(self) -> int:
        """When it was worth this."""
        return self.source_ts_ms or self.received_at


class FastIndexFrame(_Frame, tag="cfbenchmarks_value_5hz"):
    """A value of an index, from the fast channel."""

    msg: FastIndexBody


class PythBody(msgspec.Struct, gc=False):
    """The price of an underlying: a currency, a metal, energy, an index of shares."""

    underlying_ticker: str
    price: str | float
    source_ts_ms: int = 0
    received_at: int = 0

    @property
    def value(self) -> float:
        """What it is worth."""
        return float(self.price)

    @property
    def ts_ms(self) -> int:
        """When it was worth this."""
        return self.source_ts_ms or self.received_at


class PythFrame(_Frame, tag="pyth_value"):
    """The price of an underlying."""

    msg: PythBody


class Other(_Frame):
    """Any other message: its type and its body as they came."""

    type: str = ""
    msg: Any = None


_KNOWN = (
    Snapshot | Delta | TradeFrame | Subscribed | Unsubscribed | Ok | ErrorFrame | Lifecycle | FillFrame | OrderFrame
    | GroupFrame | IndexFrame | FastIndexFrame | PythFrame
)  # fmt: skip
Frame = _KNOWN | Other
_DECODER = msgspec.json.Decoder(_KNOWN)
_VALUE = msgspec.json.Decoder(_Value)
#: After the name of what a value is of: the channel that tells it.
FAST, PYTH = "@5hz", "@pyth"
_ESSENTIAL = {"orderbook_snapshot", "orderbook_delta", "trade", "fill", "user_order", "cfbenchmarks_value"}
_NUMBER_FIELDS = {"price_dollars", "delta_fp", "yes_price_dollars", "count_fp", "fee_cost"}
_LEVEL_FIELDS = {"yes_dollars_fp", "no_dollars_fp"}


class ReferenceValue(NamedTuple):
    """A value of something that is no market: its symbol, its time (ms) and what it is worth."""

    symbol: str
    ts_ms: int
    value: float


def reference_of(frame: Frame) -> ReferenceValue | None:
    """What a message says of an underlying; None if it says nothing of any.

    >>> body = '{"index_id":"BRTI","value_usd":"68000.5","source_ts_ms":5}'
    >>> reference_of(decode_frame('{"type":"cfbenchmarks_value_5hz","msg":%s}' % body))
    ReferenceValue(symbol='BRTI@5hz', ts_ms=5, value=68000.5)
    """
    if isinstance(frame, IndexFrame):
        return ReferenceValue(frame.msg.index_id, frame.msg.ts_ms, frame.msg.value)
    if isinstance(frame, FastIndexFrame):
        return ReferenceValue(frame.msg.index_id + FAST, frame.msg.ts_ms, frame.msg.value)
    if isinstance(frame, PythFrame):
        return ReferenceValue(frame.msg.underlying_ticker + PYTH, frame.msg.ts_ms, frame.msg.value)
    return None


def decode_frame(raw: bytes | str) -> Frame:
    """Decode one message of the stream.

    >>> decode_frame('{"type":"subscribed","id":1,"msg":{"channel":"trade","sid":2}}').msg.sid
    2
    >>> decode_frame('{"type":"fresh","sid":3,"msg":{}}').type
    'fresh'
    """
    try:
        return _DECODER.decode(raw)
    except msgspec.ValidationError:
        return _decode_patiently(raw)


def _decode_patiently(raw: bytes | str) -> Frame:
    """Take unknown types, and numbers or nulls where strings are usual."""
    document = msgspec.json.decode(raw)
    if not isinstance(document, dict):
        raise msgspec.ValidationError(f"a message of the stream is not an object: {str(raw)[:120]}")
    body = document.get("msg")
    if isinstance(body, dict):
        document["msg"] = {name: _as_text(name, value) for name, value in body.items() if value is not None}
    try:
        return convert(_KNOWN, document)
    except msgspec.ValidationError:
        if document.get("type") in _ESSENTIAL:
            raise
        return convert(Other, document)


def _as_text(name: str, value: Any) -> Any:
    if name in _NUMBER_FIELDS:
        return str(value)
    if name in _LEVEL_FIELDS:
        return [[str(price), str(count)] for price, count in value]
    return value
