"""From one market's merged rows to the columns of a tape: the book rebuilt, gaps marked, trades matched to changes."""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import numpy as np
from numba import njit

from .events import BOOK, GAP, LATER, MOMENT, STATUS, TRADE, UNDERLYING

#: What a merged row is: the first four are io.schema.BookKind.
DELTA, LEVEL, CLEAR, HOLE, PRINT, TICK, STATE = range(7)

#: What the compilation counts.
(UNKNOWN_ROWS, NEGATIVE, HOLES, GUESSED_SIDES, TRADED_LOTS, MATCHED_LOTS, SNAPSHOTS, CROSSED, OUT_OF_RANGE,
 COUNTS) = range(10)  # fmt: skip

MAX_LOTS = np.int64(2_000_000_000)
i16 = np.int16


@njit(cache=True, error_model="numpy")
def best_nb(book, best, side, level, size):
    """Keep the best level of a side after one of its levels changed."""
    if size > 0:
        best[side] = max(best[side], level)
    elif level == best[side]:
        b = level
        while b > 0 and book[side, b] == 0:
            b -= 1
        best[side] = b


@njit(cache=True, error_model="numpy")
def emit_nb(out, k, ts, kind, side, level, size, aux, best, top):
    """Write one event; ``best`` holds the best level of each side, each on its own scale."""
    out_ts, out_kind, out_side, out_level, out_size, out_aux, out_bid, out_ask = out
    out_ts[k], out_kind[k], out_side[k], out_level[k] = ts, kind, side, level
    out_size[k], out_aux[k] = size, aux
    out_bid[k], out_ask[k] = i16(best[0]), i16(top - best[1])
    return k + 1


@njit(cache=True, error_model="numpy")
def snapshot_nb(out, k, ts, book, best, snap, snap_id, current, top):
    """Turn a finished snapshot into the changes that lead to it: what goes first, then what comes."""
    for passing in range(2):
        for side in range(2):
            for level in range(1, top):
                size = snap[side, level] if snap_id[side, level] == current else 0
                if size == book[side, level] or (size > 0) != (passing == 1):
                    continue
                book[side, level] = size
                best_nb(book, best, side, level, size)
                k = emit_nb(out, k, ts, BOOK, side, level, size, 0, best, top)
    return k


@njit(cache=True, error_model="numpy")
def build_nb(ts, what, side, level, size, top, empty_start, out, counts):
    """Rebuild the book along the merged rows and write the events. Returns how many there are."""
    book = np.zeros((2, top + 1), np.int64)
    snap = np.zeros((2, top + 1), np.int64)
    snap_id = np.zeros((2, top + 1), np.int64)
    best = np.zeros(2, np.int64)
    known, building, last_print = empty_start, False, 0
    current, k, value = 0, 0, 0
    n = len(ts)
    for r in range(n):
        w = what[r]
        if w == LEVEL and building:
            s = 0 if side[r] > 0 else 1
            p = level[r] if s == 0 else top - level[r]
            snap[s, p], snap_id[s, p] = size[r], current
            counts[OUT_OF_RANGE] += size[r] > MAX_LOTS
        elif w == CLEAR:
            building, current = True, current + 1
            counts[SNAPSHOTS] += 1
        elif w in (DELTA, LEVEL):
            if not known:
                counts[UNKNOWN_ROWS] += 1
                continue
            s = 0 if side[r] > 0 else 1
            p = level[r] if s == 0 else top - level[r]
            after = book[s, p] + size[r]
            if after < 0:
                counts[NEGATIVE] += 1
                known = False
            elif after > MAX_LOTS:
                counts[OUT_OF_RANGE] += 1
            elif size[r] != 0:
                book[s, p] = after
                best_nb(book, best, s, p, after)
                k = emit_nb(out, k, ts[r], BOOK, s, p, after, 0, best, top)
                counts[CROSSED] += best[0] > 0 and best[1] > 0 and best[0] + best[1] >= top
        elif w == HOLE:
            counts[HOLES] += 1
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
            p = level[r] if s == 0 else top - level[r]
            k = emit_nb(out, k, ts[r], TRADE, s, p, size[r], 0, best, top)
        elif w == TICK:
            k = emit_nb(out, k, ts[r], UNDERLYING, 0, 0, 0, value, best, top)
            value += 1
        else:
            k = emit_nb(out, k, ts[r], STATUS, side[r], 0, 0, 0, best, top)
        if not known and not building and (w in (HOLE, DELTA)):
            book[:, :] = 0
            best[:] = 0
            k = emit_nb(out, k, ts[r], GAP, 0, 0, 0, 0, best, top)
        if building and (r + 1 == n or what[r + 1] != LEVEL or ts[r + 1] != ts[r]):
            k = snapshot_nb(out, k, ts[r], book, best, snap, snap_id, current, top)
            building, known = False, True
    return k


@njit(cache=True, error_model="numpy")
def match_nb(n, ts, kind, side, level, size, aux, top, window, counts):
    """Match each trade to the decrease it caused, so that a queue is never drained twice; mark the moments' ends."""
    before = np.zeros((2, top + 1), np.int64)
    pending = np.zeros((2, top + 1), np.int64)  # traded lots whose decrease has not come
    pending_ts = np.zeros((2, top + 1), np.int64)
    chain = np.full((2, top + 1), -1, np.int64)  # latest decrease that trades do not explain
    earlier = np.full(n, -1, np.int64)
    rest = np.zeros(n, np.int64)
    for i in range(n):
        s, p, q = side[i], level[i], np.int64(size[i])
        if kind[i] == BOOK:
            fall = before[s, p] - q
            before[s, p] = q
            if fall > 0:
                open_lots = pending[s, p] if ts[i] - pending_ts[s, p] <= window else 0
                done = min(fall, open_lots)
                pending[s, p] = open_lots - done
                counts[MATCHED_LOTS] += done
                aux[i] = done
                if fall > done:
                    rest[i], earlier[i] = fall - done, chain[s, p]
                    chain[s, p] = i
        elif kind[i] == TRADE:
            j = chain[s, p]
            while q > 0 and j >= 0 and ts[i] - ts[j] <= window:
                done = min(q, rest[j])
                rest[j] -= done
                aux[j] += done
                kind[j] |= LATER
                q -= done
                counts[MATCHED_LOTS] += done
                j = earlier[j] if rest[j] == 0 else j
            chain[s, p] = j if j >= 0 and ts[i] - ts[j] <= window else -1
            if ts[i] - pending_ts[s, p] > window:
                pending[s, p] = 0
            pending[s, p] += q
            pending_ts[s, p] = ts[i]
        elif kind[i] == GAP:
            before[:, :] = 0
            pending[:, :] = 0
            chain[:, :] = -1
    for i in range(n):
        if i + 1 == n or ts[i + 1] != ts[i]:
            kind[i] |= MOMENT
