"""Changing the knowledge without fear: a change is checked, accepted into a journal, and can be taken back.

The knowledge is the ontology's files plus the accepted changes. ``journal`` keeps these, ``proposals`` those that wait
for a decision, ``checks`` says what one would leave wrong and ``cautions`` what else a colleague would point out,
``history`` tells them as PROV; stores are filled from files and journal and hold nothing of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rdflib import Graph

from mskgraph.curation.cautions import cautions
from mskgraph.curation.checks import CHANGE, Basis, problems
from mskgraph.curation.files import difference, rewritten, write_back
from mskgraph.curation.history import change_iri, history
from mskgraph.curation.journal import Change, Journal, home
from mskgraph.curation.proposals import Proposal
from mskgraph.curation.triples import LARGEST, graph_in, graph_of, lines, stated, text_of
from mskgraph.errors import ChangeRefused, PatchInvalid, PatchOutdated
from mskgraph.ontology import Problem
from mskgraph.store import ASSERTED_GRAPH, Accepted, EmbeddedStore, Patch
from mskgraph.terms import NAMESPACE, curie, iri

__all__ = [
    "CHANGE",
    "LARGEST",
    "Basis",
    "Change",
    "Journal",
    "Proposal",
    "accept",
    "accept_proposal",
    "accepted",
    "additions",
    "cautions",
    "change_iri",
    "difference",
    "fitting",
    "graph_in",
    "graph_of",
    "home",
    "in_words",
    "lines",
    "names_given",
    "problems",
    "propose",
    "reject_proposal",
    "rewritten",
    "stated",
    "undo",
    "write_back",
]

MOST_WAITING = 100
"""Proposals of one author that may wait for a decision."""

_LONGEST = 1_000  # characters of a name, a message or a reason
_TYPE = f"<{iri('rdf:type')}>"


class _Read(NamedTuple):
    """How far a journal has been read.

    :ivar head: hash of the last change
    :ivar changes: all of them, first to last
    """

    head: str
    changes: tuple[Change, ...]
    accepted: Accepted


_NOTHING_READ = _Read("", (), Accepted())
_read: dict[Path, _Read] = {}


def accepted(journal: Journal) -> tuple[str, Accepted]:
    """Return the hash of the last change, and what all changes do to the files.

    Of a journal that was read before only what is new is read.

    :raises JournalDamaged: if a change is not as it was written
    """
    known = _read.get(journal.path, _NOTHING_READ)
    if known.head != journal.head():
        known = _read[journal.path] = _brought_up(known, journal)
    return known.head, known.accepted


def _brought_up(known: _Read, journal: Journal) -> _Read:
    """Return what is accepted by now, given what was before."""
    later = journal.since(known.head)
    if not later or later[0].previous != known.head:  # another journal is in its place
        known, later = _NOTHING_READ, journal.changes()
    added, removed = set(known.accepted.patch.added), set(known.accepted.patch.removed)
    for change in later:  # as Patch.then does, which would copy all that was before with each change
        added -= change.patch.removed
        added |= change.patch.added
        removed -= change.patch.added
        removed |= change.patch.removed
    changes = (*known.changes, *later)
    told = cache(lambda: history(changes))
    head = changes[-1].hash if changes else ""
    return _Read(head, changes, Accepted(Patch(frozenset(added), frozenset(removed)), told))


def additions(basis: Basis, graph: Graph) -> Patch:
    """Return the patch that adds what a graph says and the knowledge does not.

    :raises PatchInvalid: for a blank node
    """
    return fitting(basis, Patch(frozenset(lines(graph))))


def fitting(basis: Basis, patch: Patch) -> Patch:
    """Return of a patch what there is to do: additions that are not there yet, removals of what is there.

    What is there in another spelling, such as ``"gout"@EN``, is there: stores cannot tell the two apart, and taking the
    one back would take the other from them.
    """
    there = stated(basis.files, basis.accepted, patch.subjects())
    new = patch.added - there
    return Patch(new - _said_otherwise(new, there - patch.removed), patch.removed & there)


def _said_otherwise(new: Collection[str], there: Iterable[str]) -> set[str]:
    """Return which new triples stores take for one that is there; only literals have several spellings."""
    about = {_about(line) for line in new if _about(line)}
    known = {_as_kept(line) for line in there if _about(line) in about}
    return {line for line in new if known and _about(line) and _as_kept(line) in known}


def _about(line: str) -> tuple[str, ...]:
    """Return subject and predicate of a triple whose object is a literal; nothing of another."""
    *about, value = line.split(" ", 2)
    return tuple(about) if value.startswith('"') else ()


def _as_kept(line: str) -> bytes:
    store = EmbeddedStore()
    store.load_triples(line.encode())
    return store.triples_of(ASSERTED_GRAPH)


def accept(
    journal: Journal,
    basis: Callable[[], Basis],
    patch: Patch,
    author: str,
    message: str = "",
    base: str | None = None,
) -> Change:
    """Check a change and write it into the journal; when this returns, it is on disk.

    :param basis: opens the knowledge as it is now
    :param author: who makes and accepts it
    :param message: why
    :param base: hash of the last change that it was made for; without it, it is made for what there is now
    :raises StaleRevision: if the knowledge has changed since ``base``; nothing is changed then, nor by any other error
    :raises ChangeRefused: with what it would leave wrong
    :raises PatchInvalid: if it does not fit, or nobody is named as its author
    :raises JournalUnusable: if the journal cannot be written
    """
    change = Change(_name_of("An author", author), _readable("A message", message), patch)
    with journal.writing() as writing:
        if base is not None:
            writing.expect(base)
        _check(basis(), patch)
        return writing.append(change, writing.head())


def propose(journal: Journal, basis: Callable[[], Basis], patch: Patch, author: str, message: str = "") -> Proposal:
    """Check a change as :func:`accept` does, and keep it for somebody to decide about.

    :param basis: opens the knowledge as it is now
    :raises ChangeRefused: with what it would leave wrong
    :raises PatchInvalid: if it does not fit, nobody is named as its author, or too many of theirs wait already
    :raises JournalUnusable: if the journal cannot be written
    """
    name, why = _name_of("An author", author), _readable("A message", message)
    with journal.writing() as writing:
        if sum(other.author == name for other in journal.waiting()) >= MOST_WAITING:
            raise PatchInvalid(f"{MOST_WAITING} proposals of {name} wait already. Withdraw some, or wait.")
        _check(basis(), patch)
        return writing.propose(name, why, patch)


def accept_proposal(
    journal: Journal,
    basis: Callable[[], Basis],
    number: int,
    by: str,
    base: str | None = None,
    patch: Patch | None = None,
) -> Change:
    """Make a proposal part of the knowledge as it is now, whatever has been changed elsewhere since it was made.

    :param by: who accepts it; its author may be the same
    :param base: hash of the last change that ``by`` has seen; any if not given
    :param patch: the part of it that is accepted, such as what :func:`fitting` leaves; all of it if not given
    :raises ProposalDecided: if somebody has decided already, with who and when
    :raises PatchOutdated: if some of it does not fit any more, with what that is and who changed it
    :raises StaleRevision: if the knowledge has changed since ``base``; nothing is changed then, nor by any other error
    :raises ChangeRefused: with what it would leave wrong
    :raises PatchInvalid: if there is no such proposal, it has no such part, or nobody is named
    :raises JournalUnusable: if the journal cannot be written
    """
    name = _name_of("A reviewer", by)
    with journal.writing() as writing:
        proposal = writing.undecided(number)
        part = proposal.patch if patch is None else patch
        if not (part.added <= proposal.patch.added and part.removed <= proposal.patch.removed):
            raise PatchInvalid(f"Proposal {number} does not say all of this. Propose the rest in your own name.")
        if base is not None:
            writing.expect(base)
        now = basis()
        if (left := fitting(now, part)) != part:
            raise _outdated(now, journal.since(proposal.base), part, left)
        _check(now, part)
        change = Change(proposal.author, proposal.message, part, accepted_by=name, proposal=number)
        return writing.append(change, writing.head())


def reject_proposal(journal: Journal, number: int, by: str, reason: str) -> Proposal:
    """Keep a proposal out of the knowledge, or withdraw one's own; it stays in the record with the reason.

    :raises ProposalDecided: if somebody has decided already, with who and when
    :raises PatchInvalid: if there is no such proposal, or no name or reason is given
    :raises JournalUnusable: if the journal cannot be written
    """
    name, why = _name_of("A reviewer", by), _readable("A reason", reason)
    if not why:
        raise PatchInvalid("A rejection needs a reason: say what is wrong with the proposal.")
    with journal.writing() as writing:
        return writing.reject(writing.undecided(number), name, why)


def _check(now: Basis, patch: Patch) -> None:
    if fitting(now, patch) != patch:
        raise PatchInvalid("It does not fit: some of it is in the knowledge already, or is not there to remove.")
    if found := problems(now, patch):
        raise ChangeRefused(found)


def _outdated(now: Basis, later: Sequence[Change], part: Patch, left: Patch) -> PatchOutdated:
    """Return what to say of a part of a proposal of which only something is left to do."""
    lost = Patch(part.added - left.added, part.removed - left.removed)
    touched = {line: change for change in later for line in (*change.patch.removed, *change.patch.added)}
    labels = {**now.knowledge.lexicon.labels, **names_given([part])}
    reasons = []
    for line, words in zip((*_as_read(lost.removed), *_as_read(lost.added)), in_words(lost, labels), strict=True):
        change = touched.get(line)
        where = f"change {change.number} by {change.author}" if change else "the ontology's files"
        reasons.append(f"{words} ({'there' if line in lost.added else 'gone'} already, by {where})")
    return PatchOutdated(lost, left, reasons)


def _name_of(role: str, who: str) -> str:
    name = _readable(role, who)
    if not name:
        raise PatchInvalid("A change needs an author, and a decision somebody who makes it: say who you are.")
    return name


def _readable(what: str, text: str) -> str:
    if len(text) > _LONGEST or not all(mark.isprintable() or mark == "\n" for mark in text):
        raise PatchInvalid(f"{what} is a text of at most {_LONGEST} characters that can be seen.")
    return text.strip()


def undo(journal: Journal, basis: Callable[[], Basis], author: str, named: str = "") -> Change:
    """Take a change back by a new one.

    :param named: its number, or the beginning of its hash if no change has that number; the last change if empty
    :raises PatchInvalid: if there is no such change, it is taken back already, or a later one depends on it
    :raises ChangeRefused: if something would be left wrong without it
    :raises JournalUnusable: if the journal cannot be written
    """
    name = _name_of("An author", author)
    with journal.writing() as writing:  # from here on nobody takes it back at the same time
        changes = journal.changes()
        change = _change_of(named, changes)
        if _undone(change, changes):
            raise PatchInvalid("That change has been taken back already.")
        now, inverse = basis(), change.patch.inverse()
        if fitting(now, inverse) != inverse:
            later = [c for c in changes[change.number :] if c.patch.touches(change.patch)]
            raise PatchInvalid(f"Later changes depend on it: {_told(later)}. Take these back first.")
        try:
            _check(now, inverse)
        except ChangeRefused as error:
            later = [c for c in changes[change.number :] if c.patch.terms() & change.patch.subjects()]
            message, remedy = f"Later changes name the same: {_told(later)}.", "Take back first what rests on it."
            raise ChangeRefused([*([Problem(CHANGE, "", message, remedy)] if later else []), *error.problems]) from None
        why = f"Undo: {change.message or f'change {change.number}'}"[:_LONGEST]
        return writing.append(Change(name, why, inverse, undoes=change.hash), writing.head())


def _told(changes: Iterable[Change]) -> str:
    return ", ".join(f"change {change.number} by {change.author}" for change in changes)


def _change_of(named: str, changes: Sequence[Change]) -> Change:
    found = [change for change in changes if named == str(change.number)]
    if not found:
        found = [change for change in changes if change.hash.startswith(named)] if named else list(changes[-1:])
    if len(found) != 1:
        many = "no change" if not found else f"{len(found)} changes"
        raise PatchInvalid(f"There is {many} {named!r}. Run mskgraph history to see which there are.")
    return found[0]


def _undone(change: Change, changes: Sequence[Change]) -> bool:
    """Return whether a change is taken back, by one that is not taken back itself."""
    undone = set[str]()
    for later in reversed(changes):
        if later.undoes and later.hash not in undone:
            undone.add(later.undoes)
    return change.hash in undone


def names_given(patches: Iterable[Patch]) -> dict[str, str]:
    """Return the labels that patches themselves give to nodes."""
    titles = [f"<{iri(name)}>" for name in ("skos:prefLabel", "rdfs:label", "dcterms:title")]
    found = {}
    for patch in patches:
        for line in (*patch.removed, *patch.added):
            subject, predicate, _ = line.split(" ", 2)
            if predicate in titles:
                found[subject[1:-1]] = text_of(line)
    return found


def in_words(patch: Patch, labels: Mapping[str, str]) -> list[str]:
    """Return what a patch does, one sentence for each triple, removals first.

    :param labels: of the nodes and properties that it names, as far as they have any
    """
    said = [f"Removed: {_words(line, labels)}" for line in _as_read(patch.removed)]
    return said + [f"Added: {_words(line, labels)}" for line in _as_read(patch.added)]


def _as_read(lines: Iterable[str]) -> list[str]:
    """Return triples in the order in which people read them: what a thing is, what is said of it, then of its parts."""

    def place(line: str) -> tuple[str, bool, str]:
        subject, predicate, _ = line.split(" ", 2)
        return subject[1:-1], predicate != _TYPE, line  # the IRI of a part goes on where that of the whole ends

    return sorted(lines, key=place)


def _words(line: str, labels: Mapping[str, str]) -> str:
    ((subject, predicate, value),) = graph_of([line])
    kind = iri("rdf:type")
    relation = "is a" if str(predicate) == kind else labels.get(str(predicate)) or _spelt(str(predicate))
    return f"{_name(str(subject), labels)}: {relation}: {_name(str(value), labels)}"


def _spelt(term: str) -> str:
    """Return the last part of an IRI as words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.split(r"[/#]", term)[-1]).lower()


def _name(term: str, labels: Mapping[str, str]) -> str:
    return labels.get(term) or (curie(term) if term.startswith(NAMESPACE) else term)
