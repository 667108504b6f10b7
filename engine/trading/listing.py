"""Markets as the exchange lists them when a session begins with them: times, grid, strikes, fees, and what is held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ...features.signals.outside import OtherSignal
from ...io.ground.errors import InputError
from ...io.kalshi.client import Client
from ...io.kalshi.rest.errors import KalshiError
from ...io.kalshi.rest.models import Event, MarketRecord
from ...strategies.quoting.model import QuotingModel
from ..rewards.programs import Program, recorded
from ..simulator.signals.elsewhere import sibling_of
from ..simulator.tape.tape import TapeMarket
from .market import Listed

_CHUNK = 100
Fees = tuple[tuple[int, str | None, float | None], ...]


#: Series of crypto -> the index whose values settle them, as far as nobody says otherwise.
_SETTLED_BY = {
    "KXBTC": "BRTI", "KXETH": "ETHUSD_RTI", "KXSOL": "SOLUSD_RTI", "KXXRP": "XRPUSD_RTI", "KXDOGE": "DOGEUSD_RTI",
}  # fmt: skip


def underlying_of(ticker: str, series: str, given: Mapping[str, str]) -> str | None:
    """The symbol of a market's underlying: as it is named for the market, for its series, or as it is known.

    >>> underlying_of("KXINX-1", "KXINX", {"KXINX": "SPX"}), underlying_of("KXBTCD-1", "KXBTCD", {})
    ('SPX', 'BRTI')
    """
    known = next((index for start, index in _SETTLED_BY.items() if series.startswith(start)), None)
    return given.get(ticker, given.get(series, known))


def listed_markets(
    client: Client, tickers: Iterable[str], held: Mapping[str, int], underlying: Mapping[str, str] | None = None, *,
    programs: bool = False,
) -> list[Listed]:  # fmt: skip
    """Look markets up; ``held`` is what is held in each, in lots; ``underlying`` the symbol of a series or market.

    With ``programs`` their incentive programs of now and later are looked up, too.
    """
    wanted = list(dict.fromkeys(tickers))
    paying = programs_of(client, wanted) if programs else {}
    found: dict[str, MarketRecord] = {}
    for at in range(0, len(wanted), _CHUNK):
        for page in client.market_data.markets(tickers=",".join(wanted[at : at + _CHUNK]), limit=1000):
            found |= {one.ticker: one for one in page}
    missing = [ticker for ticker in wanted if ticker not in found]
    if missing:
        raise InputError(f"the {client.settings.environment} exchange lists no market {missing[0]}")
    events: dict[str, Event] = {}
    fees: dict[str, Fees] = {}
    out: list[Listed] = []
    for ticker in wanted:
        one = found[ticker]
        if one.event not in events:
            events[one.event] = client.market_data.event(one.event, nested=False)
        event = events[one.event]
        series = event.series or ticker.partition("-")[0]
        if series not in fees:
            fees[series] = _fees(client, series)
        market = TapeMarket(
            ticker, series, one.event, one.title or "", event.category or "", _time(one.open_time),
            _time(one.close_time), floor=one.floor_strike, cap=one.cap_strike,
            underlying=underlying_of(ticker, series, underlying or {}),
            grid=one.price_level_structure or "linear_cent", fee_history=fees[series],
        )  # fmt: skip
        out.append(
            Listed(
                market,
                one.status == "active",
                bool(event.mutually_exclusive),
                held.get(ticker, 0),
                programs=paying.get(ticker, ()),
            )
        )
    return out


def with_others(
    client: Client, listed: list[Listed], model: type[QuotingModel]
) -> tuple[list[Listed], list[TapeMarket]]:
    """Name the markets that a model reads beside each one it trades; those that nobody trades are looked up, too."""
    ladders: dict[str, list[tuple[str, float | None, float | None]]] = {}
    out: list[Listed] = []
    for one in listed:
        others: dict[str, str] = {}
        for name, signal in model.signals.items():
            if not isinstance(signal, OtherSignal):
                continue
            own, ticker = one.market, signal.market.ticker
            if ticker is None:
                if own.event not in ladders:
                    pages = client.market_data.markets(event_ticker=own.event, limit=1000)
                    ladders[own.event] = [(it.ticker, it.floor_strike, it.cap_strike) for page in pages for it in page]
                ticker = sibling_of(own, signal.market.step, ladders[own.event], "at the exchange")
            if ticker == own.ticker:
                raise InputError(f"other({ticker!r}) is the market itself; write its own signals without other")
            others[name] = ticker
        out.append(msgspec.structs.replace(one, others=others))
    traded = {one.market.ticker for one in listed}
    read = {ticker for one in out for ticker in one.others.values()} - traded
    return out, [one.market for one in listed_markets(client, sorted(read), {})] if read else []


def programs_of(client: Client, tickers: Iterable[str]) -> dict[str, tuple[Program, ...]]:
    """The incentive programs of some markets that are under way or to come."""
    from ...io.kalshi.programs import CURRENT, fetch_programs

    told = fetch_programs(client, CURRENT)
    found = {ticker: recorded(told.filter(told["ticker"] == ticker).to_dicts()) for ticker in tickers}
    return {ticker: tuple(programs) for ticker, programs in found.items()}


def tickers_of(client: Client, series: Iterable[str]) -> list[str]:
    """The open markets of some series."""
    found: list[str] = []
    for name in series:
        for page in client.market_data.markets(series_ticker=name, status="open", limit=1000):
            found += [one.ticker for one in page]
    return found


def _time(told: int | None) -> int | None:
    return int(told) if told else None


def _fees(client: Client, series: str) -> Fees:
    """What a series charges and is to charge; what the exchange does not tell is the engine's own knowledge."""
    try:
        now = client.market_data.series(series)
        changes = client.market_data.series_fee_changes(series)
    except KalshiError:
        return ()
    told = sorted((int(one.scheduled_ts), one.fee_type, one.fee_multiplier) for one in changes)
    first: Fees = () if told and told[0][0] <= client.now() else ((0, now.fee_type, now.fee_multiplier),)
    return (*first, *told)
