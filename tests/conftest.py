"""Fixtures that tests share: the running program, a browser, engines."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyoxigraph
import pytest
from hypothesis import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from rdflib import Graph
from rdflib.term import Node
from streamlit import config
from streamlit.runtime.context import ContextProxy

from mskgraph.ontology import Problem
from mskgraph.ontology.files import parse
from mskgraph.ontology.reasoning import contradictions
from tests.app_process import RunningApp, running_app
from tests.browser_log import BrowserLog
from tests.chromium import ARGUMENTS, find_chromium
from tests.engines import Engine, EngineMissing, oxigraph_server, virtuoso_server
from tests.small_ontology import small_ontology

settings.register_profile("busy", deadline=None)  # how long an example takes says little on a busy machine
settings.load_profile("busy")
expect.set_options(timeout=20_000)  # milliseconds; likewise

ROOT = Path(__file__).resolve().parent.parent
DESKTOP = (1400, 900)

SPREAD = ("test_browser.py", "test_curation.py", "test_pages.py")
"""Files of long tests that share little: each of their tests goes to whichever process is free."""

StartApp = Callable[..., RunningApp]
NewPage = Callable[..., Page]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let the tests of a file run in one process, so that what they share is made once."""
    if item.path.name not in SPREAD and item.get_closest_marker("xdist_group") is None:
        item.add_marker(pytest.mark.xdist_group(item.path.name))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a test by its texts only where they are short.

    A file in memory can hold the time at which it was made (a workbook does): the processes of xdist would disagree
    on what the test is called, and run none.
    """
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 100) else None


@pytest.fixture(scope="session", autouse=True)
def known_files() -> Iterator[None]:
    """Let checks remember what is in a file and that a schema is sound: most of their time goes there otherwise."""
    graphs: dict[tuple[str, bytes], Graph] = {}
    sound: set[frozenset[pyoxigraph.Quad]] = set()

    def parsed(path: Path, name: str) -> Graph | Problem:
        key = (path.suffix, path.read_bytes() if path.is_file() else b"")
        if key in graphs:
            return graphs[key]
        found = parse(path, name)
        if isinstance(found, Graph):
            graphs[key] = found
        return found

    def reasoned(schema: Graph) -> Iterator[tuple[Node, str]]:
        content = canonical_triples(schema)
        if content not in sound:
            found = list(contradictions(schema))
            yield from found
            if not found:
                sound.add(content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mskgraph.ontology.checks.parse", parsed)
        patch.setattr("mskgraph.ontology.checks.contradictions", reasoned)
        yield


def canonical_triples(graph: Graph) -> frozenset[pyoxigraph.Quad]:
    """The triples of a graph; two graphs that say the same call their blank nodes the same here."""
    text = graph.serialize(format="nt", encoding="utf-8")
    dataset = pyoxigraph.Dataset(pyoxigraph.parse(text, format=pyoxigraph.RdfFormat.N_TRIPLES))
    dataset.canonicalize(pyoxigraph.CanonicalizationAlgorithm.UNSTABLE)
    return frozenset(dataset)


@pytest.fixture(scope="session")
def seed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ontology of what the seed page says and little more, under the schema and shapes of the real one.

    The facts that tests of the program rest on stay as they are, however the knowledge grows.
    """
    folder = tmp_path_factory.mktemp("seed") / "ontology"
    shutil.copytree(ROOT / "tests" / "data" / "seed", folder)
    for name in ("schema.ttl", "shapes.ttl"):
        shutil.copy(ROOT / "ontology" / name, folder)
    return folder


@pytest.fixture(scope="module")
def seed(seed_folder: Path) -> Iterator[Path]:
    """Let the tests of a module work with :func:`seed_folder`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSKGRAPH_ONTOLOGY", str(seed_folder))
        yield seed_folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ontology of ``small_ontology``, which is changed in no time."""
    return small_ontology(tmp_path_factory.mktemp("small") / "ontology")


@pytest.fixture
def home(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a test work with :func:`small` and an empty ``MSKGRAPH_HOME``, which it returns."""
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(small))
    monkeypatch.setenv("MSKGRAPH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def at_the_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a page that runs without a server (``AppTest``) be opened by whoever sits at the machine itself."""
    monkeypatch.setattr(ContextProxy, "ip_address", "127.0.0.1")
    monkeypatch.setattr(ContextProxy, "headers", {})
    before = config.get_option("server.address")
    config.set_option("server.address", "127.0.0.1")
    yield
    config.set_option("server.address", before)


@pytest.fixture(scope="session")
def start_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartApp]:
    """Start the program once more: ``start_app(ontology=folder, settings={"MSKGRAPH_...": ...}, address="0.0.0.0")``.

    It lives until the end of the session, with a home folder of its own.
    """
    with ExitStack() as apps:

        def start(
            *, ontology: Path | None = None, settings: dict[str, str] | None = None, address: str = "127.0.0.1"
        ) -> RunningApp:
            home = tmp_path_factory.mktemp("home")
            return apps.enter_context(running_app(home, ontology=ontology, settings=settings, address=address))

        yield start


@pytest.fixture(scope="session")
def app(start_app: StartApp, seed_folder: Path) -> RunningApp:
    """The program with the seed's ontology, one for all tests of the session: leave its knowledge as it is."""
    return start_app(ontology=seed_folder)


@pytest.fixture(scope="session")
def app_url(app: RunningApp) -> str:
    return app.url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.fail("no Chromium: make test installs one, or name it in the variable CHROMIUM")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture(autouse=True)
def no_foreign_event_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let tests without a browser call ``asyncio.run`` after one with a browser has run.

    As long as playwright's synchronous interface is open, its sleeping event loop counts as the running one.
    """
    if "browser" in request.fixturenames:
        yield
        return
    sleeping = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(sleeping)


@pytest.fixture
def browser_log() -> BrowserLog:
    return BrowserLog()


@pytest.fixture
def page_factory(browser: Browser, browser_log: BrowserLog) -> Iterator[NewPage]:
    """Open a page: ``page_factory(viewport=(390, 844), color_scheme="dark")``, and any option of a context.

    Afterwards the test fails if a page had an uncaught error or asked anything of another host.
    """
    contexts: list[BrowserContext] = []

    def new_page(*, viewport: tuple[int, int] = DESKTOP, **options: Any) -> Page:
        width, height = viewport
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        browser_log.watch(context)
        return context.new_page()

    yield new_page
    for context in contexts:
        context.close()
    assert not browser_log.external_requests, "a page asked something of another host"
    assert not browser_log.page_errors, "a page had an uncaught error"


@pytest.fixture
def page(page_factory: NewPage) -> Page:
    return page_factory()


@pytest.fixture(scope="session")
def oxigraph_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Oxigraph's server, empty at first, in memory.

    Mark tests that use an engine with ``pytest.mark.xdist_group("engines")``: each worker that has one starts its own.
    """
    try:
        with oxigraph_server(tmp_path_factory.mktemp("oxigraph")) as engine:
            yield engine
    except EngineMissing as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def virtuoso_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A Virtuoso server, empty at first but for graphs of its own."""
    try:
        with virtuoso_server(tmp_path_factory.mktemp("virtuoso")) as engine:
            yield engine
    except EngineMissing as error:
        pytest.fail(str(error))
