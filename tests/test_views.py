"""What pages show: rows that carry their sources, and drawings in which nothing moves, overlaps or points backwards."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskgraph import KnowledgeGraph, views
from mskgraph.differential import differential
from mskgraph.graph import Knowledge
from mskgraph.store import query_text, select
from mskgraph.terms import iri
from mskgraph.views import EXPAND_BY, MAX_NODES, Drawing, Exploration, ExplorationResult, Node, explore

pytestmark = pytest.mark.usefixtures("seed")

CALCIFICATION = iri("soft-tissue-calcification")
KINDS = ["finding", "morphology", "site", "context", "diagnosis", "case"]


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return KnowledgeGraph.open().knowledge


@pytest.fixture(scope="module")
def everything(knowledge: Knowledge) -> list[str]:
    return sorted([*knowledge.concepts, *knowledge.cases])


@pytest.fixture(scope="module")
def questions(knowledge: Knowledge) -> list[list[str]]:
    """Every feature by itself, and soft tissue calcification together with every other."""
    told = sorted(c.iri for c in knowledge.concepts.values() if c.kind not in ("diagnosis", "site"))
    return [[f] for f in told] + [[CALCIFICATION, f] for f in told if f != CALCIFICATION]


def places(drawing: Drawing) -> dict[str, tuple[float, float]]:
    return {node.id: (node.x, node.y) for node in drawing.nodes}


def assert_sound(drawing: Drawing) -> None:
    """Ids are unique, edges join what is drawn, nothing is drawn that is not counted."""
    ids = [node.id for node in drawing.nodes]
    assert len(ids) == len(set(ids))
    edges = [edge.id for edge in drawing.edges]
    assert len(edges) == len(set(edges))
    assert not set(ids) & set(edges)
    assert {end for edge in drawing.edges for end in (edge.source, edge.target)} <= set(ids)
    assert len(ids) <= drawing.total_nodes
    assert len(edges) <= drawing.total_edges
    assert all(node.label for node in drawing.nodes)
    assert all(math.isfinite(node.x) and math.isfinite(node.y) for node in drawing.nodes)


def box(node: Node) -> tuple[float, float, float, float]:
    """What a node covers: lines of about 18 characters, 7 pixels a character, 17 pixels a line."""
    lines = max(1, math.ceil(len(node.label) / 18))
    width, height = 7.0 * min(len(node.label), 18) + 16, 17.0 * lines + 12
    return node.x - width / 2, node.x + width / 2, node.y - height / 2, node.y + height / 2


def overlapping(drawing: Drawing) -> list[tuple[str, str]]:
    found = []
    for one, other in itertools.combinations(drawing.nodes, 2):
        left, right, top, bottom = box(one)
        left2, right2, top2, bottom2 = box(other)
        if min(right, right2) - max(left, left2) > 2 and min(bottom, bottom2) - max(top, top2) > 2:
            found.append((one.label, other.label))
    return found


# Numbers in words


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((0.95889, 0.97989), "95.9-98.0 %"),
        ((0.01, 0.02), "1-2 %"),
        ((0.0001, 0.001), "0.01-0.1 %"),
        ((1e-6, 1e-5), "0.0001-0.001 %"),
        ((0.0, 1.0), "not known"),
        ((0.0, 0.98), "0-98.0 %"),
        ((0.05, 0.05), "5 %"),
        ((1.0, 1.0), "100.0 %"),
        ((0.0, 0.0), "0 %"),
        ((0.0, 0.99997), "not known"),
        ((0.3, 0.99997), "30.0-100.0 %"),
        ((0.99997, 1.0), "99.9-100.0 %"),
    ],
)
def test_bounds_as_people_write_them(bounds: tuple[float, float], expected: str) -> None:
    assert views.percent(bounds) == expected


@settings(deadline=None)
@given(st.floats(1e-9, 1), st.floats(1e-9, 1))
def test_bounds_never_show_as_powers_of_ten(one: float, other: float) -> None:
    shown = views.percent((min(one, other), max(one, other)))
    assert "e" not in shown.replace("not known", "")


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((0.95889, 0.97989), "between 95.9 and 98.0 %"),
        ((0.0, 0.02), "at most 2 %"),
        ((0.0, 0.9994), "at most 99.9 %"),
        ((0.0, 0.99997), "not known"),
        ((0.0, 1.0), "not known"),
        ((0.3, 0.99997), "at least 30.0 %"),
        ((0.99997, 1.0), "at least 99.9 %"),
        ((1.0, 1.0), "100.0 %"),
        ((0.05, 0.05), "5 %"),
    ],
)
def test_a_bound_that_says_nothing_is_left_out_of_the_words(bounds: tuple[float, float], expected: str) -> None:
    assert views.bounds_in_words(bounds) == expected


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_only_what_is_certain_reads_as_certain(one: float, other: float) -> None:
    bounds = min(one, other), max(one, other)
    assert ("100.0" in views.bounds_in_words(bounds)) == (bounds[0] == 1.0)


# Differential


def test_words_for_a_report_say_once_what_is_known_of_several(knowledge: Knowledge) -> None:
    said = [phrase.text for phrase in views.impression(knowledge, differential(knowledge, [CALCIFICATION]))]
    first, *others = [c.label for c in differential(knowledge, [CALCIFICATION]).candidates[:4]]
    assert said[1] == f"Leading: {first} (between 95.9 and 98.0 %)."
    assert said[2].startswith(f"Cannot be put behind it: {', '.join(others)} (each at most 98.0 %) and ")


def test_words_for_a_report_say_what_is_not_known(knowledge: Knowledge) -> None:
    said = [p.text for p in views.impression(knowledge, differential(knowledge, [CALCIFICATION, iri("rice-grain")]))]
    assert said[1] == "Leading: dystrophic calcification (of unknown probability)."
    assert "(each of unknown probability)" in said[2]


def test_one_joins_or_leaves_the_first_layer_and_several_join_or_leave_it(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    lines = views.firmness(knowledge, result)
    for variation, line in zip(result.robustness, lines, strict=False):
        for nodes, verb in ((variation.joins, "join"), (variation.leaves, "leave")):
            expected = f" {verb}s the first layer" if len(nodes) == 1 else f" {verb} the first layer"
            assert (expected in line) == bool(nodes)
    moved = [len(nodes) for variation in result.robustness for nodes in (variation.joins, variation.leaves)]
    assert 1 in moved
    assert max(moved) > 1


def test_who_is_ahead_of_a_candidate_is_a_sentence(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    last = next(c for c in result.candidates if c.layer == 2)
    assert "In layer 2: dystrophic calcification is surely more probable." in views.standing(knowledge, result, last)


def test_places_of_the_table_and_of_ties(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    shown = views.places(result)
    assert len(shown) == len(result.candidates)
    for place, candidate in zip(shown, result.candidates, strict=True):
        alone = [c.layer for c in result.candidates].count(candidate.layer) == 1
        assert place == (f"{candidate.layer}" if alone else f"{candidate.layer} =")
    assert {"1 =", "4"} <= set(shown)
    assert views.places(differential(knowledge, [])) == []


def test_rows_of_the_differential(knowledge: Knowledge, questions: list[list[str]]) -> None:
    keys = ["Place", "Diagnosis", "Probability", "How often", "Category", "Why", "Source", "Cases"]
    for present in questions:
        result = differential(knowledge, present)
        rows = views.differential_rows(knowledge, result)
        assert [row["Diagnosis"] for row in rows] == [candidate.label for candidate in result.candidates]
        for row in rows:
            assert list(row) == keys
            assert all(isinstance(text, str) for text in row.values())
            assert all(row.values())
            assert "://" not in " ".join(row.values())


def test_how_often_is_as_the_source_wrote_it(knowledge: Knowledge) -> None:
    rows = views.differential_rows(knowledge, differential(knowledge, [CALCIFICATION]))
    shown = {row["Diagnosis"]: row["How often"] for row in rows}
    assert shown["dystrophic calcification"] == "95-98 %"
    assert shown["tumoral calcinosis"] == "<< 1 %"
    assert shown["cysticercosis"] == "share of dystrophic calcification not stated"
    assert shown["scleroderma"] == "share of dystrophic calcification not stated"
    assert set(shown["hypervitaminosis D"].removeprefix("share of ").removesuffix(" not stated").split(" or ")) == {
        "dystrophic calcification",
        "metastatic calcification",
    }


def test_why_holds_the_step_from_each_feature(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION, iri("rice-grain")])
    words = views.reason(knowledge, next(c for c in result.candidates if c.label == "cysticercosis"))
    assert "rice-grain is typical of cysticercosis." in words
    assert "soft tissue calcification may be caused by dystrophic calcification" in words


def test_every_row_of_evidence_has_a_source(knowledge: Knowledge, questions: list[list[str]]) -> None:
    for present in questions:
        result = differential(knowledge, present)
        for candidate in result.candidates:
            rows = views.evidence_rows(knowledge, candidate)
            assert len(rows) == len(candidate.path)
            for row, step in zip(rows, candidate.path, strict=True):
                assert row["Source"]
                assert (row["Source"] == "by definition") == (step.claim is None)
                assert bool(row["How often"]) == bool(row["Confidence"]) == (step.claim is not None)
        for row in views.path_rows(knowledge, result, views.path_drawing(knowledge, result)):
            assert list(row) == ["From", "Relation", "To", "How often", "Source"]
            assert row["Source"]


def test_a_disputed_claim_names_its_rival(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION, iri("crescentic")])
    candidate = next(c for c in result.candidates if c.label == "dracunculiasis")
    notes = " ".join(row["Note"] for row in views.evidence_rows(knowledge, candidate))
    assert "Contradicted by" in notes


def test_cases_that_show_most_come_first(knowledge: Knowledge) -> None:
    found = views.cases_showing(knowledge, [CALCIFICATION, iri("triceps-tendon-insertion")])
    assert found[0][1] == (CALCIFICATION, iri("triceps-tendon-insertion"))
    assert "triceps" in found[0][0].label
    assert [len(shown) for _, shown in found] == sorted((len(shown) for _, shown in found), reverse=True)
    assert all(CALCIFICATION in shown for _, shown in found)


def test_a_case_at_a_part_shows_the_whole(knowledge: Knowledge) -> None:
    found = views.cases_showing(knowledge, [CALCIFICATION, iri("triceps-tendon")])
    assert found[0][1] == (CALCIFICATION, iri("triceps-tendon"))
    assert views.cases_showing(knowledge, []) == []


# Pictures of paths


def test_paths_are_drawn_from_left_to_right(knowledge: Knowledge, questions: list[list[str]]) -> None:
    backwards = []
    for present in [*questions[::3], [iri("phlebolith")], [CALCIFICATION, iri("phlebolith")]]:
        result = differential(knowledge, present)
        for selected in [None, *(c.iri for c in result.candidates)]:
            for limit in (24, 400):
                drawing = views.path_drawing(knowledge, result, selected, limit)
                assert_sound(drawing)
                at = places(drawing)
                steps = {(edge.source, edge.target) for edge in drawing.edges}
                # A finding and a kind of it, both seen, lead to each other: one of the two has to point back.
                one_way = {(source, target) for source, target in steps if (target, source) not in steps}
                backwards += [
                    (knowledge.label(present[-1]), knowledge.label(source), knowledge.label(target))
                    for source, target in one_way
                    if at[source][0] >= at[target][0]
                ]
    assert backwards == []


def test_no_two_nodes_of_the_graph_of_a_result_overlap(knowledge: Knowledge) -> None:
    edges = [(claim.diagnosis, iri("mayCause"), claim.target) for claim in knowledge.claims.values()]
    for count in (1, 5, 20, 60, len(edges)):
        drawing = views.edges_drawing(knowledge, edges[:count], knowledge.lexicon.labels)
        assert overlapping(drawing) == []
        assert drawing == views.edges_drawing(knowledge, edges[:count], knowledge.lexicon.labels), "it stays as it is"
    apart = [(f"urn:{number}", "urn:p", f"urn:{number}-other") for number in range(30)]
    drawing = views.edges_drawing(knowledge, apart, {})
    assert overlapping(drawing) == []
    wide, high = (max(places) - min(places) for places in zip(*[(n.x, n.y) for n in drawing.nodes], strict=True))
    assert 0.5 < wide / high < 4, "it fills a screen"


def test_no_two_nodes_of_a_picture_of_paths_overlap(knowledge: Knowledge, questions: list[list[str]]) -> None:
    for present in questions:
        assert overlapping(views.path_drawing(knowledge, differential(knowledge, present), None, 400)) == []


def test_the_selected_candidate_is_whole_and_the_rest_is_counted(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    whole = views.path_drawing(knowledge, result, None, 400)
    assert (len(whole.nodes), len(whole.edges)) == (whole.total_nodes, whole.total_edges)
    assert {candidate.iri for candidate in result.candidates} <= set(places(whole))
    for candidate in result.candidates:
        for limit in (1, 10, 24):
            drawing = views.path_drawing(knowledge, result, candidate.iri, limit)
            ids = {node.id for node in drawing.nodes} | {edge.id for edge in drawing.edges}
            assert views.lit_path(knowledge, candidate) <= ids
            assert {step.claim for step in candidate.path if step.claim} <= ids
            assert {step.end for step in candidate.path} | {*candidate.cases} <= ids
            assert (drawing.total_nodes, drawing.total_edges) == (whole.total_nodes, whole.total_edges)
            alone = views.lit_path(knowledge, result.candidates[0]) | views.lit_path(knowledge, candidate)
            assert len(drawing.nodes) <= limit + len(alone)


def test_selecting_a_candidate_moves_nothing(knowledge: Knowledge) -> None:
    for present in ([CALCIFICATION], [CALCIFICATION, iri("rice-grain")], [iri("phlebolith")]):
        result = differential(knowledge, present)
        before = places(views.path_drawing(knowledge, result))
        for candidate in result.candidates:
            drawing = views.path_drawing(knowledge, result, candidate.iri)
            assert before.items() <= places(drawing).items()
            assert overlapping(drawing) == []


def test_other_candidates_follow_while_there_is_room(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    drawing = views.path_drawing(knowledge, result)
    # Those that only share another's mass come last.
    told = sorted(result.candidates, key=lambda c: bool(c.parents) and not views.stands_out(c))
    drawn = [candidate.iri in places(drawing) for candidate in told]
    assert drawn[0]
    assert drawn == sorted(drawn, reverse=True)
    assert len(drawing.nodes) <= views.PATH_NODES < drawing.total_nodes


def test_disputed_steps_are_dashed(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION, iri("crescentic")])
    drawing = views.path_drawing(knowledge, result, iri("dracunculiasis"), 400)
    dashed = {end for edge in drawing.edges if edge.dashed for end in (edge.source, edge.target)}
    disputed = {claim.iri for claim in knowledge.claims.values() if claim.conflicts}
    assert dashed & disputed
    for edge in drawing.edges:
        assert edge.dashed == bool({edge.source, edge.target} & disputed)


def test_a_claim_shows_its_source_and_quantity(knowledge: Knowledge) -> None:
    result = differential(knowledge, [CALCIFICATION])
    drawing = views.path_drawing(knowledge, result)
    row = next(node for node in drawing.nodes if node.id == iri("table-soft-tissue-calcification-row-1"))
    assert row.kind == "claim"
    assert row.label.startswith("95-98 %")
    assert "Source: " in row.detail


def test_no_candidate_no_picture(knowledge: Knowledge) -> None:
    result = differential(knowledge, [iri("ascites")])
    assert views.path_drawing(knowledge, result) == Drawing()
    assert views.differential_rows(knowledge, result) == []


# Explore


def run(knowledge: Knowledge, *shown: str | tuple[str, str], hidden: tuple[str, ...] = ()) -> ExplorationResult:
    return explore(knowledge, Exploration(shown), hidden)


def test_every_first_neighbourhood_is_readable(knowledge: Knowledge, everything: list[str]) -> None:
    crowded = {}
    for node in everything:
        drawing = run(knowledge, node).drawing
        assert_sound(drawing)
        assert node in places(drawing)
        assert len(drawing.nodes) == 1 + min(EXPAND_BY, len(knowledge.neighbourhood(node)) - 1)
        if found := overlapping(drawing):
            crowded[knowledge.label(node)] = found
    assert crowded == {}


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_nothing_moves_when_something_is_added(
    knowledge: Knowledge, everything: list[str], data: st.DataObject
) -> None:
    exploration = Exploration((data.draw(st.sampled_from(everything)),))
    before = explore(knowledge, exploration)
    for _ in range(data.draw(st.integers(1, 6))):
        drawn = sorted(places(before.drawing))
        if data.draw(st.integers(0, 4)) == 0:
            pair = (data.draw(st.sampled_from(drawn)), data.draw(st.sampled_from(everything)))
            exploration = exploration.connect(*pair)
        else:
            exploration = exploration.expand(data.draw(st.sampled_from(drawn)))
        after = explore(knowledge, exploration)
        assert_sound(after.drawing)
        assert len(after.drawing.nodes) <= MAX_NODES
        assert places(before.drawing).items() <= places(after.drawing).items()
        assert {edge.id for edge in before.drawing.edges} <= {edge.id for edge in after.drawing.edges}
        before = after


def test_the_same_exploration_gives_the_same_picture(knowledge: Knowledge) -> None:
    shown = (CALCIFICATION, iri("cysticercosis"), (iri("liver"), iri("phlebolith")))
    assert run(knowledge, *shown) == run(knowledge, *shown)


def test_expanding_again_adds_the_next_neighbours(knowledge: Knowledge) -> None:
    neighbours = set(knowledge.neighbourhood(CALCIFICATION)) - {CALCIFICATION}
    assert len(neighbours) > 2 * EXPAND_BY
    exploration = Exploration(())
    for times in range(1, math.ceil(len(neighbours) / EXPAND_BY) + 1):
        exploration = exploration.expand(CALCIFICATION)
        result = explore(knowledge, exploration)
        assert len(result.drawing.nodes) == 1 + min(times * EXPAND_BY, len(neighbours))
        left = len(neighbours) - len(result.drawing.nodes) + 1
        badge = next(node.badge for node in result.drawing.nodes if node.id == CALCIFICATION)
        assert badge == (f"+{left}" if left else "")
    assert set(places(result.drawing)) == {CALCIFICATION, *neighbours}
    assert explore(knowledge, exploration.expand(CALCIFICATION)).drawing == result.drawing


def test_there_is_room_for_so_many_and_no_more(knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mskgraph.views.exploring.MAX_NODES", 20)
    first = run(knowledge, CALCIFICATION)
    assert first.refused == ""
    second = run(knowledge, CALCIFICATION, CALCIFICATION)
    assert second.drawing == first.drawing
    assert "limit of 20" in second.refused
    assert "Collapse" in second.refused
    assert len(run(knowledge, CALCIFICATION, iri("liver")).drawing.nodes) <= 20


def test_the_limit_holds_in_the_whole_graph(knowledge: Knowledge, everything: list[str]) -> None:
    assert MAX_NODES == 150
    result = run(knowledge, *everything[::4])
    assert len(result.drawing.nodes) <= MAX_NODES
    assert result.drawing.total_nodes >= len(result.drawing.nodes)


def test_collapsing_takes_away_what_a_node_brought(knowledge: Knowledge) -> None:
    one = Exploration((iri("phlebolith"),))
    two = one.expand(CALCIFICATION).expand(CALCIFICATION)
    grown, back = explore(knowledge, two).drawing, explore(knowledge, two.collapse(CALCIFICATION)).drawing
    assert back == explore(knowledge, one).drawing
    assert len(back.nodes) < len(grown.nodes)
    assert two.collapse(iri("phlebolith")).shown[0] == iri("phlebolith")
    assert explore(knowledge, Exploration(())).drawing == Drawing()


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_kinds_are_left_out(knowledge: Knowledge, kind: str) -> None:
    shown = (*[CALCIFICATION] * 4, *[iri("dystrophic-calcification")] * 2, (CALCIFICATION, iri("liver")))
    result = run(knowledge, *shown, hidden=(kind,))
    assert_sound(result.drawing)
    assert kind not in {node.kind for node in result.drawing.nodes}
    assert kind in {node.kind for node in run(knowledge, *shown).drawing.nodes}


def test_a_connection_lights_its_paths(knowledge: Knowledge) -> None:
    start, end = CALCIFICATION, iri("cysticercosis")
    result = run(knowledge, start, (start, end))
    assert result.paths
    assert result.lit is not None
    drawn = set(places(result.drawing)) | {edge.id for edge in result.drawing.edges}
    assert {start, end} <= result.lit <= drawn
    walked = {node for path in result.paths for step in path for node in (step.start, step.end)}
    assert result.lit & set(places(result.drawing)) == walked
    assert any(edge.id in result.lit for edge in result.drawing.edges)
    assert run(knowledge, start).lit is None


def test_the_table_beside_the_graph_has_the_same_edges(knowledge: Knowledge) -> None:
    drawing = run(knowledge, CALCIFICATION, iri("cysticercosis")).drawing
    rows = views.edge_rows(drawing)
    labels = {node.id: node.label for node in drawing.nodes}
    expected = [(labels[edge.source], edge.label, labels[edge.target]) for edge in drawing.edges]
    assert [tuple(row.values()) for row in rows] == expected
    assert rows
    assert all(all(row.values()) for row in rows)


def test_neighbours_are_listed_with_their_sources(knowledge: Knowledge, everything: list[str]) -> None:
    for node in everything:
        rows = views.relation_rows(knowledge, node)
        assert len(rows) == len(knowledge.steps(node))
        for row, step in zip(rows, knowledge.steps(node), strict=True):
            assert row["Concept"] == knowledge.label(step.end)
            assert bool(row["Source"]) == bool(step.claim)


# Cases and model


def test_a_case_is_drawn_with_what_it_shows_and_what_it_is(knowledge: Knowledge) -> None:
    backwards = []
    for case in knowledge.cases.values():
        drawing, paths = views.case_drawing(knowledge, case)
        assert_sound(drawing)
        drawn = places(drawing)
        assert case.iri in drawn
        assert case.features - set(case.contexts) <= set(drawn)
        assert {node for path in paths for step in path for node in (step.start, step.end)} <= set(drawn)
        reached = {path[-1].end for path in paths}
        stated = {*case.diagnoses, *(c for c in case.causes if knowledge.kind(c) == "diagnosis")}
        assert stated <= reached
        at = places(drawing)
        backwards += [edge.id for edge in drawing.edges if at[edge.source][0] >= at[edge.target][0]]
        assert overlapping(drawing) == []
    assert backwards == []


def test_rows_of_cases(knowledge: Knowledge) -> None:
    cases = list(knowledge.cases.values())
    rows = views.case_rows(knowledge, cases)
    assert [row["Case"] for row in rows] == [case.label for case in cases]
    assert all(row["Findings"] for row in rows)
    assert sum(int(row["Images"]) for row in rows) == 17
    for case in cases:
        seen = views.observation_rows(knowledge, case)
        assert len(seen) == len(case.observations)
        assert {row["Seen"] for row in seen} <= {"present", "absent"}
    ambiguous = [row for case in cases for row in views.observation_rows(knowledge, case) if " or " in row["Site"]]
    assert ambiguous
    assert all(row["Note"] for row in ambiguous)


def test_the_schema_is_drawn_with_counts(knowledge: Knowledge) -> None:
    store = KnowledgeGraph.open().store
    relations = select(store, query_text("schema_relations"))
    rows = [
        row | {"label": knowledge.relations[row["relation"]].label}
        for row in relations
        if row["relation"] in knowledge.relations
    ]
    counts = {row["class"]: row["individuals"] for row in select(store, query_text("class_counts"))}
    drawing = views.schema_drawing(rows, counts)
    assert_sound(drawing)
    assert {node.label for node in drawing.nodes} == {kind.capitalize() for kind in KINDS}
    assert all(int(node.badge) > 0 for node in drawing.nodes)
    shown = "\n".join(edge.label for edge in drawing.edges)
    assert "may cause" in shown
    assert all(f"({row['uses']})" in shown for row in rows)
    assert overlapping(drawing) == []
