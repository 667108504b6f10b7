"""The portfolio kernel against the plain-Python portfolio on random panels, exactly; and its promises one by one."""

from __future__ import annotations

import numpy as np
import pytest
from touchline.engine.bets.panel.lives import lives_of, whole_lives
from touchline.engine.bets.panel.panel import panel_of
from touchline.engine.bets.portfolio.columns import columns_of
from touchline.engine.bets.portfolio.portfolio import groups, members_of, rules, run
from touchline.engine.bets.types import FEES, MARKET, ROUNDING, PanelColumns
from touchline.engine.figures.stakes import at_stake
from touchline.engine.simulator.assumptions.fees import ROUNDINGS

from .naive_portfolio import Portfolio, fee_of, matrix

HOUR = 3_600_000_000_000


def random_columns(rng, bars=None, markets=None):
    bars, markets = bars or int(rng.integers(2, 40)), markets or int(rng.integers(1, 9))
    shape = (bars, markets)
    fair = np.clip(5000 + np.cumsum(rng.normal(0, rng.choice([50, 300, 900]), shape), axis=0), 100, 9900)
    mark = (fair // 50 * 50).astype(np.int16)
    half = rng.choice([0, 50, 100, 300], shape)
    bid, ask = np.clip(mark - half, 0, 10_000), np.clip(mark + half, 0, 10_000)
    for prices in (mark, bid, ask):
        prices[rng.random(shape) < rng.choice([0, 0.05, 0.3])] = -1
    depth = [rng.integers(-1, 4000, shape).astype(np.int32) if rng.random() < 0.5 else np.empty((0, 0), np.int32)] * 2
    volume = rng.integers(-1, 40_000, shape).astype(np.int32) if rng.random() < 0.5 else np.empty((0, 0), np.int32)
    score = rng.integers(-2500, 2500, shape) * (rng.random(shape) < rng.choice([0.1, 0.6, 1.0]))
    opens = rng.integers(0, max(bars // 3, 1), markets).astype(np.int32)
    closes = np.minimum(opens + rng.integers(0, bars, markets), bars - 1).astype(np.int32)
    event = groups([str(x) for x in rng.integers(0, max(markets // 2, 1), markets)])
    start, members = members_of(event)
    market = np.zeros(markets, MARKET)
    market["opens"], market["closes"], market["event"] = opens, closes, event
    market["settles"] = closes + rng.integers(1, 5, markets)
    market["payout"] = rng.choice([-1, 0, 10_000, 3700], markets, p=[0.1, 0.4, 0.4, 0.1])
    market["series"] = groups([str(x) for x in rng.integers(0, 3, markets)])
    market["category"] = groups([str(x) for x in rng.integers(0, 2, markets)])
    market["unquoted"] = rng.integers(0, 2, markets)
    changes = rng.integers(1, 5, markets)
    market["fee_end"] = np.cumsum(changes)
    market["fee_first"] = market["fee_end"] - changes
    fees = np.zeros(changes.sum(), FEES)
    fees["taker"], fees["maker"] = (
        rng.choice([0, 350_000, 700_000], len(fees)),
        rng.choice([0, 87_500, 175_000], len(fees)),
    )
    for row in market:
        later = np.sort(rng.integers(0, bars + 1, row["fee_end"] - row["fee_first"] - 1))
        fees["from_bar"][row["fee_first"] + 1 : row["fee_end"]] = later
    after = rng.integers(-1, rng.choice([2, 5]), (2, *shape)).astype(np.int16)
    got = np.where(after > 0, rng.integers(1, rng.choice([500, 20_000]), (2, *shape)), 0).astype(np.int32)
    rounding = np.zeros(bars, ROUNDING)
    for bar, rule in enumerate(sorted(rng.integers(0, len(ROUNDINGS), bars))):
        chosen = ROUNDINGS[rule]
        rounding[bar] = (chosen.trade_step, chosen.grid["direct"], chosen.rebate_step["direct"], chosen.rebate_strict)
    first = rng.integers(0, opens + 1) if rng.random() < 0.7 else np.zeros(markets, np.int64)
    final = rng.integers(closes, bars) if rng.random() < 0.7 else np.full(markets, bars - 1)
    lives = lives_of(bars, first, final - first + 1)
    if rng.random() < 0.5:
        lives = whole_lives(bars, markets)
    market["first"], market["last"] = lives.first, lives.first + lives.counts - 1
    market["base"], market["stride"] = lives.base, lives.stride
    return PanelColumns(
        times=np.cumsum(rng.integers(1, 3, bars)).astype(np.int64) * HOUR,
        bucket=(np.arange(bars) // 5).astype(np.int32),
        mark=lives.flat(mark),
        bid=lives.flat(bid.astype(np.int16)),
        ask=lives.flat(ask.astype(np.int16)),
        bid_lots=lives.flat(depth[0]) if len(depth[0]) else depth[0].ravel(),
        ask_lots=lives.flat(depth[1]) if len(depth[1]) else depth[1].ravel(),
        volume=lives.flat(volume) if len(volume) else volume.ravel(),
        score=lives.flat(score.astype(np.int16)),
        market=market,
        fees=fees,
        rounding=rounding,
        member_start=start,
        members=members,
        bid_after=lives.flat(after[0]),
        ask_after=lives.flat(after[1]),
        bid_got=lives.flat(got[0]),
        ask_got=lives.flat(got[1]),
    )


def random_rules(rng):
    pick = lambda *options: options[rng.integers(0, len(options))]  # noqa: E731 - reads better in place
    return rules(
        {
            "capital": pick(20, 150, 10_000),
            "sizing": pick("kelly", "kelly", "fixed-fraction", "fixed-size", "joint-kelly"),
            "kelly_fraction": pick(0.25, 0.5, 1.0),
            "fraction": pick(0.01, 0.2),
            "contracts": pick(1, 25),
            "contract_step": pick(1, 1, 0.01),
            "max_position": pick(3, 100, 5000),
            "max_position_pct": pick(0.1, 0.25, 1.0),
            "max_positions": pick(1, 3, 50),
            "max_entries": pick(1, 2, None),
            "max_per_event": pick(1, None),
            "max_per_series": pick(2, None),
            "max_per_category": pick(3, None),
            "min_score": pick(0, 0.02, 0.1),
            "ranked": pick("yes", "no"),
            "min_price": pick(0, 10),
            "max_price": pick(100, 90),
            "delay_bars": pick(0, 1, 2),
            "slippage": pick(0, 1, 0.5),
            "trade_slippage": pick(0, 1),
            "participation": pick(0.1, 1.0),
            "fees": pick("yes", "no"),
            "entry": pick("taker", "maker"),
            "maker_bars": pick(1, 2, 4),
            "exit_basis": pick("return", "price"),
            "take_profit": pick(0, 0.2, 0.05),
            "stop_loss": pick(0, 0.15, 0.05),
            "trailing_stop": pick(0, 0.1),
            "score_reversal": pick(0, 0.05),
            "max_hold_hours": pick(0, 5, 24),
            "close_at_end": pick("yes", "no"),
        }
    )


def compare(columns, rule, passed):
    fast, slow = run(columns, rule, passed), Portfolio(columns, rule, passed).run()
    assert fast.curve.tolist() == [list(row) for row in slow.curve]
    assert int(fast.account["equity"]) == slow.equity
    equity, held = np.array(slow.curve, np.int64)[:, [0, 3]].T
    staked = at_stake(columns.times, equity, held, int(rule["capital"][0]))
    assert int(fast.account["staked_bars"]) == int(staked.bars.sum())
    assert [int(fast.account[n]) for n in ("cash", "orders", "filled", "part_filled")] == [
        slow.cash, slow.orders, slow.filled, slow.part_filled
    ]  # fmt: skip
    names = (
        "ordered",
        "side",
        "score",
        "entry_bar",
        "price",
        "mark",
        "trigger",
        "lots",
        "proceeds",
        "entry_fee",
        "exit_fee",
    )
    key = lambda trade: (trade["exit_bar"], trade["market"])  # noqa: E731
    ours = sorted(fast.trades, key=key)
    theirs = sorted(slow.trades, key=key)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert {n: int(a[n]) for n in (*names, "reason", "exit_bar")} == {
            n: b[n] for n in (*names, "reason", "exit_bar")
        }
    held = {int(h["market"]): {n: int(h[n]) for n in (*names, "left")} for h in fast.still_open}
    assert held == {m: {n: h[n] for n in (*names, "left")} for m, h in slow.held.items()}
    fates = matrix(columns, fast.fates, 0)
    listed = {(int(t), int(m)): int(fates[t, m]) for t, m in np.argwhere(fates)}
    assert listed == slow.fates
    return fast, slow


def test_a_sale_never_costs_more_than_it_fetches():
    """A hundredth of a contract is worth a hundredth of a cent when it is sold; the rounded fee is a cent."""
    panel = panel_of([[5_000]] * 3 + [[100]] * 3, HOUR * np.arange(1, 7))
    rule = rules(
        {
            "capital": 10,
            "sizing": "fixed-size",
            "contracts": 0.01,
            "contract_step": 0.01,
            "max_position": 1,
            "max_position_pct": 1,
            "max_positions": 1,
            "min_price": 0,
            "max_price": 100,
            "stop_loss": 0.15,
            "fees": "yes",
        }
    )
    score = np.zeros(6, np.int16)
    score[0] = 500
    columns = columns_of(panel, score)
    found, _ = compare(columns, rule, None)
    (trade,) = found.trades
    assert fee_of(100, 1, 7_000, columns.rounding[4], False) > 100
    assert trade["proceeds"] == trade["exit_fee"] == 100
    assert (np.diff(found.curve[3:, 1]) >= 0).all()


def check_promises(columns, rule, fast):
    assert (fast.curve[:, 1] >= 0).all()
    trades, open_now = fast.trades, fast.still_open
    paid = sum(int(t["price"]) * int(t["lots"]) + int(t["entry_fee"]) for t in (*trades, *open_now))
    got = sum(int(t["proceeds"]) - int(t["exit_fee"]) for t in (*trades, *open_now))
    assert int(rule["capital"][0]) - paid + got == int(fast.account["cash"])
    for trade in trades:
        m = int(trade["market"])
        waits = trade["ordered"] > 0  # an order rests until the close, which lies inside a bar
        assert columns.market["opens"][m] + waits <= trade["entry_bar"] <= columns.market["closes"][m] + waits
        if columns.market["payout"][m] != -1:
            assert trade["exit_bar"] <= max(columns.market["settles"][m], 0)
    for h in open_now:
        m = int(h["market"])
        assert columns.market["payout"][m] == -1 or columns.market["settles"][m] >= len(columns.times)


def random_case(seed):
    rng = np.random.default_rng(seed)
    columns, rule = random_columns(rng), random_rules(rng)
    passed = (rng.random(columns.mark.shape) < 0.3).astype(np.int8) * 21 if rng.random() < 0.5 else None
    return columns, rule, passed


def run_cases(seeds):
    entered, orders = 0, np.zeros(3, np.int64)
    for seed in seeds:
        columns, rule, passed = random_case(seed)
        fast, _ = compare(columns, rule, passed)
        check_promises(columns, rule, fast)
        entered += len(fast.trades)
        orders += [int(fast.account[name]) for name in ("orders", "filled", "part_filled")]
    assert (orders > len(seeds) // 4).all()  # of orders that rested, many were filled, and many in part
    return entered


def test_kernel_equals_plain_python_on_random_panels():
    assert run_cases(range(200)) > 300


@pytest.mark.slow
def test_kernel_equals_plain_python_on_many_random_panels():
    assert run_cases(range(1000, 3200)) > 4000
