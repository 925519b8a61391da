"""A page for every concept, with everything that is said of it; and lists of all of them to browse."""

from __future__ import annotations

from typing import cast
from urllib.parse import quote

import streamlit as st

from mskgraph import ontology, views
from mskgraph.terms import local_name
from mskgraph.ui import widgets
from mskgraph.ui.concept_html import STYLE, anchor, browse_html, contents_html, head_html, section_html
from mskgraph.ui.contribute import review
from mskgraph.ui.widgets import plain
from mskgraph.views import Grouping

kg, knowledge = widgets.opened()


def address(iri: str) -> str:
    """Return the address of the page of a concept or case, beside this one."""
    page, parameter = ("cases", "case") if iri in knowledge.cases else ("concepts", "c")
    return f"{page}?{parameter}={quote(local_name(iri))}"


def on_search() -> None:
    """Open the concept chosen in the search box."""
    if chosen := st.session_state.concept_search:
        widgets.to_address(c=[chosen])
        st.session_state.concept_search = None


def on_grouping() -> None:
    """List by another heading."""
    widgets.to_address(by=[st.session_state.grouping or "region"])


def show(node: str) -> None:
    """Show the page of a concept."""
    concept = knowledge.concepts[node]
    sections = views.concept_sections(knowledge, node)
    disputes = next((len(section.entries) for section in sections if section.title == "In conflict"), 0)
    st.title(plain(concept.label))
    with st.container(horizontal=True):
        st.badge(concept.kind.capitalize(), color="gray")
        if concept.must_not_miss:
            st.badge("must not miss", color="red")
        if disputes:
            st.badge(f"sources disagree on {disputes} point{'s' if disputes > 1 else ''}", color="orange")
    review.mark(kg, [node])
    st.html(head_html(knowledge, concept, address))
    with st.container(horizontal=True, vertical_alignment="center"):
        if concept.kind != "diagnosis":
            widgets.link("Use in the differential", "10_differential", f=[node])
        widgets.link("Explore around it", "20_explore", show=[node])
        widgets.link("Edit", "60_contribute", do=["edit"], node=[node])
        widgets.link("All concepts", "25_concepts")
        widgets.copy_link()
        if concept.kind == "diagnosis":
            widgets.sparql_behind("claims_of_a_diagnosis", diagnosis=node)
        else:
            widgets.sparql_behind("node_facts", node=node)
        with st.popover("Export"):
            st.download_button(
                "Triples as Turtle",
                data=lambda: ontology.turtle_of(kg.store.answer(f"DESCRIBE <{node}>").body).encode(),
                file_name=f"{local_name(node)}.ttl",
                mime="text/turtle",
                on_click="ignore",
            )
    if len(sections) > 3:
        st.html(contents_html(sections))
    for section in sections:
        st.header(plain(section.title), anchor=anchor(section.title))
        st.html(section_html(section, address))
    if not sections:
        st.info("No source says anything about it yet. Its kinds and parts above may have more.")


def browse(by: Grouping) -> None:
    """Show the lists."""
    st.title("Concepts")
    if st.session_state.get("grouping") != by:
        st.session_state.grouping = by
    st.segmented_control(
        "List the diagnoses",
        list(views.GROUPINGS),
        key="grouping",
        format_func=lambda name: views.GROUPINGS[name],
        on_change=on_grouping,
    )
    groups = views.browse(knowledge, by)
    shown = len({member.iri for group in groups for member in group.members})
    kind = "concepts" if by == "kind" else "diagnoses"
    total = len(knowledge.concepts)
    if by != "kind":
        total = sum(1 for concept in knowledge.concepts.values() if concept.kind == "diagnosis")
    st.markdown(f"{shown} of {total} {kind} under {len(groups)} headings; open one to see them.")
    widgets.copy_link()
    half = (len(groups) + 1) // 2
    for column, part in zip(st.columns(2, gap="large"), (groups[:half], groups[half:]), strict=True):
        column.html(browse_html(part, address))


st.html(f"<style>{STYLE}</style>")
st.selectbox(
    "Find a concept",
    sorted(knowledge.concepts, key=lambda node: knowledge.label(node).casefold()),
    index=None,
    key="concept_search",
    format_func=lambda node: f"{knowledge.label(node)} ({knowledge.kind(node)})",
    on_change=on_search,
    placeholder="Any finding, site, look, context or diagnosis",
)
wanted = widgets.from_address(knowledge, "c", ["finding", "morphology", "site", "context", "diagnosis"])
if wanted:
    show(wanted[0])
else:
    given = st.query_params.get("by", "region")
    if given not in views.GROUPINGS:
        st.warning("The address asks for a list that does not exist; shown is the one by region.")
        given = "region"
    browse(cast("Grouping", given))
