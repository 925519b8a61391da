"""Queries without end, and many clients at once: what was begun ends in time, and nobody else waits for it.

Also looked at from outside, through Linux's ``/proc``: a query that is gone uses no processor and no memory any more.
"""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page

from benchmarks.load import expected, measure
from benchmarks.pages import HELPERS, arm, settled
from tests.app_process import RunningApp, running_app
from tests.conftest import NewPage
from tests.processes import memory_of, processes_of, seconds_used, soon
from tests.test_browser import open_page
from tests.test_sparql import RUNAWAYS as COUNTED

pytestmark = pytest.mark.xdist_group("runaway")

SPARQL: Final = "/sparql"
LIMIT: Final = 1.0
TO_TAKE: Final = 5.0  # seconds beyond the limit in which an answer may be taken
MEGABYTE: Final = 1_000_000

RUNAWAYS: Final = {
    **COUNTED,
    "unbounded path": "SELECT (COUNT(*) AS ?n) { ?a (!(<x:y>|^<x:y>))* ?b . ?c (!<x:y>|^(!<x:y>))* ?d }",
    "path, distinct": "SELECT (COUNT(DISTINCT ?a) AS ?n) { ?a (!<x:y>)* ?b . ?b (!<x:y>)* ?c . ?d (!<x:y>)+ ?e }",
    "cross product, ordered": "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?a ?d ?h LIMIT 1",
    "cross product, distinct": "SELECT DISTINCT ?a ?d ?g { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?i LIMIT 1",
    "construct": "CONSTRUCT { ?a ?b ?c } { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(STR(?a) = CONCAT(STR(?i), 'x')) }",
    "describe": "DESCRIBE ?a { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(STR(?a) = CONCAT(STR(?d), STR(?g), 'x')) }",
}
DOUBLING: Final = (
    "SELECT (STRLEN(?x40) AS ?n) { BIND('xxxxxxxxxxxxxxxx' AS ?x0) "
    + " ".join(f"BIND(CONCAT(?x{n}, ?x{n}) AS ?x{n + 1})" for n in range(40))
    + " }"
)
EATERS: Final = {
    "a text that doubles": DOUBLING,
    "a cross product, ordered": "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?a ?d ?h",
    "a cross product in one text": "SELECT (GROUP_CONCAT(STR(?c)) AS ?x) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "many groups": "SELECT ?a ?d ?g (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } GROUP BY ?a ?d ?g",
}


@dataclass
class Program:
    """The running program, and what it was like at rest.

    :ivar processes: how many it has
    :ivar memory: bytes that they use
    """

    app: RunningApp
    processes: int
    memory: int

    def client(self, address: str = "127.0.0.1") -> httpx.Client:
        """A client; all of 127.0.0.0/8 is this machine, so that it may have an address of its own."""
        transport = httpx.HTTPTransport(local_address=address)
        return httpx.Client(base_url=self.app.url, timeout=60, trust_env=False, transport=transport)

    def forked(self) -> int:
        """How many processes there are beyond those at rest."""
        return len(processes_of(self.app.home)) - self.processes

    def is_busy(self) -> bool:
        """Whether it works, though nobody asks."""
        before = seconds_used(self.app.home)
        time.sleep(0.3)
        return seconds_used(self.app.home) - before > 0.15

    def is_at_rest(self) -> bool:
        return self.forked() <= 0 and memory_of(self.app.home) < self.memory + 60 * MEGABYTE

    def expect_rest(self, seconds: float) -> None:
        assert soon(self.is_at_rest, seconds), (
            f"{self.forked()} processes more than at rest, "
            f"{(memory_of(self.app.home) - self.memory) / MEGABYTE:.0f} MB more"
        )
        assert not self.is_busy()


