"""Proposals: decided once, never altered, never half accepted; what is not accepted stays on record with the reason."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pyoxigraph
import pytest
from rdflib import PROV, RDF, BNode, Graph, URIRef

from mskgraph import KnowledgeGraph, curation
from mskgraph.curation import Change, Journal, Proposal, change_iri, journal
from mskgraph.errors import (
    ChangeRefused,
    JournalDamaged,
    JournalUnusable,
    MskGraphError,
    PatchInvalid,
    PatchOutdated,
    ProposalDecided,
    ProposalsDamaged,
    StaleRevision,
)
from mskgraph.store import Patch
from mskgraph.terms import iri
from tests.command_line import run
from tests.journal_writers import (
    NoOntology,
    decide_once,
    decide_without_end,
    do_anything,
    forks,
    small_patch,
    synonym,
)
from tests.rights import as_anybody, folder_for_anybody
from tests.small_ontology import added, diagnosis, statements, taken_back, turtle
from tests.test_journal import is_chain, killed

pytestmark = pytest.mark.usefixtures("home")

ROOT = Path(__file__).resolve().parent.parent
KILLS = 40


def patch_of(*names: str) -> Patch:
    return Patch(frozenset(map(synonym, names)))


def proposed(*names: str, author: str = "Ada", message: str = "why") -> Proposal:
    return curation.propose(Journal(), KnowledgeGraph.open, patch_of(*names), author, message)


def accepted(number: int, by: str = "Eve", **options: Any) -> Change:
    return curation.accept_proposal(Journal(), KnowledgeGraph.open, number, by, **options)


def rejected(number: int, by: str = "Eve", reason: str = "It is wrong.") -> Proposal:
    return curation.reject_proposal(Journal(), number, by, reason)


def state() -> tuple[str, list[Proposal]]:
    """What has to be the same after something was refused."""
    return KnowledgeGraph.open().revision, Journal().proposals()


# what becomes of one


def test_a_proposal_is_no_part_of_the_knowledge_until_somebody_accepts_it() -> None:
    start = statements()
    made = proposed("podagra")
    assert Journal().proposals() == [made]
    assert (made.number, made.author, made.message, made.patch) == (1, "Ada", "why", patch_of("podagra"))
    assert (made.state, made.base, made.decided_by, made.decided, made.change) == ("proposed", "", "", "", "")
    assert statements() == start
    assert Journal().changes() == []
    change = accepted(1)
    assert statements() - start == {synonym("podagra")}
    assert Journal().changes() == [change]
    assert (change.author, change.accepted_by, change.message, change.proposal) == ("Ada", "Eve", "why", 1)
    (told,) = Journal().proposals()
    assert (told.state, told.decided_by, told.decided, told.change) == ("accepted", "Eve", change.time, change.hash)
    assert (told.author, told.time, told.patch, told.base) == (made.author, made.time, made.patch, made.base)


def test_what_is_accepted_directly_was_accepted_by_its_author() -> None:
    change = added('msk:gout skos:altLabel "podagra"@en .', author="Ada")
    assert (change.accepted_by, change.proposal) == ("Ada", 0)
    proposed("king of diseases")
    assert accepted(1, by="Ada").accepted_by == "Ada"


def test_the_last_proposal_comes_first_and_each_state_can_be_asked_for() -> None:
    for name in "abcd":
        proposed(name)
    accepted(2)
    rejected(3)
    assert [p.number for p in Journal().proposals()] == [4, 3, 2, 1]
    assert [p.number for p in Journal().waiting()] == [4, 1]
    assert [p.state for p in Journal().proposals()] == ["proposed", "rejected", "accepted", "proposed"]


def test_what_is_rejected_or_withdrawn_stays_on_record_with_the_reason() -> None:
    start = statements()
    proposed("podagra")
    proposed("king of diseases")
    one = rejected(1, "Eve", "Nobody says so.")
    other = rejected(2, "Ada", "I was wrong.")
    assert Journal().proposals() == [other, one]
    assert (one.state, one.decided_by, one.reason, one.change) == ("rejected", "Eve", "Nobody says so.", "")
    assert (other.decided_by, other.author, other.patch) == ("Ada", "Ada", patch_of("king of diseases"))
    assert statements() == start
    assert Journal().changes() == []


def test_an_accepted_proposal_can_be_taken_back_like_any_change_and_stays_accepted() -> None:
    start = statements()
    proposed("podagra")
    change = accepted(1)
    taken_back(change)
    assert statements() == start
    assert Journal().proposals()[0].state == "accepted"
    with pytest.raises(ProposalDecided):
        accepted(1)


@pytest.mark.parametrize("way", ["accept", "reject"])
def test_what_is_decided_is_decided_and_told_by_whom(way: str) -> None:
    proposed("podagra")
    first = accepted(1).time if way == "accept" else rejected(1, reason="Not so.").decided
    before = state()
    for again in (lambda: accepted(1, by="Ben"), lambda: rejected(1, by="Ben")):
        with pytest.raises(ProposalDecided, match=f"Proposal 1 was {way}ed by Eve at") as caught:
            again()
        assert first in str(caught.value)
        assert ("Not so." in str(caught.value)) == (way == "reject")
        assert caught.value.proposal == Journal().proposals()[0]
    assert state() == before


def test_nobody_decides_about_a_proposal_that_there_is_not() -> None:
    proposed("podagra")
    before = state()
    for number in (0, 2, -1, 10**12):
        with pytest.raises(PatchInvalid, match=f"no proposal {number}"):
            accepted(number)
        with pytest.raises(PatchInvalid, match=f"no proposal {number}"):
            rejected(number)
    assert state() == before


@pytest.mark.parametrize("text", ["", "  \n", "x" * 1_001, "turned \u202eround"])
def test_names_and_reasons_are_texts_that_can_be_read(text: str) -> None:
    proposed("podagra")
    before = state()
    for fails in (
        lambda: proposed("king", author=text),
        lambda: accepted(1, by=text),
        lambda: rejected(1, by=text),
        lambda: rejected(1, reason=text),
    ):
        with pytest.raises(PatchInvalid):
            fails()
    if text.strip():
        with pytest.raises(PatchInvalid):
            proposed("king", message=text)
    assert state() == before


def test_what_would_be_wrong_is_not_even_proposed() -> None:
    before = state()
    with pytest.raises(ChangeRefused, match="no class"):
        curation.propose(
            Journal(),
            KnowledgeGraph.open,
            curation.additions(
                KnowledgeGraph.open(), curation.graph_in(turtle('msk:c skos:prefLabel "no class"@en .'))
            ),
            "Ada",
        )
    with pytest.raises(PatchInvalid, match="does not fit"):
        curation.propose(Journal(), KnowledgeGraph.open, patch_of("x").inverse(), "Ada")
    with pytest.raises(ChangeRefused, match="changes nothing"):
        curation.propose(Journal(), KnowledgeGraph.open, Patch(), "Ada")
    assert state() == before


def test_what_has_become_wrong_since_is_not_accepted_and_waits() -> None:
    proposed("podagra")
    added(diagnosis("foot-pain", "podagra"))
    before = state()
    with pytest.raises(ChangeRefused, match="also a name of msk:foot-pain"):
        accepted(1)
    assert state() == before
    assert Journal().waiting()


# made for an earlier state


def test_what_still_fits_is_accepted_whatever_was_changed_elsewhere() -> None:
    made = proposed("podagra")
    added('msk:effusion skos:altLabel "water in the joint"@en .', author="Ben")
    assert made.base != Journal().head()
    assert accepted(1).patch == made.patch


def test_what_does_not_fit_any_more_is_told_with_who_changed_it_and_the_rest_can_be_accepted() -> None:
    proposed("podagra", "king of diseases")
    other = added('msk:gout skos:altLabel "podagra"@en .', author="Ben")
    before = state()
    with pytest.raises(PatchOutdated) as caught:
        accepted(1)
    assert "Added: gout: alt label: podagra (there already, by change 1 by Ben)" in str(caught.value)
    assert "king" not in str(caught.value)
    assert (caught.value.lost, caught.value.left) == (patch_of("podagra"), patch_of("king of diseases"))
    assert state() == before
    assert [change.hash for change in Journal().since(Journal().proposals()[0].base)] == [other.hash]
    left = curation.fitting(KnowledgeGraph.open(), Journal().proposals()[0].patch)
    assert left == caught.value.left
    assert accepted(1, patch=left).patch == left
    assert Journal().proposals()[0].patch == patch_of("podagra", "king of diseases")  # what was said stays said


def test_what_somebody_else_removed_is_told_as_gone() -> None:
    added('msk:gout skos:altLabel "podagra"@en .')
    curation.propose(Journal(), KnowledgeGraph.open, patch_of("podagra").inverse(), "Ada")
    curation.undo(Journal(), KnowledgeGraph.open, "Ben")
    with pytest.raises(PatchOutdated, match=r"gone already, by change 2 by Ben\)\nNothing is left of it"):
        accepted(1)
    assert rejected(1).state == "rejected"


def test_two_who_replace_the_same_value_do_not_end_with_both() -> None:
    old = next(line for line in statements() if line.startswith(f"<{iri('gout')}>") and "/core#definition>" in line)
    subject, predicate, _ = old.split(" ", 2)
    for name in ("Ada", "Ben"):
        patch = Patch(frozenset({f'{subject} {predicate} "As {name} says."@en .'}), frozenset({old}))
        curation.propose(Journal(), KnowledgeGraph.open, patch, name)
    accepted(1)
    with pytest.raises(PatchOutdated, match="Removed: gout: definition") as caught:
        accepted(2)
    with pytest.raises(ChangeRefused, match="definition"):
        accepted(2, patch=caught.value.left)
    assert [p.state for p in Journal().proposals()] == ["proposed", "accepted"]


def test_nobody_accepts_in_the_name_of_another_what_that_one_did_not_propose() -> None:
    proposed("podagra")
    before = state()
    for patch in (patch_of("podagra", "king of diseases"), patch_of("x"), patch_of("podagra").inverse()):
        with pytest.raises(PatchInvalid, match="does not say all of this"):
            accepted(1, patch=patch)
    with pytest.raises(ChangeRefused, match="changes nothing"):
        accepted(1, patch=Patch())
    assert state() == before


def test_a_reviewer_who_looked_at_an_earlier_state_is_told_what_was_changed_since() -> None:
    proposed("podagra")
    seen = KnowledgeGraph.open().revision
    other = added('msk:effusion skos:altLabel "water in the joint"@en .', author="Ben")
    with pytest.raises(StaleRevision, match="change 1 by Ben") as caught:
        accepted(1, base=seen)
    assert caught.value.changes == (other,)
    assert accepted(1, base=other.hash).number == 2


def test_changes_since_are_those_after() -> None:
    changes = [added(f'msk:gout skos:altLabel "name {number}"@en .') for number in range(3)]
    assert Journal().since("") == changes
    assert Journal().since(changes[0].hash) == changes[1:]
    assert Journal().since(changes[2].hash) == []
    assert Journal().since("of a journal that was lost") == changes


# several people


def test_of_two_who_decide_at_once_exactly_one_does(tmp_path: Path) -> None:
    context = forks()
    for attempt in range(5):
        path = tmp_path / str(attempt) / "journal.sqlite"
        kept = Journal(path)
        with kept.writing() as writing:
            writing.propose("Ada", "", small_patch("p", 1))
        running = []
        start = time.time() + 0.3
        for name in ("Ben", "Eve", "Zoe"):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=decide_once, args=(path, name, start, theirs), daemon=True)
            process.start()
            theirs.close()
            running.append((name, process, ours))
        told = {}
        for name, process, ours in running:
            assert ours.poll(60)
            told[name] = ours.recv()
            process.join(30)
            ours.close()
        (winner,) = (name for name, (what, _) in told.items() if what == "accepted")
        assert {said for name, (_, said) in told.items() if name != winner} == {winner}
        (change,) = kept.changes()
        assert told[winner][1] == change.hash
        assert change.accepted_by == kept.proposals()[0].decided_by == winner


def test_whatever_people_do_at_once_nothing_is_lost_or_there_twice(tmp_path: Path) -> None:
    """Three processes of two people each propose, accept, reject and undo at random, and in part the same things."""
    context = forks()
    seen: Counter[str] = Counter()
    for attempt in range(4):
        path = tmp_path / str(attempt) / "journal.sqlite"
        running = []
        for number in range(3):
            ours, theirs = context.Pipe(duplex=False)
            arguments = (path, f"{attempt}-{number}", 12, theirs)
            process = context.Process(target=do_anything, args=arguments, daemon=True)
            process.start()
            theirs.close()
            running.append((process, ours))
        told: list[tuple[str, int, str]] = []
        for process, ours in running:
            assert ours.poll(100)
            done, failed = ours.recv()
            assert not failed
            told += done
            process.join(30)
            ours.close()
        holds_together(Journal(path))
        proposals, changes = Journal(path).proposals()[::-1], Journal(path).changes()
        assert [p.number for p in proposals] == list(range(1, len(proposals) + 1))
        assert sorted(n for what, n, _ in told if what == "proposed") == [p.number for p in proposals]
        for way in ("accepted", "rejected"):
            decided = sorted((p.number, p.change) for p in proposals if p.state == way)
            assert sorted((n, change) for what, n, change in told if what == way) == decided
        assert sorted(change for _, _, change in told if change) == sorted(change.hash for change in changes)
        seen.update(what for what, _, _ in told)
    assert min(seen[what] for what in ("proposed", "accepted", "rejected", "undone")) > 3, seen


def holds_together(kept: Journal) -> None:
    """Each change follows from those before, and proposals and changes say the same of each other."""
    changes = kept.changes()
    assert is_chain(changes)
    assert kept.head() == (changes[-1].hash if changes else "")
    there: set[str] = set()
    for change in changes:
        assert not change.patch.added & there
        assert change.patch.removed <= there
        there = (there - change.patch.removed) | change.patch.added
    proposals = {proposal.number: proposal for proposal in kept.proposals()}
    by_proposal = {change.proposal: change for change in changes if change.proposal}
    assert {number for number, p in proposals.items() if p.state == "accepted"} == set(by_proposal)
    assert len(by_proposal) == sum(change.proposal > 0 for change in changes)
    for number, change in by_proposal.items():
        proposal = proposals[number]
        assert (proposal.change, proposal.decided_by, proposal.author) == (
            change.hash,
            change.accepted_by,
            change.author,
        )
        assert change.patch.added <= proposal.patch.added


# kill -9


def test_neither_half_of_an_acceptance_is_there_alone_after_kill_9() -> None:
    kept, chance = Journal(), random.Random(12)
    acknowledged: list[tuple[str, int, str]] = []
    for number in range(KILLS):
        acknowledged += killed(decide_without_end, (kept.path, f"k{number}"), chance.uniform(0, 0.06))
        holds_together(kept)
        proposals = {proposal.number: proposal for proposal in kept.proposals()}
        for what, place, change in acknowledged:
            proposal = proposals[place]
            assert what in ("proposed", proposal.state)
            assert change in ("", proposal.change)
        assert len(proposals) <= sum(what == "proposed" for what, _, _ in acknowledged) + number + 1
    told = Counter(what for what, _, _ in acknowledged)
    assert min(told["accepted"], told["rejected"]) > 5, told


# no room, no right


def test_a_full_disk_is_told_and_loses_no_proposal(tmp_path: Path) -> None:
    """On a disk of its own that is really full, which takes a name space in which it may be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = 'mount -t tmpfs -o size=256k none "$1" && exec "$2" -m tests.journal_writers decide "$1"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted, "sh", str(disk), sys.executable]
    if shutil.which("unshare") is None or subprocess.run([*command[:4], "true"], capture_output=True).returncode:
        pytest.skip("no name space of its own can be had here")
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr[-800:]
    said = json.loads(done.stdout)
    assert said["error"].startswith("JournalUnusable: ")
    assert "full" in said["error"]
    assert "Make room" in said["error"]
    assert len(said["accepted"]) > 3
    assert said["kept"] == said["accepted"]
    assert len(said["waiting"]) <= 1  # the one that there was no room to accept
    assert said["then"][:-1] == said["accepted"]
    assert said["states"].count("accepted") == len(said["accepted"]) + 1
    assert said["states"].count("proposed") == len(said["waiting"])


