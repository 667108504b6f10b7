"""A page taken apart: what a reader sees as text, and the charts that are packed in it."""

from __future__ import annotations

import base64
import html
import re
import zlib


def unpacked(page: str) -> list[str]:
    """The documents of a page's charts, as text."""
    packed = re.findall(r'<div class="chart"><script type="text/plain">([\w+/=]+)</script>', page)
    return [zlib.decompress(base64.b64decode(one)).decode() for one in packed]


def own(page: str) -> str:
    """The page's own text and tags, without scripts and styles."""
    return html.unescape(re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL))
