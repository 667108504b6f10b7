"""Bare loops of the arithmetic that a kernel cannot do without: what a decision and an event cost at least."""

from __future__ import annotations

import time

import numpy as np
from numba import njit

#: Cells of the bare loop: as many as a block has.
CELLS = 512


@njit(cache=True, error_model="numpy")
def decide_nb(rounds, gamma, const, position, bid, ask, bid_size, ask_size, bid_ahead, ask_ahead, due, book, x, y):
    """Re-quote every cell ``rounds`` times: Avellaneda and Stoikov's quote, to the tick, inside the touch, placed."""
    cells = len(gamma)
    for turn in range(rounds):
        best_bid, best_ask = np.int32(45 + turn % 9), np.int32(47 + turn % 9)
        mid, risk = 0.5 * (best_bid + best_ask), 0.25 + 0.001 * (turn % 100)
        for c in range(cells):
            g = gamma[c] * risk
            r = mid - position[c] * 0.1 * g
            h = g * 0.5 + const[c]
            x[c] = np.floor(r - h + 0.5)
            y[c] = np.floor(r + h + 0.5)
        for c in range(cells):
            b = np.int32(x[c])
            a = max(np.int32(y[c]), b + 1)
            b = max(1, min(99, b, best_ask - 1))
            a = max(1, min(99, max(a, best_bid + 1)))
            m, n = min(10, 100 - position[c]), min(10, 100 + position[c])
            due[c] = turn
            if bid[c] != b or bid_size[c] != m:
                bid[c], bid_size[c], bid_ahead[c] = b, m, book[0, b]
            if ask[c] != a or ask_size[c] != n:
                ask[c], ask_size[c], ask_ahead[c] = a, n, book[1, 100 - a]
            position[c] += (turn + c) % 3 - 1


@njit(cache=True, error_model="numpy")
def walk_nb(ts, side, level, size, book):
    """Rebuild a book from signed changes and keep its best levels: what an event costs at least."""
    best = np.zeros(2, np.int64)
    seen = np.int64(0)
    for n in range(len(ts)):
        s, at = side[n], level[n]
        book[s, at] += size[n]
        if book[s, at] > 0:
            best[s] = max(best[s], at)
        while best[s] > 0 and book[s, best[s]] <= 0:
            best[s] -= 1
        seen += best[0] + best[1]
    return seen


def ns_a_decision(rounds: int = 4_000) -> float:
    """Nanoseconds of CPU time for one decision in the bare loop."""
    i32 = np.int32
    gamma = np.linspace(0.05, 1.0, CELLS)
    const = np.log(1 + gamma / 0.5) / gamma
    state = [np.zeros(CELLS, i32) for _ in range(7)]
    room = np.zeros(CELLS, np.int64), np.ones((2, 101), i32), np.zeros(CELLS), np.zeros(CELLS)
    took: list[float] = []
    for _ in range(4):  # the first one compiles
        began = time.thread_time()
        decide_nb(rounds, gamma, const, *state, *room)
        took.append(time.thread_time() - began)
    return min(took[1:]) / (rounds * CELLS) * 1e9


def ns_an_event(ts: np.ndarray, side: np.ndarray, level: np.ndarray, size: np.ndarray) -> float:
    """Nanoseconds of CPU time for one event in the bare loop."""
    took: list[float] = []
    for _ in range(4):
        book = np.zeros((2, 101), np.int64)
        began = time.thread_time()
        walk_nb(ts, side, level, size, book)
        took.append(time.thread_time() - began)
    return min(took[1:]) / len(ts) * 1e9
