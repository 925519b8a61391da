"""The engine on the ontology: what the numbers of an answer rest on, and that nothing else moves them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from mskgraph import KnowledgeGraph, views
from mskgraph.differential import (
    MUST_NOT_MISS_ABOVE,
    OTHER,
    UNKNOWN,
    Bounds,
    Candidate,
    Differential,
    Engine,
    Query,
    Ranking,
    Regime,
    Setting,
    bounds,
    differential,
    engine_of,
    natural_extension,
)
from mskgraph.graph import NOT_STATED, Claim, Concept, Estimate, Knowledge, Reference, Table
from mskgraph.terms import Kind, Lexicon, Name, iri, local_name

pytestmark = pytest.mark.usefixtures("seed")

CALCIFICATION = iri("soft-tissue-calcification")
RICE = iri("rice-grain")
GLOBS = iri("large-globular")
REGIMES: tuple[Regime, ...] = ("stated", "equal")
# Questions of every sort: with the table and without, with a word, a count or nothing known, present and absent.
QUESTIONS = [
    (["soft-tissue-calcification"], []),
    (["soft-tissue-calcification", "rice-grain"], []),
    (["soft-tissue-calcification", "rice-grain", "aligned-with-muscle-fibres"], ["amorphous"]),
    (["soft-tissue-calcification", "large-globular", "periarticular-tissue"], []),
    (["soft-tissue-calcification", "amorphous"], ["fluffy", "confluent"]),
    (["soft-tissue-calcification", "finely-speckled", "diffuse"], []),
    (["soft-tissue-calcification", "crescentic"], []),
    (["soft-tissue-calcification", "linear", "lower-limb"], []),
    (["soft-tissue-calcification", "chondrocalcinosis"], ["multiple"]),
    (["soft-tissue-calcification", "triceps-tendon"], []),
    (["phlebolith"], []),
    (["phlebolith", "lamellated"], []),
    (["rice-grain"], []),
    (["periarticular-tissue"], []),
    (["chondrocalcinosis"], []),
    (["amorphous", "fluffy"], []),
]


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return KnowledgeGraph.open().knowledge


@pytest.fixture(scope="module")
def features(knowledge: Knowledge) -> list[str]:
    """Every concept that is no diagnosis."""
    return sorted(concept.iri for concept in knowledge.concepts.values() if concept.kind != "diagnosis")


def iris(names: Iterable[str]) -> list[str]:
    return [iri(name) for name in names]


def asked(knowledge: Knowledge, present: Sequence[str], absent: Sequence[str] = (), **setting: object) -> Ranking:
    query = Query.of(knowledge, present, absent)
    return engine_of(knowledge).rank(query, Setting(**setting))  # type: ignore[arg-type]


def by_name(result: Differential, name: str) -> Candidate:
    return next(candidate for candidate in result.candidates if candidate.iri == iri(name))


def numbers(result: Differential) -> dict[str, tuple[object, ...]]:
    """All that is counted of each candidate, in shown order."""
    return {c.iri: (c.layer, c.reference, c.posterior, c.support, c.must_not_miss) for c in result.candidates}


def frequent(low: float, high: float) -> Estimate:
    return Estimate("percent-range", f"{100 * low:g}-{100 * high:g} %", lower=low, upper=high)


def claim(name: str, diagnosis: str, target: str, estimate: Estimate = NOT_STATED, **rest: object) -> Claim:
    given = {"relation": "feature", "source": Reference(iri("source-test"), "A test"), **rest}
    return Claim(iri=iri(name), diagnosis=iri(diagnosis), target=iri(target), estimate=estimate, **given)  # type: ignore[arg-type]


def with_more(
    knowledge: Knowledge,
    claims: Iterable[Claim] = (),
    concepts: Iterable[tuple[str, Kind]] = (),
    tables: Iterable[Table] = (),
    without: Iterable[str] = (),
    parents: tuple[str, ...] = (),
) -> Knowledge:
    """The knowledge with some things added and some claims taken away."""
    known = {
        **knowledge.concepts,
        **{
            iri(name): Concept(iri(name), name.replace("-", " "), kind, parents=tuple(iris(parents)))
            for name, kind in concepts
        },
    }
    names = [Name(concept.iri, concept.label, concept.kind, True) for concept in known.values()]
    names += [Name(case.iri, case.label, "case", True) for case in knowledge.cases.values()]
    gone = set(without)
    kept = {node: said for node, said in knowledge.claims.items() if node not in gone}
    return replace(
        knowledge,
        concepts=known,
        claims=kept | {said.iri: said for said in claims},
        tables={**knowledge.tables, **{table.iri: table for table in tables}},
        lexicon=Lexicon(names),
    )


def test_the_helper_changes_nothing_by_itself(knowledge: Knowledge) -> None:
    again = with_more(knowledge)
    for present, absent in QUESTIONS:
        for regime in REGIMES:
            one, other = (differential(k, iris(present), iris(absent), regime) for k in (knowledge, again))
            assert one.to_json() == other.to_json()


# The examples of the issue


def test_the_table_alone_gives_its_natural_extension(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    rows = [c for c in result.candidates if c.quantity]
    assert len(rows) == 6
    reached = {knowledge.claims[row.row].diagnosis: row.reachable for row in result.coherence}
    for candidate in rows:
        assert candidate.posterior == pytest.approx(reached[candidate.iri], abs=1e-12)
        assert candidate.support == (1, 1)
    assert by_name(result, "dystrophic-calcification").posterior == pytest.approx((0.95889, 0.979889), abs=1e-6)
    expected = natural_extension([row.stated for row in result.coherence])
    assert [row.reachable for row in result.coherence] == expected


def test_rice_grains_along_muscle_fibres(knowledge: Knowledge) -> None:
    present = iris(["soft-tissue-calcification", "rice-grain", "aligned-with-muscle-fibres"])
    equal = differential(knowledge, present, regime="equal")
    assert local_name(equal.candidates[0].iri) == "cysticercosis"
    stated = differential(knowledge, present)
    assert by_name(stated, "cysticercosis").layer == 1


def test_large_globules_near_a_joint(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION, GLOBS, iri("periarticular-tissue")])
    tumoral = by_name(result, "tumoral-calcinosis")
    assert tumoral.support == pytest.approx((0.09, 0.6241))
    others = [candidate for candidate in result.candidates if candidate is not tumoral]
    assert tumoral.support[0] > max(candidate.support[0] for candidate in others)
    dystrophic = by_name(result, "dystrophic-calcification")
    assert dystrophic.layer == 1
    assert "by its stated prevalence (95-98 %)" in views.standing(knowledge, result, dystrophic)
    equal = differential(knowledge, [CALCIFICATION, GLOBS, iri("periarticular-tissue")], regime="equal")
    assert "prevalence" not in views.standing(knowledge, equal, by_name(equal, "dystrophic-calcification"))
    assert equal.candidates[0].iri == tumoral.iri


# What moves nothing


def test_absence_of_what_nobody_counted_changes_nothing(knowledge: Knowledge) -> None:
    told = {c.target for c in knowledge.claims.values() if bounds(c.estimate) != UNKNOWN}
    about = {
        feature
        for feature in {c.target for c in knowledge.claims.values() if c.relation == "feature"}
        if not told & {feature, *knowledge.below(feature)}
    }
    assert len(about) >= 3
    for present, absent in QUESTIONS:
        for regime in REGIMES:
            given_present, given_absent = iris(present), iris(absent)
            expected = numbers(differential(knowledge, given_present, given_absent, regime))
            implied = {a for f in given_present for a in knowledge.ancestors(f)} | set(given_absent)
            for feature in sorted(about - implied):
                result = differential(knowledge, given_present, [*given_absent, feature], regime)
                assert list(numbers(result).items()) == list(expected.items()), (present, absent, feature)


def test_an_irrelevant_diagnosis_changes_nothing(knowledge: Knowledge) -> None:
    more = with_more(
        knowledge,
        concepts=[("made-up-disease", "diagnosis"), ("made-up-sign", "finding"), ("made-up-look", "morphology")],
        claims=[
            claim("made-up-1", "made-up-disease", "made-up-sign", frequent(0.8, 0.9)),
            claim("made-up-2", "made-up-disease", "made-up-look"),
            claim("made-up-3", "made-up-disease", "rice-grain", frequent(0.1, 0.2)),
        ],
    )
    for present, absent in QUESTIONS:
        if "rice-grain" in present and CALCIFICATION not in iris(present):
            continue  # there it is a candidate
        for regime in REGIMES:
            one, other = (differential(k, iris(present), iris(absent), regime) for k in (knowledge, more))
            assert list(numbers(one).items()) == list(numbers(other).items())
            assert one.warnings == other.warnings


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.data())
def test_the_order_of_the_features_does_not_matter(
    knowledge: Knowledge, features: list[str], data: st.DataObject
) -> None:
    present = data.draw(st.lists(st.sampled_from(features), min_size=1, max_size=5, unique=True))
    absent = data.draw(st.lists(st.sampled_from(features), max_size=4, unique=True))
    regime = data.draw(st.sampled_from(REGIMES))
    one = differential(knowledge, present, absent, regime)
    shuffled = data.draw(st.permutations(present)), data.draw(st.permutations(absent))
    other = differential(knowledge, *shuffled, regime)
    assert list(numbers(one)) == list(numbers(other))
    assert sorted(one.warnings) == sorted(other.warnings)
    for before, after in zip(numbers(one).values(), numbers(other).values(), strict=True):
        assert (before[0], before[4]) == (after[0], after[4])
        for part in (1, 2, 3):
            assert after[part] == pytest.approx(before[part])


# Hierarchy


def test_an_ancestor_of_another_feature_is_not_counted_twice(knowledge: Knowledge) -> None:
    tendon = knowledge.concepts[iri("triceps-tendon")]
    above = sorted(knowledge.ancestors(tendon.iri) - {tendon.iri})
    assert above
    expected = numbers(differential(knowledge, [CALCIFICATION, tendon.iri]))
    result = differential(knowledge, [CALCIFICATION, tendon.iri, *above])
    assert numbers(result) == expected
    for feature in above:
        assert f"{knowledge.label(feature)} is implied by a more particular feature and not counted again." in (
            result.warnings
        )
    assert numbers(differential(knowledge, [iri("phlebolith"), CALCIFICATION])) == numbers(
        differential(knowledge, [iri("phlebolith")])
    )


def test_what_is_absent_with_the_whole_is_not_counted_twice(knowledge: Knowledge) -> None:
    """Without any calcification there is no phlebolith either: to say so as well adds nothing."""
    calcification, phlebolith = CALCIFICATION, iri("phlebolith")
    assert calcification in knowledge.ancestors(phlebolith)
    mass = iri("soft-tissue-mass")
    more = with_more(
        knowledge,
        concepts=[("a-tumour", "diagnosis")],
        claims=[
            claim("a-tumour-1", "a-tumour", "soft-tissue-mass", frequent(0.5, 0.9)),
            claim("a-tumour-2", "a-tumour", "soft-tissue-calcification", frequent(0.4, 0.5)),
            claim("a-tumour-3", "a-tumour", "phlebolith", frequent(0.2, 0.3)),
        ],
    )
    once = by_name(differential(more, [mass], [calcification]), "a-tumour")
    both = by_name(differential(more, [mass], [calcification, phlebolith]), "a-tumour")
    assert once.support == pytest.approx((0.5 * 0.5, 0.9 * 0.6))
    assert both.support == once.support


def test_absence_of_the_whole_is_no_surer_than_that_of_a_part(knowledge: Knowledge) -> None:
    """That one kind is never there says nothing against the others: the whole may be present all the same."""
    more = with_more(
        knowledge,
        concepts=[("a-tumour", "diagnosis")],
        claims=[
            claim("a-tumour-1", "a-tumour", "soft-tissue-mass", frequent(1, 1)),
            claim("a-tumour-3", "a-tumour", "phlebolith", frequent(0.2, 0.3)),
        ],
    )
    candidate = by_name(differential(more, [iri("soft-tissue-mass")], [CALCIFICATION]), "a-tumour")
    assert candidate.support == pytest.approx((0.0, 0.8))


def test_presence_of_the_whole_is_at_least_that_of_a_part(knowledge: Knowledge) -> None:
    more = with_more(
        with_more(knowledge, concepts=[("whole", "finding"), ("a-tumour", "diagnosis")]),
        concepts=[("kind", "finding")],
        parents=("whole",),
        claims=[claim("a-tumour-1", "a-tumour", "kind", frequent(0.2, 0.3))],
    )
    assert by_name(differential(more, iris(["whole"])), "a-tumour").support == pytest.approx((0.2, 1.0))
    assert by_name(differential(more, iris(["kind"])), "a-tumour").support == pytest.approx((0.2, 0.3))


def test_presence_of_a_kind_is_at_most_that_of_the_whole(knowledge: Knowledge) -> None:
    more = with_more(
        knowledge,
        concepts=[("a-tumour", "diagnosis")],
        claims=[
            claim("a-tumour-1", "a-tumour", "soft-tissue-mass", frequent(1, 1)),
            claim("a-tumour-2", "a-tumour", "soft-tissue-calcification", frequent(0.4, 0.5)),
        ],
    )
    tumour = by_name(differential(more, [iri("soft-tissue-mass"), iri("phlebolith")]), "a-tumour")
    assert tumour.support == pytest.approx((0.0, 0.5))


def test_a_whole_that_is_absent_while_a_kind_is_present_is_a_contradiction(knowledge: Knowledge) -> None:
    result = differential(knowledge, [iri("phlebolith")], [CALCIFICATION])
    assert numbers(result) == numbers(differential(knowledge, [iri("phlebolith")]))
    assert any(
        "soft tissue calcification" in warning and "absent" in warning and "present" in warning
        for warning in result.warnings
    )


def test_a_kind_may_be_absent_while_the_whole_is_present(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION], [iri("phlebolith")])
    assert not any("absent" in warning for warning in result.warnings)
    assert result.ranking.query.absent == (iri("phlebolith"),)


def test_a_claim_about_tendons_holds_for_the_triceps_tendon(knowledge: Knowledge) -> None:
    more = with_more(knowledge, claims=[claim("tendon-claim", "tumoral-calcinosis", "tendon", frequent(0.3, 0.79))])
    result = differential(more, iris(["soft-tissue-calcification", "triceps-tendon"]))
    candidate = by_name(result, "tumoral-calcinosis")
    assert candidate.support == pytest.approx((0.3, 0.79))
    assert iri("tendon-claim") in [evidence.claim.iri for evidence in candidate.evidence]
    elsewhere = by_name(differential(more, iris(["soft-tissue-calcification", "vein"])), "tumoral-calcinosis")
    assert elsewhere.support == UNKNOWN


def test_a_claim_at_a_tendon_holds_at_the_triceps_tendon_and_never_at_another_organ(knowledge: Knowledge) -> None:
    more = with_more(
        knowledge,
        claims=[
            claim("tendon-look", "tumoral-calcinosis", "fluffy", frequent(0.3, 0.79), sites=tuple(iris(["tendon"])))
        ],
    )
    expected = {"triceps-tendon": (0.3, 0.79), "tendon": (0.3, 0.79), "vein": UNKNOWN, "spinal-soft-tissue": UNKNOWN}
    for site, limits in expected.items():
        result = differential(more, iris(["soft-tissue-calcification", "fluffy", site]))
        told = {feature: said for feature, _, said in result.contributions(iri("tumoral-calcinosis"))}
        assert told[iri("fluffy")] == limits, site
        assert told[iri(site)] == UNKNOWN
        assert by_name(result, "tumoral-calcinosis").support == limits, site


def test_a_claim_at_the_spine_does_not_count_elsewhere(knowledge: Knowledge) -> None:
    spinal = iri("calcium-pyrophosphate-deposition-soft-tissue-calcification-seed")
    assert knowledge.claims[spinal].sites == (iri("spinal-soft-tissue"),)
    for site, counts in {"": True, "spinal-soft-tissue": True, "achilles-tendon": False, "muscle": False}.items():
        result = differential(knowledge, iris(["soft-tissue-calcification", *filter(None, [site])]))
        candidate = by_name(result, "calcium-pyrophosphate-deposition")
        assert (spinal in [evidence.claim.iri for evidence in candidate.evidence]) == counts, site


def test_a_look_of_another_finding_does_not_count(knowledge: Knowledge) -> None:
    """Round is what a phlebolith is, not what any mass of the same diagnosis would be."""
    result = differential(knowledge, iris(["chondrocalcinosis", "round"]))
    assert iri("venous-thrombosis") not in [candidate.iri for candidate in result.candidates]


def test_a_diagnosis_without_a_claim_on_a_feature_is_neutral(knowledge: Knowledge) -> None:
    """It is not put behind: the feature may be there as often as it may not."""
    before = differential(knowledge, [CALCIFICATION, RICE], regime="equal")
    for feature, known in {"soft-tissue-mass": False, "pain": False, "stomach": False, "fluffy": True}.items():
        after = differential(knowledge, [CALCIFICATION, RICE, iri(feature)], regime="equal")
        for candidate in after.candidates:
            told = {f: limits for f, _, limits in after.contributions(candidate.iri)}
            if not any(evidence.feature == iri(feature) for evidence in candidate.evidence):
                low, high = by_name(before, local_name(candidate.iri)).support
                assert told[iri(feature)] == UNKNOWN
                # Where nobody gives a number, for no candidate, the bounds leave the feature out.
                assert candidate.support == ((0.0 if known else low), high)


# Shares


def test_causes_under_a_listed_one_share_its_mass(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    children = [candidate for candidate in result.candidates if candidate.parents]
    assert len(children) >= 13
    for candidate in children:
        uppers = [by_name(result, local_name(parent)).posterior[1] for parent in candidate.parents]
        assert candidate.posterior[0] == 0.0
        assert candidate.posterior[1] <= max(uppers) + 1e-12
        assert candidate.layer == 1  # nobody states a share, so it may be all of it


def test_unstated_shares_are_equal_for_the_reference(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    under = [c for c in result.candidates if c.parents == (iri("dystrophic-calcification"),)]
    assert len({round(c.reference, 12) for c in under}) == 1


def test_a_cause_filed_under_two_has_both_parents(knowledge: Knowledge) -> None:
    candidate = by_name(differential(knowledge, [CALCIFICATION]), "hypervitaminosis-d")
    assert set(candidate.parents) == set(iris(["dystrophic-calcification", "metastatic-calcification"]))


def test_a_disputed_filing_is_told_with_the_ranking_under_each(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION, iri("periarticular-tissue")])
    disputed = iri("hypervitaminosis-d")
    assert "Sources disagree about hypervitaminosis D; see its claims." in result.warnings
    found = dict(result.under_each(disputed))
    filings = iris(
        ["hypervitaminosis-d-dystrophic-calcification-seed", "hypervitaminosis-d-metastatic-calcification-rrr"]
    )
    assert set(found) == set(filings)
    for filing, parent in zip(filings, iris(["metastatic-calcification", "dystrophic-calcification"]), strict=True):
        again = asked(knowledge, [CALCIFICATION, iri("periarticular-tissue")], without=frozenset({filing}))
        place = again.candidates.index(disputed)
        assert again.parents[place] == (parent,)
        assert found[filing] == again.layer[place]


def test_a_source_that_is_left_out_files_nobody(knowledge: Knowledge) -> None:
    """What leads to what rests on claims too: without their source it is gone."""
    without = frozenset({iri("source-rrr")})
    ranking = asked(knowledge, [CALCIFICATION], without=without)
    place = ranking.candidates.index(iri("hypervitaminosis-d"))
    assert ranking.parents[place] == (iri("dystrophic-calcification"),)
    for ranking in (asked(knowledge, [CALCIFICATION], without=frozenset({s})) for s in sources(knowledge)):
        left = ranking.setting.without
        for matches in ranking.matches:
            for match in matches:
                steps = [knowledge.claims[step.claim] for step in match.chain if step.claim]
                assert not left & {said.source.iri for said in steps}


def sources(knowledge: Knowledge) -> list[str]:
    return sorted({said.source.iri for said in knowledge.claims.values()})


def others_row(knowledge: Knowledge, low: float, high: float) -> Claim:
    seed = knowledge.claims[iri("table-soft-tissue-calcification-row-1")]
    return replace(seed, iri=iri("row-other"), diagnosis=OTHER, estimate=frequent(low, high), rank=7)


@pytest.mark.parametrize("named", [False, True])
def test_the_row_of_other_causes_takes_the_rest_and_is_no_candidate(knowledge: Knowledge, named: bool) -> None:
    concepts: list[tuple[str, Kind]] = [("other-cause", "diagnosis")] if named else []
    more = with_more(knowledge, claims=[others_row(knowledge, 0.0, 0.02)], concepts=concepts)
    result = differential(more, [CALCIFICATION])
    assert OTHER not in [candidate.iri for candidate in result.candidates]
    rows = natural_extension([row.stated for row in result.coherence])
    assert len(rows) == 7
    # With somewhere to go, the rest lets dystrophic calcification reach its stated 95 %.
    assert by_name(result, "dystrophic-calcification").posterior == pytest.approx((0.95, 0.979889), abs=1e-6)
    # Who is not listed shares the rest.
    haemangioma = by_name(result, "soft-tissue-haemangioma")
    assert haemangioma.parents == (OTHER,)
    assert haemangioma.posterior == pytest.approx((0.0, 0.02))
    assert OTHER not in {d for pair in result.pairs for d in pair}


def test_a_diagnosis_outside_a_table_has_what_its_lower_bounds_leave(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    outside = by_name(result, "soft-tissue-haemangioma")
    assert outside.parents == ()
    assert outside.posterior == pytest.approx((0.0, 1 - 0.970111), abs=1e-9)


def test_the_reference_is_a_share_for_whoever_stands_outside(knowledge: Knowledge) -> None:
    """However well its features fit and however badly those of the listed causes."""
    looks = ["fluffy", "linear", "coiled", "dense", "round", "elongated"]
    more = with_more(
        knowledge,
        concepts=[("a-tumour", "diagnosis")],
        claims=[
            claim("a-tumour-0", "a-tumour", "soft-tissue-calcification", frequent(1, 1)),
            *(claim(f"a-tumour-{look}", "a-tumour", look, frequent(1, 1)) for look in looks),
        ],
    )
    result = differential(more, [CALCIFICATION, *iris(looks)])
    assert all(0 <= candidate.reference <= 1 for candidate in result.candidates)
    assert by_name(result, "a-tumour").reference > 0.9


# Exactness on the ontology


def exact(ranking: Ranking, place: int, greatest: bool) -> float:
    """One posterior bound by a linear program over every share that every cause may have of every row it stands under.

    A listed cause counts with all that stands under it, and one that sources file under two rows stands under either.
    """
    listed = {row.diagnosis: number for number, row in enumerate(ranking.rows)}
    a, b = ranking.support
    groups = [[listed[parent] for parent in parents] for parents in ranking.parents]
    own = [listed.get(candidate) for candidate in ranking.candidates]
    cells = [(row, n) for n, row in enumerate(own) if row is not None]
    cells += [(row, n) for n, group in enumerate(groups) for row in group]
    found = []
    for row in [own[place]] if own[place] is not None else groups[place]:
        mine = np.array([r == row if own[place] is not None else (r, n) == (row, place) for r, n in cells])
        low, high = a[[n for _, n in cells]], b[[n for _, n in cells]]
        weight = np.where(mine, high, low) if greatest else np.where(mine, low, high)
        lower, upper = np.array(ranking.reachable).T
        member = np.array([[r == number for r, _ in cells] for number in range(len(lower))], dtype=float)
        limits = np.vstack([np.hstack([-member, lower[:, None]]), np.hstack([member, -upper[:, None]])])
        objective = np.append(np.where(mine, weight, 0.0), 0.0)
        solved = linprog(
            -objective if greatest else objective,
            A_ub=limits,
            b_ub=np.zeros(len(limits)),
            A_eq=[[*weight, 0.0], [*np.ones(len(cells)), -1.0]],
            b_eq=[1.0, 0.0],
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        assert solved.status in (0, 2)
        found.append(abs(solved.fun) if solved.status == 0 else 0.0)
    return max(found) if greatest else min(found)


@pytest.mark.parametrize(("present", "absent"), [q for q in QUESTIONS if q[0][0] == "soft-tissue-calcification"])
def test_bounds_on_the_ontology_are_those_of_linear_programs(
    knowledge: Knowledge, present: list[str], absent: list[str]
) -> None:
    ranking = asked(knowledge, iris(present), iris(absent))
    low, high = ranking.posterior
    for place, candidate in enumerate(ranking.candidates):
        if not ranking.parents[place] and candidate not in {row.diagnosis for row in ranking.rows}:
            continue
        assert high[place] == pytest.approx(exact(ranking, place, True), abs=1e-8), candidate
        assert low[place] == pytest.approx(exact(ranking, place, False), abs=1e-8), candidate


# Conflicts


def test_sources_that_disagree_span_an_interval(knowledge: Knowledge) -> None:
    result = differential(knowledge, [iri("phlebolith")])
    haemangioma = by_name(result, "soft-tissue-haemangioma")
    assert haemangioma.support == pytest.approx((0.01, 0.34))
    assert "Sources disagree about soft tissue haemangioma; see its claims." in result.warnings
    found = dict(result.under_each(haemangioma.iri))
    assert len(found) == 2
    for node, layer in found.items():
        again = asked(knowledge, [iri("phlebolith")], without=frozenset({node}))
        place = again.candidates.index(haemangioma.iri)
        assert layer == again.layer[place]
        assert (again.support[0][place], again.support[1][place]) in [(0.01, 0.04), (0.34, 0.34)]


def test_a_claim_without_a_number_adds_nothing_to_one_with(knowledge: Knowledge) -> None:
    without = {iri("cysticercosis-rice-grain-tmcr7")}
    fewer = with_more(knowledge, without=without)
    for k in (knowledge, fewer):
        assert by_name(differential(k, [CALCIFICATION, RICE]), "cysticercosis").support == (0.8, 0.99)


# Questions that are odd


def test_no_feature_at_all(knowledge: Knowledge) -> None:
    for absent in ([], [RICE], [CALCIFICATION, RICE]):
        result = differential(knowledge, [], absent)
        assert result.candidates == ()
        assert result.next == []
        assert result.robustness == []
        assert result.pairs == []
        assert result.warnings == (
            "Nothing is given as present: name at least one finding, look, site or context that is seen.",
        )
        assert views.impression(knowledge, result)


def test_present_and_absent_at_once(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION, RICE], [RICE])
    assert "rice-grain was given as present and as absent; it is taken as present." in result.warnings
    assert numbers(result) == numbers(differential(knowledge, [CALCIFICATION, RICE]))


def test_a_finding_that_nobody_speaks_of(knowledge: Knowledge) -> None:
    result = differential(knowledge, [iri("ascites")])
    assert result.candidates == ()
    assert result.warnings == ("No claim in the graph connects these features to a diagnosis.",)


def test_a_finding_without_a_table(knowledge: Knowledge) -> None:
    result = differential(knowledge, [iri("chondrocalcinosis")])
    assert result.candidates
    assert result.setting == ""
    assert {candidate.posterior for candidate in result.candidates} == {UNKNOWN}
    assert any("how often" in warning for warning in result.warnings)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.data())
def test_any_question_has_an_answer(knowledge: Knowledge, features: list[str], data: st.DataObject) -> None:
    sampled = st.sampled_from(features)
    present = data.draw(st.lists(sampled, max_size=8))
    absent = data.draw(st.lists(sampled, max_size=8))
    if data.draw(st.booleans()):
        present.append(CALCIFICATION)
    regime = data.draw(st.sampled_from(REGIMES))
    assert_sound(knowledge, present, absent, regime)


@pytest.mark.parametrize("regime", REGIMES)
def test_everything_at_once_has_an_answer(knowledge: Knowledge, features: list[str], regime: Regime) -> None:
    assert_sound(knowledge, features, [], regime)
    assert_sound(knowledge, [], features, regime)
    assert_sound(knowledge, features, features, regime)
    assert_sound(knowledge, [CALCIFICATION], features, regime)
    assert_sound(knowledge, features[::2], features[1::2], regime)
    assert_sound(knowledge, features[1::2], features[::2], regime)


def assert_sound(knowledge: Knowledge, present: list[str], absent: list[str], regime: Regime) -> None:
    result = differential(knowledge, present, absent, regime)
    assert result.candidates or result.warnings
    assert all(isinstance(warning, str) and warning.endswith(".") for warning in result.warnings)
    result.to_json()
    views.differential_rows(knowledge, result)
    views.impression(knowledge, result)
    for candidate in result.candidates:
        for low, high in (candidate.posterior, candidate.support):
            assert 0 <= low <= high <= 1
        assert 0 <= candidate.reference <= 1
        assert candidate.must_not_miss == (
            bool(knowledge.concepts[candidate.iri].must_not_miss) and candidate.posterior[1] > MUST_NOT_MISS_ABOVE
        )
        assert views.standing(knowledge, result, candidate)
        assert views.contribution_rows(knowledge, result, candidate)
    if result.candidates:
        layers = [candidate.layer for candidate in result.candidates]
        assert layers == sorted(layers)
        assert set(layers) == set(range(1, max(layers) + 1))
        assert result.ranking.first_layer == {c.iri for c in result.candidates if c.layer == 1}
    ranking = result.ranking
    place = {candidate: number for number, candidate in enumerate(ranking.candidates)}
    if ranking.table and regime == "stated":
        lowers = [ranking.posterior[0][place[row.diagnosis]] for row in ranking.rows if row.diagnosis in place]
        assert sum(lowers) <= 1 + 1e-9
    if regime == "equal" and result.candidates:
        assert ranking.posterior[0].sum() <= 1 + 1e-9
        assert ranking.reference.sum() == pytest.approx(1)


# What the answer rests on: each statement by asking the engine again


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("present", "absent"), QUESTIONS)
def test_the_next_observation_keeps_its_promise(
    knowledge: Knowledge, present: list[str], absent: list[str], regime: Regime
) -> None:
    """Of those who are candidates now, no more stay undominated than said, and no other feature promises less."""
    now, missing = iris(present), iris(absent)
    result = differential(knowledge, now, missing, regime)
    candidates = set(result.ranking.candidates)
    implied = {above for feature in (*now, *missing) for above in knowledge.ancestors(feature)}
    promised: dict[str, int] = {}
    for feature in sorted(engine_of(knowledge).supports.targets()):
        if knowledge.kind(feature) not in ("finding", "morphology", "context") or feature in implied:
            continue
        # Nothing of what is asked stands under it or above it, or the question itself would be read differently.
        if any(feature in knowledge.ancestors(f) or f in knowledge.ancestors(feature) for f in (*now, *missing)):
            continue
        ways = (([*now, feature], missing), (now, [*missing, feature]))
        left = [asked(knowledge, *way, regime=regime).first_layer & candidates for way in ways]
        promised[feature] = max(map(len, left))
    for observation in result.next:
        assert observation.feature not in implied
        if observation.feature in promised:
            assert observation.worst_case == promised[observation.feature], observation.feature
    if result.next:
        told = {
            c.target
            for c in knowledge.claims.values()
            if c.relation == "feature" and bounds(c.estimate) != UNKNOWN and not c.sites
        }
        assert result.next[0].worst_case <= min((promised[f] for f in promised if f in told), default=99)
    assert result.next == sorted(result.next, key=lambda o: (o.worst_case, o.width, o.feature))


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("present", "absent"), QUESTIONS[::3])
def test_the_smallest_change_changes_and_there_is_one_if_any(
    knowledge: Knowledge, present: list[str], absent: list[str], regime: Regime
) -> None:
    now, missing = iris(present), iris(absent)
    result = differential(knowledge, now, missing, regime)
    ranking = result.ranking
    fresh = [
        feature
        for feature in sorted(engine_of(knowledge).supports.targets())
        if knowledge.kind(feature) in ("finding", "morphology", "context") and feature not in (*now, *missing)
    ]
    tried = {
        (feature, way): asked(
            knowledge, now + [feature] * (way == "present"), missing + [feature] * (way == "absent"), regime=regime
        )
        for feature in fresh
        for way in ("present", "absent")
    }
    for candidate in result.candidates[:8]:
        inside = candidate.iri in ranking.first_layer
        change = result.smallest_change(candidate.iri)
        if change is None:
            for again in tried.values():
                assert candidate.iri not in again.candidates or (candidate.iri in again.first_layer) == inside
            continue
        here = [f for f in now if f != change.feature] + [change.feature] * (change.becomes == "present")
        gone = [f for f in missing if f != change.feature] + [change.feature] * (change.becomes == "absent")
        assert (here, gone) != (now, missing)
        again = asked(knowledge, here, gone, regime=regime)
        assert (candidate.iri in again.first_layer) == change.enters != inside


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("present", "absent"), QUESTIONS[::2])
def test_the_decisive_claims_are_enough_and_no_fewer_are(
    knowledge: Knowledge, present: list[str], absent: list[str], regime: Regime
) -> None:
    result = differential(knowledge, iris(present), iris(absent), regime)
    ranking = result.ranking
    for candidate in result.candidates[:8]:
        place = ranking.candidates.index(candidate.iri)
        claims = {match.support.claim.iri for match in ranking.matches[place]}
        decisive = result.decisive_claims(candidate.iri)
        assert decisive
        assert len(set(decisive)) == len(decisive)

        def layer_with(kept: set[str], candidate: Candidate = candidate, claims: set[str] = claims) -> int | None:
            again = asked(knowledge, iris(present), iris(absent), regime=regime, without=frozenset(claims - kept))
            if candidate.iri not in again.candidates:
                return None
            return int(again.layer[again.candidates.index(candidate.iri)])

        assert layer_with(set(decisive)) == candidate.layer
        said = [knowledge.claims[node] for node in decisive]
        free = [c.iri for c in said if c.relation == "feature" and c.target not in ranking.query.findings]
        for size in range(len(free)):
            for fewer in itertools.combinations(free, size):
                assert layer_with(set(decisive) - set(free) | set(fewer)) != candidate.layer


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("present", "absent"), QUESTIONS)
def test_what_would_change_the_first_layer_does_and_nothing_else(
    knowledge: Knowledge, present: list[str], absent: list[str], regime: Regime
) -> None:
    result = differential(knowledge, iris(present), iris(absent), regime)
    first = result.ranking.first_layer
    tried = [Setting(regime, without=frozenset({source})) for source in sources(knowledge)]
    tried += [Setting(regime, base=base) for base in (3.0, 30.0, 100.0)]
    tried += [Setting("equal" if regime == "stated" else "stated"), Setting(regime, dependence="any")]
    expected = {}
    for setting in tried:
        again = engine_of(knowledge).rank(result.ranking.query, setting)
        other = again.first_layer
        moved = {candidate for candidate in first - other if candidate in again.candidates}
        if other - first or moved:
            expected[setting] = (tuple(sorted(other - first)), tuple(sorted(first - other)))
    assert {v.setting: (v.joins, v.leaves) for v in result.robustness} == expected
    assert len(views.firmness(knowledge, result)) == len(expected) + bool(result.on_one_source)


def test_a_candidate_on_one_source_goes_with_that_source(knowledge: Knowledge) -> None:
    result = differential(knowledge, iris(["soft-tissue-calcification", "rice-grain"]))
    assert result.on_one_source
    engine = engine_of(knowledge)
    for candidate in result.on_one_source:
        (source,) = {e.claim.source.iri for c in result.candidates if c.iri == candidate for e in c.evidence}
        again = engine.rank(result.ranking.query, Setting(without=frozenset({source})))
        assert candidate not in again.candidates


def test_two_features_may_depend_on_each_other(knowledge: Knowledge) -> None:
    """Even without a third: the answer says so where it would change."""
    more = with_more(
        knowledge,
        concepts=[("one", "diagnosis"), ("two", "diagnosis"), ("sign", "finding"), ("look", "morphology")],
        claims=[
            claim("one-sign", "one", "sign", frequent(0.5, 0.5)),
            claim("one-look", "one", "look", frequent(0.5, 0.5)),
            claim("two-sign", "two", "sign", frequent(0.2, 0.2)),
            claim("two-look", "two", "look", frequent(0.2, 0.2)),
        ],
    )
    result = differential(more, iris(["sign", "look"]), regime="equal")
    assert [local_name(c.iri) for c in result.candidates] == ["one", "two"]
    assert [c.layer for c in result.candidates] == [1, 2]
    (loose,) = [v for v in result.robustness if v.setting.dependence == "any"]
    assert loose.joins == (iri("two"),)
    assert any("not independent" in warning and "two" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    "present",
    [
        ["soft-tissue-calcification", "rice-grain", "fluffy"],
        ["soft-tissue-calcification", "large-globular", "linear"],
        ["phlebolith", "chondrocalcinosis"],
        ["rice-grain", "fluffy"],
        ["soft-tissue-calcification"],
        ["triceps-tendon"],
    ],
)
def test_pairs_are_minimal_covers(knowledge: Knowledge, present: list[str]) -> None:
    result = differential(knowledge, iris(present))
    engine, query = engine_of(knowledge), result.ranking.query
    wanted = {feature for feature in query.present if knowledge.kind(feature) != "site"}
    explained: dict[str, set[str]] = {}
    for feature in wanted:
        for match in engine.supports.matches(query, feature, True):
            if not match.support.claim.excluded and not match.general:
                explained.setdefault(match.support.diagnosis, set()).add(feature)
    covers = {
        frozenset(pair)
        for pair in itertools.combinations(explained, 2)
        if explained[pair[0]] | explained[pair[1]] == wanted
        and explained[pair[0]] != wanted
        and explained[pair[1]] != wanted
    }
    found = [frozenset(pair) for pair in result.pairs]
    assert len(set(found)) == len(found) == min(10, len(covers))
    assert set(found) <= covers


def test_two_causes_at_once(knowledge: Knowledge) -> None:
    result = differential(knowledge, iris(["phlebolith", "chondrocalcinosis"]))
    pairs = {frozenset(map(local_name, pair)) for pair in result.pairs}
    assert frozenset({"calcium-pyrophosphate-deposition", "venous-thrombosis"}) in pairs


# A small table of its own, counted by hand


def test_a_table_counted_by_hand(knowledge: Knowledge) -> None:
    source = Reference(iri("source-test"), "A test")
    table = Table(iri("table-sign"), "Causes of a sign", iri("sign"), "a test", source)
    rows = [
        claim(f"row-{n}", f"cause-{n}", "sign", frequent(*share), relation="row", table=table.iri, rank=n)
        for n, share in enumerate([(0.6, 0.8), (0.2, 0.4)], 1)
    ]
    more = with_more(
        knowledge,
        concepts=[("cause-1", "diagnosis"), ("cause-2", "diagnosis"), ("sign", "finding"), ("look", "morphology")],
        claims=[
            *rows,
            claim("look-1", "cause-1", "look", frequent(0.1, 0.2)),
            claim("look-2", "cause-2", "look", frequent(0.5, 0.9)),
        ],
        tables=[table],
    )
    present = differential(more, iris(["sign", "look"]))
    one, two = by_name(present, "cause-1"), by_name(present, "cause-2")
    assert one.posterior == pytest.approx((0.06 / (0.06 + 0.36), 0.16 / (0.16 + 0.1)))
    assert two.posterior == pytest.approx((0.1 / (0.1 + 0.16), 0.36 / (0.36 + 0.06)))
    assert (one.layer, two.layer) == (1, 1)
    absent = differential(more, iris(["sign"]), iris(["look"]))
    one, two = by_name(absent, "cause-1"), by_name(absent, "cause-2")
    assert one.posterior == pytest.approx((0.48 / (0.48 + 0.2), 0.72 / (0.72 + 0.02)))
    assert (one.layer, two.layer) == (1, 2)
    equal = differential(more, iris(["sign", "look"]), regime="equal")
    assert by_name(equal, "cause-2").posterior == pytest.approx((0.5 / 0.7, 0.9 / 1.0))
    assert [c.layer for c in equal.candidates] == [1, 2]
    assert "surely more probable" in views.standing(more, equal, equal.candidates[1])


def test_the_reference_lies_between_the_bounds_where_both_are_exact(knowledge: Knowledge) -> None:
    """Where nothing is loose, bounds and reference are one number."""
    source = Reference(iri("source-test"), "A test")
    table = Table(iri("table-sign"), "Causes of a sign", iri("sign"), "a test", source)
    shares = {"cause-1": 0.7, "cause-2": 0.3}
    looks = {"cause-1": 0.1, "cause-2": 0.6}
    more = with_more(
        knowledge,
        concepts=[("cause-1", "diagnosis"), ("cause-2", "diagnosis"), ("sign", "finding"), ("look", "morphology")],
        claims=[
            *(
                claim(f"row-{c}", c, "sign", frequent(p, p), relation="row", table=table.iri, rank=1)
                for c, p in shares.items()
            ),
            *(claim(f"look-{c}", c, "look", frequent(p, p)) for c, p in looks.items()),
        ],
        tables=[table],
    )
    result = differential(more, iris(["sign", "look"]))
    total = sum(shares[c] * looks[c] for c in shares)
    for candidate in result.candidates:
        name = local_name(candidate.iri)
        exactly = shares[name] * looks[name] / total
        assert (*candidate.posterior, candidate.reference) == pytest.approx((exactly,) * 3)


def test_the_threshold_of_what_must_not_be_missed(knowledge: Knowledge) -> None:
    alone = differential(knowledge, [CALCIFICATION])
    flagged = {local_name(candidate.iri) for candidate in alone.candidates if candidate.must_not_miss}
    assert by_name(alone, "metastatic-osteosarcoma").posterior[1] <= MUST_NOT_MISS_ABOVE
    assert "metastatic-osteosarcoma" not in flagged
    assert "osteosarcoma" in flagged  # it may be all of what is under dystrophic calcification
    fluffy = differential(knowledge, [CALCIFICATION, iri("fluffy")])
    assert by_name(fluffy, "metastatic-osteosarcoma").posterior[1] > MUST_NOT_MISS_ABOVE
    assert by_name(fluffy, "metastatic-osteosarcoma").must_not_miss


# The document


def test_the_json_has_exactly_the_keys_of_the_contract_at_every_level(knowledge: Knowledge) -> None:
    for present, absent in QUESTIONS:
        for regime in REGIMES:
            result = differential(knowledge, iris(present), iris(absent), regime)
            document = result.to_json()
            assert list(document) == ["query", "setting", "coherence", "candidates", "next", "warnings"]
            assert list(document["query"]) == ["present", "absent"]
            assert isinstance(document["setting"], str)
            for row in document["coherence"]:
                assert list(row) == ["table", "row", "stated", "reachable"]
                assert all(isinstance(row[key], list) and len(row[key]) == 2 for key in ("stated", "reachable"))
            for candidate in document["candidates"]:
                assert list(candidate) == [
                    "iri",
                    "label",
                    "category",
                    "layer",
                    "reference",
                    "posterior",
                    "support",
                    "must_not_miss",
                    "path",
                    "evidence",
                    "unexplained",
                    "cases",
                ]
                types = (str, str, str, int, float, list, list, bool, list, list, list, list)
                assert all(type(part) is kind for part, kind in zip(candidate.values(), types, strict=True))
                assert all(type(bound) is float for key in ("posterior", "support") for bound in candidate[key])
                for step in candidate["path"]:
                    assert list(step) == ["from", "relation", "to", "association"]
                for item in candidate["evidence"]:
                    assert list(item) == ["association", "feature", "present", "frequency", "stated", "source"]
                    assert list(item["source"]) == ["iri", "title"]
                    assert type(item["present"]) is bool
            for observation in document["next"]:
                assert list(observation) == ["iri", "label", "worst_case"]
                assert type(observation["worst_case"]) is int
            assert len(document["candidates"]) == result.total
            assert [tuple(c["posterior"]) for c in document["candidates"]] == [c.posterior for c in result.candidates]


def test_a_limit_cuts_the_list_and_nothing_else(knowledge: Knowledge) -> None:
    whole = differential(knowledge, [CALCIFICATION])
    few = differential(knowledge, [CALCIFICATION], limit=3)
    assert few.candidates == whole.candidates[:3]
    assert few.total == whole.total == len(whole.candidates) > 3
    assert few.next == whole.next


def test_an_engine_is_made_once(knowledge: Knowledge) -> None:
    assert engine_of(knowledge) is engine_of(knowledge)
    assert isinstance(engine_of(knowledge), Engine)


def test_bounds_are_pairs_of_numbers(knowledge: Knowledge) -> None:
    pair: Bounds = differential(knowledge, [CALCIFICATION]).candidates[0].posterior
    assert [type(bound) for bound in pair] == [float, float]
