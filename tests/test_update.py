"""SPARQL Update and the Graph Store Protocol: what is sent becomes a change like any other, and does nothing else."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import SPARQLWrapper as sparqlwrapper
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import SKOS
from rdflib.plugins.stores.sparqlstore import SPARQLUpdateStore
from starlette.applications import Starlette

from mskgraph import KnowledgeGraph, curation, ontology, open_to_change
from mskgraph.curation import Change, Journal
from mskgraph.curation.access import Access, Person, digest
from mskgraph.errors import JournalUnusable, MskGraphError, PatchInvalid, QueryError, StaleRevision
from mskgraph.ontology import MSK
from mskgraph.sparql.editing import Ground, with_graphs
from mskgraph.sparql.messages import Edit
from mskgraph.sparql.protocol import routes
from mskgraph.store import ASSERTED_GRAPH, Dataset, Patch
from tests.app_process import RunningApp, running_app
from tests.processes import processes_of, soon
from tests.small_ontology import PREFIXES, claim, small_ontology
from tests.test_attacks import Listener, refuse

# rdflib's store of SPARQL and SPARQLWrapper still use it.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")

ADDRESS: Final = "/sparql/update"
ACCEPTS: Final = {"Authorization": "Bearer a-token-that-accepts"}
PROPOSES: Final = {"Authorization": "Bearer a-token-that-proposes"}
TOKENS: Final = f"""
[tokens.curator]
sha256 = "{digest("a-token-that-accepts")}"
role = "accept"

[tokens.importer]
sha256 = "{digest("a-token-that-proposes")}"
role = "propose"
"""
UPDATE: Final = {"Content-Type": "application/sparql-update"}
TURTLE: Final = {"Content-Type": "text/turtle"}
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
LABEL: Final = "<http://www.w3.org/2004/02/skos/core#altLabel>"
GOUT: Final = f"<{MSK.gout}>"


def named(name: str) -> str:
    """An update that gives gout another name."""
    return f'INSERT DATA {{ msk:gout skos:altLabel "{name}"@en }}'


@dataclass(frozen=True)
class Program:
    """The running program, and what was accepted in it."""

    app: RunningApp
    client: httpx.Client

    def update(self, text: str | bytes, who: dict[str, str] = ACCEPTS, **options: str) -> httpx.Response:
        return self.client.post(ADDRESS, content=text, params=options, headers={**UPDATE, **who})

    def graph(self, **headers: str) -> httpx.Response:
        return self.client.get(ADDRESS, params={"default": ""}, headers=headers)

    def send(self, method: str, text: str | bytes, **headers: str) -> httpx.Response:
        headers = {**TURTLE, **ACCEPTS, **headers}
        return self.client.request(method, ADDRESS, params={"default": ""}, content=text, headers=headers)

    def put(self, text: str | bytes, **headers: str) -> httpx.Response:
        return self.send("PUT", text, **headers)

    def post(self, text: str | bytes, **headers: str) -> httpx.Response:
        return self.send("POST", text, **headers)

    def ask(self, pattern: str) -> bool:
        answer = self.client.get("/sparql", params={"query": f"ASK {{ {pattern} }}"})
        return bool(answer.json()["boolean"])

    @property
    def journal(self) -> Journal:
        return Journal(self.app.home / "journal.sqlite")

    def last(self) -> Change:
        return self.journal.changes()[-1]

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Hold that nothing is accepted meanwhile."""
        head = self.journal.head()
        yield
        assert self.journal.head() == head


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("update")
    settings = folder / "home" / "access.toml"
    settings.parent.mkdir()
    settings.write_text(TOKENS, "utf-8")
    settings.chmod(0o600)
    limits = {"MSKGRAPH_QUERY_TIMEOUT": "2.5", "MSKGRAPH_CORS": "https://elsewhere.example"}
    with (
        running_app(settings.parent, ontology=small_ontology(folder / "ontology"), settings=limits) as app,
        httpx.Client(base_url=app.url, timeout=30, trust_env=False) as client,
    ):
        yield Program(app, client)


# Accepted


def test_an_update_is_accepted_and_shown_at_once(program: Program) -> None:
    answer = program.update(named("podagra"), message="an old word")
    assert answer.status_code == 200, answer.text
    change = program.last()
    assert answer.json() == {
        "change": change.hash,
        "number": change.number,
        "words": ["Added: gout: synonyms: podagra"],
    }
    assert (change.author, change.message) == ("token curator", "an old word")
    assert program.ask('msk:gout skos:altLabel "podagra"@en')
    assert program.ask('GRAPH msk:history { ?c rdfs:comment "an old word" }')


def test_what_is_there_already_is_no_change(program: Program) -> None:
    assert program.update(named("twice")).status_code == 200
    with program.unchanged():
        answer = program.update(named("twice"))
    assert (answer.status_code, answer.text) == (204, "")


