"""How 48 bits become bits that survive: a checksum that says whether they are right, a code that repairs them.

The code is the rate 1/3 convolutional code of constraint length 9 with generators 557, 663, 711 (octal), free distance 18
(J. Proakis, Digital Communications, 4th ed., table 8.2-2; 3GPP TS 25.212, 4.2.3.1 uses the same), decoded softly.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

PAYLOAD_BITS, CHECK_BITS = 48, 24
_MEMORY = 8
_STATES = 1 << _MEMORY
_GENERATORS = (0o557, 0o663, 0o711)
_STEPS = PAYLOAD_BITS + CHECK_BITS + _MEMORY  # zeros at the end bring the register back to its beginning
CODE_BITS = _STEPS * len(_GENERATORS)
_POLYNOMIAL, _START = 0x864CFB, 0xB704CE  # CRC-24 of OpenPGP (RFC 4880, 6.1): all zeros do not pass it

Floats = npt.NDArray[np.float64]


def checksum(payload: int) -> int:
    """24 bits over the payload's 48."""
    crc = _START
    for byte in payload.to_bytes(PAYLOAD_BITS // 8, "big"):
        crc ^= byte << 16
        for _ in range(8):
            crc = (crc << 1) ^ (_POLYNOMIAL if crc & 0x800000 else 0)
            crc &= 0xFFFFFF
    return crc


def encode(payload: int) -> Floats:
    """`CODE_BITS` signs, +1 for a zero. Raises ValueError unless 0 <= payload < 2**48."""
    if not 0 <= payload < 1 << PAYLOAD_BITS:
        raise ValueError(f"a payload has {PAYLOAD_BITS} bits")
    return _signs(payload << CHECK_BITS | checksum(payload))


def decode(softs: Floats) -> tuple[int, Floats] | None:
    """The payload whose signs agree best with `softs` (-1..1), and these signs; None when its checksum is wrong."""
    message = _best_path(softs.reshape(_STEPS, len(_GENERATORS)))
    return (message >> CHECK_BITS, _signs(message)) if is_intact(message) else None


def is_intact(message: int) -> bool:
    """Whether the checksum at its end is that of the payload before it: one in 16 million is by chance."""
    return message & ((1 << CHECK_BITS) - 1) == checksum(message >> CHECK_BITS)


def _signs(message: int) -> Floats:
    bits = [message >> n & 1 for n in reversed(range(PAYLOAD_BITS + CHECK_BITS))] + [0] * _MEMORY
    signs, outputs, state = [], _outputs(), 0
    for bit in bits:
        signs.append(outputs[state, bit])
        state = _next(state, bit)
    return np.concatenate(signs)


def _next(state: int, bit: int) -> int:
    return (state >> 1) | bit << (_MEMORY - 1)


@cache
def _outputs() -> Floats:
    """[state, bit] -> the three signs sent; the newest bit is the register's highest."""
    table = np.empty((_STATES, 2, len(_GENERATORS)))
    for state in range(_STATES):
        for bit in (0, 1):
            register = bit << _MEMORY | state
            table[state, bit] = [1 - 2 * ((register & g).bit_count() % 2) for g in _GENERATORS]
    return table


@cache
def _ways_in() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each state: the two states before it, and the bit that leads from them to it."""
    after = np.arange(_STATES)
    before = np.stack([(after << 1) & (_STATES - 1), ((after << 1) & (_STATES - 1)) | 1])
    return before, after >> (_MEMORY - 1)


def _best_path(softs: Floats) -> int:
    """Viterbi's algorithm from the zero state to the zero state; returns the message without the zeros at the end."""
    before, bit = _ways_in()
    steps = _outputs()[before, bit]  # [way, state, output]
    score = np.full(_STATES, -np.inf)
    score[0] = 0.0
    choices = np.empty((len(softs), _STATES), dtype=np.int64)
    for n, soft in enumerate(softs):
        candidates = score[before] + steps @ soft
        choices[n] = candidates.argmax(axis=0)
        score = candidates.max(axis=0)
    state, bits = 0, 0
    for n in reversed(range(len(softs))):
        bits |= int(bit[state]) << (len(softs) - 1 - n)
        state = int(before[choices[n, state], state])
    return bits >> _MEMORY
