"""The engine: from a query to likelihoods, priors, exact posterior bounds and the order of the candidates.

Mass is divided among the *listed* causes of a differential table. A diagnosis that may lead to a listed one shares that
one's mass, in a share nobody states; a diagnosis that the table does not list has at most what the table's lower bounds
leave over. Without a table nothing is known of anybody's prior.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mskgraph.differential import credal
from mskgraph.differential.coherence import faults, natural_extension
from mskgraph.differential.credal import Floats
from mskgraph.differential.estimates import MAGNITUDE_BASE, UNKNOWN, Bounds, bounds
from mskgraph.differential.evidence import Match, Query, Supports
from mskgraph.errors import OntologyInvalid
from mskgraph.graph import Claim, Knowledge, Table
from mskgraph.terms import iri

Regime = Literal["stated", "equal"]
Dependence = Literal["independent", "any"]

OTHER = iri("other-cause")
"""The diagnosis of the row of a table that stands for all causes it does not list."""

BACKGROUND = 0.05
"""Reference likelihood of a feature that no claim connects with a diagnosis.

Only for the order inside a layer, where the bounds decide nothing: the geometric middle of very rare to occasional
(1 to 29 % in the table of frequency words), since what no source mentions is hardly the rule.
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is varied to see how firm an answer is.

    :ivar regime: ``"equal"`` leaves stated prevalence out: every candidate weighs the same
    :ivar base: what one more mark of an order of magnitude divides by
    :ivar without: IRIs of sources or claims that are left out
    :ivar dependence: whether features are independent given the cause, or nothing is known of them together
    """

    regime: Regime = "stated"
    base: float = MAGNITUDE_BASE
    without: frozenset[str] = frozenset()
    dependence: Dependence = "independent"


STATED = Setting()


@dataclass(frozen=True, eq=False)
class Ranking:
    """The numbers behind an answer; arrays have one entry a candidate, shape (n,).

    :ivar candidates: IRIs of the diagnoses that explain what is seen
    :ivar parents: for each candidate the listed causes whose mass it shares
    :ivar matches: for each candidate the claims that bear on the query
    :ivar prior: lower and upper prior
    :ivar support: lower and upper probability of the evidence under the diagnosis itself
    :ivar posterior: lower and upper posterior
    :ivar surely: least joint probability, which puts others behind
    :ivar possibly: greatest joint probability, which keeps a candidate from being put behind
    :ivar reference: posterior at the middle of every interval and at equal shares, for the order inside a layer
    :ivar layer: from 1
    :ivar mass: the prior, which gives joint probabilities for other likelihoods
    :ivar factors: lower and upper likelihood of each feature that a source gives a number for, shape (n, features)
    """

    query: Query
    setting: Setting
    table: Table | None
    rows: tuple[Claim, ...]
    stated: tuple[Bounds, ...]
    reachable: tuple[Bounds, ...]
    candidates: tuple[str, ...]
    parents: tuple[tuple[str, ...], ...]
    matches: tuple[tuple[Match, ...], ...]
    prior: tuple[Floats, Floats]
    support: tuple[Floats, Floats]
    posterior: tuple[Floats, Floats]
    surely: Floats
    possibly: Floats
    reference: Floats
    layer: NDArray[np.int64]
    mass: Prior = field(repr=False)
    factors: tuple[Floats, Floats] = field(repr=False)

    @property
    def order(self) -> list[int]:
        """Places of the candidates in shown order: by layer, then reference, then IRI."""
        # Rounded, or the last digits of sums would order those that sources put on a level.
        level = np.round(self.reference, 12)
        return sorted(range(len(self.candidates)), key=lambda i: (self.layer[i], -level[i], self.candidates[i]))

    @property
    def first_layer(self) -> frozenset[str]:
        """Candidates that nothing is surely ahead of."""
        return frozenset(c for c, layer in zip(self.candidates, self.layer, strict=True) if layer == 1)

    @property
    def first_if_dependent(self) -> frozenset[str]:
        """Candidates of the first layer if nothing is known of the features together."""
        surely, possibly = self.mass.joint(*credal.frechet(*self.factors))
        kept = credal.undominated(surely, possibly) if self.candidates else ()
        return frozenset(c for c, first in zip(self.candidates, kept, strict=True) if first)

    def apart(self, candidate: str) -> tuple[str, ...]:
        """Return the candidates that this one cannot be told apart from: neither is surely ahead of the other."""
        k = self.candidates.index(candidate)
        same = (self.possibly >= self.surely[k]) & (self.surely <= self.possibly[k])
        same[k] = False
        return tuple(self.candidates[i] for i in np.flatnonzero(same))


class Engine:
    """Ranks candidates; made once for a state of the knowledge, and then only read.

    :raises OntologyInvalid: if an estimate is impossible or a table incoherent
    """

    def __init__(self, knowledge: Knowledge) -> None:
        if problems := list(faults(knowledge)):
            raise OntologyInvalid(problems)
        self.knowledge = knowledge
        self.supports = Supports(knowledge)
        self._leads = [claim for claim in knowledge.claims.values() if claim.relation == "leadsTo"]
        self._fewer = lru_cache(maxsize=64)(self.supports.without)
        self._rows: defaultdict[str, list[Claim]] = defaultdict(list)
        for claim in knowledge.claims.values():
            if claim.table:
                self._rows[claim.table].append(claim)

    def supports_for(self, without: Collection[str]) -> Supports:
        """Return the supports without some sources or claims: what leads to what rests on claims too."""
        gone = frozenset(c.iri for c in self._leads if c.iri in without or c.source.iri in without)
        return self._fewer(gone) if gone else self.supports

    def rank(self, query: Query, setting: Setting = STATED) -> Ranking:
        """Rank the diagnoses that explain at least one finding of the query, or one feature if it has no finding."""
        table = self._table(query, setting)
        rows = tuple(sorted(self._rows[table.iri], key=lambda row: (row.rank or 0, row.iri))) if table else ()
        stated = tuple(bounds(row.estimate, setting.base) for row in rows)
        reachable = tuple(natural_extension(stated)) if rows else ()
        listed = {row.diagnosis: place for place, row in enumerate(rows)}
        supports = self.supports_for(setting.without)
        matches = self._matches(query, setting, supports)
        explaining = [d for d, found in matches.items() if self._explains(query, found)]
        found = dict.fromkeys([*(d for d in listed if d in matches), *sorted(explaining)])
        candidates = tuple(candidate for candidate in found if candidate != OTHER)
        parents = tuple(self._parents(candidate, listed, supports) for candidate in candidates)
        near = [
            self._is_near(query, candidate, group, matches[candidate], supports)
            for candidate, group in zip(candidates, parents, strict=True)
        ]
        conditioned = table.finding if table else None
        factors, middle = self._likelihoods(query, setting, candidates, matches, conditioned)
        a, b = (credal.product if setting.dependence == "independent" else credal.frechet)(*factors)
        prior: Prior
        if rows and setting.regime == "stated":
            places = [listed.get(candidate, -1) for candidate in candidates]
            prior = _Listed(places, [[listed[p] for p in group] for group in parents], near, stated, reachable)
        else:
            prior = _Alike(len(candidates), known=setting.regime == "equal")
        surely, possibly = prior.joint(a, b)
        return Ranking(
            query=query,
            setting=setting,
            table=table,
            rows=rows,
            stated=stated,
            reachable=reachable,
            candidates=candidates,
            parents=parents,
            matches=tuple(tuple(matches[candidate]) for candidate in candidates),
            prior=prior.bounds(),
            support=(a, b),
            posterior=prior.posterior(a, b),
            surely=surely,
            possibly=possibly,
            reference=prior.reference(middle),
            layer=credal.layers(surely, possibly),
            mass=prior,
            factors=factors,
        )

    def _table(self, query: Query, setting: Setting) -> Table | None:
        """Return the table that fits a query best: of those that hold for it, the one that asks for most."""
        given = {above for feature in query.present for above in self.knowledge.ancestors(feature)}
        tables = [
            table
            for table in self.knowledge.tables.values()
            if table.finding in query.findings
            and table.source.iri not in setting.without
            and given.issuperset(table.contexts)
            and (not table.sites or not given.isdisjoint(table.sites))
        ]
        return min(tables, key=lambda t: (-len(t.contexts) - bool(t.sites), t.iri), default=None)

    @staticmethod
    def _matches(query: Query, setting: Setting, supports: Supports) -> dict[str, list[Match]]:
        found: defaultdict[str, list[Match]] = defaultdict(list)
        for feature, present in [(f, True) for f in query.present] + [(f, False) for f in query.absent]:
            for match in supports.matches(query, feature, present, setting.without, setting.base):
                found[match.support.diagnosis].append(match)
        return found

    @staticmethod
    def _explains(query: Query, matches: Sequence[Match]) -> bool:
        wanted = query.findings or query.present
        return any(m.present and m.feature in wanted and not m.support.claim.excluded for m in matches)

    def _parents(self, candidate: str, listed: Collection[str], supports: Supports) -> tuple[str, ...]:
        """Return the listed causes that a candidate may lead to or is a kind of, unless it is listed itself."""
        if candidate in listed:
            return ()
        above = self.knowledge.ancestors(candidate) | set(supports.consequences[candidate])
        found = [parent for parent in listed if parent in above]
        return tuple(found) if found or OTHER not in listed else (OTHER,)

    def _is_near(
        self, query: Query, candidate: str, parents: Collection[str], found: Sequence[Match], supports: Supports
    ) -> bool:
        """Whether a candidate is one of the siblings under its listed causes, not a cause of one of them.

        It is if a claim or its kind says so in one step, or if a claim of its own is about what is seen.
        """
        above = {*self.knowledge.concepts[candidate].parents, *supports.leads_to(candidate)}
        own = [match for match in found if match.support.claim.diagnosis == candidate]
        return not above.isdisjoint(parents) or self._explains(query, own)

    def _likelihoods(
        self,
        query: Query,
        setting: Setting,
        candidates: Sequence[str],
        matches: Mapping[str, Sequence[Match]],
        conditioned: str | None,
    ) -> tuple[tuple[Floats, Floats], Floats]:
        """Return lower and upper probability of each feature for each candidate, and reference of all together.

        A feature for which no source gives a number, for no candidate, is left out of the bounds.

        :param conditioned: the finding that every prior is already given
        """
        # In one order, or rounding would let the order of the question show in the last digits, and so break ties.
        features = [(f, True) for f in sorted(query.present) if f != conditioned]
        features += [(f, False) for f in sorted(query.absent)]
        place = {feature: column for column, feature in enumerate(features)}
        shape = (len(candidates), len(features))
        a, b, middle = np.zeros(shape), np.ones(shape), np.full(shape, BACKGROUND)
        for column, (_, present) in enumerate(features):
            if not present:
                middle[:, column] = 1 - BACKGROUND
        for row, candidate in enumerate(candidates):
            by_feature: defaultdict[tuple[str, bool], list[Match]] = defaultdict(list)
            for match in matches[candidate]:
                by_feature[match.feature, match.present].append(match)
            for feature, found in by_feature.items():
                if feature in place:
                    lower, upper, centre = together(found)
                    a[row, place[feature]], b[row, place[feature]] = lower, upper
                    middle[row, place[feature]] = centre
        told = ((a > 0) | (b < 1)).any(axis=0)  # what nobody gives a number for tells nobody apart
        counts = told | np.array([present for _, present in features], dtype=bool)  # nor does its absence say anything
        return (a[:, told], b[:, told]), middle[:, counts].prod(axis=1)


def together(matches: Sequence[Match]) -> tuple[float, float, float]:
    """Return lower, upper and reference likelihood of one feature from the claims that bear on it, at least one.

    Sources that disagree on one thing span an interval; a claim without a number adds nothing to one with a number.
    Claims on what the feature is a kind of, or on kinds of it, are further bounds that hold at the same time. For the
    reference, a claim without a number counts as even, and one of something more general as none.
    """
    by_target: defaultdict[str, list[Bounds]] = defaultdict(list)
    for match in matches:
        if match.frequency != UNKNOWN:
            by_target[match.support.claim.target].append(match.frequency)
    hulls = [(min(low for low, _ in said), max(high for _, high in said)) for said in by_target.values()] or [UNKNOWN]
    lower, upper = max(low for low, _ in hulls), min(high for _, high in hulls)
    if lower > upper:  # the sources contradict each other across kinds: any of them may be right
        lower, upper = min(low for low, _ in hulls), max(high for _, high in hulls)
    centre = (lower + upper) / 2
    if all(match.general for match in matches):
        centre = min(centre, BACKGROUND)
    return (lower, upper, centre) if matches[0].present else (1 - upper, 1 - lower, 1 - centre)


class _Alike:
    """Candidates that all weigh the same; or of which nothing is known but that one of them is the cause."""

    def __init__(self, count: int, known: bool) -> None:
        self._count = count
        self._known = known
        self._each = 1.0 / count if count else 0.0

    def bounds(self) -> tuple[Floats, Floats]:
        lower, upper = (self._each, self._each) if self._known else UNKNOWN
        return np.full(self._count, lower), np.full(self._count, upper)

    def joint(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        return a * self._each, b * self._each

    def posterior(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        if self._known:
            return credal.posterior(*self.bounds(), a, b)
        return np.zeros(self._count), np.where(b > 0, 1.0, 0.0)

    def reference(self, middle: Floats) -> Floats:
        return _normal(middle)


class _Listed:
    """Candidates that a table lists, share the mass of one it lists, or stand outside.

    The mass of a listed cause lies on itself or on those that lead to it, in any way; so against others it weighs as
    the least likely or the likeliest of them. Those outside have at most what the table's lower bounds leave over.
    """

    def __init__(
        self,
        listed: Sequence[int],
        shared: Sequence[Sequence[int]],
        near: Sequence[bool],
        stated: Sequence[Bounds],
        reachable: Sequence[Bounds],
    ) -> None:
        """Take each candidate's row (-1 if none), the rows whose mass it shares, whether it does so in one step, and
        the bounds of each row.
        """
        self._lower, self._upper = _sides(reachable)
        self._own = np.array(listed, dtype=np.int64)
        self._is_listed = self._own >= 0
        pairs = [(place, row) for place, rows in enumerate(shared) for row in rows]
        self._member, self._of = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        self._weight = np.where(np.array(near, dtype=bool), 1.0, BACKGROUND)[self._member]
        self._outside = ~self._is_listed
        self._outside[self._member] = False
        left = max(0.0, 1.0 - sum(low for low, _ in stated))
        self._open_lower, self._open_upper = _sides(natural_extension([*stated, (0.0, left)]))

    def _rows(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        """Return least and greatest likelihood of each row, over the listed cause and those that share its mass."""
        least, most = np.ones_like(self._lower), np.zeros_like(self._lower)
        own = np.flatnonzero(self._is_listed)
        for places, rows in ((own, self._own[own]), (self._member, self._of)):
            np.minimum.at(least, rows, a[places])
            np.maximum.at(most, rows, b[places])
        alone = np.ones(len(least), dtype=bool)
        alone[self._own[own]] = (
            False  # a row without a candidate, such as "other", may show the evidence always or never
        )
        return np.where(alone, 0.0, least), np.where(alone, 1.0, most)

    def _spread(self, own: Floats, shared: Floats, outside: float | Floats) -> Floats:
        """Return one value a candidate from one a row, one a shared row, and one for those outside."""
        result = np.zeros(len(self._own))
        result[self._is_listed] = own[self._own[self._is_listed]]
        np.maximum.at(result, self._member, shared)
        result[self._outside] = outside
        return result

    def bounds(self) -> tuple[Floats, Floats]:
        nothing = np.zeros(len(self._of))
        return self._spread(self._lower, nothing, 0.0), self._spread(
            self._upper, self._upper[self._of], self._open_upper[-1]
        )

    def joint(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        least, most = self._rows(a, b)
        return (
            self._spread(self._lower * least, np.zeros(len(self._of)), 0.0),
            self._spread(
                self._upper * most, self._upper[self._of] * b[self._member], self._open_upper[-1] * b[self._outside]
            ),
        )

    def posterior(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        least, most = self._rows(a, b)
        others = credal.competition(self._lower, self._upper, least, most)
        beyond = credal.competition(self._open_lower, self._open_upper, np.append(least, 0.0), np.append(most, 1.0))
        shared = credal.share(self._upper[self._of] * b[self._member], others.least[self._of])
        outside = credal.share(self._open_upper[-1] * b[self._outside], np.full(self._outside.sum(), beyond.least[-1]))
        return (
            self._spread(credal.share(self._lower * least, others.greatest), np.zeros(len(self._of)), 0.0),
            self._spread(credal.share(self._upper * most, others.least), shared, outside),
        )

    def reference(self, middle: Floats) -> Floats:
        mass = (self._lower + self._upper) / 2
        # Equal shares of a cause and those under it in one step; what leads to it over others counts as unmentioned.
        each = mass / (np.bincount(self._of, weights=self._weight, minlength=len(mass)) + 1)
        shares = each[self._of] * self._weight
        own = np.flatnonzero(self._is_listed)
        row = np.zeros_like(mass)
        np.add.at(row, self._own[own], each[self._own[own]] * middle[own])
        np.add.at(row, self._of, shares * middle[self._member])
        alone = np.ones(len(row), dtype=bool)
        alone[self._own[own]] = False
        row += np.where(alone, each * BACKGROUND, 0.0)
        outside = self._open_upper[-1] / 2 * middle[self._outside] / max(1, self._outside.sum())
        inside = max(row.sum(), np.finfo(np.float64).tiny)
        beyond = max(inside + outside.sum(), np.finfo(np.float64).tiny)
        return self._spread(row / inside, shares * middle[self._member] / inside, outside / beyond)


def _sides(pairs: Sequence[Bounds]) -> tuple[Floats, Floats]:
    lower, upper = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    return lower, upper


def _normal(weights: Floats) -> Floats:
    total = weights.sum()
    return weights / total if total > 0 else weights


Prior = _Listed | _Alike
