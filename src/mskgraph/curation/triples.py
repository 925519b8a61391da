"""Between graphs and patches: triples as lines of N-Triples, literals as they were written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from rdflib import BNode, Graph, Literal, URIRef

from mskgraph import ontology
from mskgraph.errors import PatchInvalid
from mskgraph.ontology import literals_as_typed
from mskgraph.store import Accepted, EmbeddedStore, fault_of_turtle, is_iri, select


def lines(graph: Graph) -> list[str]:
    """Return the triples of a graph as lines of N-Triples.

    :raises PatchInvalid: for a blank node
    """
    if any(isinstance(term, BNode) for triple in graph for term in triple):
        raise PatchInvalid("There is a node without a name (square or round brackets). Give it one.")
    for term in (term for triple in graph for term in triple if isinstance(term, URIRef)):
        if not is_iri(term):
            raise PatchInvalid(
                f"{str(term)[:80]!r} is no IRI. Take out spaces and brackets, or write them as %20 and so on."
            )
    with literals_as_typed():
        text = graph.serialize(format="nt")
    return [line for line in text.split("\n") if line.strip()]


def graph_of(found: Iterable[str]) -> Graph:
    """Return lines of N-Triples as a graph, literals as they are written."""
    with literals_as_typed():
        return Graph().parse(data="\n".join(found), format="nt")


_LONGEST = 100_000  # characters of a text, over which reading it takes too long to say so kindly
LARGEST = 10_000_000
"""Bytes that a file of triples to add may have."""


def graph_in(source: Path | bytes, name: str = "") -> Graph:
    """Return the triples of a file of Turtle, of which N-Triples are a part, or of its content.

    :param name: what to call it in an error; its path if not given
    :raises PatchInvalid: naming the place of what cannot be read
    """
    name = name or ("standard input" if isinstance(source, bytes) else str(source))
    try:
        if not isinstance(source, bytes):
            with source.open("rb") as file:
                source = file.read(LARGEST + 1)
        if len(source) > LARGEST:
            raise PatchInvalid(f"{name} has more than {LARGEST // 1_000_000} MB. Add it in parts.")
        text = source.decode("utf-8-sig")
    except (OSError, ValueError) as error:  # UnicodeDecodeError is one, and a path with a null byte
        why = getattr(error, "strerror", None) or error
        raise PatchInvalid(f"{name} cannot be read: {why}. Give a file of Turtle in UTF-8.") from None
    found = ontology.parse_text(text, name)
    if not isinstance(found, ontology.Problem) and (fault := fault_of_turtle(text)):  # rdflib lets more pass
        found = ontology.Problem(name, "the text", f"This is not Turtle: {fault}.", "Correct it there.")
    if not isinstance(found, ontology.Problem) and any(len(str(term)) > _LONGEST for term in found.objects()):
        found = ontology.Problem(name, "the text", "A text in it has no end.", "Say it shorter, or close its quotes.")
    if isinstance(found, ontology.Problem):
        raise PatchInvalid("".join(mark if mark.isprintable() else "\ufffd" for mark in str(found)))
    return found


def text_of(line: str) -> str:
    """Return the text of the literal of a line of N-Triples; empty if its object is none."""
    value = next(iter(graph_of([line]).objects()))
    return str(value) if isinstance(value, Literal) else ""


def stated(files: Iterable[Path], accepted: Accepted, nodes: Collection[str]) -> set[str]:
    """Return the asserted triples of nodes as lines of N-Triples, literals as they were written.

    :param files: of the ontology
    :param accepted: changes on top of them
    """
    places = _places(tuple(map(_state, files)))
    found = {line for node in nodes for place in places.get(node, ()) for line in _lines_by_node(place).get(node, ())}
    patch = accepted.patch
    started = tuple(f"<{node}> " for node in nodes)
    found -= patch.removed
    return found | {line for line in patch.added if line.startswith(started)}


class _State(NamedTuple):
    """A file as it is at a moment."""

    path: Path
    time: int
    size: int


def _state(path: Path) -> _State:
    stat = path.stat()
    return _State(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=2)
def _places(states: tuple[_State, ...]) -> Mapping[str, Sequence[_State]]:
    """Return which files say something of each node; common ones are named in hundreds and described in one."""
    found: defaultdict[str, list[_State]] = defaultdict(list)
    for state in states:
        store = EmbeddedStore()  # which reads a file in a hundredth of the time that rdflib takes
        store.load([state.path])
        for row in select(store, "SELECT DISTINCT ?node { ?node ?p ?o FILTER(isIRI(?node)) }"):
            found[row["node"]].append(state)
    return found


@lru_cache(maxsize=1_000)  # a change may be about nodes of all files
def _lines_by_node(state: _State) -> Mapping[str, Sequence[str]]:
    """Return what a file says of each node, without the blank nodes of the schema's syntax."""
    named = Graph()
    for triple in ontology.read([state.path]):
        if not any(isinstance(term, BNode) for term in triple):
            named.add(triple)
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in lines(named):
        found[line[1 : line.index(">")]].append(line)
    return found
