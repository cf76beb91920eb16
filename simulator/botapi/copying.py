"""copyMessage and forwardMessage."""

from dataclasses import replace

from simulator.botapi.delivery import deliver
from simulator.botapi.errors import bad_request
from simulator.botapi.lookup import Message, readable_message
from simulator.botapi.registry import Call, method
from simulator.botapi.sending import with_caption
from simulator.model import Post
from simulator.shapes import origin_json


@method("copyMessage", sends=True)
async def copy_message(call: Call) -> object:
    wanted = call.method
    source = _source(call, "copy", "copied")
    content = replace(source.content(), forward_origin=None)
    if wanted.caption is not None and source.media not in (None, "poll"):
        content = with_caption(content, wanted)
    return {"message_id": deliver(call, [content])[0]["message_id"]}


@method("forwardMessage", sends=True)
async def forward_message(call: Call) -> object:
    source = _source(call, "forward", "forwarded")
    return deliver(call, [replace(source.content(), forward_origin=origin_json(call.world, source))])[0]


def _source(call: Call, verb: str, done: str) -> Message:
    wanted = call.method
    source = readable_message(call, wanted.from_chat_id, wanted.message_id, f"message to {verb} not found")
    if source.is_protected or (isinstance(source, Post) and source.service):
        raise bad_request(f"message can't be {done}")
    return source