def test_an_update_may_come_as_a_form(program: Program) -> None:
    form = {"update": named("sent as a form"), "message": "a form"}
    assert program.client.post(ADDRESS, data=form, headers=ACCEPTS).status_code == 200
    assert program.last().message == "a form"


def test_a_literal_is_removed_as_it_was_written(program: Program) -> None:
    """The engine knows the number as 0.5; the file has 0.50."""
    text = "DELETE { ?e msk:lower 0.50 } INSERT { ?e msk:lower 0.4 } WHERE { ?e msk:lower 0.5 }"
    assert program.update(text).status_code == 200
    (removed,), (added,) = program.last().patch.removed, program.last().patch.added
    assert '"0.50"' in removed
    assert '"0.4"' in added
    assert program.update("DELETE { ?e msk:lower 0.40 } INSERT { ?e msk:lower 0.5 } WHERE { ?e msk:lower 0.4 }")
    assert '"0.4"' in next(iter(program.last().patch.removed))


def test_the_graph_has_a_name_and_needs_none(program: Program) -> None:
    with_name = 'INSERT DATA { GRAPH msk:asserted { msk:gout skos:altLabel "by name"@en } }'
    assert program.update(with_name).status_code == 200
    both = f"DELETE DATA {{ GRAPH msk:asserted {{ msk:gout skos:altLabel 'by name'@en }} }} ; {named('without')}"
    assert program.update(both).status_code == 200
    assert len(program.last().patch.added) == len(program.last().patch.removed) == 1
    moved = "WITH msk:asserted DELETE { ?s skos:altLabel 'without'@en } WHERE { ?s skos:altLabel 'without'@en }"
    assert program.update(moved).status_code == 200


def test_the_protocol_says_which_graphs_are_asked(program: Program) -> None:
    text = "INSERT { ?s skos:altLabel 'found' } WHERE { ?s skos:prefLabel 'gout'@en }"
    assert program.update(text, **{"using-graph-uri": "urn:elsewhere"}).status_code == 204
    text = text.replace("'found'", "'found there'@en")
    assert program.update(text, **{"using-graph-uri": ASSERTED_GRAPH}).status_code == 200
    form = {"update": f"WITH <urn:x> {text}", "using-graph-uri": ASSERTED_GRAPH}
    answer = program.client.post(ADDRESS, data=form, headers=ACCEPTS)
    assert (answer.status_code, "both beside" in answer.text) == (400, True)


def test_who_may_only_propose_makes_a_proposal(program: Program) -> None:
    with program.unchanged():
        answer = program.update(named("proposed"), PROPOSES, message="please")
    assert answer.status_code == 202
    assert answer.json()["words"] == ["Added: gout: synonyms: proposed"]
    proposal = program.journal.proposals()[0]
    assert (proposal.number, proposal.author, proposal.message) == (
        answer.json()["proposal"],
        "token importer",
        "please",
    )
    assert not program.ask('?s skos:altLabel "proposed"@en')


def test_what_another_process_accepts_is_seen_by_an_update(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSKGRAPH_HOME", str(program.app.home))
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(program.app.home.parent / "ontology"))
    patch = Patch(frozenset({f'{GOUT} {LABEL} "from elsewhere"@en .'}))
    curation.accept(program.journal, KnowledgeGraph.open, patch, "Ada")
    text = "DELETE { ?s skos:altLabel ?o } WHERE { ?s skos:altLabel ?o FILTER(STR(?o) = 'from elsewhere') }"
    assert program.update(text).status_code == 200
    assert program.last().patch == patch.inverse()


def test_twenty_at_once_lose_nothing(program: Program) -> None:
    before = len(program.journal.changes())

    def insisting(number: int) -> httpx.Response:
        while (answer := program.update(named(f"name number {number}"))).status_code == 503:  # on a busy machine
            time.sleep(int(answer.headers["retry-after"]))
        return answer

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(insisting, range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20
    changes = {change.hash: change for change in program.journal.changes()[before:]}
    assert len(changes) == 20
    for number, answer in enumerate(answers):
        added = changes[answer.json()["change"]].patch.added
        assert added == {f'{GOUT} {LABEL} "name number {number}"@en .'}
        assert program.ask(f'msk:gout skos:altLabel "name number {number}"@en')


# Refused


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", UPDATE),
        ("POST", FORM),
        ("POST", {"Content-Type": "text/plain"}),
        ("POST", TURTLE),
        ("POST", {**UPDATE, "Authorization": "Basic Y3VyYXRvcjphLXRva2VuLXRoYXQtYWNjZXB0cw=="}),
        ("POST", {**UPDATE, "Authorization": "a-token-that-accepts"}),
        ("POST", {**UPDATE, "Cookie": "token=a-token-that-accepts; Authorization=Bearer a-token-that-accepts"}),
        ("PUT", TURTLE),
        ("DELETE", {}),
    ],
)
def test_nothing_is_changed_without_a_token(program: Program, method: str, headers: dict[str, str]) -> None:
    body = b"update=" + named("nobody").encode()
    address = f"{ADDRESS}?default&access_token=a-token-that-accepts"
    with program.unchanged():
        answer = program.client.request(method, address, content=body, headers=headers)
    refuse(answer, 401)
    assert answer.headers["www-authenticate"] == 'Bearer realm="mskgraph"'


