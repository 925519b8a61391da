"""Changes of the knowledge: what is refused, what is kept, and that everything can be taken back."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from rdflib import Graph, URIRef

from mskgraph import KnowledgeGraph, curation
from mskgraph.curation import Change, Journal, change_iri, checks
from mskgraph.differential import differential
from mskgraph.errors import ChangeRefused, MskGraphError, PatchInvalid, StaleRevision, UnknownTerm
from mskgraph.ontology import literals_as_typed
from mskgraph.store import ASSERTED_GRAPH, DERIVED_GRAPH, HISTORY_GRAPH, EmbeddedStore, Patch, filled
from mskgraph.terms import iri, local_name
from tests.command_line import run
from tests.conftest import canonical_triples
from tests.journal_writers import accept_some, forks, synonym
from tests.small_ontology import added, claim, diagnosis, statements, taken_back, turtle

ROOT = Path(__file__).resolve().parent.parent
SEQUENCES = 500
CHUNKS = 10
CHECKED = 3  # of each chunk
PODAGRA, GOUTY = ('msk:gout skos:altLabel "podagra"@en .', 'msk:gout skos:altLabel "gouty diathesis"@en .')


@pytest.fixture(autouse=True)
def _at_home(home: Path) -> None:
    """Before all other fixtures, of which some choose another ontology."""


def state() -> tuple[str, str, int]:
    """What has to be the same after something was refused."""
    kg = KnowledgeGraph.open()
    return kg.revision, kg.content_hash, len(Journal().changes())


def accepted(patch: Patch, author: str = "Ada") -> Change:
    return curation.accept(Journal(), KnowledgeGraph.open, patch, author)


def said_of(*names: str) -> set[str]:
    """All triples of nodes."""
    return {line for line in statements() if line.startswith(subjects(f"{name}>" for name in names))}


def subjects(names: Iterable[str]) -> tuple[str, ...]:
    """How lines about nodes begin whose names begin so."""
    return tuple(f"<{iri(name)}" for name in names)


def replaced(old: str, new: str) -> Patch:
    """One triple in place of another."""
    return Patch(frozenset({new}), frozenset({old}))


def complaints(patch: Patch) -> str:
    """Why a change is refused, and that nothing is changed by it."""
    before = state()
    problems = curation.problems(KnowledgeGraph.open(), patch)
    with pytest.raises(ChangeRefused) as caught:
        accepted(patch)
    assert list(caught.value.problems) == problems
    assert state() == before
    for problem in problems:
        assert problem.file == curation.CHANGE
        assert problem.node
        assert problem.message
        assert problem.remedy
    return str(caught.value)


def complaints_about(text: str) -> str:
    try:
        graph = curation.graph_in(turtle(text))
    except PatchInvalid as unreadable:  # which is told before anything is looked at
        return str(unreadable)
    return complaints(curation.additions(KnowledgeGraph.open(), graph))


def test_what_was_checked_a_moment_ago_is_not_checked_again_unless_something_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked = []
    examine = checks.ontology.examine
    monkeypatch.setattr(checks.ontology, "examine", lambda *given: checked.append(1) or examine(*given))
    kg = KnowledgeGraph.open()
    one, other = (curation.additions(kg, curation.graph_in(turtle(text))) for text in (PODAGRA, GOUTY))
    assert curation.problems(kg, one) == curation.problems(kg, one) == []
    assert len(checked) == 1
    accepted(one)
    assert len(checked) == 1
    assert curation.problems(kg, other) == []
    accepted(other)  # beside what was accepted meanwhile
    assert len(checked) == 3


# everything can be taken back


@dataclass(frozen=True)
class Curator:
    """Somebody who does, in random order, what curators do.

    :ivar start: what the knowledge says at first
    """

    start: frozenset[str]
    chance: random.Random

    def said(self, kg: KnowledgeGraph, *names: str) -> set[str]:
        """All triples of nodes now; quicker than reading the files again."""
        patch = kg.accepted.patch
        return {line for line in (self.start - patch.removed) | patch.added if line.startswith(subjects(names))}

    def edit(self, mark: str) -> None:
        """Do one thing; it is valid, whatever was done before."""
        kg = KnowledgeGraph.open()

        def add(text: str) -> None:
            accept(curation.additions(kg, curation.graph_in(turtle(text))))

        def accept(patch: Patch) -> None:
            curation.accept(Journal(), KnowledgeGraph.open, patch, "Ada", mark, kg.revision)

        def redefine() -> None:
            lines = self.said(kg, self.chance.choice(["gout", "effusion", "elbow", "triceps-tendon"]))
            (old,) = (line for line in lines if "/core#definition>" in line)
            accept(replaced(old, f'{old.split(" ")[0]} {old.split(" ")[1]} "Said anew: {mark}."@en .'))

        def forget() -> None:
            claims = {line.split(" ")[0][1:-1] for line in self.said(kg, "claim-", "gout-") if "/Association>" in line}
            name = local_name(self.chance.choice(sorted(claims)))
            if name == "gout-double-contour-atlas":  # the only one whose estimate is not stated
                redefine()
            else:
                accept(Patch(frozenset(), frozenset(self.said(kg, f"{name}>", f"{name}-estimate>"))))

        def number() -> None:
            lower, upper = self.chance.choice([("0.10", "0.20"), ("0.1", "0.2"), ("0.0", "1.0"), (".5", "0.90")])
            add(
                claim(f"claim-{mark}", msk__estimate=f"msk:claim-{mark}-estimate")
                + f"""msk:claim-{mark}-estimate a msk:Estimate ; msk:form msk:form-percent-range ;
                    msk:lower {lower} ; msk:stated "so often" ; msk:upper {upper} ."""
            )

        def new_diagnosis() -> None:
            about = claim(f"claim-d-{mark}", msk__diagnosis=f"msk:d-{mark}")
            add(diagnosis(f"d-{mark}", f"disease {mark}") + about)

        self.chance.choice(
            [
                lambda: add(f'msk:gout skos:altLabel "name {mark}"@en .'),
                lambda: add(f'msk:elbow skos:altLabel "part {mark}"@en, "joint {mark}"@en .'),
                lambda: add(f'msk:effusion skos:note """Several\nlines, "quoted", \\\\ and {mark}"""@en .'),
                lambda: add(claim(f"claim-{mark}")),
                lambda: add(
                    f"""msk:s-{mark} a msk:Site ; dcterms:source msk:source-atlas ; skos:definition "A place."@en ;
                    skos:prefLabel "place {mark}"@en ; msk:partOf msk:elbow ; skos:broader msk:triceps-tendon ."""
                ),
                number,
                new_diagnosis,
                redefine,
                forget,
            ]
        )()

    def undo(self) -> None:
        """Take back any change; if that is refused, nothing is changed."""
        before = state()
        try:
            taken_back(self.chance.choice(Journal().changes()), "Eve")
        except (PatchInvalid, ChangeRefused):
            assert state() == before


def in_two_threads(start: frozenset[str], seed: str) -> None:
    """Let two people work at the same time, each of whom does stale work again."""
    failed: list[BaseException] = []

    def work(name: str) -> None:
        curator = Curator(start, random.Random(f"{seed}{name}"))
        for number in range(2):
            while True:
                try:
                    curator.edit(f"{seed}-{name}-{number}")
                    break
                except StaleRevision:
                    continue
                except BaseException as error:
                    failed.append(error)
                    return

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def in_the_store(kg: KnowledgeGraph) -> set[str]:
    """What the engine holds of the knowledge, derived triples included."""
    lines = kg.store.answer("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }").body.decode().splitlines()
    return {line for line in lines if not line.startswith("_:") and " _:" not in line.split('"')[0]}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_whatever_was_done_can_be_taken_back(chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five hundred sequences of edits and undos, every tenth by two people at once, end where they began.

    The edits are valid as they are made; to be quick, only some of them are checked as well.
    """
    origin = KnowledgeGraph.open()
    said, stored, start = canonical_triples(origin.to_rdflib()), in_the_store(origin), frozenset(statements())
    for number in range(SEQUENCES // CHUNKS):
        monkeypatch.setenv("MSKGRAPH_HOME", str(tmp_path / f"home {number}"))
        if number == CHECKED:
            monkeypatch.setattr(curation, "problems", lambda basis, patch: [])
        seed = f"{chunk}-{number}"
        curator = Curator(start, random.Random(seed))
        if number % 10 == 0:
            in_two_threads(start, seed)
            curator.undo()
        else:
            for step in range(curator.chance.choice([1, 1, 2, 2, 3])):
                curator.edit(f"{seed}-{step}")
                if curator.chance.random() < 0.3:
                    curator.undo()
        changed = in_the_store(KnowledgeGraph.open()) != stored
        changes = Journal().changes()
        assert changed or len(changes) > 1
        for change in reversed(changes):
            taken_back(change)
        end = KnowledgeGraph.open()
        patch = end.accepted.patch
        assert (start - patch.removed) | patch.added == start, seed
        assert in_the_store(end) == stored, seed
        if number % 10 == 0:
            assert statements() == start, seed
        if number == 0:
            assert canonical_triples(end.to_rdflib()) == said
        shutil.rmtree(tmp_path / f"home {number}")


def test_undo_gives_back_the_very_literals() -> None:
    start = statements()
    old = next(line for line in said_of("gout-effusion-atlas-estimate") if "/lower>" in line)
    assert '"0.50"' in old
    change = accepted(replaced(old, old.replace('"0.50"', '"0.500"')))
    assert any('"0.500"' in line for line in statements())
    taken_back(change)
    assert statements() == start


@pytest.mark.parametrize(
    ("node", "there", "otherwise"),
    [
        ("msk:gout", 'skos:altLabel "podagra"@en', 'skos:altLabel "podagra"@EN'),
        ("msk:source-atlas", 'dcterms:identifier "doi:1"', 'dcterms:identifier "doi:1"^^xsd:string'),
        ("msk:gout-effusion-atlas-estimate", "msk:lower 0.50", "msk:lower 0.5"),
    ],
)
def test_what_is_there_in_another_spelling_is_there(node: str, there: str, otherwise: str) -> None:
    """A store cannot tell the two apart: taking the one back would have taken the other from it."""
    old, new = (curation.graph_in(turtle(f"{node} {said} .")) for said in (there, otherwise))
    if curation.additions(KnowledgeGraph.open(), old):
        added(f"{node} {there} .")
    start, held = statements(), in_the_store(KnowledgeGraph.open())
    assert not curation.additions(KnowledgeGraph.open(), new)
    with pytest.raises(PatchInvalid, match="in the knowledge already"):
        accepted(Patch(frozenset(curation.lines(new))))
    change = accepted(Patch(frozenset(curation.lines(new)), frozenset(curation.lines(old))))  # in its place it can be
    assert statements() != start
    taken_back(change)
    assert statements() == start
    assert in_the_store(KnowledgeGraph.open()) == held


def test_many_changes_come_to_what_each_does_after_the_one_before() -> None:
    one, other = 'skos:altLabel "podagra"@en', 'skos:altLabel "king of diseases"@en'
    added(f"msk:gout {one}, {other.split(' ', 1)[1]} .")
    taken_back(added('msk:gout skos:altLabel "third"@en .'))
    curation.undo(Journal(), KnowledgeGraph.open, "Ada", Journal().changes()[0].hash)
    added(f"msk:gout {other} .")
    patch = Patch()
    for change in Journal().changes():
        patch = patch.then(change.patch)
    assert curation.accepted(Journal())[1].patch == patch


# undo


def test_undo_goes_back_and_forth_as_often_as_somebody_likes() -> None:
    added('msk:gout skos:altLabel "podagra"@en .')
    first = Journal().changes()[0]
    with Journal().writing() as writing:
        patch, last = first.patch, first.hash
        for _ in range(1_000):
            patch = patch.inverse()
            last = writing.append(Change("Ada", "", patch, undoes=last), writing.head()).hash
    curation.undo(Journal(), KnowledgeGraph.open, "Ada")
    with pytest.raises(PatchInvalid, match="taken back already"):
        curation.undo(Journal(), KnowledgeGraph.open, "Ada", last)
    curation.undo(Journal(), KnowledgeGraph.open, "Ada", Journal().changes()[-1].hash)


def test_nobody_writes_between_the_look_at_a_change_and_its_undo() -> None:
    """Else two might take it back, with somebody in between who says the same anew and would lose it."""
    added('msk:gout skos:altLabel "podagra"@en .')
    written = []

    def opened() -> KnowledgeGraph:
        written.append(is_being_written(Journal()))
        return KnowledgeGraph.open()

    curation.undo(Journal(), opened, "Ada")
    assert set(written) == {True}


def is_being_written(journal: Journal) -> bool:
    """Whether somebody keeps all others from writing."""
    with closing(sqlite3.connect(journal.path, timeout=0, isolation_level=None)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
    return False


def test_the_last_change_is_taken_back_without_naming_it() -> None:
    start = statements()
    added('msk:gout skos:altLabel "podagra"@en .', message="an old name")
    done = curation.undo(Journal(), KnowledgeGraph.open, "Ben")
    assert statements() == start
    first, second = Journal().changes()
    assert done == second
    assert second.undoes == first.hash
    assert second.author == "Ben"
    assert "an old name" in second.message
    assert second.patch == first.patch.inverse()


@pytest.mark.parametrize("way", ["hash", "number"])
def test_a_change_may_be_named_by_its_number_or_the_beginning_of_its_hash(way: str) -> None:
    change = added('msk:gout skos:altLabel "podagra"@en .')
    added('msk:gout skos:altLabel "king of diseases"@en .')
    named = change.hash[:8] if way == "hash" else "1"
    assert curation.undo(Journal(), KnowledgeGraph.open, "Ben", named).undoes == change.hash
    assert {"podagra", "king of diseases"} & names_of_gout() == {"king of diseases"}


def names_of_gout() -> set[str]:
    return set(KnowledgeGraph.open().query("SELECT ?name { msk:gout skos:altLabel ?name }")["name"])


def test_an_undo_can_be_taken_back_and_that_again() -> None:
    change = added('msk:gout skos:altLabel "podagra"@en .')
    back = taken_back(change)
    assert names_of_gout() == set()
    again = taken_back(back)
    assert names_of_gout() == {"podagra"}
    with pytest.raises(PatchInvalid, match="taken back already"):
        taken_back(back)
    taken_back(again)
    assert names_of_gout() == set()
    with pytest.raises(PatchInvalid, match="taken back already"):
        taken_back(change)
    assert len(Journal().changes()) == 4


def test_after_an_undo_was_taken_back_the_change_itself_can_be_taken_back_once() -> None:
    change = added('msk:gout skos:altLabel "podagra"@en .')
    taken_back(taken_back(change))
    taken_back(change)
    assert names_of_gout() == set()
    with pytest.raises(PatchInvalid, match="taken back already"):
        taken_back(change)


def test_a_change_is_not_taken_back_twice() -> None:
    change = added('msk:gout skos:altLabel "podagra"@en .')
    taken_back(change)
    before = state()
    with pytest.raises(PatchInvalid, match="taken back already"):
        taken_back(change)
    assert state() == before


@pytest.mark.parametrize("name", ["0" * 64, "nothing", "%", "' OR 1=1"])
def test_an_unknown_change_is_told(name: str) -> None:
    added('msk:gout skos:altLabel "podagra"@en .')
    before = state()
    with pytest.raises(PatchInvalid, match="no change"):
        curation.undo(Journal(), KnowledgeGraph.open, "Ben", name)
    assert state() == before


def test_there_is_nothing_to_take_back_at_first() -> None:
    with pytest.raises(PatchInvalid, match="no change"):
        curation.undo(Journal(), KnowledgeGraph.open, "Ben")


def test_a_beginning_that_fits_several_changes_is_told() -> None:
    seen: dict[str, Change] = {}
    for number in range(40):  # soon two of them begin with the same letter; a digit would be a number
        change = added(f'msk:gout skos:altLabel "name {number}"@en .')
        if change.hash[0] in seen and change.hash[0].isalpha():
            break
        seen[change.hash[0]] = change
    with pytest.raises(PatchInvalid, match=r"\d changes"):
        curation.undo(Journal(), KnowledgeGraph.open, "Ben", change.hash[0])


def test_undo_is_refused_while_a_later_change_uses_what_was_added() -> None:
    first = added(diagnosis("pseudogout", "pseudogout"))
    second = added(claim("pseudogout-effusion-atlas", msk__diagnosis="msk:pseudogout"))
    before = state()
    with pytest.raises(ChangeRefused, match="pseudogout") as caught:
        taken_back(first)
    assert "Later changes name the same: change 2 by Ada." in str(caught.value)
    assert state() == before
    taken_back(second)
    taken_back(first)
    with pytest.raises(MskGraphError):
        KnowledgeGraph.open().find("pseudogout")


def test_undo_is_refused_while_a_later_change_stands_on_the_same_triple() -> None:
    old = next(line for line in said_of("gout") if "/core#definition>" in line)
    new = old.replace("Urate crystals in a joint.", "Crystals of urate.")
    first = accepted(replaced(old, new))
    second = accepted(replaced(new, old.replace("Urate", "Uric acid")))
    before = state()
    with pytest.raises(PatchInvalid, match="Later changes depend on it: change 2 by Ada"):
        taken_back(first)
    assert state() == before
    taken_back(second)
    taken_back(first)
    assert old in said_of("gout")


# several people


def test_five_processes_at_once_lose_nothing(small: Path, home: Path) -> None:
    settings = {"MSKGRAPH_HOME": str(home), "MSKGRAPH_ONTOLOGY": str(small), "MSKGRAPH_STORE": ""}
    start, context = statements(), forks()
    running = []
    for number in range(5):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=accept_some, args=(settings, f"person {number}", 4, theirs), daemon=True)
        process.start()
        theirs.close()
        running.append((process, ours))
    told: dict[str, str] = {}
    stale = 0
    for process, ours in running:
        for _ in range(4):
            assert ours.poll(60)
            name, line = ours.recv()
            told[name] = line
        stale += ours.recv()
        process.join(30)
        assert process.exitcode == 0
        ours.close()
    changes = Journal().changes()
    assert {change.hash: next(iter(change.patch.added)) for change in changes} == told
    assert len(told) == 20
    assert statements() - start == set(told.values())
    assert stale > 0  # else they were not at work at once
    for change, before in zip(changes[1:], changes, strict=False):
        assert change.previous == before.hash


def test_a_stale_base_is_told_and_the_change_can_be_made_again() -> None:
    base = KnowledgeGraph.open().revision
    other = added('msk:gout skos:altLabel "podagra"@en .')
    mine = Patch(frozenset({synonym("king of diseases")}))
    before = state()
    with pytest.raises(StaleRevision) as caught:
        curation.accept(Journal(), KnowledgeGraph.open, mine, "Ben", "", base)
    assert (caught.value.base, caught.value.head) == (base, other.hash)
    assert state() == before
    curation.accept(Journal(), KnowledgeGraph.open, mine, "Ben", "", caught.value.head)
    assert names_of_gout() == {"podagra", "king of diseases"}


def test_a_stale_base_is_told_even_if_the_change_does_not_fit_any_more() -> None:
    base = KnowledgeGraph.open().revision
    added('msk:gout skos:altLabel "podagra"@en .')
    with pytest.raises(StaleRevision):
        curation.accept(Journal(), KnowledgeGraph.open, Patch(frozenset({synonym("podagra")})), "Ben", "", base)


def test_the_same_change_is_not_accepted_twice() -> None:
    accepted(Patch(frozenset({synonym("podagra")})))
    before = state()
    with pytest.raises(PatchInvalid, match="already"):
        accepted(Patch(frozenset({synonym("podagra")})))
    with pytest.raises(PatchInvalid, match="not there to remove"):
        accepted(Patch(frozenset(), frozenset({synonym("something else")})))
    assert state() == before


def test_a_running_program_picks_up_what_another_process_accepted(small: Path, home: Path) -> None:
    before = KnowledgeGraph.open()
    settings = {"MSKGRAPH_HOME": str(home), "MSKGRAPH_ONTOLOGY": str(small), "MSKGRAPH_STORE": ""}
    context = forks()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=accept_some, args=(settings, "elsewhere", 1, theirs), daemon=True)
    process.start()
    name, line = ours.recv()
    after = KnowledgeGraph.open()
    assert after.revision == name
    assert after.content_hash != before.content_hash
    assert after.find("elsewhere 0") == [iri("gout")]
    assert line in set(after.export("nq").splitlines())
    assert before.revision == ""  # an open one stays what it is
    process.join(30)
    ours.close()
    theirs.close()


