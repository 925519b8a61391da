"""Beside each form: who says why, what is wrong, what the change would do, and the buttons that send it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import streamlit as st

from mskgraph import KnowledgeGraph, open_to_change, views
from mskgraph.curation import Change, Journal, nodes
from mskgraph.curation.access import Person
from mskgraph.curation.drafts import Drafts
from mskgraph.errors import ChangeRefused, MskGraphError, StaleRevision
from mskgraph.ontology import Problem
from mskgraph.store import Patch
from mskgraph.ui import editing, widgets
from mskgraph.ui.contribute import Form
from mskgraph.ui.contribute.draft import Draft, Memory, text_of
from mskgraph.ui.contribute.fields import Fields
from mskgraph.ui.editing import Checked
from mskgraph.ui.widgets import plain

SENTENCES = 40  # of a change that are shown at once
CHANGES = 20  # of others that are shown at once
WHOLE = 12  # rows of what changes that are shown without scrolling

state = st.session_state


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    :ivar given: what was filled in, equal as long as nothing in the form changes
    :ivar faults: what is wrong, by field; under the empty name what belongs to none
    """

    given: str
    faults: Mapping[str, list[str]]
    checked: Checked | None = None
    about: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sent:
    """What was published or proposed just now, and the draft that it was.

    :ivar change: as it was accepted; ``None`` if it was proposed
    :ivar number: of the proposal
    :ivar behind: why the engine that answers does not hold it yet; empty if it does
    """

    change: Change | None
    number: int
    about: tuple[str, ...]
    doing: str
    draft: str
    behind: str = ""


# Checking


def given(draft: Draft) -> str:
    """Return what is filled in that makes the change."""
    return text_of({name: value for name, value in draft.fields().items() if name != "message"})


def examined(form: Form, draft: Draft) -> Outcome:
    """Check what is filled in."""
    filled_in = given(draft)
    try:
        now = open_to_change()  # as it is checked again when it is sent
        wanted = form.wanted(now, draft)
        checked = editing.check(now, wanted.patch)
        faults = wanted.at_fields(checked.problems)
        said = {name: [nodes.worded(now, text) for text in texts] for name, texts in faults.items()}
        return Outcome(filled_in, said, checked, wanted.about)
    except MskGraphError as error:
        return Outcome(filled_in, {"": [str(error)]})


def outcome(form: Form, draft: Draft) -> Outcome | None:
    """Return what the check of a draft found; once asked for, it goes along with every change of the form."""
    memory, filled_in = draft.memory(), given(draft)
    if not memory.asked:
        return None
    if memory.outcome is None or memory.outcome.given != filled_in:
        memory.outcome = examined(form, draft)
    if memory.preview:
        memory.preview, memory.previewed = False, memory.outcome.given
    return memory.outcome


# Clicks: they only say what is wanted, as the next click may break off at once what one of them does


def on_check(draft: Draft) -> None:
    """Ask for a check of what is filled in and for what it would do."""
    memory = draft.memory()
    memory.asked, memory.outcome, memory.preview = True, None, True
    forget_said(draft)


def on_send(draft: Draft, propose: bool) -> None:
    """Ask for what is filled in to be published or proposed."""
    if draft.is_empty() and "contribute_sent" in state:
        return  # the second click of two
    memory = draft.memory()
    memory.failed = editing.why_not("propose" if propose else "accept")
    if not memory.failed:  # or it would be done as soon as a role that is taken away is given back
        memory.asked, memory.send = True, "propose" if propose else "publish"


def act(form: Form, draft: Draft, visitor: Person) -> None:
    """Do what was asked for, once however often somebody clicked, and go on with an empty form."""
    memory = draft.memory()
    if memory.send:
        forget_said(draft)
        with memory.lock:
            if memory.sent is None and memory.send:
                _send(form, draft, memory)
                memory.send = ""
    if memory.sent:
        if (before := state.get(f"{draft.doing} before")) and before != draft.id:
            draft.forget(before)  # only the last one comes back when it is taken back
        state[f"{draft.doing} before"] = draft.id
        state.contribute_sent = memory.sent
        draft.done(Drafts(visitor.key))
        draft.fresh()


def _send(form: Form, draft: Draft, memory: Memory) -> None:
    found = outcome(form, draft)
    if found is None or found.faults or found.checked is None:
        return
    message = draft.held("message", "").strip() or form.in_short(draft, KnowledgeGraph.open().knowledge)
    author, doing, name = state.get("contribute_author", ""), draft.doing, draft.id
    try:
        if memory.send == "propose":
            number = editing.propose(found.checked, author, message).number
            memory.sent = Sent(None, number, found.about, doing, name)
        else:
            change, behind = editing.publish(found.checked, author, message)
            memory.sent = Sent(change, 0, found.about, doing, name, behind)
    except ChangeRefused as error:
        texts = [nodes.worded(KnowledgeGraph.open(), str(problem)) for problem in error.problems]
        memory.outcome = Outcome(found.given, {"": texts})
    except StaleRevision:
        pass  # the page, which is drawn with what there is now, tells it
    except MskGraphError as error:
        memory.failed = str(error)


