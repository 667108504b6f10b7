"""Cents or dollars: noise of floats changes nothing, a folder's files agree, and doubt is asked about."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from touchline.io.ground.errors import InputError
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, import_files, plan
from touchline.io.store.store import Store

from .reading import read, read_text

HEAD = "ts,ticker,price,count\n"
PRICES = [0.57, 0.43, 0.01, 0.99, 0.1, 0.33]


def lines(prices: list[object], head: str = HEAD) -> str:
    return head + "".join(f"{1_750_000_000 + at},A-1,{price},3\n" for at, price in enumerate(prices))


def ticks(folder: Path, prices: list[object]) -> list[int]:
    found = read_text(folder, "t.csv", lines(prices))
    assert not found.bad
    return found.tables["trades"]["price"].to_list()


@pytest.mark.parametrize("noise", [1e-11, -1e-11, 2e-8, -2e-8])
def test_noise_in_every_row_leaves_dollars_dollars_and_cents_cents(tmp_path: Path, noise: float) -> None:
    expected = [round(price * 10_000) for price in PRICES]
    assert ticks(tmp_path, [f"{price + noise:.12f}" for price in PRICES]) == expected
    assert ticks(tmp_path, [f"{100 * price + noise:.12f}" for price in PRICES]) == expected


@pytest.mark.parametrize("scale", [1, 100])
@pytest.mark.parametrize("wide", [False, True])
def test_columns_of_32_bit_floats_are_read_whole(tmp_path: Path, scale: int, wide: bool) -> None:
    """The nearest 32-bit float of 0.57 is 7e-5 of a tick from it; widened to 64 bits that shows."""
    cents = np.arange(1, 1000) / 1000  # tenths of a cent
    path = tmp_path / "t.parquet"
    price = pl.Series("price", cents * scale).cast(pl.Float32)
    frame = pl.DataFrame(
        {
            "ts": np.arange(1_750_000_000, 1_750_000_000 + cents.size),
            "ticker": ["A-1"] * cents.size,
            "price": price.cast(pl.Float64) if wide else price,
            "count": pl.Series([123_456.78] * cents.size, dtype=pl.Float32),
        }
    )
    frame.write_parquet(path)
    found = read(path)
    assert not found.bad
    assert found.tables["trades"]["price"].to_list() == list(range(10, 10_000, 10))
    assert found.tables["trades"]["size"].unique().to_list() == [12_345_678]
    frame.write_csv(tmp_path / "t.csv")
    assert read(tmp_path / "t.csv").tables["trades"]["price"].to_list() == list(range(10, 10_000, 10))


def test_noisy_pairs_still_add_up_to_one_contract(tmp_path: Path) -> None:
    head = "ts,ticker,yes_price,no_price,count\n"
    found = read_text(tmp_path, "t.csv", head + "1750000000,A-1,0.3000000000004,0.7000000000003,3\n")
    assert found.tables["trades"]["price"].to_list() == [3000]


def test_prices_whose_unit_no_row_has_told_are_never_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first block holds no price above 0; what comes later is quarantined, readable or not."""
    from touchline.io.importers.values import lines as blocks

    monkeypatch.setattr(blocks, "BLOCK_BYTES", 60)
    head = "ts,ticker,bid,ask\n"
    rows = "1750000000,A-1,0,0\n" * 9 + "1750000001,A-1,0.57000000001,0.58\n1750000002,A-1,0.5712345,\n"
    found = read_text(tmp_path, "q.csv", head + rows)
    assert len(found.bad) == 2
    assert all("the first rows do not say the unit; pass price_unit=" in bad.reason for bad in found.bad)


def test_tenths_below_one_are_asked_about(tmp_path: Path) -> None:
    """0.1, 0.2, 0.3 may be tenths of a cent or tens of cents: taken as dollars they would be 100 times too dear."""
    text = lines([0.1, 0.2, 0.3])
    with pytest.raises(
        InputError, match=r"t\.csv: price holds nothing but tenths .*Pass price_unit='cents' or"
    ) as asked:
        read_text(tmp_path, "t.csv", text)
    assert "\n" not in str(asked.value)
    for unit, expected in (("cents", [10, 20, 30]), ("dollars", [1000, 2000, 3000])):
        found = read_text(tmp_path, "t.csv", text, Options(price_unit=unit))
        assert found.tables["trades"]["price"].to_list() == expected


def polls(levels: list[list[float]]) -> str:
    return json.dumps({"ts": 1750000000, "ticker": "A-1", "orderbook": {"yes": levels, "no": []}}) + "\n"


def test_polled_books_are_told_apart_by_the_same_rule(tmp_path: Path) -> None:
    noisy = read_text(tmp_path, "b.jsonl", polls([[0.5699999928474426, 3.5], [0.56000000001, 1]]))
    assert noisy.tables["book"].filter(pl.col("kind") == 1)["price"].to_list() == [5700, 5600]
    whole = read_text(tmp_path, "b.jsonl", polls([[1, 5]]))
    assert whole.tables["book"].filter(pl.col("kind") == 1)["price"].to_list() == [100]
    with pytest.raises(InputError, match="the levels hold nothing but tenths: cents or dollars"):
        read_text(tmp_path, "b.jsonl", polls([[0.1, 5], [0.2, 1]]))


