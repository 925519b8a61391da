"""What a change would leave wrong, found in the neighbourhood of the nodes that it is about.

The whole ontology is checked by :func:`mskgraph.ontology.check`; here only the changed nodes are, with as much around
them as the same rules need, so that the time does not grow with the knowledge.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from rdflib import DCTERMS, OWL, RDF, SKOS, Graph, Literal, URIRef
from rdflib.term import Node

from mskgraph import ontology
from mskgraph.curation.triples import graph_of, lines, stated
from mskgraph.differential.coherence import avoids_sure_loss, incoherent
from mskgraph.differential.estimates import Bounds, bounds
from mskgraph.errors import OntologyInvalid
from mskgraph.graph import Knowledge, read_estimates
from mskgraph.ontology import MSK, Problem
from mskgraph.store import ASSERTED_GRAPH, Accepted, Answer, Dataset, EmbeddedStore, Patch, Store, is_iri, whole
from mskgraph.terms import NAMESPACE, Lexicon, curie

CHANGE = "your change"
"""Where a problem of a change is, in place of a file."""

MOST = 5_000
"""Triples that a change may have."""

LONGEST = 10_000
"""Characters that a text may have."""

_USERS = 500
Triple = tuple[Node, Node, Node]

_NAMES = (SKOS.prefLabel, SKOS.altLabel, SKOS.hiddenLabel)


class Basis(Hashable, Protocol):
    """The knowledge that a change is made for; two that are equal hold the same."""

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
    def lexicon(self) -> Lexicon:
        """What concepts and cases are called."""
        ...

    @property
    def knowledge(self) -> Knowledge:
        """Concepts, claims and cases as plain objects."""
        ...


def problems(basis: Basis, patch: Patch) -> list[Problem]:
    """Return what a change would leave wrong; nothing if it can be accepted.

    :param patch: a change that fits: what it adds is not there, what it removes is
    """
    return list(_problems(basis, patch))


@lru_cache(maxsize=2)  # what somebody has looked at is checked once more when it is accepted, most often a moment later
def _problems(basis: Basis, patch: Patch) -> Sequence[Problem]:
    if not patch:
        return [Problem(CHANGE, "", "It changes nothing.", "All of it is in the knowledge already.")]
    if len(patch.added) + len(patch.removed) > MOST:
        return [Problem(CHANGE, "", f"It has more than {MOST} triples.", "Propose it in parts that can be looked at.")]
    if found := [*_unreadable(patch), *_foreign(basis, patch)]:
        return found
    after = left_by(basis, patch, patch.subjects())
    around = _around(basis.store, after, patch.subjects())
    for mapping in _mappings(after, patch):  # has a file of its own, where it may stay
        after.remove(mapping)
        around.add(mapping)
    graphs = {
        CHANGE: after,
        "around": around + _users(basis.store, patch.subjects()),
        "shapes": _contents(basis, "shapes.ttl"),
    }
    used = list(_still_used(basis.store, patch, after))
    gone = {problem.node for problem in used}
    found = [
        *used,
        *(problem for problem in ontology.examine(graphs, {CHANGE}) if problem.node not in gone),  # follows from it
        *_same_names(basis.lexicon, after),
        *_out_of_use(basis.store, patch, after),
    ]
    return found or list(_impossible(basis.store, after, around))  # numbers are looked at once they are whole


def left_by(basis: Basis, patch: Patch, nodes: set[str]) -> Graph:
    """Return what a change leaves said of nodes, of which those that it is about are some."""
    return graph_of((stated(basis.files, basis.accepted, nodes) - patch.removed) | patch.added)


def _contents(basis: Basis, name: str) -> Graph:
    """Return what is in a file of the ontology."""
    return _parsed(name, next(path for path in basis.files if path.name == name).read_bytes())


@lru_cache(maxsize=4)
def _parsed(name: str, content: bytes) -> Graph:
    found = ontology.parse_text(content.decode(), name)
    if isinstance(found, Problem):
        raise OntologyInvalid([found])
    return found


def asserted(store: Store, query: str) -> Answer:
    """Answer a query over what is stated, without what follows from it."""
    return whole(store.evaluate(query, Dataset((ASSERTED_GRAPH,))))


def _construct(store: Store, query: str) -> Graph:
    """Return what a query constructs, without the blank nodes of the schema's syntax."""
    found = asserted(store, query).body.decode().splitlines()
    return graph_of(line for line in found if not line.startswith("_:") and not line.rsplit(" ", 2)[1].startswith("_:"))


