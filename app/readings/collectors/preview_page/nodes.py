"""Looking into the page's tree; what is not there as expected becomes `LayoutChanged` naming the selector."""

from __future__ import annotations

import re
from typing import NoReturn

from selectolax.lexbor import LexborNode

from app.readings.collectors.base import LayoutChanged


def changed(selector: str, what: str) -> NoReturn:
    """Raise `LayoutChanged`; the message starts with the selector, so that whoever sees it knows where to look."""
    raise LayoutChanged(f"The preview page has changed: {selector} {what}.")


def required(node: LexborNode, selector: str, where: str) -> LexborNode:
    """Return the first match or raise `LayoutChanged`; `where` says in which post or part it was looked for."""
    found = node.css_first(selector)
    return found if found is not None else changed(selector, f"is missing in {where}")


def classes(node: LexborNode) -> frozenset[str]:
    return frozenset((node.attributes.get("class") or "").split())


def attribute(node: LexborNode, name: str) -> str:
    return node.attributes.get(name) or ""


def own_text(node: LexborNode) -> str:
    """Text of the node itself, without that of its child elements."""
    return node.text(deep=False)


def is_inside(node: LexborNode, names: frozenset[str], top: LexborNode) -> bool:
    """Whether an element between `node` and `top` (both excluded) carries one of the class names."""
    parent = node.parent
    while parent is not None and parent.mem_id != top.mem_id:
        if classes(parent) & names:
            return True
        parent = parent.parent
    return False


def visible_text(node: LexborNode) -> str:
    """Text as a reader sees it: <br> breaks lines, line breaks of the source do not, blank ends go."""
    return "".join(_pieces(node)).strip()


def _pieces(node: LexborNode) -> list[str]:
    pieces: list[str] = []
    for child in node.iter(include_text=True):
        if child.tag == "-text":
            pieces.append(re.sub(r"[ \t\r]*\n\s*", " ", child.text_content or ""))
        elif child.tag == "br":
            pieces.append("\n")
        else:
            pieces.extend(_pieces(child))
    return pieces
