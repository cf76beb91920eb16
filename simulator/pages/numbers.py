"""Counters as t.me prints them in 2026: exact below 1,000, three significant digits above."""


def abbreviated(value: int) -> str:
    for unit, letter in ((1_000_000, "M"), (1_000, "K")):
        # 999,950 is shown as 1M: rounding may carry into the next unit.
        if value >= unit or (letter == "M" and value >= 999_500):
            return f"{three_digits(value / unit)}{letter}"
    return str(value)


def three_digits(value: float) -> str:
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02d}"
