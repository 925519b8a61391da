"""Any node by a form: what it says in fields, what was changed there as a patch, and what rests on it.

A form holds texts by the key of a field; what it does not show, it does not touch: other languages, other types, a
second value where one is shown, properties without a field.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from rdflib import DCTERMS, OWL, RDF, SKOS, Graph, URIRef
from rdflib.term import Node

from mskgraph import ontology
from mskgraph.curation import fitting
from mskgraph.curation.checks import Basis
from mskgraph.curation.fields import INVERSE, Field, fields, forms
from mskgraph.curation.forms import Draft, free, is_taken, slug
from mskgraph.curation.triples import graph_of, lines, stated
from mskgraph.errors import NodeInUse, PatchInvalid, ValuesChanged
from mskgraph.graph import BROADER, PART_OF, Knowledge, Reference
from mskgraph.store import ASSERTED_GRAPH, Dataset, Patch, Row, Store, is_iri, whole
from mskgraph.terms import NAMESPACE, curie, fold, iri, local_name

SHOWN: Final = 10
"""How many of many things an :class:`Impact` names."""

_TITLES: Final = ("skos:prefLabel", "dcterms:title", "rdfs:label")
_TOLD_BY: Final[Mapping[str, tuple[str, ...]]] = {
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

_PREFIXES: Final[Mapping[str, str]] = {
    **{name: name.lower() for name in ("Source", "Case", "Occurrence", "Criterion", "Discriminator", "Image")},
    "DifferentialTable": "table",
    "TeachingPoint": "teaching",
}
_HIERARCHIES: Final = (BROADER, PART_OF)
_LONGEST: Final = 100  # characters of what a node is called
_TOLD: Final = 2  # of several values that it is known by


@dataclass(frozen=True)
class New:
    """A value that is a node which is not there yet, with a form of its own.

    :ivar kind: IRI of its class
    """

    kind: str
    values: Form


Form = Mapping[str, Sequence[str | New]]
"""What a form holds: by key of a field its values; nodes by their IRIs."""


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


# What there is


def values(basis: Basis, node: str) -> dict[str, tuple[Node, ...]]:
    """Return what is stated of a node, by property, literals as they were written."""
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

    :raises PatchInvalid: if it has no form
    """
    said, found = values(basis, node), {}
    users = _users(basis.store, {node})
    for field in fields(basis, class_of(basis, node)):
        if field.inverse:
            terms: Iterable[Node] = (URIRef(user) for user, name, _ in users if name == field.predicate)
        else:
            terms = said.get(field.predicate, ())
        texts = tuple(text for term in terms if (text := field.text(term)) is not None)
        found[field.key] = texts if field.several else texts[:1]
    return found


def options(basis: Basis, field: Field, node: str = "") -> dict[str, str]:
    """Return the nodes that fit into a field with their labels, in the order of these.

    :param node: whose field it is; what it holds already is among them, whatever it is
    """
    if field.kind != "node":
        return {}
    known, names = forms(basis), _names(basis)
    barred = {node, *field.never, *_deprecated(basis.store), *_full(basis, field, node)}
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
        one = {
            kind
            for kind in field.classes
            for each in fields(basis, kind)
            if each.predicate == field.predicate and not each.several
        }
        pairs = _pairs(basis.store, [field.predicate])
        return {user for user, value in pairs if value != node and _kind(basis, user) in one}
    backwards = [each for kind in field.classes for each in fields(basis, kind) if each.inverse]
    if not field.own and all(each.several for each in backwards if each.predicate == field.predicate):
        return set()
    held = {value for user, value in _pairs(basis.store, [each.predicate for each in backwards]) if user != node}
    return held - forms(basis).fixed


def called(basis: Basis, node: str) -> str:
    """Return what a node is called; what has no title, by its class and what it is about."""
    known = _names(basis).get(node)
    return known.label if known else curie(node)


def property_labels(basis: Basis) -> dict[str, str]:
    """Return what forms call the properties."""
    return {f.predicate: f.label for each in forms(basis).fields.values() for f in each if not f.inverse}


def worded(basis: Basis, text: str) -> str:
    """Return a text with labels in place of the names of nodes and properties, as a check's message has them."""
    known = property_labels(basis)

    def label(name: re.Match[str]) -> str:
        return known.get(iri(name[0])) or called(basis, iri(name[0]))

    return re.sub(r"\b(?:msk|skos|dcterms):[\w-]+", label, text)


