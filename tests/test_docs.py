"""The blocks in the README and on the pages run, and every link leads somewhere.

A block marked ``sh`` or ``console`` is a list of commands, ``python`` a script, ``toml`` a file. What cannot be run,
such as a command that needs the exchange, is marked ``text`` or not at all. The client's page is compiled only.
"""

from __future__ import annotations

import json
import re
import shlex
import textwrap
import tomllib
from pathlib import Path

import polars as pl
import pytest
from touchline.io import sample
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.pipeline.pipeline import load_pipeline

from .engine.made_books import made_books
from .program import engine
from .program import script as python

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Pages whose blocks another test runs.
ELSEWHERE = {
    "models.md": "tests/strategies/test_models_page.py",
    "python.md": "tests/test_python_page.py",
    "replay.md": "tests/engine/test_replay_page.py",
    "settings.md": "tests/test_settings_page.py",
    "ui.md": "tests/engine/page/test_page.py",
}
#: Pages with blocks that are run here; each has a test below.
HERE = {
    "README.md",
    "bets.md",
    "exchange.md",
    "features.md",
    "kalshi.md",
    "live.md",
    "params.md",
    "rewards.md",
    "signals.md",
    "store.md",
    "sweep.md",
    "training.md",
}
RUN = ("sh", "console", "python", "toml")
TICKER = "KXINX-26SEP14H1600-B7187"
HOUR = 3_600_000_000_000
JANUARY = 1_704_067_200 * 10**9  # 2024


def blocks(page: str, *languages: str) -> list[tuple[str, str]]:
    text = (ROOT / page if page == "README.md" else ROOT / "docs" / page).read_text()
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(language, body) for language, body in found if language in (languages or RUN)]


def commands(text: str, where: Path) -> None:
    for line in text.splitlines():
        command = shlex.split(line, comments=True)
        if not command:
            continue
        assert command[0] == "engine", line
        done = engine(*command[1:], where=where)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout, line


