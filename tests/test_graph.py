"""The graph of concepts: neighbourhoods and paths against networkx, and paths in words."""

from __future__ import annotations

import itertools
import tempfile
from collections import defaultdict
from pathlib import Path

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mskgraph import KnowledgeGraph, ontology
from mskgraph.errors import MskGraphError, UnknownTerm
from mskgraph.graph import BROADER, HAS_PART, NARROWER, PART_OF, Knowledge, Step, build
from mskgraph.graph import Path as GraphPath
from mskgraph.store import open_store, select
from mskgraph.terms import iri
from tests import small_ontology as made_up

pytestmark = pytest.mark.usefixtures("seed")

CALCIFICATION = iri("soft-tissue-calcification")
CYSTICERCOSIS = iri("cysticercosis")
RICE_GRAIN = iri("rice-grain")

SAMPLE = [
    ("soft-tissue-calcification", "cysticercosis"),
    ("phlebolith", "dystrophic-calcification"),
    ("triceps-tendon-insertion", "tendinopathy"),
    ("crescentic", "dracunculiasis"),
    ("case-ramsey-2017-2", "dystrophic-calcification"),
    ("joint-effusion", "elbow-joint"),
    ("old-injury", "heterotopic-ossification"),
    ("scleroderma", "dermatomyositis"),
    ("venous-thrombosis", "soft-tissue-haemangioma"),
    ("liver", "human-body"),
]


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return KnowledgeGraph.open().knowledge


@pytest.fixture(scope="module")
def undirected(knowledge: Knowledge) -> networkx.Graph:
    return networkx.Graph(knowledge.to_networkx().to_undirected())


def nodes_of(path: GraphPath) -> tuple[str, ...]:
    return (path[0].start, *(step.end for step in path))


def back(knowledge: Knowledge, step: Step) -> Step:
    return Step(step.end, knowledge.relations[step.relation].inverse, step.start, step.claim)


# Neighbourhood


def test_distances_are_those_of_networkx(knowledge: Knowledge, undirected: networkx.Graph) -> None:
    assert set(undirected) == {*knowledge.concepts, *knowledge.cases}
    for hops in range(4):
        for node in undirected:
            expected = networkx.single_source_shortest_path_length(undirected, node, cutoff=hops)
            assert knowledge.neighbourhood(node, hops) == expected


def test_counts_per_relation_add_up_to_the_neighbours(knowledge: Knowledge, undirected: networkx.Graph) -> None:
    for node in undirected:
        expected = defaultdict(set)
        for step in knowledge.edges:
            if step.start == node:
                expected[step.relation].add(step.end)
            if step.end == node:
                expected[knowledge.relations[step.relation].inverse].add(step.start)
        counts = knowledge.relation_counts(node)
        assert counts == {relation: len(ends) for relation, ends in expected.items()}
        assert {step.end for step in knowledge.steps(node)} == set(undirected[node]) - {node}


def test_counts_of_a_known_node(knowledge: Knowledge) -> None:
    counts = knowledge.relation_counts(iri("phlebolith"))
    assert counts[iri("mayBeCausedBy")] == 2
    assert counts[BROADER] == 1


def test_every_step_has_its_way_back(knowledge: Knowledge) -> None:
    for node in (*knowledge.concepts, *knowledge.cases):
        for step in knowledge.steps(node):
            assert step.start == node
            assert back(knowledge, step) in knowledge.steps(step.end)


def test_relations_are_inverse_to_each_other(knowledge: Knowledge) -> None:
    for relation in knowledge.relations.values():
        assert knowledge.relations[relation.inverse].inverse == relation.iri
        assert relation.label
    assert knowledge.relations[BROADER].inverse == NARROWER
    assert knowledge.relations[PART_OF].inverse == HAS_PART


# Paths