def test_people_who_only_look_do_not_keep_others_from_writing() -> None:
    failed: list[BaseException] = []
    done = threading.Event()

    def look() -> None:
        try:
            while not done.is_set():
                assert KnowledgeGraph.open().find("gout") == [iri("gout")]
                Journal().changes()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(5):
            added(f'msk:gout skos:altLabel "name {number}"@en .')
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not failed
    assert len(Journal().changes()) == 5


# what is refused


NOTE = "msk:gout skos:note"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # a claim without its source, or of what there is not
        (claim("c", dcterms__source=""), "source"),
        (claim("c", dcterms__source="msk:source-atlass"), "msk:source-atlass is defined nowhere. Did you mean"),
        (claim("c", dcterms__source='"An atlas"'), "source"),
        (claim("c", msk__confidence=""), "confidence"),
        (claim("c", msk__feature="msk:efusion"), "msk:efusion is defined nowhere"),
        (claim("c", msk__feature=""), "exactly one of feature"),
        (claim("c", msk__feature="msk:effusion, msk:double-contour"), "exactly one"),
        (claim("c", msk__estimate="msk:c-estimate"), "msk:c-estimate is defined nowhere"),
        ('msk:c skos:prefLabel "no class"@en .', "class"),
        ("msk:c a msk:Desease .", "msk:Desease is defined nowhere"),
        # of the wrong type
        (claim("c", msk__feature="msk:source-atlas"), "feature"),
        (claim("c", msk__diagnosis="msk:effusion"), "diagnosis"),
        (claim("c", msk__estimate='"often"'), "estimate"),
        ("msk:gout-effusion-atlas a msk:Diagnosis .", "label"),
        ("msk:gout a msk:Site .", "site"),
        ('msk:gout-effusion-atlas-estimate msk:lower "half" .', "."),
        ('msk:gout-effusion-atlas-estimate msk:lower "half"^^xsd:decimal .', "no value of xsd:decimal"),
        ('msk:gout msk:mustNotMiss "yes" .', "."),
        (f'{NOTE} "no language" .', "@en"),
        (f'{NOTE} "5"^^xsd:integer .', "."),
        (f'{NOTE} "x"^^<urn:type> .', "no value of"),
        # properties that are not for it
        ('msk:gout msk:colour "red" .', "msk:colour is defined nowhere"),
        ("msk:gout msk:partOf msk:elbow .", "does not belong on a diagnosis"),
        ("msk:gout msk:mayCause msk:effusion .", "."),
        ("msk:gout msk:feature msk:effusion .", "does not belong on a diagnosis"),
        ('msk:gout <http://xmlns.com/foaf/0.1/name> "gout" .', "no property or class of a vocabulary"),
        ('msk:gout skos:preflabel "gout"@en .', "no property or class of a vocabulary"),
        ("msk:gout skos:exactMatch <http://purl.obolibrary.org/obo/MONDO_0005393> .", "mappings"),
        # more than one, where there is one
        ('msk:gout skos:prefLabel "the gout"@en .', "label"),
        ('msk:gout skos:definition "Another."@en .', "definition"),
        ('msk:gout-effusion-atlas-estimate msk:numerator "1_0"^^xsd:integer .', "is no value of"),
        ('msk:gout-effusion-atlas-estimate msk:lower "\u0661.5"^^xsd:decimal .', "is no value of"),
        ("msk:gout-effusion-atlas-estimate msk:lower 0.60 .", "lower"),
        # in circles
        ("msk:elbow msk:partOf msk:triceps-tendon .", "a part of itself"),
        ("msk:elbow msk:partOf msk:elbow .", "a part of itself"),
        ("msk:effusion skos:broader msk:double-contour .", "a kind of itself"),
        # under a name that is taken
        (diagnosis("podagra", "Gout"), '"Gout" is also a name of msk:gout'),
        (diagnosis("podagra", "podagra", ' skos:altLabel "GOUT"@en ;'), "also a name of msk:gout"),
        ('msk:elbow skos:altLabel "effusion"@en .', "also a name of msk:effusion"),
        ('msk:elbow skos:hiddenLabel "Effusión"@en .', "also a name of msk:effusion"),
        (diagnosis("one", "same") + diagnosis("two", "Same"), "also a name of"),
        # numbers that cannot be
        (
            claim("c", msk__estimate="msk:c-estimate")
            + "msk:c-estimate a msk:Estimate ; msk:form msk:form-percent-range ;"
            ' msk:lower 0.9 ; msk:stated "?" ; msk:upper 0.1 .',
            ".",
        ),
        (
            claim("c", msk__estimate="msk:c-estimate") + "msk:c-estimate a msk:Estimate ; msk:form msk:form-count ;"
            ' msk:denominator 3 ; msk:numerator 7 ; msk:stated "7 of 3" .',
            ".",
        ),
        # marks that hide or turn round what is said
        (f'{NOTE} "be\u0007ll"@en .', "cannot be seen"),
        (f'{NOTE} "nul\\u0000"@en .', "cannot be seen"),
        (f'{NOTE} "esc\u001b[2J"@en .', "cannot be seen"),
        (f'{NOTE} "evil \u202etxet"@en .', "cannot be seen"),
        (f'{NOTE} "\u2066isolated\u2069"@en .', "cannot be seen"),
        (f'{NOTE} "zero\u200bwidth"@en .', "cannot be seen"),
        (f'{NOTE} "\ufeffmark"@en .', "cannot be seen"),
        (f'{NOTE} "line\u2028separator"@en .', "cannot be seen"),
        (f'{NOTE} "private \ue000"@en .', "cannot be seen"),
        (f'{NOTE} "tag \U000e0041"@en .', "cannot be seen"),
        # texts without an end
        (diagnosis("long", "l" * 20_000), "."),
        # what is not the knowledge's to say
        ('skos:broader rdfs:label "hacked"@en .', "."),
        ("<http://example.org/x> a msk:Diagnosis .", "."),
        ('<http://example.org/x> rdfs:label "x"@en .', "."),
        ('<urn:x> skos:prefLabel "gout"@en .', "."),
        ("msk:change-000000000000 a msk:Source .", "."),
    ],
)
def test_what_would_be_wrong_is_refused(text: str, told: str) -> None:
    assert told.lower() in complaints_about(text).lower()


