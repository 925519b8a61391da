"""Made-up cases for benchmarks: the same every time, as many as asked for, and sound by the shapes."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice
from pathlib import Path

import pyoxigraph
import pytest

from benchmarks.made_up_cases import NAMESPACE, SOURCE, Draw, made_up
from mskgraph import KnowledgeGraph, ontology
from mskgraph.store import EmbeddedStore, query_text
from mskgraph.terms import iri

CASES_GRAPH = "https://example.org/cases"


def text(triples: int, seed: int = 1) -> str:
    return "".join(made_up(triples, KnowledgeGraph.open().knowledge, seed))


def test_the_same_number_and_seed_give_the_same_bytes() -> None:
    assert text(3_000) == text(3_000)
    assert text(3_000) != text(3_000, seed=2)


def test_fewer_cases_are_the_first_of_more() -> None:
    assert text(5_000).startswith(text(2_000))


@pytest.mark.parametrize("triples", [1, 100, 20_000])
def test_there_are_as_many_triples_as_asked_for_and_none_twice(triples: int) -> None:
    lines = text(triples).splitlines()
    assert triples <= len(lines) < triples + 60
    assert len(set(lines)) == len(lines)


def test_no_more_is_made_than_is_taken() -> None:
    assert len(list(islice(made_up(10**12, KnowledgeGraph.open().knowledge), 50))) == 50


def test_everything_made_up_is_in_a_namespace_of_its_own() -> None:
    quads = list(pyoxigraph.parse(text(5_000), format=pyoxigraph.RdfFormat.N_TRIPLES))
    assert {quad.subject.value.startswith(NAMESPACE) for quad in quads} == {True}
    pointing = set(map(iri, ("finding", "site", "possibleSite", "morphology", "context", "statedDiagnosis")))
    said = {quad.object.value for quad in quads if quad.predicate.value in pointing}
    assert said <= set(KnowledgeGraph.open().knowledge.concepts)


def test_a_few_concepts_are_common_and_most_are_rare() -> None:
    findings = Counter(line.split()[2] for line in text(60_000).splitlines() if f"<{iri('finding')}>" in line)
    shares = sorted(findings.values(), reverse=True)
    assert len(shares) > 60
    assert sum(shares[:10]) > sum(shares) / 3
    assert shares[len(shares) // 2] < shares[0] / 10


def test_a_draw_gives_the_first_twice_as_often_as_the_second() -> None:
    draw = Draw(["first", "second", "third"], random.Random(1))
    drawn = Counter(draw() for _ in range(11_000))
    assert drawn["first"] == pytest.approx(6_000, rel=0.05)
    assert drawn["second"] == pytest.approx(3_000, rel=0.05)


def test_the_shapes_take_them(tmp_path: Path, seed_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(seed_folder))  # the same shapes, and read in a tenth of the time
    cases = tmp_path / "made-up.ttl"
    cases.write_text(text(2_000), "utf-8")  # N-Triples are Turtle
    assert ontology.check([cases]) == []


def test_queries_about_cases_find_them() -> None:
    kg = KnowledgeGraph.open()
    store = EmbeddedStore()
    store.load(kg.files)
    store.load_triples(text(30_000).encode(), CASES_GRAPH)
    for name in ("cases_with_finding_at_site", "cases_of_a_diagnosis", "cases", "observations", "images"):
        before, after = len(kg.store.answer(query_text(name)).table()[1]), list(store.evaluate(query_text(name)))
        assert len(after) > before, name
    assert list(store.evaluate(query_text("node_facts", node=SOURCE)))
