"""The SPARQL workbench: an editor with examples, and what a query gives as a table, graph, chart or text."""

from __future__ import annotations

import hashlib
import json
import threading
from typing import cast
from urllib.parse import urlsplit

import pandas
import streamlit as st

from mskgraph import views
from mskgraph.errors import MskGraphError, QueryError
from mskgraph.sparql import Finished, Request
from mskgraph.sparql.answering import GRAPHS, TABLES, query_timeout
from mskgraph.store import PERSONAS, Example, examples
from mskgraph.terms import PREFIXES, local_name
from mskgraph.ui import widgets
from mskgraph.ui.graph_view import GraphEvent, graph_view, network_of
from mskgraph.ui.query_editor import EditorError, query_editor
from mskgraph.ui.snippets import as_curl, as_python
from mskgraph.ui.widgets import plain

ROWS = 10_000  # or triples, that are shown; an export has all
LONGEST_LINK = 8_000  # characters of a query that an address can carry everywhere
REMEMBERED = 20  # queries in the history
RAW = 20_000  # characters of an answer shown as it is
EVERYBODY = "everybody"
FILES = {
    "text/csv": ("CSV", "csv"),
    "text/tab-separated-values": ("TSV", "tsv"),
    "application/sparql-results+json": ("JSON", "srj"),
    "application/sparql-results+xml": ("XML", "srx"),
    "text/turtle": ("Turtle", "ttl"),
    "application/n-triples": ("N-Triples", "nt"),
    "application/rdf+xml": ("RDF/XML", "rdf"),
    "application/ld+json": ("JSON-LD", "jsonld"),
}
START = """# Which findings have the most possible causes?
SELECT ?finding ?label (COUNT(DISTINCT ?diagnosis) AS ?causes)
WHERE {
  ?diagnosis msk:mayCause ?finding .
  ?finding skos:prefLabel ?label .
}
GROUP BY ?finding ?label
ORDER BY DESC(?causes)
LIMIT 20
"""

kg, knowledge = widgets.opened()
state = st.session_state


def edit(text: str) -> None:
    """Put a text into the editor."""
    state.query_text = text
    state.query_revision = state.get("query_revision", 0) + 1


def on_change(text: str) -> None:
    """Remember what is being edited."""
    state.query_text = text


def on_run(text: str) -> None:
    """Run what is in the editor, anew if it ran before, and put it into the address."""
    state.query_text = state.query_ran = text
    state.pop("query_outcome", None)
    state.pop("query_export", None)
    state.query_history = [text, *(old for old in state.get("query_history", []) if old != text)][:REMEMBERED]
    st.query_params.from_dict({"q": text} if len(text) <= LONGEST_LINK else {})


def on_select(event: GraphEvent) -> None:
    """Tell about the node that was clicked."""
    if event.element == "node":
        state.query_node = event.id


def outcome(text: str) -> Finished | MskGraphError:
    """Return what a query gives, or why nothing; kept until another one runs or the knowledge changes."""
    key = (kg.content_hash, kg.url, text)
    held = state.get("query_outcome")
    if held and held[0] == key:
        return cast("Finished | MskGraphError", held[1])
    timeout, place = query_timeout(), st.empty()
    place.markdown("Running …")
    found: Finished | MskGraphError
    try:
        found = kg.worker.run(
            Request(text, timeout, rows=ROWS),
            lambda passed: place.markdown(f"Running for {passed:.0f} s; stopped after {timeout:g} s."),
        )
    except MskGraphError as error:
        found = error
    place.empty()
    state.query_outcome = (key, found)
    return found


def mark() -> EditorError | None:
    """Return where the text that ran last is wrong, once that is known."""
    error = state.get("query_outcome", (None, None))[1]
    if isinstance(error, QueryError) and error.line and error.column:
        return EditorError(error.line, error.column, str(error))
    return None


def matching(search: str, persona: str) -> list[Example]:
    """Return the examples for somebody whose title or description has all words of a search."""
    return [
        example
        for example in examples()
        if persona in (EVERYBODY, example.persona)
        and all(word in f"{example.title} {example.description}".casefold() for word in search.casefold().split())
    ]