def test_a_proposal_that_is_larger_than_the_room_left_is_not_half_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curation, "problems", lambda basis, patch: [])
    kept = Journal()

    def basis() -> NoOntology:
        return NoOntology(kept)

    large = Patch(frozenset(f"<urn:s:{number}> <urn:p> <urn:o> ." for number in range(1_000)))
    made = curation.propose(kept, basis, large, "Ada")
    pages = kept.path.stat().st_size // 4096
    connect = sqlite3.connect

    def in_little_room(*arguments: Any, **options: Any) -> sqlite3.Connection:
        database = connect(*arguments, **options)
        database.execute(f"PRAGMA max_page_count = {pages + 1}")
        return database

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", in_little_room)
        with pytest.raises(JournalUnusable, match="full"):
            curation.propose(kept, basis, small_patch("x", 1).then(large), "Ada")
        with pytest.raises(JournalUnusable, match="full"):
            curation.accept_proposal(kept, basis, 1, "Eve")
        assert kept.proposals() == [made]
        assert kept.changes() == []
    assert curation.accept_proposal(kept, basis, 1, "Eve").patch == large
    assert curation.propose(kept, basis, small_patch("x", 1), "Ada").number == 2


def test_in_a_folder_that_is_read_only_proposals_can_be_read_and_nothing_is_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(curation, "problems", lambda basis, patch: [])
    with folder_for_anybody() as folder:
        kept = Journal(folder / "home" / "journal.sqlite")

        def basis() -> NoOntology:
            return NoOntology(kept)

        made = curation.propose(kept, basis, small_patch("p", 1), "Ada")
        kept.path.chmod(0o444)
        kept.path.parent.chmod(0o555)
        with as_anybody():
            for fails in (
                lambda: curation.propose(kept, basis, small_patch("p", 2), "Ada"),
                lambda: curation.accept_proposal(kept, basis, 1, "Eve"),
                lambda: curation.reject_proposal(kept, 1, "Eve", "No."),
            ):
                with pytest.raises(JournalUnusable, match="Nothing was changed"):
                    fails()
            assert kept.proposals() == [made]
            assert kept.changes() == []
        kept.path.parent.chmod(0o755)
        kept.path.chmod(0o644)
        assert curation.accept_proposal(kept, basis, 1, "Eve").number == 1


