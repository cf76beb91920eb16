"""`python -I read_journal.py journal.jsonl wanted.json`: what Telegram took, compared with what was to be published.

Standard library alone, and nothing of the product: it reads the simulator's journal and the list of (chat id, text).
Prints {"wanted", "published", "twice", "lost", "foreign"} in posts.
"""

import json
import sys
from collections import Counter
from pathlib import Path


def main(journal: str, wanted: str) -> dict[str, int]:
    asked = Counter((int(chat), str(text)) for chat, text in json.loads(Path(wanted).read_text()))
    taken: Counter[tuple[int, str]] = Counter()
    for line in Path(journal).read_text().splitlines():
        entry = json.loads(line)
        if entry["method"] != "sendMessage" or "refused" in entry:
            continue
        chat = int(entry["result"]["chat"]["id"])
        if chat < 0:
            taken[(chat, entry["result"]["text"])] += 1
    return {
        "wanted": sum(asked.values()),
        "published": sum(1 for key in asked if taken[key]),
        "twice": sum(count - 1 for key, count in taken.items() if key in asked and count > 1),
        "lost": sum(1 for key in asked if not taken[key]),
        "foreign": sum(count for key, count in taken.items() if key not in asked),
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:3])))