def test_a_page_of_another_site_may_neither_write_nor_read(program: Program) -> None:
    """Asking ``/sparql`` is allowed to it here, by MSKGRAPH_CORS. What it sends is refused before its token is read."""
    origin = {"Origin": "https://elsewhere.example"}
    assert program.client.get("/sparql", params={"query": "ASK {}"}, headers=origin).headers[
        "access-control-allow-origin"
    ]
    asked = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    answers = [
        program.client.options(ADDRESS, headers=asked),
        program.graph(**origin),
        program.client.post(ADDRESS, content="update=CLEAR ALL", headers={**origin, "Content-Type": "text/plain"}),
        program.update("CLEAR ALL", {**origin, **ACCEPTS}),
    ]
    assert [answer.status_code for answer in answers] == [405, 200, 403, 403]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


BAD: Final[dict[str, tuple[str, int, str]]] = {
    "syntax": ("INSERT DATA { msk:gout\n skos:altLabel }", 400, "line 2, column 16"),
    "a query": ("SELECT * { ?s ?p ?o }", 400, "This is a query"),
    "unknown prefix": ("INSERT DATA { nonsense:a a msk:Finding }", 400, "prefix"),
    "nothing of ours": ("INSERT DATA { <urn:a> <urn:b> <urn:c> }", 422, "no node of this ontology"),
    "an undefined term": ("INSERT DATA { msk:gout msk:nonsense 1 }", 422, "does not belong on a diagnosis"),
    "blank node": ("INSERT DATA { msk:gout msk:nonsense [] }", 422, "Give it one"),
    "blank nodes by template": ("INSERT { ?s msk:nonsense [] } WHERE { ?s a msk:Finding }", 422, "Give it one"),
    "another graph": (f"INSERT DATA {{ GRAPH <urn:g> {{ {GOUT} {LABEL} 'x' }} }}", 422, "not <urn:g>"),
    "a derived graph": ("INSERT DATA { GRAPH msk:derived { msk:gout msk:mayCause msk:effusion } }", 422, "derived"),
    "a new graph": ("CREATE GRAPH <urn:g>", 422, "not <urn:g>"),
    "copied away": ("COPY DEFAULT TO <urn:g>", 422, "not <urn:g>"),
    "no such graph": ("CLEAR GRAPH <urn:g>", 400, "does not exist"),
    "clear all": ("CLEAR ALL", 422, "not changed here"),
    "drop all": ("DROP ALL", 422, "not changed here"),
    "drop default": ("DROP DEFAULT", 422, "not changed here"),
    "clear named": ("CLEAR NAMED", 422, "not changed here"),
    "all that has a name": (
        "DELETE { ?s ?p ?o } WHERE { ?s ?p ?o FILTER(isIRI(?s) && !isBLANK(?o)) }",
        422,
        "belongs to the schema",
    ),
    "in use": ("DELETE WHERE { msk:effusion ?p ?o }", 422, "still uses it"),
    "in two graphs of other names": (f"{named('x')} ; ADD DEFAULT TO <urn:g>", 422, "not <urn:g>"),
    "a statement about a statement": ("INSERT DATA { msk:gout msk:x <<( msk:a msk:b msk:c )>> }", 422, "not kept"),
    "a text with a direction": ("INSERT DATA { msk:gout skos:altLabel 'x'@en--ltr }", 422, "not kept"),
}


@pytest.mark.parametrize(("text", "status", "said"), BAD.values(), ids=BAD.keys())
def test_a_bad_update_is_refused_in_plain_words(program: Program, text: str, status: int, said: str) -> None:
    with program.unchanged():
        answer = program.update(text)
    refuse(answer, status)
    assert said in answer.text, answer.text


def test_problems_come_as_json_to_who_wants_it(program: Program) -> None:
    answer = program.update("INSERT DATA { msk:gout msk:nonsense 1 }", {**ACCEPTS, "Accept": "application/json"})
    assert answer.status_code == 422
    assert {problem["node"] for problem in answer.json()["problems"]} == {"gout"}
    assert all(problem["message"] and problem["remedy"] for problem in answer.json()["problems"])


