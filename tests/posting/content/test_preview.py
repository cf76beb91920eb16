"""The preview shows what will be sent, and nothing of what people type becomes markup of the page."""

from __future__ import annotations

import re
from html import unescape

from hypothesis import given, settings

from app.posting.content.markup import parse
from app.posting.content.preview import html
from app.posting.content.telegram import render
from app.posting.content.tree import Block
from tests.posting.content.trees import trees

TAG = re.compile(r"<[^<>]*>")
KNOWN = re.compile(
    r'</?(?:p|b|i|u|s|code|pre|blockquote|span|a)>|<p dir="auto">|<p class="blank">|<blockquote class="expandable">'
    r'|<span class="(?:spoiler|found-link)">|<span class="custom-emoji" data-emoji="\d+">|<code class="language-[^"<>]+">'
    r'|<a href="(?:https?|tg)://[^"<>]+" rel="noopener nofollow" target="_blank">'
)


@settings(max_examples=200, deadline=None)
@given(trees)
def test_the_preview_without_its_tags_is_the_text_that_is_sent(tree: tuple[Block, ...]) -> None:
    shown = html(tree)
    assert unescape(TAG.sub("", shown)) == render(tree).text
    assert "<" not in KNOWN.sub("", shown)


def test_each_look_has_its_tag() -> None:
    assert html(parse("**__++~~||x||~~++__**")) == (
        '<p dir="auto"><b><i><u><s><span class="spoiler">x</span></s></u></i></b></p>'
    )
    assert html(parse("a\n\n>>> q\n```py\n<x>\n```")) == (
        '<p dir="auto">a</p>\n<p class="blank"></p>\n<blockquote class="expandable"><p dir="auto">q</p></blockquote>\n'
        '<pre><code class="language-py">&lt;x&gt;</code></pre>'
    )


def test_a_link_is_one_link_across_its_marks() -> None:
    assert html(parse('[a **b**](https://a.uz/"x"&y)')) == (
        '<p dir="auto"><a href="https://a.uz/&quot;x&quot;&amp;y" rel="noopener nofollow" target="_blank">a <b>b</b></a></p>'
    )


def test_what_telegram_links_by_itself_is_coloured() -> None:
    assert html(parse("(https://a.uz/b), @durov #sale a@b.uz `#x`")) == (
        '<p dir="auto">(<span class="found-link">https://a.uz/b</span>), <span class="found-link">@durov</span>'
        ' <span class="found-link">#sale</span> a@b.uz <code>#x</code></p>'
    )
