"""The process that runs strangers' queries and edits: ``python -m mskgraph.sparql.child FD``.

It has one thread and holds the store, and forks itself once for each query: the embedded engine cannot be interrupted,
so the fork is what is ended at a limit, or when nobody waits for the answer any more. It ends with the program that
started it.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn, cast

import pyoxigraph

from mskgraph.errors import AnswerNotAcceptable, MskGraphError, PatchInvalid, QueryError, QueryStopped
from mskgraph.sparql import guard
from mskgraph.sparql.editing import Ground
from mskgraph.sparql.messages import RDF_PATCH, Edit, Inbox, Request, error_of, json_of, message
from mskgraph.store import (
    Accepted,
    EmbeddedStore,
    Patch,
    RemoteStore,
    Result,
    Store,
    StoreFolder,
    filled,
    kind_of,
    open_store,
)
from mskgraph.terms import PREFIXES

_NO_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")  # U+FFFE and U+FFFF are the last two
_HELD_BACK = 1 << 16  # bytes kept until they are many or all: until then an error can still take the answer's place


class Access(NamedTuple):
    """How a fork comes to its store: this process may hold none that brings threads along.

    :ivar open: gives it
    :ivar remote: whether another server answers the queries
    """

    open: Callable[[], Store]
    remote: bool = False


Evaluated = Callable[[bytes, "_Out"], dict[str, Any]]
"""Answers the content of a request, and says how the answer ended."""


def main(control: socket.socket) -> None:
    """Open the store that the program names, say so, and answer its requests until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the program, with which this one ends
    setup = json.loads(_received(control))
    try:
        guard.check_machine()
        evaluated = _prepared(setup)
    except MskGraphError as error:
        control.sendall(message(b"X", json_of(error)))
        return
    control.sendall(message(b"H", {}))
    _serve(control, evaluated)


def _prepared(setup: Mapping[str, Any]) -> Evaluated:
    """Return what answers a request in a fork, everything that it needs opened."""
    files = [Path(name) for name in setup["files"]]
    if setup["edits"]:
        return partial(_edited, Ground(files))
    accepted = Accepted(Patch.parse(setup["patch"]), lambda: setup["history"])
    return partial(_evaluated, _access(setup["url"], files, setup["content"], accepted))


def _access(url: str, files: list[Path], content: str, accepted: Accepted) -> Access:
    if not url:
        store = filled(files, accepted)
        store.load_history()  # once, not in each fork
        return Access(lambda: store)
    if url.startswith("file:"):
        _in_a_fork(lambda: open_store(url, files, content, accepted))  # fills it where that is needed
        return Access(StoreFolder.at(url).open)
    return Access(lambda: RemoteStore.at(url), remote=True)


