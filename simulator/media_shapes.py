"""JSON of files and polls as Telegram words it."""

from simulator.content import Content, Doc
from simulator.files import file_id, photo_sizes


def media_json(content: Content, place: str, number: int, bot_id: int) -> Doc:
    """The media fields of a message as one bot sees it.

    A person's media in a scripted post have no bytes: they get plausible sizes and ids made of `place`.
    """
    if content.poll is not None and content.media == "poll":
        return {"poll": poll_json(content.poll, place.replace("x", ""))}
    if content.media is None:
        return {}
    spoiler = {"has_media_spoiler": True} if content.has_spoiler else {}
    if content.file is not None:
        return _kept(content.media, content.file, bot_id) | spoiler
    return _plausible(content.media, place, number) | spoiler


def _kept(media: str, file: Doc, bot_id: int) -> Doc:
    ids = {"file_id": file_id(bot_id, file), "file_unique_id": file["unique_id"]}
    if media == "photo":
        return {"photo": [_photo_size(file, bot_id, *size) for size in photo_sizes(file)]}
    told = {"file_name": file["name"], "mime_type": file["mime_type"], "file_size": file["size"]}
    if media == "document":
        return {"document": ids | told}
    sizes = {name: file.get(name, 0) for name in ("width", "height", "duration")}
    moving = {media: ids | sizes | told}
    return moving | ({"document": ids | told} if media == "animation" else {})


def _photo_size(file: Doc, bot_id: int, letter: str, width: int, height: int) -> Doc:
    scale = (width * height) / max(1, file["width"] * file["height"])
    return {
        "file_id": file_id(bot_id, file, letter),
        "file_unique_id": f"{file['unique_id']}{letter}",
        "width": width,
        "height": height,
        "file_size": max(1, round(file["size"] * scale)),
    }


def _scripted(place: str, suffix: str, **more: object) -> Doc:
    unique = f"U{place}{suffix}"
    return {"file_id": f"SIM-{unique}", "file_unique_id": unique, **more}


def _plausible(media: str, place: str, number: int) -> Doc:
    match media:
        case "photo":
            sizes = ((320, 240, "s"), (800, 600, "m"))
            return {"photo": [_scripted(place, s, width=w, height=h, file_size=w * h // 8) for w, h, s in sizes]}
        case "video":
            return {"video": _scripted(place, "v", width=1280, height=720, duration=12 + number % 90)}
        case "animation":
            animation = _scripted(place, "a", width=480, height=270, duration=4)
            return {"animation": animation, "document": _scripted(place, "a")}
        case "document":
            name = f"report-{number}.pdf"
            return {"document": _scripted(place, "d", file_name=name, mime_type="application/pdf", file_size=1258291)}
        case "voice":
            return {"voice": _scripted(place, "o", duration=5 + number % 50, mime_type="audio/ogg")}
        case "sticker":
            flags = {"is_animated": False, "is_video": False}
            return {"sticker": _scripted(place, "k", type="regular", width=512, height=512, emoji="👍", **flags)}
    return {}


def photo_json(place: str) -> list[Doc]:
    """A channel's own picture."""
    return [_scripted(place, "s", width=160, height=160), _scripted(place, "b", width=640, height=640)]


def poll_json(poll: Doc, fallback_id: str) -> Doc:
    options = [
        {"persistent_id": str(index), "text": text, "voter_count": 0, "text_entities": []}
        for index, text in enumerate(poll["options"])
    ]
    doc = {
        "id": poll.get("id", fallback_id),
        "question": poll["question"],
        "options": options,
        "total_voter_count": 0,
        "is_closed": bool(poll.get("is_closed")),
        "is_anonymous": bool(poll.get("is_anonymous", True)),
        "type": poll.get("type", "regular"),
        "allows_multiple_answers": bool(poll.get("allows_multiple_answers")),
        "allows_revoting": bool(poll.get("allows_revoting", True)),
        "members_only": False,
    }
    more = {name: poll[name] for name in ("question_entities", "correct_option_ids", "explanation") if poll.get(name)}
    return doc | more
