"""Add one triple with three pickers: a node, one of the properties it may have, and what fits there."""

from __future__ import annotations

import streamlit as st

from mskgraph import KnowledgeGraph
from mskgraph.curation import node_forms, nodes
from mskgraph.graph import Knowledge
from mskgraph.store import Patch
from mskgraph.terms import curie
from mskgraph.ui.contribute import Wanted, nowhere, shapes
from mskgraph.ui.contribute.draft import Draft
from mskgraph.ui.contribute.fields import Fields
from mskgraph.ui.widgets import plain

TITLE = "Add one triple"


def show(fields: Fields) -> None:
    """Show the three pickers, each as soon as the one before is chosen."""
    draft, kg = fields.draft, fields.kg
    node = shapes.node_field(fields, "About what", "node")
    if not node:
        st.markdown("Find what is to be said more about.")
        return
    offered = {field.key: field for field in nodes.properties_for(kg, node) if not field.own}
    if not offered:
        st.info("There is nothing more to say about it: all its properties are full.")
        return
    fields.one("Which property", "property", list(offered), lambda key: offered[key].label)
    field = offered.get(draft.held("property"))
    if field is None:
        return
    if field.help:
        st.markdown(plain(field.help))
    offer = shapes.offered(kg, field, node)
    if offer is not None:
        fields.one("Value", f"value {field.key}", list(offer), offer.__getitem__)
    else:
        fields.text("Value", f"value {field.key}", area=field.kind == "text")


def wanted(now: KnowledgeGraph, draft: Draft) -> Wanted:
    """Return the triple.

    :raises PatchInvalid: if the value cannot be one of the property
    """
    node, key = draft.held("node", ""), draft.held("property", "")
    value = draft.held(f"value {key}", "")
    asked = {"node": "Choose what it is about.", "property": "Choose a property.", f"value {key}": "Give the value."}
    missing = [name for name, held in zip(asked, (node, key, value), strict=True) if not held]
    if missing:
        return Wanted(Patch(), lambda _: {missing[0]: [asked[missing[0]]]}, ())
    return Wanted(node_forms.triple_patch(now, node, key, value), nowhere, (node,))


def in_short(draft: Draft, knowledge: Knowledge) -> str:
    """Return what more is said about what."""
    node, value = draft.held("node", ""), draft.held(f"value {draft.held('property', '')}", "")
    labels = knowledge.lexicon.labels
    said = [labels.get(each) or curie(each) for each in (node, value) if each]
    return f"More about {': '.join(said)}"[:200] if node else ""
