"""Charts of sweeps and runs. Money in dollars, prices in cents, sizes in contracts, times in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from ..results.results import Axis, Run, Sweep
from ..results.selection import Pick, effect_sizes, marginal_effects

BUY, SELL, LINE, MUTED = "#1f6fb4", "#d1495b", "#2f3b4c", "#9aa5b1"
GOOD, BAD, NEUTRAL = "#2a7f9e", "#c8553d", "#f4f1ea"
#: More points than these are thinned out, with a note in the title.
MAX_POINTS = 2_000
MAX_FILLS = 1_500
MAX_MARKETS = 12
PARTS = ("spread_capture", "drift", "settlement", "rebates", "fees")


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
    return {name: spec(chart) for name, chart in drawn.items() if chart is not None}


def heat_map(sweep: Sweep, marked: Mapping[str, Mapping[str, float]] | None = None) -> alt.TopLevelMixin:
    """Average P&L a market over the two main axes; ``marked`` names cells to ring, such as the chosen one."""
    axes = main_axes(sweep)
    rows = sweep.grid.with_columns(
        (pl.col("pnl") / 1e6).alias("dollars"), (pl.col("abs_position") / 100).alias("contracts")
    )
    title = alt.TitleParams(f"{sweep.strategy}: average P&L a market, $", subtitle=left_out(sweep))
    if not axes:
        return styled(
            alt.Chart(rows.select("dollars")).mark_bar(color=GOOD).encode(y=alt.Y("dollars:Q", title="P&L, $"))
        )
    if len(axes) == 1:
        return styled(_line_over(rows, axes[0]).properties(width=520, height=300, title=title))
    names = [axis.name for axis in axes]
    rows = rows.group_by(names).agg(pl.col("dollars", "fills", "contracts").mean())
    chart = _field(rows, axes, _colour(rows["dollars"]), 460, 400)
    found = [
        {**{name: parameters[name] for name in names}, "cell": label}
        for label, parameters in (marked or {}).items()
        if all(name in parameters for name in names)
    ]
    if not found:
        return styled(chart.properties(title=title))
    point = {"filled": False, "size": 190, "strokeWidth": 2.5, "color": "#111", "opacity": 1}
    rings = (
        alt.Chart(pl.DataFrame(found))
        .mark_point(**point)
        .encode(
            *_places(axes),
            shape=alt.Shape("cell:N", title=None, sort=list(marked or {}), legend=alt.Legend(orient="bottom")),
        )
    )
    return styled((chart + rings).properties(title=title))


def market_heat_maps(sweep: Sweep) -> alt.TopLevelMixin | None:
    """Small multiples of P&L by market, one colour scale for all; None for a sweep over fewer than two axes."""
    axes = main_axes(sweep)
    if len(axes) < 2:
        return None
    volume = (
        sweep.cells.group_by("market").agg(pl.col("volume").sum()).sort("volume", "market", descending=[True, False])
    )
    shown = volume["market"][:MAX_MARKETS].to_list()
    names = [axis.name for axis in axes]
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
    legend = alt.Legend(title="$", orient="right", gradientLength=160, format="~s")
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
            y=alt.Y("dollars:Q", title="P&L, $"),
            color=alt.Color(
                "cell:N",
                title=None,
                sort=list(curves),
                scale=alt.Scale(domain=list(curves), range=[GOOD, MUTED]),
                legend=alt.Legend(orient="top"),
            ),
        ).properties(width=820, height=220, title="P&L over all markets, in sample")
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
        x=alt.X("dollars:Q", title="$", scale=alt.Scale(padding=48), axis=alt.Axis(format="~s", tickCount=6)),
        color=alt.Color(
            "kind:N", scale=alt.Scale(domain=["gain", "loss", "total"], range=[GOOD, BAD, LINE]), legend=None
        ),
        tooltip=["part:N", alt.Tooltip("dollars:Q", format=",.4f")],
    )
    say = alt.Text("dollars:Q", format=",.2f")
    right = base.transform_filter("datum.dollars >= 0").mark_text(align="left", dx=5).encode(x="dollars:Q", text=say)
    left = base.transform_filter("datum.dollars < 0").mark_text(align="right", dx=-5).encode(x="dollars:Q", text=say)
    return styled((bars + right + left).properties(width=520, height=190, title="Where the P&L came from"))


def run_curves(run: Run) -> alt.TopLevelMixin:
    """Mid, quotes and fills; position; equity: three panels over one time axis."""
    equity, equity_note = thinned(
        run.equity.select((pl.col("ts") // 1_000_000).alias("time"), "mid", "position", "equity")
    )
    equity = equity.with_columns(
        (pl.col("mid") / 100).alias("cents"), pl.col("position") / 100, (pl.col("equity") / 1e6).alias("dollars")
    )
    quotes, _ = thinned(
        run.quotes.select((pl.col("ts") // 1_000_000).alias("time"), pl.col("bid") / 100, pl.col("ask") / 100)
    )
    fills = run.fills.select(
        (pl.col("ts") // 1_000_000).alias("time"),
        (pl.col("price") / 100).alias("cents"),
        (pl.col("size") / 100).alias("contracts"),
        pl.when(pl.col("side") > 0).then(pl.lit("bought")).otherwise(pl.lit("sold")).alias("fill"),
    )
    many = fills.height > MAX_FILLS
    fills = fills.gather_every(-(-fills.height // MAX_FILLS)) if many else fills
    note = " (thinned out)" if many or equity_note else ""
    step = {"interpolate": "step-after", "strokeWidth": 1}
    price = alt.Y("cents:Q", title="price, cents", scale=alt.Scale(zero=False))
    zoom = alt.selection_interval(bind="scales", encodings=["x"])
    layers = [
        alt.Chart(quotes)
        .mark_line(color=BUY, opacity=0.45, **step)
        .encode(x=time_axis(), y=alt.Y("bid:Q", title="price, cents")),
        alt.Chart(quotes)
        .mark_line(color=SELL, opacity=0.45, **step)
        .encode(x=time_axis(), y=alt.Y("ask:Q", title="price, cents")),
        alt.Chart(equity).mark_line(color=LINE, **step).encode(x=time_axis(), y=price),
        alt.Chart(fills)
        .mark_point(filled=True, size=55, opacity=0.9, stroke="white", strokeWidth=0.6)
        .encode(
            x=time_axis(),
            y=price,
            color=alt.Color("fill:N", title=None, scale=alt.Scale(domain=["bought", "sold"], range=[BUY, SELL])),
            shape=alt.Shape(
                "fill:N", title=None, scale=alt.Scale(domain=["bought", "sold"], range=["triangle-up", "triangle-down"])
            ),
            tooltip=["fill:N", alt.Tooltip("cents:Q", format=".2~f"), alt.Tooltip("contracts:Q", format=".2~f")],
        ),
    ]
    top = (
        alt.layer(*layers).properties(width=820, height=260, title=f"Mid, own quotes and fills{note}").add_params(zoom)
    )
    middle = (
        alt.Chart(equity)
        .mark_area(interpolate="step-after", line={"color": LINE, "strokeWidth": 1}, color=MUTED, opacity=0.5)
        .encode(x=time_axis(), y=alt.Y("position:Q", title="contracts"))
        .properties(width=820, height=110, title="Position")
    )
    bottom = (
        alt.Chart(equity)
        .mark_line(color=GOOD, interpolate="step-after", strokeWidth=1.6)
        .encode(x=time_axis(), y=alt.Y("dollars:Q", title="$", scale=alt.Scale(zero=False)))
        .properties(width=820, height=130, title="Equity at mid")
    )
    return styled(alt.vconcat(top, middle, bottom).resolve_scale(x="shared"))


def joined_equity(equity: pl.DataFrame) -> alt.TopLevelMixin:
    """The equity of several markets together, over the time that they cover."""
    rows, note = thinned(equity.select((pl.col("ts") // 1_000_000).alias("time"), (pl.col("equity") / 1e6).alias("$")))
    chart = alt.Chart(rows).mark_line(color=GOOD, interpolate="step-after", strokeWidth=1.6)
    title = "Equity of all markets at mid" + (" (thinned out)" if note else "")
    return styled(
        chart.encode(x=time_axis(), y=alt.Y("$:Q", title="$", scale=alt.Scale(zero=False))).properties(
            width=820, height=220, title=title
        )
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
        y=alt.Y("cents:Q", title="cents a contract"),
        color=alt.Color(
            "fills:N", title=None, scale=alt.Scale(domain=["all", "bought", "sold"], range=[LINE, BUY, SELL])
        ),
        tooltip=["fills:N", "horizon:N", alt.Tooltip("cents:Q", format=".3f"), "count:Q"],
    )
    zero = alt.Chart(pl.DataFrame({"cents": [0.0]})).mark_rule(color=MUTED, strokeDash=[4, 3]).encode(y="cents:Q")
    lines = zero + chart.mark_line(strokeWidth=1.8) + chart.mark_point(filled=True, size=55)
    return styled(
        lines.properties(width=520, height=220, title="Markout: what the mid did after a fill, in our favour")
    )


def time_axis() -> alt.X:
    """Time in UTC: hours within a day, days otherwise."""
    label = "utcFormat(datum.value, utchours(datum.value) || utcminutes(datum.value) ? '%H:%M' : '%b %d')"
    look = alt.Axis(labelOverlap="greedy", tickCount=8, labelExpr=label)
    return alt.X("time:T", title=None, scale=alt.Scale(type="utc"), axis=look)


def thinned(rows: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
    """Keep at most ``MAX_POINTS`` rows, the last among them."""
    if rows.height <= MAX_POINTS:
        return rows, False
    every = -(-rows.height // MAX_POINTS)
    kept = rows.gather_every(every)
    return (kept if (rows.height - 1) % every == 0 else pl.concat([kept, rows.tail(1)])), True


def styled(chart: Any) -> alt.TopLevelMixin:
    """Give a chart the look that all of them share."""
    font = "system-ui, 'Helvetica Neue', Arial, sans-serif"
    return (
        chart.configure(font=font, background="white", padding=12)
        .configure_view(stroke="#d9dee4")
        .configure_axis(
            labelFontSize=11,
            titleFontSize=12,
            titleFontWeight="normal",
            titleColor="#444",
            labelColor="#444",
            gridColor="#eceff2",
            domainColor="#c3cad2",
            tickColor="#c3cad2",
        )
        .configure_legend(labelFontSize=11, titleFontSize=11, symbolSize=90)
        .configure_title(
            fontSize=14, anchor="start", color="#1d2733", fontWeight=600, offset=10, subtitleColor="#5b6774"
        )
    )


def spec(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """Return a chart as the Vega-Lite document that browsers and converters read."""
    with alt.data_transformers.enable("default", max_rows=None):
        return chart.to_dict(validate=False)  # a test checks the charts against the schema; here it would take a third