@pytest.mark.parametrize(
    "text",
    [
        f'{NOTE} "{"long " * 100_000}"@en .',
        diagnosis("pse\u202eudo", "pseudogout"),
        diagnosis("pse\u200budo", "pseudogout"),
        '<https://w3id.org/mskgraph/pse\\u202Eudo> skos:prefLabel "pseudogout"@en .',
        "msk:shape-diagnosis <http://www.w3.org/ns/shacl#closed> false .",
        "msk:constraint-label <http://www.w3.org/ns/shacl#deactivated> true .",
        "msk:Diagnosis rdfs:subClassOf msk:Site .",
        "msk:feature rdfs:range msk:Diagnosis .",
        "msk:Cure a owl:Class .",
        "msk:mayCure a owl:ObjectProperty .",
        "msk: a owl:Ontology .",
        "skos:broader a owl:ObjectProperty .",
    ],
)
def test_what_cannot_be_read_and_the_schema_itself_are_refused(text: str) -> None:
    before = state()
    with pytest.raises((PatchInvalid, ChangeRefused)) as caught:
        added(text)
    assert "node without a name" not in str(caught.value)
    assert state() == before


def test_a_change_of_nothing_is_refused() -> None:
    for text in ("", "msk:gout a msk:Diagnosis ."):
        kg = KnowledgeGraph.open()
        before, patch = state(), curation.additions(kg, curation.graph_in(turtle(text)))
        assert not patch
        with pytest.raises(ChangeRefused, match="changes nothing"):
            accepted(patch)
        assert state() == before


