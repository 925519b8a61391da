"""Changing the knowledge from a page: who may is asked again by everything here that writes."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import NamedTuple

from mskgraph import KnowledgeGraph, bring_up_to_date, curation, open_to_change
from mskgraph.curation import Change, Journal, Proposal
from mskgraph.curation.access import NOBODY, Access, Person, Role, at_the_machine
from mskgraph.errors import AccessInvalid, MskGraphError, NotAllowed
from mskgraph.ontology import Problem
from mskgraph.store import Patch
from mskgraph.ui import sign_in
from mskgraph.ui.server import is_local

OFF = (
    "Editing is off: this program can be reached by others, and signing in is not set up. To add something, start it "
    "on the machine itself: mskgraph app. Whoever runs it finds in docs/access.md how people sign in."
)


# Who asks


def visitor() -> Person:
    """Return who looks at the page and what they may do at this moment.

    Where signing in is set up, that is who has signed in; else the one person who sits at the machine itself. While
    the settings are faulty nobody may do anything.
    """
    try:
        access = Access.read()
    except AccessInvalid:
        return NOBODY
    if access.sign_in:
        return access.person(sign_in.claims())
    return at_the_machine(login()) if is_local() else NOBODY


def why_not(role: Role = "propose") -> str:
    """Return what a visitor lacks for a role, and what helps; nothing if they have it."""
    asking = visitor()
    if asking.may(role):
        return ""
    try:
        access = Access.read()
    except AccessInvalid as error:
        # Strangers need not know how this machine is set up.
        return str(error) if is_local() else "Editing is off: who may edit is being set up. Come again later."
    if not access.sign_in:
        return OFF
    if not asking.key:
        return f"To {role} changes, sign in."
    return f"{asking.name} may not {role} changes. Ask whoever runs this program for that role."


def show_sign_in() -> None:
    """Show on the page who is signed in, if signing in is set up."""
    try:
        access = Access.read()
    except AccessInvalid:
        return
    if access.sign_in:
        sign_in.bar(visitor())


def login() -> str:
    """Return the name under which somebody is logged in to this machine; empty if it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


# Changes


@dataclass(frozen=True)
class Checked:
    """What a change was found to be, and when.

    :ivar cautions: what a careful colleague would point out, which keeps nobody from going on
    :ivar base: hash of the last change of the knowledge that it was checked against
    """

    patch: Patch
    problems: tuple[Problem, ...]
    base: str
    cautions: tuple[Problem, ...] = ()


class Done(NamedTuple):
    """A change that is part of the knowledge now.

    :ivar behind: why the engine that answers does not hold it yet; empty if it does
    """

    change: Change
    behind: str


def check(kg: KnowledgeGraph, patch: Patch) -> Checked:
    """Return what a change would leave wrong, and if nothing, what else is worth a look."""
    problems = tuple(curation.problems(kg, patch))
    cautions = () if problems else tuple(curation.cautions(kg, patch))
    return Checked(patch, problems, kg.revision, cautions)


def publish(checked: Checked, author: str, message: str) -> Done:
    """Make a change part of the knowledge.

    :param author: counts only where nobody signs in
    :raises NotAllowed: if who asks may not
    :raises StaleRevision: if the knowledge has changed since it was checked; nothing is changed then
    :raises ChangeRefused: with what it would leave wrong
    """
    name = _name(_allowed("accept"), author)
    change = curation.accept(Journal(), open_to_change, checked.patch, name, message, checked.base)
    return Done(change, _behind())


def take_back(change_hash: str, author: str) -> Done:
    """Take a change back.

    :raises NotAllowed: if who asks may not
    :raises PatchInvalid: if later changes depend on it
    :raises ChangeRefused: if something would be left wrong without it
    """
    name = _name(_allowed("accept"), author)
    change = curation.undo(Journal(), open_to_change, name, change_hash)
    return Done(change, _behind())


# Proposals


def propose(checked: Checked, author: str, message: str) -> Proposal:
    """Put a change before those who may accept it.

    :raises NotAllowed: if who asks may not
    :raises ChangeRefused: with what it would leave wrong
    """
    name = _name(_allowed("propose"), author)
    return curation.propose(Journal(), open_to_change, checked.patch, name, message)


def accept_proposal(number: int, patch: Patch | None = None, author: str = "") -> Done:
    """Make a proposal part of the knowledge.

    :param patch: what is left of it to do, if others have done some of it since
    :raises NotAllowed: if who asks may not
    :raises ChangeRefused: with what it would leave wrong
    """
    name = _name(_allowed("accept"), author)
    change = curation.accept_proposal(Journal(), open_to_change, number, name, patch=patch)
    return Done(change, _behind())


def reject_proposal(number: int, reason: str, author: str = "") -> Proposal:
    """Close a proposal without doing what it says; its own author may do that, too.

    :raises NotAllowed: if who asks may not
    """
    asking = _allowed("propose")
    own = any(p.number == number and p.author == asking.name for p in Journal().waiting())
    if not own:
        _allowed("accept")
    return curation.reject_proposal(Journal(), number, _name(asking, author), reason)


def _behind() -> str:
    try:
        bring_up_to_date()
    except MskGraphError as error:
        return str(error)
    return ""


def _allowed(role: Role) -> Person:
    """Return who asks, if they have a role.

    :raises NotAllowed: if not
    """
    asking = visitor()
    if not asking.may(role):
        raise NotAllowed(why_not(role))
    return asking


def _name(asking: Person, typed: str) -> str:
    """Return as what the history names them: who signed in cannot call themselves otherwise."""
    return typed if asking.is_local else asking.name
