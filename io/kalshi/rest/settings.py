"""Where the exchange is and who is asking: from the environment and an `.env` file, demo unless production is named."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .errors import ConfigError
from .signing import Signer, read_key_file

_ADDRESSES = {
    "demo": (
        "https://external-api.demo.kalshi.co/trade-api/v2",
        "wss://external-api-ws.demo.kalshi.co/trade-api/ws/v2",
    ),
    "production": (
        "https://external-api.kalshi.com/trade-api/v2",
        "wss://external-api-ws.kalshi.com/trade-api/ws/v2",
    ),
}


@dataclass(frozen=True)
class Settings:
    """The addresses and, where there is a key, what signs with it."""

    environment: str = "demo"
    rest_url: str = _ADDRESSES["demo"][0]
    ws_url: str = _ADDRESSES["demo"][1]
    signer: Signer | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _check_address("KALSHI_REST_URL", self.rest_url, ("https", "http"))
        _check_address("KALSHI_WS_URL", self.ws_url, ("wss", "ws"))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> Settings:
        """Read ``KALSHI_ENV``, ``KALSHI_KEY_ID``, ``KALSHI_PRIVATE_KEY_PATH`` and the rest; the environment wins.

        >>> Settings.from_env({}, dotenv=None).environment
        'demo'
        """
        own = _named(os.environ if environ is None else environ)
        file = _named(_read_dotenv(dotenv)) if dotenv else {}
        values = {**file, **own}
        _check_sources(values, own.keys(), dotenv)
        environment = values.get("KALSHI_ENV", "demo").lower()
        if environment not in _ADDRESSES:
            raise ConfigError(f"KALSHI_ENV is {environment!r}; expected demo or production")
        rest, ws = _ADDRESSES[environment]
        return cls(
            environment=environment,
            rest_url=values.get("KALSHI_REST_URL", rest).rstrip("/"),
            ws_url=values.get("KALSHI_WS_URL", ws).rstrip("/"),
            signer=_signer(values),
        )

    @property
    def is_production(self) -> bool:
        """Whether orders may reach the real exchange: by its name, or by an address that is not for trying."""
        return self.environment == "production" or not all(_is_for_trying(url) for url in (self.rest_url, self.ws_url))

    def require_signer(self, what: str) -> Signer:
        """Return the signer, or say how to set a key."""
        if self.signer is None:
            raise ConfigError(f"{what} needs a key: set KALSHI_KEY_ID and KALSHI_PRIVATE_KEY_PATH")
        return self.signer


def _named(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name.startswith("KALSHI_") and value}


def _check_sources(values: Mapping[str, str], own: Collection[str], dotenv: Path | None) -> None:
    """Refuse to sign for an address that a file of the current folder names, with a key that the file does not hold.

    Whoever gets signed requests can pass them on to the real exchange, and that folder may be a stranger's.
    """
    key = next((name for name in ("KALSHI_PRIVATE_KEY_PATH", "KALSHI_PRIVATE_KEY") if name in values), None)
    for name in ("KALSHI_REST_URL", "KALSHI_WS_URL"):
        if key is None or name in own or name not in values:
            continue
        host = _host(values[name])
        is_local_pair = key not in own and is_loopback(host)  # what a local exchange says of itself
        is_all_of_the_file = key not in own and key == "KALSHI_PRIVATE_KEY"
        if not (_is_kalshi(host) or is_local_pair or is_all_of_the_file):
            raise ConfigError(
                f"{name} in {dotenv} is {values[name]!r}, and your key would sign requests for it: "
                f"if you trust that address, set {name} in the environment"
            )


def _host(url: str) -> str:
    """The host of an address; a dot at its end changes nothing."""
    return (urlsplit(url).hostname or "").removesuffix(".")


def _is_kalshi(host: str) -> bool:
    return any(host == own or host.endswith(f".{own}") for own in ("kalshi.com", "kalshi.co"))


def _is_for_trying(url: str) -> bool:
    host = _host(url)
    return host == "demo-api.kalshi.co" or host.endswith(".demo.kalshi.co") or is_loopback(host)


def _signer(values: Mapping[str, str]) -> Signer | None:
    path, text = values.get("KALSHI_PRIVATE_KEY_PATH"), values.get("KALSHI_PRIVATE_KEY")
    if path:
        return Signer(values.get("KALSHI_KEY_ID", ""), read_key_file(Path(path)))
    if text:
        return Signer(values.get("KALSHI_KEY_ID", ""), text.replace("\\n", "\n").encode())
    return None


def _read_dotenv(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"cannot read {path} as UTF-8 text") from None
    values = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            values[name.strip()] = value[1:-1] if quoted else value
    return values


def _check_address(name: str, url: str, schemes: tuple[str, str]) -> None:
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname:
        raise ConfigError(f"{name} is {url!r}; expected {schemes[0]}://host/path")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(f"{name} must be an address only: no user, password, query or fragment")
    if parts.scheme == schemes[1] and not is_loopback(parts.hostname):
        raise ConfigError(f"{name} is {url!r}; unencrypted {schemes[1]}:// is allowed to this machine only")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("example.com")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
