"""The whole program in a real browser, as its readers use it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas
import pytest
import rdflib
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Download, Locator, Page, Request, expect

from mskgraph import KnowledgeGraph, ontology, views
from mskgraph.differential import Differential
from mskgraph.terms import iri, local_name, read_mappings, written_mappings
from mskgraph.ui.widgets import NOTICE
from tests.app_process import app_environment, free_port, wait_until_healthy
from tests.conftest import DESKTOP, NewPage, StartApp
from tests.test_graph_view import Graph as AnyGraph
from tests.test_graph_view import refused_dialogs

pytestmark = pytest.mark.usefixtures("seed")

PHONE = (390, 844)
PAGES = ("", "explore", "concepts", "cases", "model", "query", "contribute")

WATCH = """
  window.refused = [];
  addEventListener("securitypolicyviolation", e => refused.push(`${e.violatedDirective} ${e.blockedURI}`));
"""
EVIL = (
    "<img src=x onerror=alert(1)></script><script>alert(1)</script>"
    "**b** [x](javascript:alert(1)) :red[y] $z$ <b>bold</b> `c` :material/home:"
)


class Graph(AnyGraph):
    """The graph of a page, in sight whenever the mouse goes there."""

    def at(self, node: str) -> tuple[float, float]:
        self.element.scroll_into_view_if_needed()
        return super().at(node)


# Pages


def open_page(page: Page, url: str, address: str = "") -> None:
    """Open an address and wait until everything is there, the graph included."""
    page.goto(f"{url}/{address}")
    whole(page)


def whole(page: Page) -> None:
    """Wait until the page is complete and still."""
    expect(page.get_by_text(NOTICE)).to_be_visible(timeout=30_000)  # that of the page before has to be gone
    settled(page)
    if urlsplit(page.url).path.endswith(("/concepts", "/query", "/contribute")):
        return  # the pages without a graph, or not at first
    page.wait_for_function(
        """() => { const graph = document.querySelector(".graph") || [...document.querySelectorAll("*")]
                     .map(e => e.shadowRoot && e.shadowRoot.querySelector(".graph")).find(Boolean);
                   return graph && graph.mskNetwork && graph.mskNetwork.body.nodeIndices.length }"""
    )


def settled(page: Page) -> None:
    """Wait until the script has run to its end."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def main_of(page: Page) -> Locator:
    return page.get_by_role("main")


def candidate(page: Page, label: str) -> Locator:
    """The button of a candidate in the list."""
    return page.locator(f"[class*='st-key-list_{class_of(label)}']").get_by_role("button")


def class_of(label: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]", "-", KnowledgeGraph.open().find(label)[0])


def query_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def wait_for_query(page: Page, name: str, *values: str) -> None:
    """Wait until a parameter of the address has these values."""
    page.wait_for_function(
        """([name, values]) => JSON.stringify(new URLSearchParams(location.search).getAll(name))
             === JSON.stringify(values)""",
        arg=[name, list(values)],
    )


def heading(page: Page, text: str) -> Locator:
    # While a page is drawn anew, the old and the new one can stand beside each other.
    return page.get_by_role("heading", name=text, exact=True).first


def pick(page: Page, label: str, text: str) -> None:
    """Choose an entry in a box that lists what fits while one types."""
    box = page.get_by_role("combobox", name=label)
    box.click()
    box.fill(text)
    page.get_by_role("option", name=re.compile(rf"^{re.escape(text)}( \(|$)")).first.click()


def open_box(page: Page, label: str) -> None:
    """Open the list of a box; one that was closed just before takes the focus back and closes it once more."""
    for _ in range(5):
        page.get_by_role("combobox", name=label, exact=True).focus()
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(200)
        if page.get_by_role("option").count():
            return
    raise AssertionError(f"{label} does not open")


def state_of(page: Page) -> dict[str, Any]:
    """Everything on the page that a link must bring back."""
    settled(page)
    graph = Graph(page)
    graph.element.scroll_into_view_if_needed()
    edge = graph.element.bounding_box()
    assert edge is not None
    page.mouse.move(edge["x"] + 3, edge["y"] + 3)  # off all nodes, so that no words of one hang over it
    expect(page.locator(".vis-tooltip:visible")).to_have_count(0)
    page.mouse.move(1, 1)
    lines = main_of(page).aria_snapshot().splitlines()
    # How the reader came here is not part of the view.
    kept = [re.sub(r" \[active\]", "", line) for line in lines if not re.search(r'button "(Undo|Redo)"', line)]
    drawn = graph.ask(
        """return { nodes: net.getPositions(), edges: net.body.data.edges.getIds().sort(),
                    bold: net.body.data.edges.get().filter(e => e.width > 2).map(e => e.id).sort() }"""
    )
    places = {node: (round(place["x"], 3), round(place["y"], 3)) for node, place in drawn["nodes"].items()}
    return {"page": "\n".join(kept), "places": places, "edges": drawn["edges"], "lit": drawn["bold"]}


