"""From the kernel's package to the compiled kernel of one model under one set of assumptions.

A copy of the package is a package of its own in memory, named by the hash of everything it was made from. Its code is
kept in the cache folder. Only ``head.py`` is written anew: the run's switches and the model's quote. What one reads
here is what runs. Nothing in a copy depends on the tape or on parameter values.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.util
import marshal
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from itertools import product
from pathlib import Path
from subprocess import Popen
from threading import Lock
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import numba

from ....features.signals.signal import named_row, signal_names
from ....io.ground.cache import cache_dir
from ....io.ground.made_of import made_of, names_in
from ....io.ground.sealed import read_sealed, write_sealed
from ....strategies.quoting.known import BASE, Known
from ..assumptions.flags import Flags
from .rows import GROUP
from .told import BOOK, HISTORY, LATELY, PLACES

if TYPE_CHECKING:
    from ....strategies.quoting.model import QuotingModel

HERE = Path(__file__).parent
#: Files of the package that are copied as they are, in the order of their imports.
COPIED = ("rows", "orders", "rewards", "placing", "ladder", "decide", "wire", "walk")
#: Where the model's own part begins in ``head.py``.
OWN = "@melted\ndef read_nb"


def head_of(model: type[QuotingModel], flags: Flags) -> str:
    """The text of ``head.py`` for a model: imports from the root, the run's switches, the model's quote."""
    text, _, _ = (HERE / "head.py").read_text().partition(OWN)
    text = re.sub(r"^from (\.\S+)", lambda found: f"from {_absolute(found[1])}", text, flags=re.MULTILINE)
    switches = {name.upper(): str(on) for name, on in asdict(flags).items() if name != "float_queue"}
    switches["AHEAD"] = f"np.{'float64' if flags.float_queue else 'int32'}"
    switches |= _of_model(model, flags)
    for name, value in switches.items():
        text, found = re.subn(rf"^{name} = \S+", f"{name} = {value}", text, flags=re.MULTILINE)
        assert found == 1, f"head.py has no switch {name}"
    names = model.columns()
    row = ", ".join(f"params[{index}, c]" for index in range(len(names)))
    declared, shown = signal_names(model.signals), named_row(model.signals, "w.signals[i, {}]")
    return f"""{text}
from collections import namedtuple

from . import MODEL

P = namedtuple("P", {list(names)!r})
Signals = namedtuple("Signals", {declared!r})
State = namedtuple("State", {list(model.state)!r})
More = namedtuple("Known", {[*Known._fields[:BASE], *read_of(model)]!r})
model_quote = guest(MODEL.quote)
WIDE = {1 if flags.one else GROUP}


@melted
def read_nb(w, first, i, now):
    return {_seen(model, f"Signals({shown})" if declared else "()", flags)}


@melted
def keep_nb(params, c, marked, state):
{_keeping(model)}

@disjoint
def matched_nb(first, side, spot, lots, px, want, size):
    i32, none = np.int32, np.int32(0)
    for j in range(WIDE):
        c = first + np.uint64(j)
{_matching(model.levels)}


@disjoint
def kept_nb(first, top, far, tolerance, spot, lots, px, want, size, room):
    i32, none = np.int32, np.int32(0)
    for j in range(WIDE):
        c = first + np.uint64(j)
{_staying(model.levels)}


@melted
def quote_nb(known, params, c):
    asked = model_quote({_known(model, flags)}, P({row}){_state(model)})
    return {_asked(model, flags)}
"""


def is_ladder(model: type[QuotingModel], flags: Flags) -> bool:
    """Whether wishes are matched with orders: where there are several, or one may stay though another is wished for."""
    return model.levels > 1 or model.takes or flags.still or flags.quiet


def _of_model(model: type[QuotingModel], flags: Flags) -> dict[str, str]:
    """The switches that a model's declaration sets."""
    read = {*read_of(model)}
    on: dict[str, object] = {"LATELY": read & {*LATELY}, "HISTORY": read & {*HISTORY}}
    on |= {"SCORED": flags.rewards and "rewards" in read}
    on |= {"PLACED": flags.latency and read & {*PLACES}}
    on |= {"LADDER": is_ladder(model, flags), "TAKES": model.takes, "STATE": model.state, "SIGNALLED": model.signals}
    taker = {"TAKER": "True"} if model.takes else {}
    return {"LEVELS": str(model.levels), "SLOTS": str(model.slots()), **taker} | {
        name: str(bool(one)) for name, one in on.items()
    }


