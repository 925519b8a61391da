"""Running queries that somebody else wrote: apart from this process, without network, with limits that hold.

The embedded engine cannot be interrupted, so each query runs in a forked child that is killed at its deadline. Linux on
x86-64 or ARM64 only: elsewhere the network cannot be shut off, and queries are refused rather than run unguarded.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import resource
import select
import signal
import struct
import time
from typing import Literal, NoReturn, cast

from mskgraph.errors import QueryError, QueryStopped
from mskgraph.store import Answer, Store

MEMORY = 500_000_000
"""Bytes a query may take beyond what the store itself holds."""

SIZE = 50_000_000
"""Bytes a result may have."""

_SOCKET_CALLS = {"x86_64": (41, 42), "aarch64": (198, 203)}  # numbers of socket(2) and connect(2)
_KINDS = ("select", "ask", "graph")


def run(store: Store, query: str, timeout: float = 10.0) -> Answer:
    """Answer a query in a child process that has no network, limited memory and a deadline.

    :param store: an embedded store; the child sees it as it is now
    :param query: SELECT, ASK, CONSTRUCT or DESCRIBE; updates and SERVICE are refused
    :param timeout: seconds until the child is killed
    :raises QueryError: if the query cannot be run as written
    :raises QueryStopped: if it hits a limit
    """
    if platform.system() != "Linux" or platform.machine() not in _SOCKET_CALLS:
        raise QueryError("Free queries need Linux on x86-64 or ARM64, where they can be shut off from the network.")
    # A thread that holds a lock at the moment of the fork would leave it locked in the child for ever.
    if len(os.listdir("/proc/self/task")) != 1:
        raise QueryError("A free query can only be run from a process with one thread.")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _answer_and_exit(store, query, timeout, writer)
    os.close(writer)
    try:
        body, stopped = _collect(reader, timeout)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
    if stopped == "time":
        raise QueryStopped("time", f"The query was stopped after {timeout:g} s. Narrow it, or raise --timeout.")
    if stopped == "size":
        raise QueryStopped("size", f"The result passed {SIZE // 1_000_000} MB and was stopped. Add a LIMIT.")
    return _decode(body)


def without_service(query: str) -> str:
    """Return the query so written that the engine cannot take any word in it for SERVICE.

    Oxigraph reads the escape ``\\u0073`` as the letter s inside strings and IRIs, but not inside a keyword.

    >>> without_service('SELECT * { SERVICE <http://x> {} }')
    'SELECT * { \\\\u0053ERVICE <http://x> {} }'
    """
    return re.sub(r"(?i)s(?=ervice)", lambda letter: f"\\u{ord(letter[0]):04x}", query)


def _answer_and_exit(store: Store, query: str, timeout: float, writer: int) -> NoReturn:
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the engine's last words when memory runs out
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(_message(store, query, timeout))
    finally:
        os._exit(0)  # whatever happens, a child never runs on with the code of its parent


def _message(store: Store, query: str, timeout: float) -> bytes:
    try:
        _limit(timeout)
        answer = store.answer(without_service(query))
        return bytes([_KINDS.index(answer.kind)]) + answer.body
    except QueryError as error:
        line, column = error.line or 0, error.column or 0
        reason, place = str(error), f"line {line}, column {column}"
        column = _column_as_written(query, line, column)
        reason = reason.replace(place, f"line {line}, column {column}", 1)
        if re.search(r"(?i)service", query):
            reason = f"SERVICE is not allowed, nor any name with those letters outside strings and IRIs. ({reason})"
        return b"\xff" + struct.pack("!ii", line, column) + reason.encode()
    except MemoryError:
        return b""
    except BaseException as error:
        return b"\xff" + struct.pack("!ii", 0, 0) + f"The query failed: {error!r}".encode()


def _column_as_written(query: str, line: int, column: int) -> int:
    """Return a column of :func:`without_service` as the column of what was written."""
    lines = query.split("\n")
    if not 1 <= line <= len(lines):
        return column
    for found in re.finditer(r"(?i)s(?=ervice)", lines[line - 1]):
        if found.start() + 1 < column:
            column = max(column - 5, found.start() + 1)
    return column


def _limit(timeout: float) -> None:
    with open("/proc/self/statm") as statm:
        used = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(timeout) + 1, int(timeout) + 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _shut_network()


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("value", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("start", ctypes.POINTER(_Instruction)))


def _shut_network() -> None:
    """Make socket(2) and connect(2) fail in this process, for good (seccomp, needs no privilege)."""
    load, equal, give = 0x20, 0x15, 0x06
    deny, allow = 0x00050001, 0x7FFF0000
    program = [_Instruction(load, 0, 0, 0)]
    for call in _SOCKET_CALLS[platform.machine()]:
        program += [_Instruction(equal, 0, 1, call), _Instruction(give, 0, 0, deny)]
    program.append(_Instruction(give, 0, 0, allow))
    code = _Program(len(program), (_Instruction * len(program))(*program))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, seccomp, filter_mode = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(seccomp, filter_mode, ctypes.byref(code), 0, 0):
        raise OSError(ctypes.get_errno(), "the network cannot be shut off")


def _collect(reader: int, timeout: float) -> tuple[bytes, Literal["", "time", "size"]]:
    deadline = time.monotonic() + timeout
    chunks: list[bytes] = []
    size = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            return b"", "time"
        chunk = os.read(reader, 1 << 20)
        if not chunk:
            return b"".join(chunks), ""
        chunks.append(chunk)
        size += len(chunk)
        if size > SIZE:
            return b"", "size"


def _decode(message: bytes) -> Answer:
    if not message:  # the child died without a word: the engine aborts when memory runs out
        raise QueryStopped("memory", f"The query needed more than {MEMORY // 1_000_000} MB and was stopped. Narrow it.")
    if message[0] == 0xFF:
        line, column = struct.unpack("!ii", message[1:9])
        raise QueryError(message[9:].decode(), line or None, column or None)
    return Answer(cast(Literal["select", "ask", "graph"], _KINDS[message[0]]), message[1:])
