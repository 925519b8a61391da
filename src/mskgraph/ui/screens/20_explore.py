"""The graph, opened step by step from one concept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from mskgraph import ontology, views
from mskgraph.terms import Kind, iri, local_name
from mskgraph.ui import widgets
from mskgraph.ui.graph_view import GraphEvent, graph_view, network_of
from mskgraph.ui.widgets import plain
from mskgraph.views import Exploration

EXAMPLE = Exploration((iri("soft-tissue-calcification"),))
KINDS: tuple[Kind, ...] = ("finding", "morphology", "site", "context", "diagnosis", "case")
PATH = ".."

kg, knowledge = widgets.opened()


def from_address() -> Exploration:
    """Read what was opened from the address, or the example; what is unknown there is left out."""
    shown: list[str | tuple[str, str]] = []
    for value in st.query_params.get_all("show"):
        ends = [widgets.named(part) for part in value.split(PATH)]
        ends = [knowledge.lexicon.replaced.get(end, end) for end in ends]
        if all(end in knowledge.lexicon.kinds for end in ends) and len(ends) in (1, 2):
            shown.append(ends[0] if len(ends) == 1 else (ends[0], ends[1]))
        else:
            st.warning(plain(f'The address names "{value[:80]}", which is not in this version of the knowledge.'))
    return Exploration(tuple(shown)) if shown else EXAMPLE


def to_address(exploration: Exploration, selected: str = "", hidden: Sequence[str] | None = None) -> None:
    """Put the exploration into the address."""
    shown = [
        PATH.join(map(local_name, item)) if isinstance(item, tuple) else local_name(item) for item in exploration.shown
    ]
    hidden = st.query_params.get_all("hide") if hidden is None else hidden
    widgets.to_address(show=shown, node=[selected] if selected else [], hide=hidden)


def change(make: Callable[[Exploration], Exploration], selected: str = "") -> None:
    """Change what is opened, so that it can be undone."""
    st.session_state.explore_past = [*st.session_state.get("explore_past", []), st.session_state.explore_now]
    st.session_state.explore_future = []
    to_address(make(st.session_state.explore_now), selected or st.query_params.get("node", ""))


def on_undo() -> None:
    """Go back to what was opened before the last change."""
    st.session_state.explore_future = [st.session_state.explore_now, *st.session_state.explore_future]
    to_address(st.session_state.explore_past.pop())


def on_redo() -> None:
    """Take the last undo back."""
    st.session_state.explore_past.append(st.session_state.explore_now)
    to_address(st.session_state.explore_future.pop(0))


def on_search() -> None:
    """Open the concept chosen in the search box."""
    if chosen := st.session_state.explore_search:
        change(lambda _: Exploration((chosen,)), chosen)
        st.session_state.explore_search = None


def on_select(event: GraphEvent) -> None:
    """Show the details of the node that was clicked."""
    if event.element == "node":
        to_address(st.session_state.explore_now, event.id)


def on_expand(event: GraphEvent) -> None:
    """Add the next neighbours of the node that was double-clicked."""
    change(lambda now: now.expand(event.id), event.id)


def on_connect(start: str) -> None:
    """Add the paths from a node to the one chosen."""
    if end := st.session_state.explore_end:
        change(lambda now: now.connect(start, end), start)
        st.session_state.explore_end = None


def on_hide() -> None:
    """Leave out the kinds that are not ticked."""
    to_address(
        st.session_state.explore_now,
        st.query_params.get("node", ""),
        [kind for kind in KINDS if kind not in st.session_state.explore_kinds],
    )


def toolbar(hidden: Sequence[str]) -> None:
    """Show search, undo and redo, and the legend that filters."""
    names = sorted(knowledge.lexicon.labels, key=lambda node: knowledge.label(node).casefold())
    st.selectbox(
        "Start from",
        names,
        index=None,
        key="explore_search",
        format_func=lambda node: f"{knowledge.label(node)} ({knowledge.kind(node)})",
        on_change=on_search,
        placeholder="Any concept or case",
    )
    shown = [kind for kind in KINDS if kind not in hidden]
    if set(st.session_state.get("explore_kinds") or ()) != set(shown):
        st.session_state.explore_kinds = shown
    st.pills(
        "Kinds shown",
        KINDS,
        selection_mode="multi",
        key="explore_kinds",
        format_func=str.capitalize,
        on_change=on_hide,
    )
    with st.container(horizontal=True):
        st.button("Undo", on_click=on_undo, disabled=not st.session_state.get("explore_past"))
        st.button("Redo", on_click=on_redo, disabled=not st.session_state.get("explore_future"))
        first = knowledge.label(st.session_state.explore_now.origin)
        st.button(plain(f"Back to {first} alone"), on_click=change, args=(lambda now: Exploration(now.shown[:1]),))


def details(node: str) -> None:
    """Show what a node is and what can be done with it."""
    st.header(plain(knowledge.label(node)))
    concept = knowledge.concepts.get(node)
    st.badge(knowledge.kind(node).capitalize(), color="gray")
    st.markdown(plain(concept.definition if concept else knowledge.cases[node].description))
    with st.container(horizontal=True):
        st.button("Expand", on_click=change, args=(lambda now: now.expand(node), node))
        opened = node in st.session_state.explore_now.shown[1:]
        st.button("Collapse", on_click=change, args=(lambda now: now.collapse(node), node), disabled=not opened)
    st.selectbox(
        "Path to",
        [other for other in sorted(knowledge.lexicon.labels, key=knowledge.label) if other != node],
        index=None,
        key="explore_end",
        format_func=knowledge.label,
        on_change=on_connect,
        args=(node,),
        placeholder="Another concept or case",
    )
    counts = sorted(knowledge.relation_counts(node).items(), key=lambda item: -item[1])
    widgets.bullets("Leads to", [f"{knowledge.relations[relation].label}: {count}" for relation, count in counts])
    if concept and concept.synonyms:
        st.markdown(plain(f"Also: {', '.join(concept.synonyms)}"))
    for note in concept.notes if concept else ():
        st.markdown(plain(f"Note: {note}"))
    widgets.bullets("What points to it", views.pointers(knowledge, node))
    widgets.bullets("To teach", views.remarks(knowledge, node))
    if knowledge.kind(node) in ("finding", "morphology", "site", "context"):
        widgets.link("Use in the differential", "10_differential", f=[node])
    if concept:
        widgets.link(f"All about {concept.label}", "25_concepts", c=[node])
    if knowledge.kind(node) == "case":
        widgets.link("Open the case", "30_cases", case=[node])


st.title("Explore")
exploration = from_address()
st.session_state.explore_now = exploration
hidden = [kind for kind in st.query_params.get_all("hide") if kind in KINDS]
toolbar(hidden)
result = views.explore(knowledge, exploration, hidden)
if result.refused:
    st.warning(plain(result.refused))
chosen = widgets.from_address(knowledge, "node")
drawn = {node.id for node in result.drawing.nodes}
selected = next((node for node in chosen if node in drawn), exploration.origin)
left, right = st.columns([7, 3], gap="medium")
with left:
    st.markdown(
        f"{'An example' if not st.query_params.get('show') else 'The view'}: {widgets.shown_of(result.drawing)} within "
        "one more step. Click for details, double-click to expand; “+N” counts neighbours not drawn."
    )
    graph_view(
        network_of(result.drawing),
        key="explore",
        graph_id=f"explore {exploration.origin}",
        label=f"Neighbourhood of {knowledge.label(exploration.origin)}",
        height=620,
        selected=selected,
        lit=result.lit,
        on_select=on_select,
        on_expand=on_expand,
    )
    for path in result.paths:
        st.markdown(plain(knowledge.words(path)))
with right:
    details(selected)
with st.container(horizontal=True):
    widgets.copy_link()
    widgets.sparql_behind("node_facts", node=selected)
    widgets.exports(
        f"Neighbourhood of {knowledge.label(selected)}",
        result.drawing,
        views.edge_rows(result.drawing),
        lambda: ontology.turtle_of(kg.store.answer("DESCRIBE " + " ".join(f"<{node}>" for node in drawn)).body),
        widgets.NOTICE,
    )
st.header("The same as a table")
widgets.table(views.edge_rows(result.drawing), "No relations among the nodes shown.")
st.header(plain(f"Everything about {knowledge.label(selected)}"))
widgets.table(views.relation_rows(knowledge, selected), "It has no relations yet.")
