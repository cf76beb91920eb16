"""Hypothesis strategies: trees as bad as people can make them, out of characters that break offsets and marks."""

from __future__ import annotations

from hypothesis import strategies as st

from app.posting.content.tree import Block, Button, Code, Content, Media, Options, Paragraph, Poll, Quote, Span

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
_WORDS = [
    "a", "Bo", "ў", "Oʻz", "1", "👍", FAMILY, "🇺🇿", "👍🏽", "❤️", "é", "n\u0303", "a\u030a", "שלום", "مرحبا", "\u200f", "\u200e\u200f",
    "\u202e", "\u200b", "\u00a0", " ", "  ", "\n", "\n\n", "\t", "\r\n", "\0", "\x1f", "\ud83d", "\udc4d", "𝔘",
    "*", "**", "***", "_", "__", "+", "++", "~~", "|", "||", "`", "``", "```", "\\", "\\\\", "[", "]", "](", "(", ")",
    ">", ">>", ">>>", "\n>", "\n```", "```py\n", "[x](https://a.uz)", "](emoji:1)", "http://a.b/c__d__e", "<b>", "&amp;",
]  # fmt: skip
texts = st.lists(st.sampled_from(_WORDS), max_size=6).map("".join)
links = st.sampled_from(
    [
        None,
        None,
        None,
        "https://a.uz/",
        "HTTP://A.uz",
        "https://a.uz/(b)\\c",
        "tg://resolve?domain=x",
        "mailto:a@b.c",
        "",
    ]
)
emoji = st.sampled_from([None, None, None, "5368324170671202286", "7", "x"])
marks = st.frozensets(st.sampled_from(["bold", "italic", "underline", "strike", "spoiler", "code"]), max_size=3)
spans = st.lists(st.builds(Span, texts, marks, links, emoji), max_size=4).map(tuple)
blocks_of = st.one_of(
    st.builds(Paragraph, spans),
    st.builds(Paragraph, spans),
    st.builds(Quote, spans, st.booleans()),
    st.builds(Code, texts, st.sampled_from(["", "py", "c++", "no such", "`"])),
)
trees: st.SearchStrategy[tuple[Block, ...]] = st.lists(blocks_of, max_size=4).map(tuple)
media = st.builds(
    Media, st.sampled_from(["photo", "video", "animation", "document"]), st.sampled_from("xyz"), st.booleans()
)
polls = st.builds(
    Poll, texts, st.lists(texts, max_size=4).map(tuple), st.booleans(), st.none() | st.integers(-1, 4), texts
)
buttons = st.builds(
    Button, texts, st.sampled_from(["https://a.uz", "tg://resolve?domain=x", "ftp://x", ""]), st.booleans()
)
options = st.builds(
    Options,
    is_silent=st.booleans(),
    is_protected=st.booleans(),
    pin=st.booleans(),
    preview=st.sampled_from(["auto", "off", "small", "large"]),
    caption_above=st.booleans(),
    signature=st.booleans(),
    text_apart=st.booleans(),
)
contents = st.builds(
    Content,
    trees,
    st.lists(media, max_size=3).map(tuple),
    st.none() | polls,
    st.lists(st.lists(buttons, max_size=3).map(tuple), max_size=3).map(tuple),
    options,
)
