"""Media blocks of a preview post in t.me's markup of 2026."""

from html import escape

from simulator.model import Post
from simulator.pages.numbers import duration

IMAGE = "https://cdn4.telesco.pe/file/simulated.jpg"
FILM = "https://cdn1.telesco.pe/file/simulated.mp4"
STYLE = f"background-image:url('{IMAGE}')"


def source(post: Post, stand_in: str) -> str:
    """Where the bytes of an upload are; a stand-in on t.me's own hosts for media that have none."""
    return f"/_media/{post.file['unique_id']}" if post.file else stand_in


def picture(post: Post) -> str:
    return f"background-image:url('{source(post, IMAGE) if post.media == 'photo' else IMAGE}')"


def length(post: Post) -> str:
    return duration(int(post.file["duration"]) if post.file else 12 + post.message_id % 90)


def document_html(post: Post, url: str) -> str:
    name = str(post.file["name"]) if post.file else f"report-{post.message_id}.pdf"
    size = _size(int(post.file["size"])) if post.file else "1.2 MB"
    return (
        f'<a class="tgme_widget_message_document_wrap" href="{url}">'
        '<div class="tgme_widget_message_document"><div class="tgme_widget_message_document_icon accent_bg">'
        '</div><div class="tgme_widget_message_document_title accent_color" dir="auto">'
        f'{escape(name)}</div><div class="tgme_widget_message_document_extra" dir="auto">'
        f"{size}</div></div></a>"
    )


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{max(1, count // 1024)} KB"


def media_html(post: Post, url: str) -> str:
    match post.media:
        case "photo":
            return (
                f'<a class="tgme_widget_message_photo_wrap" href="{url}" style="width:800px;{picture(post)}">'
                '<div class="tgme_widget_message_photo" style="padding-top:75%"></div></a>'
            )
        case "video":
            return video_html(post, url)
        case "animation":
            return (
                f'<a class="tgme_widget_message_video_player js-message_video_player" href="{url}">'
                f'<video src="{source(post, FILM)}" autoplay loop muted'
                ' class="tgme_widget_message_video js-message_video"></video></a>'
            )
        case "document":
            return document_html(post, url)
        case "voice":
            return (
                f'<a class="tgme_widget_message_voice_player js-message_voice_player" href="{url}">'
                '<audio class="tgme_widget_message_voice js-message_voice"'
                ' src="https://cdn4.telesco.pe/file/simulated.ogg"></audio>'
                '<div class="tgme_widget_message_voice_duration js-message_voice_duration">'
                f"<time>{duration(5 + post.message_id % 50)}</time></div></a>"
            )
        case "sticker":
            return (
                '<div class="tgme_widget_message_sticker_wrap media_supported_cont">'
                f'<a href="{url}"><i class="tgme_widget_message_sticker js-sticker_image"'
                f' style="{STYLE};width:256px"></i></a></div>'
            )
        case "poll":
            return poll_html(post)
    return ""


def video_html(post: Post, url: str) -> str:
    # The duration is a <time> of its own: readers must not take it for the date of the post.
    return (
        f'<a class="tgme_widget_message_video_player js-message_video_player" href="{url}">'
        f'<i class="tgme_widget_message_video_thumb" style="{STYLE}"></i>'
        '<div class="tgme_widget_message_video_wrap" style="width:1280px;padding-top:56.25%">'
        f'<video src="{source(post, FILM)}" class="tgme_widget_message_video js-message_video"'
        ' width="100%" height="100%"></video></div><div class="message_video_play js-message_video_play"></div>'
        '<time class="message_video_duration js-message_video_duration">'
        f"{length(post)}</time></a>"
    )


def poll_html(post: Post) -> str:
    poll = post.poll or {"question": "", "options": []}
    share = 100 // max(1, len(poll["options"]))
    kind = "Anonymous Quiz" if poll.get("type") == "quiz" else "Anonymous Poll"
    options = "".join(
        '<div class="tgme_widget_message_poll_option"><div class="tgme_widget_message_poll_option_percent">'
        f'{share}%</div><div class="tgme_widget_message_poll_option_value">'
        f'<div class="tgme_widget_message_poll_option_text" dir="auto">{escape(text)}</div></div></div>'
        for text in poll["options"]
    )
    return (
        '<div class="tgme_widget_message_poll js-poll">'
        f'<div class="tgme_widget_message_poll_question" dir="auto">{escape(poll["question"])}</div>'
        f'<div class="tgme_widget_message_poll_type">{kind}</div>'
        f'<div class="tgme_widget_message_poll_options">{options}</div></div>'
    )


def album_html(items: list[Post], base: str) -> str:
    if items[0].media == "document":  # files stand below each other, without a frame
        return "".join(document_html(item, f"{base}/{item.message_id}?single") for item in items)
    cells = "".join(
        f'<a class="tgme_widget_message_photo_wrap grouped_media_wrap blured js-message_photo"'
        f' style="left:0px;top:0px;width:225px;height:302px;{picture(item)}" data-ratio="0.75"'
        f' href="{base}/{item.message_id}?single"><div class="grouped_media_helper"></div></a>'
        if item.media == "photo"
        else f'<a class="tgme_widget_message_video_player grouped_media_wrap blured js-message_video_player"'
        f' href="{base}/{item.message_id}?single"><i class="tgme_widget_message_video_thumb" style="{STYLE}"></i>'
        f'<time class="message_video_duration js-message_video_duration">'
        f"{length(item)}</time></a>"
        for item in items
    )
    return (
        '<div class="tgme_widget_message_grouped_wrap js-message_grouped_wrap" data-margin-w="2"'
        ' data-margin-h="2" style="width:453px;"><div class="tgme_widget_message_grouped js-message_grouped"'
        ' style="padding-top:66.667%"><div class="tgme_widget_message_grouped_layer js-message_grouped_layer"'
        f' style="width:453px;height:302px">{cells}</div></div></div>'
    )
