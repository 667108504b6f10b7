"""Charts to SVG and PNG files, in a process of their own: the converter holds the lock of Python. And for browsers."""

from __future__ import annotations

import base64
import json
import sys
import zlib
from contextlib import AbstractContextManager, nullcontext, suppress
from importlib.metadata import version as version_of
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

from ...io.ground import atomic
from ...io.ground.cache import cache_dir
from ...io.ground.children import start_python
from ...io.ground.errors import CheckError
from ...io.ground.sealed import read_sealed, write_sealed

#: A small heat map, drawn before the first that is asked for: the converter is slow until it has drawn one like it.
_WARMTH: dict[str, Any] = {
    "data": {"values": [{"x": x, "y": y, "z": x * y} for x in range(24) for y in range(24)]},
    "mark": "rect",
    "encoding": {
        "x": {"field": "x", "type": "ordinal"}, "y": {"field": "y", "type": "ordinal"},
        "color": {"field": "z", "type": "quantitative"},
    },
}  # fmt: skip
CHILD = "import os; from touchline.engine.reports.drawing import child; child(); os._exit(0)"


class Drawer:
    """A process that starts its converter at once, and then draws what it is given while this one goes on.

    Used with ``with``: leaving waits for the pictures, or drops them if something went wrong before.
    """

    def __init__(self) -> None:
        self._process = start_python(CHILD, stdin=PIPE, stdout=DEVNULL, stderr=PIPE, text=True, pipesize=1 << 20)

    def draw(self, document: dict[str, Any], path: Path) -> None:
        """Have a Vega-Lite document drawn to ``path`` with ``.svg`` and with ``.png``."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps([document, str(path)], default=str) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # leaving says why

    def __enter__(self) -> Drawer:
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if failure is not None:
            self._process.kill()
        errors = self._process.communicate()[1]
        if failure is None and self._process.returncode:
            reason = [f"it ended with {self._process.returncode}", *errors.strip().splitlines()][-1]
            raise CheckError(
                f"the pictures could not be drawn ({reason}); all else is written, and pictures=False leaves them away"
            )


def drawing(pictures: bool | Drawer) -> AbstractContextManager[Drawer | None]:
    """Who draws: a drawer that was started before and waits for its owner, a new one, or no one."""
    if isinstance(pictures, Drawer):
        return nullcontext(pictures)
    return Drawer() if pictures else nullcontext()


def child() -> None:
    """What the drawing process does: a line of standard input, two files."""
    _pictures(_WARMTH)
    browser_library()
    for line in sys.stdin:
        document, path = json.loads(line)
        try:
            _draw(document, Path(path))
        except (OSError, ValueError) as error:
            sys.exit(" ".join(str(error).split("\n")[:2]))


def browser_library() -> str:
    """Return the script that draws charts in a browser, packed; bundling it takes a second, so it is kept."""
    version = "-".join(version_of(package) for package in ("altair", "vl-convert-python"))
    place = cache_dir() / f"vega-lite-{version}.packed"
    kept = read_sealed(place)
    if kept is not None:
        return kept.decode()
    import altair
    import vl_convert

    wanted = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    text = packed(vl_convert.javascript_bundle(vl_version=wanted))  # pyright: ignore[reportCallIssue]  # its stub lacks the default
    with suppress(OSError):
        write_sealed(place, text.encode())
    return text


def packed(text: str) -> str:
    """Pack a text for a page, which unpacks it with what browsers have; in letters that cannot end a script.

    >>> len(packed("0123456789" * 1_000)) < 100
    True
    """
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def svg(document: dict[str, Any]) -> str:
    """Draw a Vega-Lite document as SVG, in this process."""
    import vl_convert

    return vl_convert.vegalite_to_svg(document)


def _draw(document: dict[str, Any], path: Path) -> None:
    for suffix, content in _pictures(document).items():
        atomic.write(path.with_name(path.name + suffix), content)


def _pictures(document: dict[str, Any]) -> dict[str, bytes]:
    import vl_convert

    drawn = svg(document)
    return {".svg": drawn.encode(), ".png": vl_convert.svg_to_png(drawn, scale=2)}
