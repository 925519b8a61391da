"""Cases as a page shows them."""

from __future__ import annotations

from collections.abc import Iterable

from mskgraph.differential import differential
from mskgraph.graph import Case, Knowledge, Path
from mskgraph.terms import iri
from mskgraph.views.drawing import Drawing, Edge, Node, in_columns, node_of
from mskgraph.views.words import FEW, labels_of


def case_rows(knowledge: Knowledge, cases: Iterable[Case]) -> list[dict[str, str]]:
    """Return one row a case with the keys Case, Findings, Sites, Side, Stated diagnosis, Images."""
    return [
        {
            "Case": case.label,
            "Findings": labels_of(knowledge, (o.finding for o in case.observations)),
            "Sites": labels_of(knowledge, (site for o in case.observations for site in o.sites)),
            "Side": ", ".join(dict.fromkeys(o.side for o in case.observations if o.side)),
            "Stated diagnosis": labels_of(knowledge, case.diagnoses),
            "Images": str(len(case.images)),
        }
        for case in cases
    ]


def observation_rows(knowledge: Knowledge, case: Case) -> list[dict[str, str]]:
    """Return one row an observation with the keys Finding, Seen, Site, Side, Morphology, Images, Note."""
    return [
        {
            "Finding": knowledge.label(o.finding),
            "Seen": "present" if o.present else "absent",
            "Site": " or ".join(knowledge.label(site) for site in o.sites),
            "Side": o.side,
            "Morphology": labels_of(knowledge, o.morphologies),
            "Images": ", ".join(o.images),
            "Note": " ".join(o.notes),
        }
        for o in case.observations
    ]


def case_drawing(knowledge: Knowledge, case: Case) -> tuple[Drawing, tuple[Path, ...]]:
    """Return the paths from what a case shows to its stated diagnoses and causes.

    Where none is stated, to the first candidates of the differential of what it shows.

    :returns: the drawing, left to right, and the paths in it
    """
    shown = [f for o in case.observations if o.present for f in (o.finding, *o.morphologies)] + list(case.contexts)
    targets = [*case.diagnoses, *(c for c in case.causes if knowledge.kind(c) == "diagnosis")]
    if not targets:
        found = differential(knowledge, sorted(case.features), sorted(case.absent))
        targets = [candidate.iri for candidate in found.candidates[:FEW]]
    relations = [iri(r) for r in ("mayCause", "typicalMorphology", "typicalContext", "mayLeadTo", "skos:broader")]
    paths = [
        path
        for feature in dict.fromkeys(shown)
        for target in dict.fromkeys(targets)
        for path in knowledge.paths(feature, target, max_length=3, limit=2, relations=relations)
    ]
    nodes: dict[str, Node] = {case.iri: node_of(knowledge, case.iri)}
    columns = {case.iri: 0}
    edges: dict[str, Edge] = {}
    for feature in dict.fromkeys([*shown, *(site for o in case.observations if o.present for site in o.sites)]):
        nodes[feature] = node_of(knowledge, feature)
        columns[feature] = 1
        edges[f"{case.iri}|{feature}"] = Edge(f"{case.iri}|{feature}", case.iri, feature, "shows")
    for path in paths:
        for step in path:
            for end in (step.start, step.end):
                nodes.setdefault(end, node_of(knowledge, end))
            columns[step.end] = max(columns.get(step.end, 0), columns[step.start] + 1)
            key = f"{step.start}|{step.end}"
            edges[key] = Edge(key, step.start, step.end, knowledge.relations[step.relation].label)
    drawn = in_columns(nodes, columns, edges)
    return Drawing(drawn, tuple(edges.values()), len(nodes), len(edges)), tuple(paths)
