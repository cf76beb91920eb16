"""Command line of the simulator."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from simulator.clock import parse_moment

DEFAULT_TOKEN = "1000000001:SIMULATED-service-bot-token-not-real"


@dataclass
class Options:
    host: str
    port: int
    state: Path
    bot_tokens: list[str]
    mini_app_url: str
    seed: int
    scenario: str
    replay: Path | None
    life: bool | None
    start: float | None
    rate: float
    limits: bool
    storage_chat: int | None
    local_files: Path | None = None


def read_options(arguments: list[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(prog="simulator", description="A simulated Telegram on loopback")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081, help="0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="folder of state and journal")
    parser.add_argument("--bot-token", action="append", default=[], help="may be given several times")
    parser.add_argument("--mini-app-url", default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", choices=("demo", "empty"), default="demo")
    parser.add_argument("--replay", type=Path, help="folder with recorded readings (CSV)")
    parser.add_argument("--life", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--start", type=parse_moment, help="first start only: where the clock begins (ISO)")
    parser.add_argument("--rate", type=float, default=1.0, help="first start only: clock seconds per second")
    parser.add_argument("--limits", action="store_true", help="limit sending as Telegram does")
    parser.add_argument("--storage-chat", type=int, help="id of a private channel in which the first bot keeps copies")
    parser.add_argument(
        "--local", type=Path, dest="local_files", help="as a Bot API server with --local, which sees this folder"
    )
    given = parser.parse_args(arguments)
    return Options(
        given.host,
        given.port,
        given.state,
        given.bot_token or [DEFAULT_TOKEN],
        given.mini_app_url,
        given.seed,
        given.scenario,
        given.replay,
        given.life,
        given.start,
        given.rate,
        given.limits,
        given.storage_chat,
        given.local_files,
    )