def stored(folder: Path, paths: list[Path]) -> dict[str, list[int]]:
    store, known = Store(folder / "store"), plan(paths, Options())[0]
    for one in known:
        import_file(store, one, Options())
    rows = store.trades().collect()
    return {Path(source).name: part["price"].to_list() for (source,), part in rows.group_by("source")}


def test_a_folders_files_agree_on_their_unit(tmp_path: Path) -> None:
    """A market below a cent, beside one that is not: all of the folder is in cents."""
    (tmp_path / "in").mkdir()
    for name, prices in {"a": [0.1, 0.2, 0.9], "b": [10.3, 0.4], "c": [0.57, 0.01]}.items():
        (tmp_path / "in" / f"{name}.csv").write_text(lines(list(prices)).replace("A-1", f"{name.upper()}-1"))
    assert stored(tmp_path, [tmp_path / "in"]) == {"a.csv": [10, 20, 90], "b.csv": [1030, 40], "c.csv": [57, 1]}


def test_the_folder_decides_for_dollars_too(tmp_path: Path) -> None:
    for name, prices in {"a": [0.1, 0.2, 0.9], "b": [0.575, 0.4]}.items():
        (tmp_path / f"{name}.csv").write_text(lines(list(prices)).replace("A-1", f"{name.upper()}-1"))
    found = stored(tmp_path, [tmp_path / "a.csv", tmp_path / "b.csv"])
    assert found == {"a.csv": [1000, 2000, 9000], "b.csv": [5750, 4000]}


def test_a_folder_that_contradicts_itself_is_asked_about_before_anything_is_stored(tmp_path: Path) -> None:
    for name, prices in {"a": [10.3, 40], "b": [0.575, 0.4], "c": [0.57, 0.01]}.items():
        (tmp_path / f"{name}.csv").write_text(lines(list(prices)).replace("A-1", f"{name.upper()}-1"))
    with pytest.raises(InputError, match=r"c\.csv: price could be either, and the other files of the folder differ"):
        plan([tmp_path], Options())
    (tmp_path / "c.csv").unlink()
    assert stored(tmp_path, [tmp_path]) == {"a.csv": [1030, 4000], "b.csv": [5750, 4000]}


@pytest.mark.parametrize("ending", ["trades", "quotes", "polls"])
@pytest.mark.parametrize("first", ["cents", "dollars"])
def test_a_file_alone_is_held_against_what_the_store_has_of_its_market(tmp_path: Path, ending: str, first: str) -> None:
    """Tenths of a cent came as a file of their own: what was whole cents if dollars was taken for dollars."""
    sure, low = [10.3, 0.45, 0.44, 0.43, 0.42], [0.41, 0.42, 0.43]
    if first == "dollars":  # and the other way round: the stored ones were taken for dollars
        sure, low = low, sure
    paths = [tmp_path / "1.txt", tmp_path / "2.txt"]
    for path, prices in zip(paths, (sure, low), strict=True):
        path.write_text(shaped(ending, prices))
    store = Store(tmp_path / "store")
    known = plan(paths[:1], Options())[0]
    assert [one.report.new for one in import_files(store, known, Options())] == [True]
    with pytest.raises(
        InputError, match=r"2\.txt: in \w+ the prices of A-1 .*cents or dollars\? Pass price_unit='cents'"
    ):
        list(import_files(store, plan(paths[1:], Options())[0], Options()))
    assert len(store.imports()) == 1
    asked = Options(price_unit="cents")
    assert [one.report.new for one in import_files(store, plan(paths[1:], asked)[0], asked)] == [True]
    assert not any(one.report.new for one in import_files(store, known, Options()))


def test_what_the_store_has_of_its_market_agrees_or_is_of_another_time(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    texts = [
        lines([10.3, 0.4, 0.5]),
        lines([0.47, 0.48]).replace("1750", "1752"),
        lines([0.3, 45, 47.5]),
        lines([46, 47]),
    ]
    for at, text in enumerate(texts):
        (tmp_path / f"{at}.csv").write_text(text)
        assert all(
            one.report.new for one in import_files(store, plan([tmp_path / f"{at}.csv"], Options())[0], Options())
        )


def shaped(ending: str, prices: list[float]) -> str:
    if ending == "trades":
        return lines(prices)
    if ending == "polls":
        return "".join(
            polls([[price, 5]]).replace("1750000000", f"{1750000000 + at}") for at, price in enumerate(prices)
        )
    return "ts,ticker,bid,ask\n" + "".join(f"{1750000000 + at},A-1,{price},\n" for at, price in enumerate(prices))
