"""The Flask app: extensions, blueprints, error pages, headers."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, jsonify, render_template, request, session
from flask_babel import Babel, get_locale
from flask_login import LoginManager, current_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from app.accounts import door
from app.accounts.oidc_views import LABEL as LOGIN_LABEL
from app.accounts.service import files, people, sessions
from app.accounts.service.sessions import SignedIn
from app.analytics.definitions import DEFINITIONS
from app.audit import service as audit
from app.billing import queries as billing
from app.boot import Runtime
from app.core import charts, clock, formats, htmx, i18n, ratelimit, telemetry
from app.core.cookies import Cookies
from app.core.errors import AppError, Invalid, NotFound, Unauthenticated
from app.core.htmx import explained
from app.core.i18n import N_
from app.core.policy import Act, may, require
from app.posting.pages.lists import attention
from app.readings.service.desktop import states as desktop_states
from app.shortcuts import Shortcuts
from app.web_ops import blueprint as ops
from app.web_pages import BLUEPRINTS, FOR_PROGRAMS

ROOT = Path(__file__).parent.parent
_LANGUAGE_COOKIE = "lang"


class _Csrf(CSRFProtect):  # type: ignore[misc]
    """Asks for a token wherever a cookie could have signed the request in."""

    def protect(self, **options: Any) -> None:
        if not door.is_by_header():
            super().protect(**options)


csrf = _Csrf()


def create_app(runtime: Runtime) -> Flask:
    """Build the web application of a runtime."""
    settings = runtime.settings
    app = Flask("app", root_path=str(ROOT), template_folder="templates", static_folder="static")
    app.config.update(
        SECRET_KEY=settings.secret_key.get_secret_value(),
        SECRET_KEY_FALLBACKS=list(settings.secret_keys[1:]),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.base_url.startswith("https://"),
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,
        SEND_FILE_MAX_AGE_DEFAULT=31_536_000,
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.session_interface = Cookies()
    app.extensions["runtime"] = runtime
    if settings.proxy_hops:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.proxy_hops, x_proto=settings.proxy_hops
        )
    app.before_request(_start)  # before the extensions' own hooks: they need the clock and the trace id
    htmx.init_app(app)
    csrf.init_app(app)
    ratelimit.limiter.init_app(app)
    Babel(app, locale_selector=_language, timezone_selector=lambda: "UTC")
    _init_login(app)
    _init_templates(app, runtime)
    for blueprint in (ops, *BLUEPRINTS):
        app.register_blueprint(blueprint)
    for blueprint in FOR_PROGRAMS:
        csrf.exempt(blueprint)
    app.after_request(_headers)
    app.teardown_request(lambda _error: audit.come_from(""))
    app.register_error_handler(Exception, _explain)
    app.wsgi_app = Shortcuts(app, runtime)  # type: ignore[method-assign]
    return app


def _init_login(app: Flask) -> None:
    manager = LoginManager(app)
    manager.session_protection = None  # the session row is the truth; its token rotates at login

    @manager.request_loader  # type: ignore[untyped-decorator]
    def load(_request: Any) -> SignedIn | None:
        token = door.token()
        return _by_ticket() or (sessions.signed_in(token, now=g.now) if token else None)


def _by_ticket() -> SignedIn | None:
    """Whose file a ticket opens; it opens nothing else."""
    given = request.args.get(files.PARAMETER, "")
    if not given or request.method != "GET":
        return None
    asked = request.full_path.replace(f"{files.PARAMETER}={given}", "").rstrip("?&")
    secret = current_app.config["SECRET_KEY"]
    session_id = files.session_of(secret, given, asked, now=g.now)
    return sessions.by_id(session_id, now=g.now) if session_id else None


def _language() -> str:
    if current_user and current_user.is_authenticated:
        return str(current_user.language)
    chosen = _chosen_language() or request.cookies.get(_LANGUAGE_COOKIE)
    if chosen in i18n.LANGUAGES:
        return chosen
    return request.accept_languages.best_match(tuple(i18n.LANGUAGES)) or "en"


def _chosen_language() -> str | None:
    """What a link to this page in another language asks for."""
    asked = request.args.get("lang")
    return asked if asked in i18n.LANGUAGES else None


def _init_templates(app: Flask, runtime: Runtime) -> None:
    env = app.jinja_env
    env.filters.update(formats.filters(_locale, _zone, lambda: g.now))
    env.globals.update(charts.globals_(_locale))
    env.globals.update(formats.globals_(_locale, lambda: g.now, lambda text: str(_texts().ugettext(text))))
    env.globals.update(page_workspace=lambda: g.get("page_workspace", ""), workspace_field=door.WORKSPACE_FIELD)
    env.globals.update(posts_attention=_posts_attention, payment_is_late=_payment_is_late)
    env.globals.update(asset=_asset, vendor=_vendor, workspaces=_workspaces, definition=DEFINITIONS.__getitem__)
    env.globals["settings_public"] = {
        "is_demo": runtime.settings.demo,
        "simulator_url": runtime.settings.simulator_url,
        "is_live": bool(runtime.settings.live_url),
        "temporal_ui_url": runtime.settings.temporal_ui_url,
        "login_label": LOGIN_LABEL if runtime.settings.oidc_issuer else "",
    }
    env.trim_blocks = env.lstrip_blocks = True
    # a page asks for some forty texts: its language is looked up once
    env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: _texts().ugettext(text),
        lambda one, many, count: _texts().ungettext(one, many, count),
        newstyle=True,
    )
    with app.app_context():
        env.globals["ui"] = _LazyModule(app, "ui/index.html")
    app.context_processor(_page_context)


class _LazyModule:
    """A template's macros under one name, made once the request's filters and texts can be called."""

    def __init__(self, app: Flask, template: str) -> None:
        self._app, self._template = app, template
        self._module: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._module is None:
            self._module = self._app.jinja_env.get_template(self._template).make_module(
                {"csrf_token": self._app.jinja_env.globals["csrf_token"]}
            )
        return getattr(self._module, name)


def _page_context() -> dict[str, Any]:
    who = current_user if current_user.is_authenticated else None
    return {
        "lang": _locale().replace("_", "-"),
        "languages": i18n.LANGUAGES,
        "may_manage": who is not None and may(who.role, Act.MANAGE_CHANNELS),
        "workspace": {"name": who.workspace_name, "public_id": who.workspace_public_id} if who else None,
    }


def _workspaces() -> list[dict[str, str]]:
    """The signed-in person's workspaces; a fragment without the menu does not ask."""
    mine = people.workspaces_of(current_user.user_id) if current_user.is_authenticated else ()
    return [{"name": name, "switch_url": f"/workspaces/{public_id}/enter"} for _, public_id, name, _ in mine]


