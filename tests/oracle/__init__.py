"""One cell along one tape in plain Python, from the meaning of the simulator and sharing no code with its kernel.

Money, sizes and levels are whole numbers; floats stand only in the queue position and in what the model is told.
Both sides of the book are bids on their own scale: a NO bid at level p is a YES ask at level top - p.
"""

from __future__ import annotations

from .run import Run as Run
from .setting import CLOCK as CLOCK
from .setting import FILLED as FILLED
from .setting import TRADE as TRADE
from .setting import Event as Event
from .setting import Fees as Fees
from .setting import Setting as Setting
