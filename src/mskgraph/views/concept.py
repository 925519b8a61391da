"""Everything the knowledge says of one concept, as sections of rows; and the lists by which concepts are browsed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mskgraph.graph import Claim, Concept, Estimate, Knowledge, Reference, Sourced
from mskgraph.terms import Kind, curie
from mskgraph.views.words import cut_off, labels_of, performance, quantity, says, source_words

_MATCHES = {
    "skos:exactMatch": "the same",
    "skos:closeMatch": "nearly the same",
    "skos:broadMatch": "something wider",
    "skos:narrowMatch": "something narrower",
}
_OF = {
    "feature": {
        "finding": "What it shows",
        "morphology": "How it looks",
        "site": "Where",
        "context": "In whom and after what",
    },
    "leadsTo": {"diagnosis": "What it may lead to"},
    "progressesTo": {"finding": "What it may turn into"},
    "mistakenFor": {"diagnosis": "What it may be mistaken for"},
    "occursWith": {"diagnosis": "What it may occur with"},
}
"""Titles of what is claimed of a diagnosis, by relation and kind of the target."""

_BY = {
    "feature": {
        "finding": "Causes",
        "morphology": "What looks like this",
        "site": "What is found here",
        "context": "What goes with it",
    },
    "leadsTo": {"diagnosis": "What may lead to it"},
    "progressesTo": {"finding": "What may turn into it"},
    "mistakenFor": {"diagnosis": "What it may be mistaken for"},
    "occursWith": {"diagnosis": "What it may occur with"},
}
"""Titles of the diagnoses that claims connect with a concept, by relation and kind of the concept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a section: one thing that one source says.

    :ivar what: what it is about, each with the IRI of its page, or without one
    :ivar detail: of which finding, at which site
    :ivar often: how often, as the source wrote it; empty if it does not say
    :ivar whom: in whom
    :ivar source: who says so, and where in the source
    :ivar trust: confidence, and whether the source was opened
    :ivar notes: notes, and whether it is disputed
    :ivar disputed: whether another claim contradicts it
    :ivar against: what it stands against, if it is one of two that cannot both be true
    """

    what: tuple[Reference, ...]
    detail: str = ""
    often: str = ""
    whom: str = ""
    source: Reference | None = None
    trust: str = ""
    notes: tuple[str, ...] = ()
    disputed: bool = False
    against: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page of a concept, with its entries."""

    title: str
    entries: tuple[Entry, ...]


def concept_sections(knowledge: Knowledge, node: str) -> list[Section]:
    """Return what the knowledge says of a concept: sections that have entries, in reading order.

    :raises UnknownTerm: if the IRI names no concept
    """
    kind = knowledge.kind(node)
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for claim in knowledge.claims.values():
        if claim.diagnosis == node:
            title = _OF["feature"]["finding"] if claim.table else _OF[claim.relation][knowledge.kind(claim.target)]
            found[title].append(_of_claim(knowledge, claim, claim.target))
        if claim.target == node:
            title = _BY["feature"]["finding"] if claim.table else _BY[claim.relation][kind]
            found[title].append(_of_claim(knowledge, claim, claim.diagnosis))
        if claim.of_finding == node:
            title = "Where it may be" if knowledge.kind(claim.target) == "site" else "How it may look"
            found[title].append(_of_claim(knowledge, claim, claim.target, claim.diagnosis))
        if node in claim.sites and claim.target != node:
            found["What holds here"].append(_of_claim(knowledge, claim, claim.diagnosis, claim.target))
    for occurrence in knowledge.occurrences.values():
        if occurrence.concept == node:
            what = (Reference("", occurrence.measure),)
            found["How often it occurs"].append(_entry(knowledge, occurrence, what, occurrence.estimate))
    for criterion in knowledge.criteria.values():
        if node in (*criterion.about, *criterion.points_to):
            what = (Reference("", cut_off(knowledge, criterion)),)
            found["Cut-offs"].append(_entry(knowledge, criterion, what, often=performance(criterion)))
    for rule in knowledge.discriminators.values():
        for title, ends in (
            ("What points to it", rule.points_to),
            ("What speaks against it", rule.against),
            ("What it points to, together with other features", rule.given),
        ):
            if node in ends:
                shown = (Reference("", says(knowledge, rule)),) if ends == rule.given else _refer(knowledge, rule.given)
                aim = "" if ends == rule.given else f"points to {labels_of(knowledge, rule.points_to)}"
                found[title].append(_entry(knowledge, rule, shown, detail=aim, often=performance(rule)))
    for point in knowledge.teaching_points:
        if node in point.about:
            what = (Reference("", f"{point.kind.capitalize()}: {point.text}"),)
            found["To teach"].append(_entry(knowledge, point, what))
    found["In conflict"] += _conflicts(knowledge, node)
    found["Cases"] += _cases(knowledge, node)
    found["In other vocabularies"] += _mappings(knowledge.concepts.get(node))
    order = {title: place for place, title in enumerate(_ORDER)}
    return [
        Section(title, tuple(dict.fromkeys(entries)))
        for title, entries in sorted(found.items(), key=lambda item: order[item[0]])
        if entries
    ]


