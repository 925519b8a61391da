"""Programs of others that speak SPARQL get along with the endpoint of the running program."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pandas as pd
import pytest
import SPARQLWrapper as sparqlwrapper
from rdflib import Graph, URIRef
from rdflib.compare import isomorphic
from rdflib.namespace import SKOS
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from rdflib.query import Result

from mskgraph import ontology
from mskgraph.store import EmbeddedStore, select
from mskgraph.terms import iri
from tests.engines import EngineMissing, comunica

# rdflib's reader of JSON-LD and SPARQLWrapper still use it.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")

PREFIXES = """\
PREFIX msk: <https://w3id.org/mskgraph/>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
"""
CAUSES = f"""{PREFIXES}
SELECT ?diagnosis ?name ?kind WHERE {{
  ?diagnosis a msk:Diagnosis ; skos:prefLabel ?name ; msk:mayCause ?kind .
  ?kind skos:broader msk:soft-tissue-calcification .
}}"""
KINDS = f"{PREFIXES} SELECT ?kind WHERE {{ ?kind skos:broader* msk:soft-tissue-calcification }}"
COUNTS = f"""{PREFIXES}
SELECT ?category (COUNT(DISTINCT ?diagnosis) AS ?count) WHERE {{
  ?diagnosis msk:category ?category ; msk:mayCause/skos:broader* msk:soft-tissue-calcification .
}} GROUP BY ?category"""
OPTIONALS = f"""{PREFIXES}
SELECT ?site ?whole WHERE {{ ?site a msk:Site OPTIONAL {{ ?site msk:partOf ?whole }} }}"""
SELECTS = {"join": CAUSES, "path": KINDS, "group": COUNTS, "optional": OPTIONALS}
YES = f"{PREFIXES} ASK {{ msk:venous-thrombosis msk:mayCause msk:phlebolith }}"
NO = f"{PREFIXES} ASK {{ msk:phlebolith msk:mayCause msk:venous-thrombosis }}"
GRAPH = f"{PREFIXES} CONSTRUCT {{ ?kind skos:narrower ?part }} WHERE {{ ?part skos:broader ?kind }}"

JSON = "application/sparql-results+json"
RDF = {
    "text/turtle": "turtle",
    "application/n-triples": "nt",
    "application/rdf+xml": "xml",
    "application/ld+json": "json-ld",
}

Rows = list[tuple[tuple[str, str], ...]]


@pytest.fixture(scope="module")
def endpoint(app_url: str) -> str:
    return f"{app_url}/sparql"


@pytest.fixture(scope="module")
def knowledge(seed_folder: Path) -> EmbeddedStore:
    """What the program knows, asked without a detour."""
    store = EmbeddedStore()
    store.load(ontology.files(seed_folder))
    store.derive_all()
    return store


def as_rows(rows: Sequence[dict[str, str]]) -> Rows:
    return sorted(tuple(sorted(row.items())) for row in rows)


def expected(knowledge: EmbeddedStore, query: str) -> Rows:
    rows = as_rows(select(knowledge, query))
    assert rows
    return rows


def plain(bindings: Sequence[dict[str, Any]]) -> Rows:
    return as_rows([{name: term["value"] for name, term in row.items()} for row in bindings])


def expected_graph(knowledge: EmbeddedStore) -> Graph:
    graph = Graph().parse(data=knowledge.answer(GRAPH).body, format="nt")
    assert len(graph) > 0
    return graph


# curl


def curl(*arguments: str) -> tuple[str, str, bytes]:
    """Return status, media type and body."""
    command = ["curl", "--silent", "--show-error", "--max-time", "60", "--write-out", "\n%{http_code} %{content_type}"]
    answer = subprocess.run([*command, *arguments], capture_output=True, check=True)
    body, _, last = answer.stdout.rpartition(b"\n")
    status, _, media = last.decode().partition(" ")
    return status, media.partition(";")[0], body


def by_curl(how: str, endpoint: str, query: str, accept: str) -> tuple[str, str, bytes]:
    form = ["--data-urlencode", f"query={query}"]
    sent = {
        "get": ["--get", *form],
        "form": form,
        "direct": ["--header", "Content-Type: application/sparql-query", "--data-binary", query],
    }
    return curl(*sent[how], "--header", f"Accept: {accept}", endpoint)


@pytest.mark.parametrize("how", ["get", "form", "direct"])
@pytest.mark.parametrize("name", SELECTS)
def test_curl_gets_rows(endpoint: str, knowledge: EmbeddedStore, how: str, name: str) -> None:
    status, media, body = by_curl(how, endpoint, SELECTS[name], JSON)
    assert (status, media) == ("200", JSON)
    assert plain(json.loads(body)["results"]["bindings"]) == expected(knowledge, SELECTS[name])


@pytest.mark.parametrize("accept", ["application/sparql-results+xml", "text/csv", "text/tab-separated-values"])
def test_curl_gets_rows_in_other_forms(endpoint: str, knowledge: EmbeddedStore, accept: str) -> None:
    status, media, body = by_curl("get", endpoint, CAUSES, accept)
    assert (status, media) == ("200", accept)
    # rdflib reads XML and TSV; CSV says only texts.
    if accept == "text/csv":
        rows = as_rows(list(csv.DictReader(io.StringIO(body.decode("utf-8")))))
    else:
        result = Result.parse(io.BytesIO(body), format="xml" if accept.endswith("xml") else "tsv")
        rows = as_rows([{str(name): str(term) for name, term in row.items()} for row in result.bindings])
    assert rows == expected(knowledge, CAUSES)


@pytest.mark.parametrize("how", ["get", "form", "direct"])
@pytest.mark.parametrize("accept", RDF)
def test_curl_gets_a_graph(endpoint: str, knowledge: EmbeddedStore, how: str, accept: str) -> None:
    status, media, body = by_curl(how, endpoint, GRAPH, accept)
    assert (status, media) == ("200", accept)
    assert isomorphic(Graph().parse(data=body, format=RDF[accept]), expected_graph(knowledge))


def test_curl_gets_an_answer_without_saying_in_which_form(endpoint: str) -> None:
    status, media, body = curl("--get", "--data-urlencode", f"query={YES}", endpoint)
    assert (status, media) == ("200", JSON)
    assert json.loads(body)["boolean"] is True


def test_curl_is_told_what_is_wrong(endpoint: str) -> None:
    status, media, body = by_curl("get", endpoint, "SELECT nonsense", JSON)
    assert (status, media) == ("400", "text/plain")
    assert body


# SPARQLWrapper


def wrapper(endpoint: str, query: str, form: str, how: str) -> sparqlwrapper.SPARQLWrapper:
    client = sparqlwrapper.SPARQLWrapper(endpoint)
    client.setQuery(query)
    client.setReturnFormat(form)
    client.setTimeout(60)
    client.setMethod("GET" if how == "get" else "POST")
    client.setRequestMethod(sparqlwrapper.POSTDIRECTLY if how == "direct" else sparqlwrapper.URLENCODED)
    return client


@pytest.mark.parametrize("how", ["get", "form", "direct"])
@pytest.mark.parametrize("name", SELECTS)
def test_sparqlwrapper_selects(endpoint: str, knowledge: EmbeddedStore, how: str, name: str) -> None:
    found: Any = wrapper(endpoint, SELECTS[name], sparqlwrapper.JSON, how).queryAndConvert()
    assert plain(found["results"]["bindings"]) == expected(knowledge, SELECTS[name])


@pytest.mark.parametrize("how", ["get", "form", "direct"])
def test_sparqlwrapper_asks(endpoint: str, how: str) -> None:
    for query, truth in ((YES, True), (NO, False)):
        found: Any = wrapper(endpoint, query, sparqlwrapper.JSON, how).queryAndConvert()
        assert found["boolean"] is truth


@pytest.mark.parametrize("how", ["get", "form", "direct"])
@pytest.mark.parametrize("form", [sparqlwrapper.TURTLE, sparqlwrapper.RDFXML, sparqlwrapper.JSONLD])
def test_sparqlwrapper_constructs(endpoint: str, knowledge: EmbeddedStore, how: str, form: str) -> None:
    found: Any = wrapper(endpoint, GRAPH, form, how).queryAndConvert()
    graph = found if isinstance(found, Graph) else Graph().parse(data=found, format="turtle")
    assert isomorphic(graph, expected_graph(knowledge))


def test_sparqlwrapper_knows_a_bad_query(endpoint: str) -> None:
    with pytest.raises(sparqlwrapper.SPARQLExceptions.QueryBadFormed):
        wrapper(endpoint, "SELECT nonsense", sparqlwrapper.JSON, "get").query()


# rdflib


@pytest.fixture(params=["GET", "POST", "POST_FORM"])
def remote(request: pytest.FixtureRequest, endpoint: str) -> Graph:
    return Graph(store=SPARQLStore(endpoint, method=request.param))


@pytest.mark.parametrize("name", SELECTS)
def test_rdflib_queries(remote: Graph, knowledge: EmbeddedStore, name: str) -> None:
    found = remote.query(SELECTS[name])
    rows = [{str(name): str(term) for name, term in row.items() if term is not None} for row in found.bindings]
    assert as_rows(rows) == expected(knowledge, SELECTS[name])


def test_rdflib_asks_and_constructs(remote: Graph, knowledge: EmbeddedStore) -> None:
    assert remote.query(YES).askAnswer is True
    assert remote.query(NO).askAnswer is False
    graph = remote.query(GRAPH).graph
    assert graph is not None
    assert isomorphic(graph, expected_graph(knowledge))


def test_rdflib_walks_the_graph(remote: Graph, knowledge: EmbeddedStore) -> None:
    calcification = URIRef(iri("soft-tissue-calcification"))
    kinds = {str(subject) for subject, _, _ in remote.triples((None, SKOS.broader, calcification))}
    query = f"{PREFIXES} SELECT ?kind {{ ?kind skos:broader msk:soft-tissue-calcification }}"
    assert kinds == {row["kind"] for row in select(knowledge, query)}
    assert kinds
    assert str(remote.value(calcification, SKOS.prefLabel)) == "soft tissue calcification"
    assert (calcification, SKOS.broader, calcification) not in remote


# Comunica


@pytest.mark.parametrize("name", SELECTS)
def test_comunica_selects(endpoint: str, knowledge: EmbeddedStore, name: str) -> None:
    try:
        rows = comunica(endpoint, SELECTS[name])
    except EngineMissing as error:
        pytest.fail(str(error))
    assert as_rows(rows) == expected(knowledge, SELECTS[name])


# pandas


def test_pandas_reads_a_table(endpoint: str, knowledge: EmbeddedStore) -> None:
    address = f"{endpoint}?{urlencode({'query': COUNTS})}"
    table = pd.read_csv(address, storage_options={"Accept": "text/csv"})
    assert list(table.columns) == ["category", "count"]
    assert table["count"].dtype.kind == "i"
    found = [{"category": str(row["category"]), "count": str(row["count"])} for _, row in table.iterrows()]
    assert as_rows(found) == expected(knowledge, COUNTS)
