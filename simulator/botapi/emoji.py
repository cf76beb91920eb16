"""Sets of custom emoji and what single ones are."""

from simulator.botapi.errors import bad_request
from simulator.botapi.registry import Call, method
from simulator.content import Doc
from simulator.files import file_id

MOST_ASKED = 200  # custom_emoji_ids of getCustomEmojiStickers


@method("getStickerSet")
async def get_sticker_set(call: Call) -> object:
    found = call.world.emoji_sets.get(call.method.name.lower())
    if found is None:
        raise bad_request("STICKERSET_INVALID")
    kind = found.get("sticker_type", "custom_emoji")
    stickers = [_sticker(call, found, one) for one in found["emoji"]]
    return {"name": found["name"], "title": found["title"], "sticker_type": kind, "stickers": stickers}


@method("getCustomEmojiStickers")
async def get_custom_emoji_stickers(call: Call) -> object:
    wanted = call.method.custom_emoji_ids
    if len(wanted) > MOST_ASKED:
        raise bad_request("too many custom emoji identifiers specified")
    known = {
        one["id"]: _sticker(call, found, one) for found in call.world.emoji_sets.values() for one in found["emoji"]
    }
    return [known[emoji_id] for emoji_id in dict.fromkeys(wanted) if emoji_id in known]


def _sticker(call: Call, found: Doc, one: Doc) -> Doc:
    flags = {"type": found.get("sticker_type", "custom_emoji"), "is_animated": True, "is_video": False}
    ids = {"file_id": f"SIM-E{one['id']}", "file_unique_id": f"E{one['id']}", "custom_emoji_id": one["id"]}
    told = flags | ids | {"width": 100, "height": 100, "emoji": one["emoji"], "set_name": found["name"]}
    file = call.world.files.get(one.get("picture", ""))
    if file is None:
        return told
    small = {"file_id": file_id(call.bot.id, file), "file_unique_id": file["unique_id"]}
    return told | {"thumbnail": small | {"width": 32, "height": 32, "file_size": file["size"]}}
