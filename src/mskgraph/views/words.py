"""What a claim or a number says, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from mskgraph.graph import Claim, Criterion, Discriminator, Knowledge, Occurrence, Sourced, TeachingPoint

_UNITS = {"mm2": "mm²", "cm2": "cm²", "a": "years", "d": "days", "wk": "weeks", "mo": "months"}
"""UCUM codes that people write otherwise."""

FEW = 3  # how many of many are named, or drawn for a case whose diagnosis nobody states


def unknown(bounds: tuple[float, float]) -> bool:
    """Return whether bounds of a probability leave everything open: from 0 to what rounds to 100 %.

    >>> unknown((0.0, 0.99997)), unknown((0.0, 0.98)), unknown((0.3, 1.0))
    (True, False, False)
    """
    return bounds[0] == 0.0 and _nothing_above(bounds)


def percent(bounds: tuple[float, float]) -> str:
    """Return bounds of a probability as people write them.

    >>> percent((0.95889, 0.97989)), percent((0.0, 0.99997)), percent((1e-5, 1e-4))
    ('95.9-98.0 %', 'not known', '0.001-0.01 %')
    """
    if unknown(bounds):
        return "not known"
    lower, upper = _written(bounds)
    return f"{lower} %" if lower == upper else f"{lower}-{upper} %"


def bounds_in_words(bounds: tuple[float, float]) -> str:
    """Return what is known of a probability as words and numbers that go on from "it is".

    A bound that says nothing is left out.

    >>> bounds_in_words((0.95889, 0.97989)), bounds_in_words((0.0, 0.02)), bounds_in_words((0.3, 0.99997))
    ('between 95.9 and 98.0 %', 'at most 2 %', 'at least 30.0 %')
    """
    lower, upper = _written(bounds)
    if lower == upper or unknown(bounds):
        return percent(bounds)
    if bounds[0] == 0.0:
        return f"at most {upper} %"
    return f"at least {lower} %" if _nothing_above(bounds) else f"between {lower} and {upper} %"


def _nothing_above(bounds: tuple[float, float]) -> bool:
    return _digits(100 * bounds[1]) == "100.0"


def _written(bounds: tuple[float, float]) -> tuple[str, str]:
    lower, upper = (_digits(100 * bound) for bound in bounds)
    return "99.9" if lower == "100.0" and bounds[0] < 1 else lower, upper  # "at least 100.0 %" would be certainty


def _digits(value: float) -> str:
    if value == 0 or value >= 10:
        return f"{value:.1f}" if value else "0"
    return format(Decimal(f"{value:.2g}"), "f")  # never 1e-05


def quantity(claim: Claim) -> str:
    """Return how often a claim says, in its source's own form."""
    return claim.estimate.stated or "not stated"


def setting(knowledge: Knowledge, claim: Claim) -> str:
    """Return the population that a claim's number belongs to."""
    return knowledge.tables[claim.table].setting if claim.table else claim.population


def source_words(said: Sourced) -> str:
    """Return a source and where in it."""
    return f"{said.source.label} ({said.locator})" if said.locator else said.source.label


def notes_of(knowledge: Knowledge, said: Sourced) -> list[str]:
    """Return the notes of what a source says, and for each that contradicts it what that says and who says so."""
    rivals = [knowledge.sourced[rival] for rival in said.conflicts if rival in knowledge.sourced]
    contradicted = [f"Contradicted by {rival.source.label}: {says(knowledge, rival)}." for rival in rivals]
    return [*said.notes, *contradicted]


def says(knowledge: Knowledge, said: Sourced) -> str:
    """Return what a source says, without its numbers and without who says it."""
    match said:
        case Claim():
            return f"{knowledge.label(said.diagnosis)}: {knowledge.label(said.target)}"
        case Occurrence():
            return f"{knowledge.label(said.concept)}, {said.measure}"
        case Criterion():
            return cut_off(knowledge, said)
        case Discriminator():
            given = " + ".join(map(knowledge.label, said.given))
            against = f" rather than {labels_of(knowledge, said.against)}" if said.against else ""
            return f"{given} points to {labels_of(knowledge, said.points_to)}{against}"
        case TeachingPoint():
            return said.text.removesuffix(".")
    raise TypeError(f"nothing is known of {type(said)}")


def cut_off(knowledge: Knowledge, criterion: Criterion) -> str:
    """Return a cut-off in words: "thickness of the plantar fascia > 4 mm points to plantar fasciitis"."""
    unit = "" if criterion.unit == "1" else f" {_UNITS.get(criterion.unit, criterion.unit)}"
    value = f"{criterion.quantity} {criterion.comparator} {criterion.threshold:g}{unit}"
    return f"{value} points to {labels_of(knowledge, criterion.points_to)}" if criterion.points_to else value


def performance(said: Criterion | Discriminator | Claim) -> str:
    """Return sensitivity and specificity as the source gives them, and against whom; empty if it gives neither."""
    sensitivity = said.estimate if isinstance(said, Claim) else said.sensitivity
    figures = [
        f"{name} {estimate.stated}"
        for name, estimate in (("sensitivity", sensitivity), ("specificity", said.specificity))
        if estimate.stated
    ]
    against = f" (compared with {said.compared_with})" if said.compared_with and figures else ""
    return ", ".join(figures) + against


def pointers(knowledge: Knowledge, node: str) -> list[str]:
    """Return in words each combination and cut-off that points to a diagnosis or finding, with its source.

    What contradicts it is named.
    """
    rules = [rule for rule in knowledge.discriminators.values() if node in rule.points_to]
    lines = []
    for rule in rules:
        given = " + ".join(map(knowledge.label, rule.given))
        against = f", rather than {labels_of(knowledge, rule.against)}" if rule.against else ""
        lines.append(_line(f"{given}{against}", knowledge, rule))
    cut_offs = [rule for rule in knowledge.criteria.values() if node in rule.points_to]
    return lines + [_line(cut_off(knowledge, rule), knowledge, rule) for rule in cut_offs]


def _line(words: str, knowledge: Knowledge, rule: Criterion | Discriminator) -> str:
    figures = performance(rule)
    return " ".join([f"{words}{f': {figures}' if figures else ''} ({rule.source.label}).", *notes_of(knowledge, rule)])


def remarks(knowledge: Knowledge, node: str) -> list[str]:
    """Return the teaching points about a concept, each with its kind and source."""
    return [
        f"{point.kind.capitalize()}: {point.text} ({point.source.label})"
        for point in knowledge.teaching_points
        if node in point.about
    ]


def few(knowledge: Knowledge, nodes: Sequence[str]) -> str:
    """Return the first labels of many, and how many more there are."""
    labels = labels_of(knowledge, nodes[:FEW])
    return labels if len(nodes) <= FEW else f"{labels} and {len(nodes) - FEW} more"


def labels_of(knowledge: Knowledge, nodes: Iterable[str]) -> str:
    """Return the labels of nodes, each once."""
    return ", ".join(knowledge.label(node) for node in dict.fromkeys(nodes))
