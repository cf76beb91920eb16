"""Buttons of the phone page: each is a control verb, answered with a redirect back."""

from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from simulator.control.registry import VERBS
from simulator.simulation import Simulation
from simulator.world import Refused

Doc = dict[str, Any]
VERB_OF = {
    "add_bot": "promote_bot",
    "remove_bot": "remove_bot",
    "right": "rights",
    "post": "post",
    "write": "message",
    "press": "callback",
    "clock": "clock",
    "life": "life",
    "fault": "faults",
    "clear_faults": "faults/clear",
}


def add_actions(app: web.Application, sim: Simulation) -> None:
    async def act(request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        verb = VERB_OF.get(request.match_info["action"])
        if verb is None:
            raise web.HTTPNotFound
        back = {key: form[f"back_{key}"] for key in ("user", "chat", "tab") if form.get(f"back_{key}")}
        try:
            VERBS[verb](sim, _body(request.match_info["action"], form))
        except (Refused, ValueError, KeyError) as error:
            back["error"] = str(error)
        finally:
            sim.commit()
        return web.HTTPSeeOther(f"/?{urlencode(back)}")

    app.router.add_post("/_phone/{action}", act)


def _body(action: str, form: dict[str, str]) -> Doc:
    body: Doc = {key: value for key, value in form.items() if not key.startswith("back_") and value}
    if action == "right":
        body["rights"] = {body.pop("name"): body.pop("value", "") == "on"}
    if action == "life":
        body["on"] = body.get("on") == "on"
    if action == "press":
        body["message_id"] = int(body["message_id"])
    return body
