"""The site of the docs: every page is there, links lead somewhere, nothing is asked of a network, search finds."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import pytest

from .browser import browser

ROOT = Path(__file__).resolve().parent.parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("mkdocs") is None, reason="the extra docs is not installed"),
]
#: What makes a browser ask for a file.
ASKS = re.compile(r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=["']?([^"'\s>]+)""")
STYLES = re.compile(r"""<link\b[^>]*\brel="?(?:stylesheet|icon|preload|preconnect)[^>]*\bhref="?([^"\s>]+)""")
REACH = re.compile(r"""url\(["']?([^"')]+)|@import\s+["']([^"']+)""")
SEARCH = """(async word => {
  const wait = ms => new Promise(done => setTimeout(done, ms)), field = document.querySelector("[name=query]");
  field.focus();
  await wait(500);
  field.value = word;
  field.dispatchEvent(new Event("input", {bubbles: true}));
  field.dispatchEvent(new KeyboardEvent("keyup", {bubbles: true}));
  for (let tries = 0; tries < 50; tries++) {
    const found = [...document.querySelectorAll(".md-search-result__link")].map(one => one.href);
    if (found.length) return found;
    await wait(100);
  }
  return [];
})"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place)]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return place


def pages(site: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in sorted(site.rglob("*.html"))}


def test_it_holds_every_page_of_the_docs_and_what_is_made_from_elsewhere(site):
    named = {path.relative_to(site).as_posix() for path in pages(site)}
    written = {f"{path.relative_to(ROOT / 'docs').with_suffix('.html')}" for path in (ROOT / "docs").rglob("*.md")}
    notebooks = {f"notebooks/{path.stem}.html" for path in (ROOT / "docs/notebooks").glob("*.ipynb")}
    assert named >= written | notebooks | {
        "index.html",
        "api.html",
        "benchmarks.html",
        "changelog.html",
        "gallery.html",
    }
    menu = pages(site)[site / "index.html"]
    for name in named - {"404.html"}:
        assert f'href="{name}"' in menu, f"{name} is not in the menu of mkdocs.yml"


def test_its_links_and_anchors_lead_somewhere(site):
    every = pages(site)
    anchors = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in every.items()}
    lost = []
    for path, text in every.items():
        for found in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', text) + re.findall(r'<img\b[^>]*\bsrc="([^"]*)"', text):
            target, _, anchor = unquote(html.unescape(found)).partition("#")
            if re.match(r"\w+:", target) or path.name == "404.html":
                continue
            place = (path.parent / target).resolve() if target else path
            if not place.exists() or (anchor and place.suffix == ".html" and anchor not in anchors.get(place, ())):
                lost.append(f"{path.relative_to(site)}: {found}")
    assert lost == []


def test_no_page_asks_for_anything_from_elsewhere(site):
    asked = [(path, one) for path, text in pages(site).items() for kind in (ASKS, STYLES) for one in kind.findall(text)]
    asked += [(path, "".join(one)) for path in site.rglob("*.css") for one in REACH.findall(path.read_text())]
    assert [f"{path.name}: {one}" for path, one in asked if re.match(r"(https?:)?//", one)] == []


def test_the_api_page_documents_each_public_name(site):
    from touchline import engine

    text = pages(site)[site / "api.html"]
    for name in engine.__all__:
        assert name.startswith("__") or re.search(rf'id="touchline\.(engine|io)\.[\w.]*\b{name}"', text), name
    assert "Returns:" in text and "Parameters:" in text


def test_it_opens_from_the_folder_and_searches(site):
    with browser() as tab:
        tab.ask("Emulation.setFocusEmulationEnabled", enabled=True)
        for page in ("index.html", "notebooks/quoting.html", "gallery.html", "figures.html"):
            tab.open(site / page, 1280)
            assert tab.said == []
        found = tab.run(f"{SEARCH}('quarantine')")
        assert any(link.endswith("importing.html") or "importing.html#" in link for link in found)
        tab.open(site / "figures.html", 420, dark=True)
        assert tab.run("document.documentElement.scrollWidth") <= 420