@pytest.mark.parametrize("node", ["effusion", "gout", "gout-effusion-atlas-estimate", "source-atlas", "elbow"])
def test_a_node_in_use_is_not_deleted(node: str) -> None:
    assert "still uses it" in complaints(Patch(frozenset(), frozenset(said_of(node))))


def test_a_node_in_use_is_not_deleted_by_parts() -> None:
    kind = next(line for line in said_of("effusion") if "ns#type>" in line)
    assert "effusion" in complaints(Patch(frozenset(), frozenset({kind})))


def podagra_put_out_of_use() -> Change:
    added(diagnosis("podagra", "podagra", ' skos:altLabel "toe gout"@en ;'))
    return added("msk:podagra owl:deprecated true ; dcterms:isReplacedBy msk:gout .")


def test_what_is_out_of_use_is_used_no_more_and_leads_to_its_successor() -> None:
    change = podagra_put_out_of_use()
    told = complaints_about(claim("c", msk__diagnosis="msk:podagra"))
    assert "It uses msk:podagra, which is out of use. Use msk:gout instead." in told
    assert "It uses msk:podagra" in complaints_about(diagnosis("other", "other", " skos:broader msk:podagra ;"))
    assert "but msk:podagra still uses it" in complaints(Patch(frozenset(), frozenset(said_of("gout"))))
    assert set(KnowledgeGraph.open().find("podagra", "toe gout", "msk:podagra")) == {iri("gout")}
    assert "podagra" in "".join(said_of("podagra")), "nothing is lost"
    taken_back(change)
    assert KnowledgeGraph.open().find("podagra") == [iri("podagra")]


