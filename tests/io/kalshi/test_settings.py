from __future__ import annotations

from pathlib import Path

import pytest
from touchline.io.kalshi.errors import ConfigError
from touchline.io.kalshi.settings import Settings


def test_demo_is_the_default_and_production_is_only_used_when_named() -> None:
    assert "demo" in Settings.from_env({}, None).rest_url
    assert (
        Settings.from_env({"KALSHI_ENV": "production"}, None).rest_url == "https://external-api.kalshi.com/trade-api/v2"
    )
    with pytest.raises(ConfigError, match="'prod'; expected demo or production"):
        Settings.from_env({"KALSHI_ENV": "prod"}, None)


@pytest.mark.parametrize(
    "values",
    [
        {"KALSHI_REST_URL": "http://example.com/trade-api/v2"},
        {"KALSHI_REST_URL": "http://127.0.0.1.example.com/trade-api/v2"},
        {"KALSHI_WS_URL": "ws://example.com/ws"},
    ],
)
def test_unencrypted_addresses_are_for_this_machine_only(values: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="to this machine only"):
        Settings.from_env(values, None)


@pytest.mark.parametrize("url", ["ftp://x/y", "127.0.0.1", "https://user:pw@host/x", "https://host/x?a=1"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="KALSHI_REST_URL"):
        Settings.from_env({"KALSHI_REST_URL": url}, None)


def test_dotenv_is_read_and_the_environment_wins(tmp_path: Path, pem: bytes) -> None:
    key_file = tmp_path / "private.pem"
    key_file.write_bytes(pem)
    key_file.chmod(0o600)
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        "# a comment\nexport KALSHI_KEY_ID='the-id'\n"
        f'KALSHI_PRIVATE_KEY_PATH="{key_file}"\nKALSHI_ENV=production\nKALSHI_REST_URL=http://127.0.0.1:1/v2\n\nnonsense\n'
    )
    settings = Settings.from_env({"KALSHI_REST_URL": "http://127.0.0.1:2/v2/"}, dotenv)
    assert settings.environment == "production" and settings.rest_url == "http://127.0.0.1:2/v2"
    assert settings.signer is not None
    assert settings.signer.headers("GET", "/x")["KALSHI-ACCESS-KEY"] == "the-id"


def test_a_key_in_one_line_is_read(pem: bytes) -> None:
    text = pem.decode().replace("\n", "\\n")
    settings = Settings.from_env({"KALSHI_KEY_ID": "id", "KALSHI_PRIVATE_KEY": text}, None)
    assert settings.signer is not None
    assert "PRIVATE" not in repr(settings)


def test_what_is_missing_is_named(pem: bytes) -> None:
    with pytest.raises(ConfigError, match="KALSHI_KEY_ID is not"):
        Settings.from_env({"KALSHI_PRIVATE_KEY": pem.decode()}, None)
    with pytest.raises(ConfigError, match="KALSHI_PRIVATE_KEY_PATH"):
        Settings.from_env({}, None).require_signer("the stream")
