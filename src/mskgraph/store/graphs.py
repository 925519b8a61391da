"""Which graphs there are, and what a query sees of them."""

from __future__ import annotations

from typing import Final, NamedTuple

from mskgraph.terms import iri

ASSERTED_GRAPH: Final = iri("asserted")
"""The named graph of the triples of the ontology's files."""

DERIVED_GRAPH: Final = iri("derived")
"""The named graph of the triples that follow from those; it holds none that is asserted, too."""


HISTORY_GRAPH: Final = iri("history")
"""The named graph of who changed what, when and why."""


class Dataset(NamedTuple):
    """The graphs that a query is about (SPARQL 1.1 Protocol, section 2.1.4).

    :ivar default: graphs whose merge is asked where the query says no GRAPH
    :ivar named: graphs that GRAPH may reach; ``None`` for all there are
    """

    default: tuple[str, ...]
    named: tuple[str, ...] | None = None


KNOWLEDGE: Final = Dataset((ASSERTED_GRAPH, DERIVED_GRAPH))
"""What the program itself asks: the knowledge, however much else lies in the store."""