@pytest.mark.parametrize(("start", "end"), SAMPLE)
def test_paths_are_the_simple_paths_of_networkx(
    knowledge: Knowledge, undirected: networkx.Graph, start: str, end: str
) -> None:
    first, last = iri(start), iri(end)
    for cutoff in (1, 2, 3):
        expected = {tuple(path) for path in networkx.all_simple_paths(undirected, first, last, cutoff=cutoff)}
        found = [nodes_of(path) for path in knowledge.paths(first, last, cutoff, limit=1000)]
        assert len(expected) < 1000
        assert len(found) == len(set(found))
        assert set(found) == expected
        assert [len(path) for path in found] == sorted(len(path) for path in found)


def test_the_sample_has_paths(knowledge: Knowledge) -> None:
    found = [knowledge.paths(iri(start), iri(end), 3, limit=1000) for start, end in SAMPLE]
    assert sum(map(bool, found)) >= 8
    assert max(map(len, found)) >= 10


@pytest.mark.parametrize(("start", "end"), SAMPLE)
def test_a_path_walks_edges_and_repeats_no_node(knowledge: Knowledge, start: str, end: str) -> None:
    edges = set(knowledge.edges)
    for path in knowledge.paths(iri(start), iri(end), max_length=4, limit=50):
        assert len(set(nodes_of(path))) == len(path) + 1
        assert (path[0].start, path[-1].end) == (iri(start), iri(end))
        assert all(before.end == after.start for before, after in itertools.pairwise(path))
        assert all(step in edges or back(knowledge, step) in edges for step in path)


def test_a_limit_keeps_the_shortest(knowledge: Knowledge) -> None:
    everything = knowledge.paths(CALCIFICATION, CYSTICERCOSIS, 3, limit=1000)
    for limit in (1, 2, 5, 10):
        assert knowledge.paths(CALCIFICATION, CYSTICERCOSIS, 3, limit) == everything[:limit]


def test_no_path_within_too_few_steps(knowledge: Knowledge) -> None:
    assert knowledge.paths(CALCIFICATION, CYSTICERCOSIS, max_length=1) == []
    assert knowledge.paths(CALCIFICATION, CALCIFICATION) == []


def test_only_the_relations_asked_for_are_walked(knowledge: Knowledge) -> None:
    asked = [iri("mayLookLike"), iri("typicalMorphology")]
    both_ways = {r for relation in asked for r in (relation, knowledge.relations[relation].inverse)}
    found = knowledge.paths(CALCIFICATION, CYSTICERCOSIS, 3, 1000, relations=asked)
    assert {step.relation for path in found for step in path} <= both_ways
    unlimited = knowledge.paths(CALCIFICATION, CYSTICERCOSIS, 3, 1000)
    assert set(map(nodes_of, found)) < set(map(nodes_of, unlimited))
    inverses = [knowledge.relations[relation].inverse for relation in asked]
    assert knowledge.paths(CALCIFICATION, CYSTICERCOSIS, 3, 1000, relations=inverses) == found
    assert knowledge.paths(CALCIFICATION, CYSTICERCOSIS, 3, relations=[PART_OF]) == []


def test_forward_walks_edges_only_as_stated(knowledge: Knowledge) -> None:
    stated = networkx.DiGraph(knowledge.to_networkx())
    for start, end in [(CYSTICERCOSIS, CALCIFICATION), (CALCIFICATION, CYSTICERCOSIS), (iri("liver"), iri("trunk"))]:
        found = knowledge.paths(start, end, 3, 1000, direction="forward")
        assert all(step in knowledge.edges for path in found for step in path)
        expected = {tuple(path) for path in networkx.all_simple_paths(stated, start, end, cutoff=3)}
        assert {nodes_of(path) for path in found} == expected
    assert knowledge.paths(CYSTICERCOSIS, CALCIFICATION, 3, direction="forward")
    assert knowledge.paths(CALCIFICATION, CYSTICERCOSIS, 3, direction="forward") == []


def test_an_unknown_end_is_told(knowledge: Knowledge) -> None:
    for start, end in [(CALCIFICATION, iri("nothing")), (iri("nothing"), CALCIFICATION)]:
        with pytest.raises(UnknownTerm):
            knowledge.paths(start, end)


def test_an_unknown_relation_is_told(knowledge: Knowledge) -> None:
    with pytest.raises(MskGraphError):
        knowledge.paths(CALCIFICATION, CYSTICERCOSIS, relations=[iri("nothing")])


