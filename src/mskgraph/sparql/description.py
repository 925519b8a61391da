"""What the endpoint says of itself: a SPARQL 1.1 service description, and a VoID description of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import pyoxigraph
from pyoxigraph import Literal, NamedNode, Triple

from mskgraph.sparql.messages import Request
from mskgraph.sparql.worker import Worker
from mskgraph.terms import NAMESPACE, PREFIXES, iri

_SD = "http://www.w3.org/ns/sparql-service-description#"
_VOID = "http://rdfs.org/ns/void#"
_FORMATS = "http://www.w3.org/ns/formats/"
_XSD_INTEGER = NamedNode(iri("xsd:integer"))

_TABLES = ("SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV")
_GRAPHS = ("Turtle", "N-Triples", "RDF_XML", "JSON-LD")

_SIZES = {
    "triples": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }",
    "entities": f'SELECT (COUNT(DISTINCT ?s) AS ?n) {{ ?s a ?class . FILTER(STRSTARTS(STR(?s), "{NAMESPACE}")) }}',
    "classes": "SELECT (COUNT(DISTINCT ?class) AS ?n) { ?s a ?class }",
    "properties": "SELECT (COUNT(DISTINCT ?p) AS ?n) { ?s ?p ?o }",
}


def services(graphs: Sequence[str], base: str, media: str) -> bytes:
    """Return the description of both addresses, that of queries and that of changes (SPARQL 1.1 Service Description).

    :param graphs: names of the graphs that there are
    :param base: address of the program, without a slash at its end
    :param media: RDF media type to write
    """
    endpoint, changes = f"{base}/sparql", f"{base}/sparql/update"
    data, default = f"{base}/void#dataset", f"{base}/sparql#default-graph"
    about = [
        (endpoint, "rdf:type", _SD + "Service"),
        (endpoint, _SD + "endpoint", endpoint),
        (endpoint, _SD + "supportedLanguage", _SD + "SPARQL11Query"),
        (endpoint, _SD + "feature", _SD + "UnionDefaultGraph"),
        (endpoint, _SD + "defaultDataset", data),
        (changes, "rdf:type", _SD + "Service"),
        (changes, _SD + "endpoint", changes),
        (changes, _SD + "supportedLanguage", _SD + "SPARQL11Update"),
        (data, "rdf:type", _SD + "Dataset"),
        (data, _SD + "defaultGraph", default),
        (default, "rdf:type", _SD + "Graph"),
    ]
    about += [(endpoint, _SD + "resultFormat", _FORMATS + form) for form in (*_TABLES, *_GRAPHS)]
    about += [(changes, _SD + way, _FORMATS + form) for way in ("inputFormat", "resultFormat") for form in _GRAPHS]
    for number, graph in enumerate(graphs):
        named = f"{base}/sparql#graph-{number}"
        about += [
            (data, _SD + "namedGraph", named),
            (named, "rdf:type", _SD + "NamedGraph"),
            (named, _SD + "name", graph),
        ]
    return _written(about, {}, media)


@lru_cache(maxsize=4)
def sizes(worker: Worker) -> dict[str, str]:
    """Return how many triples, entities, classes and properties there are, counted once.

    :raises QueryStopped: if there are too many to count in time
    """
    counts = {name: worker.run(Request(query)).answer.table()[1] for name, query in _SIZES.items()}
    return {name: rows[0]["n"] for name, rows in counts.items()}


def dataset(counts: Mapping[str, str], graphs: Sequence[str], base: str, media: str) -> bytes:
    """Return the description of the data (VoID).

    :param counts: made by :func:`sizes`
    :param graphs: names of the graphs that there are
    :param base: address of the program, without a slash at its end
    :param media: RDF media type to write
    """
    data = f"{base}/void#dataset"
    about = [
        (data, "rdf:type", _VOID + "Dataset"),
        (data, "dcterms:license", "https://creativecommons.org/licenses/by/4.0/"),
        (data, _VOID + "sparqlEndpoint", f"{base}/sparql"),
        (data, _VOID + "exampleResource", iri("gout")),
        (data, _VOID + "exampleResource", iri("soft-tissue-calcification")),
        (data, _VOID + "rootResource", iri("soft-tissue-calcification")),
        (data, _VOID + "vocabulary", iri("skos:")),
        (data, _VOID + "vocabulary", iri("prov:")),
        (data, _VOID + "feature", _FORMATS + "Turtle"),
        (data, _VOID + "feature", _FORMATS + "JSON-LD"),
    ]
    texts = {
        "dcterms:title": Literal("mskgraph: a knowledge graph of musculoskeletal ultrasound", language="en"),
        _VOID + "uriSpace": Literal(NAMESPACE),
    }
    for name, count in counts.items():
        texts[_VOID + name] = Literal(count, datatype=_XSD_INTEGER)
    for graph in graphs:
        about += [(data, _VOID + "subset", graph), (graph, "rdf:type", _VOID + "Dataset")]
    return _written(about, {data: texts}, media)


def _written(about: list[tuple[str, str, str]], texts: dict[str, dict[str, Literal]], media: str) -> bytes:
    triples = [Triple(*(NamedNode(iri(term)) for term in statement)) for statement in about]
    for subject, said in texts.items():
        triples += [Triple(NamedNode(subject), NamedNode(iri(term)), literal) for term, literal in said.items()]
    triples.sort(key=str)  # one subject after the other
    prefixes = PREFIXES | {"sd": _SD, "void": _VOID, "formats": _FORMATS}
    form = pyoxigraph.RdfFormat.from_media_type(media)
    return pyoxigraph.serialize(triples, format=form, prefixes=prefixes) or b""
