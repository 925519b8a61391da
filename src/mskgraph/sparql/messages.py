"""What the program and the process that runs queries say to each other over a socket.

A message is one letter, the length of its content as four bytes, and the content. The program sends a request (``Q``);
back come a head (``H``), any number of parts of the answer (``D``) and an end (``E``), or instead of any of these an
error (``X``). If the process is ended at a limit, the messages just stop.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, NamedTuple

from mskgraph.errors import (
    AnswerNotAcceptable,
    MskGraphError,
    OntologyInvalid,
    PatchInvalid,
    QueryError,
    QueryStopped,
    StoreError,
)
from mskgraph.store import Dataset, Kind

JSON_RESULTS: Final = "application/sparql-results+json"
N_TRIPLES: Final = "application/n-triples"
RDF_PATCH: Final = "application/rdf-patch"

_HEAD = struct.Struct("!cI")


@dataclass(frozen=True)
class Request:
    """A query and how to answer it.

    :ivar query: SELECT, ASK, CONSTRUCT or DESCRIBE
    :ivar timeout: seconds until it is stopped
    :ivar table: media type for SELECT and ASK; ``None`` if such an answer is of no use
    :ivar graph: media type for CONSTRUCT and DESCRIBE; ``None`` likewise
    :ivar dataset: the graphs to ask; without it what the query's FROM clauses say, or else all as one
    :ivar rows: rows or triples at most, the first ones; ``None`` for all
    :ivar size: bytes that the answer may have
    """

    query: str
    timeout: float = 10.0
    table: str | None = JSON_RESULTS
    graph: str | None = N_TRIPLES
    dataset: Dataset | None = None
    rows: int | None = None
    size: int = 50_000_000

    def packed(self) -> bytes:
        """Return it as a message."""
        return message(b"Q", asdict(self) | {"dataset": self.dataset and list(self.dataset)})

    @classmethod
    def unpacked(cls, content: bytes) -> Request:
        """Return it from the content of a message."""
        fields = json.loads(content)
        fields["dataset"] = _dataset(fields["dataset"])
        return cls(**fields)


def _dataset(written: Any) -> Dataset | None:
    if written is None:
        return None
    default, named = written
    return Dataset(tuple(default), None if named is None else tuple(named))


@dataclass(frozen=True)
class Edit:
    """Something that would change the knowledge; the answer is the difference, as RDF Patch.

    :ivar how: ``"update"`` does what an update says, ``"merge"`` adds triples, ``"replace"`` leaves these alone
    :ivar content: the update, or the triples, as they came
    :ivar media: what the triples are written in
    :ivar accepted: RDF Patch of what was accepted on top of the files
    :ivar using: the graphs that the WHERE of an update asks; without it what its USING clauses say
    :ivar timeout: seconds until it is stopped
    :ivar size: bytes that the difference may have
    """

    how: Literal["update", "merge", "replace"]
    content: bytes
    media: str = ""
    accepted: str = ""
    using: Dataset | None = None
    timeout: float = 10.0
    size: int = 10_000_000

    def packed(self) -> bytes:
        """Return it as a message."""
        own = {"content": base64.b64encode(self.content).decode(), "using": self.using and list(self.using)}
        return message(b"Q", asdict(self) | own)

    @classmethod
    def unpacked(cls, content: bytes) -> Edit:
        """Return it from the content of a message."""
        fields = json.loads(content)
        fields["content"] = base64.b64decode(fields["content"])
        fields["using"] = _dataset(fields["using"])
        return cls(**fields)


class Head(NamedTuple):
    """What kind of answer follows.

    :ivar kind: ``"select"``, ``"ask"`` or ``"graph"``
    :ivar media: media type of its parts
    """

    kind: Kind
    media: str


class End(NamedTuple):
    """How an answer ended.

    :ivar rows: how many rows or triples it has, where they were counted
    :ivar truncated: whether there are more than were asked for
    """

    rows: int | None
    truncated: bool


class Message(NamedTuple):
    """One message, taken apart.

    :ivar letter: what it is
    :ivar content: as it came
    """

    letter: bytes
    content: bytes


def message(letter: bytes, content: bytes | dict[str, Any]) -> bytes:
    """Return a message as bytes."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return _HEAD.pack(letter, len(body)) + body


def json_of(error: MskGraphError) -> dict[str, Any]:
    """Return an error as a document."""
    kinds = (AnswerNotAcceptable, QueryError, QueryStopped, OntologyInvalid, PatchInvalid, StoreError)
    kind = next((kind.__name__ for kind in kinds if isinstance(error, kind)), MskGraphError.__name__)
    return {"kind": kind, "text": str(error)} | {name: _plain(value) for name, value in vars(error).items()}


def _plain(value: object) -> object:
    return list(map(str, value)) if isinstance(value, tuple) else value


def error_of(document: Mapping[str, Any]) -> MskGraphError:
    """Return the error of a document made by :func:`json_of`.

    >>> error_of(json_of(QueryError("No.", 3, 7))).line
    3
    """
    match document["kind"]:
        case "AnswerNotAcceptable":
            return AnswerNotAcceptable(document["form"])
        case "QueryError":
            return QueryError(document["text"], document["line"], document["column"])
        case "QueryStopped":
            return QueryStopped(document["limit"], document["text"])
        case "OntologyInvalid":
            return OntologyInvalid(document["problems"])
        case "PatchInvalid":
            return PatchInvalid(document["text"])
        case "StoreError":
            return StoreError(document["url"], document["reason"])
    return MskGraphError(document["text"])


class Inbox:
    """Turns what comes in, in pieces of any size, into messages.

    >>> inbox = Inbox()
    >>> [list(inbox.messages(piece)) for piece in (b"D" + bytes(3), b"\\x02a", b"b")]
    [[], [], [Message(letter=b'D', content=b'ab')]]
    """

    def __init__(self) -> None:
        self._pending = bytearray()

    def messages(self, received: bytes) -> Iterator[Message]:
        """Yield the messages that are complete now."""
        self._pending += received
        while len(self._pending) >= _HEAD.size:
            letter, length = _HEAD.unpack_from(self._pending)
            if len(self._pending) < _HEAD.size + length:
                return
            content = bytes(self._pending[_HEAD.size : _HEAD.size + length])
            del self._pending[: _HEAD.size + length]
            yield Message(letter, content)
