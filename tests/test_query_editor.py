"""The SPARQL editor on the page, in a real browser, and the terms that it completes from."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Dialog, Locator, Page, Route, expect
from starlette.applications import Starlette

from mskgraph.terms import PREFIXES
from mskgraph.ui import completion
from mskgraph.ui.query_editor import LONGEST, _message
from tests.app_process import app_environment, free_port, wait_until_healthy
from tests.browser_log import BrowserLog

ROOT = Path(__file__).resolve().parent.parent
EDITOR = ROOT / "src" / "mskgraph" / "ui" / "query_editor"
HOSTILE = "<img src=x onerror=alert(1)>"
START = "SELECT ?finding WHERE {\n  \n}\n"

SERVE = """
import sys
from pathlib import Path

from mskgraph.ui.server import serve

serve(int(sys.argv[1]), main=Path(sys.argv[2]))
"""
DEMO = """
import streamlit as st

from mskgraph.terms import PREFIXES
from mskgraph.ui.query_editor import EditorError, query_editor

st.set_page_config(page_title="Demo", page_icon="🦴", layout="wide")
state = st.session_state
defaults = {"text": START, "revision": "start", "error": None, "events": [], "ran": None, "calls": 0}
for name, value in defaults.items():
    state.setdefault(name, value)


def on_run(text):
    state.ran = text
    state.events.append("run")
    state.error = EditorError(2, 3, f"unexpected {HOSTILE}") if "nonsense" in text else None


def on_change(text):
    state.text = text
    state.events.append("change")


def example():
    state.calls += 1
    state.text, state.revision, state.error = f"ASK {{ }} # example {state.calls}", f"example {state.calls}", None


def query():
    st.title("Query")
    query_editor(
        state.text, key="query", revision=state.revision, label="SPARQL query", height=260, error=state.error,
        prefixes=PREFIXES | {HOSTILE: "http://example.org/", "bad": f"http://example.org/{HOSTILE}"},
        on_run=on_run, on_change=on_change,
    )
    st.button("Example", on_click=example)
    st.button("Rerun")
    st.text("events: " + " ".join(state.events))
    st.text("ran: " + repr(state.ran))
    st.text("known: " + repr(state.text))


def other():
    st.title("Other")


