"""Folders of results, read back; and what is said when they are not whole."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from touchline.engine.results.results import Axis, Sweep, read_results, read_run, read_sweep
from touchline.io.ground.errors import InputError


def test_a_sweep_is_read_with_its_matrices(make_sweep):
    folder = make_sweep(events=3)
    sweep = read_results(folder)
    assert isinstance(sweep, Sweep)
    starts, pnl = sweep.period_pnl
    assert pnl.shape == (18, 25)
    assert (np.diff(starts) > 0).all()
    assert pnl.sum() == sweep.cells["pnl"].sum()
    names, begin, end, by_event = sweep.event_pnl
    assert names == ["KXTEST-000", "KXTEST-001", "KXTEST-002"]
    assert by_event.sum(axis=0).tolist() == pnl.sum(axis=0).tolist()
    assert (end[:-1] <= begin[1:]).all()
    assert sweep.period_ns == 4 * 3600 * 10**9
    assert sweep.parameters(7) == {"gamma": 0.1, "kappa": 2.5}


def test_matrices_do_not_depend_on_the_order_of_rows(make_sweep):
    folder = make_sweep(events=3)
    before = read_sweep(folder)
    for name in ("cells", "periods"):
        path = folder / f"{name}.parquet"
        pl.read_parquet(path).sample(fraction=1.0, shuffle=True, seed=4).write_parquet(path)
    after = read_sweep(folder)
    assert np.array_equal(before.period_pnl[1], after.period_pnl[1])
    assert np.array_equal(before.event_pnl[3], after.event_pnl[3])


def test_places_along_an_axis():
    assert Axis("kappa", (1.0, 3.0, 5.0)).unit(np.array([1.0, 2.0, 5.0])).tolist() == [0, 0.25, 1]
    assert Axis("gamma", (0.01, 0.1, 1.0), "log").unit(np.array([0.1])) == pytest.approx([0.5])
    assert Axis("one", (2.0,)).unit(np.array([2.0])).tolist() == [0]


def test_what_is_missing_is_named(make_sweep, tmp_path):
    with pytest.raises(InputError, match=r"neither sweep.json nor run.json"):
        read_results(tmp_path)
    with pytest.raises(InputError, match=r"run.json is missing; engine backtest writes it"):
        read_run(tmp_path)
    folder = make_sweep(events=1)
    (folder / "periods.parquet").unlink()
    with pytest.raises(InputError, match=r"periods.parquet is missing"):
        read_sweep(folder)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"axes": [{"name": "delta", "values": [1]}]}, "lacks column delta"),
        ({"axes": [{"name": "gamma", "values": []}]}, "axis 'gamma' needs values"),
        ({"axes": [{"name": "gamma", "values": [0, 1], "scale": "log"}]}, "axis 'gamma' needs values"),
        ({"warnings": ["no-such"]}, "warning 'no-such' is not known"),
    ],
)
def test_a_broken_sweep_file_is_named(make_sweep, about, message):
    folder = make_sweep(events=1, about=about)
    with pytest.raises(InputError, match=message):
        _ = read_sweep(folder).notices


def test_a_broken_json_or_parquet_file_is_named(make_sweep):
    folder = make_sweep(events=1)
    (folder / "cells.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"cells.parquet cannot be read"):
        read_sweep(folder)
    (folder / "sweep.json").write_text("{")
    with pytest.raises(InputError, match=r"sweep.json is not JSON"):
        read_sweep(folder)
    (folder / "sweep.json").write_text("[]")
    with pytest.raises(InputError, match="should hold one JSON object"):
        read_sweep(folder)


def test_markets_that_the_sweep_file_leaves_out_stand_for_themselves(make_sweep):
    folder = make_sweep(events=2, markets_per_event=1)
    document = json.loads((folder / "sweep.json").read_text())
    document["markets"] = []
    (folder / "sweep.json").write_text(json.dumps(document))
    sweep = read_sweep(folder)
    assert [(market.event, market.series) for market in sweep.markets] == [
        ("KXTEST-000-B0", "KXTEST"),
        ("KXTEST-001-B0", "KXTEST"),
    ]
