"""What an answer rests on and what would change it; each statement is found by running the engine again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from mskgraph.differential import credal
from mskgraph.differential.estimates import UNKNOWN, Bounds
from mskgraph.differential.evidence import Match, Query
from mskgraph.differential.ranking import Engine, Ranking, Regime, Setting, together
from mskgraph.graph import Claim

BASES = (3.0, 10.0, 30.0, 100.0)
"""Readings of one more mark of an order of magnitude that an answer is tried with."""

_ASKABLE = ("finding", "morphology", "context")  # where to look is known to whoever holds the transducer


@dataclass(frozen=True, slots=True)
class Observation:
    """A feature that could be looked for next.

    :ivar worst_case: how many candidates nothing is surely ahead of, whichever way it turns out, at most
    :ivar width: how far the joint probabilities then still span, at most, summed over the candidates
    """

    feature: str
    worst_case: int
    width: float


@dataclass(frozen=True, slots=True)
class Variation:
    """A change of assumptions that changes the first layer.

    :ivar setting: the assumptions
    :ivar joins: candidates that come into the first layer
    :ivar leaves: candidates that fall out of it
    """

    setting: Setting
    joins: tuple[str, ...]
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One observation that takes a candidate into the first layer, or out of it.

    :ivar feature: what is observed differently
    :ivar becomes: ``"present"``, ``"absent"`` or ``"not asked"``
    :ivar enters: whether the candidate comes in, else it falls out
    """

    feature: str
    becomes: str
    enters: bool


def next_observations(engine: Engine, ranking: Ranking, limit: int = 5) -> list[Observation]:
    """Return the features not yet asked about that leave the fewest candidates in the worst case.

    A guarantee, not an expectation: whichever way the feature turns out, no more candidates stay undominated. Ties go
    to the one that leaves the narrowest intervals.
    """
    found = [_outcome(ranking, feature, low, high) for feature, low, high in _telling(engine, ranking)]
    return sorted(found, key=lambda o: (o.worst_case, o.width, o.feature))[:limit]


def _telling(engine: Engine, ranking: Ranking) -> Iterator[tuple[str, credal.Floats, credal.Floats]]:
    """Yield each feature not yet asked about that has a number for some candidate, with its bounds for each of them."""
    place = {candidate: index for index, candidate in enumerate(ranking.candidates)}
    asked = {*ranking.query.present, *ranking.query.absent}
    covered = {above for feature in asked for above in engine.knowledge.ancestors(feature)}
    for feature in sorted(engine.supports.targets()):
        if feature in covered or engine.knowledge.kind(feature) not in _ASKABLE:
            continue
        by_candidate: defaultdict[int, list[Match]] = defaultdict(list)
        for match in engine.supports_for(ranking.setting.without).matches(
            ranking.query, feature, True, ranking.setting.without
        ):
            if match.support.diagnosis in place and not match.bridge:
                by_candidate[place[match.support.diagnosis]].append(match)
        low, high = np.zeros(len(place)), np.ones(len(place))
        for index, matches in by_candidate.items():
            low[index], high[index], _ = together(matches)
        if ((low > 0) | (high < 1)).any():
            yield feature, low, high


def _ways(
    ranking: Ranking, low: credal.Floats, high: credal.Floats
) -> Iterator[tuple[str, credal.Floats, credal.Floats]]:
    """Yield the joint bounds of the candidates if a feature with these bounds is present, and if it is absent."""
    a, b = ranking.support
    for way, least, most in (("present", low, high), ("absent", 1 - high, 1 - low)):
        yield way, *ranking.mass.joint(a * least, b * most)


def _outcome(ranking: Ranking, feature: str, low: credal.Floats, high: credal.Floats) -> Observation:
    ways = [(surely, possibly) for _, surely, possibly in _ways(ranking, low, high)]
    return Observation(
        feature,
        max(int(credal.undominated(surely, possibly).sum()) for surely, possibly in ways),
        max(float((possibly - surely).sum()) for surely, possibly in ways),
    )


def robustness(engine: Engine, ranking: Ranking) -> list[Variation]:
    """Return each change of assumptions that changes the first layer.

    Tried are: without one source at a time, other readings of orders of magnitude, the other regime, and features of
    which it is not known whether they are independent. That a candidate goes with the only source that names it is no
    change of the order; see :func:`on_one_source`.
    """
    first = ranking.first_layer
    found = []
    for setting in _settings(engine, ranking):
        again = engine.rank(ranking.query, setting)
        joins, leaves = again.first_layer - first, first - again.first_layer
        if joins or leaves & set(again.candidates):
            found.append(Variation(setting, tuple(sorted(joins)), tuple(sorted(leaves))))
    return found


def on_one_source(engine: Engine, ranking: Ranking) -> list[str]:
    """Return the candidates whose every claim comes from one and the same source, in shown order."""
    sources = [{claim.source.iri for claim in _claims(engine, matches)} for matches in ranking.matches]
    return [ranking.candidates[place] for place in ranking.order if len(sources[place]) == 1]


