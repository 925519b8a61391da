"""What the knowledge is made of: classes and relations, how much of each, and where it comes from."""

from __future__ import annotations

import streamlit as st

from mskgraph import views
from mskgraph.store import query_text, select
from mskgraph.terms import PREFIXES, curie, local_name
from mskgraph.ui import widgets
from mskgraph.ui.graph_view import graph_view, network_of
from mskgraph.ui.widgets import plain

kg, knowledge = widgets.opened()

st.title("Model")
st.markdown(
    "Concepts are joined by relations. Each relation that is not a matter of definition rests on at least one claim, "
    "and each claim is one source's. Numbers on the lines count relations in the knowledge as it stands."
)
classes = select(kg.store, query_text("class_counts"))
counts = {row["class"]: row["individuals"] for row in classes}
relations = [
    {**row, "label": knowledge.relations[row["relation"]].label}
    for row in select(kg.store, query_text("schema_relations"))
    if row["relation"] in knowledge.relations
]
drawing = views.schema_drawing(relations, counts)
graph_view(network_of(drawing), key="schema", graph_id="schema", label="Classes of the model and their relations")
with st.container(horizontal=True):
    widgets.copy_link()
    widgets.sparql_behind("schema_relations")
    widgets.exports("Model", drawing, classes, lambda: kg.export("ttl"), widgets.NOTICE)
st.header("Relations")
widgets.table(
    [
        {
            "From": local_name(row["from"]),
            "Relation": row["label"],
            "To": local_name(row["to"]),
            "Uses": row["uses"],
        }
        for row in relations
    ],
    "No relations.",
)
st.header("Classes")
widgets.table(
    [
        {
            "Class": row["label"],
            "Individuals": row["individuals"],
            "Meaning": row.get("comment", ""),
            "Name": curie(row["class"]),
        }
        for row in classes
    ],
    "No classes.",
)
st.header("Sources")
widgets.table(
    [
        {
            "Source": row["title"],
            "Citation": row["citation"],
            "Claims": row["claims"],
            "Kind": row.get("kind", ""),
            "Address": row.get("url", ""),
        }
        for row in select(kg.store, query_text("sources"))
    ],
    "No sources.",
)
st.header("Version")
st.markdown(plain(f"Content {kg.content_hash}, {len(kg.files)} files."))
widgets.table([{"Prefix": prefix, "Namespace": namespace} for prefix, namespace in PREFIXES.items()], "")
