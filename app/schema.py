"""All tables, for migrations and for the tests that compare them with the migrated schema."""

from __future__ import annotations

from app.accounts.models import ApiKey, Launch, LoginTicket, Membership, Session, SpentState, User, Workspace
from app.analytics import models as effects
from app.analytics.annotation_models import Annotation
from app.analytics.sharing.models import ShareLink
from app.audit.models import AuditAnchor, AuditEntry
from app.billing import coupon_models as coupons
from app.billing import method_models as methods
from app.billing import models as billing
from app.billing import money_models as money
from app.billing.gateways.click.models import ClickPrepare
from app.billing.gateways.payme.models import PaymeTransaction
from app.billing.gateways.stars.models import PreCheckout, StarLink, StarPayment
from app.billing.gateways.stripe.models import StripeCustomer, StripeEvent, StripeSession
from app.billing.rates.models import ExchangeRate
from app.channels import campaign_models
from app.channels.models import BotPresence, BotRights, Channel, Chat, Feed, MemberEvent, SubscriberReconciliation
from app.core.db import Table
from app.core.models import Cursor, Gauge, Heartbeat, IdempotencyKey, Inbox, Lease, Outbox, WorkflowRun
from app.links import models as links
from app.mail.models import Letter
from app.media import invisible_models, job_models, mark_models
from app.media import models as media
from app.media import upload_models as uploads
from app.notices.models import Notice
from app.posting import models as posting
from app.posting.approvals import models as approvals
from app.posting.emoji import models as emoji
from app.posting.experiments.models import Experiment, ExperimentPost
from app.posting.planning import models as planning
from app.protection import models as protection
from app.protection.archive import models as archives
from app.readings.boost_models import ChatBoost
from app.readings.collectors.owner_session import models as owner_session
from app.readings.desktop_models import DesktopImport
from app.readings.models import (
    AlbumItem,
    FeedHour,
    FeedStat,
    Post,
    PostStat,
    PostVersion,
    PreviewWatch,
    PrivateDeletion,
    ReactionCount,
    Reading,
    RollupCheck,
    Source,
    SubscriberHour,
    SubscriberReading,
)
from app.telegram.models import Bot, OwnBotWish, SendBudget

TABLES: tuple[type[Table], ...] = (
    *(Cursor, Gauge, Heartbeat, IdempotencyKey, Inbox, Lease, Outbox, WorkflowRun),
    *(User, Workspace, Membership, Session, LoginTicket, SpentState, Launch, ApiKey),
    *(AuditEntry, AuditAnchor, Notice, Letter, Bot, SendBudget),
    *(Chat, Feed, Channel, BotRights, BotPresence, MemberEvent, SubscriberReconciliation, *campaign_models.TABLES),
    *(
        Source,
        Post,
        PrivateDeletion,
        AlbumItem,
        PostVersion,
        Reading,
        ReactionCount,
        SubscriberReading,
        PreviewWatch,
        RollupCheck,
    ),
    *(PostStat, FeedHour, SubscriberHour, FeedStat),
    *owner_session.TABLES,
    ShareLink,
    Annotation,
    DesktopImport,
    ChatBoost,
    *effects.TABLES,
    *(*methods.TABLES, *coupons.TABLES, StripeCustomer, StripeSession, StripeEvent),
    *(*billing.TABLES, *money.TABLES, PaymeTransaction, ClickPrepare, StarLink, PreCheckout, StarPayment),
    ExchangeRate,
    *posting.TABLES,
    *approvals.TABLES,
    *(OwnBotWish, Experiment, ExperimentPost),
    *planning.TABLES,
    *emoji.TABLES,
    *(*media.TABLES, *uploads.TABLES, *job_models.TABLES, *mark_models.TABLES),
    *links.TABLES,
    *(*invisible_models.TABLES, *protection.TABLES, *archives.TABLES),
)
