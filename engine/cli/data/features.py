"""`engine data features`: what a model may be trained on, as a Parquet file."""

from __future__ import annotations

import typer

from ..console import JSON_OPTION, emit
from ..options import SET, START, STORE, pairs


def data_features(
    pipeline: str = typer.Argument(..., help="A betting pipeline by name, or FILE.toml."),
    store: str = STORE,
    until: str = typer.Option(..., "--until", help="Only what was known at this time, ISO 8601, UTC."),
    start: str | None = START,
    features: str = typer.Option("", "--features", help="Inputs by name, commas between; else those the scorer reads."),
    out: str = typer.Option("features.parquet", "--out", help="The Parquet file to write."),
    params: list[str] = SET,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write the rows in which a pipeline could have bet, with features, and labels where they were known."""
    from ...api.data import features as run

    named = [name.strip() for name in features.split(",") if name.strip()]
    frame = run(pipeline, until, store, start=start, features=named, params=pairs(params, "--set"), out=out)
    rows, labelled = frame.height, frame.height - frame["label"].null_count()
    document = {"file": out, "rows": rows, "labelled": labelled, "columns": frame.columns}
    line = f"{out}: {rows:,} rows, {labelled:,} of them with a label known at {until}"
    emit(as_json, lambda: document, lambda: typer.echo(line))
