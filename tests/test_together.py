"""Ten browser windows and five command lines change the knowledge at once: nothing is lost, everybody is told."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mskgraph.curation import Journal
from mskgraph.curation.drafts import Drafts
from tests.app_process import RunningApp
from tests.conftest import NewPage, StartApp
from tests.test_browser import main_of, settled, whole
from tests.test_contribute_browser import button

WINDOWS, LINES, EACH = 10, 5, 3

pytestmark = pytest.mark.usefixtures("seed")


@pytest.fixture(scope="module")
def own_app(start_app: StartApp, seed: Path) -> RunningApp:
    """A program of its own, since its knowledge changes."""
    return start_app(ontology=seed)


def drafted(app: RunningApp, number: int) -> str:
    """Keep a draft of a case, as if somebody had typed it yesterday, and return its name."""
    fields = {
        "case title": f"Case of window {number}",
        "case description": "Elongated calcifications in a row.",
        "case source": "https://w3id.org/mskgraph/source-seed",
        "observation-1 finding": "https://w3id.org/mskgraph/soft-tissue-calcification",
    }
    name = f"window{number}"
    Drafts("local", app.home / "drafts.sqlite").keep(name, "case", fields["case title"], fields)
    return name


def add_all(app: RunningApp, seed: Path, folder: Path, number: int) -> None:
    """Add some names by the command line, one change each."""
    environment = {**os.environ, "MSKGRAPH_HOME": str(app.home), "MSKGRAPH_ONTOLOGY": str(seed)}
    for each in range(EACH):
        file = folder / f"{number}-{each}.ttl"
        file.write_text(
            "@prefix msk: <https://w3id.org/mskgraph/> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n"
            f'msk:cysticercosis skos:altLabel "name {"abcde"[number]}{"xyz"[each]} of a line"@en .'
        )
        command = [sys.executable, "-m", "mskgraph", "add", str(file), "--author", "line"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def published(page: Page) -> bool:
    """Go one step on: look again if somebody else was faster, else publish; return whether it is published."""
    settled(page)
    done, overtaken = page.get_by_text("Published as change"), button(page, "Check again")
    checked = page.get_by_text("Nothing is wrong with it.")
    expect(done.or_(overtaken).or_(checked)).to_be_visible(timeout=120_000)
    if done.is_visible():
        return True
    (overtaken if overtaken.is_visible() else button(page, "Publish")).click()
    return False


def test_ten_windows_and_five_command_lines_lose_nothing(
    page_factory: NewPage, own_app: RunningApp, seed: Path, tmp_path: Path
) -> None:
    pages = []
    for number in range(WINDOWS):
        page = page_factory()
        page.set_default_timeout(120_000)  # each waits for all the others to write
        page.goto(f"{own_app.url}/contribute?draft={drafted(own_app, number)}")
        whole(page)
        expect(page.get_by_role("textbox", name="Title", exact=True)).to_have_value(f"Case of window {number}")
        pages.append(page)
    with ThreadPoolExecutor(LINES) as threads:
        lines = [threads.submit(add_all, own_app, seed, tmp_path, number) for number in range(LINES)]
        for page in pages:
            button(page, "Publish").click()
        waiting = pages
        while waiting:
            waiting = [page for page in waiting if not published(page)]
        for line in lines:
            line.result(timeout=120)
    changes = Journal(own_app.home / "journal.sqlite").changes()
    assert [change.number for change in changes] == list(range(1, WINDOWS + LINES * EACH + 1))
    assert len({change.hash for change in changes}) == len(changes)
    assert sum(change.author == "line" for change in changes) == LINES * EACH
    assert Drafts("local", own_app.home / "drafts.sqlite").all() == []
    pages[0].goto(f"{own_app.url}/cases")
    whole(pages[0])
    shown = main_of(pages[0]).inner_text()
    assert all(f"Case of window {number}" in shown for number in range(WINDOWS))
