"""The embedded engine: Oxigraph, in this process's memory or read from a folder.

It is a cache: the truth is the files, from which it is filled anew (it rewrites literals such as 0.50, so nothing is
ever written back from it).
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, cast

import pyoxigraph

from mskgraph.errors import OntologyInvalid, QueryError, StoreError
from mskgraph.store.answers import Answer, Result, whole
from mskgraph.store.graphs import ASSERTED_GRAPH, DERIVED_GRAPH, HISTORY_GRAPH, KNOWLEDGE, Dataset
from mskgraph.store.patch import Accepted
from mskgraph.store.queries import DERIVATIONS, first_word, outline, query_text
from mskgraph.terms import MAPPINGS_SUFFIX, NAMESPACE, PREFIXES, iri, read_mappings

RDF_SUFFIXES: Final = {
    ".ttl": pyoxigraph.RdfFormat.TURTLE,
    ".nt": pyoxigraph.RdfFormat.N_TRIPLES,
    ".nq": pyoxigraph.RdfFormat.N_QUADS,
    ".trig": pyoxigraph.RdfFormat.TRIG,
    ".rdf": pyoxigraph.RdfFormat.RDF_XML,
    ".owl": pyoxigraph.RdfFormat.RDF_XML,
    ".jsonld": pyoxigraph.RdfFormat.JSON_LD,
}
"""The files that can be loaded, by the end of their name; each may also be compressed, ending in ``.gz``."""


class EmbeddedStore:
    """Oxigraph in this process."""

    def __init__(self, engine: pyoxigraph.Store | None = None) -> None:
        self._engine = pyoxigraph.Store() if engine is None else engine
        self._history: Callable[[], str] = str
        self._filling = threading.Lock()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What it is known to answer wrongly: nothing."""
        return ()

    def answer(self, query: str) -> Answer:
        """Answer a query over the knowledge: the files' triples and the derived ones together.

        :raises QueryError: with line and column of a syntax error
        """
        return whole(self.evaluate(query, KNOWLEDGE))

    def evaluate(self, query: str, dataset: Dataset | None = None) -> Result:
        """Begin to answer a query.

        :param dataset: what to ask; without it what the query's FROM clauses say, or else all graphs as one
        :raises QueryError: with line and column of a syntax error
        """
        if dataset is None or HISTORY_GRAPH in dataset.default or "graph" in query.lower():
            self.load_history()
        asked: dict[str, Any] = {}
        if dataset is not None:
            asked["default_graph"] = [pyoxigraph.NamedNode(name) for name in dataset.default]
            if dataset.named is not None:
                asked["named_graphs"] = [pyoxigraph.NamedNode(name) for name in dataset.named]
        elif not outline(query).names_dataset:
            asked["use_default_graph_as_union"] = True
        try:
            return self._engine.query(query, base_iri=NAMESPACE, prefixes=PREFIXES, **asked)
        except SyntaxError as error:
            raise _query_error(str(error), query) from None
        except (ValueError, RuntimeError, OSError) as error:
            raise QueryError(f"The query failed: {error}") from None

    def update(self, text: str) -> None:
        """Do what an update says, all of it or nothing; LOAD and SERVICE in it reach out.

        :raises QueryError: with line and column of a syntax error
        """
        try:
            self._engine.update(text, base_iri=NAMESPACE, prefixes=PREFIXES)
        except SyntaxError as error:
            raise _update_error(str(error), text) from None
        except (ValueError, RuntimeError, OSError) as error:
            raise QueryError(f"The update failed: {error}.") from None

    def graphs(self) -> list[str]:
        """Return the names of the graphs, sorted."""
        self.load_history()
        return sorted(graph.value for graph in self._engine.named_graphs() if isinstance(graph, pyoxigraph.NamedNode))

    def load(self, paths: Iterable[Path]) -> None:
        """Add the triples of Turtle files and of files of mappings to the asserted ones.

        :raises OntologyInvalid: naming file and place of each file that is neither; nothing is added then
        """
        asserted = pyoxigraph.NamedNode(ASSERTED_GRAPH)
        problems = []
        for path in paths:
            try:
                if path.name.endswith(MAPPINGS_SUFFIX):
                    for mapping in read_mappings(path.read_text("utf-8")):
                        subject, predicate, term = map(pyoxigraph.NamedNode, mapping.triple)
                        self._engine.add(pyoxigraph.Quad(subject, predicate, term, asserted))
                        if mapping.label:
                            label = pyoxigraph.Literal(mapping.label, language="en")
                            named = pyoxigraph.NamedNode(iri("rdfs:label"))
                            self._engine.add(pyoxigraph.Quad(term, named, label, asserted))
                else:
                    self._engine.load(path=path, format=pyoxigraph.RdfFormat.TURTLE, to_graph=asserted)
            except (SyntaxError, ValueError) as error:
                problems.append(f"{path}: {error}. Correct the file there and try again.")
        if problems:
            self._engine.clear()
            raise OntologyInvalid(problems)

    def load_triples(self, triples: bytes, graph: str = ASSERTED_GRAPH) -> None:
        """Add N-Triples to a graph.

        :raises OntologyInvalid: if they are none; nothing is added then
        """
        target = pyoxigraph.NamedNode(graph)
        try:
            self._engine.load(input=triples, format=pyoxigraph.RdfFormat.N_TRIPLES, to_graph=target)
        except (SyntaxError, ValueError) as error:
            raise OntologyInvalid([str(error)]) from None

    def load_bulk(self, path: Path, graph: str, progress: Callable[[int], None] = lambda _: None) -> None:
        """Add the triples of a file of any size to a graph; one that names graphs itself keeps them.

        :param path: its name ends as one of :data:`RDF_SUFFIXES`, or with ``.gz`` after that
        :param progress: told the number of bytes read since it was last told
        :raises OntologyInvalid: naming the file and the place in it; nothing of it is added then
        """
        try:
            with opened(path, progress) as (source, form):
                if form.supports_datasets:  # such a file names graphs itself, or leaves some of its triples without one
                    self._engine.bulk_extend(_in_graph(pyoxigraph.parse(input=source, format=form), graph))
                else:
                    self._engine.bulk_load(input=source, format=form, to_graph=pyoxigraph.NamedNode(graph))
        except (SyntaxError, ValueError, EOFError) as error:
            raise OntologyInvalid([f"{path}: {error}. Nothing of this file was loaded."]) from None

    def accept(self, accepted: Accepted) -> None:
        """Do to the asserted triples what was accepted on top of the files.

        The history of it is a graph that few queries are about: it is loaded before the first that may be.
        """
        asserted, form = pyoxigraph.NamedNode(ASSERTED_GRAPH), pyoxigraph.RdfFormat.N_TRIPLES
        for quad in pyoxigraph.parse(input="\n".join(accepted.patch.removed), format=form):
            self._engine.remove(pyoxigraph.Quad(quad.subject, quad.predicate, quad.object, asserted))
        self.load_triples("\n".join(accepted.patch.added).encode())
        self._history = accepted.history

    def load_history(self) -> None:
        """Load the history of what was accepted, if that was not done yet."""
        with self._filling:
            if text := self._history():
                self.load_triples(text.encode(), HISTORY_GRAPH)
            self._history = str

    def derive(self, construct: str) -> None:
        """Add what a CONSTRUCT query gives to the derived triples."""
        derived, asserted = pyoxigraph.NamedNode(DERIVED_GRAPH), pyoxigraph.NamedNode(ASSERTED_GRAPH)
        for triple in list(cast("Iterator[pyoxigraph.Triple]", self.evaluate(construct, KNOWLEDGE))):
            parts = (triple.subject, triple.predicate, triple.object)
            # In the union of two graphs a triple of both would count twice.
            if pyoxigraph.Quad(*parts, asserted) not in self._engine:
                self._engine.add(pyoxigraph.Quad(*parts, derived))

    def derive_all(self) -> None:
        """Add everything that follows from what is loaded."""
        for name in DERIVATIONS:
            self.derive(query_text(name))

    def clear(self, graph: str) -> None:
        """Remove a graph."""
        self._engine.remove_graph(pyoxigraph.NamedNode(graph))

    def optimize(self) -> None:
        """Order everything on disk for reading: at ten million triples queries take a third of the time then."""
        self._engine.optimize()

    def flush(self) -> None:
        """Put everything on disk, if that is where this store is."""
        self._engine.flush()

    def copy_to(self, folder: Path) -> None:
        """Put a copy of a store on disk into a folder that does not exist yet, by hard links."""
        self._engine.backup(folder)

    def triples_of(self, graph: str) -> bytes:
        """Return the triples of a graph as N-Triples."""
        if graph == HISTORY_GRAPH:
            self.load_history()
        return self._engine.dump(format=pyoxigraph.RdfFormat.N_TRIPLES, from_graph=pyoxigraph.NamedNode(graph)) or b""

    def __len__(self) -> int:
        self.load_history()
        return len(self._engine)