@pytest.mark.parametrize(
    ("parameters", "headers", "body", "status"),
    [
        ({}, UPDATE, b"INSERT DATA { <a> <b> '\xff' }", 400),
        ({"update": "CLEAR ALL"}, UPDATE, b"CLEAR ALL", 400),
        ({"query": "ASK {}"}, UPDATE, b"CLEAR ALL", 400),
        ({"default": ""}, UPDATE, b"CLEAR ALL", 400),
        ({"message": ["a", "b"]}, UPDATE, b"CLEAR ALL", 400),
        ({"using-graph-uri": "no iri"}, UPDATE, b"CLEAR ALL", 400),
        ({}, FORM, b"nothing=here", 400),
        ({}, FORM, b"update=%ff", 400),
        ({}, {}, b"CLEAR ALL", 415),
        ({}, {"Content-Type": "application/sparql-query"}, b"ASK {}", 415),
        ({"default": ""}, {"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", 415),
        ({"default": ""}, {"Content-Type": "text/csv"}, b"a,b", 415),
        ({}, {**UPDATE, "Content-Encoding": "gzip"}, b"CLEAR ALL", 415),
        ({}, {"Content-Type": "application/sparql-update; charset=utf-16"}, "CLEAR ALL".encode("utf-16"), 415),
        ({}, UPDATE, b"#" * 1_000_001, 413),
        ({}, FORM, b"update=" + b"%23" * 1_000_001, 413),
        ({"default": ""}, TURTLE, b"#" * 50_000_001, 413),
        ({"message": "a\x00b"}, UPDATE, named("with a hidden mark").encode(), 422),
        ({"message": "a" * 1_001}, UPDATE, named("with a long message").encode(), 422),
        ({}, TURTLE, b"", 400),
        ({"default": "", "graph": ASSERTED_GRAPH}, TURTLE, b"", 400),
        ({"graph": "no iri"}, TURTLE, b"", 400),
        ({"graph": "urn:elsewhere"}, TURTLE, b"", 403),
    ],
)
def test_what_is_no_request_of_the_protocols_is_refused(
    program: Program, parameters: dict[str, str], headers: dict[str, str], body: bytes, status: int
) -> None:
    with program.unchanged():
        answer = program.client.post(ADDRESS, params=parameters, content=body, headers={**headers, **ACCEPTS})
    refuse(answer, status)


def test_wrong_tokens_are_slowed_down(program: Program) -> None:
    """One address only: the tests that follow come from another."""
    transport = httpx.HTTPTransport(local_address="127.0.0.7")
    with httpx.Client(base_url=program.app.url, transport=transport) as client:
        wrong = {**UPDATE, "Authorization": "Bearer guess"}
        with ThreadPoolExecutor(16) as threads:
            sent = threads.map(lambda _: client.post(ADDRESS, content="CLEAR ALL", headers=wrong), range(16))
            answers = sorted(sent, key=lambda answer: answer.status_code)
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {401, 429}
        assert 10 <= statuses.count(401) <= 12, "one more every six seconds"
        assert 'error="invalid_token"' in answers[0].headers["www-authenticate"]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 6
        right = client.post(ADDRESS, content=named("guessed"), headers={**UPDATE, **ACCEPTS})
        assert right.status_code == 429, "else one could go on guessing"
    assert program.update("CLEAR ALL").status_code == 422


# The Graph Store Protocol


@pytest.mark.parametrize(
    "media", ["text/turtle", "application/n-triples", "application/rdf+xml", "application/ld+json"]
)
def test_the_graph_is_read_in_every_form_and_sent_back_unchanged(program: Program, media: str) -> None:
    answer = program.graph(Accept=media)
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == media
    assert program.put(answer.content, **{"Content-Type": media}).status_code == 204


def test_the_graph_is_told_by_name_and_by_tag(program: Program) -> None:
    answer = program.client.get(ADDRESS, params={"graph": ASSERTED_GRAPH})
    asserted = Graph().parse(data=answer.content, format="turtle")
    assert (MSK.gout, SKOS.prefLabel, Literal("gout", lang="en")) in asserted
    assert (MSK.gout, MSK.mayCause, None) not in asserted, "which is derived"
    tag = answer.headers["etag"]
    for known in (tag, f'"x", W/{tag}', "*"):
        assert program.graph(**{"If-None-Match": known}).status_code == 304, known
    assert program.graph(Accept="application/n-triples").headers["etag"] != tag
    head = program.client.head(ADDRESS, params={"default": ""})
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)
    assert program.graph(Accept="image/png").status_code == 406
    elsewhere = {"params": {"graph": "urn:elsewhere"}, "headers": ACCEPTS}
    assert program.client.get(ADDRESS, params={"graph": "urn:elsewhere"}).status_code == 404
    assert program.client.request("DELETE", ADDRESS, **elsewhere).status_code == 404  # type: ignore[arg-type]
    assert program.client.put(f"{ADDRESS}/urn:elsewhere", headers=ACCEPTS).status_code == 404
    assert program.client.get(ADDRESS).status_code == 200
    update = program.client.get(ADDRESS, params={"update": "CLEAR ALL"})
    assert (update.status_code, update.headers["allow"]) == (405, "GET, HEAD, PUT, POST, DELETE")


