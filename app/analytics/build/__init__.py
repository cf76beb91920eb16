"""Assembling the pages from the queries. Pure reads: `now` and the period come in, dataclasses go out."""

from app.analytics.build.channel import channel_page
from app.analytics.build.network import network_page, totals
from app.analytics.build.post import post_page
from app.analytics.build.posts import MEDIA, all_posts

__all__ = ["MEDIA", "all_posts", "channel_page", "network_page", "post_page", "totals"]
