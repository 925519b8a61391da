"""A graph store: something that answers SPARQL 1.1 queries.

The protocol is one method, so that another engine is one more class. The embedded engine is Oxigraph in memory. It is a
cache: the truth is the Turtle files, from which it is filled anew (it rewrites literals such as 0.50, so nothing is
ever written back from it).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import pyoxigraph

from mskgraph.errors import OntologyInvalid, QueryError, StoreError
from mskgraph.terms import MAPPINGS_SUFFIX, PREFIXES, iri, read_mappings

DERIVED_GRAPH = iri("derived")
"""The named graph of the triples that follow from the files; queries see it together with the files' own."""

Row = dict[str, str]
"""One solution: variable to IRI or lexical form; an unbound variable is absent."""


class Answer(NamedTuple):
    """What a query gave.

    :ivar kind: ``"select"``, ``"ask"`` or ``"graph"``
    :ivar body: SPARQL 1.1 Query Results JSON for select and ask, N-Triples for graph
    """

    kind: Literal["select", "ask", "graph"]
    body: bytes


class Store(Protocol):
    """Whatever answers SPARQL 1.1 queries over the knowledge."""

    def answer(self, query: str) -> Answer:
        """Answer a SELECT, ASK, CONSTRUCT or DESCRIBE query.

        :raises QueryError: if the query cannot be run as written
        """
        ...


class EmbeddedStore:
    """Oxigraph in this process's memory."""

    def __init__(self) -> None:
        self._engine = pyoxigraph.Store()

    def answer(self, query: str) -> Answer:
        """Answer a query over the files' triples and the derived ones together.

        :raises QueryError: with line and column of a syntax error
        """
        try:
            result = self._engine.query(query, use_default_graph_as_union=True, prefixes=PREFIXES)
            if isinstance(result, pyoxigraph.QueryTriples):
                return Answer("graph", result.serialize(format=pyoxigraph.RdfFormat.N_TRIPLES) or b"")
            kind: Literal["ask", "select"] = "ask" if isinstance(result, pyoxigraph.QueryBoolean) else "select"
            return Answer(kind, result.serialize(format=pyoxigraph.QueryResultsFormat.JSON) or b"")
        except SyntaxError as error:
            raise _query_error(str(error)) from None
        except (ValueError, RuntimeError, OSError) as error:
            raise QueryError(f"The query failed: {error}") from None

    def load(self, paths: Iterable[Path]) -> None:
        """Add the triples of Turtle files and of files of mappings.

        :raises OntologyInvalid: naming file and place of each file that is neither; nothing is added then
        """
        problems = []
        for path in paths:
            try:
                if path.name.endswith(MAPPINGS_SUFFIX):
                    for mapping in read_mappings(path.read_text("utf-8")):
                        subject, predicate, term = map(pyoxigraph.NamedNode, mapping.triple)
                        self._engine.add(pyoxigraph.Quad(subject, predicate, term))
                        if mapping.label:
                            label = pyoxigraph.Literal(mapping.label, language="en")
                            self._engine.add(pyoxigraph.Quad(term, pyoxigraph.NamedNode(iri("rdfs:label")), label))
                else:
                    self._engine.load(path=path, format=pyoxigraph.RdfFormat.TURTLE)
            except (SyntaxError, ValueError) as error:
                problems.append(f"{path}: {error}. Correct the file there and try again.")
        if problems:
            self._engine.clear()
            raise OntologyInvalid(problems)

    def load_triples(self, triples: bytes) -> None:
        """Add N-Triples.

        :raises OntologyInvalid: if they are none; nothing is added then
        """
        try:
            self._engine.load(input=triples, format=pyoxigraph.RdfFormat.N_TRIPLES)
        except (SyntaxError, ValueError) as error:
            raise OntologyInvalid([str(error)]) from None

    def derive(self, construct: str) -> None:
        """Add what a CONSTRUCT query gives to the derived triples."""
        graph = pyoxigraph.NamedNode(DERIVED_GRAPH)
        for quad in pyoxigraph.parse(self.answer(construct).body, format=pyoxigraph.RdfFormat.N_TRIPLES):
            # In the union of two graphs a triple of both would count twice.
            if pyoxigraph.Quad(quad.subject, quad.predicate, quad.object) not in self._engine:
                self._engine.add(pyoxigraph.Quad(quad.subject, quad.predicate, quad.object, graph))

    def derive_all(self) -> None:
        """Add everything that follows from what is loaded."""
        for name in DERIVATIONS:
            self.derive(query_text(name))

    def __len__(self) -> int:
        return len(self._engine)


