"""The page Query: examples, answers in every form, and what is refused, without a browser."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mskgraph import KnowledgeGraph
from mskgraph.store import example, examples, query_text
from mskgraph.terms import iri
from mskgraph.ui.server import MAIN
from mskgraph.ui.snippets import as_curl, as_python
from mskgraph.views import MAX_NODES, ResultTable, edges_drawing, triples_drawing
from tests.app_process import RunningApp

pytestmark = pytest.mark.usefixtures("seed")

ALL = "SELECT ?s ?o WHERE { ?s skos:broader ?o } ORDER BY ?s ?o"


def page(query: str = "", **parameters: str) -> AppTest:
    """The page as it is when an address with a query is opened."""
    app = AppTest.from_file(str(MAIN), default_timeout=30)
    app.switch_page("screens/50_query.py")
    if query:
        app.query_params["q"] = query
    for name, value in parameters.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    return "\n".join(str(part.value) for kind in ("markdown", "error", "info", "warning") for part in app.get(kind))


@pytest.fixture(autouse=True)
def no_leftover(seed: Path) -> Iterator[None]:
    yield
    KnowledgeGraph.open().worker.close()


def test_the_page_opens_with_a_query_to_start_from() -> None:
    app = page()
    assert "Run this query" in texts(app)
    shown = [button.label for button in app.button if str(button.key).startswith("example ")]
    assert len(shown) == len(examples())


def test_examples_are_found_by_words_and_by_persona() -> None:
    app = page()
    app.text_input(key="example_search").set_value("sensitive signs").run()
    assert [b.label for b in app.button if str(b.key).startswith("example ")] == ["Most sensitive signs of a diagnosis"]
    app.text_input(key="example_search").set_value("").run()
    app.selectbox(key="example_persona").set_value("teacher").run()
    titles = {b.label for b in app.button if str(b.key).startswith("example ")}
    assert len(titles) == sum(each.persona == "teacher" for each in examples())
    app.text_input(key="example_search").set_value("zzz").run()
    assert "0 of" in texts(app)
    assert "Take fewer words" in texts(app)


def test_an_example_is_put_into_the_editor() -> None:
    app = page()
    app.button(key="example kind_of_tree").click().run()
    assert app.session_state["query_text"] == example("kind_of_tree").text
    assert "query_ran" not in app.session_state


def test_a_link_runs_its_query_and_shows_labels_for_iris() -> None:
    app = page("SELECT ?d WHERE { VALUES ?d { msk:cysticercosis <http://example.org/x> } } ORDER BY ?d")
    assert "2 rows in" in texts(app)
    assert list(app.dataframe[0].value["d"]) == ["http://example.org/x", "cysticercosis"]
    app.toggle(key="query_iris").set_value(True).run()
    assert list(app.dataframe[0].value["d"]) == ["http://example.org/x", "msk:cysticercosis"]


def test_numbers_are_numbers_and_can_be_drawn() -> None:
    app = page("SELECT ?name ?n WHERE { VALUES (?name ?n) { ('a' 2) ('b' 10) ('c' 1.5) } }")
    frame = app.dataframe[0].value
    assert list(frame["n"]) == [2, 10, 1.5]
    assert frame["n"].dtype.kind == "f"
    assert app.get("button_group")[0].options == ["Table", "Chart", "Raw"]


def test_yes_or_no() -> None:
    assert "**Yes**" in texts(page("ASK { msk:cysticercosis a msk:Diagnosis }"))
    assert "**No**" in texts(page("ASK { msk:cysticercosis a msk:Finding }"))


def test_a_graph_is_a_table_too() -> None:
    app = page("DESCRIBE msk:cysticercosis")
    assert "triples in" in texts(app)
    assert set(app.dataframe[0].value["subject"]) == {"cysticercosis"}


def test_nothing_found_is_said() -> None:
    assert "Nothing fits" in texts(page("SELECT * { ?s msk:nothing ?o }"))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * {", "cannot be read"),
        ("INSERT DATA { <http://x/a> <http://x/b> 1 }", "This is an update"),
        ("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", "SERVICE is not allowed"),
        ("<script>alert(1)</script>", "cannot be read"),
    ],
)
def test_what_cannot_be_run_is_told(query: str, said: str) -> None:
    app = page(query)
    assert said in texts(app).replace("\\", "")
    assert "<script>" not in texts(app)
    assert app.session_state["query_text"] == query


def test_a_query_that_takes_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSKGRAPH_QUERY_TIMEOUT", "0.5")
    app = page("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }")
    assert "stopped after 0.5 s" in texts(app).replace("\\", "")


def test_more_rows_than_are_shown_is_said() -> None:
    numbers = " ".join(map(str, range(101)))
    app = page(f"SELECT * {{ VALUES ?a {{ {numbers} }} VALUES ?b {{ {numbers} }} }}")
    assert "The first 10000 rows" in texts(app)
    assert len(app.dataframe[0].value) == 10_000


# What is made of an answer


def select(query: str) -> ResultTable:
    return ResultTable.of(json.loads(KnowledgeGraph.open().store.answer(query).body))


def test_edges_are_taken_from_the_variables_that_name_ends() -> None:
    table = select("SELECT ?x ?to ?relation ?from { VALUES (?x ?to ?relation ?from) { (msk:x msk:a msk:r msk:b) } }")
    assert table.edges() == [(iri("b"), iri("r"), iri("a"))]
    assert select("SELECT ?d ?l { VALUES (?d ?l) { (msk:a 'b') } }").edges() == []
    assert select("SELECT ?d ?e { VALUES (?d ?e) { (msk:a msk:b) (msk:a UNDEF) } }").edges() == [
        (iri("a"), "", iri("b"))
    ]


def test_a_drawing_says_how_much_of_it_is_shown() -> None:
    knowledge = KnowledgeGraph.open().knowledge
    many = [(iri("gout"), iri("p"), f"http://x/{number}") for number in range(400)]
    drawing = edges_drawing(knowledge, many, {iri("p"): "relates to"})
    assert (len(drawing.nodes), drawing.total_nodes, drawing.total_edges) == (MAX_NODES, 401, 400)
    assert {edge.label for edge in drawing.edges} == {"relates to"}
    assert len({(node.x, node.y) for node in drawing.nodes}) == MAX_NODES
    assert edges_drawing(knowledge, many, {}) == edges_drawing(knowledge, many, {}), "the same looks the same"


def test_a_triple_with_a_text_is_the_text_of_its_node() -> None:
    knowledge = KnowledgeGraph.open().knowledge
    triples = KnowledgeGraph.open().store.answer("DESCRIBE msk:cysticercosis").triples()
    drawing = triples_drawing(knowledge, triples, {})
    node = next(node for node in drawing.nodes if node.id == iri("cysticercosis"))
    assert node.kind == "diagnosis"
    assert "prefLabel: cysticercosis" in node.detail


@pytest.mark.parametrize("name", ["causes_of_finding", "kind_of_tree", "class_counts"])
def test_labels_are_found_for_what_is_no_concept(name: str) -> None:
    table = select(query_text(name))
    labels = KnowledgeGraph.open().labels(table.iris() | {"http://example.org/nothing", "not an iri"})
    assert labels.keys() >= {term for term in table.iris() if term.startswith(iri("msk:"))}
    assert "http://example.org/nothing" not in labels


# Use elsewhere

HOSTILE = "SELECT ?x { VALUES ?x { \"it's\" 'a \\\\ b' '$(id)' '`id`' \"'''\" } } ORDER BY ?x"


def test_the_curl_command_asks_the_same(app: RunningApp) -> None:
    command = as_curl(f"{app.url}/sparql", HOSTILE, "text/csv")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    assert sorted(done.stdout.splitlines()[1:]) == sorted(["it's", "a \\ b", "$(id)", "`id`", "'''"])


@pytest.mark.parametrize("query", [HOSTILE, "SELECT ?x { VALUES ?x { 1 2 } }"])
def test_the_python_program_asks_the_same(app: RunningApp, query: str) -> None:
    for media in ("text/csv", "text/turtle"):
        asked = query if media == "text/csv" else "DESCRIBE msk:cysticercosis"
        program = as_python(f"{app.url}/sparql", asked, media)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
        assert ("x" in done.stdout) if media == "text/csv" else ("skos:prefLabel" in done.stdout)
