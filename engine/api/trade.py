"""Sessions: trade by a parameter file on paper, in the shadow or in production, and look at how one stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...io.ground.errors import InputError
from ...strategies.own_file import Trust
from .given import listed

if TYPE_CHECKING:
    from ...io.kalshi.client import Client
    from ..trading.audit import AuditDone
    from ..trading.doctor import Checkup
    from ..trading.knowing.twin import Twin
    from ..trading.session import TradingSession
    from ..trading.settings import Mode

#: What has to be said before an order reaches the real exchange.
REALLY = "PRODUCTION"


def trade(
    params: str | Path, tickers: str | Sequence[str] = (), *, series: str | Sequence[str] = (), top: int | None = None,
    paper: bool = False, shadow: bool = False, production: bool = False, yes_really: str = "",
    session: str | Path = "sessions/first", limits: Mapping[str, Any] | None = None, trust: Trust = (),
    client: Client | None = None, clock: Callable[[], int] | None = None, inline: bool = False,
    tell: Callable[[str], None] | None = None, underlying: Mapping[str, str] | None = None,
    sources: Mapping[str, str] | None = None, metrics: int | None = None,
) -> TradingSession:  # fmt: skip
    """Begin a session, or go on with one: quote or bet on markets by a file, on paper unless another mode is named.

    Args:
        params: A file that ``engine export`` wrote; or a pipeline's, whose bets are held as its backtest holds them.
        tickers: Markets to quote, or to bet on.
        series: All open markets of a series, or of several; new ones join when they open.
        top: Of the markets of the series only so many, the best by the market score or, where the file counts recorded
            rewards, by what programs pay a dollar locked up; chosen anew while the session runs.
        paper: Fills by the venue's model on the live stream; the mode where none is named.
        shadow: Everything is computed and checked against the account, nothing is sent.
        production: Orders are sent.
        yes_really: ``PRODUCTION``, without which no order reaches the real exchange.
        session: The session's folder; what it holds already is gone on with.
        limits: Settings of the session by name, such as ``{"loss_day": 50}``.
        trust: The file of a model of one's own, which is not imported for the parameter file's sake alone.
        client: A client of the exchange; one by the environment unless given.
        clock: The exchange's time, ns UTC, where a replay tells it more exactly than its messages.
        inline: Do everything in the caller's thread, with ``step``.
        tell: Told in a line what a person should know.
        underlying: Symbol of the underlying by series or ticker, for models that read one: ``{"KXBTCD": "BRTI"}``, with
            ``@5hz`` from the fast channel, with ``@pyth`` of what is no index. Crypto series know theirs.
        sources: Where symbols of one's own come from, line by line: ``{"SPX": "file:spx.csv;delay=250"}``,
            ``command:…`` or ``socket:HOST:PORT``.
        metrics: Port of this machine where Prometheus finds the session's counters; 0 takes any that is free.

    Returns:
        The session, a context manager: ``run``, ``status``, ``halt``, ``resume``, ``kill``, ``flatten``, ``audit``.

    Example:
        >>> from touchline import engine
        >>> with engine.trade("params.toml", series="KXINX", top=20) as session:  # doctest: +SKIP
        ...     session.run(seconds=3600)
    """
    from ...io.kalshi.client import Client as KalshiClient
    from ...strategies.families import is_pipeline_file
    from ...strategies.pipeline.pipeline import load_pipeline
    from ..trading.bets.runner import check_bets
    from ..trading.choosing.choice import choosing_of
    from ..trading.folder import SessionFolder
    from ..trading.runner import Follows
    from ..trading.session import TradingSession
    from ..trading.settings import TradeSettings

    asked: dict[Mode, bool] = {"paper": paper, "shadow": shadow, "production": production}
    if sum(asked.values()) > 1:
        raise InputError(f"a session has one mode, not {' and '.join(name for name, on in asked.items() if on)}")
    mode: Mode = "production" if production else "shadow" if shadow else "paper"
    own = client or KalshiClient()
    try:
        if mode == "production" and own.settings.is_production and yes_really != REALLY:
            where = own.settings.rest_url
            raise InputError(f"{where} is neither the demo nor this machine: real money needs yes_really={REALLY!r}")
        if is_pipeline_file(params):
            for name, value in {"underlying": underlying, "sources": sources, "top": top}.items():
                if value:
                    raise InputError(f"{name}= is for sessions that quote; a pipeline says itself how it bets")
            named, choosing = listed(tickers), choosing_of(listed(tickers), listed(series), None)
            pipeline = load_pipeline(params)
            check_bets(pipeline)
            folder = SessionFolder(session)
            folder.begin_bets(
                pipeline.as_dict(), TradeSettings().with_options({"feed_age_s": "none", **(limits or {}), "mode": mode})
            )
            return TradingSession(
                folder, own, named, trust=trust, tell=tell or (lambda line: None), owns_client=client is None,
                clock=clock, inline=inline, metrics=metrics, pipeline=pipeline, choosing=choosing,
            )  # fmt: skip
        folder = SessionFolder(session)
        folder.begin(params, TradeSettings().with_options({**(limits or {}), "mode": mode}))
        named, choosing = listed(tickers), choosing_of(listed(tickers), listed(series), top)
    except BaseException:
        if client is None:
            own.close()
        raise
    return TradingSession(
        folder, own, named, trust=trust, tell=tell or (lambda line: None), owns_client=client is None, clock=clock,
        inline=inline, follows=Follows(underlying or {}, sources or {}), choosing=choosing, metrics=metrics,
    )  # fmt: skip


def status(session: str | Path) -> dict[str, Any]:
    """Say how a session stands: money in micros, sizes in lots, prices in ticks.

    Args:
        session: The session's folder.

    Returns:
        Whether its process runs, its P&L, its markets with positions and quotes, and what is halted and why.

    Example:
        >>> from touchline import engine
        >>> engine.status("sessions/first")["running"]  # doctest: +SKIP
        False
    """
    return _opened(session).status()


def halt(session: str | Path, *, market: str | Sequence[str] = (), reason: str = "") -> None:
    """Stop quoting some markets of a session, or all, until they are resumed.

    Args:
        session: The session's folder.
        market: Tickers; all unless given.
        reason: Why; written into the journal.

    Example:
        >>> from touchline import engine
        >>> engine.halt("sessions/first", reason="news at two")  # doctest: +SKIP
    """
    _opened(session).halt(reason, listed(market))


def resume(session: str | Path, *, market: str | Sequence[str] = (), reason: str = "") -> None:
    """Lift halts of some markets of a session; without names, of all, and a kill with them.

    Args:
        session: The session's folder.
        market: Tickers; all unless given.
        reason: Why; needed, and written into the journal.

    Example:
        >>> from touchline import engine
        >>> engine.resume("sessions/first", reason="looked at the positions")  # doctest: +SKIP
    """
    _opened(session).resume(reason, listed(market))


def kill(session: str | Path, *, reason: str = "") -> None:
    """Cancel everything of a session; it trades no more, over restarts too, until it is resumed.

    Args:
        session: The session's folder.
        reason: Why; written into the journal.

    Example:
        >>> from touchline import engine
        >>> engine.kill("sessions/first")  # doctest: +SKIP
    """
    _opened(session).kill(reason)


def flatten(session: str | Path, *, market: str | Sequence[str] = (), reason: str = "") -> None:
    """Halt some markets of a session, or all, and sell what is held there at once, no worse than the collar.

    Args:
        session: The session's folder.
        market: Tickers; all unless given.
        reason: Why; written into the journal.

    Example:
        >>> from touchline import engine
        >>> engine.flatten("sessions/first")  # doctest: +SKIP
    """
    _opened(session).flatten(reason, listed(market))


def audit(session: str | Path, *, trust: Trust = ()) -> AuditDone:
    """Replay a session's journal through the kernel and compare every quote, order and position byte for byte.

    Args:
        session: The session's folder.
        trust: The file of a model of one's own, which is not imported for the session's sake alone.

    Returns:
        What was replayed, and the first difference, if there is one.

    Example:
        >>> from touchline import engine
        >>> engine.audit("sessions/first").difference  # doctest: +SKIP
    """
    return _opened(session, trust).audit()


def twin(session: str | Path, *, trust: Trust = ()) -> Twin:
    """Run a session's twin on paper beside its journal, and split the difference of the P&L.

    Args:
        session: The session's folder.
        trust: The file of a model of one's own, which is not imported for the session's sake alone.

    Returns:
        Fills expected and had by place in the queue, and what of the difference comes from the queue, from latency,
        from decisions and from fees.

    Example:
        >>> from touchline import engine
        >>> engine.twin("sessions/first").parts  # doctest: +SKIP
        {'queue': -120000, 'latency': 0, 'decisions': 15000, 'fees': 0}
    """
    from ..trading.knowing.twin import twin_of

    return twin_of(_opened(session, trust).path, trust=trust)


def alert(text: str = "a test of touchline's alerts") -> None:
    """Post a text to the address for alerts, which the environment names.

    ``TOUCHLINE_ALERT_URL`` is the address, or ``TOUCHLINE_ALERT_FILE`` a file with it that its owner alone may read;
    ``TOUCHLINE_ALERT_KIND`` is slack, discord, telegram, ntfy, json or text.

    Args:
        text: What to say.

    Example:
        >>> from touchline import engine
        >>> engine.alert()  # doctest: +SKIP
    """
    from ...io.ground.errors import CheckError
    from ..trading.around.alerts import URL, alert_kind, alert_url, post

    url = alert_url()
    if url is None:
        raise InputError(f"no address for alerts is set: put it into {URL}, or into a file of your own")
    if (wrong := post(url, alert_kind(), text)) is not None:
        raise CheckError(wrong)


def doctor(session: str | Path | None = None) -> list[Checkup]:
    """Look whether a session could trade now: key, clock, rates, leftovers, disk, markets, parameters.

    Args:
        session: The session's folder; without one only the exchange and the account are looked at.

    Returns:
        A line for each thing that was looked at.

    Example:
        >>> from touchline import engine
        >>> [one.name for one in engine.doctor()]  # doctest: +SKIP
        ['key', 'clock', 'rates', 'exchange']
    """
    from ...io.kalshi.client import Client as KalshiClient
    from ..trading.doctor import examine

    with KalshiClient() as client:
        return examine(client, None if session is None else _opened(session).folder)


def _opened(session: str | Path, trust: Trust = ()) -> TradingSession:
    from ..trading.folder import SessionFolder
    from ..trading.session import TradingSession

    return TradingSession(SessionFolder.existing(session), trust=trust)
