"""What the shapes allow a class, as the fields of a form: which values, how many, in which words and order.

A form is read off ``shapes.ttl``, so that a property added there is in the form. What holds only under a condition (a
count needs its denominator) is no field: the checks say it, and :meth:`mskgraph.curation.forms.Draft.at_fields` finds
the field that it is about.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, Literal

from rdflib import OWL, RDF, RDFS, SH, XSD, Graph, URIRef
from rdflib import Literal as Text
from rdflib.collection import Collection as RdfList
from rdflib.term import Node

from mskgraph import ontology
from mskgraph.curation.checks import Basis
from mskgraph.ontology import MSK, literals_as_typed
from mskgraph.store import is_iri
from mskgraph.terms import local_name

FieldKind = Literal["text", "address", "integer", "decimal", "boolean", "date", "term", "node"]
"""What a value is: ``term`` is any IRI, ``node`` one of the ontology's own, of certain classes."""

INVERSE: Final = "^"
"""What the key of a field begins with whose triple belongs to the other node."""

_DATATYPES: Final[Mapping[Node, FieldKind]] = {
    XSD.string: "text",
    XSD.anyURI: "address",
    XSD.integer: "integer",
    XSD.decimal: "decimal",
    XSD.boolean: "boolean",
    XSD.date: "date",
}
_WORDS: Final[Mapping[FieldKind, str]] = {
    "address": "An address begins with https:// and has no spaces.",
    "integer": "This is no whole number.",
    "decimal": "This is no number.",
    "boolean": "Say true or false.",
    "date": "A date is written 2026-01-31.",
    "term": "This is no IRI: it begins with https:// and has no spaces.",
    "node": "This is no IRI: it begins with https:// and has no spaces.",
}
_READ: Final = frozenset(
    [
        *(RDF.type, SH.path, SH.message, SH.name, SH.description, SH.order, SH.group, SH.targetClass),
        *(SH.minCount, SH.maxCount, SH.minInclusive, SH.maxInclusive, SH.datatype, SH.languageIn, SH.nodeKind),
        *(SH["class"], SH["or"], SH["in"], SH["not"], SH.minLength, SH.lessThanOrEquals),
    ]
)
"""What is understood of a property shape; the last two are for the checks alone."""

_PARTS: Final = MSK["group-parts"]
_ELSEWHERE: Final = MSK["group-elsewhere"]

_LAST: Final = 1_000  # order of a property whose shape says none


