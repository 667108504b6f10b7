"""`engine data`: import, check and query recorded markets."""

from __future__ import annotations

import typer

from .check import data_check
from .features import data_features
from .imports import data_import
from .kalshi import data_pull, data_record, data_scan
from .markets import data_markets
from .sample import data_sample
from .signals import data_signals
from .store import data_compact, data_forget, data_imports, data_sql, data_tables

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Import, check and query recorded markets.")


@app.callback()
def group() -> None:
    """Import, check and query recorded markets."""


app.command("import")(data_import)
app.command("pull")(data_pull)
app.command("record")(data_record)
app.command("scan")(data_scan)
app.command("sql")(data_sql)
app.command("tables")(data_tables)
app.command("markets")(data_markets)
app.command("imports")(data_imports)
app.command("forget")(data_forget)
app.command("compact")(data_compact)
app.command("sample")(data_sample)
app.command("check")(data_check)
app.command("features")(data_features)
app.command("signals")(data_signals)
