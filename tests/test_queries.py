"""Every query of the package says what it is for, and gives the same rows on two engines."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from rdflib import RDF, Graph, URIRef
from rdflib.compare import isomorphic
from rdflib.term import BNode, Literal, Node

from mskgraph import KnowledgeGraph, ontology
from mskgraph.store import DERIVATIONS, EmbeddedStore, Store, query_names, query_text
from mskgraph.terms import iri

XSD = "http://www.w3.org/2001/XMLSchema#"
NUMBERS = {f"{XSD}{name}" for name in ("integer", "decimal", "double")}

Row = frozenset[tuple[str, tuple[str, ...]]]


@cache
def small() -> tuple[Path, ...]:
    """A small ontology, on which rdflib answers in time: the seed's, with gout and all cut-offs."""
    seed, root = Path(__file__).parent / "data" / "seed", ontology.find()
    more = ("schema.ttl", "diagnoses/gout.ttl", "rules/criteria.ttl")
    return (*ontology.files(seed), *(root / name for name in more))


@cache
def small_store() -> EmbeddedStore:
    store = EmbeddedStore()
    store.load(small())
    store.derive_all()
    return store


@cache
def small_oracle() -> Graph:
    graph = Graph()
    graph += ontology.read(small())
    return graph + derivations(graph)


@cache
def derived() -> Graph:
    """What rdflib derives from the files."""
    return derivations(ontology.read(ontology.files(ontology.find())))


def derivations(graph: Graph) -> Graph:
    """What rdflib derives from a graph, each derivation seeing those before it."""
    added = Graph()
    for name in DERIVATIONS:
        found = graph.query(query_text(name)).graph
        assert found is not None
        added += found
        graph += found
    return added


@cache
def oracle() -> Graph:
    return ontology.read(ontology.files(ontology.find())) + derived()


@cache
def calcifying() -> tuple[EmbeddedStore, Graph]:
    """One diagnosis among all concepts, for a query on which rdflib spends a minute and a half with all of them."""
    root = ontology.find()
    names = ("schema", "anatomy", "findings", "contexts", "sources", "diagnoses/calcific-tendinopathy")
    paths = [root / f"{name}.ttl" for name in names]
    store = EmbeddedStore()
    store.load(paths)
    return store, ontology.read(paths)


def engines(name: str) -> tuple[Store, Graph]:
    """What a query is tried on: on little if it finds something there, else on everything."""
    if name == "calcification_causes_at_site":
        return calcifying()
    answer = small_store().answer(query_text(name))
    if answer.kind == "ask" or (answer.table()[1] if answer.kind == "select" else answer.body.strip()):
        return small_store(), small_oracle()
    return KnowledgeGraph.open().store, oracle()


def value(kind: str, text: str, datatype: str | None, language: str | None) -> tuple[str, ...]:
    """A term as it is compared: numbers by value, language tags in any case; which blank node it is does not count."""
    if kind == "bnode":
        return ("bnode",)
    if kind == "uri":
        return ("uri", text)
    if language:
        return ("text", text, language.lower())
    if datatype in NUMBERS:
        return ("number", str(Decimal(text).normalize()), datatype or "")
    if datatype == f"{XSD}boolean":
        return ("boolean", "true" if text in ("true", "1") else "false")
    return ("text", text, "" if datatype in (None, f"{XSD}string") else str(datatype))


def json_value(term: dict[str, Any]) -> tuple[str, ...]:
    return value(term["type"], term["value"], term.get("datatype"), term.get("xml:lang"))


def rdflib_value(term: Node) -> tuple[str, ...]:
    if isinstance(term, BNode):
        return value("bnode", "", None, None)
    if isinstance(term, Literal):
        return value("literal", str(term), str(term.datatype) if term.datatype else None, term.language)
    return value("uri", str(term), None, None)


def embedded_rows(query: str, store: Store | None = None) -> Counter[Row]:
    answer = (store or KnowledgeGraph.open().store).answer(query)
    assert answer.kind == "select"
    rows = json.loads(answer.body)["results"]["bindings"]
    return Counter(frozenset((name, json_value(term)) for name, term in row.items()) for row in rows)


