"""Processes that write a journal, to be killed: what they say on standard output was promised to somebody."""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

from mskgraph import KnowledgeGraph, curation
from mskgraph.curation import Change, Journal
from mskgraph.errors import StaleRevision
from mskgraph.store import Patch


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


if __name__ == "__main__":
    write_until_full(*sys.argv[1:])
