"""Draw the same picture of 10,000 marks with the page's own pen, uPlot, ECharts and Vega: size and time of each.

`python -m bench.charts FOLDER` wants a folder with the npm packages `uplot`, `echarts` and `vega` unpacked, each under
its name. Two lines of 4,000 points and 2,000 dots on a canvas of 1160 by 460: what a replay's price is made of. Prints
the size of the library as served and compressed, and the fastest and the median of 30 redraws with other data.
"""

from __future__ import annotations

# ruff: noqa: E501  # scripts as the browser gets them
import gzip
import shutil
import statistics
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from touchline.engine.page.server import STATIC

DATA = """
const N = 4000, M = 2000, W = 1160, H = 460;
let seed = 1; const chance = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
const xs = Array.from({length: N}, (_, i) => i), bid = [], ask = [];
let mid = 50;
for (let i = 0; i < N; i++) { mid += chance() - 0.5; bid.push(mid - 1); ask.push(mid + 1); }
const dots = Array.from({length: M}, (_, i) => [i * 2, chance() < 0.5 ? bid[i * 2] : ask[i * 2]]);
const low = Math.min(...bid), high = Math.max(...ask);
const moved = (turn) => bid.map((v) => v + (turn % 3) * 0.1);
"""
OWN = """
const canvas = document.createElement("canvas"); canvas.width = W; canvas.height = H; document.body.append(canvas);
const context = canvas.getContext("2d");
window.draw = (turn) => {
    context.clearRect(0, 0, W, H);
    const pen = new CanvasPen(context), x = (v) => 50 + v / N * (W - 60), y = (v) => H - 20 - (v - low) / (high - low) * (H - 30);
    for (let k = 0; k < 6; k++) { pen.lines([[50, 20 + k * 80, W, 20 + k * 80]], "#333"); pen.text(40, 20 + k * 80, String(k), "#999", "right"); }
    for (const [list, colour] of [[moved(turn), "#45b88f"], [ask, "#e57368"]]) pen.lines([list.flatMap((v, i) => [x(i), y(v)])], colour, 1.2);
    pen.dots(dots.flatMap(([a, b]) => [x(a), y(b)]), 2, "#9aa8b8", 0.75);
    context.getImageData(0, 0, 1, 1);
};
"""
#: As the page does it: the server has made one stretch a pixel of the points, of each the lowest, highest and last.
BY_PIXEL = OWN.replace(
    "pen.lines([list.flatMap((v, i) => [x(i), y(v)])], colour, 1.2);",
    """{
        const columns = [], run = [];
        for (let i = 0; i < N; i += 4) {
            const part = list.slice(i, i + 4), at = x(i);
            columns.push([at, y(Math.min(...part)), at, y(Math.max(...part))]);
            run.push(at, y(part[3]), x(i + 4), y(part[3]));
        }
        pen.lines(columns, colour, 1, 0.45); pen.lines([run], colour, 1.2);
    }""",
)
UPLOT = """
const marks = new Array(N).fill(null); for (const [a, b] of dots) marks[a] = b;
const plot = new uPlot({width: W, height: H, scales: {x: {time: false}}, series: [{}, {stroke: "#45b88f", points: {show: false}},
    {stroke: "#e57368", points: {show: false}}, {paths: () => null, points: {show: true, size: 4, fill: "#9aa8b8"}}]}, [xs, bid, ask, marks], document.body);
window.draw = async (turn) => { plot.setData([xs, moved(turn), ask, marks]); await Promise.resolve(); plot.ctx.getImageData(0, 0, 1, 1); };
"""
ECHARTS = """
const box = document.createElement("div"); box.style.cssText = `width:${W}px;height:${H}px`; document.body.append(box);
const chart = echarts.init(box, null, {renderer: "canvas"});
const line = (list, color) => ({type: "line", showSymbol: false, animation: false, data: xs.map((v, i) => [v, list[i]]), lineStyle: {color, width: 1.2}});
window.draw = (turn) => {
    chart.setOption({animation: false, xAxis: {type: "value", max: N}, yAxis: {type: "value", min: low, max: high},
        series: [line(moved(turn), "#45b88f"), line(ask, "#e57368"), {type: "scatter", symbolSize: 4, animation: false, data: dots}]}, true);
    chart.getZr().flush(); box.querySelector("canvas").getContext("2d").getImageData(0, 0, 1, 1);
};
"""
VEGA = """
const box = document.createElement("div"); document.body.append(box);
const line = (name, color) => ({type: "line", from: {data: name}, encode: {update: {x: {scale: "x", field: "a"}, y: {scale: "y", field: "b"}, stroke: {value: color}, strokeWidth: {value: 1.2}}}});
const view = new vega.View(vega.parse({width: W - 60, height: H - 40,
    data: [["bid", bid], ["ask", ask]].map(([name, list]) => ({name, values: list.map((b, a) => ({a, b}))})).concat({name: "dots", values: dots.map(([a, b]) => ({a, b}))}),
    scales: [{name: "x", type: "linear", domain: [0, N], range: "width"}, {name: "y", type: "linear", domain: [low, high], range: "height"}],
    axes: [{scale: "x", orient: "bottom"}, {scale: "y", orient: "left"}],
    marks: [line("bid", "#45b88f"), line("ask", "#e57368"), {type: "symbol", from: {data: "dots"}, encode: {update: {x: {scale: "x", field: "a"}, y: {scale: "y", field: "b"}, size: {value: 12}, fill: {value: "#9aa8b8"}}}}]}),
    {renderer: "canvas", container: box});
window.draw = async (turn) => { view.data("bid", moved(turn).map((b, a) => ({a, b}))); await view.runAsync(); box.querySelector("canvas").getContext("2d").getImageData(0, 0, 1, 1); };
"""
#: What draws: its script (the page's own where empty), and how it is told to.
PENS = {
    "own pen": ("", OWN), "own pen, by the pixel": ("", BY_PIXEL), "uPlot": ("uplot/dist/uPlot.iife.min.js", UPLOT),
    "ECharts": ("echarts/dist/echarts.min.js", ECHARTS), "Vega": ("vega/build/vega.min.js", VEGA),
}  # fmt: skip
TURNS = 30


def timed(page: Page, source: str, script: str) -> list[float]:
    """Times in ms of redraws in a fresh page."""
    page.goto("about:blank")
    page.add_script_tag(content=source)
    page.add_script_tag(content=f"{{ {DATA} {script} }}")
    return page.evaluate(
        f"""async () => {{
            const took = [];
            for (let turn = 0; turn < {TURNS + 3}; turn++) {{
                const began = performance.now();
                await window.draw(turn);
                took.push(performance.now() - began);
                await new Promise((next) => requestAnimationFrame(next));
            }}
            return took.slice(3);
        }}"""
    )


def main() -> None:
    """Draw with each, print a line each."""
    if len(sys.argv) != 2:
        sys.exit("name the folder that has uplot, echarts and vega unpacked: python -m bench.charts FOLDER")
    with sync_playwright() as play:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, (file, script) in PENS.items():
            own = (STATIC / "pen.js").read_text().replace("export ", "")
            source = (Path(sys.argv[1]) / file).read_text() if file else own
            took = timed(browser.new_page(), source, script)
            raw, packed = len(source.encode()) / 1e3, len(gzip.compress(source.encode())) / 1e3
            least, middle = min(took), statistics.median(took)
            print(f"{name}: {raw:.0f} kB, {packed:.0f} kB compressed; a redraw {least:.1f} ms, median {middle:.1f} ms")
        browser.close()


if __name__ == "__main__":
    main()
