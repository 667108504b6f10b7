"""What a result was asked for, in words: parameters, assumptions and parts of pipelines, with units and what they are.

Names are those that a person types; in sentences they stand between backticks. Of paths from the root only the last
name is told: a page may travel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ....strategies.models.registry import QUOTING, quoting_model
from ....strategies.parameters import Parameter
from ...figures.words import count, span
from ...simulator.assumptions.venue import MEANINGS, Assumptions


class Setting(NamedTuple):
    """One setting: its typed name, its value with its unit, what it is, and whether it is as it would be anyway."""

    name: str
    text: str
    means: str
    usual: bool = False


class AskedGroup(NamedTuple):
    """Settings that belong together."""

    title: str
    settings: list[Setting]


#: Assumption -> its unit, and what it is.
ASSUMED: dict[str, tuple[str, str]] = {
    "queue": ("", "when a resting order fills"),
    "feed_ms": ("ms", "from the exchange's event to our knowing it"),
    "entry_ms": ("ms", "from our order to its arrival"),
    "response_ms": ("ms", "from a fill to our knowing it"),
    "seed": ("", "of everything that is drawn by chance"),
    "requote_ms": ("ms", "from a quote to the next"),
    "requote_on": ("", "what leads to a quote besides own fills"),
    "tolerance": ("levels", "an order so near to what is wished stays where it is"),
    "min_life_ms": ("ms", "an order is left alone so long"),
    "post_only": ("", "a quote never takes"),
    "amend": ("", "a changed order's place in the queue"),
    "volatility": ("", "what the model knows of it"),
    "window_s": ("s", "window of the volatility"),
    "variance": ("cents squared", "volatility before there are two observations"),
    "horizon": ("", "what the model knows of the time left"),
    "tau": ("", "time left for the fixed horizon"),
    "fees": ("", "what is charged"),
    "membership": ("", "whose rounding of fees holds"),
    "rewards": ("", "incentive programs that are counted"),
    "reward_rules": ("", "how they are scored"),
    "reaction": ("", "what rivals do about quotes that score"),
    "position_limit": ("contracts", "held at most, long or short"),
    "halt": ("contracts", "held: from there the side that adds is not quoted"),
    "shrink": ("", "what shrinks while the volatility is high"),
    "calm": ("cents", "volatility up to which nothing shrinks"),
    "daily_loss": ("dollars", "lost: quoting stops for the UTC day"),
    "reduce_only": ("", "only what makes the position smaller is quoted"),
    "sides": ("", "the sides that are quoted"),
    "stop_quoting_s": ("s", "quotes stop so long before the close as then known"),
    "capital": ("dollars", "an order that it cannot pay is refused"),
}


def run_asked(record: Mapping[str, Any]) -> list[AskedGroup]:
    """What one replay, or one strategy on several markets, was asked for."""
    strategy = str(record.get("strategy", ""))
    values = record.get("values") or record.get("parameters") or {}
    return _kept(
        AskedGroup("What was run", _run(record)),
        AskedGroup(f"Parameters of {short(strategy)}", _parameters(strategy, values)),
        AskedGroup("Assumptions", assumed(record.get("venue") or {})),
    )


def sweep_asked(record: Mapping[str, Any]) -> list[AskedGroup]:
    """What a sweep was asked for: of quoting models, or of a pipeline."""
    strategy = str(record.get("strategy", ""))
    axes = [
        Setting(str(row["name"]), _values(row), f"an axis of the {row.get('part', 'model')}")
        for row in record.get("axes", ())
    ]
    asked = [
        AskedGroup("What was run", [*_run(record), *_judged(record)]),
        AskedGroup("Axes", axes),
        AskedGroup(f"Fixed parameters of {short(strategy)}", _parameters(strategy, record.get("fixed") or {})),
        AskedGroup("Assumptions", assumed({**(record.get("venue") or {}), **(record.get("limits") or {})})),
    ]
    if isinstance(record.get("pipeline"), Mapping):
        asked += pipeline_asked(record["pipeline"])
    return _kept(*asked)


def bets_asked(record: Mapping[str, Any]) -> list[AskedGroup]:
    """What a betting backtest was asked for, and every part of its pipeline."""
    settings = {**record["settings"], "strategy": record["strategy"]["name"]}
    run = _run({**{name: value for name, value in record.items() if name != "strategy"}, **settings})
    random, seed = settings.get("random_portfolios"), settings.get("seed")
    if random:
        run.append(Setting("compare_random", f"{random:,}", "random portfolios to compare with"))
    if seed is not None:
        run.append(Setting("seed", str(seed), "of everything that is drawn by chance", seed == 0))
    return _kept(AskedGroup("What was run", run), *pipeline_asked(record["strategy"]))


def pipeline_asked(pipeline: Mapping[str, Any]) -> list[AskedGroup]:
    """Every part of a pipeline with its settings; parts of one's own have no words, as their file is not opened."""
    from ....strategies.pipeline.pipeline import parts  # only where a pipeline ran

    known = {(kind, name): {one.name: one for one in part.PARAMETERS} for kind, name, part in parts()}
    return [
        AskedGroup(
            f"{kind.capitalize()}: {short(str(part['name']))}", _part(part, known.get((kind, str(part["name"])), {}))
        )
        for kind, part in _parts(pipeline)
    ]


