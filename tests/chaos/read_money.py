"""`python -I read_money.py payments.jsonl stripe.jsonl wanted.json`: what the gateways took, compared with what was due.

Standard library alone, and nothing of the product: it reads the simulators' journals and the list of (gateway, order,
amount). Prints {"wanted", "charged", "twice", "lost", "foreign", "wrong", "taken": {gateway: minor units}}.
"""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path


def main(payments: str, stripe: str, wanted: str) -> dict[str, object]:
    asked = {(gateway, order): amount for gateway, order, amount in json.loads(Path(wanted).read_text())}
    taken: Counter[tuple[str, str]] = Counter()
    sums: dict[str, int] = defaultdict(int)
    wrong = 0
    for gateway, order, amount in [*_lines(payments, ""), *_lines(stripe, "stripe")]:
        taken[(gateway, order)] += 1
        sums[gateway] += amount
        wrong += (gateway, order) in asked and asked[(gateway, order)] != amount
    return {
        "wanted": len(asked),
        "charged": sum(1 for key in asked if taken[key]),
        "twice": sum(count - 1 for key, count in taken.items() if key in asked and count > 1),
        "lost": sum(1 for key in asked if not taken[key]),
        "foreign": sum(count for key, count in taken.items() if key not in asked),
        "wrong": wrong,
        "taken": dict(sums),
    }


def _lines(path: str, gateway: str) -> list[tuple[str, str, int]]:
    """(gateway, order, amount) of each charge in a journal."""
    if not Path(path).exists():
        return []
    found = []
    for line in Path(path).read_text().splitlines():
        entry = json.loads(line)
        if entry.get("money") == "charge":
            order = entry["metadata"].get("order", "") if gateway == "stripe" else entry["order"]
            amount = entry["amount"] if gateway == "stripe" else entry["amount_minor"]
            found.append((gateway or entry["gateway"], order, int(amount)))
    return found


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:4])))
