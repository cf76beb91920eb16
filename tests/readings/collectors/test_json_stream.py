"""A large JSON object read part by part says what json.loads says."""

from __future__ import annotations

import io
import json

import pytest

from app.readings.collectors.imports import json_stream
from app.readings.collectors.imports.json_stream import NotAnObject, members

CONTENT = {"name": "Ё 🌅", "id": 1234567890, "messages": [{"id": n, "text": "x" * n} for n in range(9)], "z": [1, {}]}


@pytest.mark.parametrize("chunk", [1, 2, 7, 65536])
@pytest.mark.parametrize("indent", [None, 1])
def test_it_reads_what_json_reads_wherever_the_chunks_end(
    monkeypatch: pytest.MonkeyPatch, chunk: int, indent: int | None
) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    found = list(members(io.StringIO(json.dumps(CONTENT, ensure_ascii=False, indent=indent)), array="messages"))
    assert {name: value for name, number, value in found if number is None} == {
        name: value for name, value in CONTENT.items() if name != "messages"
    }
    assert [(number, value) for _, number, value in found if number] == list(enumerate(CONTENT["messages"], 1))  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "text", ["", "{", '{"a"}', '{"a": 1', '{"messages": [1, 2', '{"a": 1} x', "{1: 2}", '{"a": 1,, "b": 2}', "["]
)
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        list(members(io.StringIO(text), array="messages"))


def test_another_kind_of_json_is_told_apart() -> None:
    for text in ("[1]", "null", '"x"'):
        with pytest.raises(NotAnObject):
            list(members(io.StringIO(text), array="messages"))


def test_neither_depth_nor_length_of_a_part_takes_the_process_down(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="deep"):
        list(members(io.StringIO('{"a": ' + "[" * 200_000), array="messages"))
    monkeypatch.setattr(json_stream, "_LONGEST_PART", 1 << 17)
    with pytest.raises(ValueError, match="too long"):
        list(members(io.StringIO('{"a": "' + "x" * (1 << 20) + '"}'), array="messages"))
