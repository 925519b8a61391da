"""One contract for all stores: in memory, on disk, and behind a URL with real servers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pyoxigraph
import pytest

from mskgraph import KnowledgeGraph, bring_up_to_date, curation, located, open_to_change
from mskgraph.curation import Journal
from mskgraph.curation.access import digest
from mskgraph.errors import OntologyInvalid, QueryError, QueryStopped, StoreError
from mskgraph.sparql import Request, Worker
from mskgraph.store import (
    ASSERTED_GRAPH,
    DERIVED_GRAPH,
    Accepted,
    Answer,
    Dataset,
    EmbeddedStore,
    Patch,
    RemoteStore,
    Result,
    StoreFolder,
    load_files,
    open_store,
    select,
)
from mskgraph.store.canary import wrong_answers
from tests import command_line
from tests.app_process import running_app
from tests.command_line import Ended
from tests.engines import Engine, oxigraph_server

pytestmark = [pytest.mark.usefixtures("seed"), pytest.mark.xdist_group("engines")]

CASES = "https://example.org/cases"
COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
# Long, but not for ever: an engine behind a URL goes on with it when nobody waits any more.
LONG = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER(STR(?c) != CONCAT(STR(?f), STR(?e))) }"


@pytest.fixture(scope="module", params=["memory", "file", "oxigraph", "virtuoso"])
def url(request: pytest.FixtureRequest, seed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a store of each kind, filled with the seed's ontology; what goes with it is in the environment."""
    if request.param == "memory":
        yield ""
        return
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "file":
            address = f"file:{tmp_path_factory.mktemp('store') / 'knowledge'}"
        else:
            engine: Engine = request.getfixturevalue(f"{request.param}_engine")
            address = engine.query_url
            patch.setenv("MSKGRAPH_STORE_UPDATE", engine.update_url)
            patch.setenv("MSKGRAPH_STORE_AUTH", engine.auth)
        files, content, *_ = located()
        load_files(address, files, content)
        yield address


@pytest.fixture(scope="module")
def worker(url: str) -> Iterator[Worker]:
    with Worker(*located(url)[:4]) as worker:
        yield worker


def rows(worker: Worker, query: str) -> list[dict[str, str]]:
    return worker.run(Request(query)).answer.table()[1]


# The same everywhere


def test_the_knowledge_is_the_same(url: str) -> None:
    expected, knowledge = KnowledgeGraph.open("").knowledge, KnowledgeGraph.open(url).knowledge
    assert knowledge.concepts == expected.concepts
    assert knowledge.claims == expected.claims
    assert knowledge.cases == expected.cases
    assert knowledge.edges == expected.edges


def test_the_differential_is_the_same(url: str) -> None:
    features = ["soft tissue calcification", "rice-grain"]
    expected = KnowledgeGraph.open("").differential(features)
    assert KnowledgeGraph.open(url).differential(features).to_json() == expected.to_json()


def test_what_a_store_answers_wrongly_is_told(url: str, request: pytest.FixtureRequest) -> None:
    warnings = KnowledgeGraph.open(url).store.warnings
    if "virtuoso" in request.node.name:
        # A fault of Virtuoso 7.2.5: LANG() makes a string of narrow letters, and CONCAT the rest fit it.
        assert [warning for warning in warnings if "CONCAT of texts in two scripts" not in warning] == []
        assert len(warnings) == 1
    else:
        assert warnings == ()


def test_strangers_queries_are_answered_and_refused_alike(worker: Worker) -> None:
    (row,) = rows(worker, "SELECT ?l { msk:cysticercosis skos:prefLabel ?l }")
    assert row == {"l": "cysticercosis"}
    assert json.loads(worker.run(Request("ASK { msk:cysticercosis a msk:Diagnosis }")).answer.body)["boolean"] is True
    assert len(worker.run(Request("DESCRIBE msk:cysticercosis")).answer.triples()) > 5
    for refused in (
        "SELECT * {",
        "INSERT DATA { <http://x/a> <http://x/p> 1 }",
        "DROP ALL",
        "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }",
        "ASK {} ; DROP ALL",
    ):
        with pytest.raises(QueryError):
            worker.run(Request(refused))
    assert rows(worker, COUNT)[0]["n"] != "0"


def test_the_rows_shown_are_limited_and_the_deadline_holds(worker: Worker) -> None:
    answer, end, _ = worker.run(Request("SELECT ?s ?p ?o { ?s ?p ?o }", rows=7))
    assert (len(answer.table()[1]), end.rows, end.truncated) == (7, 7, True)
    with pytest.raises(QueryStopped) as stopped:
        worker.run(Request(LONG, timeout=1.0))
    assert stopped.value.limit == "time"


