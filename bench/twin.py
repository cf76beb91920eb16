"""The constant peer of a3: our network page as Flask with Flask-SQLAlchemy is usually written.

Same database, same channels, days and counts on the page, grouped in SQL and without a query inside a loop; what it
lacks is what the product adds: rollups, provenance, conserved hours. Its template is the floor's, so that the difference
lies in how the numbers are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask, render_template_string
from flask_login import LoginManager, UserMixin, login_required, login_user
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event, func
from sqlalchemy.orm import Mapped, mapped_column

from bench import floor

_DAY_MS = 86_400_000
_DAYS = 30

store = SQLAlchemy()


class User(UserMixin, store.Model):  # type: ignore[name-defined, misc]
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Chat(store.Model):  # type: ignore[name-defined, misc]
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


class Channel(store.Model):  # type: ignore[name-defined, misc]
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str]
    chat_id: Mapped[int]


class Post(store.Model):  # type: ignore[name-defined, misc]
    id: Mapped[int] = mapped_column(primary_key=True)
    chat_id: Mapped[int]
    posted_at: Mapped[int]


class Reading(store.Model):  # type: ignore[name-defined, misc]
    post_id: Mapped[int] = mapped_column(primary_key=True)
    observed_at: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(primary_key=True)
    views: Mapped[int | None]


class SubscriberReading(store.Model):  # type: ignore[name-defined, misc]
    chat_id: Mapped[int] = mapped_column(primary_key=True)
    observed_at: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[int]


def twin_app(path: Path, *, now: datetime) -> Flask:
    """The peer over one database; GET /login signs in, GET /network is the page."""
    app = Flask("twin")
    app.config.update(SECRET_KEY="twin", SQLALCHEMY_DATABASE_URI=f"sqlite:///{path}")
    store.init_app(app)
    logins = LoginManager(app)
    logins.user_loader(lambda user_id: store.session.get(User, int(user_id)))
    with app.app_context():
        event.listen(store.engine, "connect", _as_ours)
    app.add_url_rule("/login", "login", lambda: str(login_user(store.session.query(User).first())))
    app.add_url_rule("/network", "network", login_required(lambda: _network(now)))
    return app


def _as_ours(connection: Any, _record: Any) -> None:
    for pragma in floor.PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _network(now: datetime) -> str:
    end = int(now.timestamp() * 1000)
    start = end - int(timedelta(days=_DAYS).total_seconds()) * 1000
    channels = store.session.query(Channel, Chat).join(Chat, Chat.id == Channel.chat_id).order_by(Channel.id).all()
    chats = [chat.id for _, chat in channels]
    posts, views = _posts(chats, start, end), _views_by_day(chats, start, end)
    subscribers = _subscribers_by_day(chats, start, end)
    counts = [subscribers[chat] for chat in chats]
    rows = [
        {
            "title": chat.title,
            "url": f"/channels/{channel.public_id}",
            "numbers": _numbers(subscribers[chat.id], views[chat.id], posts.get(chat.id, (0, 0))),
            "spark": list(subscribers[chat.id].values()),
        }
        for channel, chat in channels
    ]
    days = range(start // _DAY_MS, end // _DAY_MS + 1)
    series = [
        ("Subscribers", [(day, sum(of.get(day, 0) for of in counts)) for day in days]),
        ("Views by day", [(day, sum(views[chat].get(day, 0) for chat in chats)) for day in days]),
    ]
    totals = [
        (name, sum(row["numbers"][n] for row in rows)) for n, name in enumerate(("subscribers", "growth", "views"))
    ]
    return render_template_string(floor.TEMPLATE, name="Network", totals=totals, series=series, rows=rows)


def _numbers(subscribers: Mapping[int, int], views: Mapping[int, int], posts: tuple[int, int]) -> list[float]:
    counts = list(subscribers.values()) or [0]
    count, sum_of_views = posts
    return [counts[-1], counts[-1] - counts[0], sum(views.values()), sum_of_views / count if count else 0, count]


def _posts(chats: Sequence[int], start: int, end: int) -> dict[int, tuple[int, int]]:
    """Chat -> (posts of the period, sum of their latest views)."""
    latest = (
        store.session.query(Post.chat_id, func.max(Reading.views).label("views"))
        .join(Reading, Reading.post_id == Post.id)
        .filter(Post.chat_id.in_(chats), Post.posted_at >= start, Post.posted_at < end)
        .group_by(Post.id, Post.chat_id)
        .subquery()
    )
    found = store.session.query(latest.c.chat_id, func.count(), func.sum(latest.c.views)).group_by(latest.c.chat_id)
    return {chat: (count, views) for chat, count, views in found}


def _views_by_day(chats: Sequence[int], start: int, end: int) -> dict[int, dict[int, int]]:
    """Chat -> day -> views gained: each post's highest count of the day less that of the day before."""
    day = (Reading.observed_at / _DAY_MS).cast(store.Integer)
    found = (
        store.session.query(Post.chat_id, Post.id, day.label("day"), func.max(Reading.views))
        .join(Reading, Reading.post_id == Post.id)
        .filter(Post.chat_id.in_(chats), Reading.observed_at >= start, Reading.observed_at < end)
        .group_by(Post.chat_id, Post.id, day)
        .order_by(Post.chat_id, Post.id, day)
    )
    gained: dict[int, dict[int, int]] = {chat: defaultdict(int) for chat in chats}
    before: dict[int, int] = {}
    for chat, post, on, views in found:
        gained[chat][on] += views - before.get(post, 0)
        before[post] = views
    return gained


def _subscribers_by_day(chats: Sequence[int], start: int, end: int) -> dict[int, dict[int, int]]:
    """Chat -> day -> the last count read on it."""
    found = (
        store.session.query(SubscriberReading)
        .filter(
            SubscriberReading.chat_id.in_(chats),
            SubscriberReading.observed_at >= start,
            SubscriberReading.observed_at < end,
        )
        .order_by(SubscriberReading.observed_at)
    )
    counts: dict[int, dict[int, int]] = {chat: {} for chat in chats}
    for reading in found:
        counts[reading.chat_id][reading.observed_at // _DAY_MS] = reading.value
    return counts
