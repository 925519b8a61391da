"""From a store to the knowledge: one query for each kind of object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import TypedDict

from mskgraph.graph.knowledge import BROADER, PART_OF, Knowledge
from mskgraph.graph.records import (
    NOT_STATED,
    Case,
    Claim,
    Concept,
    Criterion,
    Discriminator,
    Estimate,
    Image,
    Mapped,
    Observation,
    Occurrence,
    Reference,
    Relation,
    Step,
    Table,
    TeachingPoint,
)
from mskgraph.store import Row, Store, query_text, select
from mskgraph.terms import Kind, Lexicon, Name, iri, local_name

_RELATIONS = ("feature", "leadsTo", "progressesTo", "mistakenFor", "occursWith")
"""The properties of which an association has exactly one."""

KINDS: dict[str, Kind] = {
    iri("Finding"): "finding",
    iri("Morphology"): "morphology",
    iri("Site"): "site",
    iri("Context"): "context",
    iri("Diagnosis"): "diagnosis",
    iri("Case"): "case",
}


_OUT_OF_USE = """
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX owl: <http://www.w3.org/2002/07/owl#>
SELECT ?node ?successor
WHERE {
  ?node owl:deprecated true .
  OPTIONAL { ?node dcterms:isReplacedBy ?successor }
  FILTER NOT EXISTS {
    ?user ?property ?node .
    FILTER(?property != dcterms:isReplacedBy)
    FILTER NOT EXISTS { ?user owl:deprecated true }
  }
}
ORDER BY ?node ?successor
"""
"""What is marked as out of use but used all the same stays until that is mended, as its users could not do without."""


def read_lexicon(store: Store) -> Lexicon:
    """Read from a store what everything in use is called."""
    return Lexicon(_names(select(store, query_text("concept_names")), _replaced(store)))


def _replaced(store: Store) -> dict[str, str]:
    """Return what is out of use, and of each what took its place."""
    return {row["node"]: row.get("successor", "") for row in select(store, _OUT_OF_USE)}


def build(store: Store, lexicon: Lexicon | None = None) -> Knowledge:
    """Read a store into a :class:`Knowledge`, without what is out of use.

    :param lexicon: of the store, if it has been read already
    """
    replaced = _replaced(store)

    def rows(name: str, node: str) -> list[Row]:
        return _in_use(select(store, query_text(name)), node, replaced)

    estimates = read_estimates(store)
    tables = _tables(rows("differential_tables", "table"))
    named = select(store, query_text("concept_names"))
    lexicon = lexicon or Lexicon(_names(named, replaced))
    relations = {
        row["relation"]: Relation(row["relation"], row["label"], row["inverse"])
        for row in select(store, query_text("relations"))
    }
    edges = _edges(store, lexicon, relations, replaced.keys())
    steps: defaultdict[str, list[Step]] = defaultdict(list)
    for step in edges:
        steps[step.start].append(step)
        steps[step.end].append(Step(step.end, relations[step.relation].inverse, step.start, step.claim))
    for away in steps.values():
        away.sort(key=lambda step: (lexicon.labels[step.end], relations[step.relation].label, step.claim or ""))
    return Knowledge(
        concepts=_concepts(store, _synonyms(named), lexicon),
        claims=_claims(rows("claims", "claim"), estimates, tables),
        cases=_cases(rows("cases", "case"), rows("observations", "case"), rows("images", "case")),
        tables=tables,
        discriminators=_discriminators(rows("discriminators", "rule"), estimates),
        occurrences=_occurrences(rows("occurrences", "occurrence"), estimates),
        criteria=_criteria(rows("criteria", "criterion"), estimates),
        teaching_points=_teaching_points(rows("teaching_points", "point")),
        relations=relations,
        edges=edges,
        lexicon=lexicon,
        _steps=dict(steps),
    )


def _in_use(rows: Iterable[Row], node: str, out_of_use: Collection[str]) -> list[Row]:
    """Return the rows that are about something in use.

    :param node: the variable that tells what a row is about
    """
    return [row for row in rows if row[node] not in out_of_use]


def _names(rows: Sequence[Row], replaced: Mapping[str, str]) -> list[Name]:
    """Return the names of what is in use, among them those of what it took the place of."""
    preferred = {iri("skos:prefLabel"), iri("dcterms:title")}
    kinds = {row["concept"]: KINDS[row["class"]] for row in _in_use(rows, "concept", replaced)}
    names = []
    for row in rows:
        node, text = row["concept"], row["name"]
        successor = replaced.get(node, "")
        if node in kinds:
            names.append(Name(node, text, kinds[node], row["property"] in preferred))
        elif successor in kinds:
            names.append(Name(successor, text, kinds[successor], preferred=False, former=node))
    return names


def _synonyms(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Return each concept's synonyms; known misspellings help a search but are nothing to show."""
    synonyms: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["property"] == iri("skos:altLabel"):
            synonyms[row["concept"]].append(row["name"])
    return synonyms


def _edges(store: Store, lexicon: Lexicon, relations: Mapping[str, Relation], out_of_use: Set[str]) -> list[Step]:
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
        if row["property"] in (BROADER, PART_OF) and out_of_use.isdisjoint({row["concept"], row["value"]})
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


