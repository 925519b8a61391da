"""The journal of accepted changes: append-only, each change chained to the one before, safe from crashes.

An SQLite database under MSKGRAPH_HOME, which several processes may use at once. What was accepted is on disk before
anybody is told so (``synchronous=FULL``), and a change is there whole or not at all. ``proposals`` says how the changes
that wait for a decision lie beside them.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import platformdirs

from mskgraph.curation import proposals
from mskgraph.curation.proposals import Proposal, sealed
from mskgraph.errors import (
    JournalDamaged,
    JournalUnusable,
    PatchInvalid,
    ProposalDecided,
    ProposalsDamaged,
    StaleRevision,
)
from mskgraph.store import Patch

_TABLES: Final = (
    """
CREATE TABLE change (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    author TEXT NOT NULL,
    accepted_by TEXT NOT NULL,
    time TEXT NOT NULL,
    message TEXT NOT NULL,
    undoes TEXT NOT NULL,
    proposal INTEGER NOT NULL,
    patch TEXT NOT NULL,
    previous TEXT NOT NULL UNIQUE,
    hash TEXT NOT NULL UNIQUE
) STRICT""",
    "CREATE UNIQUE INDEX once ON change (proposal) WHERE proposal > 0",
    "CREATE TRIGGER no_update BEFORE UPDATE ON change BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER no_delete BEFORE DELETE ON change BEGIN SELECT RAISE(ABORT, 'append only'); END",
    *proposals.TABLES,
)
_COLUMNS: Final = "number, author, accepted_by, time, message, undoes, proposal, patch, previous, hash"
_WAIT: Final = 30.0  # seconds for another process that is writing


@dataclass(frozen=True)
class Change:
    """An accepted change.

    :ivar author: who made it
    :ivar message: why
    :ivar patch: what it adds and removes
    :ivar time: when it was accepted, in UTC, as ISO 8601
    :ivar undoes: hash of the change that it takes back; empty if none
    :ivar accepted_by: who accepted it; the author if nobody else did
    :ivar proposal: number of the proposal that it was; 0 if none
    :ivar previous: hash of the change before; empty for the first
    :ivar number: from 1
    """

    author: str
    message: str
    patch: Patch
    time: str = ""
    undoes: str = ""
    accepted_by: str = ""
    proposal: int = 0
    previous: str = ""
    number: int = 0

    @property
    def hash(self) -> str:
        """SHA-256 over all of it but the number, the hash of the change before included."""
        who = (self.author, self.accepted_by)
        return sealed(self.previous, *who, self.time, self.message, self.undoes, self.proposal, self.patch.text())


class _Told(NamedTuple):
    """How far the journal is known to have come.

    :ivar number: of the last change
    :ivar hash: of the last change
    :ivar proposals: number of the last proposal
    """

    number: int = 0
    hash: str = ""
    proposals: int = 0


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
        number, known, _ = self._told()
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
        return self._after("")

    def since(self, base: str) -> list[Change]:
        """Return the changes after one, given by its hash, first to last; all if there is no such change.

        Those before it are not looked at.

        :raises JournalDamaged: if one is missing or not as it was written
        :raises JournalUnusable: if it cannot be read
        """
        try:
            return self._after(base)
        except JournalDamaged:
            self.changes()  # says how much of it is intact
            raise

    def _after(self, base: str) -> list[Change]:
        number, known, _ = self._told()
        first, head = 0, ""
        found: list[Change] = []
        try:
            if self._exists():
                with self._open() as database:
                    if at := database.execute("SELECT number FROM change WHERE hash = ?", (base,)).fetchone():
                        first, head = at[0], base
                    where = f"WHERE number > {first}" if first else ""
                    for row in database.execute(f"SELECT {_COLUMNS} FROM change {where} ORDER BY number"):
                        change = _change_of(row)
                        if change is None or change.previous != head or change.number != first + len(found) + 1:
                            raise JournalDamaged(self.path, len(found))
                        found.append(change)
                        head = change.hash
                    if not first and database.execute("PRAGMA integrity_check(change)").fetchone() != ("ok",):
                        raise JournalDamaged(self.path, len(found))
        except JournalDamaged as error:
            raise JournalDamaged(self.path, len(found), found) from error
        told = number - first  # of those found, the last of which somebody was told
        if len(found) < told or (told > 0 and found[told - 1].hash != known):
            raise JournalDamaged(self.path, min(len(found), told), found[:told])
        return found

    def proposals(self) -> list[Proposal]:
        """Return the proposals, the last one first.

        :raises ProposalsDamaged: if one is missing or not as it was written; the error has those that can be read
        :raises JournalUnusable: if they cannot be read
        """
        return self._sound(*self._read_proposals())

    def waiting(self) -> list[Proposal]:
        """Return the proposals that wait for a decision, the last one first; the others are not looked at.

        :raises ProposalsDamaged: if one is missing or not as it was written; the error has those that can be read
        :raises JournalUnusable: if they cannot be read
        """
        return self._sound(*self._read_proposals(proposals.waiting))

    def _sound(self, found: list[Proposal], whole: bool) -> list[Proposal]:
        if not whole:
            raise ProposalsDamaged(self.path, self._read_proposals()[0])
        return found[::-1]

    def _read_proposals(
        self, wanted: Callable[[sqlite3.Connection], Collection[int] | None] = lambda _: None
    ) -> tuple[list[Proposal], bool]:
        known = self._told().proposals
        if not self._exists():
            return [], not known
        try:
            with self._open() as database:
                database.execute("BEGIN")  # nobody decides in the middle
                found, whole = proposals.read(database, wanted(database))
                return found, whole and proposals.last_number(database) >= known
        except JournalDamaged:
            return [], False

    def _exists(self) -> bool:
        """Return whether anything may have been written yet."""
        try:
            if not self.path.exists():
                return False
            if any(self._told()):
                return True
            # Whoever writes the first change makes the table; until then, and if that was ended, there is none.
            with self._open() as database:
                return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'change'").fetchone() is not None
        except PermissionError as error:
            raise JournalUnusable(self.path, error.strerror or "it may not be read") from None

    def _told(self) -> _Told:
        """Return the last change and proposal of which somebody was told, or ones before.

        A database that is cut short may look like one in which nothing was ever written.
        """
        try:
            number, known, proposed = self._tally.read_text("utf-8").strip().split(" ")
            return _Told(int(number), known, int(proposed))
        except (OSError, ValueError):
            return _Told()

    def _tell(self, told: _Told) -> None:
        """Write down which were the last; it may lag behind, so nothing that fails here is told."""
        own = self._tally.with_name(f"{self._tally.name}.{os.getpid()}-{threading.get_ident()}")
        with suppress(OSError):
            own.write_text(f"{told.number} {told.hash} {told.proposals}\n", "utf-8")
            own.replace(self._tally)

    @property
    def _tally(self) -> Path:
        return self.path.with_suffix(".last")

    def repair(self) -> Path:
        """Put a damaged journal aside, keep the changes and proposals that are intact, and return where it lies now.

        :raises PatchInvalid: if it is not damaged
        :raises JournalUnusable: if it cannot be written
        """
        with self._still():
            damaged = False
            try:
                intact = self.changes()
            except JournalDamaged as error:
                intact = [change for change in error.changes if isinstance(change, Change)]
                damaged = True
            kept, whole = self._read_proposals()
            if whole and not damaged and self._is_sound():
                raise PatchInvalid(f"The journal {self.path} is as it was written; there is nothing to repair.")
            return self._replaced(intact, kept)

    def _replaced(self, intact: Iterable[Change], kept: Iterable[Proposal]) -> Path:
        """Put another journal in the place of this one, and return where this one lies now."""
        number = sum(1 for _ in self.path.parent.glob("journal.damaged-*"))
        aside = self.path.with_name(f"journal.damaged-{number + 1}.sqlite")
        draft = Journal(self.path.with_name("journal-part.sqlite"))
        draft.path.unlink(missing_ok=True)
        draft._tally.unlink(missing_ok=True)
        with draft.writing() as writing:
            for change in intact:
                writing.append(change, change.previous)
            for proposal in _with_gaps_filled(kept, intact, aside):
                writing.restore(proposal)
        told = draft._told()
        with suppress(FileNotFoundError):
            os.link(self.path, aside)
        # In this order there is at every moment a journal that is repaired, or known to be damaged.
        draft.path.replace(self.path)
        draft._tally.unlink(missing_ok=True)
        self._tell(told)
        return aside

    @contextmanager
    def _still(self) -> Iterator[None]:
        """Keep others from writing, unless the damage does so; who waited finds the file moved, and cannot write it."""
        with ExitStack() as held:
            if self.path.exists():
                try:
                    held.enter_context(self._open()).execute("BEGIN IMMEDIATE")
                except JournalDamaged:
                    pass
                except sqlite3.DatabaseError as error:
                    if not proposals.tells_damage(error):
                        raise JournalUnusable(self.path, str(error)) from None
            yield

    def _is_sound(self) -> bool:
        """Return whether the database is whole, that which only writing needs included."""
        try:
            with self._open() as database:
                return bool(database.execute("PRAGMA integrity_check").fetchone() == ("ok",))
        except JournalDamaged:
            return False

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Keep every other process from writing meanwhile.

        :raises JournalUnusable: if it cannot be written
        :raises JournalDamaged: if changes are not as they were written
        :raises ProposalsDamaged: if only something else is not
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalUnusable(self.path, error.strerror or str(error)) from None
        try:
            with self._transaction() as writing:
                yield writing
        except JournalDamaged:
            self.changes()  # says how much of it is intact
            raise ProposalsDamaged(self.path, self._read_proposals()[0]) from None

    @contextmanager
    def _transaction(self) -> Iterator[Writing]:
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                known = self._told()
                # A table that is missing later is damage, which nobody would see if it were made anew.
                if not any(known) and database.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
                    for statement in _TABLES:
                        database.execute(statement)
                yield Writing(self, database)
                last = database.execute("SELECT number, hash FROM change ORDER BY number DESC LIMIT 1").fetchone()
                number, head = last or (0, "")
                told = _Told(number, head, proposals.last_number(database))
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
            if told != known:
                self._tell(told)

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
            if proposals.tells_damage(error):
                raise JournalDamaged(self.path, 0) from error
            raise JournalUnusable(self.path, str(error)) from None


class Writing:
    """The journal while nobody else can write."""

    def __init__(self, journal: Journal, database: sqlite3.Connection) -> None:
        self._journal = journal
        self._database = database

    def head(self) -> str:
        """Return the hash of the last change; empty if there is none."""
        row = self._database.execute("SELECT hash FROM change ORDER BY number DESC LIMIT 1").fetchone()
        return row[0] if row else ""

    def expect(self, base: str) -> None:
        """Make sure that a change is the last one.

        :param base: its hash; empty if there should be none
        :raises StaleRevision: if there are later ones
        """
        if base != (head := self.head()):
            raise StaleRevision(base, head, self._journal.since(base))

    def append(self, change: Change, base: str) -> Change:
        """Add a change, which is on disk when the writing ends.

        :param base: the head that it was made for
        :returns: the change with its time and its place in the chain
        :raises StaleRevision: if that is not the head any more
        """
        self.expect(base)
        by = change.accepted_by or change.author
        whole = replace(change, previous=base, time=change.time or _now(), accepted_by=by)
        cursor = self._database.execute(
            f"INSERT INTO change ({_COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                whole.author,
                whole.accepted_by,
                whole.time,
                whole.message,
                whole.undoes,
                whole.proposal,
                whole.patch.text(),
                whole.previous,
                whole.hash,
            ),
        )
        return replace(whole, number=int(cursor.lastrowid or 0))

    def propose(self, author: str, message: str, patch: Patch) -> Proposal:
        """Add a proposal, which is on disk when the writing ends."""
        number = proposals.last_number(self._database) + 1
        proposal = Proposal(number, author, message, patch, self.head(), _now())
        self.restore(proposal)
        return proposal

    def restore(self, proposal: Proposal) -> None:
        """Add a proposal as it is; that it was accepted is said by its change alone."""
        proposals.write(self._database, proposal)

    def undecided(self, number: int) -> Proposal:
        """Return a proposal that waits for a decision.

        :raises PatchInvalid: if there is no such proposal
        :raises ProposalDecided: if somebody has decided already
        :raises ProposalsDamaged: if it is not as it was written
        """
        last = max(proposals.last_number(self._database), self._journal._told().proposals)
        if not 1 <= number <= last:
            raise PatchInvalid(f"There is no proposal {number}. Look at the proposals to see which there are.")
        found, _ = proposals.read(self._database, [number])
        if not found:
            raise ProposalsDamaged(self._journal.path, self._journal._read_proposals()[0])
        (proposal,) = found
        if proposal.state != "proposed":
            raise ProposalDecided(proposal)
        return proposal

    def reject(self, proposal: Proposal, by: str, reason: str) -> Proposal:
        """Say that a proposal is rejected."""
        rejected = replace(proposal, state="rejected", decided_by=by, decided=_now(), reason=reason)
        proposals.write_rejection(self._database, rejected)
        return rejected


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _with_gaps_filled(kept: Iterable[Proposal], intact: Iterable[Change], damaged: Path) -> Iterator[Proposal]:
    """Yield the proposals that can be read, and in place of each other what is known of it: no number is used twice."""
    readable = {proposal.number: proposal for proposal in kept}
    changes = {change.proposal: change for change in intact if change.proposal}
    for number in range(1, max([0, *readable, *changes]) + 1):
        change = changes.get(number)
        if number in readable:
            yield readable[number]
        elif change:
            yield Proposal(number, change.author, change.message, change.patch, change.previous, change.time)
        else:
            reason = f"It cannot be read any more. The journal as it was is kept as {damaged.name}."
            by, now = "mskgraph history --repair", _now()
            yield Proposal(number, "unknown", "", Patch(), "", now, "rejected", by, now, reason)


def _change_of(row: tuple[Any, ...]) -> Change | None:
    number, author, accepted_by, time, message, undoes, proposal, text, previous, written = row
    try:
        change = Change(author, message, Patch.parse(text), time, undoes, accepted_by, proposal, previous, number)
        return change if change.hash == written and change.patch.text() == text else None
    except (AttributeError, TypeError, ValueError):  # a value that is no text any more
        return None
