"""What a careful colleague would point out about a change, though nothing keeps it from being accepted.

As in ``checks``, only what is around the changed nodes is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from rdflib import DCTERMS, RDF, SKOS, Graph, URIRef

from mskgraph.curation.checks import CHANGE, Basis, asserted, left_by
from mskgraph.curation.checks import values as listed
from mskgraph.curation.triples import graph_of, lines
from mskgraph.differential import OTHER, UNKNOWN, Bounds, bounds
from mskgraph.graph import HAS_PART, NARROWER, NOT_STATED, Claim, Estimate, Reference, read_estimates
from mskgraph.ontology import MSK, Problem
from mskgraph.store import EmbeddedStore, Patch
from mskgraph.terms import curie

_NAMES: Final = (SKOS.prefLabel, SKOS.altLabel)
_LONGEST: Final = 200  # characters of a name that may be a slip of the pen
_RELATIONS: Final = ("feature", "leadsTo", "progressesTo", "mistakenFor", "occursWith")


def cautions(basis: Basis, patch: Patch) -> list[Problem]:
    """Return what is worth a second look; a change can be accepted all the same.

    :param patch: a change that :func:`mskgraph.curation.problems` finds nothing wrong with
    """
    after = _After(basis, patch)
    return [*_near_names(after), *_dead_ends(after), *_unled_cases(after), *_claims(after)]


class _After:
    """The knowledge as a change leaves it, as far as it is asked for.

    :ivar said: all that is said of the changed nodes, and of the claims whose numbers they are
    :ivar new: what is said anew
    :ivar changed: these nodes
    :ivar claims: those among the changed nodes
    """

    def __init__(self, basis: Basis, patch: Patch) -> None:
        self.knowledge = basis.knowledge
        self._store = basis.store
        owners = f"SELECT ?owner {{ VALUES ?part {{ {listed(patch.subjects())} }} ?owner msk:estimate ?part }}"
        self.changed = patch.subjects() | {row["owner"] for row in asserted(basis.store, owners).table()[1]}
        self.said = left_by(basis, patch, self.changed)
        self.new = graph_of(patch.added)
        self.claims = {claim.iri: claim for claim in self._own_claims()}

    def value(self, node: str, name: str) -> str:
        """Return the value of a property of a node; empty if it has none."""
        return next(iter(self.values(node, name)), "")

    def values(self, node: str, *properties: str) -> tuple[str, ...]:
        """Return the values of properties of a node."""
        subject = URIRef(node)
        return tuple(value for name in properties for value in sorted(map(str, self.said.objects(subject, MSK[name]))))

    def above(self, concept: str) -> set[str]:
        """Return a concept with everything it is a kind of or part of."""
        found = {concept}
        front = [concept]
        for node in front:
            if node not in self.changed:
                found |= self.knowledge.ancestors(node)
                continue
            parents = {str(p) for way in (SKOS.broader, MSK.partOf) for p in self.said.objects(URIRef(node), way)}
            front += sorted(parents - found)
            found |= parents
        return found

    def fits(self, asked: Collection[str], claimed: str) -> bool:
        """Return whether one of some concepts is a kind or part of another, or the other way round."""
        return any(claimed in self.above(concept) or concept in self.above(claimed) for concept in asked)

    def is_finding(self, concept: str) -> bool:
        """Return whether a concept is a finding."""
        known = self.knowledge.lexicon.kinds.get(concept) == "finding"
        return known or (URIRef(concept), RDF.type, MSK.Finding) in self.said

    def related(self, feature: str) -> set[str]:
        """Return a feature with what it is a kind or part of, and what is a kind or part of it."""
        found = {feature}
        front = [feature]
        for node in front:
            below = {step.end for step in self.knowledge.steps(node) if step.relation in (NARROWER, HAS_PART)}
            below |= {str(s) for way in (SKOS.broader, MSK.partOf) for s in self.said.subjects(way, URIRef(node))}
            front += sorted(below - found)
            found |= below
        return found | self.above(feature)

    def claims_of(self, diagnoses: Collection[str]) -> list[Claim]:
        """Return the claims that say something of one of some diagnoses."""
        old = self._known(f"VALUES ?d {{ {listed(diagnoses)} }} ?claim msk:diagnosis ?d")
        return old + [claim for claim in self.claims.values() if claim.diagnosis in diagnoses]

    def claims_on(self, targets: Collection[str]) -> list[Claim]:
        """Return the claims that relate any diagnosis to one of some concepts."""
        ways = "|".join([*(f"msk:{relation}" for relation in _RELATIONS), "(msk:table/msk:finding)"])
        old = self._known(f"VALUES ?t {{ {listed(targets)} }} ?claim {ways} ?t")
        return old + [claim for claim in self.claims.values() if claim.target in targets]

    def _known(self, where: str) -> list[Claim]:
        rows = asserted(self._store, f"SELECT DISTINCT ?claim {{ {where} ; msk:diagnosis ?any }}").table()[1]
        found = {row["claim"] for row in rows} - self.changed
        return [self.knowledge.claims[node] for node in sorted(found & self.knowledge.claims.keys())]

    def _own_claims(self) -> Iterator[Claim]:
        nodes = [*_members(self.said, "Association"), *_members(self.said, "TableRow")]
        estimates = self._estimates() if nodes else {}
        for node in nodes:
            relation = next((name for name in _RELATIONS if self.value(node, name)), "row")
            yield Claim(
                iri=node,
                source=Reference(str(self.said.value(URIRef(node), DCTERMS.source) or ""), ""),
                diagnosis=self.value(node, "diagnosis"),
                relation=relation,
                target=self._finding_of(self.value(node, "table")) if relation == "row" else self.value(node, relation),
                estimate=estimates.get(self.value(node, "estimate"), NOT_STATED),
                population=self.value(node, "population"),
                sites=self.values(node, "atSite"),
                of_finding=self.value(node, "ofFinding") or None,
                conflicts=self.values(node, "conflictsWith"),
            )

    def _finding_of(self, table: str) -> str:
        known = self.knowledge.tables.get(table)
        return self.value(table, "finding") or (known.finding if known else "")

    def _estimates(self) -> dict[str, Estimate]:
        """Return the estimates among the changed nodes, and those that they point at."""
        named = {str(value) for way in ("estimate", "frequencyWord") for value in self.said.objects(None, MSK[way])}
        own = EmbeddedStore()
        there = f"VALUES ?named {{ {listed(named - self.changed)} }} ?named msk:frequencyWord? ?s . ?s ?p ?o"
        query = f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ {there} }}"
        own.load_triples("\n".join(lines(self.said)).encode() + b"\n" + asserted(self._store, query).body)
        return read_estimates(own)


def _near_names(after: _After) -> Iterator[Problem]:
    """Yield new names that are nearly another concept's."""
    for way in _NAMES:
        for node, name in sorted((str(node), str(name)) for node, name in after.new.subject_objects(way)):
            if len(name) > _LONGEST:
                continue
            others = [other for other in after.knowledge.lexicon.nearly(name) if other.iri != node]
            if near := next((other for other in others if other.kind != "case"), None):
                message = f'"{name}" is nearly "{near.text}", a name of {curie(near.iri)}.'
                yield _caution(node, message, "Use that concept if it is the same thing, or correct the name.")


