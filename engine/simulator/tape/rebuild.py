"""From one market's merged rows to the columns of a tape: the book rebuilt, gaps marked, trades matched to changes."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import numpy as np

from ....io.book.columns import LOST, PASSED, fill_nb, set_nb, stands_nb
from ....io.ground.jit import OPTIONS, compiled, kept
from .events import BOOK, GAP, KIND, LATER, STATUS, TRADE, UNDERLYING

#: What a merged row is: the first four are io.schema.BookKind.
DELTA, LEVEL, CLEAR, BOOK_GAP, PRINT, TICK, STATE = range(7)

#: What the compilation counts.
(UNKNOWN_ROWS, NEGATIVE, GAPS, GUESSED_SIDES, TRADED_LOTS, MATCHED_LOTS, SNAPSHOTS, CROSSED, OUT_OF_RANGE,
 COUNTS) = range(10)  # fmt: skip

MAX_LOTS = np.int64(2_000_000_000)
i16 = np.int16
#: As arguments between kernels: a bare number would have the callee compiled once more for it.
CHANGED, NOTHING, NONE = np.int64(BOOK), np.int64(0), np.int64(-1)


@compiled
def emit_nb(out, k, ts, kind, side, level, size, aux, best, top):
    """Write one event; ``best`` holds the best level of each side, each on its own scale."""
    out_ts, out_kind, out_side, out_level, out_size, out_aux, out_bid, out_ask = out
    out_ts[k], out_kind[k], out_side[k], out_level[k] = ts, kind, side, level
    out_size[k], out_aux[k] = size, aux
    out_bid[k], out_ask[k] = i16(best[0]), i16(top - best[1])
    return k + 1


@compiled
def snapshot_nb(out, k, ts, book, best, snap, snap_id, current, top):
    """Turn a finished snapshot into the changes that lead to it: what goes first, then what comes."""
    for passing in range(2):
        for side in range(2):
            for level in range(1, top):
                size = snap[side, level] if snap_id[side, level] == current else 0
                if size == book[side, level] or (size > 0) != (passing == 1):
                    continue
                set_nb(book, best, side, level, size)
                k = emit_nb(out, k, ts, CHANGED, side, level, size, NOTHING, best, top)
    return k


@kept(**OPTIONS)
def build_nb(ts, what, side, level, size, top, empty_start, books, best, out, counts):
    """Rebuild the book along the merged rows and write the events. Returns how many there are.

    ``books`` is room for three books and ``best`` for the best level of each side, all of them zero.
    """
    book, snap, snap_id = books[0], books[1], books[2]
    known, building, last_print = empty_start, False, 0
    current, k, value = 0, 0, 0
    n = len(ts)
    for r in range(n):
        w = what[r]
        event, s, p, lots, aux = -1, 0, 0, 0, 0  # what the row becomes, if it becomes an event
        if w == LEVEL and building:
            s = 0 if side[r] > 0 else 1
            p = level[r] if s == 0 else top - level[r]
            snap[s, p], snap_id[s, p] = size[r], current
            counts[OUT_OF_RANGE] += size[r] > MAX_LOTS
        elif w == CLEAR:
            building, current = True, current + 1
            counts[SNAPSHOTS] += 1
        elif w in (DELTA, LEVEL):
            s = 0 if side[r] > 0 else 1
            p = level[r] if s == 0 else top - level[r]
            after = stands_nb(known, DELTA, book[s, p], size[r])  # a level outside of a snapshot is a change, too
            if after == PASSED:
                counts[UNKNOWN_ROWS] += 1
                continue
            if after == LOST:
                counts[NEGATIVE] += 1
                known = False
            elif after > MAX_LOTS:
                counts[OUT_OF_RANGE] += 1
            elif size[r] != 0:
                set_nb(book, best, s, p, after)
                event, lots = BOOK, after
                counts[CROSSED] += best[0] > 0 and best[1] > 0 and best[0] + best[1] >= top
        elif w == BOOK_GAP:
            counts[GAPS] += 1
            known = False
        elif w == PRINT:
            s = 1 if side[r] > 0 else 0
            if side[r] == 0:
                counts[GUESSED_SIDES] += 1
                if best[1] > 0 and level[r] >= top - best[1]:
                    s = 1
                elif best[0] > 0 and level[r] <= best[0]:
                    s = 0
                else:
                    s = 1 if level[r] >= last_print else 0
            last_print = level[r]
            counts[TRADED_LOTS] += size[r]
            event, p, lots = TRADE, level[r] if s == 0 else top - level[r], size[r]
        elif w == TICK:
            event, aux = UNDERLYING, value
            value += 1
        else:
            event, s = STATUS, side[r]
        if not known and not building and (w in (BOOK_GAP, DELTA)):
            fill_nb(book, NOTHING)
            best[0] = best[1] = 0
            event, s, p, lots = GAP, 0, 0, 0
        if event >= 0:
            k = emit_nb(out, k, ts[r], event, s, p, lots, aux, best, top)
        if building and (r + 1 == n or what[r + 1] != LEVEL or ts[r + 1] != ts[r]):
            k = snapshot_nb(out, k, ts[r], book, best, snap, snap_id, current, top)
            building, known = False, True
    return k


@kept(**OPTIONS)
def falls_nb(kind, side, level, size, before, rest):
    """Write into ``rest`` what is to be matched: the lots of every trade, and the lots by which a level fell.

    ``before`` is room for a book.
    """
    fill_nb(before, NOTHING)
    for i in range(len(kind)):
        s, p = side[i], level[i]
        if kind[i] == BOOK:
            rest[i] = max(before[s, p] - size[i], 0)
            before[s, p] = size[i]
        elif kind[i] == TRADE:
            rest[i] = size[i]
        elif kind[i] == GAP:
            fill_nb(before, NOTHING)


@compiled
def match_forward_nb(n, ts, kind, side, level, aux, window, rest, following, marks, counts):
    """Match trades to the decreases of their level that come with them or next; ``rest`` keeps what is left of each.

    Of decreases at the time of the trade itself, those before it count too.
    """
    # By level: the oldest and the latest trade that wait for their decrease, and the latest decrease.
    first, last, fallen = marks[0], marks[1], marks[2]
    fill_nb(first, NONE)
    fill_nb(fallen, NONE)
    for i in range(n):
        s, p = side[i], level[i]
        if kind[i] == BOOK:
            j = first[s, p]
            while rest[i] > 0 and j >= 0:
                done = min(rest[i], rest[j]) if ts[i] - ts[j] <= window else 0
                rest[i] -= done
                rest[j] -= done
                aux[i] += done
                counts[MATCHED_LOTS] += done
                if rest[j] > 0 and ts[i] - ts[j] <= window:
                    break
                j = following[j]
            first[s, p] = j
            fallen[s, p] = i if rest[i] > 0 else -1
        elif kind[i] == TRADE:
            j = fallen[s, p]
            if j >= 0 and ts[j] == ts[i]:
                explain_nb(i, j, kind, aux, rest, counts)
            if rest[i] > 0:
                if first[s, p] < 0:
                    first[s, p] = i
                else:
                    following[last[s, p]] = i
                last[s, p] = i
                following[i] = -1
        elif kind[i] == GAP:
            fill_nb(first, NONE)
            fill_nb(fallen, NONE)


@compiled
def explain_nb(trade, decrease, kind, aux, rest, counts):
    """A decrease was caused by a trade that comes after it on the tape."""
    done = min(rest[trade], rest[decrease])
    rest[trade] -= done
    rest[decrease] -= done
    aux[decrease] += done
    kind[decrease] |= LATER
    counts[MATCHED_LOTS] += done


@compiled
def match_backward_nb(n, ts, kind, side, level, aux, window, rest, earlier, latest, counts):
    """Match what is left of the trades to decreases shortly before them, the latest first."""
    fill_nb(latest, NONE)
    for i in range(n):
        s, p = side[i], level[i]
        k = kind[i] & KIND
        if k == BOOK and rest[i] > 0:
            earlier[i], latest[s, p] = latest[s, p], i
        elif k == TRADE and rest[i] > 0:
            j = latest[s, p]
            while rest[i] > 0 and j >= 0 and ts[i] - ts[j] <= window:
                explain_nb(i, j, kind, aux, rest, counts)
                j = earlier[j] if rest[j] == 0 else j
            latest[s, p] = j
        elif k == GAP:
            fill_nb(latest, NONE)


@kept(**OPTIONS)
def match_nb(ts, kind, side, level, aux, window, rest, link, marks, counts):
    """Match trades to the changes they caused, the sure matches first.

    ``rest`` has what is to be matched of each event and keeps what is left of it; ``link`` is room for a number an
    event, ``marks`` for three a level.
    """
    n = len(ts)
    match_forward_nb(n, ts, kind, side, level, aux, window, rest, link, marks, counts)
    match_backward_nb(n, ts, kind, side, level, aux, window, rest, link, marks[0], counts)


@kept(**OPTIONS)
def mids_nb(ts, bid, ask, ticks, top, delay, now, later):
    """Write the mid after each event and the one ``delay`` later, the last one there was while a side was empty.

    Before the first one it is 0.
    """
    at = mid = soon = 0
    for i in range(len(ts)):
        if bid[i] > 0 and ask[i] < top:
            mid = (ticks[bid[i]] + ticks[ask[i]]) >> 1
        while at < len(ts) and ts[at] <= ts[i] + delay:
            if bid[at] > 0 and ask[at] < top:
                soon = (ticks[bid[at]] + ticks[ask[at]]) >> 1
            at += 1
        now[i] = mid
        later[i] = soon
