"""Which claims bear on which diagnosis, and how a claim meets a feature that was asked about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple

from mskgraph.differential.estimates import MAGNITUDE_BASE, UNKNOWN, Bounds, bounds
from mskgraph.graph import BROADER, HAS_PART, NARROWER, PART_OF, Claim, Knowledge, Path, Step
from mskgraph.terms import iri

_BACKWARD = {
    "finding": iri("mayBeCausedBy"),
    "morphology": iri("morphologyOf"),
    "site": iri("siteOf"),
    "context": iri("contextOf"),
}
_RESULTS_FROM = iri("mayResultFrom")


@dataclass(frozen=True, slots=True)
class Support:
    """A claim that speaks for a diagnosis, and the steps from the claim's target to the diagnosis.

    :ivar diagnosis: for whom it speaks: whom the claim is about, a kind of that, or what may lead to that
    """

    diagnosis: str
    claim: Claim
    steps: Path


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked: features present and absent, an ancestor of another feature left out.

    :ivar findings: the findings among the present
    :ivar sites: the sites among the present
    """

    present: tuple[str, ...]
    absent: tuple[str, ...]
    findings: tuple[str, ...]
    sites: tuple[str, ...]

    @classmethod
    def of(cls, knowledge: Knowledge, present: Sequence[str], absent: Sequence[str]) -> Query:
        """Make a query of features; one that is absent and, itself or in a part or kind, present counts as present.

        :raises UnknownTerm: if an IRI names no concept
        """
        kinds = {feature: knowledge.kind(feature) for feature in (*present, *absent)}
        above = {f: knowledge.ancestors(f) for f in kinds}
        seen = [f for f in dict.fromkeys(present) if not any(f in above[g] - {g} for g in present)]
        # Without the whole there is no part of it either; but with a part there is the whole.
        denied = [f for f in dict.fromkeys(absent) if not any(f in above[g] for g in present)]
        missing = [f for f in denied if not any(g in above[f] - {f} for g in denied)]
        return cls(
            tuple(seen),
            tuple(missing),
            tuple(f for f in seen if kinds[f] == "finding"),
            tuple(f for f in seen if kinds[f] == "site"),
        )


@dataclass(frozen=True, slots=True)
class Match:
    """A support that bears on a feature of the query.

    :ivar bridge: steps from the feature to the claim's target; empty if they are the same
    :ivar frequency: how often the diagnosis shows the feature, as far as this claim goes
    :ivar general: whether the claim is about something that the feature is only a kind of, or about a wider disease or
        a consequence instead of the diagnosis itself
    """

    feature: str
    present: bool
    support: Support
    bridge: Path
    frequency: Bounds
    general: bool = False

    @property
    def chain(self) -> Path:
        """Every step from the feature to the diagnosis."""
        return (*self.bridge, *self.support.steps)


class _Gathered(NamedTuple):
    """The supports of one diagnosis, what it may lead to, and the claims that say so."""

    diagnosis: str
    supports: tuple[Support, ...]
    reached: tuple[str, ...]
    leads: frozenset[str]


