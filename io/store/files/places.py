"""Which place a path or an address names."""

from __future__ import annotations

from pathlib import Path

from ...ground.errors import InputError
from .local import LocalPlace
from .place import Place


def place_at(path: str | Path) -> Place:
    """The place a path or an ``s3://bucket/prefix`` names."""
    text = str(path)
    if text.startswith("s3://"):
        from .s3 import S3Place

        return S3Place(text)
    if "://" in text:
        raise InputError(f"a store lies in a folder or at s3://bucket/prefix, not at {text!r}")
    return LocalPlace(Path(text))