# Words


def test_the_rice_grain_route_reads_as_a_sentence(knowledge: Knowledge) -> None:
    routes = knowledge.paths(CALCIFICATION, CYSTICERCOSIS, 2, 100)
    route = next(path for path in routes if nodes_of(path)[1] == RICE_GRAIN)
    expected = "soft tissue calcification may look like rice-grain, which is typical of cysticercosis."
    assert knowledge.words(route) == expected
    assert {step.claim for step in route} <= {
        iri("cysticercosis-rice-grain-seed"),
        iri("cysticercosis-rice-grain-tmcr7"),
    }


def test_a_path_reads_backwards_too(knowledge: Knowledge) -> None:
    routes = knowledge.paths(CYSTICERCOSIS, CALCIFICATION, 2, 100)
    words = [knowledge.words(path) for path in routes]
    assert "cysticercosis may lead to dystrophic calcification, which may cause soft tissue calcification." in words


def test_no_steps_no_words(knowledge: Knowledge) -> None:
    assert knowledge.words(()) == ""


def test_words_hold_labels_and_no_iri(knowledge: Knowledge) -> None:
    for start, end in SAMPLE:
        for path in knowledge.paths(iri(start), iri(end), 3, 20):
            words = knowledge.words(path)
            assert "://" not in words
            assert all(knowledge.label(node) in words for node in nodes_of(path))


# Concepts


def test_ancestors_and_kinds(knowledge: Knowledge) -> None:
    assert {iri("soft-tissue-calcification"), iri("phlebolith")} <= knowledge.ancestors(iri("phlebolith"))
    assert iri("triceps-tendon") in knowledge.ancestors(iri("triceps-tendon-insertion"))
    assert {CYSTICERCOSIS, iri("parasitic-infestation")} <= knowledge.kinds_of(iri("parasitic-infestation"))
    kinds = {c.iri: set(c.parents) for c in knowledge.concepts.values()}
    hierarchy = networkx.DiGraph((child, parent) for child, parents in kinds.items() for parent in parents)
    for concept in knowledge.concepts:
        below = networkx.ancestors(hierarchy, concept) if concept in hierarchy else set()
        assert knowledge.kinds_of(concept) == {concept, *below}


def test_the_networkx_graph_carries_labels_kinds_and_claims(knowledge: Knowledge) -> None:
    graph = knowledge.to_networkx()
    assert graph.number_of_edges() == len(knowledge.edges)
    assert graph.nodes[CYSTICERCOSIS] == {"label": "cysticercosis", "kind": "diagnosis"}
    stated = {(s, t, d["relation"], d["claim"]) for s, t, d in graph.edges(data=True)}
    assert stated == {(e.start, e.end, e.relation, e.claim) for e in knowledge.edges}
    assert all(d["label"] == knowledge.relations[d["relation"]].label for *_, d in graph.edges(data=True))


def test_an_unknown_node_has_no_kind(knowledge: Knowledge) -> None:
    with pytest.raises(UnknownTerm):
        knowledge.kind(iri("nothing"))


def test_each_claim_has_a_source_and_knows_its_rivals(knowledge: Knowledge) -> None:
    for claim in knowledge.claims.values():
        assert claim.source.label
        assert claim.confidence in ("high", "medium", "low")
        assert claim.target in knowledge.concepts
        assert all(claim.iri in knowledge.claims[rival].conflicts for rival in claim.conflicts)
    assert any(claim.conflicts for claim in knowledge.claims.values())


def test_an_ambiguous_site_keeps_both_readings(knowledge: Knowledge) -> None:
    ambiguous = [o for case in knowledge.cases.values() for o in case.observations if len(o.sites) > 1]
    assert {iri("gluteal-tendon"), iri("proximal-hamstring-origin")} in [set(o.sites) for o in ambiguous]
    assert all(o.notes for o in ambiguous)


# Small graphs of any shape

SIZE = 6
HIERARCHY = ("broader", "partOf")
Edges = set[tuple[int, str, int]]

