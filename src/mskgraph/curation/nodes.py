"""Any node that has a form: what is said of it, what the form is filled with and offers, and what it is called."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from rdflib import URIRef
from rdflib.term import Node

from mskgraph import ontology
from mskgraph.curation.checks import Basis, asserted
from mskgraph.curation.checks import values as listed
from mskgraph.curation.fields import INVERSE, Field, fields, forms
from mskgraph.curation.triples import graph_of, stated
from mskgraph.errors import PatchInvalid
from mskgraph.graph import BROADER, PART_OF, Knowledge
from mskgraph.store import Row, Store
from mskgraph.terms import curie, fold, iri, local_name

KNOWN_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "Association": ("diagnosis", "feature", "leadsTo", "progressesTo", "mistakenFor", "occursWith", "dcterms:source"),
    "TableRow": ("table", "diagnosis"),
    "Occurrence": ("concept", "dcterms:source"),
    "Criterion": ("quantity",),
    "Discriminator": ("given", "pointsTo"),
    "TeachingPoint": ("text",),
    "Observation": ("^observation", "finding"),
    "Image": ("dcterms:identifier",),
    "Estimate": ("stated",),
}
"""By what nodes without a title are known, and so named; docs/model.md has the names."""

FEW: Final = 2
"""How many values of a property a node is known by, if it has several."""

_HIERARCHIES: Final = (BROADER, PART_OF)
_LONGEST: Final = 100  # characters of what a node is called


def values(basis: Basis, node: str) -> dict[str, tuple[Node, ...]]:
    """Return what is stated of a node, by IRI of the property, literals as they were written; nothing if nothing is."""
    found: defaultdict[str, list[Node]] = defaultdict(list)
    for _, predicate, value in graph_of(stated(basis.files, basis.accepted, {node})):
        found[str(predicate)].append(value)
    return {name: tuple(sorted(found[name], key=lambda term: (str(term), term.n3()))) for name in sorted(found)}


def class_of(basis: Basis, node: str) -> str:
    """Return the class of a node, by whose form it is edited.

    :raises PatchInvalid: if it is none that has a form
    """
    if kind := _kind(basis, node):
        return kind
    raise PatchInvalid(f"{curie(node)} is no node that can be edited. Look it up: it may have been deleted meanwhile.")


def filled(basis: Basis, node: str) -> dict[str, tuple[str, ...]]:
    """Return what the form of a node is filled with: of its values those that the fields can show.

    :returns: texts by key of a field, one at most where there may be no more
    :raises PatchInvalid: if it has no form
    """
    said, found = values(basis, node), {}
    pointing = users(basis.store, {node})
    for field in fields(basis, class_of(basis, node)):
        if field.inverse:
            terms: Iterable[Node] = (URIRef(user) for user, name, _ in pointing if name == field.predicate)
        else:
            terms = said.get(field.predicate, ())
        texts = tuple(text for term in terms if (text := field.text(term)) is not None)
        found[field.key] = texts if field.several else texts[:1]
    return found


def options(basis: Basis, field: Field, node: str = "") -> dict[str, str]:
    """Return the nodes that fit into a field with their labels, in the order of these; none for a field of texts.

    :param node: whose field it is, if there is one yet; what it holds already is among them, whatever it is
    """
    if field.kind != "node":
        return {}
    known, names = forms(basis), editable(basis)
    barred = {node, *field.never, *out_of_use(basis.store), *_full(basis, field, node)}
    if field.predicate in _HIERARCHIES and node:
        barred |= _below(basis.store, node, field.predicate)
    fits = {
        each: label
        for each, (kind, label, _) in names.items()
        if known.above[kind] & set(field.classes) and each not in barred and (not field.among or each in field.among)
    }
    for held in filled(basis, node).get(field.key, ()) if node else ():
        fits.setdefault(held, called(basis, held))
    return dict(sorted(fits.items(), key=lambda item: (item[1].casefold(), item[0])))


def _full(basis: Basis, field: Field, node: str) -> set[str]:
    """Return nodes that cannot be in a field because they are another's part, or have such a value already."""
    if field.inverse:
        single = {
            kind
            for kind in field.classes
            for each in fields(basis, kind)
            if each.predicate == field.predicate and not each.several
        }
        pairs = _pairs(basis.store, [field.predicate])
        return {user for user, value in pairs if value != node and _kind(basis, user) in single}
    backwards = [each for kind in field.classes for each in fields(basis, kind) if each.inverse]
    if not field.own and all(each.several for each in backwards if each.predicate == field.predicate):
        return set()
    held = {value for user, value in _pairs(basis.store, [each.predicate for each in backwards]) if user != node}
    return held - forms(basis).fixed


def called(basis: Basis, node: str) -> str:
    """Return what a node is called; what has no title, by its class and what it is about."""
    known = editable(basis).get(node)
    return known.label if known else curie(node)


def property_labels(basis: Basis) -> dict[str, str]:
    """Return what forms call the properties, by their IRIs."""
    return {f.predicate: f.label for each in forms(basis).fields.values() for f in each if not f.inverse}