def test_the_dataset_is_what_the_query_or_the_protocol_says(worker: Worker) -> None:
    everything = int(rows(worker, COUNT)[0]["n"])
    derived = int(rows(worker, COUNT.replace("{ ?s", f"FROM <{DERIVED_GRAPH}> {{ ?s"))[0]["n"])
    asserted = worker.run(Request(COUNT, dataset=Dataset((ASSERTED_GRAPH,)))).answer.table()[1][0]["n"]
    assert 0 < derived < everything
    assert int(asserted) + derived == everything
    named = rows(worker, f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{DERIVED_GRAPH}> {{ ?s ?p ?o }} }}")
    assert int(named[0]["n"]) == derived


@pytest.mark.parametrize("media", ["text/csv", "application/sparql-results+xml", "text/tab-separated-values"])
def test_tables_come_in_every_form(worker: Worker, media: str) -> None:
    body = worker.run(Request("SELECT ?l { msk:cysticercosis skos:prefLabel ?l }", table=media)).answer.body
    assert b"cysticercosis" in body


# On disk


def cases(folder: Path, name: str, form: pyoxigraph.RdfFormat, count: int = 3) -> Path:
    quads = [
        pyoxigraph.Triple(
            pyoxigraph.NamedNode(f"{CASES}/{number}"),
            pyoxigraph.NamedNode(f"{CASES}/p"),
            pyoxigraph.Literal(str(number)),
        )
        for number in range(count)
    ]
    if form.supports_datasets:
        quads = [pyoxigraph.Quad(*triple) for triple in quads]  # type: ignore[misc]
    body = pyoxigraph.serialize(quads, format=form)
    path = folder / name
    path.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)
    return path


FORMS = {
    "a.ttl": pyoxigraph.RdfFormat.TURTLE,
    "b.nt": pyoxigraph.RdfFormat.N_TRIPLES,
    "c.nq": pyoxigraph.RdfFormat.N_QUADS,
    "d.trig": pyoxigraph.RdfFormat.TRIG,
    "e.rdf": pyoxigraph.RdfFormat.RDF_XML,
    "f.jsonld": pyoxigraph.RdfFormat.JSON_LD,
    "g.nt.gz": pyoxigraph.RdfFormat.N_TRIPLES,
}


@pytest.mark.parametrize("name", FORMS)
def test_files_of_every_syntax_go_into_their_graph(tmp_path: Path, name: str) -> None:
    address = f"file:{tmp_path / 'store'}"
    files, content, *_ = located()
    told: list[int] = []
    path = cases(tmp_path, name, FORMS[name])
    load_files(address, files, content, [path], CASES, told.append)
    assert sum(told) == path.stat().st_size
    with Worker(files, content, address) as worker:
        assert rows(worker, f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{CASES}> {{ ?s ?p ?o }} }}") == [{"n": "3"}]
    assert KnowledgeGraph.open(address).knowledge.concepts == KnowledgeGraph.open("").knowledge.concepts


def test_a_broken_file_leaves_a_store_on_disk_as_it_was(tmp_path: Path) -> None:
    folder = StoreFolder(tmp_path / "store")
    files, content, *_ = located()
    good, broken = cases(tmp_path, "a.nt", FORMS["b.nt"]), tmp_path / "broken.nt"
    broken.write_text(good.read_text() * 3 + "nonsense\n")
    load_files(folder.url, files, content, [good], CASES)
    before = folder.newest()
    with pytest.raises(OntologyInvalid, match=r"broken\.nt"):
        load_files(folder.url, files, content, [good, broken], CASES)
    assert folder.newest() == before
    assert [path.name for path in folder.path.iterdir() if path.name.endswith(".part")] == []


def test_readers_of_a_store_go_on_while_it_is_written(tmp_path: Path) -> None:
    files, content, *_ = located()
    address = f"file:{tmp_path / 'store'}"
    load_files(address, files, content)
    reader = open_store(address, files, content)
    before = select(reader, COUNT)
    for name in ("a.nt", "b.nt"):
        load_files(address, files, content, [cases(tmp_path, name, FORMS["b.nt"], 50)], f"{CASES}/{name}")
        assert select(reader, COUNT) == before
    assert f"{CASES}/b.nt" in open_store(address, files, content).graphs()
    assert len([path for path in (tmp_path / "store").iterdir() if path.name.isdigit()]) == 2