def assumed(venue: Mapping[str, Any]) -> list[Setting]:
    """Write assumptions with their units and what they mean; those that are as they would be anyway are marked."""
    usual = Assumptions().as_dict()
    found = []
    for name, value in venue.items():
        unit, means = ASSUMED.get(name, ("", ""))
        meaning = MEANINGS.get(name, {}).get(str(value), "")
        text = "none" if value is None else f"{_text(value)} {unit if isinstance(value, int | float) else ''}".strip()
        found.append(Setting(name, text, f"{means}: {meaning}" if meaning else means, value == usual.get(name)))
    return found


def short(path: str) -> str:
    """Tell of a path from the root or the home folder its last name alone; other texts stay.

    >>> short("/home/me/my_model.py:Mine"), short("results/store"), short("Sports/Other"), short("s3://bucket/days")
    ('my_model.py:Mine', 'results/store', 'Sports/Other', 's3://bucket/days')
    """
    return re.split(r"[/\\]", path)[-1] if re.match(r"[/~\\]|\.\.|[A-Za-z]:[/\\]", path) else path


def _kept(*asked: AskedGroup) -> list[AskedGroup]:
    return [one for one in asked if one.settings]


def _run(record: Mapping[str, Any]) -> list[Setting]:
    window = f"{record.get('start') or 'the beginning'} to {record.get('end') or 'the end'}"
    if isinstance(record.get("start"), int):
        window = ""
    rows = [
        ("strategy", short(str(record.get("strategy", ""))), "what decides"),
        ("store", short(str(record.get("store") or "")), "the folder of the recorded history"),
        ("window", window, "the part of the history that was asked for"),
        ("price_grid", record.get("price_grid"), "prices that can be quoted, instead of the market's own"),
        ("underlying", record.get("underlying"), "price of what the market is about"),
        ("sample", record.get("sample"), "markets drawn by chance"),
        ("data hash", record.get("data_hash"), "equal for equal history"),
        ("strategy hash", record.get("strategy_hash"), "equal for equal code of the model"),
        ("result hash", record.get("result_hash"), "equal for equal results; engine verify makes it again"),
        ("engine", record.get("engine_version"), "version that ran"),
    ]
    return [Setting(name, str(value), means) for name, value, means in rows if value]


def _judged(record: Mapping[str, Any]) -> Iterator[Setting]:
    if isinstance(record.get("period_ns"), int):
        yield Setting("period", span(record["period_ns"] / 1e9), "over which P&L adds up for the statistics")
    if forward := record.get("walk_forward"):
        left_out = span(forward["embargo_ns"] / 1e9) if forward["embargo_ns"] else "nothing"
        yield Setting("walk-forward", f"{count(forward['folds'], 'fold')}", f"{left_out} left out before each")
    if proved := record.get("proved"):
        yield Setting("look-ahead", "none found", f"in {count(proved['cells_cut'], 'run')} on cut tapes")


def _parameters(strategy: str, values: Mapping[str, Any]) -> list[Setting]:
    declared: Iterable[Parameter] = quoting_model(strategy).parameters if strategy in QUOTING else ()
    known = {one.name: one for one in declared}
    return [_setting(name, value, known.get(name)) for name, value in values.items()]


def _part(part: Mapping[str, Any], known: Mapping[str, Parameter]) -> list[Setting]:
    apart = ("name", "label")
    plain = {name: value for name, value in part.items() if name not in apart and not _is_parts(value)}
    return [_setting(name, value, known.get(name)) for name, value in plain.items()]


def _parts(pipeline: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each part of a pipeline, and each member of a part that holds others."""
    for kind, held in pipeline.items():
        for part in held if isinstance(held, list) else [held]:
            if isinstance(part, Mapping) and "name" in part:
                yield kind.removesuffix("s"), part
                for inner in part.values():
                    members = inner if isinstance(inner, list) else [inner]
                    yield from ((kind.removesuffix("s"), one) for one in members if _is_parts(one))


def _is_parts(value: object) -> bool:
    held = value if isinstance(value, list) else [value]
    return bool(held) and all(isinstance(one, Mapping) and "name" in one for one in held)


def _setting(name: str, value: Any, declared: Parameter | None) -> Setting:
    if declared is None:
        return Setting(name, _text(value), "")
    return Setting(name, _text(value), declared.doc, value == declared.default)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_text(one) for one in value)
    return short(str(value)) or "–"


def _values(row: Mapping[str, Any]) -> str:
    if labels := row.get("labels"):
        return ", ".join(map(str, labels))
    values = row["values"]
    steps = "equal ratios" if row.get("scale") == "log" else "equal steps"
    ends = f"{min(values):g} to {max(values):g}"
    return f"{count(len(values), 'value')}, {ends}" + (f" in {steps}" if len(values) > 2 else "")