def test_putting_the_graph_does_the_difference_and_no_other_way_round(program: Program) -> None:
    before = program.graph()
    text = before.text.replace('"effusion"@en', '"joint fluid"@en')
    assert text != before.text
    tag = {"If-Match": before.headers["etag"]}
    answer = program.put(text, **tag)
    assert answer.json()["words"] == [
        "Removed: joint fluid: name: effusion",
        "Added: joint fluid: name: joint fluid",
    ]
    assert program.put(before.text, **tag).status_code == 412, "somebody has changed it since"
    assert program.put(before.text).status_code == 200
    assert Graph().parse(data=program.graph().text).isomorphic(Graph().parse(data=before.text))


def test_posting_a_graph_adds_to_it_as_written(program: Program) -> None:
    text = PREFIXES + claim("gout-effusion-sent", msk__estimate="msk:estimate-sent")
    text += 'msk:estimate-sent a msk:Estimate ; msk:form msk:form-percent-range ; msk:lower 0.10 ; msk:stated "10 %" ; '
    answer = program.post(text + "msk:upper 0.10 .")
    assert answer.status_code == 200, answer.text
    written = program.last().patch.added
    assert any('"0.10"' in line for line in written)
    assert program.post(text.replace("0.10", "0.1") + "msk:upper 0.1 .").status_code == 204, "the same number"
    assert (
        program.update(
            "DELETE { msk:estimate-sent ?p ?o . msk:gout-effusion-sent ?q ?r } WHERE "
            "{ msk:estimate-sent ?p ?o . msk:gout-effusion-sent ?q ?r }"
        ).status_code
        == 200
    )
    assert program.last().patch.removed == written


@pytest.mark.parametrize(
    ("media", "text", "status", "said"),
    [
        ("text/turtle", "msk:gout a msk:Finding .", 400, "line 1, column 1"),
        ("text/turtle", "<gout> <urn:x> [ ] .", 422, "Give it one"),
        ("text/turtle", "<gout> <urn:x> 1 .", 422, "The change is refused"),
        ("application/n-triples", '<urn:a> <urn:b> "c .', 400, "line 1"),
        ("application/rdf+xml", "<rdf>", 400, "RDF/XML"),
        ("application/ld+json", '{"@graph": 1', 400, "JSON-LD"),
        ("application/ld+json", '{"@id": "urn:g", "@graph": [{"@id": "urn:a", "urn:b": 1}]}', 422, "names a graph"),
    ],
)
def test_a_bad_graph_is_refused(program: Program, media: str, text: str, status: int, said: str) -> None:
    answer = program.post(text, **{"Content-Type": media})
    refuse(answer, status)
    assert said in answer.text, answer.text


def test_the_whole_graph_cannot_be_taken_away(program: Program) -> None:
    for answer in (
        program.client.delete(ADDRESS, params={"default": ""}, headers=ACCEPTS),
        program.client.delete(ADDRESS, params={"graph": ASSERTED_GRAPH}, headers=ACCEPTS),
        program.put(""),
        program.put("<gout> a <Diagnosis> ."),
    ):
        refuse(answer, 422)
        assert "not changed here" in answer.text


# Programs of others


def test_curl_updates(program: Program) -> None:
    command = ["curl", "--silent", "--show-error", "--fail", f"{program.app.url}{ADDRESS}"]
    command += ["-H", f"Authorization: {ACCEPTS['Authorization']}"]
    sent = [*command, "--data-urlencode", f"update={named('by curl')}", "--data-urlencode", "message=curl"]
    said = subprocess.run(sent, capture_output=True, check=True, timeout=30)
    assert json.loads(said.stdout)["change"] == program.journal.head()
    assert program.last().message == "curl"


def test_sparqlwrapper_updates(program: Program) -> None:
    client = sparqlwrapper.SPARQLWrapper(f"{program.app.url}/sparql", f"{program.app.url}{ADDRESS}")
    client.addCustomHttpHeader("Authorization", ACCEPTS["Authorization"])
    client.setMethod(sparqlwrapper.POST)
    for method, name in ((sparqlwrapper.POSTDIRECTLY, "sent as it is"), (sparqlwrapper.URLENCODED, "sent encoded")):
        client.setRequestMethod(method)
        client.setQuery(f"PREFIX msk: <{MSK}> PREFIX skos: <{SKOS}> {named(name)}")
        assert json.loads(client.query().response.read())["change"] == program.journal.head()
        assert program.ask(f'msk:gout skos:altLabel "{name}"@en')


@pytest.mark.parametrize("named_graph", [True, False])
def test_rdflib_updates(program: Program, named_graph: bool) -> None:
    addresses = (f"{program.app.url}/sparql", f"{program.app.url}{ADDRESS}")
    store = SPARQLUpdateStore(*addresses, context_aware=named_graph, headers=dict(ACCEPTS))
    there = Graph(store=store, identifier=URIRef(ASSERTED_GRAPH))
    triple = (MSK.gout, SKOS.altLabel, Literal("by rdflib", lang="en"))
    there.add(triple)
    assert program.ask('msk:gout skos:altLabel "by rdflib"@en')
    assert triple in there
    there.remove(triple)
    assert not program.ask('msk:gout skos:altLabel "by rdflib"@en')
    assert program.last().author == "token curator"


