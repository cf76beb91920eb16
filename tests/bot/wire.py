"""Updates in Telegram's wire format, and a fake line to Telegram that is scripted, not mocked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from app.core.errors import Upstream
from app.telegram.port import BotIdentity, Keyboard, StarInvoice, StarTransaction

BOT_ID = 1000000001
CHAT_ID = -1001234567890
OTHER_CHAT_ID = -1009876543210
OWNER_ID = 501
STRANGER_ID = 502
NOON = 1795435200  # 2026-11-23T12:00:00Z

_ADMIN_FLAGS = (
    *("can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages", "can_manage_video_chats"),
    *("can_restrict_members", "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories"),
    *("can_edit_stories", "can_delete_stories", "can_send_welcome_messages", "can_post_messages", "can_edit_messages"),
)
Raw = dict[str, Any]


class FakeTelegram:
    """One bot's Telegram. `failures[method]` are raised one by one before the method answers."""

    def __init__(self) -> None:
        self.waiting: list[Raw] = []
        self.statuses: dict[tuple[int, int], str] = {}
        self.counts: dict[int, int] = {}
        self.sent: list[tuple[int, str]] = []
        self.keyboards: list[list[list[tuple[str, str]]]] = []
        self.answered: list[tuple[str, str]] = []
        self.menus: dict[str, dict[str, str]] = {}
        self.webhook: tuple[str, str] | None = None
        self.failures: dict[str, list[Upstream]] = defaultdict(list)
        self.offsets: list[int] = []
        self.invoices: list[StarInvoice] = []
        self.checkouts: list[tuple[str, str]] = []
        self.renewals: list[tuple[int, str, bool]] = []
        self.refunds: list[tuple[int, str]] = []
        self.transactions: list[StarTransaction] = []

    def me(self) -> BotIdentity:
        self._maybe_fail("me")
        return BotIdentity(BOT_ID, "TrueNumbersBot")

    def updates(self, *, offset: int, timeout_s: int) -> list[Raw]:
        self._maybe_fail("updates")
        self.offsets.append(offset)
        return [u for u in self.waiting if u["update_id"] >= offset]

    def set_webhook(self, url: str, *, secret: str, allowed: Sequence[str]) -> None:
        self._maybe_fail("set_webhook")
        self.webhook = (url, secret)

    def delete_webhook(self) -> None:
        self.webhook = None

    def member_status(self, chat_id: int, user_id: int) -> str:
        self._maybe_fail("member_status")
        return self.statuses.get((chat_id, user_id), "left")

    def member_count(self, chat_id: int) -> int:
        self._maybe_fail("member_count")
        return self.counts[chat_id]

    def send_message(self, chat_id: int, text: str, *, keyboard: Keyboard = ()) -> int:
        self._maybe_fail("send_message")
        self.sent.append((chat_id, text))
        self.keyboards.append([[(b.text, b.data or b.web_app) for b in row] for row in keyboard])
        return len(self.sent)

    def answer_callback(self, callback_id: str, text: str = "") -> None:
        self._maybe_fail("answer_callback")
        self.answered.append((callback_id, text))

    def create_invoice_link(self, invoice: StarInvoice) -> str:
        self._maybe_fail("create_invoice_link")
        self.invoices.append(invoice)
        return f"https://t.me/$invoice{len(self.invoices)}"

    def answer_pre_checkout(self, query_id: str, refusal: str = "") -> None:
        self._maybe_fail("answer_pre_checkout")
        self.checkouts.append((query_id, refusal))

    def stop_star_renewal(self, user_id: int, charge_id: str, *, is_stopped: bool) -> None:
        self._maybe_fail("stop_star_renewal")
        self.renewals.append((user_id, charge_id, is_stopped))

    def refund_stars(self, user_id: int, charge_id: str) -> None:
        self._maybe_fail("refund_stars")
        self.refunds.append((user_id, charge_id))

    def star_transactions(self, *, offset: int) -> list[StarTransaction]:
        self._maybe_fail("star_transactions")
        return self.transactions[offset : offset + 100]

    def set_commands(self, commands: Sequence[tuple[str, str]], *, language: str) -> None:
        self._maybe_fail("set_commands")
        self.menus[language] = dict(commands)

    def _maybe_fail(self, method: str) -> None:
        if self.failures[method]:
            raise self.failures[method].pop(0)


def chat(chat_id: int = CHAT_ID) -> Raw:
    return {"id": chat_id, "type": "channel", "title": "Field Notes", "username": f"field_notes{-chat_id % 97}"}


def person(user_id: int, *, is_bot: bool = False) -> Raw:
    return {"id": user_id, "is_bot": is_bot, "first_name": "Aziza", "language_code": "uz"}


def post(update_id: int, message_id: int, *, chat_id: int = CHAT_ID, kind: str = "channel_post", **content: Any) -> Raw:
    body = {"message_id": message_id, "date": NOON, "chat": chat(chat_id), **(content or {"text": "Hello 👋"})}
    return {"update_id": update_id, kind: body}


def reactions(update_id: int, message_id: int, counts: dict[str, int], *, at: int = NOON + 60) -> Raw:
    listed = [{"type": _reaction(name), "total_count": count} for name, count in counts.items()]
    body = {"chat": chat(), "message_id": message_id, "date": at, "reactions": listed}
    return {"update_id": update_id, "message_reaction_count": body}


def _reaction(name: str) -> Raw:
    if name == "paid":
        return {"type": "paid"}
    if name.startswith("custom:"):
        return {"type": "custom_emoji", "custom_emoji_id": name.removeprefix("custom:")}
    return {"type": "emoji", "emoji": name}


def member(update_id: int, user_id: int, was: str, now_is: str, *, invite_link: str | None = None) -> Raw:
    body = {"chat": chat(), "from": person(user_id), "date": NOON + 5}
    body |= {"old_chat_member": {"status": was, "user": person(user_id)}}
    body |= {"new_chat_member": {"status": now_is, "user": person(user_id)}}
    if invite_link:
        link = {"invite_link": invite_link, "creator": person(OWNER_ID), "creates_join_request": False}
        body["invite_link"] = link | {"is_primary": False, "is_revoked": False}
    return {"update_id": update_id, "chat_member": body}


def standing(
    update_id: int,
    *,
    by: int = OWNER_ID,
    was: str = "left",
    now_is: str = "administrator",
    chat_id: int = CHAT_ID,
    at: int = NOON,
    **rights: bool,
) -> Raw:
    body = {"chat": chat(chat_id), "from": person(by), "date": at}
    body |= {"old_chat_member": _bot(was, {}), "new_chat_member": _bot(now_is, rights)}
    return {"update_id": update_id, "my_chat_member": body}


def _bot(status: str, rights: dict[str, bool]) -> Raw:
    found: Raw = {"status": status, "user": person(BOT_ID, is_bot=True)}
    if status == "administrator":
        found |= dict.fromkeys(_ADMIN_FLAGS, True) | rights
    return found | ({"until_date": 0} if status == "kicked" else {})


def said(update_id: int, text: str, *, by: int = OWNER_ID) -> Raw:
    body = {
        "message_id": update_id,
        "date": NOON,
        "chat": {"id": by, "type": "private"},
        "from": person(by),
        "text": text,
    }
    return {"update_id": update_id, "message": body}


def pressed(update_id: int, data: str, *, by: int = OWNER_ID) -> Raw:
    body = {"id": f"press{update_id}", "from": person(by), "chat_instance": "1", "data": data}
    return {"update_id": update_id, "callback_query": body}
