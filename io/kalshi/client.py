"""The client: one session, one rate budget, and the groups of endpoints on it."""

from __future__ import annotations

from types import TracebackType

from .rest.limits import Budget
from .rest.market_data import MarketData
from .rest.order_groups import OrderGroups
from .rest.orders import Orders
from .rest.portfolio import PortfolioCalls
from .rest.settings import Settings
from .rest.transport import Transport


class Client:
    """The exchange over REST: ``market_data``, ``portfolio``, ``orders``, ``order_groups``."""

    def __init__(self, settings: Settings | None = None, *, requests_per_second: float | None = None) -> None:
        self.settings = settings or Settings.from_env()
        self.transport = Transport(self.settings, Budget(requests_per_second))
        self.market_data = MarketData(self.transport)
        self.portfolio = PortfolioCalls(self.transport)
        self.orders = Orders(self.transport, self.portfolio)
        self.order_groups = OrderGroups(self.transport)

    def adopt_limits(self) -> None:
        """Take the account's rate limits as this client's, never above what the caller asked for."""
        limits, budget = self.portfolio.limits(), self.transport.budget
        if budget.ceiling is None or limits.read.refill_rate < budget.ceiling:
            budget.read.configure(limits.read.refill_rate, limits.read.bucket_capacity)
        budget.write.configure(limits.write.refill_rate, limits.write.bucket_capacity)

    def now(self) -> int:
        """The exchange's time, ns UTC: this machine's, or that of a replay as of its last answer."""
        return self.transport.now()

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