def test_what_is_used_is_not_put_out_of_use_unless_its_users_leave_it() -> None:
    added(diagnosis("podagra", "podagra"))
    mark = "msk:gout owl:deprecated true ; dcterms:isReplacedBy msk:podagra ."
    told = complaints_about(mark)
    for user in ("msk:gout-effusion-atlas", "msk:gout-double-contour-atlas"):
        assert f"It would be out of use, but {user} still uses it." in told
    kg = KnowledgeGraph.open()
    old = {line for line in statements() if f"<{iri('diagnosis')}> <{iri('gout')}>" in line}
    new = {line.replace(f"<{iri('gout')}>", f"<{iri('podagra')}>") for line in old}
    marked = curation.additions(kg, curation.graph_in(turtle(mark)))
    accepted(Patch(marked.added | new, frozenset(old)))
    now = KnowledgeGraph.open()
    assert iri("gout") not in now.knowledge.concepts
    assert {each.diagnosis for each in now.knowledge.claims.values()} == {iri("podagra")}
    assert now.find("gout") == [iri("podagra")]


def test_who_is_replaced_by_something_does_not_lose_it() -> None:
    podagra_put_out_of_use()
    added(diagnosis("crystals", "crystals"))
    mark = "msk:crystals owl:deprecated true ; dcterms:isReplacedBy msk:{} ."
    assert "nothing that is in use takes its place" in complaints_about(mark.format("podagra"))
    assert "nothing that is in use takes its place" in complaints_about(mark.format("effusion"))
    added(mark.format("gout"))
    added(diagnosis("urate", "urate disease"))
    told = complaints_about("msk:gout owl:deprecated true ; dcterms:isReplacedBy msk:urate .")
    assert "but msk:podagra still uses it" in told


def test_the_names_of_what_is_out_of_use_are_free() -> None:
    change = podagra_put_out_of_use()
    added('msk:gout skos:altLabel "podagra"@en .')
    added(diagnosis("toe", "toe gout"))
    assert KnowledgeGraph.open().find("toe gout", "podagra", "msk:podagra") == [iri("toe"), iri("gout"), iri("gout")]
    added('msk:podagra skos:note "Of old."@en .')
    with pytest.raises(ChangeRefused, match=r"is also a name of msk:(toe|gout)"):
        taken_back(change)


def test_the_successor_takes_the_name_in_the_same_change() -> None:
    added(diagnosis("podagra", "podagra"))
    added('msk:podagra owl:deprecated true ; dcterms:isReplacedBy msk:gout . msk:gout skos:altLabel "podagra"@en .')
    assert KnowledgeGraph.open().knowledge.concepts[iri("gout")].synonyms == ("podagra",)


def test_deleting_a_node_together_with_its_last_user_is_accepted() -> None:
    start = statements()
    names = ("gout-effusion-atlas", "gout-effusion-atlas-estimate")
    change = accepted(Patch(frozenset(), frozenset(said_of(*names))))
    assert not said_of(*names)
    taken_back(change)
    assert statements() == start


@pytest.mark.parametrize("predicate", ["/core#prefLabel>", "/core#definition>", "/terms/source>", "/category>"])
def test_what_a_diagnosis_needs_is_not_removed(predicate: str) -> None:
    line = next(line for line in said_of("gout") if predicate in line)
    assert "gout" in complaints(Patch(frozenset(), frozenset({line})))


def test_what_a_claim_needs_is_not_removed() -> None:
    for line in said_of("gout-effusion-atlas"):
        complaints(Patch(frozenset(), frozenset({line})))


def test_a_conflict_is_written_in_both_directions() -> None:
    one = "msk:gout-effusion-atlas msk:conflictsWith msk:gout-double-contour-atlas ."
    other = "msk:gout-double-contour-atlas msk:conflictsWith msk:gout-effusion-atlas ."
    assert "one direction only" in complaints_about(one)
    added(one + other)


