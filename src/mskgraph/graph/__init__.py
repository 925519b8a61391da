"""The knowledge as objects and as a networkx graph: concepts, claims, cases; neighbourhoods, paths, paths in words.

Built once from a store and then only read. Nodes are concepts and cases; an edge is a relation that follows from the
ontology or from one claim (``derive_edges.rq``), so two sources that say the same are two edges side by side.
"""

from __future__ import annotations

from mskgraph.graph.knowledge import BROADER, HAS_PART, MAX_PATHS, NARROWER, PART_OF, Direction, Knowledge
from mskgraph.graph.reading import KINDS, build, local_name_of, read_estimates, read_lexicon
from mskgraph.graph.records import (
    EXCLUDED,
    NOT_STATED,
    Case,
    Claim,
    Concept,
    Criterion,
    Discriminator,
    Estimate,
    Image,
    Mapped,
    Observation,
    Occurrence,
    Path,
    Reference,
    Relation,
    Sourced,
    Step,
    Table,
    TeachingPoint,
)

__all__ = [
    "BROADER",
    "EXCLUDED",
    "HAS_PART",
    "KINDS",
    "MAX_PATHS",
    "NARROWER",
    "NOT_STATED",
    "PART_OF",
    "Case",
    "Claim",
    "Concept",
    "Criterion",
    "Direction",
    "Discriminator",
    "Estimate",
    "Image",
    "Knowledge",
    "Mapped",
    "Observation",
    "Occurrence",
    "Path",
    "Reference",
    "Relation",
    "Sourced",
    "Step",
    "Table",
    "TeachingPoint",
    "build",
    "local_name_of",
    "read_estimates",
    "read_lexicon",
]
