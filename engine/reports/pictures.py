"""Charts of sweeps and runs. Money in dollars, prices in cents, sizes in contracts, times in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from ..figures.words import usd
from ..results.results import REWARD_RATE, Axis, Run, Runs, Sweep
from ..results.selection import Pick, effect_sizes, marginal_effects
from .clock import HOUR_NS, moving, thinned, time_axis
from .look import BAD, BUY, GOOD, INK, LINE, MUTED, NEUTRAL, SELL, styled

MAX_FILLS = 1_500
MAX_MARKETS = 12
#: Fields of small heat maps, of all markets together.
MAX_FIELDS = 16_384
#: How wide a picture may grow on a page, pixels, if it is not one of time.
WIDEST = 640
PARTS = ("spread_capture", "drift", "settlement", "rebates", "fees", "rewards")
#: Further heat maps of a sweep that counts incentive programs: file -> column, what it is, and its scale.
OF_REWARDS: dict[str, tuple[str, str, float]] = {
    "heatmap_rewards": ("rewards", "rewards", 1e-6),
    "heatmap_quoting": ("pnl_without_rewards", "P&L without rewards", 1e-6),
    "heatmap_collateral": (REWARD_RATE, "rewards a dollar locked up", 1.0),
}


def main_axes(sweep: Sweep) -> list[Axis]:
    """Return the two axes that move the P&L most, in the order of the sweep."""
    sizes = effect_sizes(sweep)
    wide = [axis for axis in sweep.axes if len(axis.values) > 1]
    chosen = {axis.name for axis in sorted(wide, key=lambda axis: -(sizes[axis.name] or 0.0))[:2]}
    return [axis for axis in wide if axis.name in chosen]


def left_out(sweep: Sweep) -> list[str]:
    """Say in a line for a heat map's title what became of the axes that it does not show; nothing if it shows all."""
    shown = main_axes(sweep)
    others = [axis for axis in sweep.axes if len(axis.values) > 1 and axis not in shown]
    if len(shown) < 2 or not others:
        return []
    names = ", ".join(f"{axis.name} ({len(axis.values):,} values)" for axis in others)
    if not all(_is_grid(axis) for axis in shown):
        return [f"Cells differ in {names}, too, which is not shown"]
    return [f"Each field is the average over all values of {names}"]


def grid_documents(sweep: Sweep, robust: Pick, overall: Pick) -> dict[str, dict[str, Any]]:
    """Return the heat maps of a sweep with its choices ringed, by the names of their files."""
    marked = {"robust choice": robust.parameters, "highest P&L": overall.parameters}
    drawn = {"heatmap": heat_map(sweep, marked), "heatmap_markets": market_heat_maps(sweep)}
    if "rewards" in sweep.grid.columns:
        drawn |= {name: heat_map(sweep, marked, *what) for name, what in OF_REWARDS.items()}
    return {name: spec(chart) for name, chart in drawn.items() if chart is not None}


def heat_map(
    sweep: Sweep,
    marked: Mapping[str, Mapping[str, float]] | None = None,
    column: str = "pnl",
    what: str = "P&L",
    scale: float = 1e-6,
) -> alt.TopLevelMixin:
    """Average P&L a market over the two main axes; ``marked`` names cells to ring, such as the chosen one."""
    axes = main_axes(sweep)
    rows = sweep.grid.with_columns(
        (pl.col(column) * scale).alias("dollars"), (pl.col("abs_position") / 100).alias("contracts")
    )
    title = alt.TitleParams(f"{sweep.strategy}: average {what} a market, $", subtitle=left_out(sweep))
    if not axes:
        return styled(
            alt.Chart(rows.select("dollars")).mark_bar(color=GOOD).encode(y=alt.Y("dollars:Q", title=f"{what}, $")),
            WIDEST,
        )
    if len(axes) == 1:
        return styled(_line_over(rows, axes[0]).properties(width=520, height=300, title=title), WIDEST)
    names = [axis.name for axis in axes]
    rows = rows.group_by(names).agg(pl.col("dollars", "fills", "contracts").mean())
    chart = _field(rows, axes, _colour(rows["dollars"]), 460, 400)
    found = [
        {**{name: parameters[name] for name in names}, "cell": label}
        for label, parameters in (marked or {}).items()
        if all(name in parameters for name in names)
    ]
    if not found:
        return styled(chart.properties(title=title), WIDEST)
    point = {"filled": False, "size": 190, "strokeWidth": 2.5, "color": INK, "opacity": 1}
    rings = (
        alt.Chart(pl.DataFrame(found))
        .mark_point(**point)
        .encode(
            *_places(axes),
            shape=alt.Shape(
                "cell:N", title=None, sort=list(marked or {}), legend=alt.Legend(orient="bottom", columns=1)
            ),
        )
    )
    return styled((chart + rings).properties(title=title), WIDEST)


