"""Take the pictures of the local page in `docs/images/`: every view, dark and light.

`python docs/screenshots.py` makes a synthetic day, bets on it, sweeps it, replays it, trains a model on it, quotes and
bets on it on paper for some seconds, and opens each view in Chromium. Needs the development packages and the system's
Chromium.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from touchline import engine
from touchline.engine.page.folders import name_of
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.store.store import Store

IMAGES = Path(__file__).parent / "images"
SIZE = {"width": 1280, "height": 860}
#: A pipeline that a session bets by, on the minutes of the day.
BETS = """
[source]
step_minutes = 5
[scorer]
name = "momentum"
window_bars = 2
strength = 1.0
[executor]
sizing = "fixed-fraction"
fraction = 0.02
capital = 1000
close_at_end = "no"
max_hold_hours = 1
"""


def made(root: Path) -> dict[str, str]:
    """Make what is shown, and return the address of each view."""
    day = engine.demo(root / "demo", progress=True)
    store = str(root / "demo" / "store")
    given = {"half_spread": 1.5, "size": 10}
    paid = {"rewards": "pool=20,per=15m,target=300,discount=0.5"}
    engine.backtest("flow-skew", day.busiest, store, params=given, assume=paid, out=root / "flow-skew")
    engine.backtest("fixed-spread", day.busiest, store, params=given, out=root / "fixed-spread")
    engine.backtest("fixed-spread", day.busiest, store, params=given | {"half_spread": 3}, out=root / "wider")
    params = root / "demo" / "sweep" / "params.toml"
    with (
        engine.exchange(store, [day.busiest], speed=120, keys=root / "keys") as exchange,
        Client(Settings.from_env(exchange.environment, dotenv=None)) as client,
        engine.trade(params, day.busiest, session=root / "night", client=client) as session,
    ):
        session.run(seconds=20)
    event = day.busiest.rpartition("-")[0]
    tickers = Store(store).sql(f"select distinct ticker from book where starts_with(ticker, '{event}')")["ticker"]
    (root / "bets.toml").write_text(BETS)
    with (
        engine.exchange(store, tickers.to_list(), speed=400, keys=root / "keys") as exchange,
        Client(Settings.from_env(exchange.environment, dotenv=None)) as client,
        engine.trade(root / "bets.toml", tickers.to_list(), session=root / "betting", client=client) as session,
    ):
        session.run(seconds=30)
    engine.train("bollinger", store=store, features=["log_odds", "hours_left"], embargo="0m", every="20m",
                 params={"step_minutes": 1}, out=root / "model")  # fmt: skip
    ids = {
        name: name_of(root / name)
        for name in (
            "flow-skew", "fixed-spread", "wider", "demo/sweep", "demo/bets", "demo/store", "night", "betting", "model",
        )
    }  # fmt: skip
    first = engine.open(root / "flow-skew").fills["ts"][5]
    start = engine.open(root / "flow-skew").equity["ts"][0]
    return {
        "results": "#/results",
        "replay": f"#/replay/{ids['flow-skew']}?t={first - start + 10**9}",
        "sweep": f"#/sweep/{ids['demo/sweep']}?cell=33",
        "bets": f"#/bets/{ids['demo/bets']}",
        "data": f"#/data/{ids['demo/store']}",
        "book": f"#/book/{ids['demo/store']}?market={day.busiest}",
        "compare": f"#/compare/{ids['fixed-spread']},{ids['wider']}",
        "session": f"#/session/{ids['night']}",
        "betting": f"#/session/{ids['betting']}",
        "model": f"#/result/{ids['model']}",
    }


def main() -> None:
    """Make, open, take, tidy up."""
    root = Path(tempfile.gettempdir()) / "touchline-pictures"
    shutil.rmtree(root, ignore_errors=True)
    views = made(root)
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with engine.ui(root) as page, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for scheme in ("dark", "light"):
            shown = browser.new_page(viewport=SIZE, color_scheme=scheme)
            shown.goto(page.url)
            for name, address in views.items():
                shown.goto(f"{page.address}{address}")
                there = "address => document.querySelector('main').dataset.shown === address"
                shown.wait_for_function(there, arg=address, timeout=120_000)
                shown.wait_for_timeout(2_500)
                shown.screenshot(path=IMAGES / f"ui-{name}-{scheme}.png")
                print(IMAGES / f"ui-{name}-{scheme}.png")
            shown.close()
        browser.close()
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