def values(nodes: Iterable[str]) -> str:
    """Return nodes as a block VALUES of SPARQL lists them."""
    return " ".join(f"<{node}>" for node in sorted(nodes) if is_iri(node))


def _mappings(after: Graph, patch: Patch) -> list[Triple]:
    """Return the mappings of the changed nodes that the change leaves as they are."""
    new = graph_of(patch.added)
    relations = (SKOS.exactMatch, SKOS.closeMatch, SKOS.broadMatch, SKOS.narrowMatch)
    return [triple for triple in after if triple[1] in relations and triple not in new]


def _around(store: Store, after: Graph, changed: set[str]) -> Graph:
    """Return what the rules need to know besides: what is mentioned, what it is, and what it is a kind or part of."""
    mentioned = {str(term) for triple in after for term in triple if isinstance(term, URIRef)} - changed
    ours = values({node for node in mentioned if node.startswith(NAMESPACE)})
    named = values(mentioned)
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


def _users(store: Store, nodes: set[str]) -> Graph:
    """Return who points at nodes, as some rules are about that; how many do, none asks."""
    own = ", ".join(f"<{node}>" for node in sorted(nodes) if is_iri(node))
    where = f"VALUES ?s {{ {values(nodes)} }} ?user ?p ?s ; a ?class FILTER(?user NOT IN ({own}))"
    return _construct(store, f"CONSTRUCT {{ ?user ?p ?s ; a ?class }} WHERE {{ {where} }} LIMIT {_USERS}")


def _impossible(store: Store, after: Graph, around: Graph) -> Iterator[Problem]:
    """Yield numbers that cannot be, and tables that no distribution fits, of those that the change touches."""
    changed = {str(estimate) for estimate in after.subjects(RDF.type, MSK.Estimate)}
    rows = values(changed | {str(row) for row in after.subjects(RDF.type, MSK.TableRow)})
    tables = {str(table) for table in after.objects(None, MSK.table)}
    found = asserted(store, f"SELECT ?t {{ VALUES ?x {{ {rows} }} ?x (^msk:estimate)?/msk:table ?t }}").table()[1]
    tables |= {row["t"] for row in found}
    both = after + around
    for path in ("", "/msk:estimate", "/msk:estimate/msk:frequencyWord"):
        where = f"VALUES ?t {{ {values(tables)} }} ?t ^msk:table{path} ?s . ?s ?p ?o"
        both += _construct(store, f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ {where} }}")
    both += _construct(store, f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ VALUES ?s {{ {values(tables)} }} ?s ?p ?o }}")
    for subject in set(after.subjects()):
        both.remove((subject, None, None))
    both += after
    own = EmbeddedStore()
    own.load_triples("\n".join(lines(both)).encode())
    limits: dict[str, Bounds] = {}
    for name, estimate in read_estimates(own).items():
        try:
            limits[name] = bounds(estimate)
        except ValueError as error:
            if name in changed:
                remedy = "Correct it: bounds in order between 0 and 1, n at most m, marks before a limit."
                yield Problem(CHANGE, curie(name), f"An estimate is impossible: {error}.", remedy)
    for table in sorted(tables):
        shares = [
            limits[str(estimate)]
            for row in both.subjects(MSK.table, URIRef(table))
            for estimate in both.objects(row, MSK.estimate)
            if str(estimate) in limits
        ]
        if not avoids_sure_loss(shares):
            title = str(both.value(URIRef(table), DCTERMS.title) or curie(table))
            fault = incoherent(table, title, shares)
            yield Problem(CHANGE, title, fault.message, fault.remedy)


