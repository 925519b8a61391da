"""What the addresses for programs answer where the W3C's tests do not ask: methods, names of forms, descriptions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from rdflib import RDF, Graph, Namespace, URIRef
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mskgraph.sparql.answering import gated

SD = Namespace("http://www.w3.org/ns/sparql-service-description#")
FORM = "application/x-www-form-urlencoded"
COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"


@pytest.fixture(scope="module")
def client(app_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=app_url, timeout=30, trust_env=False) as client:
        yield client


# Methods and types of content


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/sparql", {"GET", "HEAD", "POST"}),
        ("/sparql/update", {"GET", "HEAD", "POST", "PUT", "DELETE"}),
        ("/void", {"GET", "HEAD"}),
        ("/resource/gout", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_is_not_allowed_is_told_which_are(client: httpx.Client, path: str, allowed: set[str]) -> None:
    for method in {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"} - allowed:
        answer = client.request(method, path, params={"query": "ASK {}"})
        assert answer.status_code == 405, method
        assert set(answer.headers["allow"].split(", ")) == allowed, method


@pytest.mark.parametrize(
    "parameters", ["; charset=UTF-8; boundary=x", '; v=1; charset="utf-8"', ";charset=us-ascii;", ""]
)
def test_a_type_of_content_may_have_further_parameters(client: httpx.Client, parameters: str) -> None:
    for media, content in ((FORM, "query=ASK+%7B%7D"), ("application/sparql-query", "ASK {}")):
        answer = client.post("/sparql", content=content, headers={"Content-Type": media + parameters})
        assert (answer.status_code, answer.json()) == (200, {"head": {}, "boolean": True}), answer.text


# Forms of an answer


@pytest.mark.parametrize("query", ["ASK {}", "SELECT ?l { msk:phlebolith skos:prefLabel ?l }"])
@pytest.mark.parametrize(
    ("plain", "proper"),
    [
        ("application/json", "application/sparql-results+json"),
        ("application/xml", "application/sparql-results+xml"),
    ],
)
def test_a_table_has_plain_names_too(client: httpx.Client, query: str, plain: str, proper: str) -> None:
    named = {"params": {"query": query}}
    answer = client.get("/sparql", headers={"Accept": plain}, **named)  # type: ignore[arg-type]
    assert answer.headers["content-type"].partition(";")[0] == plain
    assert answer.content == client.get("/sparql", headers={"Accept": proper}, **named).content  # type: ignore[arg-type]
    both = {"Accept": f"{plain}, {proper}"}
    assert client.get("/sparql", headers=both, **named).content == answer.content  # type: ignore[arg-type]


def test_who_takes_anything_gets_the_proper_name(client: httpx.Client) -> None:
    for accept in ("*/*", "application/*"):
        answer = client.get("/sparql", params={"query": "ASK {}"}, headers={"Accept": accept})
        assert answer.headers["content-type"] == "application/sparql-results+json"


@pytest.mark.parametrize(
    "path", ["/sparql", "/sparql?query=ASK+%7B%7D", "/sparql/update?default", "/void", "/resource/gout"]
)
def test_what_cannot_be_had_in_a_form_may_be_had_in_another(client: httpx.Client, path: str) -> None:
    answer = client.get(path, headers={"Accept": "image/png"})
    assert (answer.status_code, answer.headers["vary"].lower()) == (406, "accept")


# Graphs


def test_a_graph_that_is_named_twice_counts_once(client: httpx.Client) -> None:
    once, twice = (
        client.get(
            "/sparql", params={"query": COUNT, "default-graph-uri": ["https://w3id.org/mskgraph/derived"] * times}
        )
        for times in (1, 2)
    )
    assert once.json() == twice.json()
    assert int(once.json()["results"]["bindings"][0]["n"]["value"]) > 0


# Descriptions


@pytest.mark.parametrize("path", ["/sparql", "/sparql/update"])
def test_either_address_describes_both_services(client: httpx.Client, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/turtle"})
    assert answer.status_code == 200
    graph = Graph().parse(data=answer.text, format="turtle")
    base = str(client.base_url).rstrip("/")
    found = {
        str(graph.value(service, SD.endpoint)): set(graph.objects(service, SD.supportedLanguage))
        for service in graph.subjects(RDF.type, SD.Service)
    }
    assert found == {f"{base}/sparql": {SD.SPARQL11Query}, f"{base}/sparql/update": {SD.SPARQL11Update}}
    inputs = set(graph.objects(URIRef(f"{base}/sparql/update"), SD.inputFormat))
    assert {form.rsplit("/", 1)[1] for form in inputs} == {"Turtle", "N-Triples", "RDF_XML", "JSON-LD"}


@pytest.mark.parametrize(
    ("query", "media", "instead"),
    [
        ('SELECT ("x\\u0001y" AS ?x) {}', "application/sparql-results+xml", "application/sparql-results+json"),
        ('SELECT ("\\uFFFF" AS ?x) {}', "application/sparql-results+xml", "application/sparql-results+json"),
        ('CONSTRUCT { <http://x/a> <http://x/p> "\\u001f" } {}', "application/rdf+xml", "application/n-triples"),
        ("CONSTRUCT { <http://x/a> <http://x/1> <http://x/b> } {}", "application/rdf+xml", "text/turtle"),
        ("CONSTRUCT { <http://x/a> <http://x/> <http://x/b> } {}", "application/rdf+xml", "text/turtle"),
    ],
)
def test_what_xml_cannot_hold_is_refused_in_xml_alone(
    client: httpx.Client, query: str, media: str, instead: str
) -> None:
    refused = client.get("/sparql", params={"query": query}, headers={"Accept": media})
    assert refused.status_code == 400
    assert "Ask for" in refused.text
    assert client.get("/sparql", params={"query": query}, headers={"Accept": instead}).status_code == 200


@pytest.mark.parametrize("last", ["a", "a1", "1a", "a-b", "a.b", "1é", "_"])
def test_what_xml_can_hold_comes_as_xml_that_can_be_read(client: httpx.Client, last: str) -> None:
    query = f'CONSTRUCT {{ <http://x/a> <http://x/{last}> "tab\\t, line\\n, \\u0085 and é" }} {{}}'
    answer = client.get("/sparql", params={"query": query}, headers={"Accept": "application/rdf+xml"})
    assert answer.status_code == 200
    ((_, predicate, _),) = Graph().parse(data=answer.text, format="xml")
    assert predicate == URIRef(f"http://x/{last}")


# Too much at once


def test_what_is_worked_out_in_the_program_itself_is_asked_for_as_queries_are() -> None:
    async def flooded() -> list[httpx.Response]:
        go_on = asyncio.Event()
        running: list[int] = []

        async def slow(_: Request) -> Response:
            running.append(1)
            await go_on.wait()
            return PlainTextResponse("done")

        transport = httpx.ASGITransport(Starlette(routes=[Route("/slow", gated(slow))]))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            asked = [asyncio.create_task(client.get("/slow")) for _ in range(200)]
            while sum(task.done() for task in asked) < 50:
                await asyncio.sleep(0.01)
            assert 1 <= len(running) < 50
            go_on.set()
            return await asyncio.gather(*asked)

    answers = asyncio.run(flooded())
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status_code == 503)
