"""After a downgrade the newest channels only read, unless others were chosen; with a late payment nothing goes out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.billing.service.limits import put_on_plan
from app.channels import queries
from app.channels.models import Channel
from app.channels.queries import OVER_PLAN, PAYMENT_LATE, why_not_post
from app.channels.service import keeping
from app.core import clock, db
from app.core.errors import Invalid, LimitReached
from app.posting.service import scheduling, sweeping
from tests.posting import authored
from tests.world import Owner, owned_channel, owner

BOT = 7


@pytest.fixture
def four(who: Owner) -> list[Channel]:
    """Four channels, connected one after the other."""
    now = clock.utcnow()
    made = [
        owned_channel(who, f"C{n}", telegram_chat_id=-500 - n, now=now + timedelta(seconds=n), bot_id=BOT)
        for n in range(4)
    ]
    authored.may_post(*made)
    return made


def _why(channels: list[Channel]) -> list[str]:
    found = why_not_post([channel.id for channel in channels], BOT, now=clock.utcnow())
    return [found.get(channel.id, "") for channel in channels]


def test_the_newest_channels_only_read_after_a_downgrade(who: Owner, four: list[Channel]) -> None:
    assert _why(four) == ["", "", "", ""]
    put_on_plan(who.workspace.id, "pro", now=clock.utcnow())
    assert _why(four) == ["", "", "", OVER_PLAN]
    put_on_plan(who.workspace.id, "free", now=clock.utcnow())
    assert _why(four) == ["", OVER_PLAN, OVER_PLAN, OVER_PLAN]
    assert _why(four[2:3]) == [OVER_PLAN], "asked alone it is the same"
    other = owned_channel(owner("Other", plan="free", now=clock.utcnow()), "O", telegram_chat_id=-9, now=clock.utcnow())
    authored.may_post(other)
    assert _why([other]) == [""], "each workspace counts its own"


def test_the_owner_chooses_which_stay(who: Owner, four: list[Channel]) -> None:
    put_on_plan(who.workspace.id, "free", now=clock.utcnow())
    here, now = who.workspace.id, clock.utcnow()
    keeping.keep(here, [four[2].public_id], user_id=who.user.id, now=now)
    assert _why(four) == [OVER_PLAN, OVER_PLAN, "", OVER_PLAN]
    assert keeping.standing(here, now=now) == {c.public_id: c is four[2] for c in four}
    keeping.keep(here, [four[3].public_id], user_id=who.user.id, now=now + timedelta(seconds=1))
    assert _why(four) == [OVER_PLAN, OVER_PLAN, OVER_PLAN, ""], "a new choice takes the place of the old one"
    with pytest.raises(LimitReached):
        keeping.keep(here, [four[0].public_id, four[1].public_id], user_id=who.user.id, now=now)
    with pytest.raises(Invalid):
        keeping.keep(here, ["A" * 22], user_id=who.user.id, now=now)
    assert _why(four)[3] == "", "what was refused changed nothing"


def test_what_was_scheduled_is_held_and_goes_on_after_an_upgrade(who: Owner, four: list[Channel]) -> None:
    when = clock.utcnow() + timedelta(hours=1)
    authored.scheduled(who, authored.text("kept"), four[0], at=when)
    authored.scheduled(who, authored.text("held"), four[3], at=when)
    put_on_plan(who.workspace.id, "free", now=clock.utcnow())
    assert sweeping.sweep(now=clock.utcnow()).blocked == 1
    held = db.rows("SELECT state, reason FROM due_action WHERE kind = 'publish' ORDER BY id")
    assert held == [("waiting", None), ("blocked", OVER_PLAN)]
    assert db.row("SELECT COUNT(*) FROM notice WHERE template = 'posts_over_plan'") == (1,)
    put_on_plan(who.workspace.id, "business", now=clock.utcnow())
    assert scheduling.resume(who.workspace.id, four[3].id, user_id=who.user.id, now=clock.utcnow()) == 1
    assert sweeping.sweep(now=clock.utcnow()).blocked == 0


def test_seven_days_late_nothing_goes_out(who: Owner, four: list[Channel]) -> None:
    now = clock.utcnow()
    with db.write():
        db.execute(
            "INSERT INTO billing_account (public_id, name, email, tax_id, timezone, created_at)"
            " VALUES ('a', 'a', '', '', 'UTC', ?)",
            db.stamp(now),
        )
        db.execute(
            "INSERT INTO subscription (public_id, workspace_id, account_id, plan, interval, gateway, currency, price_minor,"
            " discount_minor, timezone, state, anchor_index, period_index, is_ending, dunning_step, past_due_at, created_at)"
            " VALUES ('s', ?, 1, 'network', 'month', 'payme', 'UZS', 1, 0, 'UTC', 'past_due', 0, 0, ?, 0, ?, ?)",
            *(who.workspace.id, False, db.stamp(now - timedelta(days=7)), db.stamp(now)),
        )
    assert _why(four) == [PAYMENT_LATE] * 4
    assert queries.count_owned(who.workspace.id) == 4, "all are there, and collected"
    with db.write():
        db.execute("UPDATE subscription SET past_due_at = ?", db.stamp(now - timedelta(days=6)))
    assert _why(four) == [""] * 4
