"""An invisible mark in a picture: 48 bits that say which copy it is. Knows numpy and Pillow, and nothing of the product."""

from app.media.invisible.code import PAYLOAD_BITS
from app.media.invisible.mark import MIN_SIDE, Pixels, Reading, TooSmall, embed, read

__all__ = ["MIN_SIDE", "PAYLOAD_BITS", "Pixels", "Reading", "TooSmall", "embed", "read"]
