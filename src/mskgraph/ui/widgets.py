"""Pieces that every page uses: the opened knowledge, state in the address, safe text, tables, drawings, errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import pandas
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from mskgraph import KnowledgeGraph, __version__
from mskgraph.errors import MskGraphError
from mskgraph.store import example
from mskgraph.terms import Kind, iri, local_name
from mskgraph.ui.export import standalone_html
from mskgraph.views import percent, unknown

if TYPE_CHECKING:
    from mskgraph.graph import Knowledge
    from mskgraph.views import Drawing

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&=\"'/@])")

# What Streamlit turns into symbols, its logo and links even where escaped: it looks for them in the text as read.
_SPELLED = re.compile(r"(?<=[<>~=-])(?=[->=])|(?<=:)(?=streamlit:)|(?<=://)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)
_NOTHING = ":small[]"  # an empty element parts the text, and leaves no mark in what somebody copies

NOTICE = "A teaching and reference tool, not a medical device."


def plain(text: str) -> str:
    """Return text so that Streamlit shows it as it is: nothing in it becomes markup, an icon, colour, formula or link.

    All white space becomes single spaces, as indents and line breaks are markup, too.

    >>> plain("<img src=x> :red[a] $x$")
    '\\\\<img src\\\\=x\\\\> \\\\:red\\\\[a\\\\] \\\\$x\\\\$'
    """
    return _NOTHING.join(_MARKUP.sub(r"\\\1", part) for part in _SPELLED.split(" ".join(text.split())))


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Show our own errors as a message with its remedy, instead of a trace."""
    try:
        yield
    except MskGraphError as error:
        st.error(plain(str(error)))


def opened() -> tuple[KnowledgeGraph, Knowledge]:
    """Return the knowledge as it is in the files now; unchanged files are not read again."""
    kg = KnowledgeGraph.open()
    return kg, kg.knowledge


