"""A maker of three levels a side that leans on order flow, for hftbacktest. Runs in an environment of its own:

    $BENCH_PEER bench/peer_flow.py FOLDER TAPE HALF,LEAN [HALF,LEAN ...]

What ``bench/test_flow.py`` does, written by hand: signed flow over ten seconds, quotes in cents, the nearest level
first inside the limit, orders that are still wished left alone. Prints one line of JSON: wall and CPU seconds of all
cells after compiling, the best of three turns where it is one, and what each came to.
"""

import json
import math
import sys

import numpy as np
from hftbacktest import BUY_EVENT, GTX, LIMIT
from numba import njit
from peer import LIMIT_CONTRACTS, NO_ORDER, ROOM, SECOND, SIZE, answer, events_of, timed

WINDOW, LEVELS = 10 * SECOND, 3
SKEW, MOST = 0.02, 1.5
NUMBER, PRICE, QUANTITY = range(3)
HALF = 0.5 + 1e-9


@njit
def lives(orders, one):
    """Whether an order still rests."""
    if one[NUMBER] == NO_ORDER:
        return False
    order = orders.get(one[NUMBER])
    return order is not None and order.cancellable


@njit
def place(hbt, is_bid, orders, number, wishes, resting):
    """Leave orders alone that are still wished, cancel the others, send what is new. Rows of price and quantity."""
    for one in resting:
        found = False
        rests = lives(orders, one)
        for wish in wishes:
            if rests and wish[1] > 0 and wish[0] == one[PRICE] and wish[1] == one[QUANTITY]:
                wish[1], found = 0, True
        if not found:
            if rests:
                hbt.cancel(0, one[NUMBER], False)
            one[NUMBER] = NO_ORDER
    for wish in wishes:
        if wish[1] > 0:
            number += 1
            for one in resting:
                if one[NUMBER] == NO_ORDER:
                    one[NUMBER], one[PRICE], one[QUANTITY] = number, wish[0], wish[1]
                    break
            if is_bid:
                hbt.submit_buy_order(0, number, float(wish[0]), float(wish[1]), GTX, LIMIT, False)
            else:
                hbt.submit_sell_order(0, number, float(wish[0]), float(wish[1]), GTX, LIMIT, False)
    return number


@njit
def wish(wishes, level, price, room):
    """A level's wish; one at the price of the level before is part of that one's. Returns the room left."""
    quantity = max(0, min(SIZE, room))
    wishes[level, 0], wishes[level, 1] = price, quantity
    for above in range(level):
        if quantity > 0 and wishes[above, 0] == price:
            wishes[above, 1] += quantity
            wishes[level, 1] = 0
            break
    return room - quantity


@njit
def run(hbt, half, lean, first, _last):
    """Walk the tape; gives how it ended and how often it re-quoted."""
    times, signed = np.empty(ROOM, np.int64), np.empty(ROOM, np.int64)
    head = tail = flow = number = requotes = 0
    bids, asks = np.zeros((LEVELS, 3), np.int64), np.zeros((LEVELS, 3), np.int64)
    buys, sells = np.zeros((LEVELS, 2), np.int64), np.zeros((LEVELS, 2), np.int64)
    asked_at, held = first, 0.0
    while True:
        code = hbt.wait_next_feed(True, 3600 * SECOND)
        if code not in (0, 2, 3):
            return code, requotes
        now = hbt.current_timestamp
        for trade in hbt.last_trades(0):
            lots = int(trade.qty) if trade.ev & BUY_EVENT == BUY_EVENT else -int(trade.qty)
            times[tail % ROOM], signed[tail % ROOM] = trade.local_ts, lots
            flow, tail = flow + lots, tail + 1
        hbt.clear_last_trades(0)
        position = hbt.position(0)
        if now - asked_at < SECOND and position == held:
            continue
        asked_at, held = now, position
        hbt.clear_inactive_orders(0)
        depth = hbt.depth(0)
        best_bid, best_ask = depth.best_bid_tick, depth.best_ask_tick
        if best_bid < 1 or best_ask > 99:
            continue
        requotes += 1
        while head < tail and times[head % ROOM] <= now - WINDOW:
            flow, head = flow - signed[head % ROOM], head + 1
        lead = max(-MOST, min(MOST, lean * flow))
        centre = (best_bid + best_ask) * 0.5 + lead - SKEW * position
        low, high = centre - half, centre + half
        b = min(99, best_ask - 1)
        a = max(max(0, math.floor(low + HALF)) + 1, best_bid + 1)
        room_b = int(LIMIT_CONTRACTS - position) if best_ask > 1 else 0
        room_a = int(LIMIT_CONTRACTS + position) if best_bid + 1 < 100 else 0
        b, a = max(b, 1), min(a, 99)
        for level in range(LEVELS):
            b = max(1, min(b, math.floor(low - level + HALF)))
            a = min(99, max(a, math.floor(high + level + HALF)))
            room_b, room_a = wish(buys, level, b, room_b), wish(sells, level, a, room_a)
        orders = hbt.orders(0)
        number = place(hbt, True, orders, number, buys, bids)
        number = place(hbt, False, orders, number, sells, asks)


def main():
    """Time the cells that were asked for."""
    folder, tape, *given = sys.argv[1:]
    events = events_of(f"{folder}/{tape}.npz")
    cells = [tuple(map(float, one.split(","))) for one in given]
    answer(run, events[:5000], 1.0, 0.01)
    print(json.dumps(timed(run, events, cells, 3 if len(cells) == 1 else 1)))


if __name__ == "__main__":
    main()
