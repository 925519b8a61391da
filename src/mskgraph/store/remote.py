"""Any engine that speaks the SPARQL 1.1 Protocol, reached by its URL.

Every request is a form POST that says which graphs it is about and which form of answer it wants, since engines differ
in what they do where nothing is said. No blank node goes over the wire, and nothing beyond SPARQL 1.1.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import pyoxigraph
import requests
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from mskgraph.errors import OntologyInvalid, QueryError, StoreError
from mskgraph.store.answers import Answer, Result, whole
from mskgraph.store.embedded import opened
from mskgraph.store.graphs import ASSERTED_GRAPH, DERIVED_GRAPH, HISTORY_GRAPH, KNOWLEDGE, Dataset
from mskgraph.store.queries import outline
from mskgraph.terms import NAMESPACE, PREFIXES

BATCH: Final = 1_000
"""Triples in one update: Virtuoso 7 runs out of memory over 5,000."""

_TIMEOUT: Final = (5.0, 120.0)  # seconds to connect; between two parts of an answer
_PROLOGUE: Final = " ".join(
    [f"BASE <{NAMESPACE}>", *(f"PREFIX {prefix}: <{namespace}>" for prefix, namespace in PREFIXES.items())]
)
_TABLES: Final = {
    "application/sparql-results+json": pyoxigraph.QueryResultsFormat.JSON,
    "application/sparql-results+xml": pyoxigraph.QueryResultsFormat.XML,
}
_GRAPHS: Final = {
    "application/n-triples": pyoxigraph.RdfFormat.N_TRIPLES,
    "text/turtle": pyoxigraph.RdfFormat.TURTLE,
    "application/rdf+xml": pyoxigraph.RdfFormat.RDF_XML,
}


class RemoteStore:
    """A SPARQL 1.1 endpoint.

    :ivar url: where it takes queries
    :ivar warnings: what it was found to answer wrongly when it was connected to
    """

    def __init__(self, url: str, update_url: str, login: AuthBase | None, graphs: tuple[str, ...] = ()) -> None:
        self.url = url
        self.warnings: tuple[str, ...] = ()
        self._update_url = update_url
        self._session = requests.Session()
        self._session.trust_env = False  # neither a proxy nor a password file may stand between
        self._session.auth = login
        self._graphs = tuple(dict.fromkeys((ASSERTED_GRAPH, DERIVED_GRAPH, HISTORY_GRAPH, *graphs)))

    @classmethod
    def at(cls, url: str) -> RemoteStore:
        """Return the store at a URL, with the settings that go with it, without asking it anything.

        Of the URL's parameters each ``default-graph-uri`` names a graph that queries see beside the knowledge, and the
        others go along with every request. ``MSKGRAPH_STORE_AUTH`` is ``basic USER:PASSWORD``, ``digest USER:PASSWORD``
        or ``bearer TOKEN``; ``MSKGRAPH_STORE_UPDATE`` is the URL for updates where it is another one.

        :raises StoreError: if the URL or one of the settings cannot be read
        """
        parts = urlsplit(url)
        if "@" in parts.netloc:
            hidden = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
            raise StoreError(hidden, "a password does not belong into the URL. Put it into MSKGRAPH_STORE_AUTH.")
        if not parts.hostname:
            raise StoreError(url, "the URL names no host.")
        given = parse_qsl(parts.query)
        graphs = tuple(value for name, value in given if name == "default-graph-uri")
        kept = urlencode([pair for pair in given if pair[0] != "default-graph-uri"])
        plain = urlunsplit(parts._replace(query=kept, fragment=""))
        return cls(plain, os.environ.get("MSKGRAPH_STORE_UPDATE") or plain, _login(url), graphs)

    @classmethod
    def connect(cls, url: str) -> RemoteStore:
        """Return the store at a URL once it has answered, with a warning for each answer known to be wrong.

        :raises StoreError: if it cannot be reached, or holds no knowledge
        """
        from mskgraph.store.canary import wrong_answers

        store = cls.at(url)
        if b"true" not in store.answer("ASK { ?concept skos:prefLabel ?label }").body:
            raise StoreError(url, f"it holds no knowledge in {ASSERTED_GRAPH}. Run: mskgraph load --store {url}")
        store.warnings = tuple(wrong_answers(store))
        return store

    def answer(self, query: str) -> Answer:
        """Answer a query over the knowledge.

        :raises QueryError: if the engine refuses it
        :raises StoreError: if the engine does not answer
        """
        return whole(self.evaluate(query, KNOWLEDGE))

    def evaluate(self, query: str, dataset: Dataset | None = None) -> Result:
        """Begin to answer a query.

        :param dataset: what to ask; without it what the query's FROM clauses say, or else the knowledge and the graphs
            that the URL names
        :raises QueryError: if the engine refuses it
        :raises StoreError: if the engine does not answer
        """
        form, names_dataset = outline(query)
        asked: list[tuple[str, str]] = [("query", f"{_PROLOGUE} {query}")]
        if dataset is not None or not names_dataset:
            default, named = dataset or Dataset(self._graphs)
            asked += [("default-graph-uri", graph) for graph in default]
            asked += [("named-graph-uri", graph) for graph in (self._graphs if named is None else named)]
        accepted = _TABLES if form in ("select", "ask") else _GRAPHS
        response = self._post(self.url, asked, ", ".join(accepted))
        media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        source = cast("Any", io.BufferedReader(cast("Any", _Body(response))))
        try:
            if media in _TABLES:
                return pyoxigraph.parse_query_results(input=source, format=_TABLES[media])
            if media in _GRAPHS:
                return (quad.triple for quad in pyoxigraph.parse(input=source, format=_GRAPHS[media]))
        except (SyntaxError, OSError) as error:
            raise StoreError(self.url, f"what it answered cannot be read: {error}.") from None
        raise StoreError(self.url, f"it answered with {media or 'nothing named'}, which is no result of a query.")

    def graphs(self) -> list[str]:
        """Return the names of the graphs that queries see if they name none, sorted."""
        return sorted(self._graphs)

    # Writing

    def replace(self, graph: str, triples: bytes) -> None:
        """Put N-Triples in the place of what a graph holds.

        Engines offer no transaction over several requests: if it breaks off, do it again.

        :raises StoreError: if the engine does not take it
        """
        self._update(f"DROP SILENT GRAPH <{graph}>")
        self._insert(graph, pyoxigraph.parse(input=triples, format=pyoxigraph.RdfFormat.N_TRIPLES))

    def load(self, path: Path, graph: str, progress: Callable[[int], None] = lambda _: None) -> None:
        """Add the triples of a file to a graph.

        For millions of triples the engine's own bulk loader is many times faster.

        :raises OntologyInvalid: if the file cannot be read; what stands before the fault is loaded
        :raises StoreError: if the engine does not take it
        """
        try:
            with opened(path, progress) as (source, form):
                self._insert(graph, pyoxigraph.parse(input=source, format=form))
        except (SyntaxError, ValueError, EOFError) as error:
            raise OntologyInvalid([f"{path}: {error}. What stands before is loaded."]) from None

    def _insert(self, graph: str, quads: Iterable[pyoxigraph.Quad]) -> None:
        source, load = iter(quads), uuid4().hex
        while batch := list(islice(source, BATCH)):
            text = "\n".join(f"{_named(q.subject, load)} {q.predicate} {_named(q.object, load)} ." for q in batch)
            self._update(f"INSERT DATA {{ GRAPH <{graph}> {{\n{text}\n}} }}")

    def _update(self, update: str) -> None:
        self._post(self._update_url, [("update", update)], "*/*").close()

    # Talking

    def _post(self, url: str, form: list[tuple[str, str]], accept: str) -> requests.Response:
        try:
            response = self._session.post(
                url,
                data=form,
                headers={"Accept": accept},
                timeout=_TIMEOUT,
                stream=True,
                allow_redirects=False,  # a login must not follow to another host
            )
        except requests.RequestException as error:
            reason = "does not answer in time" if isinstance(error, requests.Timeout) else "cannot be reached"
            raise StoreError(url, f"it {reason}. Is it running, and is the address right?") from None
        if response.status_code < 300:
            return response
        said = _printable(response.raw.read(2_000, decode_content=True))
        if response.status_code in (401, 403):
            raise StoreError(url, "it refuses the login. MSKGRAPH_STORE_AUTH holds it; see docs/scale.md.")
        if response.status_code == 400:
            raise QueryError(f"The engine refuses the query: {said}")
        raise StoreError(url, f"it answered with code {response.status_code}: {said}")


def _named(term: object, load: str) -> object:
    """Return a blank node of one load as an IRI (RDF 1.1 Concepts, section 3.5), anything else as it is."""
    if isinstance(term, pyoxigraph.BlankNode):
        return pyoxigraph.NamedNode(f"{NAMESPACE}.well-known/genid/{load}-{term.value}")
    return term


class _Body(io.RawIOBase):
    """The body of a response as a file."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self._chunks: Iterator[bytes] = response.iter_content(1 << 16)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            self._rest = self._rest or next(self._chunks, b"")
        except requests.RequestException as error:
            raise OSError(f"the answer broke off: {error}") from None
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _login(url: str) -> AuthBase | None:
    given = os.environ.get("MSKGRAPH_STORE_AUTH", "")
    if not given:
        return None
    kind, _, secret = given.partition(" ")
    user, colon, password = secret.partition(":")
    if kind == "bearer" and secret:
        return _Bearer(secret)
    if kind in ("basic", "digest") and colon:
        return (HTTPBasicAuth if kind == "basic" else HTTPDigestAuth)(user, password)
    raise StoreError(url, "MSKGRAPH_STORE_AUTH has to be basic USER:PASSWORD, digest USER:PASSWORD or bearer TOKEN.")


def _printable(said: bytes) -> str:
    return re.sub(r"\s+", " ", said.decode("utf-8", "replace")).strip()[:500] or "(nothing)"
