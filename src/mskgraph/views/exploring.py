"""The graph opened step by step from one concept: what is drawn, and where."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from mskgraph.graph import Knowledge, Path
from mskgraph.views.drawing import Drawing, Edge, Place, node_of, pushed_apart
from mskgraph.views.words import quantity, source_words

MAX_NODES = 150
"""Labels stay readable up to about this many nodes."""


EXPAND_BY = 15
"""How many neighbours one expansion adds."""


_KIND_ORDER = {"diagnosis": 0, "finding": 1, "morphology": 2, "site": 3, "context": 4, "case": 5}


@dataclass(frozen=True, slots=True)
class Exploration:
    """What is on the Explore page, as a list of what was done: the first opens a concept, each further one adds to it.

    :ivar shown: IRIs expanded, in order; one that occurs again adds its next neighbours; ``(a, b)`` adds the paths
        between two nodes
    """

    shown: tuple[str | tuple[str, str], ...]

    @property
    def origin(self) -> str:
        """The node that everything started from."""
        first = self.shown[0]
        return first if isinstance(first, str) else first[0]

    def expand(self, node: str) -> Exploration:
        """Return the exploration with a node's next neighbours added."""
        return Exploration((*self.shown, node))

    def collapse(self, node: str) -> Exploration:
        """Return the exploration without the neighbours that a node brought in; its first node stays."""
        rest = tuple(item for item in self.shown[1:] if item != node)
        return Exploration(self.shown[:1] + rest)

    def connect(self, start: str, end: str) -> Exploration:
        """Return the exploration with the paths between two nodes added."""
        return Exploration((*self.shown, (start, end)))


@dataclass(frozen=True, slots=True)
class ExplorationResult:
    """An exploration worked out.

    :ivar drawing: what is drawn
    :ivar paths: the paths of the last connection, shortest first
    :ivar lit: ids of the nodes and edges of those paths; ``None`` if there are none
    :ivar refused: what could not be added for want of room, in words
    """

    drawing: Drawing
    paths: tuple[Path, ...] = ()
    lit: frozenset[str] | None = None
    refused: str = ""


def explore(knowledge: Knowledge, exploration: Exploration, hidden: Collection[str] = ()) -> ExplorationResult:
    """Return the drawing of an exploration: at most :data:`MAX_NODES` nodes, old ones never moved by new ones.

    :param hidden: kinds of nodes that are left out of the picture
    """
    places: dict[str, Place] = {}
    paths: list[Path] = []
    refused = ""
    for item in exploration.shown:
        if isinstance(item, tuple):
            paths = knowledge.paths(*item)
            new = list(dict.fromkeys(node for path in paths for node in (path[0].start, *(s.end for s in path))))
            anchor = item[0]
        else:
            new = [item, *_next_neighbours(knowledge, item, places)]
            anchor = item
        new = [node for node in dict.fromkeys(new) if node not in places]
        if len(places) + len(new) > MAX_NODES:
            refused = f"No room: {len(new)} more nodes would pass the limit of {MAX_NODES}. Collapse a node first."
            continue
        _place(knowledge, places, new, anchor)
    visible = [node for node in places if knowledge.kind(node) not in hidden]
    edges = _edges_among(knowledge, visible)
    nodes = tuple(
        node_of(knowledge, node, *places[node], badge=_badge(_hidden_neighbours(knowledge, node, places)))
        for node in visible
    )
    reachable = {step.end for node in visible for step in knowledge.steps(node)} | set(visible)
    drawing = Drawing(nodes, edges, len(reachable), len(edges))
    return ExplorationResult(drawing, tuple(paths), _lit(paths, edges), refused)


def _lit(paths: Sequence[Path], edges: Iterable[Edge]) -> frozenset[str] | None:
    if not paths:
        return None
    walked = {frozenset((step.start, step.end)) for path in paths for step in path}
    nodes = {node for pair in walked for node in pair}
    return frozenset(nodes | {edge.id for edge in edges if frozenset((edge.source, edge.target)) in walked})


def _badge(count: int) -> str:
    return f"+{count}" if count else ""


def _neighbours(knowledge: Knowledge, node: str) -> list[str]:
    ends = dict.fromkeys(step.end for step in knowledge.steps(node))
    return sorted(ends, key=lambda end: (_KIND_ORDER[knowledge.kind(end)], knowledge.label(end)))


def _next_neighbours(knowledge: Knowledge, node: str, drawn: Collection[str]) -> list[str]:
    return [neighbour for neighbour in _neighbours(knowledge, node) if neighbour not in drawn][:EXPAND_BY]


def _hidden_neighbours(knowledge: Knowledge, node: str, drawn: Collection[str]) -> int:
    return sum(1 for neighbour in _neighbours(knowledge, node) if neighbour not in drawn)


def _edges_among(knowledge: Knowledge, nodes: Collection[str]) -> tuple[Edge, ...]:
    within = set(nodes)
    edges: dict[tuple[str, str, str], Edge] = {}
    for step in knowledge.edges:
        if step.start in within and step.end in within:
            claim = knowledge.claims.get(step.claim or "")
            key = (step.start, step.relation, step.end)
            dashed = bool(claim and claim.conflicts) or (key in edges and edges[key].dashed)
            label = knowledge.relations[step.relation].label
            edges[key] = Edge("|".join(key), step.start, step.end, label, dashed)
    return tuple(edges.values())


def _place(knowledge: Knowledge, places: dict[str, Place], new: Sequence[str], anchor: str) -> None:
    """Add places for new nodes around an anchor; nodes that have a place keep it."""
    import networkx

    if not new:
        return
    centre = places.get(anchor, (0.0, 0.0))
    graph = networkx.Graph()
    graph.add_nodes_from([*places, *new])
    graph.add_edges_from((edge.source, edge.target) for edge in _edges_among(knowledge, [*places, *new]))
    scale = 220.0
    start = {node: (x / scale, y / scale) for node, (x, y) in places.items()}
    for index, node in enumerate(new):
        angle = 2 * math.pi * index / len(new)
        start[node] = (centre[0] / scale + math.cos(angle), centre[1] / scale + math.sin(angle))
    fixed = list(places) or [new[0]]
    if not places:
        start[new[0]] = centre
    found = networkx.spring_layout(graph, k=1.1, pos=start, fixed=fixed, iterations=60, seed=1)
    for node in new:
        places[node] = (float(found[node][0]) * scale, float(found[node][1]) * scale)
    movable = set(new).difference(fixed)
    places |= pushed_apart(places, {node: knowledge.label(node) for node in places}, movable)


def relation_rows(knowledge: Knowledge, node: str) -> list[dict[str, str]]:
    """Return one row for each neighbour of a node: relation, neighbour, kind, how often, source.

    :returns: dictionaries of str with the keys Relation, Concept, Kind, How often, Source
    """
    rows = []
    for step in knowledge.steps(node):
        claim = knowledge.claims.get(step.claim or "")
        rows.append(
            {
                "Relation": knowledge.relations[step.relation].label,
                "Concept": knowledge.label(step.end),
                "Kind": knowledge.kind(step.end),
                "How often": quantity(claim) if claim else "",
                "Source": source_words(claim) if claim else "",
            }
        )
    return rows
