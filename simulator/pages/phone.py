"""The phone page: what the owner of a channel sees in Telegram, and a panel for time and faults."""

import json
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from simulator.clock import iso
from simulator.content import Content
from simulator.control.machinery import signed_init_data
from simulator.faults import KINDS
from simulator.model import RIGHTS, Channel, Post, User
from simulator.pages.markup import captioned
from simulator.pages.numbers import abbreviated
from simulator.pages.phone_actions import add_actions
from simulator.pages.preview import bubbles
from simulator.pages.rich import rich_html
from simulator.simulation import Simulation
from simulator.views import is_visible, reactions_at, views_at

Doc = dict[str, Any]
MOST_CHANNELS = 100
HERE = Path(__file__).resolve().parents[1]
SHOWN_RIGHTS = tuple(
    right
    for right in RIGHTS
    if right.split("_", 1)[1]
    in ("post_messages", "edit_messages", "delete_messages", "invite_users", "change_info", "manage_chat")
)
THEMES = {
    "light": {"bg_color": "#ffffff", "text_color": "#16202a", "hint_color": "#7a8a99", "link_color": "#1f7ae0",
              "button_color": "#1f7ae0", "button_text_color": "#ffffff", "secondary_bg_color": "#eef2f6"},
    "dark": {"bg_color": "#17212b", "text_color": "#f2f5f8", "hint_color": "#8296a8", "link_color": "#6ab3f3",
             "button_color": "#5288c1", "button_text_color": "#ffffff", "secondary_bg_color": "#0f1720"},
}  # fmt: skip


def add_routes(app: web.Application, sim: Simulation) -> None:
    templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape())
    templates.filters["short"] = abbreviated

    async def phone(request: web.Request) -> web.StreamResponse:
        view = View(sim, request)
        text = templates.get_template("phone.html").render(view.context())
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": csp(sim)})

    app.router.add_get("/", phone)
    app.router.add_static("/_static", HERE / "static")
    add_actions(app, sim)


def csp(sim: Simulation) -> str:
    origin = "/".join(sim.mini_app_url.split("/")[:3])
    return f"default-src 'self'; frame-src {origin or chr(39) + 'none' + chr(39)}; base-uri 'none'"


