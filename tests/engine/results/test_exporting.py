"""Parameter files: what is written is what is read, hand edits show, and the evidence can forbid an export."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchline import engine
from touchline.engine.results.evidence import judge
from touchline.engine.results.exporting import refusal_reasons
from touchline.engine.results.params import (
    FORMAT,
    SCHEMA_FILE,
    VERSION,
    Applies,
    Params,
    Provenance,
    Validity,
    Warned,
    content_hash,
    load_params,
    schema,
    to_toml,
)
from touchline.engine.results.results import read_sweep
from touchline.engine.results.selection import best_by_market, best_overall
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.io.ground.errors import CheckError, InputError

from ...program import engine as run


@pytest.fixture
def good(make_sweep):
    return make_sweep("good", edge=True)


@pytest.fixture
def noise(make_sweep):
    """A sweep whose early winners lose later: the surface turns round half-way."""
    folder = make_sweep("noise", edge=True, noise=0.01)
    late = pl.col("market") >= "KXTEST-020"
    turned = pl.when(late).then(-pl.col("pnl") - 3_000_000).otherwise(pl.col("pnl"))
    for name in ("cells", "periods"):
        path = folder / f"{name}.parquet"
        pl.read_parquet(path).with_columns(pnl=turned).write_parquet(path)
    return folder


def test_export_writes_a_file_that_says_where_it_comes_from(good, tmp_path):
    to = tmp_path / "params.toml"
    written = engine.export(good, to)
    assert engine.load_params(to) == written
    assert written.strategy == "avellaneda-stoikov"
    assert written.for_market("KXTEST-999-B1") == {"size": 5.0, "gamma": 0.2, "kappa": 2.5}
    assert written.limits == {"position_limit": 20}
    assert written.venue == {"queue": "power@3", "latency_ms": 50, "fees": "exchange"}
    assert written.validity.data_from == "2026-01-01T00:00:00Z"
    assert written.validity.data_until == "2026-02-10T00:00:00Z"
    assert written.validity.valid_until == "2026-03-22T00:00:00Z"
    told = written.provenance
    assert (told.cells, told.markets, told.events, told.data_hash) == (25, 80, 40, "d" * 64)
    assert told.overfitting_probability is not None
    assert told.overfitting_probability < 0.5
    assert (told.forced, told.refused_because) == (None, None)
    sweep = read_sweep(good)
    assert told.in_sample_pnl_micros == sweep.cells.filter(pl.col("cell") == 12)["pnl"].sum()
    assert not list(tmp_path.glob(".params*"))


def test_the_file_matches_its_published_schema(good, tmp_path):
    assert json.loads(SCHEMA_FILE.read_text()) == schema()
    engine.export(good, tmp_path / "p.toml", valid_days=7)
    document = tomllib.loads((tmp_path / "p.toml").read_text())
    jsonschema.validate(document, schema())
    assert document["validity"]["valid_until"] == "2026-02-17T00:00:00Z"
    document["provenance"]["pick"] = "lucky"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema())


def test_the_documented_example_is_a_parameter_file():
    text = (Path(__file__).parents[3] / "docs" / "params.md").read_text()
    example = tomllib.loads(text.split("```toml\n")[1].split("```")[0])
    jsonschema.validate(example, schema())


def test_export_is_the_same_every_time(good, tmp_path):
    engine.export(good, tmp_path / "a.toml")
    engine.export(good, tmp_path / "b.toml")
    assert (tmp_path / "a.toml").read_bytes() == (tmp_path / "b.toml").read_bytes()


def test_picks(good, tmp_path):
    sweep = read_sweep(good)
    overall = engine.export(good, tmp_path / "o.toml", pick="overall")
    assert overall.for_market("KXTEST-1")["gamma"] == best_overall(sweep).parameters["gamma"]
    by_market = engine.export(good, tmp_path / "m.toml", pick="by-market")
    for market, pick in best_by_market(sweep).items():
        assert by_market.for_market(market) == {"size": 5.0, **pick.parameters}
    assert by_market.provenance.in_sample_pnl_micros == sum(
        sweep.cells.filter(pl.col("market") == market, pl.col("cell") == pick.cell)["pnl"].sum()
        for market, pick in best_by_market(sweep).items()
    )
    with pytest.raises(InputError, match="nothing for market KXTEST-999-B0 or series KXTEST"):
        by_market.for_market("KXTEST-999-B0")
    with pytest.raises(InputError, match="pick 'best' is not known"):
        engine.export(good, tmp_path / "x.toml", pick="best")


def test_axes_of_the_venue_and_the_limits_stay_there(good, tmp_path):
    path = good / "sweep.json"
    document = json.loads(path.read_text())
    document["axes"][1] |= {"name": "requote_ms", "part": "venue"}
    document["venue"] = {"feed_ms": 1, "queue": "power@3"}
    document["limits"] = {"halt": None}
    path.write_text(json.dumps(document))
    pl.read_parquet(good / "cells.parquet").rename({"kappa": "requote_ms"}).write_parquet(good / "cells.parquet")
    written = engine.export(good, tmp_path / "p.toml")
    assert written.applies[0].parameters == {"size": 5.0, "gamma": 0.2}
    assert written.venue == {"feed_ms": 1, "queue": "power@3", "requote_ms": 2.5}
    assert written.limits == {}
    assert written.assumptions == Assumptions(feed_ms=1, queue="power@3", requote_ms=2.5)


def test_overfitting_forbids_export_unless_forced(noise, tmp_path):
    to = tmp_path / "params.toml"
    with pytest.raises(CheckError, match=r"not exported: .*force= exports all the same"):
        engine.export(noise, to)
    assert not to.exists()
    forced = engine.export(noise, to, force=True)
    assert forced.provenance.forced is True
    assert forced.provenance.refused_because
    assert "forced-export" in {notice.name for notice in engine.load_params(to).notices}


def test_pbo_and_out_of_sample_loss_are_both_reasons(make_sweep, noise, tmp_path):
    forced = engine.export(noise, tmp_path / "n.toml", force=True)
    reasons = " ".join(forced.provenance.refused_because or [])
    assert "out-of-sample P&L is -$" in reasons
    losing = make_sweep("losing", surface=lambda gamma, kappa: np.full(len(gamma), -1.0))
    with pytest.raises(CheckError, match="out-of-sample P&L is -"):
        engine.export(losing, tmp_path / "l.toml")
    equal = make_sweep("equal", surface=lambda gamma, kappa: np.full(len(gamma), 1.0), noise=0.0)
    with pytest.raises(CheckError, match=r"probability of overfitting is 1.00, above .5"):
        engine.export(equal, tmp_path / "e.toml")


def test_fewer_than_five_independent_events_forbid_export(make_sweep, tmp_path):
    for events, told in ((1, "a single event"), (4, "4 independent events")):
        few = make_sweep(f"few{events}", edge=True, events=events, noise=0.1)
        with pytest.raises(CheckError, match=f"the evidence is {told}, and fewer than 5 show nothing"):
            engine.export(few, tmp_path / "p.toml")
        forced = engine.export(few, tmp_path / "p.toml", force=True)
        assert any(told in reason for reason in forced.provenance.refused_because or [])
    engine.export(make_sweep("five", edge=True, events=5, noise=0.1), tmp_path / "p.toml")


def test_a_sweep_that_made_nothing_has_no_choice_to_export(make_sweep, tmp_path):
    nothing = make_sweep("nothing", noise=0.0, events=10)
    for force in (False, True):
        with pytest.raises(CheckError, match="no cell made or lost anything, so there is nothing to choose"):
            engine.export(nothing, tmp_path / "p.toml", force=force)
    assert not (tmp_path / "p.toml").exists()


def test_picks_rank_by_cash_when_asked(good, tmp_path):
    rows = pl.read_parquet(good / "cells.parquet")
    rows.with_columns(cash=-pl.col("pnl")).write_parquet(good / "cells.parquet")
    sweep = read_sweep(good)
    by_cash = engine.export(good, tmp_path / "c.toml", pick="overall", by="cash", force=True)
    assert by_cash.for_market("KXTEST-1")["gamma"] == best_overall(sweep, "cash").parameters["gamma"]
    assert best_overall(sweep, "cash").cell != best_overall(sweep).cell
    own = engine.export(good, tmp_path / "m.toml", pick="by-market", by="cash", force=True)
    for market, pick in best_by_market(sweep, "cash").items():
        assert own.for_market(market) == {"size": 5.0, **pick.parameters}


def test_what_cannot_be_told_forbids_export(make_sweep, tmp_path):
    one = make_sweep("one", gamma=(0.1,), kappa=(1.0,), surface=lambda gamma, kappa: np.ones(1))
    with pytest.raises(CheckError, match="cannot be told"):
        engine.export(one, tmp_path / "p.toml")


@pytest.mark.parametrize("pick", ["robust", "overall", "by-market"])
def test_the_evidence_in_the_file_is_about_the_cell_that_was_picked(make_sweep, tmp_path, pick):
    folder = make_sweep("rough", edge=True, noise=3.0, seed=3)
    sweep = read_sweep(folder)
    robust, overall = judge(sweep), judge(sweep, best_overall(sweep))
    assert robust.deflated_sharpe != overall.deflated_sharpe
    wanted = overall if pick == "overall" else robust
    told = engine.export(folder, tmp_path / "p.toml", pick=pick, force=True)
    assert told.provenance.deflated_sharpe == wanted.deflated_sharpe
    assert wanted.out_of_sample_pnl is not None
    assert told.provenance.out_of_sample_pnl_micros == round(wanted.out_of_sample_pnl)
    assert {warned.name for warned in told.warnings} >= {notice.name for notice in wanted.notices}


@pytest.mark.parametrize(("pbo", "outside", "events", "count"), [
    (0.5, 0.0, 5, 0), (0.5001, 0.0, 5, 1), (0.5, -1.0, 5, 1), (0.5, 0.0, 4, 1), (None, None, 0, 3),
])  # fmt: skip
def test_evidence_at_its_limits_is_enough(good, pbo, outside, events, count):
    told = replace(judge(read_sweep(good)), overfitting_probability=pbo, events=events)
    told = replace(told, walk_forward_events=outside, walk_forward_periods=outside)
    assert len(refusal_reasons(told)) == count


def test_a_parameter_file_is_on_the_disk_when_the_export_returns(good, tmp_path, monkeypatch):
    synced: list[str] = []
    really = os.fsync

    def sync(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").resolve().name)
        really(handle)

    monkeypatch.setattr(os, "fsync", sync)
    engine.export(good, tmp_path / "params.toml")
    assert "params.toml" in synced[0]
    assert synced[1:] == [tmp_path.name]


def test_a_hand_edit_is_refused_unless_allowed(good, tmp_path):
    to = tmp_path / "params.toml"
    engine.export(good, to)
    text = to.read_text()
    to.write_text("# a note of mine\n" + text)
    load_params(to)  # a comment changes nothing
    to.write_text(text.replace("gamma = 0.2", "gamma = 0.3"))
    with pytest.raises(InputError, match="was edited by hand after its export"):
        load_params(to)
    edited = load_params(to, allow_edited=True)
    assert edited.for_market("KXTEST-1")["gamma"] == 0.3
    assert "edited-parameters" in {notice.name for notice in edited.notices}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("touchline-params", "other", "is no parameter file"),
        ("version = 1", "version = 2", "has version 2; this engine reads version 1"),
        ("cells = 25", 'cells = "many"', r"Expected `int`, got `str`.*provenance.cells"),
        ("cells = 25", "cells = 25\nluck = 1", "unknown field `luck`"),
        ('series = "KXTEST"', "", "names either a market or a series"),
        ("version = 1", "version =", "cannot be read as TOML"),
    ],
)
def test_broken_files_are_named(good, tmp_path, old, new, message):
    to = tmp_path / "params.toml"
    engine.export(good, to)
    text = to.read_text()
    assert old in text
    to.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        load_params(to, allow_edited=True)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="engine export writes such a file"):
        load_params(tmp_path / "no.toml")


def test_the_hash_does_not_cover_itself(good, tmp_path):
    written = engine.export(good, tmp_path / "p.toml")
    assert isinstance(written, Params)
    assert written.content_hash == content_hash(written)


def test_the_hash_of_a_known_file_is_pinned():
    """Files that were exported before must still be read: a change here is a decision."""
    known = Params(
        FORMAT, VERSION, "modèle.py:Mien", [Applies({"gamma": 0.1, "size": 5}, series="KXÉ")], {"max_position": 20.0},
        {"queue": "power@3"}, Validity("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"),
        Provenance("robust", "0.1.0", "d", 1, 1, 1, 1, -5, forced=True, refused_because=["–"]),
        [Warned("few-events", "1 event", "Too few.")], "python3.11:0",
    )  # fmt: skip
    assert content_hash(known) == ("sha256:889c0234a6185f1d246aca3baeec2b2e8625668bc71c52a76c178076ef074f0b")


PLAIN = st.one_of(
    st.booleans(),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="\x7f"), max_size=12),
)
KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=6)
TABLES = st.recursive(
    st.dictionaries(KEYS, st.one_of(PLAIN, st.lists(PLAIN, max_size=3)), max_size=4),
    lambda inner: st.dictionaries(KEYS, st.one_of(inner, st.lists(inner, min_size=1, max_size=2)), max_size=3),
    max_leaves=6,
)


@given(TABLES)
def test_toml_reads_back_as_it_was_written(document):
    assert tomllib.loads(to_toml(document)) == document


def test_command_exports_and_refuses(good, noise, tmp_path):
    done = run("export", good, "--out", tmp_path / "p.toml")
    assert (done.returncode, "wrote" in done.stdout) == (0, True)
    assert "gamma = 0.2, kappa = 2.5" in done.stdout
    refused = run("export", noise, "--out", tmp_path / "n.toml")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("error: not exported: ")
    forced = run("export", noise, "--out", tmp_path / "n.toml", "--pick", "by-market", "--force", "--json")
    assert json.loads(forced.stdout)["provenance"]["forced"] is True
    missing = run("export", tmp_path / "no", "--out", tmp_path / "x.toml")
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
