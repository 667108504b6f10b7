"""The libraries that training needs and the rest does not: found when they are used, or said how to install."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from ....io.ground.errors import InputError

#: The libraries that an extra of its own brings; all others come with ``train``.
_EXTRA = {"torch": "torch"}


def version_of(*libraries: str) -> dict[str, str]:
    """Return the versions of libraries by name; one that is missing is an error that says how to install it.

    >>> sorted(version_of("onnx"))
    ['onnx']
    """
    try:
        return {name: version(name) for name in libraries}
    except PackageNotFoundError as error:
        extra = _EXTRA.get(str(error.name), "train")
        raise InputError(f"training needs {error.name}: pip install 'touchline[{extra}]'") from None
