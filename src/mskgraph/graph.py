"""The knowledge as objects and as a networkx graph: concepts, claims, cases; neighbourhoods, paths, paths in words.

Built once from a store and then only read. Nodes are concepts and cases; an edge is a relation that follows from the
ontology or from one claim (``derive_edges.rq``), so two sources that say the same are two edges side by side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from mskgraph.errors import UnknownTerm
from mskgraph.store import Row, Store, query_text, select
from mskgraph.terms import Kind, Lexicon, Name, iri, local_name

if TYPE_CHECKING:
    import networkx

KINDS: dict[str, Kind] = {
    iri("Finding"): "finding",
    iri("Morphology"): "morphology",
    iri("Site"): "site",
    iri("Context"): "context",
    iri("Diagnosis"): "diagnosis",
    iri("Case"): "case",
}

BROADER, NARROWER = iri("skos:broader"), iri("skos:narrower")
PART_OF, HAS_PART = iri("partOf"), iri("hasPart")

EXCLUDED = iri("frequency-excluded")

MAX_PATHS = 1000
"""How many paths are looked at before the search gives up: more than anybody reads, few enough to be quick."""

Direction = Literal["any", "forward"]


@dataclass(frozen=True, slots=True)
class Reference:
    """An IRI with the words people read for it."""

    iri: str
    label: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """How often, in the form in which the source gave it.

    :ivar form: ``percent-range``, ``count``, ``order-of-magnitude``, ``word`` or ``not-stated``
    :ivar stated: as the source wrote it; empty if not stated
    :ivar lower: lower bound as a probability, where the form carries one
    :ivar upper: upper bound as a probability, where the form carries one
    :ivar numerator: n of n/m
    :ivar denominator: m of n/m
    :ivar marks: how many "<" stand before the upper bound
    :ivar word: IRI of the frequency word that gives the bounds
    """

    form: str
    stated: str = ""
    lower: float | None = None
    upper: float | None = None
    numerator: int | None = None
    denominator: int | None = None
    marks: int | None = None
    word: str | None = None


NOT_STATED = Estimate("not-stated")


@dataclass(frozen=True, slots=True)
class Concept:
    """A site, finding, morphology, context or diagnosis.

    :ivar parents: what it is a kind of (``skos:broader``)
    :ivar part_of: for a site, what it is part of
    :ivar categories: for a diagnosis, its aetiologic categories
    :ivar must_not_miss: why it must not be missed; empty if nothing says so
    """

    iri: str
    label: str
    kind: Kind
    definition: str = ""
    synonyms: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    part_of: tuple[str, ...] = ()
    categories: tuple[Reference, ...] = ()
    must_not_miss: str = ""
    notes: tuple[str, ...] = ()
    sources: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """One sourced statement: an association, or a row of a differential table.

    :ivar diagnosis: whom it is about
    :ivar target: the feature, diagnosis or finding that it relates the diagnosis to
    :ivar relation: ``feature``, ``leadsTo``, ``progressesTo`` or ``row``
    :ivar of_finding: the finding that a morphology or site describes
    :ivar table: the differential table of a row
    :ivar rank: place in that table; ties share one
    """

    iri: str
    diagnosis: str
    relation: str
    target: str
    estimate: Estimate
    source: Reference
    confidence: str = ""
    of_finding: str | None = None
    sites: tuple[str, ...] = ()
    population: str = ""
    modalities: tuple[str, ...] = ()
    locator: str = ""
    notes: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    table: str | None = None
    rank: int | None = None

    @property
    def excluded(self) -> bool:
        """Whether the claim says that the diagnosis never shows its target."""
        return self.estimate.word == EXCLUDED


@dataclass(frozen=True, slots=True)
class Table:
    """One source's list of exclusive causes of one finding in one setting."""

    iri: str
    title: str
    finding: str
    setting: str
    source: Reference


@dataclass(frozen=True, slots=True)
class Discriminator:
    """A combination of features that points to a diagnosis or finding.

    :ivar given: the features
    :ivar points_to: diagnoses and findings
    :ivar conflicts: rules that point elsewhere for the same look
    """

    iri: str
    given: tuple[str, ...]
    points_to: tuple[str, ...]
    source: Reference
    notes: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TeachingPoint:
    """A sourced remark that is no claim of frequency, about concepts, tables or sources."""

    iri: str
    text: str
    about: tuple[str, ...]
    source: Reference


@dataclass(frozen=True, slots=True)
class Observation:
    """What one patient shows: a finding, where, how it looks; ``sites`` has several where the source is ambiguous."""

    iri: str
    finding: str
    present: bool
    sites: tuple[str, ...] = ()
    side: str = ""
    morphologies: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """One captioned image of a case, described in our words."""

    iri: str
    identifier: str
    description: str


