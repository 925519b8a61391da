"""The engines of others that stand in for any SPARQL endpoint: they run, and every query means the same on them.

What is wrong with them is told in docs/engines.md; each fault is held here, so that a mended engine is noticed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from rdflib import Graph
from rdflib.compare import isomorphic

from mskgraph import KnowledgeGraph
from mskgraph.store import ASSERTED_GRAPH, DERIVED_GRAPH, EmbeddedStore, query_names, query_text
from tests.engines import Engine, EngineMissing, bulk_load, update, virtuoso_server
from tests.test_queries import Row, embedded_rows, json_value, small_store

pytestmark = pytest.mark.xdist_group("engines")

EX = "http://example.org/"
GRAPH = f"{EX}graph"
SMALL = (f"{EX}small/asserted", f"{EX}small/derived")
WHOLE = (ASSERTED_GRAPH, DERIVED_GRAPH)

TABLE = "application/sparql-results+json"
TRIPLES = "application/n-triples"


@pytest.fixture(scope="module", params=["oxigraph", "virtuoso"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(f"{request.param}_engine")
    return found


def ask(engine: Engine, query: str, *graphs: str, accept: str = TABLE) -> httpx.Response:
    form = {"query": query, "default-graph-uri": list(graphs)}
    return httpx.post(engine.query_url, data=form, headers={"Accept": accept}, timeout=60)


def rows(engine: Engine, query: str, *graphs: str) -> Counter[Row]:
    answer = ask(engine, query, *graphs)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]["bindings"]
    return Counter(frozenset((name, json_value(term)) for name, term in row.items()) for row in found)


# The servers


def test_an_engine_takes_updates_and_answers(engine: Engine) -> None:
    graph = f"{EX}updates"
    update(engine, f'INSERT DATA {{ GRAPH <{graph}> {{ <{EX}a> <{EX}b> "µ 中"@en , 1 , <{EX}c> }} }}')
    answer = ask(engine, f"SELECT ?x {{ GRAPH <{graph}> {{ <{EX}a> <{EX}b> ?x }} }}")
    assert answer.headers["content-type"].partition(";")[0] == TABLE
    values = {(term["x"]["value"], term["x"].get("xml:lang")) for term in answer.json()["results"]["bindings"]}
    assert values == {("µ 中", "en"), ("1", None), (f"{EX}c", None)}
    update(engine, f"CLEAR GRAPH <{graph}>")
    assert not rows(engine, "SELECT * { ?s ?p ?o }", graph)


def test_an_engine_loads_a_file(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "with space.nt"
    file.write_text("".join(f'<{EX}s{n}> <{EX}p> "no {n}" .\n' for n in range(20_000)), "utf-8")
    graph = f"{EX}loaded"
    for _ in range(2):  # the second time, too, it is read
        bulk_load(engine, file, graph)
        assert len(rows(engine, "SELECT ?s { ?s ?p ?o }", graph)) == 20_000
        update(engine, f"CLEAR GRAPH <{graph}>")


def test_an_engine_says_that_a_file_is_broken(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "broken.nt"
    file.write_text(f"<{EX}a> <{EX}b> <{EX}c> .\nnonsense\n")
    with pytest.raises(RuntimeError, match="did not load"):
        bulk_load(engine, file, f"{EX}broken")


def test_virtuoso_refuses_who_has_no_right(virtuoso_engine: Engine) -> None:
    change = {"update": f"INSERT DATA {{ GRAPH <{GRAPH}> {{ <{EX}a> <{EX}b> <{EX}c> }} }}"}
    wrong = httpx.DigestAuth("dba", "dba")
    assert httpx.post(virtuoso_engine.update_url, data=change).status_code == 401
    assert httpx.post(virtuoso_engine.update_url, data=change, auth=wrong).status_code == 401
    assert httpx.post(virtuoso_engine.query_url, data=change).is_error
    assert not rows(virtuoso_engine, "SELECT * { ?s ?p ?o }", GRAPH)


# The package's queries


def whole_store() -> EmbeddedStore:
    store = KnowledgeGraph.open().store
    assert isinstance(store, EmbeddedStore)
    return store


@pytest.fixture(scope="module")
def knowledge(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """An engine that holds the knowledge, and the small ontology in other graphs."""
    folder = tmp_path_factory.mktemp("triples")
    for store, graphs in ((whole_store(), WHOLE), (small_store(), SMALL)):
        for source, target in zip(WHOLE, graphs, strict=True):
            file = folder / "graph.nt"
            file.write_bytes(store.triples_of(source))
            bulk_load(engine, file, target)
    return engine


@pytest.mark.parametrize("name", query_names())
def test_a_query_gives_the_same_on_an_engine(knowledge: Engine, name: str) -> None:
    check(knowledge, query_text(name), whole_store(), WHOLE)
    check(knowledge, query_text(name), small_store(), SMALL)


@cache
def expected_rows(query: str, store: EmbeddedStore) -> Counter[Row]:
    return embedded_rows(query, store)


def check(engine: Engine, query: str, store: EmbeddedStore, graphs: Sequence[str]) -> None:
    """Compare with the embedded engine, which test_queries compares with rdflib."""
    expected = store.answer(query)
    if expected.kind == "select":
        assert rows(engine, query, *graphs) == expected_rows(query, store)
    elif expected.kind == "graph":
        answer = ask(engine, query, *graphs, accept=TRIPLES)
        assert answer.status_code == 200, answer.text
        found = Graph().parse(data=answer.text, format="nt")
        assert isomorphic(found, Graph().parse(data=expected.body, format="nt"))
    else:
        assert ask(engine, query, *graphs).json()["boolean"] == (b"true" in expected.body)


# What is wrong with Virtuoso


class Fault(NamedTuple):
    """A query that Virtuoso answers wrongly.

    :ivar data: Turtle without prefixes, in which a colon begins each name
    :ivar query: written the obvious way
    :ivar rows: how many rows it has
    :ivar found: what Virtuoso gives instead: a number of rows, or a part of its refusal
    :ivar instead: the same question in a form that it answers
    """

    data: str
    query: str
    rows: int
    found: int | str
    instead: str = ""


CASES = (
    ":o1 :finding :k ; :site :s1 . :o2 :finding :k ; :site :s2 . :o3 :finding :k ; :other :s3 . "
    ":o4 :finding :j ; :other :s3 . :j :broader :k . :l :broader :k ."
)
DIAMOND = ":a :p :b , :c . :b :p :d . :c :p :d ."
OTHERS = ":x :p :t ; :q :t , :u . :y :p :t ; :q :t , :u ."

FAULTS = {
    "a path loses rows that begin at the same node": Fault(
        CASES,
        "SELECT ?o ?site { ?o :finding ?k ; :site|:other ?site . ?k :broader* :k }",
        4,
        1,
        "SELECT DISTINCT ?o ?site { ?o :finding ?k ; :site|:other ?site . ?k (:broader|^:narrower)* :k }",
    ),
    "a path that can be walked in two ways gives its end twice": Fault(
        DIAMOND, "SELECT ?x { :a :p+ ?x }", 3, 4, "SELECT DISTINCT ?x { :a :p+ ?x }"
    ),
    "a path open at both ends is refused": Fault(
        DIAMOND, "SELECT ?x ?y { ?x :p+ ?y }", 5, "transitive start not given"
    ),
    "two paths one after the other are refused": Fault(
        DIAMOND,
        "SELECT DISTINCT ?x { VALUES ?s { :a } ?s :p* ?between . ?between :p+ ?x }",
        3,
        "neither end of it is bound",
        "SELECT DISTINCT ?x { :a :p* ?between . ?between :p+ ?x }",
    ),
    "a FILTER inside OPTIONAL does not know what VALUES gives": Fault(
        OTHERS,
        "SELECT ?x ?o { VALUES ?t { :t } ?x :p ?t OPTIONAL { ?x :q ?o FILTER(?o != ?t) } }",
        2,
        4,
        "SELECT ?x ?o { ?x :p ?t OPTIONAL { ?x :q ?o FILTER(?o != ?t) } VALUES ?t { :t } }",
    ),
    "whole numbers are divided without a rest": Fault(
        DIAMOND,
        "SELECT ?half { BIND(1 / 2 AS ?half) FILTER(?half > 0) }",
        1,
        0,
        "SELECT ?half { BIND(1.0 * 1 / 2 AS ?half) FILTER(?half > 0) }",
    ),
    "a division by nothing is an error of the whole query": Fault(
        DIAMOND, "SELECT ?x ?v { :a :p ?x BIND(1 / 0 AS ?v) }", 2, "Division by 0"
    ),
    "a number without a value counts as bound": Fault(
        DIAMOND,
        "SELECT ?x ?v { :a :p ?x OPTIONAL { ?x :q ?n } BIND(ROUND(COALESCE(?n / 2, ?n)) AS ?v) FILTER(BOUND(?v)) }",
        0,
        2,
        "SELECT ?x ?v { :a :p ?x OPTIONAL { ?x :q ?n } BIND(ROUND(COALESCE(?n / 2, ?n)) AS ?v) FILTER(BOUND(?n)) }",
    ),
}


@pytest.fixture(scope="module")
def empty_virtuoso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A server of its own, for what Virtuoso answers depends on what else it holds."""
    try:
        with virtuoso_server(tmp_path_factory.mktemp("empty")) as engine:
            yield engine
    except EngineMissing as error:
        pytest.fail(str(error))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_virtuoso(name: str, empty_virtuoso: Engine, oxigraph_engine: Engine) -> None:
    fault = FAULTS[name]
    graph = f"{EX}fault"
    for engine in (empty_virtuoso, oxigraph_engine):
        update(engine, f"CLEAR SILENT GRAPH <{graph}>")
        update(engine, f"PREFIX : <{EX}> INSERT DATA {{ GRAPH <{graph}> {{ {fault.data} }} }}")
    query = f"PREFIX : <{EX}> {fault.query}"
    assert rows(oxigraph_engine, query, graph).total() == fault.rows
    answer = ask(empty_virtuoso, query, graph)
    if isinstance(fault.found, str):
        assert answer.is_error, "mended? Then tell so in docs/engines.md"
        assert fault.found in answer.text
    else:
        found = answer.json()["results"]["bindings"]
        assert len(found) == fault.found, "mended? Then tell so in docs/engines.md"
    if fault.instead:
        instead = f"PREFIX : <{EX}> {fault.instead}"
        assert rows(empty_virtuoso, instead, graph) == rows(oxigraph_engine, instead, graph)
        assert rows(oxigraph_engine, instead, graph).total() == fault.rows
