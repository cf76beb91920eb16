"""Production refuses what only the demo may have, and says everything at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.crypto import Sealer
from app.core.errors import AppError
from app.core.settings import DEV_MASTER_KEY, SettingsError, load_settings


def test_production_refuses_every_unsafe_value_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    monkeypatch.setenv("DEMO", "true")
    monkeypatch.setenv("SIMULATOR_URL", "http://127.0.0.1:8081")
    monkeypatch.setenv("TELEGRAM_API_URL", "http://127.0.0.1:8081")
    with pytest.raises(SettingsError) as refusal:
        load_settings(_env_file=None)
    told = str(refusal.value)
    for word in ("DEMO", "SECRET_KEY", "MASTER_KEYS", "SIMULATOR_URL", "TELEGRAM_API_URL", "PROXY_HOPS", "BASE_URL"):
        assert word in told


def test_a_declared_production_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s" * 40 + "\n")
    given = {
        "APP_ENV": "production",
        "SECRET_KEY_FILE": str(secret),
        "MASTER_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "TELEGRAM_BOT_TOKEN": "5:real",
        "PROXY_HOPS": "1",
        "BASE_URL": "https://analytic.example",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(_env_file=None)
    assert settings.secret_key.get_secret_value() == "s" * 40
    assert "s" * 40 not in repr(settings)


def test_several_wrong_values_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_PORT", "99999")
    monkeypatch.setenv("BASE_URL", "ftp://x")
    with pytest.raises(SettingsError) as refusal:
        load_settings(_env_file=None)
    assert "WEB_PORT" in str(refusal.value) and "BASE_URL" in str(refusal.value)


def test_a_secret_s_file_that_cannot_be_read_is_told_beside_the_rest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("SECRET_KEY_FILE", "/nope")
    monkeypatch.setenv("METRICS_TOKEN_FILE", str(binary))
    monkeypatch.setenv("WEB_PORT", "99999")
    with pytest.raises(SettingsError) as refusal:
        load_settings(_env_file=None)
    told = str(refusal.value)
    assert "SECRET_KEY: Value error, /nope cannot be read" in told
    assert "METRICS_TOKEN" in told and "WEB_PORT" in told


def test_a_secret_opens_only_in_its_own_place_and_by_older_keys() -> None:
    old = Sealer(DEV_MASTER_KEY)
    sealed = old.seal("token", bound_to="bot.token:1")
    rotated = Sealer("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=," + DEV_MASTER_KEY)
    assert rotated.open(sealed, bound_to="bot.token:1") == "token"
    for place, envelope in (("bot.token:2", sealed), ("bot.token:1", sealed[:-4] + "AAA="), ("bot.token:1", "rubbish")):
        with pytest.raises(AppError):
            rotated.open(envelope, bound_to=place)
