"""From features to candidate diagnoses: who explains what is seen, how often, on whose word.

First form: candidates that explain the most come first, then those whose prevalence a source states, in that order,
then the causes listed under them. Bounds are the stated ones and are not yet updated by evidence: where more than the
table's own finding is given, the posterior is the honest ``[0, 1]`` and a warning says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from mskgraph.graph import (
    BROADER,
    HAS_PART,
    NARROWER,
    PART_OF,
    Claim,
    Estimate,
    Knowledge,
    Path,
    Reference,
    Step,
    Table,
)
from mskgraph.terms import iri

Bounds = tuple[float, float]
"""Lower and upper bound of a probability."""

UNKNOWN: Bounds = (0.0, 1.0)

MAGNITUDE_BASE = 10.0
"""What one more "<" divides by: "<< 1 %" is read as [1e-4, 1e-3]. Our convention, not the sources'."""

Regime = Literal["stated", "equal"]

_BACKWARD = {
    "finding": iri("mayBeCausedBy"),
    "morphology": iri("morphologyOf"),
    "site": iri("siteOf"),
    "context": iri("contextOf"),
}
_RESULTS_FROM = iri("mayResultFrom")
_CONTRADICTS = 0.3  # a feature seen in at least this share of a diagnosis's patients counts against it when absent


@dataclass(frozen=True, slots=True)
class Evidence:
    """One claim that bears on one feature of the query.

    :ivar feature: the feature that was asked about
    :ivar present: whether it was seen, or looked for and not seen
    :ivar frequency: how often the diagnosis shows it
    """

    claim: Claim
    feature: str
    present: bool
    frequency: Bounds


@dataclass(frozen=True, slots=True)
class Candidate:
    """A diagnosis that explains at least one finding of the query.

    :ivar layer: 1 for the first group; candidates of one layer are not told apart
    :ivar reference: the single value used for ordering inside a layer
    :ivar posterior: bounds of its probability among the causes of the finding
    :ivar support: bounds of the probability of the evidence, were this the diagnosis
    :ivar quantity: how often, as the source wrote it; empty if no source says
    :ivar chains: for each feature it explains, the ways that lead from the feature to it
    :ivar parents: the listed causes it stands under, if it is not listed itself; more than one where sources disagree
    :ivar unexplained: features of the query that no claim connects to it
    :ivar cases: cases stated to be of this diagnosis or of a kind of it
    """

    iri: str
    label: str
    categories: tuple[Reference, ...]
    layer: int
    reference: float
    posterior: Bounds
    support: Bounds
    must_not_miss: bool
    quantity: str
    parents: tuple[str, ...]
    chains: tuple[Path, ...]
    evidence: tuple[Evidence, ...]
    unexplained: tuple[str, ...]
    cases: tuple[str, ...]

    @property
    def path(self) -> tuple[Step, ...]:
        """Every step of every chain, each once."""
        return tuple(dict.fromkeys(step for chain in self.chains for step in chain))


@dataclass(frozen=True, slots=True)
class Coherence:
    """A row of a table: the bounds its source states, and those that the other rows let it reach."""

    table: str
    row: str
    stated: Bounds
    reachable: Bounds


