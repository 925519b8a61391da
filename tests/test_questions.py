"""Competency questions: each stored query that people are offered gives the answer that the literature gives."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pyoxigraph
import pytest

from mskgraph import KnowledgeGraph
from mskgraph.store import Row, query_names, query_text, select
from mskgraph.terms import curie, iri

FOLDER = Path(__file__).parent / "data" / "questions"
PEOPLE = ("radiologist", "teacher", "informatician")


def expectations() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(FOLDER.glob("*.toml")):
        for name, expected in tomllib.loads(file.read_text("utf-8")).items():
            assert name not in found, f"{name} is expected twice"
            found[name] = expected
    return found


EXPECTED = expectations()


def asked_by(name: str) -> str:
    return query_text(name).splitlines()[2].removeprefix("# for: ")


def holds(row: Row, wanted: dict[str, str]) -> bool:
    """Whether a row has these values; IRIs are wanted as CURIEs."""
    return all(wanted[name] in (row.get(name), curie(row.get(name, ""))) for name in wanted)


def test_there_are_at_least_sixty_questions_and_everybody_asks_some() -> None:
    asked = [asked_by(name) for name in EXPECTED]
    assert len(asked) >= 60
    assert all(asked.count(person) >= 15 for person in PEOPLE)


def test_every_question_of_a_person_has_an_expected_answer() -> None:
    assert {name for name in query_names() if asked_by(name) != "program"} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_answer_is_that_of_the_literature(name: str) -> None:
    expected = EXPECTED[name]
    assert set(expected) <= {"contains", "lacks", "at_least", "is"}
    assert expected.get("contains") or "is" in expected
    store = KnowledgeGraph.open().store
    answer = store.answer(query_text(name))
    if answer.kind == "ask":
        assert json.loads(answer.body)["boolean"] is expected["is"]
        return
    if answer.kind == "graph":
        triples = {
            (quad.subject.value, quad.predicate.value, getattr(quad.object, "value", ""))
            for quad in pyoxigraph.parse(answer.body, format=pyoxigraph.RdfFormat.N_TRIPLES)
        }
        assert {tuple(map(iri, wanted)) for wanted in expected["contains"]} <= triples
        return
    rows = select(store, query_text(name))
    for wanted in expected["contains"]:
        assert any(holds(row, wanted) for row in rows), wanted
    for unwanted in expected.get("lacks", ()):
        assert not any(holds(row, unwanted) for row in rows), unwanted
    assert len(rows) >= expected.get("at_least", 1)
