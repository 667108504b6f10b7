"""`engine train`: from history to a scorer."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import typer

from .console import JSON_OPTION, emit, emit_facts, stoppable
from .options import FORCE, HISTORY, MARKETS, SET, START, TRUST, names, pairs

app = typer.Typer(add_completion=False)
_UPDATE = typer.Option(None, "--update", metavar="FOLDER", help="Add the newest models to this folder instead.")
_OUT = typer.Option(None, "--out", help="The folder of the model, as in models/first.")


@app.command()
def train(
    strategy: str | None = typer.Argument(None, help="A betting pipeline or a quoting model: a name or file."),
    *,
    model: str = typer.Option("logistic", "--model", help="logistic, boosting, mlp, lstm, or my.py:Estimator."),
    store: str = HISTORY,
    out: Path | None = _OUT,
    update: Path | None = _UPDATE,
    features: str = typer.Option("", "--features", help="Inputs by name, commas between; else those the scorer reads."),
    target: str = typer.Option("outcome", "--target", help="outcome or move:4h; of quoting models fill-value:60s."),
    market: list[str] = MARKETS,
    start: str | None = START,
    until: str | None = typer.Option(None, "--until", help="Use nothing that was not known at this time."),
    every: str | None = typer.Option(None, "--every", help="Train a new model after so long: 12h, 7d."),
    folds: int = typer.Option(5, "--folds", help="Equal shares of the rows after a first one, without --every."),
    embargo: str = typer.Option("1h", "--embargo", help="Learn from nothing so shortly before a model serves."),
    params: list[str] = SET,
    balance: bool = typer.Option(False, "--balance", help="Let both results count alike, however rare one is."),
    seed: int = typer.Option(0, "--seed", help="The same seed gives the same models."),
    force: bool = FORCE,
    trust: list[str] = TRUST,
    as_json: bool = JSON_OPTION,
) -> None:
    """Train an ONNX model on the rows of a strategy, each model judged on what came after it."""
    from ..api.training import train as run
    from .tell.trained import document, facts

    with stoppable(f"stopped; this goes on where it was: {shlex.join(['engine', *sys.argv[1:]])}"):
        made = run(
            strategy, model, store, out=out, update=update, features=names(features), target=target,
            market=market, start=start, until=until, every=every, folds=folds, embargo=embargo,
            params=pairs(params, "--set"), balance=balance, seed=seed, force=force, trust=trust, progress=not as_json,
        )  # fmt: skip
    emit(as_json, lambda: document(made), lambda: emit_facts("", facts(made)))
