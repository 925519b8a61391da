"""Queries that strangers wrote: they run apart, without network, and are stopped at their limits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyoxigraph
import pytest
from rdflib import Graph
from rdflib.compare import isomorphic

from mskgraph import KnowledgeGraph, located
from mskgraph.errors import AnswerNotAcceptable, OntologyInvalid, QueryError, QueryStopped
from mskgraph.sparql import Request, Worker, guard
from mskgraph.sparql.answering import GRAPHS
from mskgraph.sparql.guard import without_service
from mskgraph.store import ASSERTED_GRAPH, DERIVED_GRAPH, Dataset, query_names, query_text
from tests.processes import children_of, soon

# Takes the barriers away one by one, in a process that may be spoiled.
BARRIERS = r"""
import json, sys
from mskgraph.errors import MskGraphError
from mskgraph.sparql import child, guard
from mskgraph.store import EmbeddedStore, whole

store = EmbeddedStore()
for line in sys.stdin:
    job = json.loads(line)
    query = guard.without_service(job["query"]) if job["guard"] else job["query"]
    said = {}
    try:
        if job["shut"]:
            child._in_a_fork(lambda: (guard.shut_network(), whole(store.evaluate(query))))
        else:
            said = {"body": whole(store.evaluate(query)).body.decode()}
    except MskGraphError as error:
        said = {"error": type(error).__name__, "text": str(error)}
    print(json.dumps(said), flush=True)
"""

SERVER = r"""
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def answer(self):
        with open(sys.argv[1], "a") as log:
            log.write(self.command + " " + self.path + "\n")
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b'{"head":{"vars":["s"]},"results":{"bindings":[{"s":{"type":"literal","value":"leaked"}}]}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/sparql-results+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""

Said = dict[str, Any]
Ask = Callable[..., Said]


