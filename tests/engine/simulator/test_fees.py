"""Fees: the published examples, an exact Decimal oracle, and the dates on which rules change."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from touchline.engine.simulator.assumptions.fees import (
    NO_REBATE,
    ROUNDINGS,
    FeeChange,
    FeeSchedule,
    aligned_nb,
    fee_table,
    fill_fee_nb,
    is_short_nb,
    market_schedule,
    over_nb,
    short_fee_nb,
    trade_fee_nb,
    whole_nb,
)
from touchline.io.ground.errors import InputError
from touchline.io.ground.jit import inlined

MICRO = Decimal("0.000001")


is_short, over, short_fee, trade_fee_of, whole, aligned_fee = map(
    inlined, (is_short_nb, over_nb, short_fee_nb, trade_fee_nb, whole_nb, aligned_nb)
)


def align_fee(*given):
    """Fee less rebate, and the accumulator."""
    fee, rebate, accumulator = aligned_fee(*given)
    return fee - rebate, accumulator


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def micros(dollars: str | Decimal) -> int:
    scaled = Decimal(dollars) * 1_000_000
    assert scaled == scaled.to_integral_value()
    return int(scaled)


def to_grid(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    return (value / step).to_integral_value(rounding) * step


def oracle(revenue, price, count, rate, trade_step, grid, rebate_step, strict, accumulator):
    """The six steps as they are published, in dollars and Decimals."""
    trade_fee = to_grid(rate * count * price * (1 - price), trade_step, ROUND_CEILING)
    return oracle_align(revenue, trade_fee, grid, rebate_step, strict, accumulator)


def oracle_align(revenue, trade_fee, grid, rebate_step, strict, accumulator):
    aligned = to_grid(revenue - trade_fee, grid, ROUND_FLOOR)
    rounding_fee = (revenue - trade_fee) - aligned
    accumulator += rounding_fee
    rebate = Decimal(0)
    if rebate_step is not None:
        while (
            accumulator - rebate > rebate_step if strict else accumulator - rebate >= rebate_step
        ) and rebate + rebate_step <= trade_fee + rounding_fee:
            rebate += rebate_step
    net = trade_fee + rounding_fee - rebate
    assert revenue - net == aligned + rebate
    return net, accumulator - rebate


def current(price: str, count: str, k: str, grid: str) -> Decimal:
    """One buyer's fill under the current rule, in dollars."""
    ticks, lots, rate = int(Decimal(price) * 10_000), int(Decimal(count) * 100), int(Decimal(k) * 10_000_000)
    step = micros(grid)
    fee, _ = fill_fee_nb(-ticks * lots, ticks, lots, rate, 1, step, step, 0, 0)
    return Decimal(int(fee)) * MICRO


@pytest.mark.parametrize(
    ("count", "price", "taker_direct", "taker_broker", "maker_direct", "maker_broker"),
    [
        ("1", ".50", ".0175", ".02", ".0044", ".01"),
        ("10", ".50", ".1750", ".18", ".0438", ".05"),
        ("100", ".50", "1.7500", "1.75", ".4375", ".44"),
        ("1", ".52", ".0175", ".02", ".0044", ".01"),
        ("1", ".01", ".0007", ".01", ".0002", ".01"),
        ("1", ".99", ".0007", ".01", ".0002", ".01"),
        ("100", ".05", ".3325", ".34", ".0832", ".09"),
        ("100", ".25", "1.3125", "1.32", ".3282", ".33"),
        ("100", ".90", ".6300", ".63", ".1575", ".16"),
        ("100", ".99", ".0693", ".07", ".0174", ".02"),
        ("7", ".37", ".1143", ".12", ".0286", ".03"),
        ("250", ".124", "1.9010", "1.91", ".4753", ".48"),
        ("14.11", ".84", ".1328", ".1376", ".0332", ".0376"),
        ("21.75", ".17", ".2149", ".2225", ".0538", ".0625"),
    ],
)
def test_published_table_of_single_fills(count, price, taker_direct, taker_broker, maker_direct, maker_broker):
    assert current(price, count, "0.07", "0.0001") == Decimal(taker_direct)
    assert current(price, count, "0.07", "0.01") == Decimal(taker_broker)
    assert current(price, count, "0.0175", "0.0001") == Decimal(maker_direct)
    assert current(price, count, "0.0175", "0.01") == Decimal(maker_broker)


