"""Let the site read what docstrings call `Example:` as code that runs."""

from __future__ import annotations

import re
from typing import Any

import griffe


class Examples(griffe.Extension):
    """Give the section of examples the name that the reader of docstrings knows."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename the section in each docstring."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"(?m)^Example:$", "Examples:", obj.docstring.value)
