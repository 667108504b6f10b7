"""Sources: which markets are looked at, and at which times."""

from __future__ import annotations

import polars as pl

from ..parameters import Parameter
from .pipeline import Source, register


@register("store")
class StoreSource(Source):
    """The markets of a store, all or those of some series or categories, at regular times."""

    PARAMETERS = (
        Parameter("step_minutes", 60, low=1, high=10_080, kind="int", doc="minutes from bar to bar"),
        Parameter("series", "", kind="text", doc="only these series, commas between them; empty: all"),
        Parameter("categories", "", kind="text", doc="only these categories, commas between them; empty: all"),
    )

    def keep(self) -> pl.Expr | None:
        """Condition on series and category."""
        conditions = [
            pl.col(column).is_in([text.strip() for text in wanted.split(",")])
            for column, wanted in (("series", self.series), ("category", self.categories))
            if wanted
        ]
        return pl.all_horizontal(conditions) if conditions else None
