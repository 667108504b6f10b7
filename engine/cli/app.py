"""The application: the table of commands, each imported only when it is called."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ..version import __version__

#: Command -> (module of this package that defines `app`, one line for `engine --help`).
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "Make a synthetic day, import it, check it, bet on it and sweep it."),
    "data": ("data.app", "Import, check and query recorded markets."),
    "backtest": ("backtest", "Try a quoting or betting strategy on recorded markets."),
    "explain": ("explain", "Say why a quote was what it was."),
    "sweep": ("sweep", "Run thousands of parameter sets at once, and say how much of the best to believe."),
    "verify": ("verify", "Run a result again and compare."),
    "exchange": ("serve.exchange", "Run a local exchange that replays recorded markets."),
    "trade": ("trade.app", "Trade by a parameter file: on paper, in the shadow, in production; watch, halt, audit."),
    "status": ("trade.status", "Show how a trading session stands."),
    "fit": ("fit", "Estimate model parameters from recorded history."),
    "train": ("train", "Train an ONNX scorer on a pipeline's own rows, out of fold."),
    "audit": ("audit", "Compare a trained model's predictions with what came of them."),
    "strategies": ("strategies", "List strategies and the parts of pipelines with their parameters."),
    "summary": ("summary", "Show a result again."),
    "export": ("export", "Write a sweep's best parameters to a file for the live runner."),
    "ui": ("serve.ui", "Look at results, replays and data in the browser."),
    "report": ("report", "Write one HTML page about a run or a sweep."),
}

#: Options under the names that they had before 0.2.0 -> what to write now.
RENAMED: dict[str, str] = {
    "--data-dir": "--store DIR",
    "--replay": "--store DIR",
    "--from": "--start TIME",
    "--to": "--end TIME, or --out FILE for what is written",
    "--grid": "--axis NAME=VALUES of a sweep, --price-grid NAME for prices",
    "--results-file": "the folder alone: engine summary FOLDER",
    "--explain": "engine explain --at TIME",
}


class LazyGroup(TyperGroup):
    """A group that knows its commands' names and help lines without importing them."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the table, which is the order of a user's work."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command, or stand in for it while help is printed."""
        if cmd_name not in COMMANDS:
            return None
        module, line = COMMANDS[cmd_name]
        if self._listing:
            return TyperCommand(cmd_name, help=line)
        from .options import with_words

        command = typer.main.get_command(importlib.import_module(f".{module}", __package__).app)
        command.name = cmd_name
        return with_words(command)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that was asked for, or say which one is near."""
        if args[0] in COMMANDS or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        from ...io.ground.errors import InputError
        from ...strategies.parameters import nearest

        raise InputError(f"there is no command {args[0]!r}; {nearest(args[0], COMMANDS)}")

    def invoke(self, ctx: Any) -> Any:
        """Run a command; an option under its old name is refused with the new one."""
        try:
            return super().invoke(ctx)
        except Exception as error:  # typer's own class for an unknown option has no public name
            old = getattr(error, "option_name", None)
            if old not in RENAMED:
                raise
            from ...io.ground.errors import InputError

            raise InputError(f"{old} is no option any more; write {RENAMED[old]}") from None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print help from the table alone."""
        self._listing = True
        super().format_help(ctx, formatter)


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},  # of every command below, too
    add_completion=True,
    rich_markup_mode=None,  # rich costs a tenth of a second to import
    pretty_exceptions_enable=False,
    help="Backtest quoting and betting strategies on event contracts.\n\n"
    "Exit codes: 0 done, 1 ran but a check failed, 2 bad input.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"touchline {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Options that stand before a command."""