def _payment_is_late() -> bool:
    """Whether whoever may pay has to be reminded on every page."""
    if not current_user.is_authenticated or not may(current_user.role, Act.PAY):
        return False
    return billing.late_since(current_user.workspace_id) is not None


def _posts_attention() -> int:
    """How many posts of the workspace need a person; asked once in a request."""
    if "posts_attention" not in g:
        who = current_user if current_user.is_authenticated else None
        g.posts_attention = attention(who.workspace_id, may_publish=may(who.role, Act.PUBLISH)) if who else 0
    return int(g.posts_attention)


def _locale() -> str:
    known: str | None = g.get("locale")
    if known is None:
        known = g.locale = str(get_locale() or "en")
    return known


def _texts() -> Any:
    """The request's translations."""
    known = g.get("texts")
    if known is None:
        known = g.texts = i18n.texts(_locale())
    return known


def _zone() -> str:
    return str(current_user.timezone) if current_user and current_user.is_authenticated else "UTC"


def _asset(name: str) -> str:
    return f"/static/{name}?v={_fingerprint(name)}"


_fingerprints: dict[str, str] = {}


def _fingerprint(name: str) -> str:
    if name not in _fingerprints:
        _fingerprints[name] = hashlib.sha256((ROOT / "static" / name).read_bytes()).hexdigest()[:10]
    return _fingerprints[name]


def _vendor(name: str) -> str:
    """The built file behind a package's name. Raises KeyError with a clear sentence when assets were not built."""
    manifest = ROOT / "static/vendor/manifest.json"
    if not manifest.exists():
        raise RuntimeError("static/vendor is missing: run `make setup` to build the assets")
    return "/static/vendor/" + str(json.loads(manifest.read_text())["files"][name])


def _start() -> None:
    """Every request: a clock, a trace id, and the policy of its route."""
    g.now = clock.utcnow()
    g.started = time.perf_counter()
    g.trace_id = telemetry.new_trace_id()
    structlog.contextvars.bind_contextvars(trace_id=g.trace_id)
    audit.come_from(request.remote_addr or "")
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.endpoint == "static":
        return
    act = getattr(view, "policy", None)
    if act is None:
        raise RuntimeError(f"the route {request.endpoint} declares no policy")
    _require_allowed(view, act)  # before the form is read: nobody else may send us files
    if most_bytes := getattr(view, "most_bytes", 0):
        data_dir = current_app.extensions["runtime"].settings.data_dir
        request.take_files(desktop_states.folder(data_dir), most_bytes=most_bytes)  # type: ignore[attr-defined]
    if "\0" in request.path or any("\0" in given for given in (*request.args.values(), *request.form.values())):
        raise Invalid("This holds a character that cannot be stored.")
    if act not in (Act.PUBLIC, Act.API, Act.HOOK, Act.OWN_ACCOUNT):  # these concern no workspace, or name it
        door.require_own_page(current_user)


