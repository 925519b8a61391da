"""The endpoint passes the W3C's tests of the SPARQL 1.1 Protocol, and the page that says so is true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.w3c_protocol import DATA, LEFT_OUT, TABLE, Case, app_with_graphs, ask, cases, failure, page, result_of

pytestmark = pytest.mark.xdist_group("protocol")

CASES = cases()
QUERIES = [case for case in CASES if not case.left_out]
UPDATES = [case for case in CASES if case.left_out]
HERE = "http://kasei.us/2009/09/sparql/data/data1.rdf"
PUT_THERE = f"ASK {{ GRAPH <{HERE}> {{ <{HERE}> a <http://xmlns.com/foaf/0.1/Document> }} }}"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory, seed_folder: Path) -> Iterator[str]:
    with app_with_graphs(tmp_path_factory.mktemp("protocol") / "home", seed_folder) as app:
        yield f"{app.url}/sparql"


def test_every_test_of_the_manifest_is_read() -> None:
    written = re.findall(r"^:(\w+) rdf:type mf:ProtocolTest", (DATA / "manifest.ttl").read_text("utf-8"), re.MULTILINE)
    assert [case.name for case in CASES] == written
    assert len(QUERIES) == 20
    for case in CASES:
        assert case.requests, case.name
        assert all(request.statuses for request in case.requests), case.name
        assert all(file.is_file() for _, file in case.graphs), case.name


def test_only_tests_of_changes_are_left_out() -> None:
    assert {case.name for case in UPDATES} == set(LEFT_OUT)
    assert all(any(request.changes for request in case.requests) for case in UPDATES)
    assert not any(request.changes for case in QUERIES for request in case.requests)


@pytest.mark.parametrize("case", QUERIES, ids=lambda case: case.name)
def test_a_test_of_queries_passes(endpoint: str, case: Case) -> None:
    assert failure(case, endpoint) == ""


@pytest.mark.parametrize("case", UPDATES, ids=lambda case: case.name)
def test_every_change_is_refused(endpoint: str, case: Case) -> None:
    with httpx.Client(timeout=20) as client:
        for request in case.requests:
            if request.changes:
                answer = ask(client, endpoint, request)
                assert answer.status_code in (400, 405, 415), answer.text
        assert client.get(endpoint, params={"query": PUT_THERE}).json()["boolean"] is True


def test_the_page_is_true(endpoint: str) -> None:
    results = [(case, result_of(case, endpoint)) for case in CASES]
    assert page(results) == TABLE.read_text("utf-8")