def _dead_ends(after: _After) -> Iterator[Problem]:
    """Yield new findings and diagnoses to which, or from which, nothing leads."""
    for node in _members(after.new, "Finding"):
        claims = after.claims_on(after.related(node))
        if not any(claim.relation in ("feature", "row") and _speaks(claim) for claim in claims):
            remedy = "Add a claim of a diagnosis that has it as its feature, or say what it is a kind of."
            yield _caution(node, "No diagnosis explains this finding.", remedy)
    for node in _members(after.new, "Diagnosis"):
        claims = after.claims_of(after.above(node))
        if not any(
            _speaks(claim) and (claim.relation == "leadsTo" or after.is_finding(claim.target)) for claim in claims
        ):
            remedy = "Add a claim that has a finding as its feature, or say what it may lead to or is a kind of."
            yield _caution(node, "No finding leads to this diagnosis.", remedy)


def _speaks(claim: Claim) -> bool:
    return not claim.excluded and claim.diagnosis != OTHER


def _unled_cases(after: _After) -> Iterator[Problem]:
    """Yield cases whose features lead to no diagnosis, or not to the one that is stated."""
    for case in _members(after.said, "Case"):
        findings, sites, rest = _shown(after, case)
        wanted = findings or sites | rest
        bearing = [
            claim
            for claim in after.claims_on(set().union(*map(after.related, wanted)))
            if claim.relation in ("feature", "row") and _speaks(claim) and _applies(after, claim, findings, sites)
        ]
        if wanted and not bearing:
            remedy = "Add a claim that does, or look whether there is a better word for what it shows."
            yield _caution(case, "No claim connects what this case shows with a diagnosis.", remedy)
            continue
        explaining = {claim.diagnosis for claim in bearing}
        for stated in after.values(case, "statedDiagnosis"):
            if explaining.isdisjoint(_family(after, stated)):
                message = f"Its stated diagnosis {curie(stated)} is not among the candidates for what it shows."
                remedy = "Add a claim that connects the two, or look whether something is missing in the case."
                yield _caution(case, message, remedy)