def _require_allowed(view: Any, act: Act) -> None:
    if act in (Act.PUBLIC, Act.API, Act.HOOK):
        return
    if not current_user.is_authenticated:
        raise Unauthenticated("Sign in to see this page.")
    g.page_workspace = current_user.workspace_public_id
    if act == Act.OPERATE:
        if not current_user.is_superadmin:
            raise NotFound("There is no such page.")
        return
    require(current_user.role, act)
    if getattr(view, "is_fresh", False):
        sessions.require_fresh(current_user, now=g.now)


_CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors {ancestors}"
)


def _headers(response: Response) -> Response:
    is_twa = request.path.startswith("/twa")
    runtime: Runtime = current_app.extensions["runtime"]
    is_framed = is_twa or session.get("kind") == "twa"
    ancestors = (
        f"{runtime.settings.telegram_frame_ancestors} {runtime.settings.simulator_url}" if is_framed else "'none'"
    )
    policy = _CSP.format(ancestors=ancestors.strip())
    called = [one for one in (runtime.settings.live_url, g.get("calls_also")) if one]
    if called:
        policy += f"; connect-src 'self' {' '.join(called)}"
    if request.path == "/twa":
        policy += f"; script-src 'self' {runtime.settings.telegram_script_url}"
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if made_for := g.get("page_workspace"):
        response.headers[door.WORKSPACE_HEADER] = made_for
    if request.path.startswith("/static/js/"):
        # app.js imports its parts by plain names, so the browser must ask whether they changed
        response.headers["Cache-Control"] = "no-cache"
    elif request.endpoint != "static" and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "private, no-cache" if response.headers.get("ETag") else "no-store"
    if chosen := _chosen_language():
        secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
        response.set_cookie(_LANGUAGE_COOKIE, chosen, max_age=31_536_000, httponly=True, samesite="Lax", secure=secure)
    if runtime.settings.base_url.startswith("https://"):
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


def _explain(error: Exception) -> Any:
    """One translation of every error at the web's edge: page, fragment or JSON."""
    status, message, code = _status_of(error)
    if status >= 500:
        telemetry.log().error("request failed", path=request.path, exc_info=error)
    wants_json = request.path.startswith(("/api/", "/hooks/")) or request.accept_mimetypes.best == "application/json"
    if wants_json:
        fields = getattr(error, "fields", None)
        body = {"error": {"code": code, "message": message, "trace_id": g.get("trace_id")}}
        return jsonify(body | ({"fields": fields} if fields else {})), status
    if status == 401:
        return _signed_out(message, code)
    if request.headers.get("HX-Request") == "true":
        toast = json.dumps({"toast": {"text": message}})
        return Response(status=status, headers={"HX-Reswap": "none", "HX-Push-Url": "false", "HX-Trigger": toast})
    known = (
        422
        if status == 413
        else status
        if status in (401, 403, 404, 409, 422, 429, 500, 503)
        else (500 if status >= 500 else 404)
    )
    trace_id = g.get("trace_id") if status >= 500 else None
    return render_template(f"errors/{known}.html", message=message if status < 500 else None, trace_id=trace_id), status


def _status_of(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, AppError):
        return error.status, explained(error), error.code
    if isinstance(error, ratelimit.RateLimitExceeded):
        return 429, _say(N_("That was too often. Wait a minute and try again.")), "too_many_requests"
    if isinstance(error, CSRFError):
        return 422, _say(N_("This form is too old. Load the page again.")), "csrf"
    if isinstance(error, HTTPException):
        return error.code or 500, _say(_WORDS.get(error.code or 500, error.name)), error.name.lower().replace(" ", "_")
    return 500, _say(N_("Something went wrong on our side.")), "internal"


_WORDS = {
    400: N_("The server did not understand this request."),
    404: N_("There is no such page."),
    405: N_("This address does not take such a request."),
    413: N_("This is too large."),
}


def _say(sentence: str) -> str:
    return i18n.say(_locale(), sentence)


def _signed_out(message: str, code: str) -> Any:
    if code == "ticket_spent":
        return render_template("accounts/spent_link.html"), 401  # whoever is signed in stays so
    if door.is_by_header():  # the Mini App's script opens the session anew
        return Response(status=401, headers={"HX-Reswap": "none"})
    if request.headers.get("HX-Request") == "true":
        return Response(status=401, headers={"HX-Redirect": "/login/expired", "HX-Reswap": "none"})
    if request.method == "GET" and not session.get("token"):
        door.remember_page()
        return Response(status=303, headers={"Location": "/login"})
    if not current_user.is_authenticated:  # a refused launch or link signs nobody out who is signed in here
        session.clear()
    return render_template("accounts/expired.html", message=message), 401
