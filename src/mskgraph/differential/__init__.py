"""From features to candidate diagnoses: who explains what is seen, how often, on whose word, and how firm that is.

The parts, each using only those before it: ``estimates`` reads the sources' numbers, ``coherence`` checks tables,
``credal`` is the mathematics of intervals, ``evidence`` finds the claims that bear on a query, ``ranking`` is the
engine, ``reach`` finds what leads nowhere, ``explain`` says what an answer rests on. This module puts them together
into one answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from mskgraph.differential import explain
from mskgraph.differential.coherence import Fault, avoids_sure_loss, faults, natural_extension, smallest_repair
from mskgraph.differential.estimates import MAGNITUDE_BASE, UNKNOWN, Bounds, bounds
from mskgraph.differential.evidence import Match, Query
from mskgraph.differential.explain import Change, Observation, Variation
from mskgraph.differential.ranking import OTHER, Engine, Ranking, Regime, Setting
from mskgraph.differential.reach import dead_ends
from mskgraph.graph import Claim, Knowledge, Path, Reference, Step

__all__ = [
    "MAGNITUDE_BASE",
    "MUST_NOT_MISS_ABOVE",
    "OTHER",
    "UNKNOWN",
    "Bounds",
    "Candidate",
    "Change",
    "Coherence",
    "Differential",
    "Engine",
    "Evidence",
    "Fault",
    "Observation",
    "Query",
    "Ranking",
    "Regime",
    "Setting",
    "Variation",
    "avoids_sure_loss",
    "bounds",
    "dead_ends",
    "differential",
    "engine_of",
    "faults",
    "natural_extension",
    "smallest_repair",
]

MUST_NOT_MISS_ABOVE = 0.001
"""Upper posterior bound above which a malignant or urgent cause is shown apart, whatever its place."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One claim that bears on one feature of the query.

    :ivar feature: the feature that was asked about
    :ivar present: whether it was seen, or looked for and not seen
    :ivar frequency: how often the claim says that it goes with the diagnosis
    """

    claim: Claim
    feature: str
    present: bool
    frequency: Bounds


@dataclass(frozen=True, slots=True)
class Candidate:
    """A diagnosis that explains at least one finding of the query.

    :ivar layer: 1 for those that nothing is surely ahead of
    :ivar reference: posterior at the middle of every interval and at equal shares, for the order inside a layer
    :ivar posterior: exact bounds of its probability given all that was asked about
    :ivar support: bounds of the probability of the evidence, were this the diagnosis
    :ivar must_not_miss: whether it is malignant or urgent and its upper bound passes :data:`MUST_NOT_MISS_ABOVE`
    :ivar quantity: how often it is the cause, as the table's source wrote it; empty if it is not listed
    :ivar parents: the listed causes whose mass it shares; more than one where sources disagree
    :ivar chains: for each feature it explains, the ways that lead from the feature to it
    :ivar unexplained: features of the query, sites apart, that no claim connects to it
    :ivar apart: candidates it cannot be told apart from
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
    apart: tuple[str, ...]
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


