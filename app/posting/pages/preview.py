"""The exact preview: the messages that Telegram will show, from the same parts that are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from markupsafe import Markup

from app.media.models import MediaFile
from app.posting.content import parts as messages
from app.posting.content import preview
from app.posting.content.blocks import Content, Media
from app.posting.pages.shapes import Preview, PreviewMedium, PreviewPart

UrlOf = Callable[[str], str]


def previews_of(
    base: Content,
    variants: Mapping[str, Content],
    titles: Mapping[str, str],
    *,
    files: Mapping[str, MediaFile],
    url_of: UrlOf,
) -> tuple[Preview, ...]:
    """The post as most channels get it, then as those do that have a text of their own. `url_of`: of a file's bytes."""
    shown = [("", base), *((titles.get(key, ""), content) for key, content in variants.items())]
    return tuple(Preview(title, tuple(_parts(content, files, url_of))) for title, content in shown)


def _parts(content: Content, files: Mapping[str, MediaFile], url_of: UrlOf) -> Iterable[PreviewPart]:
    html = Markup(preview.html(content.blocks))  # noqa: S704 - it escapes what people typed
    for part in messages.parts(content):
        yield PreviewPart(
            kind=part.kind,
            html=html if part.text else Markup(""),
            media=tuple(_medium(one, files, url_of) for one in part.media),
            poll=part.poll,
            buttons=part.buttons,
            preview=part.preview,
            is_silent=part.is_silent,
            is_protected=part.is_protected,
            preview_above=part.preview_above,
            caption_above=part.caption_above,
        )


def _medium(one: Media, files: Mapping[str, MediaFile], url_of: UrlOf) -> PreviewMedium:
    name = files[one.file].name if one.file in files else ""
    return PreviewMedium(one.kind, url_of(one.file), name, one.has_spoiler)


def files_in(*contents: Content) -> list[str]:
    """The public ids of all files in these posts."""
    return list(dict.fromkeys(one.file for content in contents for one in content.media))