def _in_a_fork(work: Callable[[], object]) -> None:
    """Do something in a child process, and raise here the error of ours that it raises."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        said = b""
        try:
            guard.end_with_parent()
            work()
        except MskGraphError as error:
            said = json.dumps(json_of(error)).encode()
        except BaseException as error:
            said = json.dumps(json_of(QueryError(f"The query failed: {error!r}"))).encode()
        finally:
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(said or b"{}")
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    if not said:
        raise QueryStopped("memory", guard.TOO_MUCH)
    if document := json.loads(said):
        raise error_of(document)


# The parent of the forks


def _serve(control: socket.socket, evaluated: Evaluated) -> None:
    waking, woken = socket.socketpair()
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, _Child] = {}  # by descriptor of the connection
    poll = select.epoll()
    poll.register(control, select.EPOLLIN)
    poll.register(waking, select.EPOLLIN)
    while True:
        events = {file for file, _ in poll.poll()}
        # In this order, since a connection that is closed gives its number to the next one that comes.
        for file in events & children.keys():  # nobody waits for this answer any more
            poll.unregister(file)
            os.kill(children[file].process, signal.SIGKILL)
        if waking.fileno() in events:
            waking.recv(4096)
            _bury(children, poll)
        if control.fileno() in events:
            connection = _next(control)
            if connection is None:
                break
            try:
                process = os.fork()
            except OSError:  # no room for another process: who asks sees the connection end
                connection.close()
                continue
            if process == 0:
                poll.close()
                for other in (control, waking, woken, *(child.connection for child in children.values())):
                    other.close()
                _answer_and_exit(connection, evaluated)
            children[connection.fileno()] = _Child(process, connection)
            poll.register(connection, select.EPOLLRDHUP)
    for child in children.values():
        os.kill(child.process, signal.SIGKILL)
    signal.set_wakeup_fd(-1)


class _Child(NamedTuple):
    """A fork, and its connection to who asks."""

    process: int
    connection: socket.socket


def _next(control: socket.socket) -> socket.socket | None:
    """Return the connection that the program sends; nothing if the program has ended."""
    while True:
        sent, files, _, _ = socket.recv_fds(control, 1, 1)
        if files:
            return socket.socket(fileno=files[0])
        if not sent:
            return None


def _bury(children: dict[int, _Child], poll: select.epoll) -> None:
    while True:
        try:
            dead, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not dead:
            return
        file = next(file for file, child in children.items() if child.process == dead)
        connection = children.pop(file).connection
        with suppress(FileNotFoundError):  # where the program hung up first
            poll.unregister(file)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSEGV:  # the engine ran out of stack
            with suppress(OSError):
                connection.send(message(b"X", json_of(QueryError(guard.TOO_DEEP))), socket.MSG_DONTWAIT)
        connection.close()  # the last one open: the program sees the end of the messages


# One fork


def _answer_and_exit(connection: socket.socket, evaluated: Evaluated) -> NoReturn:
    try:
        guard.end_with_parent()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the engine's last words when memory runs out
        _answer(connection, evaluated)
    except BrokenPipeError:
        pass
    finally:
        os._exit(0)  # whatever happens, a child never runs on with the code of its parent


def _answer(connection: socket.socket, evaluated: Evaluated) -> None:
    try:
        out = _Out(connection)
        end = evaluated(_received(connection), out)
        out.flush()
        connection.sendall(message(b"E", end))
    except MskGraphError as error:
        connection.sendall(message(b"X", json_of(error)))
    except MemoryError:
        pass  # ending without a word is understood
    except BrokenPipeError:
        raise
    except BaseException as error:
        connection.sendall(message(b"X", json_of(QueryError(f"The query failed: {error!r}"))))


def _edited(ground: Ground, content: bytes, out: _Out) -> dict[str, Any]:
    edit = Edit.unpacked(content)
    guard.end_after(edit.timeout)
    guard.shut_network()
    guard.limit_memory()
    out.begin(message(b"H", {"kind": "graph", "media": RDF_PATCH}), edit.size)
    try:
        out.write(ground.difference(edit).text().encode())
    except _Enough:
        raise PatchInvalid(
            f"What it would change has more than {edit.size // 1_000_000} MB. Send it in parts."
        ) from None
    return {"rows": None, "truncated": False}


def _evaluated(access: Access, content: bytes, out: _Out) -> dict[str, Any]:
    request = Request.unpacked(content)
    guard.end_after(request.timeout)
    if access.remote:
        _in_a_fork(lambda: _only_read(request))
        guard.check_for_other_engines(request.query)
        store = access.open()
        guard.limit_memory()
        return _written(store.evaluate(request.query, request.dataset), request, out)
    guard.shut_network()  # before threads of the engine may come to be, which would not be shut off
    store = access.open()
    guard.limit_memory()
    return _written(_guarded(store, request), request, out)


def _guarded(store: Store, request: Request) -> Result:
    try:
        return store.evaluate(guard.without_service(request.query), request.dataset)
    except QueryError as error:
        raise guard.explained(error, request.query) from None


def _only_read(request: Request) -> None:
    """Let the embedded engine read a query that is meant for another one, on nothing and under the same limits."""
    guard.end_after(request.timeout)
    guard.limit_memory()
    guard.shut_network()
    _guarded(EmbeddedStore(), request)


def _written(result: Result, request: Request, out: _Out) -> dict[str, Any]:
    """Write an answer in the form asked for, and return how it ended."""
    kind = kind_of(result)
    media = request.graph if kind == "graph" else request.table
    if media is None:
        raise AnswerNotAcceptable("a graph" if kind == "graph" else "a table")
    out.begin(message(b"H", {"kind": kind, "media": media}), request.size)
    truncated, rows = False, None
    file = cast("IO[bytes]", _Xml(out) if media.endswith("+xml") else out)
    try:
        if isinstance(result, pyoxigraph.QuerySolutions | pyoxigraph.QueryBoolean):
            if request.rows is not None and isinstance(result, pyoxigraph.QuerySolutions):
                result, rows, truncated = _first_rows(result, request.rows)
            form = pyoxigraph.QueryResultsFormat.from_media_type(media)
            result.serialize(file, form)
        else:
            if request.rows is not None:
                triples = list(islice(result, request.rows + 1))
                truncated = len(triples) > request.rows
                result = iter(triples[: request.rows])
                rows = min(len(triples), request.rows)
            if media == "application/rdf+xml":
                result = _nameable(result)
            pyoxigraph.serialize(result, file, pyoxigraph.RdfFormat.from_media_type(media), prefixes=PREFIXES)
    except _Enough:
        raise QueryStopped("size", guard.too_large(request.size)) from None
    except (ValueError, RuntimeError, OSError) as error:
        raise QueryError(f"The query failed: {error}") from None
    return {"rows": rows, "truncated": truncated}


def _first_rows(solutions: pyoxigraph.QuerySolutions, limit: int) -> tuple[pyoxigraph.QuerySolutions, int, bool]:
    """Return the first rows, how many they are, and whether there are more.

    They go through the one format that has a row in a line, so that the engine need not be asked for rows one by one.
    """
    lines = _Lines(limit)
    with suppress(_Enough):
        solutions.serialize(cast("IO[bytes]", lines), pyoxigraph.QueryResultsFormat.TSV)
    head, *rows = bytes(lines.text).split(b"\n")[:-1]
    first = b"\n".join([head, *rows[:limit], b""])
    again = pyoxigraph.parse_query_results(first, pyoxigraph.QueryResultsFormat.TSV)
    return cast("pyoxigraph.QuerySolutions", again), min(len(rows), limit), len(rows) > limit


class _Enough(Exception):
    """More was written than is wanted."""


class _Out:
    """Sends what is written to it, after a head; holds back the first part, as an error may still replace it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._left = connection, 0
        self._pending = bytearray()
        self._head = b""

    def begin(self, head: bytes, size: int) -> None:
        self._head, self._left = head, size

    def write(self, part: bytes) -> int:
        self._left -= len(part)
        if self._left < 0:
            raise _Enough
        self._pending += part
        if len(self._pending) >= _HELD_BACK:
            self.flush()
        return len(part)

    def flush(self) -> None:
        self._connection.sendall(self._head + message(b"D", bytes(self._pending)))
        self._head = b""
        self._pending.clear()


