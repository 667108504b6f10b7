"""The strategy of the common work W3 as a user would write it: a scorer in a file of his own."""

from __future__ import annotations

import polars as pl
from touchline.strategies.parameters import Parameter
from touchline.strategies.pipeline.pipeline import Scorer

NEAR = 1e-6  # on z, so that every way to compute it decides alike


class Bands(Scorer):
    """Against a move out of the bands; with a momentum that is large enough."""

    PARAMETERS = (
        Parameter("window_bars", 20, low=2, kind="int", doc="bars of mean and deviation"),
        Parameter("width", 2.0, low=0, doc="standard deviations to a band"),
        Parameter("lag_bars", 24, low=1, kind="int", doc="bars of the momentum"),
        Parameter("momentum", 0.10, low=0, doc="momentum that counts, dollars"),
    )

    def score(self) -> pl.Expr:
        """1 for YES, -1 for NO: the sizes are fixed shares, so only the sign matters."""
        z, moved = pl.col(f"z_{self.window_bars}"), pl.col(f"change_{self.lag_bars}")
        least, width = round(self.momentum * 10_000), self.width - NEAR
        back = ((z <= -width) & (moved > -least)) | ((moved >= least) & (z > NEAR) & (z < width))
        down = ((z >= width) & (moved < least)) | ((moved <= -least) & (z < -NEAR) & (z > -width))
        usable = pl.col("mark").is_between(300, 9_700)  # z is null where the price stands still: prices are whole cents
        return pl.when(usable & back).then(1.0).when(usable & down).then(-1.0)
