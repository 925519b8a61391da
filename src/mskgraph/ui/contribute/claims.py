"""Add a claim: that a diagnosis goes with a feature, how often, and who says so."""

from __future__ import annotations

import streamlit as st

from mskgraph import KnowledgeGraph, curation
from mskgraph.curation import forms
from mskgraph.curation.forms import ClaimForm, HowOften
from mskgraph.graph import Knowledge
from mskgraph.terms import FEATURE_KINDS
from mskgraph.ui.contribute import Wanted
from mskgraph.ui.contribute.draft import Draft
from mskgraph.ui.contribute.fields import Fields, source_of

TITLE = "Add a claim"
STATED = {"percent-range": "95-98 %", "count": "13 of 20", "word": "classic", "order-of-magnitude": "<< 1 %"}


def show(fields: Fields) -> None:
    """Show the form of a claim."""
    label, claim = fields.knowledge.label, fields.asked("Association")
    left, right = st.columns(2)
    with left:
        diagnoses = fields.of_kind("diagnosis")
        fields.one(**claim("Diagnosis", "claim diagnosis"), options=diagnoses, called=label)
    with right:
        features = fields.of_kind(*FEATURE_KINDS)
        feature = claim("Feature that goes with it", "claim feature")
        fields.one(**feature, options=features, called=fields.with_kind)
    left, right = st.columns(2)
    with left:
        sites, at = fields.of_kind("site"), claim("Only at these sites", "claim atSite")
        fields.several(**at, options=sites, called=label, placeholder="anywhere")
    with right:
        if _is_described(fields.draft, fields.knowledge):
            findings, described = fields.of_kind("finding"), claim("Of which finding", "claim ofFinding")
            fields.one(**described, options=findings, called=label, placeholder="of none")
    with st.container(border=True):
        _how_often(fields)
    fields.source(**claim("Source", "claim source"))
    left, right = st.columns(2)
    with left:
        fields.text(**claim("Where in the source", "claim locator"), placeholder="table 2, row 1")
        fields.listed(**claim("Confidence", "claim confidence"), of="Confidence")
        modalities, technique = fields.offered["Modality"], claim("Technique", "claim modality")
        fields.several(**technique, options=list(modalities), called=modalities.__getitem__)
    with right:
        fields.text(**claim("In whom", "claim population"), placeholder="adults with shoulder pain")
        fields.listed(**claim("How you know the source", "claim verification"), of="Verification")
        fields.text(**claim("Note on the claim", "claim note"))


def _how_often(fields: Fields) -> None:
    """Show the fields for how often, in the form in which the source says it."""
    question, which = "How often does the source say?", "Of those with the diagnosis, how many have the feature."
    way = fields.way(question, "claim estimate", list(forms.FORMS), forms.FORMS.__getitem__, help=which)
    if way == forms.NOT_STATED:
        return
    percentage = {"min_value": 0.0, "max_value": 100.0, "step": 0.1, "format": "%g"}
    estimate = fields.helps("Estimate")
    left, middle, right = st.columns(3)
    with left:
        if way == "percent-range":
            fields.number("From, in percent", "estimate lower", help="24.7 % alone is 24.65 to 24.75.", **percentage)
        elif way == "count":
            fields.number("n", "estimate numerator", min_value=0, step=1, help=estimate["numerator"])
        elif way == "word":
            word = estimate["frequencyWord"]
            fields.listed("Word of the table", "estimate frequencyWord", "FrequencyWord", help=word)
        else:
            few = {"min_value": 1, "max_value": 9, "step": 1}
            fields.number("How many <", "estimate marks", help=estimate["marks"], **few)
    with middle:
        if way == "percent-range":
            fields.number("To, in percent", "estimate upper", **percentage)
        elif way == "count":
            fields.number("of m", "estimate denominator", min_value=1, step=1, help=estimate["denominator"])
        elif way == "order-of-magnitude":
            fields.number("Less than, in percent", "estimate upper", **percentage)
    with right:
        fields.text("As the source words it", "estimate stated", placeholder=STATED[way], help=estimate["stated"])


def _is_described(draft: Draft, knowledge: Knowledge) -> bool:
    """Return whether the chosen feature is one that describes a finding."""
    feature = draft.held("claim feature")
    return feature in knowledge.concepts and knowledge.kind(feature) in ("morphology", "site")


def wanted(now: KnowledgeGraph, draft: Draft) -> Wanted:
    """Return the claim that is filled in."""
    form = _filled_in(draft, now.knowledge)
    said = forms.claim_draft(form, forms.is_taken(now.store))
    return Wanted(curation.additions(now, said.graph), said.at_fields, (form.diagnosis or "",))


def _filled_in(draft: Draft, knowledge: Knowledge) -> ClaimForm:
    held = draft.held
    numbers = ("lower", "upper", "numerator", "denominator", "frequencyWord", "marks")
    return ClaimForm(
        diagnosis=held("claim diagnosis"),
        feature=held("claim feature"),
        of_finding=held("claim ofFinding") if _is_described(draft, knowledge) else None,
        sites=tuple(held("claim atSite", ())),
        how_often=HowOften(
            held("claim estimate", forms.NOT_STATED),
            held("estimate stated", ""),
            *(held(f"estimate {name}") for name in numbers),
        ),
        confidence=held("claim confidence"),
        modalities=tuple(held("claim modality", ())),
        population=held("claim population", ""),
        locator=held("claim locator", ""),
        source=source_of(draft, "claim"),
        verification=held("claim verification"),
        note=held("claim note", ""),
    )


def in_short(draft: Draft, knowledge: Knowledge) -> str:
    """Return the claim by what it connects."""
    named = [draft.held(f"claim {name}") for name in ("diagnosis", "feature")]
    labels = [knowledge.label(name) for name in named if name]
    return f"Claim: {': '.join(labels)}" if labels else ""