def at_rest(app: RunningApp) -> Program:
    with httpx.Client(base_url=app.url, timeout=60, trust_env=False) as client:
        for accept in ("text/turtle", "text/html"):  # what is read when first asked for
            client.get("/resource/phlebolith", headers={"Accept": accept}).raise_for_status()
        for _ in range(3):
            client.get(SPARQL, params={"query": "SELECT * { ?s ?p ?o }"}).raise_for_status()
    time.sleep(1)
    return Program(app, len(processes_of(app.home)), memory_of(app.home))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, seed_folder: Path) -> Iterator[Program]:
    home = tmp_path_factory.mktemp("runaway") / "home"
    with running_app(home, ontology=seed_folder, settings={"MSKGRAPH_QUERY_TIMEOUT": f"{LIMIT:g}"}) as app:
        yield at_rest(app)


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory, seed_folder: Path) -> Iterator[Program]:
    """One that would let a query run for long."""
    home = tmp_path_factory.mktemp("patient") / "home"
    with running_app(home, ontology=seed_folder, settings={"MSKGRAPH_QUERY_TIMEOUT": "45"}) as app:
        yield at_rest(app)


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory, seed_folder: Path) -> Iterator[Program]:
    """One whose store is on disk."""
    home = tmp_path_factory.mktemp("on_disk") / "home"
    settings = {"MSKGRAPH_QUERY_TIMEOUT": f"{LIMIT:g}", "MSKGRAPH_STORE": f"file:{home / 'store'}"}
    with running_app(home, ontology=seed_folder, settings=settings) as app:
        yield at_rest(app)


@pytest.fixture
def program(running: Program) -> Iterator[Program]:
    yield running
    with running.client() as client:
        assert client.get("/healthz").json()["status"] == "ok"
        assert client.get(SPARQL, params={"query": "ASK { ?s ?p ?o }"}).json()["boolean"] is True


# At the limit


@pytest.mark.parametrize("query", RUNAWAYS.values(), ids=RUNAWAYS.keys())
def test_a_runaway_is_gone_at_its_limit(program: Program, query: str) -> None:
    with program.client() as client:
        start = time.monotonic()
        answer = client.get(SPARQL, params={"query": query})
        took = time.monotonic() - start
    assert answer.status_code in (408, 500), answer.text
    assert took < LIMIT + 1
    if answer.status_code == 408:
        assert took > LIMIT - 0.1
        assert f"{LIMIT:g} s" in answer.text
    else:
        assert "500 MB" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    program.expect_rest(LIMIT + 1 - took)


@pytest.mark.parametrize("query", EATERS.values(), ids=EATERS.keys())
def test_what_eats_memory_is_gone_at_its_limit(program: Program, query: str) -> None:
    most = 0

    def watch() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, memory_of(program.app.home))
            time.sleep(0.05)

    done = threading.Event()
    watching = threading.Thread(target=watch)
    watching.start()
    with program.client() as client:
        start = time.monotonic()
        answer = client.get(SPARQL, params={"query": query})
        took = time.monotonic() - start
    done.set()
    watching.join()
    assert answer.status_code in (408, 500), answer.text
    assert "MB" in answer.text or answer.status_code == 408
    assert took < LIMIT + 1
    assert most < program.memory + 600 * MEGABYTE
    program.expect_rest(1)


@pytest.mark.parametrize("query", [COUNTED["unbounded path, counted"], *list(EATERS.values())[:2]])
def test_a_store_on_disk_has_the_same_limits(on_disk: Program, query: str) -> None:
    with on_disk.client() as client:
        start = time.monotonic()
        answer = client.get(SPARQL, params={"query": query})
        took = time.monotonic() - start
        assert answer.status_code in (408, 500), answer.text
        assert took < LIMIT + 1
        on_disk.expect_rest(1)
        assert client.get(SPARQL, params={"query": "ASK { ?s ?p ?o }"}).json()["boolean"] is True


def test_a_text_that_doubles_is_told_as_such(patient: Program) -> None:
    """It needs more memory than there may be long before its time is over."""
    with patient.client() as client:
        answer = client.get(SPARQL, params={"query": DOUBLING})
    assert (answer.status_code, "500 MB" in answer.text) == (500, True), answer.text