@dataclass(frozen=True)
class Differential:
    """The answer to a query.

    :ivar candidates: in shown order
    :ivar total: how many candidates there are; more than are given if a limit was asked for
    :ivar ranking: the numbers behind it
    """

    present: tuple[str, ...]
    absent: tuple[str, ...]
    setting: str
    coherence: tuple[Coherence, ...]
    candidates: tuple[Candidate, ...]
    total: int
    warnings: tuple[str, ...]
    engine: Engine = field(compare=False, repr=False)
    ranking: Ranking = field(compare=False, repr=False)

    @cached_property
    def next(self) -> list[Observation]:
        """What to look for next: see :func:`mskgraph.differential.explain.next_observations`."""
        return explain.next_observations(self.engine, self.ranking) if self.candidates else []

    @cached_property
    def robustness(self) -> list[Variation]:
        """What would change the first layer: see :func:`mskgraph.differential.explain.robustness`."""
        return explain.robustness(self.engine, self.ranking) if self.candidates else []

    @cached_property
    def on_one_source(self) -> list[str]:
        """Candidates that rest on a single source: see :func:`mskgraph.differential.explain.on_one_source`."""
        return explain.on_one_source(self.engine, self.ranking)

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """Two causes at once: see :func:`mskgraph.differential.explain.pairs`."""
        return explain.pairs(self.engine, self.ranking)

    def decisive_claims(self, candidate: str) -> tuple[str, ...]:
        """Return a smallest set of claims that puts a candidate where it is."""
        return explain.decisive_claims(self.engine, self.ranking, candidate)

    def smallest_change(self, candidate: str) -> Change | None:
        """Return one observation that would take a candidate into the first layer or out of it."""
        return explain.smallest_change(self.engine, self.ranking, candidate)

    def under_each(self, candidate: str) -> list[tuple[str, int]]:
        """Return the layer of a candidate without each of its disputed claims in turn, with that claim."""
        return explain.under_each(self.engine, self.ranking, candidate)

    def contributions(self, candidate: str) -> list[tuple[str, bool, Bounds]]:
        """Return for each feature asked about whether it is present and how likely the candidate makes it."""
        return explain.contributions(self.ranking, candidate)

    def to_json(self) -> dict[str, Any]:
        """Return the answer as the JSON document of the command line's contract."""
        label = self.engine.knowledge.label
        return {
            "query": {"present": list(self.present), "absent": list(self.absent)},
            "setting": self.setting,
            "coherence": [
                {"table": c.table, "row": c.row, "stated": list(c.stated), "reachable": list(c.reachable)}
                for c in self.coherence
            ],
            "candidates": [_candidate_json(candidate) for candidate in self.candidates],
            "next": [{"iri": o.feature, "label": label(o.feature), "worst_case": o.worst_case} for o in self.next],
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


@lru_cache(maxsize=4)
def engine_of(knowledge: Knowledge) -> Engine:
    """Return the engine of a state of the knowledge, made once.

    :raises OntologyInvalid: if an estimate is impossible or a table incoherent
    """
    return Engine(knowledge)


def differential(
    knowledge: Knowledge,
    present: Sequence[str],
    absent: Sequence[str] = (),
    regime: Regime = "stated",
    limit: int | None = None,
) -> Differential:
    """Return the candidate diagnoses for what is seen and what is confirmed absent.

    :param present: IRIs of features seen (findings, morphologies, sites, contexts)
    :param absent: IRIs of features looked for and not seen
    :param regime: ``"equal"`` leaves the tables' prevalence out
    :param limit: how many candidates to give in full; all if ``None``
    :raises UnknownTerm: if an IRI names no concept
    :raises OntologyInvalid: if an estimate is impossible or a table incoherent
    """
    return _differential(knowledge, tuple(present), tuple(absent), regime, limit)


@lru_cache(maxsize=32)
def _differential(
    knowledge: Knowledge, present: tuple[str, ...], absent: tuple[str, ...], regime: Regime, limit: int | None
) -> Differential:
    # Kept, since a page asks anew with every click, and what an answer rests on takes longer than the answer.
    engine = engine_of(knowledge)
    query = Query.of(knowledge, present, absent)
    ranking = engine.rank(query, Setting(regime=regime))
    candidates = tuple(_candidate(engine, ranking, place) for place in ranking.order[:limit])
    return Differential(
        present=tuple(dict.fromkeys(present)),
        absent=tuple(dict.fromkeys(absent)),
        setting=ranking.table.setting if ranking.table else "",
        coherence=tuple(
            Coherence(row.table or "", row.iri, stated, reachable)
            for row, stated, reachable in zip(ranking.rows, ranking.stated, ranking.reachable, strict=True)
        ),
        candidates=candidates,
        total=len(ranking.candidates),
        warnings=tuple(_warnings(engine, ranking, candidates, present, absent)),
        engine=engine,
        ranking=ranking,
    )


def _candidate(engine: Engine, ranking: Ranking, place: int) -> Candidate:
    knowledge = engine.knowledge
    diagnosis = ranking.candidates[place]
    concept = knowledge.concepts[diagnosis]
    matches = _telling(diagnosis, ranking.matches[place])
    explained = {match.feature for match in matches if match.present and not match.support.claim.excluded}
    upper = float(ranking.posterior[1][place])
    row = next((row for row in ranking.rows if row.diagnosis == diagnosis), None)
    return Candidate(
        iri=diagnosis,
        label=concept.label,
        categories=concept.categories,
        layer=int(ranking.layer[place]),
        reference=float(ranking.reference[place]),
        posterior=(float(ranking.posterior[0][place]), upper),
        support=(float(ranking.support[0][place]), float(ranking.support[1][place])),
        must_not_miss=bool(concept.must_not_miss) and upper > MUST_NOT_MISS_ABOVE,
        quantity=row.estimate.stated if row else "",
        parents=ranking.parents[place],
        chains=tuple(m.chain for m in matches if m.present and not m.support.claim.excluded),
        evidence=tuple(Evidence(m.support.claim, m.feature, m.present, _stated(m)) for m in matches),
        unexplained=tuple(f for f in ranking.query.present if f not in explained and knowledge.kind(f) != "site"),
        apart=ranking.apart(diagnosis),
        cases=_cases(knowledge, diagnosis, ranking.query.present),
    )


def _stated(match: Match) -> Bounds:
    """Return what the claim itself says, also where the engine may not use it (a share of a cause, a wider disease)."""
    return bounds(match.support.claim.estimate)


def _telling(diagnosis: str, matches: Iterable[Match]) -> list[Match]:
    """Return the matches worth showing: of those about one diagnosis, for one feature, the ones in fewest steps.

    A listed cause stands for itself: what else may lead to it does not explain it.
    """
    kept = list(matches)
    if any(m.support.claim.table and m.support.claim.diagnosis == diagnosis for m in kept):
        kept = [m for m in kept if m.support.claim.diagnosis == diagnosis]
    nearest: dict[tuple[str, str], int] = {}
    for match in kept:
        key = match.feature, match.support.claim.diagnosis
        nearest[key] = min(len(match.chain), nearest.get(key, len(match.chain)))
    return [m for m in kept if len(m.chain) == nearest[m.feature, m.support.claim.diagnosis]]


def _cases(knowledge: Knowledge, diagnosis: str, present: Collection[str]) -> tuple[str, ...]:
    kinds = knowledge.kinds_of(diagnosis)
    cases = [case for case in knowledge.cases.values() if kinds & {*case.diagnoses, *case.causes}]
    return tuple(case.iri for case in sorted(cases, key=lambda c: (-len(c.features & set(present)), c.label)))


def _warnings(
    engine: Engine,
    ranking: Ranking,
    candidates: Sequence[Candidate],
    present: Collection[str],
    absent: Collection[str],
) -> Iterable[str]:
    label = engine.knowledge.label
    for feature in sorted(set(present) & set(absent)):
        yield f"{label(feature)} was given as present and as absent; it is taken as present."
    above = {whole for feature in present for whole in engine.knowledge.ancestors(feature)}
    for feature in sorted(set(absent) & above - set(present)):
        yield f"{label(feature)} was given as absent, but a kind or part of it as present; it is taken as present."
    for feature in sorted(set(absent) - above - set(ranking.query.absent)):
        yield f"{label(feature)} is absent with what it is a kind or part of and not counted again."
    for feature in sorted(set(present) - set(ranking.query.present)):
        yield f"{label(feature)} is implied by a more particular feature and not counted again."
    if not present:
        yield "Nothing is given as present: name at least one finding, look, site or context that is seen."
        return
    if not candidates:
        yield "No claim in the graph connects these features to a diagnosis."
        return
    if ranking.setting.regime == "equal":
        yield "Stated prevalence is left out: every candidate weighs the same before its features are looked at."
    elif ranking.table is None:
        yield "No source in the graph states how often each of these causes occurs, so their probability is not known."
    else:
        yield from _prevalence_words(engine, ranking)
    silent = [f for f in (*ranking.query.present, *ranking.query.absent) if not _numbered(ranking, f)]
    if silent:
        names = ", ".join(sorted(map(label, silent)))
        yield f"No source gives a number for these, so the bounds leave them out: {names}."
    if ranking.query.findings:
        joining = sorted(ranking.first_if_dependent - ranking.first_layer)
        if joining:
            names = ", ".join(map(label, joining))
            yield f"If the features are not independent given the cause, these cannot be put behind either: {names}."
    claims = engine.knowledge.claims
    disputed = [
        c.label
        for c in candidates
        if any(e.claim.conflicts for e in c.evidence)
        or any(claims[step.claim].conflicts for step in c.path if step.claim)
    ]
    for name in dict.fromkeys(disputed):
        yield f"Sources disagree about {name}; see its claims."


def _numbered(ranking: Ranking, feature: str) -> bool:
    """Whether a source gives a number for a feature under some candidate, or the table for the feature itself."""
    if ranking.table and feature == ranking.table.finding:
        return True
    return any(m.frequency != UNKNOWN for matches in ranking.matches for m in matches if m.feature == feature)


def _prevalence_words(engine: Engine, ranking: Ranking) -> Iterable[str]:
    """Say which stated bounds the table cannot reach, and whether prevalence or the features decide."""
    label = engine.knowledge.label
    for row, stated, reachable in zip(ranking.rows, ranking.stated, ranking.reachable, strict=True):
        if max(abs(stated[0] - reachable[0]), abs(stated[1] - reachable[1])) > 1e-9:
            yield (
                f"{label(row.diagnosis)}: of the stated {row.estimate.stated} only {100 * reachable[0]:.3f} to "
                f"{100 * reachable[1]:.3f} % can be reached, since the rows of the table share 100 %."
            )
    outside = [c for c, group in zip(ranking.candidates, ranking.parents, strict=True) if not group]
    listed = {row.diagnosis for row in ranking.rows}
    unlisted = [label(c) for c in outside if c not in listed]
    if unlisted:
        yield f"Not in the table, and given only what its lower bounds leave over: {', '.join(sorted(unlisted))}."
