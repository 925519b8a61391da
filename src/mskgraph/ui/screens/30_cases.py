"""The cases: by finding, site and diagnosis; one case with the ways that lead from it to its diagnoses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial

import streamlit as st

from mskgraph import ontology, views
from mskgraph.graph import Case
from mskgraph.terms import Kind, iri
from mskgraph.ui import widgets
from mskgraph.ui.contribute import review
from mskgraph.ui.graph_view import GraphEvent, graph_view, network_of
from mskgraph.ui.widgets import plain

FACETS: dict[str, tuple[str, Kind]] = {
    "finding": ("Finding", "finding"),
    "site": ("Site", "site"),
    "dx": ("Stated diagnosis or cause", "diagnosis"),
}

kg, knowledge = widgets.opened()


def chosen(name: str) -> list[str]:
    """Return what a facet holds."""
    return list(st.session_state.get(f"facet_{name}", []))


def on_facet() -> None:
    """Put the facets into the address."""
    widgets.to_address(**{name: chosen(name) for name in FACETS})


def on_case(case: str) -> None:
    """Open a case."""
    widgets.to_address(case=[case], **{name: chosen(name) for name in FACETS})


def on_node(event: GraphEvent) -> None:
    """Open the case that was clicked in the graph."""
    if event.id in knowledge.cases:
        on_case(event.id)


def of_case(case: Case, facet: str) -> set[str]:
    """Return what a case has for a facet, with everything it is a kind or part of."""
    diagnoses = (*case.diagnoses, *(cause for cause in case.causes if knowledge.kind(cause) == "diagnosis"))
    own: dict[str, Iterable[str]] = {
        "finding": (o.finding for o in case.observations if o.present),
        "site": (site for o in case.observations for site in o.sites),
        "dx": diagnoses,
    }
    return {ancestor for feature in own[facet] for ancestor in knowledge.ancestors(feature)}


def counted(counts: Mapping[str, int], feature: str) -> str:
    """Return a feature with the number of cases that have it."""
    return f"{knowledge.label(feature)} ({counts[feature]})"


def facets() -> list[Case]:
    """Show the facets with counts, and return the cases that fit."""
    cases = sorted(knowledge.cases.values(), key=lambda case: case.label)
    held = {name: widgets.from_address(knowledge, name, (kind,)) for name, (_, kind) in FACETS.items()}
    fitting = [case for case in cases if all(set(held[name]) <= of_case(case, name) for name in FACETS)]
    for column, (name, (title, _)) in zip(st.columns(len(FACETS)), FACETS.items(), strict=True):
        counts = Counter(feature for case in cases for feature in of_case(case, name))
        if st.session_state.get(f"facet_{name}") != held[name]:
            st.session_state[f"facet_{name}"] = held[name]
        column.multiselect(
            title,
            sorted(counts, key=lambda feature: (-counts[feature], knowledge.label(feature))),
            key=f"facet_{name}",
            format_func=partial(counted, counts),
            on_change=on_facet,
            placeholder="any",
        )
    st.markdown(f"{len(fitting)} of {len(cases)} cases")
    return fitting


def show(case: Case) -> None:
    """Show one case."""
    st.header(plain(case.label))
    review.mark(kg, [case.iri, *(observation.iri for observation in case.observations)])
    st.markdown(plain(case.description))
    stated = [knowledge.label(node) for node in (*case.diagnoses, *case.causes)]
    st.markdown(plain(f"Stated diagnosis or cause: {', '.join(stated) or 'none'}."))
    if case.contexts:
        st.markdown(plain(f"Context: {', '.join(map(knowledge.label, case.contexts))}."))
    for note in case.notes:
        st.markdown(plain(f"Note: {note}"))
    if case.maybe_same_patient:
        st.markdown("Possibly the same patient; the source does not say:")
        for other in case.maybe_same_patient:
            widgets.link(knowledge.label(other), "30_cases", case=[other])
    st.subheader("Observations")
    widgets.text_table(views.observation_rows(knowledge, case))
    st.subheader("Images")
    for image in case.images:
        st.markdown(f"**{plain(image.identifier)}** {plain(image.description)}")
    st.markdown(plain(f"Source: {case.source.label}. The pictures themselves are at the source."))
    st.subheader("From this case to its diagnoses")
    drawing, paths = views.case_drawing(knowledge, case)
    if not stated:
        st.markdown("No diagnosis is stated. Drawn are the first candidates of the differential of what it shows.")
    if not paths:
        st.markdown("No claim in the graph connects what it shows with a diagnosis.")
    for path in paths:
        st.markdown(plain(knowledge.words(path)))
    seen = [feature for o in case.observations if o.present for feature in (o.finding, *o.sites, *o.morphologies)]
    asked = list(dict.fromkeys([*seen, *case.contexts]))
    widgets.link("Differential of these findings", "10_differential", f=asked, absent=sorted(case.absent))
    graph_view(
        network_of(drawing),
        key="case",
        graph_id=f"case {case.iri}",
        label=f"Paths from the case {case.label} to its diagnoses",
        height=420,
        on_select=on_node,
    )
    with st.container(horizontal=True):
        widgets.link("Edit", "60_contribute", do=["edit"], node=[case.iri])
        widgets.copy_link()
        widgets.sparql_behind("node_facts", node=case.iri)
        nodes = " ".join(f"<{node}>" for node in (case.iri, *(o.iri for o in case.observations)))
        widgets.exports(
            case.label,
            drawing,
            views.observation_rows(knowledge, case),
            lambda: ontology.turtle_of(kg.store.answer(f"DESCRIBE {nodes}").body),
            widgets.NOTICE,
        )
    widgets.table(views.edge_rows(drawing), "No paths.")


st.title("Cases")
review.mark(kg, [iri("Case")])
fitting = facets()
wanted = widgets.from_address(knowledge, "case", ["case"])
opened = knowledge.cases[wanted[0]] if wanted else (fitting[0] if fitting else None)
left, right = st.columns([3, 7], gap="large")
with left:
    if not fitting:
        st.info("No case fits. Take a filter out.")
    for case in fitting:
        st.button(
            plain(case.label),
            key=f"case_{case.iri}",
            type="primary" if opened and case.iri == opened.iri else "secondary",
            width="stretch",
            on_click=on_case,
            args=(case.iri,),
        )
with right:
    if opened:
        show(opened)
st.header("All that fit, as a table")
widgets.table(views.case_rows(knowledge, fitting), "No case fits.")
