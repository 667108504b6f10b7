"""What a backtest of bets came to: frames, figures, groups, calibration, warnings; written as Parquet and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from ...io.ground.errors import InputError
from ...io.ground.times import written
from ...strategies.pipeline.pipeline import Pipeline, recorded_pipeline
from ..figures.calibration import Calibration, calibration
from ..figures.performance import Performance, performance, period_curve
from ..figures.resampling import mean_interval
from ..figures.stakes import AtStake, at_stake
from ..figures.warnings import Notice
from ..figures.words import count as count_of
from ..results.result_files import frames_hash, settled
from ..results.results import Bets
from ..version import __version__
from .backtest import BetsRun, backtest, order_counts
from .panel.markets import market_notices
from .portfolio.candidates import candidate_outcomes
from .served import model_notices
from .types import FILTER_BASE, NO_PRICE, Exit, Fate

DAY_NS = 86_400_000_000_000
FEW_EVENTS = 30
ONE_SIDED = 0.97
#: Groups of entry cost, cents.
BAND_CENTS = 10


def chances(rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The strategy's own probability that the side of each bet wins: the mark at the decision and its edge."""
    edge = rows["side"] * rows["score"].astype(np.int64)
    return np.clip(rows["mark"].astype(np.int64) + edge, 1, 9_999) / 10_000


def fate_names(pipeline: Pipeline) -> dict[int, str]:
    """What may become of a candidate, in words by its code: the portfolio's own reasons and the pipeline's filters."""
    names = {int(fate): fate.name.lower().replace("_", " ") for fate in Fate}
    return names | {FILTER_BASE + place: f"filter {part.name}" for place, part in enumerate(pipeline.filters)}


