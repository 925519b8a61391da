"""The journal of accepted changes: append-only, each change chained to the one before, safe from crashes.

An SQLite database under MSKGRAPH_HOME, which several processes may use at once. What was accepted is on disk before
anybody is told so (``synchronous=FULL``), and a change is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import platformdirs

from mskgraph.errors import JournalDamaged, JournalUnusable, PatchInvalid, StaleRevision
from mskgraph.store import Patch

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS change (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    author TEXT NOT NULL,
    time TEXT NOT NULL,
    message TEXT NOT NULL,
    undoes TEXT NOT NULL,
    patch TEXT NOT NULL,
    previous TEXT NOT NULL UNIQUE,
    hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON change BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON change BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""
_NOT_DAMAGE: Final = ("locked", "readonly", "full", "unable to open", "disk I/O", "append only", "UNIQUE", "too big")
_WAIT: Final = 30.0  # seconds for another process that is writing


@dataclass(frozen=True)
class Change:
    """An accepted change.

    :ivar author: who accepted it
    :ivar message: why
    :ivar patch: what it adds and removes
    :ivar time: when, in UTC, as ISO 8601
    :ivar undoes: hash of the change that it takes back; empty if none
    :ivar previous: hash of the change before; empty for the first
    :ivar number: from 1
    """

    author: str
    message: str
    patch: Patch
    time: str = ""
    undoes: str = ""
    previous: str = ""
    number: int = 0

    @property
    def hash(self) -> str:
        """SHA-256 over all of it but the number, the hash of the change before included."""
        fields = [self.previous, self.author, self.time, self.message, self.undoes, self.patch.text()]
        return hashlib.sha256(json.dumps(fields, ensure_ascii=True).encode()).hexdigest()


def home() -> Path:
    """Return the folder of what users write: ``MSKGRAPH_HOME``, or the platform's place for it."""
    given = os.environ.get("MSKGRAPH_HOME")
    return Path(given) if given else Path(platformdirs.user_data_dir("mskgraph"))


