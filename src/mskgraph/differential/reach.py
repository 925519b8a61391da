"""Whether every finding leads to a candidate, and every diagnosis can be reached from a finding."""

from __future__ import annotations

from collections.abc import Iterator

from mskgraph.differential.coherence import Fault
from mskgraph.differential.evidence import Query, Supports
from mskgraph.differential.ranking import OTHER
from mskgraph.graph import Knowledge


def dead_ends(knowledge: Knowledge) -> Iterator[Fault]:
    """Yield every finding without a candidate, and every diagnosis that no finding has as one."""
    supports = Supports(knowledge)
    reached = {OTHER}
    for concept in sorted(knowledge.concepts.values(), key=lambda concept: concept.iri):
        if concept.kind != "finding":
            continue
        query = Query.of(knowledge, [concept.iri], [])
        matches = supports.matches(query, concept.iri, present=True)
        candidates = {match.support.diagnosis for match in matches if not match.support.claim.excluded}
        reached |= candidates
        if not candidates - {OTHER}:
            remedy = "Write a claim of a diagnosis with this finding as its msk:feature, or with a kind of it."
            yield Fault(concept.iri, concept.label, "No diagnosis explains this finding.", remedy)
    for concept in sorted(knowledge.concepts.values(), key=lambda concept: concept.iri):
        if concept.kind == "diagnosis" and concept.iri not in reached:
            message = "No finding leads to this diagnosis."
            remedy = "Write a claim with a finding as its msk:feature, or say with msk:leadsTo what it brings about."
            yield Fault(concept.iri, concept.label, message, remedy)
