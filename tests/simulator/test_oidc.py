"""Log In With Telegram on loopback: what a client of the simulated issuer meets."""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.simulator.process import OWNER_ID, SimulatorProcess

BOT, SECRET = "1000000001", "SIMULATED-client-secret-not-real"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "client_id": BOT,
    "redirect_uri": "http://127.0.0.1:8000/login/oidc/callback",
    "response_type": "code",
    "scope": "openid profile",
    "state": "s1",
    "nonce": "n1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def _code(sim: SimulatorProcess, **changes: str) -> str:
    answer = sim.http.post(f"{sim.url}/oidc/auth", data={**ASKED, "user": str(OWNER_ID), **changes})
    told = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert told["state"] == ["s1"]
    return told["code"][0]


def _exchange(sim: SimulatorProcess, code: str, **changes: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": ASKED["redirect_uri"]}
    form |= {"code_verifier": VERIFIER, "client_id": BOT, "client_secret": SECRET, **changes}
    return sim.http.post(f"{sim.url}/oidc/token", data=form)


def _part(token: str, number: int) -> dict[str, Any]:
    part = token.split(".")[number]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def test_one_picks_who_signs_in_and_the_token_names_that_person(sim: SimulatorProcess) -> None:
    assert "Owner @owner" in sim.get("/oidc/auth", **ASKED).text
    claims = _part(_exchange(sim, _code(sim)).json()["id_token"], 1)
    assert (claims["id"], claims["name"], claims["nonce"], claims["aud"]) == (OWNER_ID, "Owner", "n1", BOT)
    assert claims["sub"].isdigit() and int(claims["sub"]) != OWNER_ID


def test_a_cancelled_login_says_so(sim: SimulatorProcess) -> None:
    answer = sim.http.post(f"{sim.url}/oidc/auth", data={**ASKED, "user": ""})
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"state": ["s1"], "error": ["access_denied"]}


def test_a_code_is_good_once_and_for_its_own_secrets_only(sim: SimulatorProcess) -> None:
    code = _code(sim)
    assert _exchange(sim, code).status_code == 200
    assert _exchange(sim, code).json() == {"error": "invalid_grant"}
    wrong = {"code_verifier": "w" * 50}, {"redirect_uri": "http://127.0.0.1:8000/other"}
    assert [_exchange(sim, _code(sim), **w).json() for w in wrong] == [{"error": "invalid_grant"}] * 2
    assert _exchange(sim, _code(sim), client_secret="guess").status_code == 401


def test_a_login_for_another_machine_or_without_pkce_is_not_begun(sim: SimulatorProcess) -> None:
    for change in ({"redirect_uri": "https://evil.example/x"}, {"code_challenge": ""}, {"client_id": "5"}):
        assert sim.get("/oidc/auth", **{**ASKED, **change}).status_code == 400


def test_keys_rotate_and_one_of_them_is_odd(sim: SimulatorProcess) -> None:
    kids = [key["kid"] for key in sim.get("/oidc/.well-known/jwks.json").json()["keys"]]
    new = sim.control("oidc/rotate")["kid"]
    after = [key["kid"] for key in sim.get("/oidc/.well-known/jwks.json").json()["keys"]]
    assert after == ["oidc-es256k-1", new] and new not in kids
    assert _part(_exchange(sim, _code(sim)).json()["id_token"], 0) == {"alg": "RS256", "typ": "JWT", "kid": new}


def test_faults_spoil_one_token(sim: SimulatorProcess) -> None:
    sim.control("faults", kind="oidc_alg_none", times=1)
    token = _exchange(sim, _code(sim)).json()["id_token"]
    assert _part(token, 0)["alg"] == "none" and token.endswith(".")
    sim.control("faults", kind="oidc_wrong_nonce", times=1)
    assert _part(_exchange(sim, _code(sim)).json()["id_token"], 1)["nonce"] != "n1"
    assert _part(_exchange(sim, _code(sim)).json()["id_token"], 1)["nonce"] == "n1"