def assert_link_restores(page: Page, page_factory: NewPage) -> None:
    """Open the link to this view in a fresh browser: it must show the same, at the same address."""
    before = state_of(page)
    page.get_by_role("button", name="Link to this view").first.click()
    link = page.get_by_role("dialog").get_by_role("code").inner_text()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    other = page_factory()
    other.goto(link)
    whole(other)
    assert state_of(other) == before
    assert other.url == page.url
    other.context.close()


@pytest.fixture(scope="module")
def expected() -> Differential:
    return KnowledgeGraph.open().differential(["soft tissue calcification"])


# The job at the machine


def test_typing_gives_the_ranked_list_and_one_click_says_why(
    page: Page, page_factory: NewPage, app_url: str, expected: Differential
) -> None:
    open_page(page, app_url)
    box = page.get_by_role("textbox", name="What do you see?")
    box.fill("calc triceps")
    box.press("Enter")
    wait_for_query(page, "f", "soft-tissue-calcification", "triceps-tendon")
    expect(heading(page, "Why dystrophic calcification?")).to_be_visible()
    whole(page)
    result = KnowledgeGraph.open().differential(["soft tissue calcification", "triceps tendon"])
    labels = [one.label for one in result.candidates]
    names = main_of(page).get_by_role("button").get_by_role("paragraph").all_inner_texts()
    shown = [name for name in names if name in labels]
    urgent = [one.label for one in result.candidates if one.must_not_miss]
    ranked = [one.label for one in result.candidates if not one.parents or views.stands_out(one)]
    assert shown[: len(urgent)] == urgent
    assert shown[len(urgent) :][: len(ranked)] == ranked
    assert ranked[0] == "dystrophic calcification"
    table = [one.label for one in result.candidates if one.quantity]
    assert [label for label in ranked if label in table] == table
    expect(page.get_by_role("link", name="Calcification at the triceps tendon insertion")).to_be_visible()
    assert_link_restores(page, page_factory)

    candidate(page, "metastatic calcification").click()
    expect(heading(page, "Why metastatic calcification?")).to_be_visible()
    wait_for_query(page, "why", "metastatic-calcification")
    chosen = next(one for one in result.candidates if one.label == "metastatic calcification")
    knowledge = KnowledgeGraph.open().knowledge
    for step in views.evidence_rows(knowledge, chosen):
        for words in (step["Step"], step["How often"], step["Source"]):
            expect(main_of(page).get_by_text(words).first).to_be_visible()
    graph = Graph(page)
    target = iri("metastatic-calcification")
    graph.wait(f"net.body.data.edges.get().some(e => e.width > 2 && e.to === '{target}')")
    lit = views.lit_path(knowledge, chosen)
    drawn = graph.ask("return net.body.data.edges.get().map(e => [e.id, e.width > 2])")
    assert {edge for edge, bold in drawn if bold} == lit & {edge for edge, _ in drawn}
    dimmed = next(one.iri for one in result.candidates if one.label == "dystrophic calcification")
    assert graph.colour(target) != graph.colour(dimmed)
    assert_link_restores(page, page_factory)


SITE = "?f=soft-tissue-calcification&f=triceps-tendon"
QUESTIONS = {
    "nothing": ("", ""),
    "a finding": ("?f=soft-tissue-calcification", ""),
    "a finding at a site": (SITE, ""),
    "a sentence": ("", "calc triceps, no joint effusion"),
}


@pytest.fixture(scope="module")
def large_url(start_app: StartApp) -> str:
    """The program with all of the knowledge, whose lists are long."""
    return start_app().url


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("asked", QUESTIONS)
def test_the_answer_is_in_sight_without_scrolling(
    page_factory: NewPage, large_url: str, asked: str, size: tuple[int, int]
) -> None:
    page = page_factory(viewport=size)
    address, typed = QUESTIONS[asked]
    open_page(page, large_url, address)
    if typed:
        box = page.get_by_role("textbox", name="What do you see?")
        box.fill(typed)
        box.press("Enter")
        wait_for_query(page, "absent", "joint-effusion")
        whole(page)
    ranked = page.locator("[class*='st-key-list_http']").get_by_role("button")
    urgent = page.locator("[class*='st-key-urgent_http']").get_by_role("button")
    expect(ranked.nth(2)).to_be_visible()
    assert lower_edge(urgent.first) < lower_edge(ranked.first) <= size[1]
    if size == DESKTOP:
        assert lower_edge(ranked.nth(4)) <= size[1]
    expect(page.get_by_text(re.compile(r"^\d+ of \d+ candidates$"))).to_be_visible()
    cut = page.locator("[data-tag] [title]").evaluate_all(
        "tags => tags.filter(t => t.scrollWidth > t.clientWidth).length"
    )
    assert cut == 0, "what is chosen cannot be read"


def lower_edge(element: Locator) -> float:
    box = element.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


def test_what_must_not_be_missed_is_all_there_behind_the_first(page: Page, large_url: str) -> None:
    open_page(page, large_url, SITE)
    page.get_by_role("button", name=re.compile(r"^\d+ more$")).click()
    rest = page.get_by_test_id("stPopoverBody").get_by_role("button")
    expect(rest.first).to_be_visible()
    assert axe_faults(page, "the rest open") == []
    last = rest.last.inner_text()
    rest.last.press("Enter")
    expect(heading(page, f"Why {last}?")).to_be_visible()


