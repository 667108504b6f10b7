"""hftbacktest on the common work's tapes, for its answers and its time. Runs in an environment of its own:

    $BENCH_PEER bench/peer.py FOLDER replay|sweep CELLS

The strategy is the common work's: Avellaneda and Stoikov on every event, the risk-averse queue, fills of whole orders.
Prints one line of JSON: wall and CPU seconds of the best of three turns after compiling, fills, re-quotes, position.
"""

import json
import math
import sys
import time

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    GTX,
    LIMIT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from numba import njit

SECOND, WINDOW, ROOM = 1_000_000_000, 60_000_000_000, 1 << 14
SIZE, LIMIT_CONTRACTS = 10, 100
BID, ASK, NO_ORDER = 1, 2, 0


def events_of(file):
    """The tape in the peer's own layout: levels by their new size, no bids as asks."""
    with np.load(file) as tape:
        trade, yes = tape["kind"] == 1, tape["side"] == 0
        made = np.zeros(len(trade), event_dtype)
        kind = np.where(trade, TRADE_EVENT, DEPTH_EVENT) | np.where(yes, BUY_EVENT, SELL_EVENT)
        made["ev"] = kind | EXCH_EVENT | LOCAL_EVENT
        made["exch_ts"] = made["local_ts"] = tape["ts"]
        made["px"] = np.where(trade | yes, tape["price"], 100.0 - tape["price"])
        made["qty"] = np.where(trade, tape["qty"], tape["new_qty"])
    return made


@njit
def place(hbt, side, orders, number, price, quantity, resting):
    """Leave an order of the same price and size alone, or replace it; ``resting`` is (id, price, size)."""
    lives = False
    if resting[0] != NO_ORDER:
        order = orders.get(resting[0])
        lives = order is not None and order.cancellable
    if lives and resting[1] == price and resting[2] == quantity:
        return number
    if lives:
        hbt.cancel(0, resting[0], False)
    resting[0] = NO_ORDER
    if quantity > 0:
        number += 1
        resting[:] = number, price, quantity
        if side == BID:
            hbt.submit_buy_order(0, number, float(price), float(quantity), GTX, LIMIT, False)
        else:
            hbt.submit_sell_order(0, number, float(price), float(quantity), GTX, LIMIT, False)
    return number


@njit
def run(hbt, gamma, kappa, first, last):
    """Walk the tape; gives how it ended and how often it re-quoted."""
    times, prices = np.empty(ROOM, np.int64), np.empty(ROOM, np.int64)
    head = tail = total = squares = number = requotes = 0
    bid, ask = np.zeros(3, np.int64), np.zeros(3, np.int64)
    asked_at, held = first, 0.0
    while True:
        code = hbt.wait_next_feed(True, 3600 * SECOND)
        if code not in (0, 2, 3):
            return code, requotes
        now = hbt.current_timestamp
        for trade in hbt.last_trades(0):
            price = int(trade.px)
            times[tail % ROOM], prices[tail % ROOM] = trade.local_ts, price
            total, squares, tail = total + price, squares + price * price, tail + 1
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
            price = prices[head % ROOM]
            total, squares, head = total - price, squares - price * price, head + 1
        n = tail - head
        variance = (squares - total * total / n) / (n - 1) if n >= 2 else 1.0
        risk = gamma * variance * ((last - now) / (last - first))
        centre = (best_bid + best_ask) / 2.0 - position / SIZE * risk
        half = risk / 2.0 + math.log(1.0 + gamma / kappa) / gamma
        low, high = math.floor(centre - half + 0.5), math.floor(centre + half + 0.5)
        high = max(high, low + 1)
        low, high = max(1, min(99, low, best_ask - 1)), max(1, min(99, max(high, best_bid + 1)))
        buy = min(SIZE, LIMIT_CONTRACTS - position) if low < best_ask else 0
        sell = min(SIZE, LIMIT_CONTRACTS + position) if high > best_bid else 0
        orders = hbt.orders(0)
        number = place(hbt, BID, orders, number, low, int(buy), bid)
        number = place(hbt, ASK, orders, number, high, int(sell), ask)


def answer(strategy, events, *cell):
    """What one cell of a strategy comes to, and its seconds: wall and CPU."""
    asset = (
        BacktestAsset()
        .data([events])
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(1.0)
        .lot_size(1.0)
        .last_trades_capacity(1000)
        .roi_lb(0.0)
        .roi_ub(100.0)
    )
    began, used = time.perf_counter(), time.thread_time()
    hbt = ROIVectorMarketDepthBacktest([asset])
    code, requotes = strategy(hbt, *cell, int(events["local_ts"][0]), int(events["local_ts"][-1]))
    took = time.perf_counter() - began, time.thread_time() - used
    if code != 1:
        raise SystemExit(f"hftbacktest stopped with code {code}")
    state = hbt.state_values(0)
    told = {"fills": int(state.num_trades), "requotes": int(requotes), "position": int(state.position)}
    hbt.close()
    return took, told


def timed(strategy, events, cells, turns):
    """The wall and CPU seconds of all cells, each the best of some turns, and what each cell came to."""
    done = [[answer(strategy, events, *cell) for cell in cells] for _ in range(turns)]
    wall, cpu = (min(sum(took[kind] for took, _ in turn) for turn in done) for kind in (0, 1))
    return {"wall": wall, "cpu": cpu, "events": len(events), "answers": [told for _, told in done[-1]]}


def main():
    """Time the work that was asked for."""
    folder, work, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    events = events_of(f"{folder}/{'tape_2m' if work == 'replay' else 'tape_200k'}.npz")
    gamma, kappa = (
        one.ravel() for one in np.meshgrid(np.linspace(0.05, 1, 32), np.linspace(0.5, 5, 32), indexing="ij")
    )
    chosen = np.linspace(0, 1023, count).round().astype(int)
    cells = [(0.1, 0.5)] if work == "replay" else list(zip(gamma[chosen], kappa[chosen], strict=True))
    answer(run, events[:5000], 0.1, 0.5)
    told = timed(run, events, cells, 3 if work == "replay" else 1)
    print(json.dumps(told | {"cells": chosen.tolist()}))


if __name__ == "__main__":
    main()