def _foreign(basis: Basis, patch: Patch) -> Iterator[Problem]:
    """Yield nodes that a change cannot be about: of other vocabularies, and of the schema, which people agree on."""
    fixed = {*_contents(basis, "schema.ttl").subjects(), *_contents(basis, "shapes.ttl").subjects()}
    for node in sorted(patch.subjects()):
        if not node.startswith(NAMESPACE):
            remedy = "Describe a node of the ontology, msk:..., and point from it at that one."
            yield Problem(CHANGE, curie(node), "It is no node of this ontology.", remedy)
        elif URIRef(node) in fixed:
            remedy = "Propose such a change to the maintainers: it is about all knowledge at once."
            yield Problem(CHANGE, curie(node), "It belongs to the schema, which is not changed here.", remedy)
    for thing, kind in graph_of(patch.added).subject_objects(RDF.type):
        if not str(kind).startswith(NAMESPACE):
            message = f"{curie(str(kind))} is no class of things that can be added."
            yield Problem(CHANGE, curie(str(thing)), message, "Say which it is: msk:Finding, msk:Association, ...")


def _unreadable(patch: Patch) -> Iterator[Problem]:
    """Yield texts without an end, marks that cannot be seen, and values and addresses that the rules could not read."""
    for triple in graph_of(patch.added):
        node = curie(str(triple[0]))
        for term in triple:
            text = str(term)
            if len(text) > LONGEST:
                yield Problem(CHANGE, node, f"A text has more than {LONGEST} characters.", "Say it shorter.")
                continue
            bad = next((mark for mark in text if not mark.isprintable() and mark not in "\n\t"), None)
            if bad is not None:
                yield Problem(CHANGE, node, f"It holds a mark that cannot be seen ({bad!a}).", "Type it anew without.")
            if isinstance(term, URIRef) and not text.startswith(("http://", "https://")):
                message = f"{text[:80]} is no address of the web."
                yield Problem(CHANGE, node, message, "An IRI begins with http:// or https://, or is msk:...")
            if isinstance(term, Literal) and not ontology.is_value(term):
                message = f"{text[:80]!r} is no value of {curie(str(term.datatype))}."
                yield Problem(CHANGE, node, message, "Correct the value or its type.")


def _same_names(lexicon: Lexicon, after: Graph) -> Iterator[Problem]:
    """Yield names that another concept in use has already."""
    out = set(after.subjects(OWL.deprecated, ontology.OUT_OF_USE))
    for predicate in _NAMES:
        for node, name in after.subject_objects(predicate):
            others = (
                other.iri
                for other in lexicon.named(str(name))
                if not other.former and other.kind != "case" and URIRef(other.iri) not in {node, *out}
            )
            bearer = next(others, None)
            apart = node in out or (node, RDF.type, MSK.Case) in after
            if bearer and isinstance(name, Literal) and not apart:
                message = f'"{name}" is also a name of {curie(bearer)}.'
                yield Problem(CHANGE, curie(str(node)), message, "Use that concept, or make the name more specific.")


def _still_used(store: Store, patch: Patch, after: Graph) -> Iterator[Problem]:
    """Yield nodes that would be gone while others still point at them."""
    gone = {node for node in patch.subjects() if (URIRef(node), RDF.type, None) not in after}
    if not gone:
        return
    own = ", ".join(f"<{node}>" for node in sorted(patch.subjects()))
    query = f"SELECT ?node ?user {{ VALUES ?node {{ {values(gone)} }} ?user ?p ?node FILTER(?user NOT IN ({own})) }}"
    for row in asserted(store, query).table()[1]:
        message = f"It would be gone, but {curie(row['user'])} still uses it."
        yield Problem(CHANGE, curie(row["node"]), message, "Change that first, or say owl:deprecated true instead.")


def _out_of_use(store: Store, patch: Patch, after: Graph) -> Iterator[Problem]:
    """Yield nodes that would be out of use while others use them, or have been replaced by them."""
    out = {str(node) for node in after.subjects(OWL.deprecated, ontology.OUT_OF_USE)}
    if not out:
        return
    own = ", ".join(f"<{node}>" for node in sorted(patch.subjects()))
    query = f"""SELECT DISTINCT ?node ?user {{
        VALUES ?node {{ {values(out)} }}
        ?user ?p ?node
        FILTER(?user NOT IN ({own}))
        FILTER(?p = dcterms:isReplacedBy || NOT EXISTS {{ ?user owl:deprecated true }})
    }}"""
    for row in asserted(store, query).table()[1]:
        message = f"It would be out of use, but {curie(row['user'])} still uses it."
        remedy = "Change that first: let it use what takes its place."
        yield Problem(CHANGE, curie(row["node"]), message, remedy)