def test_prevalence_absence_and_the_next_look_are_one_click_and_in_the_link(
    page: Page, page_factory: NewPage, app_url: str
) -> None:
    open_page(page, app_url, "?f=soft-tissue-calcification&f=rice-grain&f=aligned-with-muscle-fibres")
    expect(heading(page, "Why dystrophic calcification?")).to_be_visible()
    main_of(page).get_by_text("Leave prevalence out").click()
    wait_for_query(page, "regime", "equal")
    expect(heading(page, "Why cysticercosis?")).to_be_visible()
    assert_link_restores(page, page_factory)

    main_of(page).get_by_role("button", name="amorphous absent").click()
    wait_for_query(page, "absent", "amorphous")
    expect(main_of(page).get_by_test_id("stCode")).to_contain_text("Not seen: amorphous")
    assert_link_restores(page, page_factory)


def test_a_click_on_a_diagnosis_in_the_picture_says_why(page: Page, app_url: str) -> None:
    open_page(page, app_url, "?f=soft-tissue-calcification")
    graph = Graph(page)
    before = graph.pixels()
    graph.click(iri("tumoral-calcinosis"))
    expect(heading(page, "Why tumoral calcinosis?")).to_be_visible()
    wait_for_query(page, "why", "tumoral-calcinosis")
    after = graph.pixels()
    assert {node: place for node, place in after.items() if node in before} == {
        node: place for node, place in before.items() if node in after
    }


def test_a_word_that_fits_nothing_stays_and_a_suggestion_takes_its_place(page: Page, app_url: str) -> None:
    open_page(page, app_url)
    box = page.get_by_role("textbox", name="What do you see?")
    box.fill("phlabolith")
    box.press("Enter")
    page.get_by_role("button", name="phlebolith", exact=True).click()
    wait_for_query(page, "f", "phlebolith")
    expect(box).to_have_value("")
    settled(page)
    expect(page.get_by_text("phlabolith")).to_have_count(0)


def test_a_word_that_fitted_nothing_is_forgotten_on_another_page(page: Page, app_url: str) -> None:
    open_page(page, app_url)
    box = page.get_by_role("textbox", name="What do you see?")
    box.fill("xyzzy")
    box.press("Enter")
    expect(page.get_by_text('Nothing is called "xyzzy"')).to_be_visible()
    go(page, "Model")
    go(page, "Differential")
    whole(page)
    expect(box).to_have_value("")
    expect(page.get_by_text("xyzzy")).to_have_count(0)


def go(page: Page, name: str) -> None:
    """Go to a page by the menu."""
    page.get_by_role("navigation", name="App pages").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    whole(page)


# Links


STATES = {
    "?f=soft-tissue-calcification&f=triceps-tendon&why=cysticercosis&all=1": "Why cysticercosis?",
    "?f=soft-tissue-calcification&f=rice-grain&f=old-injury&why=dracunculiasis": "Why dracunculiasis?",
    "explore?show=soft-tissue-calcification&show=dystrophic-calcification&show=dystrophic-calcification"
    "&node=dystrophic-calcification": "Everything about dystrophic calcification",
    "explore?show=soft-tissue-calcification&show=soft-tissue-calcification..cysticercosis&node=cysticercosis"
    "&hide=case&hide=site": "Everything about cysticercosis",
    "cases?finding=soft-tissue-calcification&dx=dystrophic-calcification&case=case-ramsey-2017-2": (
        "Dystrophic calcification of the Achilles tendon"
    ),
    "model": "Model",
}


@pytest.mark.parametrize("address", STATES)
def test_a_link_opens_the_same_view_elsewhere(page: Page, page_factory: NewPage, app_url: str, address: str) -> None:
    known = KnowledgeGraph.open().knowledge.lexicon.kinds
    named = [
        v for name, values in parse_qs(urlsplit(address).query).items() for v in values if name not in ("all", "hide")
    ]
    assert all(iri(part) in known for value in named for part in value.split("..")), "the test names what is no more"
    open_page(page, app_url, address)
    expect(heading(page, STATES[address]).first).to_be_visible()
    assert page.url == f"{app_url}/{address}"
    expect(page.get_by_role("alert")).to_have_count(0)
    assert_link_restores(page, page_factory)


def test_the_way_back_brings_every_earlier_state_back(page: Page, app_url: str) -> None:
    open_page(page, app_url, "explore?show=soft-tissue-calcification")
    shown = page.get_by_role("toolbar", name="Kinds shown").get_by_role("button", name="Morphology")
    shown.click()
    wait_for_query(page, "hide", "morphology")
    whole(page)
    page.go_back()
    wait_for_query(page, "hide")
    graph = Graph(page)
    graph.wait(f"net.body.nodeIndices.includes('{iri('amorphous')}')")
    settled(page)
    expect(shown).to_have_attribute("aria-pressed", "true")


