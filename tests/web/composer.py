"""A person at the composer, and what stands on a page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser
from werkzeug.test import TestResponse

from app.channels.models import Channel
from app.core import clock


def moment_in(**ahead: float) -> dict[str, str]:
    """The form's fields of a moment so far ahead, in UTC."""
    at = clock.utcnow() + timedelta(**ahead)
    return {"day": at.date().isoformat(), "time": at.strftime("%H:%M"), "zone": "UTC"}


def fragment_of(target: str) -> dict[str, str]:
    """The headers by which htmx asks for one block."""
    return {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": f"div#{target}"}


class Composer:
    """A person at the form of one post, without a script: every press of a button sends the whole form."""

    def __init__(self, client: FlaskClient, url: str = "/posts/new") -> None:
        self.client = client
        tree = LexborHTMLParser(client.get(url).text)
        form = tree.css_first("#composer")
        assert form is not None
        self.url = str(form.attributes["data-url"])
        self.version = value_of(tree, "version")

    @property
    def public_id(self) -> str:
        return self.url.rpartition("/")[2]

    def press(self, verb: str, *where: Channel, fragment: str = "", **fields: Any) -> TestResponse:
        form = {"version": self.version, "channel": [channel.public_id for channel in where], **fields}
        answer = self.client.post(f"{self.url}/{verb}", data=form, headers=fragment_of(fragment) if fragment else {})
        if "text/html" in answer.content_type and (told := value_of(LexborHTMLParser(answer.text), "version")):
            self.version = told
        return answer


def value_of(tree: LexborHTMLParser, name: str) -> str:
    node = tree.css_first(f"input[name={name}]")
    return (node.attributes.get("value") or "") if node else ""


def words_in(html: str, selector: str = "main") -> str:
    node = LexborHTMLParser(html).css_first(selector)
    return " ".join(node.text().split()) if node else ""
