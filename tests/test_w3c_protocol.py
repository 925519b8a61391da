"""The program passes the W3C's tests of the SPARQL 1.1 Protocols, and the page that says so is true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.app_process import RunningApp
from tests.w3c_protocol import (
    DATA,
    GRAPH_STORE,
    LEFT_OUT,
    TABLE,
    Case,
    app_with_graphs,
    ask,
    cases,
    failure,
    kind,
    page,
    result_of,
)

pytestmark = pytest.mark.xdist_group("protocol")

CASES = cases()
RUN = [case for case in CASES if not case.left_out]
REFUSED = [case for case in CASES if case.left_out]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, seed_folder: Path) -> Iterator[RunningApp]:
    with app_with_graphs(tmp_path_factory.mktemp("protocol") / "home", seed_folder) as app:
        yield app


def test_every_test_of_the_manifests_is_read() -> None:
    text = (DATA / "manifest.ttl").read_text("utf-8")
    written = re.findall(r"^:(\w+) rdf:type mf:ProtocolTest", text, re.MULTILINE)
    for name in ("manifest-direct.ttl", "manifest-indirect.ttl"):
        listed = re.search(r"mf:entries \(([^)]*)\)", (GRAPH_STORE / name).read_text("utf-8"))
        assert listed is not None
        written += re.findall(r"gsp:(\w+)", listed[1])
    assert [case.name for case in CASES] == written
    assert [kind(case) for case in RUN].count("query") == 20
    for case in CASES:
        assert case.requests, case.name
        assert all(request.statuses for request in case.requests), case.name
        assert all(file.is_file() for _, file in case.graphs), case.name


def test_only_tests_that_change_something_are_left_out() -> None:
    assert {case.name for case in REFUSED} == set(LEFT_OUT)
    for case in REFUSED:
        assert any(request.method in ("PUT", "POST") for request in case.requests), case.name
        assert kind(case) in ("update", "graph"), case.name


@pytest.mark.parametrize("case", RUN, ids=lambda case: case.name)
def test_a_test_passes(program: RunningApp, case: Case) -> None:
    assert failure(case, program.url) == ""


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_change_that_is_left_out_is_refused(program: RunningApp, case: Case) -> None:
    with httpx.Client(timeout=20) as client:
        for request in case.requests:
            if request.changes or (case.graph_store and request.method not in ("GET", "HEAD")):
                answer = ask(client, program.url, case, request)
                assert answer.status_code in (400, 403, 404, 415, 422), answer.text
    assert not (program.home / "journal.sqlite").exists()


def test_no_change_is_taken_where_queries_are(program: RunningApp) -> None:
    with httpx.Client(timeout=20) as client:
        for case in CASES:
            for request in case.requests:
                if request.changes:
                    address = f"{program.url}/sparql?{request.query}"
                    sent = client.request(request.method, address, headers=list(request.headers), content=request.body)
                    assert sent.status_code in (400, 405, 415), sent.text


def test_the_page_is_true(program: RunningApp) -> None:
    results = [(case, result_of(case, program.url)) for case in CASES]
    assert page(results) == TABLE.read_text("utf-8")
