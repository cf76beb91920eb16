"""What survives kill -9: objects, answers by idempotency key, events still to send, and the journal, in SQLite."""

import json
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, kind TEXT, created INTEGER, doc TEXT);
CREATE INDEX IF NOT EXISTS by_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS by_customer ON objects (kind, json_extract(doc, '$.customer'), seq);
CREATE INDEX IF NOT EXISTS by_intent ON objects (kind, json_extract(doc, '$.payment_intent'), seq);
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, asked TEXT, status INTEGER, body TEXT, at INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (number INTEGER PRIMARY KEY, event TEXT, due REAL);
CREATE TABLE IF NOT EXISTS journal (number INTEGER PRIMARY KEY, is_money INTEGER, line TEXT);
CREATE TABLE IF NOT EXISTS faults (name TEXT PRIMARY KEY, value REAL) WITHOUT ROWID;
"""
Doc = dict[str, Any]
_A_DAY_S = 86_400  # how long Stripe remembers an idempotency key


class Store:
    """One connection; whoever answers a request commits first. The journal's file follows the committed table."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "stripe.sqlite3")
        self._db.execute("PRAGMA journal_mode=WAL")
        # Survives kill -9 of the process, which is all it must; only a power cut could lose the last commits.
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        self._path = folder / "stripe.jsonl"
        self._written = self._repair()
        self._file = self._path.open("a", encoding="utf-8")
        self._follow()

    def _repair(self) -> int:
        """Cut a line that was half written; the number of whole ones."""
        told = self._path.read_bytes() if self._path.exists() else b""
        whole = told[: told.rfind(b"\n") + 1]
        if whole != told:
            self._path.write_bytes(whole)
        return whole.count(b"\n")

    def _follow(self) -> None:
        query = "SELECT line FROM journal WHERE number > ? ORDER BY number"
        for (line,) in self._db.execute(query, (self._written,)).fetchall():
            self._file.write(line + "\n")
            self._written += 1
        self._file.flush()

    def commit(self) -> None:
        self._db.commit()
        self._follow()

    def rollback(self) -> None:
        self._db.rollback()

    def close(self) -> None:
        self._db.close()
        self._file.close()

    def put(self, doc: Doc) -> Doc:
        """Insert or replace; the place among the others of its kind stays."""
        row = (doc["id"], doc["object"], doc["created"], json.dumps(doc, ensure_ascii=False))
        self._db.execute(
            "INSERT INTO objects (id, kind, created, doc) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET doc = excluded.doc",
            row,
        )
        return doc

    def get(self, id_: str) -> Doc | None:
        row = self._db.execute("SELECT doc FROM objects WHERE id = ?", (id_,)).fetchone()
        return None if row is None else json.loads(row[0])

    def page(
        self, kind: str, where: Doc, created: Sequence[tuple[str, int]], after: str | None, limit: int
    ) -> tuple[list[Doc], bool]:
        """(the newest first, is there more). Names in `where` and signs in `created` come from constants of ours."""
        parts, values = ["kind = ?"], [kind]
        for name, value in where.items():
            parts.append(f"json_extract(doc, '$.{name}') = ?")
            values.append(value)
        for sign, moment in created:
            parts.append(f"created {sign} {moment}")
        if after is not None:
            parts.append("seq < (SELECT seq FROM objects WHERE id = ?)")
            values.append(after)
        query = f"SELECT doc FROM objects WHERE {' AND '.join(parts)} ORDER BY seq DESC LIMIT {limit + 1}"
        found = [json.loads(doc) for (doc,) in self._db.execute(query, values)]
        return found[:limit], len(found) > limit

    def overdue_sessions(self, now: int) -> list[Doc]:
        query = (
            "SELECT doc FROM objects WHERE kind = 'checkout.session' AND json_extract(doc, '$.status') = 'open'"
            " AND json_extract(doc, '$.expires_at') <= ?"
        )
        return [json.loads(doc) for (doc,) in self._db.execute(query, (now,)).fetchall()]

    def answer(self, key: str) -> tuple[str, int, str] | None:
        """(what was asked, status, body) of the request that first used this key."""
        query = "SELECT asked, status, body FROM answers WHERE key = ? AND at > ?"
        row = self._db.execute(query, (key, int(time.time()) - _A_DAY_S)).fetchone()
        return None if row is None else (row[0], row[1], row[2])

    def keep_answer(self, key: str, asked: str, status: int, body: str) -> None:
        row = (key, asked, status, body, int(time.time()))
        self._db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", row)

    def queue(self, event: str, delay_s: float = 0) -> None:
        self._db.execute("INSERT INTO deliveries (event, due) VALUES (?, ?)", (event, time.time() + delay_s))

    def queue_all(self) -> int:
        query = "INSERT INTO deliveries (event, due) SELECT id, ? FROM objects WHERE kind = 'event' ORDER BY seq"
        return self._db.execute(query, (time.time(),)).rowcount

    def due(self) -> list[tuple[int, str]]:
        query = "SELECT number, event FROM deliveries WHERE due <= ? ORDER BY number LIMIT 100"
        return self._db.execute(query, (time.time(),)).fetchall()

    def delivered(self, number: int) -> None:
        self._db.execute("DELETE FROM deliveries WHERE number = ?", (number,))

    def retry(self, number: int, delay_s: float) -> None:
        self._db.execute("UPDATE deliveries SET due = ? WHERE number = ?", (time.time() + delay_s, number))

    def note(self, **facts: Any) -> None:
        """A line of the journal, written with the next commit."""
        line = json.dumps({"at_ms": int(time.time() * 1000), **facts}, ensure_ascii=False)
        self._db.execute("INSERT INTO journal (is_money, line) VALUES (?, ?)", ("money" in facts, line))

    def money(self) -> list[Doc]:
        rows = self._db.execute("SELECT line FROM journal WHERE is_money ORDER BY number")
        return [json.loads(line) for (line,) in rows]

    def fault(self, name: str) -> float:
        row = self._db.execute("SELECT value FROM faults WHERE name = ?", (name,)).fetchone()
        return float(row[0]) if row else 0.0

    def set_fault(self, name: str, value: float) -> None:
        self._db.execute("INSERT OR REPLACE INTO faults VALUES (?, ?)", (name, value))

    def take_fault(self, name: str) -> bool:
        """One of the requests that shall go wrong is used up."""
        found = self.fault(name) >= 1
        if found:
            self.set_fault(name, self.fault(name) - 1)
        return found
