"""`make run`: everything on this machine, restarted when it dies, ended by Ctrl-C.

Supervisor (supervisord.org) runs the Procfile's processes, the Temporal dev server and the simulator; this file
writes its configuration, prepares the database, seeds the demo and prints where everything is.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.core.settings import (  # noqa: E402
    SIMULATED_BOT_TOKEN,
    SIMULATED_CLICK_SECRET,
    SIMULATED_CLIENT_SECRET,
    SIMULATED_PAYME_KEY,
    SIMULATED_STORAGE_CHAT_ID,
    SIMULATED_STRIPE_KEY,
    SIMULATED_STRIPE_SECRET,
    Settings,
    SettingsError,
    load_settings,
)
from workflows import devserver  # noqa: E402

_WAIT_S = 60


def procfile() -> dict[str, str]:
    """Process name -> command, as the Procfile lists them; `release` runs before."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: command.strip() for name, command in (line.split(":", 1) for line in lines if line.strip())}


def environment(settings: Settings) -> dict[str, str]:
    """What the processes of this machine are told beside the person's own settings."""
    told = {
        "DEMO": "true" if settings.demo else "false",
        "SIMULATOR_URL": settings.simulator_url,
        "TELEGRAM_SCRIPT_URL": "" if settings.simulator_url else settings.telegram_script_url,
        "TELEGRAM_API_URL": settings.telegram_api_url,
        "TELEGRAM_PREVIEW_URL": settings.telegram_preview_url,
        "OIDC_ISSUER": settings.oidc_issuer,
        "OIDC_CLIENT_ID": settings.oidc_client_id,
        "OIDC_CLIENT_SECRET": settings.oidc_client_secret.get_secret_value(),
        **payment_environment(settings),
        "LIVE_URL": settings.live_url or f"http://127.0.0.1:{settings.live_port}",
        "DATA_DIR": str(settings.data_dir.resolve()),
        "BASE_URL": settings.base_url,
        "PORT": str(settings.web_port),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    if settings.telegram_storage_chat_id:
        told["TELEGRAM_STORAGE_CHAT_ID"] = str(settings.telegram_storage_chat_id)
    return {**os.environ, **told, "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"}


def payment_environment(settings: Settings) -> dict[str, str]:
    """The ways to pay and the rates of exchange, for the processes of the product."""
    return {
        "PAYME_MERCHANT_ID": settings.payme_merchant_id,
        "PAYME_KEY": settings.payme_key.get_secret_value(),
        "PAYME_CARDS": str(int(settings.payme_cards)),
        "PAYME_CHECKOUT_URL": settings.payme_checkout_url,
        "CLICK_MERCHANT_ID": settings.click_merchant_id,
        "CLICK_SERVICE_ID": settings.click_service_id,
        "CLICK_SECRET_KEY": settings.click_secret_key.get_secret_value(),
        "CLICK_PAY_URL": settings.click_pay_url,
        "CLICK_MERCHANT_USER_ID": settings.click_merchant_user_id,
        "PAYME_API_URL": settings.payme_api_url,
        "CLICK_API_URL": settings.click_api_url,
        "STRIPE_SECRET_KEY": settings.stripe_secret_key.get_secret_value(),
        "STRIPE_WEBHOOK_SECRET": settings.stripe_webhook_secret.get_secret_value(),
        "STRIPE_API_URL": settings.stripe_api_url,
        "CBU_RATES_URL": settings.cbu_rates_url,
    }


def simulated_payments(url: str, stripe_url: str) -> dict[str, Any]:
    """Settings under which people pay at the simulated Payme, Click and Stripe, and rates come from a simulated bank."""
    return {
        "payme_merchant_id": "simulated",
        "payme_key": SIMULATED_PAYME_KEY,
        "payme_cards": "true",
        "payme_checkout_url": f"{url}/payme",
        "click_merchant_id": "1",
        "click_service_id": "1",
        "click_secret_key": SIMULATED_CLICK_SECRET,
        "click_pay_url": f"{url}/click",
        "click_merchant_user_id": "1",
        "payme_api_url": f"{url}/payme-api",
        "click_api_url": f"{url}/click-api/v2/merchant",
        "stripe_secret_key": SIMULATED_STRIPE_KEY,
        "stripe_webhook_secret": SIMULATED_STRIPE_SECRET,
        "stripe_api_url": stripe_url,
        "cbu_rates_url": f"{url}/cbu/uz/arkhiv-kursov-valyut/json",
    }


def payments_command(url: str, merchant: str, state: Path) -> list[str]:
    """The simulated Payme and Click of one merchant, with their card APIs."""
    return [
        *(sys.executable, "-m", "simulator.payments", "--port", url.rsplit(":", 1)[1]),
        *("--state", str(state), "--merchant", merchant, "--payme-key", SIMULATED_PAYME_KEY),
        *("--click-service", "1", "--click-secret", SIMULATED_CLICK_SECRET),
    ]


def stripe_command(url: str, merchant: str, state: Path) -> list[str]:
    """The simulated Stripe of one merchant."""
    return [
        *(sys.executable, "-m", "simulator.stripe", "--port", url.rsplit(":", 1)[1], "--state", str(state)),
        *("--secret-key", SIMULATED_STRIPE_KEY, "--webhook-url", f"{merchant}/hooks/stripe"),
        *("--webhook-secret", SIMULATED_STRIPE_SECRET),
    ]


def local_settings() -> Settings:
    """The person's settings; without a bot token everything outside is the simulator's."""
    chosen = load_settings()
    if chosen.telegram_bot_token.get_secret_value():
        return chosen
    simulator = os.environ.get("SIMULATOR_URL", "http://127.0.0.1:8081")
    return load_settings(
        demo=True,
        simulator_url=simulator,
        telegram_api_url=simulator,
        telegram_preview_url=simulator,
        telegram_storage_chat_id=SIMULATED_STORAGE_CHAT_ID,
        oidc_issuer=f"{simulator}/oidc",
        oidc_client_id=SIMULATED_BOT_TOKEN.partition(":")[0],
        oidc_client_secret=SIMULATED_CLIENT_SECRET,
        **simulated_payments(
            os.environ.get("SIMULATED_PAYMENTS_URL", "http://127.0.0.1:8083"),
            os.environ.get("SIMULATED_STRIPE_URL", "http://127.0.0.1:8084"),
        ),
    )


def programs(settings: Settings) -> dict[str, list[str]]:
    """Everything to keep alive: name -> argument list."""
    found: dict[str, list[str]] = {}
    if settings.simulator_url:
        found["simulator"] = [
            *(sys.executable, "-m", "simulator", "--port", settings.simulator_url.rsplit(":", 1)[1]),
            *("--state", str(settings.data_dir.resolve() / "simulator"), "--scenario", "demo", "--life"),
            *("--storage-chat", str(SIMULATED_STORAGE_CHAT_ID)),
            *("--bot-token", SIMULATED_BOT_TOKEN, "--mini-app-url", f"{settings.base_url}/twa"),
        ]
        payments = settings.payme_checkout_url.removesuffix("/payme")
        state = settings.data_dir.resolve()
        found["payments"] = payments_command(payments, settings.base_url, state / "payments")
        found["stripe"] = stripe_command(settings.stripe_api_url, settings.base_url, state / "stripe")
    if "TEMPORAL_ADDRESS" not in os.environ or settings.temporal_address.startswith("127.0.0.1"):
        found["temporal"] = devserver.command(settings, settings.data_dir.resolve() / "temporal.sqlite3")
    for name, command in procfile().items():
        if name != "release":
            filled = command.replace("${PORT:-8000}", str(settings.web_port))
            found[name] = shlex.split(filled)
    return found


def supervisor_config(settings: Settings, commands: dict[str, list[str]]) -> str:
    """Restart what dies at once; what keeps dying is tried again ever more slowly by supervisor's back-off."""
    logs = settings.data_dir.resolve() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    head = f"[supervisord]\nnodaemon=true\nlogfile={logs}/supervisor.log\npidfile={logs}/supervisor.pid\n"
    head += "silent=true\n" + ("user=root\n" if os.geteuid() == 0 else "")
    # one group, or supervisor would end one program after the other
    parts = [head, f"[group:analyticbot]\nprograms={','.join(commands)}\n"]
    for name, arguments in commands.items():
        command = shlex.join(arguments).replace("%", "%%")
        parts.append(
            f"[program:{name}]\ncommand={command}\ndirectory={ROOT}\nautorestart=true\nstartretries=1000\n"
            f"startsecs=1\nstopwaitsecs=8\nstopasgroup=true\nkillasgroup=true\nredirect_stderr=true\n"
            f"stdout_logfile={logs}/{name}.log\nstdout_logfile_maxbytes=5MB\n"
        )
    return "\n".join(parts)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _wait_for(url: str, what: str) -> None:
    until = time.monotonic() + _WAIT_S
    while not _answers(url):
        if time.monotonic() > until:
            raise SystemExit(f"{what} did not become ready in {_WAIT_S} s; see the logs folder in DATA_DIR.")
        time.sleep(0.2)


def _command(env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments], env=env, cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr or done.stdout)
    return done.stdout.strip()


