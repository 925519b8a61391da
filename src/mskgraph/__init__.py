"""A knowledge graph of musculoskeletal ultrasound: from findings to candidate diagnoses, with every source.

>>> from mskgraph import KnowledgeGraph
>>> kg = KnowledgeGraph.open()
>>> kg.differential(["soft tissue calcification"]).candidates[0].label
'dystrophic calcification'
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple
from weakref import WeakKeyDictionary

from mskgraph import ontology
from mskgraph.curation import Journal, accepted, graph_of, names_given
from mskgraph.errors import MskGraphError, QueryError, StoreError
from mskgraph.graph import Knowledge, build, read_lexicon
from mskgraph.store import (
    Accepted,
    EmbeddedStore,
    Patch,
    Row,
    Store,
    filled,
    is_iri,
    load_files,
    open_store,
    query_text,
    select,
)
from mskgraph.terms import Lexicon

if TYPE_CHECKING:
    import networkx
    import pandas
    import rdflib

    from mskgraph.differential import Differential, Regime
    from mskgraph.graph import Direction
    from mskgraph.graph import Path as GraphPath
    from mskgraph.sparql import Worker

__all__ = ["KnowledgeGraph", "__version__"]

__version__ = version("mskgraph")

_LABELS = 5_000  # nodes whose labels are asked for at once
_FORESEEN = 2  # stores of changes that are being looked at


@dataclass(frozen=True)
class KnowledgeGraph:
    """The ontology, opened: everything that can be asked of it from Python.

    Concepts are named by label, synonym, CURIE or IRI, in any case.

    :ivar files: the files it was read from
    :ivar content_hash: SHA-256 of those files and of what was accepted since; the same hash is the same knowledge
    :ivar url: of the store; empty for the embedded one in memory
    :ivar revision: hash of the last accepted change; empty if there is none
    :ivar accepted: what the accepted changes do to the files
    :ivar store: answers SPARQL
    """

    files: tuple[Path, ...]
    content_hash: str
    url: str
    revision: str
    accepted: Accepted
    store: Store

    @classmethod
    def open(cls, store: str | None = None) -> KnowledgeGraph:
        """Open the ontology that comes with the package, or the one that ``MSKGRAPH_ONTOLOGY`` names.

        Files that did not change are not read again.

        :param store: URL of the store; ``MSKGRAPH_STORE`` if not given, else the embedded engine
        :raises OntologyNotFound: if there is no ontology
        :raises OntologyInvalid: if a file is not Turtle
        :raises StoreError: if the store cannot be opened
        """
        return _open(located(store))

    @property
    def knowledge(self) -> Knowledge:
        """Concepts, claims and cases as plain objects, and the paths between them."""
        found = _knowledge.get(self.store)
        if found is None:
            with ontology.without_collection():
                found = _knowledge[self.store] = build(self.store, self.lexicon)
        return found

    @cached_property
    def lexicon(self) -> Lexicon:
        """What everything is called: a small part of :attr:`knowledge`, read in a small part of the time."""
        known = _knowledge.get(self.store)
        return known.lexicon if known else read_lexicon(self.store)

    @cached_property
    def worker(self) -> Worker:
        """Runs SPARQL queries that somebody else wrote, apart from this process and under limits."""
        from mskgraph.sparql import Worker

        return Worker(self.files, self.content_hash, self.url, self.accepted)

    def find(self, *texts: str) -> list[str]:
        """Return the IRIs of the concepts that texts name.

        :raises UnknownTerm: at the first text that names none, with the nearest labels
        """
        return [self.lexicon.find(text) for text in texts]

    def differential(
        self, present: Sequence[str], absent: Sequence[str] = (), regime: Regime = "stated"
    ) -> Differential:
        """Return the candidate diagnoses for features seen and features confirmed absent.

        :param present: names of findings, morphologies, sites and contexts
        :param absent: names of what was looked for and not seen
        :param regime: ``"stated"`` prevalence, or ``"equal"`` to leave prevalence out
        :raises UnknownTerm: with the nearest labels
        """
        from mskgraph.differential import differential

        return differential(self.knowledge, self.find(*present), self.find(*absent), regime)

    def paths(
        self,
        start: str,
        end: str,
        max_length: int = 4,
        limit: int = 10,
        relations: Iterable[str] = (),
        direction: Direction = "any",
    ) -> list[GraphPath]:
        """Return the shortest paths between two concepts or cases, shortest first.

        :raises UnknownTerm: with the nearest labels
        """
        first, last = self.find(start, end)
        return self.knowledge.paths(first, last, max_length, limit, tuple(relations), direction)

    def query(self, sparql: str) -> pandas.DataFrame:
        """Return the rows of a SELECT query: one column a variable, all of dtype str, missing where unbound.

        :raises QueryError: with line and column of a syntax error
        """
        import pandas

        names, rows = self.store.answer(sparql).table()
        return pandas.DataFrame(rows, columns=names, dtype="str")

    def labels(self, iris: Iterable[str]) -> dict[str, str]:
        """Return what nodes are called, whatever they are and in whichever graph of the store; those with no name not.

        :raises StoreError: if the store does not answer
        """
        from mskgraph.sparql import Request

        return self._labels(iris, lambda query: self.worker.run(Request(query)).answer.table()[1])

    def _labels(self, iris: Iterable[str], rows: Callable[[str], Iterable[Row]]) -> dict[str, str]:
        known = self.lexicon.labels
        asked = set(iris)
        found = {iri: known[iri] for iri in asked & known.keys()}
        if rest := sorted(iri for iri in asked - known.keys() if is_iri(iri)):
            for row in rows(query_text("labels", node=rest[:_LABELS])):
                found.setdefault(row["node"], row["label"])
        return found

    def to_networkx(self) -> networkx.MultiDiGraph:
        """Return concepts, cases and one-step relations as a networkx graph (see :meth:`Knowledge.to_networkx`)."""
        return self.knowledge.to_networkx()

    def to_rdflib(self) -> rdflib.Graph:
        """Return the triples of the files and of what was accepted since as an rdflib graph, literals as written."""
        graph = ontology.read(self.files)
        for triple in graph_of(self.accepted.patch.removed):
            graph.remove(triple)
        for triple in graph_of(self.accepted.patch.added):
            graph.add(triple)
        return graph

    def changed_by(self, patch: Patch) -> KnowledgeGraph:
        """Return the knowledge as it would be with a patch, in an embedded store without history; nothing is changed.

        What was last looked at is often what is accepted next, and is at hand then.
        """
        changes = Accepted(self.accepted.patch.then(patch), self.accepted.history)
        state = _State(self.files, ontology.content_hash(self.files), changes.patch)
        store = _foreseen.get(state)
        if store is None:
            store = _foreseen[state] = filled(self.files, Accepted(changes.patch))
        for old in list(_foreseen)[:-_FORESEEN]:
            _foreseen.pop(old, None)
        return KnowledgeGraph(self.files, "", "", self.revision, changes, store)

    def labels_after(self, *patches: Patch) -> dict[str, str]:
        """Return what the nodes that patches name are called, those included that a patch itself names.

        The knowledge alone is asked, which needs no process apart.
        """
        terms = {term for patch in patches for term in patch.terms()}
        return names_given(patches) | self._labels(terms, lambda query: select(self.store, query))

    def export(self, form: Literal["ttl", "nq", "jsonld"], with_history: bool = False) -> str:
        """Return the knowledge as it stands as one RDF document, without the derived triples.

        :param with_history: whether to add who changed what, when and why
        """
        graph = self.to_rdflib()
        if with_history:
            graph += graph_of(self.accepted.history().splitlines())
        return ontology.serialize(graph, form)


class Located(NamedTuple):
    """What a knowledge graph is opened from.

    :ivar files: of the ontology
    :ivar content_hash: of these and of what was accepted
    :ivar url: of the store
    :ivar accepted: changes on top of the files
    :ivar revision: hash of the last of them
    """

    files: tuple[Path, ...]
    content_hash: str
    url: str
    accepted: Accepted
    revision: str


def located(store: str | None = None) -> Located:
    """Return the files of the ontology, what was accepted since, and the URL of the store, without opening anything.

    :param store: URL of the store; ``MSKGRAPH_STORE`` if not given, else the embedded engine
    :raises OntologyNotFound: if there is no ontology
    """
    files = tuple(ontology.files(ontology.find()))
    url = os.environ.get("MSKGRAPH_STORE", "") if store is None else store
    revision, changes = accepted(Journal())
    content = ontology.content_hash(files)
    if revision:
        content = sha256(f"{content} {revision}".encode()).hexdigest()
    return Located(files, content, url, changes, revision)


def open_to_change() -> KnowledgeGraph:
    """Open the knowledge as changes are checked against it.

    An engine elsewhere may lag behind what was accepted, or hold what somebody else has put there: then files and
    journal are asked themselves.
    """
    return KnowledgeGraph.open("" if _is_elsewhere(os.environ.get("MSKGRAPH_STORE", "")) else None)


def bring_up_to_date() -> None:
    """Let the engine that ``MSKGRAPH_STORE`` names hold what was accepted; other stores see to that when opened.

    :raises MskGraphError: if the engine does not take it; what was accepted stays accepted
    """
    loaded, origin = "", located()
    while _is_elsewhere(origin.url) and loaded != origin.content_hash:  # else who is slower takes it back
        try:
            load_files(origin.url, origin.files, origin.content_hash, accepted=origin.accepted)
        except (QueryError, StoreError) as error:
            raise MskGraphError(
                f"The change is accepted, but not in the engine yet: {error} Then run: mskgraph load"
            ) from None
        loaded, origin = origin.content_hash, located()


def _is_elsewhere(url: str) -> bool:
    return url.startswith(("http://", "https://"))


class _State(NamedTuple):
    """What embedded stores hold but for the history.

    :ivar content: hash of the files
    """

    files: tuple[Path, ...]
    content: str
    patch: Patch


_foreseen: dict[_State, EmbeddedStore] = {}
_knowledge: WeakKeyDictionary[Store, Knowledge] = WeakKeyDictionary()


@lru_cache(maxsize=4)
def _open(origin: Located) -> KnowledgeGraph:
    files, content_hash, url, changes, revision = origin
    foreseen = None if url else _foreseen.pop(_State(files, ontology.content_hash(files), changes.patch), None)
    if foreseen is None:
        store = open_store(url, files, content_hash, changes)
    else:
        foreseen.accept(Accepted(history=changes.history))
        store = foreseen
    return KnowledgeGraph(files, content_hash, url, revision, changes, store)
