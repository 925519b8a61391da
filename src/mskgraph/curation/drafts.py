"""What people have begun to fill in and not sent yet: kept on disk, each for its owner alone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from mskgraph.curation.journal import home
from mskgraph.errors import DraftNotKept

MOST: Final = 100
"""Drafts that one person may have."""

LARGEST: Final = 15_000_000
"""Characters that a draft may have, files in it included."""

TOGETHER: Final = 100_000_000
"""Bytes that the drafts of one person may have together."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS draft (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    doing TEXT NOT NULL,
    title TEXT NOT NULL,
    fields TEXT NOT NULL,
    time TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS listed ON draft (owner, time DESC, id, doing, title);
"""  # the index holds all that a list shows, so that what is filled in, which may be files, is not read for it
_COLUMNS: Final = "id, doing, title, fields, time, version"


@dataclass(frozen=True)
class Kept:
    """A draft as it was kept.

    :ivar doing: which form it is of
    :ivar title: what its owner knows it by
    :ivar fields: what is filled in, by field
    :ivar time: when, in UTC, as ISO 8601
    :ivar version: from 1, one more each time that it is kept
    """

    id: str
    doing: str
    title: str
    fields: Mapping[str, Any]
    time: str
    version: int


class Listed(NamedTuple):
    """A draft in a list, by the fields of :class:`Kept`."""

    id: str
    doing: str
    title: str
    time: str


class Drafts:
    """The drafts of one person; those of others are not there for this object.

    :param owner: who, as :attr:`mskgraph.curation.access.Person.key` says
    :param path: of the database; made with the first draft
    """

    def __init__(self, owner: str, path: Path | None = None) -> None:
        self.owner = owner
        self.path = home() / "drafts.sqlite" if path is None else path

    def all(self) -> list[Listed]:
        """Return them without what is filled in, the one kept last first.

        :raises DraftNotKept: if they cannot be read
        """
        if not self.path.exists():
            return []
        with self._open() as database:
            query = "SELECT id, doing, title, time FROM draft WHERE owner = ? ORDER BY time DESC, id"
            return [Listed(*row) for row in database.execute(query, (self.owner,))]

    def get(self, name: str) -> Kept | None:
        """Return a draft; ``None`` if there is none of that name that is this person's.

        :raises DraftNotKept: if it cannot be read
        """
        if not self.path.exists():
            return None
        with self._open() as database:
            query = f"SELECT {_COLUMNS} FROM draft WHERE owner = ? AND id = ?"
            row = database.execute(query, (self.owner, name)).fetchone()
        return _kept(row) if row else None

    def keep(self, name: str, doing: str, title: str, fields: Mapping[str, Any], version: int = 0) -> int | None:
        """Keep a draft, and return its new version; ``None`` if somebody kept another one under this name meanwhile.

        :param fields: what is filled in, as JSON can hold it
        :param version: the one that this goes on from; 0 for a new draft
        :raises DraftNotKept: if it is too large or one too many, all of them are too large together, or the disk does
            not take it; the one before stays
        """
        text = json.dumps(fields, ensure_ascii=False)
        if len(text) > LARGEST:
            raise DraftNotKept(f"it has more than {LARGEST // 1_000_000} million characters; send it in parts")
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)  # others who have a login on this machine need not read them
        except OSError as error:
            raise DraftNotKept(error.strerror or str(error)) from None
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            others = "SELECT COUNT(*), SUM(LENGTH(CAST(fields AS BLOB))) FROM draft WHERE owner = ? AND id <> ?"
            count, size = database.execute(others, (self.owner, name)).fetchone()
            if not version and count >= MOST:
                raise DraftNotKept(f"there are {MOST} drafts of yours already; discard some")
            if (size or 0) + len(text.encode()) > TOGETHER:
                most = TOGETHER // 1_000_000
                raise DraftNotKept(f"with it your drafts would have more than {most} MB together; discard some")
            if version:
                change = "UPDATE draft SET title = ?, fields = ?, time = ?, version = version + 1"
                where = "WHERE id = ? AND owner = ? AND version = ?"
                done = database.execute(f"{change} {where}", (title, text, now, name, self.owner, version)).rowcount
            else:
                insert = "INSERT INTO draft VALUES (?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO NOTHING"
                done = database.execute(insert, (name, self.owner, doing, title, text, now)).rowcount
            database.execute("COMMIT")
        return version + 1 if done else None

    def discard(self, name: str) -> None:
        """Forget a draft; nothing happens if it is not this person's, or not there.

        :raises DraftNotKept: if the disk does not take it
        """
        if self.path.exists():
            with self._open() as database:
                database.execute("DELETE FROM draft WHERE id = ? AND owner = ?", (name, self.owner))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            database = sqlite3.connect(self.path, timeout=10, isolation_level=None)
            try:
                database.executescript(_SCHEMA)
                yield database
            finally:
                database.close()
        except (sqlite3.DatabaseError, ValueError) as error:
            raise DraftNotKept(f"{self.path}: {error}") from None


def _kept(row: tuple[str, str, str, str, str, int]) -> Kept:
    name, doing, title, fields, time, version = row
    return Kept(name, doing, title, json.loads(fields), time, version)