edges_of_any_shape = st.sets(
    st.tuples(
        st.integers(0, SIZE - 1),
        st.sampled_from([*HIERARCHY, "claim", "second claim"]),
        st.integers(0, SIZE - 1),
    ).filter(lambda edge: edge[0] != edge[2]),
    max_size=12,
)


def small_knowledge(edges: Edges) -> Knowledge:
    """Sites 0 to 5 in any hierarchy, and diagnoses 0 to 5 that claims tie to sites."""
    lines = [f"@prefix {prefix}: <{namespace}> ." for prefix, namespace in ontology.PREFIXES.items()]
    lines.append('msk:s a msk:Source ; dcterms:title "source" .')
    for n in range(SIZE):
        lines.append(f'msk:site-{n} a msk:Site ; skos:prefLabel "site {n}"@en .')
        lines.append(f'msk:diagnosis-{n} a msk:Diagnosis ; skos:prefLabel "diagnosis {n}"@en .')
    for start, relation, end in sorted(edges):
        if relation in HIERARCHY:
            prefix = "skos" if relation == "broader" else "msk"
            lines.append(f"msk:site-{start} {prefix}:{relation} msk:site-{end} .")
        else:
            lines.append(
                f"msk:claim-{start}-{end}-{len(relation)} a msk:Association ; msk:diagnosis msk:diagnosis-{start} ;"
                f" msk:feature msk:site-{end} ; msk:estimate msk:not-stated ; dcterms:source msk:s ;"
                " msk:confidence msk:confidence-low ."
            )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "small.ttl"
        file.write_text("\n".join(lines), encoding="utf-8")
        return build(open_store("", [ontology.find() / "schema.ttl", file]))


@settings(deadline=None, max_examples=40)
@given(edges=edges_of_any_shape, start=st.integers(0, SIZE - 1), end=st.integers(0, SIZE - 1))
def test_graphs_of_any_shape(edges: Edges, start: int, end: int) -> None:
    knowledge = small_knowledge(edges)
    typical, broader = iri("typicalSite"), BROADER
    expected = {
        Step(
            iri(f"site-{a}" if relation in HIERARCHY else f"diagnosis-{a}"),
            {"broader": broader, "partOf": PART_OF}.get(relation, typical),
            iri(f"site-{b}"),
            None if relation in HIERARCHY else iri(f"claim-{a}-{b}-{len(relation)}"),
        )
        for a, relation, b in edges
    }
    assert set(knowledge.edges) == expected
    graph = networkx.Graph(knowledge.to_networkx().to_undirected())
    for node in graph:
        for hops in (0, 1, 2, 9):
            distances = networkx.single_source_shortest_path_length(graph, node, cutoff=hops)
            assert knowledge.neighbourhood(node, hops) == distances
    first, last = iri(f"diagnosis-{start}"), iri(f"site-{end}")
    found = knowledge.paths(first, last, max_length=5, limit=1000)
    assert {nodes_of(path) for path in found} == set(map(tuple, networkx.all_simple_paths(graph, first, last, 5)))
    assert [len(path) for path in found] == sorted(len(path) for path in found)
    for site in (iri(f"site-{n}") for n in range(SIZE)):
        up = networkx.DiGraph((e.start, e.end) for e in expected if e.claim is None)
        assert knowledge.ancestors(site) == {site, *(networkx.descendants(up, site) if site in up else ())}


def test_a_case_leads_to_what_is_stated_of_it(knowledge: Knowledge) -> None:
    """Every kind of edge of docs/model.md is there: an unbound variable once took those of cases away."""
    kinds = {(step.relation, knowledge.kind(step.start), knowledge.kind(step.end)) for step in knowledge.edges}
    assert (iri("isCaseOf"), "case", "diagnosis") in kinds
    assert (iri("inContext"), "case", "context") in kinds
    stated = {(case.iri, node) for case in knowledge.cases.values() for node in (*case.diagnoses, *case.causes)}
    walked = {(s.start, s.end) for s in knowledge.edges if s.relation in (iri("isCaseOf"), iri("inContext"))}
    assert stated <= walked


# What is out of use