def _shown(after: _After, case: str) -> tuple[set[str], set[str], set[str]]:
    """Return the findings, the sites, and the looks and contexts that a case shows."""
    findings: set[str] = set()
    sites: set[str] = set()
    rest = set(after.values(case, "context"))
    known = after.knowledge.cases.get(case)
    before = {seen.iri: seen for seen in known.observations} if known else {}
    for node in after.values(case, "observation"):
        seen = before.get(node)
        if seen and node not in after.changed:
            if seen.present:
                findings.add(seen.finding)
                sites.update(seen.sites)
                rest.update(seen.morphologies)
        elif after.value(node, "present") in ("true", "1"):
            findings.update(after.values(node, "finding"))
            sites.update(after.values(node, "site", "possibleSite"))
            rest.update(after.values(node, "morphology"))
    return findings, sites, rest


def _applies(after: _After, claim: Claim, findings: Collection[str], sites: Collection[str]) -> bool:
    """Return whether a claim is about a finding and a site that fit a case."""
    if claim.of_finding and findings and not after.fits(findings, claim.of_finding):
        return False
    return not (claim.sites and sites) or any(after.fits(sites, site) for site in claim.sites)


def _family(after: _After, diagnosis: str) -> set[str]:
    """Return whose claims speak for a diagnosis: what it is a kind of, and what these may lead to."""
    found: set[str] = set()
    front = {diagnosis}
    while front:
        wider = set().union(*map(after.above, front)) - found
        found |= wider
        front = {claim.target for claim in after.claims_of(wider) if claim.relation == "leadsTo"} - found
    return found


def _claims(after: _After) -> Iterator[Problem]:
    """Yield claims, new or with a new number, that are there already or contradict what every other source says."""
    fresh = {str(node) for node in after.new.subjects()}
    for claim in after.claims.values():
        if claim.relation == "row" or fresh.isdisjoint({claim.iri, *after.values(claim.iri, "estimate")}):
            continue
        others = [o for o in after.claims_of({claim.diagnosis}) if o.iri != claim.iri and _alike(o, claim)]
        yield from _said_before(claim, others)
        yield from _contradicting(claim, others)


def _said_before(claim: Claim, others: Iterable[Claim]) -> Iterator[Problem]:
    for other in others:
        if (other.source.iri, other.population) == (claim.source.iri, claim.population):
            message = f"{curie(other.iri)} says of the same pair what the same source says."
            yield _caution(claim.iri, message, "Change that claim instead, or say in whom or where this one holds.")


def _contradicting(claim: Claim, others: Iterable[Claim]) -> Iterator[Problem]:
    """Yield a claim whose number none of the other sources can agree with, unless it names all of these itself."""
    number = _number(claim)
    elsewhere = [(other, _number(other)) for other in others if other.source.iri != claim.source.iri]
    theirs = [(other, found) for other, found in elsewhere if found is not None]
    if not number or not theirs or any(found[0] <= number[1] and number[0] <= found[1] for _, found in theirs):
        return
    if {other.iri for other, _ in theirs} <= set(claim.conflicts):
        return
    said = ", ".join(f'"{other.estimate.stated}" ({curie(other.iri)})' for other, _ in theirs)
    message = f'Its number, "{claim.estimate.stated}", has nothing in common with that of any other source: {said}.'
    remedy = "Both are shown. If they are about the same patients, say so: msk:conflictsWith, in both directions."
    yield _caution(claim.iri, message, remedy)


def _alike(one: Claim, other: Claim) -> bool:
    """Return whether two claims are about the same pair, at the same sites and on the same finding."""
    if (one.relation, one.target, one.of_finding) != (other.relation, other.target, other.of_finding):
        return False
    return set(one.sites) == set(other.sites)


def _number(claim: Claim) -> Bounds | None:
    found = bounds(claim.estimate)
    return None if found == UNKNOWN else found


def _members(graph: Graph, name: str) -> list[str]:
    return sorted(map(str, graph.subjects(RDF.type, MSK[name])))


def _caution(node: str, message: str, remedy: str) -> Problem:
    return Problem(CHANGE, curie(node), message, remedy)
