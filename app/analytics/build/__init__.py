"""Assembling the pages from the queries. Pure reads: `now` and the period come in, dataclasses go out."""

from app.analytics.build.channel import channel_page, content_page, posts_page
from app.analytics.build.days import channel_days, network_days
from app.analytics.build.network import channel_rows, network_page, totals
from app.analytics.build.post import ALL_READINGS, post_page
from app.analytics.build.posts import SHOWN, posts_file

__all__ = [
    "ALL_READINGS",
    "SHOWN",
    "channel_days",
    "channel_page",
    "channel_rows",
    "content_page",
    "network_days",
    "network_page",
    "post_page",
    "posts_file",
    "posts_page",
    "totals",
]
