"""Which pages, doors and programs' addresses the web process has: each feature's blueprint."""

from __future__ import annotations

from app.accounts.live_views import blueprint as live
from app.accounts.oidc_views import blueprint as oidc
from app.accounts.settings_views import blueprint as settings_pages
from app.accounts.twa_views import blueprint as mini_app
from app.accounts.views import blueprint as accounts
from app.admin.codec_views import blueprint as codec
from app.admin.views import blueprint as admin
from app.analytics.annotation_views import blueprint as notes
from app.analytics.audience_views import blueprint as audience
from app.analytics.beside_views import blueprint as beside
from app.analytics.campaign_views import blueprint as campaigns
from app.analytics.connect_views import blueprint as channels
from app.analytics.export_views import blueprint as exports
from app.analytics.owner_session_views import blueprint as owner_session
from app.analytics.sharing.door import blueprint as shared
from app.analytics.sharing.views import blueprint as sharing
from app.analytics.views import blueprint as analytics
from app.api.views import blueprint as api
from app.billing.card_views import blueprint as cards
from app.billing.hook_views import blueprint as gateway_hooks
from app.billing.invitation_views import blueprint as invitations
from app.billing.order_views import blueprint as orders
from app.billing.payer_views import blueprint as payer
from app.billing.views import blueprint as billing
from app.links.views import blueprint as links
from app.media.library_views import blueprint as media
from app.media.mark_views import blueprint as watermarks
from app.posting.approvals.door import blueprint as client_door
from app.posting.approvals.views import blueprint as approvals
from app.posting.bots.views import blueprint as own_bots
from app.posting.emoji.views import blueprint as emoji
from app.posting.experiments.views import blueprint as experiments
from app.posting.planning.views.calendar import blueprint as calendar
from app.posting.planning.views.importing import blueprint as importing
from app.posting.planning.views.series import blueprint as series
from app.posting.planning.views.settings import blueprint as planning
from app.posting.views.compose import blueprint as posting
from app.protection.archive.views import blueprint as archives
from app.protection.views import blueprint as protection
from app.telegram.views import blueprint as hooks

BLUEPRINTS = (
    admin,
    codec,
    accounts,
    mini_app,
    live,
    analytics,
    beside,
    audience,
    campaigns,
    notes,
    channels,
    api,
    hooks,
    gateway_hooks,
    billing,
    invitations,
    cards,
    payer,
    orders,
    owner_session,
    oidc,
    settings_pages,
    sharing,
    exports,
    shared,
    links,
    media,
    watermarks,
    calendar,
    series,
    importing,
    planning,
    posting,
    approvals,
    client_door,
    own_bots,
    emoji,
    experiments,
    protection,
    archives,
)
# no cookie signs the first three in, and the codec only reads: no other site can misuse one
FOR_PROGRAMS = (api, hooks, gateway_hooks, codec)