@dataclass(frozen=True)
class BetsResult:
    """Frames and figures of one backtest."""

    found: BetsRun

    @cached_property
    def trades(self) -> pl.DataFrame:
        """One row a trade, closed ones first; prices in ticks of the side that was held, money in micros."""
        run, panel = self.found.run, self.found.panel
        rows = np.concatenate([run.trades, run.still_open])
        times = panel.times
        frame = pl.DataFrame({name: rows[name] for name in rows.dtype.names or ()})
        ended = np.where(rows["exit_bar"] >= 0, rows["exit_bar"], len(times) - 1)
        own = panel.markets.select("ticker", "event", "series", "category")[rows["market"].tolist()]
        last = panel.last("mark")[rows["market"]].astype(np.int64)
        worth = (
            np.where(last == NO_PRICE, rows["price"], np.where(rows["side"] > 0, last, 10_000 - last)) * rows["left"]
        )
        cost = rows["price"].astype(np.int64) * rows["lots"]
        pnl = rows["proceeds"] + worth - cost - rows["entry_fee"] - rows["exit_fee"]
        reasons = {int(reason): reason.name.lower().replace("_", " ") for reason in Exit}
        sold = rows["lots"] - rows["left"]
        return own.with_columns(
            pl.Series("side", np.where(rows["side"] > 0, "yes", "no")),
            pl.Series("entry_ts", times[rows["entry_bar"]]),
            pl.Series("exit_ts", times[ended]),
            frame["lots"],
            frame["price"].alias("entry_price"),
            pl.Series("exit_price", np.divide(rows["proceeds"], sold, out=np.full(len(rows), np.nan), where=sold > 0)),
            frame["mark"].alias("mark_at_decision"),
            frame["score"],
            frame["trigger"],
            pl.Series("cost", cost),
            (frame["entry_fee"] + frame["exit_fee"]).alias("fees"),
            pl.Series("pnl", pnl),
            frame["reason"].cast(pl.Int64).replace_strict(reasons, return_dtype=pl.String()).alias("exit"),
        )

    @cached_property
    def equity(self) -> pl.DataFrame:
        """One row a bar: equity and cash, cost of what is held (micros), number of positions."""
        curve = self.found.run.curve
        names = ("equity", "cash", "locked", "positions")
        return pl.DataFrame({"ts": self.found.panel.times, **{name: curve[:, i] for i, name in enumerate(names)}})

    @cached_property
    def candidates(self) -> pl.DataFrame:
        """One row a fate: how many candidates met it, and what one contract of each would have made (dollars)."""
        names = fate_names(self.found.pipeline)
        table = candidate_outcomes(self.found.columns, self.found.rule, self.found.run.fates, self.found.scored.passed)
        kept = [
            {
                "fate": names[fate],
                "candidates": int(row[0]),
                "settled": int(row[1]),
                "won": int(row[2]) / int(row[1]) if row[1] else None,
                "mean_pnl": int(row[3]) / int(row[1]) / 1e6 if row[1] else None,
            }
            for fate, row in enumerate(table)
            if row[0] and fate in names
        ]
        schema = {
            "fate": pl.String,
            "candidates": pl.Int64,
            "settled": pl.Int64,
            "won": pl.Float64,
            "mean_pnl": pl.Float64,
        }
        return pl.DataFrame(kept, schema=schema)

    @cached_property
    def at_stake(self) -> AtStake:
        """The bars and days in which something was at stake."""
        curve = self.found.run.curve
        return at_stake(self.found.panel.times, curve[:, 0], curve[:, 3], int(self.found.rule["capital"][0]))

    @cached_property
    def performance(self) -> Performance:
        """Every figure of the equity curve, by UTC days with something at stake."""
        panel, run, stake = self.found.panel, self.found.run, self.at_stake
        capital = int(self.found.rule["capital"][0])
        step = int(panel.times[1] - panel.times[0]) if len(panel.times) > 1 else DAY_NS
        first, last = int(panel.times[0]) - step, int(panel.times[-1])
        starts, pnl = period_curve(panel.times - 1, run.curve[:, 0], first, last, capital)
        held = run.trades["exit_bar"].astype(np.int64), run.trades["entry_bar"].astype(np.int64)
        hours = (panel.times[held[0]] - panel.times[held[1]]) / 1e9
        closed = self.trades["pnl"].to_numpy()[: len(run.trades)]
        kept = np.isin(starts, stake.days)
        return performance(
            starts[kept], pnl[kept], capital, closed, hours, stake.days_a_year, compound=True,
            which=f"days with something at stake ({stake.text})",
        )  # fmt: skip

    @cached_property
    def calibration(self) -> dict[str, Calibration | None]:
        """Of the market's prices at the decisions, and of the strategy's own probabilities, against the results."""
        run, columns = self.found.run, self.found.columns
        rows = np.concatenate([run.trades, run.still_open])
        payout = columns.market["payout"][rows["market"]]
        known = (payout == 0) | (payout == 10_000)
        rows, payout = rows[known], payout[known]
        won = np.where(rows["side"] > 0, payout, 10_000 - payout) / 10_000
        market = rows["mark"] / 10_000
        return {"market": calibration(market, won), "strategy": calibration(chances(rows), won)}

    @cached_property
    def groups(self) -> dict[str, pl.DataFrame]:
        """P&L by category, exit, price band, side and series."""
        band = (pl.col("entry_price") // (BAND_CENTS * 100) * BAND_CENTS).alias("band")
        trades = self.trades.with_columns(
            pl.format("{}-{} c", band, band + BAND_CENTS).alias("price band"), pl.col("category").fill_null("unknown")
        )
        return {
            by: trades.group_by(by)
            .agg(
                pl.len().alias("trades"),
                (pl.col("pnl") > 0).mean().alias("win_rate"),
                (pl.col("pnl").sum() / 1e6).alias("pnl"),
                (pl.col("fees").sum() / 1e6).alias("fees"),
                (pl.col("pnl").sum() / pl.col("cost").sum()).alias("return"),
            )
            .sort(by)
            for by in ("category", "exit", "price band", "side", "series")
        }

    @cached_property
    def stop_gap(self) -> dict[str, Any]:
        """How much worse stops were filled than where they were due: ticks of the mark that made them due."""
        stops = self.trades.filter(pl.col("exit").is_in(["stop loss", "trailing stop"]))
        gap = stops.select((pl.col("trigger") - pl.col("exit_price")) / 100).to_series().drop_nans()
        return {"stops": stops.height, "mean_cents": gap.mean(), "worst_cents": gap.max()}

    @cached_property
    def event_interval(self) -> dict[str, Any] | None:
        """P&L with its 95 % interval, events drawn again whole; None below two events."""
        by_event = (
            self.trades.group_by("event").agg(pl.col("pnl").sum(), pl.col("entry_ts").min()).sort("entry_ts", "event")
        )
        interval = mean_interval(by_event["pnl"].to_numpy() / 1e6, seed=self.found.seed)
        if interval is None:
            return None
        n = by_event.height
        return {"events": n, "pnl": interval.mean * n, "low": interval.low * n, "high": interval.high * n}

    @cached_property
    def notices(self) -> list[Notice]:
        """Everything that should make a reader doubt."""
        columns, trades = self.found.columns, self.trades
        found: list[Notice] = [Notice("no-bets", self._fates)] if trades.is_empty() else [*self.performance.notices]
        payout = columns.market["payout"]
        for series in sorted(set(columns.market["series"].tolist())):
            paid = payout[(columns.market["series"] == series) & (payout != NO_PRICE)]
            if len(paid) >= 10 and max((paid == 0).mean(), (paid == 10_000).mean()) >= ONE_SIDED:
                name = self.found.panel.markets["series"][int(np.flatnonzero(columns.market["series"] == series)[0])]
                word = "NO" if (paid == 0).mean() >= ONE_SIDED else "YES"
                found.append(
                    Notice("one-sided-settlement", f"{count_of(len(paid), 'market')} of {name} all but settled {word}")
                )
        events = trades["event"].n_unique()
        if 0 < events < FEW_EVENTS:
            found.append(
                Notice(
                    "few-events",
                    f"{count_of(events, 'event')} {'was' if events == 1 else 'were'} bet on; {FEW_EVENTS} are a start",
                )
            )
        profit = trades.group_by("event").agg(pl.col("pnl").sum()).filter(pl.col("pnl") > 0)["pnl"].to_list()
        if profit and (share := max(profit) / sum(profit)) > 0.5:
            found.append(Notice("concentration", f"{share:.0%} of what winning events made"))
        if len(self.found.run.still_open):
            found.append(Notice("open-at-end", f"{len(self.found.run.still_open)} positions"))
        if len({pnl > 0 for pnl in self.found.by_queue.values() if pnl}) > 1:
            parts = ", ".join(f"{name}: {pnl / 1e6:.2f} $" for name, pnl in self.found.by_queue.items())
            found.append(Notice("queue-sign", parts))
        if columns.ask_lots.shape[0] == 0 and columns.volume.shape[0] == 0:
            found.append(Notice("unknown-depth"))
        found += market_notices(self.found.panel, self.found.pipeline)
        found += model_notices(self.found.panel, self.found.pipeline, self.found.scored.passed)
        if self.found.scored.cut:
            found.append(Notice("cut-scores", f"{self.found.scored.cut:,} of {self.found.scored.score.size:,} scores"))
        return found

    @property
    def _fates(self) -> str:
        """What became of the candidates, the most frequent first."""
        rows = self.candidates.sort("candidates", "fate", descending=[True, False])
        told = ", ".join(f"{count:,} {fate}" for fate, count in rows.select("fate", "candidates").iter_rows())
        bars = count_of(len(self.found.panel.times), "bar")
        return f"candidates: {told}" if told else f"no candidate in {bars}"

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The whole result as one JSON document, money in dollars."""
        found, account, panel = self.found, self.found.run.account, self.found.panel
        capital = int(found.rule["capital"][0])
        stake = self.at_stake
        values = {
            k: v / 1e6 if k in ("pnl", "max_drawdown", "expectancy") and v is not None else v
            for k, v in self.performance.values.items()
        }
        locked = found.run.curve[:, 2]
        return {
            "kind": "bets",
            "engine_version": __version__,
            "strategy": found.pipeline.as_dict(),
            "settings": {
                "store": None if found.data is None else settled(found.data),
                "start": written(found.start),
                "end": written(found.end),
                "random_portfolios": 0 if found.random is None else len(found.random.pnl),
                "seed": found.seed,
                **({} if found.reward == "none" else {"reward": found.reward}),
            },
            "result_hash": self.result_hash,
            "from_ts": int(panel.times[0]),
            "to_ts": int(panel.times[-1]),
            "bars": len(panel.times),
            "markets": panel.markets.height,
            "capital": capital / 1e6,
            "final_equity": int(account["equity"]) / 1e6,
            "figures": {**values, "assumptions": self.performance.assumptions},
            "fees": int(account["fees"]) / 1e6,
            "turnover": int(account["turnover"]) / 1e6,
            "at_stake": stake.as_row(),
            "trades_a_day": len(found.run.trades) / len(stake.days) if len(stake.days) else None,
            "exposure": float(locked[stake.bars].mean()) / capital if stake.bars.any() else 0.0,
            "max_exposure": float(locked.max()) / capital,
            "open_at_end": len(found.run.still_open),
            "event_interval": self.event_interval,
            "stops": self.stop_gap,
            "by_queue": {name: pnl / 1e6 for name, pnl in found.by_queue.items()},
            "maker_orders": order_counts(account) if int(found.rule["maker"][0]) else None,
            **self._rewards(),
            "random": None if found.random is None else found.random.as_dict(),
            "calibration": {k: None if v is None else v.as_dict() for k, v in self.calibration.items()},
            "groups": {by: frame.to_dicts() for by, frame in self.groups.items()},
            "candidates": self.candidates.to_dicts(),
            "warnings": [notice.as_row() for notice in self.notices],
            "notes": list(found.notes),
        }

    def _rewards(self) -> dict[str, Any]:
        """What incentive programs pay beside the P&L, where they were asked for, in dollars."""
        if self.found.reward == "none":
            return {}
        rows = self.found.rewards
        return {
            "rewards": sum(one["paid"] for one in rows) / 1e6,
            "rewards_earned": sum(one["earned"] for one in rows) / 1e6,
            "programs": rows,
        }

    @cached_property
    def frames(self) -> dict[str, pl.DataFrame]:
        """The frames that are written beside the record."""
        return {"trades": self.trades, "equity": self.equity, "candidates": self.candidates}

    @cached_property
    def result_hash(self) -> str:
        """One hash of every trade, every bar's equity, every candidate's fate and the random portfolios."""
        random = self.found.random
        return frames_hash({"random": None if random is None else random.pnl.tolist()}, self.frames)

    @property
    def recorded(self) -> Bets:
        """The same as a folder holds it."""
        return Bets(self.summary, self.frames)


class _Settings(msgspec.Struct):
    """What a run was asked for, as its record has it."""

    store: str | None
    start: str | int | None
    end: str | int | None
    random_portfolios: int
    seed: int
    reward: str = "none"


def run_record(record: Mapping[str, Any]) -> BetsResult:
    """Run again what a record says was run."""
    try:
        asked = msgspec.convert(record.get("settings"), _Settings)
        told = msgspec.convert(record.get("strategy"), dict[str, Any])
    except msgspec.ValidationError as error:
        raise InputError(f"the record cannot be run again: {error}") from None
    if asked.store is None:
        raise InputError("this run was made on a panel in memory and cannot be run again from its record")
    found = backtest(
        asked.store, recorded_pipeline(told), start=asked.start, end=asked.end,
        random_portfolios=asked.random_portfolios, seed=asked.seed, reward=asked.reward,
    )  # fmt: skip
    return BetsResult(found)