def _announce(settings: Settings, env: dict[str, str], started: float) -> None:
    """Seed the demo once the simulator lives, wait until ready, and print the box."""
    if settings.demo:
        _wait_for(f"{settings.simulator_url}/_control/state", "The simulator")
        _command(env, "demo", "seed")
    _wait_for(f"{settings.base_url}/readyz", "AnalyticBot")
    lines = [f"AnalyticBot   {settings.base_url}"]
    if settings.demo:
        lines.append(f"Sign in once  {_command(env, 'demo', 'link')}")
        lines.append(f"Phone         {settings.simulator_url}")
    lines.append(f"Temporal UI   {settings.temporal_ui_url}")
    if settings.demo:
        lines.append(
            "Simulated     Telegram (bot, channels, public pages), Payme, Click: set TELEGRAM_BOT_TOKEN to make it real"
        )
    lines.append("Embedded      SQLite: set DATABASE_URL · Temporal dev server: set TEMPORAL_ADDRESS")
    lines.append(f"Ready in      {time.monotonic() - started:.0f} s · Ctrl-C ends everything")
    width = max(map(len, lines))
    print(
        "\n".join(["", f"┌─{'─' * width}─┐", *(f"│ {line:<{width}} │" for line in lines), f"└─{'─' * width}─┘"]),
        flush=True,
    )


def main() -> int:
    started = time.monotonic()
    try:
        settings = local_settings()
        commands = programs(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    env = environment(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    print(_command(env, "db", "up"), flush=True)
    config = settings.data_dir.resolve() / "supervisor.conf"
    config.write_text(supervisor_config(settings, commands))
    supervisor = subprocess.Popen(
        [str(Path(sys.executable).parent / "supervisord"), "-n", "-c", str(config)],
        env=env,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )

    def stop(*_: object) -> None:
        supervisor.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    failure: list[BaseException] = []

    def announce() -> None:
        try:
            _announce(settings, env, started)
        except SystemExit as error:
            print(error, file=sys.stderr, flush=True)
            failure.append(error)
            stop()

    threading.Thread(target=announce, daemon=True).start()
    code = supervisor.wait()
    return 1 if failure else max(code, 0)


if __name__ == "__main__":
    sys.exit(main())
