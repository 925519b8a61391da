"""The page Query in a real browser: from an example to an answer, by mouse, by keyboard, by link."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.app_process import RunningApp
from tests.conftest import NewPage, StartApp
from tests.processes import children_of, soon
from tests.test_browser import open_page, tab_to, whole

pytestmark = pytest.mark.usefixtures("seed")

RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"


def text_of(page: Page) -> str:
    return "\n".join(page.locator(".cm-line").all_inner_texts())


def write(page: Page, text: str) -> None:
    """Put a text in the place of what is in the editor, as somebody who pastes it."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def query_in_address(page: Page) -> str:
    return parse_qs(urlsplit(page.url).query).get("q", [""])[0]


def test_from_an_example_to_its_answer_in_two_clicks(page: Page, app_url: str) -> None:
    open_page(page, app_url, "query")
    page.get_by_role("button", name="Causes of a finding", exact=True).click()
    expect(page.locator(".cm-content")).to_contain_text("?diagnosis ?diagnosisLabel")
    page.locator("button.run").click()
    expect(page.get_by_text(re.compile(r"^\d+ rows in [\d.]+ s\.$"))).to_be_visible()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    assert "VALUES ?finding" in query_in_address(page)


def test_words_of_a_label_are_completed_to_the_term_and_the_query_runs_from_the_keyboard(
    page: Page, app_url: str
) -> None:
    open_page(page, app_url, "query")
    tab_to(page, page.locator(".cm-content"), 40)
    page.keyboard.press("Control+a")
    page.keyboard.type("SELECT ?d { ?d msk:mayCause soft tissue calc")
    expect(page.locator(".cm-tooltip-autocomplete li").first).to_contain_text("soft tissue calcification")
    page.wait_for_timeout(300)  # the editor takes no choice at once, as nobody could have read it
    page.keyboard.press("Enter")
    expect(page.locator(".cm-content")).to_contain_text("msk:soft-tissue-calcification")
    page.keyboard.type(" }")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(re.compile(r"^\d+ rows in"))).to_be_visible()
    assert "msk:soft-tissue-calcification" in query_in_address(page)
    whole(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.locator("button.run")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(r"^\d+ rows in"))).to_be_visible()
    whole(page)
    tab_to(page, page.get_by_role("radio", name="Table"), 12)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stCode").filter(has_text='"bindings"')).to_be_visible()


def test_a_link_restores_the_query_and_its_answer_elsewhere(page_factory: NewPage, app_url: str) -> None:
    first = page_factory()
    open_page(first, app_url, "query")
    query = "SELECT ?l {\n  msk:cysticercosis skos:prefLabel ?l # <b>&\"'\n}"
    write(first, query)
    first.locator("button.run").click()
    expect(first.get_by_text("1 row in")).to_be_visible()
    second = page_factory()
    second.goto(first.url)
    whole(second)
    expect(second.get_by_text("1 row in")).to_be_visible()
    expect(second.locator(".cm-line")).to_have_count(3)
    assert text_of(second) == query


def test_going_back_shows_the_query_before(page: Page, app_url: str) -> None:
    open_page(page, app_url, "query?q=" + quote("ASK { msk:cysticercosis ?p ?o }"))
    expect(page.get_by_text("Yes")).to_be_visible()
    write(page, "ASK { msk:nothing ?p ?o }")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("No", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_text("Yes", exact=True)).to_be_visible()
    expect(page.locator(".cm-content")).to_contain_text("msk:cysticercosis")


def test_an_error_is_marked_where_it_is_and_goes_when_mended(page: Page, app_url: str) -> None:
    open_page(page, app_url, "query")
    write(page, "SELECT ?x {\n  ?x nonsense ?y\n}")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert").filter(has_text="line 2")).to_be_visible()
    expect(page.locator(".cm-lintRange-error")).to_have_count(1)
    write(page, "SELECT ?x { ?x a ?y }")
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(re.compile(r"rows in"))).to_be_visible()


def test_an_answer_is_drawn_and_its_nodes_lead_on(page: Page, app_url: str) -> None:
    open_page(page, app_url, "query?q=" + quote("DESCRIBE msk:cysticercosis"))
    page.get_by_role("radio", name="Graph").click()
    expect(page.get_by_text(re.compile(r"\d+ of \d+ nodes shown"))).to_be_visible()
    expect(page.locator(".graph canvas").first).to_be_visible()


def test_an_export_has_the_whole_answer(page: Page, app_url: str, tmp_path: Path) -> None:
    numbers = " ".join(map(str, range(101)))
    open_page(page, app_url, "query")
    write(page, f"SELECT * {{ VALUES ?a {{ {numbers} }} VALUES ?b {{ {numbers} }} }}")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The first 10000 rows")).to_be_visible()
    page.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    download.value.save_as(tmp_path / "all.csv")
    assert len((tmp_path / "all.csv").read_text("utf-8").splitlines()) == 1 + 101 * 101


def test_an_export_that_fails_says_why(page: Page, app_url: str) -> None:
    open_page(page, app_url, "query?q=" + quote("SELECT * { ?a ?b ?c . ?d ?e ?f }"))
    expect(page.get_by_text("The first 10000 rows")).to_be_visible()
    page.get_by_role("button", name="Export", exact=True).click()
    page.get_by_role("button", name="CSV", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="There is no file. The ")).to_be_visible(timeout=20_000)


def test_other_pages_lead_to_the_sparql_behind_them(page: Page, app_url: str) -> None:
    for address in ("?f=phlebolith", "explore?show=phlebolith", "concepts?c=cysticercosis", "cases", "model"):
        open_page(page, app_url, address)
        page.get_by_role("link", name="SPARQL behind this").click()
        expect(page.get_by_text(re.compile(r"^\d+ (rows|triples) in"))).to_be_visible(timeout=15_000)
        assert query_in_address(page).startswith("PREFIX")


def test_leaving_a_query_that_runs_ends_it(page: Page, start_app: StartApp, seed: Path) -> None:
    app = start_app(ontology=seed, settings={"MSKGRAPH_QUERY_TIMEOUT": "60"})
    open_page(page, app.url, "query")
    write(page, RUNAWAY)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Running for")).to_be_visible()
    assert len(running(app)) == 1
    write(page, "ASK {}")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Yes", exact=True)).to_be_visible(timeout=10_000)
    assert soon(lambda: not running(app), 2)


def running(app: RunningApp) -> list[int]:
    """The queries that a program is running."""
    (worker,) = children_of(app.process.pid, "mskgraph.sparql.child")
    return children_of(worker)
