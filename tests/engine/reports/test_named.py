"""Every figure that is shown has a name, a unit and a meaning in one place, and a vector: this value, this text."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from touchline.engine.reports.told.asked import ASSUMED
from touchline.engine.reports.told.bet_facts import BETS
from touchline.engine.reports.told.named import Figure, told
from touchline.engine.reports.told.run_facts import DATA, RUN, TOTAL
from touchline.engine.reports.told.sweep_facts import EVIDENCE, evidence_facts
from touchline.engine.simulator.assumptions.venue import Assumptions

from .figures_page import PAGE, written

DAY = 86_400 * 10**9
KINDS = {"replay": RUN, "replays": TOTAL, "data": DATA, "bets": BETS, "sweep": EVIDENCE}
#: Kind -> keys of a figure -> its values and the text that they give.
VECTORS: dict[str, dict[str, tuple[tuple[object, ...], str]]] = {
    "replay": {
        "pnl": ((-26_568_300,), "-$26.57"),
        "spread_capture": ((6_101_000,), "$6.10"),
        "drift": ((-4_999,), "$0.00"),
        "settlement": ((-5_001,), "-$0.01"),
        "rebates": ((1_234_567_890_000,), "$1,234,567.89"),
        "fees": ((3_975_320,), "-$3.98"),
        "settled": ((False,), "at the last mid: the market is not settled"),
        "max_drawdown": ((30_099_650,), "$30.10"),
        "pnl_without_rewards": ((-30_568_300,), "-$30.57"),
        "rewards": ((4_000_000,), "$4.00"),
        "rewards_earned": ((4_009_999,), "$4.01"),
        "locked": ((32_000_000,), "$32.00"),
        "rewards locked": ((4_000_000, 32_000_000), "12.50 %"),
        "rewards_dollar_day": ((0.0361,), "3.61 %"),
        "pnl_dollar_day": ((-0.2012,), "-20.12 %"),
        "rewards_unanswered": ((5_100_000,), "$5.10"),
        "fills": ((1_846,), "1,846"),
        "volume": ((171_347,), "1,713 contracts"),
        "quoting.fill_ratio": ((0.18412,), "18.41 %"),
        "quoting.fills_a_quote_hour": ((33.7178,), "33.72"),
        "markouts.markout_1s": ((0.2131,), "+0.21 c"),
        "markouts.markout_10s": ((-2.3517,), "-2.35 c"),
        "markouts.markout_60s": ((-0.0018,), "+0.00 c"),
        "markouts.markout_600s": ((12.0,), "+12.00 c"),
        "markouts.markout_settlement": ((-1.5506,), "-1.55 c"),
        "queue_ahead": (({"p25": 0.0, "median": 8.04, "p75": 56.5},), "8.04, mostly 0 to 56.50"),
        "requotes": ((23_074,), "23,074"),
        "refused": ((0,), ""),
        "rejected": ((1_200,), "1,200"),
        "uptime": ((0.93316,), "93.3 %"),
        "quoting.at_touch": ((1.0,), "100.0 %"),
        "quoting.sharpe quoting.sharpe_period_s": (
            (-0.17832, 300.0), "-0.178 for periods of 5 minutes, not annualised",
        ),
        "position": ((-2_022,), "-20.22 contracts"),
        "quoting.inventory.mean_abs": ((3_851.47,), "38.51 contracts"),
        "quoting.inventory.max_abs": ((10_000,), "100 contracts"),
        "quoting.inventory.deviation": ((100,), "1 contract"),
        "quoting.inventory.half_life_seconds": ((7_589.9,), "2.1 hours"),
        "quoting.inventory.lot_hours": ((25_034.48,), "250.34"),
    },
    "data": {
        "events": ((25_911,), "25,911"),
        "known_ns span_ns": ((DAY, 2 * DAY), "50.0 % of 2 days"),
        "snapshots gaps": ((1, 2_000), "1 snapshot, 2,000 gaps"),
        "traded_lots": ((922_345,), "9,223 contracts"),
        "matched_lots traded_lots": ((1, 3), "33.3 %"),
        "negative_levels": ((0,), ""),
        "unusable_rows": ((7,), "7"),
        "crossed_events": ((0,), ""),
        "guessed_sides": ((1_000,), "1,000"),
        "block_trades": ((2,), "2"),
    },
    "bets": {
        "capital final_equity": ((10_000.0, 9_952.75), "$10,000.00 became $9,952.75"),
        "figures.pnl": ((-47.2493,), "-$47.25"),
        "figures.total_return": ((-0.00472,), "-0.5 %"),
        "event_interval": (
            ({"low": -99.32, "high": 4.15, "events": 1},), "-$99.32 to $4.15 (95 %, 1 event drawn again)",
        ),
        "by_queue": (({"pessimistic@1": 1.0, "power@3": -2.5},), "pessimistic@1 $1.00, power@3 -$2.50"),
        "fees": ((14.3055,), "$14.31"),
        "turnover": ((464.696,), "$464.70"),
        "figures.max_drawdown": ((11.7016,), "$11.70"),
        "figures.max_drawdown_share": ((0.4211,), "42.1 %"),
        "figures.drawdown_from_ts figures.drawdown_to_ts": ((0, DAY), "1970-01-01 to 1970-01-02"),
        "exposure": ((0.01283,), "1.3 %"),
        "max_exposure": ((0.0217,), "2.2 %"),
        "figures.sharpe": ((1.2345,), "1.23"),
        "figures.sortino": ((-19.105,), "-19.11"),
        "figures.calmar": ((-1_297.2,), "-1,297"),
        "figures.assumptions": (("365 periods a year",), "365 periods a year"),
        "figures.trades": ((19,), "19"),
        "trades_a_day": ((12.333,), "12.33"),
        "open_at_end": ((0,), "0"),
        "figures.win_rate": ((0.36842,), "36.8 %"),
        "figures.expectancy": ((-0.52638,), "-$0.53"),
        "figures.profit_factor": ((0.87803,), "0.88"),
        "figures.mean_hold_seconds": ((2_763.16,), "46.1 minutes"),
        "stops.stops": ((12,), "12"),
        "stops.mean_cents": ((8.467,), "8.47 c"),
        "maker_orders": (
            ({"orders": 1_000, "filled": 300, "part_filled": 20, "withdrawn": 680},),
            "1,000 placed: 300 filled, 20 in part, 680 withdrawn unfilled",
        ),
        "from_ts to_ts": ((0, DAY), "1970-01-01 00:00 to 1970-01-02 00:00"),
        "markets": ((32,), "32"),
        "at_stake": (({"days": 0, "history_days": 71, "from_ts": None, "to_ts": None},), "0 of 71 days"),
        "random.beaten random.portfolios": ((0.695, 200), "better than 69.5 % of 200"),
        "random.mean": ((-69.93,), "-$69.93"),
        "random.market_return": ((1.817,), "181.7 %"),
        "calibration.market.brier": ((0.234497,), "0.2345"),
        "calibration.strategy.brier": ((0.25,), "0.2500"),
        "calibration.market.log_loss": ((0.67028,), "0.6703"),
        "calibration.strategy.log_loss": ((0.73602,), "0.7360"),
        "calibration.market.calibration_error": ((0.24895,), "24.9 %"),
        "calibration.strategy.calibration_error": ((0.31819,), "31.8 %"),
    },
    "sweep": {
        "in_sample_pnl": ((17_430_000.0,), "$17.43"),
        "out_of_sample_pnl": ((-1_000.0,), "$0.00"),
        "interval_low interval_high": ((-1e6, 2.5e6), "-$1.00 to $2.50"),
        "walk_forward_events": ((5e5,), "$0.50"),
        "walk_forward_periods": ((53_410_000.0,), "$53.41"),
        "events": ((1,), "1"),
        "trials": ((1_120,), "1,120"),
        "clusters": ((3,), "3"),
        "sharpe_annual": ((53.724,), "53.72"),
        "luck_sharpe_annual": ((1_081.6,), "1,082"),
        "deflated_sharpe": ((0.2341,), "23.4 %"),
        "min_periods periods": ((106.73, 77), "107, there are 77"),
        "overfitting_probability": ((0.0,), "0 %"),
        "out_of_sample_loss_probability": ((0.5113,), "51.1 %"),
        "rank_stability": ((0.955,), "95.5 %"),
        "spa": ((0.025,), "2.5 %"),
        "reality_check": ((1.0,), "100 %"),
    },
}  # fmt: skip
VECTORS["replays"] = VECTORS["replay"] | {
    "best": (("KX-A, $1.00",), "KX-A, $1.00"),
    "worst": (("KX-B, -$1.00",), "KX-B, -$1.00"),
    "earned": (("1 of 2",), "1 of 2"),
}


def figures(kind: str) -> list[Figure]:
    return [one for group in KINDS[kind] for one in group.figures]


def holding(keys: str, values: tuple[object, ...]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for key, value in zip(keys.split(), values, strict=True):
        *path, last = key.split(".")
        place = record
        for name in path:
            place = place.setdefault(name, {})
        place[last] = value
    return record


@pytest.mark.parametrize("kind", KINDS)
def test_each_figure_has_a_vector_and_says_it(kind):
    for one in figures(kind):
        values, text = VECTORS[kind][one.keys]
        assert one.text(holding(one.keys, values)) == text, one.keys
        assert one.text({}) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_each_figure_has_one_name_a_unit_and_a_meaning(kind):
    names = Counter(one.name for one in figures(kind))
    assert [name for name, times in names.items() if times > 1] == []
    for one in figures(kind):
        assert one.means and one.unit.name, one.keys
        assert "_" not in one.name and "lot" not in one.name.split(), one.keys


def test_a_figure_that_is_not_known_is_left_out_or_told_to_be_so():
    assert told(RUN, {"pnl": None}) == []
    assert dict(evidence_facts({"in_sample_pnl": 1e6}))["deflated Sharpe ratio"] == "not known"


def test_each_assumption_has_words():
    assert set(ASSUMED) == set(Assumptions().as_dict())


def test_the_page_on_figures_is_that_of_the_code():
    text = PAGE.read_text()
    assert text == written(text), "docs/figures.md is old: run python -m tests.engine.reports.figures_page"