def test_a_long_circle_is_found_whoever_closes_it() -> None:
    for number in range(5):
        broader = f"skos:broader msk:kind-{number - 1} ;" if number else ""
        added(
            f"msk:kind-{number} a msk:Finding ; {broader} dcterms:source msk:source-atlas ;"
            f'skos:prefLabel "kind {number}"@en ; skos:definition "A kind."@en .'
        )
    assert "a kind of itself" in complaints_about("msk:kind-0 skos:broader msk:kind-4 .")


@pytest.fixture
def with_table(seed_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(seed_folder))


@pytest.mark.usefixtures("with_table")
def test_a_row_that_makes_its_table_incoherent_is_refused() -> None:
    row = """msk:table-soft-tissue-calcification-row-7 a msk:TableRow ; dcterms:source msk:source-seed ;
        msk:confidence msk:confidence-medium ; msk:diagnosis msk:{diagnosis} ; msk:rank 7 ;
        msk:estimate msk:table-soft-tissue-calcification-row-7-estimate ;
        msk:table msk:table-soft-tissue-calcification ; msk:verification msk:verification-checked .
        msk:table-soft-tissue-calcification-row-7-estimate a msk:Estimate ; msk:form msk:form-percent-range ;
        msk:lower {lower} ; msk:stated "some" ; msk:upper {upper} ."""
    told = complaints_about(row.format(diagnosis="venous-thrombosis", lower="0.50", upper="0.60"))
    assert "Causes of soft tissue calcification: The lower bounds of the rows add up to" in told
    added(row.format(diagnosis="venous-thrombosis", lower="0.0", upper="0.01"))


@pytest.mark.usefixtures("with_table")
def test_a_number_changed_so_that_its_table_is_incoherent_is_refused() -> None:
    lines = said_of("table-soft-tissue-calcification-row-1-estimate")
    lower, upper = (next(line for line in lines if f"/{name}>" in line) for name in ("lower", "upper"))
    new = {lower.replace("0.95", "0.10"), upper.replace("0.98", "0.20")}
    complaints(Patch(frozenset(new), frozenset({lower, upper})))


@pytest.mark.usefixtures("with_table")
def test_a_concept_that_has_mappings_can_be_edited() -> None:
    added('msk:cysticercosis skos:altLabel "pork measles"@en .')
    assert KnowledgeGraph.open().find("pork measles") == [iri("cysticercosis")]


