"""What the sample day holds: its series, events and contracts, and what each contract is worth second by second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from . import paths
from .paths import Path

DAY = "26OCT06"
#: 09:30 in New York on the day of the sample.
START = int(datetime(2026, 10, 6, 13, 30, tzinfo=UTC).timestamp())
CLOSE = START + 23_400
HOUR = 3_600

_SPX_SIGMA = 0.353  # points a second: about 54 a session
_BTC_SIGMA = 7.0  # dollars a second: about 210 in a quarter of an hour


@dataclass(frozen=True)
class SampleSeries:
    """A family of events; every name begins with SYN, every title says synthetic."""

    ticker: str
    title: str
    category: str
    frequency: str
    fee_type: str = "quadratic"


@dataclass(frozen=True)
class SampleEvent:
    """Contracts about one question."""

    ticker: str
    series: SampleSeries
    title: str
    exclusive: bool


@dataclass(frozen=True)
class Contract:
    """One market: what the exchange says of it, and how its day went."""

    ticker: str
    event: SampleEvent
    label: str
    listed: int  # open_time, seconds
    start: int  # first second of the recording, where ``fair`` begins
    close: int
    fair: Path
    half: Path
    frames: int
    grid: str = "linear_cent"
    stride: int = 1
    ahead: int = 220
    timer: int = 60  # seconds from determined to paid
    settles: bool = True  # before the recording ends
    planned_close: int | None = None  # if trading stopped before the listed close_time
    pause: tuple[int, int] = (0, 0)  # ms after ``start``
    value: str = ""  # expiration_value
    strike: dict[str, str | float] = field(default_factory=dict)

    @property
    def result(self) -> str:
        """How it settled; empty if it has not by the end of the day."""
        return {1_000_000: "yes", 0: "no"}.get(int(self.fair[-1]), "") if self.settles else ""


@dataclass(frozen=True)
class Recording:
    """One connection of the recorder: contracts that are captured in one file."""

    name: str
    contracts: list[Contract]
    use_yes_price: bool = False


@dataclass(frozen=True)
class Day:
    """Everything that the sample writes."""

    recordings: list[Recording]
    underlyings: dict[str, tuple[int, Path]]  # symbol -> first second, hundredths a second


def day(seed: int, scale: float) -> Day:
    """Draw the day; ``scale`` thins or thickens what happens in each market and changes nothing else."""

    def stream(number: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([seed, number]))

    index = paths.underlying(stream(1), 6712.34, _SPX_SIGMA, CLOSE - START)
    coin_start = CLOSE - 2 * HOUR - 60
    coin = paths.underlying(stream(2), 118_240.0, _BTC_SIGMA, CLOSE - coin_start)
    recordings = [
        Recording("inx", list(_ladder(index, scale))),
        Recording("inxu", list(_hourly(index, scale))),
        Recording("btc15m", list(_quarters(coin, coin_start, scale)), use_yes_price=True),
        Recording("match", list(_match(stream(3), scale))),
        Recording("politics", list(_politics(stream(4), scale))),
    ]
    return Day(recordings, {"SYNSPX": (START, index), "SYNBTC": (coin_start, coin)})


def _frames(base: int, scale: float) -> int:
    return max(60, round(base * scale))


def _ladder(index: Path, scale: float) -> Iterator[Contract]:
    """The close of the index in bands of 25 points, with a tail on either side."""
    series = SampleSeries("SYNINX", "Synthetic index close range", "Financials", "daily")
    event = SampleEvent(f"SYNINX-{DAY}H1600", series, "Synthetic index at 16:00: which range? (synthetic)", True)
    lowest = int(index[0]) // 2500 * 25 - 75
    edges = [lowest + 25 * i for i in range(9)]
    chance = [paths.above(index, _SPX_SIGMA, edge) for edge in edges]
    bounds: list[tuple[float | None, float | None]] = [
        (None, float(edges[0])),
        *((float(low), low + 24.9999) for low in edges[:-1]),
        (round(edges[-1] - 0.0001, 4), None),
    ]
    yes = [1 - chance[0], *(low - high for low, high in pairwise(chance)), chance[-1]]
    for (floor, cap), probability in zip(bounds, yes, strict=True):
        fair = paths.micros(probability)
        if floor is None:
            suffix, label, strike = (
                f"T{cap:g}",
                f"below {cap:g} (synthetic)",
                {"strike_type": "less", "cap_strike": cap},
            )
        elif cap is None:
            suffix, label = f"T{floor:.4f}", f"{edges[-1]} or above (synthetic)"
            strike = {"strike_type": "greater", "floor_strike": floor}
        else:
            suffix, label = f"B{int(floor) + 12}", f"{floor:g} to {cap:.2f} (synthetic)"
            strike = {"strike_type": "between", "floor_strike": floor, "cap_strike": cap}
        yield Contract(
            f"{event.ticker}-{suffix}", event, label, CLOSE - 12 * HOUR - 3000, START, CLOSE, fair,
            paths.half_spread(fair, 5_000, 15_000), _frames(52_000, scale), value=_value(index[-1]), strike=strike,
        )  # fmt: skip


def _hourly(index: Path, scale: float) -> Iterator[Contract]:
    """The index above a strike at noon, at two and at the close, three strikes each."""
    series = SampleSeries("SYNINXU", "Synthetic index above or below", "Financials", "hourly")
    middle = round(int(index[0]) / 2000) * 20
    for hour, seconds in ((12, 9_000), (14, 16_200), (16, 23_400)):
        event = SampleEvent(
            f"SYNINXU-{DAY}H{hour}00", series, f"Synthetic index at {hour}:00: above? (synthetic)", False
        )
        path = index[: seconds + 1]
        for level in (middle - 20, middle, middle + 20):
            fair = paths.micros(paths.above(path, _SPX_SIGMA, level))
            yield Contract(
                f"{event.ticker}-T{level - 0.0001:.4f}", event, f"{level} or above (synthetic)",
                CLOSE - 24 * HOUR, START, START + seconds, fair, paths.half_spread(fair, 5_000, 15_000),
                _frames(30_000, scale), ahead=45, value=_value(path[-1]),
                strike={"strike_type": "greater", "floor_strike": round(level - 0.0001, 4)},
            )  # fmt: skip


def _quarters(coin: Path, coin_start: int, scale: float) -> Iterator[Contract]:
    """Eight quarter-hours of a coin, up or down: the mean of the last minute against the one before the start."""
    series = SampleSeries("SYNBTC15M", "Synthetic coin up or down in 15 minutes", "Crypto", "fifteen_min")
    for opens in range(CLOSE - 2 * HOUR, CLOSE, 900):
        first = opens - coin_start
        floor = round(float(coin[first - 59 : first + 1].mean()) / 100, 2)
        closes = datetime.fromtimestamp(opens + 900 - 4 * HOUR, UTC)  # New York time
        event = SampleEvent(
            f"SYNBTC15M-{DAY}{closes:%H%M}", series, f"Synthetic coin up by {closes:%H:%M}? (synthetic)", False
        )
        path = coin[first : first + 901]
        fair = paths.micros(paths.mean_above(path, _BTC_SIGMA, floor))
        yield Contract(
            f"{event.ticker}-{closes:%M}", event, f"{floor:.2f} or above (synthetic)", opens, opens, opens + 900, fair,
            paths.half_spread(fair, 5_000, 25_000), _frames(27_000, scale), grid="tapered_deci_cent", ahead=4,
            timer=6, value=_value(path[-60:].mean()), strike={"strike_type": "greater_or_equal", "floor_strike": floor},
        )  # fmt: skip


def _match(rng: np.random.Generator, scale: float) -> Iterator[Contract]:
    """A football match with goals; the exchange pauses its markets for two minutes, and closes them at the whistle."""
    series = SampleSeries("SYNMATCH", "Synthetic football match", "Sports", "custom", "quadratic_with_maker_fees")
    event = SampleEvent(f"SYNMATCH-{DAY}REDBLU", series, "Synthetic match Red against Blue (synthetic)", True)
    opens, kickoff = CLOSE - 3 * HOUR, CLOSE - 2 * HOUR
    first, rest, second = 46 * 60, 15 * 60, 49 * 60
    played = first + second
    seconds = np.arange(kickoff - opens + first + rest + second + 1) - (kickoff - opens)
    clock = np.clip(seconds, 0, first) + np.clip(seconds - first - rest, 0, second)
    rates = (1.55, 1.15)
    home, away = paths.goals(rng, rates[0], played), paths.goals(rng, rates[1], played)
    pause = (kickoff - opens + 70 * 60) * 1000
    for side, name in (("home", "RED"), ("draw", "TIE"), ("away", "BLU")):
        fair = paths.micros(paths.match(clock, played, home, away, rates)[side])
        yield Contract(
            f"{event.ticker}-{name}", event, f"{name} (synthetic)", opens - 48 * HOUR, opens,
            opens + int(fair.size) - 1, fair, paths.half_spread(fair, 5_000, 20_000), _frames(44_000, scale),
            ahead=75, timer=300, planned_close=CLOSE + HOUR, pause=(pause, pause + 120_000),
            value=f"{len(home)}-{len(away)}", strike={"strike_type": "custom"},
        )  # fmt: skip


def _politics(rng: np.random.Generator, scale: float) -> Iterator[Contract]:
    """Two slow questions on the tenth-of-a-cent grid that are still open when the day ends."""
    series = SampleSeries("SYNPOL", "Synthetic politics", "Politics", "custom", "quadratic_with_maker_fees")
    for name, title, score in (("BILL", "Synthetic bill passes?", 0.32), ("SEAT", "Synthetic seat flips?", -0.85)):
        event = SampleEvent(f"SYNPOL-26DEC-{name}", series, f"{title} (synthetic)", False)
        fair = paths.micros(paths.opinion(rng, score, 150.0, CLOSE - START))
        yield Contract(
            f"{event.ticker}-YES", event, "Yes (synthetic)", START - 90 * 24 * HOUR, START,
            CLOSE, fair, paths.half_spread(fair, 4_000, 12_000), _frames(38_000, scale), grid="deci_cent", stride=3,
            ahead=5_400, settles=False, planned_close=CLOSE + 70 * 24 * HOUR, strike={"strike_type": "custom"},
        )  # fmt: skip


def _value(hundredths: float) -> str:
    return f"{round(float(hundredths)) / 100:.2f}"