def gallery() -> None:
    """Show the examples and what ran before."""
    st.header("Examples")
    search = st.text_input("Search the examples", key="example_search", placeholder="such as sensitive, source, tendon")
    persona = st.selectbox("For", [EVERYBODY, *PERSONAS], key="example_persona")
    found = matching(search, persona)
    total = len(examples())
    st.markdown(f"{len(found)} of {total} examples" + ("" if found else ". Take fewer words."))
    with st.container(height=420, border=True):
        for example in found:
            st.button(
                plain(example.title),
                key=f"example {example.name}",
                help=plain(example.description),
                type="tertiary",
                on_click=edit,
                args=(example.text,),
            )
    if history := state.get("query_history"):
        st.header("History")
        for number, text in enumerate(history):
            lines = [line for line in text.splitlines() if line.strip() and not line.upper().startswith("PREFIX")]
            st.button(
                plain(" ".join(lines)[:60]) or "(empty)",
                key=f"history {number}",
                type="tertiary",
                on_click=edit,
                args=(text,),
            )


class Export:
    """A file that is made while somebody waits for it, apart from the run of the page that shows how it ends.

    :ivar error: why it could not be made
    """

    def __init__(self, text: str, media: str) -> None:
        self.error = ""
        self._request = Request(text, query_timeout(), table=media, graph=media)
        self._ended = threading.Event()

    def make(self) -> bytes:
        """Return all of the answer."""
        try:
            return kg.worker.run(self._request).answer.body
        except MskGraphError as error:
            self.error = str(error)
            raise
        finally:
            self._ended.set()

    def is_of(self, text: str) -> bool:
        """Return whether it has the answer to a query."""
        return self._request.query == text

    def wait(self) -> None:
        """Wait until it is made or not."""
        self._ended.wait(self._request.timeout + 10)


def on_export(export: Export) -> None:
    """Remember what is being made."""
    state.query_export = export


def export(text: str, kind: str) -> None:
    """Offer the whole answer as files, and the query for use elsewhere."""
    with st.popover("Export"):
        st.markdown("All of the answer, not only what is shown; made when you click, under the limits of a query.")
        for media in GRAPHS if kind == "graph" else TABLES:
            name, suffix = FILES[media]
            made = Export(text, media)
            st.download_button(
                name, data=made.make, file_name=f"result.{suffix}", mime=media, on_click=on_export, args=(made,)
            )
    with st.popover("Use in a program"):
        here = urlsplit(st.context.url or "")
        endpoint = f"{here.scheme}://{here.netloc}/sparql"
        media = GRAPHS[0] if kind == "graph" else "text/csv"
        st.markdown("On the command line")
        st.code(as_curl(endpoint, text, media), language="bash", wrap_lines=True)
        st.markdown("In Python")
        st.code(as_python(endpoint, text, media), language="python", wrap_lines=True)
    link_to(text)


def exported(text: str) -> None:
    """Say why the file that was asked for last could not be made, once that is known."""
    asked = state.get("query_export")
    if asked is None or not asked.is_of(text):
        return
    with st.spinner("Making the file"):
        asked.wait()
    if asked.error:
        st.error(plain(f"There is no file. {asked.error}"))


def link_to(text: str) -> None:
    """Offer the address of what ran, if it fits into one."""
    if len(text) <= LONGEST_LINK:
        widgets.copy_link()
    else:
        st.markdown(f"No link: it could hold a query of at most {LONGEST_LINK} characters.")


def picture(drawing: views.Drawing, name: str) -> None:
    """Show a drawing, the node that is selected in it, and its edges as a table."""
    if not drawing.nodes:
        st.markdown("Nothing in this answer links two resources.")
        return
    st.markdown(f"{widgets.shown_of(drawing)}, {len(drawing.edges)} of {drawing.total_edges} links.")
    selected = state.get("query_node")
    node = next((node for node in drawing.nodes if node.id == selected), None)
    graph_view(
        network_of(drawing),
        key="query_graph",
        graph_id=name,
        label="Answer as a graph",
        selected=node.id if node else None,
        on_select=on_select,
    )
    if node:
        st.markdown(f"**{plain(node.label)}** {plain(node.detail)}")
        st.code(node.id, language=None, wrap_lines=True)
        if node.id in knowledge.concepts:
            widgets.link("Open its page", "25_concepts", c=[node.id])
        elif node.id in knowledge.cases:
            widgets.link("Open the case", "30_cases", case=[node.id])
        elif local_name(node.id) != node.id:
            st.link_button("Open its page", f"/resource/{local_name(node.id)}")
    widgets.table(views.edge_rows(drawing), "No links.")