def subjects(basis: Basis, text: str) -> dict[str, str]:
    """Return the nodes that can be edited in whose labels every word typed is, those first that begin so.

    Concepts and cases are found by their other names, too.
    """
    names, fixed, start = _names(basis), forms(basis).fixed, fold(text)
    if not start:
        return {}
    by_label = {node for node, named in names.items() if all(word in named.folded for word in start.split())}
    by_name = set(basis.knowledge.lexicon.search(text, limit=len(names)))
    found = [(node, names[node]) for node in (by_label | by_name) & names.keys() - fixed]
    found.sort(key=lambda item: (not item[1].folded.startswith(start), len(item[1].label), item[1].label, item[0]))
    return {node: named.label for node, named in found}


# From a form to triples


def node_draft(
    basis: Basis,
    class_iri: str,
    form: Form,
    name: str = "",
    is_taken: Callable[[str], bool] | None = None,
) -> Draft:
    """Return what the form of a new node says; its problems are named by the part of a class: "diagnosis prefLabel".

    A value may be a :class:`New` node of its own, whose part is :func:`part_of`.

    :param name: what to make the IRI from; the label, or what it is about, if not given
    :param is_taken: whether there is a node of a name already; asks the store if not given
    """
    writing = _Writing(basis, is_taken)
    node = writing.new(class_iri, form, root_part(basis, class_iri), slug(name))
    return writing.draft(node)


def root_part(basis: Basis, class_iri: str) -> str:
    """Return the part of a form that is about the node itself: "teaching-point"."""
    return slug(forms(basis).labels.get(class_iri, "node"))


def part_of(part: str, field: Field, number: int) -> str:
    """Return the part of a form that is about a new node in a field: "case.observation-2".

    :param part: of the form that has the field
    :param number: which value of the field it is, from 1
    """
    return f"{part}.{field.name}-{number}"


def edit_draft(basis: Basis, node: str, after: Form) -> Draft:
    """Return what a node would say after an edit, for the faults at the fields of its form.

    :param after: what the form holds; fields that it leaves out stay as they are
    """
    kind = class_of(basis, node)
    writing = _Writing(basis)
    writing.fill(node, kind, {**filled(basis, node), **after}, root_part(basis, kind), values(basis, node))
    return writing.draft(node)


def edit_patch(basis: Basis, node: str, before: Form, after: Form) -> Patch:
    """Return what was changed in a form; all else stays, and so does what others have changed meanwhile elsewhere.

    :param before: what the form was filled with
    :param after: what it holds; fields that it leaves out stay as they are
    :raises ValuesChanged: if somebody else has changed the same property meanwhile, to something else
    :raises PatchInvalid: if a text can be no value of its field
    """
    kind, now = class_of(basis, node), filled(basis, node)
    touched, moved = [], {}
    for field in fields(basis, kind):
        was, wanted, there = (_written(form.get(field.key, ())) for form in (before, after, now))
        adds = any(isinstance(each, New) for each in after.get(field.key, ()))
        if field.key not in after or (field.same(was, wanted) and not adds):
            continue
        touched.append(field)
        if not field.same(there, was) and (adds or not field.same(there, wanted)):
            moved[field.label] = [called(basis, each) if field.kind == "node" else each for each in there]
    if moved:
        raise ValuesChanged(called(basis, node), moved)
    if not touched:
        return Patch()
    said = values(basis, node)
    stays = _Writing(basis)
    stays.fill(node, kind, {field.key: now[field.key] for field in touched}, "node", said)
    asked = _Writing(basis)
    asked.fill(node, kind, {field.key: after[field.key] for field in touched}, "node", said)
    if asked.slips:
        raise PatchInvalid(" ".join(asked.slips.values()))
    old, new = set(lines(stays.graph)), set(lines(asked.graph))
    return fitting(basis, Patch(frozenset(new - old), frozenset(old - new)))


def properties_for(basis: Basis, node: str) -> list[Field]:
    """Return the fields of a node in which there is room for one more value."""
    said, now = values(basis, node), filled(basis, node)

    def has_room(field: Field) -> bool:
        rivals = set(field.either) - {field.key}
        held = now[field.key] or (not field.inverse and said.get(field.predicate))
        return (field.several or not held) and not any(now[rival] for rival in rivals)

    return [field for field in fields(basis, class_of(basis, node)) if has_room(field)]


