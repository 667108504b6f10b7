"""`engine trade`: a session on paper, in the shadow or in production, and the verbs that watch and order it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ....io.ground.errors import CheckError, InputError
from ..console import JSON_OPTION, emit, say
from ..options import TRUST, pairs, texts
from .status import SESSION, status

if TYPE_CHECKING:
    from ...trading.session import TradingSession


class _ParametersOrVerb(TyperGroup):
    """What is no verb is the parameter file of a session."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of the command that trades before a parameter file."""
        verb = not args or args[0] in (*self.commands, "-h", "--help")
        if not verb and not args[0].startswith("-") and "." not in args[0] and not Path(args[0]).exists():
            from ....strategies.parameters import nearest

            near = nearest(args[0], [name for name, one in self.commands.items() if not one.hidden])
            raise InputError(f"{args[0]} is no verb of engine trade and no parameter file; {near}")
        return super().parse_args(ctx, args if verb else ["trade", *args])


class _Nameless(typer.Context):
    """Where a command stands whose name is never typed."""

    @property
    def command_path(self) -> str:
        """The group's words alone."""
        return self.parent.command_path if self.parent else ""


class _Start(TyperCommand):
    """The command that trades: its parameter file follows the group's name."""

    context_class = _Nameless


app = typer.Typer(
    cls=_ParametersOrVerb, no_args_is_help=True, add_completion=False,
    help="Trade by a parameter file (engine trade PARAMS [TICKER…]), and watch, halt or audit a session.\n\n"
    "engine trade PARAMS --help lists the options of a start.",
)  # fmt: skip
_PARAMS = typer.Argument(..., help="A file that engine export wrote, or a pipeline.toml, which bets.")
_TICKERS = typer.Argument(None, help="Markets to quote.")
_SERIES = typer.Option([], "--series", help="All open markets of a series, new ones too; may repeat.")
_FOLDER = typer.Option(Path("sessions/first"), "--session", help="The session's folder.")
_LIMITS = typer.Option([], "--limit", help="A setting of the session: name=value; may repeat.")
_UNDERLYING = typer.Option([], "--underlying", help="Whose prices a model reads: SERIES=SYMBOL; may repeat.")
_SOURCES = typer.Option(
    [], "--source", help="Where a symbol of one's own comes from: SYMBOL=file:PATH, command:… or socket:…; may repeat."
)
_METRICS = typer.Option(None, "--metrics", min=0, max=65535, help="Port of this machine for Prometheus; 0 is any.")
_ANY = typer.Argument(None, metavar="SESSION", help="The session's folder.")
_MARKET = typer.Option([], "--market", "-m", help="Ticker; may repeat. All markets unless given.")
_REASON = typer.Option("", "--reason", help="Why; written into the journal.")


@app.callback()
def group() -> None:
    """Trade by a parameter file, and watch, halt or audit a session."""


