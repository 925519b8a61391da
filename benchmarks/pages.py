"""The program in a browser: until something is seen, from the first request or from a key or click on."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Page, sync_playwright
from pyvis.network import Network

from benchmarks.measure import Row
from mskgraph import KnowledgeGraph, views
from mskgraph.terms import iri, local_name
from mskgraph.views import Exploration
from tests.app_process import running_app
from tests.chromium import ARGUMENTS, find_chromium

OPENINGS = 7
CLICKS = 20
PAGES = {
    "Differential": "",
    "Explore": "explore",
    "Cases": "cases",
    "Model": "model",
}
LARGE = 110

HELPERS = """
  window.findGraph = () => document.querySelector(".graph") || [...document.querySelectorAll("*")]
    .map(e => e.shadowRoot && e.shadowRoot.querySelector(".graph")).find(Boolean);
  window.hasInk = canvas => canvas && canvas.width && canvas.getContext("2d")
    .getImageData(0, 0, canvas.width, canvas.height).data.some(value => value !== 0);
  window.isDrawn = () => { const graph = findGraph();
    return graph && graph.mskNetwork && graph.mskNetwork.body.nodeIndices.length
      && hasInk(graph.querySelector("canvas")) };
  // Seconds from the next event of a kind to the first frame in which a condition holds.
  window.from = (event, condition) => { window.taken = new Promise(done =>
    addEventListener(event, () => { const start = performance.now();
      const look = () => condition() ? done((performance.now() - start) / 1000) : requestAnimationFrame(look);
      look(); }, { capture: true, once: true })) };
"""


def measured() -> Iterator[Row]:
    """Everything measured in the browser."""
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder)) as app, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        page = new_page(browser)
        yield from openings(page, app.url)
        yield drawing(page, app.url, Path(folder))
        yield clicks(page, f"{app.url}/explore?show=soft-tissue-calcification", "", "Explore", lambda _: True)
        kind = KnowledgeGraph.open().knowledge.kind
        first = f"{app.url}/?f=soft-tissue-calcification&all=1"
        yield clicks(page, first, "Why {}?", "Differential", lambda node: "/claim" not in node and kind_is(kind, node))
        yield entering(page, app.url)
        yield expanding(page, app.url)
        browser.close()


def kind_is(kind: Callable[[str], str], node: str) -> bool:
    """Whether a node is a diagnosis."""
    return node in KnowledgeGraph.open().knowledge.concepts and kind(node) == "diagnosis"


def new_page(browser: Browser) -> Page:
    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.add_init_script(HELPERS)
    return page


def open_drawn(page: Page, url: str) -> float:
    """Open an address and return how long it took until the graph was drawn, by the browser's own clock."""
    page.goto(url, wait_until="commit")
    page.wait_for_function("() => isDrawn()", polling="raf")
    return float(page.evaluate("performance.now()")) / 1000


