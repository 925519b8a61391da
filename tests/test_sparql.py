"""Queries that strangers wrote: they run apart, without network, and are stopped at their limits."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mskgraph import sparql
from mskgraph.errors import QueryError
from mskgraph.sparql import without_service
from mskgraph.store import EmbeddedStore

# Free queries need a process with one thread, which a test worker is not; this one reads queries line by line.
RUNNER = r"""
import json, os, sys, time
from mskgraph import KnowledgeGraph, sparql
from mskgraph.errors import MskGraphError, QueryError, QueryStopped

store = KnowledgeGraph.open().store
guard = sparql.without_service
home, kill = os.getpid(), os.kill
for line in sys.stdin:
    job = json.loads(line)
    sparql.without_service = guard if job.get("guard", True) else (lambda query: query)
    started = time.monotonic()
    if job.get("slow_kill"):  # a parent that the system lets wait before it ends its child
        os.kill = lambda pid, signal: (time.sleep(0.3), kill(pid, signal))
    try:
        if job.get("shut", True):
            answer = sparql.run(store, job["query"], job.get("timeout", 10.0))
        else:
            answer = store.answer(sparql.without_service(job["query"]))
        said = {"kind": answer.kind, "body": answer.body.decode()[:100_000]}
    except QueryStopped as error:
        said = {"error": "QueryStopped", "limit": error.limit, "text": str(error)}
    except QueryError as error:
        said = {"error": "QueryError", "line": error.line, "column": error.column, "text": str(error)}
    except BaseException as error:
        said = {"error": type(error).__name__, "text": str(error)}
    os.kill = kill
    said["seconds"] = time.monotonic() - started
    if os.getpid() != home:  # a child that came back here instead of ending
        os.write(1, b'{"escaped": true}\n')
        os._exit(1)
    try:
        os.waitpid(-1, os.WNOHANG)
        said["children"] = True
    except ChildProcessError:
        said["children"] = False
    said["files"] = len(os.listdir("/proc/self/fd"))
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
def ask() -> Iterator[Ask]:
    """Run one query: ``ask(query, timeout=1.0)``."""
    with child(RUNNER) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        requests, answers = process.stdin, process.stdout

        def ask(query: str, **job: Any) -> Said:
            requests.write(json.dumps({"query": query, **job}) + "\n")
            requests.flush()
            said: Said = json.loads(answers.readline())
            if "escaped" in said:
                answers.readline()  # what the parent says itself
            assert "escaped" not in said, "a child process ran on with the code of its parent"
            assert not said["children"]
            return said

        yield ask


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
    assert ask(query)["body"] == ask(query, shut=False)["body"]


def test_many_queries_leave_no_open_file(ask: Ask) -> None:
    before = ask("ASK {}")["files"]
    for _ in range(5):
        ask("SELECT * WHERE { ?s skos:prefLabel ?o }")
        ask("not a query")
    assert ask("ASK {}")["files"] == before


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


def test_each_of_two_barriers_holds_alone(ask: Ask, listener: Listener) -> None:
    """The engine does not see the word; and where it would, the child has no sockets."""
    before = listener.requests()
    for query in SERVICES.values():
        said = ask(query.replace("URL", listener.url), shut=False)
        assert said.get("error") == "QueryError", query
        ask(query.replace("URL", listener.url), guard=False)
    assert listener.requests() == before


def test_without_barriers_the_engine_asks(ask: Ask, listener: Listener) -> None:
    """What the barriers are for: should this fail one day, the engine has changed and they may be changed too."""
    before = listener.requests()
    said = ask(SERVICES["plain"].replace("URL", listener.url), guard=False, shut=False)
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


def test_a_stopped_child_does_not_run_on(ask: Ask) -> None:
    """It finds its pipe closed before it is ended: then it must not come back into the code of its parent."""
    assert ask("SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 200000", timeout=30, slow_kill=True)["limit"] == "size"
    assert ask("ASK {}")["kind"] == "ask"


def test_a_graph_too_large_is_stopped(ask: Ask) -> None:
    construct = "CONSTRUCT { ?a ?b ?e } WHERE { ?a ?b ?c . ?d ?g ?f BIND(CONCAT(STR(?d), STR(?g), STR(?f)) AS ?e) }"
    assert ask(construct + " LIMIT 400000", timeout=30).get("limit") in ("size", "memory")


def test_after_every_stop_the_next_query_is_answered(ask: Ask) -> None:
    for query in (RUNAWAYS["cross product, counted"], "SELECT * {"):
        ask(query, timeout=0.3)
        assert ask("ASK {}")["kind"] == "ask"


def test_a_process_with_several_threads_is_told() -> None:
    code = (
        "import os, threading, time\n"
        "from mskgraph import sparql\n"
        "from mskgraph.errors import QueryError\n"
        "from mskgraph.store import EmbeddedStore\n"
        "done = threading.Event()\n"
        "thread = threading.Thread(target=done.wait)\n"
        "thread.start()\n"
        "try:\n    sparql.run(EmbeddedStore(), 'ASK {}')\n"
        "except QueryError as error:\n    print(error)\n"
        "done.set()\nthread.join()\n"
        "while len(os.listdir('/proc/self/task')) > 1:\n    time.sleep(0.01)\n"
        "print(sparql.run(EmbeddedStore(), 'ASK {}').kind)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    first, second = done.stdout.splitlines()
    assert "one thread" in first
    assert second == "ask"


def test_an_engine_that_cannot_be_shut_off_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparql.platform, "machine", lambda: "riscv64")
    started = time.monotonic()
    with pytest.raises(QueryError, match="x86-64 or ARM64"):
        sparql.run(EmbeddedStore(), "ASK {}")
    assert time.monotonic() - started < 1
