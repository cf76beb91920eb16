"""Names, queues and messages shared by definitions, activities and dispatcher. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

MAINTENANCE_QUEUE = "maintenance"
LANE_QUEUE = "lane"
BILLING_QUEUE = "billing"
MAIL_QUEUE = "mail"
QUEUES = (MAINTENANCE_QUEUE, LANE_QUEUE, BILLING_QUEUE, MAIL_QUEUE)

CHECK_ROLLUPS = "check_rollups"
KEEP_HOUSE = "keep_house"
DAILY_CHECK_SCHEDULE = "daily-rollup-check"
DAILY_CHECK_CRON = "30 3 * * *"
ALL_CHATS = "all"

# Outbox topics (app names topics, never workflows).
ROLLUPS_CHECK_TOPIC = "rollups.check"
LANE_TOPIC = "posting.lane"
RESOLVE_TOPIC = "posting.resolve"
SUBSCRIPTION_TOPIC = "billing.subscription"
DESK_TOPIC = "billing.desk"
LETTERS_TOPIC = "mail.letters"

RUN_LANE = "run_lane"
LOOK_FOR_DELIVERY = "look_for_delivery"
CONCLUDE_DELIVERY = "conclude_delivery"
ADVANCE_SUBSCRIPTION = "advance_subscription"
COLLECT_PAYMENT = "collect_payment"
RUN_DESK = "run_desk"
SEND_LETTERS = "send_letters"

# Search attributes: ids, words and numbers only, never a name or a text.
SENDER_ID, LANE_STATE, BACKLOG, NEXT_DUE_AT = "SenderId", "LaneState", "Backlog", "NextDueAt"
DELIVERY_ID, DELIVERY_STATE = "DeliveryId", "DeliveryState"
SUBSCRIPTION_ID, WORKSPACE_ID, PLAN, BILLING_STATE = "SubscriptionId", "WorkspaceId", "Plan", "BillingState"
GATEWAY, NEXT_CHARGE_AT = "Gateway", "NextChargeAt"
KEYWORDS = (
    *(SENDER_ID, LANE_STATE, DELIVERY_ID, DELIVERY_STATE),
    *(SUBSCRIPTION_ID, WORKSPACE_ID, PLAN, BILLING_STATE, GATEWAY),
)
MOMENTS = (NEXT_DUE_AT, NEXT_CHARGE_AT)


@dataclass(frozen=True)
class CheckRequest:
    """Which chat's rollups to check; `all` for every chat."""

    chat: str


@dataclass(frozen=True)
class CheckReport:
    """What the check found, in numbers that the database also holds (table rollup_check)."""

    feeds: int
    readings: int
    differences: int


def rollup_check_id(chat: str) -> str:
    return f"rollup-check:{chat}"


@dataclass(frozen=True)
class LaneRequest:
    """Which sender's lane to run.

    `runs`: how many attempts the runs before this one made, for the reader. `most`: after so many attempts a run goes
    on as a new one, so that a person can still page through its history.
    """

    sender_id: int
    runs: int = 0
    most: int = 500


@dataclass(frozen=True)
class LaneReport:
    """What one attempt did and how the lane stands. Moments are milliseconds since 1970, UTC; None: there is none."""

    epoch: int
    sent: int
    other: int
    backlog: int
    at_ms: int
    next_ready_ms: int | None
    blocked_until_ms: int | None
    eta_ms: int | None


@dataclass(frozen=True)
class ResolveRequest:
    """Which delivery to find out about. `pause_s`: between the two looks that prove absence."""

    delivery_id: int
    pause_s: float = 30.0


def lane_id(sender_id: int) -> str:
    return f"lane:{sender_id}"


def resolve_id(delivery_id: int) -> str:
    return f"delivery:{delivery_id}"


@dataclass(frozen=True)
class SubscriptionRequest:
    """Which subscription to follow. `looks`: how often the runs before this one looked, for the reader."""

    subscription_id: int
    looks: int = 0


UNSAID = -1  # by a report of before it was told; histories of then are replayed


@dataclass(frozen=True)
class SubscriptionReport:
    """How a subscription stands: ids, words and moments (milliseconds since 1970, UTC; None: there is none)."""

    subscription: str
    workspace_id: int
    plan: str
    interval: str
    gateway: str
    state: str
    is_ending: bool
    period_index: int
    period_end_ms: int | None
    dunning_step: int
    next_action: str | None
    next_action_ms: int | None
    is_over: bool
    done: list[str]
    charge: str = ""
    next_charge_ms: int | None = UNSAID
    last_charge: str = ""


@dataclass(frozen=True)
class DeskRequest:
    """Which gateway's desk to run. `runs`: how often the runs before this one worked, for the reader."""

    gateway: str
    runs: int = 0


@dataclass(frozen=True)
class DeskReport:
    """What a desk did, in words and numbers, and when it has to work again (milliseconds since 1970, UTC)."""

    done: list[str]
    next_ms: int | None


@dataclass(frozen=True)
class LettersRequest:
    """`runs`: how often the runs before this one sent letters, for the reader."""

    runs: int = 0


@dataclass(frozen=True)
class LettersReport:
    """What became of letters, in words and numbers, and when the next is due (milliseconds since 1970, UTC)."""

    done: list[str]
    next_ms: int | None


POST_OFFICE_ID = "post-office"


def desk_id_of(gateway: str) -> str:
    return f"desk:{gateway}"


def subscription_id_of(subscription_id: int) -> str:
    return f"sub:{subscription_id}"