@contextmanager
def child(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker(*located()[:4]) as worker:
        yield worker


@pytest.fixture(scope="module")
def ask(worker: Worker) -> Ask:
    """Run one query: ``ask(query, timeout=1.0)``."""

    def ask(query: str, **options: Any) -> Said:
        started = time.monotonic()
        try:
            answer, end, _ = worker.run(Request(query, **options))
            said = {"kind": answer.kind, "body": answer.body.decode(), "rows": end.rows, "truncated": end.truncated}
        except QueryStopped as error:
            said = {"error": "QueryStopped", "limit": error.limit, "text": str(error)}
        except QueryError as error:
            said = {"error": "QueryError", "line": error.line, "column": error.column, "text": str(error)}
        return said | {"seconds": time.monotonic() - started}

    return ask


@pytest.fixture(scope="module")
def bare() -> Iterator[Ask]:
    """Give a query to the engine with a barrier less: ``bare(query, guard=False, shut=True)``."""
    with child(BARRIERS) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        requests, answers = process.stdin, process.stdout

        def bare(query: str, *, guard: bool, shut: bool) -> Said:
            requests.write(json.dumps({"query": query, "guard": guard, "shut": shut}) + "\n")
            requests.flush()
            said: Said = json.loads(answers.readline())
            return said

        yield bare


class Listener:
    """A web server in another process, and what was asked of it."""

    def __init__(self, port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        self._log = log

    def requests(self) -> list[str]:
        return self._log.read_text("utf-8").splitlines() if self._log.exists() else []


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    log = tmp_path_factory.mktemp("listener") / "requests.txt"
    with child(SERVER, str(log)) as process:
        assert process.stdout is not None
        yield Listener(int(process.stdout.readline()), log)


@pytest.fixture
def listener(listening: Listener) -> Listener:
    """The web server, shown to hear what is asked of it."""
    before = len(listening.requests())
    with urllib.request.urlopen(listening.url + "control") as answer:
        assert b"leaked" in answer.read()
    assert len(listening.requests()) == before + 1
    return listening


def runner() -> int:
    """The process of the worker that was started last."""
    return children_of(os.getpid(), "mskgraph.sparql.child")[-1]


def rows(said: Said) -> list[dict[str, str]]:
    bindings = json.loads(said["body"])["results"]["bindings"]
    return [{name: term["value"] for name, term in row.items()} for row in bindings]


# What is allowed


def test_a_select_is_answered(ask: Ask) -> None:
    said = ask("SELECT ?l WHERE { msk:phlebolith skos:prefLabel ?l }")
    assert said["kind"] == "select"
    assert rows(said) == [{"l": "phlebolith"}]


@pytest.mark.parametrize(("pattern", "expected"), [("msk:phlebolith ?p ?o", True), ("msk:nothing ?p ?o", False)])
def test_an_ask_is_answered(ask: Ask, pattern: str, expected: bool) -> None:
    said = ask(f"ASK {{ {pattern} }}")
    assert (said["kind"], json.loads(said["body"])["boolean"]) == ("ask", expected)


@pytest.mark.parametrize("form", ["CONSTRUCT WHERE { msk:phlebolith skos:prefLabel ?l }", "DESCRIBE msk:phlebolith"])
def test_a_graph_is_answered(ask: Ask, form: str) -> None:
    said = ask(form)
    assert said["kind"] == "graph"
    assert '"phlebolith"@en .' in said["body"]


def test_the_answer_is_that_of_the_store(ask: Ask) -> None:
    query = "SELECT ?s ?p ?o WHERE { ?s ?p ?o FILTER(?s IN (msk:phlebolith, msk:cysticercosis)) } ORDER BY ?s ?p ?o"
    assert ask(query)["body"] == KnowledgeGraph.open().store.answer(query).body.decode()


def test_many_queries_leave_no_open_file_and_no_process(worker: Worker, ask: Ask) -> None:
    def files() -> tuple[int, int]:
        process = runner()
        return len(os.listdir("/proc/self/fd")), len(os.listdir(f"/proc/{process}/fd"))

    ask("ASK {}")
    before = files()
    for _ in range(5):
        ask("SELECT * WHERE { ?s skos:prefLabel ?o }")
        ask("not a query")
        with worker.open(Request(RUNAWAYS["cross product, counted"])):
            pass  # and leave it
    assert soon(lambda: not children_of(runner()) and all(map(int.__le__, files(), before)), 5)


# What is refused


@pytest.mark.parametrize(
    ("query", "line", "column"),
    [
        ("SELECT ?x WHERE { ?x }", 1, 23),
        ("SELECT ?x\nWHERE {\n  ?x ?p }", 3, 10),
        ("SELECT ('service' AS ?y)\nWHERE {\n  ?x ?p }", 3, 10),
    ],
)
def test_a_syntax_error_has_its_place(ask: Ask, query: str, line: int, column: int) -> None:
    said = ask(query)
    assert (said["error"], said["line"], said["column"]) == ("QueryError", line, column)
    assert f"line {line}, column {column}" in said["text"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ('service' AS ?x) { ?s ?p }",
        "SELECT ?x WHERE { ?x ?p 'service', <http://x/Service> ; }, }",
        "# service\nSELECT ('a\u00e9service' AS ?x) ('self-service' AS ?y) { ?s ?p }",
    ],
)
def test_the_letters_service_do_not_shift_the_place_of_an_error(ask: Ask, query: str) -> None:
    said, expected = ask(query), ask(query.replace("ervice", "erwice"))
    assert (said["line"], said["column"]) == (expected["line"], expected["column"])
    assert f"line {expected['line']}, column {expected['column']}" in said["text"]


# Each of these made a request in the past, or would if the engine read it as it is written.
SERVICES = {
    "plain": "SELECT * { SERVICE <URL> { ?s ?p ?o } }",
    "small letters": "SELECT * { service <URL> { ?s ?p ?o } }",
    "mixed letters": "SELECT * { sErViCe <URL> { ?s ?p ?o } }",
    "silent": "SELECT * { SERVICE SILENT <URL> { ?s ?p ?o } }",
    "silent without a space": "SELECT * { SERVICESILENT <URL> { ?s ?p ?o } }",
    "a prefix without a space": "PREFIX u: <URL> SELECT * { SERVICEu:x { ?s ?p ?o } }",
    "after a boolean": "SELECT * { ?a ?b trueSERVICE <URL> { ?s ?p ?o } }",
    "after a number": "SELECT * { ?a ?b 1SERVICE <URL> { ?s ?p ?o } }",
    "behind a less-than sign": "SELECT * { BIND(1 AS ?c) FILTER(0<?c)SERVICE#>\n<URL> { ?s ?p ?o } }",
    "in exists": "ASK { ?a ?b ?c FILTER EXISTS { SERVICE <URL> { ?s ?p ?o } } }",
    "in optional": "SELECT * { OPTIONAL { SERVICE <URL> { ?s ?p ?o } } }",
    "in a subquery": "SELECT * { { SELECT ?s { SERVICE <URL> { ?s ?p ?o } } } }",
    "in a construct": "CONSTRUCT { ?s ?p ?o } WHERE { SERVICE <URL> { ?s ?p ?o } }",
    "by the base": "BASE <URL> SELECT * { SERVICE <> { ?s ?p ?o } }",
    "by a variable": "SELECT * { BIND(<URL> AS ?u) SERVICE ?u { ?s ?p ?o } }",
    "escaped": "SELECT * { \\u0053ERVICE <URL> { ?s ?p ?o } }",
    "escaped inside": "SELECT * { S\\u0045RVICE <URL> { ?s ?p ?o } }",
    "with a long s": "SELECT * { \u017fERVICE <URL> { ?s ?p ?o } }",
    "after a comment": "SELECT * { # nothing\nSERVICE <URL> { ?s ?p ?o } }",
}


@pytest.mark.parametrize("query", SERVICES.values(), ids=SERVICES.keys())
def test_no_query_reaches_the_network(ask: Ask, listener: Listener, query: str) -> None:
    before = listener.requests()
    said = ask(query.replace("URL", listener.url))
    assert said.get("error") == "QueryError"
    assert "leaked" not in json.dumps(said)
    assert listener.requests() == before


def test_each_of_two_barriers_holds_alone(bare: Ask, listener: Listener) -> None:
    """The engine does not see the word; and where it would, the child has no sockets."""
    before = listener.requests()
    for query in SERVICES.values():
        said = bare(query.replace("URL", listener.url), guard=True, shut=False)
        assert said.get("error") == "QueryError", query
        bare(query.replace("URL", listener.url), guard=False, shut=True)
    assert listener.requests() == before


def test_without_barriers_the_engine_asks(bare: Ask, listener: Listener) -> None:
    """What the barriers are for: should this fail one day, the engine has changed and they may be changed too."""
    before = listener.requests()
    said = bare(SERVICES["plain"].replace("URL", listener.url), guard=False, shut=False)
    assert "leaked" in said["body"]
    assert len(listener.requests()) == len(before) + 1


def test_a_refused_service_is_told_as_such(ask: Ask) -> None:
    said = ask("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }")
    assert said["text"].startswith("SERVICE is not allowed")


def test_the_letters_mean_themselves_in_text(ask: Ask) -> None:
    said = ask(
        "# SERVICE, service\n"
        "SELECT ('self-service' AS ?a) ('''SERVICE\nSERVICE''' AS ?b) (<http://x/Service> AS ?c)\n"
        "  (REGEX('a Service here', 'SERVICE', 'i') AS ?d) (STRLEN('service') AS ?e)\n"
        'WHERE {} # service "SERVICE'
    )
    assert rows(said) == [
        {"a": "self-service", "b": "SERVICE\nSERVICE", "c": "http://x/Service", "d": "true", "e": "7"}
    ]


@pytest.mark.parametrize("text", ["", "SELECT * {}", "ser vice", "resERVICEs", "SERVICESERVICE"])
def test_only_the_one_letter_is_rewritten(text: str) -> None:
    rewritten = without_service(text)
    assert "service" not in rewritten.lower()
    assert rewritten.replace("\\u0053", "S").replace("\\u0073", "s") == text


@pytest.mark.parametrize(
    "update",
    [
        "LOAD <URL>",
        "LOAD SILENT <URL> INTO GRAPH <http://x/g>",
        "LOAD <file:///etc/passwd>",
        "INSERT DATA { <http://x/a> <http://x/p> 1 }",
        "INSERT { ?s ?p 1 } WHERE { ?s ?p ?o }",
        "DELETE WHERE { ?s ?p ?o }",
        "DROP ALL",
        "CLEAR DEFAULT",
        "SELECT * {} ; DROP ALL",
    ],
)
def test_an_update_is_refused(ask: Ask, listener: Listener, update: str) -> None:
    before, count = listener.requests(), "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
    triples = rows(ask(count))
    assert ask(update.replace("URL", listener.url))["error"] == "QueryError"
    assert rows(ask(count)) == triples
    assert listener.requests() == before


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { SERVICE <file:///etc/passwd> { ?s ?p ?o } }",
        "SELECT * FROM <file:///etc/passwd> { ?s ?p ?o }",
        "SELECT * FROM NAMED <file:///etc/passwd> { GRAPH <file:///etc/passwd> { ?s ?p ?o } }",
        "SELECT * FROM <URL> { ?s ?p 'leaked' }",
        "SELECT * { GRAPH <URL> { ?s ?p ?o } }",
    ],
)
def test_no_file_and_no_address_is_read(ask: Ask, listener: Listener, query: str) -> None:
    before = listener.requests()
    said = ask(query.replace("URL", listener.url))
    assert "root:" not in json.dumps(said)
    assert "leaked" not in said.get("body", "")
    assert listener.requests() == before


