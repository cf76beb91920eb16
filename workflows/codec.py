"""What goes to Temporal is sealed with the service's master keys: its database, and whoever reads it, see ids of nobody.

The Web UI reads through our endpoint (app/admin/codec_views.py), which opens payloads for SuperAdmins only. Two things stay
plain: what ran before there was a codec, and what is written for the reader of the UI (summaries and details, which hold
words, ids and moments). ADR 15.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, PayloadCodec, default

from app.core.crypto import PayloadSeal, Sealer


class SealedPayloads(PayloadCodec):
    """Seals every payload, and opens those that are sealed."""

    def __init__(self, sealer: Sealer) -> None:
        self._seal = PayloadSeal(sealer)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            one if _is_for_the_reader(one) else self._of(*self._seal.close(dict(one.metadata), one.data))
            for one in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._of(*self._seal.open(dict(one.metadata), one.data)) for one in payloads]

    @staticmethod
    def _of(metadata: dict[str, bytes], data: bytes) -> Payload:
        return Payload(metadata=metadata, data=data)


def _is_for_the_reader(payload: Payload) -> bool:
    """A bare text is a summary; what workflows hand over are objects, and the UI's own questions are protobuf."""
    encoding = payload.metadata.get("encoding")
    return encoding == b"json/protobuf" or (encoding == b"json/plain" and payload.data.startswith(b'"'))


def sealed(sealer: Sealer) -> DataConverter:
    """The converter of everything of ours that talks to Temporal."""
    return dataclasses.replace(default(), payload_codec=SealedPayloads(sealer))
