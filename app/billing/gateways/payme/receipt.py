"""What Payme prints on a fiscal receipt (developer.help.paycom.uz, "detail", read 2026-11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.billing.gateways.base import Line


def receipt_of(lines: Sequence[Line], ikpu: str, package_code: str) -> dict[str, Any]:
    """The object `detail` of a sale; prices are in tiyin and include the tax."""
    items = [
        {
            "title": line.title,
            "price": line.amount_minor,
            "count": 1,
            "code": ikpu,
            "package_code": package_code,
            "vat_percent": line.tax_rate_bp // 100,
        }
        for line in lines
    ]
    return {"receipt_type": 0, "items": items}