ENDLESS = "{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
FORMS = {
    "application/sparql-results+json": f"SELECT * {ENDLESS}",
    "application/sparql-results+xml": f"SELECT * {ENDLESS}",
    "text/csv": f"SELECT * {ENDLESS}",
    "text/tab-separated-values": f"SELECT * {ENDLESS}",
    "text/turtle": f"CONSTRUCT {{ ?a ?b ?f }} {ENDLESS}",
    "application/n-triples": f"CONSTRUCT {{ ?a ?b ?f }} {ENDLESS}",
    "application/rdf+xml": f"CONSTRUCT {{ ?a ?b ?f }} {ENDLESS}",
    "application/ld+json": f"CONSTRUCT {{ ?a ?b ?f }} {ENDLESS}",
}


def read(program: Program, query: str, headers: dict[str, str]) -> tuple[httpx.Response, int, bool]:
    """An answer, how many bytes of it came, and whether it was cut."""
    size = 0
    with program.client() as client:
        request = client.build_request("GET", SPARQL, params={"query": query}, headers=headers)
        answer = client.send(request, stream=True)
        try:
            for part in answer.iter_bytes():
                size += len(part)
        except httpx.RemoteProtocolError:
            return answer, size, True
        finally:
            answer.close()
    return answer, size, False


PACKED = ("text/csv", "text/turtle")


@pytest.mark.parametrize(
    ("media", "packed"), [*((media, "identity") for media in FORMS), *((media, "gzip") for media in PACKED)]
)
def test_an_answer_that_was_stopped_never_looks_whole(program: Program, media: str, packed: str) -> None:
    """Refused from the start, or cut so that every client notices; a table of rows that just ends would be believed."""
    start = time.monotonic()
    answer, size, cut = read(program, FORMS[media], {"Accept": media, "Accept-Encoding": packed})
    took = time.monotonic() - start
    assert cut or answer.status_code in (408, 500), f"{answer.status_code} with {size} bytes"
    assert size <= 51 * MEGABYTE
    # The limits are on the query; a slow reader may take longer.
    assert took < LIMIT + 3
    program.expect_rest(1)


def test_a_large_answer_within_the_limits_is_whole(program: Program) -> None:
    with program.client() as client:
        answer = client.get(
            SPARQL, params={"query": "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 20000"}, headers={"Accept": "text/csv"}
        )
    assert answer.status_code == 200
    assert len(list(csv.reader(io.StringIO(answer.text, newline="")))) == 20_001


def test_the_size_of_an_answer_has_a_limit(patient: Program) -> None:
    """With all the time it wants, an answer still ends at 50 MB."""
    answer, size, cut = read(patient, f"SELECT * {ENDLESS}", {"Accept": "text/csv"})
    assert answer.status_code == 200
    assert cut
    assert 40 * MEGABYTE < size <= 51 * MEGABYTE
    patient.expect_rest(1)


# Beside others


@contextmanager
def runaways(program: Program, count: int) -> Iterator[list[int]]:
    """Keep so many runaways running, each again and again; yields the statuses that they ended with."""
    ended: list[int] = []
    over = threading.Event()

    def run(query: str) -> None:
        with program.client() as client:
            while not over.is_set():
                answer = client.get(SPARQL, params={"query": query})
                ended.append(answer.status_code)
                if answer.status_code == 503:
                    over.wait(int(answer.headers["retry-after"]))

    queries = list(COUNTED.values())
    threads = [threading.Thread(target=run, args=[queries[n % len(queries)]]) for n in range(count)]
    for thread in threads:
        thread.start()
    try:
        assert soon(lambda: program.forked() >= min(count, 2), 5), "they are running"
        yield ended
    finally:
        over.set()
        for thread in threads:
            thread.join()


def slowest(ask: Callable[[], object], times: int) -> float:
    """The longest that something took."""
    seconds = []
    for _ in range(times):
        start = time.monotonic()
        ask()
        seconds.append(time.monotonic() - start)
        time.sleep(0.2)
    return max(seconds)