def on_undo(change: Change) -> None:
    """Take a change back; what was typed for the last one comes back into its form."""
    sent: Sent | None = state.get("contribute_sent")
    forget_said()
    try:
        undone, behind = editing.take_back(change.hash, state.get("contribute_author", ""))
    except ChangeRefused as error:
        kg = KnowledgeGraph.open()
        state.contribute_refused = (change.hash, " ".join(in_words(kg, problem) for problem in error.problems))
        return
    except MskGraphError as error:
        state.contribute_refused = (change.hash, str(error))
        return
    said = f"Change {change.number} is taken back by change {undone.number}."
    if sent and sent.change and sent.change.hash == change.hash:
        state[f"{sent.doing} draft"] = sent.draft
        memory = Draft(sent.doing).memory()
        memory.sent = memory.outcome = None  # it was checked against what there was then
        said += " What you typed is in the form again."
    state.contribute_undone = f"{said} {behind}".strip()


def on_empty(draft: Draft, visitor: Person) -> None:
    """Empty the form, and forget what was kept of it."""
    forget_said(draft)
    draft.done(Drafts(visitor.key))
    draft.fresh()


def forget_said(draft: Draft | None = None) -> None:
    """Take down what was said about the last click."""
    for name in ("contribute_sent", "contribute_refused", "contribute_undone"):
        state.pop(name, None)
    if draft:
        draft.memory().failed = ""


# What is shown


def show(fields: Fields, found: Outcome | None, visitor: Person) -> None:
    """Show who says why, the buttons, and what they led to."""
    draft = fields.draft
    st.header("Your change")
    left, right = st.columns(2)
    with left:
        author_field(visitor)
    with right:
        fields.text("Why", "message", placeholder="for the history", help="If empty: what the form is about.")
    with st.container(horizontal=True):
        st.button("Check", on_click=on_check, args=(draft,))
        if visitor.may("accept"):
            st.button("Publish", type="primary", on_click=on_send, args=(draft, False))
        kind: Literal["primary", "secondary"] = "secondary" if visitor.may("accept") else "primary"
        st.button("Propose", type=kind, on_click=on_send, args=(draft, True), help=PROPOSE)
        st.button("Empty the form", type="tertiary", on_click=on_empty, args=(draft, visitor))
    said(fields, visitor)
    if fields.aside:
        fields.aside()
    if found is None:
        st.markdown("Check says what is wrong and what your change would do.")
        st.markdown(WAYS if visitor.may("accept") else PROPOSED)
    elif found.faults:
        refused(found, fields)
    elif found.checked and found.checked.base != fields.kg.revision:
        overtaken(fields, found.checked)
    elif found.checked:
        what_it_does(fields, found.checked, draft.memory().previewed == found.given)


LAYERS = (
    "In layer 1 are those that nothing is surely ahead of, in layer 2 those that only layer 1 is ahead of; "
    "within a layer the order is not sure."
)
PROPOSED = "What you propose waits for somebody's decision."
WAYS = f"What you publish is part of the knowledge at once, and can be taken back. {PROPOSED}"
PROPOSE = "Keep it on the list of proposals, marked as unreviewed, until somebody accepts or rejects it."


def decider(visitor: Person) -> None:
    """Show who decides, beside a list of what there is to decide, if they may."""
    if visitor.may("accept"):
        left, _ = st.columns([1, 3])
        with left:
            author_field(visitor)


def author_field(visitor: Person) -> None:
    """Show who changes something: the person who is signed in, or on this very machine a field."""
    if not visitor.is_local:
        st.markdown(f"By {plain(visitor.name)}")
        return
    if "contribute_author" not in state:
        state.contribute_author = visitor.name
    st.text_input("Who you are", key="contribute_author", persist_state="session", help="As the history names you.")


def said(fields: Fields, visitor: Person) -> None:
    """Show what came of the last click."""
    sent: Sent | None = state.get("contribute_sent")
    if sent and sent.change:
        st.success(f"Published as change {sent.change.number}.")
        if sent.behind:
            st.warning(plain(sent.behind))
        with st.container(horizontal=True, vertical_alignment="center"):
            open_links(fields.kg, sent.about)
            if visitor.may("accept"):
                st.button("Undo", on_click=on_undo, args=(sent.change,))
    elif sent:
        st.success(f"Proposed as number {sent.number}. Nothing is changed before somebody accepts it.")
        st.button("Open the proposals", on_click=widgets.to_address, kwargs={"do": ["review"]})
    if undone := state.get("contribute_undone"):
        st.success(plain(undone))
    if refusal := state.get("contribute_refused"):
        st.error(plain(refusal[1]))
    if failed := fields.draft.memory().failed:
        st.error(plain(failed))


