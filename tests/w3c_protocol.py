"""The W3C's tests of the SPARQL 1.1 Protocols: ``python -m tests.w3c_protocol`` writes ``docs/protocol.md``.

Each test is one or more HTTP requests with what the answers must be, as the manifests in ``tests/data/w3c-protocol``
and ``tests/data/w3c-graph-store`` say.
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

from mskgraph.curation.access import digest
from tests.app_process import PROGRAM, RunningApp, app_environment, running_app

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data" / "w3c-protocol"
GRAPH_STORE = ROOT / "tests" / "data" / "w3c-graph-store"
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

# Why a test is not run: they count on what this program refuses on purpose. That it refuses is
# tested, see test_w3c_protocol.
_OWN_GRAPHS = "writes a graph of its own"
_FORM = "and sends multipart/form-data, which is not taken"
_PERSON = "puts a node without a name, of another vocabulary, in the place of all knowledge"
LEFT_OUT = {
    **dict.fromkeys(
        (
            "update_dataset_default_graph",
            "update_dataset_default_graphs",
            "update_dataset_named_graphs",
            "update_dataset_full",
            "update_post_form",
            "update_post_direct",
            "update_base_uri",
            "put_get_repeat_direct",
            "put_delete_get_delete_direct",
            "head_existing_direct",
            "put_get_repeat_indirect",
            "put_delete_get_delete_indirect",
            "post_get_new_graph",
            "head_existing_indirect",
            "put_get_uri_pct_encoded_indirect",
            "put_get_uri_pct_encoded_twice",
        ),
        _OWN_GRAPHS,
    ),
    "post_get_post_get_direct": f"{_OWN_GRAPHS}, {_FORM}",
    "post_get_post_get_indirect": f"{_OWN_GRAPHS}, {_FORM}",
    "put_get_default": _PERSON,
}

TOKEN = "a-token-of-the-tests"
STATUSES = {"OK": "200", "Created": "201", "NoContent": "204", "NotFound": "404"}


@dataclass(frozen=True)
class Request:
    """One request, and what its answer must be.

    :ivar path: what follows the address of the endpoint
    :ivar query: what stands behind the ``?`` of the address
    :ivar statuses: such as ``2xx``; one of them
    :ivar form: ``boolean``, ``tabular``, ``RDF``, or empty if any will do
    """

    method: str
    path: str
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
    """One test: the named graphs that it counts on, and its requests in their order.

    :ivar graph_store: whether it is about the Graph Store Protocol
    """

    graph_store: bool
    name: str
    title: str
    graphs: tuple[tuple[str, Path], ...]
    requests: tuple[Request, ...]

    @property
    def left_out(self) -> str:
        """Why it is not run; empty if it is."""
        return LEFT_OUT.get(self.name, "")

    def address(self, url: str, request: Request) -> str:
        """Return where a request goes.

        :param url: of the program
        """
        changes = self.graph_store or request.changes
        query = f"?{request.query}" if request.query else ""
        return f"{url}/sparql{'/update' if changes else ''}{request.path}{query}"


def cases() -> list[Case]:
    """Every test of the manifests, in their order."""
    files = [DATA / "manifest.ttl", GRAPH_STORE / "manifest-direct.ttl", GRAPH_STORE / "manifest-indirect.ttl"]
    found = []
    for file in files:
        graph = rdflib.Graph().parse(file, publicID=file.as_uri())
        (listed,) = graph.objects(None, MF.entries)
        found += [read_case(graph, entry) for entry in Collection(graph, listed)]
    return found


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
    return Case(
        (entry, rdflib.RDF.type, MF.GraphStoreProtocolTest) in graph,
        str(entry).split("#")[-1],
        str(graph.value(entry, MF.name)),
        tuple(sorted(graphs)),
        tuple(requests),
    )


def read_request(graph: rdflib.Graph, request: Node) -> Request:
    body = graph.value(request, HT.body)
    answer = graph.value(request, HT.resp)
    headers = [
        (str(graph.value(header, HT.fieldName)), str(graph.value(header, HT.fieldValue)))
        for header in items(graph, request, HT.headers)
    ]
    statuses = [
        str(status).split("#")[-1].removeprefix("StatusCode") for status in graph.objects(answer, MF.expectedStatus)
    ]
    address = urlsplit(str(graph.value(request, HT.absolutePath)))
    boolean = graph.value(answer, MF.expectedBoolean)
    return Request(
        method=str(graph.value(request, HT.methodName)),
        path=address.path.removeprefix("/gsp") if address.path.startswith("/gsp") else "",
        query=address.query,
        headers=tuple(headers),
        body=None
        if body is None
        else str(graph.value(body, CNT.chars)).encode(str(graph.value(body, CNT.characterEncoding))),
        statuses=tuple(sorted(STATUSES.get(status, status) for status in statuses)),
        boolean=None if boolean is None else str(boolean) == "true",
        form=str(graph.value(answer, MF.expectedFormat) or ""),
    )


def items(graph: rdflib.Graph, subject: Node, predicate: Node) -> Iterator[Node]:
    first = graph.value(subject, predicate)
    return iter(()) if first is None else iter(Collection(graph, first))


# Running


def ask(client: httpx.Client, url: str, case: Case, request: Request) -> httpx.Response:
    """Send one request as the test has it, with no header of content that it does not have, but with a token."""
    headers = [*request.headers, ("Authorization", f"Bearer {TOKEN}")]
    return client.request(request.method, case.address(url, request), headers=headers, content=request.body)


def failure(case: Case, url: str) -> str:
    """What is wrong with the answers to a test; empty if nothing.

    :param url: of the program
    """
    with httpx.Client(timeout=20, follow_redirects=True) as client:
        for request in case.requests:
            answer = ask(client, url, case, request)
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
    """The program, over a store on disk that has the graphs of all tests beside the knowledge, with a token."""
    graphs = {name: file for case in cases() for name, file in case.graphs}
    store = f"file:{home / 'store'}"
    settings = {"MSKGRAPH_ONTOLOGY": str(ontology)} if ontology else {}
    home.mkdir(parents=True, exist_ok=True)
    settings_file = home / "access.toml"
    settings_file.write_text(f'[tokens.tests]\nsha256 = "{digest(TOKEN)}"\nrole = "accept"\n', "utf-8")
    settings_file.chmod(0o600)
    load(graphs, store, app_environment(home, settings))
    with running_app(home, ontology=ontology, settings={"MSKGRAPH_STORE": store}) as app:
        yield app


# The table


def result_of(case: Case, url: str) -> str:
    """What the table says of a test."""
    if case.left_out:
        return f"left out: {case.left_out}"
    return failure(case, url) or "passed"


def page(results: Sequence[tuple[Case, str]]) -> str:
    """The page with the table."""
    queries, updates, graphs = (
        [(case, result) for case, result in results if kind(case) == wanted] for wanted in ("query", "update", "graph")
    )
    lines = [
        "# The SPARQL Protocols, tested",
        "",
        "Written by `python -m tests.w3c_protocol`; `tests/test_w3c_protocol.py` holds that it is true.",
        "",
        "The tests are those that the W3C publishes for the SPARQL 1.1 Protocol ([where they come "
        "from](../tests/data/w3c-protocol/README.md)) and the SPARQL 1.1 Graph Store HTTP Protocol "
        "([likewise](../tests/data/w3c-graph-store/README.md)), unchanged. They are sent with a token, as nothing "
        "can be changed without one ([how](sparql.md#changing-the-knowledge)).",
        "",
        "A test that is left out counts on what this program refuses on purpose: it has one graph that can be written, "
        "and what would stand in it is checked first. That each such change is refused, and that nothing is changed by "
        "it, is tested too.",
        "",
        "## Queries",
        "",
        *table(queries),
        "",
        "## Updates",
        "",
        *table(updates),
        "",
        "## The Graph Store Protocol",
        "",
        *table(graphs),
    ]
    return "\n".join(lines) + "\n"


def kind(case: Case) -> str:
    """What a test is about."""
    if case.graph_store:
        return "graph"
    return "update" if any(request.changes for request in case.requests) else "query"


def table(results: Sequence[tuple[Case, str]]) -> list[str]:
    """The lines of one table, and how many tests passed."""
    run = [result for case, result in results if not case.left_out]
    left = len(results) - len(run)
    return [
        f"{run.count('passed')} of {len(run)} pass{f'; {left} are left out' if left else ''}.",
        "",
        "| Test | What it asks | Result |",
        "|---|---|---|",
        *(f"| `{case.name}` | {case.title} | {result} |" for case, result in results),
    ]


def main() -> int:
    """Run every test and write the page."""
    with tempfile.TemporaryDirectory() as folder, app_with_graphs(Path(folder)) as app:
        results = [(case, result_of(case, app.url)) for case in cases()]
    TABLE.write_text(page(results), encoding="utf-8")
    failed = [f"{case.name}: {result}" for case, result in results if not case.left_out and result != "passed"]
    print(f"Written to {TABLE}.", *failed, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