# Limits

RUNAWAYS = {
    "cross product, counted": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }",
    "unbounded path, counted": "SELECT (COUNT(*) AS ?n) { ?a (!<http://x>|^!<http://x>)* ?b . ?c (!<http://x>)* ?d }",
    "cross product, grouped": "SELECT ?a (COUNT(?d) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l } GROUP BY ?a",
    "cross product, nothing found": "ASK { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(STR(?a) = CONCAT(STR(?d), 'x')) }",
}


@pytest.mark.parametrize("query", RUNAWAYS.values(), ids=RUNAWAYS.keys())
def test_a_runaway_is_stopped_in_time(ask: Ask, query: str) -> None:
    said = ask(query, timeout=0.7)
    assert (said["error"], said["limit"]) == ("QueryStopped", "time")
    assert 0.7 <= said["seconds"] < 1.7
    assert "0.7 s" in said["text"]


def test_a_memory_bomb_is_stopped(ask: Ask) -> None:
    said = ask("SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?a ?d ?h", timeout=30)
    assert (said["error"], said["limit"]) == ("QueryStopped", "memory")
    assert "500 MB" in said["text"]


def test_a_result_too_large_is_stopped(ask: Ask) -> None:
    said = ask("SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 200000", timeout=30)
    assert (said["error"], said["limit"]) == ("QueryStopped", "size")
    assert "LIMIT" in said["text"]


