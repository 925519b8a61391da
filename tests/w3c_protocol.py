"""The W3C's tests of the SPARQL 1.1 Protocol: ``python -m tests.w3c_protocol`` writes ``docs/protocol.md``.

Each test is one or more HTTP requests with what the answers must be, as ``tests/data/w3c-protocol/manifest.ttl`` says.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import rdflib
from rdflib import RDFS, Namespace
from rdflib.collection import Collection
from rdflib.term import Node

from tests.app_process import PROGRAM, RunningApp, app_environment, running_app

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data" / "w3c-protocol"
TABLE = ROOT / "docs" / "protocol.md"

MF = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
UT = Namespace("http://www.w3.org/2009/sparql/tests/test-update#")
HT = Namespace("http://www.w3.org/2011/http#")
CNT = Namespace("http://www.w3.org/2011/content#")

SRX = "{http://www.w3.org/2005/sparql-results#}"
RDF_FORMS = {
    "text/turtle": "turtle",
    "application/n-triples": "nt",
    "application/rdf+xml": "xml",
    "application/ld+json": "json-ld",
}

# Why a test is not run: each of these would have to change the graph over HTTP first, or asks how a fault in a change
# is told. That the changes themselves are refused is tested, see test_w3c_protocol.
LEFT_OUT = {
    "update_dataset_default_graph": "a change limited to a default graph",
    "update_dataset_default_graphs": "a change limited to default graphs",
    "update_dataset_named_graphs": "a change limited to named graphs",
    "update_dataset_full": "a change limited to a data set",
    "update_post_form": "a change sent as a form",
    "update_post_direct": "a change sent as it is",
    "update_base_uri": "a relative address in a change",
    "bad_update_get": "a change by GET",
    "bad_multiple_updates": "two changes at once",
    "bad_update_wrong_media_type": "a change as plain text",
    "bad_update_missing_form_type": "a change in a form without its type",
    "bad_update_non_utf8": "a change in UTF-16",
    "bad_update_syntax": "a change with a fault in it",
    "bad_update_dataset_conflict": "a change with two data sets",
}


@dataclass(frozen=True)
class Request:
    """One request, and what its answer must be.

    :ivar query: what stands behind the ``?`` of the address
    :ivar statuses: such as ``2xx``; one of them
    :ivar form: ``boolean``, ``tabular``, ``RDF``, or empty if any will do
    """

    method: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    statuses: tuple[str, ...]
    boolean: bool | None
    form: str

    @property
    def changes(self) -> bool:
        """Whether it sends a change instead of a query."""
        types = [value for name, value in self.headers if name.lower() == "content-type"]
        told = self.query.startswith("update=") or (self.body or b"").startswith(b"update=")
        # Two tests send a change with a type that says nothing.
        return told or any("sparql-update" in value for value in types) or self.body == b"CLEAR NAMED"


@dataclass(frozen=True)
class Case:
    """One test: the named graphs that it counts on, and its requests in their order."""

    name: str
    title: str
    graphs: tuple[tuple[str, Path], ...]
    requests: tuple[Request, ...]

    @property
    def left_out(self) -> str:
        """Why it is not run; empty if it is."""
        return LEFT_OUT.get(self.name, "")


def cases(folder: Path = DATA) -> list[Case]:
    """Every test of the manifest, in its order."""
    graph = rdflib.Graph().parse(folder / "manifest.ttl", publicID=f"{folder.as_uri()}/manifest.ttl")
    (listed,) = graph.objects(None, MF.entries)
    return [read_case(graph, entry) for entry in Collection(graph, listed)]


def read_case(graph: rdflib.Graph, entry: Node) -> Case:
    folder = DATA.as_uri() + "/"
    graphs = [
        (str(graph.value(data, RDFS.label)), DATA / str(graph.value(data, UT.graph)).removeprefix(folder))
        for data in graph.objects(entry, UT.graphData)
    ]
    requests = [
        read_request(graph, request)
        for connection in graph.objects(entry, MF.action)
        for request in items(graph, connection, HT.requests)
    ]
    return Case(str(entry).split("#")[-1], str(graph.value(entry, MF.name)), tuple(sorted(graphs)), tuple(requests))


def read_request(graph: rdflib.Graph, request: Node) -> Request:
    body = graph.value(request, HT.body)
    answer = graph.value(request, HT.resp)
    headers = [
        (str(graph.value(header, HT.fieldName)), str(graph.value(header, HT.fieldValue)))
        for header in items(graph, request, HT.headers)
    ]
    statuses = [str(status).split("#StatusCode")[-1] for status in graph.objects(answer, MF.expectedStatus)]
    boolean = graph.value(answer, MF.expectedBoolean)
    return Request(
        method=str(graph.value(request, HT.methodName)),
        query=urlsplit(str(graph.value(request, HT.absolutePath))).query,
        headers=tuple(headers),
        body=None
        if body is None
        else str(graph.value(body, CNT.chars)).encode(str(graph.value(body, CNT.characterEncoding))),
        statuses=tuple(sorted(statuses)),
        boolean=None if boolean is None else str(boolean) == "true",
        form=str(graph.value(answer, MF.expectedFormat) or ""),
    )


def items(graph: rdflib.Graph, subject: Node, predicate: Node) -> Iterator[Node]:
    first = graph.value(subject, predicate)
    return iter(()) if first is None else iter(Collection(graph, first))


# Running


def ask(client: httpx.Client, endpoint: str, request: Request) -> httpx.Response:
    """Send one request as the test has it, with no header of content that it does not have."""
    address = f"{endpoint}?{request.query}" if request.query else endpoint
    return client.request(request.method, address, headers=list(request.headers), content=request.body)


def failure(case: Case, endpoint: str) -> str:
    """What is wrong with the answers to a test; empty if nothing.

    :param endpoint: address to which queries go
    """
    with httpx.Client(timeout=20, follow_redirects=True) as client:
        for request in case.requests:
            answer = ask(client, endpoint, request)
            history = [*answer.history, answer]
            if not any(fits(history[0].status_code, status) for status in request.statuses):
                return f"{answer.status_code} instead of {' or '.join(request.statuses)}"
            if request.form and (wrong := wrong_content(answer, request)):
                return wrong
    return ""


def fits(status: int, pattern: str) -> bool:
    """Whether a status is meant.

    >>> fits(204, "2xx"), fits(404, "404"), fits(500, "4xx")
    (True, True, False)
    """
    return str(status)[0] == pattern[0] if pattern.endswith("xx") else str(status) == pattern


def wrong_content(answer: httpx.Response, request: Request) -> str:
    """What is wrong with the body of an answer: each is read to its end in the form that it claims to have."""
    media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if request.form == "RDF":
            rdflib.Graph().parse(data=answer.content, format=RDF_FORMS[media], publicID="http://example.org/")
            return ""
        found = boolean_of(media, answer.content) if request.form == "boolean" else table_of(media, answer.content)
    except KeyError:
        return f"{media} is no form for {request.form}"
    except Exception as error:
        return f"no valid {media}: {error}"
    return "" if request.boolean in (None, found) else f"{found} instead of {request.boolean}"


def boolean_of(media: str, body: bytes) -> bool:
    if media == "application/sparql-results+json":
        found: bool = json.loads(body)["boolean"]
        return found
    if media == "application/sparql-results+xml":
        return {"true": True, "false": False}[ElementTree.fromstring(body).findtext(f"{SRX}boolean") or ""]
    raise KeyError(media)


def table_of(media: str, body: bytes) -> object:
    if media == "application/sparql-results+json":
        return json.loads(body)["results"]["bindings"]
    if media == "application/sparql-results+xml":
        return ElementTree.fromstring(body).findall(f"{SRX}results/{SRX}result")
    delimiter = {"text/csv": ",", "text/tab-separated-values": "\t"}[media]
    return list(csv.reader(io.StringIO(body.decode()), delimiter=delimiter))


def load(graphs: Mapping[str, Path], store: str, environment: Mapping[str, str]) -> None:
    """Put files into named graphs of a store on disk, with ``mskgraph load``."""
    for name, file in sorted(graphs.items()):
        subprocess.run(
            [*PROGRAM, "load", "--store", store, str(file), "--graph", name],
            env=dict(environment),
            check=True,
            timeout=120,
        )


@contextmanager
def app_with_graphs(home: Path, ontology: Path | None = None) -> Iterator[RunningApp]:
    """The program, over a store on disk that has the graphs of all tests beside the knowledge."""
    graphs = {name: file for case in cases() for name, file in case.graphs}
    store = f"file:{home / 'store'}"
    settings = {"MSKGRAPH_ONTOLOGY": str(ontology)} if ontology else {}
    home.mkdir(parents=True, exist_ok=True)
    load(graphs, store, app_environment(home, settings))
    with running_app(home, ontology=ontology, settings={"MSKGRAPH_STORE": store}) as app:
        yield app


# The table


def result_of(case: Case, endpoint: str) -> str:
    """What the table says of a test."""
    if case.left_out:
        return f"left out: {case.left_out}"
    return failure(case, endpoint) or "passed"


def page(results: Sequence[tuple[Case, str]]) -> str:
    """The page with the table."""
    run = [result for case, result in results if not case.left_out]
    lines = [
        "# The SPARQL Protocol, tested",
        "",
        "Written by `python -m tests.w3c_protocol`; `tests/test_w3c_protocol.py` holds that it is true.",
        "",
        "The tests are those that the W3C publishes for the SPARQL 1.1 Protocol, unchanged "
        "([where they come from](../tests/data/w3c-protocol/README.md)). "
        f"Of the {len(run)} tests of queries {run.count('passed')} pass.",
        "",
        f"The other {len(results) - len(run)} are about changes to the graph (SPARQL Update). They are left out, as "
        "nothing here is changed over HTTP: knowledge is changed in its files. Every change that they send is refused "
        "with 400, 405 or 415, which is tested too.",
        "",
        "| Test | What it asks | Result |",
        "|---|---|---|",
        *(f"| `{case.name}` | {case.title} | {result} |" for case, result in results),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run every test and write the page."""
    with tempfile.TemporaryDirectory() as folder, app_with_graphs(Path(folder)) as app:
        results = [(case, result_of(case, f"{app.url}/sparql")) for case in cases()]
    TABLE.write_text(page(results), encoding="utf-8")
    failed = [f"{case.name}: {result}" for case, result in results if not case.left_out and result != "passed"]
    print(f"Written to {TABLE}.", *failed, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
