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
    """Create, read, change and delete order groups; limits in lots. A group belongs to a subaccount; 0 is the first."""

    def __init__(self, transport: Transport) -> None:
        self._ask = transport

    def create(self, limit: int, *, subaccount: int | None = None) -> str:
        """Make a group and return its id."""
        body: dict[str, object] = {"contracts_limit_fp": write_count(limit)}
        if subaccount is not None:
            body["subaccount"] = subaccount
        return self._ask.call("POST", f"{_PATH}/create", "order_group_id", str, body=body, private=True)

    def list(self, *, subaccount: int | None = None) -> list[OrderGroup]:
        """All groups of the account, or of one of its subaccounts."""
        return self._ask.get(_PATH, "order_groups", list[OrderGroup], params=_of(subaccount), private=True)

    def get(self, group_id: str, *, subaccount: int | None = None) -> OrderGroup:
        """One group with its orders."""
        return self._ask.get(f"{_PATH}/{group_id}", None, OrderGroup, params=_of(subaccount), private=True)

    def delete(self, group_id: str, *, subaccount: int | None = None) -> None:
        """Delete a group and cancel its orders."""
        path = f"{_PATH}/{group_id}"
        self._ask.call("DELETE", path, None, None, params=_of(subaccount), private=True, repeatable=True)

    def reset(self, group_id: str, *, subaccount: int | None = None) -> None:
        """Let a triggered group take orders again."""
        self._put(group_id, "reset", {}, subaccount)

    def trigger(self, group_id: str, *, subaccount: int | None = None) -> None:
        """Cancel the group's orders now."""
        self._put(group_id, "trigger", {}, subaccount)

    def set_limit(self, group_id: str, limit: int, *, subaccount: int | None = None) -> None:
        """Change the limit."""
        self._put(group_id, "limit", {"contracts_limit_fp": write_count(limit)}, subaccount)

    def _put(self, group_id: str, action: str, body: dict[str, str], subaccount: int | None) -> None:
        path, params = f"{_PATH}/{group_id}/{action}", _of(subaccount)
        self._ask.call("PUT", path, None, None, params=params, body=body, private=True, repeatable=True)


def _of(subaccount: int | None) -> dict[str, int | None]:
    return {"subaccount": subaccount}