@pytest.fixture(scope="module")
def with_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose default store holds what the pages speak of: one market of an index, three of 2024."""
    folder = tmp_path_factory.mktemp("docs")
    tickers = ["KXRAIN-24JAN-A", "KXRAIN-24JAN-B", "KXRAIN-24FEB-A"]
    bars = [(ticker, hour) for ticker in tickers for hour in range(200)]
    bid = [4_000 + 100 * (hour * (2 + len(ticker) + place) % 17) for place, (ticker, hour) in enumerate(bars)]
    ts = [JANUARY + hour * HOUR for _, hour in bars]
    names = [ticker for ticker, _ in bars]
    market = {"series": "KXRAIN", "event": "KXRAIN-24JAN", "category": "Weather", "open_ts": JANUARY}
    market |= {"close_ts": JANUARY + 200 * HOUR, "settled_ts": JANUARY + 201 * HOUR, "result": "yes"}
    rows = [{"ticker": ticker, **market, "settlement": 10_000} for ticker in tickers]
    index = {"ticker": TICKER, "series": "KXINX", "event": "KXINX-26SEP14H1600", "category": "Financials"}
    index |= {"open_ts": JANUARY, "close_ts": JANUARY + 48 * HOUR, "settled_ts": None, "result": None}
    quotes = {
        "ts": ts,
        "ticker": names,
        "bid": bid,
        "bid_size": 5_000,
        "ask": [b + 100 for b in bid],
        "ask_size": 5_000,
    }
    book = {"ts": JANUARY + HOUR, "ticker": TICKER, "seq": [1, 1], "kind": 1, "side": [1, -1]}
    tables = {
        "markets": pl.DataFrame([*rows, {**index, "settlement": None}]),
        "quotes": pl.DataFrame(quotes),
        "trades": pl.DataFrame({"ts": ts, "ticker": names, "price": bid, "size": 900, "taker_side": 1}),
        "underlying": pl.DataFrame({"ts": [JANUARY], "symbol": "SPX", "value": [4_700.0]}),
        "book": pl.DataFrame(book | {"price": [4_600, 4_900], "size": 10_000}),
    }
    Store(folder / "data").ingest("made up", "1", [Chunk(tables)])
    return folder


def test_every_block_that_can_be_run_is():
    for page in PAGES:
        found = blocks(page.name) if page.name != "CHANGELOG.md" else []
        assert bool(found) == (page.name in HERE | set(ELSEWHERE)), page.name
        assert page.read_text().count("\n```") % 2 == 0
    for page, test in ELSEWHERE.items():
        assert page in (ROOT / test).read_text()


@pytest.mark.slow
def test_the_page_on_rewards(tmp_path: Path):
    found = [body for language, body in blocks("rewards.md") if language == "sh"]
    commands("\n".join(found), tmp_path)
    quarter = json.loads((tmp_path / "results" / "quarter" / "run.json").read_text())
    assert "earn $3.48" in (ROOT / "docs" / "rewards.md").read_text() and quarter["summary"]["rewards"] == 3_480_000
    assert quarter["summary"]["pnl"] < 0
    maker = json.loads((tmp_path / "results" / "maker" / "run.json").read_text())["summary"]
    told = [maker[name] for name in ("pnl_without_rewards", "rewards", "rewards_unanswered")]
    assert told == [11_661_800, 2_610_000, 2_850_000]
    for name in ("heatmap_rewards.png", "heatmap_quoting.png", "heatmap_collateral.png", "report.html"):
        assert (tmp_path / "results" / "grid" / name).stat().st_size > 1_000


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_each_page_stands_in_the_menu_of_the_site():
    menu = (ROOT / "mkdocs.yml").read_text()
    for page in PAGES[2:]:
        assert re.search(rf"[ \[]{re.escape(page.name)}\b", menu), f"{page.name} is not in mkdocs.yml"


def test_the_architecture_names_files_that_exist():
    text = (ROOT / "docs/architecture.md").read_text()
    for floor in ("io", "features", "strategies", "engine"):
        part = re.split(r"^## ", text.split(f"\n## {floor}\n")[1], flags=re.MULTILINE)[0]
        known = {path.stem for path in (ROOT / floor).rglob("*.py")}
        known |= {path.name for path in (ROOT / floor).rglob("*") if path.is_dir() or path.parent.name == floor}
        cells = re.findall(r"^\| (`.*?) \|", part, re.MULTILINE) or [part]
        for name in re.findall(r"`([\w./*]+)`", " ".join(cells)):
            stem = name.removesuffix("/").rpartition("/")[2]
            assert "*" in name or name.endswith(".md") or stem in known, f"{floor}: {name}"


@pytest.mark.slow
def test_the_tour_of_the_readme_runs(tmp_path: Path):
    home = tmp_path / "results/demo"
    store = Store(home / "store")
    sample.load(store, sample.make(7, 0.005, home / "day"))
    for language, body in blocks("README.md"):
        if language == "python":
            python(body, tmp_path)
        else:
            commands(body, tmp_path)


def test_the_page_on_the_store_runs(with_data: Path):
    for _, body in blocks("store.md"):
        python(body, with_data)


@pytest.mark.slow
def test_the_page_on_betting_runs(with_data: Path):
    scripts = [body for language, body in blocks("bets.md") if language == "python"]
    (with_data / "own.toml").write_text(blocks("bets.md", "toml")[0][1])
    assert load_pipeline(with_data / "own.toml").scorer.values["width"] == 2.5
    (with_data / "my_scorers.py").write_text(scripts[1])
    (with_data / "scored.toml").write_text('description = "x"\n[scorer]\nname = "my_scorers.py:Dip"\n')
    assert load_pipeline(with_data / "scored.toml").scorer.values["fall"] == 0.10
    (with_data / "forecasts.csv").write_text(blocks("bets.md", "csv")[0][1])
    (with_data / "forecast.toml").write_text(blocks("bets.md", "toml")[1][1])
    (with_data / "forecast.py").write_text(scripts[2])
    commands("engine backtest --strategy forecast.toml --store data --out results/forecast", with_data)
    assert json.loads((with_data / "results/forecast/run.json").read_text())["figures"]["trades"] > 0
    python(scripts[0], with_data)
    assert json.loads((with_data / "results/first/run.json").read_text())["markets"] == 4
    for _, body in blocks("bets.md", "sh"):
        if "data sample" not in body:
            commands(body, with_data)
    assert (with_data / "results/quant/report.html").is_file()
    assert (with_data / "results/grid/best_robust.json").is_file()


@pytest.mark.slow
def test_the_example_of_maker_entries_runs_on_the_synthetic_day(tmp_path: Path):
    body = next(body for _, body in blocks("bets.md", "sh") if "data sample" in body)
    commands(body, tmp_path)
    orders = json.loads((tmp_path / "results/patient/run.json").read_text())["maker_orders"]
    assert min(orders.values()) > 0


def test_the_page_on_features_runs(with_data: Path):
    for name, (_, body) in zip(("run", "micro.toml", "micro.py"), blocks("features.md"), strict=True):
        python(body, with_data) if name == "run" else (with_data / name).write_text(body)
    commands("engine backtest --strategy micro.toml --store data --start 2024-01-04 --out results/micro", with_data)
    assert json.loads((with_data / "results/micro/run.json").read_text())["strategy"]["tables"][0]["by"] == "ticker"
    found = pl.read_parquet(with_data / "from_quotes.parquet")
    assert found["micro"].null_count() == 3 * 72
    assert found["ofi"].n_unique() > 2


@pytest.mark.slow
def test_the_page_on_training_runs(tmp_path: Path):
    """The pipeline's file lies there, without a model at first; then come the commands and the script."""
    (tmp_path / "trained.toml").write_text(blocks("training.md", "toml")[0][1])
    commands(blocks("training.md", "sh")[0][1], tmp_path)
    warned = json.loads((tmp_path / "results/trained/run.json").read_text())["warnings"]
    assert "no-skill" in {one["name"] for one in warned}
    assert (tmp_path / "models/first/report.html").is_file()
    said = python(blocks("training.md", "python")[0][1], tmp_path)
    assert "False ['no-skill', 'few-events']" in said
    (tmp_path / "mine.py").write_text(blocks("training.md", "python")[1][1])
    commands(blocks("training.md", "sh")[1][1], tmp_path)
    assert (tmp_path / "models/fair/model.onnx").is_file()


