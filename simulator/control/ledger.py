"""The simulator's own account of invite links: who came by each, who stayed, and what a follower who stayed cost."""

from typing import Any

from simulator.model import Channel, Move
from simulator.simulation import Simulation

Doc = dict[str, Any]
AGES_S = {"24h": 86_400, "7d": 604_800, "30d": 2_592_000}


def ledger(sim: Simulation, chat: str) -> Doc:
    """Per link: joined and stayed by age. A person counts where they came last; too young for an age, not at all."""
    channel, now = sim.world.channel(chat), sim.world.clock.now()
    histories: dict[int, list[Move]] = {}
    for move in sim.world.moves.get(channel.chat_id, []):
        histories.setdefault(move.user_id, []).append(move)
    visits = [visit for visit in map(_last_visit, histories.values()) if visit]
    return {"links": [_account(channel, address, visits, now) for address in channel.links]}


def _last_visit(history: list[Move]) -> tuple[str | None, int, int | None] | None:
    """(link, came at, went at or None) of somebody's last visit."""
    visit: tuple[str | None, int, int | None] | None = None
    for move in history:
        if move.kind == "join":
            visit = (move.link, move.at, None)
        elif visit is not None and visit[2] is None:
            visit = (visit[0], visit[1], move.at)
    return visit


def _account(channel: Channel, address: str, visits: list[tuple[str | None, int, int | None]], now: float) -> Doc:
    link = channel.links[address]
    mine = [(came, went) for where, came, went in visits if where == address]
    stayed = {
        name: sum(1 for came, went in mine if now - came >= age and (went is None or went - came >= age))
        for name, age in AGES_S.items()
    }
    old = {name: sum(1 for came, _ in mine if now - came >= age) for name, age in AGES_S.items()}
    spend = link.get("spend_minor")
    cost = {name: spend / count if spend is not None and count else None for name, count in stayed.items()}
    account = {"invite_link": address, "name": link["name"], "spend_minor": spend, "joined": len(mine)}
    return account | {"old": old, "stayed": stayed, "cost_minor": cost}
