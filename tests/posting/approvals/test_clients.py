"""Clients by a link: what waits for them, what their yes and no do, and for which words an answer holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.channels.models import Channel
from app.core import clock, db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.policy import Role
from app.posting.approvals import deciding, gate, links, queries
from app.posting.approvals.links import Opened
from app.posting.models import AuthoredPost
from tests.posting.approvals.proposals import acts, client_of, linked, member, service_bot, state, submitted, told
from tests.posting.authored import may_post
from tests.world import Owner, owned_channel, owner


@pytest.fixture(autouse=True)
def bot(who: Owner) -> None:
    service_bot()


@pytest.fixture
def fun(who: Owner) -> Channel:
    channel = owned_channel(who, "Fun", telegram_chat_id=-1002, now=clock.utcnow())
    may_post(channel)
    return channel


def _says(post: AuthoredPost, *, is_yes: bool, comment: str = "", seen: str = "") -> None:
    client = client_of(post)
    deciding.client_answers(
        *(post.workspace, post.public_id, client),
        seen_hash=seen or client.content_hash,
        is_yes=is_yes,
        comment=comment,
        now=clock.utcnow(),
    )


def _approve(who: Owner, post: AuthoredPost, **how: bool) -> None:
    deciding.approve(who.workspace.id, post.public_id, post.version, user_id=who.user.id, now=clock.utcnow(), **how)


def test_where_a_client_decides_an_owners_post_waits_for_the_yes_and_then_goes_on(who: Owner, news: Channel) -> None:
    linked(who, news, is_required=True)
    post = submitted(who, news, may_publish=True)
    assert state(post) == "proposed"
    _says(post, is_yes=True)
    assert state(post) == "scheduled"
    assert acts(post)[:2] == [(f"user:{who.user.id}", "proposed"), ("client:Acme", "client_approved")]
    assert told() == [(42, "client_approved")]


def test_without_the_requirement_it_does_not_wait(who: Owner, news: Channel) -> None:
    """The twin of the above: the same client, whose yes is welcome and not needed."""
    linked(who, news)
    assert state(submitted(who, news, may_publish=True)) == "scheduled"


def test_other_channels_do_not_wait_for_that_client(who: Owner, news: Channel, fun: Channel) -> None:
    linked(who, news, is_required=True)
    assert state(submitted(who, fun, may_publish=True)) == "scheduled"
    assert state(submitted(who, fun, news, may_publish=True)) == "proposed"


def test_an_editors_post_needs_both_the_client_and_somebody_who_may_publish(who: Owner, news: Channel) -> None:
    linked(who, news, is_required=True)
    post = submitted(member(who, Role.EDITOR), news)
    with pytest.raises(Conflict, match="Acme"):
        _approve(who, post)
    _says(post, is_yes=True)
    assert state(post) == "proposed"
    _approve(who, post)
    assert state(post) == "scheduled"


def test_an_owner_overrides_a_client_and_the_record_says_so(who: Owner, news: Channel) -> None:
    linked(who, news, is_required=True)
    post = submitted(who, news, may_publish=True)
    _approve(who, post, is_override=True)
    assert state(post) == "scheduled"
    assert (f"user:{who.user.id}", "client_overridden") in acts(post)
    assert client_of(post).answer == "overridden"


def test_a_no_makes_a_proposal_a_draft_and_tells_why(who: Owner, news: Channel) -> None:
    linked(who, news, is_required=True)
    post = submitted(member(who, Role.EDITOR, telegram_user_id=43), news)
    _says(post, is_yes=False, comment="Wrong price")
    assert state(post) == "draft"
    assert {chat for chat, template in told() if template == "client_returned"} == {42, 43}
    assert queries.answers(who.workspace.id, post.id)[0].comment == "Wrong price"


def test_a_no_to_a_scheduled_post_leaves_it_to_those_who_publish(who: Owner, news: Channel) -> None:
    linked(who, news)
    post = submitted(who, news, text="On the clock", may_publish=True)
    _says(post, is_yes=False)
    assert state(post) == "scheduled" and client_of(post).answer == "returned"
    assert told() == [(42, "client_returned")]
    assert '"words":"On the clock"' in db.rows("SELECT params FROM notice")[0][0]


def test_a_yes_holds_for_the_words_that_were_seen(who: Owner, news: Channel) -> None:
    linked(who, news, is_required=True)
    post = submitted(who, news, text="One", may_publish=True)
    seen = client_of(post).content_hash
    submitted(who, news, text="Two", public_id=post.public_id, may_publish=True)
    with pytest.raises(Conflict, match="changed meanwhile"):
        _says(post, is_yes=True, seen=seen)
    assert state(post) == "proposed"
    _says(post, is_yes=True)
    changed = submitted(who, news, text="Three", public_id=post.public_id, may_publish=True)
    assert client_of(changed).answer == "" and '"proposal"' in str(changed.draft).replace("'", '"')


def test_a_yes_holds_for_another_time_and_for_other_channels_words(who: Owner, news: Channel, fun: Channel) -> None:
    linked(who, news, is_required=True)
    post = submitted(who, news, fun, text="One", may_publish=True)
    _says(post, is_yes=True)
    later = clock.utcnow() + timedelta(hours=9)
    other = {fun.public_id: "Other words"}
    again = submitted(
        who, news, fun, text="One", variants=other, due_at=later, public_id=post.public_id, may_publish=True
    )
    assert client_of(again).answer == "approved" and again.draft is None


def test_a_yes_after_the_time_has_passed_is_kept_and_nothing_goes_out_late(who: Owner, news: Channel) -> None:
    linked(who, news, is_required=True)
    post = submitted(who, news, may_publish=True)
    client = client_of(post)
    deciding.client_answers(
        *(post.workspace, post.public_id, client),
        seen_hash=client.content_hash,
        is_yes=True,
        now=clock.utcnow() + timedelta(days=1),
    )
    assert (state(post), client_of(post).answer) == ("proposed", "approved")


def test_an_expired_link_opens_nothing_and_its_requirement_stays_until_it_is_revoked(who: Owner, news: Channel) -> None:
    token, now = linked(who, news, is_required=True), clock.utcnow()
    assert links.opened(token, now=now).channels == (news.public_id,)
    with pytest.raises(NotFound):
        links.opened(token, now=now + timedelta(days=31))
    assert state(submitted(who, news, may_publish=True)) == "proposed"
    (listed,) = links.listed(who.workspace.id)
    links.revoke(who.workspace.id, listed.public_id, user_id=who.user.id, now=now)
    with pytest.raises(NotFound):
        links.opened(token, now=now)
    assert state(submitted(who, news, may_publish=True)) == "scheduled"


def test_a_token_is_kept_as_its_hash_only(who: Owner, news: Channel) -> None:
    token = linked(who, news)
    assert all(token not in str(row) for row in db.rows("SELECT * FROM client_link"))
    assert all(token not in str(row) for row in db.rows("SELECT * FROM audit_entry"))


def test_a_link_is_for_channels_that_the_workspace_runs(who: Owner, news: Channel) -> None:
    other = owned_channel(owner("Bek", now=clock.utcnow()), "Theirs", telegram_chat_id=-1009, now=clock.utcnow())
    with pytest.raises(Invalid, match="channel"):
        linked(who, other)
    with pytest.raises(Invalid, match="name"):
        linked(who, news, name="x" * 49)


def test_a_client_sees_what_is_proposed_and_scheduled_for_their_channels_and_nothing_else(
    who: Owner, news: Channel, fun: Channel
) -> None:
    opened = links.opened(linked(who, news), now=clock.utcnow())
    mine = [submitted(who, news, may_publish=True), submitted(member(who, Role.EDITOR), news, fun)]
    submitted(who, fun, may_publish=True)
    submitted(owner_of := owner("Bek", now=clock.utcnow()), _theirs(owner_of), may_publish=True)
    assert _seen(opened) == {post.public_id for post in mine}


def _theirs(who: Owner) -> Channel:
    channel = owned_channel(who, "Theirs", telegram_chat_id=-1009, now=clock.utcnow())
    may_post(channel)
    return channel


def _seen(link: Opened) -> set[str]:
    return {one.post.public_id for one in queries.shared_with(link.workspace_id, link.channels)}


def test_what_people_type_does_not_look_like_a_proposal(who: Owner, news: Channel) -> None:
    submitted(who, news, text='{"proposal":{"due_at":null}}', may_publish=True)
    assert queries.proposed(who.workspace.id) == [] and queries.proposed_count(who.workspace.id) == 0
    submitted(member(who, Role.EDITOR), news)
    assert queries.proposed_count(who.workspace.id) == len(queries.proposed(who.workspace.id)) == 1


def test_the_required_clients_of_each_channel_are_told(who: Owner, news: Channel, fun: Channel) -> None:
    linked(who, news, fun, name="Acme", is_required=True)
    linked(who, news, name="Beta", is_required=True)
    linked(who, fun, name="Guest")
    assert gate.required_channels(who.workspace.id) == {
        news.public_id: ["Acme", "Beta"],
        fun.public_id: ["Acme"],
    }