def test_others_are_answered_while_runaways_run(program: Program) -> None:
    """However many one client sends, there is room for another."""
    with program.client("127.0.0.2") as client, runaways(program, 6) as ended:

        def resource() -> None:
            answer = client.get("/resource/phlebolith", headers={"Accept": "text/html"})
            assert (answer.status_code, "phlebolith" in answer.text) == (200, True)

        def health() -> None:
            assert client.get("/healthz").json()["status"] == "ok"

        def query() -> None:
            answer = client.get(SPARQL, params={"query": "SELECT ?l { msk:phlebolith skos:prefLabel ?l }"})
            assert answer.status_code == 200, answer.text
            assert answer.json()["results"]["bindings"][0]["l"]["value"] == "phlebolith"

        assert slowest(resource, 5) < 1
        assert slowest(health, 5) < 1
        assert slowest(query, 5) < 1
    assert set(ended) <= {408, 500, 503}
    program.expect_rest(1)


def test_too_many_at_once_are_told_to_come_again(program: Program) -> None:
    """However many run away, each is refused or ended, the page lives on, and afterwards all is as before."""
    with program.client() as client, runaways(program, 40) as ended:
        assert slowest(lambda: client.get("/healthz").raise_for_status(), 10) < 1
        assert memory_of(program.app.home) < program.memory + 5_000 * MEGABYTE
        soon(lambda: 503 in ended, 5)
        answer = client.get(SPARQL, params={"query": "ASK {}"})
        if answer.status_code != 200:
            assert answer.status_code == 503
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert answer.headers["content-type"].startswith("text/plain")
    assert set(ended) == {408, 503} or set(ended) == {408, 500, 503}
    program.expect_rest(2)


def test_another_reader_gets_the_differential_while_runaways_run(
    program: Program, page_factory: NewPage, seed: Path
) -> None:
    page = page_factory()
    page.add_init_script(HELPERS)
    enter(page, program.app.url)  # what is read and made once
    alone = enter(page, program.app.url)
    with runaways(program, 2) as ended:
        beside = [enter(page, program.app.url) for _ in range(2)]
        assert soon(lambda: program.forked() > 0, 5), "they still run, one after the other"
    assert max(beside) < 1, f"alone {alone:.2f} s, beside runaways {beside}"
    assert set(ended) <= {408, 500}
    program.memory = memory_of(program.app.home)  # a session more, and what it has read


def enter(page: Page, url: str) -> float:
    """Seconds from Enter in the search box until the ranked list and why its first one is there stand on the page."""
    open_page(page, url)
    settled(page)
    box = page.get_by_role("textbox", name="What do you see?")
    box.fill("calc triceps")
    first = "Why dystrophic calcification?"
    heading = f"[...document.querySelectorAll('h2, h3')].some(e => e.innerText.trim() === {first!r})"
    arm(page, "keydown", f"location.search.includes('triceps') && {heading}")
    box.press("Enter")
    return float(page.evaluate("taken"))


# Clients that go away


def request_of(program: Program, query: str, accept: str = "*/*", address: str = "127.0.0.1") -> socket.socket:
    port = int(program.app.url.rsplit(":", 1)[1])
    connection = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(address, 0))
    head = f"GET {SPARQL}?query={quote(query)} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: {accept}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


@pytest.mark.parametrize("query", COUNTED.values(), ids=COUNTED.keys())
def test_a_query_that_nobody_waits_for_is_ended(patient: Program, query: str) -> None:
    with request_of(patient, query):
        assert soon(lambda: patient.forked() == 1, 5), "it runs"
        time.sleep(0.5)
        assert patient.forked() == 1
        used = seconds_used(patient.app.home)
        assert soon(lambda: seconds_used(patient.app.home) > used + 0.1, 10), "it works"
    patient.expect_rest(1)


def test_a_client_that_goes_away_while_it_reads_ends_its_query(patient: Program) -> None:
    with request_of(patient, f"SELECT * {ENDLESS}", "text/csv") as connection:
        assert connection.recv(1_000).startswith(b"HTTP/1.1 200")
        assert patient.forked() == 1
    patient.expect_rest(1)


def test_a_client_that_does_not_read_holds_nothing_up(program: Program) -> None:
    """Its query ends at the limit, however slowly the answer is taken."""
    with request_of(program, f"SELECT * {ENDLESS}", "text/csv") as connection, program.client() as client:
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        assert soon(lambda: program.forked() <= 0, LIMIT + 1)
        assert client.get("/healthz").json()["status"] == "ok"
    program.expect_rest(1)


