"""What a SPARQL query gave, ready to show: as a table of names, as a graph, as numbers for a chart."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import networkx

from mskgraph.graph import Knowledge, local_name_of
from mskgraph.terms import curie
from mskgraph.views.drawing import Drawing, Edge, Node, NodeKind, Place, pushed_apart, size_of
from mskgraph.views.exploring import MAX_NODES

_NUMBERS: Final = frozenset(("integer", "decimal", "double", "float", "nonNegativeInteger", "int", "long"))
_ENDS: Final = (("from", "to"), ("s", "o"), ("subject", "object"), ("source", "target"), ("start", "end"))
_BETWEEN: Final = ("relation", "p", "predicate", "property")
_CHART_ROWS: Final = 50  # bars that can be told apart
_TEXT: Final = 300  # characters of a node's text
_BETWEEN_PARTS: Final = 60.0  # pixels


Triple = tuple[str, str, Mapping[str, str]]
"""Subject, predicate, and object as SPARQL Results JSON has it."""


@dataclass(frozen=True, slots=True)
class ResultTable:
    """The rows of a SELECT.

    :ivar names: variables, in the order of the query
    :ivar rows: terms as SPARQL Results JSON has them; an unbound variable is absent
    """

    names: tuple[str, ...]
    rows: tuple[Mapping[str, Mapping[str, str]], ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> ResultTable:
        """Return the rows of a document of SPARQL Results JSON."""
        return cls(tuple(document["head"]["vars"]), tuple(document["results"]["bindings"]))

    @classmethod
    def of_triples(cls, triples: Iterable[Triple]) -> ResultTable:
        """Return triples as rows."""
        rows = ({"subject": _resource(s), "predicate": _resource(p), "object": o} for s, p, o in triples)
        return cls(("subject", "predicate", "object"), tuple(rows))

    def iris(self) -> set[str]:
        """Return all IRIs that occur."""
        return {term["value"] for row in self.rows for term in row.values() if term["type"] == "uri"}

    def shown(self, labels: Mapping[str, str]) -> dict[str, list[object]]:
        """Return the columns as they are read: labels for IRIs, numbers as numbers.

        :param labels: of IRIs; one without is shown as a CURIE
        """
        return {name: self._column(name, lambda iri: labels.get(iri) or curie(iri)) for name in self.names}

    def as_given(self) -> dict[str, list[object]]:
        """Return the columns with IRIs as CURIEs, or whole where no prefix fits."""
        return {name: self._column(name, curie) for name in self.names}

    def _column(self, name: str, of_iri: Callable[[str], str]) -> list[object]:
        terms = [row.get(name) for row in self.rows]
        if any(terms) and all(term is None or _is_number(term) for term in terms):
            return [None if term is None else _number(term["value"]) for term in terms]
        return [
            "" if term is None else of_iri(term["value"]) if term["type"] == "uri" else term["value"] for term in terms
        ]

    def _holds(self, name: str, test: Callable[[Mapping[str, str]], bool]) -> bool:
        terms = [row[name] for row in self.rows if name in row]
        return bool(terms) and all(map(test, terms))

    def edges(self) -> list[tuple[str, str, str]]:
        """Return the rows as edges, of IRI, relation and IRI, if that is what they are.

        They are if two variables that name its ends, such as ``?from`` and ``?to``, have IRIs, or else the first two
        variables that have.
        """
        resources = [name for name in self.names if self._holds(name, lambda term: term["type"] == "uri")]
        ends = next((pair for pair in _ENDS if set(pair) <= set(resources)), None)
        if ends is None:
            ends_left = [name for name in resources if name not in _BETWEEN][:2]
            if len(ends_left) < 2:
                return []
            ends = (ends_left[0], ends_left[1])
        between = next((name for name in _BETWEEN if name in self.names), None)
        return [
            (row[ends[0]]["value"], row[between]["value"] if between and between in row else "", row[ends[1]]["value"])
            for row in self.rows
            if ends[0] in row and ends[1] in row
        ]

    def chart(self, labels: Mapping[str, str]) -> tuple[str, list[str], dict[str, list[float]]] | None:
        """Return the title of the bars, their names, and their lengths by variable; ``None`` if no bars can be drawn.

        They can if there is a variable that tells few rows apart, and one with numbers.
        """
        numeric = [name for name in self.names if self._holds(name, _is_number)]
        columns = self.shown(labels)
        naming = next(
            (
                name
                for name in self.names
                if name not in numeric and len({str(value) for value in columns[name]}) == len(self.rows)
            ),
            None,
        )
        if naming is None or not numeric or not 2 <= len(self.rows) <= _CHART_ROWS:
            return None
        lengths = {name: [float(row[name]["value"]) if name in row else 0.0 for row in self.rows] for name in numeric}
        return naming, [str(value) for value in columns[naming]], lengths


def _resource(name: str) -> dict[str, str]:
    return {"type": "bnode" if name.startswith("_:") else "uri", "value": name}


def _is_number(term: Mapping[str, str]) -> bool:
    if local_name_of(term.get("datatype", "")) not in _NUMBERS:
        return False
    try:
        return math.isfinite(float(term["value"]))
    except ValueError:
        return False


def _number(text: str) -> float | int:
    return int(text) if text.lstrip("+-").isdecimal() else float(text)


def edges_drawing(
    knowledge: Knowledge,
    edges: Iterable[tuple[str, str, str]],
    labels: Mapping[str, str],
    details: Mapping[str, str] | None = None,
) -> Drawing:
    """Return edges between IRIs as a drawing: the first :data:`MAX_NODES` nodes, and the edges between them.

    :param edges: IRI, relation (an IRI, words or nothing) and IRI
    :param labels: of nodes and relations
    :param details: plain text shown on hover
    """
    relations: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    seen: dict[str, None] = {}
    for start, relation, end in edges:
        words = labels.get(relation) or local_name_of(relation)
        if words not in relations[start, end]:
            relations[start, end].append(words)
        seen[start] = seen[end] = None
    drawn = list(seen)[:MAX_NODES]
    kept = {pair: words for pair, words in relations.items() if set(pair) <= set(drawn)}
    names = {iri: labels.get(iri) or curie(iri) for iri in drawn}
    places = _places(names, kept)
    nodes = tuple(
        Node(iri, name, _kind(knowledge, iri), *places[iri], (details or {}).get(iri, ""))
        for iri, name in names.items()
    )
    lines = tuple(Edge(f"{start}|{end}", start, end, "\n".join(words)) for (start, end), words in kept.items())
    return Drawing(nodes, lines, len(seen), len(relations))


def triples_drawing(knowledge: Knowledge, triples: Iterable[Triple], labels: Mapping[str, str]) -> Drawing:
    """Return triples as a drawing: those between IRIs as edges, the others as text of their subject.

    :param labels: of nodes and relations
    """
    details: defaultdict[str, list[str]] = defaultdict(list)
    edges = []
    for subject, predicate, value in triples:
        if value["type"] in ("uri", "bnode"):
            edges.append((subject, predicate, value["value"]))
        else:
            details[subject].append(f"{labels.get(predicate) or local_name_of(predicate)}: {value['value']}")
    return edges_drawing(knowledge, edges, labels, {node: "\n".join(said)[:_TEXT] for node, said in details.items()})


def _kind(knowledge: Knowledge, iri: str) -> NodeKind:
    if iri in knowledge.claims:
        return "claim"
    return knowledge.lexicon.kinds.get(iri, "class")


def _places(labels: Mapping[str, str], edges: Iterable[tuple[str, str]]) -> dict[str, Place]:
    """Place what hangs together by itself, the largest first, in rows about as wide as a screen."""
    graph = networkx.Graph()
    graph.add_nodes_from(labels)
    graph.add_edges_from(edges)
    order = {node: number for number, node in enumerate(labels)}
    parts = [sorted(part, key=order.__getitem__) for part in networkx.connected_components(graph)]
    pictures = [_spread(graph, part, labels) for part in sorted(parts, key=lambda part: (-len(part), order[part[0]]))]
    sizes = [_size(picture, labels) for picture in pictures]
    width = max([*(wide for wide, _ in sizes), math.sqrt(1.6 * sum(wide * high for wide, high in sizes))], default=0)
    places: dict[str, Place] = {}
    left = top = tallest = 0.0
    for picture, (wide, high) in zip(pictures, sizes, strict=True):
        if left and left + wide > width:
            left, top, tallest = 0.0, top + tallest, 0.0
        places |= {node: (left + x, top + y) for node, (x, y) in picture.items()}
        left, tallest = left + wide, max(tallest, high)
    return places


def _spread(graph: networkx.Graph, part: Sequence[str], labels: Mapping[str, str]) -> dict[str, Place]:
    """Return places of nodes that hang together, none left of or above zero."""
    alone = networkx.Graph()
    alone.add_nodes_from(part)
    alone.add_edges_from(graph.edges(part))
    scale = 40.0 * len(part) ** 0.7  # many lines need more room each
    # Seeded, so that the same result looks the same again.
    found = networkx.spring_layout(alone, seed=1, iterations=80)
    places = pushed_apart({node: (1.5 * scale * x, scale * y) for node, (x, y) in found.items()}, labels, set(part))
    boxes = {node: size_of(labels[node]) for node in part}
    left, top = (min(places[node][axis] - boxes[node][axis] / 2 for node in part) for axis in (0, 1))
    return {node: (x - left, y - top) for node, (x, y) in places.items()}


def _size(picture: Mapping[str, Place], labels: Mapping[str, str]) -> Place:
    """Return the width and height of a picture, room to the next one included."""
    wide, high = (
        max(place[axis] + size_of(labels[node])[axis] / 2 for node, place in picture.items()) for axis in (0, 1)
    )
    return wide + _BETWEEN_PARTS, high + _BETWEEN_PARTS
