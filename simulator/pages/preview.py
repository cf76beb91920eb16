"""The public preview /s/<username> and the landing page /<username>."""

import time
from html import escape

from aiohttp import web

from simulator.model import Channel, Post
from simulator.pages.markup import post_html
from simulator.pages.numbers import abbreviated
from simulator.simulation import Simulation

PAGE_SIZE = 20


def add_routes(app: web.Application, sim: Simulation) -> None:
    async def preview(request: web.Request) -> web.StreamResponse:
        return show_preview(sim, request)

    async def landing(request: web.Request) -> web.StreamResponse:
        return show_landing(sim, request)

    app.router.add_get(r"/s/{name:\w+}", preview)
    app.router.add_get(r"/{name:[A-Za-z]\w{3,31}}", landing)


def show_preview(sim: Simulation, request: web.Request) -> web.StreamResponse:
    fault = sim.faults.take(("preview_500", "preview_429", "preview_layout_changed"))
    if fault is not None and fault.kind == "preview_500":
        return web.Response(status=500, text="Internal Server Error")
    if fault is not None and fault.kind == "preview_429":
        return web.Response(status=429, text="Too Many Requests", headers={"Retry-After": str(fault.retry_after)})
    channel = sim.world.find_channel(request.match_info["name"])
    if channel is None or not channel.has_preview:
        return web.HTTPFound(f"/{request.match_info['name']}")
    page = render(sim, channel, _number(request, "before"), _number(request, "after"))
    if fault is not None:
        page = page.replace("tgme_widget_message", "tgx_card").replace("counter_", "tgx_")
    return web.Response(text=page, content_type="text/html")


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name, "")
    return int(text) if text.isdigit() else None


def bubbles(sim: Simulation, channel: Channel, before: int | None, after: int | None) -> list[list[Post]]:
    """About twenty bubbles: the newest below `before`, or the oldest above `after`."""
    chosen = [
        post
        for post in sim.world.visible_posts(channel.chat_id)
        if (before is None or post.message_id < before) and (after is None or post.message_id > after)
    ]
    grouped: list[list[Post]] = []
    for post in sorted(chosen, key=lambda post: post.message_id):
        if grouped and post.media_group_id and grouped[-1][0].media_group_id == post.media_group_id:
            grouped[-1].append(post)
        else:
            grouped.append([post])
    return grouped[:PAGE_SIZE] if after is not None and before is None else grouped[-PAGE_SIZE:]


def render(sim: Simulation, channel: Channel, before: int | None, after: int | None) -> str:
    started = time.perf_counter()
    now, shown = sim.world.clock.now(), bubbles(sim, channel, before, after)
    ids = [post.message_id for post in sim.world.visible_posts(channel.chat_id)]
    first = shown[0][0].message_id if shown else 0
    last = shown[-1][-1].message_id if shown else 0
    has_older, has_newer = any(i < first for i in ids), bool(shown) and any(i > last for i in ids)
    name, title = channel.username, escape(channel.title)
    prev = f'    <link rel="prev" href="/s/{name}?before={first}">\n' if has_older else ""
    following = f'    <link rel="next" href="/s/{name}?after={last}">\n' if has_newer else ""
    body = "".join(post_html(channel, items, now) for items in shown)
    return f"""<!DOCTYPE html>
<html>
  <head>
    <meta charset="utf-8">
    <title>{title} – Telegram</title>
<meta property="og:title" content="{title}">
<meta property="og:site_name" content="Telegram">
<meta property="og:description" content="{escape(channel.about)}">
{prev}{following}<link rel="canonical" href="/s/{name}?before={last + 1}">
  </head>
  <body class="widget_frame_base tgme_webpreview emoji_image thin_box_shadow tme_mode no_transitions">
{header(sim, channel)}
    <main class="tgme_main" data-url="/{name}">
      <div class="tgme_container">
        <section class="tgme_channel_history js-message_history">
{more(name, "before", first) if has_older else ""}{body}{more(name, "after", last) if has_newer else ""}
    </section>
  </div>
</main>
  </body>
</html>
<!-- page generated in {(time.perf_counter() - started) * 1000:.2f}ms -->
"""


def more(name: str | None, side: str, message_id: int) -> str:
    return (
        '<div class="tgme_widget_message_centered js-messages_more_wrap">'
        f'<a href="/s/{name}?{side}={message_id}" class="tme_messages_more js-messages_more"'
        f' data-{side}="{message_id}"></a></div>'
    )


def counters(sim: Simulation, channel: Channel) -> list[tuple[int, str]]:
    posts = sim.world.visible_posts(channel.chat_id)
    counted = [(sim.world.subscribers(channel.chat_id), "subscriber")]
    for media in ("photo", "video"):
        number = sum(post.media == media for post in posts)
        counted += [(number, media)] if number else []
    links = sum("http" in post.text for post in posts)
    counted += [(links, "link")] if links else []
    return [(number, word if number == 1 else f"{word}s") for number, word in counted]


def header(sim: Simulation, channel: Channel) -> str:
    shown = "".join(
        f'<div class="tgme_channel_info_counter"><span class="counter_value">{abbreviated(number)}</span>'
        f' <span class="counter_type">{word}</span></div>'
        for number, word in counters(sim, channel)
    )
    return f"""    <header class="tgme_header search_collapsed">
      <section class="tgme_right_column">
        <div class="tgme_channel_info">
          <div class="tgme_channel_info_header">
            <div class="tgme_channel_info_header_title_wrap">
              <div class="tgme_channel_info_header_title"><span dir="auto">{escape(channel.title)}</span></div>
              <div class="tgme_channel_info_header_labels"></div>
            </div>
            <div class="tgme_channel_info_header_username">\
<a href="https://t.me/{channel.username}">@{channel.username}</a></div>
          </div>
          <div class="tgme_channel_info_counters">{shown}</div>
          <div class="tgme_channel_info_description">{escape(channel.about)}</div>
        </div>
      </section>
    </header>"""


def show_landing(sim: Simulation, request: web.Request) -> web.StreamResponse:
    """What t.me/<name> shows: no posts. An unknown name gets the same page with a contact prompt."""
    name = request.match_info["name"]
    channel = sim.world.find_channel(name)
    title = escape(channel.title) if channel else f"Telegram: Contact @{name}"
    count = f"{sim.world.subscribers(channel.chat_id):,}".replace(",", " ") if channel else ""
    extra = f'<div class="tgme_page_extra">{count} subscribers</div>' if channel else ""
    about = escape(channel.about) if channel else f"If you have Telegram, you can contact @{name} right away."
    page = f"""<!DOCTYPE html>
<html>
  <head><meta charset="utf-8"><title>{title}</title><meta property="og:title" content="{title}"></head>
  <body class="no_transition">
    <div class="tgme_page_wrap"><div class="tgme_body_wrap"><div class="tgme_page">
      <div class="tgme_page_title"><span dir="auto">{title}</span></div>{extra}
      <div class="tgme_page_description" dir="auto">{about}</div>
      <div class="tgme_page_action"><a class="tgme_action_button_new" href="tg://resolve?domain={name}">\
View in Telegram</a></div>
    </div></div></div>
  </body>
</html>
"""
    return web.Response(text=page, content_type="text/html")
