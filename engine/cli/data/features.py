"""`engine data features`: what a model may be trained on, as a Parquet file."""

from __future__ import annotations

from pathlib import Path

import typer

from ..console import JSON_OPTION, emit_json
from ..options import DATA, SET, START, pairs


def data_features(
    pipeline: str = typer.Argument(..., help="A betting pipeline by name, or FILE.toml."),
    data: str = DATA,
    until: str = typer.Option(..., "--until", help="Only what was known at this time, ISO 8601, UTC."),
    start: str | None = START,
    features: str = typer.Option("", "--features", help="Inputs by name, commas between; else those the scorer reads."),
    out: str = typer.Option("features.parquet", "--out", help="The Parquet file to write."),
    given: list[str] = SET,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write the rows in which a pipeline could have bet, with features, and labels where they were known."""
    from ....io.ground.atomic import write_frame
    from ....strategies.pipeline.pipeline import load_pipeline
    from ...bets.training import training_frame

    named = [name.strip() for name in features.split(",") if name.strip()]
    frame = training_frame(
        data, load_pipeline(pipeline).with_values(**pairs(given, "--set")), until, start=start, features=named
    )
    write_frame(frame, Path(out))
    labelled = frame.height - frame["label"].null_count()
    if as_json:
        emit_json({"file": out, "rows": frame.height, "labelled": labelled, "columns": frame.columns})
        return
    typer.echo(f"{out}: {frame.height:,} rows, {labelled:,} of them with a label known at {until}")
