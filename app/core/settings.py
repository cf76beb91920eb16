"""Configuration: read once from the environment, checked whole, every error told at once."""

from __future__ import annotations

import base64
import ipaddress
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.core import crashpoint

DEV_SECRET = "development-only-secret-key"
DEV_MASTER_KEY = base64.urlsafe_b64encode(b"development-only-master-key-32b!").decode()
SIMULATED_BOT_TOKEN = "1000000001:SIMULATED-service-bot-token-not-real"
SIMULATED_STORAGE_CHAT_ID = -1_001_800_000_001
SIMULATED_CLIENT_SECRET = "SIMULATED-client-secret-not-real"
SIMULATED_PAYME_KEY = "SIMULATED-payme-key-not-real"
SIMULATED_CLICK_SECRET = "SIMULATED-click-secret-not-real"
SIMULATED_STRIPE_KEY = "sk_test_SIMULATED_not_real"
SIMULATED_STRIPE_SECRET = "whsec_SIMULATED_not_real"
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")
_ADDRESS = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")


class SettingsError(Exception):
    """The environment does not describe a service that can start; says everything that is wrong."""


class Settings(BaseSettings):
    """Every knob of the service. Each name stands in `.env.example` and docs/settings.md (a test holds them equal)."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    app_env: Literal["development", "production"] = Field("development", description="production refuses unsafe values")
    demo: bool = Field(False, description="first-start demo: simulated Telegram, demo login link on loopback")
    secret_key: SecretStr = Field(
        SecretStr(DEV_SECRET), description="signs cookies, keyed hashes, payments in Stars, the audit log"
    )
    previous_secret_keys: SecretStr = Field(
        SecretStr(""),
        description="keys that SECRET_KEY had before, newest first, comma separated: what they signed stays good",
    )
    master_keys: SecretStr = Field(
        SecretStr(DEV_MASTER_KEY), description="32-byte base64url keys that seal secrets, newest first, comma separated"
    )
    data_dir: Path = Field(Path("var"), description="folder for the embedded databases and sockets")
    database_url: str = Field("", description="postgresql://… or sqlite:///path; empty: SQLite in DATA_DIR")
    base_url: str = Field("http://127.0.0.1:8000", description="address under which people reach the web process")
    web_port: int = Field(8000, ge=1, le=65535, description="port the web process listens on")
    proxy_hops: int | None = Field(
        None, ge=0, le=5, description="trusted proxies in front; must be declared in production"
    )
    log_format: Literal["pretty", "json"] = Field("pretty", description="json in production")
    metrics_token: SecretStr = Field(SecretStr(""), description="bearer token of /metrics; empty: loopback only")
    media_s3_bucket: str = Field("", description="the bucket where people's files lie; empty: DATA_DIR/media")
    media_s3_endpoint: str = Field("", description="address of the S3 that has MEDIA_S3_BUCKET; empty: Amazon's")
    media_s3_region: str = Field("", description="its region")
    media_s3_access_key: SecretStr = Field(SecretStr(""), description="our access key there; empty: the machine's own")
    media_s3_secret_key: SecretStr = Field(SecretStr(""), description="the secret that belongs to MEDIA_S3_ACCESS_KEY")
    media_cache_mb: int = Field(
        10_000, ge=0, description="local copies of files in the bucket: beyond so many MB those that rest are let go"
    )
    huey_redis_url: SecretStr = Field(
        SecretStr(""), description="redis://… of the queue that wakes the jobs process; empty: SQLite in DATA_DIR"
    )
    default_timezone: str = Field("Asia/Tashkent", description="zone of new workspaces and channels")
    telegram_bot_token: SecretStr = Field(
        SecretStr(""), description="the service's bot; empty in demo: the simulator's"
    )
    telegram_storage_chat_id: int | None = Field(
        None, description="a private channel of the service's bot, where it keeps copies of files; empty: none"
    )
    telegram_api_url: str = Field("https://api.telegram.org", description="Bot API server")
    telegram_local_server: bool = Field(
        False,
        description="TELEGRAM_API_URL is a Bot API server of your own (--local): files up to 2 GB instead of 50 MB",
    )
    telegram_local_files: str = Field(
        "",
        description="where that server sees DATA_DIR/media, and below which its --dir lies; empty: it shares no disk",
    )
    telegram_preview_url: str = Field("https://t.me", description="where public previews /s/<channel> are read")
    telegram_api_id: int | None = Field(
        None, ge=1, description="of my.telegram.org, for owners' own accounts; empty: nobody can connect one"
    )
    telegram_api_hash: SecretStr = Field(SecretStr(""), description="the hash that belongs to TELEGRAM_API_ID")
    owner_sessions_enabled: bool = Field(True, description="false stops every read through owners' own accounts")
    oidc_issuer: str = Field(
        "", description="OpenID Connect issuer of the login, https://oauth.telegram.org; empty: none"
    )
    oidc_client_id: str = Field("", description="our client id there: the bot's id")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="the secret that belongs to OIDC_CLIENT_ID")
    payme_merchant_id: str = Field("", description="Payme's id of our kassa; empty: no Payme")
    payme_key: SecretStr = Field(SecretStr(""), description="the key with which Payme signs its requests to us")
    payme_cards: bool = Field(False, description="our contract with Payme allows saved cards (Subscribe API)")
    payme_checkout_url: str = Field("https://checkout.paycom.uz", description="where people pay by Payme")
    click_merchant_id: str = Field("", description="Click's id of us as a merchant; empty: no Click")
    click_service_id: str = Field("", description="Click's id of our service")
    click_secret_key: SecretStr = Field(SecretStr(""), description="the key with which Click signs its requests to us")
    click_pay_url: str = Field("https://my.click.uz/services/pay", description="where people pay by Click")
    payme_api_url: str = Field(
        "https://checkout.paycom.uz/api", description="Payme's API, where saved cards are charged"
    )
    click_api_url: str = Field(
        "https://api.click.uz/v2/merchant", description="Click's merchant API, where saved cards are charged"
    )
    click_merchant_user_id: str = Field("", description="our user at Click's merchant API; empty: no saved cards")
    click_settles_s: int = Field(
        600, ge=1, description="seconds in which Click may still come to know of a charge whose answer was lost"
    )
    stripe_secret_key: SecretStr = Field(SecretStr(""), description="our key at Stripe; empty: no Stripe")
    stripe_webhook_secret: SecretStr = Field(SecretStr(""), description="the key with which Stripe signs its events")
    stripe_api_url: str = Field("https://api.stripe.com", description="Stripe's API")
    cbu_rates_url: str = Field(
        "https://cbu.uz/uz/arkhiv-kursov-valyut/json",
        description="where the Central Bank's rates of exchange are read, for revenue in one currency; empty: nowhere",
    )
    seller_name: str = Field("AnalyticBot", description="who sells, as invoices name them")
    seller_details: str = Field("", description="their address and tax number on invoices; lines parted by |")
    fiscal_ikpu: str = Field("", description="IKPU code of what we sell, for fiscal receipts; empty: none are made")
    fiscal_package_code: str = Field("", description="the package code that belongs to FISCAL_IKPU")
    mail_host: str = Field("", description="the SMTP server that takes our letters; empty: no letters")
    mail_port: int = Field(587, ge=1, le=65535, description="and its port")
    mail_user: str = Field("", description="our name there; empty: it asks for none")
    mail_password: SecretStr = Field(SecretStr(""), description="the password that belongs to MAIL_USER")
    mail_from: str = Field("", description="whom letters are from: an address, or Name <address>")
    mail_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="tls from the first byte on (port 465); none only to this machine"
    )
    telegram_updates: Literal["polling", "webhook"] = Field("polling", description="how updates arrive")
    telegram_frame_ancestors: str = Field(
        "https://web.telegram.org https://*.telegram.org", description="who may frame the Mini App"
    )
    telegram_script_url: str = Field(
        "https://telegram.org/js/telegram-web-app.js", description="Telegram's own script of Mini Apps; empty: none"
    )
    live_url: str = Field("", description="where browsers reach the live process; empty: pages ask again by themselves")
    live_host: str = Field("127.0.0.1", description="the address the live process listens at")
    live_port: int = Field(8002, description="and its port")
    simulator_url: str = Field("", description="the simulated Telegram of the demo; forbidden in production")
    preview_pages_per_minute: int = Field(
        50, ge=1, le=60, description="preview pages read a minute, all channels together"
    )
    temporal_address: str = Field("127.0.0.1:7233", description="Temporal frontend")
    temporal_namespace: str = Field("default", description="Temporal namespace")
    temporal_ui_url: str = Field("http://127.0.0.1:8233", description="where people open the Temporal UI")
    temporal_cli: str = Field("", description="path of a temporal binary for make run; empty: the wheel's")

    @field_validator("*", mode="before")
    @classmethod
    def _file_is_readable(cls, value: Any) -> Any:
        if isinstance(value, _Unreadable):
            raise ValueError(f"{value.path} cannot be read: {value.why}")
        return value

    @field_validator(
        "base_url",
        "telegram_api_url",
        "telegram_preview_url",
        "simulator_url",
        "temporal_ui_url",
        "oidc_issuer",
        "payme_checkout_url",
        "click_pay_url",
        "payme_api_url",
        "click_api_url",
        "stripe_api_url",
        "cbu_rates_url",
        "media_s3_endpoint",
    )
    @classmethod
    def _without_trailing_slash(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("must start with http:// or https://")
        if value and not _HOST.fullmatch(urlsplit(value).netloc):
            raise ValueError("must name a host, with a port or without one")
        return value.rstrip("/")

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """SECRET_KEY, which signs, and those of before, which only verify."""
        before = self.previous_secret_keys.get_secret_value().split(",")
        return self.secret_key.get_secret_value(), *(key.strip() for key in before if key.strip())

    @field_validator("master_keys")
    @classmethod
    def _keys_have_32_bytes(cls, value: SecretStr) -> SecretStr:
        for key in value.get_secret_value().split(","):
            if len(base64.urlsafe_b64decode(key)) != 32:
                raise ValueError("each key must be 32 bytes in base64url")
        return value

    @model_validator(mode="after")
    def _login_is_whole(self) -> Settings:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret.get_secret_value()):
            raise ValueError("OIDC_ISSUER needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET")
        return self

    @model_validator(mode="after")
    def _local_files_have_a_server(self) -> Settings:
        if self.telegram_local_files and not self.telegram_local_server:
            raise ValueError("TELEGRAM_LOCAL_FILES needs TELEGRAM_LOCAL_SERVER")
        if self.telegram_local_files and not self.telegram_local_files.startswith("/"):
            raise ValueError("TELEGRAM_LOCAL_FILES must be an absolute path")
        return self

    @model_validator(mode="after")
    def _queue_has_an_address(self) -> Settings:
        url = urlsplit(self.huey_redis_url.get_secret_value())
        if url.geturl() and url.scheme not in ("redis", "rediss", "unix"):
            raise ValueError("HUEY_REDIS_URL must start with redis://, rediss:// or unix://")
        return self

    @model_validator(mode="after")
    def _bucket_is_whole(self) -> Settings:
        if bool(self.media_s3_access_key.get_secret_value()) != bool(self.media_s3_secret_key.get_secret_value()):
            raise ValueError("MEDIA_S3_ACCESS_KEY and MEDIA_S3_SECRET_KEY belong together")
        return self

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Settings:
        problems = list(_mail_problems(self)) if self.mail_host else []
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _production_is_safe(self) -> Settings:
        if self.app_env == "production":
            problems = list(production_problems(self))
            if problems:
                raise ValueError("; ".join(problems))
        return self

    @property
    def database_address(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'analyticbot.sqlite3'}"

    @property
    def bot_token(self) -> str:
        token = self.telegram_bot_token.get_secret_value()
        return token or (SIMULATED_BOT_TOKEN if self.demo else "")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _FileSecrets(settings_cls), env_settings, dotenv_settings


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Stands for the content of a file that could not be read, so that it is told beside the other errors."""

    path: str
    why: str


