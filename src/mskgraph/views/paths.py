"""The paths of a differential as a picture, and the same as a table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from mskgraph.differential import Candidate, Differential
from mskgraph.graph import Claim, Knowledge
from mskgraph.views.answer import stands_out
from mskgraph.views.drawing import COLUMN, Drawing, Edge, Node, columns_of, height_of, in_columns, node_of
from mskgraph.views.words import notes_of, quantity, setting, source_words

PATH_NODES = 24
"""How many nodes a picture of paths holds while its labels can still be read."""


HAS_CASE = "has case"


def path_drawing(
    knowledge: Knowledge, result: Differential, selected: str | None = None, limit: int = PATH_NODES
) -> Drawing:
    """Return the paths from what is seen over claims to diagnoses and their cases, left to right.

    Candidates are drawn in shown order while there is room for all of their nodes, those that only share another's mass
    last; the selected one is always drawn, below the others if it came too late, so that selecting moves nothing.

    :param limit: nodes at most, without those of the selected candidate
    """
    drawn = sorted(result.candidates, key=lambda c: bool(c.parents) and not stands_out(c))
    pieces = {candidate.iri: _candidate_piece(knowledge, candidate) for candidate in drawn}
    every_node = {name: node for nodes, _ in pieces.values() for name, node in nodes.items()}
    every_edge = {edge.id: edge for _, lines in pieces.values() for edge in lines}
    columns = columns_of(every_node, every_edge.values())
    first: dict[str, Node] = {}
    extra: dict[str, Node] = {}
    edges: dict[str, Edge] = {}
    full = False
    for candidate, (nodes, lines) in pieces.items():
        full = full or (bool(first) and len({*first, *nodes}) > limit)
        if full and candidate != selected:
            continue
        (extra if full else first).update((name, node) for name, node in nodes.items() if name not in first)
        edges.update((edge.id, edge) for edge in lines)
    placed = in_columns(first, columns, edges)
    below = max((node.y for node in placed), default=0.0)
    rows: defaultdict[float, float] = defaultdict(lambda: below)
    for node in extra.values():
        x = COLUMN * columns[node.id]
        rows[x] += height_of(node)
        placed = (*placed, replace(node, x=x, y=rows[x]))
    return Drawing(placed, tuple(edges.values()), len(every_node), len(every_edge))


def path_rows(knowledge: Knowledge, result: Differential, drawing: Drawing) -> list[dict[str, str]]:
    """Return the same as :func:`path_drawing` as rows with the keys From, Relation, To, How often, Source."""
    drawn = {node.id for node in drawing.nodes}
    steps = dict.fromkeys(s for c in result.candidates if c.iri in drawn for s in c.path if {s.start, s.end} <= drawn)
    rows = []
    for step in steps:
        claim = knowledge.claims.get(step.claim or "")
        rows.append(
            {
                "From": knowledge.label(step.start),
                "Relation": knowledge.relations[step.relation].label,
                "To": knowledge.label(step.end),
                "How often": quantity(claim) if claim else "",
                "Source": source_words(claim) if claim else "by definition",
            }
        )
    cases = [(c, case) for c in result.candidates if c.iri in drawn for case in c.cases if case in drawn]
    for candidate, case in cases:
        source = knowledge.cases[case].source.label
        row = {"From": candidate.label, "Relation": HAS_CASE, "To": knowledge.label(case)}
        rows.append({**row, "How often": "", "Source": source})
    return rows


def lit_path(knowledge: Knowledge, candidate: Candidate) -> frozenset[str]:
    """Return the ids of the nodes and edges that belong to one candidate in :func:`path_drawing`."""
    nodes, edges = _candidate_piece(knowledge, candidate)
    return frozenset({*nodes, *(edge.id for edge in edges)})


def _candidate_piece(knowledge: Knowledge, candidate: Candidate) -> tuple[dict[str, Node], list[Edge]]:
    """Return the nodes, by id, and the edges of one candidate: its path with the claims between, and its cases."""
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    for step in candidate.path:
        nodes[step.start], nodes[step.end] = node_of(knowledge, step.start), node_of(knowledge, step.end)
        claim = knowledge.claims.get(step.claim or "")
        reads = knowledge.relations[step.relation].label
        if claim is None:
            edges.append(Edge(f"{step.start}|{step.end}", step.start, step.end, reads))
            continue
        words = f"{quantity(claim)} · {claim.source.label}"
        nodes[claim.iri] = Node(claim.iri, words, "claim", 0, 0, _claim_detail(knowledge, claim))
        disputed = bool(claim.conflicts)
        edges.append(Edge(f"{step.start}|{claim.iri}", step.start, claim.iri, reads, disputed))
        edges.append(Edge(f"{claim.iri}|{step.end}", claim.iri, step.end, "", disputed))
    for case in candidate.cases:
        nodes[case] = node_of(knowledge, case)
        edges.append(Edge(f"{candidate.iri}|{case}", candidate.iri, case, HAS_CASE))
    return nodes, edges


def _claim_detail(knowledge: Knowledge, claim: Claim) -> str:
    lines = [
        f"{knowledge.label(claim.diagnosis)}: {knowledge.label(claim.target)}",
        f"How often: {quantity(claim)}",
        setting(knowledge, claim),
        f"Source: {source_words(claim)}",
        *notes_of(knowledge, claim),
    ]
    return "\n".join(line for line in lines if line)