OUT_OF_USE = """
msk:podagra owl:deprecated true ; dcterms:isReplacedBy msk:gout ; skos:broader msk:gout .
msk:podagra-effusion owl:deprecated true ; dcterms:isReplacedBy msk:gout-effusion-atlas .
msk:case-old owl:deprecated true ; dcterms:isReplacedBy msk:case-new .
"""
SHOWN = """
msk:case-{0} a msk:Case ; dcterms:title "the {0} elbow"@en ; dcterms:description "An elbow."@en ;
    dcterms:source msk:source-atlas ; msk:observation msk:case-{0}-observation ; msk:image msk:image-{0} .
msk:case-{0}-observation a msk:Observation ; msk:finding msk:effusion ; msk:present true .
msk:image-{0} a msk:Image ; dcterms:identifier "{0}" ; dcterms:description "Fluid."@en .
"""
PODAGRA = made_up.diagnosis("podagra", "podagra", ' skos:altLabel "toe gout"@en ;')
USER = made_up.claim("podagra-effusion", msk__diagnosis="msk:podagra")


def with_more(folder: Path, text: str) -> Knowledge:
    """The small ontology with what a text of Turtle says, unchecked."""
    (made_up.small_ontology(folder) / "more.ttl").write_bytes(made_up.turtle(text))
    return build(open_store("", ontology.files(folder)))


def test_what_is_out_of_use_is_no_part_of_the_knowledge(tmp_path: Path) -> None:
    case = SHOWN.format("new")
    expected = with_more(tmp_path / "without", case)
    knowledge = with_more(tmp_path / "with", case + SHOWN.format("old") + PODAGRA + USER + OUT_OF_USE)
    for part in ("concepts", "claims", "cases", "relations", "edges", "_steps"):
        assert getattr(knowledge, part) == getattr(expected, part)
    lexicon = knowledge.lexicon
    assert lexicon.labels == expected.lexicon.labels
    assert lexicon.kinds == expected.lexicon.kinds
    for text in ("podagra", "toe gout", "msk:podagra", iri("podagra")):
        assert lexicon.find(text) == iri("gout")
    assert lexicon.find("the old elbow") == lexicon.find("msk:case-old") == iri("case-new")
    assert lexicon.replaced == {iri("podagra"): iri("gout"), iri("case-old"): iri("case-new")}


def test_what_is_out_of_use_has_no_derived_relations(tmp_path: Path) -> None:
    folder = made_up.small_ontology(tmp_path / "ontology")
    (folder / "more.ttl").write_bytes(
        made_up.turtle(SHOWN.format("new") + SHOWN.format("old") + PODAGRA + USER + OUT_OF_USE)
    )
    store = open_store("", ontology.files(folder))
    rows = select(store, "SELECT ?from ?to { ?from msk:mayCause|msk:showsFinding ?to }")
    assert {row["from"] for row in rows} == {iri("gout"), iri("case-new")}


def test_what_is_marked_but_used_all_the_same_stays(tmp_path: Path) -> None:
    used = USER + "msk:effusion owl:deprecated true ; dcterms:isReplacedBy msk:double-contour ."
    knowledge = with_more(tmp_path / "used", PODAGRA + used + OUT_OF_USE.splitlines()[1])
    assert {iri("podagra"), iri("effusion")} <= knowledge.concepts.keys()
    assert Step(iri("podagra"), iri("mayCause"), iri("effusion"), iri("podagra-effusion")) in knowledge.edges
    assert knowledge.lexicon.find("podagra") == iri("podagra")


@pytest.mark.parametrize("successor", ["", "msk:nothing", "msk:podagra"])
def test_what_is_out_of_use_without_a_successor_leads_nowhere(tmp_path: Path, successor: str) -> None:
    named = f" ; dcterms:isReplacedBy {successor}" if successor else ""
    knowledge = with_more(tmp_path / "lost", f"{PODAGRA} msk:podagra owl:deprecated true{named} .")
    assert iri("podagra") not in knowledge.concepts
    with pytest.raises(UnknownTerm):
        knowledge.lexicon.find("podagra")