def test_clients_that_do_not_read_give_their_places_back(program: Program) -> None:
    """As many as there are places, from two addresses; everybody else waits no longer than for as many runaways."""
    with ExitStack() as held:
        for number in range(2 * (os.cpu_count() or 1)):
            address = "127.0.0.2" if number else "127.0.0.3"
            connection = held.enter_context(request_of(program, f"SELECT * {ENDLESS}", "text/csv", address))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        with program.client() as client:
            assert client.get(SPARQL, params={"query": "ASK {}"}).status_code == 503
            assert soon(lambda: client.get(SPARQL, params={"query": "ASK {}"}).status_code == 200, LIMIT + TO_TAKE)
    program.expect_rest(1)


def test_a_client_that_reads_slowly_gets_all_of_it(program: Program) -> None:
    """An answer that was ready in time may be taken for a while longer."""
    query = "SELECT ?a { ?a ?b ?c . ?d ?e ?f } LIMIT 6000"
    with program.client() as client:
        whole = client.get(SPARQL, params={"query": query}, headers={"Accept": "text/csv"}).content
    started, taken = time.monotonic(), b""
    with request_of(program, query, "text/csv") as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        while not taken.endswith(b"\r\n0\r\n\r\n"):
            part = connection.recv(len(whole) // 20)
            assert part, "it was cut"
            taken += part
            time.sleep(0.1)
    assert time.monotonic() - started > LIMIT + 1, "that is not slow"
    assert len(taken) > len(whole)


def test_many_that_go_away_leave_nothing(patient: Program) -> None:
    for _ in range(5):
        connections = [request_of(patient, query) for query in COUNTED.values()]
        time.sleep(0.2)
        for connection in connections:
            connection.close()
    patient.expect_rest(2)
    with patient.client() as client:
        answer = client.get(SPARQL, params={"query": "ASK { ?s ?p ?o }"})
    assert answer.json()["boolean"] is True


# Processes that end


def test_the_process_that_runs_queries_is_started_again(patient: Program) -> None:
    """Even if something else ends it, such as a system that runs out of memory."""
    (runner,) = set(processes_of(patient.app.home)) - {patient.app.process.pid}
    with request_of(patient, COUNTED["cross product, counted"]) as connection, patient.client() as client:
        assert soon(lambda: patient.forked() == 1, 5)
        os.kill(runner, signal.SIGKILL)
        assert soon(lambda: runner not in processes_of(patient.app.home), 5)
        answer = client.get(SPARQL, params={"query": "ASK { ?s ?p ?o }"})
        assert answer.json()["boolean"] is True
        assert connection.recv(100).split()[1] in (b"500", b"503")
    patient.expect_rest(5)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_the_program_ends(tmp_path: Path, seed_folder: Path, end: signal.Signals) -> None:
    """Asked to end, it first lets what was begun come to its end or limit."""
    home = tmp_path / "home"
    with running_app(home, ontology=seed_folder, settings={"MSKGRAPH_QUERY_TIMEOUT": "1"}) as app:
        program = at_rest(app)
        with request_of(program, COUNTED["cross product, counted"]):
            assert soon(lambda: program.forked() == 1, 5)
            app.process.send_signal(end)
            app.process.wait(10)
            assert soon(lambda: not processes_of(home), 2), processes_of(home)


# Many clients


def test_fifty_clients_get_what_they_ask_for(
    tmp_path: Path, seed: Path, record_property: Callable[[str, object], None]
) -> None:
    with running_app(tmp_path / "home", ontology=seed) as app:
        measured = measure(app.url, app.home, expected(), seconds=5, clients=50)
    record_property("measured", json.dumps(measured.lines()))
    assert measured.errors == {}
    assert measured.wrong == []
    assert measured.answered > 100
    before, _, after = measured.memory
    assert after < before + 60 * MEGABYTE, told(measured.lines())
    assert measured.processes[2] <= measured.processes[0], told(measured.lines())


def told(lines: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"{what}: {said}" for what, said in lines)
