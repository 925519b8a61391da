"""The files of an ontology: finding them, reading them as written, writing them in their one canonical form."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal as OneOf

import rdflib
from rdflib import RDFS, SH, XSD, Graph, Literal, Namespace, URIRef
from rdflib.plugins.parsers.notation3 import BadSyntax

from mskgraph.errors import OntologyInvalid, OntologyNotFound
from mskgraph.terms import MAPPINGS_SUFFIX, NAMESPACE, Mapping, read_mappings, written_mappings
from mskgraph.terms import PREFIXES as QUERY_PREFIXES

MSK = Namespace(NAMESPACE)

PREFIXES = {**QUERY_PREFIXES, "sh": str(SH)}
"""The prefixes that files are written with; a file lists those it uses."""

Form = OneOf["ttl", "nq", "jsonld"]

_HERE = Path(__file__).parent
_lock = threading.RLock()


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault of the ontology.

    :ivar file: the file it is in
    :ivar node: what it is about: a label, else a CURIE; the line if the file cannot be read
    :ivar message: what is wrong
    :ivar remedy: what to do about it

    >>> print(Problem("findings.ttl", "phlebolith", "A concept needs a label.", "Write skos:prefLabel."))
    findings.ttl: phlebolith: A concept needs a label. Write skos:prefLabel.
    """

    file: str
    node: str
    message: str
    remedy: str

    def __str__(self) -> str:
        said = ": ".join(filter(None, (self.file, self.node, self.message)))
        return " ".join(f"{said} {self.remedy}".split())


def find() -> Path:
    """Return the folder of the ontology: the one that MSKGRAPH_ONTOLOGY names, else the one that came along.

    Without the variable that is the folder inside the installed package, or else the one of the repository.

    :raises OntologyNotFound: with the places tried

    >>> (find() / "schema.ttl").is_file()
    True
    """
    named = os.environ.get("MSKGRAPH_ONTOLOGY")
    tried = [Path(named)] if named else [_HERE / "data", _HERE.parents[2] / "ontology"]
    for place in tried:
        if (place / "schema.ttl").is_file():
            return place
    raise OntologyNotFound(tried)


