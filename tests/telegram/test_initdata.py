"""Only what Telegram signed for this bot, lately, lets anybody in."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Unauthenticated
from app.telegram import initdata
from tests.conftest import NOW

TOKEN = "1000000001:test-token"


def signed(token: str = TOKEN, at: datetime = NOW, **fields: str) -> str:
    """Init data as Telegram's documentation describes it, made independently of the code under test."""
    user = json.dumps({"id": 42, "first_name": "Aziza", "language_code": "uz"})
    pairs = {"auth_date": str(int(at.timestamp())), "user": user, "query_id": "AAE", **fields}
    check = "\n".join(f"{k}={v}" for k, v in sorted(pairs.items()))
    secret = hmac.new(b"WebAppData", token.encode(), hashlib.sha256).digest()
    return urlencode(pairs | {"hash": hmac.new(secret, check.encode(), hashlib.sha256).hexdigest()})


def test_valid_data_say_who_came() -> None:
    launch = initdata.verify(signed(signature="x", start_param="ref1"), bot_token=TOKEN, now=NOW)
    assert (launch.telegram_user_id, launch.name, launch.language, launch.start_param) == (42, "Aziza", "uz", "ref1")


@given(st.permutations(range(4)))
def test_the_order_of_fields_does_not_matter(order: list[int]) -> None:
    pairs = parse_qsl(signed())
    shuffled = urlencode([pairs[n] for n in order])
    assert initdata.verify(shuffled, bot_token=TOKEN, now=NOW).telegram_user_id == 42


@given(st.integers(0, 500), st.characters(min_codepoint=33, max_codepoint=126))
def test_any_changed_character_is_refused(place: int, letter: str) -> None:
    text = signed()
    place %= len(text)
    changed = text[:place] + letter + text[place + 1 :]
    if sorted(parse_qsl(changed)) == sorted(parse_qsl(text)):
        return
    with pytest.raises(Unauthenticated):
        initdata.verify(changed, bot_token=TOKEN, now=NOW)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (signed(token="1:other-bot"), "bad_signature"),
        (signed(at=NOW - timedelta(minutes=6)), "stale"),
        (signed(at=NOW + timedelta(minutes=2)), "from_the_future"),
        (signed() + "&user=%7B%22id%22%3A1%7D", "duplicated_field"),
        (signed() + "&extra=1", "bad_signature"),
        ("", "bad_signature"),
        ("no pairs at all", "unreadable"),
        ("hash=00", "bad_signature"),
    ],
)
def test_wrong_data_are_refused(data: str, code: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        initdata.verify(data, bot_token=TOKEN, now=NOW)
    assert refusal.value.code == code


@pytest.mark.parametrize("user_id", [0, -5, 2**52, 10**30])
def test_a_signed_user_that_telegram_cannot_have_is_refused(user_id: int) -> None:
    with pytest.raises(Unauthenticated):
        initdata.verify(signed(user=json.dumps({"id": user_id})), bot_token=TOKEN, now=NOW)


@pytest.mark.parametrize(
    ("first", "shown"),
    [("\0Az\ud800iza ", "Aziza"), (" ", "Telegram user"), (7, "7"), ("👩‍💻", "👩‍💻")],
    ids=["unstorable", "blank", "a number", "joined"],
)
def test_odd_names_become_names_that_can_be_stored(first: object, shown: str) -> None:
    data = signed(user=json.dumps({"id": 42, "first_name": first}))
    assert initdata.verify(data, bot_token=TOKEN, now=NOW).name == shown