def market_heat_maps(sweep: Sweep) -> alt.TopLevelMixin | None:
    """Small multiples of P&L by market, one colour scale for all; None for a sweep over fewer than two axes."""
    axes = main_axes(sweep)
    if len(axes) < 2:
        return None
    volume = (
        sweep.cells.group_by("market").agg(pl.col("volume").sum()).sort("volume", "market", descending=[True, False])
    )
    names = [axis.name for axis in axes]
    fields = sweep.grid.select(names).n_unique()
    shown = volume["market"][: max(1, min(MAX_MARKETS, MAX_FIELDS // fields))].to_list()
    rows = (
        sweep.cells.filter(pl.col("market").is_in(shown))
        .group_by("market", *names)
        .agg(
            (pl.col("pnl").mean() / 1e6).alias("dollars"),
            pl.col("fills").mean(),
            (pl.col("position").abs().mean() / 100).alias("contracts"),
        )
        .sort("market", *names)
    )
    chart = _field(rows, axes, _colour(rows["dollars"]), 170, 150, small=True)
    count = volume.height
    which = f"{len(shown)} of {count} markets, most traded first" if count > len(shown) else "by market"
    return styled(
        chart.facet(
            facet=alt.Facet("market:N", title=None, sort=shown, header=alt.Header(labelFontSize=11, labelLimit=190)),
            columns=min(4, len(shown)),
        ).properties(title=alt.TitleParams(f"P&L {which}, $", subtitle=left_out(sweep)))
    )


def _colour(dollars: pl.Series) -> alt.Color:
    """Diverge around zero where there are gains and losses; else shade from the least to the most."""
    values = dollars.to_numpy()
    low, high = (float(np.percentile(values, share)) for share in (1, 99))
    legend = alt.Legend(
        title="$", orient="bottom", direction="horizontal", gradientLength=150, format="~s", titleOrient="left"
    )
    if low < 0 < high:
        most = max(-low, high)
        scale = alt.Scale(domain=[-most, 0, most], range=[BAD, NEUTRAL, GOOD], clamp=True, interpolate="lab")
    elif high <= 0:
        scale = alt.Scale(domain=[low, min(high, 0.0)], range=[BAD, NEUTRAL], clamp=True, interpolate="lab")
    else:
        scale = alt.Scale(domain=[max(low, 0.0), high], range=[NEUTRAL, GOOD], clamp=True, interpolate="lab")
    return alt.Color("dollars:Q", scale=scale, legend=legend)


def _is_grid(axis: Axis) -> bool:
    return len(axis.values) <= 64


def _places(axes: Sequence[Axis], small: bool = False) -> tuple[alt.X, alt.Y]:
    """Return the two positions: steps of a grid, or true distances for scattered cells."""
    horizontal, vertical = axes
    if all(_is_grid(axis) for axis in axes):
        label = "format(datum.value, '.3~g')"
        look = alt.Axis(
            labelExpr=label, labelOverlap="greedy", labelAngle=0, labelFontSize=9 if small else 11, labelSeparation=4
        )
        return (
            alt.X(f"{_safe(horizontal.name)}:O", title=horizontal.name, axis=look, sort="ascending"),
            alt.Y(f"{_safe(vertical.name)}:O", title=vertical.name, axis=look, sort="descending"),
        )
    kinds = [alt.Scale(type="log" if axis.scale == "log" else "linear", zero=False) for axis in axes]
    return (
        alt.X(f"{_safe(horizontal.name)}:Q", title=horizontal.name, scale=kinds[0]),
        alt.Y(f"{_safe(vertical.name)}:Q", title=vertical.name, scale=kinds[1]),
    )


def _field(
    rows: pl.DataFrame, axes: Sequence[Axis], colour: alt.Color, width: int, height: int, small: bool = False
) -> alt.Chart:
    chart = alt.Chart(rows)
    marked = chart.mark_rect() if all(_is_grid(axis) for axis in axes) else chart.mark_circle(size=24 if small else 60)
    tips = [alt.Tooltip(f"{_safe(axis.name)}:Q", title=axis.name, format=".4~g") for axis in axes]
    tips += [
        alt.Tooltip("dollars:Q", title="P&L, $", format=",.2f"),
        alt.Tooltip("fills:Q", title="fills", format=",.1f"),
        alt.Tooltip("contracts:Q", title="contracts held at the end", format=",.1f"),
    ]
    return marked.encode(*_places(axes, small), color=colour, tooltip=tips).properties(width=width, height=height)


def _safe(name: str) -> str:
    """Escape what Vega-Lite reads as a path or a type in a field's name."""
    return re.sub(r"([.\[\]:])", r"\\\1", name)


def _line_over(rows: pl.DataFrame, axis: Axis) -> alt.Chart:
    scale = alt.Scale(type="log" if axis.scale == "log" else "linear", zero=False, nice=False)
    return (
        alt.Chart(rows)
        .mark_line(point=alt.OverlayMarkDef(size=40), color=GOOD)
        .encode(
            x=alt.X(f"{_safe(axis.name)}:Q", title=axis.name, scale=scale, axis=alt.Axis(format=".3~g", tickCount=6)),
            y=alt.Y("dollars:Q", title="P&L, $", scale=alt.Scale(zero=False)),
            tooltip=[alt.Tooltip(f"{_safe(axis.name)}:Q", format=".4~g"), alt.Tooltip("dollars:Q", format=",.2f")],
        )
    )


def effects(sweep: Sweep) -> alt.TopLevelMixin | None:
    """The marginal effect of each parameter: average P&L over everything else; None without axes."""
    table = marginal_effects(sweep)
    if table.is_empty():
        return None
    panels = [
        _line_over(
            table.filter(pl.col("parameter") == axis.name).select(
                pl.col("value").alias(axis.name), (pl.col("pnl") / 1e6).alias("dollars")
            ),
            axis,
        ).properties(width=250, height=170)
        for axis in sweep.axes
    ]
    return styled(alt.concat(*panels, columns=3).properties(title="Average P&L a market by parameter"))


def cell_curve(sweep: Sweep, cell: int) -> alt.TopLevelMixin:
    """Cumulated P&L over all markets: of one cell, and of the average cell."""
    starts, pnl = sweep.period_pnl
    column = int(np.searchsorted(sweep.grid["cell"].to_numpy(), cell))
    ends = (starts + sweep.period_ns) // 1_000_000
    curves = {"the chosen cell": pnl[:, column].cumsum(), "the average cell": pnl.mean(axis=1).cumsum()}
    rows = pl.concat(
        thinned(pl.DataFrame({"time": ends, "dollars": values / 1e6, "cell": name}))[0]
        for name, values in curves.items()
    )
    chart = alt.Chart(rows).mark_line(interpolate="step-after", strokeWidth=1.8)
    return styled(
        chart.encode(
            x=time_axis(),
            y=level("dollars", zero=True),
            color=alt.Color(
                "cell:N",
                title=None,
                sort=list(curves),
                scale=alt.Scale(domain=list(curves), range=[GOOD, MUTED]),
                legend=alt.Legend(orient="top"),
            ),
        ).properties(width=820, height=190, title="P&L over all markets, in sample, $")
    )


def decomposition(parts: Mapping[str, float]) -> alt.TopLevelMixin:
    """Where the P&L came from, in dollars; the parts add up to the total. ``fees`` are given as a positive cost."""
    signed = [(name, -parts[name] if name == "fees" else parts[name]) for name in PARTS if name in parts]
    total = sum(value for _, value in signed)
    rows = pl.DataFrame(
        {
            "part": [name.replace("_", " ") for name, _ in signed] + ["P&L"],
            "dollars": [value for _, value in signed] + [total],
            "kind": ["gain" if value >= 0 else "loss" for _, value in signed] + ["total"],
        }
    )
    base = alt.Chart(rows).encode(y=alt.Y("part:N", sort=rows["part"].to_list(), title=None))
    bars = base.mark_bar(height=20).encode(
        x=alt.X("dollars:Q", title=None, scale=alt.Scale(padding=48), axis=alt.Axis(format="~s", tickCount=6)),
        color=alt.Color(
            "kind:N", scale=alt.Scale(domain=["gain", "loss", "total"], range=[GOOD, BAD, LINE]), legend=None
        ),
        tooltip=["part:N", alt.Tooltip("dollars:Q", format=",.4f")],
    )
    say = alt.Text("dollars:Q", format=",.2f")
    right = (
        base.transform_filter("datum.dollars >= 0")
        .mark_text(align="left", dx=5, color=INK)
        .encode(x="dollars:Q", text=say)
    )
    left = (
        base.transform_filter("datum.dollars < 0")
        .mark_text(align="right", dx=-5, color=INK)
        .encode(x="dollars:Q", text=say)
    )
    return styled((bars + right + left).properties(width=520, height=190, title="Parts of the P&L, $"), WIDEST)


def run_curves(run: Run) -> alt.TopLevelMixin:
    """Mid, quotes and fills; position; equity: three panels over one axis of the time in which something moved."""
    rows, axis, notes = moving(run.equity, "mid", "position", "equity")
    rows = _ended(rows, _paid(run))
    equity, thin = thinned(
        rows.select(
            "ts", "time", pl.col("mid") / 100, pl.col("position") / 100, (pl.col("equity") / 1e6).alias("dollars")
        )
    )
    quotes, _ = thinned(_timed(run.quotes, rows).select("time", pl.col("bid") / 100, pl.col("ask") / 100))
    fills = _timed(run.fills, rows).select(
        "time",
        (pl.col("price") / 100).alias("cents"),
        (pl.col("size") / 100).alias("contracts"),
        pl.when(pl.col("side") > 0).then(pl.lit("bought")).otherwise(pl.lit("sold")).alias("fill"),
    )
    many = fills.height > MAX_FILLS
    fills = fills.gather_every(-(-fills.height // MAX_FILLS)) if many else fills
    notes += ["Thinned out"] if many or thin else []
    step = {"interpolate": "step-after", "strokeWidth": 1}
    price = level("cents")
    colours, shapes = [BUY, SELL], ["triangle-up", "triangle-down"]
    kinds, legend = ["bought", "sold"], alt.Legend(orient="top", title=None)
    top = alt.layer(
        alt.Chart(quotes).mark_line(color=BUY, opacity=0.45, **step).encode(x=axis, y=level("bid")),
        alt.Chart(quotes).mark_line(color=SELL, opacity=0.45, **step).encode(x=axis, y=level("ask")),
        alt.Chart(equity).mark_line(color=LINE, **step).encode(x=axis, y=level("mid")),
        alt.Chart(fills)
        .mark_point(filled=True, size=55, opacity=0.9, stroke="white", strokeWidth=0.6)
        .encode(
            x=axis,
            y=price,
            color=alt.Color("fill:N", scale=alt.Scale(domain=kinds, range=colours), legend=legend),
            shape=alt.Shape("fill:N", scale=alt.Scale(domain=kinds, range=shapes), legend=legend),
            tooltip=["fill:N", alt.Tooltip("cents:Q", format=".2~f"), alt.Tooltip("contracts:Q", format=".2~f")],
        ),
    ).properties(width=820, height=260, title="Mid, own bid and ask, and fills, cents")
    zoom = alt.selection_interval(bind="scales", encodings=["x"])
    middle = (
        alt.Chart(equity)
        .mark_area(interpolate="step-after", line={"color": LINE, "strokeWidth": 1}, color=MUTED, opacity=0.5)
        .encode(x=axis, y=level("position", zero=True))
        .properties(width=820, height=110, title="Position, contracts")
    )
    bottom = (
        alt.Chart(equity)
        .mark_line(color=GOOD, interpolate="step-after", strokeWidth=1.6)
        .encode(x=axis, y=level("dollars"))
        .properties(width=820, height=130, title=f"Equity at mid{_ending(run.about)}, $")
    )
    panels = alt.vconcat(top.add_params(zoom), middle, bottom).resolve_scale(x="shared")
    return styled(panels.properties(title=alt.TitleParams("", subtitle=notes)) if notes else panels)


def joined_equity(runs: Runs) -> alt.TopLevelMixin:
    """The equity of several markets together, over the time in which it moved."""
    total = runs.about["total"]
    rows, axis, notes = moving(runs.equity, "equity")
    rows, thin = thinned(_ended(rows, total["settlement"]).select("time", (pl.col("equity") / 1e6).alias("dollars")))
    notes += ["Thinned out"] if thin else []
    chart = alt.Chart(rows).mark_line(color=GOOD, interpolate="step-after", strokeWidth=1.6)
    words = "Equity of all markets at mid, settled at the end, $"
    return styled(
        chart.encode(x=axis, y=level("dollars")).properties(
            width=820, height=220, title=alt.TitleParams(words, subtitle=notes)
        )
    )


def market_curves(runs: Sequence[Run]) -> alt.TopLevelMixin | None:
    """Small multiples of equity by market on one scale, the best first; None for fewer than two."""
    if len(runs) < 2:
        return None
    order = sorted(runs, key=lambda run: -run.about["summary"]["pnl"])
    shown = order if len(order) <= 2 * MAX_MARKETS else order[:MAX_MARKETS] + order[-MAX_MARKETS:]
    parts = []
    for run in shown:
        rows, _, _ = moving(run.equity, "equity")
        few, _ = thinned(_ended(rows, _paid(run)).select("ts", "time", (pl.col("equity") / 1e6).alias("dollars")), 160)
        name = f"{run.about['market']}  {usd(run.about['summary']['pnl'])}"
        parts.append(few.with_columns(market=pl.lit(name), made=pl.lit(run.about["summary"]["pnl"] >= 0)))
    hours = [(part["ts"] - part["ts"].min()) / HOUR_NS for part in parts]
    rows = pl.concat(
        part.with_columns(time=own.cast(pl.Float64)).drop("ts") for part, own in zip(parts, hours, strict=True)
    )
    chart = (
        alt.Chart(rows)
        .mark_area(interpolate="step-after", opacity=0.35, line={"strokeWidth": 1.4})
        .encode(
            x=alt.X("time:Q", title="hours since the first move", axis=alt.Axis(tickCount=4)),
            y=alt.Y("dollars:Q", title=None, axis=alt.Axis(tickCount=4), stack=None),
            color=alt.Color("made:N", scale=alt.Scale(domain=[True, False], range=[GOOD, BAD]), legend=None),
        )
        .properties(width=200, height=90)
    )
    which = f"the best and the worst {MAX_MARKETS} of {len(order):,}" if shown is not order else "the best first"
    names = rows["market"].unique(maintain_order=True).to_list()
    look = alt.Header(labelFontSize=11, labelLimit=230, labelAnchor="start")
    return styled(
        chart.facet(facet=alt.Facet("market:N", title=None, sort=names, header=look), columns=4).properties(
            title=f"Equity by market, $: {which}"
        )
    )


def _paid(run: Run) -> int:
    """What settlement added to the equity at mid, micros; nothing if the market is not settled."""
    made = run.about.get("summary") or {}
    return made.get("settlement", 0) if made.get("settled") else 0


def _ended(rows: pl.DataFrame, paid: int) -> pl.DataFrame:
    """Give equity a last step at its end: what was paid then."""
    if not paid or rows.is_empty():
        return rows
    return pl.concat([rows, rows.tail(1).with_columns(pl.col("equity") + paid)])


def _ending(about: Mapping[str, Any]) -> str:
    return ", settled at the end" if (about.get("summary") or {}).get("settled") else ""


def _timed(frame: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Give a frame the times of ``rows``, between which its own lie; what lies outside is left out."""
    first, last = int(rows["ts"].item(0)), int(rows["ts"].item(-1))
    inside = frame.filter(pl.col("ts").is_between(first, last))
    time = np.interp(inside["ts"].to_numpy(), rows["ts"].to_numpy(), rows["time"].to_numpy())
    return inside.with_columns(pl.Series("time", time))


def level(name: str, zero: bool = False) -> alt.Y:
    """An upright axis of one width, so that panels below each other begin at one place."""
    return alt.Y(
        f"{name}:Q",
        title=None,
        scale=alt.Scale(zero=zero),
        axis=alt.Axis(minExtent=44, maxExtent=44, tickCount=5),
        stack=None,
    )


def markouts(fills: pl.DataFrame) -> alt.TopLevelMixin | None:
    """What the mid did after the fills, cents a contract in our favour, by volume; None without such columns.

    Columns are named ``markout_`` and the horizon; whole numbers are ticks, fractions cents.
    """
    columns = [name for name in fills.columns if name.startswith("markout_")]
    if not columns or fills.is_empty():
        return None
    horizons = [name.removeprefix("markout_").replace("_", " ") for name in columns]
    rows: list[dict[str, Any]] = []
    for label, part in (
        ("all", fills),
        ("bought", fills.filter(pl.col("side") > 0)),
        ("sold", fills.filter(pl.col("side") < 0)),
    ):
        for name, horizon in zip(columns, horizons, strict=True):
            known = part.filter(pl.col(name).is_not_null())
            if known.is_empty():
                continue
            unit = 100 if known[name].dtype.is_integer() else 1
            weighted = float((known[name] * known["size"]).sum()) / float(known["size"].sum()) / unit
            rows.append({"fills": label, "horizon": horizon, "cents": weighted, "count": known.height})
    if not rows:
        return None
    chart = alt.Chart(pl.DataFrame(rows)).encode(
        x=alt.X("horizon:N", sort=horizons, title="after the fill", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("cents:Q", title=None),
        color=alt.Color(
            "fills:N",
            scale=alt.Scale(domain=["all", "bought", "sold"], range=[LINE, BUY, SELL]),
            legend=alt.Legend(orient="bottom", title=None),
        ),
        tooltip=["fills:N", "horizon:N", alt.Tooltip("cents:Q", format=".3f"), "count:Q"],
    )
    zero = alt.Chart(pl.DataFrame({"cents": [0.0]})).mark_rule(color=MUTED, strokeDash=[4, 3]).encode(y="cents:Q")
    lines = zero + chart.mark_line(strokeWidth=1.8) + chart.mark_point(filled=True, size=55)
    return styled(lines.properties(width=520, height=190, title="The mid after a fill, in our favour, cents"), WIDEST)


def spec(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """Return a chart as the Vega-Lite document that browsers and converters read."""
    with alt.data_transformers.enable("default", max_rows=None):
        return chart.to_dict(validate=False)  # a test checks the charts against the schema; here it would take a third