_ORDER = (
    "Causes",
    "What it shows",
    "How it looks",
    "How it may look",
    "Where",
    "Where it may be",
    "What is found here",
    "What holds here",
    "What looks like this",
    "What goes with it",
    "In whom and after what",
    "How often it occurs",
    "Cut-offs",
    "What points to it",
    "What speaks against it",
    "What it points to, together with other features",
    "What it may be mistaken for",
    "What may lead to it",
    "What it may lead to",
    "What it may turn into",
    "What may turn into it",
    "What it may occur with",
    "In conflict",
    "To teach",
    "Cases",
    "In other vocabularies",
)


def _refer(knowledge: Knowledge, nodes: Iterable[str]) -> tuple[Reference, ...]:
    return tuple(Reference(node, knowledge.label(node)) for node in nodes)


def _of_claim(knowledge: Knowledge, claim: Claim, *what: str) -> Entry:
    details = []
    if claim.of_finding and claim.of_finding not in what:
        details.append(f"of {knowledge.label(claim.of_finding)}")
    if claim.sites:
        details.append(f"at {labels_of(knowledge, claim.sites)}")
    if claim.table:
        details.append(f"table: {knowledge.tables[claim.table].title}")
    often = "never" if claim.excluded else quantity(claim) if claim.estimate.stated else ""
    if claim.specificity.stated:
        often = performance(claim)
    setting = knowledge.tables[claim.table].setting if claim.table else claim.population
    return _entry(knowledge, claim, _refer(knowledge, what), detail=", ".join(details), often=often, whom=setting)


def _entry(
    knowledge: Knowledge,
    said: Sourced,
    what: tuple[Reference, ...],
    estimate: Estimate | None = None,
    *,
    detail: str = "",
    often: str = "",
    whom: str = "",
) -> Entry:
    seen_by = f"seen by {', '.join(said.modalities)}" if said.modalities else ""
    at = f"at {labels_of(knowledge, said.sites)}" if said.sites and not isinstance(said, Claim) else ""
    return Entry(
        what=what,
        detail=", ".join(part for part in (detail, at) if part),
        often=estimate.stated if estimate else often,
        whom="; ".join(part for part in (whom or said.population, seen_by) if part),
        source=Reference(said.source.iri, source_words(said)),
        trust=", ".join(part for part in (said.confidence, said.verification) if part),
        notes=(*said.notes, "Sources disagree; see below.") if said.conflicts else said.notes,
        disputed=bool(said.conflicts),
    )


def _about(knowledge: Knowledge, said: Sourced) -> Collection[str]:
    """Return the concepts that what a source says is about."""
    ends: set[str] = set()
    for name in ("diagnosis", "target", "of_finding", "concept"):
        ends.add(getattr(said, name, None) or "")
    for name in ("about", "points_to", "against", "given"):
        ends.update(getattr(said, name, ()))
    return ends - {""}


def _conflicts(knowledge: Knowledge, node: str) -> Iterable[Entry]:
    """Yield each pair of contradicting statements of which at least one is about the concept, once."""
    seen = set()
    for said in knowledge.sourced.values():
        for other in said.conflicts:
            rival = knowledge.sourced.get(other)
            pair = frozenset((said.iri, other))
            if rival is None or pair in seen or node not in {*_about(knowledge, said), *_about(knowledge, rival)}:
                continue
            seen.add(pair)
            yield Entry(
                what=(Reference("", _worded(knowledge, said)),),
                against=_worded(knowledge, rival),
                notes=tuple(dict.fromkeys((*said.notes, *rival.notes))),
                disputed=True,
            )


def _worded(knowledge: Knowledge, said: Sourced) -> str:
    estimate = getattr(said, "estimate", None)
    figures = performance(said) if isinstance(said, Claim) and said.specificity.stated else ""
    often = figures or (estimate.stated if isinstance(estimate, Estimate) else "")
    return f"{says(knowledge, said)}{f', {often}' if often else ''} ({source_words(said)})"


