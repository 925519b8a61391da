"""What a claim or a number says, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from mskgraph.graph import Claim, Knowledge

FEW = 3  # how many of many are named, or drawn for a case whose diagnosis nobody states


def percent(bounds: tuple[float, float]) -> str:
    """Return bounds of a probability as people write them.

    >>> percent((0.95889, 0.97989)), percent((0.0, 1.0)), percent((1e-5, 1e-4))
    ('95.9-98.0 %', 'not known', '0.001-0.01 %')
    """
    if bounds == (0.0, 1.0):
        return "not known"
    lower, upper = (_digits(100 * bound) for bound in bounds)
    return f"{lower} %" if lower == upper else f"{lower}-{upper} %"


def _digits(value: float) -> str:
    if value == 0 or value >= 10:
        return f"{value:.1f}" if value else "0"
    return format(Decimal(f"{value:.2g}"), "f")  # never 1e-05


def bounds_in_words(bounds: tuple[float, float]) -> str:
    """Return bounds of a probability as words and numbers.

    >>> bounds_in_words((0.95889, 0.97989)), bounds_in_words((0.0, 0.02)), bounds_in_words((0.0, 1.0))
    ('between 95.9 and 98.0 %', 'at most 2 %', 'of unknown probability')
    """
    lower, upper = (_digits(100 * bound) for bound in bounds)
    if bounds == (0.0, 1.0):
        return "of unknown probability"
    if bounds[0] == 0.0:
        return f"at most {upper} %"
    return f"at least {lower} %" if bounds[1] == 1.0 else f"between {lower} and {upper} %"


def quantity(claim: Claim) -> str:
    """Return how often a claim says, in its source's own form."""
    return claim.estimate.stated or "not stated"


def setting(knowledge: Knowledge, claim: Claim) -> str:
    """Return the population that a claim's number belongs to."""
    return knowledge.tables[claim.table].setting if claim.table else claim.population


def source_words(claim: Claim) -> str:
    """Return a claim's source and where in it."""
    return f"{claim.source.label} ({claim.locator})" if claim.locator else claim.source.label


def claim_notes(knowledge: Knowledge, claim: Claim) -> list[str]:
    """Return a claim's notes, and for each claim that contradicts it what that says and who says so."""
    rivals = [knowledge.claims[rival] for rival in claim.conflicts if rival in knowledge.claims]
    contradicted = [
        f"Contradicted by {rival.source.label}: {knowledge.label(rival.diagnosis)}, {knowledge.label(rival.target)}."
        for rival in rivals
    ]
    return [*claim.notes, *contradicted]


def pointers(knowledge: Knowledge, node: str) -> list[str]:
    """Return in words each combination of features that points to a diagnosis or finding, with its source.

    What contradicts it is named.
    """
    rules = []
    for rule in knowledge.discriminators.values():
        if node not in rule.points_to:
            continue
        given = " + ".join(map(knowledge.label, rule.given))
        rivals = [knowledge.discriminators[other] for other in rule.conflicts if other in knowledge.discriminators]
        disputes = [
            f"{rival.source.label} disagrees: {' + '.join(map(knowledge.label, rival.given))} points to "
            f"{labels_of(knowledge, rival.points_to)}."
            for rival in rivals
        ]
        rules.append(" ".join([f"{given} ({rule.source.label}).", *rule.notes, *disputes]))
    return rules


def remarks(knowledge: Knowledge, node: str) -> list[str]:
    """Return the teaching points about a concept, each with its source."""
    return [f"{point.text} ({point.source.label})" for point in knowledge.teaching_points if node in point.about]


def says(knowledge: Knowledge, claim: Claim) -> str:
    """Return what a claim relates."""
    return f"{knowledge.label(claim.diagnosis)}: {knowledge.label(claim.target)}"


def few(knowledge: Knowledge, nodes: Sequence[str]) -> str:
    """Return the first labels of many, and how many more there are."""
    labels = labels_of(knowledge, nodes[:FEW])
    return labels if len(nodes) <= FEW else f"{labels} and {len(nodes) - FEW} more"


def labels_of(knowledge: Knowledge, nodes: Iterable[str]) -> str:
    """Return the labels of nodes, each once."""
    return ", ".join(knowledge.label(node) for node in dict.fromkeys(nodes))
