"""The kinds of event on a tape, and the flags a kind carries."""

from __future__ import annotations

BOOK, TRADE, UNDERLYING, STATUS, GAP = range(5)

KIND = 7  #: mask of the kind itself
MOMENT = 16  #: the last event of its time: decisions are made after it, so that no half of a moment is acted on
LATER = 32  #: a decrease whose trade is still to come on the tape