def test_the_way_back_turns_the_switch_back(page: Page, app_url: str) -> None:
    open_page(page, app_url, "?f=soft-tissue-calcification")
    switch = page.get_by_role("switch", name="Draw all candidates")
    few = len(Graph(page).pixels())
    page.get_by_test_id("stMain").get_by_text("Draw all candidates").click()
    wait_for_query(page, "all", "1")
    Graph(page).wait(f"net.body.nodeIndices.length > {few}")
    candidate(page, "metastatic calcification").click()
    expect(heading(page, "Why metastatic calcification?")).to_be_visible()
    page.go_back()
    expect(heading(page, "Why dystrophic calcification?")).to_be_visible()
    expect(switch).to_be_checked()
    page.go_back()
    wait_for_query(page, "all")
    Graph(page).wait(f"net.body.nodeIndices.length === {few}")
    expect(switch).not_to_be_checked()


# Nothing from outside, nothing wrong


def test_a_tour_of_all_pages_asks_nobody_and_breaks_nothing(page: Page, app_url: str) -> None:
    complaints: list[str] = []
    requests: list[str] = []

    def listen(text: str, kind: str, address: str) -> None:
        # Streamlit looks for its server below the page's own address first; the answer is 404, as it should be.
        probe = re.search(r"/(explore|concepts|cases|model|query|contribute)/_stcore/", address)
        if kind in ("error", "warning") and not probe:
            complaints.append(f"{kind}: {text} ({address})")

    page.on("console", lambda message: listen(message.text, message.type, message.location["url"]))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.on("websocket", lambda socket: requests.append(socket.url))
    page.add_init_script(WATCH)
    open_page(page, app_url)
    candidate(page, "metastatic calcification").click()
    expect(heading(page, "Why metastatic calcification?")).to_be_visible()
    for name in ("Explore", "Cases", "Model", "Differential"):
        go(page, name)
    refused = page.evaluate("refused")
    for address in PAGES[1:]:
        open_page(page, app_url, address)
        refused += page.evaluate("refused")
    # Streamlit's protobuf code tries WebAssembly for its 64-bit numbers and does without when refused.
    assert [one for one in refused if not one.endswith("wasm-eval")] == []
    assert complaints == []
    assert {urlsplit(address).netloc for address in requests if not address.startswith(("data:", "blob:"))} == {
        urlsplit(app_url).netloc
    }


# Accessibility and size