def _nameable(triples: Iterable[pyoxigraph.Triple]) -> Iterator[pyoxigraph.Triple]:
    """Yield triples whose properties can be names of elements, as RDF/XML writes them; the engine writes any."""
    for triple in triples:
        if not re.search(r"[^\W\d][\w.-]*$", triple.predicate.value):
            raise QueryError(f"RDF/XML cannot write the property <{triple.predicate.value}>. Ask for text/turtle.")
        yield triple


class _Xml:
    """Passes on what XML can hold: there are characters that it cannot, however they are written."""

    def __init__(self, out: _Out) -> None:
        self._out = out

    def write(self, part: bytes) -> int:
        if _NO_XML.search(part):
            raise QueryError("The answer holds a character that XML cannot hold. Ask for JSON, or for text/turtle.")
        return self._out.write(part)

    def flush(self) -> None:
        self._out.flush()


class _Lines:
    """Takes a header and so many lines, then refuses."""

    def __init__(self, count: int) -> None:
        self.text = bytearray()
        self._left = count + 1

    def write(self, part: bytes) -> int:
        self.text += part
        self._left -= part.count(b"\n")
        if self._left < 0:
            raise _Enough
        return len(part)

    def flush(self) -> None:
        pass


def _received(connection: socket.socket) -> bytes:
    """Return the content of the one message that comes in."""
    inbox = Inbox()
    while received := connection.recv(1 << 16):
        for found in inbox.messages(received):
            return found.content
    raise BrokenPipeError  # nobody is there any more


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
