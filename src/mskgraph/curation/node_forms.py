"""The form of any node: what is filled into it as triples, and what was changed in it as a patch.

A form holds texts by the key of a field; what it does not show, it does not touch: other languages, other types, a
second value where one is shown, properties without a field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rdflib import RDF, Graph, URIRef
from rdflib.term import Node

from mskgraph.curation import fitting
from mskgraph.curation.checks import Basis
from mskgraph.curation.fields import Field, fields, forms
from mskgraph.curation.forms import Draft, free, is_taken, slug
from mskgraph.curation.nodes import FEW, KNOWN_BY, called, class_of, filled, values
from mskgraph.curation.triples import lines
from mskgraph.errors import PatchInvalid, ValuesChanged
from mskgraph.store import Patch
from mskgraph.terms import NAMESPACE, iri, local_name

_TITLES: Final = ("skos:prefLabel", "dcterms:title", "rdfs:label")
_PREFIXES: Final[Mapping[str, str]] = {
    **{name: name.lower() for name in ("Source", "Case", "Occurrence", "Criterion", "Discriminator", "Image")},
    "DifferentialTable": "table",
    "TeachingPoint": "teaching",
}


@dataclass(frozen=True)
class New:
    """A value that is a node which is not there yet, with a form of its own.

    :ivar kind: IRI of its class
    """

    kind: str
    values: Form


Form = Mapping[str, Sequence[str | New]]
"""What a form holds: by key of a field its values; nodes by their IRIs."""


def node_draft(basis: Basis, class_iri: str, form: Form, name: str = "") -> Draft:
    """Return what the form of a new node says; its problems are named by the part of a class: "diagnosis prefLabel".

    A value may be a :class:`New` node of its own, whose part is :func:`part_of`.

    :param name: what to make the IRI from; the label, or what it is about, if not given
    """
    writing = _Writing(basis)
    node = writing.new(class_iri, form, root_part(basis, class_iri), slug(name))
    return writing.draft(node)


def root_part(basis: Basis, class_iri: str) -> str:
    """Return the part of a form that is about the node itself: "teaching-point"."""
    return slug(forms(basis).labels.get(class_iri, "node"))


def part_of(part: str, field: Field, number: int) -> str:
    """Return the part of a form that is about a new node in a field: "case.observation-2".

    :param part: of the form that has the field
    :param number: which new node of the field it is, from 1; those that are there already have none, as others add more
    """
    return f"{part}.{field.name}-{number}"


def edit_draft(basis: Basis, node: str, after: Form) -> Draft:
    """Return what a node would say after an edit, for the faults at the fields of its form.

    :param after: what the form holds; fields that it leaves out stay as they are
    :raises PatchInvalid: if it has no form
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
    :raises PatchInvalid: if a text can be no value of its field, or the node has no form
    """
    kind, now = class_of(basis, node), filled(basis, node)
    touched, moved = [], {}
    for field in fields(basis, kind):
        was, wanted, there = (_written(form.get(field.key, ())) for form in (before, after, now))
        adds = any(isinstance(each, New) for each in after.get(field.key, ()))
        if field.key not in after or (field.same(was, wanted) and not adds):
            continue
        touched.append(field)
        if not field.same(there, was) and not field.same(there, wanted):
            moved[field.label] = shown(basis, field, there)
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


def joined(field: Field, was: Sequence[str], wanted: Sequence[str], there: Sequence[str]) -> list[str]:
    """Return what a field that was changed in a form holds once the form goes on from what others made of it.

    One value stays as it is in the form. Of several, what others added is added, what they took away is taken away.

    :param was: what the form was filled with
    :param wanted: what it holds
    :param there: what is there now

    >>> joined(Field("http://example.org/name", "name"), ["a", "b"], ["a", "b", "mine"], ["b", "theirs"])
    ['b', 'mine', 'theirs']
    """
    if not field.several:
        return list(wanted)
    had, held, now = ({field.meaning(each) for each in values} for values in (was, wanted, there))
    stay = [each for each in wanted if field.meaning(each) in now or field.meaning(each) not in had]
    return [*stay, *(each for each in there if field.meaning(each) not in had | held)]


def shown(basis: Basis, field: Field, held: Sequence[str]) -> list[str]:
    """Return values as people read them: nodes by what they are called."""
    return [called(basis, each) if field.kind == "node" else each for each in held]


def triple_patch(basis: Basis, node: str, key: str, value: str | New) -> Patch:
    """Return the patch that adds one value to a node.

    :param key: of a field
    :raises PatchInvalid: if the text can be no value of the field, or the node has no form
    """
    now = filled(basis, node)
    return edit_patch(basis, node, now, {key: (*now.get(key, ()), value)})


def _given(found: Sequence[str | New]) -> list[str | New]:
    return [each for each in found if isinstance(each, New) or each.strip()]


def _written(found: Sequence[str | New]) -> list[str]:
    return [each for each in _given(found) if isinstance(each, str)]


class _Writing:
    """A form while it becomes triples."""

    def __init__(self, basis: Basis) -> None:
        self.graph = Graph()
        self.slips: dict[str, str] = {}
        self._basis, self._is_taken = basis, is_taken(basis.store)
        self._parts: dict[str, str] = {}
        self._asked: dict[str, list[str]] = {}

    def draft(self, node: str) -> Draft:
        return Draft(self.graph, node, self._parts, self.slips, self._asked)

    def new(self, kind: str, form: Form, part: str, name: str = "") -> str:
        """Write a node that is not there yet, and return it."""
        name = name or self._name(kind, form)
        node = free(name, lambda each: each in self._parts or self._is_taken(each))
        self.graph.add((URIRef(node), RDF.type, URIRef(kind)))
        self.fill(node, kind, form, part, {})
        return node

    def fill(self, node: str, kind: str, form: Form, part: str, said: Mapping[str, Sequence[Node]]) -> None:
        """Write the values of a form, those that are stated already as they are written there."""
        self._parts[node] = part
        self._asked[part] = [field.name for field in fields(self._basis, kind)]
        for field in fields(self._basis, kind):
            new = 0
            for number, value in enumerate(_given(form.get(field.key, ())), 1):
                if isinstance(value, New):
                    new += 1
                    name = f"{local_name(node)}-{self._word(field, value)}" if field.own else ""
                    name += f"-{number}" if field.own and field.several else ""
                    other = self.new(value.kind, value.values, part_of(part, field, new), name)
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
            for name in (*_TITLES, *KNOWN_BY.get(local_name(kind), ()))
            for value in form.get(iri(name), ())[:FEW]
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
