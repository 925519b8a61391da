"""Graphs as files that leave the program."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from mskgraph.ui.graph_view import KINDS, network_of

if TYPE_CHECKING:
    from mskgraph.views import Drawing

_FOREIGN: Final = re.compile(r"<(link|script)\b[^>]*\b(?:href|src)=[^>]*>(?:\s*</script>)?")
_STYLE: Final = """
<style>
  body { font-family: system-ui, sans-serif; color: #111827; background: #ffffff; margin: 1.5rem; }
  .card { border: 1px solid #9ca3af; }
  #mynetwork { float: none !important; border: 0 !important; }
  table { border-collapse: collapse; margin: 1rem 0 2rem; }
  caption { text-align: left; font-weight: bold; padding: 0.3rem 0; }
  th, td { border: 1px solid #9ca3af; padding: 0.25rem 0.6rem; text-align: left; vertical-align: top; }
</style>
"""


def standalone_html(drawing: Drawing, title: str = "Knowledge graph", note: str = "") -> str:
    """One HTML file with the graph, and below it the same as tables; it loads nothing and works offline.

    The page comes from pyvis, which links Bootstrap from a foreign host and leaves headings unescaped: the
    links are taken out, and all that comes from the drawing either goes through its JSON or is escaped.

    :param drawing: what to show
    :param title: heading and title of the page
    :param note: a line below the heading, such as the version of the knowledge
    :returns: the page
    """
    network = network_of(drawing)
    network.height = "640px"
    for node in network.nodes:
        # vis-network shows popups as markup once pyvis finds "href" in a title, so the file has no titles;
        # the tables have the details.
        del node["detail"]
        badge = node.pop("badge")
        node["label"] += f"\n{badge}" if badge else ""
        node["shapeProperties"] = {"borderDashes": [6, 4] if node["kind"] == "more" else False}
    for edge in network.edges:
        edge |= {"color": "#4b5563", "font": {"color": "#111827", "strokeWidth": 4}, "smooth": False}
    network.options.interaction.hideEdgesOnDrag = len(drawing.edges) > 800
    page = _FOREIGN.sub("", network.generate_html())
    page = re.sub(r"<center>\s*<h1>.*?</center>", "", page, flags=re.DOTALL)
    head = f'<html lang="en">\n<head>\n<title>{escape(title)}</title>{_STYLE}'
    page = re.sub(r"<html>\s*<head>", lambda _: f"<!DOCTYPE html>\n{head}", page, count=1)
    count = _count(drawing)
    intro = f"<main>\n<h1>{escape(title)}</h1>\n<p>{escape(note)}</p>\n<p>{escape(count)}</p>\n"
    page = page.replace("<body>", f"<body>\n{intro}", 1)
    picture = f'<div id="mynetwork" role="img" aria-label="{escape(title)}; the tables below say the same"'
    page = page.replace('<div id="mynetwork"', picture, 1)
    before, _, after = page.rpartition("</body>")
    return f"{before}{_tables(drawing)}</main>\n</body>{after}"


def _count(drawing: Drawing) -> str:
    nodes, edges = len(drawing.nodes), len(drawing.edges)
    return (
        f"{nodes} of {max(nodes, drawing.total_nodes)} nodes and "
        f"{edges} of {max(edges, drawing.total_edges)} edges shown."
    )


def _tables(drawing: Drawing) -> str:
    labels = {node.id: node.label for node in drawing.nodes}
    nodes = [
        (node.label, KINDS[node.kind].name if node.kind in KINDS else node.kind, node.detail, node.badge)
        for node in drawing.nodes
    ]
    edges = [
        (labels.get(edge.source, edge.source), edge.label, labels.get(edge.target, edge.target))
        for edge in drawing.edges
    ]
    return _table("Nodes", ("Label", "Kind", "Detail", "Mark"), nodes) + _table(
        "Edges", ("From", "Relation", "To"), edges
    )


def _table(caption: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f"<table>\n<caption>{escape(caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n"
    )