def fault_of_turtle(text: str) -> str:
    """Return why a text is not Turtle by the letter of its standard; empty if it is.

    >>> fault_of_turtle("<urn:a> <urn:b> <urn:c> ."), "line" in fault_of_turtle('"a" <urn:b> <urn:c> .')
    ('', True)
    """
    try:
        for _ in pyoxigraph.parse(text.encode(), format=pyoxigraph.RdfFormat.TURTLE, base_iri=NAMESPACE):
            pass
    except (SyntaxError, ValueError) as error:
        return str(error)
    return ""


def blank_nodes_named(lines: Iterable[str]) -> set[str]:
    """Return lines of N-Triples with blank nodes named by what is said of them, so that the same have the same names.

    >>> blank_nodes_named(["_:a <urn:b> _:c ."]) == blank_nodes_named(["_:c <urn:b> _:d ."])
    True
    """
    dataset = pyoxigraph.Dataset(pyoxigraph.parse("\n".join(lines), format=pyoxigraph.RdfFormat.N_TRIPLES))
    dataset.canonicalize(pyoxigraph.CanonicalizationAlgorithm.UNSTABLE)
    text = pyoxigraph.serialize(dataset, format=pyoxigraph.RdfFormat.N_TRIPLES) or b""
    return set(text.decode().split("\n")) - {""}