def test_a_store_on_disk_follows_the_files_and_keeps_other_graphs(tmp_path: Path, copied: Path) -> None:
    address = f"file:{tmp_path / 'store'}"
    files, content, *_ = located()
    load_files(address, files, content, [cases(tmp_path, "a.nt", FORMS["b.nt"])], CASES)
    more = "@prefix msk: <https://w3id.org/mskgraph/> . msk:new a msk:Diagnosis ."
    (copied / "new.ttl").write_text(more, "utf-8")
    store = KnowledgeGraph.open(address).store
    assert select(store, "SELECT ?t { msk:new a ?t }") != []
    assert store.graphs() == sorted([ASSERTED_GRAPH, DERIVED_GRAPH, CASES])


@pytest.fixture
def copied(tmp_path: Path, seed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import shutil

    folder = tmp_path / "ontology"
    shutil.copytree(seed, folder)
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(folder))
    return folder


def test_two_writers_at_once_are_told(tmp_path: Path) -> None:
    folder = StoreFolder(tmp_path / "store")
    with folder.writing("x"), pytest.raises(StoreError, match="another process"), StoreFolder(folder.path).writing("y"):
        pass
    with folder.writing("z"):
        pass


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match="Choose a folder"), StoreFolder(tmp_path / "file" / "store").writing("x"):
        pass


def test_a_store_of_which_only_rubbish_is_left_is_told(tmp_path: Path) -> None:
    files, content, *_ = located()
    folder = StoreFolder(tmp_path / "store")
    load_files(folder.url, files, content)
    newest = folder.newest()
    assert newest is not None
    for path in (newest / "index").glob("MANIFEST*"):
        path.write_bytes(b"rubbish")
    with pytest.raises(StoreError, match="load it again"):
        folder.open()


def test_the_command_line_loads_and_asks(tmp_path: Path) -> None:
    path = cases(tmp_path, "a.nt", FORMS["b.nt"])

    def run(*arguments: str, text: str = "") -> Ended:
        return command_line.run(*arguments, stdin=text, MSKGRAPH_STORE=f"file:{tmp_path / 'store'}")

    loaded = run("load", str(path), "--graph", CASES)
    assert (loaded.returncode, loaded.stdout) == (0, "")
    assert "holds the knowledge and 1 more" in loaded.stderr
    asked = run("query", "--format", "csv", text=f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{CASES}> {{ ?s ?p ?o }} }}")
    assert asked.stdout.split() == ["n", "3"]
    graph = ["load", str(path), "--graph"]
    for wrong in (graph[:2], ["load", "nowhere.nt", "--graph", CASES], [*graph, ASSERTED_GRAPH]):
        refused = run(*wrong)
        assert refused.returncode == 2
        assert refused.stderr
    for store in ("", "ftp://x", "http://127.0.0.1:1/sparql"):
        assert run("load", "--store", store).returncode == 2


# Behind a URL


def test_the_program_runs_on_another_engine(oxigraph_engine: Engine, tmp_path: Path, seed: Path) -> None:
    settings = {"MSKGRAPH_STORE": oxigraph_engine.query_url, "MSKGRAPH_STORE_UPDATE": oxigraph_engine.update_url}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        load_files(oxigraph_engine.query_url, *located()[:2])
    (tmp_path / "access.toml").write_text(f'[tokens.tests]\nsha256 = "{digest("token")}"\nrole = "accept"\n')
    with running_app(tmp_path, ontology=seed, settings=settings) as app:
        assert httpx.get(f"{app.url}/healthz").json()["store"] == "http"
        answer = httpx.post(f"{app.url}/sparql", data={"query": COUNT}, headers={"Accept": "text/csv"})
        assert int(answer.text.split()[1]) > 1000
        assert httpx.post(f"{app.url}/sparql", data={"query": "DROP ALL"}).status_code == 400
        assert httpx.get(f"{app.url}/resource/cysticercosis").status_code == 200
        update = 'INSERT DATA { msk:cysticercosis skos:altLabel "measly muscle"@en }'
        sent = {"data": {"update": update}, "headers": {"Authorization": "Bearer token"}, "timeout": 30}
        answer = httpx.post(f"{app.url}/sparql/update", **sent)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json().get("warning")) == (200, None)
        ask = 'ASK { msk:cysticercosis skos:altLabel "measly muscle"@en }'
        assert b"true" in RemoteStore.at(oxigraph_engine.query_url).answer(ask).body
        address = {"params": {"default": ""}, "headers": {"Accept": "application/n-triples"}}
        assert "measly muscle" in httpx.get(f"{app.url}/sparql/update", **address).text  # type: ignore[arg-type]


