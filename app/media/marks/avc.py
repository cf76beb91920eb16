"""The parameter sets of H.264 in an MP4's `avcC` box (ISO/IEC 14496-15, 5.3.3; ITU-T H.264, 7.3.2.1 and 7.3.2.2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

# box -> where its children begin, counted from its start
_WAY = {b"moov": 8, b"trak": 8, b"mdia": 8, b"minf": 8, b"stbl": 8, b"stsd": 16, b"avc1": 86}
_SPS_ID_AT, _PPS_ID_AT = 4, 1  # a set's id stands behind its header byte (and the profile's three)
_MOST_ID = 31
_MOST_INDEX = 64_000_000  # bytes; of a day's video


@dataclass(frozen=True, slots=True)
class Sets:
    """`head`: version, profile, level and the length of lengths; then sequence and picture sets, and what follows them."""

    head: bytes
    sequences: tuple[bytes, ...]
    pictures: tuple[bytes, ...]
    tail: bytes = b""

    def packed(self) -> bytes:
        first = self.head + bytes([0xE0 | len(self.sequences)]) + _listed(self.sequences)
        return first + bytes([len(self.pictures)]) + _listed(self.pictures) + self.tail

    def free_id(self) -> int | None:
        """The first id that no set has; None where all are taken or one cannot be read."""
        taken = {_id(one, _SPS_ID_AT) for one in self.sequences} | {_id(one, _PPS_ID_AT) for one in self.pictures}
        return None if None in taken else next((n for n in range(_MOST_ID) if n not in taken), None)


def sets_of(path: Path) -> Sets | None:
    """The sets of an MP4's first H.264 track; None where there is none."""
    start = _moov_at(path)
    with path.open("rb") as file:
        file.seek(start)
        found = _found(file.read(min(_MOST_INDEX, path.stat().st_size - start)))
    return None if found is None else _unpacked(found[1])


def add(path: Path, more: Sets) -> bool:
    """Add sets to an MP4 whose index stands behind its frames, so that nothing else moves; False where it does not fit."""
    start = _moov_at(path)
    with path.open("rb+") as file:
        file.seek(start)
        moov = bytearray(file.read())
        found = _found(bytes(moov))
        if found is None or start == 0:
            return False
        parents, content = found
        ours = _unpacked(content)
        both = Sets(ours.head, ours.sequences + more.sequences, ours.pictures + more.pictures, ours.tail).packed()
        for at in parents:
            struct.pack_into(">I", moov, at, struct.unpack_from(">I", moov, at)[0] + len(both) - len(content))
        at = parents[-1] + 8
        moov[at : at + len(content)] = both
        file.seek(start)
        file.write(moov)
    return True


def _moov_at(path: Path) -> int:
    """Where the index begins, if it is the last box; else 0."""
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            length, name = struct.unpack(">I4s", head[:8])
            length = struct.unpack(">Q", head[8:])[0] if length == 1 and len(head) == 16 else length
            if name == b"moov":
                return at if at + length == size else 0
            if length < 8:
                break
            at += length
    return 0


def _found(moov: bytes) -> tuple[list[int], bytes] | None:
    """Starts of the boxes on the way to avcC, itself the last, and its content."""
    return _below(moov, 0, len(moov), [])


def _below(content: bytes, at: int, end: int, parents: list[int]) -> tuple[list[int], bytes] | None:
    while at + 8 <= end:
        size, name = struct.unpack_from(">I4s", content, at)
        if size < 8 or at + size > end:
            return None
        if name == b"avcC":
            return [*parents, at], content[at + 8 : at + size]
        if name in _WAY and (found := _below(content, at + _WAY[name], at + size, [*parents, at])):
            return found
        at += size
    return None


def _unpacked(content: bytes) -> Sets:
    sequences, at = _taken(content, 6, content[5] & 31)
    pictures, at = _taken(content, at + 1, content[at])
    return Sets(content[:5], sequences, pictures, content[at:])


def _taken(content: bytes, at: int, count: int) -> tuple[tuple[bytes, ...], int]:
    found = []
    for _ in range(count):
        size = struct.unpack_from(">H", content, at)[0]
        found.append(content[at + 2 : at + 2 + size])
        at += 2 + size
    return tuple(found), at


def _listed(sets: tuple[bytes, ...]) -> bytes:
    return b"".join(struct.pack(">H", len(one)) + one for one in sets)


def _id(content: bytes, at: int) -> int | None:
    """An unsigned Exp-Golomb number (9.1); ids of up to 30 stand in nine bits."""
    bits = "".join(f"{byte:08b}" for byte in content[at : at + 2])
    zeros = len(bits) - len(bits.lstrip("0"))
    return int(bits[zeros : 2 * zeros + 1], 2) - 1 if 2 * zeros + 1 <= len(bits) else None