@dataclass(frozen=True, slots=True)
class Case:
    """One patient."""

    iri: str
    label: str
    description: str
    source: Reference
    observations: tuple[Observation, ...] = ()
    images: tuple[Image, ...] = ()
    contexts: tuple[str, ...] = ()
    diagnoses: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    maybe_same_patient: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def features(self) -> frozenset[str]:
        """IRIs of every finding, site and morphology shown, and of every context."""
        shown = (o for o in self.observations if o.present)
        seen = {feature for o in shown for feature in (o.finding, *o.sites, *o.morphologies)}
        return frozenset(seen | set(self.contexts))


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation as it reads in the direction walked."""

    iri: str
    label: str
    inverse: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: from a node over a relation to a node, resting on a claim or on the ontology itself."""

    start: str
    relation: str
    end: str
    claim: str | None = None


Path = tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class Knowledge:
    """Everything the rest of the program reads, as plain objects and as a graph.

    :ivar concepts: by IRI
    :ivar claims: by IRI
    :ivar cases: by IRI
    :ivar tables: by IRI
    :ivar discriminators: by IRI
    :ivar teaching_points: in the order of their texts
    :ivar relations: by IRI, inverses included
    :ivar edges: every edge in its own direction
    """

    concepts: Mapping[str, Concept]
    claims: Mapping[str, Claim]
    cases: Mapping[str, Case]
    tables: Mapping[str, Table]
    discriminators: Mapping[str, Discriminator]
    teaching_points: Sequence[TeachingPoint]
    relations: Mapping[str, Relation]
    edges: Sequence[Step]
    lexicon: Lexicon
    _steps: Mapping[str, Sequence[Step]] = field(repr=False)

    def label(self, node: str) -> str:
        """Return the label of a concept or case, or the last part of its IRI if it has none."""
        return self.lexicon.labels.get(node) or local_name(node)

    def kind(self, node: str) -> Kind:
        """Return what kind of thing a node is.

        :raises UnknownTerm: if it is neither concept nor case
        """
        try:
            return self.lexicon.kinds[node]
        except KeyError:
            raise UnknownTerm(node, self.lexicon.suggest(local_name(node))) from None

    def steps(self, node: str) -> Sequence[Step]:
        """Return every step away from a node, over edges in both directions, sorted by relation and label."""
        return self._steps.get(node, ())

    def relation_counts(self, node: str) -> dict[str, int]:
        """Return how many neighbours each relation leads to from a node, by the relation as walked."""
        neighbours: defaultdict[str, set[str]] = defaultdict(set)
        for step in self.steps(node):
            neighbours[step.relation].add(step.end)
        return {relation: len(ends) for relation, ends in neighbours.items()}

    def neighbourhood(self, node: str, hops: int = 1) -> dict[str, int]:
        """Return the nodes within some steps of a node, in either direction, with their distance.

        :param hops: how many steps at most; 0 gives the node alone
        """
        distance = {node: 0}
        front = [node]
        for hop in range(1, hops + 1):
            reached = [step.end for start in front for step in self.steps(start) if step.end not in distance]
            front = list(dict.fromkeys(reached))
            distance.update(dict.fromkeys(front, hop))
        return distance

    def paths(
        self,
        start: str,
        end: str,
        max_length: int = 4,
        limit: int = 10,
        relations: Collection[str] = (),
        direction: Direction = "any",
    ) -> list[Path]:
        """Return the shortest paths that visit no node twice, shortest first, then by label.

        :param start: IRI of a concept or case
        :param end: IRI of a concept or case
        :param max_length: steps at most
        :param limit: paths at most; at most :data:`MAX_PATHS` are looked at
        :param relations: IRIs of the relations that may be walked, read in either direction; all if empty
        :param direction: ``"forward"`` walks edges only as they are stated
        :raises UnknownTerm: if start or end is neither concept nor case
        """
        self.kind(start), self.kind(end)
        for relation in relations:
            if relation not in self.relations:
                raise UnknownTerm(relation, [known.label for known in self.relations.values()][:5])
        allowed = {known for relation in relations for known in (relation, self.relations[relation].inverse)}

        def steps(node: str) -> Iterator[Step]:
            seen = set()
            for step in self.steps(node):
                if step.end in seen or (allowed and step.relation not in allowed):
                    continue
                if direction == "forward" and step not in self._stated:
                    continue
                seen.add(step.end)
                yield step

        found: list[Path] = []
        for length in range(1, max_length + 1):
            near = self.neighbourhood(end, length)
            found.extend(_walks(steps, near, start, end, length, MAX_PATHS - len(found)))
            if len(found) >= min(limit, MAX_PATHS):
                break
        return found[:limit]

    def words(self, path: Path) -> str:
        """Return a path as a sentence.

        "soft tissue calcification may look like rice-grain, which is typical of cysticercosis."
        """
        if not path:
            return ""
        parts = [f"{self.label(path[0].start)} {self._reads(path[0])} {self.label(path[0].end)}"]
        parts += [f"which {self._reads(step)} {self.label(step.end)}" for step in path[1:]]
        return ", ".join(parts) + "."

    def ancestors(self, concept: str) -> frozenset[str]:
        """Return a concept with everything it is a kind of or part of."""
        return self._closure(concept, lambda c: (*c.parents, *c.part_of))

    def climbs(self, concept: str) -> Mapping[str, Path]:
        """Return what a concept is a kind or part of, with the fewest steps up to each; not the concept itself."""
        found: dict[str, Path] = {}
        front: list[tuple[str, Path]] = [(concept, ())]
        for node, steps in front:
            above = self.concepts.get(node)
            for relation, parents in ((BROADER, above.parents), (PART_OF, above.part_of)) if above else ():
                for parent in parents:
                    if parent != concept and parent not in found:
                        found[parent] = (*steps, Step(node, relation, parent))
                        front.append((parent, found[parent]))
        return found

    def below(self, concept: str) -> Collection[str]:
        """Return what is a kind or part of a concept, directly or not."""
        return self._below.get(concept, ())

    def kinds_of(self, concept: str) -> frozenset[str]:
        """Return a concept with everything that is a kind of it."""
        return frozenset({concept, *self._descendants.get(concept, ())})

    def to_networkx(self) -> networkx.MultiDiGraph:
        """Return the graph for networkx.

        Nodes are IRIs with ``label`` and ``kind``; edges have ``relation``, ``label`` and ``claim`` (IRI or ``None``).
        """
        import networkx

        graph = networkx.MultiDiGraph()
        for node in sorted({*self.concepts, *self.cases}):
            graph.add_node(node, label=self.label(node), kind=self.kind(node))
        for step in self.edges:
            label = self.relations[step.relation].label
            graph.add_edge(step.start, step.end, relation=step.relation, label=label, claim=step.claim)
        return graph

    def _reads(self, step: Step) -> str:
        return self.relations[step.relation].label

    @cached_property
    def _stated(self) -> frozenset[Step]:
        return frozenset(self.edges)

    @cached_property
    def _descendants(self) -> dict[str, set[str]]:
        below: defaultdict[str, set[str]] = defaultdict(set)
        for concept in self.concepts:
            for ancestor in self._closure(concept, lambda c: c.parents) - {concept}:
                below[ancestor].add(concept)
        return dict(below)

    @cached_property
    def _below(self) -> dict[str, list[str]]:
        below: defaultdict[str, list[str]] = defaultdict(list)
        for concept in sorted(self.concepts):
            for ancestor in self.climbs(concept):
                below[ancestor].append(concept)
        return dict(below)

    def _closure(self, concept: str, parents: Callable[[Concept], Iterable[str]]) -> frozenset[str]:
        seen: set[str] = set()
        front = [concept]
        while front:
            node = front.pop()
            if node not in seen:
                seen.add(node)
                if node in self.concepts:
                    front.extend(parents(self.concepts[node]))
        return frozenset(seen)


