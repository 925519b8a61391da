"""What a picture is: nodes and edges with every place set, in columns or around a node."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mskgraph.graph import Knowledge

NodeKind = Literal["finding", "morphology", "site", "context", "diagnosis", "case", "claim", "class", "more"]


_LINE = 22  # characters on a line of a node


COLUMN = 270.0  # pixels from one column of a picture of paths to the next

_ROOM = (24.0, 18.0)  # pixels between two boxes
_RINGS = 500  # around a place, which is more than pictures need
_ANGLES = np.linspace(0, 2 * np.pi, 32, endpoint=False)
_AROUND = np.stack([14 * np.cos(_ANGLES), 9 * np.sin(_ANGLES)], axis=1)  # pixels; boxes are wider than high

Place = tuple[float, float]
"""Pixels to the right and downwards."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node as drawn.

    :ivar id: what a click reports
    :ivar label: the words on it, unwrapped
    :ivar kind: decides shape and colour
    :ivar x: pixels to the right
    :ivar y: pixels downwards
    :ivar detail: plain text shown on hover
    :ivar badge: short text after the label, such as "+12" for neighbours not drawn
    """

    id: str
    label: str
    kind: NodeKind
    x: float
    y: float
    detail: str = ""
    badge: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge as drawn, from source to target; dashed where sources disagree."""

    id: str
    source: str
    target: str
    label: str = ""
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """Nodes and edges with their places, and how many there would be without the limit."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    total_nodes: int = 0
    total_edges: int = 0


def node_of(knowledge: Knowledge, node: str, x: float = 0, y: float = 0, badge: str = "") -> Node:
    """Return a concept or case as a node."""
    concept = knowledge.concepts.get(node)
    detail = concept.definition if concept else knowledge.cases[node].description
    return Node(node, knowledge.label(node), knowledge.kind(node), x, y, detail, badge)


def columns_of(nodes: Mapping[str, Node], edges: Iterable[Edge]) -> dict[str, int]:
    """Return the column of each node: right of all that lead to it, cases in the last one.

    A finding and a kind of it, both seen, lead to each other; then only the first of the two edges counts.
    """
    steps: dict[tuple[str, str], None] = {}
    for edge in edges:
        if (edge.target, edge.source) not in steps:
            steps[edge.source, edge.target] = None
    columns = dict.fromkeys(nodes, 0)
    for _ in nodes:
        late = [(start, end) for start, end in steps if columns[end] <= columns[start]]
        if not late:
            break
        for start, end in late:
            columns[end] = max(columns[end], columns[start] + 1)
    last = max(columns.values(), default=0)
    return {node: last if nodes[node].kind == "case" else column for node, column in columns.items()}


def in_columns(nodes: Mapping[str, Node], columns: Mapping[str, int], edges: Mapping[str, Edge]) -> tuple[Node, ...]:
    """Place nodes in columns; in one, by the mean height of their neighbours to the left, so that lines cross less."""
    left: defaultdict[str, list[str]] = defaultdict(list)
    for edge in edges.values():
        left[edge.target].append(edge.source)
    by_column: defaultdict[int, list[str]] = defaultdict(list)
    for node in nodes:
        by_column[columns[node]].append(node)
    height: dict[str, float] = {}
    for column in sorted(by_column):
        members = by_column[column]
        if column:
            members.sort(key=lambda n: _mean([height[m] for m in left[n] if m in height]))
        top = -sum(height_of(nodes[n]) for n in members) / 2
        for node in members:
            height[node] = top + height_of(nodes[node]) / 2
            top += height_of(nodes[node])
    # Columns are numbered with gaps where no claim stands between two concepts.
    place = {column: index for index, column in enumerate(sorted(set(columns.values())))}
    return tuple(replace(node, x=COLUMN * place[columns[i]], y=height[i]) for i, node in nodes.items())


def tallest_column(drawing: Drawing) -> int:
    """Return how many nodes stand above each other at most."""
    columns: defaultdict[float, int] = defaultdict(int)
    for node in drawing.nodes:
        columns[node.x] += 1
    return max(columns.values(), default=0)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _lines(label: str) -> int:
    return max(1, math.ceil(len(label) / (_LINE - 4)))  # words do not fill a line to its end


def height_of(node: Node) -> float:
    """Return the pixels that a node takes in a column, room around it included."""
    return 17.0 * _lines(node.label) + 34


def size_of(label: str) -> tuple[float, float]:
    """Return the width and height in pixels of a node with a label."""
    return 7.4 * min(len(label) + 4, _LINE) + 22, 17.0 * _lines(label) + 18


def pushed_apart(places: Mapping[str, Place], labels: Mapping[str, str], movable: Collection[str]) -> dict[str, Place]:
    """Return places of nodes at which no two boxes overlap: each in turn takes the free place nearest to its own.

    :param places: pixels to the right and downwards
    :param labels: of the nodes, which tell the size of their boxes
    :param movable: the nodes that may be moved; the others stay, and may overlap each other
    """
    order = sorted(places, key=lambda node: node in movable)  # those that stay come first
    sizes = np.array([size_of(labels[node]) for node in order]) + _ROOM
    centres = np.array([places[node] for node in order], dtype=float)
    for number, node in enumerate(order):
        if node not in movable:
            continue
        least = (sizes[:number] + sizes[number]) / 2
        for ring in range(_RINGS):
            spots = centres[number] + ring * _AROUND
            covers = (np.abs(spots[:, None] - centres[:number]) < least).all(axis=2).any(axis=1)
            if not covers.all():
                centres[number] = spots[np.argmin(covers)]
                break
    return {node: (float(x), float(y)) for node, (x, y) in zip(order, centres, strict=True)}


def edge_rows(drawing: Drawing) -> list[dict[str, str]]:
    """Return the edges of a drawing as rows with the keys From, Relation, To: the same content as the picture."""
    labels = {node.id: node.label for node in drawing.nodes}
    return [{"From": labels[e.source], "Relation": e.label, "To": labels[e.target]} for e in drawing.edges]
