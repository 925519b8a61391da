"""What a page shows, worked out without a page: rows of tables, words, and drawings with every place set."""

from __future__ import annotations

from mskgraph.views.answer import (
    Phrase,
    cases_showing,
    contribution_rows,
    differential_rows,
    evidence_rows,
    firmness,
    first_candidates,
    foundations,
    how_often,
    impression,
    impression_rows,
    log_odds_bar,
    places,
    reason,
    standing,
    stands_out,
    under,
)
from mskgraph.views.cases import case_drawing, case_rows, observation_rows
from mskgraph.views.concept import GROUPINGS, Entry, Group, Grouping, Section, browse, concept_sections
from mskgraph.views.drawing import Drawing, Edge, Node, NodeKind, edge_rows, tallest_column
from mskgraph.views.exploring import EXPAND_BY, MAX_NODES, Exploration, ExplorationResult, explore, relation_rows
from mskgraph.views.model import schema_drawing
from mskgraph.views.paths import HAS_CASE, PATH_NODES, lit_path, path_drawing, path_rows
from mskgraph.views.results import ResultTable, edges_drawing, triples_drawing
from mskgraph.views.words import bounds_in_words, percent, pointers, quantity, remarks, setting, source_words

__all__ = [
    "EXPAND_BY",
    "GROUPINGS",
    "HAS_CASE",
    "MAX_NODES",
    "PATH_NODES",
    "Drawing",
    "Edge",
    "Entry",
    "Exploration",
    "ExplorationResult",
    "Group",
    "Grouping",
    "Node",
    "NodeKind",
    "Phrase",
    "ResultTable",
    "Section",
    "bounds_in_words",
    "browse",
    "case_drawing",
    "case_rows",
    "cases_showing",
    "concept_sections",
    "contribution_rows",
    "differential_rows",
    "edge_rows",
    "edges_drawing",
    "evidence_rows",
    "explore",
    "firmness",
    "first_candidates",
    "foundations",
    "how_often",
    "impression",
    "impression_rows",
    "lit_path",
    "log_odds_bar",
    "observation_rows",
    "path_drawing",
    "path_rows",
    "percent",
    "places",
    "pointers",
    "quantity",
    "reason",
    "relation_rows",
    "remarks",
    "schema_drawing",
    "setting",
    "source_words",
    "standing",
    "stands_out",
    "tallest_column",
    "triples_drawing",
    "under",
]
