"""What the simulated Payme and Click know of cards and money: kept in a file, so that a kill forgets nothing."""

import json
import secrets
import sqlite3
from pathlib import Path
from typing import Any

from simulator.payments.calls import Journal, now_ms

Doc = dict[str, Any]
GOOD, POOR, DEAD, BROKEN = "good", "poor", "dead", "broken"
_KINDS = {
    "8600495473316478": GOOD,
    "8600069195406311": GOOD,
    "8600000000000001": POOR,
    "3333336415804657": DEAD,
    "4444445987459073": DEAD,
    "8600143417770323": BROKEN,
}


class Book:
    """Cards by token, charges by number, and the faults that were asked for."""

    def __init__(self, state: Path | None, journal: Journal) -> None:
        if state is not None:
            state.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(state / "cards.sqlite3" if state else ":memory:", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("CREATE TABLE IF NOT EXISTS thing (kind TEXT, id TEXT, doc TEXT, PRIMARY KEY (kind, id))")
        self._journal = journal
        self.faults: Doc = {}
        self.ahead_ms = 0  # how far this clock is ahead of the machine's

    def now_ms(self) -> int:
        """The present of the gateways."""
        return now_ms() + self.ahead_ms

    def keep(self, kind: str, number: str, doc: Doc) -> Doc:
        """Write a thing down whole."""
        text = json.dumps(doc, ensure_ascii=False)
        self._db.execute("INSERT OR REPLACE INTO thing VALUES (?, ?, ?)", (kind, number, text))
        return doc

    def find(self, kind: str, number: str) -> Doc | None:
        found = self._db.execute("SELECT doc FROM thing WHERE kind = ? AND id = ?", (kind, number)).fetchone()
        return dict(json.loads(found[0])) if found else None

    def all(self, kind: str) -> list[Doc]:
        """All of a kind, in the order in which they came."""
        rows = self._db.execute("SELECT doc FROM thing WHERE kind = ? ORDER BY rowid", (kind,))
        return [dict(json.loads(text)) for (text,) in rows]

    def forget(self, kind: str, number: str) -> None:
        self._db.execute("DELETE FROM thing WHERE kind = ? AND id = ?", (kind, number))

    def new_card(self, gateway: str, number: str, *, is_verified: bool) -> Doc:
        """A card under a token of its gateway's."""
        plain = number.replace(" ", "")
        token = secrets.token_hex(24)
        card = {
            "token": token,
            "gateway": gateway,
            "shown": f"{plain[:6]}******{plain[-4:]}",
            "kind": _KINDS.get(plain, GOOD),
            "verified": is_verified,
        }
        return self.keep("card", token, card)

    def paid_by_payme(self, number: str, order: str, amount_minor: int) -> Doc:
        """Somebody paid by link: the transaction's number is that of the receipt."""
        receipt = {
            "_id": number,
            "state": 4,
            "amount": amount_minor,
            "create_time": self.now_ms(),
            "pay_time": self.now_ms(),
            "cancel_time": 0,
            "account": [{"name": "order_id", "value": order}],
            "description": "",
        }
        return self.keep("receipt", number, receipt)

    def paid_by_click(self, number: str, order: str, amount_minor: int) -> Doc:
        """Somebody paid by link, under the number that Click calls click_paydoc_id."""
        payment = {
            "payment_id": int(number),
            "mti": order,
            "amount_minor": amount_minor,
            "at_ms": self.now_ms(),
            "status": 2,
        }
        return self.keep("payment", number, payment)

    def moved(self, money: str, gateway: str, reference: str, order: str, amount_minor: int) -> None:
        """Money moved: a line of the journal, and one of the list."""
        facts = {
            "money": money,
            "gateway": gateway,
            "reference": reference,
            "order": order,
            "amount_minor": amount_minor,
        }
        self.keep("money", f"{money}:{gateway}:{reference}", {"at_ms": self.now_ms(), **facts})
        self._journal.write(**facts)

    def strikes(self, fault: str) -> bool:
        """Whether a fault that was asked for so many times is to happen now."""
        left = int(self.faults.get(fault, 0))
        if left > 0:
            self.faults[fault] = left - 1
        return left > 0
