"""A result as a notebook shows it: its figures, its warnings and a picture, which needs no network."""

from __future__ import annotations

from collections.abc import Sequence

from ..figures.warnings import Notice
from ..results.evidence import Evidence
from ..results.results import Recorded
from . import page
from .charts import chart
from .drawing import svg
from .pictures import spec
from .told.in_short import in_short, title_of


def as_html(found: Recorded, evidence: Evidence | None, warned: Sequence[Notice]) -> str:
    """Return HTML of a title, a table of figures, the warnings and the first chart of its kind."""
    items = "".join(f"<li><b>{page.escape(notice.name)}</b>: {page.escape(notice.text)}</li>" for notice in warned)
    told = f"<ul>{items}</ul>" if items else ""
    table = page.table(["", ""], in_short(found, evidence))
    return f"<h4>{page.escape(title_of(found))}</h4>{table}{told}{svg(spec(chart(found)))}"
