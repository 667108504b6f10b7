"""Order flow: who takes, and how the best levels change."""

from __future__ import annotations

import polars as pl


def trade_imbalance(window_ns: int, *, volume: bool = True, by: str = "ticker") -> pl.Expr:
    """``(B - S) / (B + S)`` of takers over ``(t - window, t]``: contracts when ``volume``, else trades.

    B bought YES (``taker_side`` 1), S sold it (-1); trades of unknown side count in neither. Base rate is not 0:
    takers buy YES more often than not. Unit: none, -1 to 1. Warm-up: null while the window has no
    trade of known side.
    """
    weight = pl.col("size") if volume else pl.lit(1, pl.Int64)
    side = pl.col("taker_side").cast(pl.Int64)
    signed = (weight * side).fill_null(0).rolling_sum_by("ts", f"{window_ns}i").over(by)
    total = (weight * side.abs()).fill_null(0).rolling_sum_by("ts", f"{window_ns}i").over(by)
    return pl.when(total > 0).then(signed / total)


def volume_imbalance(bought: str, volume: str) -> pl.Expr:
    """``(B - S) / (B + S)`` of takers, where B is what they bought and the rest of the volume was sold.

    Unit: none, -1 to 1. Warm-up: that of its inputs; null where nothing traded.

    >>> pl.DataFrame({"bought": [75], "volume": [100]}).select(x=volume_imbalance("bought", "volume")).item()
    0.5
    """
    b, v = pl.col(bought), pl.col(volume)
    return pl.when(v > 0).then((2 * b - v) / v)


def order_flow_imbalance(
    bid: str = "bid", bid_size: str = "bid_size", ask: str = "ask", ask_size: str = "ask_size", by: str = "ticker"
) -> pl.Expr:
    """Contribution of each book event to order-flow imbalance (Cont, Kukanov and Stoikov 2014).

    Size that came or stayed at the bid counts for, size that came or stayed at the ask against. Sum it over a window.
    Unit: that of the sizes. Warm-up: null in the first row and where a side is missing now or before.

    >>> book = pl.DataFrame({"ticker": "A", "bid": [45, 45], "bid_size": [100, 120], "ask": 47, "ask_size": 80})
    >>> book.select(e=order_flow_imbalance())["e"].to_list()
    [None, 20]
    """
    pb, qb, pa, qa = (pl.col(name) for name in (bid, bid_size, ask, ask_size))
    pb0, qb0, pa0, qa0 = (column.shift(1).over(by) for column in (pb, qb, pa, qa))
    return (
        (pb >= pb0).cast(pl.Int64) * qb
        - (pb <= pb0).cast(pl.Int64) * qb0
        - (pa <= pa0).cast(pl.Int64) * qa
        + (pa >= pa0).cast(pl.Int64) * qa0
    )


def multilevel_ofi(levels: int, by: str = "ticker") -> list[pl.Expr]:
    """The same for each of several levels (Xu, Gould and Howison 2018): columns ``ofi_1`` … ``ofi_M``.

    Level m reads ``bid_m``, ``bid_size_m``, ``ask_m``, ``ask_size_m``, best first. Unit: that of the sizes.
    Warm-up: that of the touch.
    """
    return [
        order_flow_imbalance(f"bid_{m}", f"bid_size_{m}", f"ask_{m}", f"ask_size_{m}", by).alias(f"ofi_{m}")
        for m in range(1, levels + 1)
    ]


def book_imbalance(bid_sizes: list[str], ask_sizes: list[str], decay: float = 1.0) -> pl.Expr:
    """``(bids - asks) / (bids + asks)`` over levels, best first, level m weighted ``decay ** m``.

    Unit: none, -1 to 1. Warm-up: none.

    >>> pl.DataFrame({"b": [100], "a": [80]}).select(x=book_imbalance(["b"], ["a"])).item()
    0.1111111111111111
    """
    bids = pl.sum_horizontal(pl.col(name).fill_null(0) * decay**m for m, name in enumerate(bid_sizes))
    asks = pl.sum_horizontal(pl.col(name).fill_null(0) * decay**m for m, name in enumerate(ask_sizes))
    return pl.when(bids + asks > 0).then((bids - asks) / (bids + asks))


def vpin(trades: pl.LazyFrame, bucket: int, buckets: int = 50, by: str = "ticker") -> pl.LazyFrame:
    """VPIN (Easley, López de Prado and O'Hara 2012): mean of ``|buys - sells| / bucket`` over equal-volume buckets.

    ``bucket`` in lots; a trade that fills a bucket is split over the next ones. One row a finished bucket: ``by``,
    ``ts`` of the trade that finished it, ``vpin`` over the last ``buckets`` of them. Trades of unknown side are left
    out. It rises by itself towards settlement. Unit: none, 0 to 1. Warm-up: null before ``buckets`` buckets.
    """
    known = trades.filter(pl.col("taker_side").is_in([1, -1]) & (pl.col("size") > 0))
    buys = pl.col("size") * (pl.col("taker_side") == 1).cast(pl.Int64)
    known = known.select(
        by,
        "ts",
        pl.col("size").cum_sum().over(by).alias("end"),
        (pl.col("size").cum_sum().over(by) - pl.col("size")).alias("begin"),
        (buys.cum_sum().over(by) - buys).alias("bought"),
        (pl.col("taker_side") == 1).cast(pl.Int64).alias("is_buy"),
    )
    edge = pl.int_ranges(pl.col("begin") // bucket + 1, pl.col("end") // bucket + 1).alias("edge")
    edges = known.with_columns(edge).explode("edge", empty_as_null=False)
    at_edge = pl.col("bought") + (pl.col("edge") * bucket - pl.col("begin")) * pl.col("is_buy")
    edges = edges.with_columns(at_edge.alias("at_edge"))
    inside = pl.col("at_edge") - pl.col("at_edge").shift(1).over(by).fill_null(0)
    share = (2 * inside - bucket).abs() / bucket
    return edges.select(by, "ts", share.rolling_mean(buckets).over(by).alias("vpin"))