def test_an_engine_that_goes_away_is_told_at_every_address(
    tmp_path: Path, seed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as started:
        engine = started.enter_context(oxigraph_server(tmp_path / "engine"))
        settings = {"MSKGRAPH_STORE": engine.query_url, "MSKGRAPH_STORE_UPDATE": engine.update_url}
        monkeypatch.setenv("MSKGRAPH_STORE_UPDATE", engine.update_url)
        load_files(engine.query_url, *located("")[:2])
        url = started.enter_context(running_app(tmp_path / "home", ontology=seed, settings=settings)).url
        assert httpx.get(f"{url}/healthz").status_code == 200
        engine.process.kill()
        engine.process.wait()
        turtle = {"Accept": "text/turtle, */*;q=0.5"}
        for path, status in (
            ("healthz", 503),
            ("resource/gout", 502),
            ("terms?q=gout", 502),
            ("sparql?query=ASK{}", 502),
        ):
            answer = httpx.get(f"{url}/{path}", headers=turtle, timeout=30)
            assert (answer.status_code, engine.query_url in answer.text) == (status, True), answer.text


def test_an_engine_without_the_knowledge_is_told(oxigraph_engine: Engine) -> None:
    httpx.post(oxigraph_engine.update_url, data={"update": f"DROP SILENT GRAPH <{ASSERTED_GRAPH}>"}).raise_for_status()
    with pytest.raises(StoreError, match="mskgraph load"):
        RemoteStore.connect(oxigraph_engine.query_url)


def test_virtuoso_refuses_a_wrong_login_and_the_remedy_is_told(
    virtuoso_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSKGRAPH_STORE_UPDATE", virtuoso_engine.update_url)
    monkeypatch.setenv("MSKGRAPH_STORE_AUTH", "digest dba:wrong")
    with pytest.raises(StoreError, match="MSKGRAPH_STORE_AUTH"):
        RemoteStore.at(virtuoso_engine.query_url).replace(CASES, b"<http://x/a> <http://x/b> <http://x/c> .\n")


@pytest.mark.parametrize("login", ["nonsense", "basic user", "digest", "bearer", "Bearer x", "basic"])
def test_a_login_that_cannot_be_read_is_told_without_telling_it(login: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSKGRAPH_STORE_AUTH", login)
    with pytest.raises(StoreError, match="basic USER:PASSWORD"):
        RemoteStore.at("http://127.0.0.1:1/sparql")


def test_a_password_in_the_url_is_refused_and_not_shown() -> None:
    with pytest.raises(StoreError) as refused:
        RemoteStore.at("http://user:secret@127.0.0.1:1/sparql")
    assert "secret" not in str(refused.value)


class Liar(BaseHTTPRequestHandler):
    """A server that answers as it is told."""

    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")
    heard: dict[str, str]

    def do_POST(self) -> None:
        type(self).heard = dict(self.headers)
        self.rfile.read(int(self.headers["Content-Length"]))
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def liar() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Liar)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/sparql"
    server.shutdown()
    thread.join()
    server.server_close()


JSON = {"Content-Type": "application/sparql-results+json"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {"Content-Type": "text/html"}, b"<h1>Welcome</h1>"), "no result of a query"),
        ((200, JSON, b'{"head": {"vars": ['), "cannot be read"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "code 302"),
        ((500, {}, b"out of\nmemory"), "out of memory"),
        ((401, {}, b""), "login"),
        ((200, JSON | {"Content-Length": "1000"}, b'{"head":{"vars":["x"]},'), "cannot be read|broke off"),
    ],
)
def test_an_answer_that_makes_no_sense_is_told(liar: str, answer: tuple[int, dict[str, str], bytes], said: str) -> None:
    Liar.answer = answer
    with pytest.raises((StoreError, QueryError), match=said):
        select(RemoteStore.at(liar), COUNT)


