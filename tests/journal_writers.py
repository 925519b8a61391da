"""Processes that write a journal, to be killed: what they say on standard output was promised to somebody."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

from mskgraph import KnowledgeGraph, curation
from mskgraph.curation import Change, Journal
from mskgraph.errors import MskGraphError, PatchInvalid, ProposalDecided, StaleRevision
from mskgraph.graph import Knowledge, build
from mskgraph.store import EmbeddedStore, Patch, Store
from mskgraph.terms import Lexicon


def forks() -> ForkServerContext:
    """Start processes as copies of one that has everything imported, so that hundreds can be started and killed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.journal_writers"])
    return context


def small_patch(mark: str, number: int) -> Patch:
    """A patch of two triples that belong together."""
    return Patch(frozenset(f'<urn:{mark}:{number}> <urn:half> "{half}" .' for half in ("first", "second")))


def write_without_end(path: Path, mark: str, told: Connection) -> None:
    """Accept one small patch after the other, and tell the hash of each once it is accepted."""
    journal = Journal(path)
    number = 0
    while True:
        number += 1
        with journal.writing() as writing:
            change = writing.append(Change(mark, "", small_patch(mark, number)), writing.head())
        told.send(change.hash)


def accept_without_end(settings: dict[str, str], mark: str, told: Connection) -> None:
    """Accept one synonym after the other into the knowledge, and tell each once it is accepted."""
    os.environ.update(settings)
    number = 0
    while True:
        number += 1
        line = synonym(f"{mark} {number}")
        change = curation.accept(Journal(), KnowledgeGraph.open, Patch(frozenset({line})), mark)
        told.send((change.hash, line))


def accept_some(settings: dict[str, str], mark: str, count: int, told: Connection) -> None:
    """Accept so many synonyms, each for the revision just seen and anew if that was stale; tell each and the rest."""
    os.environ.update(settings)
    stale = 0
    for number in range(count):
        line = synonym(f"{mark} {number}")
        while True:
            try:
                base = KnowledgeGraph.open().revision
                change = curation.accept(
                    Journal(), KnowledgeGraph.open, Patch(frozenset({line})), mark, f"change {number}", base
                )
                break
            except StaleRevision:
                stale += 1
        told.send((change.hash, line))
    told.send(stale)


class NoOntology:
    """What a change is made for where there are no files: what the journal says, and nothing else."""

    files: tuple[Path, ...] = ()
    store: Store = EmbeddedStore()
    knowledge: Knowledge = build(store)
    lexicon: Lexicon = knowledge.lexicon

    def __init__(self, journal: Journal) -> None:
        self.accepted = curation.accepted(journal)[1]


def unchecked() -> None:
    """Let everything pass in this process, so that it is the journal that is tested."""
    curation.problems = lambda basis, patch: []


def decide_without_end(path: Path, mark: str, told: Connection) -> None:
    """Make proposals, accept two of three and reject the third, and tell what is done once it is."""
    unchecked()
    journal, number = Journal(path), 0
    while True:
        number += 1
        made = curation.propose(journal, lambda: NoOntology(journal), small_patch(mark, number), mark)
        told.send(("proposed", made.number, ""))
        if made.number % 3:
            change = curation.accept_proposal(journal, lambda: NoOntology(journal), made.number, "Eve")
            told.send(("accepted", made.number, change.hash))
        else:
            curation.reject_proposal(journal, made.number, "Eve", "Not now.")
            told.send(("rejected", made.number, ""))