def triple_patch(basis: Basis, node: str, key: str, value: str | New) -> Patch:
    """Return the patch that adds one value to a node.

    :param key: of a field
    :raises PatchInvalid: if the text can be no value of the field
    """
    now = filled(basis, node)
    return edit_patch(basis, node, now, {key: (*now.get(key, ()), value)})


def _given(found: Sequence[str | New]) -> list[str | New]:
    return [each for each in found if isinstance(each, New) or each.strip()]


def _written(found: Sequence[str | New]) -> list[str]:
    return [each for each in _given(found) if isinstance(each, str)]


class _Writing:
    """A form while it becomes triples."""

    def __init__(self, basis: Basis, taken: Callable[[str], bool] | None = None) -> None:
        self.graph = Graph()
        self.slips: dict[str, str] = {}
        self._basis, self._taken = basis, taken or is_taken(basis.store)
        self._parts: dict[str, str] = {}
        self._asked: dict[str, list[str]] = {}

    def draft(self, node: str) -> Draft:
        return Draft(self.graph, node, self._parts, self.slips, self._asked)

    def new(self, kind: str, form: Form, part: str, name: str = "") -> str:
        """Write a node that is not there yet, and return it."""
        name = name or self._name(kind, form)
        node = free(name, lambda each: each in self._parts or self._taken(each))
        self.graph.add((URIRef(node), RDF.type, URIRef(kind)))
        self.fill(node, kind, form, part, {})
        return node

    def fill(self, node: str, kind: str, form: Form, part: str, said: Mapping[str, Sequence[Node]]) -> None:
        """Write the values of a form, those that are stated already as they are written there."""
        self._parts[node] = part
        self._asked[part] = [field.name for field in fields(self._basis, kind)]
        for field in fields(self._basis, kind):
            for number, value in enumerate(_given(form.get(field.key, ())), 1):
                if isinstance(value, New):
                    name = f"{local_name(node)}-{self._word(field, value)}" if field.own else ""
                    name += f"-{number}" if field.own and field.several else ""
                    other = self.new(value.kind, value.values, part_of(part, field, number), name)
                    self._add(node, field, URIRef(other))
                elif slip := field.slip(value):
                    self.slips[f"{part} {field.name}"] = slip
                else:
                    written = (each for each in said.get(field.predicate, ()) if self._is(field, each, value))
                    self._add(node, field, next(written, None) or field.term(value))

    def _is(self, field: Field, term: Node, value: str) -> bool:
        text = field.text(term)
        return text is not None and field.meaning(text) == field.meaning(value)

    def _add(self, node: str, field: Field, value: Node) -> None:
        here, there, predicate = URIRef(node), value, URIRef(field.predicate)
        if not field.inverse:
            self.graph.add((here, predicate, there))
        if field.inverse or field.both_ways:
            self.graph.add((there, predicate, here))

    def _word(self, field: Field, value: New) -> str:
        """Return by what a part is known within its node: "observation", "specificity", "row"."""
        return forms(self._basis).labels[value.kind].split()[-1] if field.inverse else field.name

    def _name(self, kind: str, form: Form) -> str:
        """Return what to make the IRI of a new node from."""
        for field in fields(self._basis, kind):  # one that is added to its whole is named after it
            for holder in form.get(field.key, ()):
                if isinstance(holder, str) and (word := self._word_in(kind, field)):
                    return f"{local_name(holder)}-{word}"
        told = [
            local_name(value).removeprefix("source-") if value.startswith(NAMESPACE) else slug(value)
            for name in (*_TITLES, *_TOLD_BY.get(local_name(kind), ()))
            for value in form.get(iri(name), ())[:_TOLD]
            if isinstance(value, str)
        ]
        prefix = _PREFIXES.get(local_name(kind), "" if any(told) else root_part(self._basis, kind))
        return "-".join(filter(None, (prefix, *(told or ["untitled"]))))

    def _word_in(self, kind: str, field: Field) -> str:
        """Return by what nodes of a class are known within a node that a field points at; empty if they are no part."""
        for holder in field.classes:
            for other in fields(self._basis, holder):
                if other.own and other.predicate == field.predicate and other.inverse != field.inverse:
                    return self._word(other, New(kind, {}))
        return ""


