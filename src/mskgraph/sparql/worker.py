"""The program's side of the process that runs strangers' queries: it starts it, asks it, and starts it again."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from mskgraph.errors import Busy, QueryStopped
from mskgraph.sparql import guard
from mskgraph.sparql.messages import Edit, End, Head, Inbox, Request, error_of, message
from mskgraph.store import NOTHING_ACCEPTED, Accepted, Answer

_PATIENCE: Final = 5.0  # seconds beyond a query's own deadline, after which its process is taken for lost
_PIECE: Final = 1 << 16
_TICK: Final = 0.5  # seconds after which who waits plainly is told so
_LAST: Final = 0.001


class Finished(NamedTuple):
    """A whole answer.

    :ivar answer: in the form asked for
    :ivar end: how many rows, and whether there are more
    :ivar seconds: from request to end
    """

    answer: Answer
    end: End
    seconds: float


class Reply:
    """An answer that is coming in: iterate over its parts, plainly or with ``async for``.

    To leave it before its end, close it: then the query is stopped.

    :ivar head: what kind of answer it is; known from the first part on
    :ivar end: how it ended; known after the last part
    :ivar waiting: called now and then with the seconds since the request, while nothing comes in and one waits plainly
    """

    def __init__(self, connection: socket.socket, timeout: float) -> None:
        self.head: Head | None = None
        self.end: End | None = None
        self.waiting: Callable[[float], object] = lambda _: None
        self._connection, self._timeout = connection, timeout
        self._inbox = Inbox()
        self._started = time.monotonic()

    def __iter__(self) -> Iterator[bytes]:
        while self.end is None:
            received = b""
            self._connection.settimeout(min(_TICK, self.seconds_left()))
            try:
                received = self._connection.recv(_PIECE)
            except TimeoutError:
                if self.seconds_left() > _LAST:
                    self.waiting(time.monotonic() - self._started)
                    continue
            yield from self._parts(received)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._connection.setblocking(False)
        loop = asyncio.get_running_loop()
        while self.end is None:
            received = b""
            with suppress(TimeoutError):
                async with asyncio.timeout(self.seconds_left()):
                    received = await loop.sock_recv(self._connection, _PIECE)
            for part in self._parts(received):
                yield part

    def seconds_left(self) -> float:
        """Return how many seconds are left until the process is taken for lost, more than none."""
        return max(self._started + self._timeout + _PATIENCE - time.monotonic(), _LAST)

    def _parts(self, received: bytes) -> Iterator[bytes]:
        if not received:
            raise self._stopped()
        for letter, content in self._inbox.messages(received):
            match letter:
                case b"H":
                    self.head = Head(**json.loads(content))
                case b"D":
                    yield content
                case b"E":
                    self.end = End(**json.loads(content))
                case _:
                    raise error_of(json.loads(content))

    def _stopped(self) -> QueryStopped:
        # The process was ended without a word: by its alarm, or before that by the engine, out of memory.
        if time.monotonic() - self._started >= self._timeout:
            return QueryStopped("time", f"The query was stopped after {self._timeout:g} s. Narrow it.")
        return QueryStopped("memory", guard.TOO_MUCH)

    def close(self) -> None:
        """Stop the query, if it still runs."""
        self._connection.close()

    def __enter__(self) -> Reply:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Worker:
    """Runs strangers' queries over one ontology in one store, several at once, apart from this process.

    Safe to share between threads. The process is started with the first query, or by :meth:`start`.

    :param files: of the ontology
    :param content: hash of these and of what was accepted
    :param url: of the store, as :func:`mskgraph.store.open_store` takes it
    :param accepted: changes on top of the files
    :param edits: whether it says what edits would change, in place of answering queries; it needs the files alone then
    """

    def __init__(
        self,
        files: Sequence[Path],
        content: str = "",
        url: str = "",
        accepted: Accepted = NOTHING_ACCEPTED,
        *,
        edits: bool = False,
    ) -> None:
        self._setup = {
            "files": [str(path) for path in files],
            "content": content,
            "url": url,
            "patch": accepted.patch.text(),
            "history": accepted.history(),
            "edits": edits,
        }
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(2 * (os.cpu_count() or 1))
        self._control: socket.socket | None = None
        self._end: weakref.finalize[Any, Worker] = weakref.finalize(self, lambda: None)

    def start(self) -> None:
        """Start the process and wait until it is ready.

        :raises MskGraphError: why it cannot be, such as a file that is not Turtle
        """
        with self._lock:
            self._running()

    def open(self, request: Request | Edit) -> Reply:
        """Begin to answer a request.

        :raises MskGraphError: if the process cannot be started; what is wrong with the query is told by the reply
        """
        try:
            return self._opened(request)
        except OSError:  # the process was ended from outside
            with self._lock:
                self._control = None
            return self._opened(request)

    def _opened(self, request: Request | Edit) -> Reply:
        ours, theirs = socket.socketpair()
        ours.settimeout(_PATIENCE)
        try:
            with theirs, self._lock:
                socket.send_fds(self._running(), [b"F"], [theirs.fileno()])
            ours.sendall(request.packed())
        except OSError:
            ours.close()
            raise
        return Reply(ours, request.timeout)

    def run(self, request: Request | Edit, waiting: Callable[[float], object] = lambda _: None) -> Finished:
        """Answer a request.

        :param waiting: called now and then with the seconds since the request; what it raises stops the query
        :raises QueryError: if the query cannot be run as written
        :raises PatchInvalid: if an edit would change what cannot be changed
        :raises QueryStopped: if it hits a limit
        :raises StoreError: if the store does not answer
        :raises Busy: if as many of these as the machine bears run already
        """
        started = time.monotonic()
        if not self._slots.acquire(timeout=_PATIENCE):
            raise Busy
        try:
            reply, body = self._read(request, waiting)
        except ConnectionResetError:  # the process was ended from outside, with the request unread
            with self._lock:
                self._control = None
            reply, body = self._read(request, waiting)
        finally:
            self._slots.release()
        assert reply.head is not None
        assert reply.end is not None
        return Finished(Answer(reply.head.kind, body), reply.end, time.monotonic() - started)

    def _read(self, request: Request | Edit, waiting: Callable[[float], object]) -> tuple[Reply, bytes]:
        with self.open(request) as reply:
            reply.waiting = waiting
            return reply, b"".join(reply)

    def close(self) -> None:
        """End the process, and with it all queries that it still runs."""
        with self._lock:
            self._control = None
            self._end()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _running(self) -> socket.socket:
        if self._control is None:
            self._end()
            ours, theirs = socket.socketpair()
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-m", "mskgraph.sparql.child", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
            self._end = weakref.finalize(self, _ended, process, ours)
            ours.sendall(message(b"S", json.dumps(self._setup).encode()))
            _await_ready(ours)
            self._control = ours
        return self._control


def _await_ready(control: socket.socket) -> None:
    inbox = Inbox()
    while received := control.recv(_PIECE):
        for letter, content in inbox.messages(received):
            if letter == b"X":
                raise error_of(json.loads(content))
            return
    raise QueryStopped("memory", "The process that runs queries ended as soon as it was started. Try again.")


def _ended(process: subprocess.Popen[bytes], control: socket.socket) -> None:
    control.close()  # which it takes for the end
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