class Supports:
    """All supports, found by the feature that their claims are about.

    A diagnosis has its own claims, those on what it is a kind of, and the findings of what it may lead to.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._own: defaultdict[str, list[Claim]] = defaultdict(list)
        self._leads: defaultdict[str, list[Claim]] = defaultdict(list)
        for claim in knowledge.claims.values():
            (self._leads if claim.relation == "leadsTo" else self._own)[claim.diagnosis].append(claim)
        diagnoses = sorted(c.iri for c in knowledge.concepts.values() if c.kind == "diagnosis")
        self._put([self._gathered(diagnosis, frozenset()) for diagnosis in diagnoses])

    def without(self, gone: frozenset[str]) -> Supports:
        """Return the supports without some claims on what leads to what."""
        fewer = copy(self)
        fewer._put([self._gathered(g.diagnosis, gone) if gone & g.leads else g for g in self._gathers])
        return fewer

    def _put(self, gathers: list[_Gathered]) -> None:
        self._gathers = gathers
        self.consequences = {gathered.diagnosis: gathered.reached for gathered in gathers}
        self._by_target: defaultdict[str, list[Support]] = defaultdict(list)
        for gathered in gathers:
            for support in gathered.supports:
                self._by_target[support.claim.target].append(support)

    def _gathered(self, diagnosis: str, gone: frozenset[str]) -> _Gathered:
        # A kind with sites of its own has not those of the wider disease: no iliopsoas bursitis at the elbow.
        own = self._own[diagnosis]
        placed = any(claim.sites or self._knowledge.kind(claim.target) == "site" for claim in own)
        front: list[tuple[str, Path, bool]] = [(diagnosis, (), False)]
        seen = {diagnosis}
        supports: list[Support] = []
        reached: list[str] = []
        leads: set[str] = set()
        for node, steps, through in front:
            for claim in self._own[node]:
                kind = self._knowledge.kind(claim.target)
                if claim.relation not in ("feature", "row") or (through and kind != "finding"):
                    continue
                if kind == "site" and node != diagnosis and placed:
                    continue
                step = Step(claim.target, _BACKWARD[kind], node, claim.iri)
                supports.append(Support(diagnosis, claim, (step, *steps)))
            for claim in self._leads[node]:
                if claim.iri not in gone and claim.target not in seen:
                    seen.add(claim.target)
                    reached.append(claim.target)
                    leads.add(claim.iri)
                    front.append((claim.target, (Step(claim.target, _RESULTS_FROM, node, claim.iri), *steps), True))
            for parent in self._knowledge.concepts[node].parents:
                if parent not in seen:
                    seen.add(parent)
                    front.append((parent, (Step(parent, NARROWER, node), *steps), through))
        return _Gathered(diagnosis, tuple(supports), tuple(reached), frozenset(leads))

    def leads_to(self, diagnosis: str) -> tuple[str, ...]:
        """Return what a claim says that a diagnosis may lead to, in one step."""
        direct = {claim.target for claim in self._leads[diagnosis]}
        return tuple(consequence for consequence in self.consequences[diagnosis] if consequence in direct)

    def targets(self) -> Collection[str]:
        """Return every feature that some claim is about."""
        return self._by_target.keys()

    def matches(
        self, query: Query, feature: str, present: bool, without: Collection[str] = (), base: float = MAGNITUDE_BASE
    ) -> Iterator[Match]:
        """Yield the supports that bear on one feature of a query.

        A claim about a site holds for its parts and kinds (tendon, so triceps tendon). A claim about a look or finding
        is an upper bound for a kind of it (calcification, so phlebolith at most as often), and one about a kind is a
        lower bound for the whole. What is absent is absent in all its kinds and parts.

        :param without: IRIs of sources and claims that are left out
        :param base: see :func:`bounds`
        """
        for target, bridge in self._bridges(feature, present):
            up = bool(bridge) and bridge[0].relation in (BROADER, PART_OF)
            general = up and self._knowledge.kind(feature) != "site"
            for support in self._by_target.get(target, ()):
                claim = support.claim
                if claim.source.iri in without or claim.iri in without or not self._applies(query, claim):
                    continue
                # What a consequence or a wider disease shows, one cause or kind of it need not show as often.
                own = claim.relation == "feature" and claim.diagnosis == support.diagnosis
                lower, upper = bounds(claim.estimate, base) if own else UNKNOWN
                if bridge and not up:
                    upper = 1.0
                elif general:
                    lower = 0.0
                wider = general or claim.diagnosis != support.diagnosis
                yield Match(feature, present, support, bridge, (lower, upper), wider)

    def _bridges(self, feature: str, present: bool) -> Iterator[tuple[str, Path]]:
        yield feature, ()
        knowledge = self._knowledge
        if present:
            yield from knowledge.climbs(feature).items()
        inverse = {BROADER: NARROWER, PART_OF: HAS_PART}
        for descendant in knowledge.below(feature):
            steps = knowledge.climbs(descendant)[feature]
            yield descendant, tuple(Step(s.end, inverse[s.relation], s.start) for s in reversed(steps))

    def _applies(self, query: Query, claim: Claim) -> bool:
        """Whether a claim is about a finding and a site that fit what was asked: never across organs."""
        if claim.of_finding and query.findings and not self._fits(query.findings, claim.of_finding):
            return False
        return not (claim.sites and query.sites) or any(self._fits(query.sites, site) for site in claim.sites)

    def _fits(self, asked: Collection[str], claimed: str) -> bool:
        ancestors = self._knowledge.ancestors
        return any(claimed in ancestors(feature) or feature in ancestors(claimed) for feature in asked)