def worded(basis: Basis, text: str) -> str:
    """Return a text with labels in place of the names of nodes and properties, as a check's message has them."""
    known = property_labels(basis)

    def label(name: re.Match[str]) -> str:
        return known.get(iri(name[0])) or called(basis, iri(name[0]))

    return re.sub(r"\b(?:msk|skos|dcterms):[\w-]+", label, text)


def subjects(basis: Basis, text: str) -> dict[str, str]:
    """Return the nodes that can be edited in whose labels every word typed is, with these, those first that begin so.

    Concepts and cases are found by their other names, too.
    """
    names, fixed, start = editable(basis), forms(basis).fixed, fold(text)
    if not start:
        return {}
    by_label = {node for node, named in names.items() if all(word in named.folded for word in start.split())}
    by_name = set(basis.knowledge.lexicon.search(text, limit=len(names)))
    found = [(node, names[node]) for node in (by_label | by_name) & names.keys() - fixed]
    found.sort(key=lambda item: (not item[1].folded.startswith(start), len(item[1].label), item[1].label, item[0]))
    return {node: named.label for node, named in found}


def properties_for(basis: Basis, node: str) -> list[Field]:
    """Return the fields of a node in which there is room for one more value.

    :raises PatchInvalid: if it has no form
    """
    said, now = values(basis, node), filled(basis, node)

    def has_room(field: Field) -> bool:
        rivals = set(field.either) - {field.key}
        held = now[field.key] or (not field.inverse and said.get(field.predicate))
        return (field.several or not held) and not any(now[rival] for rival in rivals)

    return [field for field in fields(basis, class_of(basis, node)) if has_room(field)]


# What the store knows


def _rows(store: Store, query: str) -> list[Row]:
    return asserted(store, query).table()[1]


def users(store: Store, nodes: Collection[str]) -> list[tuple[str, str, str]]:
    """Return what points at nodes, by which property, at which: IRIs, sorted."""
    if not nodes:
        return []
    rows = _rows(store, f"SELECT ?u ?p ?n {{ VALUES ?n {{ {listed(nodes)} }} ?u ?p ?n FILTER(isIRI(?u)) }}")
    return sorted((row["u"], row["p"], row["n"]) for row in rows)


def _pairs(store: Store, predicates: Iterable[str]) -> list[tuple[str, str]]:
    """Return what points at what by some properties."""
    rows = _rows(store, f"SELECT ?u ?v {{ VALUES ?p {{ {listed(set(predicates))} }} ?u ?p ?v }}")
    return [(row["u"], row["v"]) for row in rows]


def out_of_use(store: Store) -> set[str]:
    """Return the nodes that are marked as out of use."""
    return {row["n"] for row in _rows(store, "SELECT ?n { ?n owl:deprecated true }")}


def _below(store: Store, node: str, predicate: str) -> set[str]:
    return {row["n"] for row in _rows(store, f"SELECT ?n {{ ?n <{predicate}>+ <{node}> }}")}


def _kind(basis: Basis, node: str) -> str:
    known = editable(basis).get(node)
    return known.kind if known else ""


class Named(NamedTuple):
    """A node that has a form.

    :ivar kind: IRI of its class
    :ivar label: its title, or its class and what it is about
    :ivar folded: the label as it is compared
    """

    kind: str
    label: str
    folded: str


_named: WeakKeyDictionary[Knowledge, Mapping[str, Named]] = WeakKeyDictionary()


def editable(basis: Basis) -> Mapping[str, Named]:
    """Return every node that has a form, by its IRI; collected once for a state of the knowledge."""
    found = _named.get(basis.knowledge)
    if found is None:
        with ontology.without_collection():
            found = _named[basis.knowledge] = _named_in(basis.store, forms(basis).labels)
    return found


def _named_in(store: Store, labels: Mapping[str, str]) -> dict[str, Named]:
    rows = _rows(store, f"SELECT ?n ?c {{ VALUES ?c {{ {listed(labels)} }} ?n a ?c }}")
    kinds = {row["n"]: row["c"] for row in rows}
    titles = {
        row["n"]: row["l"]
        for row in _rows(store, "SELECT ?n ?l { ?n skos:prefLabel|rdfs:label|dcterms:title ?l }")
        if row["n"] in kinds
    }
    told: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in {each for names in KNOWN_BY.values() for each in names}:
        path = name.removeprefix(INVERSE) if ":" in name else f"msk:{name.removeprefix(INVERSE)}"
        ends = "?v {} ?n" if name.startswith(INVERSE) else "?n {} ?v"
        for row in _rows(store, f"SELECT ?n ?v {{ {ends.format(path)} }}"):
            told[row["n"]][name].append(titles.get(row["v"], row["v"]))
    found = {}
    for node, kind in kinds.items():
        words = [word for name in KNOWN_BY.get(local_name(kind), ()) for word in sorted(told[node][name])[:FEW]]
        label = titles.get(node) or f"{labels[kind]}: {', '.join(words) or local_name(node)}"
        label = label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"
        found[node] = Named(kind, label, fold(label))
    return found
