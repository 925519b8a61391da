"""Changes that one person proposes and another decides about: what was proposed stays in the record as it was.

Proposals lie in the journal's database. That one is accepted is said by the change that names it and by nothing else,
so that both are there or neither is; that one is rejected is a row of its own. Nothing is ever altered or deleted.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from mskgraph.store import Patch

State = Literal["proposed", "accepted", "rejected"]

TABLES: Final = (
    """
CREATE TABLE proposal (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    author TEXT NOT NULL,
    time TEXT NOT NULL,
    message TEXT NOT NULL,
    base TEXT NOT NULL,
    patch TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT""",
    """
CREATE TABLE rejection (
    proposal INTEGER PRIMARY KEY,
    rejected_by TEXT NOT NULL,
    time TEXT NOT NULL,
    reason TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT""",
    *(
        f"CREATE TRIGGER {table}_no_{word} BEFORE {word} ON {table} BEGIN SELECT RAISE(ABORT, 'append only'); END"
        for table in ("proposal", "rejection")
        for word in ("update", "delete")
    ),
)
"""Statements that make the tables."""

_NOT_DAMAGE: Final = ("locked", "readonly", "full", "unable to open", "disk I/O", "append only", "too big")


@dataclass(frozen=True)
class Proposal:
    """A change that somebody proposes.

    :ivar number: from 1
    :ivar author: who proposes it
    :ivar message: why
    :ivar base: hash of the last change when it was made; empty if there was none
    :ivar time: when it was made, in UTC, as ISO 8601
    :ivar decided_by: who accepted or rejected it; empty as long as nobody did
    :ivar decided: when
    :ivar reason: why it was rejected
    :ivar change: hash of the change that it became
    """

    number: int
    author: str
    message: str
    patch: Patch
    base: str
    time: str
    state: State = "proposed"
    decided_by: str = ""
    decided: str = ""
    reason: str = ""
    change: str = ""


def sealed(*fields: str | int) -> str:
    """Return the SHA-256 over fields, each of them kept apart."""
    return hashlib.sha256(json.dumps(fields, ensure_ascii=True).encode()).hexdigest()


def tells_damage(error: Exception) -> bool:
    """Return whether an error of SQLite says that the database is not as it was written."""
    return not any(reason in str(error) for reason in _NOT_DAMAGE)


def last_number(database: sqlite3.Connection) -> int:
    """Return the number of the last proposal; 0 if there is none."""
    row = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'proposal'").fetchone()
    number = row[0] if row else 0
    if not isinstance(number, int):
        raise sqlite3.DatabaseError("the number of the last proposal is malformed")
    return number


def write(database: sqlite3.Connection, proposal: Proposal) -> None:
    """Write a proposal, and that it was rejected if it was."""
    made = (proposal.author, proposal.time, proposal.message, proposal.base, proposal.patch.text())
    seal = sealed(proposal.number, *made)
    database.execute("INSERT INTO proposal VALUES (?, ?, ?, ?, ?, ?, ?)", (proposal.number, *made, seal))
    if proposal.state == "rejected":
        write_rejection(database, proposal)


def write_rejection(database: sqlite3.Connection, proposal: Proposal) -> None:
    """Write by whom, when and why a proposal was rejected."""
    why = (proposal.number, proposal.decided_by, proposal.decided, proposal.reason)
    database.execute("INSERT INTO rejection VALUES (?, ?, ?, ?, ?)", (*why, sealed(*why)))


def waiting(database: sqlite3.Connection) -> list[int]:
    """Return the numbers of the proposals that nobody has decided about."""
    decided = "SELECT proposal FROM rejection UNION ALL SELECT proposal FROM change"
    return [number for (number,) in database.execute(f"SELECT number FROM proposal WHERE number NOT IN ({decided})")]


def read(database: sqlite3.Connection, numbers: Collection[int] | None = None) -> tuple[list[Proposal], bool]:
    """Return the proposals that are as they were written, by their numbers, and whether these are all there should be.

    :param numbers: of those wanted; all if not given
    """
    found: dict[int, Proposal] = {}
    whole = True

    def rows(columns: str, table: str, number: str) -> Iterator[tuple[Any, ...]]:
        nonlocal whole
        wanted = "TRUE" if numbers is None else f"{number} IN ({', '.join(map(str, numbers))})"
        for order in ("", " DESC"):  # from both ends, as far as a damaged page lets it
            query = f"SELECT {number}, {columns} FROM {table} WHERE {wanted} ORDER BY {number}{order}"
            try:
                yield from database.execute(query)
                return
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                if not tells_damage(error):
                    raise
                whole = False

    for number, *made, seal in rows("author, time, message, base, patch, hash", "proposal", "number"):
        if _is_sealed(seal, number, *made):
            author, time, message, base, text = made
            found[number] = Proposal(number, author, message, Patch.parse(text), base, time)
    for number, *why, seal in rows("rejected_by, time, reason, hash", "rejection", "proposal"):
        if number in found and _is_sealed(seal, number, *why):
            by, when, reason = why
            found[number] = replace(found[number], state="rejected", decided_by=by, decided=when, reason=reason)
        else:
            whole = False
    proposed = "(SELECT * FROM change WHERE proposal > 0)"
    for number, by, when, change in rows("accepted_by, time, hash", proposed, "proposal"):
        if number in found:
            found[number] = replace(found[number], state="accepted", decided_by=by, decided=when, change=change)
    try:
        last = last_number(database)
    except sqlite3.DatabaseError as error:
        if not tells_damage(error):
            raise
        last = -1
    expected = last if numbers is None else sum(number <= last for number in numbers)
    return [found[number] for number in sorted(found)], whole and len(found) == expected


def _is_sealed(seal: object, *fields: Any) -> bool:
    try:
        return seal == sealed(*fields)
    except TypeError:  # a value that is no text any more
        return False