def _walks(
    steps: Callable[[str], Iterable[Step]], distance: Mapping[str, int], start: str, end: str, length: int, most: int
) -> Iterator[Path]:
    """Yield at most ``most`` simple paths of exactly ``length`` steps, in the order of the steps."""
    stack: list[tuple[str, Path]] = [(start, ())]
    found = 0
    while stack and found < most:
        node, path = stack.pop()
        if len(path) == length:
            if node == end:
                found += 1
                yield path
            continue
        visited = {start, *(step.end for step in path)}
        left = length - len(path) - 1
        onward = [
            step
            for step in steps(node)
            if step.end not in visited and distance.get(step.end, length + 1) <= left and (step.end != end or left == 0)
        ]
        stack.extend((step.end, (*path, step)) for step in reversed(onward))


def build(store: Store) -> Knowledge:
    """Read a store into a :class:`Knowledge`."""
    rows = select(store, query_text("concept_names"))
    names = _names(rows)
    lexicon = Lexicon(names)
    relations = {
        row["relation"]: Relation(row["relation"], row["label"], row["inverse"])
        for row in select(store, query_text("relations"))
    }
    edges = _edges(store, lexicon, relations)
    steps: defaultdict[str, list[Step]] = defaultdict(list)
    for step in edges:
        steps[step.start].append(step)
        steps[step.end].append(Step(step.end, relations[step.relation].inverse, step.start, step.claim))
    for away in steps.values():
        away.sort(key=lambda step: (lexicon.labels[step.end], relations[step.relation].label, step.claim or ""))
    return Knowledge(
        concepts=_concepts(select(store, query_text("concept_facts")), _synonyms(rows), lexicon),
        claims=_claims(store),
        cases=_cases(store),
        tables=_tables(select(store, query_text("differential_tables"))),
        discriminators=_discriminators(select(store, query_text("discriminators"))),
        teaching_points=_teaching_points(select(store, query_text("teaching_points"))),
        relations=relations,
        edges=edges,
        lexicon=lexicon,
        _steps=dict(steps),
    )


