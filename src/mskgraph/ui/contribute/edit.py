"""Edit, delete or put out of use any node, and see before what rests on it."""

from __future__ import annotations

import streamlit as st
from rdflib import DCTERMS, SKOS

from mskgraph import KnowledgeGraph
from mskgraph.curation import node_forms, nodes, removal
from mskgraph.curation.fields import Field, forms
from mskgraph.graph import Knowledge
from mskgraph.store import Patch
from mskgraph.ui import widgets
from mskgraph.ui.contribute import Wanted, meanwhile, nowhere, shapes
from mskgraph.ui.contribute.draft import Draft
from mskgraph.ui.contribute.fields import Fields
from mskgraph.ui.widgets import plain

TITLE = "Edit or delete"
CHANGE, DELETE, DEPRECATE = "change it", "delete it", "put it out of use"


def show(fields: Fields) -> None:
    """Show what can be edited, and its form."""
    draft, kg = fields.draft, fields.kg
    node = _chosen(fields)
    if not node:
        st.markdown("Find what is to be edited. Cases and concepts have a link to here on their own pages, too.")
        return
    if node in forms(kg).fixed:
        st.info(plain(f"{nodes.called(kg, node)} belongs to the schema, which is not changed here."))
        return
    kind = nodes.class_of(kg, node)
    part = node_forms.root_part(kg, kind)
    if draft.held("filled") != node:
        _fill(kg, draft, part, kind, node)
    shapes.defaults(kg, draft, part, kind, meanwhile.before(draft))
    for name in ("node", "filled", "before", "theirs", "node words"):
        draft.defaults[name] = draft.held(name)
    called, label = nodes.called(kg, node), forms(kg).labels[kind]
    st.header(plain(called if called.startswith(label) else f"{called} ({label})"))
    stays = str(SKOS.Concept) in forms(kg).above[kind]  # as others may have written its name down
    way = fields.way("What is to be done?", "way", [CHANGE, DEPRECATE] if stays else [CHANGE, DELETE, DEPRECATE])
    if way == CHANGE:
        meanwhile.tell(fields, part, kind, node)
        shapes.show(fields, part, kind, node)
    if way == DEPRECATE:
        place = Field(str(DCTERMS.isReplacedBy), "What takes its place", kind="node", classes=(kind,))
        others = nodes.options(kg, place, node)
        fields.one(place.label, "replaced by", list(others), others.__getitem__)
    with st.expander("What rests on it", expanded=way != CHANGE):
        impact(removal.impact(kg, node))


def _chosen(fields: Fields) -> str:
    """Show how to find a node, and return the one that is chosen; at first the one that the address names."""
    draft = fields.draft
    named = widgets.named(st.query_params.get("node", ""))
    if not named:
        st.session_state.pop("edit named", None)
    if named and draft.held("node") != named and st.session_state.get("edit named") != named:
        st.session_state["edit named"] = named
        draft.fresh()
        draft.put("node", named)
    return shapes.node_field(fields, "Find what to edit", "node")


def _fill(kg: KnowledgeGraph, draft: Draft, part: str, kind: str, node: str) -> None:
    filled = nodes.filled(kg, node)
    shapes.fill(kg, draft, part, kind, filled)
    draft.put("filled", node)
    meanwhile.begin(draft, filled)


def impact(found: removal.Impact) -> None:
    """Show what rests on a node."""
    listed = {(kind, f", {relation}"): some for (kind, relation), some in found.users.items()}
    listed |= {("Parts that go with it", ""): found.parts, ("Cases", ""): found.cases}
    for (kind, relation), some in listed.items():
        labels = [each.label.removeprefix(f"{kind}: ") for each in some.shown]
        widgets.bullets(f"{kind}{relation}: {len(some.shown)} of {some.count}", labels)
    if found.relation_count:
        widgets.bullets(f"Relations: {len(found.relations)} of {found.relation_count}", found.relations)
    if not (found.users or found.cases.count or found.relation_count):
        st.markdown("Nothing rests on it.")


def wanted(now: KnowledgeGraph, draft: Draft) -> Wanted:
    """Return the edit.

    :raises MskGraphError: if it cannot be: others use what is to be deleted, or have changed the same meanwhile
    """
    node = draft.held("node", "")
    if not node:
        return Wanted(Patch(), lambda _: {"node": ["Choose what to edit."]}, ())
    way = draft.held("way", CHANGE)
    if way == DELETE:
        return Wanted(removal.deletion(now, node), nowhere, ())
    if way == DEPRECATE:
        if not draft.held("replaced by"):
            return Wanted(Patch(), lambda _: {"replaced by": ["Choose what takes its place."]}, ())
        return Wanted(removal.deprecation(now, node, draft.held("replaced by")), nowhere, (node,))
    kind = nodes.class_of(now, node)
    before = meanwhile.before(draft)
    after = shapes.changed(now, draft, node_forms.root_part(now, kind), kind, node, before)
    said = node_forms.edit_draft(now, node, after)
    if said.slips:
        return Wanted(Patch(), lambda _: said.at_fields([]), ())
    patch = node_forms.edit_patch(now, node, before, after)
    return Wanted(patch, said.at_fields if patch else lambda _: {"": ["Nothing is changed yet."]}, (node,))


def in_short(draft: Draft, knowledge: Knowledge) -> str:
    """Return what is done with what."""
    node = draft.held("node", "")
    what = {DELETE: "Delete", DEPRECATE: "Out of use"}.get(draft.held("way", CHANGE), "Edit")
    return f"{what}: {knowledge.label(node) if node in knowledge.lexicon.kinds else node.rpartition('/')[2]}"[:200]