def open_links(kg: KnowledgeGraph, about: tuple[str, ...]) -> None:
    """Show links to what a change was about."""
    knowledge = kg.knowledge
    for node in [node for node in about if node in knowledge.lexicon.kinds][:5]:
        page, name = ("30_cases", "case") if node in knowledge.cases else ("25_concepts", "c")
        widgets.link(f"Open {knowledge.label(node)}", page, **{name: [node]})


def refused(found: Outcome, fields: Fields) -> None:
    """Show what is wrong."""
    rest = fields.rest()
    total = sum(map(len, found.faults.values()))
    marked = total - len(rest)
    where = ", marked in the form" if not rest else f", {marked} of them marked in the form" if marked else ""
    if marked or total > 1:  # one alone speaks for itself
        st.error(f"Not yet: {total} thing{'s are' if total > 1 else ' is'} to be put right{where}.")
    for text in rest[:SENTENCES]:
        st.error(plain(text))
    if len(rest) > SENTENCES:
        st.markdown(f"{SENTENCES} of {len(rest)} are shown.")


def overtaken(fields: Fields, checked: Checked) -> None:
    """Show what others have changed since a check, and offer to go on from there."""
    st.warning("Somebody has changed the knowledge since you checked. Nothing of yours is published yet.")
    since = Journal().since(checked.base)
    shown = since[-CHANGES:]
    labels = views.labels_of(fields.kg.store, fields.knowledge, [change.patch for change in shown])
    if len(shown) < len(since):
        st.markdown(f"The last {len(shown)} of {len(since)} changes are shown.")
    for change in shown:
        with st.expander(plain(f"{change.author}: {change.message or 'no reason given'}")):
            sentences(fields.kg, change.patch, labels)
    st.markdown("Check again to see whether yours still fits and what it would do now.")
    st.button("Check again", on_click=on_check, args=(fields.draft,))


def what_it_does(fields: Fields, checked: Checked, asked: bool) -> None:
    """Show a change that can be sent: what it says, and what it would do to the answers.

    :param asked: whether somebody asked for it since the form was changed last
    """
    st.success("Nothing is wrong with it.")
    cautions(fields.kg, checked.cautions)
    if not asked:
        st.markdown("Check to see what it would do, or send it.")
        return
    with widgets.errors_as_messages():
        show_preview(previewed(fields.kg, checked.patch, fields.draft.aside("preview")))
        st.subheader("What it says")
        sentences(fields.kg, checked.patch, views.labels_of(fields.kg.store, fields.knowledge, [checked.patch]))


def cautions(kg: KnowledgeGraph, found: tuple[Problem, ...]) -> None:
    """Show what a careful colleague would point out, which keeps nobody from going on."""
    for problem in found[:SENTENCES]:
        st.warning(plain(in_words(kg, problem)))
    if len(found) > SENTENCES:
        st.markdown(f"{SENTENCES} of {len(found)} warnings are shown.")


def in_words(kg: KnowledgeGraph, problem: Problem) -> str:
    """Return a problem in words; a node that is not there yet has no name that anybody would know."""
    said = nodes.worded(kg, f"{problem.node}: {problem.message} {problem.remedy}".removeprefix(": "))
    return re.sub(r"^msk:[\w-]+: ", "", said)


def previewed(kg: KnowledgeGraph, patch: Patch, key: str) -> views.Preview:
    """Return what a change would do, worked out once.

    :param key: where in the session it is noted
    """
    name = (patch, kg.content_hash)
    known, found = state.get(key, (None, None))
    if known != name or found is None:
        with st.spinner("Working out what it would do ..."):
            found = views.preview(kg.knowledge, kg.changed_by(patch).knowledge, patch)
        state[key] = (name, found)
    return cast(views.Preview, found)


def show_preview(found: views.Preview) -> None:
    """Show what a change would do."""
    st.subheader("What it would do")
    widgets.bullets("", found.cases)
    widgets.bullets("Relations opened", found.opened[:SENTENCES])
    widgets.bullets("Relations closed", found.closed[:SENTENCES])
    for relations in (found.opened, found.closed):
        if len(relations) > SENTENCES:
            st.markdown(f"{SENTENCES} of {len(relations)} are shown.")
    if not found.opened and not found.closed:
        st.markdown("No relation between concepts is opened or closed.")
    which = "what it is about, the example of the page Differential and every stored case"
    asked = f"the first {views.COMPARED} candidates of {found.asked} differentials: {which}"
    if found.moved:
        st.markdown(f"Compared were {asked}. {LAYERS} These change:")
    if 0 < len(found.moved) <= WHOLE:
        widgets.text_table(found.moved)
    else:
        widgets.table(found.moved, f"Nothing changes among {asked}.")


def sentences(kg: KnowledgeGraph, patch: Patch, labels: Mapping[str, str]) -> None:
    """Show a change in words."""
    lines = views.words(kg.knowledge, patch, {**nodes.property_labels(kg), **labels})
    widgets.bullets("", lines[:SENTENCES])
    if len(lines) > SENTENCES:
        st.markdown(f"{SENTENCES} of {len(lines)} triples are shown.")
