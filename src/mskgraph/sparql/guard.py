"""What keeps a stranger's query harmless: words that are not let through, and limits on the process that runs it."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import resource
import signal
from collections.abc import Iterable
from typing import Final

from mskgraph.errors import QueryError

MEMORY: Final = 500_000_000
"""Bytes a query may take beyond what the store itself holds."""

QUERY_SIZE: Final = 1_000_000
"""Bytes a query may have."""

TOO_MUCH: Final = f"The query needed more than {MEMORY // 1_000_000} MB and was stopped. Narrow it."
"""What is said when the process that runs a query dies before its time."""

TOO_DEEP: Final = "The query is nested too deeply."
"""What is said when it runs out of stack."""

_SERVICE = re.compile(r"(?i)s(?=ervice)")
_LOAD = re.compile(r"(?i)(?<![\w:?$@.\\-])l(?=oad)")  # not within a name, such as msk:overload

_SOCKET_CALLS = {"x86_64": (41, 42), "aarch64": (198, 203)}  # numbers of socket(2) and connect(2)
_NICENESS = 10  # a page that somebody waits for goes first


def too_large(size: int) -> str:
    """Return what is said when an answer passes its size in bytes."""
    return f"The result passed {size // 1_000_000} MB and was stopped. Add a LIMIT."


def check_machine() -> None:
    """Refuse to go on where the network cannot be shut off.

    :raises QueryError: on anything but Linux on x86-64 or ARM64
    """
    if platform.system() != "Linux" or platform.machine() not in _SOCKET_CALLS:
        raise QueryError("Free queries need Linux on x86-64 or ARM64, where they can be shut off from the network.")


def without_service(query: str) -> str:
    """Return the query so written that the embedded engine cannot take any word in it for SERVICE.

    Oxigraph reads the escape ``\\u0073`` as the letter s inside strings and IRIs, but not inside a keyword.

    >>> without_service('SELECT * { SERVICE <http://x> {} }')
    'SELECT * { \\\\u0053ERVICE <http://x> {} }'
    """
    return _SERVICE.sub(_escaped, query)


def without_load(update: str) -> str:
    """Return an update so written that the embedded engine can take no word in it for LOAD, nor for SERVICE.

    >>> without_load("LOAD <http://x> ; INSERT DATA { msk:overload msk:b 'load' }")
    "\\\\u004cOAD <http://x> ; INSERT DATA { msk:overload msk:b '\\\\u006coad' }"
    """
    return _LOAD.sub(_escaped, without_service(update))


def _escaped(letter: re.Match[str]) -> str:
    return f"\\u{ord(letter[0]):04x}"


def check_for_other_engines(query: str) -> None:
    """Refuse what another engine might take for a call of a server or of its own functions, wherever it stands.

    Engines may decode escapes before they look for keywords (SPARQL 1.1, section 19.2), so that is done here, too.

    :raises QueryError: if the query has the letters of SERVICE, or names a function of Virtuoso's

    >>> check_for_other_engines("SELECT * { \\\\u0053ervice <http://x> {} }")
    Traceback (most recent call last):
      ...
    mskgraph.errors.QueryError: SERVICE is not allowed, nor its letters anywhere else in a query for another engine.
    """
    decoded = re.sub(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))", _decoded, query)
    if re.search(r"(?i)service", decoded):
        raise QueryError("SERVICE is not allowed, nor its letters anywhere else in a query for another engine.")
    if re.search(r"(?i)\b(bif|sql)\s*:", decoded):
        raise QueryError("Functions that an engine has beyond SPARQL 1.1 (bif:, sql:) are not allowed.")


def _decoded(escape: re.Match[str]) -> str:
    code = int(escape[1] or escape[2], 16)
    return chr(code) if code < 0x110000 else escape[0]


def explained(error: QueryError, query: str) -> QueryError:
    """Return an error of the engine about :func:`without_service` as one about the query as it was written."""
    return _explained(error, query, {"SERVICE": _SERVICE})


def explained_update(error: QueryError, update: str) -> QueryError:
    """Return an error of the engine about :func:`without_load` as one about the update as it was written."""
    return _explained(error, update, {"SERVICE": _SERVICE, "LOAD": _LOAD})


def _explained(error: QueryError, query: str, forbidden: dict[str, re.Pattern[str]]) -> QueryError:
    line, column = error.line or 0, error.column or 0
    reason, place = str(error), f"line {line}, column {column}"
    column = _column_as_written(query, line, column, forbidden.values())
    reason = reason.replace(place, f"line {line}, column {column}", 1)
    words = [word for word, pattern in forbidden.items() if pattern.search(query)]
    if words and "cannot be read" in reason:
        word = " and ".join(words)
        reason = f"{word} is not allowed, nor any name with those letters outside strings and IRIs. ({reason})"
    return QueryError(reason, line or None, column or None)


def _column_as_written(query: str, line: int, column: int, escaped: Iterable[re.Pattern[str]]) -> int:
    lines = query.split("\n")
    if not 1 <= line <= len(lines):
        return column
    for start in sorted(found.start() for pattern in escaped for found in pattern.finditer(lines[line - 1])):
        if start + 1 < column:
            column = max(column - 5, start + 1)
    return column


def end_after(timeout: float) -> None:
    """Let this process end at its deadline, and yield to others until then.

    The alarm is the kernel's: it ends the process whatever the engine is busy with.

    :param timeout: seconds from now
    """
    os.nice(_NICENESS)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, timeout)


def end_with_parent() -> None:
    """Let this process be ended when the one that forked it ends."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL, 0, 0, 0)


def limit_memory() -> None:
    """Let this process take no more than :data:`MEMORY` beyond what it has now."""
    with open("/proc/self/statm") as statm:
        used = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("value", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("start", ctypes.POINTER(_Instruction)))


def shut_network() -> None:
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
