"""Changing the knowledge from a page: who may is asked again by everything here that writes."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

from mskgraph import KnowledgeGraph, bring_up_to_date, curation
from mskgraph.curation import Change, Journal
from mskgraph.errors import MskGraphError
from mskgraph.ontology import Problem
from mskgraph.store import Patch
from mskgraph.ui.server import may_edit

OFF = (
    "Editing is off: this program listens on an address that others can reach, and signing in is not set up. "
    "To add something, start it on the machine itself: mskgraph app"
)


class EditingOff(MskGraphError):
    """Somebody tries to change the knowledge who may not."""

    def __init__(self) -> None:
        super().__init__(OFF)


@dataclass(frozen=True)
class Checked:
    """What a change was found to be, and when.

    :ivar base: hash of the last change of the knowledge that it was checked against
    """

    patch: Patch
    problems: tuple[Problem, ...]
    base: str


def check(kg: KnowledgeGraph, patch: Patch) -> Checked:
    """Return what a change would leave wrong."""
    return Checked(patch, tuple(curation.problems(kg, patch)), kg.revision)


def publish(checked: Checked, author: str, message: str) -> Change:
    """Make a change part of the knowledge.

    :raises EditingOff: if who asks may not
    :raises StaleRevision: if the knowledge has changed since it was checked; nothing is changed then
    :raises ChangeRefused: with what it would leave wrong
    """
    _allowed()
    change = curation.accept(Journal(), KnowledgeGraph.open, checked.patch, author, message, checked.base)
    bring_up_to_date()
    return change


def take_back(change_hash: str, author: str) -> Change:
    """Take a change back.

    :raises EditingOff: if who asks may not
    :raises PatchInvalid: if later changes depend on it
    :raises ChangeRefused: if something would be left wrong without it
    """
    _allowed()
    change = curation.undo(Journal(), KnowledgeGraph.open, author, change_hash)
    bring_up_to_date()
    return change


def _allowed() -> None:
    if not may_edit():
        raise EditingOff


def login() -> str:
    """Return the name under which somebody is logged in to this machine; empty if it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