def test_a_graph_too_large_is_stopped(ask: Ask) -> None:
    construct = "CONSTRUCT { ?a ?b ?e } WHERE { ?a ?b ?c . ?d ?g ?f BIND(CONCAT(STR(?d), STR(?g), STR(?f)) AS ?e) }"
    assert ask(construct + " LIMIT 400000", timeout=30).get("limit") in ("size", "memory")


def test_after_every_stop_the_next_query_is_answered(ask: Ask) -> None:
    for query in (RUNAWAYS["cross product, counted"], "SELECT * {"):
        ask(query, timeout=0.3)
        assert ask("ASK {}")["kind"] == "ask"


def test_a_query_nested_too_deeply_is_told(ask: Ask) -> None:
    said = ask("ASK " + "{" * 50_000 + "}" * 50_000)
    assert "nested too deeply" in said["text"] or said.get("limit") == "memory"
    assert ask("ASK {}")["kind"] == "ask"


# Forms and limits that are asked for


@pytest.mark.parametrize("limit", [0, 1, 7, 10_000])
def test_only_the_first_rows_are_given_where_so_many_are_asked_for(ask: Ask, limit: int) -> None:
    query = "SELECT ?s ?o WHERE { ?s skos:broader ?o } ORDER BY ?s ?o"
    everything, said = rows(ask(query)), ask(query, rows=limit)
    assert rows(said) == everything[:limit]
    assert (said["rows"], said["truncated"]) == (min(limit, len(everything)), limit < len(everything))


def test_a_row_keeps_its_terms_where_rows_are_counted(ask: Ask) -> None:
    query = (
        """SELECT * { VALUES (?a ?b) { ("two\\nlines\\t\\"quoted\\""@en 1.50) (<http://x/a> UNDEF) (UNDEF UNDEF) } }"""
    )
    assert json.loads(ask(query, rows=3)["body"]) == json.loads(ask(query)["body"])


def test_only_the_first_triples_are_given_where_so_many_are_asked_for(ask: Ask) -> None:
    said = ask("DESCRIBE msk:gout", rows=3)
    assert (said["body"].count("\n"), said["rows"], said["truncated"]) == (3, 3, True)


@pytest.mark.parametrize(
    ("media", "start"),
    [
        ("application/sparql-results+json", '{"head"'),
        ("application/sparql-results+xml", "<?xml"),
        ("text/csv", "l\r\nphlebolith"),
        ("text/tab-separated-values", "?l\n"),
    ],
)
def test_a_table_comes_in_the_form_asked_for(ask: Ask, media: str, start: str) -> None:
    said = ask("SELECT ?l WHERE { msk:phlebolith skos:prefLabel ?l }", table=media)
    assert said["body"].startswith(start)