@app.command("trade", cls=_Start, hidden=True)
def trade(
    params: Path = _PARAMS,
    tickers: list[str] | None = _TICKERS,
    *,
    series: list[str] = _SERIES,
    top: int | None = typer.Option(
        None, "--top", min=1, help="Of those only the best so many, chosen anew as it runs."
    ),
    paper: bool = typer.Option(False, "--paper", help="Fills by the venue's model; unless another mode is named."),
    shadow: bool = typer.Option(False, "--shadow", help="Everything is computed and checked, nothing is sent."),
    production: bool = typer.Option(False, "--production", help="Orders are sent."),
    yes_really: str = typer.Option("", "--yes-really", help="PRODUCTION: real money without a question, for services."),
    session: Path = _FOLDER,
    limits: list[str] = _LIMITS,
    trust: list[Path] = TRUST,
    underlying: list[str] = _UNDERLYING,
    sources: list[str] = _SOURCES,
    metrics: int | None = _METRICS,
    duration: float | None = typer.Option(None, "--for", min=0.0, help="Stop after so many seconds."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Quote markets by a parameter file, or bet by a pipeline, until they close or Ctrl-C, which cancels what rests."""
    from ...api.trade import trade as run

    really = yes_really or (_asked() if production else "")
    with run(
        params, tickers or [], series=series, top=top, paper=paper, shadow=shadow, production=production,
        yes_really=really, session=session, limits=pairs(limits, "--limit"), trust=trust, tell=say,
        underlying=texts(underlying, "--underlying"), sources=texts(sources, "--source"), metrics=metrics,
    ) as begun:  # fmt: skip
        _stop_on_signals(begun)
        say(f"trading in {begun.folder.settings().mode}, session {session}; Ctrl-C ends it cleanly")
        last = begun.run(duration)
    emit(as_json, lambda: last, lambda: _tell(last))


def _asked() -> str:
    """Ask for the account's name where real money is at stake; the demo and this machine are not asked about."""
    from ....io.kalshi.rest.settings import Settings
    from ...api.trade import REALLY

    settings = Settings.from_env()
    if not settings.is_production:
        return ""
    signer = settings.require_signer("trading")
    if not signer.is_key(typer.prompt("real money: type the id of the account's key to go on", err=True)):
        raise InputError("that is not the account's key id; nothing was begun")
    return REALLY


def _stop_on_signals(session: TradingSession) -> None:
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: session.stop.set())


def _tell(last: dict[str, Any]) -> None:
    from ..tell.sessions import tell

    tell(last)


app.command("status")(status)


@app.command("halt")
def halt(
    session: Path = SESSION, market: list[str] = _MARKET, reason: str = _REASON, as_json: bool = JSON_OPTION
) -> None:
    """Stop quoting some markets, or all, until they are resumed."""
    from ...api.trade import halt as run

    run(session, market=market, reason=reason)
    _left("halt", session, as_json)


@app.command("resume")
def resume(
    session: Path = SESSION, market: list[str] = _MARKET, reason: str = _REASON, as_json: bool = JSON_OPTION
) -> None:
    """Lift halts of some markets; without names, of all, and a kill with them. Needs a reason."""
    from ...api.trade import resume as run

    run(session, market=market, reason=reason)
    _left("resume", session, as_json)


@app.command("kill")
def kill(session: Path = SESSION, reason: str = _REASON, as_json: bool = JSON_OPTION) -> None:
    """Cancel everything and trade no more, over restarts too, until a person resumes the session."""
    from ...api.trade import kill as run

    run(session, reason=reason)
    _left("kill", session, as_json)


@app.command("flatten")
def flatten(
    session: Path = SESSION, market: list[str] = _MARKET, reason: str = _REASON, as_json: bool = JSON_OPTION
) -> None:
    """Halt some markets, or all, and sell what is held there at once, no worse than the collar."""
    from ...api.trade import flatten as run

    run(session, market=market, reason=reason)
    _left("flatten", session, as_json)


@app.command("audit")
def audit(
    session: Path = SESSION,
    trust: list[Path] = TRUST,
    with_twin: bool = typer.Option(True, "--twin/--no-twin", help="Of orders that were sent: the twin on paper too."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Replay the journal: every quote, order, position and bet byte for byte, and the twin or the results beside it."""
    from ...api.trade import audit as run
    from ...api.trade import twin
    from ..tell.sessions import tell_audit

    done = run(session, trust=trust)
    shows = with_twin and done.difference is None and done.counts["ask"] and done.bets is None
    beside = twin(session, trust=trust) if shows else None
    facts = done.facts | ({} if beside is None else {"twin": beside.facts})
    emit(as_json, lambda: facts, lambda: tell_audit(session, done, beside))
    if done.difference is not None:
        raise CheckError(f"the replay differs at {done.difference}")


@app.command("alert")
def alert(
    text: str = typer.Argument("a test of touchline's alerts", help="What to say."), *, as_json: bool = JSON_OPTION
) -> None:
    """Post a text to the address for alerts, which the environment names."""
    from ...api.trade import alert as run

    run(text)
    emit(as_json, lambda: {"delivered": True}, lambda: say("delivered"))


@app.command("doctor")
def doctor(
    session: Path | None = _ANY,
    as_json: bool = JSON_OPTION,
) -> None:
    """Look whether a session could trade now: key, clock, rates, leftovers, disk, markets, parameters."""
    from ...api.trade import doctor as run
    from ..console import emit_table

    found = run(session)
    rows = [(one.name, "well" if one.ok else "NOT WELL", one.text) for one in found]
    emit(as_json, lambda: [one._asdict() for one in found], lambda: emit_table("", ("what", "is", "seen"), rows))
    if not all(one.ok for one in found):
        raise CheckError(f"{sum(not one.ok for one in found)} of {len(found)} are not well")


def _left(verb: str, session: Path, as_json: bool) -> None:
    """Say where the command lies and who finds it."""
    from ...api.trade import status as run

    running = run(session)["running"]
    told = "its process takes it within a second" if running else "nothing runs there: it holds from the next start"
    emit(
        as_json, lambda: {"command": verb, "session": str(session), "running": running}, lambda: say(f"{verb}: {told}")
    )
