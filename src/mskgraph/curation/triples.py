"""Between graphs and patches: triples as lines of N-Triples, literals as they were written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rdflib import Graph, Literal

from mskgraph import ontology
from mskgraph.errors import PatchInvalid
from mskgraph.ontology import literals_as_typed


def lines(graph: Graph) -> list[str]:
    """Return the triples of a graph as lines of N-Triples.

    :raises PatchInvalid: for a blank node
    """
    with literals_as_typed():
        text = graph.serialize(format="nt")
    found = [line for line in text.split("\n") if line.strip()]
    for line in found:
        if line.startswith("_:") or line.rsplit(" ", 2)[1].startswith("_:"):
            raise PatchInvalid("There is a node without a name (square or round brackets). Give it one.")
    return found


def graph_of(found: Iterable[str]) -> Graph:
    """Return lines of N-Triples as a graph, literals as they are written."""
    with literals_as_typed():
        return Graph().parse(data="\n".join(found), format="nt")


LARGEST = 10_000_000
"""Bytes that a file of triples to add may have."""


def graph_in(source: Path | bytes) -> Graph:
    """Return the triples of a file of Turtle, of which N-Triples are a part, or of its content.

    :raises PatchInvalid: naming the place of what cannot be read
    """
    name = "standard input" if isinstance(source, bytes) else str(source)
    try:
        if not isinstance(source, bytes):
            if source.stat().st_size > LARGEST:
                raise PatchInvalid(f"{name} has more than {LARGEST // 1_000_000} MB. Add it in parts.")
            source = source.read_bytes()
        text = source.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PatchInvalid(f"{name} cannot be read: {error}. Give a file of Turtle in UTF-8.") from None
    found = ontology.parse_text(text, name)
    if isinstance(found, ontology.Problem):
        raise PatchInvalid(str(found))
    return found


def text_of(line: str) -> str:
    """Return the text of the literal of a line of N-Triples; empty if its object is none."""
    value = next(iter(graph_of([line]).objects()))
    return str(value) if isinstance(value, Literal) else ""