@pytest.mark.parametrize("media", GRAPHS)
def test_a_graph_comes_in_the_form_asked_for(ask: Ask, media: str) -> None:
    def triples(media: str) -> Graph:
        body = ask("DESCRIBE msk:phlebolith", graph=media)["body"].encode()
        # Read by the engine: of itself, rdflib 7.6 warns when it reads JSON-LD.
        quads = pyoxigraph.parse(body, pyoxigraph.RdfFormat.from_media_type(media))
        return Graph().parse(data="".join(f"{quad.triple} .\n" for quad in quads), format="nt")

    assert isomorphic(triples(media), triples("application/n-triples"))


def test_an_answer_of_another_form_than_asked_for_is_refused(worker: Worker) -> None:
    with pytest.raises(AnswerNotAcceptable, match="a graph"):
        worker.run(Request("DESCRIBE msk:phlebolith", graph=None))
    with pytest.raises(AnswerNotAcceptable, match="a table"):
        worker.run(Request("ASK {}", table=None))


# Which graphs


def graph_count(ask: Ask, query: str, dataset: Dataset | None = None) -> int:
    return int(rows(ask(query, dataset=dataset))[0]["n"])


def test_a_query_without_a_dataset_sees_all_graphs_as_one(ask: Ask) -> None:
    asserted, derived = (
        graph_count(ask, f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}")
        for graph in (ASSERTED_GRAPH, DERIVED_GRAPH)
    )
    assert min(asserted, derived) > 0
    everything = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
    assert graph_count(ask, everything) == asserted + derived
    assert graph_count(ask, everything.replace("{ ?s", f"FROM <{DERIVED_GRAPH}> {{ ?s")) == derived
    assert graph_count(ask, everything.replace("{ ?s", "FROM <http://x/nothing> { ?s")) == 0
    assert graph_count(ask, everything, Dataset((ASSERTED_GRAPH,), ())) == asserted
    assert graph_count(ask, everything, Dataset((), (ASSERTED_GRAPH,))) == 0
    over = everything.replace("{ ?s", f"FROM <{DERIVED_GRAPH}> {{ ?s")
    assert graph_count(ask, over, Dataset((ASSERTED_GRAPH,))) == asserted, "the protocol's dataset wins"
    named = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
    assert graph_count(ask, named, Dataset((), (DERIVED_GRAPH,))) == derived


# The process


def test_a_worker_whose_process_is_killed_starts_another() -> None:
    with Worker(*located()[:4]) as worker:
        worker.start()
        process = runner()
        os.kill(process, signal.SIGKILL)
        assert soon(lambda: process not in children_of(os.getpid()), 5)  # dead, its sockets closed
        assert worker.run(Request("ASK {}")).answer.kind == "ask"


def test_closing_a_worker_ends_its_process_and_queries() -> None:
    worker = Worker(*located()[:4])
    reply = worker.open(Request(RUNAWAYS["cross product, counted"]))
    process = runner()
    assert soon(lambda: bool(children_of(process)), 5)
    (child,) = children_of(process)
    worker.close()
    assert soon(lambda: not any(Path(f"/proc/{one}/fd/0").exists() for one in (process, child)), 5)
    reply.close()


def test_queries_of_many_threads_are_answered_each_with_its_own(ask: Ask) -> None:
    with ThreadPoolExecutor(12) as threads:
        found = threads.map(lambda number: rows(ask(f"SELECT ({number} AS ?n) {{}}"))[0]["n"], range(60))
        assert list(found) == [str(number) for number in range(60)]


def test_a_runaway_does_not_keep_others_waiting(worker: Worker, ask: Ask) -> None:
    with (
        worker.open(Request(RUNAWAYS["cross product, counted"])),
        worker.open(Request(RUNAWAYS["cross product, grouped"])),
    ):
        assert ask("ASK {}")["seconds"] < 1


def test_an_ontology_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.ttl"
    broken.write_text("no turtle", "utf-8")
    with Worker([broken], "", "") as worker, pytest.raises(OntologyInvalid, match=r"broken\.ttl"):
        worker.start()


def test_an_engine_that_cannot_be_shut_off_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard.platform, "machine", lambda: "riscv64")
    with pytest.raises(QueryError, match="x86-64 or ARM64"):
        guard.check_machine()


# Queries for another engine


@pytest.mark.parametrize("query", [*SERVICES.values(), "ASK { FILTER(<bif:x>(1)) }", "PREFIX s: <sql:> ASK {}"])
def test_what_another_engine_might_run_is_refused(query: str) -> None:
    with pytest.raises(QueryError, match="not allowed"):
        guard.check_for_other_engines(query)


def test_what_another_engine_reads_as_we_do_is_let_through() -> None:
    for name in query_names():
        guard.check_for_other_engines(query_text(name))
