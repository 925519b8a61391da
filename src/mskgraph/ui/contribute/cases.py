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
    draft, label, case = fields.draft, fields.knowledge.label, fields.asked("Case")
    fields.text(**case("Title", "case title"), placeholder="Calcification at the triceps tendon insertion")
    fields.text(**case("Description, in your own words", "case description"), area=True)
    fields.source(**case("Source", "case source"))
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
        contexts = fields.of_kind("context")
        fields.several(**case("Context", "case context"), options=contexts, called=label)
    with right:
        diagnoses = fields.of_kind("diagnosis")
        fields.several(**case("Stated diagnosis", "case statedDiagnosis"), options=diagnoses, called=label)
    fields.text(**case("Note on the case", "case note"))


def _observation(fields: Fields, number: int) -> None:
    part, label, seen = f"observation-{number}", fields.knowledge.label, fields.asked("Observation")
    findings, sites, looks = (fields.of_kind(kind) for kind in ("finding", "site", "morphology"))
    with st.container(border=True):
        st.markdown(f"**Observation {number}**")
        left, middle, right = st.columns(3)
        with left:
            fields.one(**seen(f"Finding {number}", f"{part} finding"), options=findings, called=label)
        with middle:
            site = seen(f"Site {number}", f"{part} site")
            fields.one(**site, options=sites, called=label, placeholder="not stated")
        with right:
            fields.listed(**seen(f"Side {number}", f"{part} side"), of="Side", placeholder="not stated")
        left, middle, right = st.columns(3)
        with left:
            fields.several(**seen(f"How it looks {number}", f"{part} morphology"), options=looks, called=label)
        with middle:
            fields.text(**seen(f"Note {number}", f"{part} note"))
        with right:
            fields.way(**seen(f"Seen {number}", f"{part} present"), options=["present", "absent"])


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
