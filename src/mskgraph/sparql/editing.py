"""What an update, or a graph that is sent, would change: worked out in a fork, on the copy of the knowledge there.

Nothing is judged by its words here: the engine does what it is told, without network, and the difference afterwards is
what was meant. Whether that may be is for the checks of a change to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pyoxigraph
from pyoxigraph import CanonicalizationAlgorithm, Dataset, DefaultGraph, NamedNode, Quad, RdfFormat

from mskgraph.curation.checks import MOST
from mskgraph.errors import PatchInvalid, QueryError
from mskgraph.sparql import guard
from mskgraph.sparql.messages import Edit
from mskgraph.store import ASSERTED_GRAPH, EmbeddedStore, Patch, bare
from mskgraph.store import Dataset as Graphs
from mskgraph.terms import NAMESPACE

FORMS: Final = {
    "text/turtle": ("Turtle", RdfFormat.TURTLE),
    "application/n-triples": ("N-Triples", RdfFormat.N_TRIPLES),
    "application/rdf+xml": ("RDF/XML", RdfFormat.RDF_XML),
    "application/ld+json": ("JSON-LD", RdfFormat.JSON_LD),
}
"""In what triples may come, by media type: its name, and what the engine calls it."""

_ASSERTED = NamedNode(ASSERTED_GRAPH)
_GRAPHS = (_ASSERTED, DefaultGraph())  # one and the same, with its name and without
_N_TRIPLES = RdfFormat.N_TRIPLES
_SHOWN = 200  # characters of a triple in an error


class Ground:
    """What the files of the ontology state, ready to be changed in a fork.

    :param files: of the ontology
    :raises OntologyInvalid: if a file is not Turtle
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._engine = pyoxigraph.Store()
        store = EmbeddedStore(self._engine)
        store.load(files)
        store.update(f"COPY <{ASSERTED_GRAPH}> TO DEFAULT")
        self._before = _lines_of(self._engine, _ASSERTED)

    def difference(self, edit: Edit) -> Patch:
        """Return what an edit would change, literals as the engine writes them but for those that are sent as triples.

        :raises QueryError: if what is sent cannot be read or done
        :raises PatchInvalid: if it would change what cannot be changed
        """
        self._accept(Patch.parse(edit.accepted))
        patch = self._updated(edit) if edit.how == "update" else self._compared(edit)
        if nameless := min(filter(_is_nameless, patch.added), default=""):
            raise PatchInvalid(f"A node has no name in {nameless[:_SHOWN]} Give it one.")
        if any(map(_is_nameless, patch.removed)):
            raise PatchInvalid("Nodes without a name belong to the schema and the shapes, which are not changed here.")
        if foreign := min(filter(_is_beyond, patch.added), default=""):
            raise PatchInvalid(
                f"Statements about statements and texts with a direction are not kept: {foreign[:_SHOWN]}"
            )
        return patch

    def _accept(self, accepted: Patch) -> None:
        for graph in _GRAPHS:
            for quad in _quads(accepted.removed, graph):
                self._engine.remove(quad)
            self._engine.extend(_quads(accepted.added, graph))
        added, removed = map(_as_kept, (accepted.added, accepted.removed))
        self._before = (self._before - removed) | added

    def _updated(self, edit: Edit) -> Patch:
        written = edit.content.decode()
        text = written if edit.using is None else with_graphs(written, edit.using)
        try:
            EmbeddedStore(self._engine).update(guard.without_load(text))
        except QueryError as error:
            raise guard.explained_update(error, text) from None
        others = set(self._engine.named_graphs()) - {_ASSERTED}
        if others:
            name = min(str(other) for other in others)
            raise PatchInvalid(f"Only the graph <{ASSERTED_GRAPH}> can be changed, which needs no name; not {name}.")
        added, removed = set[str](), set[str]()
        for graph in _GRAPHS:
            after = _lines_of(self._engine, graph)
            added |= after - self._before
            removed |= self._before - after
        if both := added & removed:
            place = min(both)[:_SHOWN]
            raise PatchInvalid(f"The graph is the same with its name and without; one adds and one removes {place}")
        return _of_a_size(Patch(frozenset(added), frozenset(removed)))

    def _compared(self, edit: Edit) -> Patch:
        sent = _sent(edit)
        engine = pyoxigraph.Store()
        engine.extend(sent)
        after, before = _lines_of(engine, DefaultGraph()), self._before
        if edit.how == "replace":
            some, others = (frozenset(filter(_is_nameless, lines)) for lines in (after, before))
            if not _same(some, others):
                raise PatchInvalid(
                    "Nodes without a name stand in the schema and the shapes alone, which are not changed here. Send "
                    "these as they were, and give any other node a name."
                )
            after, before = after - some, before - others
        patch = _of_a_size(Patch(after - before, before - after if edit.how == "replace" else frozenset()))
        starts = {tuple(line.split(" ", 2)[:2]) for line in patch.added}
        written = canonical(quad for quad in sent if (str(quad.subject), str(quad.predicate)) in starts)
        as_sent = {known: line for line, known in written.items()}
        return Patch(frozenset(map(as_sent.__getitem__, patch.added)), patch.removed)


