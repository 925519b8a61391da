"""Add a case."""

from __future__ import annotations

import streamlit as st

from mskgraph import KnowledgeGraph, curation
from mskgraph.curation import forms
from mskgraph.curation.forms import CaseForm, Seen
from mskgraph.graph import Knowledge
from mskgraph.ui.contribute import Wanted
from mskgraph.ui.contribute.draft import Draft
from mskgraph.ui.contribute.fields import Fields, source_of

TITLE = "Add a case"


def show(fields: Fields) -> None:
    """Show the form of a case."""
    draft, knowledge = fields.draft, fields.knowledge
    fields.text("Title", "case title", placeholder="Calcification at the triceps tendon insertion")
    fields.text("Description, in your own words", "case description", area=True)
    fields.source("case")
    count = draft.held("observations", 1)
    draft.defaults["observations"] = 1
    for number in range(1, count + 1):
        _observation(fields, number)
    with st.container(horizontal=True):
        st.button("Add an observation", on_click=draft.put, args=("observations", count + 1))
        if count > 1:
            st.button(f"Take observation {count} out", on_click=draft.put, args=("observations", count - 1))
    fields.wrong("case observation")
    left, right = st.columns(2)
    with left:
        fields.several("Context", "case context", fields.of_kind("context"), knowledge.label)
    with right:
        fields.several("Stated diagnosis", "case statedDiagnosis", fields.of_kind("diagnosis"), knowledge.label)
    fields.text("Note on the case", "case note")


def _observation(fields: Fields, number: int) -> None:
    part, label = f"observation-{number}", fields.knowledge.label
    with st.container(border=True):
        st.markdown(f"**Observation {number}**")
        left, middle, right = st.columns(3)
        with left:
            fields.one(f"Finding {number}", f"{part} finding", fields.of_kind("finding"), label)
        with middle:
            fields.one(f"Site {number}", f"{part} site", fields.of_kind("site"), label, placeholder="not stated")
        with right:
            fields.listed(f"Side {number}", f"{part} side", "Side", placeholder="not stated")
        left, middle, right = st.columns(3)
        with left:
            fields.several(f"How it looks {number}", f"{part} morphology", fields.of_kind("morphology"), label)
        with middle:
            fields.text(f"Note {number}", f"{part} note")
        with right:
            fields.way(f"Seen {number}", f"{part} present", ["present", "absent"])


def wanted(now: KnowledgeGraph, draft: Draft) -> Wanted:
    """Return the case that is filled in."""
    said = forms.case_draft(_filled_in(draft), forms.is_taken(now.store))
    return Wanted(curation.additions(now, said.graph), said.at_fields, (said.node,))


def _filled_in(draft: Draft) -> CaseForm:
    held = draft.held
    return CaseForm(
        held("case title", ""),
        held("case description", ""),
        source_of(draft, "case"),
        tuple(_seen(draft, f"observation-{number}") for number in range(1, held("observations", 1) + 1)),
        tuple(held("case context", ())),
        tuple(held("case statedDiagnosis", ())),
        held("case note", ""),
    )


def _seen(draft: Draft, part: str) -> Seen:
    return Seen(
        draft.held(f"{part} finding"),
        draft.held(f"{part} present", "present") == "present",
        draft.held(f"{part} site"),
        draft.held(f"{part} side"),
        tuple(draft.held(f"{part} morphology", ())),
        draft.held(f"{part} note", ""),
    )


def in_short(draft: Draft, _knowledge: Knowledge) -> str:
    """Return the case by its title."""
    title = draft.held("case title", "").strip()
    return f"Case: {title}"[:200] if title else ""