def _cases(knowledge: Knowledge, node: str) -> Iterable[Entry]:
    below = {node, *knowledge.below(node)}
    for case in sorted(knowledge.cases.values(), key=lambda case: case.label):
        if below & {*case.features, *case.diagnoses, *case.causes}:
            stated = labels_of(knowledge, (*case.diagnoses, *case.causes))
            yield Entry(
                what=(Reference(case.iri, case.label),),
                detail=f"stated: {stated}" if stated else "no diagnosis stated",
                source=case.source,
            )


def _mappings(concept: Concept | None) -> Iterable[Entry]:
    for mapping in concept.mappings if concept else ():
        name = f"{curie(mapping.iri)} {mapping.label}".strip()
        yield Entry(what=(Reference("", name),), detail=_MATCHES.get(curie(mapping.predicate), ""))


# Lists to browse

Grouping = Literal["region", "finding", "category", "kind"]

GROUPINGS: Mapping[Grouping, str] = {
    "region": "By region",
    "finding": "By finding",
    "category": "By category",
    "kind": "A to Z",
}


@dataclass(frozen=True, slots=True)
class Group:
    """A heading of a list, and what stands under it.

    :ivar head: the concept or category of the heading; a category has no page, so no IRI
    :ivar members: IRI and label of each, sorted by label
    """

    head: Reference
    members: tuple[Reference, ...]


def browse(knowledge: Knowledge, by: Grouping) -> list[Group]:
    """Return all diagnoses under the regions where claims place them, the findings they explain, or their categories.

    ``"kind"`` gives all concepts from A to Z, by their kind.
    """
    if by == "kind":
        kinds: tuple[Kind, ...] = ("diagnosis", "finding", "morphology", "site", "context")
        return [
            _group(knowledge, Reference("", kind), (c.iri for c in knowledge.concepts.values() if c.kind == kind))
            for kind in kinds
        ]
    if by == "category":
        members: defaultdict[Reference, list[str]] = defaultdict(list)
        for concept in knowledge.concepts.values():
            for category in concept.categories:
                members[category].append(concept.iri)
        groups = [_group(knowledge, Reference("", head.label), found) for head, found in members.items()]
        return sorted(groups, key=lambda group: group.head.label)
    placed = _placed(knowledge, _regions_of if by == "region" else _findings_of)
    groups = [_group(knowledge, Reference(head, knowledge.label(head)), found) for head, found in placed.items()]
    groups.sort(key=lambda group: group.head.label.casefold())
    somewhere = {member.iri for group in groups for member in group.members}
    nowhere = [c.iri for c in knowledge.concepts.values() if c.kind == "diagnosis" and c.iri not in somewhere]
    return [*groups, _group(knowledge, Reference("", f"no {by} stated"), nowhere)] if nowhere else groups


def _group(knowledge: Knowledge, head: Reference, members: Iterable[str]) -> Group:
    found = sorted(_refer(knowledge, set(members)), key=lambda member: (member.label.casefold(), member.iri))
    return Group(head, tuple(found))


def _placed(knowledge: Knowledge, heads_of: Callable[[Knowledge, Claim], Iterable[str]]) -> Mapping[str, Sequence[str]]:
    placed: defaultdict[str, list[str]] = defaultdict(list)
    for claim in knowledge.claims.values():
        if not claim.excluded:
            for head in heads_of(knowledge, claim):
                placed[head].append(claim.diagnosis)
    return placed


def _findings_of(knowledge: Knowledge, claim: Claim) -> Iterable[str]:
    return [claim.target] if claim.relation in ("feature", "row") and knowledge.kind(claim.target) == "finding" else []


def _regions_of(knowledge: Knowledge, claim: Claim) -> Iterable[str]:
    """Return the regions around the sites of a claim: the widest ones below the limbs, trunk and the like."""
    sites = [*claim.sites, claim.target] if knowledge.kind(claim.target) == "site" else claim.sites
    return {region for site in sites for region in regions_around(knowledge, site)}


def regions_around(knowledge: Knowledge, site: str) -> list[str]:
    """Return the regions that a site lies in: what is part of a part of the whole body, or the site if it is wider."""
    chains = [[site]]
    regions: list[str] = []
    for chain in chains:
        above = [whole for whole in knowledge.concepts[chain[-1]].part_of if whole not in chain]
        if not above:
            regions.append(chain[max(0, len(chain) - 3)])
        chains += [[*chain, whole] for whole in above]
    return list(dict.fromkeys(regions))
