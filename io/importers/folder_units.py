"""One price unit for the files of a folder: those that leave it open are read like those beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..ground.errors import InputError
from .base import Options
from .recognise import Recognised
from .recordings.level_files import LevelFile
from .tables.layout import Layout
from .values.beginning import sample_of
from .values.convert import SourceRows
from .values.flat import batches
from .values.price_unit import DISPUTED, UNDECIDED, UnitOpenError

_OPEN: Mapping[str, str] = {"unit": "open"}


def agreed(files: Sequence[Recognised], options: Options) -> list[Recognised]:
    """Give each file that leaves its price unit open the unit of the files of its format beside it.

    Where nothing decides, the import stops here, before anything of it is stored.
    """
    if options.price_unit is not None:
        return list(files)
    groups = defaultdict[tuple[Path, str], list[int]](list)
    for index, one in enumerate(files):
        if isinstance(one.importer, Layout | LevelFile):
            groups[one.path.parent, one.importer.name].append(index)
    settled = list(files)
    for group in groups.values():
        said = {index: _said(files[index], options) for index in group}
        sure = {decided["unit"] for decided in said.values() if "sure" in decided}
        likely = {decided["unit"] for decided in said.values()} & {"dollars"}
        beside = DISPUTED if len(sure) > 1 else next(iter(sure or likely), None)
        for index, decided in said.items():
            if decided["unit"] == "open" or ("sure" not in decided and decided["unit"] == "dollars" != beside):
                settled[index] = replace(files[index], unit_beside=beside)
                _ask(settled[index], replace(options, unit_beside=beside))
    return settled


def _said(one: Recognised, options: Options) -> Mapping[str, str]:
    """Return what the beginning of a file says about its price unit."""
    try:
        return _decide(one, options, head=True)
    except UnitOpenError:
        return _OPEN
    except InputError:  # said again, and better, when the file is read
        return {"unit": UNDECIDED}


def _ask(one: Recognised, options: Options) -> None:
    """Raise if even the whole first part of a file leaves its unit open."""
    _decide(one, options, head=False)


def _decide(one: Recognised, options: Options, *, head: bool) -> Mapping[str, str]:
    importer = one.importer
    assert isinstance(importer, Layout | LevelFile)
    renames = {column: name for name, column in options.columns.items()}
    for read in batches(sample_of(one.path, options), renames, head=head):
        decided = importer.decide(SourceRows(read().frame, options, [], one.path))
        return decided if "unit" in decided else {"unit": UNDECIDED}
    return {"unit": UNDECIDED}
