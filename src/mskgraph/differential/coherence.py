"""Whether the intervals of a table of exclusive causes can be true together, and what they then say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import fsum

from mskgraph.differential.estimates import Bounds, bounds
from mskgraph.graph import Estimate, Knowledge, Sourced

_SLACK = 1e-12  # rounding of sums of decimals such as 0.1 + 0.2


def avoids_sure_loss(stated: Sequence[Bounds]) -> bool:
    """Return whether some distribution fits all bounds.

    >>> avoids_sure_loss([(.95, .98), (.01, .02)]), avoids_sure_loss([(.95, .98), (.10, .20)])
    (True, False)
    """
    least, most = fsum(lower for lower, _ in stated), fsum(upper for _, upper in stated)
    return least <= 1 + _SLACK and most >= 1 - _SLACK


def natural_extension(stated: Sequence[Bounds]) -> list[Bounds]:
    """Return the bounds that exclusive and exhaustive causes can reach together.

    Each cause has at least what the others cannot take, and at most what they must leave: ``max(l, 1 - sum of the
    others' u)`` and ``min(u, 1 - sum of the others' l)``.

    :param stated: bounds of each cause
    :raises ValueError: if no distribution fits them

    >>> rows = [(.95, .98), (.01, .02), (.01, .02), (1e-4, 1e-3), (1e-5, 1e-4), (1e-6, 1e-5)]
    >>> [round(bound, 5) for bound in natural_extension(rows)[0]]
    [0.95889, 0.97989]
    """
    if not avoids_sure_loss(stated):
        raise ValueError("no distribution fits these bounds")
    least, most = fsum(lower for lower, _ in stated), fsum(upper for _, upper in stated)
    reachable = []
    for lower, upper in stated:
        low, high = max(lower, 1 - (most - upper)), min(upper, 1 - (least - lower))
        reachable.append((min(low, high), max(low, high)))  # equal up to rounding where the sum is exactly one
    return reachable


def smallest_repair(stated: Sequence[Bounds]) -> float:
    """Return by how much every bound must be relaxed, all by the same, until some distribution fits.

    Lower bounds cannot fall below 0 nor upper ones rise above 1, so one that reaches its end leaves more to the others.

    :returns: 0.0 if one fits already

    >>> round(smallest_repair([(.95, .98), (.10, .20)]), 6)
    0.025
    """
    if avoids_sure_loss(stated):
        return 0.0
    lowers = sorted(lower for lower, _ in stated)
    gaps = sorted(1 - upper for _, upper in stated)
    # Too much: lower every bound; too little: raise every bound. Both are the same sum of clipped differences.
    values, target = (lowers, 1.0) if fsum(lowers) > 1 else (gaps, len(gaps) - 1.0)
    remaining = fsum(values)
    for index, value in enumerate(values):
        step = (remaining - target) / (len(values) - index)
        if step <= value:
            return step
        remaining -= value
    return 1.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Numbers that cannot be: an impossible estimate, or a table whose shares cannot add up to one.

    :ivar node: IRI of the claim or table
    :ivar label: what it is called
    :ivar message: what is wrong
    :ivar remedy: the smallest change that would do
    """

    node: str
    label: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.label}: {self.message} {self.remedy} (mskgraph check names the file.)"


def faults(knowledge: Knowledge) -> Iterator[Fault]:
    """Yield every estimate that is impossible and every table that no distribution fits."""
    impossible = set()
    for said, label, estimate in _estimates(knowledge):
        try:
            bounds(estimate)
        except ValueError as error:
            impossible.add(said.iri)
            remedy = "Correct its estimate: bounds in order between 0 and 1, n at most m, marks before a limit."
            yield Fault(said.iri, label, f"An estimate is impossible: {error}.", remedy)
    tables: defaultdict[str, list[Bounds]] = defaultdict(list)
    for claim in knowledge.claims.values():
        if claim.table and claim.iri not in impossible:
            tables[claim.table].append(bounds(claim.estimate))
    for table, rows in sorted(tables.items()):
        if not avoids_sure_loss(rows):
            yield incoherent(table, knowledge.tables[table].title, rows)


def _estimates(knowledge: Knowledge) -> Iterator[tuple[Sourced, str, Estimate]]:
    """Yield every estimate with what carries it and what that is called."""
    for claim in knowledge.claims.values():
        label = f"{knowledge.label(claim.diagnosis)}, {knowledge.label(claim.target)}"
        yield claim, label, claim.estimate
        yield claim, label, claim.specificity
    for occurrence in knowledge.occurrences.values():
        yield occurrence, f"{knowledge.label(occurrence.concept)}, {occurrence.measure}", occurrence.estimate
    for criterion in knowledge.criteria.values():
        yield criterion, criterion.quantity, criterion.sensitivity
        yield criterion, criterion.quantity, criterion.specificity
    for rule in knowledge.discriminators.values():
        label = " + ".join(map(knowledge.label, rule.given))
        yield rule, label, rule.sensitivity
        yield rule, label, rule.specificity


def incoherent(table: str, title: str, stated: Sequence[Bounds]) -> Fault:
    """Return what to say of a table whose bounds no distribution fits, with the smallest repair."""
    least, most = (100 * fsum(row[side] for row in stated) for side in (0, 1))
    repair = 100 * smallest_repair(stated)
    if least > 100:
        message = f"The lower bounds of the rows add up to {least:.7g} %, more than 100 %."
        remedy = f"Lower every lower bound by {repair:.4g} percentage points, or correct the rows."
    else:
        message = f"The upper bounds of the rows add up to {most:.7g} %, less than 100 %."
        remedy = f"Raise every upper bound by {repair:.4g} percentage points, or give the rest to msk:other-cause."
    return Fault(table, title, message, remedy)