class View:
    """What one request wants to see: a person, a tab and perhaps a channel."""

    def __init__(self, sim: Simulation, request: web.Request) -> None:
        self.sim, self.query = sim, request.query
        users = sim.world.users
        wanted = request.query.get("user", "")
        self.user = users.get(int(wanted)) if wanted.isdigit() else next(iter(users.values()), None)
        self.channel = sim.world.find_channel(request.query.get("chat", ""))
        tab = request.query.get("tab", "chats")
        self.tab = "channel" if self.channel else tab if tab in ("chats", "bot", "app") else "chats"

    def context(self) -> Doc:
        world, bot = self.sim.world, self.sim.world.bot()
        now = world.clock.now()
        return {
            "tab": self.tab,
            "user": self.user,
            "users": list(world.users.values())[:30],
            "bot": bot,
            "at": f"{datetime.fromtimestamp(now, UTC):%H:%M}",
            "clock": iso(now),
            "rate": world.clock.rate,
            "life": world.life,
            "fault_kinds": KINDS,
            "faults": self.sim.faults.armed,
            "waiting": len(self.sim.updates.live(bot.id)),
            "webhook": bot.webhook_url,
            "error": self.query.get("error", ""),
            "channels": [self._summary(channel) for channel in islice(world.channels.values(), MOST_CHANNELS)],
            "more_channels": max(0, len(world.channels) - MOST_CHANNELS),
            "channel": self._details(self.channel) if self.channel else None,
            "messages": self._messages(self.user) if self.user and self.tab == "bot" else [],
            "app_url": self._app_url(self.user) if self.user and self.tab == "app" else "",
        }

    def _summary(self, channel: Channel) -> Doc:
        world, bot = self.sim.world, self.sim.world.bot()
        now, known = world.clock.now(), world.posts.get(channel.chat_id, {})
        last = next((p for p in reversed(known.values()) if p.text and is_visible(p, now)), None)
        return {
            "chat_id": channel.chat_id,
            "title": channel.title,
            "letter": channel.title[:1],
            "hue": channel.chat_id % 5,
            "username": channel.username,
            "subscribers": world.subscribers(channel.chat_id),
            "has_bot": channel.is_admin(bot.id),
            "preview": last.text if last else "No posts yet",
            "at": f"{datetime.fromtimestamp(last.date, UTC):%d.%m}" if last else "",
        }

    def _details(self, channel: Channel) -> Doc:
        bot = self.sim.world.bot()
        rights = channel.member(bot.id)["rights"]
        feed = [self._bubble(items) for items in bubbles(self.sim, channel, None, None)]
        can_manage = self.user is not None and channel.is_admin(self.user.id)
        names = [{"name": r, "label": r[4:].replace("_", " "), "on": bool(rights.get(r))} for r in SHOWN_RIGHTS]
        return self._summary(channel) | {"feed": feed, "rights": names, "can_manage": can_manage}

    def _bubble(self, items: list[Post]) -> Doc:
        post, words, now = items[0], captioned(items), self.sim.world.clock.now()
        return {
            "id": post.message_id,
            "text": Markup(rich_html(words.text, words.entities)),
            "media": [shown_media(item) for item in items if item.media],
            "is_caption_above": post.is_caption_above,
            "poll": post.poll,
            "rows": (post.reply_markup or {}).get("inline_keyboard", []),
            "forwarded_from": forwarded_from(post),
            "is_pinned": post.message_id in self.sim.world.channels[post.chat_id].pinned,
            "is_silent": post.is_silent,
            "is_protected": post.is_protected,
            "service": post.service,
            "edited": bool(post.edited_at),
            "views": views_at(post, now),
            "at": f"{datetime.fromtimestamp(post.date, UTC):%d.%m %H:%M}",
            "reactions": [(_reaction(key), count) for key, count in reactions_at(post, now)],
        }

    def _messages(self, user: User) -> list[Doc]:
        chat = self.sim.world.private.get((self.sim.world.bot().id, user.id), {})
        return [
            {
                "id": message.message_id,
                "text": Markup(rich_html(message.text, message.entities)),
                "media": [shown_media(message)] if message.media else [],
                "poll": message.poll,
                "mine": not message.is_from_bot,
                "at": f"{datetime.fromtimestamp(message.date, UTC):%H:%M}",
                "rows": (message.reply_markup or {}).get("inline_keyboard", []),
            }
            for message in list(chat.values())[-40:]
            if message.deleted_at is None
        ]

    def _app_url(self, user: User) -> str:
        """The Mini App's address as the clients open it: launch data stands in the fragment."""
        if not self.sim.mini_app_url:
            return ""
        theme = THEMES["dark" if self.query.get("theme") == "dark" else "light"]
        data = signed_init_data(user, self.sim.world.bot(), int(time.time()))
        fragment = {
            "tgWebAppData": data,
            "tgWebAppVersion": "9.6",
            "tgWebAppPlatform": "web",
            "tgWebAppThemeParams": json.dumps(theme, separators=(",", ":")),
        }
        return f"{self.sim.mini_app_url}#{urlencode(fragment, quote_via=quote)}"


def _reaction(key: str) -> str:
    return "⭐" if key == "paid" else "🎉" if key.startswith("custom:") else key


def shown_media(content: Content) -> Doc:
    """Kind, address of the bytes (none for scripted media), name, and whether it hides until it is pressed."""
    file = content.file or {}
    url = f"/_media/{file['unique_id']}" if file else ""
    return {"kind": content.media, "url": url, "name": file.get("name", ""), "hidden": content.has_spoiler}


def forwarded_from(content: Content) -> str:
    origin = content.forward_origin or {}
    return str(origin.get("chat", {}).get("title") or origin.get("sender_user", {}).get("first_name") or "")