class _FileSecrets(PydanticBaseSettingsSource):
    """`NAME_FILE=/path` gives NAME the content of that file, as containers hand over secrets."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{field_name.upper()}_FILE")
        try:
            return (Path(path).read_text().strip() if path else None), field_name, False
        except (OSError, ValueError) as error:
            return _Unreadable(str(path), str(error)), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(None, name)[0] for name in self.settings_cls.model_fields}
        return {name: value for name, value in values.items() if value is not None}


def production_problems(settings: Settings) -> list[str]:
    """Why these settings must not serve real people; empty when they may."""
    checks = {
        "DEMO must be off": settings.demo,
        "CRASHPOINT is for tests": crashpoint.is_armed(),
        "SECRET_KEY is the development default or too short": len(settings.secret_key.get_secret_value()) < 32
        or settings.secret_key.get_secret_value() == DEV_SECRET,
        "MASTER_KEYS holds the development default": DEV_MASTER_KEY in settings.master_keys.get_secret_value(),
        "SIMULATOR_URL must be empty": bool(settings.simulator_url),
        "TELEGRAM_API_URL points at this machine's simulator": _is_loopback(settings.telegram_api_url)
        and not settings.telegram_local_server,
        "TELEGRAM_PREVIEW_URL points at this machine's simulator": _is_loopback(settings.telegram_preview_url),
        "OIDC_ISSUER must be https": bool(settings.oidc_issuer) and not settings.oidc_issuer.startswith("https://"),
        "TELEGRAM_BOT_TOKEN is the simulator's": settings.telegram_bot_token.get_secret_value() == SIMULATED_BOT_TOKEN,
        "OIDC_CLIENT_SECRET is the simulator's": settings.oidc_client_secret.get_secret_value()
        == SIMULATED_CLIENT_SECRET,
        "PAYME_KEY is the simulator's": settings.payme_key.get_secret_value() == SIMULATED_PAYME_KEY,
        "CLICK_SECRET_KEY is the simulator's": settings.click_secret_key.get_secret_value() == SIMULATED_CLICK_SECRET,
        "STRIPE_SECRET_KEY is the simulator's": settings.stripe_secret_key.get_secret_value() == SIMULATED_STRIPE_KEY,
        "PAYME_API_URL points at this machine's simulator": _is_loopback(settings.payme_api_url),
        "CLICK_API_URL points at this machine's simulator": _is_loopback(settings.click_api_url),
        "STRIPE_API_URL points at this machine's simulator": _is_loopback(settings.stripe_api_url),
        "CBU_RATES_URL points at this machine's simulator": _is_loopback(settings.cbu_rates_url),
        "PAYME_CHECKOUT_URL points at this machine's simulator": _is_loopback(settings.payme_checkout_url),
        "CLICK_PAY_URL points at this machine's simulator": _is_loopback(settings.click_pay_url),
        "TELEGRAM_BOT_TOKEN is missing": not settings.telegram_bot_token.get_secret_value(),
        "PROXY_HOPS must say how many proxies stand in front (0 for none)": settings.proxy_hops is None,
        "BASE_URL must be https": not settings.base_url.startswith("https://"),
    }
    return [problem for problem, is_wrong in checks.items() if is_wrong]


def _mail_problems(settings: Settings) -> Iterator[str]:
    """Why these settings send no letter."""
    if not settings.mail_from.isprintable() or not _ADDRESS.fullmatch(parseaddr(settings.mail_from)[1]):
        yield "MAIL_HOST needs MAIL_FROM, one address"
    if bool(settings.mail_user) != bool(settings.mail_password.get_secret_value()):
        yield "MAIL_USER and MAIL_PASSWORD belong together"
    if settings.mail_security == "none" and not _is_this_machine(settings.mail_host):
        yield "MAIL_SECURITY may be none on this machine only"


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_loopback(url: str) -> bool:
    return (urlsplit(url).hostname or "") in ("localhost", "::1") or (urlsplit(url).hostname or "").startswith("127.")


def load_settings(**overrides: Any) -> Settings:
    """Read the environment. Raises SettingsError with one line per wrong setting."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [f"- {'.'.join(map(str, e['loc'])).upper() or 'settings'}: {e['msg']}" for e in error.errors()]
        raise SettingsError("The settings are not usable:\n" + "\n".join(lines)) from error
