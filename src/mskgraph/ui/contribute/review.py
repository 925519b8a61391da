"""Proposals: what somebody would like to change, until somebody else accepts or rejects it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from mskgraph import KnowledgeGraph, curation, views
from mskgraph.curation import Journal, Proposal
from mskgraph.curation.access import Person
from mskgraph.errors import ChangeRefused, MskGraphError, ProposalsDamaged
from mskgraph.store import Patch
from mskgraph.ui import editing, widgets
from mskgraph.ui.contribute import panel
from mskgraph.ui.widgets import plain

OPEN = 20  # proposals that are shown at first, and more at each click
SHOWN = 10  # decided ones

state = st.session_state


def show(kg: KnowledgeGraph, visitor: Person) -> None:
    """Show the open proposals, and those that were decided last."""
    proposals = Journal().proposals()
    waiting = [proposal for proposal in proposals if proposal.state == "proposed"][::-1]
    decided = [proposal for proposal in proposals if proposal.state != "proposed"]
    decided.sort(key=lambda proposal: proposal.decided, reverse=True)
    count = state.get("review_count", OPEN)
    first = waiting[:count]
    shown = [*first, *decided[:SHOWN]]
    panel.decider(visitor)
    if done := state.get("review_done"):
        st.success(plain(done))
    number, failed = state.get("review_failed", (0, ""))
    if failed and number not in [proposal.number for proposal in first]:
        st.error(plain(failed))  # somebody else decided a moment before
    st.header("Waiting")
    if not waiting:
        st.info("No proposal waits for a decision. Fill in a form and choose Propose to make one.")
    else:
        st.markdown(f"{len(first)} of {len(waiting)} waiting for a decision, the oldest first.")
    labels = views.labels_of(kg.store, kg.knowledge, [proposal.patch for proposal in shown])
    for proposal in first:
        with st.container(border=True):
            _waiting(kg, proposal, labels, visitor)
    if more := waiting[count : count + OPEN]:
        st.button(f"Show {len(more)} more", on_click=_on_more, args=(count + OPEN,))
    if decided:
        st.header("Decided")
        st.markdown(f"{min(SHOWN, len(decided))} of {len(decided)}, the last one first.")
        numbers = {change.hash: change.number for change in Journal().changes()}
        for proposal in decided[:SHOWN]:
            with st.container(border=True):
                _decided(kg, proposal, labels, numbers)


def _on_more(count: int) -> None:
    state.review_count = count


def mark(kg: KnowledgeGraph, nodes: Sequence[str]) -> None:
    """Show, to those who may propose, what is proposed about nodes and not reviewed yet."""
    if not editing.visitor().may("propose"):
        return
    try:
        waiting = Journal().waiting()
    except ProposalsDamaged as error:  # which keeps nobody from the knowledge
        st.warning(plain(str(error)))
        return
    about = [each for each in waiting if each.patch.terms() & set(nodes)]
    if len(about) > SHOWN:
        st.markdown(f"{SHOWN} of {len(about)} proposals about this are shown, the last one first.")
    for proposal in about[:SHOWN]:
        with st.container(border=True):
            st.badge("unreviewed", color="orange")
            _head(proposal)
            with st.expander(f"{len(proposal.patch.added)} added, {len(proposal.patch.removed)} removed"):
                panel.sentences(kg, proposal.patch, views.labels_of(kg.store, kg.knowledge, [proposal.patch]))
            widgets.link("Open the proposals", "60_contribute", do=["review"])


def _head(proposal: Proposal) -> None:
    name = f"**Proposal {proposal.number}: {plain(proposal.message or 'No reason given')}**"
    st.markdown(f"{name}  \n{plain(proposal.author)}, {views.when(proposal.time)}")


def _waiting(kg: KnowledgeGraph, proposal: Proposal, labels: Mapping[str, str], visitor: Person) -> None:
    _head(proposal)
    number = proposal.number
    patch = curation.fitting(kg, proposal.patch)
    if patch != proposal.patch:
        _told_apart(kg, proposal, patch, labels)
    panel.sentences(kg, patch, labels)
    if state.get(f"review {number} preview"):
        problems = curation.problems(kg, patch)
        for problem in problems:
            st.error(plain(panel.in_words(kg, problem)))
        if not problems:
            panel.cautions(kg, tuple(curation.cautions(kg, patch)))
            with widgets.errors_as_messages():
                panel.show_preview(panel.previewed(kg, patch, f"review {number} previewed"))
    own = visitor.name == proposal.author
    if not visitor.may("accept") and not own:
        return
    reason = f"review {number} reason"
    label = f"Why, if you withdraw {number}" if own else f"Why not, if you reject {number}"
    st.text_input(label, key=reason, persist_state="session")
    refused, failed = state.get("review_failed", (0, ""))
    if refused == number:
        st.error(plain(failed))
    with st.container(horizontal=True):
        st.button(f"What {number} would do", on_click=_on_preview, args=(number,))
        if visitor.may("accept"):
            st.button(f"Accept {number}", type="primary", on_click=_on_accept, args=(proposal, patch))
        st.button(f"{'Withdraw' if own else 'Reject'} {number}", on_click=_on_reject, args=(number, reason))


def _told_apart(kg: KnowledgeGraph, proposal: Proposal, patch: Patch, labels: Mapping[str, str]) -> None:
    """Say what of a proposal does not fit any more, and because of whom."""
    lost = Patch(proposal.patch.added - patch.added, proposal.patch.removed - patch.removed)
    later = [change for change in Journal().since(proposal.base) if change.patch.touches(proposal.patch)]
    who = ", ".join(f"{change.author} (change {change.number})" for change in later) or "somebody"
    st.warning(plain(f"The knowledge has changed since, by {who}. This part of it is done or gone already:"))
    panel.sentences(kg, lost, labels)
    st.markdown("What is left of it:" if patch else "Nothing is left of it: reject it, or withdraw it.")


def _decided(kg: KnowledgeGraph, proposal: Proposal, labels: Mapping[str, str], numbers: Mapping[str, int]) -> None:
    """Show a proposal and what was decided.

    :param numbers: of the changes, by their hashes
    """
    _head(proposal)
    why = f": {proposal.reason}" if proposal.reason else ""
    change = f" as change {numbers[proposal.change]}" if proposal.change else ""
    what = f"{proposal.state.capitalize()} by {proposal.decided_by}{change}, {views.when(proposal.decided)}"
    st.markdown(plain(f"{what}{why}"))
    with st.expander(f"{len(proposal.patch.added)} added, {len(proposal.patch.removed)} removed"):
        panel.sentences(kg, proposal.patch, labels)


def _on_preview(number: int) -> None:
    state[f"review {number} preview"] = not state.get(f"review {number} preview")


def _on_accept(proposal: Proposal, patch: Patch) -> None:
    number = proposal.number
    _forget_said()
    try:
        change, behind = editing.accept_proposal(number, patch, author=state.get("contribute_author", ""))
    except ChangeRefused as error:
        state.review_failed = number, " ".join(map(str, error.problems))
    except MskGraphError as error:
        state.review_failed = number, str(error)
    else:
        state.review_done = f"Proposal {number} is accepted as change {change.number}. {behind}"


def _on_reject(number: int, reason: str) -> None:
    why = state.get(reason, "").strip()
    _forget_said()
    try:
        editing.reject_proposal(number, why, author=state.get("contribute_author", ""))
    except MskGraphError as error:
        state.review_failed = number, str(error)
    else:
        state.review_done = f"Proposal {number} is closed; it stays on record below."


def _forget_said() -> None:
    for name in ("review_done", "review_failed"):
        state.pop(name, None)