@pytest.mark.parametrize(
    "text", ["see _:b1", "a <b> c", "5 < 7 > 3", "é東\U0001f9b4", 'quoted "so" \\ \\n', "two\nlines\tand"]
)
def test_any_readable_text_is_accepted_and_given_back(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    start = statements()
    change = added(f'{NOTE} """{quoted}"""@en .')
    assert text in set(KnowledgeGraph.open().query("SELECT ?n { msk:gout skos:note ?n }")["n"])
    taken_back(change)
    assert statements() == start


@pytest.mark.parametrize(
    ("author", "message"),
    [
        ("", "why"),
        ("  \n ", "why"),
        ("x" * 1_001, "why"),
        ("Ada", "x" * 1_001),
        ("Ada\u202e", "why"),
        ("Ada\0", "why"),
        ("Ada", "bell \u0007"),
        ("Ada", "\u2066turned\u2069"),
        ("Ada", "half a \ud800 mark"),
    ],
)
def test_who_and_why_are_texts_that_can_be_read(author: str, message: str) -> None:
    before = state()
    with pytest.raises(PatchInvalid):
        curation.accept(Journal(), KnowledgeGraph.open, Patch(frozenset({synonym("podagra")})), author, message)
    assert state() == before


# what is kept


def test_every_accepted_triple_has_its_provenance() -> None:
    first = added(claim("c"), author="Ada Ö", message='because of "that"\nand \\ this')
    second = accepted(Patch(frozenset(), frozenset(said_of("c"))), "Ben")
    third = taken_back(second, "Ada Ö")
    kg = KnowledgeGraph.open()
    query = """
        PREFIX prov: <http://www.w3.org/ns/prov#>
        SELECT ?change ?author ?time ?message ?how ?s ?p ?o ?undone WHERE {
          GRAPH msk:history {
            ?statement a rdf:Statement ; ?how ?change ; rdf:subject ?s ; rdf:predicate ?p ; rdf:object ?o .
            FILTER(?how IN (prov:wasGeneratedBy, prov:wasInvalidatedBy))
            ?change a prov:Activity ; prov:endedAtTime ?time ; prov:wasAssociatedWith/rdfs:label ?author .
            OPTIONAL { ?change rdfs:comment ?message }
            OPTIONAL { ?change prov:wasInformedBy ?undone }
          }
        }"""
    rows = kg.query(query).fillna("").to_dict("records")
    assert len(rows) == sum(len(c.patch.added) + len(c.patch.removed) for c in (first, second, third))
    for change in (first, second, third):
        mine = [row for row in rows if row["change"] == change_iri(change.hash)]
        assert {row["author"] for row in mine} == {change.author}
        assert {row["message"] for row in mine} == {change.message}
        assert {datetime.fromisoformat(row["time"]) for row in mine} == {datetime.fromisoformat(change.time)}
        assert {row["undone"] for row in mine} == {change_iri(change.undoes) if change.undoes else ""}
        for how, lines in (("wasGeneratedBy", change.patch.added), ("wasInvalidatedBy", change.patch.removed)):
            told = {(row["s"], row["p"], row["o"]) for row in mine if row["how"].endswith(how)}
            assert told == {tuple(map(str, triple)) for triple in curation.graph_of(lines)}
    assert first.message == 'because of "that"\nand \\ this'


def test_the_history_is_no_part_of_the_knowledge() -> None:
    added(claim("c"))
    kg = KnowledgeGraph.open()
    assert kg.query("SELECT ?x { ?x a <http://www.w3.org/ns/prov#Activity> }").empty
    assert (None, None, URIRef("http://www.w3.org/ns/prov#Activity")) not in kg.to_rdflib()


def test_what_was_looked_at_is_what_is_accepted() -> None:
    """The store that shows what a change would do is the one that answers after it, with all that a new one holds."""
    patch = Patch(frozenset({synonym("podagra")}))
    foreseen = KnowledgeGraph.open().changed_by(patch)
    assert foreseen.find("podagra") == [iri("gout")]
    history = "SELECT ?who { GRAPH msk:history { ?change prov:wasAssociatedWith/rdfs:label ?who } }"
    assert everything_in(foreseen) == everything_in(KnowledgeGraph.open().changed_by(patch))
    assert foreseen.query(history).empty
    accepted(patch, "Ada")
    kg = KnowledgeGraph.open()
    assert kg.knowledge is foreseen.knowledge
    assert list(kg.query(history)["who"]) == ["Ada"]
    assert everything_in(kg) == everything_anew(kg)


def test_what_was_looked_at_is_forgotten_if_another_change_is_accepted(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at, other = (Patch(frozenset({synonym(name)})) for name in ("podagra", "gouty arthritis"))
    before = KnowledgeGraph.open()
    foreseen = before.changed_by(looked_at)
    accepted(other)
    kg = KnowledgeGraph.open()
    assert everything_in(kg) == everything_anew(kg)
    with pytest.raises(UnknownTerm):
        kg.find("podagra")
    accepted(looked_at)
    both = KnowledgeGraph.open()
    assert both.knowledge is not foreseen.knowledge
    assert both.find("podagra", "gouty arthritis") == [iri("gout")] * 2
    assert everything_in(both) == everything_anew(both)
    monkeypatch.setenv("MSKGRAPH_HOME", str(home.with_name("another home")))
    accepted(looked_at, "Ben")
    assert everything_in(KnowledgeGraph.open()) == everything_anew(KnowledgeGraph.open())
    assert everything_in(before) == everything_anew(before)


def everything_in(kg: KnowledgeGraph) -> list[set[str]]:
    """What the engine holds, graph by graph; blank nodes left out, which are named anew by each reading."""
    assert isinstance(kg.store, EmbeddedStore)
    return everything_of(kg.store)


def everything_anew(kg: KnowledgeGraph) -> list[set[str]]:
    """What an engine holds that is filled anew."""
    return everything_of(filled(kg.files, kg.accepted))


def everything_of(store: EmbeddedStore) -> list[set[str]]:
    graphs = [store.triples_of(name).decode().splitlines() for name in (ASSERTED_GRAPH, DERIVED_GRAPH, HISTORY_GRAPH)]
    return [{line for line in lines if "_:" not in line.split('"')[0]} for lines in graphs]


def test_literals_keep_their_form() -> None:
    number = claim("c", msk__estimate="msk:c-estimate") + (
        "msk:c-estimate a msk:Estimate ; msk:form msk:form-percent-range ;"
        ' msk:lower 0.10 ; msk:stated "10 to 50.0 %" ; msk:upper "0.500"^^xsd:decimal .'
    )
    added(number)
    kg = KnowledgeGraph.open()
    found = {str(value) for value in kg.to_rdflib().objects(URIRef(iri("c-estimate")))}
    assert {"0.10", "0.500", "10 to 50.0 %"} <= found
    assert "msk:lower 0.10 ;" in kg.export("ttl")
    assert "msk:upper 0.500 ." in kg.export("ttl")
    with literals_as_typed():
        again = Graph().parse(data=kg.export("nq"), format="nt")
    assert {str(value) for value in again.objects(URIRef(iri("c-estimate")))} == found
    (node,) = (node for node in json.loads(kg.export("jsonld"))["@graph"] if node["@id"] == "msk:c-estimate")
    assert node["msk:upper"] == {"@type": "xsd:decimal", "@value": "0.500"}


def test_words_say_what_a_change_does() -> None:
    kg = KnowledgeGraph.open()
    patch = curation.additions(kg, curation.graph_in(turtle(diagnosis("pseudogout", "pseudogout"))))
    words = curation.in_words(patch, kg.labels_after(patch))
    assert len(words) == len(patch.added)
    assert all(line.startswith("Added: pseudogout: ") for line in words)
    assert "Added: pseudogout: is a: diagnosis" in [line.lower().replace("added", "Added") for line in words]
    assert not [line for line in words if "https://" in line]
    assert ": is a: " in words[0], "what it is comes first"
    back = curation.in_words(patch.inverse(), kg.labels_after(patch))
    assert {line.removeprefix("Removed") for line in back} == {line.removeprefix("Added") for line in words}


def test_words_tell_of_a_thing_before_its_parts() -> None:
    text = claim("c", msk__estimate="msk:c-estimate") + 'msk:c-estimate a msk:Estimate ; msk:stated "5 of 9" .'
    patch = Patch(frozenset(curation.lines(curation.graph_in(turtle(text)))))
    told = [line.split(": ")[1] for line in curation.in_words(patch, {})]
    assert list(dict.fromkeys(told)) == ["msk:c", "msk:c-estimate"]


def test_the_knowledge_as_it_would_be_is_not_the_knowledge() -> None:
    kg = KnowledgeGraph.open()
    before = state()
    after = kg.changed_by(Patch(frozenset({synonym("podagra")})))
    assert after.find("podagra") == [iri("gout")]
    assert synonym("podagra") in after.export("nq").splitlines()
    assert state() == before
    assert names_of_gout() == set()


# what is pointed out

PAPER = """msk:source-paper a msk:Source ; dcterms:bibliographicCitation "A paper. 2021." ;
    dcterms:title "A paper"@en ; msk:sourceKind "study" .
"""
PSEUDOGOUT = diagnosis("pseudogout", "pseudogout")
NO_FINDING = "msk:pseudogout: No finding leads to this diagnosis."
NO_DIAGNOSIS = "msk:sign: No diagnosis explains this finding."
NO_CANDIDATE = "msk:case-x: No claim connects what this case shows with a diagnosis."


def sign(more: str = "") -> str:
    return f"""msk:sign a msk:Finding ; dcterms:source msk:source-atlas ; skos:definition "A sign."@en ;{more}
        skos:prefLabel "curtain"@en .
"""


def about_pseudogout(**properties: str) -> str:
    return claim("claim-p", msk__diagnosis="msk:pseudogout", **properties)


def case(finding: str, diagnosis: str = "", present: str = "true", more: str = "") -> str:
    stated = f"msk:statedDiagnosis msk:{diagnosis} ;" if diagnosis else ""
    return f"""msk:case-x a msk:Case ; dcterms:title "Somebody"@en ; dcterms:description "One patient."@en ;
        dcterms:source msk:source-atlas ; {stated} msk:observation msk:case-x-1 .
        msk:case-x-1 a msk:Observation ; msk:finding msk:{finding} ; msk:present {present} {more} .
"""


def percent(lower: str, upper: str) -> str:
    return f"""msk:claim-e-estimate a msk:Estimate ; msk:form msk:form-percent-range ;
        msk:lower {lower} ; msk:stated "{lower} to {upper}" ; msk:upper {upper} .
"""


def on_effusion(source: str = "paper", **properties: str) -> str:
    """A claim on the pair of which the atlas says 50 to 90 %, with a number of its own."""
    given = {"dcterms__source": f"msk:source-{source}", "msk__estimate": "msk:claim-e-estimate"}
    return PAPER + claim("claim-e", **(given | properties))


def pointed_out(text: str) -> list[str]:
    """What is said of a change that can be accepted."""
    kg = KnowledgeGraph.open()
    patch = curation.additions(kg, curation.graph_in(turtle(text)))
    assert curation.problems(kg, patch) == []
    found = curation.cautions(kg, patch)
    assert all(caution.file == curation.CHANGE and caution.remedy for caution in found)
    return [f"{caution.node}: {caution.message}" for caution in found]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # where nothing leads to
        (sign(), NO_DIAGNOSIS),
        (sign() + claim("c", msk__feature="msk:sign", msk__estimate="msk:c-estimate")
         + "msk:c-estimate a msk:Estimate ; msk:form msk:form-word ; msk:frequencyWord msk:frequency-excluded ;"
         ' msk:stated "never" .', NO_DIAGNOSIS),
        (PSEUDOGOUT, NO_FINDING),
        (PSEUDOGOUT + about_pseudogout(msk__feature="msk:elbow"), NO_FINDING),
        # nearly taken
        ('msk:elbow skos:altLabel "efusion"@en .', '"efusion" is nearly "effusion", a name of msk:effusion.'),
        ('msk:elbow skos:altLabel "double-contour"@en .', 'nearly "double contour", a name of msk:double-contour'),
        ('msk:gout skos:altLabel "triceps tendom"@en .', 'nearly "triceps tendon"'),
        # cases that lead elsewhere
        (sign() + case("sign"), NO_CANDIDATE),
        (sign() + case("sign", "gout"), NO_CANDIDATE),
        (PSEUDOGOUT + sign() + about_pseudogout(msk__feature="msk:sign") + case("effusion", "pseudogout"),
         "msk:case-x: Its stated diagnosis msk:pseudogout is not among the candidates for what it shows."),
        (case("effusion", "gout", present="false"), "msk:gout is not among the candidates"),
        (sign() + claim("c", msk__feature="msk:sign", msk__atSite="msk:elbow")
         + """msk:knee a msk:Site ; dcterms:source msk:source-atlas ; skos:definition "A joint."@en ;
           skos:prefLabel "knee"@en .""" + case("sign", "gout", more="; msk:site msk:knee"), NO_CANDIDATE),
        # said already
        (claim("c"), "msk:c: msk:gout-effusion-atlas says of the same pair what the same source says."),
        (claim("c", msk__feature="msk:elbow") + claim("d", msk__feature="msk:elbow"), "msk:c: msk:d says"),
        # sources in conflict
        (on_effusion() + percent("0.1", "0.2"),
         'msk:claim-e: Its number, "0.1 to 0.2", has nothing in common with that of any other source: '
         '"50 to 90 %" (msk:gout-effusion-atlas).'),
    ],
)  # fmt: skip
def test_what_a_colleague_would_point_out_is_told_and_can_be_accepted(text: str, told: str) -> None:
    assert told in "\n".join(pointed_out(text))
    added(text)


