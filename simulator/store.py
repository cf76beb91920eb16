"""What survives kill -9: documents, update queue, subscriber series and the journal in SQLite."""

import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TextIO

SCHEMA = """
CREATE TABLE IF NOT EXISTS docs (kind TEXT, key TEXT, doc TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS series (chat_id INTEGER, at INTEGER, value INTEGER);
CREATE TABLE IF NOT EXISTS updates (
    bot_id INTEGER, update_id INTEGER, chat_key INTEGER, at REAL, doc TEXT,
    PRIMARY KEY (bot_id, update_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, line TEXT);
"""
Doc = dict[str, Any]


class Store:
    """One connection; callers change memory first, then put, then commit before they answer."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(folder / "state.sqlite3")
        self.db.execute("PRAGMA journal_mode=WAL")
        # Survives kill -9 of the process, which is all it must; only a power cut could lose the last commits.
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.executescript(SCHEMA)
        self.journal_path = folder / "journal.jsonl"
        self.files = folder / "files"
        self._repair_journal()
        (last,) = self.db.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()
        self._last_seq = int(last)
        self._journal: TextIO = self.journal_path.open("a", encoding="utf-8")
        self._lines: list[str] = []

    def put(self, kind: str, key: object, doc: Doc) -> None:
        self.put_many(kind, [(key, doc)])

    def put_many(self, kind: str, items: Iterable[tuple[object, Doc]]) -> None:
        rows = ((kind, str(key), json.dumps(doc, ensure_ascii=False)) for key, doc in items)
        self.db.executemany("INSERT OR REPLACE INTO docs VALUES (?, ?, ?)", rows)

    def load(self, kind: str) -> Iterator[Doc]:
        for (text,) in self.db.execute("SELECT doc FROM docs WHERE kind = ?", (kind,)):
            yield json.loads(text)

    def get(self, kind: str, key: object) -> Doc | None:
        row = self.db.execute("SELECT doc FROM docs WHERE kind = ? AND key = ?", (kind, str(key))).fetchone()
        return None if row is None else json.loads(row[0])

    def add_series(self, rows: Iterable[tuple[int, int, int]]) -> None:
        self.db.executemany("INSERT INTO series VALUES (?, ?, ?)", rows)

    def load_series(self) -> list[tuple[int, int, int]]:
        return self.db.execute("SELECT chat_id, at, value FROM series ORDER BY rowid").fetchall()

    def add_updates(self, rows: Iterable[tuple[int, int, int, float, str]]) -> None:
        self.db.executemany("INSERT INTO updates VALUES (?, ?, ?, ?, ?)", rows)

    def drop_updates(self, bot_id: int, update_ids: Iterable[int]) -> None:
        rows = ((bot_id, update_id) for update_id in update_ids)
        self.db.executemany("DELETE FROM updates WHERE bot_id = ? AND update_id = ?", rows)

    def load_updates(self) -> list[tuple[int, int, int, float, str]]:
        query = "SELECT bot_id, update_id, chat_key, at, doc FROM updates ORDER BY bot_id, update_id"
        return self.db.execute(query).fetchall()

    def add_journal(self, entry: Doc) -> int:
        """Queue a journal entry; commit() makes it durable together with its effect."""
        self._last_seq += 1
        seq = self._last_seq
        line = json.dumps({"seq": seq, **entry}, ensure_ascii=False)
        self.db.execute("INSERT INTO journal VALUES (?, ?)", (seq, line))
        self._lines.append(line)
        return seq

    def journal_after(self, seq: int, limit: int = 10_000) -> list[Doc]:
        query = "SELECT line FROM journal WHERE seq > ? ORDER BY seq LIMIT ?"
        return [json.loads(line) for (line,) in self.db.execute(query, (seq, limit))]

    def write_file(self, digest: str, stream: IO[bytes]) -> None:
        """Bytes under their SHA-256; a name appears only when all of them are there."""
        path = self.files / digest
        if not path.exists():
            self.files.mkdir(exist_ok=True)
            part = path.with_suffix(".part")
            stream.seek(0)
            with part.open("wb") as file:
                shutil.copyfileobj(stream, file, 2**20)
            part.replace(path)

    def commit(self) -> None:
        self.db.commit()
        if self._lines:
            self._journal.write("".join(line + "\n" for line in self._lines))
            self._journal.flush()
            self._lines.clear()

    def wipe(self) -> None:
        for table in ("docs", "series", "updates", "journal"):
            self.db.execute(f"DELETE FROM {table}")
        self._lines.clear()
        self._last_seq = 0
        self._journal.truncate(0)
        shutil.rmtree(self.files, ignore_errors=True)

    def close(self) -> None:
        self.commit()
        self._journal.close()
        self.db.close()

    def _repair_journal(self) -> None:
        """Append what was committed but not yet written to the file when the process was killed."""
        raw = self.journal_path.read_bytes() if self.journal_path.exists() else b""
        whole = raw[: raw.rfind(b"\n") + 1]
        last = json.loads(whole.splitlines()[-1])["seq"] if whole else 0
        rows = self.db.execute("SELECT line FROM journal WHERE seq > ? ORDER BY seq", (last,)).fetchall()
        if rows or len(whole) != len(raw):
            missing = "".join(line + "\n" for (line,) in rows).encode()
            self.journal_path.write_bytes(whole + missing)