class Journal:
    """The changes accepted so far.

    :param path: of the database; made with the first change
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = home() / "journal.sqlite" if path is None else path

    def head(self) -> str:
        """Return the hash of the last change; empty if there is none.

        :raises JournalDamaged: if changes are missing, or it is no journal any more
        :raises JournalUnusable: if it cannot be read
        """
        number, known = self._told()
        if not self._exists():
            if number:
                raise JournalDamaged(self.path, 0)
            return ""
        try:
            with self._open() as database:
                row = database.execute(
                    "SELECT hash, number, (SELECT COUNT(*) FROM change) FROM change ORDER BY number DESC LIMIT 1"
                ).fetchone()
        except JournalDamaged:
            self.changes()  # says how much of it is intact
            raise
        head, last, count = row or ("", 0, 0)
        if count != last or last < number or (last == number and head != known):
            self.changes()
            raise JournalDamaged(self.path, 0)
        return str(head)

    def changes(self) -> list[Change]:
        """Return all changes, first to last.

        :raises JournalDamaged: if one is missing or not as it was written; the error has those before it
        :raises JournalUnusable: if it cannot be read
        """
        number, known = self._told()
        found: list[Change] = []
        columns = "number, author, time, message, undoes, patch, previous, hash"
        try:
            if self._exists():
                with self._open() as database:
                    for row in database.execute(f"SELECT {columns} FROM change ORDER BY number"):
                        change = _change_of(row)
                        before = found[-1].hash if found else ""
                        if change is None or change.previous != before or change.number != len(found) + 1:
                            raise JournalDamaged(self.path, len(found))
                        found.append(change)
                    if database.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                        raise JournalDamaged(self.path, len(found))
        except JournalDamaged as error:
            raise JournalDamaged(self.path, len(found), found) from error
        if len(found) < number or (number and found[number - 1].hash != known):
            raise JournalDamaged(self.path, min(len(found), number), found[:number])
        return found

    def _exists(self) -> bool:
        """Return whether anything may have been written yet."""
        try:
            if not self.path.exists():
                return False
            if self._told()[0]:
                return True
            # Whoever writes the first change makes the table; until then, and if that was ended, there is none.
            with self._open() as database:
                return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'change'").fetchone() is not None
        except PermissionError as error:
            raise JournalUnusable(self.path, error.strerror or "it may not be read") from None

    def _told(self) -> tuple[int, str]:
        """Return number and hash of the last change of which somebody was told, or of one before.

        A database that is cut short may look like one in which nothing was ever written.
        """
        try:
            number, _, known = self._tally.read_text("utf-8").strip().partition(" ")
            return int(number), known
        except (OSError, ValueError):
            return 0, ""

    def _tell(self, change: Change) -> None:
        """Write down which change was the last; it may lag behind, so nothing that fails here is told."""
        own = self._tally.with_name(f"{self._tally.name}.{os.getpid()}-{threading.get_ident()}")
        with suppress(OSError):
            own.write_text(f"{change.number} {change.hash}\n", "utf-8")
            own.replace(self._tally)

    @property
    def _tally(self) -> Path:
        return self.path.with_suffix(".last")

    def repair(self) -> Path:
        """Put a damaged journal aside, keep the changes that are intact, and return where it lies now.

        :raises PatchInvalid: if it is not damaged
        """
        try:
            self.changes()
        except JournalDamaged as damaged:
            intact = [change for change in damaged.changes if isinstance(change, Change)]
        else:
            raise PatchInvalid(f"The journal {self.path} is as it was written; there is nothing to repair.")
        draft = Journal(self.path.with_name("journal-part.sqlite"))
        draft.path.unlink(missing_ok=True)
        draft._tally.unlink(missing_ok=True)
        with draft.writing() as writing:
            for change in intact:
                writing.append(change, change.previous)
        number = sum(1 for _ in self.path.parent.glob("journal.damaged-*"))
        aside = self.path.with_name(f"journal.damaged-{number + 1}.sqlite")
        with suppress(FileNotFoundError):
            os.link(self.path, aside)
        # In this order there is at every moment a journal that is repaired, or known to be damaged.
        draft.path.replace(self.path)
        draft._tally.unlink(missing_ok=True)
        if intact:
            self._tell(intact[-1])
        else:
            self._tally.unlink(missing_ok=True)
        return aside

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Keep every other process from writing meanwhile.

        :raises JournalUnusable: if it cannot be written
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalUnusable(self.path, error.strerror or str(error)) from None
        with self._open() as database:
            database.executescript(_SCHEMA)
            database.execute("BEGIN IMMEDIATE")
            try:
                writing = Writing(database)
                yield writing
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
            if writing.last:
                self._tell(writing.last)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            database = sqlite3.connect(self.path, timeout=_WAIT, isolation_level=None)
            try:
                database.execute("PRAGMA synchronous = FULL")
                yield database
            finally:
                database.close()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if any(reason in str(error) for reason in _NOT_DAMAGE):
                raise JournalUnusable(self.path, str(error)) from None
            raise JournalDamaged(self.path, 0) from error


class Writing:
    """The journal while nobody else can write.

    :ivar last: the change that was appended last, if one was
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self.last: Change | None = None
        self._database = database

    def head(self) -> str:
        """Return the hash of the last change; empty if there is none."""
        row = self._database.execute("SELECT hash FROM change ORDER BY number DESC LIMIT 1").fetchone()
        return row[0] if row else ""

    def append(self, change: Change, base: str) -> Change:
        """Add a change, which is on disk when the writing ends.

        :param base: the head that it was made for
        :returns: the change with its time and its place in the chain
        :raises StaleRevision: if that is not the head any more
        """
        head = self.head()
        if base != head:
            raise StaleRevision(base, head)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        whole = replace(change, previous=head, time=change.time or now)
        cursor = self._database.execute(
            "INSERT INTO change (author, time, message, undoes, patch, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (whole.author, whole.time, whole.message, whole.undoes, whole.patch.text(), whole.previous, whole.hash),
        )
        self.last = replace(whole, number=int(cursor.lastrowid or 0))
        return self.last


def _change_of(row: tuple[int, str, str, str, str, str, str, str]) -> Change | None:
    number, author, time, message, undoes, text, previous, written = row
    if not all(isinstance(value, str) for value in row[1:]):
        return None
    try:
        change = Change(author, message, Patch.parse(text), time, undoes, previous, number)
    except ValueError:
        return None
    return change if change.hash == written and change.patch.text() == text else None