def files(root: Path) -> list[Path]:
    """Return all files of an ontology below a folder, sorted by name: Turtle, schema and shapes included, and mappings.

    >>> [path.name for path in files(find())][:2]
    ['anatomy.ttl', 'ramsey-2017.ttl']
    """
    found = [*root.rglob("*.ttl"), *root.rglob(f"*{MAPPINGS_SUFFIX}")]
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def content_hash(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of files, over their names relative to the folder they share and their bytes.

    Files whose time, size and inode are those of before are not read again.

    >>> content_hash(files(find())) == content_hash(reversed(files(find())))
    True
    """
    stats = sorted((path, path.stat()) for path in set(paths))
    return _hash_of(tuple((path, stat.st_mtime_ns, stat.st_size, stat.st_ino) for path, stat in stats))


@lru_cache(maxsize=8)
def _hash_of(states: tuple[tuple[Path, int, int, int], ...]) -> str:
    digest = hashlib.sha256()
    resolved = sorted({path.resolve() for path, *_ in states})
    if resolved:
        shared = Path(os.path.commonpath([path.parent for path in resolved]))
        for path in resolved:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(shared).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def read(paths: Iterable[Path]) -> Graph:
    """Return the triples of files as one graph, literals as written.

    :raises OntologyInvalid: if a file cannot be read, with one problem for each such file

    >>> from rdflib import SKOS
    >>> str(read(files(find())).value(MSK.phlebolith, SKOS.prefLabel))
    'phlebolith'
    """
    graph = empty_graph()
    problems = []
    for path in paths:
        part = parse(path, str(path))
        if isinstance(part, Problem):
            problems.append(part)
        else:
            graph += part
    if problems:
        raise OntologyInvalid(problems)
    return graph


def canonical(graph: Graph) -> str:
    """Return a graph as a file of the ontology is written: sorted Turtle, fixed prefixes, literals as typed.

    >>> print(canonical(Graph().add((MSK.gout, MSK.category, MSK["category-crystal"]))))
    @prefix msk: <https://w3id.org/mskgraph/> .
    <BLANKLINE>
    msk:gout msk:category msk:category-crystal .
    <BLANKLINE>
    <BLANKLINE>
    """
    with literals_as_typed():
        fresh = empty_graph()
        fresh += graph
        return fresh.serialize(format="turtle")


def canonical_text(path: Path) -> str:
    """Return what a file would hold if what was read from it were written.

    :raises OntologyInvalid: if it cannot be read

    >>> all(canonical_text(path) == path.read_text("utf-8") for path in files(find()))
    True
    """
    graph = read([path])
    return written_mappings(_mappings(path)) if path.name.endswith(MAPPINGS_SUFFIX) else canonical(graph)


def write_canonical(paths: Sequence[Path] | None = None) -> list[Path]:
    """Bring files into canonical form; what they say stays as it is.

    :param paths: files or folders; the whole ontology if none
    :returns: the files that were changed
    :raises OntologyInvalid: if a file cannot be read; nothing is written then
    :raises OntologyNotFound: if a path does not exist or there is no ontology
    """
    found: list[Path] = []
    for path in paths or [find()]:
        if not path.exists():
            raise OntologyNotFound([path])
        found += files(path) if path.is_dir() else [path]
    texts = {path: canonical_text(path).encode() for path in dict.fromkeys(found)}
    changed = [path for path, text in texts.items() if text != path.read_bytes()]
    for path in changed:
        write_whole(path, texts[path])
    return changed


def serialize(graph: Graph, form: Form) -> str:
    """Return a graph as one RDF document.

    :param form: ``"ttl"``, ``"nq"`` or ``"jsonld"``

    >>> serialize(Graph().add((MSK.gout, MSK.category, MSK["category-crystal"])), "nq").split()[1]
    '<https://w3id.org/mskgraph/category>'
    """
    if form == "ttl":
        return canonical(graph)
    with literals_as_typed():
        if form == "nq":
            # One default graph: a line of N-Triples is a line of N-Quads.
            lines = graph.serialize(format="nt").splitlines(keepends=True)
            return "".join(sorted(line for line in lines if line.strip()))
        context = {prefix: namespace for prefix, namespace in PREFIXES.items() if prefix != "sh"}
        return graph.serialize(format="json-ld", context=context, sort_keys=True)


def turtle_of(triples: bytes) -> str:
    r"""Return N-Triples, as a store answers, as Turtle with the prefixes of the ontology.

    >>> print(turtle_of(b"<https://w3id.org/mskgraph/elbow> <https://w3id.org/mskgraph/rank> \"1\" .\n"))
    @prefix msk: <https://w3id.org/mskgraph/> .
    <BLANKLINE>
    msk:elbow msk:rank "1" .
    <BLANKLINE>
    <BLANKLINE>
    """
    with literals_as_typed():
        return canonical(empty_graph().parse(data=triples, format="nt"))


def jsonld_of(triples: bytes) -> str:
    """Return N-Triples, as a store answers, as JSON-LD with the prefixes of the ontology."""
    with literals_as_typed():
        return serialize(empty_graph().parse(data=triples, format="nt"), "jsonld")


def write_whole(path: Path, content: bytes) -> None:
    """Put content into a file so that nobody ever sees half of it."""
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_bytes(content)
    unfinished.replace(path)


@contextmanager
def literals_as_typed() -> Iterator[None]:
    """Keep rdflib from rewriting literals, such as 0.50 to 0.5, while they are read and written."""
    with _lock:
        before = rdflib.NORMALIZE_LITERALS
        rdflib.NORMALIZE_LITERALS = False
        try:
            yield
        finally:
            rdflib.NORMALIZE_LITERALS = before


def empty_graph() -> Graph:
    """Return a graph without triples that knows the prefixes of the ontology."""
    graph = Graph("SimpleMemory", bind_namespaces="none")  # without contexts, which nobody here needs
    for prefix, namespace in PREFIXES.items():
        graph.bind(prefix, namespace, override=True, replace=True)
    return graph


def _mappings(path: Path) -> list[Mapping]:
    return read_mappings(path.read_text("utf-8"))


def parse(path: Path, name: str) -> Graph | Problem:
    """Return what is in a file, or why it cannot be read."""
    return _parse_mappings(path, name) if path.name.endswith(MAPPINGS_SUFFIX) else _parse_turtle(path, name)


def _parse_mappings(path: Path, name: str) -> Graph | Problem:
    graph = empty_graph()
    try:
        for mapping in _mappings(path):
            subject, predicate, term = map(URIRef, mapping.triple)
            graph.add((subject, predicate, term))
            if mapping.label:
                graph.add((term, RDFS.label, Literal(mapping.label, lang="en")))
    except UnicodeDecodeError:
        return Problem(name, "line 1", "The file is not UTF-8 text.", "Save it as UTF-8.")
    except (ValueError, OSError) as error:
        place, colon, reason = str(error).partition(": ")
        message = f"This is no file of mappings: {reason if colon else place}."
        return Problem(name, place if colon else "line 1", message, "Correct that line; docs/model.md has the columns.")
    return graph


def _without_exponents(graph: Graph) -> Graph:
    """Write small decimals out: rdflib 7.6 reads 0.0000004 as 4E-7, which in Turtle is another type."""
    for subject, predicate, number in list(graph):
        if isinstance(number, Literal) and number.datatype == XSD.decimal and "E" in number:
            if not -50 < Decimal(number).adjusted() < 50:
                raise ValueError(f"{number} is no decimal number that anybody can read")
            graph.remove((subject, predicate, number))
            graph.add((subject, predicate, Literal(format(Decimal(number), "f"), datatype=XSD.decimal)))
    return graph


def _parse_turtle(path: Path, name: str) -> Graph | Problem:
    try:
        return parse_text(path.read_text("utf-8"), name)
    except UnicodeDecodeError:
        return Problem(name, "line 1", "The file is not UTF-8 text.", "Save it as UTF-8.")
    except OSError as error:
        return Problem(name, "line 1", f"The file cannot be read: {error}.", "Correct or remove it.")


def parse_text(text: str, name: str) -> Graph | Problem:
    """Return what a text of Turtle says, or why it cannot be read.

    :param name: of the file it is from, for the problem
    """
    log = logging.getLogger("rdflib.term")
    level = log.level
    try:
        with literals_as_typed():
            # A value that does not fit its type is reported by examine(); rdflib would print a traceback.
            log.setLevel(logging.ERROR)
            graph = empty_graph().parse(data=text, format="turtle", publicID=NAMESPACE)
            return _without_exponents(graph)
    except BadSyntax as error:
        line, reason = error.lines + 1, " ".join(str(error._why).split())
        remedy = f"Correct line {line} or the end of the line before: a dot, semicolon, quote or prefix is wrong."
        return Problem(name, f"line {line}", f"This is not Turtle: {reason}.", remedy)
    except (IndexError, AssertionError, AttributeError) as error:  # rdflib 7.6, where a statement ends too early
        remedy = "Complete the last statement; it ends with a dot."
        place = f"line {len(text.splitlines())}"
        return Problem(name, place, f"This is not Turtle: the file ends too early ({error}).", remedy)
    except RecursionError:
        return Problem(name, "line 1", "Its brackets are nested too deeply.", "Give the nodes in brackets names.")
    except ValueError as error:
        return Problem(name, "line 1", f"The file cannot be read: {error}.", "Correct or remove it.")
    finally:
        log.setLevel(level)