DERIVATIONS = ("derive_types", "derive_edges")
"""Names of the queries whose triples are added on load, in this order."""


def open_store(url: str, ontology: Sequence[Path]) -> Store:
    """Return the store that a URL names, ready to answer.

    :param url: empty for the embedded engine
    :param ontology: the Turtle files that the embedded engine is filled from
    :raises StoreError: if no engine of that kind is known
    :raises OntologyInvalid: if a file is not Turtle
    """
    if url:
        raise StoreError(url, "only the embedded store is known; leave MSKGRAPH_STORE and --store empty.")
    store = EmbeddedStore()
    store.load(ontology)
    store.derive_all()
    return store


def select(store: Store, query: str) -> list[Row]:
    """Return the rows of a SELECT query as plain strings.

    :raises QueryError: if it cannot be run, or is no SELECT query
    """
    return table(store, query)[1]


def table(store: Store, query: str) -> tuple[list[str], list[Row]]:
    """Return the variables of a SELECT query, in its order, and its rows as plain strings.

    :raises QueryError: if it cannot be run, or is no SELECT query
    """
    answer = store.answer(query)
    if answer.kind != "select":
        raise QueryError("A SELECT query is needed here.")
    document = json.loads(answer.body)
    rows = [{name: term["value"] for name, term in row.items()} for row in document["results"]["bindings"]]
    return document["head"]["vars"], rows


@cache
def query_names() -> tuple[str, ...]:
    """Return the names of the queries that come with the package, sorted."""
    folder = files("mskgraph") / "queries"
    return tuple(sorted(entry.name.removesuffix(".rq") for entry in folder.iterdir() if entry.name.endswith(".rq")))


def query_text(name: str, **values: str | Sequence[str]) -> str:
    """Return the text of a query of the package, with its example values replaced.

    A query that takes parameters carries one block ``VALUES ?name { example }`` for each.

    :param name: file name without ``.rq``
    :param values: for each parameter an IRI, or several
    :raises QueryError: if there is no such query, no such parameter, or a value that is no IRI

    >>> "VALUES ?finding { <https://w3id.org/mskgraph/phlebolith> }" in query_text(
    ...     "causes_of_finding", finding=iri("phlebolith"))
    True
    """
    if name not in query_names():
        raise QueryError(f"There is no query called {name}; there are {', '.join(query_names())}.")
    text = (files("mskgraph") / "queries" / f"{name}.rq").read_text("utf-8")
    for variable, given in values.items():
        terms = [given] if isinstance(given, str) else given
        for term in terms:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]+", term):
                raise QueryError(f"{term!r} is not an IRI.")
        block = " ".join(f"<{term}>" for term in terms)
        pattern = rf"VALUES\s+\?{re.escape(variable)}\s*\{{[^}}]*\}}"
        text, count = re.subn(pattern, f"VALUES ?{variable} {{ {block} }}".replace("\\", "\\\\"), text)
        if count != 1:
            raise QueryError(f"The query {name} has {count} blocks VALUES ?{variable} instead of one.")
    return text


def _query_error(message: str) -> QueryError:
    place = re.match(r"error at (\d+):(\d+): (.*)", message, re.DOTALL)
    if not place:
        return QueryError(f"The query cannot be read: {message}")
    line, column, reason = int(place[1]), int(place[2]), " ".join(place[3].split())
    if "Prefix not found" in reason:
        reason = "a prefix is used before this place that no PREFIX line declares"
    return QueryError(f"The query cannot be read, line {line}, column {column}: {reason}", line, column)
