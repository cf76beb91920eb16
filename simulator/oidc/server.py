"""The issuer's HTTP face, under /oidc, and its control verbs."""

import base64
import binascii
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape

from simulator.control.registry import verb
from simulator.oidc.issuer import Asked, Denied
from simulator.simulation import Simulation

Doc = dict[str, Any]
HERE = Path(__file__).resolve().parents[1]
_FIELDS = ("client_id", "redirect_uri", "state", "nonce", "code_challenge", "scope")


def add_routes(app: web.Application, sim: Simulation) -> None:
    issuer = sim.login
    templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape())

    async def discovery(request: web.Request) -> web.StreamResponse:
        if sim.faults.take(("oidc_500",)):
            raise web.HTTPInternalServerError
        return web.json_response(_discovery(_base(request)))

    async def keys(_request: web.Request) -> web.StreamResponse:
        return web.json_response(issuer.jwks())

    async def ask_who(request: web.Request) -> web.StreamResponse:
        asked = _asked(sim, request.query)
        bot, people = sim.world.bot(asked.client_id), list(sim.world.users.values())[:30]
        text = templates.get_template("oidc.html").render(bot=bot, people=people, fields=dict(request.query))
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": _CSP})

    async def answer(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        asked = _asked(sim, form)
        told = {"state": asked.state}
        if form.get("user"):
            told["code"] = issuer.allow(asked, sim.world.user(form["user"]))
        else:
            told["error"] = "access_denied"
        raise web.HTTPFound(f"{asked.redirect_uri}?{urlencode(told)}")

    async def token(request: web.Request) -> web.StreamResponse:
        form = dict(await request.post())
        client_id, secret = _client(request, form)
        try:
            told = issuer.exchange(
                form, sim.world, sim.faults, client_id=client_id, client_secret=secret, base=_base(request)
            )
        except Denied as error:
            status = 401 if str(error) == "invalid_client" else 400
            return web.json_response({"error": str(error)}, status=status)
        return web.json_response(told, headers={"Cache-Control": "no-store"})

    app.router.add_get("/oidc/.well-known/openid-configuration", discovery)
    app.router.add_get("/oidc/.well-known/jwks.json", keys)
    app.router.add_get("/oidc/auth", ask_who)
    app.router.add_post("/oidc/auth", answer)
    app.router.add_post("/oidc/token", token)


_CSP = "default-src 'self'; base-uri 'none'"


def _base(request: web.Request) -> str:
    return f"http://{request.host}/oidc"


def _discovery(base: str) -> Doc:
    """As https://oauth.telegram.org/.well-known/openid-configuration says it (measured by others, 2026-08)."""
    return {
        "issuer": base,
        "authorization_endpoint": f"{base}/auth",
        "token_endpoint": f"{base}/token",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA", "ES256K"],
        "scopes_supported": ["openid", "phone", "profile", "telegram:bot_access"],
        "claims_supported": [
            "aud",
            "preferred_username",
            "phone_number",
            "exp",
            "iat",
            "iss",
            "name",
            "picture",
            "sub",
        ],
        "code_challenge_methods_supported": ["plain", "S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }


def _asked(sim: Simulation, fields: Any) -> Asked:
    """A request for a login as a bot's allowed URLs permit it: here, any of this machine."""
    given = {name: str(fields.get(name, "")) for name in _FIELDS}
    is_known = given["client_id"] in {str(bot_id) for bot_id in sim.world.bots}
    is_ours = urlsplit(given["redirect_uri"]).hostname in ("127.0.0.1", "localhost")
    is_code = fields.get("response_type") == "code" and fields.get("code_challenge_method") == "S256"
    if not (is_known and is_ours and is_code and given["code_challenge"] and "openid" in given["scope"].split()):
        raise web.HTTPBadRequest(text="This is no login request that Telegram would take.")
    return Asked(
        given["client_id"],
        given["redirect_uri"],
        given["state"],
        given["nonce"],
        given["code_challenge"],
        given["scope"],
    )


def _client(request: web.Request, form: Doc) -> tuple[str, str]:
    """Who asks for a token: by HTTP Basic, or in the form."""
    header = request.headers.get("Authorization", "")
    if not header.startswith("Basic "):
        return str(form.get("client_id", "")), str(form.get("client_secret", ""))
    try:
        name, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote(name), unquote(secret)


@verb("oidc/rotate")
def rotate(sim: Simulation, body: Doc) -> Doc:
    """The issuer signs with a new key from now on; the old one stays published with keep_old."""
    return {"kid": sim.login.rotate(keep_old=bool(body.get("keep_old", False)))}
