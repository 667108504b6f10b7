"""What the site has beside the pages of `docs/`: README, benches, changes, notebooks, pictures, the API."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
#: Page of the site -> file of the tree that it is made of.
ELSEWHERE = {"index.md": "README.md", "benchmarks.md": "bench/RESULTS.md", "changelog.md": "CHANGELOG.md"}
#: A public name on the page of the API.
OBJECT = "::: {home}.{name}\n    options:\n      heading: engine.{name}\n      toc_label: {name}"
NOTEBOOKS = ROOT / "docs" / "notebooks"
IMAGES = ROOT / "docs" / "images"
#: Picture -> its title, and a sentence on it.
PICTURES = {
    "replay.svg": (
        "A replay",
        "Mid, own quotes and fills; the position; equity. The quoter earns all day and gives it back at the end.",
    ),
    "markets.svg": ("One strategy on several markets", "Equity of each on one scale, the best first."),
    "parts.svg": ("Where the P&L came from", "The parts add up to it, to the micro-dollar."),
    "markouts.svg": ("After the fills", "What the mid did after a fill: above zero the fill was a good one."),
    "heatmap.svg": ("A sweep", "P&L over two parameters. The ring is the robust choice, the square the highest P&L."),
    "heatmap-markets.svg": (
        "A sweep by market",
        "The same grid on each market: what earns on one may lose on the next.",
    ),
    "bets-equity.svg": ("Bets", "Equity, how far it lies below its peak, and what was at stake."),
    "bets-random.svg": ("Is it luck?", "The strategy among random portfolios of the same money at the same time."),
    "bets-calibration.svg": (
        "Were the probabilities right?",
        "Points on the line came true as often as they were given.",
    ),
}
#: View of the local page -> its title, in the order of a visit.
VIEWS = {
    "results": "Results",
    "replay": "A replay, time travel",
    "sweep": "A sweep on the page",
    "bets": "Bets on the page",
    "session": "A session that quotes",
    "betting": "A session that bets",
    "compare": "Results beside each other",
    "model": "A trained model",
    "data": "A store",
    "book": "A market of a store",
}


def on_files(files: Files, config: Any) -> Files:
    """Add what is made from elsewhere in the tree."""
    made = {page: (ROOT / source).read_text() for page, source in ELSEWHERE.items()}
    made |= {f"notebooks/{path.stem}.md": notebook(path) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    made |= {"api.md": reference(), "gallery.md": gallery()}
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links lead to the site's own pages, from wherever in the tree they were written."""
    source = ELSEWHERE.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    return re.sub(r"\]\((?!\w+:|#)([^)#\s]+)", lambda link: f"]({led(link[1], source, page.file.src_uri)}", markdown)


def led(target: str, source: str, page: str) -> str:
    """Return where a link of ``source`` leads to on the site, seen from ``page``.

    >>> led("docs/words.md", "README.md", "index.md"), led("../bench/RESULTS.md", "docs/sweep.md", "sweep.md")
    ('words.md', 'benchmarks.md')
    """
    place = ((ROOT / source).parent / target).resolve().relative_to(ROOT).as_posix()
    found = next((name for name, held in ELSEWHERE.items() if held == place), place.removeprefix("docs/"))
    if found.endswith(".ipynb"):
        found = found.removesuffix(".ipynb") + ".md"
    return "../" * page.count("/") + found


def notebook(path: Path) -> str:
    """Return a notebook's cells as a page."""
    parts = []
    for cell in json.loads(path.read_text())["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    return "\n\n".join([*parts, f"The notebook itself lies in `docs/notebooks/{path.name}`."])


def reference() -> str:
    """Return the page on the public names, each with its own documentation."""
    from touchline import engine

    homes: dict[str, list[str]] = {}
    for name in engine.__all__:
        value = getattr(engine, name)
        if hasattr(value, "__module__") and not isinstance(value, str):
            homes.setdefault(value.__module__, []).append(name)
    lines = [
        "# API",
        "",
        "What `from touchline import engine` offers. [Python](python.md) shows how it goes together.",
        "",
    ]
    for home in sorted(homes, key=lambda one: (".api." not in one, one)):
        lines += [f"## {home.rpartition('.')[2].replace('_', ' ').capitalize()}", ""]
        lines += [OBJECT.format(home=home, name=name) for name in homes[home]]
        lines.append("")
    return "\n".join(lines)


def gallery() -> str:
    """Return the page of pictures: charts, and the views of the local page, dark and light."""
    lines = [
        "# Gallery",
        "",
        "Pictures of the synthetic day. Nothing in it was ever traded. `make gallery` draws the charts anew, "
        "`make screenshots` takes those of the local page.",
        "",
    ]
    named = (path.name for path in IMAGES.glob("*.*"))
    others = sorted(name for name in named if name not in PICTURES and not name.startswith("ui-"))
    for name in [*PICTURES, *others]:
        title, about = PICTURES.get(name, (name.partition(".")[0].replace("-", " ").capitalize(), ""))
        lines += [f"## {title}", "", about, "", f"![{title}](images/{name})", ""]
    lines += ["## The local page", "", "What [`engine ui`](ui.md) shows, dark and light.", ""]
    for view, title in VIEWS.items():
        lines += [f"### {title}", ""]
        lines += [f"![{title}, {look}](images/ui-{view}-{look}.png)\n" for look in ("dark", "light")]
    return "\n".join(lines)
