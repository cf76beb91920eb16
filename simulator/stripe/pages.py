"""The page where a person pays, or does not."""

from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape

from simulator.stripe.account import Account
from simulator.stripe.checkout import Checkout
from simulator.stripe.objects import CARDS, Doc, Refusal

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).resolve().parents[1] / "templates"), autoescape=select_autoescape()
)
# a browser holds form-action also against where the answer leads: back to the merchant
_CSP = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self' http: https:; base-uri 'none'"
}


def add_pages(app: web.Application, account: Account) -> None:
    checkout, store = Checkout(account), account.store

    def find(request: web.Request) -> Doc:
        try:
            found = account.find("checkout.session", request.match_info["id"])
        except Refusal as refusal:
            raise web.HTTPNotFound from refusal
        store.commit()
        return found

    async def show(request: web.Request) -> web.StreamResponse:
        return _page(find(request))

    async def press(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        session, what, card = find(request), str(form.get("what", "pay")), str(form.get("card", ""))
        if what == "away":
            raise web.HTTPSeeOther(session["cancel_url"] or session["success_url"])
        if session["status"] == "complete":
            raise web.HTTPSeeOther(_back(session))
        if session["status"] != "open" or card not in CARDS:
            return _page(session, status=400)
        if CARDS[card].asks and what == "pay":
            return _page(session, question=card)
        facts = {"method": "POST", "path": request.path, "idempotency_key": None, "params": dict(form)}
        try:
            checkout.pay(session, card, question=what)
        except Refusal as refusal:
            store.note(**facts, status=refusal.status, replayed=False, object_id=session["payment_intent"])
            store.commit()
            declined = {"message": str(refusal), "code": refusal.error.get("decline_code") or refusal.error["code"]}
            return _page(session, declined=declined, status=402)
        store.note(**facts, status=303, replayed=False, object_id=session["payment_intent"] or session["setup_intent"])
        store.commit()
        raise web.HTTPSeeOther(_back(session))

    async def ready(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ok"})

    app.router.add_get("/", ready)
    app.router.add_get("/pay/{id}", show)
    app.router.add_post("/pay/{id}", press)


def _back(session: Doc) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _page(session: Doc, *, status: int = 200, question: str = "", declined: Doc | None = None) -> web.Response:
    amount = f"{session['amount_total'] / 100:,.2f} {session['currency'].upper()}" if session["amount_total"] else ""
    text = _PAGES.get_template("stripe.html").render(
        session=session, amount=amount, cards=CARDS, question=question, declined=declined
    )
    return web.Response(text=text, content_type="text/html", headers=_CSP, status=status)