@pytest.mark.parametrize(
    "text",
    [
        'msk:gout skos:note "Nothing else."@en .',
        sign("skos:broader msk:effusion ;"),
        sign() + claim("c", msk__feature="msk:sign"),
        PSEUDOGOUT + about_pseudogout(),
        diagnosis("pseudogout", "pseudogout", " skos:broader msk:gout ;"),
        PSEUDOGOUT + about_pseudogout(msk__feature="", msk__leadsTo="msk:gout"),
        'msk:elbow skos:altLabel "elbow joint"@en .',
        'msk:triceps-tendon skos:altLabel "elbow tendon"@en, "gut"@en .',
        case("effusion"),
        case("effusion", "gout"),
        case("double-contour", "gout"),
        case("effusion", "gout", more="; msk:site msk:triceps-tendon"),
        PSEUDOGOUT + about_pseudogout() + case("effusion", "pseudogout"),
        PSEUDOGOUT + about_pseudogout(msk__feature="", msk__leadsTo="msk:gout") + case("effusion", "pseudogout"),
        claim("c", msk__population='"30 patients"@en'),
        claim("c", msk__atSite="msk:elbow"),
        on_effusion() + percent("0.4", "0.6"),
        on_effusion(msk__estimate="msk:not-stated"),
        on_effusion(msk__atSite="msk:elbow") + percent("0.1", "0.2"),
        on_effusion(msk__conflictsWith="msk:gout-effusion-atlas") + percent("0.1", "0.2")
        + "msk:gout-effusion-atlas msk:conflictsWith msk:claim-e .",
    ],
)  # fmt: skip
def test_what_is_in_order_is_not_remarked_on(text: str) -> None:
    assert pointed_out(text) == []


def test_a_number_that_is_changed_into_a_conflict_is_told() -> None:
    added(on_effusion() + percent("0.4", "0.6"))
    kg = KnowledgeGraph.open()
    old = {line for line in said_of("claim-e-estimate") if "er> " in line or "/stated>" in line}
    new = {line.replace("0.4", "0.01").replace("0.6", "0.02") for line in old}
    patch = Patch(frozenset(new), frozenset(old))
    assert curation.problems(kg, patch) == []
    (caution,) = curation.cautions(kg, patch)
    assert (caution.node, "0.01 to 0.02" in caution.message) == ("msk:claim-e", True)


def test_a_case_that_gets_a_diagnosis_is_looked_at_with_all_that_it_shows() -> None:
    added(PSEUDOGOUT + sign() + about_pseudogout(msk__feature="msk:sign") + case("effusion"))
    assert pointed_out("msk:case-x msk:statedDiagnosis msk:gout .") == []
    (told,) = pointed_out("msk:case-x msk:statedDiagnosis msk:pseudogout .")
    assert "msk:pseudogout is not among the candidates" in told


@pytest.mark.usefixtures("with_table")
def test_of_the_cases_that_there_are_the_same_is_said_as_by_their_differentials() -> None:
    kg = KnowledgeGraph.open()
    for node, record in kg.knowledge.cases.items():
        patch = Patch(frozenset({f'<{node}> <http://www.w3.org/2004/02/skos/core#note> "Seen."@en .'}))
        found = {candidate.iri for candidate in differential(kg.knowledge, sorted(record.features)).candidates}
        missing = [diagnosis for diagnosis in record.diagnoses if diagnosis not in found]
        assert len(curation.cautions(kg, patch)) == (len(missing) if found else 1), record.label


def test_the_command_line_warns_and_goes_on(tmp_path: Path, home: Path) -> None:
    file = tmp_path / "new.ttl"
    file.write_bytes(turtle(sign()))
    done = run("add", str(file), "--dry-run", "--json", MSKGRAPH_HOME=str(home))
    said = json.loads(done.stdout)
    assert (done.returncode, said["problems"]) == (0, [])
    assert [warning["node"] for warning in said["warnings"]] == ["msk:sign"]
    done = run("add", str(file), MSKGRAPH_HOME=str(home))
    assert done.returncode == 0
    assert f"Warning: your change: {NO_DIAGNOSIS}" in done.stderr
    assert len(Journal().changes()) == 1
    file.write_bytes(turtle(claim("c", dcterms__source="")))
    done = run("add", str(file), MSKGRAPH_HOME=str(home))
    assert (done.returncode, "Warning" in done.stderr) == (1, False)


def test_a_change_with_the_longest_message_can_be_taken_back() -> None:
    change = added('msk:gout skos:altLabel "podagra"@en .', message="x" * 1_000)
    assert taken_back(change).message.startswith("Undo: xxx")
