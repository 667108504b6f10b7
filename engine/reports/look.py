"""The look that all charts share: colours by what they mean, axes, titles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt

#: A purchase, a sale; a line; what stands behind.
BUY, SELL, LINE, MUTED = "#1f6fb4", "#d1495b", "#2f3b4c", "#9aa5b1"
#: A gain, a loss, neither; what rings a cell.
GOOD, BAD, NEUTRAL, INK = "#2a7f9e", "#c8553d", "#f4f1ea", "#1d2733"
#: Labels, lines of the grid, frames, the ground.
SOFT, RULE, FRAME, GROUND = "#52606d", "#eceff2", "#d9dee4", "#ffffff"
_FONT = "system-ui, 'Helvetica Neue', Arial, sans-serif"


def styled(chart: Any, widest: int | None = None) -> alt.TopLevelMixin:
    """Give a chart the look that all of them share; on a page it grows no wider than ``widest``."""
    if widest is not None:
        chart = chart.properties(usermeta={"widest": widest})
    return (
        chart.configure(font=_FONT, background=GROUND, padding=8)
        .configure_view(stroke=FRAME)
        .configure_axis(
            labelFontSize=11, titleFontSize=12, titleFontWeight="normal", titleColor=SOFT, labelColor=SOFT,
            gridColor=RULE, domainColor=FRAME, tickColor=FRAME,
        )
        .configure_header(labelColor=INK, titleColor=INK)
        .configure_legend(labelFontSize=11, titleFontSize=11, symbolSize=90, labelColor=SOFT, titleColor=SOFT)
        .configure_title(fontSize=14, anchor="start", color=INK, fontWeight=600, offset=10, subtitleColor=SOFT)
    )  # fmt: skip
