"""The embedded store answers SPARQL over the files and what follows from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mskgraph import KnowledgeGraph, ontology
from mskgraph.errors import OntologyInvalid, QueryError, StoreError
from mskgraph.store import (
    DERIVATIONS,
    DERIVED_GRAPH,
    HISTORY_GRAPH,
    Accepted,
    EmbeddedStore,
    Patch,
    Store,
    open_store,
    query_names,
    query_text,
    select,
)
from mskgraph.terms import iri

TURTLE = """
@prefix msk: <https://w3id.org/mskgraph/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
msk:a msk:p msk:b ; msk:q "two\\nlines"@en , 7 , 0.50 .
"""


@pytest.fixture
def small(tmp_path: Path) -> EmbeddedStore:
    file = tmp_path / "small.ttl"
    file.write_text(TURTLE, encoding="utf-8")
    store = EmbeddedStore()
    store.load([file])
    return store


@pytest.fixture(scope="module")
def store() -> Store:
    return KnowledgeGraph.open().store


# Answers


def test_select_gives_sparql_json(small: EmbeddedStore) -> None:
    answer = small.answer("SELECT ?o WHERE { msk:a msk:p ?o }")
    assert answer.kind == "select"
    assert json.loads(answer.body) == {
        "head": {"vars": ["o"]},
        "results": {"bindings": [{"o": {"type": "uri", "value": iri("b")}}]},
    }


@pytest.mark.parametrize(("query", "expected"), [("ASK { msk:a msk:p msk:b }", True), ("ASK { msk:b ?p ?o }", False)])
def test_ask_gives_sparql_json(small: EmbeddedStore, query: str, expected: bool) -> None:
    answer = small.answer(query)
    assert (answer.kind, json.loads(answer.body)["boolean"]) == ("ask", expected)


@pytest.mark.parametrize("query", ["CONSTRUCT WHERE { ?s msk:p ?o }", "DESCRIBE msk:a"])
def test_a_graph_comes_as_n_triples(small: EmbeddedStore, query: str) -> None:
    answer = small.answer(query)
    assert answer.kind == "graph"
    assert f"<{iri('a')}> <{iri('p')}> <{iri('b')}> ." in answer.body.decode().splitlines()


def test_a_graph_with_no_triples_is_an_empty_text(small: EmbeddedStore) -> None:
    assert small.answer("CONSTRUCT { ?s ?p ?o } WHERE { ?s msk:nothing ?o ; ?p ?o }") == ("graph", b"")


def test_rows_are_plain_text_and_unbound_variables_absent(small: EmbeddedStore) -> None:
    rows = select(small, "SELECT ?v ?w WHERE { msk:a msk:q ?v OPTIONAL { ?v msk:none ?w } }")
    assert sorted(row["v"] for row in rows) == ["0.5", "7", "two\nlines"]
    assert all(set(row) == {"v"} for row in rows)


def test_only_a_select_has_rows(small: EmbeddedStore) -> None:
    with pytest.raises(QueryError, match="SELECT"):
        select(small, "ASK {}")


# Refused


@pytest.mark.parametrize(
    ("query", "line", "column"),
    [("SELECT ?x WHERE { ?x }", 1, 23), ("SELECT ?x\nWHERE {\n  ?x ?p }", 3, 10)],
)
def test_a_syntax_error_has_its_place(small: EmbeddedStore, query: str, line: int, column: int) -> None:
    with pytest.raises(QueryError) as caught:
        small.answer(query)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert f"line {line}, column {column}" in str(caught.value)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT * {\n ?s ?p }", "something is missing or wrong here or just before."),
        ("SELECT * { ?s ?p ?o } LIMIT", "something is missing or wrong here or just before."),
        ("SELECT * { ?s ?p ?o } }", "something is missing or wrong here or just before."),
        ("SELECT * { ?s", "something is missing or wrong here or just before."),
        ("ASK { VALUES ?x 1 }", 'expected "{".'),
        ("SELECT * { ?s ?p ?o", 'expected one of ",", ".", ";", "{", "}".'),
        ("SELECT * { ?a ?b ?c } GROUP BY ?b", "SELECT * is not authorized with GROUP BY."),
        ("SELECT (1 AS ?x) (2 AS ?x) {}", "Duplicated variable name in SELECT."),
        ("ASK { ?a ?b '\\uD800' }", "\\u escape sequence should be followed by hexadecimal digits."),
    ],
)
def test_a_syntax_error_names_what_is_missing_if_the_engine_knows_it(
    small: EmbeddedStore, query: str, reason: str
) -> None:
    """The words of SPARQL that it expects are a few of those that may stand there, or none of them."""
    with pytest.raises(QueryError) as caught:
        small.answer(query)
    assert str(caught.value).partition(": ")[2] == reason


@pytest.mark.parametrize("query", ["", " \n\t", "# SELECT * {}", "PREFIX a: <http://x/>\nBASE <http://x/> # ASK {}"])
def test_a_query_that_asks_nothing_is_told(small: EmbeddedStore, query: str) -> None:
    with pytest.raises(QueryError, match=r"^The query is empty\."):
        small.answer(query)


def test_a_query_is_no_update(small: EmbeddedStore) -> None:
    for query in ("SELECT * {}", "BASE <http://x/> ask {}", "DESCRIBE msk:a", "# LOAD\nCONSTRUCT WHERE {}"):
        with pytest.raises(QueryError, match=r"^This is a query; .*/sparql\."):
            small.update(query)


def test_an_undeclared_prefix_is_told(small: EmbeddedStore) -> None:
    with pytest.raises(QueryError, match=r"(?i)prefix"):
        small.answer("SELECT * WHERE { ?s foo:bar ?o }")


@pytest.mark.parametrize(
    "update",
    [
        "INSERT DATA { <http://x/a> <http://x/p> 1 }",
        "DELETE WHERE { ?s ?p ?o }",
        "DROP ALL",
        "CLEAR ALL",
        "LOAD <http://127.0.0.1:9/x>",
        "CREATE GRAPH <http://x/g>",
        "PREFIX x: <http://x/> WITH x:g INSERT {} WHERE {} # SELECT",
    ],
)
def test_a_query_cannot_change_anything(small: EmbeddedStore, update: str) -> None:
    before = len(small)
    with pytest.raises(QueryError, match=r"^This is an update; .*/sparql/update"):
        small.answer(update)
    assert len(small) == before > 0


def test_the_history_is_made_and_loaded_once_before_the_first_query_that_may_be_about_it() -> None:
    told = []
    store = EmbeddedStore()
    store.accept(Accepted(Patch(), lambda: told.append(1) or "<urn:change> <urn:by> <urn:ada> .\n"))
    assert not select(store, "SELECT * { ?s ?p ?o }")
    assert not told
    for _ in range(2):
        assert len(select(store, f"SELECT * {{ graph <{HISTORY_GRAPH}> {{ ?s ?p ?o }} }}")) == 1
        assert store.graphs() == [HISTORY_GRAPH]
    assert len(told) == 1


def test_a_broken_file_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    good, bad, worse = (tmp_path / name for name in ("good.ttl", "bad.ttl", "worse.ttl"))
    good.write_text(TURTLE, encoding="utf-8")
    bad.write_text(TURTLE + "msk:a msk:p\n", encoding="utf-8")
    worse.write_bytes(b"\xff\xfe")
    store = EmbeddedStore()
    with pytest.raises(OntologyInvalid) as caught:
        store.load([good, bad, worse])
    assert len(store) == 0
    assert [str(problem).split(":")[0] for problem in caught.value.problems] == [str(bad), str(worse)]
    assert "line" in str(caught.value.problems[0])


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/sparql", "file:", "http://", "nonsense"])
def test_an_unknown_kind_of_store_is_told(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url, [])
    assert caught.value.url == url
    assert url in str(caught.value)


# What follows from the files


def test_files_and_derived_triples_are_seen_together(store: Store) -> None:
    assert json.loads(store.answer(f"ASK {{ GRAPH <{DERIVED_GRAPH}> {{ ?s msk:mayCause ?o }} }}").body)["boolean"]
    assert json.loads(store.answer("ASK { ?s msk:mayCause ?o . ?s msk:category ?c }").body)["boolean"]


def test_a_triple_that_is_both_stated_and_derived_counts_once(tmp_path: Path) -> None:
    file = tmp_path / "small.ttl"
    file.write_text(TURTLE, encoding="utf-8")
    store = EmbeddedStore()
    store.load([file])
    store.derive("CONSTRUCT WHERE { ?s msk:p ?o }")
    assert select(store, "SELECT (COUNT(*) AS ?n) WHERE { ?s msk:p ?o }") == [{"n": "1"}]


def test_every_concept_is_typed_by_its_superclasses(store: Store) -> None:
    rows = select(store, "SELECT ?c WHERE { ?c a skos:Concept . FILTER NOT EXISTS { ?c skos:prefLabel ?l } }")
    assert rows == []
    features = {row["c"] for row in select(store, "SELECT ?c WHERE { ?c a msk:Feature }")}
    assert {iri("soft-tissue-calcification"), iri("rice-grain"), iri("tendon"), iri("pain")} <= features
    assert iri("cysticercosis") not in features


def test_the_files_themselves_hold_no_derived_edge() -> None:
    edges = {"mayCause", "typicalMorphology", "typicalSite", "typicalContext", "mayLeadTo", "mayProgressTo"}
    edges |= {"mayLookLike", "mayOccurAt", "showsFinding", "showsSite", "showsMorphology", "inContext", "isCaseOf"}
    stated = {str(p) for p in ontology.read(ontology.files(ontology.find())).predicates()}
    assert stated & {iri(edge) for edge in edges} == set()


def test_an_excluded_feature_gives_no_edge(tmp_path: Path) -> None:
    file = tmp_path / "excluded.ttl"
    claim = "msk:{0} a msk:Association ; msk:diagnosis msk:d ; msk:feature msk:f-{0} ; msk:estimate msk:{0}-estimate ."
    estimate = "msk:{0}-estimate a msk:Estimate ; msk:form msk:form-word ; msk:frequencyWord msk:frequency-{1} ."
    lines = ["@prefix msk: <https://w3id.org/mskgraph/> ."]
    for name, word in (("no", "excluded"), ("yes", "occasional")):
        lines += [f"msk:f-{name} a msk:Morphology .", claim.format(name), estimate.format(name, word)]
    file.write_text("\n".join(lines), encoding="utf-8")
    store = open_store("", [ontology.find() / "schema.ttl", file])
    assert [row["o"] for row in select(store, "SELECT ?o { msk:d msk:typicalMorphology ?o }")] == [iri("f-yes")]


# Queries of the package


def test_derivations_are_queries_of_the_package() -> None:
    assert set(DERIVATIONS) <= set(query_names())
    assert list(query_names()) == sorted(query_names())


def test_there_is_no_query_outside_the_folder() -> None:
    for name in ("nonsense", "", "../store", "cases.rq", "/etc/passwd"):
        with pytest.raises(QueryError, match="no query called"):
            query_text(name)


def test_a_value_replaces_the_example() -> None:
    text = query_text("causes_of_finding", finding=iri("phlebolith"))
    assert f"VALUES ?finding {{ <{iri('phlebolith')}> }}" in text
    assert "msk:soft-tissue-calcification" not in text


def test_several_values_and_none(store: Store) -> None:
    def causes(*findings: str) -> set[str]:
        return {row["diagnosis"] for row in select(store, query_text("causes_of_finding", finding=findings))}

    first, second = iri("phlebolith"), iri("soft-tissue-calcification")
    assert causes(first, second) == causes(first) | causes(second) > causes(first) > set()
    assert causes() == set()


@pytest.mark.parametrize("parameter", ["diagnosis", "nothing", "finding }", "find", "Finding", ""])
def test_an_unknown_parameter_is_refused(parameter: str) -> None:
    with pytest.raises(QueryError):
        query_text("causes_of_finding", **{parameter: iri("phlebolith")})


@pytest.mark.parametrize(
    "value",
    [
        "http://x/a> } DROP ALL #",
        "http://x/a b",
        "http://x/a\n",
        'http://x/"',
        "http://x/{a}",
        "http://x/\\u003e",
        "http://x/^",
        "http://x/`",
        "http://x/|",
        "phlebolith",  # relative: would mean nothing, or another thing on another engine
        "/etc/passwd",
        "",
    ],
)
def test_a_value_that_is_no_iri_is_refused(value: str) -> None:
    with pytest.raises(QueryError):
        query_text("causes_of_finding", finding=value)
    with pytest.raises(QueryError):
        query_text("causes_of_finding", finding=[iri("phlebolith"), value])
