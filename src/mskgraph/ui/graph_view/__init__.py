"""The graph on the page: a Streamlit component that draws a pyvis network and says what was clicked.

Python owns what is drawn (nodes, edges, places, kinds); the browser owns where the reader has moved things
and what part is in sight. So a rerun never moves a node.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

import streamlit as st
from pyvis.network import Network

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

    from mskgraph.views import Drawing

WRAP: Final = 22
MAX_LINES: Final = 4


@dataclass(frozen=True)
class KindStyle:
    """How one kind of node looks. Colour never stands alone: every kind has its own outline.

    :ivar name: what the legend calls it
    :ivar fill: colour of the inside; light, so that dark text reads on it in both themes
    :ivar border: colour of the outline; between black and white, so that it shows in both themes
    :ivar text: colour of the label
    :ivar outline: shape in the browser program, drawn by ``graph_view.js``
    :ivar shape: nearest shape that vis-network knows by itself, for files that leave the program
    """

    name: str
    fill: str
    border: str
    text: str
    outline: str
    shape: str


_INK: Final = "#111827"

KINDS: Final[Mapping[str, KindStyle]] = MappingProxyType(
    {
        "finding": KindStyle("Finding", "#dbeafe", "#2563eb", _INK, "rectangle", "box"),
        "morphology": KindStyle("Morphology", "#dcfce7", "#15803d", _INK, "pill", "ellipse"),
        "site": KindStyle("Site", "#ffedd5", "#c2410c", _INK, "hexagon", "hexagon"),
        "context": KindStyle("Context", "#f3e8ff", "#9333ea", _INK, "parallelogram", "triangleDown"),
        "diagnosis": KindStyle("Diagnosis", "#ffe4e6", "#e11d48", _INK, "octagon", "diamond"),
        "case": KindStyle("Case", "#fef9c3", "#a16207", _INK, "document", "square"),
        "claim": KindStyle("Claim", "#e2e8f0", "#64748b", _INK, "trapezium", "triangle"),
        "class": KindStyle("Class", "#cffafe", "#0e7490", _INK, "frame", "star"),
        "more": KindStyle("More, not shown", "#f9fafb", "#6b7280", _INK, "dashed", "text"),
    }
)
"""Look of every kind of node: the one table of colours, in the order of the legend."""

_OTHER: Final = "class"


@dataclass(frozen=True)
class GraphEvent:
    """What a reader did in a graph.

    :ivar kind: ``select`` for a click or Enter, ``expand`` for a double click or Shift+Enter
    :ivar id: id of the node or edge
    :ivar element: which of the two it is
    """

    kind: Literal["select", "expand"]
    id: str
    element: Literal["node", "edge"]


def wrap(label: str) -> str:
    """Break a label into short lines; what does not fit in four of them ends in an ellipsis.

    :param label: label in one line
    :returns: the same with line breaks
    """
    lines = textwrap.wrap(label, WRAP, break_long_words=False)
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - 1], lines[MAX_LINES - 1] + " …"]
    return "\n".join(lines)


def network_of(drawing: Drawing) -> Network:
    """Put a drawing into a pyvis network.

    Nodes and edges are appended as plain dicts: pyvis's own ``add_node`` and ``add_edge`` search all
    earlier ones each time, which takes seconds from 2,000 nodes on.

    :param drawing: nodes with places, and edges
    :returns: network with physics off
    """
    network = Network(directed=True, cdn_resources="in_line")
    network.toggle_physics(False)
    for node in drawing.nodes:
        kind = node.kind if node.kind in KINDS else _OTHER
        style = KINDS[kind]
        label = wrap(node.label)
        network.nodes.append(
            {
                "id": node.id,
                "label": label,
                "kind": kind,
                "x": node.x,
                "y": node.y,
                "detail": "\n".join(filter(None, (node.label if "\n" in label else "", node.detail))),
                "badge": node.badge,
                "shape": style.shape,
                "color": {"background": style.fill, "border": style.border},
                "font": {"color": style.text},
            }
        )
        network.node_ids.append(node.id)
    network.node_map = {node["id"]: node for node in network.nodes}
    network.edges.extend(
        {
            "id": edge.id,
            "from": edge.source,
            "to": edge.target,
            "label": edge.label,
            "dashes": edge.dashed,
            "arrows": "to",
        }
        for edge in drawing.edges
    )
    return network


_HTML: Final = """
<div class="bar" role="group" aria-label="Graph tools">
  <button type="button" data-act="fit">Fit</button>
  <button type="button" data-act="in" aria-label="Zoom in">+</button>
  <button type="button" data-act="out" aria-label="Zoom out">−</button>
  <button type="button" data-act="png">Save PNG</button>
