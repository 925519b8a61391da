"""The schema as a picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from mskgraph.terms import iri
from mskgraph.views.drawing import Drawing, Edge, Node

_SCHEMA_PLACES = {
    "Site": (0, -170),
    "Morphology": (0, 130),
    "Finding": (380, -20),
    "Diagnosis": (800, -20),
    "Case": (380, 240),
    "Context": (800, 240),
}


def schema_drawing(rows: Iterable[Mapping[str, str]], counts: Mapping[str, str]) -> Drawing:
    """Return the classes of concepts and the relations that join them.

    :param rows: of ``schema_relations.rq`` with the relation's label as ``label``
    :param counts: class IRI to number of individuals, as text
    """
    labels: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        labels[row["from"], row["to"]].append(f"{row['label']} ({row['uses']})")
    names = {iri(name): (name, x, y) for name, (x, y) in _SCHEMA_PLACES.items()}
    nodes = tuple(Node(full, name, "class", x, y, badge=counts.get(full, "0")) for full, (name, x, y) in names.items())
    edges = tuple(
        Edge(f"{start}|{end}", start, end, "\n".join(words))
        for (start, end), words in labels.items()
        if start in names and end in names
    )
    return Drawing(nodes, edges, len(nodes), len(edges))
