"""What is known beside the exchange: tables of a user's own, joined by their time of publication."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...features.lag import join_published
from ...io.ground.errors import InputError
from ...io.importers.dated import read_dated
from ..parameters import Parameter
from .pipeline import PanelView, Table, register

HOUR_NS = 3_600_000_000_000


@register("dated")
class Dated(Table):
    """A CSV, JSON lines or Parquet file: each row counts from its time of publication on, never before."""

    PARAMETERS = (
        Parameter("file", "table.csv", kind="text", doc="the table, beside the pipeline file"),
        Parameter("published", "published", kind="text", doc="its column with the time of publication"),
        Parameter("columns", "", kind="text", doc="its columns of numbers, commas between; empty: all others"),
        Parameter(
            "by",
            "all",
            kind="choice",
            choices=("all", "ticker", "event", "series", "category"),
            doc="which markets a row is about: all, or those that its column of this name says",
        ),
        Parameter("prefix", "", kind="text", doc="put before each column's name in the panel"),
        Parameter("max_age_hours", 0.0, low=0, doc="hours after which a value counts no more; 0: never"),
        Parameter("tz", "UTC", kind="text", doc="zone of times that carry none"),
    )

    @property
    def about(self) -> str | None:
        """The table's column that says which markets a row is about; None: all."""
        return None if self.by == "all" else self.by

    @cached_property
    def table(self) -> pl.DataFrame:
        """The rows as they are in the file."""
        path = Path(self.file) if self.folder is None else self.folder / self.file
        wanted = [name.strip() for name in self.columns.split(",") if name.strip()]
        return read_dated(path, self.published, wanted, self.about, self.tz)

    def check(self) -> None:
        """Read the table."""
        _ = self.table

    def prepare(self, panel: PanelView) -> Mapping[str, npt.NDArray[Any]]:
        """Each number as it was known at the close of each bar; NaN where nothing was."""
        by, table = self.about, self.table
        names = [name for name in table.columns if name not in ("ts", by)]
        age = round(self.max_age_hours * HOUR_NS) or None

        def known(rows: pl.DataFrame) -> pl.DataFrame:
            own = table.lazy() if by is None else table.lazy().filter(pl.col(by).is_in(rows[by].unique().implode()))
            joined = join_published(rows.lazy(), own, names, published="ts", by=by, prefix=self.prefix, max_age_ns=age)
            return joined.select(pl.col(self.prefix + name).fill_null(float("nan")) for name in names).collect()

        if by is not None and not table[by].is_in(panel.markets[by].implode()).any():
            told = ", ".join(table[by].unique(maintain_order=True).head(5))
            raise InputError(f"no row of {self.file} is about {by} of these markets; it has {told}")
        made = {self.prefix + name: panel.column("table", np.float64) for name in names}
        for block in panel.blocks():
            found = known(panel.frame(block, ["ts"] if by is None else ["ts", by]))
            for name, values in made.items():
                panel.lives.put(values, block, found[name].to_numpy())
        return made
