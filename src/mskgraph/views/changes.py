"""Changes as a page shows them: what one would do to the answers, and which were taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from weakref import WeakKeyDictionary

from rdflib import RDF, URIRef

from mskgraph.curation import Change, graph_of, in_words, names_given
from mskgraph.differential import Query, differential, engine_of
from mskgraph.graph import Case, Knowledge, Step
from mskgraph.ontology import MSK
from mskgraph.store import Patch, Store, is_iri, query_text, select
from mskgraph.terms import FEATURE_KINDS, iri, local_name
from mskgraph.views.words import FEW, few, percent, says

EXAMPLE = iri("soft-tissue-calcification")
"""What the page Differential asks about before anybody types."""

COMPARED = 10  # candidates of each differential, from the first on


@dataclass(frozen=True)
class Preview:
    """What a change would do.

    :ivar opened: relations between concepts and cases that there would be, as sentences
    :ivar closed: those that there would be no more
    :ivar moved: one row for each candidate whose place, layer or bounds would be others
    :ivar asked: how many differentials were compared
    :ivar cases: for each case that it adds or alters, what its differential would be, as a sentence
    """

    opened: tuple[str, ...]
    closed: tuple[str, ...]
    moved: tuple[dict[str, str], ...]
    asked: int
    cases: tuple[str, ...]


def preview(before: Knowledge, after: Knowledge, patch: Patch) -> Preview:
    """Return what a change would do to the relations and to the differentials.

    Asked are the features that it is about, the example of the page Differential, and what every stored case shows.

    :param before: the knowledge as it is
    :param after: as it would be
    :param patch: what leads from one to the other
    """
    old, new = _steps(before), _steps(after)
    questions = list(_questions(before, after))
    touched = sorted(patch.subjects() & after.cases.keys(), key=after.label)
    return Preview(
        opened=tuple(sorted(after.words((step,)) for key, step in new.items() if key not in old)),
        closed=tuple(sorted(before.words((step,)) for key, step in old.items() if key not in new)),
        moved=tuple(row for question in questions for row in _moved(before, after, *question)),
        asked=len(questions),
        cases=tuple(_led_to(after, case) for case in touched),
    )


def _steps(knowledge: Knowledge) -> dict[tuple[str, str, str], Step]:
    return {(step.start, step.relation, step.end): step for step in knowledge.edges}


class _Asked(NamedTuple):
    """Features of a question, each once.

    :ivar present: seen
    :ivar absent: looked for and not seen
    """

    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @classmethod
    def of(cls, case: Case) -> _Asked:
        """Return the question that a case is."""
        return cls(tuple(sorted(case.features)), tuple(sorted(case.absent)))


def _questions(before: Knowledge, after: Knowledge) -> Iterator[tuple[str, _Asked, _Asked]]:
    """Yield what both are asked: the question's name, and what was asked before and would be after."""
    spoken_of = {*_features_of(before, after), *_features_of(after, before)}
    if EXAMPLE in before.concepts:
        spoken_of.discard((EXAMPLE,))
    for features in sorted(spoken_of, key=lambda features: [after.label(feature) for feature in features]):
        name = ", ".join(
            after.label(feature) if feature in after.concepts else before.label(feature) for feature in features
        )
        yield name, _known(before, features), _known(after, features)
    if EXAMPLE in before.concepts and EXAMPLE in after.concepts:
        yield f"Example: {before.label(EXAMPLE)}", _Asked((EXAMPLE,)), _Asked((EXAMPLE,))
    for case in sorted(before.cases.keys() & after.cases.keys(), key=before.label):
        yield before.label(case), _Asked.of(before.cases[case]), _Asked.of(after.cases[case])


def _features_of(one: Knowledge, other: Knowledge) -> Iterator[tuple[str, ...]]:
    """Yield the features that claims, rules and places of features are about which only one of two has, as one asks."""
    for name, claim in one.claims.items():
        if other.claims.get(name) != claim:
            about = claim.target if _is_feature(one, claim.target) else next(iter(one.findings_of(claim.diagnosis)), "")
            features = {claim.of_finding or "", about} - {""}
            yield from [tuple(sorted(features))] if features else []
    for name, rule in one.discriminators.items():
        if other.discriminators.get(name) != rule:
            yield tuple(sorted(rule.given))
    for name, concept in one.concepts.items():
        known = other.concepts.get(name)
        above, were = ({*c.parents, *c.part_of} if c else set() for c in (concept, known))
        if above != were and _is_feature(one, name):
            yield from ((feature,) for feature in {name, *(above - were)})


def _is_feature(knowledge: Knowledge, concept: str) -> bool:
    return concept in knowledge.concepts and knowledge.concepts[concept].kind in FEATURE_KINDS


def _known(knowledge: Knowledge, features: tuple[str, ...]) -> _Asked:
    """Return the question about features, or none if one of them is unknown: then nobody could ask it."""
    return _Asked(features) if all(feature in knowledge.concepts for feature in features) else _Asked()


class _Standing(NamedTuple):
    place: int
    layer: int
    probability: str


_standing: WeakKeyDictionary[Knowledge, dict[_Asked, Mapping[str, _Standing]]] = WeakKeyDictionary()


