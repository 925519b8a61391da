"""From features to candidates: their order, their bounds, and the claims that each step rests on."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from mskgraph import KnowledgeGraph
from mskgraph.differential import (
    MAGNITUDE_BASE,
    UNKNOWN,
    Bounds,
    Candidate,
    Differential,
    bounds,
    differential,
)
from mskgraph.errors import UnknownTerm
from mskgraph.graph import NOT_STATED, Estimate, Knowledge
from mskgraph.terms import iri, local_name

pytestmark = pytest.mark.usefixtures("seed")

CALCIFICATION = iri("soft-tissue-calcification")
PHLEBOLITH = iri("phlebolith")
TABLE = [
    ("dystrophic-calcification", 1),
    ("calcium-pyrophosphate-deposition", 2),
    ("metastatic-calcification", 2),
    ("tumoral-calcinosis", 3),
    ("metastatic-osteosarcoma", 4),
    ("primary-soft-tissue-osteosarcoma", 5),
]
# A038 to A050 of the seed: the causes listed under dystrophic calcification, with the heading each stands under.
WIDER = {
    "venous-insufficiency": "vascular",
    "parasitic-infestation": "infection",
    "cysticercosis": "infection",
    "dracunculiasis": "infection",
    "armillifer-infestation": "infection",
    "primary-bone-forming-tumour": "neoplasm",
    "osteosarcoma": "neoplasm",
    "tumour-necrosis": "neoplasm",
    "hypervitaminosis-d": "drug",
    "dermatomyositis": "autoimmune",
    "scleroderma": "autoimmune",
    "heterotopic-ossification": "trauma",
    "injection-granuloma": "trauma",
}


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return KnowledgeGraph.open().knowledge


@pytest.fixture(scope="module")
def features(knowledge: Knowledge) -> list[str]:
    """Every feature that some claim is about, and a few that none is about."""
    told = {claim.target for claim in knowledge.claims.values() if knowledge.kind(claim.target) != "diagnosis"}
    return sorted(told | {iri(name) for name in ("triceps-tendon", "joint-effusion", "stomach", "pain")})


def order(result: Differential) -> list[str]:
    return [local_name(candidate.iri) for candidate in result.candidates]


def layers(result: Differential) -> dict[str, int]:
    return {local_name(candidate.iri): candidate.layer for candidate in result.candidates}


def by_name(result: Differential, name: str) -> Candidate:
    return next(candidate for candidate in result.candidates if candidate.iri == iri(name))


# The table of the seed


def listed(result: Differential) -> list[Candidate]:
    """The causes that the table lists, in shown order."""
    return [candidate for candidate in result.candidates if candidate.quantity]


def test_the_six_causes_of_the_table_come_in_its_order(knowledge: Knowledge) -> None:
    """Whatever may take all of the first one's mass stands beside it; the rarest is surely behind."""
    result = differential(knowledge, [CALCIFICATION])
    assert order(result)[0] == TABLE[0][0]
    rows = listed(result)
    assert {local_name(candidate.iri) for candidate in rows} == {name for name, _ in TABLE}
    places = dict(TABLE)
    ranks = [places[local_name(candidate.iri)] for candidate in rows]
    assert ranks == sorted(ranks)
    assert [candidate.reference for candidate in rows] == sorted((c.reference for c in rows), reverse=True)
    assert rows[0].layer == 1
    assert all(candidate.layer == 1 for candidate in result.candidates if candidate.parents)
    assert [candidate.quantity for candidate in rows] == [
        "95-98 %",
        "1-2 %",
        "1-2 %",
        "<< 1 %",
        "<<< 1 %",
        "<<<< 1 %",
    ]
    assert result.setting == knowledge.tables[iri("table-soft-tissue-calcification")].setting != ""


