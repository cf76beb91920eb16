"""e3: how long a page takes while twenty files of 50 MB come in pieces, as the browser sends them, over the same server.

The senders are processes of their own. One that is told to come again (three pieces at a time are taken) waits as the
page's script does. Afterwards every file is there, and its bytes are those that were sent.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import httpx

from app.core import db
from app.media.service import fetched
from bench import stats
from bench.served import serve
from bench.world import World

_UPLOADS, _BYTES, _PIECE = 20, 50_000_000, 2 * 1024 * 1024
_QUIET, _PAUSE_S, _LIMIT_S = 100, 0.05, 0.4
_PROCESSES = 2
_WAITS_S = (0.3, 0.7, 1.5, 3.0, 5.0, 8.0, 10.0, 15.0, 20.0, 30.0)  # static/js/uploads.js
_PAGE = "/posts"


def rows(at: World, *, uploads: int = _UPLOADS, size: int = _BYTES) -> list[stats.Row]:
    """The bench's line: the page's p95 during the uploads, beside that without them."""
    at.enter()
    folder = at.path.parent
    environ = {"DATABASE_URL": f"sqlite:///{at.path}", "DATA_DIR": str(folder), "LOG_FORMAT": "json"}
    with serve("app.wsgi:app", environ) as server:
        address = f"http://127.0.0.1:{server.port}"
        quiet = list(_pages(address, at.token, count=_QUIET))
        began = time.perf_counter()
        with ProcessPoolExecutor(_PROCESSES, multiprocessing.get_context("spawn")) as senders:
            shares = [range(n, uploads, _PROCESSES) for n in range(_PROCESSES)]
            sent = [senders.submit(_share, address, at.token, list(share), size) for share in shares]
            busy = list(_pages(address, at.token, until=sent))
            digests = {digest for share in sent for digest in share.result()}
        took = time.perf_counter() - began
    at.enter()
    kept = {row[0] for row in db.rows("SELECT sha256 FROM media_file WHERE size = ?", size)}
    if kept != digests or len(kept) != uploads:
        raise RuntimeError(f"{len(kept & digests)} of {uploads} files are there")
    for sha256 in kept:
        path = fetched(folder, sha256)
        if path is None or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise RuntimeError("a file has other bytes than were sent")
    p95 = _p95(busy)
    detail = (
        f"{len(busy)} pages, p50 {stats.median(busy) * 1e3:.0f} ms; without uploads p50 {stats.median(quiet) * 1e3:.0f} ms,"
        f" p95 {_p95(quiet) * 1e3:.0f} ms; {uploads * size / 1e6 / took:.0f} MB/s in all"
    )
    what = f"page p95 while {uploads} uploads of {size / 1e6:.0f} MB come"
    return [stats.Row("e3", what, "the same page alone", f"{p95 * 1e3:.0f} ms", "<= 400 ms", p95 <= _LIMIT_S, detail)]


def _pages(
    address: str, token: str, *, count: int = 0, until: list[Future[list[str]]] | None = None
) -> Iterator[float]:
    """How long each page took, one after the other with a pause: so many, or as long as the uploads last."""
    with httpx.Client(base_url=address, headers={"X-Session": token}, timeout=60, trust_env=False) as client:
        while count > 0 if until is None else not all(one.done() for one in until):
            began = time.perf_counter()
            if client.get(_PAGE).status_code != 200:
                raise RuntimeError("the page was refused")
            yield time.perf_counter() - began
            count -= 1
            time.sleep(_PAUSE_S)


def _share(address: str, token: str, numbers: list[int], size: int) -> list[str]:
    """Send some of the files at once, in this process; returns the SHA-256 of each."""
    with ThreadPoolExecutor(len(numbers)) as pool:
        return list(pool.map(partial(_send, address, token, size), numbers))


def _send(address: str, token: str, size: int, number: int) -> str:
    """One file, piece by piece, no two files alike."""
    head = {"X-Session": token, "Tus-Resumable": "1.0.0"}
    digest = hashlib.sha256()
    with httpx.Client(base_url=address, headers=head, timeout=120, trust_env=False) as client:
        begun = client.post("/media/uploads", headers={"Upload-Length": str(size)})
        if begun.status_code != 201:
            raise RuntimeError(begun.text)
        url, offset = begun.headers["Location"], 0
        while offset < size:
            piece = (b"%d %d " % (number, offset)).ljust(64, b".") * (_PIECE // 64)
            piece = piece[: min(_PIECE, size - offset)]
            offset = _piece(client, url, offset, piece)
            digest.update(piece)
    return digest.hexdigest()


def _piece(client: httpx.Client, url: str, offset: int, piece: bytes) -> int:
    """One piece, as often as the server asks for it."""
    head = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    for wait_s in (*_WAITS_S, 0.0):
        answer = client.patch(url, content=piece, headers=head)
        if answer.status_code == 204:
            return int(answer.headers["Upload-Offset"])
        if answer.status_code != 503:
            raise RuntimeError(f"{answer.status_code}: {answer.text[:200]}")
        time.sleep(wait_s)
    raise RuntimeError("the server never had a place for it")


def _p95(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.95)]
