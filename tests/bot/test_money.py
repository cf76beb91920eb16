"""/myplan and /paysupport: the page's own figures, to those who may see money."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.accounts.models import User, Workspace
from app.accounts.service import people
from app.billing.gateways.payme.link import Payme
from app.billing.service import orders, settling, subscriptions
from app.core import clock, db
from app.core.policy import Role
from app.core.settings import Settings
from bot import money
from tests.bot.conftest import Apply
from tests.bot.wire import OWNER_ID, said
from tests.world import Owner, owned_channel

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def aziza(owned: None) -> Owner:
    """Known from a channel of hers; on the free plan."""
    person: User = User.get(User.telegram_user_id == OWNER_ID)
    User.update(language="en").where(User.id == person.id).execute()
    workspace = Workspace.get_by_id(people.workspaces_of(person.id)[0][0])
    return Owner(User.get_by_id(person.id), workspace)


def _buy(who: Owner) -> str:
    settings = Settings(payme_merchant_id="m", payme_key=SecretStr("k"), _env_file=None)  # type: ignore[call-arg]
    now = clock.utcnow()
    order = orders.open_order(who.workspace.id, "pro", "month", Payme(settings), user_id=None, now=now)
    settling.settle(settling.begin(order.id, "1", now=now), now=now)
    return str(order.public_id)


def test_the_plan_and_what_is_used_of_it(aziza: Owner) -> None:
    text = money.plan(aziza.user, "", now=clock.utcnow()).text
    assert "Plan Free" in text and "Channels: 1 / 1" in text and "Posts a month: 0 / 30" in text
    public_id = _buy(aziza)
    owned_channel(aziza, "Second", telegram_chat_id=-777, now=clock.utcnow())
    text = money.plan(aziza.user, "", now=clock.utcnow()).text
    assert "Plan Pro" in text and "Paid until" in text and "Channels: 2 / 3" in text
    subscriptions.cancel(aziza.workspace.id, user_id=None, now=clock.utcnow())
    assert "It ends on" in money.plan(aziza.user, "", now=clock.utcnow()).text
    with db.write():
        late = db.stamp(clock.utcnow() - timedelta(days=2))
        db.execute("UPDATE subscription SET state = 'past_due', is_ending = ?, past_due_at = ?", False, late)
    assert "The payment is late" in money.plan(aziza.user, "", now=clock.utcnow()).text
    support = money.support(aziza.user, "", now=clock.utcnow()).text
    assert public_id in support and "UZS\u00a0125,000" in support and support.endswith("paid")


def test_an_editor_sees_no_money(aziza: Owner) -> None:
    public_id = _buy(aziza)
    editor = people.ensure_person(4711, name="Ed", language="en", timezone="UTC", now=clock.utcnow())
    for workspace_id, *_ in people.workspaces_of(editor.id):
        with db.write():
            db.execute("DELETE FROM membership WHERE workspace_id = ?", workspace_id)
    people.add_member(aziza.workspace.id, editor.id, Role.EDITOR, now=clock.utcnow())
    assert "see its plan" in money.plan(editor, "", now=clock.utcnow()).text
    assert public_id not in money.support(editor, "", now=clock.utcnow()).text


def test_the_commands_are_answered(apply: Apply, aziza: Owner) -> None:
    apply(said(91, "/myplan"), said(92, "/paysupport"))
    texts = [params for (params,) in db.rows("SELECT params FROM notice WHERE template = 'answer' ORDER BY id")]
    assert len(texts) == 2 and "Plan Free" in texts[0] and "payment went wrong" in texts[1]


def test_each_limit_that_a_plan_has_is_called_by_a_name_in_the_bot_and_on_the_page(aziza: Owner) -> None:
    keys = {str(key) for (key,) in db.rows("SELECT DISTINCT key FROM plan_limit")}
    page = (ROOT / "templates/billing/words.html").read_text()
    assert keys == set(money._LIMITS) and all(f"'{key}':" in page for key in keys)
    text = money.plan(aziza.user, "", now=clock.utcnow()).text
    assert "Megabytes of files: 0 / 1,000" in text and "Watermarks a month: 0 / 5" in text
