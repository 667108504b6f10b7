"""Names that come from outside, in the two places where they could do harm: on a terminal and in a path."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_LONGEST = 100


def plain(text: str) -> str:
    r"""Return a text in which nothing moves the cursor, turns the line round or begins another line.

    >>> plain("KXINX-26"), plain("a\x1b[31mb\nc\u202ed")
    ('KXINX-26', 'a\\x1b[31mb\\nc\\u202ed')
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def file_name(name: str) -> str:
    """Return a name for a file or folder of its own: the same if it can be one, else what is left of it and a hash.

    >>> file_name("KXINX-26SEP14H1600-B7187.5"), file_name("../../x")
    ('KXINX-26SEP14H1600-B7187.5', '_.._x-9cdf6a50')
    """
    made = re.sub(r"[^\w.+@=,-]", "_", name, flags=re.ASCII).lstrip(".-")
    if made == name and 0 < len(made) <= _LONGEST:
        return made
    import hashlib  # it loads a library, which the start of every command would pay for

    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{made[: _LONGEST - len(digest) - 1]}-{digest}".lstrip("-")


def is_inside(name: str) -> bool:
    """Whether a name with ``/`` in it stays inside the folder that it is relative to.

    >>> is_inside("trades/a.parquet"), is_inside("../a"), is_inside("/a")
    (True, False, False)
    """
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name