def _names(rows: Iterable[Row]) -> list[Name]:
    preferred = {iri("skos:prefLabel"), iri("dcterms:title")}
    return [Name(row["concept"], row["name"], KINDS[row["class"]], row["property"] in preferred) for row in rows]


def _edges(store: Store, lexicon: Lexicon, relations: Mapping[str, Relation]) -> list[Step]:
    # The same WHERE clause that derives the one-step triples also tells on which claim each rests.
    construct = query_text("derive_edges")
    head = "CONSTRUCT { ?from ?relation ?to }"
    if construct.count(head) != 1:
        raise ValueError(f"derive_edges.rq must have exactly one head {head}")
    rows = select(store, construct.replace(head, "SELECT DISTINCT ?from ?relation ?to ?claim"))
    # What a case shows and what a case is stated to be need no claim: the case is its own source.
    derived = {
        Step(
            row["from"], row["relation"], row["to"], row.get("claim") if lexicon.kinds[row["from"]] != "case" else None
        )
        for row in rows
    }
    hierarchy = {
        Step(row["concept"], row["property"], row["value"])
        for row in select(store, query_text("concept_facts"))
        if row["property"] in (BROADER, PART_OF)
    }
    return sorted(derived | hierarchy, key=lambda step: (step.start, step.relation, step.end, step.claim or ""))