# Attacks


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    heard = Listener()
    yield heard
    heard.close()


@pytest.fixture
def unharmed(program: Program, listener: Listener) -> Iterator[None]:
    """After an attack the knowledge is as it was, nothing was sent, and no process is left over."""
    program.update("INSERT DATA {}")  # so that the process that works edits out is there
    processes = len(processes_of(program.app.home))
    with program.unchanged():
        yield
    assert listener.heard == []
    assert soon(lambda: len(processes_of(program.app.home)) <= processes, 2), "a process is left over"
    assert program.client.get("/healthz").json()["status"] == "ok"


REACHING_OUT: Final = (
    "LOAD <URL>",
    "LOAD SILENT <URL>",
    "load <URL> into graph msk:asserted",
    "LOADSILENT <URL>",
    "BASE <URL>LOAD <x>",
    "PREFIX u: <URL>LOAD u:x",
    "VERSION '1.2'LOAD <URL>",
    "INSERT DATA {};LOAD <URL>",
    "#\nLOAD <URL>",
    "\ufeffLOAD <URL>",
    "\\u004cOAD <URL>",
    "\\U0000004cOAD <URL>",
    "LO\u200bAD <URL>",
    "LOAD <file:///etc/passwd>",
    "LOAD <file:///etc/passwd> INTO GRAPH <https://w3id.org/mskgraph/asserted>",
    "INSERT { msk:gout skos:altLabel ?o } WHERE { SERVICE <URL> { ?s ?p ?o } }",
    "INSERT { msk:gout skos:altLabel ?o } WHERE { SERVICE SILENT <URL> { ?s ?p ?o } }",
    "INSERT { msk:gout skos:altLabel ?s } WHERE { SERVICESILENT <URL> { ?s ?p ?o } }",
    "DELETE { ?s ?p ?o } WHERE { ?s ?p ?o FILTER EXISTS { SERVICE <URL> { ?s ?p ?o } } }",
    "INSERT { msk:gout skos:altLabel ?s } USING <URL> WHERE { { SELECT * { SERVICE <URL> { ?s ?p ?o } } } }",
)


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("text", REACHING_OUT)
def test_no_update_reaches_out(program: Program, listener: Listener, text: str) -> None:
    answer = program.update(text.replace("URL", listener.url))
    refuse(answer, 400)
    assert "not allowed" in answer.text or "cannot be read" in answer.text


@pytest.mark.usefixtures("unharmed")
def test_graphs_elsewhere_are_not_fetched(program: Program, listener: Listener) -> None:
    for name in (listener.url, "file:///etc/passwd"):
        text = f"INSERT {{ msk:gout skos:altLabel ?o }} USING <{name}> WHERE {{ ?s ?p ?o }}"
        assert program.update(text).status_code == 204
        text = "INSERT { msk:gout skos:altLabel ?o } WHERE { ?s ?p ?o }"
        assert program.update(text, **{"using-graph-uri": name}).status_code == 204
    for text in (
        f'{{"@context": "{listener.url}", "@id": "urn:a", "name": "x"}}',
        f'{{"@context": ["{listener.url}"], "@id": "urn:a", "name": "x"}}',
        f'{{"@context": {{"@import": "{listener.url}"}}, "@id": "urn:a", "urn:b": "x"}}',
        '{"@context": "file:///etc/passwd", "@id": "urn:a", "name": "x"}',
    ):
        answer = program.post(text, **{"Content-Type": "application/ld+json"})
        refuse(answer, 400)
        assert "not fetched" in answer.text


