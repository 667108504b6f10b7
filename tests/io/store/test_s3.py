"""The store in a bucket, against a local S3 server."""

from __future__ import annotations

from datetime import UTC, datetime

import boto3
import msgspec
import polars as pl
import pytest
from moto.server import ThreadedMotoServer
from touchline.io.ground.checksums import with_checksum
from touchline.io.ground.errors import DamagedError, InputError
from touchline.io.store.chunk import BadRow, Chunk
from touchline.io.store.files.intact import INTACT
from touchline.io.store.files.s3 import S3Place
from touchline.io.store.ingest.ingest import import_id_of
from touchline.io.store.store import Store

DAY = 86_400 * 10**9


@pytest.fixture(scope="module")
def server():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(server, monkeypatch, request):
    variables = {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    name = f"b{abs(hash(request.node.name))}"
    boto3.client("s3").create_bucket(Bucket=name)
    return f"s3://{name}/some/prefix"


def chunk(day: int, count: int = 100) -> Chunk:
    frame = pl.DataFrame({"ts": range(count), "price": range(count)}).select(
        ts=pl.col("ts") + day * DAY,
        ticker=pl.format("T{}", pl.col("ts") % 7),
        price=pl.col("price").cast(pl.Int32),
        size=pl.lit(1, pl.Int64),
        trade_id=pl.format("id{}", pl.col("ts") + day * 1000),
    )
    return Chunk({"trades": frame})


def test_a_bucket_is_a_store_like_a_folder(bucket, tmp_path):
    stores = [Store(bucket), Store(tmp_path / "local")]
    market = Chunk({"markets": pl.DataFrame({"ticker": ["T1"], "title": ["one"]})}, [BadRow(1, "bad", "raw")])
    for store in stores:
        with pytest.raises(InputError, match="there is no store at"):
            store.trades()
        assert store.ingest("a", "d1", [chunk(0), chunk(1), market]).new
        assert not store.ingest("a", "d1", [chunk(0), chunk(1), market]).new
        assert store.ingest("b", "d2", [chunk(1), chunk(2)]).duplicates == {"trades": 100}
    remote, local = stores
    query = "select ticker, count(*) n, sum(price) p from trades join markets using (ticker) group by 1"
    for compacted in (False, True):
        for read in (
            lambda store: store.trades().collect(),
            lambda store: store.trades("T3", DAY, datetime(1970, 1, 3, tzinfo=UTC)).collect(),
            lambda store: store.markets().collect(),
            lambda store: store.sql(query),
            lambda store: store.tickers(),
            lambda store: [(table.name, table.rows, table.files) for table in store.tables()],
        ):
            got, want = read(remote), read(local)
            assert got.equals(want) if isinstance(got, pl.DataFrame) else got == want
        if not compacted:
            frame = remote.trades()
            for store in stores:
                assert store.compact().after["trades"] == 1
            assert frame.collect().height == 300
            assert store.compact(keep_seconds=0).removed


def test_an_import_that_broke_off_goes_on(bucket, monkeypatch):
    monkeypatch.setattr("touchline.io.store.ingest.ingest.BATCH_ROWS", 100)
    skipped: list[int] = []

    def broken(skip: int):
        yield chunk(0)
        yield chunk(1)
        raise KeyboardInterrupt

    def whole(skip: int):
        skipped.append(skip)
        return (chunk(day) for day in range(skip, 4))

    with pytest.raises(KeyboardInterrupt):
        Store(bucket).ingest("a", "d", broken)
    report = Store(bucket).ingest("a", "d", whole)
    assert skipped == [report.resumed] == [2]
    assert report.rows == {"trades": 400}


def test_of_two_writers_the_later_commit_is_told_to_run_again(bucket):
    def slow():
        yield chunk(0)
        assert Store(bucket).ingest("other", "d2", [chunk(0), chunk(1)]).new  # commits first
        yield chunk(2)

    store = Store(bucket)
    with pytest.raises(InputError, match=r"another import was committed .* run this one again"):
        store.ingest("slow", "d1", slow())
    report = store.ingest("slow", "d1", [chunk(0), chunk(2)])
    assert (report.import_id, report.rows, report.duplicates) == (import_id_of("d1"), {"trades": 100}, {"trades": 100})
    assert store.trades().collect().height == 300


def test_a_missing_bucket_is_one_clear_error(bucket):
    with pytest.raises(InputError, match="no-such-bucket"):
        Store("s3://no-such-bucket/x").ingest("a", "d", [chunk(0)])


def test_a_damaged_object_is_named(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path))
    store = Store(bucket)
    store.ingest("a", "d1", [chunk(0)])
    whole = store.trades().collect()
    client = boto3.client("s3")
    name, _, prefix = bucket.removeprefix("s3://").partition("/")
    listed = client.list_objects_v2(Bucket=name, Prefix=prefix)["Contents"]
    for key in (one["Key"] for one in listed if "/trades/" in one["Key"] or "/manifests/" in one["Key"]):
        content = client.get_object(Bucket=name, Key=key)["Body"].read()
        client.put_object(Bucket=name, Key=key, Body=content[:60] + bytes([content[60] ^ 1]) + content[61:])
        with pytest.raises(DamagedError, match=key):
            Store(bucket).trades()
        client.put_object(Bucket=name, Key=key, Body=content)
        assert Store(bucket).trades().collect().equals(whole)
    assert {one.state for one in Store(bucket).check_files()} == {INTACT}


@pytest.mark.parametrize("name", ["../other/trades/x.parquet", "/etc/passwd", "trades/../../x.parquet"])
def test_a_manifest_that_names_an_object_outside_of_the_store_is_refused(bucket, name):
    """A stranger's manifest could have another prefix read, or removed by a compaction."""
    store = Store(bucket)
    store.ingest("a", "d1", [chunk(0)])
    client = boto3.client("s3")
    where, _, prefix = bucket.removeprefix("s3://").partition("/")
    client.put_object(Bucket=where, Key=f"{prefix.partition('/')[0]}/other/trades/x.parquet", Body=b"another's")
    key = f"{prefix}/manifests/00000001.json"
    manifest = msgspec.json.decode(client.get_object(Bucket=where, Key=key)["Body"].read())
    del manifest["checksum"]
    manifest["files"][0]["name"] = name
    client.put_object(Bucket=where, Key=key, Body=with_checksum(msgspec.json.encode(manifest)))
    for use in (
        lambda: Store(bucket).trades().collect(),
        lambda: Store(bucket).sql("select * from trades"),
        lambda: Store(bucket).check_files(),
        lambda: Store(bucket).forget(import_id_of("d1")),
    ):
        with pytest.raises(InputError, match=r"names the file .*, which is not in it"):
            use()
    assert client.get_object(Bucket=where, Key=f"{prefix.partition('/')[0]}/other/trades/x.parquet")
    for use in (S3Place(bucket).read, S3Place(bucket).stamp, lambda at: S3Place(bucket).put(at, b"")):
        with pytest.raises(InputError, match="which is not in it"):
            use(name)
    with pytest.raises(InputError, match="which is not in it"):
        S3Place(bucket).remove([name])