@pytest.mark.slow
def test_the_page_on_sweeps_runs(tmp_path: Path):
    made_books(tmp_path / "data", markets=3, seconds=300)
    for language, body in blocks("sweep.md"):
        if language == "python":
            python(body, tmp_path)
        else:
            commands(body, tmp_path)


@pytest.mark.slow
def test_the_page_on_live_orders_runs(tmp_path: Path):
    made_books(tmp_path / "data", markets=3, seconds=300)
    for language, body in blocks("live.md"):
        if language == "python":
            said = python(body, tmp_path).splitlines()
            assert len(said) == 4 and "the exchange's cash" in said[3]
            assert said[1].split()[-1] == said[3].split()[-1] and said[2] == "the journal replays: True"
            assert len([line for line in body.splitlines() if line]) < 40
        else:
            commands(body, tmp_path)


def test_the_page_on_the_exchange_runs(with_data: Path):
    """The second block goes on inside the first one's exchange; the SDK reads the removed fields too."""
    serve, sdk = (body for _, body in blocks("exchange.md"))
    serve = serve.replace('fault="gap=0.01"', 'fault="gap=0.01", legacy=True')
    python(serve + textwrap.indent(sdk, "    "), with_data)


def test_the_page_on_kalshi_compiles_and_its_names_exist(with_data: Path):
    """Its blocks place orders and listen for ever: they are compiled, and what they import is imported."""
    for _, body in blocks("kalshi.md"):
        compile(body, "kalshi.md", "exec")
        python("\n".join(line for line in body.splitlines() if line.startswith("from ")), with_data)


def test_the_parameter_file_of_its_page_fits_the_schema():
    import jsonschema

    document = tomllib.loads(blocks("params.md", "toml")[0][1])
    schema = json.loads((ROOT / "engine/results/params.schema.json").read_text())
    document["content_hash"] = "sha256:" + 64 * "0"
    jsonschema.validate(document, schema)


def test_the_page_on_signals(tmp_path: Path, plain_kernels: None):
    made_books(tmp_path / "data", markets=1, seconds=120)
    (_, model), (_, shell), *scripts = blocks("signals.md")
    (tmp_path / "pressed.py").write_text(model)
    assert model.strip().count("\n") < 25
    commands(shell, tmp_path)
    assert pl.read_parquet(tmp_path / "signals.parquet").columns == [
        "ts", "flow", "imbalance_1", "imbalance_2", "pressure",
    ]  # fmt: skip
    for _, text in scripts:
        python(text, tmp_path)