def settled(page: Page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def openings(page: Page, url: str) -> Iterator[Row]:
    times: dict[str, list[float]] = {name: [] for name in PAGES}
    for path in PAGES.values():
        open_drawn(page, f"{url}/{path}")  # warms the browser's cache and the server
    for _ in range(OPENINGS):
        for name, path in PAGES.items():
            times[name].append(open_drawn(page, f"{url}/{path}"))
    for name, seconds in times.items():
        yield Row(f"warm page to drawn graph: {name}", seconds, 2.5)


def drawing(page: Page, url: str, folder: Path) -> Row:
    """A larger graph, beside pyvis's own page of the same nodes and edges with its physics as it comes."""
    knowledge = KnowledgeGraph.open().knowledge
    exploration = Exploration((iri("soft-tissue-calcification"),))
    result = views.explore(knowledge, exploration)
    while len(result.drawing.nodes) < LARGE:
        most = max(result.drawing.nodes, key=lambda node: int(node.badge or 0))
        exploration = exploration.expand(most.id)
        result = views.explore(knowledge, exploration)
    network = Network(directed=True, cdn_resources="in_line")
    for node in result.drawing.nodes:
        network.add_node(node.id, label=node.label)
    for edge in result.drawing.edges:
        network.add_edge(edge.source, edge.target, label=edge.label)
    file = folder / "pyvis.html"
    file.write_text(network.generate_html(), encoding="utf-8")
    shown = [node for node in exploration.shown if isinstance(node, str)]  # no path is asked for
    address = f"{url}/explore?" + "&".join(f"show={local_name(node)}" for node in shown)
    ours, rival = [], []
    for _ in range(3):
        ours.append(open_drawn(page, address))
        page.goto(file.as_uri(), wait_until="commit")
        page.wait_for_function("() => hasInk(document.querySelector('#mynetwork canvas'))", polling="raf")
        rival.append(float(page.evaluate("performance.now()")) / 1000)
    what = (
        f"warm page to drawn graph: Explore with {len(result.drawing.nodes)} nodes, {len(result.drawing.edges)} edges"
    )
    return Row(what, ours, 2.5, f"pyvis {version('pyvis')}, its own page, default physics", rival)


def clicks(page: Page, url: str, title: str, name: str, fits: Callable[[str], bool]) -> Row:
    """Click on one node after another; the details count as shown once their heading is."""
    knowledge = KnowledgeGraph.open().knowledge
    open_drawn(page, url)
    settled(page)
    times: list[float] = []
    last = ""
    for number in itertools.count():
        graph = page.locator(".graph")
        graph.scroll_into_view_if_needed()
        nodes = page.evaluate("Object.keys(findGraph().mskNetwork.getPositions()).sort()")
        able = [node for node in nodes if node != last and fits(node)]
        node = able[number * 5 % len(able)]
        heading = title.format(knowledge.label(node)) if title else knowledge.label(node)
        arm(
            page,
            "pointerdown",
            f"[...document.querySelectorAll('h2, h3')].some(e => e.innerText.trim() === {heading!r})",
        )
        page.mouse.click(*place_of(page, node))
        seconds = float(page.evaluate("taken"))
        settled(page)
        page.wait_for_timeout(450)  # or the next click might count as the second of a double click
        last = node
        if number:  # the first one follows right on the opening
            times.append(seconds)
        if len(times) == CLICKS:
            return Row(f"node click to details: {name}", times, 0.3)
    raise AssertionError


def arm(page: Page, event: str, condition: str) -> None:
    page.evaluate(f"() => {{ from({event!r}, () => {condition}) }}")


def place_of(page: Page, node: str) -> tuple[float, float]:
    x, y = page.evaluate(
        """id => { const graph = findGraph(), net = graph.mskNetwork, box = graph.getBoundingClientRect();
             const spot = net.canvasToDOM(net.getPosition(id)); return [box.x + 1 + spot.x, box.y + 1 + spot.y] }""",
        node,
    )
    return x, y


STILL = "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"


def entering(page: Page, url: str) -> Row:
    """From Enter in the search box until the new list stands."""
    times = []
    for _ in range(OPENINGS):
        open_drawn(page, url)
        settled(page)
        box = page.get_by_role("textbox", name="What do you see?")
        box.fill("calc triceps")
        arm(page, "keydown", f"location.search.includes('triceps') && {STILL} && isDrawn()")
        box.press("Enter")
        times.append(float(page.evaluate("taken")))
        if parse_qs(urlsplit(page.url).query)["f"][0] != "soft-tissue-calcification":
            raise AssertionError(page.url)
    return Row("Enter to ranked list and its graph", times)


def expanding(page: Page, url: str) -> Row:
    """From the second click of a double click until the new nodes are there."""
    times = []
    for _ in range(OPENINGS):
        open_drawn(page, f"{url}/explore?show=soft-tissue-calcification")
        settled(page)
        page.locator(".graph").scroll_into_view_if_needed()
        count = page.evaluate("findGraph().mskNetwork.body.nodeIndices.length")
        arm(page, "dblclick", f"findGraph().mskNetwork.body.nodeIndices.length > {count}")
        page.mouse.dblclick(*place_of(page, iri("dystrophic-calcification")))
        times.append(float(page.evaluate("taken")))
    return Row("double click to expanded graph", times)
