from __future__ import annotations

from pathlib import Path

import pytest
from touchline.io.kalshi.rest.errors import ConfigError
from touchline.io.kalshi.rest.settings import Settings


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


TRYING = [
    "https://external-api.demo.kalshi.co/v2",
    "https://demo-api.kalshi.co./v2",
    "http://127.0.0.1:1",
    "http://[::1]:1",
]
REAL = [
    "https://external-api.kalshi.com/v2", "https://external-api.kalshi.com./v2", "https://API.Kalshi.com/v2",
    "https://relay.example.com/v2", "https://demo.kalshi.co.example.com/v2", "https://notdemo.kalshi.co/v2",
    "https://mydemo-api.kalshi.co/v2", "https://10.0.0.1/v2", "https://0.0.0.0/v2",
]  # fmt: skip


@pytest.mark.parametrize(("url", "real"), [*((url, False) for url in TRYING), *((url, True) for url in REAL)])
def test_only_the_demo_and_this_machine_are_not_production(url: str, real: bool) -> None:
    stream = url.replace("http", "ws")
    here = "ws://127.0.0.1:1"
    assert Settings("demo", url, here).is_production is real
    assert Settings("demo", "http://127.0.0.1:1", stream).is_production is real
    assert Settings("production", url, here).is_production


@pytest.mark.parametrize("name", ["KALSHI_REST_URL", "KALSHI_WS_URL"])
@pytest.mark.parametrize("host", ["relay.example.com", "127.0.0.1:9", "kalshi.com.example.com"])
def test_a_key_of_the_environment_signs_for_no_address_of_a_file(
    name: str, host: str, tmp_path: Path, pem: bytes
) -> None:
    url = f"{'https' if 'REST' in name else 'wss'}://{host}/v2"
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "key.pem").chmod(0o600)
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"{name}={url}\n")
    for key in ({"KALSHI_PRIVATE_KEY": pem.decode()}, {"KALSHI_PRIVATE_KEY_PATH": str(tmp_path / "key.pem")}):
        own = {"KALSHI_KEY_ID": "id", **key}
        with pytest.raises(ConfigError, match=rf"^{name} in .*/\.env is '{url}', and your key would sign"):
            Settings.from_env(own, dotenv)
        assert Settings.from_env({**own, name: url}, dotenv).signer is not None
    assert Settings.from_env({}, dotenv).signer is None


def test_a_key_file_that_a_file_names_signs_for_this_machine_and_kalshi_alone(tmp_path: Path, pem: bytes) -> None:
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "key.pem").chmod(0o600)
    dotenv = tmp_path / ".env"
    named = f"KALSHI_KEY_ID=id\nKALSHI_PRIVATE_KEY_PATH={tmp_path / 'key.pem'}\nKALSHI_REST_URL="
    for url in ("http://127.0.0.1:9/v2", "https://demo-api.kalshi.co/v2", "https://api.elections.kalshi.com/v2"):
        dotenv.write_text(named + url)
        assert Settings.from_env({}, dotenv).signer is not None
    dotenv.write_text(named + "https://relay.example.com/v2")
    with pytest.raises(ConfigError, match="your key would sign requests for it"):
        Settings.from_env({}, dotenv)


def test_a_key_that_stands_in_the_same_file_may_sign_for_its_address_which_is_production(
    tmp_path: Path, pem: bytes
) -> None:
    text = pem.decode().replace("\n", "\\n")
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"KALSHI_KEY_ID=id\nKALSHI_PRIVATE_KEY={text}\nKALSHI_REST_URL=https://proxy.example.com/v2\n")
    settings = Settings.from_env({}, dotenv)
    assert settings.signer is not None and settings.is_production
