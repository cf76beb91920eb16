"""An editor proposes, an owner approves or returns, and each happens once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.channels.models import Channel
from app.core import clock, db
from app.core.errors import Conflict, Invalid
from app.core.policy import Role
from app.posting.approvals import deciding
from app.posting.content import draft as drafts
from app.posting.service import composing, writing
from tests.posting.approvals.proposals import SERVICE_BOT, acts, member, service_bot, state, submitted, told, version
from tests.posting.authored import ScriptedLine, actions, run_lane
from tests.world import Owner


@pytest.fixture(autouse=True)
def bot(who: Owner) -> None:
    service_bot()


@pytest.fixture
def editor(who: Owner) -> Owner:
    return member(who, Role.EDITOR, telegram_user_id=43)


def test_an_editors_post_waits_and_those_who_may_publish_are_told(who: Owner, news: Channel, editor: Owner) -> None:
    member(who, Role.ANALYST, telegram_user_id=44)
    post = submitted(editor, news, text="**Big** news")
    assert (state(post), actions(post)) == ("proposed", [])
    assert told() == [(42, "approval_asked")]
    ((bot_id, params),) = db.rows("SELECT bot_id, params FROM notice")
    assert bot_id == SERVICE_BOT
    assert '"words":"Big news"' in params and '"channels":"News"' in params and f'"version":"{post.version}"' in params


def test_an_owners_post_waits_for_nobody(who: Owner, news: Channel) -> None:
    post = submitted(who, news, may_publish=True)
    assert state(post) == "scheduled" and told() == []


def test_approved_it_goes_on_the_clock_by_the_approver_and_the_author_hears(
    who: Owner, news: Channel, editor: Owner
) -> None:
    post = submitted(editor, news)
    deciding.approve(who.workspace.id, post.public_id, post.version, user_id=who.user.id, now=clock.utcnow())
    assert state(post) == "scheduled" and actions(post) == [("publish", "waiting", None)]
    assert told()[-1] == (43, "approval_given")
    editor_, owner_ = f"user:{editor.user.id}", f"user:{who.user.id}"
    assert acts(post) == [
        (editor_, "proposed"),
        *((owner_, act) for act in ("approved", "written", "scheduled")),
    ]


def test_approving_twice_publishes_once(who: Owner, news: Channel, editor: Owner, line: ScriptedLine) -> None:
    now = clock.utcnow()
    post = submitted(editor, news, due_at=now)
    deciding.approve(who.workspace.id, post.public_id, post.version, user_id=who.user.id, now=now)
    with pytest.raises(Conflict, match="no longer waits"):
        deciding.approve(who.workspace.id, post.public_id, post.version, user_id=who.user.id, now=now)
    run_lane(line, run_s=1)
    assert line.texts == ["Hello"]


def test_words_that_changed_after_the_question_are_not_approved_by_it(who: Owner, news: Channel, editor: Owner) -> None:
    post = submitted(editor, news)
    seen = post.version
    kept = drafts.read(post.draft)
    other = drafts.read({**kept.to_doc(), "text": "Something else"})
    composing.save(who.workspace.id, post.public_id, seen, other, user_id=editor.user.id, now=clock.utcnow())
    with pytest.raises(Conflict, match="changed this post after you were asked"):
        deciding.approve(who.workspace.id, post.public_id, seen, user_id=who.user.id, now=clock.utcnow())
    assert state(post) == "proposed"


def test_without_the_version_the_changed_words_would_go_out(
    who: Owner, news: Channel, editor: Owner, line: ScriptedLine
) -> None:
    """The harm that the version prevents: whoever approves by what stands there now approves what nobody showed."""
    post = submitted(editor, news, due_at=clock.utcnow())
    other = drafts.read({**drafts.read(post.draft).to_doc(), "text": "Something else"})
    composing.save(who.workspace.id, post.public_id, post.version, other, user_id=editor.user.id, now=clock.utcnow())
    unseen = version(who, post.public_id)
    deciding.approve(who.workspace.id, post.public_id, unseen, user_id=who.user.id, now=clock.utcnow())
    run_lane(line, run_s=1)
    assert line.texts == ["Something else"]


def test_returned_it_is_a_draft_again_and_its_author_hears_why(who: Owner, news: Channel, editor: Owner) -> None:
    post = submitted(editor, news)
    deciding.give_back(
        *(who.workspace.id, post.public_id, post.version),
        comment=" Too long ",
        user_id=who.user.id,
        now=clock.utcnow(),
    )
    kept = writing.post_of(who.workspace.id, post.public_id)
    assert kept.state == "draft" and drafts.read(kept.draft).text == "Hello"
    assert told()[-1] == (43, "approval_returned")
    assert '"comment":"Too long"' in db.rows("SELECT params FROM notice ORDER BY id")[-1][0]
    assert acts(post)[-1] == (f"user:{who.user.id}", "returned")
    with pytest.raises(Conflict, match="no longer waits"):
        deciding.approve(who.workspace.id, post.public_id, kept.version, user_id=who.user.id, now=clock.utcnow())


def test_a_comment_has_an_end(who: Owner, news: Channel, editor: Owner) -> None:
    post = submitted(editor, news)
    with pytest.raises(Invalid, match="1000"):
        deciding.give_back(
            *(who.workspace.id, post.public_id, post.version),
            comment="x" * 1001,
            user_id=who.user.id,
            now=clock.utcnow(),
        )
    assert state(post) == "proposed"


def test_what_was_proposed_for_a_time_that_has_passed_is_not_sent_late(
    who: Owner, news: Channel, editor: Owner
) -> None:
    post = submitted(editor, news)
    late = clock.utcnow() + timedelta(hours=3)
    with pytest.raises(Invalid, match="has passed"):
        deciding.approve(who.workspace.id, post.public_id, post.version, user_id=who.user.id, now=late)
    assert state(post) == "proposed" and actions(post) == []
