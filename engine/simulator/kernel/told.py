"""What a model may know beyond the touch: the book's levels, what came last, its orders' places, its own history."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import math

from ....io.ground.jit import compiled
from .rows import SLOTS, I, L, S

#: What becomes known only where a quote reads it, by what it takes to know it.
BOOK = ("bids", "bid_sizes", "asks", "ask_sizes")
LATELY = (
    "last_trade_price", "last_trade_size", "last_trade_side", "last_trade_age", "book_age", "underlying_age",
)  # fmt: skip
PLACES = ("bid_ahead", "bid_behind", "ask_ahead", "ask_behind")
HISTORY = ("fills", "average_cost", "realised", "open_pnl", "since_bid_fill", "since_ask_fill")
#: How many levels of a side of the book a model is shown.
DEPTH = 5


@compiled
def below_nb(book, row, level):
    """The next level below one at which something rests, 0 for none."""
    level -= 1
    while level > 0 and book[row, level] <= 0:
        level -= 1
    return level if level > 0 else 0


@compiled
def cents_nb(grid, side, level):
    """The YES price of a level of a side in cents; nan for none."""
    return grid.ticks[level if side == 0 else grid.top - level] * 0.01 if level > 0 else math.nan


@compiled
def levels_nb(book, row, best):
    """The best five levels of a side of the book."""
    b = below_nb(book, row, best)
    c = below_nb(book, row, b)
    d = below_nb(book, row, c)
    return best, b, c, d, below_nb(book, row, d)


@compiled
def depth_nb(grid, book, row, side, best):
    """Prices and sizes of the best five levels of a side of the book; nan and 0 where there are fewer."""
    a, b, c, d, e = levels_nb(book, row, best)
    prices = (
        cents_nb(grid, side, a), cents_nb(grid, side, b), cents_nb(grid, side, c), cents_nb(grid, side, d),
        cents_nb(grid, side, e),
    )  # fmt: skip
    return prices, (
        book[row, a] * 0.01, book[row, b] * 0.01 if b > 0 else 0.0, book[row, c] * 0.01 if c > 0 else 0.0,
        book[row, d] * 0.01 if d > 0 else 0.0, book[row, e] * 0.01 if e > 0 else 0.0,
    )  # fmt: skip


@compiled
def age_nb(now, ts):
    """Seconds since something; nan before the first time."""
    return float(now - ts) * 1e-9 if ts > 0 else math.nan


@compiled
def lately_nb(grid, sc, now):
    """The last trade that was seen, and how old it, the book and the underlying are."""
    side = sc[S.trade_side]
    if sc[S.trade_ts] > 0:
        price, size, sign = cents_nb(grid, side, sc[S.trade_level]), sc[S.trade_size] * 0.01, 2.0 * side - 1.0
    else:
        price, size, sign = math.nan, math.nan, math.nan
    ages = age_nb(now, sc[S.trade_ts]), age_nb(now, sc[S.book_ts]), age_nb(now, sc[S.tick_ts])
    return price, size, sign, ages[0], ages[1], ages[2]


@compiled
def ranked_nb(ints, row, side, rank, levels, c):
    """Level and number of a side's order by its rank, the best one first; level 0 where none rests."""
    above, px, which = 1 << 30, 0, side
    for _ in range(rank + 1):
        px = 0
        for one in range(side, 2 * levels, 2):
            if px < ints[row + one, c] < above:
                px, which = ints[row + one, c], one
        above = px
    return px, which


@compiled
def seen_place_nb(st, rule, side, rank, levels, c):
    """The same as far as its owner has seen: right after the last event seen, of an order that had come before it."""
    ints = st.ints
    px, which = ranked_nb(ints, I.sent_px, side, rank, levels, c)
    if (
        px == 0
        or ints[I.seen_px + which, c] != px
        or ints[I.seen_version + which, c] != ints[I.sent_version + which, c]
    ):
        return math.nan, math.nan
    there = float(st.book[2 + side, px])
    ahead = 0.0 if rule <= 1 or rule == 7 else float(st.ahead[4 * SLOTS + which, c])
    return ahead * 0.01, (there - ahead if there > ahead else 0.0) * 0.01


@compiled
def place_nb(st, rule, side, rank, levels, c):
    """Contracts ahead of and behind an order: a side's best, or a further one by its rank; nan where none rests."""
    px, which = ranked_nb(st.ints, I.px, side, rank, levels, c)
    if px == 0:
        return math.nan, math.nan
    there = float(st.book[side, px])
    ahead = float(st.ahead[which, c])
    ahead = there if ahead < 0.0 else ahead
    ahead = 0.0 if rule <= 1 or rule == 7 else ahead  # touch, through and fills by chance have no queue
    return ahead * 0.01, (there - ahead if there > ahead else 0.0) * 0.01


@compiled
def share_nb(value, part, whole):
    """``value x part / whole``, rounded towards zero, without a product that is too large."""
    size = abs(value)
    each = size // whole
    got = each * part + (size - each * whole) * part // whole
    return got if value >= 0 else -got


@compiled
def history_nb(side, lots, value, held, now, c, ints, longs):
    """A fill of ``lots`` for ``value`` in micros becomes known, with ``held`` lots before it.

    What closes takes its share of the position's cost along, rounded towards zero; the rest opens.
    """
    sign = 1 - 2 * side
    closing = min(lots, max(0, -sign * held))
    paid = 0
    if closing > 0:
        gone, paid = share_nb(longs[L.cost, c], closing, abs(held)), share_nb(value, closing, lots)
        longs[L.cost, c] -= gone
        longs[L.realised, c] -= sign * paid + gone
    longs[L.cost, c] += sign * (value - paid)
    longs[L.filled + side, c] = now
    ints[I.told_fills, c] += 1


@compiled
def past_nb(st, held, mid, now, c):
    """Fills, average cost in cents, realised and open P&L in dollars, and seconds since the last fill of each side."""
    cost = float(st.longs[L.cost, c])
    average = cost / (held * 10_000.0) if held != 0.0 else math.nan
    return (
        float(st.ints[I.told_fills, c]), average, st.longs[L.realised, c] * 1e-6, (held * mid - cost * 1e-4) * 0.01,
        age_nb(now, st.longs[L.filled, c]), age_nb(now, st.longs[L.filled + 1, c]),
    )  # fmt: skip