st.navigation([st.Page(query, title="Query"), st.Page(other, title="Other")]).run()
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, seed_folder: Path) -> Iterator[str]:
    """The demo behind the real server shell, so under its content security policy."""
    folder = tmp_path_factory.mktemp("demo")
    main = folder / "main.py"
    main.write_text(f"HOSTILE = {HOSTILE!r}\nSTART = {START!r}\n{DEMO}", encoding="utf-8")
    port = free_port()
    url, log = f"http://127.0.0.1:{port}", folder / "log"
    environment = app_environment(folder, {"MSKGRAPH_ONTOLOGY": str(seed_folder)})
    with log.open("wb") as output:
        command = [sys.executable, "-c", SERVE, str(port), str(main)]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        wait_until_healthy(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One for the whole module: its cache spares every page but the first one the loading of Streamlit."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, browser_log: BrowserLog) -> Iterator[Page]:
    browser_log.watch(context)
    page = context.new_page()
    yield page
    page.close()
    assert not browser_log.external_requests
    assert not browser_log.page_errors


class Editor:
    """The editor of a page, and what the page says of it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.field = page.get_by_role("textbox", name="SPARQL query")
        self.options = page.get_by_role("option")
        self.problems = page.get_by_role("list", name="Problems").get_by_role("listitem")
        expect(self.field).to_be_visible()

    @property
    def text(self) -> str:
        text: str = self.page.locator(".frame").evaluate("frame => frame.mskEditor.state.doc.toString()")
        return text

    def begin(self, line: int = 2) -> None:
        """Put the cursor at the end of a line."""
        self.page.locator(".frame").evaluate(
            """(frame, line) => { const view = frame.mskEditor;
                 view.focus(); view.dispatch({ selection: { anchor: view.state.doc.line(line).to } }) }""",
            line,
        )

    def type(self, text: str) -> None:
        self.page.keyboard.type(text, delay=10)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def accept(self, key: str = "Enter") -> None:
        """Take the option that is chosen; a list that has only just opened does not take a key for itself."""
        self.page.wait_for_timeout(150)
        self.press(key)
        expect(self.page.get_by_role("listbox")).to_have_count(0)

    def set(self, text: str) -> None:
        """Write a whole text as if it had been pasted."""
        self.field.focus()
        self.press("Control+a")
        self.page.keyboard.insert_text(text)

    def option(self, label: str) -> Locator:
        return self.options.filter(has=self.page.locator(".cm-completionLabel", has_text=re.compile(f"^{label}$")))

    def says(self, name: str) -> Locator:
        return self.page.get_by_text(re.compile(f"^{name}:"))


def open_demo(page: Page, url: str) -> Editor:
    page.add_init_script(
        "window.violations = [];"
        "addEventListener('securitypolicyviolation', e => violations.push([e.violatedDirective, e.blockedURI]))"
    )
    page.goto(url)
    return Editor(page)


def faults(page: Page) -> list[Any]:
    # Streamlit makes pale what a rerun has not drawn yet.
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    page.wait_for_timeout(300)
    found = Axe().run(page).response["violations"]
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found]


# The text and Python


def test_control_enter_and_the_button_give_python_the_text(page: Page, demo: str) -> None:
    editor = open_demo(page, demo)
    editor.begin()
    editor.type("?a ?b ?c . ")
    editor.press("Control+Enter")
    expect(editor.says("ran")).to_have_text("ran: " + repr("SELECT ?finding WHERE {\n  ?a ?b ?c . \n}\n"))
    editor.type("?d ?e ?f")
    page.get_by_role("button", name="Run", exact=True).click()
    text = "SELECT ?finding WHERE {\n  ?a ?b ?c . ?d ?e ?f\n}\n"
    expect(editor.says("ran")).to_have_text("ran: " + repr(text))
    expect(editor.says("known")).to_have_text("known: " + repr(text))
    page.wait_for_timeout(600)
    assert editor.says("events").inner_text() == "events: change run change run"


def test_python_hears_of_the_text_after_a_pause_and_when_the_focus_leaves(page: Page, demo: str) -> None:
    editor = open_demo(page, demo)
    editor.begin()
    editor.type("?a ?b ?c")
    text = "SELECT ?finding WHERE {\n  ?a ?b ?c\n}\n"
    expect(editor.says("known")).to_have_text("known: " + repr(text))
    assert editor.says("events").inner_text() == "events: change"
    editor.type("c")
    page.get_by_role("button", name="Rerun").click()
    expect(editor.says("known")).to_have_text("known: " + repr(text.replace("?c", "?cc")))
    # Back to an earlier text: that is news, too.
    editor.begin()
    editor.press("Backspace")
    expect(editor.says("known")).to_have_text("known: " + repr(text))
    assert editor.says("events").inner_text() == "events: change change change"


def test_another_revision_replaces_the_text_and_a_rerun_does_not(page: Page, demo: str) -> None:
    editor = open_demo(page, demo)
    editor.begin()
    editor.type("?mine ?is ?kept")
    page.get_by_role("button", name="Rerun").click()
    expect(editor.says("events")).to_have_text("events: change")
    editor.begin()
    editor.type(" .")
    page.wait_for_timeout(900)  # the pause, and the rerun that it brings
    editor.type(" # more")
    mine = "SELECT ?finding WHERE {\n  ?mine ?is ?kept . # more\n}\n"
    assert editor.text == mine
    # Over a change of page as well, even if Python does not know the last words yet.
    page.get_by_role("link", name="Other").click(
        delay=80
    )  # no hand lets go at once, and Streamlit would lose the click
    expect(page.get_by_role("heading", name="Other")).to_be_visible()
    page.get_by_role("link", name="Query").click()
    expect(page.get_by_role("heading", name="Query")).to_be_visible()
    editor = Editor(page)
    assert editor.text == mine
    page.get_by_role("button", name="Example").click()
    expect(editor.field).to_contain_text("ASK { } # example 1")
    editor.field.focus()
    editor.press("Control+z")
    assert editor.text == mine
    expect(editor.says("known")).to_have_text("known: " + repr(mine))


def test_what_comes_from_a_browser_is_checked() -> None:
    def taken(sent: object) -> bool:
        return _message({"run": sent}, "run", "r") is not None

    sent: object
    good: dict[str, object] = {"text": "ASK {}", "revision": "r", "count": 1}
    assert taken(good)
    assert taken(good | {"text": "x" * LONGEST})
    for text in ("x" * (LONGEST + 1), 1, None, ["ASK {}"], {"a": 1}):
        assert not taken(good | {"text": text})
    for sent in (good | {"revision": "older"}, good | {"count": "1"}, {"text": "ASK {}"}, "ASK {}", None, []):
        assert not taken(sent)
    assert _message(None, "run", "r") is None
    assert _message({"run": good}, "text", "r") is None


# Completion


def test_words_of_a_label_become_a_prefixed_name_and_its_declaration(page: Page, demo: str) -> None:
    editor = open_demo(page, demo)
    editor.begin()
    editor.type("?x msk:finding soft tissue calc")
    first = editor.options.first
    expect(first).to_contain_text("soft tissue calcification")
    expect(first.locator(".cm-kind")).to_have_text("finding")
    expect(first.locator(".cm-curie")).to_have_text("msk:soft-tissue-calcification")
    editor.accept()
    assert editor.text == (
        "PREFIX msk: <https://w3id.org/mskgraph/>\n"
        "SELECT ?finding WHERE {\n  ?x msk:finding msk:soft-tissue-calcification\n}\n"
    )
    expect(editor.options).to_have_count(0)
    editor.type(" ; a Findin")  # a class
    expect(editor.option("finding").locator(".cm-curie").first).to_have_text("msk:Finding")
    editor.accept("Tab")
    assert editor.text.count("PREFIX") == 1
    assert "msk:soft-tissue-calcification ; a msk:Finding\n" in editor.text
    editor.press("Control+z")
    assert editor.text.endswith("msk:soft-tissue-calcification ; a Findin\n}\n")


def test_a_declared_prefix_is_used_and_a_taken_one_is_not(page: Page, demo: str) -> None:
    editor = open_demo(page, demo)
    editor.set("# head\nPREFIX m: <https://w3id.org/mskgraph/>\nASK {\n  \n}")
    editor.begin(4)
    editor.type("soft tissue calc")
    expect(editor.options.first).to_contain_text("soft tissue calcification")
    editor.accept()
    assert editor.text == ("# head\nPREFIX m: <https://w3id.org/mskgraph/>\nASK {\n  m:soft-tissue-calcification\n}")
    editor.type(" m:mayCau")
    expect(editor.options.first).to_contain_text("may cause")
    editor.accept()
    assert "m:soft-tissue-calcification m:mayCause\n" in editor.text
    editor.set("PREFIX msk: <http://example.org/>\nASK {\n  \n}")
    editor.begin(3)
    editor.type("soft tissue calc")
    expect(editor.options.first).to_contain_text("soft tissue calcification")
    editor.accept()
    assert "  <https://w3id.org/mskgraph/soft-tissue-calcification>\n" in editor.text


def test_a_prefix_is_declared_and_offers_what_it_stands_before(page: Page, demo: str) -> None:
    editor = open_demo(page, demo)
    editor.begin()
    editor.type("?x sko")
    expect(editor.option("skos:")).to_be_visible()
    page.wait_for_timeout(150)
    editor.press("Enter")
    assert editor.text.startswith(f"PREFIX skos: <{PREFIXES['skos']}>\nSELECT")
    expect(editor.options.filter(has_text="skos:prefLabel")).to_be_visible()
    editor.type("prefL")
    expect(editor.options).to_have_count(1)
    editor.accept()
    assert "  ?x skos:prefLabel\n" in editor.text


def test_words_of_sparql_and_variables_are_offered(page: Page, demo: str) -> None:
    editor = open_demo(page, demo)
    editor.begin()
    editor.type("?f")
    expect(editor.option(r"\?finding")).to_be_visible()
    editor.accept()
    editor.type(" a ?y . FIL")
    expect(editor.option("FILTER")).to_be_visible()
    editor.accept()
    editor.type("(contai")
    expect(editor.option("CONTAINS")).to_be_visible()
    editor.accept()
    editor.type("?y")
    assert editor.text == "SELECT ?finding WHERE {\n  ?finding a ?y . FILTER(CONTAINS(?y))\n}\n"
    # Of a word that is written out, nothing is offered: Enter begins a new line.
    editor.set("SELECT")
    page.wait_for_timeout(400)
    expect(editor.options).to_have_count(0)


def test_nothing_is_offered_in_strings_comments_and_iris(page: Page, demo: str) -> None:
    editor = open_demo(page, demo)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/terms" in request.url else None)
    for text in ('"soft tissue', "'''a\nsoft tissue", "# soft tissue", "<http://soft", "?soft", "@soft"):
        editor.set("ASK {\n  " + text)
        editor.type("ed")
        page.wait_for_timeout(300)
        assert editor.options.count() == 0, text
        editor.press("Control+Space")
        page.wait_for_timeout(200)
        assert editor.options.count() == 0, text
    assert asked == []


def test_a_server_that_fails_is_told_in_a_word_and_the_rest_works(
    page: Page, demo: str, browser_log: BrowserLog
) -> None:
    page.route("**/terms?*", lambda route: route.fulfill(status=500, body="no"))
    editor = open_demo(page, demo)
    editor.begin()
    editor.type("soft tiss")
    expect(page.locator(".said")).to_have_text("No completion of terms: the server does not answer.")
    editor.type("\nFIL")
    expect(editor.option("FILTER")).to_be_visible()


def test_words_from_the_graph_and_from_settings_stay_words(page: Page, demo: str, browser_log: BrowserLog) -> None:
    said: list[str] = []

    def refuse(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    hostile = {
        "iri": f"http://example.org/{HOSTILE}",
        "curie": "x",
        "label": "not to be written",
        "kind": "k",
        "matched": "m",
    }
    fields = {"curie": HOSTILE, "label": f"soft {HOSTILE}", "kind": HOSTILE, "matched": HOSTILE + "2"}
    terms = [hostile, {"iri": "http://example.org/a(b", **fields}, {"iri": 1}, None]

    def answer(route: Route) -> None:
        route.fulfill(status=200, content_type="application/json", body=json.dumps({"terms": terms, "near": False}))

    page.route("**/terms?*", answer)
    editor = open_demo(page, demo)
    editor.begin()
    editor.type("soft tiss")
    expect(editor.options).to_have_count(1)
    expect(editor.options.first).to_contain_text(f"soft {HOSTILE}")
    assert page.locator(".frame img").count() == 0
    editor.accept()
    assert editor.text == "SELECT ?finding WHERE {\n  <http://example.org/a(b>\n}\n"
    editor.press("Control+Space")
    editor.set("")
    editor.press("Control+Space")
    expect(editor.option("skos:")).to_be_visible()
    expect(editor.options.filter(has_text="example.org")).to_have_count(0)  # prefixes that no query could declare
    editor.press("Escape")
    editor.set("nonsense\n   " + HOSTILE)
    editor.press("Control+Enter")
    expect(editor.problems).to_contain_text(f"unexpected {HOSTILE}")
    assert page.locator("img[src=x]").count() == 0
    assert said == []
    # Streamlit's protobuf code tries WebAssembly for its 64-bit numbers and does without when refused.
    assert page.evaluate("violations.filter(([what, uri]) => uri !== 'wasm-eval')") == []
    assert browser_log.console_errors == []


# Marks


def test_an_error_is_marked_told_and_reached_until_the_text_changes(page: Page, demo: str) -> None:
    editor = open_demo(page, demo)
    editor.set("SELECT\n  nonsense {}")
    editor.press("Control+Enter")
    expect(editor.problems).to_have_count(1)
    expect(page.locator(".cm-lintRange-error")).to_have_text("nonsense")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="Error in line 2, column 3: unexpected")).to_have_count(1)
    editor.press("Escape", "Tab", "Tab")
    go = page.get_by_role("button", name="Line 2, column 3")
    expect(go).to_be_focused()
    editor.press("Enter")
    expect(editor.field).to_be_focused()
    editor.type("x")
    assert editor.text == "SELECT\n  xnonsense {}"
    expect(editor.problems).to_have_count(0)
    page.wait_for_timeout(700)  # Python sends the same error again with the rerun after the change
    expect(editor.problems).to_have_count(0)
    editor.press("Control+Enter")  # the same error again, about the new text
    expect(page.locator(".cm-lintRange-error")).to_have_text("xnonsense")


def test_a_bracket_without_its_other_half_is_marked_while_typing(page: Page, demo: str) -> None:
    editor = open_demo(page, demo)
    editor.set('SELECT * { # (\n ?s ?p "]" . FILTER(?p = <x(> }')
    expect(editor.problems).to_have_text(["Line 2, column 20( is never closed."])
    expect(page.locator(".cm-lintRange-error")).to_have_text("(")
    editor.set("ASK { } }")
    expect(editor.problems).to_have_text(["Line 1, column 9Nothing opens this }."])
    editor.press("Backspace")
    expect(editor.problems).to_have_count(0)


def test_the_text_is_coloured_by_what_it_is(page: Page, demo: str) -> None:
    editor = open_demo(page, demo)
    editor.set('PREFIX a: <http://a/> SELECT ?x { ?x a a:b ; a:c "d"@en, 5 FILTER(STR(?x) > "") } # e')
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(200)
        colours = {
            word: page.locator(".cm-line span", has_text=re.compile(f"^{re.escape(word)}$")).first.evaluate(
                "element => getComputedStyle(element).color"
            )
            for word in ("PREFIX", "?x", "a:b", "<http://a/>", '"d"', "5", "STR", "# e")
        }
        assert len(set(colours.values())) == len(colours), colours


# Keyboard and ears


def test_escape_then_tab_leaves_the_editor_and_tab_alone_indents(page: Page, demo: str) -> None:
    editor = open_demo(page, demo)
    editor.begin()
    editor.type("?a")
    editor.press("Tab")
    assert "    ?a" in editor.text
    editor.press("Shift+Tab")
    assert "\n  ?a" in editor.text
    editor.press("Escape")
    expect(page.get_by_role("status").filter(has_text="Tab now leaves the editor.")).to_have_count(1)
    page.wait_for_timeout(2500)  # there is no hurry
    editor.press("Tab")
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_focused()
    editor.press("Enter")
    expect(editor.says("events")).to_contain_text("run")
    editor.press("Shift+Tab")
    expect(editor.field).to_be_focused()
    editor.press("Tab")  # the leave was for once
    expect(editor.field).to_be_focused()
    hint = page.locator("#query-keys")
    assert "Escape, then Tab leaves the editor" in hint.inner_text()
    assert editor.field.get_attribute("aria-describedby") == "query-keys"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_accessibility_fault(page: Page, demo: str, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    editor = open_demo(page, demo)
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        editor.set('# a comment\nPREFIX a: <http://a/>\nSELECT ?x { ?x a a:b ; a:c "d"@en, 5 FILTER(STR(?x) > "") ')
        editor.begin(3)
        editor.type("soft tissue calc")
        expect(editor.options.first).to_contain_text("soft tissue calcification")
        assert faults(page) == []
        editor.press("Escape")
        editor.type(" nonsense")
        editor.press("Escape", "Control+Enter")
        expect(editor.problems).to_contain_text("unexpected")
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 1400, "height": 900})


# The built files


def test_the_built_files_are_made_from_these_sources() -> None:
    """Else: make editor."""
    digest = hashlib.sha256()
    for path in sorted((EDITOR / "source").iterdir()):
        if path.suffix in {".js", ".mjs", ".json", ".css"}:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for name in ("query_editor.js", "query_editor.css"):
        built = (EDITOR / "frontend" / name).read_text(encoding="utf-8")
        assert built.splitlines()[0].endswith(f"Sources: sha256-{digest.hexdigest()} */"), name


def test_only_what_may_be_served_lies_in_the_served_folder_and_every_package_has_its_licence() -> None:
    names = {path.name for path in (EDITOR / "frontend").iterdir()}
    assert names == {"query_editor.js", "query_editor.css", "query_editor.LICENSES.txt"}
    licences = (EDITOR / "frontend" / "query_editor.LICENSES.txt").read_text(encoding="utf-8")
    packages = json.loads((EDITOR / "source" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    shipped = {path.removeprefix("node_modules/"): entry for path, entry in packages.items() if path}
    for name, entry in shipped.items():
        if not entry.get("dev"):
            assert f"{name} {entry['version']} (" in licences, name


# The route


class Client:
    """The route alone, without a server."""

    def call(self, method: str, params: dict[str, str]) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(Starlette(routes=[completion.ROUTE]))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, "/terms", params=params)

        return asyncio.run(ask())

    def get(self, params: dict[str, str]) -> httpx.Response:
        return self.call("GET", params)


@pytest.fixture
def client(seed: Path) -> Client:
    return Client()


def asked(client: Client, text: str, **more: int) -> list[dict[str, str]]:
    answer = client.get({"q": text, **{name: str(value) for name, value in more.items()}})
    assert answer.status_code == 200
    terms: list[dict[str, str]] = answer.json()["terms"]
    return terms


def test_terms_are_found_by_label_synonym_curie_and_local_name(client: Client) -> None:
    assert asked(client, "soft tissue calcif")[0] == {
        "iri": "https://w3id.org/mskgraph/soft-tissue-calcification",
        "curie": "msk:soft-tissue-calcification",
        "label": "soft tissue calcification",
        "kind": "finding",
        "matched": "soft tissue calcification",
    }
    synonym = asked(client, "CPPD")[0]
    assert (synonym["curie"], synonym["matched"]) == ("msk:calcium-pyrophosphate-deposition", "CPPD")
    assert asked(client, "msk:soft-tissue-calc")[0]["curie"] == "msk:soft-tissue-calcification"
    assert asked(client, "mayCau")[0]["curie"] == "msk:mayCause"


def test_classes_and_properties_are_terms(client: Client) -> None:
    assert [asked(client, "Finding")[0][field] for field in ("curie", "kind")] == ["msk:Finding", "class"]
    assert [asked(client, "may cause")[0][field] for field in ("curie", "kind")] == ["msk:mayCause", "property"]
    assert [asked(client, "skos:prefL")[0][field] for field in ("curie", "label")] == ["skos:prefLabel", "pref label"]


def test_what_only_comes_near_is_said_to(client: Client) -> None:
    answer = client.get({"q": "dystrofic calcifcation"}).json()
    assert answer["near"] is True
    assert "dystrophic calcification" in [term["label"] for term in answer["terms"]]
    assert client.get({"q": "dystrophic"}).json()["near"] is False
    assert client.get({"q": "qqqqqqqq"}).json() == {"terms": [], "near": False}


def test_the_limit_holds(client: Client) -> None:
    assert len(asked(client, "c")) == 20
    assert len(asked(client, "c", limit=3)) == 3
    assert asked(client, "c", limit=3) == asked(client, "c", limit=50)[:3]


@pytest.mark.parametrize("text", ["", " ", "?", "\0", "(((", "<script>", "x" * 200])
def test_any_short_text_has_an_answer(client: Client, text: str) -> None:
    assert isinstance(asked(client, text), list)


@pytest.mark.parametrize(
    "params",
    [{"q": "x" * 201}, *({"q": "x", "limit": limit} for limit in ("0", "51", "-1", "a", "", "1.5", "²", "9" * 5000))],
)
def test_a_request_out_of_bounds_is_refused(client: Client, params: dict[str, str]) -> None:
    answer = client.get(params)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


def test_terms_can_only_be_read(client: Client) -> None:
    assert client.call("POST", {}).status_code == 405
