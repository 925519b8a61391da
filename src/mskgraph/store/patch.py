"""A change of the graph as what it is: triples that are added, and triples that are removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from mskgraph.errors import PatchInvalid


@dataclass(frozen=True)
class Patch:
    """Triples to add and triples to remove, each a line of N-Triples, literals as they were written.

    :ivar added: not in the graph before
    :ivar removed: in the graph before
    """

    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def inverse(self) -> Patch:
        """Return the patch that takes this one back.

        >>> Patch(frozenset({"a"}), frozenset({"b"})).inverse() == Patch(frozenset({"b"}), frozenset({"a"}))
        True
        """
        return Patch(self.removed, self.added)

    def then(self, later: Patch) -> Patch:
        """Return the patch that does what this one and then a later one do, whatever the graph held before.

        >>> first = Patch(frozenset({"a"}), frozenset({"b"}))
        >>> first.then(first.inverse()) == first.inverse()
        True
        """
        return Patch((self.added - later.removed) | later.added, (self.removed - later.added) | later.removed)

    def text(self) -> str:
        r"""Return it as RDF Patch: removals, then additions, sorted.

        >>> Patch(frozenset({"<urn:a> <urn:b> <urn:c> ."})).text()
        'TX .\nA <urn:a> <urn:b> <urn:c> .\nTC .\n'
        """
        body = [*(f"D {line}" for line in sorted(self.removed)), *(f"A {line}" for line in sorted(self.added))]
        return "\n".join(["TX .", *body, "TC .", ""])

    @classmethod
    def parse(cls, text: str) -> Patch:
        """Return the patch of a text made by :meth:`text`.

        :raises PatchInvalid: if a line is none of RDF Patch
        """
        added, removed = set(), set()
        for number, line in enumerate(text.split("\n"), 1):
            if line.startswith("A "):
                added.add(line[2:])
            elif line.startswith("D "):
                removed.add(line[2:])
            elif line not in ("TX .", "TC .", ""):
                raise PatchInvalid(f"Line {number} is none of RDF Patch: {line[:80]!r}.")
        return cls(frozenset(added), frozenset(removed))

    def terms(self) -> set[str]:
        """Return the IRIs of all nodes and properties that it names."""
        found = set()
        for line in (*self.added, *self.removed):
            subject, predicate, value = line.removesuffix(" .").split(" ", 2)
            found |= {term[1:-1] for term in (subject, predicate, value) if term.startswith("<")}
        return found

    def touches(self, other: Patch) -> bool:
        """Return whether two patches are about a triple that is in both."""
        return bool((self.added | self.removed) & (other.added | other.removed))

    def subjects(self) -> set[str]:
        """Return the IRIs of the nodes that it says something about."""
        return {line[1 : line.index(">")] for line in (*self.added, *self.removed)}


class Accepted(NamedTuple):
    """What was accepted on top of the ontology's files.

    :ivar patch: what all changes do together
    :ivar history: returns who changed what, when and why, as N-Triples for :data:`mskgraph.store.HISTORY_GRAPH`: a
        large text after years of changes, which is made once somebody asks for it
    """

    patch: Patch = Patch()
    history: Callable[[], str] = str
