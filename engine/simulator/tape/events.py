"""The kinds of event on a tape, and the flags a kind carries."""

from __future__ import annotations

BOOK, TRADE, UNDERLYING, STATUS, GAP, CLOCK, FILLED = range(7)
#: CLOCK: nothing happened, and time went on. FILLED: the exchange reports a fill of ours: its side, level and lots, and
#: the fee in micros as ``aux``.

KIND = 7  #: mask of the kind itself
MOMENT = 16  #: the last event of its time: decisions are made after it, so that no half of a moment is acted on
LATER = 32  #: a decrease whose trade is still to come on the tape