ENTITIES: Final = "".join(
    f'<!ENTITY {after} "{f"&{before};" * 10}">' for before, after in zip("abcdefghi", "bcdefghij", strict=True)
)
RDF_XML: Final = """<?xml version="1.0"?><!DOCTYPE r [{}]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:skos="http://www.w3.org/2004/02/skos/core#">
<rdf:Description rdf:about="https://w3id.org/mskgraph/gout"><skos:altLabel>{}</skos:altLabel></rdf:Description></rdf:RDF>"""


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize(
    ("media", "text", "statuses"),
    [
        ("application/rdf+xml", RDF_XML.format('<!ENTITY a "aaaaaaaaaa">' + ENTITIES, "&j;"), (413,)),
        ("application/rdf+xml", RDF_XML.format('<!ENTITY a SYSTEM "file:///etc/passwd">', "&a;"), (400,)),
        ("application/rdf+xml", RDF_XML.format('<!ENTITY % a SYSTEM "URL"> %a;', "x"), (400,)),
        ("application/rdf+xml", RDF_XML.format('<!ENTITY a "&b;"><!ENTITY b "&a;">', "&a;"), (400,)),
        ("application/rdf+xml", "<a>" * 300_000, (400,)),
        ("application/ld+json", '{"@id":' * 300_000, (400,)),
        ("application/ld+json", "[" * 300_000, (400,)),
        ("text/turtle", "<gout> <urn:x> " + "[ <urn:x> " * 100_000 + "1 " + "]" * 100_000 + " .", (422, 413)),
        ("text/turtle", "<gout> <urn:x> " + "( " * 300_000, (400,)),
        ("text/turtle", '<gout> <urn:x> """' + "x" * 5_000_000, (400,)),
        ("text/turtle", "".join(f"<gout> <urn:x> {n} ." for n in range(50_000)), (422,)),
    ],
    ids=[
        "bomb",
        "file",
        "parameter",
        "circle",
        "deep XML",
        "deep JSON",
        "deep list",
        "deep Turtle",
        "list",
        "text",
        "many",
    ],
)
def test_a_graph_that_is_an_attack_is_refused(
    program: Program, listener: Listener, media: str, text: str, statuses: tuple[int, ...]
) -> None:
    answer = program.post(text.replace("URL", listener.url), **{"Content-Type": media})
    refuse(answer, *statuses, 408)  # on a busy machine its time may be over before it is understood


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("INSERT { ?a msk:x ?f } WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }", (408, 413)),
        ("DELETE { ?a ?b ?c } WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(?a = ?i && ?c = ?d) }", (408,)),
        ("INSERT { msk:gout msk:x ?x } WHERE { ?a (!msk:p|^!msk:p)+ ?c . ?d (!msk:p|^!msk:p)+ ?x }", (408, 413)),
        ("INSERT DATA { " + "msk:gout msk:x msk:y . " * 40_000 + "}", (422,)),
        ("INSERT { msk:gout msk:x 1 } WHERE { " + "{" * 50_000 + "}" * 50_000 + "}", (400,)),
    ],
)
def test_an_update_without_an_end_is_stopped(program: Program, text: str, statuses: tuple[int, ...]) -> None:
    start = time.monotonic()
    refuse(program.update(text), *statuses)
    assert time.monotonic() - start < 10


@pytest.mark.usefixtures("unharmed")
def test_a_large_body_is_not_read_for_strangers(program: Program) -> None:
    sent = 0

    def parts() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"#" * 100_000

    try:
        answer = program.client.post(ADDRESS, content=parts(), headers=UPDATE)
        assert answer.status_code == 401
    except httpx.TransportError:  # it hung up before all was sent
        assert sent < 100


# In this process, where what is around can be made to fail


class Inside:
    """The address alone, over an ontology and a home that each test has for itself."""

    def __init__(self) -> None:
        self.home = Path()
        self.engine_fails = False
        self.brought = 0
        self._served = Starlette(routes=routes(KnowledgeGraph.open, open_to_change, self.bring_up_to_date))

    def bring_up_to_date(self) -> None:
        self.brought += 1
        if self.engine_fails:
            raise MskGraphError("The change is accepted, but not in the engine yet.")

    def send(self, text: str, who: dict[str, str] = ACCEPTS, **headers: str) -> httpx.Response:
        async def sent() -> httpx.Response:
            transport = httpx.ASGITransport(self._served)
            async with httpx.AsyncClient(transport=transport, base_url="http://here", timeout=30) as client:
                return await client.post(ADDRESS, content=text, headers={**UPDATE, **who, **headers})

        return asyncio.run(sent())

    @property
    def head(self) -> str:
        return Journal(self.home / "journal.sqlite").head()


@pytest.fixture(scope="module")
def served() -> Inside:
    return Inside()