RICH = {
    "concept": "concepts?c=cysticercosis",
    "concepts": "concepts?by=finding",
    "": "?f=soft-tissue-calcification&f=rice-grain&why=cysticercosis",
    "explore": "explore?show=soft-tissue-calcification..cysticercosis&show=cysticercosis&node=cysticercosis",
    "cases": "cases?finding=soft-tissue-calcification&case=case-ramsey-2017-2",
    "model": "model",
    "query": "query?q=SELECT%20%3Fkind%20%3Fparent%20%7B%20%3Fkind%20skos%3Abroader%20%3Fparent%20%7D",
    "query, a graph": "query?q=DESCRIBE%20msk%3Acysticercosis",
    "query, an error": "query?q=SELECT%20%2A%20%7B%20%3Fs%20%7D",
}


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", RICH)
def test_axe_finds_no_fault_in_light_and_dark(
    page_factory: NewPage, app_url: str, name: str, size: tuple[int, int]
) -> None:
    page = page_factory(viewport=size, color_scheme="light")
    open_page(page, app_url, RICH[name])
    faults = []
    background = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    light = page.evaluate(background)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        if scheme == "dark":
            page.wait_for_function(f"light => {background} !== light", arg=light)
            page.wait_for_timeout(300)  # colours change in a transition
        if link := page.get_by_role("button", name="Link to this view").first:
            link.click()
            expect(page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")).to_be_visible()
            faults += axe_faults(page, f"{scheme}, link open")
            page.keyboard.press("Escape")
            expect(page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")).to_be_hidden()
        faults += axe_faults(page, scheme)
    assert faults == []
    width = page.evaluate(
        "[document.documentElement.scrollWidth, document.querySelector('[data-testid=stMain]').scrollWidth]"
    )
    assert max(width) <= size[0]


def axe_faults(page: Page, where: str) -> list[str]:
    return [
        f"{where}: {fault['id']} ({fault['impact']}): {node['html'][:200]} {node['target']}"
        for fault in Axe().run(page).response["violations"]
        for node in fault["nodes"]
    ]


def test_a_phone_can_explore(page_factory: NewPage, app_url: str) -> None:
    page = page_factory(viewport=PHONE, has_touch=True, is_mobile=True)
    open_page(page, app_url, "explore?show=phlebolith")
    graph = Graph(page)
    other = next(node for node in graph.pixels() if node != iri("phlebolith"))
    page.touchscreen.tap(*graph.at(other))
    wait_for_query(page, "node", local_name(other))
    expect(heading(page, KnowledgeGraph.open().knowledge.label(other)).first).to_be_visible()


# Explore


def test_the_picture_is_explored_without_anything_moving(page: Page, page_factory: NewPage, app_url: str) -> None:
    open_page(page, app_url, "explore?show=soft-tissue-calcification")
    graph = Graph(page)
    start = graph.pixels()
    target = iri("dystrophic-calcification")

    # A badge for what is not drawn.
    assert has_badge(graph, target)

    # One click: details.
    graph.click(target)
    expect(heading(page, "dystrophic calcification")).to_be_visible()
    wait_for_query(page, "node", "dystrophic-calcification")
    assert graph.pixels() == start

    # A double click: more, and every old node where it was.
    page.wait_for_timeout(450)  # or it would be the third click of a double click
    graph.double_click(target)
    wait_for_query(page, "show", "soft-tissue-calcification", "dystrophic-calcification")
    graph.wait(f"net.body.nodeIndices.length > {len(start)}")
    settled(page)
    expanded = graph.pixels()
    assert len(expanded) - len(start) == min(views.EXPAND_BY, len(neighbours(target) - set(start)))
    assert {node: expanded[node] for node in start} == start
    assert not overlaps(graph)
    assert_link_restores(page, page_factory)

    # A rerun, and the way to another page and back, change nothing.
    graph.click(iri("soft-tissue-calcification"))
    wait_for_query(page, "node", "soft-tissue-calcification")
    settled(page)
    assert graph.pixels() == expanded

    # Undo, redo, collapse.
    page.get_by_role("button", name="Undo").click()
    graph.wait(f"net.body.nodeIndices.length === {len(start)}")
    assert graph.pixels() == start
    page.get_by_role("button", name="Redo").click()
    graph.wait(f"net.body.nodeIndices.length === {len(expanded)}")
    assert graph.pixels() == expanded
    graph.click(target)
    expect(heading(page, "dystrophic calcification")).to_be_visible()
    page.get_by_role("button", name="Collapse").click()
    graph.wait(f"net.body.nodeIndices.length === {len(start)}")
    assert graph.pixels() == start


def neighbours(node: str) -> set[str]:
    return {step.end for step in KnowledgeGraph.open().knowledge.steps(node)}


def has_badge(graph: Graph, node: str) -> bool:
    """Whether something dark stands at the upper right corner of a node, where the count is drawn."""
    width, height = graph.ask("const { width, height } = net.body.nodes[x].shape; return [width, height]", node)
    return sum(graph.colour(node, right=width / 2 + 3, down=-height / 2)) < 200


def overlaps(graph: Graph) -> list[tuple[str, str]]:
    """Pairs of nodes that stand on each other."""
    boxes = graph.ask(
        """return Object.entries(net.getPositions()).map(([id, { x, y }]) => {
             const { width, height } = net.body.nodes[id].shape;
             return [id, x - width / 2, y - height / 2, x + width / 2, y + height / 2] })"""
    )
    return [
        (one[0], other[0])
        for index, one in enumerate(boxes)
        for other in boxes[index + 1 :]
        if one[1] < other[3] and other[1] < one[3] and one[2] < other[4] and other[2] < one[4]
    ]


def test_kinds_are_filtered_and_paths_are_found(page: Page, page_factory: NewPage, app_url: str) -> None:
    open_page(page, app_url, "explore?show=soft-tissue-calcification")
    graph = Graph(page)
    knowledge = KnowledgeGraph.open().knowledge
    before = graph.pixels()
    kinds = page.get_by_role("toolbar", name="Kinds shown")
    kinds.get_by_role("button", name="Morphology").click()
    wait_for_query(page, "hide", "morphology")
    settled(page)
    amorphous = iri("amorphous")
    graph.wait(f"!net.body.nodeIndices.includes('{amorphous}')")
    after = graph.pixels()
    assert {knowledge.kind(node) for node in after} & {"morphology"} == set()
    stayed = {node: place for node, place in before.items() if knowledge.kind(node) != "morphology"}
    assert {node: after[node] for node in stayed} == stayed
    assert not overlaps(graph)
    assert_link_restores(page, page_factory)
    kinds.get_by_role("button", name="Morphology").click()
    wait_for_query(page, "hide")
    graph.wait(f"net.body.nodeIndices.includes('{amorphous}')")
    settled(page)
    assert graph.pixels() == before

    pick(page, "Path to", "cysticercosis")
    wait_for_query(page, "show", "soft-tissue-calcification", "soft-tissue-calcification..cysticercosis")
    words = knowledge.words(knowledge.paths(iri("soft-tissue-calcification"), iri("cysticercosis"))[0])
    expect(main_of(page).get_by_text(words).first).to_be_visible()
    graph.wait("net.body.data.edges.get().some(e => e.width > 2)")
    assert {node: graph.pixels()[node] for node in before} == before

    pick(page, "Start from", "phlebolith")
    wait_for_query(page, "show", "phlebolith")
    expect(heading(page, "Everything about phlebolith")).to_be_visible()


# Cases


def test_cases_are_filtered_opened_and_lead_to_the_differential(
    page: Page, page_factory: NewPage, app_url: str
) -> None:
    open_page(page, app_url, "cases")
    knowledge = KnowledgeGraph.open().knowledge
    pick(page, "Finding", "soft tissue calcification")
    wait_for_query(page, "finding", "soft-tissue-calcification")
    settled(page)
    fitting = [
        case
        for case in knowledge.cases.values()
        if any(iri("soft-tissue-calcification") in knowledge.ancestors(feature) for feature in case.features)
    ]
    expect(page.get_by_text(f"{len(fitting)} of {len(knowledge.cases)} cases")).to_be_visible()
    page.keyboard.press("Escape")
    title = "Calcification of the thigh after an old injury"
    page.get_by_role("button", name=title, exact=True).click()
    expect(page.get_by_role("heading", level=2, name=title)).to_be_visible()
    wait_for_query(page, "case", "case-ramsey-2017-11")
    case = knowledge.cases[iri("case-ramsey-2017-11")]
    table = page.get_by_role("table").first
    for observation in case.observations:
        expect(table.get_by_role("cell", name=knowledge.label(observation.finding)).first).to_be_visible()
    whole(page)
    assert_link_restores(page, page_factory)
    page.get_by_role("link", name=re.compile("differential", re.IGNORECASE)).last.click()
    expect(page.get_by_role("heading", level=1, name="Differential")).to_be_visible()
    whole(page)
    assert set(query_of(page)["f"]) == {local_name(feature) for feature in case.features}
    expect(page.get_by_role("link", name=title)).to_be_visible()


# Keyboard


def test_the_keyboard_alone_suffices(page: Page, app_url: str) -> None:
    open_page(page, app_url)
    box = page.get_by_role("textbox", name="What do you see?")
    tab_to(page, box, 12)
    page.keyboard.type("calc triceps")
    page.keyboard.press("Enter")
    wait_for_query(page, "f", "soft-tissue-calcification", "triceps-tendon")
    whole(page)
    chosen = candidate(page, "calcium pyrophosphate deposition disease")
    tab_to(page, chosen, 40)
    page.keyboard.press("Enter")
    expect(heading(page, "Why calcium pyrophosphate deposition disease?")).to_be_visible()
    whole(page)
    expect(chosen).to_be_focused()  # else the next Tab would start from somewhere else


@pytest.mark.parametrize("address", PAGES)
def test_no_place_keeps_the_keyboard(page: Page, app_url: str, address: str) -> None:
    open_page(page, app_url, address)
    first = page.get_by_role("link", name="Skip to main content")
    first.focus()
    last, still = focus_of(page), 0
    for _ in range(250):
        if "cm-content" in last:
            page.keyboard.press("Escape")  # as the hint below the editor says
        page.keyboard.press("Tab")
        now = focus_of(page)
        still = still + 1 if now == last else 0
        assert still < 15, f"Tab does not leave {now}"
        last = now
        if first.evaluate("element => element === document.activeElement") or now == "BODY":
            return
    raise AssertionError(f"after 250 times Tab still at {last}")


def tab_to(page: Page, target: Locator, most: int) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === element.getRootNode().activeElement"):
            return
    raise AssertionError(f"not reached with {most} times Tab; now at {focus_of(page)}")


def focus_of(page: Page) -> str:
    return str(
        page.evaluate(
            """() => { let e = document.activeElement;
                       while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
                       if (!e || e === document.body) return "BODY";
                       window.seen = window.seen || new Map();
                       if (!seen.has(e)) seen.set(e, seen.size);
                       return `${seen.get(e)} ${e.outerHTML.slice(0, 200)}` }"""
        )
    )


# Downloads


def download(page: Page, name: str) -> Download:
    """What a button saves; those below Export are looked for there."""
    button = page.get_by_role("button", name=name, exact=True)
    if name != "Save PNG":
        popover = page.get_by_role("button", name="Export", exact=True)
        if not button.is_visible():
            popover.click()
        expect(button).to_be_visible()
    with page.expect_download() as saved:
        button.click()
    return saved.value


def content_of(saved: Download) -> bytes:
    return Path(saved.path()).read_bytes()


@pytest.mark.parametrize(
    ("address", "iri_inside"),
    [
        ("?f=soft-tissue-calcification&why=metastatic-calcification", "metastatic-calcification"),
        ("explore?show=soft-tissue-calcification", "soft-tissue-calcification"),
    ],
    ids=["differential", "explore"],
)
def test_every_export_is_what_it_says(
    page: Page, app_url: str, browser: Browser, tmp_path: Path, address: str, iri_inside: str
) -> None:
    open_page(page, app_url, address)
    png = download(page, "Save PNG")
    assert png.suggested_filename.endswith(".png")
    picture = content_of(png)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(picture[16:20]) > 500
    csv = download(page, "Table as CSV")
    assert csv.suggested_filename.endswith(".csv")
    table = pandas.read_csv(io.BytesIO(content_of(csv)))
    assert len(table) > 5
    assert table.astype(str).apply(lambda column: column.str.contains("calcification")).to_numpy().any()
    turtle = download(page, "Triples as Turtle")
    assert turtle.suggested_filename.endswith(".ttl")
    triples = rdflib.Graph().parse(data=content_of(turtle), format="turtle")
    assert rdflib.URIRef(iri(iri_inside)) in set(triples.all_nodes())
    html = download(page, "Graph as HTML")
    assert html.suggested_filename.endswith(".html")
    with Offline(browser) as (other, asked):
        show_file(other, content_of(html), tmp_path)
        expect(other.get_by_role("cell", name="soft tissue calcification", exact=True).first).to_be_visible()
        assert asked == []


class Offline:
    """A page of a browser without a network, and what it asked for nevertheless."""

    def __init__(self, browser: Browser) -> None:
        self.context: BrowserContext = browser.new_context(offline=True)
        self.asked: list[str] = []

    def __enter__(self) -> tuple[Page, list[str]]:
        def note(request: Request) -> None:
            if not request.url.startswith(("file:", "data:", "blob:")):
                self.asked.append(request.url)

        self.context.on("request", note)
        return self.context.new_page(), self.asked

    def __exit__(self, *_: object) -> None:
        self.context.close()


def show_file(page: Page, content: bytes, folder: Path) -> None:
    path = folder / "export.html"
    path.write_bytes(content)
    page.goto(path.as_uri())
    page.wait_for_function(
        """() => { const canvas = document.querySelector("#mynetwork canvas");
                   return canvas && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
                     .data.some(value => value !== 0) }"""
    )


# A hostile ontology


@pytest.fixture(scope="module")
def hostile_url(start_app: StartApp, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program with an ontology in which every text begins with an attack."""
    root = ontology.find()
    folder = tmp_path_factory.mktemp("hostile") / "ontology"
    folder.mkdir()
    mappings = read_mappings((root / "mappings.sssom.tsv").read_text("utf-8"))
    attacks = written_mappings([replace(mapping, label=f"{EVIL} {mapping.label}") for mapping in mappings])
    (folder / "mappings.sssom.tsv").write_text(attacks, encoding="utf-8")
    for path in root.rglob("*.ttl"):
        graph = rdflib.Graph().parse(path, format="turtle")
        if path.name != "shapes.ttl":
            for subject, predicate, value in list(graph):
                if isinstance(value, rdflib.Literal) and value.datatype in (None, rdflib.XSD.string):
                    graph.remove((subject, predicate, value))
                    graph.add((subject, predicate, rdflib.Literal(f"{EVIL} {value}", lang=value.language)))
        target = folder / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        graph.serialize(target, format="turtle", encoding="utf-8")
    return start_app(ontology=folder).url


INJECTED = """() => {
  const found = [];
  const walk = root => {
    for (const e of root.querySelectorAll("*")) {
      const name = e.localName;
      if (name === "img" && !(e.getAttribute("src") || "").startsWith("data:")) found.push(e.outerHTML);
      if (name === "script" && e.textContent.includes("alert")) found.push(e.outerHTML);
      if (name === "a" && /^\\s*javascript:/i.test(e.getAttribute("href") || "")) found.push(e.outerHTML);
      if (/^(b|strong|em|code)$/.test(name) && /^(b|bold|c)$/.test(e.textContent)) found.push(e.outerHTML);
      if (e.classList.contains("katex") || e.hasAttribute("onerror")) found.push(e.outerHTML);
      if (name === "span" && e.textContent === "y") found.push(e.outerHTML);
      if (e.dataset && e.dataset.testid === "stIconMaterial" && e.textContent === "home") found.push(e.outerHTML);
      if (e.shadowRoot) walk(e.shadowRoot);
      if (name === "iframe") found.push(e.outerHTML);
    }
  };
  walk(document);
  return found.map(text => text.slice(0, 300));
}"""


@pytest.mark.xdist_group("hostile")
@pytest.mark.parametrize(
    "address",
    [
        "?f=soft-tissue-calcification&f=triceps-tendon&why=cysticercosis&all=1",
        "explore?show=soft-tissue-calcification&show=soft-tissue-calcification..cysticercosis",
        "explore?show=case-ramsey-2017-1",
        "cases?finding=soft-tissue-calcification&case=case-ramsey-2017-1",
        "model",
    ],
    ids=["differential", "explore", "explore-case", "cases", "model"],
)
def test_hostile_words_stay_words_on_every_page_and_in_every_file(
    page: Page, browser: Browser, hostile_url: str, tmp_path: Path, address: str
) -> None:
    said = refused_dialogs(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    open_page(page, hostile_url, address)
    if "model" not in address:
        expect(main_of(page).get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
        expect(main_of(page).get_by_text("**b** [x](javascript:alert(1)) :red[y] $z$").first).to_be_visible()
    assert page.evaluate(INJECTED) == []
    graph = Graph(page)
    node = next(iter(graph.pixels()))
    page.mouse.move(*graph.at(node))
    if "model" not in address:
        expect(graph.element.locator(".vis-tooltip")).to_be_visible()
    for name in page.get_by_role("combobox").evaluate_all("all => all.map(e => e.getAttribute('aria-label'))"):
        open_box(page, name)
        assert page.evaluate(INJECTED) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role("option")).to_have_count(0)
    assert content_of(download(page, "Save PNG")).startswith(b"\x89PNG\r\n\x1a\n")
    if "model" not in address:
        csv = pandas.read_csv(io.BytesIO(content_of(download(page, "Table as CSV"))))
        assert csv.astype(str).apply(lambda column: column.str.contains(EVIL, regex=False)).to_numpy().any()
    html = content_of(download(page, "Graph as HTML"))
    if "cases" not in address:
        turtle = content_of(download(page, "Triples as Turtle"))
        objects = rdflib.Graph().parse(data=turtle, format="turtle").objects()
        assert any(str(value).startswith(EVIL) for value in objects)
    assert page.evaluate(INJECTED) == []
    assert said == []
    assert not [path for path in asked if path.endswith("/x")]

    with Offline(browser) as (other, asked_offline):
        said = refused_dialogs(other)
        show_file(other, html, tmp_path)
        assert other.locator("img, a, iframe, [onerror]").count() == 0
        assert asked_offline == []
        assert said == []
        if "model" not in address:
            expect(other.get_by_role("cell").filter(has_text=EVIL).first).to_be_visible()


@pytest.mark.xdist_group("hostile")
@pytest.mark.parametrize("address", ["concepts?c=cysticercosis", "concepts?by=kind", "resource/cysticercosis"])
def test_hostile_words_stay_words_on_the_pages_of_concepts(page: Page, hostile_url: str, address: str) -> None:
    said = refused_dialogs(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.goto(f"{hostile_url}/{address}")
    if address.startswith("concepts"):
        whole(page)
        expect(page.locator(".msk").first).to_be_visible()
        page.wait_for_timeout(500)  # what is drawn anew is folded again
    for part in page.locator("details").all():
        part.locator("summary").click()
        expect(part).to_have_attribute("open", "")
    expect(page.locator("main, section").get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
    assert page.evaluate(INJECTED) == []
    assert said == []
    assert not [path for path in asked if path.endswith("/x")]


# Text from the graph in every widget that understands markup

MARKUP = (
    EVIL,
    "# heading",
    "1. one",
    "- item",
    "> quote",
    "    indented",
    "two spaces  \nbreak",
    "one\n\ntwo",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "a -> b <- c <-> d -- e >= f <= g ~= h",
    ":streamlit: :smile: :material/home: :red-background[a] :small[b]",
    "https://example.org/x www.example.org me@example.org",
    "&lt;b&gt; &copy; &#58;",
    "~~a~~ $b$ $$c$$ ^d^ `e` [f] [g]: h \\i",
)
WORDS = """
import json
import sys

import streamlit as st

from mskgraph.ui.widgets import plain, text_table

st.set_page_config(page_title="Words", page_icon="🦴")
for index, text in enumerate(json.loads(MARKUP)):
    with st.container(key=f"text{index}"):
        st.title(plain(text))
        st.subheader(plain(text))
        st.markdown(plain(text))
        st.info(plain(text))
        st.button(plain(text), key=f"button{index}")
        st.expander(plain(text), expanded=True).text("Inside")
        text_table([{text: text}])
st.text("All shown")
"""


@pytest.fixture(scope="module")
def words_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("words")
    main = folder / "main.py"
    main.write_text(f"MARKUP = {json.dumps(MARKUP)!r}\n{WORDS}", encoding="utf-8")
    port = free_port()
    url, log = f"http://127.0.0.1:{port}", folder / "log"
    serve = "import sys, pathlib, mskgraph.ui.server as s; s.serve(int(sys.argv[1]), main=pathlib.Path(sys.argv[2]))"
    with log.open("wb") as output:
        command = [sys.executable, "-c", serve, str(port), str(main)]
        process = subprocess.Popen(command, env=app_environment(folder), stdout=output, stderr=output)
    try:
        wait_until_healthy(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def test_text_reads_the_same_in_every_widget(page: Page, words_url: str) -> None:
    page.goto(words_url)
    expect(page.get_by_text("All shown")).to_be_visible(timeout=15_000)
    settled(page)
    different = []
    for index, text in enumerate(MARKUP):
        box = page.locator(f".st-key-text{index}")
        page.wait_for_function(
            """index => document.querySelector(`.st-key-text${index}`)
                 .querySelectorAll("[data-testid=stMarkdownContainer], h1, h3, td").length >= 8""",
            arg=index,
        )  # some widgets come a moment after the script has ended
        shown = box.get_by_test_id("stMarkdownContainer").evaluate_all("all => all.map(e => e.textContent)")
        shown += box.locator("h1, h3").evaluate_all("all => all.map(e => e.firstElementChild.textContent)")
        shown += box.get_by_role("cell").all_text_contents()
        assert len(shown) >= 8, text
        read = {" ".join(words.split()) for words in shown}
        different += [(text, other) for other in read if other != " ".join(text.split())]
        made = box.locator("main img, em, del, pre, br, ul, ol, blockquote, a[target], .katex, mark")
        different += [(text, html) for html in made.evaluate_all("all => all.map(e => e.outerHTML.slice(0, 80))")]
    assert different == []
