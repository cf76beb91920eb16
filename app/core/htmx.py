"""The one place that knows htmx: htmx-flask speaks htmx 2, our pages htmx 4.

htmx 4 sends HX-Source and HX-Target as `tag#id` and HX-Request-Type full|partial
(htmx 4 documentation, "migration", 2026-11). A fragment is a block of its page; block name = DOM id = target.
"""

from __future__ import annotations

import json
import string
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, current_app, make_response, render_template, request
from flask_babel import get_locale
from htmx_flask import Htmx
from htmx_flask.requests import HtmxAwareRequest

from app.core import i18n
from app.core.errors import AppError
from app.core.uploads import TakesFiles

VARY = ("HX-Request", "HX-Request-Type", "HX-Target", "X-Session")


class HtmxRequest(TakesFiles, HtmxAwareRequest):  # type: ignore[misc]
    """A request that knows which block of its page is asked for."""

    def __init__(self, environ: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        """A query may hold any bytes; werkzeug raises for those that are neither ASCII nor percent-encoded."""
        query = environ.get("QUERY_STRING", "")
        if not query.isascii():
            environ["QUERY_STRING"] = quote(query.encode("latin-1", "replace"), safe=string.punctuation)
        super().__init__(environ, *args, **kwargs)

    @property
    def is_partial(self) -> bool:
        return self.headers.get("HX-Request") == "true" and self.headers.get("HX-Request-Type") != "full"

    @property
    def target_id(self) -> str:
        """The id htmx will swap, without the tag that htmx 4 puts before it."""
        return self.headers.get("HX-Target", "").rpartition("#")[2]


def init_app(app: Flask) -> None:
    Htmx(app)
    app.request_class = HtmxRequest
    app.after_request(_vary)


def _vary(response: Response) -> Response:
    response.vary.update(VARY)
    return response


def page(template: str, *, status: int = 200, toast: str | None = None, **context: Any) -> Response:
    """Render a page, or of it only the block that htmx will swap in. 422 carries the form's block.

    `toast` is an English sentence, shown in the reader's language.
    """
    block = _wanted_block(template)
    html = block_of(template, block, **context) if block else render_template(template, **context)
    response = make_response(html, status)
    if toast:
        response.headers["HX-Trigger"] = json.dumps({"toast": {"text": _say(toast)}})
    return response


def _wanted_block(template: str) -> str | None:
    asked: Any = request
    if not asked.is_partial:
        return None
    target: str = asked.target_id
    return target if target in current_app.jinja_env.get_template(template).blocks else None


def block_of(template: str, block: str, **context: Any) -> str:
    """One block of a page as HTML, with the context a full page would have."""
    current_app.update_template_context(context)
    found = current_app.jinja_env.get_template(template)
    return "".join(found.blocks[block](found.new_context(context)))


def redirect_or_hx(location: str) -> Response:
    """303 for a plain form and for the Mini App, whose one page stays; HX-Redirect for htmx."""
    if request.headers.get("HX-Request") == "true" and "X-Session" not in request.headers:
        response = make_response("", 204)
        response.headers["HX-Redirect"] = location
        return response
    response = make_response("", 303)
    response.headers["Location"] = location
    return response


def explained(error: AppError) -> str:
    """What went wrong, in the language of the request."""
    return _say(error.sentence, **error.params)


def _say(sentence: str, **params: object) -> str:
    locale = get_locale()
    return i18n.say(str(locale) if locale else "en", sentence, **params)