def _standings(knowledge: Knowledge, asked: _Asked) -> Mapping[str, _Standing]:
    """Return how the candidates for a question stand; worked out once for a state of the knowledge."""
    known = _standing.setdefault(knowledge, {})
    if asked not in known:
        known[asked] = _ranked(knowledge, asked)
    return known[asked]


def _ranked(knowledge: Knowledge, asked: _Asked) -> dict[str, _Standing]:
    if not asked.present:
        return {}
    # The bare ranking: nobody asks here why a candidate stands where it does.
    ranking = engine_of(knowledge).rank(Query.of(knowledge, asked.present, asked.absent))
    lower, upper = ranking.posterior
    return {
        ranking.candidates[i]: _Standing(place, int(ranking.layer[i]), percent((float(lower[i]), float(upper[i]))))
        for place, i in enumerate(ranking.order, 1)
    }


def _moved(
    before: Knowledge, after: Knowledge, name: str, was_asked: _Asked, is_asked: _Asked
) -> Iterator[dict[str, str]]:
    """Yield the first candidates of a question whose standing changes, in the order that they would have."""
    old, new = _standings(before, was_asked), _standings(after, is_asked)
    first = [*list(new)[:COMPARED], *list(old)[:COMPARED]]
    for diagnosis in dict.fromkeys(first):
        was, becomes = old.get(diagnosis), new.get(diagnosis)
        if was != becomes:
            yield {
                "Asked": name,
                "Diagnosis": after.label(diagnosis) if becomes else before.label(diagnosis),
                "Place": _change(was and was.place, becomes and becomes.place),
                "Layer": _change(was and was.layer, becomes and becomes.layer),
                "Probability": _change(was and was.probability, becomes and becomes.probability),
            }


def _change(was: object, becomes: object) -> str:
    """Return a value that may change: "3 → 2", or "3" if it stays."""
    if was == becomes:
        return str(was)
    return f"{was or 'none'} → {becomes or 'none'}"


def _led_to(knowledge: Knowledge, case: str) -> str:
    """Return what a case's differential is, and where its stated diagnoses stand in it."""
    record = knowledge.cases[case]
    if not record.features:
        return f"{record.label}: nothing present, so no differential."
    candidates = [c.iri for c in differential(knowledge, *_Asked.of(record)).candidates]
    if not candidates:
        return f"{record.label}: no claim connects what it shows with a diagnosis."
    words = f"{record.label}: {len(candidates)} candidates, first {few(knowledge, candidates[:FEW])}."
    for diagnosis in record.diagnoses:
        place = f"at place {candidates.index(diagnosis) + 1}" if diagnosis in candidates else "not among them"
        words += f" Its stated diagnosis {knowledge.label(diagnosis)} is {place}."
    return words


def labels_of(store: Store, knowledge: Knowledge, patches: Sequence[Patch]) -> dict[str, str]:
    """Return what the nodes and properties that patches name are called, by the patches themselves if need be.

    A query of the program's own needs no process apart, which would have to be started anew after each change.
    """
    known = {**names_given(patches), **knowledge.lexicon.labels}
    terms = {term for patch in patches for term in patch.terms()}
    found = {term: known[term] for term in terms & known.keys()}
    if rest := sorted(term for term in terms - known.keys() if is_iri(term)):
        for row in select(store, query_text("labels", node=rest)):
            found.setdefault(row["node"], row["label"])
    return found


def words(knowledge: Knowledge, patch: Patch, labels: Mapping[str, str]) -> list[str]:
    """Return what a patch does, one sentence for each triple; what has no label is called by what it is about.

    :param labels: of the nodes and properties that it names, as far as they have any
    """
    stated = graph_of((*patch.removed, *patch.added))
    named = dict(labels)

    def of(node: URIRef, *properties: URIRef) -> str:
        values = (str(value) for name in properties for value in stated.objects(node, name))
        return next((named.get(value) or local_name(value) for value in values), "?")

    for known in patch.terms() & knowledge.sourced.keys() - named.keys():
        named[known] = f"claim on {says(knowledge, knowledge.sourced[known])}"
    for claim in stated.subjects(RDF.type, MSK.Association):
        if isinstance(claim, URIRef) and str(claim) not in named:
            relations = (MSK.feature, MSK.leadsTo, MSK.progressesTo, MSK.mistakenFor, MSK.occursWith)
            named[str(claim)] = f"claim on {of(claim, MSK.diagnosis)}: {of(claim, *relations)}"
    for user, relation, part in stated:
        if relation == MSK.observation and str(part) not in named:
            number = local_name(str(part)).rpartition("-")[2]
            named[str(part)] = f"observation {number} of {named.get(str(user)) or local_name(str(user))}"
        elif relation == MSK.estimate and str(part) not in named:
            named[str(part)] = f"how often of the {named.get(str(user)) or local_name(str(user))}"
    return in_words(patch, named)


def taken_back(changes: Iterable[Change]) -> dict[str, Change]:
    """Return, by hash, each change that is taken back, with the change that does it."""
    found: dict[str, Change] = {}
    for change in sorted(changes, key=lambda change: -change.number):
        if change.undoes and change.hash not in found:  # one that is itself taken back does nothing any more
            found[change.undoes] = change
    return found


def when(time: str) -> str:
    """Return a time in ISO 8601 as people write it.

    >>> when("2026-11-28T16:03:21.080+00:00")
    '2026-11-28 16:03 UTC'
    """
    return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
