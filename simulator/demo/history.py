"""Twelve months of posts for one channel of the demo."""

import random
from bisect import bisect_right
from datetime import UTC, datetime
from typing import Any

from simulator.demo.plan import DAYS, VIRAL_FACTOR, Plan
from simulator.demo.texts import AD, POLL, a_text
from simulator.model import Post
from simulator.views import DAY, HOUR

Doc = dict[str, Any]
MEDIA = (None, "photo", "video", "album", "poll", "document", "voice", "animation", "sticker")
MEDIA_WEIGHTS = (40, 30, 12, 6, 3, 3, 2, 3, 1)
WEEKDAY = (1.04, 1.06, 1.05, 1.03, 0.98, 0.88, 0.91)
# Spread of the share at 24 h: p10..p90 of the real curves is 28..54 %, which this sigma gives.
SHAPE_SIGMA = 0.28


class Historian:
    """Writes posts in order of time, with message ids without holes but for deleted posts."""

    def __init__(self, plan: Plan, chat_id: int, now: int, organic: list[tuple[int, int]], seed: str) -> None:
        self.plan, self.chat_id, self.now = plan, chat_id, now
        self.rng = random.Random(seed)
        self.times = [at for at, _ in organic]
        self.people = [value for _, value in organic]
        self.posts: list[Post] = []
        self.next_id = 1

    def write(self) -> list[Post]:
        begin = self.now - DAYS * DAY
        self._add(begin, service="created")
        self._add(begin + 60, service="photo")
        for day in range(DAYS + 1):
            for date in self._dates(begin + day * DAY):
                self._post(date)
            self._special(begin + day * DAY, DAYS - day)
        return self.posts

    def _dates(self, day_start: int) -> list[int]:
        weekday = datetime.fromtimestamp(day_start, UTC).weekday()
        mean = self.plan.posts_per_day * (0.75 if weekday >= 5 else 1.1)
        count = int(mean) + (self.rng.random() < mean % 1)
        midnight = day_start - day_start % DAY
        hours = sorted(self.rng.triangular(3, 18, 9) for _ in range(count))
        dates = [midnight + int(hour * HOUR) for hour in hours]
        last = self.posts[-1].date if self.posts else 0
        return [date for date in dates if last < date <= self.now]

    def _special(self, day_start: int, days_ago: int) -> None:
        date = max(self.posts[-1].date + 60, day_start)
        if days_ago == self.plan.viral_days_ago:
            post = self._add(date, text=a_text(self.rng, self.plan.language))
            views = self._reach(date) * VIRAL_FACTOR
            post.curve = [[0, self._reach(date), 1.0], [20 * HOUR, round(views), 0.8]]
            self._mix(post)
        if days_ago == self.plan.ad_days_ago:
            post = self._add(date, text=AD[self.plan.language])
            post.curve = [[0, round(self._reach(date) * 0.8), 1.1]]
        if days_ago % 120 == 60:
            self._add(date + 30, service="title", text=self.plan.title)

    def _post(self, date: int) -> None:
        media = self.rng.choices(MEDIA, MEDIA_WEIGHTS)[0]
        text = "" if media in ("poll", "sticker") else a_text(self.rng, self.plan.language)
        if self.rng.random() < 0.01:
            self.next_id += 1  # a post that was deleted: only the hole in the ids is left
        curve = [[0.0, self._reach(date), round(self.rng.lognormvariate(0, SHAPE_SIGMA), 3)]]
        if media == "album":
            self._album(date, text, curve)
            return
        post = self._add(date, text=text, media=media)
        post.curve = curve
        post.poll = POLL[self.plan.language] if media == "poll" else None
        if text and self.rng.random() < 0.06:
            post.edited_at = min(self.now, date + self.rng.randrange(60, 5400))
        self._mix(post)

    def _album(self, date: int, text: str, curve: list[list[float]]) -> None:
        group = str(13_000_000_000_000_000 + self.rng.randrange(10**15))
        for index in range(self.rng.randrange(2, 5)):
            item = self._add(date, text=text if index == 0 else "", media="photo")
            item.media_group_id, item.curve = group, curve
            if index == 0:
                self._mix(item)

    def _add(self, date: int, **more: Any) -> Post:
        post = Post(self.chat_id, self.next_id, date, **more)
        self.next_id += 1
        self.posts.append(post)
        return post

    def _reach(self, date: int) -> float:
        people = self.people[max(0, bisect_right(self.times, date) - 1)]
        weekday = WEEKDAY[datetime.fromtimestamp(date, UTC).weekday()]
        return float(round(people * self.plan.reach * weekday * self.rng.lognormvariate(0, 0.22)))

    def _mix(self, post: Post) -> None:
        liking = self.rng.lognormvariate(-4.4, 0.5)
        post.reaction_mix = [["👍", round(liking, 5)], ["❤", round(liking * 0.5, 5)], ["🔥", round(liking * 0.3, 5)]]
        if self.rng.random() < 0.1:
            post.reaction_mix.append(["custom:5368324170671202286", round(liking * 0.2, 5)])
        if self.rng.random() < 0.05:
            post.reaction_mix.append(["paid", round(liking * 0.1, 5)])