def show(found: Finished, text: str) -> None:
    """Show an answer, in one of the ways that fit."""
    answer, end, seconds = found
    if answer.kind == "ask":
        yes = json.loads(answer.body)["boolean"]
        st.markdown(f"**{'Yes' if yes else 'No'}** ({seconds:.2f} s)")
        export(text, "ask")
        exported(text)
        return
    unit = "triples" if answer.kind == "graph" else "rows"
    counted = f"{end.rows} {unit if end.rows != 1 else unit[:-1]} in {seconds:.2f} s."
    if end.truncated:
        counted = f"The first {end.rows} {unit} in {seconds:.2f} s; there are more. Export them, or use LIMIT."
    st.markdown(counted)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    triples = answer.triples() if answer.kind == "graph" else []
    rows = views.ResultTable.of_triples(triples) if triples else views.ResultTable.of(json.loads(answer.body))
    labels = kg.labels(rows.iris())
    chart = None if triples else rows.chart(labels)
    ways = ["Table", *(["Graph"] if triples or rows.edges() else []), *(["Chart"] if chart else []), "Raw"]
    if state.get("query_way") not in ways:
        state.query_way = ways[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        way = st.segmented_control("Show as", ways, key="query_way") or ways[0]
        export(text, answer.kind)
    exported(text)
    if way == "Table" and rows.rows:
        given = st.toggle("Show IRIs", key="query_iris")
        frame = pandas.DataFrame(rows.as_given() if given else rows.shown(labels))
        st.dataframe(frame, hide_index=True, width="stretch", key=f"result {name}")
    elif way == "Table":
        st.info("Nothing fits. Ask for less at once; completion in the editor offers the terms that there are.")
    elif way == "Graph":
        drawing = (
            views.triples_drawing(knowledge, triples, labels)
            if triples
            else views.edges_drawing(knowledge, rows.edges(), labels)
        )
        picture(drawing, name)
    elif chart and way == "Chart":
        naming, bars, lengths = chart
        frame = pandas.DataFrame({naming: bars, **lengths})
        st.bar_chart(frame, x=naming, y=list(lengths), horizontal=True, sort=False)
    else:
        body = answer.body.decode()
        if len(body) > RAW:
            st.markdown(f"The first {RAW} of {len(body)} characters; an export has all.")
        st.code(body[:RAW], language="json" if answer.kind == "select" else None, wrap_lines=True)


given = st.query_params.get("q", "")
if given and given != state.get("query_ran"):  # a link was opened, or one went back
    edit(given)
    state.query_ran = given
elif "query_revision" not in state:
    edit(START)

st.title("Query")
st.markdown("Ask the knowledge in SPARQL 1.1. The prefixes of the page Model need no declaration.")
for warning in kg.store.warnings:
    st.warning(plain(warning))
main, side = st.columns([7, 3], gap="large")
with side:
    gallery()
with main:
    marked = mark()
    query_editor(
        state.query_text,
        key="query_editor",
        revision=str(state.query_revision),
        label="SPARQL query",
        error=marked,
        prefixes=PREFIXES,
        on_run=on_run,
        on_change=on_change,
    )
    if ran := state.get("query_ran"):
        found = outcome(ran)
        if mark() != marked:  # known only now: the editor is to show it
            st.rerun()
        if isinstance(found, MskGraphError):
            st.error(plain(str(found)))
            link_to(ran)
        else:
            show(found, ran)
    else:
        st.info("Run this query, change it, or choose an example.")
    with st.expander("For programs"):
        here = urlsplit(st.context.url or "")
        st.markdown(
            "The same is answered by the SPARQL 1.1 Protocol at this address, "
            f"each query for at most {query_timeout():g} s:"
        )
        st.code(f"{here.scheme}://{here.netloc}/sparql", language=None)