@pytest.fixture
def inside(served: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inside:
    monkeypatch.setenv("MSKGRAPH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(small_ontology(tmp_path / "ontology")))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "access.toml").write_text(TOKENS, "utf-8")
    served.home, served.engine_fails, served.brought = tmp_path / "home", False, 0
    return served


def test_an_engine_elsewhere_is_brought_up_to_date(inside: Inside) -> None:
    assert inside.send(named("there, too")).status_code == 200
    assert inside.send("INSERT DATA {}").status_code == 204
    assert inside.send(named("proposed"), PROPOSES).status_code == 202
    assert inside.brought == 1
    inside.engine_fails = True
    answer = inside.send(named("not there yet"))
    assert (answer.status_code, answer.json()["change"]) == (200, inside.head)
    assert "not in the engine yet" in answer.json()["warning"]


def test_a_change_that_came_between_is_taken_into_account(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process accepts something after the update was worked out and before it is accepted."""
    accept, patch = curation.accept, Patch(frozenset({f'{GOUT} {LABEL} "between"@en .'}))

    def late(*arguments: Any) -> Change:
        monkeypatch.setattr(curation, "accept", accept)
        accept(Journal(), KnowledgeGraph.open, patch, "Ada")
        return accept(*arguments)

    monkeypatch.setattr(curation, "accept", late)
    text = "INSERT { msk:gout skos:altLabel 'seen'@en } WHERE { msk:gout skos:altLabel 'between'@en }"
    assert inside.send(f"{named('first')} ; {text}").status_code == 200
    assert '"seen"@en' in "".join(Journal().changes()[-1].patch.added), "the WHERE is asked again"


def test_what_others_change_all_the_time_is_told(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(*_: object) -> Change:
        raise StaleRevision("a", "b")

    monkeypatch.setattr(curation, "accept", stale)
    refuse_plainly(inside.send(named("never")), 409)
    refuse_plainly(inside.send(named("never"), **{"If-Match": '"another state.0"'}), 412)


@pytest.mark.parametrize(
    ("reason", "status"),
    [("database or disk is full", 507), ("attempt to write a readonly database", 503)],
)
def test_a_journal_that_cannot_be_written_is_told_without_naming_folders(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, reason: str, status: int
) -> None:
    def unusable(*_: object) -> Change:
        raise JournalUnusable(inside.home / "journal.sqlite", reason)

    monkeypatch.setattr(curation, "accept", unusable)
    answer = inside.send(named("never"))
    refuse_plainly(answer, status)
    assert reason in answer.text
    assert str(inside.home) not in answer.text
    assert inside.brought == 0


def test_a_damaged_journal_is_told(inside: Inside) -> None:
    assert inside.send(named("kept")).status_code == 200
    (inside.home / "journal.sqlite").write_bytes(b"nonsense" * 1_000)
    refuse_plainly(inside.send(named("never")), 503)


def test_settings_that_are_not_valid_let_nobody_in(inside: Inside) -> None:
    (inside.home / "access.toml").write_text("[tokens", "utf-8")
    answer = inside.send(named("never"))
    refuse_plainly(answer, 503)
    assert str(inside.home) not in answer.text
    (inside.home / "access.toml").unlink()
    refuse_plainly(inside.send(named("never")), 401)
    assert inside.head == ""


def test_who_has_no_role_is_told(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Access, "bearer", lambda *_: Person("token nobody", "token nobody", frozenset()))
    answer = inside.send(named("never"))
    refuse_plainly(answer, 403)
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_a_token_that_is_taken_away_is_of_no_use_any_more(inside: Inside) -> None:
    assert inside.send(named("before")).status_code == 200
    (inside.home / "access.toml").write_text(TOKENS.replace(digest("a-token-that-accepts"), "0" * 64), "utf-8")
    refuse_plainly(inside.send(named("after")), 401)


def test_files_that_change_are_read_again(inside: Inside) -> None:
    assert inside.send(named("with the old files")).status_code == 200
    file = inside.home.parent / "ontology" / "findings.ttl"
    file.write_text(file.read_text("utf-8").replace("effusion", "fluid"), "utf-8")
    gout = inside.home.parent / "ontology" / "diagnoses" / "gout.ttl"
    gout.write_text(gout.read_text("utf-8").replace("msk:effusion", "msk:fluid"), "utf-8")
    text = "INSERT { ?s skos:altLabel 'wetness'@en } WHERE { ?s skos:prefLabel 'fluid'@en }"
    answer = inside.send(text)
    assert answer.json()["words"] == ["Added: fluid: synonyms: wetness"]


def refuse_plainly(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    assert len(answer.text.strip()) > 10


# What changes, worked out


def test_a_schema_that_is_sent_back_changed_is_refused(tmp_path: Path) -> None:
    """Its blank nodes have other names each time, so they are compared by what they say."""
    files = ontology.files(small_ontology(tmp_path / "ontology"))
    whole = ontology.read(files)
    sent = ontology.canonical(whole).encode()
    assert not Ground(files).difference(Edit("replace", sent, "text/turtle"))
    changed = sent.replace(b"sh:in ( msk:Association )", b"sh:in ( msk:Case )", 1)
    assert changed != sent
    with pytest.raises(PatchInvalid, match="not changed here"):
        Ground(files).difference(Edit("replace", changed, "text/turtle"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "# WHERE\nINSERT { ?s ?p 'WHERE' } # { \nwhere { { SELECT * WHERE { ?s ?p ?o } } }",
            "# WHERE\nINSERT { ?s ?p 'WHERE' } # { \nUSING <urn:g> where { { SELECT * WHERE { ?s ?p ?o } } }",
        ),
        (
            "DELETE WHERE { ?s ?p '}' } ; INSERT DATA { <urn:where> <urn:p> 1 }",
            "DELETE { ?s ?p '}' } USING <urn:g> WHERE { ?s ?p '}' } ; INSERT DATA { <urn:where> <urn:p> 1 }",
        ),
        ("CLEAR ALL", "CLEAR ALL"),
    ],
)
def test_the_graphs_of_the_protocol_are_put_into_each_where(text: str, expected: str) -> None:
    assert with_graphs(text, Dataset(("urn:g",))) == expected


@pytest.mark.parametrize("clause", ["USING <urn:h>", "using named <urn:h>"])
def test_graphs_are_named_in_one_place(clause: str) -> None:
    with pytest.raises(QueryError, match="USING"):
        with_graphs(f"DELETE {{ ?s ?p ?o }} {clause} WHERE {{ ?s ?p ?o }}", Dataset(("urn:g",)))
