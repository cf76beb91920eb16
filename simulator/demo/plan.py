"""What the demo's channels are like and what happened to them."""

from dataclasses import dataclass

OWNER_ID = 777_000_001
DAYS = 365


@dataclass(frozen=True)
class Plan:
    username: str
    title: str
    about: str
    language: str
    subscribers: int
    posts_per_day: float
    reach: float  # 30-day views of an ordinary post per real subscriber
    viral_days_ago: int | None = None
    attack_days_ago: int | None = None
    ad_days_ago: int | None = None


PLANS = (
    Plan(
        "simulated_uz_news",
        "Shahar yangiliklari (simulated)",
        "Simulated channel. Nothing here is real.",
        "uz",
        48_213,
        6.0,
        0.31,
        attack_days_ago=70,
    ),
    Plan(
        "simulated_ru_it",
        "Разбор кода (simulated)",
        "Simulated channel. Nothing here is real.",
        "ru",
        12_087,
        2.0,
        0.38,
        viral_days_ago=120,
    ),
    Plan(
        "simulated_en_startup",
        "Startup Field Notes (simulated)",
        "Simulated channel. Nothing here is real.",
        "en",
        3_412,
        1.0,
        0.46,
        ad_days_ago=40,
    ),
)
NEW_CHANNEL = ("simulated_new_channel", "My new channel (simulated)", 257)

ATTACK_SIZE = 0.14  # joins of one day as a share of the subscribers
PURGE_AFTER_DAYS = 9
PURGED = 0.96  # share of the fake accounts that the platform removes
AD_LOSS = 0.035  # subscribers lost within three days of the ad
VIRAL_FACTOR = 11.0
