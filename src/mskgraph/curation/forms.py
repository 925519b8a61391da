"""From what is filled into a form to triples: names made from words, and each fault at the field it is about.

What has to be there is said by the shapes alone. A form adds what it can tell before there is a triple: two numbers in
the wrong order, an address that is none.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Final

from rdflib import DCTERMS, RDF, RDFS, SKOS, XSD, Graph, Literal, URIRef
from rdflib.term import Node

from mskgraph.ontology import MSK, Problem, literals_as_typed
from mskgraph.store import Store, select
from mskgraph.terms import curie, iri, local_name

NOT_STATED: Final = "not-stated"
FORMS: Final[Mapping[str, str]] = {
    NOT_STATED: "not stated",
    "percent-range": "percent, from to",
    "count": "n of m",
    "word": "a word",
    "order-of-magnitude": "far less than (<<)",
}
"""How a source can say how often, by the name of the form."""

LISTS: Final = ("Side", "Modality", "Confidence", "Verification", "FrequencyWord", "Source")
"""The classes whose members a form offers."""

_NEEDED: Final[Mapping[str, str]] = {
    "case title": "Give the case a title.",
    "case description": "Describe the case in your own words.",
    "case source": "Choose where the case is from, or describe a new source.",
    "observation finding": "Choose what was looked for.",
    "claim diagnosis": "Choose the diagnosis.",
    "claim feature": "Choose the feature that goes with it.",
    "claim source": "Choose who says so, or describe a new source.",
    "claim confidence": "Choose how far this can be trusted.",
    "claim verification": "Say whether the source itself was read.",
    "source title": "Give the source a short title.",
    "source bibliographicCitation": "Give the citation.",
}
"""How a form asks for what the shapes miss."""

_LONGEST: Final = 60  # characters of a name that is made from words
_TERM = re.compile(r"\b(?:msk|dcterms|skos|prov|rdfs):([a-z][A-Za-z]*)")
_SAID_WHOLE: Final = frozenset(["estimate"])
"""Parts of whose slips each says what the checks would say of some other property of them."""

_TITLES = (DCTERMS.title, SKOS.prefLabel, RDFS.label)


@dataclass(frozen=True)
class NewSource:
    """A source that is not there yet."""

    title: str = ""
    citation: str = ""
    url: str = ""
    identifier: str = ""


Source = str | NewSource | None
"""A source by its IRI, a new one, or none chosen."""


@dataclass(frozen=True)
class Seen:
    """One observation of a case; concepts by their IRIs."""

    finding: str | None = None
    present: bool = True
    site: str | None = None
    side: str | None = None
    morphologies: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class CaseForm:
    """What the form of a case holds."""

    title: str = ""
    description: str = ""
    source: Source = None
    observations: tuple[Seen, ...] = (Seen(),)
    contexts: tuple[str, ...] = ()
    diagnoses: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class HowOften:
    """How often, in the form in which the source says it.

    :ivar form: one of :data:`FORMS`
    :ivar lower: percent
    :ivar upper: percent; of an order of magnitude, what the marks stand before
    :ivar word: IRI of a frequency word
    :ivar marks: how many "<"
    """

    form: str = NOT_STATED
    stated: str = ""
    lower: float | None = None
    upper: float | None = None
    numerator: int | None = None
    denominator: int | None = None
    word: str | None = None
    marks: int | None = None


@dataclass(frozen=True)
class ClaimForm:
    """What the form of a claim holds; concepts by their IRIs.

    :ivar of_finding: the finding that a morphology or site describes
    :ivar sites: it holds at these only
    """

    diagnosis: str | None = None
    feature: str | None = None
    of_finding: str | None = None
    sites: tuple[str, ...] = ()
    how_often: HowOften = HowOften()
    confidence: str | None = None
    modalities: tuple[str, ...] = ()
    population: str = ""
    locator: str = ""
    source: Source = None
    verification: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Draft:
    """What a form says, as triples.

    A field is named by its part of the form and the property that it fills: "case title", "observation-1 finding".

    :ivar node: IRI of the case, claim or other node
    :ivar parts: for each node the part of the form that it comes from
    :ivar slips: by field, what is wrong before there is a triple
    :ivar asked: for each part the properties that the form asks for, "^" before those of other nodes that point here;
        without it whatever a problem names is a field
    """

    graph: Graph
    node: str
    parts: Mapping[str, str]
    slips: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, Collection[str]] = field(default_factory=dict)

    def at_fields(self, problems: Iterable[Problem]) -> dict[str, list[str]]:
        """Return what is wrong by field; under the empty name what belongs to none."""
        found = defaultdict(list, {name: [slip] for name, slip in self.slips.items()})
        known = {name.split(" ")[0] for name in self.slips} & _SAID_WHOLE
        for problem in problems:
            part = self._part_of(problem.node)
            name, term = self._field(part, problem) if part else ("", "")
            if f"{part} {name}" in self.slips or (part in known and part not in self.asked):
                continue  # the same is said already, in the words of the form
            if part is None or not name:
                found[""].append(f"{problem.node}: {problem.message} {problem.remedy}".removeprefix(": "))
            else:
                found[f"{part} {name}"].append(self._words(part, term) or problem.message)
        return {name: list(dict.fromkeys(texts)) for name, texts in found.items()}

    def _field(self, part: str, problem: Problem) -> tuple[str, str]:
        """Return the field that a problem of a part is about, and its property as written there; empty if none is."""
        asked = self.asked.get(part)
        for predicate, value in self.graph.predicate_objects(URIRef(self._node_of(part))):
            if asked and isinstance(value, Literal) and problem.message.startswith(f'"{value}" '):
                return _TERM.sub(r"\1", curie(str(predicate))), curie(str(predicate))
        for term in _TERM.finditer(f"{problem.message} {problem.remedy}"):
            for name in (term[1], f"^{term[1]}"):
                if asked is None or name in asked:
                    return name, term[0]
        return "", ""

    def _words(self, part: str, term: str) -> str:
        """Return how to ask for a property that a part needs; empty if it is there, or there are no words for it."""
        if (URIRef(self._node_of(part)), URIRef(iri(term)), None) in self.graph:
            return ""
        return _NEEDED.get(f"{part.partition('-')[0]} {term.partition(':')[2]}", "")

    def _node_of(self, part: str) -> str:
        return next(name for name, each in self.parts.items() if each == part)

    def _part_of(self, node: str) -> str | None:
        titles = ((part, self.graph.value(URIRef(name), t)) for name, part in self.parts.items() for t in _TITLES)
        called = {str(title): part for part, title in titles if title is not None}
        return called.get(node) or next((part for name, part in self.parts.items() if curie(name) == node), None)


def slug(text: str) -> str:
    """Return a text as the names of the ontology are written; empty if no letter or digit is left.

    >>> slug("Verkalkung der Achillessehne, mit Ödem"), slug("...")
    ('verkalkung-der-achillessehne-mit-odem', '')
    """
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")
    return words if len(words) <= _LONGEST else words[: _LONGEST + 1].rpartition("-")[0] or words[:_LONGEST]


def is_taken(store: Store) -> Callable[[str], bool]:
    """Return what tells whether the knowledge says anything about an IRI."""
    return lambda name: bool(select(store, f"SELECT ?o {{ <{name}> ?p ?o }} LIMIT 1"))


def free(name: str, is_taken: Callable[[str], bool]) -> str:
    """Return the first IRI that is free: of a name, or of the name with a number.

    >>> free("gout", lambda name: name == iri("gout"))[-7:]
    '/gout-2'
    """
    names = (iri(name if number == 1 else f"{name}-{number}") for number in count(1))
    return next(each for each in names if not is_taken(each))


def choices(store: Store) -> dict[str, dict[str, str]]:
    """Return for each class of :data:`LISTS` its members with their labels, in the order of these."""
    classes = " ".join(f"msk:{name}" for name in LISTS)
    query = f"SELECT ?c ?n ?l {{ VALUES ?c {{ {classes} }} ?n a ?c ; rdfs:label|dcterms:title ?l }}"
    found: dict[str, dict[str, str]] = {name: {} for name in LISTS}
    for row in sorted(select(store, query), key=lambda row: row["l"].casefold()):
        found[local_name(row["c"])][row["n"]] = row["l"]
    return found


def case_draft(form: CaseForm, is_taken: Callable[[str], bool]) -> Draft:
    """Return what the form of a case says.

    :param is_taken: whether there is a node of a name already
    """
    writing = _Writing(is_taken)
    case = writing.node(f"case-{slug(form.title) or 'untitled'}", "Case", "case")
    writing.english(case, DCTERMS.title, " ".join(form.title.split()))
    writing.english(case, DCTERMS.description, form.description)
    writing.english(case, SKOS.note, form.note)
    writing.links(case, MSK.context, form.contexts)
    writing.links(case, MSK.statedDiagnosis, form.diagnoses)
    writing.source(case, form.source)
    for number, seen in enumerate(form.observations, 1):
        part = f"observation-{number}"
        observation = writing.node(f"{local_name(case)}-{part}", "Observation", part)
        writing.links(case, MSK.observation, [observation])
        writing.links(observation, MSK.finding, [seen.finding])
        writing.links(observation, MSK.site, [seen.site])
        writing.links(observation, MSK.side, [seen.side])
        writing.links(observation, MSK.morphology, seen.morphologies)
        writing.add(observation, MSK.present, Literal(str(seen.present).lower(), datatype=XSD.boolean))
        writing.english(observation, SKOS.note, seen.note)
    return writing.draft(case)


def claim_draft(form: ClaimForm, is_taken: Callable[[str], bool]) -> Draft:
    """Return what the form of a claim says.

    :param is_taken: whether there is a node of a name already
    """
    writing = _Writing(is_taken)
    source = writing.new_source(form.source) if isinstance(form.source, NewSource) else form.source
    named = (form.diagnosis, form.feature, (source or "").replace(iri("source-"), iri("")))
    claim = writing.node("-".join(local_name(term or "") or "unnamed" for term in named), "Association", "claim")
    writing.links(claim, DCTERMS.source, [source])
    writing.links(claim, MSK.diagnosis, [form.diagnosis])
    writing.links(claim, MSK.feature, [form.feature])
    writing.links(claim, MSK.ofFinding, [form.of_finding])
    writing.links(claim, MSK.atSite, form.sites)
    writing.links(claim, MSK.confidence, [form.confidence])
    writing.links(claim, MSK.modality, form.modalities)
    writing.links(claim, MSK.verification, [form.verification])
    writing.english(claim, MSK.population, form.population)
    writing.plain(claim, MSK.locator, form.locator)
    writing.english(claim, SKOS.note, form.note)
    writing.estimate(claim, form.how_often)
    return writing.draft(claim)


class _Writing:
    """A draft while it is being written."""

    def __init__(self, is_taken: Callable[[str], bool]) -> None:
        self._is_taken = is_taken
        self._graph = Graph()
        self._parts: dict[str, str] = {}
        self._slips: dict[str, str] = {}

    def draft(self, node: str) -> Draft:
        return Draft(self._graph, node, self._parts, self._slips)

    def node(self, name: str, kind: str, part: str) -> str:
        """Return a new node, under the first name of its kind that is free."""
        found = free(name, lambda each: each in self._parts or self._is_taken(each))
        self._parts[found] = part
        self.add(found, RDF.type, MSK[kind])
        return found

    def add(self, node: str, predicate: Node, value: Node) -> None:
        self._graph.add((URIRef(node), predicate, value))

    def links(self, node: str, predicate: Node, values: Sequence[str | None]) -> None:
        for value in values:
            if value:
                self.add(node, predicate, URIRef(value))

    def english(self, node: str, predicate: Node, text: str) -> None:
        if text.strip():
            self.add(node, predicate, Literal(text.strip(), lang="en"))

    def plain(self, node: str, predicate: Node, text: str) -> None:
        if text.strip():
            self.add(node, predicate, Literal(text.strip()))

    def number(self, node: str, predicate: Node, value: int | None) -> None:
        if value is not None:
            self.add(node, predicate, Literal(str(value), datatype=XSD.integer))

    def probability(self, node: str, predicate: Node, percent: float | None) -> None:
        if percent is not None:
            digits = format((Decimal(str(percent)) / 100).normalize(), "f")
            with literals_as_typed():
                self.add(node, predicate, Literal(digits if "." in digits else f"{digits}.0", datatype=XSD.decimal))

    def source(self, node: str, source: Source) -> None:
        self.links(node, DCTERMS.source, [self.new_source(source) if isinstance(source, NewSource) else source])

    def new_source(self, source: NewSource) -> str:
        node = self.node(f"source-{slug(source.title) or 'untitled'}", "Source", "source")
        self.english(node, DCTERMS.title, " ".join(source.title.split()))
        self.plain(node, DCTERMS.bibliographicCitation, source.citation)
        self.plain(node, DCTERMS.identifier, source.identifier)
        if url := source.url.strip():
            self.add(node, MSK.url, Literal(url, datatype=XSD.anyURI))
            if not re.fullmatch(r"https?://[^\s<>\"{}|\\^`]+", url):
                self._slips["source url"] = "An address begins with https:// and has no spaces."
        return node

    def estimate(self, claim: str, said: HowOften) -> None:
        if said.form == NOT_STATED:
            self.links(claim, MSK.estimate, [iri(NOT_STATED)])
            return
        node = self.node(f"{local_name(claim)}-estimate", "Estimate", "estimate")
        self.links(claim, MSK.estimate, [node])
        self.links(node, MSK.form, [iri(f"form-{said.form}")])
        self.plain(node, MSK.stated, said.stated)
        match said.form:
            case "percent-range":
                self.probability(node, MSK["lower"], said.lower)
                self.probability(node, MSK["upper"], said.upper)
            case "count":
                self.number(node, MSK.numerator, said.numerator)
                self.number(node, MSK.denominator, said.denominator)
            case "word":
                self.links(node, MSK.frequencyWord, [said.word])
            case "order-of-magnitude":
                self.number(node, MSK.marks, said.marks)
                self.probability(node, MSK["upper"], said.upper)
        self._slips |= {f"estimate {name}": slip for name, slip in _slips(said).items()}


def _slips(said: HowOften) -> dict[str, str]:
    """Return what is wrong with a number, by property, in words that fit what the form asks for."""
    given: dict[str, dict[str, float | str | None]] = {
        "percent-range": {"lower": said.lower, "upper": said.upper},
        "count": {"numerator": said.numerator, "denominator": said.denominator},
        "word": {"frequencyWord": said.word},
        "order-of-magnitude": {"marks": said.marks, "upper": said.upper},
    }
    found = {name: "This is needed." for name, value in given[said.form].items() if value is None}
    if not said.stated.strip():
        found["stated"] = "The words of the source are needed."
    if said.form == "percent-range" and (said.lower or 0) > (100 if said.upper is None else said.upper):
        found["lower"] = "This is more than the other percentage."
    if said.form == "count" and said.denominator is not None and (said.numerator or 0) > said.denominator:
        found["numerator"] = "This is more than the whole."
    return found
