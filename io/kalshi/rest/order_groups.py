"""Order groups: a limit on what several orders may fill within 15 seconds; reaching it cancels them all."""

from __future__ import annotations

from .transport import Transport
from .wire import Lots, Wire, names, write_count

_PATH = "/portfolio/order_groups"


class OrderGroup(Wire, rename=names(fp="contracts_limit")):
    """A group: its limit, whether it was triggered, and (when read alone) its orders."""

    id: str | None = None
    order_group_id: str | None = None
    contracts_limit: Lots | None = None
    is_auto_cancel_enabled: bool | None = None
    orders: list[str] | None = None
    exchange_index: int | None = None


class OrderGroups:
    """Create, read, change and delete order groups; limits in lots."""

    def __init__(self, transport: Transport) -> None:
        self._ask = transport

    def create(self, limit: int, *, subaccount: int | None = None) -> str:
        """Make a group and return its id."""
        body: dict[str, object] = {"contracts_limit_fp": write_count(limit)}
        if subaccount is not None:
            body["subaccount"] = subaccount
        return self._ask.call("POST", f"{_PATH}/create", "order_group_id", str, body=body, private=True)

    def list(self) -> list[OrderGroup]:
        """All groups of the account."""
        return self._ask.get(_PATH, "order_groups", list[OrderGroup], private=True)

    def get(self, group_id: str) -> OrderGroup:
        """One group with its orders."""
        return self._ask.get(f"{_PATH}/{group_id}", None, OrderGroup, private=True)

    def delete(self, group_id: str) -> None:
        """Delete a group and cancel its orders."""
        self._ask.call("DELETE", f"{_PATH}/{group_id}", None, None, private=True, repeatable=True)

    def reset(self, group_id: str) -> None:
        """Let a triggered group take orders again."""
        self._put(group_id, "reset", {})

    def trigger(self, group_id: str) -> None:
        """Cancel the group's orders now."""
        self._put(group_id, "trigger", {})

    def set_limit(self, group_id: str, limit: int) -> None:
        """Change the limit."""
        self._put(group_id, "limit", {"contracts_limit_fp": write_count(limit)})

    def _put(self, group_id: str, action: str, body: dict[str, str]) -> None:
        self._ask.call("PUT", f"{_PATH}/{group_id}/{action}", None, None, body=body, private=True, repeatable=True)
