"""Add a diagnosis, a finding, a source, or whatever else the shapes know, by the form that they give it."""

from __future__ import annotations

from mskgraph import KnowledgeGraph, curation
from mskgraph.curation import node_forms
from mskgraph.curation.fields import forms
from mskgraph.graph import Knowledge
from mskgraph.terms import iri
from mskgraph.ui.contribute import Wanted, shapes
from mskgraph.ui.contribute.draft import Draft
from mskgraph.ui.contribute.fields import Fields

TITLE = "Add a concept or source"
FIRST = [iri(name) for name in ("Diagnosis", "Finding", "Site", "Morphology", "Context", "Source")]
"""What is offered first; the rest comes by its label."""


ELSEWHERE = [iri(name) for name in ("Case", "Association")]
"""What has a form of its own."""


def show(fields: Fields) -> None:
    """Show what can be added, and the form of what is chosen."""
    labels = forms(fields.kg).labels
    kinds = [*FIRST, *sorted(labels.keys() - {*FIRST, *ELSEWHERE}, key=labels.__getitem__)]
    fields.draft.defaults["kind"] = FIRST[0]
    fields.one("What is it?", "kind", kinds, labels.__getitem__, index=0)
    kind = _kind(fields.draft)
    shapes.show(fields, node_forms.root_part(fields.kg, kind), kind)


def _kind(draft: Draft) -> str:
    chosen: str = draft.held("kind") or FIRST[0]
    return chosen


def wanted(now: KnowledgeGraph, draft: Draft) -> Wanted:
    """Return what is filled in."""
    kind = _kind(draft)
    form = shapes.filled_in(now, draft, node_forms.root_part(now, kind), kind)
    said = node_forms.node_draft(now, kind, form)
    return Wanted(curation.additions(now, said.graph), said.at_fields, (said.node,))


def in_short(draft: Draft, knowledge: Knowledge) -> str:
    """Return what is added by its label or title."""
    fields = draft.fields()
    named = next((fields[name] for name in fields if name.endswith((" prefLabel", " title")) and fields[name]), "")
    return f"New: {named}"[:200] if named else ""
