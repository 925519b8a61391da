"""The forms of the page Contribute: one module is one of them, and ``FORMS`` is the list that the page offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from mskgraph import KnowledgeGraph
from mskgraph.curation import names_given
from mskgraph.graph import Knowledge
from mskgraph.ontology import Problem
from mskgraph.store import Patch
from mskgraph.ui.contribute.draft import Draft
from mskgraph.ui.contribute.fields import Fields

NAMED = 3  # things that a change is about, in its title

At = Callable[[Iterable[Problem]], Mapping[str, list[str]]]


class Wanted(NamedTuple):
    """What a form asks for.

    :ivar patch: the change
    :ivar at_fields: sorts what is wrong by field; under the empty name what belongs to none
    :ivar about: nodes to look at once it is published
    """

    patch: Patch
    at_fields: At
    about: tuple[str, ...]


class Form(Protocol):
    """What the page asks of a module that is a form."""

    TITLE: str

    def show(self, fields: Fields) -> None:
        """Show the fields."""

    def wanted(self, now: KnowledgeGraph, draft: Draft) -> Wanted:
        """Return the change that is filled in.

        :raises PatchInvalid: if it cannot be one
        """

    def in_short(self, draft: Draft, knowledge: Knowledge) -> str:
        """Return what the history says of it if no reason is given; empty if nothing says what it is yet."""


def nowhere(problems: Iterable[Problem]) -> dict[str, list[str]]:
    """Return problems that belong to no field."""
    texts = [f"{problem.node}: {problem.message} {problem.remedy}".removeprefix(": ") for problem in problems]
    return {"": texts} if texts else {}


def about(draft: Draft, knowledge: Knowledge) -> str:
    """Return by their labels some of the things that a draft is about, as it was checked last; empty if it was not."""
    found = draft.memory().outcome
    if found is None or found.checked is None:
        return ""
    patch = found.checked.patch
    names = {**names_given([patch]), **knowledge.lexicon.labels}
    nodes = patch.subjects() & names.keys() or patch.terms() & names.keys()  # a claim has no label itself
    labels = sorted({names[node] for node in nodes}, key=str.casefold)
    more = f" and {len(labels) - NAMED} more" if len(labels) > NAMED else ""
    return f" about {', '.join(labels[:NAMED])}{more}" if labels else ""
