"""Proposals on the page: made by one, shown as unreviewed, accepted, rejected or withdrawn by whoever may."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mskgraph import KnowledgeGraph, curation
from mskgraph.curation import Journal, Proposal
from mskgraph.curation.access import ROLES, Person, Role
from mskgraph.errors import NotAllowed, PatchInvalid
from mskgraph.store import Patch
from mskgraph.terms import iri
from mskgraph.ui import editing
from mskgraph.ui.contribute import review
from mskgraph.ui.server import MAIN
from tests.test_contribute import CASE, CLAIM, click, fill_case, page, patch_of
from tests.test_pages import shown_text

pytestmark = pytest.mark.usefixtures("seed", "home", "at_the_machine")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MSKGRAPH_HOME", str(tmp_path))
    return tmp_path


def signed_in(monkeypatch: pytest.MonkeyPatch, name: str, role: Role) -> None:
    """Let somebody be signed in, as a provider would tell."""
    monkeypatch.setattr(editing, "visitor", lambda: Person(name, name, ROLES[role]))


def proposed(author: str = "Ada") -> Proposal:
    return curation.propose(Journal(), KnowledgeGraph.open, patch_of(CASE), author, "a case")


def other_page(name: str, **parameters: str) -> AppTest:
    app = AppTest.from_file(str(MAIN), default_timeout=30)
    app.switch_page(f"screens/{name}.py")
    for key, value in parameters.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def field(app: AppTest, label: str) -> object:
    (found,) = [item for item in app.text_input if item.label == label]
    return found


def test_a_proposal_changes_nothing_until_somebody_else_accepts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in(monkeypatch, "Ada", "propose")
    app = fill_case(page())
    assert "Publish" not in [button.label for button in app.button]
    click(app, "Propose")
    assert "Proposed as number 1." in app.success[0].value
    assert not Journal().changes()
    assert "Accept 1" not in [button.label for button in page("review").button]

    signed_in(monkeypatch, "Ben", "accept")
    app = page("review")
    assert "Added: Rice grains in the thigh: title: Rice grains in the thigh" in shown_text(app)
    click(app, "What 1 would do")
    assert "is a case of cysticercosis" in shown_text(app)
    click(app, "Accept 1")
    (change,) = Journal().changes()
    assert (change.author, change.accepted_by) == ("Ada", "Ben")
    assert "Proposal 1 is accepted as change 1" in app.success[0].value
    assert "as change 1" in next(text for text in app.markdown if text.value.startswith("Accepted by Ben")).value
    assert "Ada, accepted by Ben" in shown_text(page("history"))


def test_what_is_proposed_is_marked_as_unreviewed_where_it_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    proposed()
    for name, parameters in (("30_cases", {}), ("25_concepts", {"c": "cysticercosis"})):
        text = shown_text(other_page(name, **parameters))
        assert ":orange-badge[unreviewed]" in text
        assert "Proposal 1: a case" in text
    assert "unreviewed" not in shown_text(other_page("25_concepts", c="phlebolith"))
    monkeypatch.setattr(editing, "visitor", lambda: Person("Eve", "eve", frozenset()))
    assert "unreviewed" not in shown_text(other_page("30_cases"))


def test_a_proposal_is_rejected_with_a_reason_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    proposed()
    signed_in(monkeypatch, "Ben", "accept")
    app = page("review")
    click(app, "Reject 1")
    assert "needs a reason" in shown_text(app)
    field(app, "Why not, if you reject 1").set_value("The picture shows something else.").run()  # type: ignore[attr-defined]
    click(app, "Reject 1")
    text = shown_text(app)
    assert "No proposal waits" in text
    assert "The picture shows something else." in text
    assert "Rejected by Ben" in text
    assert not Journal().changes()


def test_who_proposed_something_may_withdraw_it_and_nobody_else_without_the_role(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proposed()
    signed_in(monkeypatch, "Eve", "propose")
    assert {"Reject 1", "Withdraw 1", "Accept 1"}.isdisjoint(button.label for button in page("review").button)
    with pytest.raises(NotAllowed):
        editing.reject_proposal(1, "no")
    with pytest.raises(NotAllowed):
        editing.accept_proposal(1)
    signed_in(monkeypatch, "Ada", "propose")
    app = page("review")
    field(app, "Why, if you withdraw 1").set_value("A mistake.").run()  # type: ignore[attr-defined]
    click(app, "Withdraw 1")
    assert Journal().proposals()[0].state == "rejected"


def test_what_is_left_of_a_proposal_is_shown_and_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    pain, label = f"<{iri('pain')}>", "<http://www.w3.org/2004/02/skos/core#altLabel>"
    lines = [f'{pain} {label} "{name}"@en .' for name in ("hurting", "aching of it")]
    curation.propose(Journal(), KnowledgeGraph.open, Patch(frozenset(lines)), "Ada", "names")
    curation.accept(Journal(), KnowledgeGraph.open, Patch(frozenset(lines[:1])), "Cleo", "one name")
    signed_in(monkeypatch, "Ben", "accept")
    app = page("review")
    assert "The knowledge has changed since, by Cleo (change 1)" in shown_text(app)
    click(app, "Accept 1")
    assert Journal().changes()[-1].patch.added == {lines[1]}


def test_two_reviewers_at_once_are_told_who_was_first(monkeypatch: pytest.MonkeyPatch) -> None:
    proposed()
    signed_in(monkeypatch, "Ben", "accept")
    app = page("review")
    curation.accept_proposal(Journal(), KnowledgeGraph.open, 1, "Cleo")
    click(app, "Accept 1")
    assert len(Journal().changes()) == 1
    assert "Cleo" in app.error[0].value


def test_a_proposal_over_other_changes_is_checked_against_what_there_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    proposed()
    curation.accept(Journal(), KnowledgeGraph.open, patch_of(CLAIM), "Cleo")
    signed_in(monkeypatch, "Ben", "accept")
    click(page("review"), "Accept 1")
    assert [change.author for change in Journal().changes()] == ["Cleo", "Ada"]


def test_what_was_decided_last_comes_first_however_long_it_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "SHOWN", 1)
    for author in ("Ada", "Ben"):
        proposed(author)
    curation.reject_proposal(Journal(), 2, "Eve", "The younger one.")
    curation.reject_proposal(Journal(), 1, "Eve", "The older one.")
    text = shown_text(page("review"))
    assert "1 of 2, the last one first." in text
    assert "The older one." in text
    assert "The younger one." not in text


def test_damaged_proposals_keep_nobody_from_the_knowledge() -> None:
    proposed()
    with closing(sqlite3.connect(Journal().path)) as database, database:
        database.execute("DROP TRIGGER proposal_no_update")
        database.execute("UPDATE proposal SET author = 'Eve'")
    text = shown_text(other_page("25_concepts", c="cysticercosis"))
    assert "mskgraph history --repair" in text
    assert "What points to it" in text


def test_more_proposals_than_fit_are_shown_step_by_step_and_no_one_makes_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(curation, "MOST_WAITING", 22)
    pain, label = f"<{iri('pain')}>", "<http://www.w3.org/2004/02/skos/core#altLabel>"
    for number in range(22):
        patch = Patch(frozenset([f'{pain} {label} "ache no {number}"@en .']))
        curation.propose(Journal(), KnowledgeGraph.open, patch, "Ada")
    with pytest.raises(PatchInvalid, match="Withdraw some"):
        curation.propose(Journal(), KnowledgeGraph.open, patch_of(CASE), "Ada")
    curation.propose(Journal(), KnowledgeGraph.open, patch_of(CASE), "Ben")
    app = page("review")
    assert "20 of 23 waiting" in shown_text(app)
    click(app, "Show 3 more")
    assert "23 of 23 waiting" in shown_text(app)
