"""A ratio with its interval as one line of a table: a bar from low to high, a tick at the value, a rule at one."""

from __future__ import annotations

import math

from markupsafe import Markup


def interval_chart(low: float, value: float, high: float, *, least: float, most: float) -> Markup:
    """Ratios on a logarithmic axis from `least` to `most`, all above zero. The table's own cells tell the numbers."""
    bottom, top = math.log(min(least, 0.99)), math.log(max(most, 1.01))

    def place(ratio: float) -> str:
        return f"{min(99.0, max(1.0, 1 + 98 * (math.log(ratio) - bottom) / (top - bottom))):.1f}"

    css = "t4" if high < 1 else "t2" if low > 1 else "t0"
    return Markup(
        '<svg class="interval" viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="base" d="M{place(1)} 0V16"/>'
        f'<path class="ln {css}" d="M{place(low)} 8H{place(high)}M{place(value)} 3V13"/></svg>'
    )