@dataclass(frozen=True)
class Field:
    """One field of the form of a class.

    :ivar predicate: IRI of the property
    :ivar kind: what a value is
    :ivar needed: whether the shapes ask for a value, whatever else there is
    :ivar several: whether there may be more than one
    :ivar inverse: whether the triple belongs to the other node and points at this one
    :ivar both_ways: whether the other node says the same of this one
    :ivar own: whether the values are parts of the node: they cannot be without it
    :ivar language: of a text; empty for plain text
    :ivar least: smallest number
    :ivar most: largest number
    :ivar classes: IRIs of the classes one of which a node has
    :ivar among: the IRIs that may be chosen; any if empty
    :ivar never: IRIs that may not be chosen
    :ivar either: keys of the fields of which exactly one is filled in, this one included; empty if it stands alone
    :ivar shapes: names of the property shapes that say so
    """

    predicate: str
    label: str
    help: str = ""
    kind: FieldKind = "text"
    needed: bool = False
    several: bool = True
    inverse: bool = False
    both_ways: bool = False
    own: bool = False
    language: str = ""
    least: Decimal | None = None
    most: Decimal | None = None
    classes: tuple[str, ...] = ()
    among: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    order: int = _LAST
    shapes: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """By which the values of a form are named: the property, after :data:`INVERSE` if the triple is the other's."""
        return INVERSE * self.inverse + self.predicate

    @property
    def optional(self) -> bool:
        """Whether it may stay empty, whatever else there is."""
        return not (self.needed or self.either)

    @property
    def name(self) -> str:
        """By which a fault is named: the key without the namespace."""
        return INVERSE * self.inverse + local_name(self.predicate).rpartition("#")[2].rpartition("/")[2]

    def text(self, term: Node) -> str | None:
        """Return a value as the field shows it; ``None`` if it cannot: of another language, another type.

        >>> note = Field("http://example.org/note", "note", language="en")
        >>> note.text(Text("so", lang="en")), note.text(Text("ainsi", lang="fr"))
        ('so', None)
        """
        if self.kind in ("node", "term"):
            return str(term) if isinstance(term, URIRef) else None
        if not isinstance(term, Text):
            return None
        if self.kind == "text":
            fits = term.language == self.language if self.language else not term.language and _is_plain(term)
            return str(term) if fits else None
        if _DATATYPES.get(term.datatype or XSD.string) != self.kind or self.slip(str(term)):
            return None
        return str(self.value(str(term))).lower() if self.kind == "boolean" else str(term)

    def term(self, text: str) -> Node:
        """Return what is typed or chosen as a value; the text is kept as it is written.

        >>> Field("http://example.org/share", "share", kind="decimal").term("0.10").n3()
        '"0.10"^^<http://www.w3.org/2001/XMLSchema#decimal>'
        """
        if self.kind in ("node", "term"):
            return URIRef(text.strip())
        if self.kind == "text":
            return Text(text.strip(), lang=self.language or None)
        (datatype,) = (URIRef(str(each)) for each, kind in _DATATYPES.items() if kind == self.kind)
        written = text.strip()
        if self.kind == "decimal":
            written = format(Decimal(written), "f")  # 4E-7 is of another type
            written = written if "." in written else f"{written}.0"
        with literals_as_typed():
            return Text(written, datatype=datatype)

    def slip(self, text: str) -> str:
        """Return what is wrong with what is typed, so that it can be no value; empty if nothing is.

        >>> Field("http://example.org/rank", "rank", kind="integer").slip("first")
        'This is no whole number.'
        """
        try:
            self.value(text)
        except (ValueError, InvalidOperation):
            return _WORDS[self.kind]
        return ""

    def value(self, text: str) -> object:
        """Return what two texts have in common that mean the same.

        :raises ValueError: if it can be no value
        :raises InvalidOperation: if it is no number

        >>> share = Field("http://example.org/share", "share", kind="decimal")
        >>> share.value("0.10") == share.value(".1")
        True
        """
        text = text.strip()
        match self.kind:
            case "integer":
                if not re.fullmatch("[+-]?[0-9]+", text):  # Python reads more than XML Schema does
                    raise ValueError(text)
                return int(text)
            case "decimal":
                number = Decimal(text)
                if not number.is_finite() or not -50 < number.adjusted() < 50:
                    raise ValueError(text)
                return number
            case "boolean":
                if text not in ("true", "1", "false", "0"):
                    raise ValueError(text)
                return text in ("true", "1")
            case "date":
                if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
                    raise ValueError(text)
                return date.fromisoformat(text)
            case "node" | "term" | "address":
                if not is_iri(text) or (self.kind == "address" and not text.startswith(("http://", "https://"))):
                    raise ValueError(text)
        return text

    def same(self, some: Iterable[str], others: Iterable[str]) -> bool:
        """Return whether two lists of texts mean the same, in whatever order and form they are written."""
        return {self.meaning(each) for each in some} == {self.meaning(each) for each in others}

    def meaning(self, text: str) -> object:
        """Return what is compared of a text; of one that can be no value, itself."""
        return text if self.slip(text) else self.value(text)


def _is_plain(text: Text) -> bool:
    return text.datatype is None or text.datatype == XSD.string


@dataclass(frozen=True)
class Forms:
    """The forms of all classes.

    :ivar fields: by class, needed ones first
    :ivar labels: of these classes
    :ivar above: these classes with themselves and their superclasses
    :ivar fixed: nodes of the schema, which no change is about
    :ivar left: by name of a property shape that no form shows, why
    :ivar unread: by name of a property shape that could not be read, what of it
    """

    fields: Mapping[str, tuple[Field, ...]]
    labels: Mapping[str, str]
    above: Mapping[str, frozenset[str]]
    fixed: frozenset[str]
    left: Mapping[str, str]
    unread: Mapping[str, str]


def forms(basis: Basis) -> Forms:
    """Return what the shapes of an ontology allow."""
    files = {path.name: path for path in basis.files if path.name in ("schema.ttl", "shapes.ttl")}
    states = [(path, path.stat()) for path in (files["schema.ttl"], files["shapes.ttl"])]
    return _forms(*((path, stat.st_mtime_ns, stat.st_size) for path, stat in states))


@lru_cache(maxsize=4)
def _forms(schema: tuple[Path, int, int], shapes: tuple[Path, int, int]) -> Forms:
    return read_forms(ontology.read([schema[0]]), ontology.read([shapes[0]]))


def fields(basis: Basis, class_iri: str) -> tuple[Field, ...]:
    """Return the fields of the form of a class, needed ones first; none if the shapes know no such class."""
    return forms(basis).fields.get(class_iri, ())