def _grouped(rows: Iterable[Row], key: str) -> dict[str, dict[str, list[Reference]]]:
    """Gather rows of subject, property, value and label into one dictionary of properties for each subject."""
    grouped: defaultdict[str, defaultdict[str, list[Reference]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        values = grouped[row[key]]
        if "value" in row:
            values[local_name_of(row["property"])].append(Reference(row["value"], row.get("valueLabel", "")))
    for properties in grouped.values():
        for references in properties.values():
            references.sort(key=lambda reference: (reference.label, reference.iri))
    return {subject: dict(properties) for subject, properties in grouped.items()}


def local_name_of(full: str) -> str:
    """Return the part of an IRI after its last ``#`` or ``/``.

    >>> local_name_of("http://www.w3.org/2004/02/skos/core#broader")
    'broader'
    """
    return full.rpartition("#")[2].rpartition("/")[2]


def _iris(properties: Mapping[str, Sequence[Reference]], name: str) -> tuple[str, ...]:
    return tuple(reference.iri for reference in properties.get(name, ()))


def _one(properties: Mapping[str, Sequence[Reference]], name: str) -> str:
    values = properties.get(name, ())
    return values[0].iri if values else ""


def _synonyms(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Return each concept's synonyms; known misspellings help a search but are nothing to show."""
    synonyms: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["property"] == iri("skos:altLabel"):
            synonyms[row["concept"]].append(row["name"])
    return synonyms


def _concepts(rows: Iterable[Row], synonyms: Mapping[str, list[str]], lexicon: Lexicon) -> dict[str, Concept]:
    facts = _grouped(rows, "concept")
    return {
        node: Concept(
            iri=node,
            label=label,
            kind=lexicon.kinds[node],
            definition=_one(facts.get(node, {}), "definition"),
            synonyms=tuple(sorted(synonyms.get(node, ()))),
            parents=_iris(facts.get(node, {}), "broader"),
            part_of=_iris(facts.get(node, {}), "partOf"),
            categories=tuple(facts.get(node, {}).get("category", ())),
            must_not_miss=_one(facts.get(node, {}), "mustNotMissReason"),
            notes=_iris(facts.get(node, {}), "note"),
            sources=tuple(facts.get(node, {}).get("source", ())),
        )
        for node, label in lexicon.labels.items()
        if lexicon.kinds[node] != "case"
    }


def _estimates(rows: Iterable[Row]) -> dict[str, Estimate]:
    def number(row: Row, name: str) -> float | None:
        return float(row[name]) if name in row else None

    def count(row: Row, name: str) -> int | None:
        return int(row[name]) if name in row else None

    return {
        row["estimate"]: Estimate(
            form=local_name(row["form"]).removeprefix("form-"),
            stated=row.get("stated", ""),
            lower=number(row, "lower"),
            upper=number(row, "upper"),
            numerator=count(row, "numerator"),
            denominator=count(row, "denominator"),
            marks=count(row, "marks"),
            word=row.get("word"),
        )
        for row in rows
    }


def _claims(store: Store) -> dict[str, Claim]:
    estimates = _estimates(select(store, query_text("estimates")))
    tables = {row["table"]: row["finding"] for row in select(store, query_text("differential_tables"))}
    claims = {}
    for node, said in _grouped(select(store, query_text("claims")), "claim").items():
        table = _one(said, "table")
        relation = "row" if table else next(r for r in ("feature", "leadsTo", "progressesTo") if r in said)
        claims[node] = Claim(
            iri=node,
            diagnosis=_one(said, "diagnosis"),
            relation=relation,
            target=tables[table] if table else _one(said, relation),
            estimate=estimates.get(_one(said, "estimate"), NOT_STATED),
            source=said["source"][0],
            confidence=said["confidence"][0].label if "confidence" in said else "",
            of_finding=_one(said, "ofFinding") or None,
            sites=_iris(said, "atSite"),
            population=_one(said, "population"),
            modalities=tuple(modality.label for modality in said.get("modality", ())),
            locator=_one(said, "locator"),
            notes=_iris(said, "note"),
            conflicts=_iris(said, "conflictsWith"),
            table=table or None,
            rank=int(_one(said, "rank")) if table else None,
        )
    return claims


def _tables(rows: Iterable[Row]) -> dict[str, Table]:
    return {
        row["table"]: Table(
            row["table"], row["title"], row["finding"], row["setting"], Reference(row["source"], row["sourceTitle"])
        )
        for row in rows
    }


def _discriminators(rows: Iterable[Row]) -> dict[str, Discriminator]:
    return {
        node: Discriminator(
            iri=node,
            given=_iris(said, "given"),
            points_to=_iris(said, "pointsTo"),
            source=said["source"][0],
            notes=_iris(said, "note"),
            conflicts=_iris(said, "conflictsWith"),
        )
        for node, said in sorted(_grouped(rows, "rule").items())
    }


def _teaching_points(rows: Sequence[Row]) -> list[TeachingPoint]:
    about: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        about[row["point"]].append(row["about"])
    points = {
        TeachingPoint(
            row["point"],
            row["text"],
            tuple(sorted(about[row["point"]])),
            Reference(row["source"], row["sourceTitle"]),
        )
        for row in rows
    }
    return sorted(points, key=lambda point: (point.text, point.iri))


def _cases(store: Store) -> dict[str, Case]:
    observations: defaultdict[str, list[Observation]] = defaultdict(list)
    rows = select(store, query_text("observations"))
    case_of = {row["observation"]: row["case"] for row in rows}
    for node, seen in sorted(_grouped(rows, "observation").items()):
        observations[case_of[node]].append(
            Observation(
                iri=node,
                finding=_one(seen, "finding"),
                present=_one(seen, "present") in ("true", "1"),
                sites=_iris(seen, "site") + _iris(seen, "possibleSite"),
                side=seen["side"][0].label if "side" in seen else "",
                morphologies=_iris(seen, "morphology"),
                images=tuple(image.label for image in seen.get("image", ())),
                notes=_iris(seen, "note"),
            )
        )
    images: defaultdict[str, list[Image]] = defaultdict(list)
    for row in select(store, query_text("images")):
        images[row["case"]].append(Image(row["image"], row["identifier"], row["description"]))
    rows = select(store, query_text("cases"))
    heads = {row["case"]: row for row in rows}
    return {
        node: Case(
            iri=node,
            label=heads[node]["title"],
            description=heads[node]["description"],
            source=Reference(heads[node]["source"], heads[node]["sourceTitle"]),
            observations=tuple(observations[node]),
            images=tuple(images[node]),
            contexts=tuple(dict.fromkeys(_iris(said, "context"))),
            diagnoses=_iris(said, "statedDiagnosis"),
            causes=_iris(said, "statedCause"),
            maybe_same_patient=_iris(said, "possiblySamePatient"),
            notes=_iris(said, "note"),
        )
        for node, said in sorted(_grouped(rows, "case").items())
    }