@dataclass(frozen=True, slots=True)
class Differential:
    """The answer to a query, candidates in shown order."""

    present: tuple[str, ...]
    absent: tuple[str, ...]
    setting: str
    coherence: tuple[Coherence, ...]
    candidates: tuple[Candidate, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the answer as the JSON document of the command line's contract."""
        return {
            "query": {"present": list(self.present), "absent": list(self.absent)},
            "setting": self.setting,
            "coherence": [
                {"table": c.table, "row": c.row, "stated": list(c.stated), "reachable": list(c.reachable)}
                for c in self.coherence
            ],
            "candidates": [_candidate_json(candidate) for candidate in self.candidates],
            "next": [],
            "warnings": list(self.warnings),
        }


def _candidate_json(candidate: Candidate) -> dict[str, Any]:
    return {
        "iri": candidate.iri,
        "label": candidate.label,
        "category": ", ".join(category.label for category in candidate.categories),
        "layer": candidate.layer,
        "reference": candidate.reference,
        "posterior": list(candidate.posterior),
        "support": list(candidate.support),
        "must_not_miss": candidate.must_not_miss,
        "path": [
            {"from": step.start, "relation": step.relation, "to": step.end, "association": step.claim}
            for step in candidate.path
        ],
        "evidence": [
            {
                "association": evidence.claim.iri,
                "feature": evidence.feature,
                "present": evidence.present,
                "frequency": list(evidence.frequency),
                "stated": evidence.claim.estimate.stated,
                "source": {"iri": evidence.claim.source.iri, "title": evidence.claim.source.label},
            }
            for evidence in candidate.evidence
        ],
        "unexplained": list(candidate.unexplained),
        "cases": list(candidate.cases),
    }


def bounds(estimate: Estimate) -> Bounds:
    """Return an estimate as an interval of a probability.

    A count becomes its Clopper-Pearson 95 % interval; an order of magnitude the band that its marks name at base
    :data:`MAGNITUDE_BASE`; a frequency that nobody stated is ``(0, 1)``.

    >>> bounds(Estimate("order-of-magnitude", "<< 1 %", upper=0.01, marks=2))
    (0.0001, 0.001)
    >>> [round(bound, 3) for bound in bounds(Estimate("count", "13 of 20", numerator=13, denominator=20))]
    [0.408, 0.846]
    """
    if estimate.form == "count" and estimate.numerator is not None and estimate.denominator:
        return _clopper_pearson(estimate.numerator, estimate.denominator)
    if estimate.form == "order-of-magnitude" and estimate.upper is not None and estimate.marks:
        upper = estimate.upper / MAGNITUDE_BASE ** (estimate.marks - 1)
        return upper / MAGNITUDE_BASE, upper
    if estimate.lower is not None and estimate.upper is not None:
        return estimate.lower, estimate.upper
    return UNKNOWN


def _clopper_pearson(n: int, m: int, level: float = 0.95) -> Bounds:
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    lower = float(betaincinv(n, m - n + 1, tail)) if n > 0 else 0.0
    upper = float(betaincinv(n + 1, m - n, 1 - tail)) if n < m else 1.0
    return lower, upper


def natural_extension(stated: Sequence[Bounds]) -> list[Bounds]:
    """Return the bounds that exclusive and exhaustive causes can reach together.

    Each cause has at least what the others cannot take, and at most what they must leave: ``max(l, 1 - sum of the
    others' u)`` and ``min(u, 1 - sum of the others' l)``.

    :param stated: bounds of each cause; some distribution must fit them, or bounds come back crossed

    >>> rows = [(.95, .98), (.01, .02), (.01, .02), (1e-4, 1e-3), (1e-5, 1e-4), (1e-6, 1e-5)]
    >>> [round(bound, 5) for bound in natural_extension(rows)[0]]
    [0.95889, 0.97989]
    """
    lowers, uppers = sum(lower for lower, _ in stated), sum(upper for _, upper in stated)
    return [(max(lower, 1 - (uppers - upper)), min(upper, 1 - (lowers - lower))) for lower, upper in stated]


def differential(
    knowledge: Knowledge, present: Collection[str], absent: Collection[str] = (), regime: Regime = "stated"
) -> Differential:
    """Return the candidate diagnoses for what is seen and what is confirmed absent.

    :param present: IRIs of features seen (findings, morphologies, sites, contexts)
    :param absent: IRIs of features looked for and not seen
    :param regime: ``"equal"`` leaves the tables' prevalence out
    :raises UnknownTerm: if an IRI names no concept
    """
    present, absent = tuple(dict.fromkeys(present)), tuple(dict.fromkeys(absent))
    for feature in (*present, *absent):
        knowledge.kind(feature)
    table = _table(knowledge, present) if regime == "stated" else None
    rows = sorted((c for c in knowledge.claims.values() if table and c.table == table.iri), key=lambda c: c.rank or 0)
    stated = [bounds(row.estimate) for row in rows]
    reachable = dict(zip((row.diagnosis for row in rows), natural_extension(stated), strict=True))
    findings = [feature for feature in present if knowledge.kind(feature) == "finding"]
    only_the_table = table is not None and set(present) == {table.finding} and not absent

    found = []
    for diagnosis, supports in _supports(knowledge).items():
        match = _match(knowledge, diagnosis, supports, present, absent, findings)
        if match.explained and (not findings or match.explained & set(findings)):
            found.append(match)

    parents = {match.diagnosis: _listed_parents(match, reachable) for match in found}
    siblings = Counter(parent for listed in parents.values() for parent in listed)
    quantity = {row.diagnosis: row.estimate.stated for row in rows}
    ranks = {row.diagnosis: row.rank or 0 for row in rows}

    def prior(match: _Match) -> tuple[Bounds, float]:
        if match.diagnosis in reachable:
            lower, upper = reachable[match.diagnosis]
            return (lower, upper), (lower + upper) / 2
        shares = [reachable[parent] for parent in parents[match.diagnosis]]
        if not shares:
            return UNKNOWN, 0.0
        equal = [sum(reachable[p]) / 2 / siblings[p] for p in parents[match.diagnosis]]
        return (0.0, max(upper for _, upper in shares)), max(equal)

    def order(match: _Match) -> tuple[int, int, int, int]:
        # A site a source does not mention says nothing against a diagnosis, so sites do not decide the order.
        telling = [feature for feature in match.explained if knowledge.kind(feature) != "site"]
        return match.contradicted, -len(telling), match.general, ranks.get(match.diagnosis, len(rows) + 1)

    found.sort(key=lambda match: (*order(match), -prior(match)[1], knowledge.label(match.diagnosis)))
    layers = {key: layer for layer, key in enumerate(dict.fromkeys(map(order, found)), start=1)}
    candidates = tuple(
        Candidate(
            iri=match.diagnosis,
            label=knowledge.label(match.diagnosis),
            categories=knowledge.concepts[match.diagnosis].categories,
            layer=layers[order(match)],
            reference=prior(match)[1],
            posterior=prior(match)[0] if only_the_table else UNKNOWN,
            support=_support(match.evidence),
            must_not_miss=bool(knowledge.concepts[match.diagnosis].must_not_miss),
            quantity=quantity.get(match.diagnosis, ""),
            parents=parents[match.diagnosis],
            chains=match.chains,
            evidence=match.evidence,
            unexplained=tuple(f for f in present if f not in match.explained and knowledge.kind(f) != "site"),
            cases=_cases(knowledge, match.diagnosis, present),
        )
        for match in found
    )
    return Differential(
        present=tuple(present),
        absent=tuple(absent),
        setting=table.setting if table else "",
        coherence=tuple(
            Coherence(row.table or "", row.iri, stated_bounds, reachable[row.diagnosis])
            for row, stated_bounds in zip(rows, stated, strict=True)
        ),
        candidates=candidates,
        warnings=tuple(_warnings(knowledge, candidates, table, only_the_table, regime)),
    )


@dataclass(frozen=True, slots=True)
class _Support:
    """A claim that speaks for a diagnosis, and the steps from the claim's target to it."""

    claim: Claim
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _Match:
    """What speaks for and against one diagnosis.

    :ivar general: how many features are explained only through what they are a kind or part of
    """

    diagnosis: str
    evidence: tuple[Evidence, ...]
    chains: tuple[Path, ...]
    explained: frozenset[str]
    general: int

    @property
    def contradicted(self) -> int:
        return sum(1 for e in self.evidence if not e.present and e.frequency[0] >= _CONTRADICTS)


def _supports(knowledge: Knowledge) -> Mapping[str, list[_Support]]:
    """Return for each diagnosis the claims that speak for it: its own, those on what it is a kind of, and the findings
    of what it may lead to."""
    own: defaultdict[str, list[Claim]] = defaultdict(list)
    leads: defaultdict[str, list[Claim]] = defaultdict(list)
    for claim in knowledge.claims.values():
        (leads if claim.relation == "leadsTo" else own)[claim.diagnosis].append(claim)

    supports = {}
    for diagnosis, concept in knowledge.concepts.items():
        if concept.kind != "diagnosis":
            continue
        found: list[_Support] = []
        front: list[tuple[str, tuple[Step, ...], bool]] = [(diagnosis, (), False)]
        seen = {diagnosis}
        for node, steps, through in front:
            for claim in own[node]:
                kind = knowledge.kind(claim.target)
                if claim.relation == "progressesTo" or (through and kind != "finding"):
                    continue
                found.append(_Support(claim, (Step(claim.target, _BACKWARD[kind], node, claim.iri), *steps)))
            for claim in leads[node]:
                if claim.target not in seen:
                    seen.add(claim.target)
                    front.append((claim.target, (Step(claim.target, _RESULTS_FROM, node, claim.iri), *steps), True))
            for parent in knowledge.concepts[node].parents:
                if parent not in seen:
                    seen.add(parent)
                    front.append((parent, (Step(parent, NARROWER, node), *steps), through))
        supports[diagnosis] = found
    return supports


def _match(
    knowledge: Knowledge,
    diagnosis: str,
    supports: Iterable[_Support],
    present: Collection[str],
    absent: Collection[str],
    findings: Sequence[str],
) -> _Match:
    """Gather the claims that bear on each feature, for each diagnosis that they are about the ones in fewest steps."""
    evidence: list[Evidence] = []
    chains: list[Path] = []
    explained: set[str] = set()
    general = 0
    for feature in present:
        ways = [
            (bridge, support)
            for support in supports
            if (bridge := _bridge(knowledge, feature, support.claim.target)) is not None
            and _same_finding(knowledge, support.claim, findings)
            and not support.claim.excluded
        ]
        if not ways:
            continue
        if any(s.claim.table and s.claim.diagnosis == diagnosis for _, s in ways):
            ways = [(b, s) for b, s in ways if s.claim.diagnosis == diagnosis]  # a listed cause stands for itself
        nearest = {support.claim.diagnosis: len(bridge) + len(support.steps) for bridge, support in ways}
        for bridge, support in ways:
            length = len(bridge) + len(support.steps)
            nearest[support.claim.diagnosis] = min(length, nearest[support.claim.diagnosis])
        ways = [(b, s) for b, s in ways if len(b) + len(s.steps) == nearest[s.claim.diagnosis]]
        evidence += [Evidence(s.claim, feature, True, bounds(s.claim.estimate)) for _, s in ways]
        chains += [(*bridge, *support.steps) for bridge, support in ways]
        explained.add(feature)
        if knowledge.kind(feature) != "site":
            general += all(bridge and bridge[0].relation in (BROADER, PART_OF) for bridge, _ in ways)
    for feature in absent:
        claims = [s.claim for s in supports if s.claim.target == feature and s.claim.relation == "feature"]
        evidence += [Evidence(claim, feature, False, bounds(claim.estimate)) for claim in claims]
    return _Match(diagnosis, tuple(evidence), tuple(chains), frozenset(explained), general)


def _bridge(knowledge: Knowledge, feature: str, target: str) -> tuple[Step, ...] | None:
    """Return the steps from a feature to the target of a claim that holds for it, or ``None`` if it does not.

    A general claim holds for the particular (tendon, so triceps tendon), and a particular one shows that the general is
    possible (phlebolith, so calcification).
    """
    if feature == target:
        return ()
    if target in knowledge.ancestors(feature):
        return _climb(knowledge, feature, target)
    if feature in knowledge.ancestors(target):
        down = _climb(knowledge, target, feature)
        inverse = {BROADER: NARROWER, PART_OF: HAS_PART}
        return tuple(Step(step.end, inverse[step.relation], step.start) for step in reversed(down))
    return None


def _climb(knowledge: Knowledge, start: str, end: str) -> tuple[Step, ...]:
    front: list[tuple[str, tuple[Step, ...]]] = [(start, ())]
    for node, steps in front:
        if node == end:
            return steps
        concept = knowledge.concepts[node]
        front += [(parent, (*steps, Step(node, BROADER, parent))) for parent in concept.parents]
        front += [(whole, (*steps, Step(node, PART_OF, whole))) for whole in concept.part_of]
    raise ValueError(f"{end} is no ancestor of {start}")


def _same_finding(knowledge: Knowledge, claim: Claim, findings: Sequence[str]) -> bool:
    if claim.of_finding is None or not findings:
        return True
    return any(_bridge(knowledge, finding, claim.of_finding) is not None for finding in findings)


def _table(knowledge: Knowledge, present: Collection[str]) -> Table | None:
    tables = [table for table in knowledge.tables.values() if table.finding in present]
    return min(tables, key=lambda table: table.iri, default=None)


def _listed_parents(match: _Match, listed: Collection[str]) -> tuple[str, ...]:
    """Return the listed causes through which a diagnosis explains the finding, unless it is listed itself."""
    if match.diagnosis in listed:
        return ()
    return tuple(dict.fromkeys(step.start for chain in match.chains for step in chain if step.start in listed))


def _support(evidence: Sequence[Evidence]) -> Bounds:
    """Return the product of the features' frequencies; sources that disagree on one feature span an interval."""
    by_feature: defaultdict[str, list[Bounds]] = defaultdict(list)
    for item in evidence:
        lower, upper = item.frequency if item.claim.relation == "feature" else UNKNOWN
        by_feature[item.feature].append((lower, upper) if item.present else (1 - upper, 1 - lower))
    hulls = [(min(lower for lower, _ in b), max(upper for _, upper in b)) for b in by_feature.values()]
    return prod(lower for lower, _ in hulls), prod(upper for _, upper in hulls)


def _cases(knowledge: Knowledge, diagnosis: str, present: Collection[str]) -> tuple[str, ...]:
    kinds = knowledge.kinds_of(diagnosis)
    cases = [case for case in knowledge.cases.values() if kinds & {*case.diagnoses, *case.causes}]
    return tuple(case.iri for case in sorted(cases, key=lambda c: (-len(c.features & set(present)), c.label)))


def _warnings(
    knowledge: Knowledge, candidates: Sequence[Candidate], table: Table | None, only_the_table: bool, regime: Regime
) -> Iterable[str]:
    if not candidates:
        yield "No claim in the graph connects these features to a diagnosis."
    elif regime == "equal":
        yield "Stated prevalence is left out; none is put before another for it."
    elif table is None:
        yield "No source in the graph states how often each of these causes occurs; none is put before another for it."
    elif not only_the_table:
        yield (
            f"The stated prevalence is that of {knowledge.label(table.finding)} alone. The other features decide the "
            "order; no source says how they change the percentages, so the bounds are left open."
        )
    disputed = {
        evidence.claim.iri: candidate.label
        for candidate in candidates
        for evidence in candidate.evidence
        if evidence.claim.conflicts
    }
    for label in dict.fromkeys(disputed.values()):
        yield f"Sources disagree about {label}; see its claims."
