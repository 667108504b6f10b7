"""`engine data`: import, check and query recorded markets."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Import, check and query recorded markets.")
