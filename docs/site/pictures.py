"""The pictures of the gallery, drawn from the demo's day: `make gallery`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from touchline import engine
from touchline.engine.reports.drawing import svg
from touchline.engine.reports.pictures import market_curves, spec
from touchline.io.store.store import Store

IMAGES = Path(__file__).resolve().parents[1] / "images"
MARKET = "SYNINX-26OCT06H1600-B6737"


def main(demo: Path) -> None:
    """Draw every picture anew from a demo's store."""
    store = Store(demo / "store")
    steady = engine.backtest("fixed-spread", MARKET, store, params={"half_spread": 3, "size": 2})
    keep("replay", steady.chart("run"))
    several = engine.backtest("avellaneda-stoikov", busiest(store), store, params={"gamma": 0.1})
    keep("markets", market_curves([one.recorded for one in several.runs]))
    keep("parts", several.chart("parts"))
    keep("markouts", steady.chart("markouts"))
    bets = engine.backtest("bollinger", store=store, params={"step_minutes": 5}, compare_random=True)
    for name in ("equity", "random", "calibration"):
        keep(f"bets-{name}", bets.chart(name))
    with TemporaryDirectory() as folder:
        axes = ["gamma=log:0.05:1:12", "kappa=0.5:5:12"]
        swept = engine.sweep("avellaneda-stoikov", busiest(store, 4), store, axes=axes, out=Path(folder) / "sweep")
        keep("heatmap", swept.chart("heatmap"))
        keep("heatmap-markets", swept.chart("markets"))


def busiest(store: Store, count: int = 8) -> list[str]:
    """Return the markets of the index that traded most."""
    query = "select ticker from trades where ticker like 'SYNINX-%' group by 1 order by count(*) desc, 1 limit"
    return store.sql(f"{query} {count}")["ticker"].to_list()


def keep(name: str, chart: Any) -> None:
    """Write a chart into the folder of images."""
    (IMAGES / f"{name}.svg").write_text(svg(spec(chart)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