def do_anything(path: Path, mark: str, count: int, told: Connection) -> None:
    """Let two people propose, accept, reject and undo at random; tell what each of them was told to be done."""
    unchecked()
    done: list[tuple[str, int, str]] = []
    failed: list[str] = []

    def work(name: str) -> None:
        chance, journal = random.Random(name), Journal(path)

        def basis() -> NoOntology:
            return NoOntology(journal)

        def step(number: int) -> tuple[str, int, str]:
            known = journal.proposals()
            way = chance.choice(["propose", "accept", "accept", "reject", "undo"]) if known else "propose"
            if way == "propose":
                lines = {f"<urn:shared> <urn:p> <urn:{chance.randrange(12)}> .", *small_patch(name, number).added}
                patch = curation.fitting(basis(), Patch(frozenset(lines)))
                return "proposed", curation.propose(journal, basis, patch, name).number, ""
            if way == "undo":
                changes = journal.changes()
                chosen = chance.choice(changes).hash if changes else ""
                return "undone", 0, curation.undo(journal, basis, name, chosen).hash
            proposal = chance.choice(known[:3])
            if way == "reject":
                return "rejected", curation.reject_proposal(journal, proposal.number, name, "No.").number, ""
            left = curation.fitting(basis(), proposal.patch)
            part = left if left and chance.random() < 0.5 else None
            return (
                "accepted",
                proposal.number,
                curation.accept_proposal(journal, basis, proposal.number, name, patch=part).hash,
            )

        try:
            for number in range(count):
                with suppress(ProposalDecided, PatchInvalid):
                    done.append(step(number))
        except BaseException as error:
            failed.append(repr(error))

    threads = [threading.Thread(target=work, args=(f"{mark} {name}",)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.send((done, failed))


def decide_once(path: Path, name: str, start: float, told: Connection) -> None:
    """Accept the first proposal at a moment; tell the change, or who was quicker."""
    unchecked()
    journal = Journal(path)
    time.sleep(max(0.0, start - time.time()))
    try:
        change = curation.accept_proposal(journal, lambda: NoOntology(journal), 1, name)
        told.send(("accepted", change.hash))
    except ProposalDecided as error:
        told.send(("late", error.proposal.decided_by))


def synonym(text: str) -> str:
    """A triple that anybody may add to the small ontology."""
    return f'<https://w3id.org/mskgraph/gout> <http://www.w3.org/2004/02/skos/core#altLabel> "{text}"@en .'


def write_until_full(path: str, limit: str) -> None:
    """Accept patches while no file may be larger than ``limit`` bytes; tell each, and what ended it."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    journal = Journal(Path(path))
    for number in range(100_000):
        try:
            with journal.writing() as writing:
                change = writing.append(Change("full", "", small_patch("full", number)), writing.head())
        except Exception as error:
            print(f"{type(error).__name__}: {error}")
            return
        print(change.hash, flush=True)


def decide_until_full(folder: str) -> None:
    """Fill the disk that a folder is on, find out what is said and kept then, make room, and go on."""
    unchecked()
    place = Path(folder)
    filler = place / "filler"
    filler.write_bytes(bytes(64 * 1024))
    journal = Journal(place / "home" / "journal.sqlite")
    accepted: list[str] = []
    number = 0
    error: MskGraphError | None = None
    while error is None:
        number += 1
        try:
            made = curation.propose(journal, lambda: NoOntology(journal), small_patch("full", number), "Ada")
            accepted.append(curation.accept_proposal(journal, lambda: NoOntology(journal), made.number, "Eve").hash)
        except MskGraphError as told:
            error = told
    kept = [change.hash for change in journal.changes()]
    waiting = [proposal.number for proposal in journal.waiting()]
    filler.unlink()
    made = curation.propose(journal, lambda: NoOntology(journal), small_patch("later", 1), "Ada")
    curation.accept_proposal(journal, lambda: NoOntology(journal), made.number, "Eve")
    said = {
        "error": f"{type(error).__name__}: {error}",
        "accepted": accepted,
        "kept": kept,
        "waiting": waiting,
        "then": [change.hash for change in journal.changes()],
        "states": [proposal.state for proposal in journal.proposals()],
    }
    print(json.dumps(said))


if __name__ == "__main__":
    {"write": write_until_full, "decide": decide_until_full}[sys.argv[1]](*sys.argv[2:])