# On disk


class StoreFolder:
    """A store on disk: one folder for each generation of its content, of which readers open the newest.

    A generation is written under another name and never changed once it has its own, so that any number of processes
    may read while one writes (RocksDB allows no reader beside a writer of the same files). The generation before the
    newest is kept for those who still read it.

    :param path: the folder; made when first written
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"file:{path}"

    @classmethod
    def at(cls, url: str) -> StoreFolder:
        """Return the folder that a URL names.

        :param url: ``file:`` and the path, absolute or from the current folder
        :raises StoreError: if it names none
        """
        path = Path(url.removeprefix("file:").removeprefix("//"))
        if not path.name:
            raise StoreError(url, "a folder has to follow file:, such as file:store.")
        return cls(path.absolute())

    def newest(self) -> Path | None:
        """Return the folder of the newest generation, if there is one."""
        found = self._generations()
        return found[-1] if found else None

    def content(self) -> str:
        """Return the hash of the ontology that the newest generation holds; empty if there is none."""
        newest = self.newest()
        if newest is None:
            return ""
        about = json.loads((newest / "about.json").read_text("utf-8"))
        return str(about["ontology"])

    def open(self) -> EmbeddedStore:
        """Open the newest generation for reading.

        :raises StoreError: if there is none, or it cannot be read
        """
        newest = self.newest()
        if newest is None:
            raise StoreError(self.url, "it is empty. Fill it with: mskgraph load --store " + self.url)
        try:
            return EmbeddedStore(pyoxigraph.Store.read_only(str(newest / "index")))
        except (OSError, RuntimeError) as error:
            raise StoreError(self.url, f"{error}. Delete the folder and load it again.") from None

    @contextmanager
    def writing(self, content: str) -> Iterator[EmbeddedStore]:
        """Give a copy of the newest generation to write in; it becomes the newest if all goes well.

        :param content: hash of the ontology that it will hold
        :raises StoreError: if the folder cannot be written, or another process is writing in it
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise StoreError(self.url, f"{error.strerror}. Choose a folder that can be written.") from None
        try:
            _lock(lock, self.url)
            yield from self._written(content)
        finally:
            os.close(lock)

    def _written(self, content: str) -> Iterator[EmbeddedStore]:
        newest = self.newest()
        number = int(newest.name) + 1 if newest else 1
        draft, ready = self.path / f"{number}.part", self.path / str(number)
        shutil.rmtree(draft, ignore_errors=True)  # of one that was interrupted
        draft.mkdir()
        try:
            if newest:
                EmbeddedStore(pyoxigraph.Store.read_only(str(newest / "index"))).copy_to(draft / "index")
            store = EmbeddedStore(pyoxigraph.Store(str(draft / "index")))
            yield store
            store.flush()
            del store
            (draft / "about.json").write_text(json.dumps({"ontology": content}), "utf-8")
            draft.rename(ready)
        except OSError as error:
            raise StoreError(self.url, f"{error}. Nothing was changed.") from None
        finally:
            _remove(draft)
        for old in self._generations()[:-2]:
            shutil.rmtree(old, ignore_errors=True)

    def _generations(self) -> list[Path]:
        with suppress(OSError):
            return sorted((p for p in self.path.iterdir() if p.name.isdigit()), key=lambda p: int(p.name))
        return []