def _sent(edit: Edit) -> list[Quad]:
    """Return the triples that were sent."""
    name, form = FORMS[edit.media]
    try:
        found = list(pyoxigraph.parse(edit.content, form, base_iri=NAMESPACE))
    except SyntaxError as error:
        if "LoadDocumentCallback" in error.msg:
            raise QueryError("The JSON-LD has its context elsewhere, which is not fetched. Put it inside.") from None
        reason = re.sub(r"^Parser error at line \d+ (column \d+)?( and \d+)?: ", "", error.msg)
        place = f", line {error.lineno}, column {error.offset}" if error.lineno else ""
        raise QueryError(f"The {name} cannot be read{place}: {reason}", error.lineno, error.offset) from None
    except ValueError as error:
        raise QueryError(f"The {name} cannot be read: {error}") from None
    if named := next((quad.graph_name for quad in found if quad.graph_name != DefaultGraph()), None):
        raise PatchInvalid(f"The {name} names a graph, {named}. Send triples alone.")
    return found


def canonical(quads: Iterable[Quad]) -> dict[str, str]:
    """Return triples as lines of N-Triples: as they are written, and for each as the engine would write it.

    >>> [quad] = pyoxigraph.parse(b"<urn:a> <urn:b> 0.50 .", RdfFormat.TURTLE)
    >>> list(canonical([quad]).values())
    ['<urn:a> <urn:b> "0.5"^^<http://www.w3.org/2001/XMLSchema#decimal> .']
    """
    found, engine = {}, pyoxigraph.Store()
    for quad in quads:
        engine.add(quad)
        (kept,) = engine
        engine.remove(kept)
        found[_line(quad)] = _line(kept)
    return found


def canonical_lines(lines: Iterable[str]) -> dict[str, str]:
    """Return lines of N-Triples as the engine would write them, by how they are written."""
    return {line: known for line in lines for known in canonical(pyoxigraph.parse(line, _N_TRIPLES)).values()}


def _quads(lines: Iterable[str], graph: NamedNode | DefaultGraph) -> Iterator[Quad]:
    """Yield lines of N-Triples as triples of a graph."""
    for quad in pyoxigraph.parse("\n".join(lines), _N_TRIPLES):
        yield Quad(quad.subject, quad.predicate, quad.object, graph)


def _as_kept(lines: Iterable[str]) -> frozenset[str]:
    """Return lines of N-Triples as the engine would write them."""
    engine = pyoxigraph.Store()
    engine.extend(_quads(lines, DefaultGraph()))
    return _lines_of(engine, DefaultGraph())


def _line(quad: Quad) -> str:
    return (pyoxigraph.serialize([quad.triple], format=_N_TRIPLES) or b"").decode().removesuffix("\n")


def _lines_of(engine: pyoxigraph.Store, graph: NamedNode | DefaultGraph) -> frozenset[str]:
    text = (engine.dump(format=_N_TRIPLES, from_graph=graph) or b"").decode()
    return frozenset(text.split("\n")) - {""}


def _same(some: Iterable[str], others: Iterable[str]) -> bool:
    """Return whether triples are the same but for the names of their blank nodes."""
    found = []
    for lines in (some, others):
        dataset = Dataset(pyoxigraph.parse("\n".join(lines), _N_TRIPLES))
        dataset.canonicalize(CanonicalizationAlgorithm.UNSTABLE)
        found.append(dataset)
    return found[0] == found[1]


def _is_nameless(line: str) -> bool:
    return line.startswith("_:") or line.split(" ", 2)[2].startswith("_:")


def _is_beyond(line: str) -> bool:
    """Return whether a triple is none of RDF 1.1."""
    value = line.split(" ", 2)[2]
    return value.startswith("<<") or re.search(r'"@[A-Za-z0-9-]+--(ltr|rtl) \.$', value) is not None


def _of_a_size(patch: Patch) -> Patch:
    """Return a patch that is small enough to be looked at."""
    added, removed = len(patch.added), len(patch.removed)
    if added + removed > MOST:
        raise PatchInvalid(
            f"It would add {added} triples and remove {removed}; a change has at most {MOST}. Send it in parts."
        )
    return patch


# The graphs of an update


def with_graphs(update: str, using: Graphs) -> str:
    """Return an update whose every WHERE asks the graphs that the protocol names (SPARQL 1.1 Protocol, section 2.2.3).

    :raises QueryError: if the update says itself which it asks

    >>> with_graphs("INSERT { ?s a ?o } WHERE { ?s ?p ?o }", Graphs(("urn:g",)))
    'INSERT { ?s a ?o } USING <urn:g> WHERE { ?s ?p ?o }'
    >>> with_graphs("DELETE WHERE { ?s ?p ?o }", Graphs(("urn:g",), ("urn:h",)))
    'DELETE { ?s ?p ?o } USING <urn:g> USING NAMED <urn:h> WHERE { ?s ?p ?o }'
    """
    clauses = [f"USING <{name}>" for name in using.default] + [f"USING NAMED <{name}>" for name in using.named or ()]
    said, depth, before, done, parts = bare(update), 0, "", 0, []
    for word in re.finditer(r"[{}]|\w+", said):
        text = word[0].lower()
        depth += {"{": 1, "}": -1}.get(text, 0)
        if depth == 0 and text in ("using", "with"):
            raise QueryError(f"The graphs are named both beside the update and in it, with {text.upper()}.")
        if depth == 0 and text == "where":
            pattern = _braces(update, said, word.end()) if before == "delete" else ""
            parts += [update[done : word.start()], pattern, " ".join(clauses), " "]
            done = word.start()
        before = text
    return "".join([*parts, update[done:]])


def _braces(update: str, said: str, start: int) -> str:
    """Return the first pair of braces after a place, with what is in it and a space."""
    depth = 0
    for mark in re.finditer(r"[{}]", said[start:]):
        depth += 1 if mark[0] == "{" else -1
        if depth == 0:
            return update[start : start + mark.end()].strip() + " "
    return ""