def _settings(engine: Engine, ranking: Ranking) -> Iterator[Setting]:
    base = ranking.setting
    # A source that gives no number and says of nothing what it leads to bounds nobody but those it brought in.
    telling = {
        claim.source.iri
        for matches in ranking.matches
        for claim in _claims(engine, matches)
        if claim.relation != "feature" or claim.estimate.stated
    }
    for source in sorted(telling):
        yield replace(base, without=base.without | {source})
    if any(row.estimate.marks for row in ranking.rows):
        yield from (replace(base, base=reading) for reading in BASES if reading != base.base)
    other: Regime = "equal" if base.regime == "stated" else "stated"
    yield replace(base, regime=other)
    if len(ranking.query.present) + len(ranking.query.absent) - (ranking.table is not None) > 1:
        yield replace(base, dependence="any")


def decisive_claims(engine: Engine, ranking: Ranking, candidate: str) -> tuple[str, ...]:
    """Return a smallest set of claims that keeps a candidate in its layer when its other claims are left out.

    Its row in the table, or what makes it a cause of the finding, is always part of it.
    """
    place = ranking.candidates.index(candidate)
    claims = _claims(engine, ranking.matches[place])
    bound = [claim.iri for claim in claims if claim.relation != "feature" or claim.target in ranking.query.findings]
    free = sorted({claim.iri for claim in claims} - set(bound))
    for size in range(len(free) + 1):
        for kept in combinations(free, size):
            without = ranking.setting.without | (set(free) - set(kept))
            again = engine.rank(ranking.query, replace(ranking.setting, without=frozenset(without)))
            if candidate in again.candidates and _layer(again, candidate) == _layer(ranking, candidate):
                return (*dict.fromkeys(bound), *kept)
    return tuple(dict.fromkeys([*bound, *free]))


def smallest_change(engine: Engine, ranking: Ranking, candidate: str) -> Change | None:
    """Return one observation that would take a candidate into the first layer or out of it, or ``None``.

    What was seen or missed is taken back first, then features are added that some claim speaks of.
    """
    inside = candidate in ranking.first_layer
    query = ranking.query
    trials = [(feature, "not asked") for feature in (*query.present, *query.absent)]
    trials += [(feature, "absent") for feature in query.present] + [(f, "present") for f in query.absent]
    place = ranking.candidates.index(candidate)
    for feature, low, high in _telling(engine, ranking):
        for way, surely, possibly in _ways(ranking, low, high):
            if bool(credal.undominated(surely, possibly)[place]) != inside:
                trials.append((feature, way))
    for feature, way in trials:
        present = [f for f in query.present if f != feature] + ([feature] if way == "present" else [])
        absent = [f for f in query.absent if f != feature] + ([feature] if way == "absent" else [])
        if not present:
            continue
        again = engine.rank(Query.of(engine.knowledge, present, absent), ranking.setting)
        if again.candidates and (candidate in again.first_layer) != inside:
            return Change(feature, way, not inside)
    return None


def under_each(engine: Engine, ranking: Ranking, candidate: str) -> list[tuple[str, int]]:
    """Return the layer of a candidate when each of its disputed claims in turn is left out, with that claim.

    A claim whose loss takes the candidate out of the answer gives layer 0.
    """
    place = ranking.candidates.index(candidate)
    disputed = {claim.iri for claim in _claims(engine, ranking.matches[place]) if claim.conflicts}
    found = []
    for claim in sorted(disputed):
        again = engine.rank(ranking.query, replace(ranking.setting, without=ranking.setting.without | {claim}))
        found.append((claim, _layer(again, candidate) if candidate in again.candidates else 0))
    return found


def pairs(engine: Engine, ranking: Ranking, limit: int = 10) -> list[tuple[str, str]]:
    """Return the pairs of diagnoses that together explain all that is seen while neither does alone.

    Sites are left out: they explain nothing. Pairs come in the order of the candidates.
    """
    wanted = {f for f in ranking.query.present if engine.knowledge.kind(f) != "site"}
    explained: dict[str, set[str]] = {}
    for feature in wanted:
        for match in engine.supports_for(ranking.setting.without).matches(
            ranking.query, feature, True, ranking.setting.without
        ):
            if not match.support.claim.excluded and not match.general:
                explained.setdefault(match.support.diagnosis, set()).add(feature)
    order = {ranking.candidates[i]: place for place, i in enumerate(ranking.order)}
    partial = sorted(
        (d for d, features in explained.items() if features != wanted),
        key=lambda d: (order.get(d, len(order)), engine.knowledge.label(d)),
    )
    found = []
    for one, two in combinations(partial, 2):
        if explained[one] | explained[two] == wanted:
            found.append((one, two))
            if len(found) == limit:
                break
    return found


def contributions(ranking: Ranking, candidate: str) -> list[tuple[str, bool, Bounds]]:
    """Return for each feature asked about whether it is present, and how likely the candidate makes that."""
    matches = ranking.matches[ranking.candidates.index(candidate)]
    query = ranking.query
    parts = []
    for feature, present in [(f, True) for f in query.present] + [(f, False) for f in query.absent]:
        found = [match for match in matches if match.feature == feature and match.present == present]
        lower, upper, _ = together(found) if found else (*UNKNOWN, 0.0)
        parts.append((feature, present, (lower, upper)))
    return parts


def _claims(engine: Engine, matches: Sequence[Match]) -> list[Claim]:
    """Return the claims that matches rest on: those that bear on a feature, and those on what leads to what."""
    nodes = {
        node: None
        for match in matches
        for node in (match.support.claim.iri, *(step.claim for step in match.support.steps))
        if node is not None
    }
    return [engine.knowledge.claims[node] for node in nodes]


def _layer(ranking: Ranking, candidate: str) -> int:
    return int(ranking.layer[ranking.candidates.index(candidate)])