def read_forms(schema: Graph, shapes: Graph) -> Forms:
    """Return the forms that shapes allow, with the words of the schema where the shapes have none."""
    reader = _Reader(schema, shapes)
    shown = {str(each): reader.form(each) for each in reader.classes}
    return Forms(
        shown,
        {str(each): reader.label(each) for each in reader.classes},
        {str(each): frozenset(map(str, reader.above(each))) for each in reader.classes},
        frozenset(str(each) for each in schema.subjects() if isinstance(each, URIRef)),
        reader.left({shape for each in shown.values() for field in each for shape in field.shapes}),
        reader.unread,
    )


class _Reader:
    """Reads shapes."""

    def __init__(self, schema: Graph, shapes: Graph) -> None:
        self.unread: dict[str, str] = {}
        self._schema, self._shapes = schema, shapes
        closed = shapes.subjects(SH.closed, Text(True))
        self.classes = sorted({each for shape in closed for each in shapes.objects(shape, SH.targetClass)}, key=str)

    def label(self, term: Node) -> str:
        return str(self._schema.value(term, RDFS.label) or local_name(str(term)))

    def above(self, kind: Node) -> set[Node]:
        """Return a class with its superclasses."""
        return {each for each in self._schema.transitive_objects(kind, RDFS.subClassOf) if each is not None}

    def form(self, kind: Node) -> tuple[Field, ...]:
        by_path: defaultdict[tuple[Node, bool], list[Node]] = defaultdict(list)
        for shape in self._targeted[kind]:
            properties, inverse, _ = self._path(shape)
            if shape not in self._elsewhere and (len(properties) == 1 or inverse):
                for each in properties:
                    by_path[each, inverse].append(shape)
        shown = {(field := self._field(kind, *path, shapes)).key: field for path, shapes in by_path.items()}
        for shape in self._targeted[kind]:
            properties, inverse, needed = self._path(shape)
            keys = tuple(key for each in properties if (key := INVERSE * inverse + str(each)) in shown)
            if len(properties) > 1 and len(keys) == 1:
                shown[keys[0]] = replace(shown[keys[0]], needed=needed)
            elif len(properties) > 1:
                shown |= {key: replace(shown[key], needed=False, either=keys) for key in keys}
        return tuple(sorted(shown.values(), key=lambda f: (not (f.needed or f.either), f.order, f.label)))

    def left(self, shown: Collection[str]) -> dict[str, str]:
        """Return why no form shows a property shape, where that is meant so.

        :param shown: names of those that a form shows
        """
        found = {}
        targeted = {shape for kind in self.classes for shape in self._targeted[kind]}
        for shape in self._shapes.subjects(RDF.type, SH.PropertyShape):
            name = local_name(str(shape))
            if name in shown or name in self.unread:
                continue
            if shape in self._elsewhere:
                found[name] = "It is written elsewhere."
            elif self._shapes.value(shape, SH.path) == RDF.type:
                found[name] = "It is about the class, for which a form is chosen."
            elif self._is_conditional(shape):
                found[name] = "It holds under a condition, which the checks know."
            elif shape in targeted:
                found[name] = "It says that one of several fields is filled in."
            else:
                self.unread[name] = "It belongs to no class that has a form."
        return found

    @cached_property
    def _elsewhere(self) -> frozenset[Node]:
        return frozenset(self._shapes.subjects(SH.group, _ELSEWHERE))

    def _is_conditional(self, shape: Node) -> bool:
        """Return whether a property shape is for nodes with another property, or one of alternatives."""
        holders = {shape, *self._shapes.subjects(SH.property, shape)}
        return any(
            not isinstance(holder, URIRef) or (holder, SH.targetSubjectsOf, None) in self._shapes for holder in holders
        )

    @cached_property
    def _targeted(self) -> Mapping[Node, Sequence[Node]]:
        """By class, the property shapes that its members have to meet, but for those about the class."""
        found = {}
        for kind in self.classes:
            shapes = {shape for each in self.above(kind) for shape in self._shapes.subjects(SH.targetClass, each)}
            shapes |= {part for shape in shapes for part in self._shapes.objects(shape, SH.property)}
            about = {shape for shape in shapes if self._shapes.value(shape, SH.path) not in (None, RDF.type)}
            found[kind] = sorted(about, key=str)
        return found

    def _path(self, shape: Node) -> tuple[list[Node], bool, bool]:
        """Return the properties that a shape is about, whether they point at the node, and whether one is needed."""
        path = self._shapes.value(shape, SH.path)
        inverse = self._shapes.value(path, SH.inversePath)
        path = path if inverse is None else inverse
        head = self._shapes.value(path, SH.alternativePath)
        properties = [path] if head is None else list(RdfList(self._shapes, head))
        return (
            [each for each in properties if each is not None],
            inverse is not None,
            self._count(shape, SH.minCount) > 0,
        )

    def _count(self, shape: Node, name: URIRef, otherwise: int = 0) -> int:
        return int(str(self._shapes.value(shape, name) or otherwise))

    def _field(self, kind: Node, path: Node, inverse: bool, shapes: Sequence[Node]) -> Field:
        """Return the field of a property of a class, of which some shapes speak."""

        def said(name: URIRef) -> list[Node]:
            return [value for shape in shapes for value in self._shapes.objects(shape, name)]

        def words(name: URIRef, otherwise: URIRef) -> str:
            return str(next(iter(said(name)), None) or self._schema.value(path, otherwise) or "")

        for shape in shapes:
            if unknown := sorted(str(name) for name in set(self._shapes.predicates(shape)) - _READ):
                self.unread[local_name(str(shape))] = f"It says {', '.join(unknown)}."
        languages = [each for head in said(SH.languageIn) for each in self._listed(head)]
        classes = (
            self._holders(kind, path) if inverse else sorted({*said(SH["class"]), *self._classes(shapes)}, key=str)
        )
        field = Field(
            predicate=str(path),
            label=words(SH.name, RDFS.label) or local_name(str(path)),
            help=words(SH.description, RDFS.comment),
            kind=self._kind(shapes, inverse or bool(classes), bool(languages)),
            needed=any(self._count(shape, SH.minCount) > 0 for shape in shapes),
            several=all(self._count(shape, SH.maxCount, otherwise=2) > 1 for shape in shapes),
            inverse=inverse,
            both_ways=(path, RDF.type, OWL.SymmetricProperty) in self._schema,
            own=_PARTS in said(SH.group),
            language=languages[0] if languages else "",
            least=max((Decimal(str(each)) for each in said(SH.minInclusive)), default=None),
            most=min((Decimal(str(each)) for each in said(SH.maxInclusive)), default=None),
            classes=tuple(map(str, classes)),
            among=tuple(each for head in said(SH["in"]) for each in self._listed(head)),
            never=tuple(self._barred(shapes)),
            order=min((int(str(each)) for each in said(SH.order)), default=_LAST),
            shapes=frozenset(local_name(str(shape)) for shape in shapes),
        )
        return field

    def _kind(self, shapes: Sequence[Node], is_node: bool, is_language: bool) -> FieldKind:
        """Return what the values of a property are, as far as that can be told."""
        if is_node or is_language:
            return "node" if is_node else "text"
        for shape in shapes:
            datatype = self._shapes.value(shape, SH.datatype)
            if datatype is not None and datatype in _DATATYPES:
                return _DATATYPES[datatype]
            if self._shapes.value(shape, SH.nodeKind) == SH.IRI or (shape, SH["in"], None) in self._shapes:
                return "term"
        self.unread |= {local_name(str(shape)): "It does not say what its values are." for shape in shapes}
        return "term"

    def _holders(self, kind: Node, path: Node) -> list[Node]:
        """Return the classes whose members may point by a property at those of another."""
        kinds = self.above(kind)

        def takes(owner: Node) -> bool:
            shapes = [shape for shape in self._targeted[owner] if self._shapes.value(shape, SH.path) == path]
            return bool(kinds & {each for shape in shapes for each in self._shapes.objects(shape, SH["class"])})

        return [owner for owner in self.classes if takes(owner)]

    def _classes(self, shapes: Sequence[Node]) -> Iterator[Node]:
        """Yield the classes of ``sh:or ([sh:class ...] [sh:class ...])``; other alternatives cannot be read."""
        for shape in shapes:
            for head in self._shapes.objects(shape, SH["or"]):
                for other in RdfList(self._shapes, head):
                    said = dict(self._shapes.predicate_objects(other))
                    if set(said) == {SH["class"]}:
                        yield said[SH["class"]]
                    else:
                        self.unread[local_name(str(shape))] = "Its sh:or is about other things than classes."

    def _barred(self, shapes: Sequence[Node]) -> Iterator[str]:
        """Yield the members of ``sh:not [sh:in (...)]``; another negation cannot be read."""
        for shape in shapes:
            for other in self._shapes.objects(shape, SH["not"]):
                said = dict(self._shapes.predicate_objects(other))
                if set(said) == {SH["in"]}:
                    yield from self._listed(said[SH["in"]])
                else:
                    self.unread[local_name(str(shape))] = "Its sh:not is about something else than a list."

    def _listed(self, head: Node) -> list[str]:
        return [str(each) for each in RdfList(self._shapes, head)]