def test_who_cannot_read_them_now_is_not_told_that_they_are_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    proposed("podagra")
    monkeypatch.setattr(journal, "_WAIT", 0.1)
    with closing(sqlite3.connect(Journal().path, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalUnusable, match="locked"):
            Journal().proposals()


# damage


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Change], list[Proposal]]:
    """A journal of some changes and proposals in every state, to be copied and spoilt."""
    kept = Journal(tmp_path_factory.mktemp("sound") / "journal.sqlite")
    with kept.writing() as writing:
        for number in range(1, 31):
            made = writing.propose(f"author {number}", f"message {number}", small_patch("p", number))
            if number % 3 == 1:
                change = Change(made.author, made.message, made.patch, accepted_by="Eve", proposal=number)
                writing.append(change, writing.head())
            elif number % 3 == 2:
                writing.reject(made, "Eve", f"reason {number}")
            writing.append(Change("somebody", "", small_patch("n", number)), writing.head())
    return kept.path, kept.changes(), kept.proposals()[::-1]


def spoilt(sound: tuple[Path, list[Change], list[Proposal]], folder: Path, *statements: str) -> Journal:
    """A copy in which somebody has taken the guards away and altered rows."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sound[0].parent, folder)
    kept = Journal(folder / "journal.sqlite")
    with closing(sqlite3.connect(kept.path, isolation_level=None)) as database:
        for table in ("proposal_", "rejection_", ""):
            for word in ("update", "delete"):
                database.execute(f"DROP TRIGGER {table}no_{word}")
        for statement in statements:
            database.execute(statement)
    return kept


@pytest.mark.parametrize("table", ["proposal", "rejection"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET hash = 'x'", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_alter_or_delete(
    sound: tuple[Path, list[Change], list[Proposal]], tmp_path: Path, table: str, statement: str
) -> None:
    shutil.copytree(sound[0].parent, tmp_path / "copy")
    kept = Journal(tmp_path / "copy" / "journal.sqlite")
    with closing(sqlite3.connect(kept.path)) as database:
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            database.execute(statement.format(table))
        database.rollback()
    assert kept.proposals()[::-1] == sound[2]


@pytest.mark.parametrize(
    ("statement", "lost", "reopened"),
    [
        ("UPDATE proposal SET author = 'somebody else' WHERE number = 3", [3], []),
        ("UPDATE proposal SET message = '' WHERE number = 1", [1], []),
        ("UPDATE proposal SET time = '' WHERE number = 30", [30], []),
        ("UPDATE proposal SET base = '' WHERE number = 4", [4], []),
        ("UPDATE proposal SET patch = replace(patch, 'first', 'third') WHERE number = 5", [5], []),
        ("UPDATE proposal SET patch = 'no patch' WHERE number = 6", [6], []),
        ("UPDATE proposal SET author = CAST(x'ff' AS TEXT) WHERE number = 6", [6], []),
        ("UPDATE proposal SET number = 99 WHERE number = 6", [6], []),
        ("UPDATE proposal SET hash = 'abc' WHERE number > 10", list(range(11, 31)), []),
        ("DELETE FROM proposal WHERE number = 9", [9], []),
        ("DELETE FROM proposal WHERE number = 30", [30], []),
        ("DELETE FROM proposal", list(range(1, 31)), []),
        ("DROP TABLE proposal", list(range(1, 31)), []),
        ("UPDATE rejection SET reason = 'another' WHERE proposal = 5", [], [5]),
        ("UPDATE rejection SET rejected_by = 'Ada' WHERE proposal = 8", [], [8]),
        ("UPDATE rejection SET proposal = 99 WHERE proposal = 8", [], [8]),
        ("DROP TABLE rejection", [], list(range(2, 31, 3))),
    ],
)
def test_damaged_proposals_are_named_and_keep_nobody_from_what_is_accepted(
    sound: tuple[Path, list[Change], list[Proposal]],
    tmp_path: Path,
    statement: str,
    lost: list[int],
    reopened: list[int],
) -> None:
    _, changes, proposals = sound
    kept = spoilt(sound, tmp_path / "spoilt", statement)
    assert kept.changes() == changes
    assert kept.head() == changes[-1].hash
    with pytest.raises(ProposalsDamaged, match="repair") as caught:
        kept.proposals()
    assert str(kept.path) in str(caught.value)
    readable = [proposal for proposal in proposals if proposal.number not in lost]
    assert [p.number for p in caught.value.proposals] == [p.number for p in readable]
    for number in lost:
        with pytest.raises((ProposalsDamaged, JournalDamaged)):
            curation.reject_proposal(kept, number, "Eve", "No.")
    before = kept.path.read_bytes()
    aside = kept.repair()
    assert aside.read_bytes() == before
    assert kept.changes() == changes
    after = {proposal.number: proposal for proposal in kept.proposals()}
    for proposal in readable:
        if proposal.number in reopened:
            assert after[proposal.number].state == "proposed"
            assert after[proposal.number].patch == proposal.patch
        else:
            assert after[proposal.number] == proposal
    for number in set(lost) & after.keys():
        if number % 3 == 1:  # of what was accepted, the change says what it was
            assert (after[number].state, after[number].patch) == ("accepted", proposals[number - 1].patch)
        else:
            assert (after[number].state, after[number].patch) == ("rejected", Patch())
            assert aside.name in after[number].reason
    with kept.writing() as writing:
        new = writing.propose("Ada", "", small_patch("new", 1))
    assert new.number == max(after) + 1
    assert kept.proposals()[0] == new
    with pytest.raises(PatchInvalid, match="nothing to repair"):
        kept.repair()


def test_whatever_is_overwritten_is_told_or_does_no_harm(
    sound: tuple[Path, list[Change], list[Proposal]], tmp_path: Path
) -> None:
    path, changes, proposals = sound
    content, chance, told = path.read_bytes(), random.Random(13), Counter[str]()
    kept = Journal(tmp_path / "spoilt" / "journal.sqlite")
    for start in range(0, len(content), 512):
        shutil.rmtree(kept.path.parent, ignore_errors=True)
        shutil.copytree(path.parent, kept.path.parent)
        kept.path.write_bytes(content[:start] + chance.randbytes(64) + content[start + 64 :])
        try:
            assert kept.changes() == changes
            assert kept.proposals()[::-1] == proposals
            told["harmless"] += 1
            continue
        except JournalDamaged as error:
            told["changes"] += 1
            intact = [change for change in error.changes if isinstance(change, Change)]
        except ProposalsDamaged:
            told["proposals"] += 1
            intact = changes
        assert intact == changes[: len(intact)]
        kept.repair()
        assert kept.changes() == intact
        holds_together(kept)
        for proposal in kept.proposals():
            was = proposals[proposal.number - 1]
            assert proposal.patch in (was.patch, Patch())
    assert min(told["changes"], told["proposals"]) > 3, told


@pytest.mark.parametrize("content", [b"", b"not a database", bytes(4096)])
def test_a_journal_of_proposals_alone_that_is_cut_short_is_told(content: bytes) -> None:
    proposed("podagra")
    assert Journal().changes() == []
    Journal().path.write_bytes(content)
    with pytest.raises(ProposalsDamaged):
        Journal().proposals()
    with pytest.raises((JournalDamaged, ProposalsDamaged)):
        rejected(1)
    Journal().repair()
    assert Journal().changes() == []
    assert Journal().proposals() == []
    assert proposed("king of diseases").number == 1


def test_a_proposal_whose_change_was_lost_waits_again(
    sound: tuple[Path, list[Change], list[Proposal]], tmp_path: Path
) -> None:
    _, changes, proposals = sound
    kept = spoilt(sound, tmp_path / "spoilt", "DELETE FROM change WHERE number > 10")
    with pytest.raises(JournalDamaged):
        kept.changes()
    kept.repair()
    assert kept.changes() == changes[:10]
    holds_together(kept)
    remaining = {change.proposal for change in changes[:10]}
    for now, was in zip(kept.proposals()[::-1], proposals, strict=True):
        assert (now.number, now.patch, now.author) == (was.number, was.patch, was.author)
        assert now.state == ("proposed" if was.state == "accepted" and was.number not in remaining else was.state)


# what is told of them


def test_the_history_says_who_accepted_what_somebody_else_proposed() -> None:
    proposed("podagra", message="an old name")
    added('msk:gout skos:altLabel "x"@en .', author="Ben")
    accepted(1)
    direct, reviewed = Journal().changes()
    done = run("history", MSKGRAPH_HOME=str(Journal().path.parent))
    assert done.returncode == 0, done.stderr
    first, _, second, _ = done.stdout.splitlines()
    assert "Ada, accepted by Eve: an old name" in first
    assert "Ben: " in second
    assert "accepted by" not in second
    document = json.loads(run("history", "--json", MSKGRAPH_HOME=str(Journal().path.parent)).stdout)
    assert [(entry["author"], entry["accepted_by"]) for entry in document] == [("Ada", "Eve"), ("Ben", "Ben")]
    assert [entry["change"] for entry in document] == [reviewed.hash, direct.hash]


def test_the_reviewer_is_told_as_an_association_of_that_role() -> None:
    proposed("podagra", author='Ada "the first" \\ Ö')
    change = accepted(1, by="Eve\nof the ward")
    own = added('msk:gout skos:altLabel "x"@en .', author="Ben")
    kg = KnowledgeGraph.open()
    rows = kg.query(
        """SELECT ?change ?author ?role ?reviewer WHERE { GRAPH msk:history {
             ?change prov:wasAssociatedWith/rdfs:label ?author .
             OPTIONAL { ?change prov:qualifiedAssociation ?review .
                        ?review prov:agent/rdfs:label ?reviewer ; prov:hadRole ?role } } }"""
    )
    told = {row["change"]: row for row in rows.fillna("").to_dict("records")}
    assert told[change_iri(change.hash)]["author"] == 'Ada "the first" \\ Ö'
    assert told[change_iri(change.hash)]["reviewer"] == "Eve\nof the ward"
    assert told[change_iri(change.hash)]["role"] == iri("role-reviewer")
    assert (told[change_iri(own.hash)]["author"], told[change_iri(own.hash)]["reviewer"]) == ("Ben", "")
    history = kg.accepted.history()
    graph = Graph().parse(data=history, format="nt")
    assert not [term for triple in graph for term in triple if isinstance(term, BNode)]
    assert len(list(pyoxigraph.parse(history.encode(), format=pyoxigraph.RdfFormat.N_TRIPLES))) == len(
        history.splitlines()
    )
    (review,) = graph.objects(URIRef(change_iri(change.hash)), PROV.qualifiedAssociation)
    assert (review, RDF.type, PROV.Association) in graph
    assert (URIRef(iri("role-reviewer")), RDF.type, PROV.Role) in graph


def test_nothing_is_accepted_into_a_journal_that_is_just_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    added('msk:gout skos:altLabel "podagra"@en .')
    proposed("arthritis urica")
    with closing(sqlite3.connect(Journal().path)) as database, database:
        database.execute("DROP TRIGGER proposal_no_update")
        database.execute("UPDATE proposal SET author = 'Eve'")
    link, refused = os.link, list[MskGraphError]()

    def accept() -> None:
        try:
            added('msk:gout skos:altLabel "king of diseases"@en .')
        except MskGraphError as error:
            refused.append(error)

    other = threading.Thread(target=accept)

    def linked(source: Path, target: Path) -> None:
        other.start()
        other.join(0.5)
        link(source, target)

    monkeypatch.setattr(os, "link", linked)
    Journal().repair()
    other.join(30)
    assert len(Journal().changes()) == 1
    assert [type(error) for error in refused] == [JournalUnusable]
    assert added('msk:gout skos:altLabel "king of diseases"@en .').number == 2