def forget_gone_widgets() -> None:
    """Let the session forget the widgets that are not on the page that was just drawn.

    Streamlit drops their values, but keeps their callbacks and with these what the script held that drew them: a page
    that stays open would hold every knowledge that it ever showed. It offers no way to say so but its own parts.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    with suppress(AttributeError):  # a later Streamlit may call them otherwise: a test tells
        session, drawn = context.session_state, context.shared.widget_ids_this_run.snapshot()
        with session._lock:
            st.session_state.get("any")  # ends this run if the next has begun, which draws widgets of its own
            known = session._state._new_widget_state.widget_metadata
            for gone in known.keys() - drawn:
                if not any(one in gone for one in drawn):  # the events of a component are widgets named after it
                    del known[gone]


def footer() -> None:
    """Say on every page what this is and which version of the knowledge it shows."""
    about = f"{NOTICE} mskgraph {__version__}."
    with suppress(MskGraphError):  # the page has told it
        kg, knowledge = opened()
        about += (
            f" Knowledge {kg.content_hash[:12]}: {len(knowledge.concepts)} concepts, {len(knowledge.sourced)} claims, "
            f"{len(knowledge.cases)} cases. Sources are on the page Model."
        )
    st.divider()
    st.markdown(plain(about))


# State in the address


def from_address(knowledge: Knowledge, name: str, kinds: Collection[Kind] = ()) -> list[str]:
    """Return the IRIs that a parameter of the address names, each once; what the ontology does not know is told.

    :param name: parameter, which may occur several times
    :param kinds: kinds of concept that make sense here; all if empty
    """
    found: dict[str, None] = {}
    for value in st.query_params.get_all(name):
        concept = named(value)
        concept = knowledge.lexicon.replaced.get(concept, concept)
        kind = knowledge.lexicon.kinds.get(concept)
        if kind is None or (kinds and kind not in kinds):
            st.warning(plain(f'The address names "{value[:80]}", which is not in this version of the knowledge.'))
        else:
            found[concept] = None
    return list(found)


def named(value: str) -> str:
    """Return the IRI that a value of the address names; empty if it cannot be a name of ours."""
    return iri(value) if re.fullmatch(r"[\w.-]+", value) else ""


def to_address(**parameters: Sequence[str]) -> None:
    """Put the state of the page into the address; IRIs of ours are shortened, empty parameters left out."""
    st.query_params.from_dict({name: short(values) for name, values in parameters.items() if values})


def short(values: Sequence[str]) -> list[str]:
    """Return IRIs of ours without their namespace, as addresses carry them."""
    return [local_name(value) for value in values]


def link(text: str, page: str, **parameters: Sequence[str]) -> None:
    """Show a link to another page in a given state.

    :param page: name of the screen's file
    """
    query = [(name, value) for name, values in parameters.items() for value in short(values)]
    st.page_link(f"screens/{page}.py", label=plain(text), query_params=query)


def sparql_behind(name: str, **values: str | Sequence[str]) -> None:
    """Show a link to the page Query with a query of the package that gives what this page shows.

    :param name: of the query, as :func:`mskgraph.store.query_text` takes it with its values
    """
    st.page_link("screens/50_query.py", label="SPARQL behind this", query_params={"q": example(name, **values).text})


def copy_link() -> None:
    """Show the address of the page as it stands, with a button that copies it."""
    with st.popover("Link to this view"):
        st.markdown("Opens the same view in another browser.")
        st.code(address(), language=None, wrap_lines=True)


def address() -> str:
    """Return the full address of the page in its present state."""
    base = urlsplit(st.context.url or "")
    query = urlencode([(name, value) for name in st.query_params for value in st.query_params.get_all(name)])
    return urlunsplit((base.scheme, base.netloc, base.path, query, ""))


# Tables and drawings


def interval_bar(bounds: tuple[float, float], ends: tuple[float, float]) -> None:
    """Show a probability interval as a bar on a log-odds axis; the tick in the middle is 50 %.

    :param bounds: of the probability
    :param ends: where the bar begins and ends, as shares of the axis
    """
    start, width = 100 * ends[0], max(2.0, 100 * (ends[1] - ends[0]))
    words = f"posterior probability {percent(bounds)}"
    kind = "bar open" if unknown(bounds) else "bar"
    st.html(
        f'<div role="img" aria-label="{words}" title="{words}" class="interval">'
        f'<div class="{kind}" style="margin-left:{min(start, 98):.1f}%;width:{width:.1f}%"></div></div>',
        width=110,
    )


def table(rows: Sequence[Mapping[str, str]], empty: str, key: str | None = None) -> None:
    """Show rows as a table that can be sorted, searched and saved as CSV.

    :param empty: what to say if there are none
    """
    if not rows:
        st.markdown(empty)
        return
    st.dataframe(pandas.DataFrame(rows), hide_index=True, width="stretch", key=key)


def bullets(title: str, texts: Sequence[str]) -> None:
    """Show texts as a list under a title, if there is one, or nothing if there are no texts."""
    if texts:
        head = [f"**{plain(title)}**", ""] if title else []
        st.markdown("\n".join([*head, *(f"- {plain(text)}" for text in texts)]))


def text_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Show a few rows whole, with long texts wrapped; columns that are empty throughout are left out."""
    used = [name for name in rows[0] if any(row[name] for row in rows)] if rows else []
    st.table(pandas.DataFrame([{plain(name): plain(row[name]) for name in used} for row in rows]), hide_index=True)


def shown_of(drawing: Drawing) -> str:
    """Return how many of the nodes are drawn."""
    return f"{len(drawing.nodes)} of {drawing.total_nodes} nodes shown"


def exports(
    name: str,
    drawing: Drawing,
    rows: Sequence[Mapping[str, Any]],
    turtle: Callable[[], str],
    note: str = "",
) -> None:
    """Offer the view as files that work without this program; each is made when it is asked for.

    :param name: beginning of the file names
    :param rows: the table behind the view
    :param turtle: makes the triples behind the view
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "view"
    with st.popover("Export"):
        st.markdown("The picture is saved as PNG with the button on the graph.")
        _download("Table as CSV", lambda: pandas.DataFrame(rows).to_csv(index=False), f"{slug}.csv", "text/csv")
        _download("Graph as HTML", lambda: standalone_html(drawing, name, note), f"{slug}.html", "text/html")
        _download("Triples as Turtle", turtle, f"{slug}.ttl", "text/turtle")


def _download(label: str, make: Callable[[], str], file: str, mime: str) -> None:
    st.download_button(label, data=lambda: make().encode(), file_name=file, mime=mime, on_click="ignore")