</div>
<div class="graph"></div>
<ul class="legend" aria-label="Kinds of nodes"></ul>
<p class="hint" id="graph-keys">Arrow keys move from node to node, Enter selects, Shift+Enter expands,
plus and minus zoom, 0 fits, Escape leaves. The same content is in the table beside the graph.</p>
<p role="status"></p>
"""


@cache
def _component() -> ComponentRenderer:
    # Not on import: without a running Streamlit, the folder of the files is not known yet.
    return st.components.v2.component("mskgraph.graph_view", html=_HTML, css="graph_view.css", js="graph_view.js")


def graph_view(
    network: Network,
    *,
    key: str,
    graph_id: str,
    label: str,
    height: int = 560,
    selected: str | None = None,
    lit: Collection[str] | None = None,
    legend: bool = True,
    on_select: Callable[[GraphEvent], None] | None = None,
    on_expand: Callable[[GraphEvent], None] | None = None,
) -> None:
    """Draw a network and listen to the reader.

    The callbacks run before the script does, so that a click costs one rerun: change session state in
    them. A double click selects with its first click and then expands.

    :param network: network made by :func:`network_of`
    :param key: name of this place on the page; must not be used for anything else in session state
    :param graph_id: name of what is drawn: places and zoom are kept per ``graph_id``, and a new one fits
    :param label: what the picture shows, for those who do not see it; names the PNG, too
    :param height: height of the canvas in pixels
    :param selected: node or edge with a thick border
    :param lit: nodes and edges drawn in full while all others are dimmed; ``None`` dims nothing
    :param legend: whether to explain the kinds below the graph
    :param on_select: called after a click on a node or an edge
    :param on_expand: called after a double click on a node
    """
    known = {
        "node": frozenset(node["id"] for node in network.nodes),
        "edge": frozenset(edge["id"] for edge in network.edges),
    }

    def hand_on(kind: Literal["select", "expand"], callback: Callable[[GraphEvent], None] | None) -> None:
        event = _event(kind, st.session_state.get(key), known)
        if event is not None and callback is not None:
            callback(event)

    _component()(
        key=key,
        data=_data(network, graph_id, label, height, selected, lit, legend),
        on_select_change=lambda: hand_on("select", on_select),
        on_expand_change=lambda: hand_on("expand", on_expand),
    )


def _event(kind: Literal["select", "expand"], state: Any, known: Mapping[str, Collection[str]]) -> GraphEvent | None:
    # It comes from a browser: take nothing that was not drawn.
    value = state.get(kind) if isinstance(state, Mapping) else None
    if not isinstance(value, Mapping):
        return None
    identifier, element = value.get("id"), value.get("element")
    if element not in ("node", "edge") or not isinstance(identifier, str) or identifier not in known[element]:
        return None
    return GraphEvent(kind, identifier, element)


def _data(
    network: Network,
    graph_id: str,
    label: str,
    height: int,
    selected: str | None,
    lit: Collection[str] | None,
    legend: bool,
) -> dict[str, Any]:
    nodes = [
        {
            "id": node["id"],
            "label": node["label"],
            "kind": node["kind"],
            "x": node["x"],
            "y": node["y"],
            "title": node["detail"],
            "badge": node["badge"],
        }
        for node in network.nodes
    ]
    edges = [
        {
            "id": edge["id"],
            "source": edge["from"],
            "target": edge["to"],
            "label": edge["label"],
            "dashed": edge["dashes"],
        }
        for edge in network.edges
    ]
    return {
        "graph": graph_id,
        "label": label,
        "filename": f"{_slug(label)}.png",
        "height": height,
        "selected": selected,
        "lit": None if lit is None else sorted(lit),
        "legend": legend,
        "kinds": {kind: asdict(style) for kind, style in KINDS.items()},
        "nodes": nodes,
        "edges": edges,
    }


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-") or "graph"