# Taking away


def impact(basis: Basis, node: str) -> Impact:
    """Return what rests on a node.

    :raises PatchInvalid: if it has no form
    """
    kind = class_of(basis, node)
    names, known = _names(basis), forms(basis)
    gone = _whole_of(basis, node)
    grouped: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    pointing = [(user, name) for user, name, _ in _users(basis.store, {node}) if user in names and user not in gone]
    for user, name in pointing:
        labels = {field.predicate: field.label for field in fields(basis, names[user].kind) if not field.inverse}
        grouped[known.labels[names[user].kind], labels.get(name, curie(name))].append(user)
    relations = sorted(set(_sentences(basis.knowledge, node, gone)))
    users = {user for user, _ in pointing}
    return Impact(
        Reference(node, called(basis, node)),
        {key: _some(basis, grouped[key]) for key in sorted(grouped)},
        _some(basis, gone - {node}),
        tuple(relations[:SHOWN]),
        len(relations),
        _some(basis, _cases_of(basis.knowledge, users | {node} if kind != iri("Case") else users)),
        sum(iri("Claim") in known.above[names[user].kind] for user in users),
    )


def deletion(basis: Basis, node: str) -> Patch:
    """Return the patch that removes a node with its parts, and what only says that it is one.

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
    in_use = []
    for user, name, target in _users(basis.store, gone):
        if user in gone:
            continue
        if name in _both_ways(basis, user) or (target == node and _belongs(basis, user, name)):
            removed.add(f"<{user}> <{name}> <{target}> .")
        else:
            in_use.append(called(basis, user))
    if in_use:
        first = ", ".join(sorted(set(in_use))[:3])
        reason = f"{len(set(in_use))} others use it, such as {first}. Change them first."
        raise NodeInUse(label, "deleted", reason, impact(basis, node))
    return fitting(basis, Patch(frozenset(), frozenset(removed)))


def deprecation(basis: Basis, node: str, replaced_by: str) -> Patch:
    """Return the patch that marks a node as out of use and names what takes its place.

    What it had taken the place of itself is from then on replaced by that one, too.

    :raises PatchInvalid: if that is of another class, or out of use itself
    :raises NodeInUse: if others that are in use use it, with what rests on it
    """
    kind, label, out = class_of(basis, node), called(basis, node), _deprecated(basis.store)
    if replaced_by == node or class_of(basis, replaced_by) != kind or replaced_by in out:
        wanted = forms(basis).labels[kind]
        raise PatchInvalid(f"{label} is replaced by another {wanted} that is in use: choose one.")
    marked, before, in_use = Graph(), Graph(), set()
    marked.add((URIRef(node), OWL.deprecated, ontology.OUT_OF_USE))
    for user, name, _ in _users(basis.store, {node}):
        if name == str(DCTERMS.isReplacedBy):
            before.add((URIRef(user), DCTERMS.isReplacedBy, URIRef(node)))
        elif user not in {node, *out}:
            in_use.add(called(basis, user))
    if in_use:
        first = ", ".join(sorted(in_use)[:3])
        reason = f"{len(in_use)} others use it, such as {first}. Let them use {called(basis, replaced_by)} first."
        raise NodeInUse(label, "put out of use", reason, impact(basis, node))
    for replaced in {URIRef(node), *before.subjects()}:
        marked.add((replaced, DCTERMS.isReplacedBy, URIRef(replaced_by)))
    for earlier in values(basis, node).get(str(DCTERMS.isReplacedBy), ()):
        before.add((URIRef(node), DCTERMS.isReplacedBy, earlier))
    new, old = frozenset(lines(marked)), frozenset(lines(before))
    return fitting(basis, Patch(new - old, old - new))


def _whole_of(basis: Basis, node: str) -> set[str]:
    """Return a node with the parts that only it has, and the parts of these."""
    gone, fixed = {node}, forms(basis).fixed
    while True:
        parts = {part for each in gone for part in _parts(basis, each)} - gone - fixed
        users = _users(basis.store, parts)
        kept = {part for user, _, part in users if user not in gone | parts}
        own = parts - kept
        if not own:
            return gone
        gone |= own


def _parts(basis: Basis, node: str) -> Iterable[str]:
    own = [field for field in fields(basis, _kind(basis, node)) if field.own]
    if own:
        now = filled(basis, node)
        for field in own:
            yield from now[field.key]


def _belongs(basis: Basis, user: str, name: str) -> bool:
    """Return whether what a node points at by a property is a part of it."""
    return any(field.own and field.key == name for field in fields(basis, _kind(basis, user)))


def _both_ways(basis: Basis, user: str) -> Collection[str]:
    return {field.predicate for field in fields(basis, _kind(basis, user)) if field.both_ways}


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


# What the store knows


def _rows(store: Store, query: str) -> list[Row]:
    """Answer a query over what is stated, without what follows from it."""
    return whole(store.evaluate(query, Dataset((ASSERTED_GRAPH,)))).table()[1]


def _users(store: Store, nodes: Collection[str]) -> list[tuple[str, str, str]]:
    """Return what points at nodes, by which property, at which."""
    if not nodes:
        return []
    listed = " ".join(f"<{node}>" for node in sorted(nodes) if is_iri(node))
    rows = _rows(store, f"SELECT ?u ?p ?n {{ VALUES ?n {{ {listed} }} ?u ?p ?n FILTER(isIRI(?u)) }}")
    return sorted((row["u"], row["p"], row["n"]) for row in rows)


def _pairs(store: Store, predicates: Iterable[str]) -> list[tuple[str, str]]:
    """Return what points at what by some properties."""
    listed = " ".join(f"<{each}>" for each in sorted(set(predicates)))
    return [(row["u"], row["v"]) for row in _rows(store, f"SELECT ?u ?v {{ VALUES ?p {{ {listed} }} ?u ?p ?v }}")]


def _deprecated(store: Store) -> set[str]:
    return {row["n"] for row in _rows(store, "SELECT ?n { ?n owl:deprecated true }")}


def _below(store: Store, node: str, predicate: str) -> set[str]:
    return {row["n"] for row in _rows(store, f"SELECT ?n {{ ?n <{predicate}>+ <{node}> }}")}


def _kind(basis: Basis, node: str) -> str:
    known = _names(basis).get(node)
    return known.kind if known else ""


class _Named(NamedTuple):
    """A node that has a form.

    :ivar kind: IRI of its class
    :ivar label: its title, or its class and what it is about
    :ivar folded: the label as it is compared
    """

    kind: str
    label: str
    folded: str


_named: WeakKeyDictionary[Knowledge, Mapping[str, _Named]] = WeakKeyDictionary()


def _names(basis: Basis) -> Mapping[str, _Named]:
    """Return every node that has a form; collected once for a state of the knowledge."""
    found = _named.get(basis.knowledge)
    if found is None:
        with ontology.without_collection():
            found = _named[basis.knowledge] = _named_in(basis.store, forms(basis).labels)
    return found


def _named_in(store: Store, labels: Mapping[str, str]) -> dict[str, _Named]:
    classes = " ".join(f"<{each}>" for each in labels)
    kinds = {row["n"]: row["c"] for row in _rows(store, f"SELECT ?n ?c {{ VALUES ?c {{ {classes} }} ?n a ?c }}")}
    titles = {
        row["n"]: row["l"]
        for row in _rows(store, "SELECT ?n ?l { ?n skos:prefLabel|rdfs:label|dcterms:title ?l }")
        if row["n"] in kinds
    }
    told: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in {each for names in _TOLD_BY.values() for each in names}:
        path = name.removeprefix(INVERSE) if ":" in name else f"msk:{name.removeprefix(INVERSE)}"
        ends = "?v {} ?n" if name.startswith(INVERSE) else "?n {} ?v"
        for row in _rows(store, f"SELECT ?n ?v {{ {ends.format(path)} }}"):
            told[row["n"]][name].append(titles.get(row["v"], row["v"]))
    found = {}
    for node, kind in kinds.items():
        words = [word for name in _TOLD_BY.get(local_name(kind), ()) for word in sorted(told[node][name])[:_TOLD]]
        label = titles.get(node) or f"{labels[kind]}: {', '.join(words) or local_name(node)}"
        label = label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"
        found[node] = _Named(kind, label, fold(label))
    return found
