"""sendPoll with Telegram's limits."""

from typing import Any

from simulator.botapi.access import is_private
from simulator.botapi.delivery import deliver
from simulator.botapi.errors import bad_request
from simulator.botapi.formatting import utf16_length
from simulator.botapi.registry import Call, method
from simulator.botapi.texts import formatted
from simulator.content import Content, Doc

QUESTION_LIMIT, OPTION_LIMIT = 300, 100
FEWEST_OPTIONS, MOST_OPTIONS = 2, 12


@method("sendPoll", sends=True)
async def send_poll(call: Call) -> object:
    wanted = call.method
    is_anonymous = wanted.is_anonymous is not False
    if not is_anonymous and not is_private(call, wanted.chat_id):
        raise bad_request("non-anonymous polls can't be sent to channel chats")
    poll = _poll(wanted) | {"id": str(call.world.rng.randrange(10**17, 10**18)), "is_anonymous": is_anonymous}
    return deliver(call, [Content(media="poll", poll=poll)])[0]


def _poll(wanted: Any) -> Doc:
    question, entities = formatted(wanted.question, wanted.question_entities, wanted.question_parse_mode)
    _check_text(question, "question", QUESTION_LIMIT)
    options = [_option(option) for option in wanted.options]
    if len(options) < FEWEST_OPTIONS:
        raise bad_request(f"poll must have at least {FEWEST_OPTIONS} option")
    if len(options) > MOST_OPTIONS:
        raise bad_request(f"poll can't have more than {MOST_OPTIONS} options")
    poll: Doc = {
        "question": question,
        "question_entities": entities,
        "options": options,
        "allows_multiple_answers": bool(wanted.allows_multiple_answers),
        "is_closed": bool(wanted.is_closed),
    }
    return poll | (_quiz(wanted, len(options)) if wanted.type == "quiz" else {})


def _option(option: Any) -> str:
    text, _ = (
        formatted(option, None, None)
        if isinstance(option, str)
        else formatted(option.text, option.text_entities, option.text_parse_mode)
    )
    _check_text(text, "options", OPTION_LIMIT)
    return text


def _check_text(text: str, what: str, most: int) -> None:
    if not text:
        raise bad_request(f"poll {what} must be non-empty")
    if utf16_length(text) > most:
        raise bad_request(f"poll {what} length must not exceed {most}")


def _quiz(wanted: Any, count: int) -> Doc:
    one = [] if wanted.correct_option_id is None else [wanted.correct_option_id]
    right = wanted.correct_option_ids or one
    if not right or not all(0 <= index < count for index in right):
        raise bad_request("wrong correct option ID specified")
    return {"type": "quiz", "correct_option_ids": right, "explanation": wanted.explanation}
