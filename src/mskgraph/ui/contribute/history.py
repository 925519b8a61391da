"""Who changed what, when and why, the last change first; any change can be taken back."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from mskgraph import KnowledgeGraph, views
from mskgraph.curation import Change, Journal
from mskgraph.curation.access import Person
from mskgraph.ui.contribute import panel
from mskgraph.ui.widgets import plain

CHANGES = 20  # that are shown at first, and more at each click

state = st.session_state


def show(kg: KnowledgeGraph, visitor: Person) -> None:
    """Show the history."""
    changes = Journal().changes()[::-1]
    panel.decider(visitor)
    if undone := state.get("contribute_undone"):
        st.success(plain(undone))
    if not changes:
        st.info("Nothing was changed yet: the knowledge is what the files of the ontology say.")
        return
    count = state.get("contribute_history", CHANGES)
    shown = changes[:count]
    st.markdown(f"{len(shown)} of {len(changes)} change{'s' if len(changes) > 1 else ''}, the last one first.")
    labels = views.labels_of(kg.store, kg.knowledge, [change.patch for change in shown])
    back, known = views.taken_back(changes), {change.hash: change for change in changes}
    for change in shown:
        with st.container(border=True):
            _entry(kg, change, known.get(change.undoes), back.get(change.hash), labels, visitor)
    if more := changes[count : count + CHANGES]:
        st.button(f"Show {len(more)} more", on_click=_on_more, args=(count + CHANGES,))


def _on_more(count: int) -> None:
    state.contribute_history = count


def _entry(
    kg: KnowledgeGraph,
    change: Change,
    taken_back: Change | None,
    taken_back_by: Change | None,
    labels: Mapping[str, str],
    visitor: Person,
) -> None:
    left, middle, right = st.columns([6, 3, 2], vertical_alignment="center")
    who = change.author if change.accepted_by == change.author else f"{change.author}, accepted by {change.accepted_by}"
    left.markdown(f"**{plain(change.message or 'No reason given')}**  \n{plain(who)}, {views.when(change.time)}")
    middle.markdown(f"Change {change.number}  \n:small[{change.hash[:12]}]")  # by which programs know it
    if taken_back:
        middle.markdown(f"Takes change {taken_back.number} back")
    with right:
        if taken_back_by:
            st.markdown(f"Taken back by change {taken_back_by.number}")
        elif visitor.may("accept"):
            st.button(f"Undo {change.number}", width="stretch", on_click=panel.on_undo, args=(change,))
    refusal = state.get("contribute_refused")
    if refusal and refusal[0] == change.hash:
        st.error(plain(refusal[1]))
    added, removed = len(change.patch.added), len(change.patch.removed)
    with st.expander(f"{added} added, {removed} removed"):
        panel.sentences(kg, change.patch, labels)
