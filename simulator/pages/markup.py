"""Posts of the public preview in t.me's markup of 2026 (a real page is the model)."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from html import escape

from simulator.content import Doc
from simulator.model import Channel, Post
from simulator.pages.media import album_html, media_html
from simulator.pages.numbers import abbreviated
from simulator.pages.rich import rich_html
from simulator.views import reactions_at, views_at
from simulator.world import CHANNEL_ID_BASE


def data_view(channel: Channel, post: Post, now: float) -> str:
    token = hashlib.sha256(f"{channel.chat_id}:{post.message_id}".encode()).hexdigest()[:18]
    number = channel.chat_id - CHANNEL_ID_BASE  # the channel id with a minus and without the -100
    doc = {"c": number, "p": post.message_id, "t": int(now), "h": token}
    raw = json.dumps(doc, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def post_html(channel: Channel, items: list[Post], now: float) -> str:
    """One bubble: a post, or all items of an album under the id of its first."""
    post, base = items[0], f"https://t.me/{channel.username}"
    service = " service_message" if post.service else ""
    media = album_html(items, base) if len(items) > 1 else media_html(post, f"{base}/{post.message_id}")
    words = text_html(captioned(items))
    body = f"{words}{media}" if post.is_caption_above else f"{media}{words}"
    return (
        '<div class="tgme_widget_message_wrap js-widget_message_wrap">'
        f'<div class="tgme_widget_message text_not_supported_wrap{service} js-widget_message"'
        f' data-post="{channel.username}/{post.message_id}" data-view="{data_view(channel, post, now)}">\n'
        '  <div class="tgme_widget_message_bubble">\n'
        '    <div class="tgme_widget_message_author accent_color"><a class="tgme_widget_message_owner_name"'
        f' href="{base}"><span dir="auto">{escape(channel.title)}</span></a></div>\n'
        f"{forwarded_html(post)}{body}{reactions_html(post, now)}{footer_html(post, base, now)}{keyboard_html(post)}"
        "\n  </div>\n</div></div>"
    )


def text_html(post: Post) -> str:
    text = service_text(post) if post.service else post.text
    if not text or post.media == "poll":
        return ""
    body = rich_html(text, post.entities)
    return f'<div class="tgme_widget_message_text js-message_text" dir="auto">{body}</div>\n'


def captioned(items: list[Post]) -> Post:
    """The item whose words an album shows: the only one that has any, else the first."""
    with_words = [item for item in items if item.text]
    return with_words[0] if len(with_words) == 1 else items[0]


def forwarded_html(post: Post) -> str:
    if post.forward_origin is None:
        return ""
    origin = post.forward_origin
    chat = origin.get("chat") or {"title": origin["sender_user"]["first_name"]}
    name = f'<span dir="auto">{escape(chat["title"])}</span>'
    style = 'class="tgme_widget_message_forwarded_from_name"'
    source = f"<span {style}>{name}</span>"
    if chat.get("username"):
        source = f'<a {style} href="https://t.me/{chat["username"]}/{origin["message_id"]}">{name}</a>'
    return f'<div class="tgme_widget_message_forwarded_from accent_color">Forwarded from {source}</div>\n'


def keyboard_html(post: Post) -> str:
    """Buttons with addresses; t.me leaves out those that only a bot could answer."""
    rows = (post.reply_markup or {}).get("inline_keyboard", [])
    shown = [[button for button in row if button.get("url")] for row in rows]
    body = "".join(
        f'<div class="tgme_widget_message_inline_row">{"".join(map(_button_html, row))}</div>' for row in shown if row
    )
    return f'\n<div class="tgme_widget_message_inline_keyboard">{body}</div>' if body else ""


def _button_html(button: Doc) -> str:
    text = f'<span class="tgme_widget_message_inline_button_text" dir="auto">{escape(button["text"])}</span>'
    return (
        f'<a class="tgme_widget_message_inline_button url_button" href="{escape(button["url"])}"'
        f' target="_blank" rel="noopener">{text}</a>'
    )


def service_text(post: Post) -> str:
    fixed = {"photo": "Channel photo updated", "created": "Channel created"}
    return fixed.get(post.service or "", f"Channel name was changed to «{post.text}»")


def reactions_html(post: Post, now: float) -> str:
    shown = "".join(_reaction_html(key, count) for key, count in reactions_at(post, now))
    return f'<div class="tgme_widget_message_reactions js-message_reactions">{shown}</div>\n' if shown else ""


def _reaction_html(key: str, count: int) -> str:
    number = abbreviated(count)
    if key == "paid":
        icon = '<i class="icon icon-telegram-stars"></i>'
        return f'<span class="tgme_reaction tgme_reaction_paid">{icon}{number}</span>'
    if key.startswith("custom:"):
        emoji_id = escape(key.removeprefix("custom:"))
        return f'<span class="tgme_reaction"><tg-emoji emoji-id="{emoji_id}"></tg-emoji>{number}</span>'
    code = key.encode().hex().upper()
    style = f"background-image:url('//telegram.org/img/emoji/40/{code}.png')"
    return f'<span class="tgme_reaction"><i class="emoji" style="{style}"><b>{key}</b></i>{number}</span>'


def footer_html(post: Post, base: str, now: float) -> str:
    at = datetime.fromtimestamp(post.date, UTC)
    edited = "edited &nbsp;" if post.edited_at and post.edited_at <= now else ""
    views = (
        ""
        if post.service
        else (
            f'<span class="tgme_widget_message_views">{abbreviated(views_at(post, now))}</span>'
            '<span class="copyonly"> views</span>'
        )
    )
    return (
        '<div class="tgme_widget_message_footer compact js-message_footer">\n'
        f'  <div class="tgme_widget_message_info short js-message_info">\n    {views}'
        f'<span class="tgme_widget_message_meta">{edited}<a class="tgme_widget_message_date"'
        f' href="{base}/{post.message_id}"><time datetime="{at.isoformat()}" class="time">{at:%H:%M}</time></a></span>'
        "\n  </div>\n</div>"
    )
