"""A graph store: something that answers SPARQL 1.1 queries.

An embedded one in memory, one in a folder on disk, or any engine with a SPARQL 1.1 endpoint: which one, a URL says.
Whichever it is, it is a cache of the ontology's files, kept in two named graphs (see :mod:`.graphs`); other graphs of
the same store are the user's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from mskgraph.errors import StoreError
from mskgraph.store.answers import Answer, Kind, Result, Row, kind_of, whole
from mskgraph.store.embedded import RDF_SUFFIXES, EmbeddedStore, StoreFolder, blank_nodes_named, fault_of_turtle
from mskgraph.store.graphs import ASSERTED_GRAPH, DERIVED_GRAPH, HISTORY_GRAPH, KNOWLEDGE, Dataset
from mskgraph.store.patch import Accepted, Patch
from mskgraph.store.queries import (
    DERIVATIONS,
    PERSONAS,
    Example,
    bare,
    example,
    examples,
    is_iri,
    outline,
    query_names,
    query_text,
)
from mskgraph.store.remote import RemoteStore

__all__ = [
    "ASSERTED_GRAPH",
    "DERIVATIONS",
    "DERIVED_GRAPH",
    "HISTORY_GRAPH",
    "KNOWLEDGE",
    "NOTHING_ACCEPTED",
    "PERSONAS",
    "RDF_SUFFIXES",
    "Accepted",
    "Answer",
    "Dataset",
    "EmbeddedStore",
    "Example",
    "Kind",
    "Patch",
    "RemoteStore",
    "Result",
    "Row",
    "Store",
    "StoreFolder",
    "bare",
    "blank_nodes_named",
    "example",
    "examples",
    "fault_of_turtle",
    "filled",
    "is_iri",
    "kind_of",
    "load_files",
    "open_store",
    "outline",
    "query_names",
    "query_text",
    "select",
    "whole",
]


NOTHING_ACCEPTED = Accepted()


class Store(Protocol):
    """Whatever answers SPARQL 1.1 queries over the knowledge."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What it is known to answer wrongly, one sentence each."""
        ...

    def answer(self, query: str) -> Answer:
        """Answer a SELECT, ASK, CONSTRUCT or DESCRIBE query over the knowledge.

        :raises QueryError: if the query cannot be run as written
        """
        ...

    def evaluate(self, query: str, dataset: Dataset | None = None) -> Result:
        """Begin to answer a query.

        :param dataset: the graphs to ask; without it what the query's FROM clauses say, or else all graphs as one
        :raises QueryError: if the query cannot be run as written
        """
        ...

    def graphs(self) -> list[str]:
        """Return the names of the graphs, sorted."""
        ...


def open_store(url: str, ontology: Sequence[Path], content: str = "", accepted: Accepted = NOTHING_ACCEPTED) -> Store:
    """Return the store that a URL names, ready to answer.

    :param url: empty for the embedded engine in memory, ``file:PATH`` for one on disk, ``http://`` or ``https://`` for
        a SPARQL 1.1 endpoint
    :param ontology: the files that the store is a cache of
    :param content: hash of these and of what was accepted, by which a store on disk tells whether it is up to date
    :param accepted: changes on top of the files
    :raises StoreError: if the store cannot be opened or reached
    :raises OntologyInvalid: if a file is not Turtle
    """
    if not url:
        return filled(ontology, accepted)
    if url.startswith("file:"):
        folder = StoreFolder.at(url)
        if folder.content() != content or folder.newest() is None:
            with folder.writing(content) as draft:
                _refill(draft, ontology, accepted)
        return folder.open()
    if url.startswith(("http://", "https://")):
        return RemoteStore.connect(url)
    raise StoreError(url, "it is neither empty, nor file:PATH, nor http(s)://..., which are the stores there are.")


def load_files(
    url: str,
    ontology: Sequence[Path],
    content: str,
    paths: Sequence[Path] = (),
    graph: str = "",
    progress: Callable[[int], None] = lambda _: None,
    accepted: Accepted = NOTHING_ACCEPTED,
) -> None:
    """Bring a store up to date with the ontology, and add further files to it.

    :param url: ``file:PATH`` or a SPARQL 1.1 endpoint that takes updates
    :param paths: files of RDF, of any size
    :param graph: graph that their triples go to
    :param progress: told the number of bytes read of ``paths`` since it was last told
    :param accepted: changes on top of the ontology's files
    :raises StoreError: if the store cannot be written
    :raises OntologyInvalid: if a file cannot be read; a store on disk is as it was then
    """
    if url.startswith("file:"):
        folder = StoreFolder.at(url)
        with folder.writing(content) as draft:
            if folder.content() != content:
                _refill(draft, ontology, accepted)
            for path in paths:
                draft.load_bulk(path, graph, progress)
            if paths:
                draft.optimize()
    elif url.startswith(("http://", "https://")):
        remote = RemoteStore.at(url)
        local = filled(ontology, accepted)
        for name in (ASSERTED_GRAPH, DERIVED_GRAPH, HISTORY_GRAPH):
            remote.replace(name, local.triples_of(name))
        for path in paths:
            remote.load(path, graph, progress)
    else:
        raise StoreError(url, "nothing can be loaded into it. Name file:PATH or http(s)://... with --store.")


def filled(ontology: Sequence[Path], accepted: Accepted = NOTHING_ACCEPTED) -> EmbeddedStore:
    """Return a store in memory that holds an ontology, what was accepted on top of it, and what follows.

    :raises OntologyInvalid: if a file is not Turtle
    """
    store = EmbeddedStore()
    store.load(ontology)
    store.accept(accepted)
    store.derive_all()
    return store


def _refill(draft: EmbeddedStore, ontology: Sequence[Path], accepted: Accepted) -> None:
    fresh = filled(ontology, accepted)  # apart, so that a broken file is told before all is cleared
    for name in (ASSERTED_GRAPH, DERIVED_GRAPH, HISTORY_GRAPH):
        draft.clear(name)
        draft.load_triples(fresh.triples_of(name), name)


def select(store: Store, query: str) -> list[Row]:
    """Return the rows of a SELECT query over the knowledge as plain strings.

    :raises QueryError: if it cannot be run, or is no SELECT query
    """
    return store.answer(query).table()[1]