def test_a_bearer_token_is_sent(liar: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSKGRAPH_STORE_AUTH", "bearer abc")
    Liar.answer = (200, JSON, b'{"head":{"vars":["n"]},"results":{"bindings":[]}}')
    assert select(RemoteStore.at(liar), COUNT) == []
    assert Liar.heard["Authorization"] == "Bearer abc"


def test_an_engine_that_is_not_there_is_told() -> None:
    with pytest.raises(StoreError, match="Is it running"):
        RemoteStore.connect("http://127.0.0.1:1/sparql")


# Canaries


class Faulty:
    """The embedded store, but for one fault."""

    def __init__(self, fault: str) -> None:
        self._store, self._fault = open_store("", located()[0]), fault

    warnings = ()

    def evaluate(self, query: str, dataset: Dataset | None = None) -> Result:
        return self._store.evaluate(query, dataset)

    def graphs(self) -> list[str]:
        return self._store.graphs()

    def answer(self, query: str) -> Answer:
        answer = self._store.answer(query)
        document = json.loads(answer.body)
        rows = document["results"]["bindings"]
        if self._fault == "row limit":
            del rows[10_000:]
        elif self._fault in query:
            del rows[0]
        return Answer("select", json.dumps(document).encode())


FAULTS = ("row limit", "broader+", "broader*", "broader?", "(skos:broader|msk:partOf)*", "OPTIONAL", "COUNT")


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_an_engine_is_heard(fault: str) -> None:
    warnings = wrong_answers(Faulty(fault))
    assert warnings
    assert all("wrongly" in warning for warning in warnings)


def test_no_fault_no_warning() -> None:
    assert wrong_answers(Faulty("nothing")) == []
    assert wrong_answers(EmbeddedStore()) == []


def test_what_is_accepted_comes_to_the_engine(
    oxigraph_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "MSKGRAPH_STORE": oxigraph_engine.query_url,
        "MSKGRAPH_STORE_UPDATE": oxigraph_engine.update_url,
        "MSKGRAPH_HOME": str(tmp_path),
    }
    for setting, value in settings.items():
        monkeypatch.setenv(setting, value)
    load_files(oxigraph_engine.query_url, *located()[:2])
    name = (
        b'<https://w3id.org/mskgraph/cysticercosis> <http://www.w3.org/2004/02/skos/core#altLabel> "measly muscle"@en .'
    )

    def run(*arguments: str) -> int:
        return command_line.run(*arguments, stdin=name, **settings).returncode

    def held() -> bool:
        ask = 'ASK { msk:cysticercosis skos:altLabel "measly muscle"@en }'
        return b"true" in RemoteStore.at(oxigraph_engine.query_url).answer(ask).body

    assert run("add", "-", "--author", "A") == 0
    assert held()
    told = "SELECT ?who { GRAPH msk:history { ?change prov:wasAssociatedWith/rdfs:label ?who } }"
    rows = Worker((), url=oxigraph_engine.query_url).run(Request(f"PREFIX prov: <http://www.w3.org/ns/prov#> {told}"))
    assert rows.answer.table()[1] == [{"who": "A"}]
    assert run("undo", "--author", "A") == 0
    assert not held()


NAMED = '<https://w3id.org/mskgraph/cysticercosis> <http://www.w3.org/2004/02/skos/core#altLabel> "{}"@en .'


def test_changes_are_checked_against_what_was_accepted_whatever_the_engine_holds(tmp_path: Path) -> None:
    settings = {"MSKGRAPH_STORE": "http://127.0.0.1:9/sparql", "MSKGRAPH_HOME": str(tmp_path)}
    first = command_line.run("add", "-", stdin=NAMED.format("measly muscle"), **settings)
    assert "accepted, but not in the engine yet" in first.stderr
    again = command_line.run("add", "-", stdin=NAMED.format("measly muscle"), **settings)
    assert "It changes nothing." in again.stderr
    undone = command_line.run("undo", **settings)
    assert "accepted, but not in the engine yet" in undone.stderr
    assert [bool(change.undoes) for change in Journal(tmp_path / "journal.sqlite").changes()] == [False, True]


def test_who_is_slow_leaves_the_engine_with_what_was_accepted_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSKGRAPH_STORE", "http://127.0.0.1:9/sparql")
    monkeypatch.setenv("MSKGRAPH_HOME", str(tmp_path))
    held: list[set[str]] = []

    def accept(name: str) -> None:
        curation.accept(Journal(), open_to_change, Patch(frozenset([NAMED.format(name)])), "Ada")

    def load_files(url: str, files: object, content: str, accepted: Accepted) -> None:
        held.append(set(accepted.patch.added))
        if len(held) == 1:
            accept("pork measles")  # by another process

    monkeypatch.setattr("mskgraph.load_files", load_files)
    accept("measly muscle")
    bring_up_to_date()
    assert held[-1] == {NAMED.format("measly muscle"), NAMED.format("pork measles")}
    assert len(held) == 2
