"""Which decreases were trades: the kernel against the obvious definition."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from touchline.engine.exchange.explain import WINDOW_NS, explained

STEP = WINDOW_NS // 4


def naive(rows):
    """One list of open trades and one of unexplained decreases; the newest decrease is explained first."""
    out = [0] * len(rows)
    traded: dict[tuple[int, int, int], list[int]] = {}
    falls: dict[tuple[int, int, int], list[list[int]]] = {}
    for number, (market, ts, kind, side, price, size) in enumerate(rows):
        if kind == 0 and size < 0:
            key = (market, side, price)
            lots, at = traded.get(key, [0, 0])
            done = min(-size, lots) if ts - at <= WINDOW_NS else 0
            traded[key] = [lots - done, at]
            out[number] = done
            if not done:
                falls.setdefault(key, []).append([number, ts, -size])
        elif kind == 9 and side:
            key = (market, -side, price)
            stack = falls.setdefault(key, [])
            left = size
            while left and stack and ts - stack[-1][1] <= WINDOW_NS:
                done = min(left, stack[-1][2])
                stack[-1][2] -= done
                out[stack[-1][0]] -= done
                left -= done
                if not stack[-1][2]:
                    stack.pop()
            if stack and ts - stack[-1][1] > WINDOW_NS:
                stack.clear()
            lots, at = traded.get(key, [0, 0])
            traded[key] = [(lots if ts - at <= WINDOW_NS else 0) + left, ts]
    return out


row = st.tuples(
    st.integers(0, 1), st.integers(0, 3), st.sampled_from([0, 0, 9]), st.sampled_from([1, -1, 0]),
    st.sampled_from([4500, 4600]), st.integers(-5, 5).filter(bool),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(row, max_size=40))
def test_kernel_equals_the_definition(steps):
    rows, now = [], 0
    for market, wait, kind, side, price, size in steps:
        now += wait * STEP
        rows.append((market, now, kind, side if kind == 9 else side or 1, price, abs(size) if kind == 9 else size))
    columns = [
        np.array(column, dtype)
        for column, dtype in zip(
            zip(*rows, strict=True) if rows else [[]] * 6,
            (np.int32, np.int64, np.int8, np.int8, np.int32, np.int64),
            strict=True,
        )
    ]
    assert explained(*columns).tolist() == naive(rows)


def test_trade_before_and_after_its_decrease():
    kinds = [9, 0, 0, 9]
    found = explained(
        np.zeros(4, np.int32), np.array([0, 1, 2, 3], np.int64), np.array(kinds, np.int8),
        np.array([-1, 1, 1, -1], np.int8), np.full(4, 4600, np.int32), np.array([20, -20, -30, 10], np.int64),
    )  # fmt: skip
    assert found.tolist() == [0, 20, -10, 0]