def oracle_rows(query: str, graph: Graph | None = None) -> Counter[Row]:
    result = (oracle() if graph is None else graph).query(query)
    return Counter(
        frozenset((str(name), rdflib_value(term)) for name, term in row.items() if term is not None)
        for row in result.bindings
    )


def source_of(name: str) -> str:
    return (files("mskgraph") / "queries" / f"{name}.rq").read_text("utf-8")


def test_there_are_queries() -> None:
    assert len(query_names()) >= 90


@pytest.mark.parametrize("name", query_names())
def test_a_query_says_what_it_is_for(name: str) -> None:
    first, second, third = source_of(name).splitlines()[:3]
    assert re.fullmatch(r"# title: \S.{2,60}", first)
    assert re.fullmatch(r"# description: \S.{10,}\.", second)
    assert re.fullmatch(r"# for: (radiologist|teacher|informatician|program)", third)


def test_no_two_queries_share_a_title() -> None:
    titles = [source_of(name).splitlines()[0] for name in query_names()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", query_names())
def test_a_query_gives_the_same_on_both_engines(name: str) -> None:
    store, graph = engines(name)
    query = query_text(name)
    answer = store.answer(query)
    if answer.kind == "ask":
        assert json.loads(answer.body)["boolean"] == graph.query(query).askAnswer
    elif answer.kind == "select":
        rows = embedded_rows(query, store)
        assert rows == oracle_rows(query, graph)
        assert rows, "a query that finds nothing shows nothing"
    else:
        expected = graph.query(query).graph
        assert expected is not None
        assert len(expected) > 0
        assert isomorphic(Graph().parse(data=answer.body, format="nt"), expected)


@pytest.mark.parametrize(
    ("name", "parameter", "kind"),
    [("causes_of_finding", "finding", "Finding"), ("causes_along_muscle_fibres", "morphology", "Morphology")],
)
def test_a_parameter_means_the_same_on_both_engines(name: str, parameter: str, kind: str) -> None:
    everything = sorted(map(str, small_oracle().subjects(RDF.type, URIRef(iri(kind)))))
    found = 0
    for concept in random.Random(1).sample(everything, min(25, len(everything))):
        query = query_text(name, **{parameter: concept})
        rows = embedded_rows(query, small_store())
        assert rows == oracle_rows(query, small_oracle()), concept
        found += bool(rows)
    assert found >= 2
    query = query_text(name, **{parameter: everything})
    assert embedded_rows(query, small_store()) == oracle_rows(query, small_oracle())


def test_the_causes_of_a_finding_are_those_asked_for() -> None:
    rows = embedded_rows(query_text("causes_of_finding", finding=iri("phlebolith")))
    causes = {dict(row)["diagnosis"][1] for row in rows}
    assert causes == {
        claim.diagnosis
        for claim in KnowledgeGraph.open().knowledge.claims.values()
        if claim.target == iri("phlebolith")
    }
    assert {iri("venous-thrombosis"), iri("soft-tissue-haemangioma")} <= causes


def test_the_derived_triples_are_the_edges_of_the_graph() -> None:
    knowledge = KnowledgeGraph.open().knowledge
    concepts = {URIRef(node) for node in (*knowledge.concepts, *knowledge.cases)}
    relations = {URIRef(relation) for relation in knowledge.relations}
    expected = {(str(s), str(p), str(o)) for s, p, o in oracle() if p in relations and s in concepts and o in concepts}
    assert {(step.start, step.relation, step.end) for step in knowledge.edges} == expected
    assert {str(p) for p in derived().predicates() if p != RDF.type} < {step.relation for step in knowledge.edges}


def test_each_edge_rests_on_a_claim_that_says_so() -> None:
    knowledge = KnowledgeGraph.open().knowledge
    for step in knowledge.edges:
        if step.claim is None:
            assert knowledge.kind(step.start) == "case" or step.relation in (iri("skos:broader"), iri("partOf"))
            continue
        claim = knowledge.claims[step.claim]
        said = {claim.diagnosis, claim.target, *claim.sites, claim.of_finding}
        assert {step.start, step.end} <= said
        assert not claim.excluded
