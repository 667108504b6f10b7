"""The head of a kernel as it stands in the templates: everything switched on, a quote of fixed width.

``specialise.py`` replaces it by the flags of the run and the quote of the model.
"""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import numpy as np

from ...io.jit import compiled

ONE = False  #: the block is a single cell
RECORD = True  #: fills and quotes are written down
LATENCY = True  #: some delay is not zero
RISK = True  #: limits shrink, halt or stop
TAKER = True  #: quotes may cross and take
FEES = True  #: some fee or rounding of the balance is not zero
CAPITAL = True  #: orders must be paid for
DRAWN = True  #: fills are drawn by the distance from the mid
UNIFORM = False  #: the price grid has one step
AHEAD = np.float64  #: type of the queue position


@compiled
def quote_nb(known, params, c):
    """The quote of cell ``c``: bid and ask in cents, sizes in contracts."""
    return known.mid - params[0, c], known.mid + params[0, c], 1.0, 1.0
