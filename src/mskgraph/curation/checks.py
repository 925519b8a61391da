"""What a change would leave wrong, found in the neighbourhood of the nodes that it is about.

The whole ontology is checked by :func:`mskgraph.ontology.check`; here only the changed nodes are, with as much around
them as the same rules need, so that the time does not grow with the knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from rdflib import RDF, SKOS, Graph, Literal, URIRef

from mskgraph import ontology
from mskgraph.curation.triples import graph_of, text_of
from mskgraph.graph import Knowledge
from mskgraph.ontology import MSK, Problem
from mskgraph.store import ASSERTED_GRAPH, Accepted, Answer, Dataset, EmbeddedStore, Patch, Store, is_iri, whole
from mskgraph.terms import NAMESPACE, curie, fold

CHANGE = "your change"
"""Where a problem of a change is, in place of a file."""

_NAMES = (SKOS.prefLabel, SKOS.altLabel, SKOS.hiddenLabel)


class Basis(Protocol):
    """The knowledge that a change is made for."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the ontology."""
        ...

    @property
    def store(self) -> Store:
        """Answers SPARQL over the knowledge."""
        ...

    @property
    def accepted(self) -> Accepted:
        """What was accepted on top of the files."""
        ...

    @property
    def knowledge(self) -> Knowledge:
        """Concepts, claims and cases as plain objects."""
        ...


def problems(basis: Basis, patch: Patch) -> list[Problem]:
    """Return what a change would leave wrong; nothing if it can be accepted.

    :param patch: a change that fits: what it adds is not there, what it removes is
    """
    if not patch:
        return [Problem(CHANGE, "", "It changes nothing.", "All of it is in the knowledge already.")]
    after = _after(basis.store, patch)
    around = _around(basis.store, after, patch.subjects())
    found = ontology.examine({CHANGE: after, "around": around, "shapes": _shapes(_shapes_file(basis))}, {CHANGE})
    return [*found, *_unreadable(patch), *_same_names(basis.knowledge, after), *_still_used(basis.store, patch, after)]


def _shapes_file(basis: Basis) -> Path:
    return next(path for path in basis.files if path.name == "shapes.ttl")


@lru_cache(maxsize=4)
def _read(path: Path, _state: tuple[int, int]) -> Graph:
    return ontology.read([path])


def _shapes(path: Path) -> Graph:
    stat = path.stat()
    return _read(path, (stat.st_mtime_ns, stat.st_size))


def _asserted(store: Store, query: str) -> Answer:
    """Answer a query over what is stated, without what follows from it."""
    return whole(store.evaluate(query, Dataset((ASSERTED_GRAPH,))))


def _construct(store: Store, query: str) -> Graph:
    return graph_of(_asserted(store, query).body.decode().splitlines())


def _values(nodes: Iterable[str]) -> str:
    return " ".join(f"<{node}>" for node in sorted(nodes) if is_iri(node))


def _after(store: Store, patch: Patch) -> Graph:
    """Return all triples of the changed nodes as they would be."""
    nodes = _values(patch.subjects())
    before = _asserted(store, f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ VALUES ?s {{ {nodes} }} ?s ?p ?o }}")
    # In an engine of its own, since the one asked may write literals in another way than the patch does.
    own = EmbeddedStore()
    own.load_triples(before.body)
    own.accept(Accepted(patch))
    return _construct(own, "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }")


def _around(store: Store, after: Graph, changed: set[str]) -> Graph:
    """Return what the rules need to know besides: what is mentioned, what it is, and what it is a kind or part of."""
    mentioned = {str(term) for triple in after for term in triple if isinstance(term, URIRef)} - changed
    ours = _values({node for node in mentioned if node.startswith(NAMESPACE)})
    named = _values(mentioned)
    around = _construct(store, f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ VALUES ?s {{ {ours} }} ?s ?p ?o }}")
    around += _construct(
        store,
        f"CONSTRUCT {{ ?t a ?c }} WHERE {{ VALUES ?s {{ {ours} }} ?s ?p ?t . ?t a ?c }}",
    )
    around += _construct(store, f"CONSTRUCT {{ ?p a ?c }} WHERE {{ VALUES ?p {{ {named} }} ?p a ?c }}")
    around += _construct(store, "CONSTRUCT { ?c rdfs:subClassOf ?d ; a owl:Class } WHERE { ?c rdfs:subClassOf ?d }")
    for relation in ("skos:broader", "msk:partOf"):
        around += _construct(
            store,
            f"CONSTRUCT {{ ?a {relation} ?b }} WHERE {{ VALUES ?s {{ {ours} }} ?s {relation}* ?a . ?a {relation} ?b }}",
        )
    for subject in changed:
        around.remove((URIRef(subject), None, None))
    return around


def _unreadable(patch: Patch) -> Iterator[Problem]:
    """Yield texts with marks that cannot be seen: they hide what is said, or turn it round."""
    for line in sorted(patch.added):
        bad = next((mark for mark in text_of(line) if not mark.isprintable() and mark not in "\n\t"), None)
        if bad is not None:
            message = f"A text holds a mark that cannot be seen ({bad!a})."
            yield Problem(CHANGE, curie(line[1 : line.index(">")]), message, "Take it out: type the text anew.")


def _same_names(knowledge: Knowledge, after: Graph) -> Iterator[Problem]:
    """Yield names that another concept has already."""
    bearers = {fold(name.text): name.iri for name in knowledge.lexicon.names if knowledge.kind(name.iri) != "case"}
    for predicate in _NAMES:
        for node, name in after.subject_objects(predicate):
            bearer = bearers.get(fold(str(name)))
            mine = (node, RDF.type, MSK.Case) in after
            if bearer and bearer != str(node) and isinstance(name, Literal) and not mine:
                message = f'"{name}" is also a name of {curie(bearer)}.'
                yield Problem(CHANGE, curie(str(node)), message, "Use that concept, or make the name more specific.")


def _still_used(store: Store, patch: Patch, after: Graph) -> Iterator[Problem]:
    """Yield nodes that would be gone while others still point at them."""
    gone = {node for node in patch.subjects() if (URIRef(node), RDF.type, None) not in after}
    if not gone:
        return
    own = ", ".join(f"<{node}>" for node in sorted(patch.subjects()))
    query = f"SELECT ?node ?user {{ VALUES ?node {{ {_values(gone)} }} ?user ?p ?node FILTER(?user NOT IN ({own})) }}"
    for row in _asserted(store, query).table()[1]:
        message = f"It would be gone, but {curie(row['user'])} still uses it."
        yield Problem(CHANGE, curie(row["node"]), message, "Change that first, or say owl:deprecated true instead.")
