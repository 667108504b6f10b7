"""Options that several commands share, and how they are read."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import typer

from ...io.ground.errors import InputError

#: What help shows in a value's place -> of which parameters of commands.
VALUES: dict[str, tuple[str, ...]] = {
    "TICKER": ("market", "ticker", "tickers"),
    "SERIES": ("series",),
    "SYMBOL": ("underlying",),
    "SYMBOL=SOURCE": ("sources",),
    "NAME=VALUE": ("assume", "limits"),
    "NAME=VALUES": ("axes",),
    "PROGRAM": ("reward",),
    "STRATEGY": ("strategy",),
    "MODEL": ("model", "queue"),
    "GRID": ("price_grid",),
    "MS": ("latency_ms",),
    "TIME": ("at", "end", "start", "until"),
    "SECONDS": ("duration", "step"),
    "STORE": ("history", "store"),
    "FOLDER": ("folders", "journal", "keys", "session"),
    "FILE": ("map", "trust"),
    "UNIT": ("price_unit", "size_unit"),
    "NAMES": ("features",),
    "SQL": ("query",),
}
_OF: dict[str, str] = {name: word for word, names in VALUES.items() for name in names}
_TYPES: dict[str, str] = {
    "int": "N",
    "int range": "N",
    "float": "NUMBER",
    "float range": "NUMBER",
    "path": "PATH",
    "Path": "PATH",
}

QUOTING = "Options of quoting strategies"
BETTING = "Options of betting pipelines"


def _quoting(default: Any, *names: str, help: str) -> Any:
    return typer.Option(default, *names, help=help, rich_help_panel=QUOTING)


STORE = typer.Option("data", "--store", help="The store: a folder or s3://bucket/prefix.")
HISTORY = typer.Option("data", "--store", help="A store, or a folder with markets.csv and trades.csv.")
START = typer.Option(None, "--start", help="From this time on, ISO 8601, UTC.")
END = typer.Option(None, "--end", help="Before this time.")
SET = typer.Option([], "--set", help="A parameter of the strategy: name=value; may repeat.")
MARKETS = _quoting([], "--market", "-m", help="Ticker to run on; may repeat.")
QUEUE = _quoting(None, "--queue", help="Queue model: power@3 unless given; power@n, log, touch, through, …")
LATENCY = _quoting(None, "--latency-ms", help="How long orders take: ms, or a law as lognormal:50:0.5; 0.")
ASSUME = _quoting([], "--assume", help="An assumption: name=value, or a file of them; may repeat.")
REWARD = _quoting([], "--reward", help="Programs to count: recorded, or pool=20,per=15m,target=300,discount=0.5.")
REACTION = _quoting(None, "--reaction", help="What rivals do about quotes that score: none, or step:5s.")
PRICE_GRID = _quoting(None, "--price-grid", help="Price grid, when the market's own is not stored.")
UNDERLYING = _quoting(None, "--underlying", help="Symbol of the underlying's prices.")


FOLDER = typer.Argument(..., metavar="FOLDER", help="A folder of results, such as results/NAME.")
FORCE = typer.Option(False, "--force", help="Replace what the folder holds, even the answer to another question.")
TRUST = typer.Option([], "--trust", help="A file of code that the result names and that may run; may repeat.")


class RankBy(StrEnum):
    """What the cells of a sweep rank by."""

    PNL = "pnl"
    CASH = "cash"
    WITHOUT_REWARDS = "pnl-without-rewards"
    REWARDS_PER_COLLATERAL = "rewards-per-collateral"


BY = typer.Option(
    RankBy.PNL, "--by", "--objective",
    help="Rank by pnl, by cash, which leaves out what positions settled at, or by what rewards add.",
)  # fmt: skip


def with_words(command: Any) -> Any:
    """Let the help of a command, or of all in a group, show words for values instead of types of Python."""
    for below in getattr(command, "commands", {}).values():
        with_words(below)
    listed = command.get_params
    command.get_params = lambda context: [_worded(parameter) for parameter in listed(context)]
    return command


def _worded(parameter: Any) -> Any:
    argument = parameter.param_type_name == "argument"
    kind = parameter.display_type(None).strip("<>")
    if parameter.metavar is None and "|" not in kind:  # choices stand for themselves
        parameter.metavar = _word(parameter, argument, kind.removeprefix("list[").rstrip("]"))
    if argument:
        parameter.display_type = lambda ctx: ""  # its word stands in its name's place
    return parameter


def _word(parameter: Any, argument: bool, kind: str) -> str:
    name = str(parameter.name)
    if getattr(parameter, "is_flag", False):
        return ""
    if argument:
        return _OF.get(name, name.upper())
    return "NAME=VALUE" if name == "params" else _OF.get(name, _TYPES.get(kind, "TEXT"))


def pairs(given: list[str], option: str) -> dict[str, Any]:
    """Read name=value options; values that look like numbers are numbers.

    >>> pairs(["gamma=0.1", "post-only=true"], "--set")
    {'gamma': 0.1, 'post-only': True}
    """
    out: dict[str, Any] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals or not name:
            raise InputError(f"{option} {item!r}: expected name=value, as in {option} gamma=0.1")
        out[name.strip()] = value(text.strip())
    return out


def assumptions(given: list[str]) -> dict[str, Any]:
    """Read assumptions: name=value, or a file of them, which single ones go over."""
    from ..api.asked import written_assumptions

    files = [item for item in given if item.endswith(".toml") and "=" not in item]
    told = {name: one for file in files for name, one in written_assumptions(file).items()}
    return told | pairs([item for item in given if item not in files], "--assume")


def texts(given: list[str], option: str) -> dict[str, str]:
    """Read name=text options; what stands after the first equals sign is taken as it is.

    >>> texts(["SPX=command:tail -n 1 a=b"], "--source")
    {'SPX': 'command:tail -n 1 a=b'}
    """
    out: dict[str, str] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals or not name or not text:
            raise InputError(f"{option} {item!r}: expected name=text")
        out[name.strip()] = text.strip()
    return out


def value(text: str) -> Any:
    """A switch, a number or a word."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return float(text)
    except ValueError:
        return text


def delay(text: str | None) -> Any:
    """A number of ms or a law; None where none was given."""
    return None if text is None else value(text)


def names(text: str) -> list[str]:
    """Read names with commas between them.

    >>> names("mark, z_20")
    ['mark', 'z_20']
    """
    return [name.strip() for name in text.split(",") if name.strip()]
