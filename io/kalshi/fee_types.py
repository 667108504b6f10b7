"""What the exchange charges by type of fee: a share of price x (1 - price), in dollars a contract."""

from __future__ import annotations

from decimal import Decimal

#: Fee type -> (taker k, maker k). Before July 2025 makers paid a flat amount on a few series, which is not modelled.
COEFFICIENTS: dict[str, tuple[Decimal, Decimal]] = {
    "quadratic": (Decimal("0.07"), Decimal(0)),
    "quadratic_with_maker_fees": (Decimal("0.07"), Decimal("0.0175")),
    "quadratic_with_combo_maker_fees": (Decimal("0.07"), Decimal("0.035")),
}
