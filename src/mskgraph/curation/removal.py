"""What rests on a node, and taking it away: deleting it, or putting it out of use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from rdflib import DCTERMS, OWL, SKOS, Graph, URIRef

from mskgraph import ontology
from mskgraph.curation import fitting
from mskgraph.curation.checks import Basis
from mskgraph.curation.fields import Field, fields, forms
from mskgraph.curation.nodes import called, class_of, editable, filled, out_of_use, users, values
from mskgraph.curation.triples import lines, stated
from mskgraph.errors import NodeInUse, PatchInvalid
from mskgraph.graph import Knowledge, Reference
from mskgraph.store import Patch
from mskgraph.terms import curie, iri

SHOWN: Final = 10
"""How many of many things an :class:`Impact` names."""

_NAMED: Final = 3  # of the others that use a node, in a message


@dataclass(frozen=True)
class Some:
    """Things of which there may be too many to name all.

    :ivar count: how many there are
    :ivar shown: the first :data:`SHOWN` of them, by their labels
    """

    count: int
    shown: tuple[Reference, ...]


@dataclass(frozen=True)
class Impact:
    """What rests on a node.

    :ivar users: by class and property, in words, what points at it
    :ivar parts: what goes with it
    :ivar relations: steps of paths that rest on it, as sentences; at most :data:`SHOWN`
    :ivar relation_count: how many there are
    :ivar cases: cases that mention it
    :ivar claims: how many claims of any kind point at it
    """

    node: Reference
    users: Mapping[tuple[str, str], Some]
    parts: Some
    relations: tuple[str, ...]
    relation_count: int
    cases: Some
    claims: int


def impact(basis: Basis, node: str) -> Impact:
    """Return what rests on a node.

    :raises PatchInvalid: if it has no form
    """
    kind = class_of(basis, node)
    names, known = editable(basis), forms(basis)
    gone = _whole_of(basis, node)
    grouped: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    pointing = [(user, name) for user, name, _ in users(basis.store, {node}) if user in names and user not in gone]
    for user, name in pointing:
        labels = {field.predicate: field.label for field in fields(basis, names[user].kind) if not field.inverse}
        grouped[known.labels[names[user].kind], labels.get(name, curie(name))].append(user)
    relations = sorted(set(_sentences(basis.knowledge, node, gone)))
    resting = {user for user, _ in pointing}
    return Impact(
        Reference(node, called(basis, node)),
        {key: _some(basis, grouped[key]) for key in sorted(grouped)},
        _some(basis, gone - {node}),
        tuple(relations[:SHOWN]),
        len(relations),
        _some(basis, _cases_of(basis.knowledge, resting | {node} if kind != iri("Case") else resting)),
        sum(iri("Claim") in known.above[names[user].kind] for user in resting),
    )


def deletion(basis: Basis, node: str) -> Patch:
    """Return the patch that removes a node with its parts, and the triples by which its whole, or its like, names it.

    :raises NodeInUse: if others use it or it is a concept, with what rests on it
    :raises PatchInvalid: if it has no form
    """
    kind = class_of(basis, node)
    label = called(basis, node)
    if str(SKOS.Concept) in forms(basis).above[kind]:
        reason = "a concept stays, as others may have written its name down. Mark it as out of use and name what takes "
        reason += "its place; what was added by mistake can be taken back under History."
        raise NodeInUse(label, "deleted", reason, impact(basis, node))
    gone = _whole_of(basis, node)
    removed = stated(basis.files, basis.accepted, gone)
    in_use = set()
    for user, name, target in users(basis.store, gone):
        if user in gone:
            continue
        if name in _both_ways(basis, user) or (target == node and _belongs(basis, user, name)):
            removed.add(f"<{user}> <{name}> <{target}> .")
        else:
            in_use.add(called(basis, user))
    if in_use:
        raise NodeInUse(label, "deleted", f"{_others(in_use)} Change them first.", impact(basis, node))
    return fitting(basis, Patch(frozenset(), frozenset(removed)))


def deprecation(basis: Basis, node: str, replaced_by: str) -> Patch:
    """Return the patch that marks a node as out of use and names what takes its place.

    What it had taken the place of itself is from then on replaced by that one, too.

    :raises PatchInvalid: if that is of another class, or out of use itself
    :raises NodeInUse: if others that are in use use it, with what rests on it
    """
    kind, label, out = class_of(basis, node), called(basis, node), out_of_use(basis.store)
    if replaced_by == node or class_of(basis, replaced_by) != kind or replaced_by in out:
        wanted = forms(basis).labels[kind]
        raise PatchInvalid(f"{label} is replaced by another {wanted} that is in use: choose one.")
    marked, before, in_use = Graph(), Graph(), set()
    marked.add((URIRef(node), OWL.deprecated, ontology.OUT_OF_USE))
    for user, name, _ in users(basis.store, {node}):
        if name == str(DCTERMS.isReplacedBy):
            before.add((URIRef(user), DCTERMS.isReplacedBy, URIRef(node)))
        elif user not in {node, *out}:
            in_use.add(called(basis, user))
    if in_use:
        reason = f"{_others(in_use)} Let them use {called(basis, replaced_by)} first."
        raise NodeInUse(label, "put out of use", reason, impact(basis, node))
    for replaced in {URIRef(node), *before.subjects()}:
        marked.add((replaced, DCTERMS.isReplacedBy, URIRef(replaced_by)))
    for earlier in values(basis, node).get(str(DCTERMS.isReplacedBy), ()):
        before.add((URIRef(node), DCTERMS.isReplacedBy, earlier))
    new, old = frozenset(lines(marked)), frozenset(lines(before))
    return fitting(basis, Patch(new - old, old - new))


def _whole_of(basis: Basis, node: str) -> set[str]:
    """Return a node with the parts that only it has, and the parts of these."""
    gone, fixed = set[str](), forms(basis).fixed
    parts = set[str]()
    own = {node}
    while own:
        gone |= own
        parts |= {part for each in own for part in _parts(basis, each)} - fixed
        left = parts - gone
        own = left - {part for user, _, part in users(basis.store, left) if user not in gone | left}
    return gone


def _parts(basis: Basis, node: str) -> Iterable[str]:
    own = [field for field in _fields(basis, node) if field.own]
    if own:
        now = filled(basis, node)
        for field in own:
            yield from now[field.key]


def _belongs(basis: Basis, user: str, name: str) -> bool:
    """Return whether what a node points at by a property is a part of it."""
    return any(field.own and field.key == name for field in _fields(basis, user))


def _both_ways(basis: Basis, user: str) -> Collection[str]:
    return {field.predicate for field in _fields(basis, user) if field.both_ways}


def _fields(basis: Basis, node: str) -> tuple[Field, ...]:
    """Return the fields of a node; none if it has no form."""
    known = editable(basis).get(node)
    return fields(basis, known.kind) if known else ()


def _others(labels: Collection[str]) -> str:
    return f"{len(labels)} others use it, such as {', '.join(sorted(labels)[:_NAMED])}."


def _some(basis: Basis, nodes: Iterable[str]) -> Some:
    found = sorted({Reference(node, called(basis, node)) for node in nodes}, key=lambda each: (each.label, each.iri))
    return Some(len(found), tuple(found[:SHOWN]))


def _sentences(knowledge: Knowledge, node: str, gone: Collection[str]) -> Iterable[str]:
    """Yield in words the steps that start or end at a node, or rest on one that goes with it."""
    shown = {
        (case.iri, feature)
        for case in knowledge.cases.values()
        for seen in case.observations
        if seen.iri in gone and seen.present
        for feature in (seen.finding, *seen.sites, *seen.morphologies)
    }
    for step in knowledge.edges:
        if node in (step.start, step.end) or step.claim in gone or (step.start, step.end) in shown:
            yield knowledge.words((step,))


def _cases_of(knowledge: Knowledge, nodes: Collection[str]) -> set[str]:
    """Return the cases that are among nodes, or whose observations or images are."""
    return {
        case.iri
        for case in knowledge.cases.values()
        if not set(nodes).isdisjoint({case.iri, *(o.iri for o in case.observations), *(i.iri for i in case.images)})
    }
