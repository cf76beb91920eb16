"""Each change of a campaign, an invite link or a share link is recorded with before and after, and moves the versions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from app.accounts.service import sessions
from app.analytics import etags
from app.analytics.sharing import service as sharing
from app.analytics.versions import versions
from app.audit import service as audit
from app.audit.models import AuditEntry
from app.boot import Runtime
from app.channels.campaign_queries import campaigns_of
from app.channels.queries import ChannelRef, channel_of
from app.channels.service import campaigns, changes, invite_links
from app.channels.service.campaigns import Plan
from tests.world import Owner, owned_channel, owner

PLAN = Plan("Spring", "@ads", "", "", "120", "USD", "2026-02-01", "", "Spring ad")


class Acts:
    """Everything that may be done to a campaign and its links, by name, each returning whom it was done to."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.who: Owner = owner("Aziza", now=now)
        made = owned_channel(self.who, "News", telegram_chat_id=-1001, now=now)
        found = channel_of(self.who.workspace.id, made.public_id)
        assert found is not None
        self.channel: ChannelRef = found
        self.workspace, self.by = self.who.workspace.id, {"user_id": self.who.user.id, "now": now}
        campaigns.create(self.workspace, self.channel, PLAN, **self.by)
        self.key = campaigns_of(self.workspace, self.channel.id)[0].public_id

    def link(self) -> str:
        return campaigns_of(self.workspace, self.channel.id)[0].links[0].public_id

    def asked(self) -> Any:
        return invite_links.asked(self.now)[0]

    def all(self) -> dict[str, Callable[[], object]]:
        here = (self.workspace, self.channel.id, self.key)
        return {
            "fail": lambda: invite_links.failed(self.asked(), "no", is_final=True, wait_s=None, now=self.now),
            "invite_link.tried_again": lambda: invite_links.try_again(self.workspace, self.link(), **self.by),
            "make": lambda: invite_links.made(self.asked(), "https://t.me/+a", now=self.now),
            "invite_link.revoked": lambda: invite_links.revoke(self.workspace, self.link(), **self.by),
            "end": lambda: invite_links.ended(self.asked(), now=self.now),
            "campaign.changed": lambda: campaigns.change_spend(*here, "99", **self.by),
            "invite_link.wanted": lambda: campaigns.add_link(*here, "Second", **self.by),
            "campaign.archived": lambda: campaigns.archive(*here, **self.by),
        }


def test_every_act_of_a_person_is_recorded_with_before_and_after(runtime: Runtime, now: datetime) -> None:
    acts = Acts(now)
    for act in acts.all().values():
        act()
    told = {e.action: e for e in AuditEntry.select().where(AuditEntry.chain == acts.workspace).order_by(AuditEntry.seq)}
    assert {a for a in told if a.startswith(("campaign", "invite"))} == {
        "campaign.created",
        *(name for name in acts.all() if "." in name),
    }
    again, revoked, wanted = (told[f"invite_link.{act}"] for act in ("tried_again", "revoked", "wanted"))
    assert (again.before["state"], again.after["state"]) == ("failed", "wanted")
    assert (revoked.before["state"], revoked.after["state"]) == ("active", "revoking")
    assert (wanted.before, wanted.after["name"], wanted.after["campaign"]) == (None, "Second", acts.key)
    archived, changed = told["campaign.archived"], told["campaign.changed"]
    assert archived.before["archived_at"] is None and archived.after["archived_at"]
    assert (changed.before["spend_minor"], changed.after["spend_minor"]) == (12000, 9900)
    assert {e.actor for e in told.values() if "." in e.action and e.action.startswith(("c", "i"))} <= {
        f"user:{acts.who.user.id}",
        *(e.actor for e in told.values() if e.action.startswith("channel")),
    }
    assert audit.verify(now=now)[1] == []


def test_a_share_link_s_beginning_and_end_are_recorded(runtime: Runtime, now: datetime) -> None:
    acts = Acts(now)
    sharing.create(acts.workspace, acts.channel.public_id, days=7, password="", **acts.by)
    (link,) = sharing.links_of(acts.workspace, acts.channel.public_id, now=now)
    sharing.revoke(acts.workspace, link.public_id, **acts.by)
    made, ended = (
        AuditEntry.get(AuditEntry.action == f"share_link.{act}", AuditEntry.chain == acts.workspace)
        for act in ("created", "revoked")
    )
    assert made.after["days"] == 7
    assert (ended.before["uses"], ended.before["has_password"], "revoked_at" in ended.after) == (0, False, True)


def _seen(acts: Acts) -> tuple[str, str]:
    """The page's tag and what the live process tells."""
    token, _ = sessions.start(acts.who.user.id, acts.workspace, kind="browser", now=acts.now)
    who = sessions.signed_in(token, now=acts.now)
    assert who is not None
    from dataclasses import replace

    tag = etags.tag(replace(who, session_id=1), {"PATH_INFO": "/network"}, now=acts.now)
    return tag, versions([acts.workspace])[acts.workspace]


def test_each_change_moves_the_tag_and_the_live_version(runtime: Runtime, now: datetime) -> None:
    acts = Acts(now)
    stranger = owner("Bek", now=now).workspace.id
    before, of_stranger = _seen(acts), versions([stranger])
    for name, act in acts.all().items():
        act()
        after = _seen(acts)
        assert all(old != new for old, new in zip(before, after, strict=True)), name
        before = after
    assert versions([stranger]) == of_stranger, "nobody else's pages are told"


def test_without_the_mark_a_page_would_not_hear_of_it(
    runtime: Runtime, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = Acts(now)
    before = _seen(acts)
    monkeypatch.setattr(changes, "note", lambda workspace_id: None)
    acts.all()["campaign.changed"]()
    assert _seen(acts) == before, "the harm: the old spend would stay on the page"
