"""Add triples as Turtle, typed or from a file."""

from __future__ import annotations

import streamlit as st

from mskgraph import KnowledgeGraph, curation
from mskgraph.graph import Knowledge
from mskgraph.store import Patch
from mskgraph.ui.contribute import Wanted, about, nowhere
from mskgraph.ui.contribute.draft import Draft
from mskgraph.ui.contribute.fields import Fields

TITLE = "Add Turtle"
EXAMPLE = """@prefix msk: <https://w3id.org/mskgraph/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .

msk:cysticercosis skos:altLabel "another name"@en ."""


def show(fields: Fields) -> None:
    """Show the fields for Turtle."""
    key = fields.draft.key("turtle")
    st.text_area("Turtle", key=key, height=320, placeholder=EXAMPLE, persist_state="session")
    fields.wrong("turtle")
    fields.file("Or a file of Turtle", ["ttl", "nt"])


def wanted(now: KnowledgeGraph, draft: Draft) -> Wanted:
    """Return what the text and the file add.

    :raises PatchInvalid: naming the line that cannot be read
    """
    text, file = draft.held("turtle", ""), draft.held("file")
    if not (text.strip() or file):
        return Wanted(Patch(), lambda _: {"turtle": ["Write Turtle here, or choose a file."]}, ())
    graph = curation.graph_in(text.encode(), "Your Turtle")
    if file:
        name, content = file
        graph += curation.graph_in(content, name)
    patch = curation.additions(now, graph)
    return Wanted(patch, nowhere, tuple(sorted(patch.subjects())))


def in_short(draft: Draft, knowledge: Knowledge) -> str:
    """Return the file's name, or that it is Turtle, and what that is about."""
    file = draft.held("file")
    return f"Turtle{f' {file[0]}' if file else ''}{about(draft, knowledge)}"[:200]