def _concepts(store: Store, synonyms: Mapping[str, list[str]], lexicon: Lexicon) -> dict[str, Concept]:
    facts = _grouped(select(store, query_text("concept_facts")), "concept")
    mappings: defaultdict[str, list[Mapped]] = defaultdict(list)
    for row in select(store, query_text("mappings")):
        mappings[row["concept"]].append(Mapped(row["term"], row["predicate"], row.get("termLabel", "")))
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
            mappings=tuple(mappings[node]),
        )
        for node, label in lexicon.labels.items()
        if lexicon.kinds[node] != "case"
    }


def read_estimates(store: Store) -> dict[str, Estimate]:
    """Return every estimate of a store by its IRI."""

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
        for row in select(store, query_text("estimates"))
    }


class _Common(TypedDict):
    source: Reference
    confidence: str
    verification: str
    population: str
    sites: tuple[str, ...]
    modalities: tuple[str, ...]
    compared_with: str
    locator: str
    notes: tuple[str, ...]
    conflicts: tuple[str, ...]


def _common(said: Mapping[str, Sequence[Reference]]) -> _Common:
    """Return what every class of :class:`Sourced` carries."""
    return _Common(
        source=said["source"][0],
        confidence=said["confidence"][0].label if "confidence" in said else "",
        verification=said["verification"][0].label if "verification" in said else "",
        population=_one(said, "population"),
        sites=_iris(said, "atSite"),
        modalities=tuple(modality.label for modality in said.get("modality", ())),
        compared_with=_one(said, "comparedWith"),
        locator=_one(said, "locator"),
        notes=_iris(said, "note"),
        conflicts=_iris(said, "conflictsWith"),
    )


def _claims(rows: Iterable[Row], estimates: Mapping[str, Estimate], tables: Mapping[str, Table]) -> dict[str, Claim]:
    grouped = _grouped(rows, "claim")
    claims = {}
    # Those that say how often come first; apart from that, no engine's order shows.
    for node, said in sorted(grouped.items(), key=lambda item: ("estimate" not in item[1], item[0])):
        table = _one(said, "table")
        relation = "row" if table else next(relation for relation in _RELATIONS if relation in said)
        claims[node] = Claim(
            iri=node,
            diagnosis=_one(said, "diagnosis"),
            relation=relation,
            target=tables[table].finding if table else _one(said, relation),
            estimate=estimates.get(_one(said, "estimate"), NOT_STATED),
            specificity=estimates.get(_one(said, "specificity"), NOT_STATED),
            of_finding=_one(said, "ofFinding") or None,
            table=table or None,
            rank=int(_one(said, "rank")) if table else None,
            **_common(said),
        )
    return claims


def _occurrences(rows: Iterable[Row], estimates: Mapping[str, Estimate]) -> dict[str, Occurrence]:
    return {
        node: Occurrence(
            iri=node,
            concept=_one(said, "concept"),
            measure=said["measure"][0].label,
            estimate=estimates.get(_one(said, "estimate"), NOT_STATED),
            **_common(said),
        )
        for node, said in sorted(_grouped(rows, "occurrence").items())
    }


def _criteria(rows: Iterable[Row], estimates: Mapping[str, Estimate]) -> dict[str, Criterion]:
    return {
        node: Criterion(
            iri=node,
            about=_iris(said, "about"),
            quantity=_one(said, "quantity"),
            comparator=said["comparator"][0].label,
            threshold=float(_one(said, "threshold")),
            unit=_one(said, "unit"),
            points_to=_iris(said, "pointsTo"),
            sensitivity=estimates.get(_one(said, "sensitivity"), NOT_STATED),
            specificity=estimates.get(_one(said, "specificity"), NOT_STATED),
            **_common(said),
        )
        for node, said in sorted(_grouped(rows, "criterion").items())
    }


def _tables(rows: Iterable[Row]) -> dict[str, Table]:
    return {
        node: Table(
            iri=node,
            title=_one(said, "title"),
            finding=_one(said, "finding"),
            setting=_one(said, "setting"),
            source=said["source"][0],
            contexts=_iris(said, "context"),
            sites=_iris(said, "atSite"),
        )
        for node, said in sorted(_grouped(rows, "table").items())
    }


def _discriminators(rows: Iterable[Row], estimates: Mapping[str, Estimate]) -> dict[str, Discriminator]:
    return {
        node: Discriminator(
            iri=node,
            given=_iris(said, "given"),
            points_to=_iris(said, "pointsTo"),
            against=_iris(said, "against"),
            sensitivity=estimates.get(_one(said, "sensitivity"), NOT_STATED),
            specificity=estimates.get(_one(said, "specificity"), NOT_STATED),
            **_common(said),
        )
        for node, said in sorted(_grouped(rows, "rule").items())
    }


def _teaching_points(rows: Iterable[Row]) -> list[TeachingPoint]:
    points = [
        TeachingPoint(
            iri=node,
            text=_one(said, "text"),
            about=_iris(said, "about"),
            kind=said["remarkKind"][0].label,
            **_common(said),
        )
        for node, said in _grouped(rows, "point").items()
    ]
    return sorted(points, key=lambda point: (point.text, point.iri))


def _cases(rows: Sequence[Row], observed: Sequence[Row], shown: Iterable[Row]) -> dict[str, Case]:
    observations: defaultdict[str, list[Observation]] = defaultdict(list)
    case_of = {row["observation"]: row["case"] for row in observed}
    for node, seen in sorted(_grouped(observed, "observation").items()):
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
    for row in shown:
        images[row["case"]].append(Image(row["image"], row["identifier"], row["description"]))
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
