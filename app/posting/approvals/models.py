"""Links of clients, and every answer to a post that waited for one."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BooleanField, CharField, CompositeKey, ForeignKeyField, IntegerField

from app.accounts.models import User, Workspace
from app.channels.models import Channel
from app.core.db import Personal, UtcTimestamp
from app.core.tenancy import TenantTable
from app.posting.models import AuthoredPost

LONGEST_NAME, LONGEST_COMMENT = 48, 1000
APPROVED, RETURNED, OVERRIDDEN = "approved", "returned", "overridden"
_WHILE_KEPT = "as long as the workspace keeps the post"


class ClientLink(TenantTable):
    """A link by which a client sees the posts of some channels and answers. The token is kept as its hash only.

    `is_required`: what goes to these channels waits for this client's yes, also after the link has expired.
    """

    personal = {"name": Personal("identity", "show which client answered", "as long as the workspace exists")}
    impersonal = frozenset({"public_id", "token_hash"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    token_hash = CharField(max_length=64, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    name = CharField(max_length=LONGEST_NAME)
    is_required = BooleanField(default=False)
    created_by: Any = ForeignKeyField(User, lazy_load=False)
    created_at = UtcTimestamp()
    expires_at = UtcTimestamp(index=True)
    revoked_at = UtcTimestamp(null=True)
    last_used_at = UtcTimestamp(null=True)
    uses = IntegerField(default=0)


class ClientLinkChannel(TenantTable):
    """A channel whose posts a client sees."""

    link: Any = ForeignKeyField(ClientLink, lazy_load=False, index=False)
    channel: Any = ForeignKeyField(Channel, lazy_load=False)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)

    class Meta:
        primary_key = CompositeKey("link", "channel")


class ApprovalAnswer(TenantTable):
    """What somebody answered to a post: a person of the workspace, or a client by a link.

    `content_hash` says to which words: of a client, those in the client's channels. `overridden`: a person who may
    publish said yes in the place of the client of `link`.
    """

    personal = {"comment": Personal("content", "tell the author what to change", _WHILE_KEPT)}
    impersonal = frozenset({"answer", "content_hash"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    post: Any = ForeignKeyField(AuthoredPost, lazy_load=False)
    link: Any = ForeignKeyField(ClientLink, lazy_load=False, null=True)
    user: Any = ForeignKeyField(User, lazy_load=False, null=True)
    answer = CharField(max_length=10)
    content_hash = CharField(max_length=64)
    comment = CharField(max_length=LONGEST_COMMENT, null=True)
    at = UtcTimestamp()


TABLES = (ClientLink, ClientLinkChannel, ApprovalAnswer)