def test_the_bounds_of_the_table_are_those_that_can_be_reached(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    first = result.candidates[0]
    assert first.posterior == pytest.approx((0.95889, 0.97989), abs=5e-6)
    assert first.posterior[0] < first.reference < first.posterior[1]
    assert [row.stated for row in result.coherence[:3]] == [(0.95, 0.98), (0.01, 0.02), (0.01, 0.02)]
    assert [c.posterior for c in listed(result)] == [pytest.approx(row.reachable) for row in result.coherence]
    assert [knowledge.claims[row.row].rank for row in result.coherence] == [1, 2, 2, 4, 5, 6]
    for row in result.coherence:
        assert row.stated[0] - 1e-12 <= row.reachable[0] <= row.reachable[1] <= row.stated[1] + 1e-12


@pytest.mark.parametrize(("name", "category"), WIDER.items())
def test_the_wider_differential_is_listed_under_dystrophic_calcification(
    knowledge: Knowledge, name: str, category: str
) -> None:
    result = differential(knowledge, [CALCIFICATION])
    candidate = by_name(result, name)
    assert category in [reference.label for reference in candidate.categories]
    assert iri("dystrophic-calcification") in candidate.parents
    assert candidate.layer == 1
    assert candidate.reference < by_name(result, "dystrophic-calcification").reference
    # Any share of what its parents reach is possible.
    reach = max(by_name(result, local_name(parent)).posterior[1] for parent in candidate.parents)
    assert candidate.posterior == pytest.approx((0.0, reach))
    assert f"msk:{name}" not in candidate.label


def test_a_cause_filed_under_two_keeps_both(knowledge: Knowledge) -> None:
    candidate = by_name(differential(knowledge, [CALCIFICATION]), "hypervitaminosis-d")
    assert set(candidate.parents) == {iri("dystrophic-calcification"), iri("metastatic-calcification")}


def test_a_listed_cause_stands_under_no_other(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    assert [by_name(result, name).parents for name, _ in TABLE] == [()] * 6


def test_equal_leaves_prevalence_out(knowledge: Knowledge) -> None:
    stated, equal = (differential(knowledge, [CALCIFICATION], regime=regime) for regime in ("stated", "equal"))
    assert set(order(stated)) == set(order(equal))
    assert order(stated) != order(equal)
    assert equal.coherence == stated.coherence  # what the table says stays to be seen
    each = 1 / len(equal.candidates)
    for candidate in equal.candidates:
        assert (candidate.layer, candidate.support) == (1, (1, 1))
        assert (*candidate.posterior, candidate.reference) == pytest.approx((each,) * 3)


def test_equal_does_not_deny_what_the_sources_state(knowledge: Knowledge) -> None:
    equal = differential(knowledge, [CALCIFICATION], regime="equal")
    assert not any(warning.startswith("No source in the graph states how often") for warning in equal.warnings)


# Order


def test_what_explains_more_comes_first(knowledge: Knowledge) -> None:
    present = [CALCIFICATION, iri("rice-grain"), iri("aligned-with-muscle-fibres")]
    result = differential(knowledge, present, regime="equal")
    assert order(result)[0] == "cysticercosis"
    stated = differential(knowledge, present)
    assert order(stated)[:2] == ["dystrophic-calcification", "cysticercosis"]  # what is listed counts with all under it
    assert result.candidates[0].unexplained == ()
    assert set(by_name(result, "metastatic-calcification").unexplained) == {
        iri("rice-grain"),
        iri("aligned-with-muscle-fibres"),
    }
    assert any(warning.startswith("Stated prevalence is left out") for warning in result.warnings)


def test_claims_about_a_kind_come_before_general_ones(knowledge: Knowledge) -> None:
    result = differential(knowledge, [PHLEBOLITH])
    assert set(order(result)[:2]) == {"venous-thrombosis", "soft-tissue-haemangioma"}
    assert min(c.reference for c in result.candidates[:2]) > max(c.reference for c in result.candidates[2:])
    assert "dystrophic-calcification" in order(result)[2:]


def test_a_feature_that_is_often_seen_counts_against_when_absent(knowledge: Knowledge) -> None:
    before = differential(knowledge, [CALCIFICATION], regime="equal")
    after = differential(knowledge, [CALCIFICATION], [iri("rice-grain")], regime="equal")
    assert by_name(before, "cysticercosis").support == (1, 1)
    assert by_name(after, "cysticercosis").support == pytest.approx((0.01, 0.2))
    assert by_name(after, "cysticercosis").reference < by_name(before, "cysticercosis").reference
    assert order(after)[-1] == "cysticercosis"
    evidence = [e for e in by_name(after, "cysticercosis").evidence if not e.present]
    assert {e.feature for e in evidence} == {iri("rice-grain")}


def test_no_site_that_nobody_speaks_of_changes_the_order(knowledge: Knowledge) -> None:
    """A site that a source does not mention says nothing against a diagnosis."""
    spoken = {claim.target for claim in knowledge.claims.values() if claim.relation == "feature"}
    spoken |= {site for claim in knowledge.claims.values() for site in claim.sites}
    expected = differential(knowledge, [CALCIFICATION])
    silent = [
        concept.iri
        for concept in knowledge.concepts.values()
        if concept.kind == "site" and not spoken & {*knowledge.ancestors(concept.iri), *knowledge.below(concept.iri)}
    ]
    assert len(silent) > 10
    for site in silent:
        result = differential(knowledge, [CALCIFICATION, site])
        assert (order(result), layers(result)) == (order(expected), layers(expected)), knowledge.label(site)


def test_a_feature_named_twice_counts_once(knowledge: Knowledge) -> None:
    once = differential(knowledge, [CALCIFICATION, iri("rice-grain")], [iri("pain")])
    twice = differential(knowledge, [CALCIFICATION, iri("rice-grain"), CALCIFICATION], [iri("pain"), iri("pain")])
    assert twice.to_json() == once.to_json()


def test_the_same_question_has_the_same_answer(knowledge: Knowledge) -> None:
    claims = list(knowledge.claims.items())
    random.Random(1).shuffle(claims)
    concepts = list(knowledge.concepts.items())
    random.Random(2).shuffle(concepts)
    shuffled = replace(knowledge, claims=dict(claims), concepts=dict(concepts))
    for present in ([CALCIFICATION], [PHLEBOLITH], [CALCIFICATION, iri("rice-grain")]):
        assert order(differential(shuffled, present)) == order(differential(knowledge, present))


# Paths and evidence


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_every_candidate_is_reached_over_sourced_claims(
    knowledge: Knowledge, features: list[str], data: st.DataObject
) -> None:
    present = data.draw(st.lists(st.sampled_from(features), min_size=1, max_size=4, unique=True))
    absent = data.draw(st.lists(st.sampled_from(features), max_size=1))
    findings = {feature for feature in present if knowledge.kind(feature) == "finding"}
    for candidate in differential(knowledge, present, absent).candidates:
        assert candidate.chains
        for chain in candidate.chains:
            assert chain[0].start in present
            assert chain[-1].end == candidate.iri
            assert all(before.end == after.start for before, after in itertools.pairwise(chain))
            assert any(step.claim for step in chain)
        assert {step for chain in candidate.chains for step in chain} == set(candidate.path)
        for step in candidate.path:
            assert step.relation in knowledge.relations
            if step.claim is not None:
                claim = knowledge.claims[step.claim]
                assert claim.source.iri
                assert claim.source.label
                assert {step.start, step.end} <= {claim.diagnosis, claim.target}
        assert not findings or {e.feature for e in candidate.evidence if e.present} & findings
        assert {evidence.feature for evidence in candidate.evidence if not evidence.present} <= set(absent)
        # A claim that something is never seen bears on what is seen, but explains nothing.
        explained = {e.feature for e in candidate.evidence if e.present and not e.claim.excluded}
        assert explained
        for evidence in candidate.evidence:
            assert evidence.frequency == bounds(evidence.claim.estimate)
        unsited = [feature for feature in present if knowledge.kind(feature) != "site"]
        # What a more particular feature implies is not asked a second time.
        particular = [f for f in unsited if not any(f in knowledge.ancestors(g) - {g} for g in present)]
        assert list(candidate.unexplained) == [feature for feature in particular if feature not in explained]
        assert 0 <= candidate.support[0] <= candidate.support[1] <= 1
        assert 0 <= candidate.posterior[0] <= candidate.posterior[1] <= 1


def test_candidates_come_in_layers_from_one_without_gaps(knowledge: Knowledge, features: list[str]) -> None:
    for feature in features:
        result = differential(knowledge, [feature])
        numbers = [candidate.layer for candidate in result.candidates]
        assert numbers == sorted(numbers)
        assert set(numbers) == set(range(1, len(set(numbers)) + 1))


def test_the_cases_of_a_candidate_are_of_it_or_of_a_kind_of_it(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    assert by_name(result, "dystrophic-calcification").cases
    for candidate in result.candidates:
        kinds = knowledge.kinds_of(candidate.iri)
        for case in candidate.cases:
            assert kinds & {*knowledge.cases[case].diagnoses, *knowledge.cases[case].causes}


def test_malignant_causes_are_marked(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    marked = {local_name(candidate.iri) for candidate in result.candidates if candidate.must_not_miss}
    assert marked == {"osteosarcoma"}  # the two that the table lists are too rare by its word
    fluffy = differential(knowledge, [CALCIFICATION, iri("fluffy")])
    marked = {local_name(candidate.iri) for candidate in fluffy.candidates if candidate.must_not_miss}
    assert {"metastatic-osteosarcoma", "primary-soft-tissue-osteosarcoma", "osteosarcoma"} <= marked
    assert "dystrophic-calcification" not in marked


# Warnings


def test_disputed_claims_give_a_warning(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION, iri("crescentic")])
    assert "Sources disagree about dracunculiasis; see its claims." in result.warnings
    undisputed = differential(knowledge, [CALCIFICATION, iri("rice-grain")])
    assert not any("dracunculiasis" in warning for warning in undisputed.warnings)


def test_no_candidate_gives_a_warning(knowledge: Knowledge) -> None:
    result = differential(knowledge, [iri("ascites")])
    assert result.candidates == ()
    assert result.warnings == ("No claim in the graph connects these features to a diagnosis.",)


def test_a_finding_without_a_table_is_told(knowledge: Knowledge) -> None:
    result = differential(knowledge, [iri("rice-grain")])
    assert result.candidates
    assert result.setting == ""
    assert any("how often" in warning for warning in result.warnings)


@pytest.mark.parametrize("place", ["present", "absent"])
def test_an_unknown_feature_is_told(knowledge: Knowledge, place: str) -> None:
    given = {"present": [CALCIFICATION], "absent": []} | {place: [iri("nothing")]}
    with pytest.raises(UnknownTerm):
        differential(knowledge, given["present"], given["absent"])


# JSON


def test_the_json_has_exactly_the_keys_of_the_contract(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION, iri("elongated")], [iri("rice-grain")])
    document = result.to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert list(document) == ["query", "setting", "coherence", "candidates", "next", "warnings"]
    assert document["query"] == {"present": [CALCIFICATION, iri("elongated")], "absent": [iri("rice-grain")]}
    assert {tuple(row) for row in document["coherence"]} == {("table", "row", "stated", "reachable")}
    assert len(document["coherence"]) == 6
    assert {tuple(candidate) for candidate in document["candidates"]} == {
        (
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
        )
    }
    paths = [step for candidate in document["candidates"] for step in candidate["path"]]
    assert {tuple(step) for step in paths} == {("from", "relation", "to", "association")}
    evidence = [item for candidate in document["candidates"] for item in candidate["evidence"]]
    keys = ("association", "feature", "present", "frequency", "stated", "source")
    assert {tuple(item) for item in evidence} == {keys}
    assert {tuple(item["source"]) for item in evidence} == {("iri", "title")}
    assert {item["present"] for item in evidence} == {True, False}
    for candidate in document["candidates"]:
        assert isinstance(candidate["category"], str)
        assert candidate["category"]
        assert isinstance(candidate["layer"], int)
        assert isinstance(candidate["must_not_miss"], bool)
        assert [len(candidate[key]) for key in ("posterior", "support")] == [2, 2]


# Numbers


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [
        (NOT_STATED, (0.0, 1.0)),
        (Estimate("percent-range", "95-98 %", lower=0.95, upper=0.98), (0.95, 0.98)),
        (Estimate("percent-range", "5 %", lower=0.05, upper=0.05), (0.05, 0.05)),
        (Estimate("order-of-magnitude", "< 1 %", upper=0.01, marks=1), (0.001, 0.01)),
        (Estimate("order-of-magnitude", "<< 1 %", upper=0.01, marks=2), (0.0001, 0.001)),
        (Estimate("order-of-magnitude", "<<<< 1 %", upper=0.01, marks=4), (1e-6, 1e-5)),
        (Estimate("word", "classic", lower=0.8, upper=0.99, word="w"), (0.8, 0.99)),
        (Estimate("count", "0 of 10", numerator=0, denominator=10), (0.0, 0.30850)),
        (Estimate("count", "13 of 20", numerator=13, denominator=20), (0.40781, 0.84609)),
    ],
)
def test_an_estimate_is_an_interval(estimate: Estimate, expected: Bounds) -> None:
    assert bounds(estimate) == pytest.approx(expected, abs=5e-6)


def test_a_count_of_nobody_is_no_count() -> None:
    with pytest.raises(ValueError, match="counts 0 of 0"):
        bounds(Estimate("count", "0 of 0", numerator=0, denominator=0))


def test_the_marks_make_bands_that_follow_on_each_other() -> None:
    bands = [bounds(Estimate("order-of-magnitude", upper=0.01, marks=marks)) for marks in range(1, 6)]
    for (lower, upper), (_, next_upper) in itertools.pairwise(bands):
        assert next_upper == pytest.approx(lower)
        assert upper / lower == pytest.approx(MAGNITUDE_BASE)


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 5000).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m))))
def test_a_count_is_its_exact_interval(counted: tuple[int, int]) -> None:
    n, m = counted
    expected = (
        beta.ppf(0.025, n, m - n + 1) if n else 0.0,
        beta.ppf(0.975, n + 1, m - n) if n < m else 1.0,
    )
    lower, upper = bounds(Estimate("count", numerator=n, denominator=m))
    assert (lower, upper) == pytest.approx(expected, abs=1e-9)
    assert lower <= n / m <= upper


def test_every_claim_of_the_graph_has_bounds(knowledge: Knowledge) -> None:
    forms = set()
    for claim in knowledge.claims.values():
        lower, upper = bounds(claim.estimate)
        assert 0 <= lower <= upper <= 1
        assert ((lower, upper) == UNKNOWN) == (claim.estimate.form == "not-stated"), claim.iri
        forms.add(claim.estimate.form)
    assert forms >= {"percent-range", "order-of-magnitude", "word", "not-stated"}