def test_official_example_one_contract_at_five_and_a_half_cents():
    assert trade_fee_of(550, 100, 700_000, 1) == micros("0.003639")
    assert fill_fee_nb(-55_000, 550, 100, 700_000, 1, 10_000, 10_000, 0, 0) == (micros("0.005"), micros("0.001361"))
    assert fill_fee_nb(-55_000, 550, 100, 700_000, 1, 100, 100, 0, 0) == (micros("0.0037"), micros("0.000061"))


def test_official_accumulator_three_times_four_tenths_of_a_cent_pays_one_cent_on_the_third():
    accumulator, fees = 0, []
    for _ in range(3):  # a fee of .006 on whole cents is rounded by .004
        fee, accumulator = align_fee(-500_000, 6_000, 10_000, 10_000, 0, accumulator)
        fees.append(fee)
    assert fees == [10_000, 10_000, 0]
    assert accumulator == 2_000


def test_three_fills_of_one_order_direct():
    accumulator, fees = 0, []
    for _ in range(3):
        fee, accumulator = fill_fee_nb(-55_000, 550, 100, 700_000, 1, 100, 100, 0, accumulator)
        fees.append(fee)
    assert fees == [3_700, 3_600, 3_700]


@pytest.mark.parametrize(
    ("revenue", "trade_fee", "nets", "carried"),
    [
        ("-0.055", "0.0085", ["0.0150", "0.0050", "0.0150"], "0.0095"),
        ("-0.15", "0.0041", ["0.0100", "0", "0.0100"], "0.0077"),
        ("-0.009903", "0.0005", ["0.010097", "0.000097", "0.000097"], "0.008791"),
    ],
)
def test_middle_regime_tables_with_the_trade_fee_given(revenue, trade_fee, nets, carried):
    accumulator, fees = 0, []
    for _ in range(3):
        fee, accumulator = align_fee(micros(revenue), micros(trade_fee), 10_000, 10_000, 1, accumulator)
        fees.append(fee)
    assert fees == [micros(net) for net in nets]
    assert accumulator == micros(carried)


def test_equality_pays_now_and_did_not_pay_in_the_middle_regime():
    assert align_fee(-500_000, 5_000, 10_000, 10_000, 0, 5_000) == (0, 0)
    assert align_fee(-500_000, 5_000, 10_000, 10_000, 1, 5_000) == (10_000, 10_000)


STEPS = st.sampled_from([1, 100, 10_000, 1_000_000_000, NO_REBATE])