@cache
def read_of(model: type[QuotingModel]) -> tuple[str, ...]:
    """What a model's quote, or a function that it calls, reads of all that is known beyond what every model is told."""
    names = names_in(model.quote)
    return tuple(name for name in Known._fields[BASE:] if name in names)


def _seen(model: type[QuotingModel], signals: str, flags: Flags) -> str:
    """The text of what all cells are told beyond the usual, with the arrays that each cell's own is read from."""
    read = {*read_of(model)}
    if not read:
        return signals
    book = "depth_nb(w.grid, w.st.book, first{0}, {1}, {2})"
    sides = ("", 0, "w.tape.best_bid[i]"), (" + 1", 1, "w.grid.top - w.tape.best_ask[i]")
    depths = [book.format(*side) if read & {*BOOK} else "()" for side in sides]
    lately = "lately_nb(w.grid, w.st.scalars, now)" if read & {*LATELY} else "()"
    scored = ", w.rewards, w.grid, first" if flags.rewards and "rewards" in read else ""
    return f"{signals}, {depths[0]}, {depths[1]}, {lately}, w.st, now, w.venue.rule{scored}"


def _known(model: type[QuotingModel], flags: Flags) -> str:
    """The text of what the model is told."""
    read = read_of(model)
    if not read:
        return "known"
    ranks = "past_nb(known.signals[4], known.position, known.mid, known.signals[5], c)"
    texts = {name: f"known.signals[{1 + at // 2}][{at % 2}]" for at, name in enumerate(BOOK)}
    texts |= {name: f"known.signals[3][{at}]" for at, name in enumerate(LATELY)}
    texts |= {name: f"{ranks}[{at}]" for at, name in enumerate(HISTORY)}
    st, now, scored, grid, first = (f"known.signals[{at}]" for at in (4, 5, 7, 8, 9))
    told = f"rewards_nb({first}, {now}, c, {model.levels}, {grid}, {st}, {scored})"
    texts["rewards"] = told if flags.rewards else "no_rewards_nb()"
    for at, name in enumerate(PLACES):
        place = ("seen_" if flags.latency else "") + "place_nb(known.signals[4], known.signals[6], {}, {}, {}, c)[{}]"
        own = [place.format(at // 2, rank, model.levels, at % 2) for rank in range(model.levels)]
        texts[name] = own[0] if model.levels == 1 else f"({', '.join(own)})"
    told = [f"known.{name}" for name in Known._fields[: BASE - 1]]
    return f"More({', '.join([*told, 'known.signals[0]', *(texts[name] for name in read)])})"


def _state(model: type[QuotingModel]) -> str:
    """The text of a quote's last argument: the values of its state, which stand after those that never change."""
    first = len(model.columns())
    values = ", ".join(f"params[{first + at}, c]" for at in range(len(model.state)))
    return f", State({values})" if model.state else ""


def _keeping(model: type[QuotingModel]) -> str:
    """The text of what keeps a cell's new state if it decides."""
    first = len(model.columns())
    rows = [f"params[{first + at}, c]" for at in range(len(model.state))]
    return "\n".join(f"    {row} = state[{at}] if marked > 0 else {row}" for at, row in enumerate(rows)) or "    return"


def _matching(levels: int) -> str:
    """The text of what makes each wish of a side some order's, with all of a cell in registers.

    Which wishes are ``open`` and which orders ``free`` are truths of their own: a wait for numbers would be three times
    as long.
    """
    ranks = range(levels)
    rows = [f"side + {2 * at}, c" for at in ranks]
    lines = [f"q{at}, s{at}, p{at} = lots[{row}], spot[{row}], px[{row}]" for at, row in enumerate(rows)]
    lines += [f"z{at}, free{at} = none, True" for at in ranks]
    lines += _merged(ranks)
    for one, wish in product(ranks, ranks):  # no two wishes are for one level
        lines += [f"takes = open{wish} & (s{wish} == p{one})", f"z{one} = q{wish} if takes else z{one}"]
        lines += [f"free{one}, open{wish} = free{one} ^ takes, open{wish} ^ takes"]
    lines += [f"w{at} = none if free{at} else p{at}" for at in ranks]
    for wish, one in product(ranks, ranks):
        lines += _given(one, wish, f" & free{one}" if one + 1 < levels else "")  # one is free for who found no other
    lines += [f"want[{row}], size[{row}] = w{at}, z{at}" for at, row in enumerate(rows)]
    return "\n".join(f"        {line}" for line in lines)


def _staying(levels: int) -> str:
    """The same of both sides where orders are kept still: what stands for young orders is in ``want`` and ``size``."""
    lines, both = [], [range(side, 2 * levels, 2) for side in range(2)]
    for side, ranks in enumerate(both):
        for at in ranks:
            lines += [f"q{at}, s{at}, p{at} = lots[{at}, c], spot[{at}, c], px[{at}, c]"]
            lines += [f"w{at}, z{at} = want[{at}, c], size[{at}, c]", f"free{at} = w{at} == 0"]
        lines += _merged(ranks)
        for one, wish in product(ranks, ranks):
            lines += [f"same = open{wish} & (s{wish} == p{one})", f"takes = same & free{one}"]
            lines += [f"w{one} = p{one} if takes else w{one}", f"z{one} = q{wish} if takes else z{one}"]
            lines += [f"free{one}, open{wish} = free{one} ^ takes, open{wish} ^ same"]
        for wish, one in product(ranks, ranks):
            near = f"(p{one} > 0) & (p{one} < far[{side}]) & (abs(i32(s{wish} - p{one})) <= tolerance[c])"
            lines += _given(one, wish, f" & free{one} & {near}", stays=True)
        lines += [f"most{side} = none"] + [f"most{side} = w{at} if w{at} > most{side} else most{side}" for at in ranks]
    for side, ranks in enumerate(both):
        lines += [f"rest, bound = room[{side}, c], i32(top - most{1 - side})", "rest = rest if rest > 0 else none"]
        lines += [f"open{wish} = open{wish} & (s{wish} < bound)" for wish in ranks]
        for wish, one in product(ranks, ranks):
            lines += _given(one, wish, f" & free{one}")
        for at in ranks:
            lines += [f"z{at} = z{at} if z{at} < rest else rest", f"rest = i32(rest - z{at})"]
            lines += [f"want[{at}, c], size[{at}, c] = w{at} if z{at} > 0 else none, z{at}"]
    return "\n".join(f"        {line}" for line in lines)


def _merged(ranks: Sequence[int]) -> list[str]:
    """Wishes of a side at one level become one."""
    lines = []
    for near, deep in zip(ranks[-2::-1], ranks[:0:-1], strict=True):
        lines += [f"same = s{deep} == s{near}", f"q{near} = i32(q{near} + q{deep}) if same else q{near}"]
        lines += [f"q{deep} = none if same else q{deep}"]
    return lines + [f"open{at} = q{at} > 0" for at in ranks]


def _given(one: int, wish: int, where: str, *, stays: bool = False) -> list[str]:
    """An open wish becomes an order's, which stays at its own level if so."""
    level = f"p{one}" if stays else f"s{wish}"
    return [
        f"takes = open{wish}{where}", f"w{one} = {level} if takes else w{one}",
        f"z{one} = q{wish} if takes else z{one}",
        f"free{one}, open{wish} = free{one} ^ takes, open{wish} ^ takes",
    ]  # fmt: skip


def _asked(model: type[QuotingModel], flags: Flags) -> str:
    """The text of what a model asked for: prices and sizes, what it takes, its new state, all as floats."""
    plain = "asked" if not (model.takes or model.state) else f"({', '.join(f'asked[{at}]' for at in range(4))})"
    if is_ladder(model, flags):
        several = model.levels > 1
        sides = (
            ", ".join(f"float(asked[{at}]{f'[{level}]' if several else ''})" for level in range(model.levels))
            for at in range(4)
        )
        plain = f"({', '.join(f'({side},)' for side in sides)})"
    take = "(float(asked[4][0]), float(asked[4][1]))" if model.takes else "()"
    at = 5 if model.takes else 4
    state = "".join(f"float(asked[{at}][{one}]), " for one in range(len(model.state)))
    return f"{plain}, {take}, ({state})"


def _absolute(name: str) -> str:
    return importlib.util.resolve_name(name, __package__ or "")


def _outside(head: str) -> list[str]:
    """The text of the modules of ours that a head imports from: a kernel is made of them as well."""
    names = re.findall(r"^from (touchline\.\S+)", head, flags=re.MULTILINE)
    files = [importlib.util.find_spec(name) for name in names]
    return [Path(spec.origin).read_text() for spec in files if spec is not None and spec.origin]


@cache
def _texts() -> dict[str, str]:
    """The files that are copied, read once: what a kernel is named by is what it is made from."""
    return {name: (HERE / f"{name}.py").read_text() for name in COPIED}


@cache
def _copied() -> dict[str, CodeType]:
    """The code of those files, which is every kernel's."""
    return {name: compile(text, str(HERE / f"{name}.py"), "exec") for name, text in _texts().items()}


@cache
def kernel_file(model: type[QuotingModel], flags: Flags) -> tuple[Path, str]:
    """Where the code of the kernel's package stands once it was asked for, and the text of its head."""
    head = head_of(model, flags)
    parts = [head, *made_of(model.quote), numba.__version__, sys.version, *_outside(head)]
    parts += _texts().values()
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
    return cache_dir() / "kernels" / f"kernel_{digest}.code", head


#: Kernels that a child process compiles now, see ``ahead.py``.
under_way: dict[Path, Popen[bytes]] = {}


def expect(path: Path, child: Popen[bytes]) -> None:
    """Have whoever asks for the kernel at ``path`` wait for ``child``; it does not outlive this process."""
    under_way[path] = child
    atexit.register(child.kill)


_being_made: dict[Path, Lock] = {}


def kernel(model: type[QuotingModel], flags: Flags) -> ModuleType:
    """Return the module whose ``run_nb`` runs ``model`` under ``flags``; compiled on first use, then cached on disk.

    Threads that ask for the same one wait for the first of them.
    """
    with _being_made.setdefault(kernel_file(model, flags)[0], Lock()):
        return loaded(model, flags)


@cache
def loaded(model: type[QuotingModel], flags: Flags) -> ModuleType:
    """The same for whoever is alone: the package is made module by module, and nobody else may meet it half made."""
    path, head = kernel_file(model, flags)
    if path in under_way:
        under_way.pop(path).wait()
    name = path.stem
    sys.modules[name] = package = ModuleType(name)
    vars(package).update(MODEL=model, __path__=[])
    for part, code in _codes(path, head).items():
        module = ModuleType(f"{name}.{part}")
        vars(module).update(__package__=name, __file__=str(path))
        sys.modules[module.__name__] = module
        exec(code, vars(module))
    return sys.modules[f"{name}.walk"]


def _codes(path: Path, head: str) -> dict[str, CodeType]:
    """The code of the package's modules, in the order of their imports: from the disk, or made and kept there."""
    kept = read_sealed(path)
    if kept is not None:
        return marshal.loads(kept)
    made = {"head": compile(head, f"<{path.stem}/head.py>", "exec"), **_copied()}
    with suppress(OSError):
        write_sealed(path, marshal.dumps(made))
    return made


def interpreted(model: type[QuotingModel], flags: Flags, probe: Callable[..., None] | None = None) -> ModuleType:
    """Return the same functions as plain Python: slow, the same to the bit, and open to a look inside.

    ``probe`` gets what ``head.probe_nb`` gets, each time that a cell has decided.
    """
    kernel(model, flags)
    package = kernel_file(model, flags)[0].stem
    plain = _Plain(package)
    module = ModuleType("interpreted_kernel")
    for name in COPIED:
        space = plain.space(vars(sys.modules[f"{package}.{name}"]))
        if probe is not None and "probe_nb" in space:
            space |= {"PROBE": True, "probe_nb": probe}
        vars(module).update(space)
    return module


class _Plain:
    """Functions as they were before they were compiled, each calling others of its kind."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.spaces: dict[int, dict[str, Any]] = {}
        self.made: dict[int, FunctionType] = {}

    def space(self, names: dict[str, Any]) -> dict[str, Any]:
        """A module's names with plain functions."""
        if id(names) not in self.spaces:
            self.spaces[id(names)] = space = dict(names)
            for name, value in names.items():
                function = getattr(value, "py_func", value)
                is_own = isinstance(function, FunctionType) and function.__module__.partition(".")[0] == self.package
                if is_own or function is not value:
                    space[name] = self._function(function)
        return self.spaces[id(names)]

    def _function(self, of: FunctionType) -> FunctionType:
        if id(of) not in self.made:
            space = self.space(of.__globals__)
            self.made.setdefault(id(of), FunctionType(of.__code__, space, of.__name__, of.__defaults__, of.__closure__))
        return self.made[id(of)]