def _remove(draft: Path) -> None:
    """Remove a generation that did not come to its end, into which threads of the engine may still be writing."""
    for _ in range(20):
        shutil.rmtree(draft, ignore_errors=True)
        if not draft.exists():
            return
        time.sleep(0.05)


def _lock(file: int, url: str) -> None:
    import fcntl  # not on Windows, where the rest of this package works

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise StoreError(url, "another process is writing in it. Wait until it is done.") from None


@contextmanager
def opened(path: Path, progress: Callable[[int], None]) -> Iterator[tuple[IO[bytes], pyoxigraph.RdfFormat]]:
    """Open a file of RDF for reading, unpacked, and tell its syntax by its name."""
    name = path.name.removesuffix(".gz")
    form = RDF_SUFFIXES.get(Path(name).suffix)
    if form is None:
        known = ", ".join(RDF_SUFFIXES)
        raise OntologyInvalid([f"{path}: its name does not tell its syntax. It should end in one of {known}."])
    try:
        with path.open("rb", buffering=0) as raw:
            counted = io.BufferedReader(_Counted(raw, progress))
            unpacked = gzip.GzipFile(fileobj=counted) if name != path.name else counted
            yield cast("IO[bytes]", unpacked), form
    except OSError as error:
        raise OntologyInvalid([f"{path}: {error.strerror or error}"]) from None


def _in_graph(quads: Iterable[pyoxigraph.Quad], graph: str) -> Iterator[pyoxigraph.Quad]:
    """Yield quads, those without a graph in this one."""
    target, nameless = pyoxigraph.NamedNode(graph), pyoxigraph.DefaultGraph()
    for quad in quads:
        subject, predicate, value, name = quad
        yield pyoxigraph.Quad(subject, predicate, value, target) if name == nameless else quad


class _Counted(io.RawIOBase):
    """A file that tells how much of it is read."""

    def __init__(self, raw: io.RawIOBase, progress: Callable[[int], None]) -> None:
        self._raw, self._progress = raw, progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._raw.readinto(buffer) or 0
        self._progress(count)
        return count


# What is wrong, in words

_UPDATES: Final = frozenset({"insert", "delete", "with", "load", "clear", "drop", "create", "add", "move", "copy"})
_QUERIES: Final = frozenset({"select", "ask", "construct", "describe"})
_NOT_IN_SPARQL_11: Final = frozenset({'"<<"', '"<<("', '"{|"', '"~"'})
_FEW: Final = 6  # signs of which one is missing: a longer list says nothing


def _query_error(message: str, query: str) -> QueryError:
    word = first_word(query)
    if not word:
        return QueryError("The query is empty. It begins with SELECT, ASK, CONSTRUCT or DESCRIBE.")
    if word in _UPDATES:
        return QueryError(
            "This is an update; only queries are answered here. Send it to /sparql/update, "
            "or change the knowledge on the page Contribute or with mskgraph add."
        )
    return _syntax_error(message, "query")


def _update_error(message: str, update: str) -> QueryError:
    if first_word(update) in _QUERIES:
        return QueryError("This is a query; only updates are taken here. Send it to /sparql.")
    return _syntax_error(message, "update")


def _syntax_error(message: str, what: str) -> QueryError:
    place = re.match(r"error at (\d+):(\d+): (.*)", message, re.DOTALL)
    if not place:
        return QueryError(f"The {what} cannot be read: {message}")
    line, column, reason = int(place[1]), int(place[2]), _reason(" ".join(place[3].split()))
    return QueryError(f"The {what} cannot be read, line {line}, column {column}: {reason}.", line, column)


def _reason(expected: str) -> str:
    """Return what is wrong by what the engine expected: signs, classes of letters, words, or a sentence.

    Of words it names a few of those that may follow, seldom the right ones, and those of its own dialect: no help.
    """
    found = re.finditer(r'"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^,"\[]+', re.sub("^expected (one of )?", "", expected))
    parts = [part[0].strip() for part in found]
    if "Prefix not found" in parts:
        return "a prefix is used before this place that no PREFIX line declares"
    if sentences := [part for part in parts if re.search(r"^[^\"\[].*[a-z]+ [a-z]+", part)]:
        return sentences[0]
    signs = [part for part in parts if part.startswith('"') and part not in _NOT_IN_SPARQL_11]
    if not 0 < len(signs) <= _FEW:
        return "something is missing or wrong here or just before"
    return f"expected {'one of ' if len(signs) > 1 else ''}{', '.join(signs)}"