@settings(max_examples=2_000, deadline=None)
@given(st.data(), STEPS)
def test_division_by_floats_is_exact(data, step):
    """Quotients up to 2**50, those next to a whole number too; a step of one has no bound."""
    most = min(2**62, step << 50)
    near = data.draw(st.integers(-(most // step), most // step)) * step + data.draw(st.integers(-2, 2))
    for amount in (near, data.draw(st.integers(-most, most))):
        if abs(amount) < 2**62:
            assert whole(amount, step) == amount // step
        if max(abs(amount), step) < 2**52:
            assert over(amount, step) == amount % step


REGIMES = [(rule, member) for rule in ROUNDINGS for member in ("direct", "broker")]
FILLS = st.lists(
    st.tuples(
        st.integers(1, 9_999),  # price
        st.one_of(st.integers(1, 500), st.integers(1, 100_000_000)),  # lots: up to 1,000,000 contracts
        st.sampled_from([-1, 1]),  # pays or receives
        st.booleans(),  # the NO side's cash
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=600, deadline=None)
@given(
    FILLS,
    st.sampled_from(REGIMES),
    st.one_of(st.sampled_from([0, 87_500, 175_000, 350_000, 700_000]), st.integers(0, 10_000_000)),
)
def test_kernel_equals_the_oracle_and_keeps_its_promises(fills, regime, rate):
    rule, member = regime
    grid, rebate_step = rule.grid[member], rule.rebate_step[member]
    strict = int(rule.rebate_strict)
    pays_rebate = rebate_step != NO_REBATE
    accumulator, exact = 0, Decimal(0)
    for price, lots, sign, is_no in fills:
        revenue = sign * lots * (10_000 - price if is_no else price)
        fee, accumulator = fill_fee_nb(
            revenue, price, lots, rate, rule.trade_step, grid, rebate_step, strict, accumulator
        )
        expected, exact = oracle(
            revenue * MICRO,
            Decimal(price) / 10_000,
            Decimal(lots) / 100,
            Decimal(rate) / 10_000_000,
            rule.trade_step * MICRO,
            grid * MICRO,
            rebate_step * MICRO if pays_rebate else None,
            strict,
            exact,
        )
        assert (fee, accumulator) == (micros(expected), micros(exact))
        assert fee >= 0
        assert (revenue - fee) % grid == 0
        assert accumulator >= 0
        if pays_rebate:  # a whole step is carried only when this fill's own fee could not pay it
            assert accumulator - strict < rebate_step or fee < rebate_step


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 99), st.lists(st.integers(1, 10_000), min_size=1, max_size=8), st.sampled_from(["direct", "broker"])
)
def test_current_rule_carries_less_than_a_step_for_whole_contracts(cents, counts, member):
    """Cash on the grid makes every fee at least one step, so that each whole step is paid back at once."""
    price, grid = cents * 100, ROUNDINGS[-1].grid[member]
    accumulator = total = exact = 0
    for count in counts:
        lots = count * 100
        fee, accumulator = fill_fee_nb(-price * lots, price, lots, 700_000, 1, grid, grid, 0, accumulator)
        total += fee
        exact += trade_fee_of(price, lots, 700_000, 1)
        assert 0 <= accumulator < grid
        assert total - exact == accumulator


def test_no_overflow_at_a_million_contracts():
    lots = 100_000_000
    assert trade_fee_of(5_000, lots, 700_000, 1) == micros("17500")
    assert trade_fee_of(4_999, lots, 10_000_000, 1) == 249_999_990_000


@pytest.mark.parametrize("rate", [1, 43_750, 87_500, 700_000, 10_000_000, 90_000_000])
@pytest.mark.parametrize("step", [1, 100, 10_000])
def test_one_division_gives_the_fee_as_far_as_it_fits(rate, step):
    most = (1 << 62) // 25_000_000 // rate
    for lots in (min(max(near, 1), 100_000_000) for near in (1, 99, most - 1, most, most + 1)):
        for price in (1, 4_999, 5_000, 9_999):
            exact = -(-rate * lots * price * (10_000 - price) // (10**11 * step)) * step
            assert trade_fee_of(price, lots, rate, step) == exact
            if is_short(lots, rate):
                assert short_fee(price, lots, rate, step) == exact


def test_a_fill_of_nothing_changes_nothing():
    assert fill_fee_nb(0, 5_000, 0, 700_000, 1, 10_000, 10_000, 0, 9_999) == (0, 9_999)


def test_table_joins_rounding_rules_with_the_series_own_changes():
    table = fee_table(market_schedule("KXINX"), at("2026-01-01"), at("2026-12-31"))
    assert table.from_ts.tolist() == [
        at(day) for day in ("2026-01-01", "2026-03-09", "2026-05-28", "2026-07-03T17:00", "2026-08-27")
    ]
    assert table.taker_rate.tolist() == [350_000] * 3 + [700_000] * 2
    assert table.maker_rate.tolist() == [0] * 5
    assert table.trade_step.tolist() == [10_000, 100, 100, 100, 1]
    assert table.grid.tolist() == [10_000, 10_000, 100, 100, 100]
    assert table.rebate_step.tolist() == [NO_REBATE, 10_000, 10_000, 10_000, 100]
    assert table.rebate_strict.tolist() == [0, 1, 1, 1, 0]
    assert all(column.dtype == np.int64 for column in table)
    assert [table.row(at(day)) for day in ("2026-01-01", "2026-03-08", "2026-03-09", "2026-12-01")] == [0, 0, 1, 4]
    assert table.row(0) == 0


def test_yearly_index_series_charges_makers():
    table = fee_table(market_schedule("KXINXY"), at("2026-09-01"), at("2026-09-02"))
    assert (table.taker_rate.tolist(), table.maker_rate.tolist()) == ([700_000], [175_000])


def test_override_wins_and_can_end_and_waiver_comes_first():
    schedule = FeeSchedule(
        "quadratic",
        0.5,
        changes=(FeeChange(at("2026-09-10"), multiplier=1.0),),
        overrides=(FeeChange(at("2026-09-05"), "quadratic_with_maker_fees", 1), FeeChange(at("2026-09-08"))),
        waived_until_ts=at("2026-09-03"),
    )
    table = fee_table(schedule, at("2026-09-01"), at("2026-09-20"))
    assert table.from_ts.tolist() == [at(f"2026-09-{day:02d}") for day in (1, 3, 5, 8, 10)]
    assert table.taker_rate.tolist() == [0, 350_000, 700_000, 350_000, 700_000]
    assert table.maker_rate.tolist() == [0, 0, 175_000, 0, 0]


@pytest.mark.parametrize(("multiplier", "maker"), [(0.25, 43_750), (0.75, 131_250), ("0.125", 21_875), (0.001, 175)])
def test_a_multiplier_of_three_decimals_has_an_exact_maker_rate(multiplier, maker):
    table = fee_table(FeeSchedule("quadratic_with_maker_fees", multiplier), at("2026-09-01"), at("2026-09-02"))
    assert (table.taker_rate.tolist(), table.maker_rate.tolist()) == ([4 * maker], [maker])
    assert trade_fee_of(5_000, 100, maker, 1) == -(-maker * 25 // 1_000)


def test_broker_stays_on_whole_cents():
    table = fee_table(FeeSchedule(membership="broker"), at("2026-09-01"), at("2026-09-02"))
    assert (table.grid.tolist(), table.rebate_step.tolist(), table.rebate_strict.tolist()) == ([10_000], [10_000], [0])


def test_markets_table_rows_are_the_history():
    rows = [
        {"valid_from": 0, "fee_type": "quadratic", "fee_multiplier": 0.5},
        {"valid_from": at("2026-09-10"), "fee_type": "quadratic", "fee_multiplier": 1.0},
    ]
    table = fee_table(market_schedule("KXMLBGAME", rows), at("2026-09-01"), at("2026-09-20"))
    assert table.taker_rate.tolist() == [350_000, 700_000]
    assert market_schedule("KXHIGHNY").changes == ()


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (FeeSchedule("cubic"), "fee type 'cubic' is not known; known are quadratic"),
        (FeeSchedule("quadratic", "x"), "fee multiplier 'x' is not a number"),
        (FeeSchedule("quadratic", -1), "fee multiplier -1 of quadratic"),
        (FeeSchedule("quadratic_with_maker_fees", "0.00001"), "its rate must be a multiple of 1/10000000 from 0 to 9"),
        (FeeSchedule("quadratic", 130), "from 0 to 9"),
        (FeeSchedule("quadratic", "nan"), "fee multiplier nan"),
        (FeeSchedule(membership="friend"), "membership 'friend' is not known"),  # type: ignore[arg-type] # the test
    ],
)
def test_bad_schedules_are_named(schedule, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        fee_table(schedule, 0, at("2026-12-31"))


def test_end_before_start_is_bad_input():
    with pytest.raises(InputError, match="before its start"):
        fee_table(FeeSchedule(), 2, 1)
