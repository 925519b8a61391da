"""The knowledge as files: finding them, reading them as written, checking and releasing them.

A file of the ontology is Turtle in one canonical form, so that writing what was read changes no byte. What a
file may say is laid down in ``shapes.ttl``; this module adds what shapes cannot say well: that every term is
defined, that no two concepts share a name, that nothing is a kind of itself, and that a conflict is known to
both sides.
"""

from __future__ import annotations

import difflib
import hashlib
import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal as OneOf

import rdflib
from rdflib import DCTERMS, OWL, PROV, RDF, RDFS, SH, SKOS, XSD, BNode, Graph, Literal, Namespace, URIRef
from rdflib.plugins.parsers.notation3 import BadSyntax
from rdflib.term import Node

from mskgraph.errors import OntologyInvalid, OntologyNotFound
from mskgraph.terms import NAMESPACE, fold
from mskgraph.terms import PREFIXES as CORE_PREFIXES

MSK = Namespace(NAMESPACE)

PREFIXES: Mapping[str, str] = {
    **CORE_PREFIXES,
    "sh": str(SH),
    "DOID": "http://purl.obolibrary.org/obo/DOID_",
    "HP": "http://purl.obolibrary.org/obo/HP_",
    "ICD10CM": "http://purl.bioontology.org/ontology/ICD10CM/",
    "MONDO": "http://purl.obolibrary.org/obo/MONDO_",
    "RADLEX": "http://radlex.org/RID/",
    "SCTID": "http://snomed.info/id/",
    "UBERON": "http://purl.obolibrary.org/obo/UBERON_",
}
"""The prefixes that files are written with; a file lists those it uses."""

Form = OneOf["ttl", "nq", "jsonld"]

Triple = tuple[Node, Node, Node]

_CONCEPTS = [MSK[name] for name in ("Site", "Finding", "Morphology", "Context", "Diagnosis")]
_NAMES = (SKOS.prefLabel, SKOS.altLabel, SKOS.hiddenLabel)
_TITLES = (SKOS.prefLabel, RDFS.label, DCTERMS.title)
_VOCABULARIES = (DCTERMS, OWL, PROV, RDF, RDFS, SH, SKOS)
_DATATYPES = frozenset(
    map(str, (RDF.langString, XSD.anyURI, XSD.boolean, XSD.date, XSD.decimal, XSD.integer, XSD.string))
)
_BOTH_WAYS = {MSK.conflictsWith: "msk:conflictsWith", MSK.possiblySamePatient: "msk:possiblySamePatient"}
_ROOT = Path(__file__).parent
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
        return " ".join(f"{self.file}: {self.node}: {self.message} {self.remedy}".split())


def find() -> Path:
    """Return the folder of the ontology: the one that MSKGRAPH_ONTOLOGY names, else the one that came along.

    Without the variable that is the folder inside the installed package, or else the one of the repository.

    :raises OntologyNotFound: with the places tried

    >>> (find() / "schema.ttl").is_file()
    True
    """
    named = os.environ.get("MSKGRAPH_ONTOLOGY")
    tried = [Path(named)] if named else [_ROOT / "ontology", _ROOT.parents[1] / "ontology"]
    for place in tried:
        if (place / "schema.ttl").is_file():
            return place
    raise OntologyNotFound(tried)


def files(root: Path) -> list[Path]:
    """Return all Turtle files below a folder, sorted by name, schema and shapes included.

    >>> [path.name for path in files(find())][:2]
    ['anatomy.ttl', 'ramsey-2017.ttl']
    """
    return sorted(root.rglob("*.ttl"), key=lambda path: path.relative_to(root).as_posix())


def content_hash(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of files, over their names relative to the folder they share and their bytes.

    >>> content_hash(files(find())) == content_hash(reversed(files(find())))
    True
    """
    resolved = sorted({path.resolve() for path in paths})
    digest = hashlib.sha256()
    if resolved:
        shared = Path(os.path.commonpath([path.parent for path in resolved]))
        for path in resolved:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(shared).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def read(paths: Iterable[Path]) -> Graph:
    """Return the triples of files as one graph, literals as written.

    :raises OntologyInvalid: if a file is not Turtle, with one problem for each such file

    >>> from rdflib import SKOS
    >>> str(read(files(find())).value(MSK.phlebolith, SKOS.prefLabel))
    'phlebolith'
    """
    graph = _empty_graph()
    problems = []
    for path in paths:
        part = _parse(path, str(path))
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
    with _literals_as_typed():
        fresh = _empty_graph()
        fresh += graph
        return fresh.serialize(format="turtle")


def is_canonical(path: Path) -> bool:
    """Say whether writing what was read from a file would change no byte of it.

    :raises OntologyInvalid: if it is not Turtle

    >>> all(is_canonical(path) for path in files(find()))
    True
    """
    return canonical(read([path])).encode() == path.read_bytes()


def serialize(graph: Graph, form: Form) -> str:
    """Return a graph as one RDF document.

    :param form: ``"ttl"``, ``"nq"`` or ``"jsonld"``

    >>> serialize(Graph().add((MSK.gout, MSK.category, MSK["category-crystal"])), "nq").split()[1]
    '<https://w3id.org/mskgraph/category>'
    """
    if form == "ttl":
        return canonical(graph)
    with _literals_as_typed():
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
    with _literals_as_typed():
        return canonical(_empty_graph().parse(data=triples, format="nt"))


Finding = tuple[str, str, str]
"""IRI of a node, what is wrong with it, and what to do about it."""

Further = Callable[[bytes], Iterable[Finding]]
"""A check of a whole ontology, given as N-Triples, that needs more than this module knows."""


def check(paths: Sequence[Path] | None = None, further: Sequence[Further] = ()) -> list[Problem]:
    """Return what is wrong with the ontology, or with files that are to join it.

    A folder with a ``schema.ttl`` of its own is a whole ontology and is checked by itself. Any other file or
    folder is checked together with the ontology that :func:`find` finds, and only its own problems are
    returned; a file that defines what a file of the same name defines there takes that file's place.

    :param paths: files or folders; the whole ontology if none
    :param further: checks that are made once these have found nothing
    :raises OntologyNotFound: if a path does not exist or there is no ontology

    >>> check()
    []
    """
    given: dict[Path, str] = {}
    whole: Path | None = None
    for path in paths or [find()]:
        if not path.exists():
            raise OntologyNotFound([path])
        if not path.is_dir():
            given[path.resolve()] = str(path)
            continue
        if (path / "schema.ttl").is_file():
            whole = path
        for file in files(path):
            name = file.relative_to(path).as_posix()
            given[file.resolve()] = name if not paths else str(path / name)
    context: dict[Path, str] = {}
    if whole is None:
        root = find()
        context = {path.resolve(): path.relative_to(root).as_posix() for path in files(root)}
    graphs: dict[str, Graph] = {}
    unreadable: list[Problem] = []
    own: set[str] = set()
    for path, name in given.items():
        part = _parse(path, name)
        own.add(name)
        if isinstance(part, Problem):
            unreadable.append(part)
        else:
            graphs[name] = part
    defined: defaultdict[str, set[Node]] = defaultdict(set)
    for path, name in given.items():
        if name in graphs:
            defined[path.name].update(graphs[name].subjects(RDF.type))
    for path, name in context.items():
        if path in given:
            continue
        part = _parse(path, name)
        if isinstance(part, Problem):
            unreadable.append(part)
        elif not defined[path.name] & set(part.subjects(RDF.type)):
            graphs[name] = part
    if unreadable:
        # Whatever else would be said of the rest might come from the missing file alone.
        return sorted(unreadable)
    return examine(graphs, own, further)


def examine(
    graphs: Mapping[str, Graph], of: Collection[str] | None = None, further: Sequence[Further] = ()
) -> list[Problem]:
    """Return what is wrong with an ontology given as graphs, one for each file.

    :param graphs: file name to what is in it, schema and shapes included
    :param of: the files whose problems are wanted; all if not given
    :param further: checks that are made once these have found nothing
    :returns: problems, sorted by file

    >>> examine({"empty.ttl": Graph()})
    []
    """
    files_ = _Files(graphs)
    problems = {
        *_shape_problems(files_, of),
        *_term_problems(files_),
        *_name_problems(files_),
        *_cycles(files_),
        *_one_sided(files_),
    }
    if further and not problems:
        triples = files_.data.serialize(format="nt", encoding="utf-8")
        problems = {
            Problem(files_.where(URIRef(node)), files_.called(URIRef(node)), message, remedy)
            for more in further
            for node, message, remedy in more(triples)
        }
    return sorted(problem for problem in problems if of is None or problem.file in of)


def release(version_date: str, to: Path) -> Path:
    """Write the ontology as one Turtle file that carries its version; the shapes stay out of it.

    :param version_date: the date of the version, as 2026-01-31
    :param to: the file to write
    :returns: the file written
    :raises ValueError: if the date is none
    :raises OntologyInvalid: if :func:`check` finds a problem

    >>> release("yesterday", Path("release.ttl"))
    Traceback (most recent call last):
    ValueError: A version is a date such as 2026-01-31, not 'yesterday'.
    """
    try:
        stamp = date.fromisoformat(version_date).isoformat()
    except ValueError:
        stamp = None
    if stamp is None or stamp != version_date:
        raise ValueError(f"A version is a date such as 2026-01-31, not {version_date!r}.")
    problems = check()
    if problems:
        raise OntologyInvalid(problems)
    graph = read(path for path in files(find()) if path.name != "shapes.ttl")
    ontology = URIRef(NAMESPACE)
    graph.add((ontology, OWL.versionIRI, URIRef(f"{NAMESPACE}{stamp}/")))
    graph.add((ontology, OWL.versionInfo, Literal(stamp)))
    to.parent.mkdir(parents=True, exist_ok=True)
    unfinished = to.with_name(f"{to.name}.part")
    unfinished.write_bytes(canonical(graph).encode())
    unfinished.replace(to)
    return to


# --- reading


@contextmanager
def _literals_as_typed() -> Iterator[None]:
    """Keep rdflib from rewriting literals, such as 0.50 to 0.5, while they are read and written."""
    with _lock:
        before = rdflib.NORMALIZE_LITERALS
        rdflib.NORMALIZE_LITERALS = False
        try:
            yield
        finally:
            rdflib.NORMALIZE_LITERALS = before


def _empty_graph() -> Graph:
    graph = Graph(bind_namespaces="none")
    for prefix, namespace in PREFIXES.items():
        graph.bind(prefix, namespace, override=True, replace=True)
    return graph


def _parse(path: Path, name: str) -> Graph | Problem:
    """Return what is in a file, or why it cannot be read."""
    log = logging.getLogger("rdflib.term")
    level = log.level
    try:
        with _literals_as_typed():
            # A value that does not fit its type is reported by examine(); rdflib would print a traceback.
            log.setLevel(logging.ERROR)
            return _empty_graph().parse(data=path.read_text("utf-8"), format="turtle", publicID=NAMESPACE)
    except BadSyntax as error:
        line, reason = error.lines + 1, " ".join(str(error._why).split())
        remedy = f"Correct line {line} or the end of the line before: a dot, semicolon, quote or prefix is wrong."
        return Problem(name, f"line {line}", f"This is not Turtle: {reason}.", remedy)
    except UnicodeDecodeError:
        return Problem(name, "line 1", "The file is not UTF-8 text.", "Save it as UTF-8.")
    except (IndexError, AssertionError) as error:  # rdflib 7.6, where a file ends in the middle of a statement
        line = len(path.read_text("utf-8").splitlines())
        remedy = "Complete the last statement; it ends with a dot."
        return Problem(name, f"line {line}", f"This is not Turtle: the file ends too early ({error}).", remedy)
    except (ValueError, OSError) as error:
        return Problem(name, "line 1", f"The file cannot be read: {error}.", "Correct or remove it.")
    finally:
        log.setLevel(level)


class _Files:
    """The graphs of several files, together and each by itself, and which node is where."""

    def __init__(self, graphs: Mapping[str, Graph]) -> None:
        self.graphs = dict(sorted(graphs.items()))
        self.all = _empty_graph()
        self.shapes = _empty_graph()
        self.data = _empty_graph()
        self.defining: defaultdict[Node, list[str]] = defaultdict(list)
        self._mentioning: dict[Node, str] = {}
        for name, graph in self.graphs.items():
            self.all += graph
            is_shapes = (None, RDF.type, SH.NodeShape) in graph
            target = self.shapes if is_shapes else self.data
            target += graph
            for node in set(graph.subjects()):
                self._mentioning.setdefault(node, name)
                if (node, RDF.type, None) in graph:
                    self.defining[node].append(name)

    def where(self, node: Node, triple: Triple | None = None) -> str:
        """Return the file that holds a triple, or else the one that defines its node."""
        if triple is not None:
            for name, graph in self.graphs.items():
                if triple in graph:
                    return name
        return self.defining[node][0] if self.defining.get(node) else self._mentioning.get(node, "")

    def called(self, node: Node) -> str:
        """Return the label of a node, or its CURIE."""
        for title in _TITLES:
            labels = sorted(str(label) for label in self.all.objects(node, title))
            if labels:
                return labels[0]
        return _curie(node)


def _curie(node: Node) -> str:
    if isinstance(node, BNode):
        return "a node without a name"
    text = str(node)
    for prefix, namespace in sorted(PREFIXES.items(), key=lambda item: -len(item[1])):
        if text.startswith(namespace):
            return f"{prefix}:{text.removeprefix(namespace)}"
    return f"<{text}>" if isinstance(node, URIRef) else repr(text)


# --- what the shapes say


def _shape_problems(found: _Files, of: Collection[str] | None) -> Iterator[Problem]:
    if not len(found.shapes):
        return
    from pyshacl import validate

    # Comparing a bound with a value such as "few"^^xsd:decimal stops pySHACL; these are reported as terms.
    sound = _empty_graph()
    sound += (triple for triple in found.data if not (isinstance(triple[2], Literal) and triple[2].ill_typed))
    # A problem belongs to a file that says something about its node, so the other nodes need not be looked at. What
    # a file points at is looked at too, because pySHACL holds nested shapes to be met by any node not listed.
    nodes = {
        node
        for name in (of if of is not None and found.graphs.keys() - set(of) else ())
        for triple in found.graphs[name]
        for node in (triple[0], triple[2])
        if isinstance(node, URIRef)
    }
    with _literals_as_typed():
        _, report, _ = validate(sound, shacl_graph=found.shapes, inference="none", focus_nodes=sorted(nodes) or None)
    if not isinstance(report, Graph):
        raise OntologyInvalid([f"shapes.ttl: the shapes cannot be used: {report}"])
    for result in report.subjects(RDF.type, SH.ValidationResult):
        node = report.value(result, SH.focusNode)
        path = report.value(result, SH.resultPath)
        value = report.value(result, SH.value)
        message = str(min(report.objects(result, SH.resultMessage), key=str, default="This is not allowed."))
        if node is None:
            continue
        triple = (node, path, value) if path is not None and value is not None else None
        closed = (result, SH.sourceConstraintComponent, SH.ClosedConstraintComponent) in report
        if closed and path is not None:
            message = message.replace("This property", f"The property {_curie(path)}", 1)
        fault, _, remedy = message.partition(": ")
        yield _problem(found.where(node, triple), found.called(node), fault, remedy)


def _problem(file: str, node: str, fault: str, remedy: str) -> Problem:
    def sentence(text: str) -> str:
        text = text if text.endswith((".", "?")) or not text else f"{text}."
        return text if text.startswith("msk:") else text[:1].upper() + text[1:]

    return Problem(file, node, sentence(fault), sentence(remedy))


# --- that every term is defined, once, in the right namespace


def _term_problems(found: _Files) -> Iterator[Problem]:
    known = {node for node in found.defining if isinstance(node, URIRef)}
    names = {_curie(node): node for node in known if node.startswith(NAMESPACE)}
    for node, places in found.defining.items():
        for place in places if isinstance(node, URIRef) else ():
            for other in places:
                if other != place:
                    message = f"{_curie(node)} is defined in {other} already."
                    remedy = "Keep it in one file, or give this one another name."
                    yield Problem(place, found.called(node), message, remedy)
    for file, graph in found.graphs.items():
        syntax = (None, RDF.type, SH.NodeShape) in graph or (None, RDF.type, OWL.Ontology) in graph
        for triple in graph:
            subject, predicate, obj = triple
            if not syntax and (isinstance(subject, BNode) or isinstance(obj, BNode)):
                named = obj if isinstance(subject, BNode) else subject
                message = "There is a node without a name (square or round brackets)."
                yield Problem(file, found.called(named), message, "Give it a name, such as msk:...-estimate.")
            if isinstance(subject, URIRef) and subject.startswith(NAMESPACE) and subject not in known:
                remedy = "Say what it is: write a msk:Association, for example."
                yield Problem(file, _curie(subject), "It has no class.", remedy)
            for term in (predicate, obj):
                if isinstance(term, URIRef) and term.startswith(NAMESPACE) and term not in known:
                    yield _undefined(file, found.called(subject), _curie(term), names)
            for term in (predicate, obj) if predicate == RDF.type else (predicate,):
                if isinstance(term, URIRef) and not term.startswith(NAMESPACE) and not _is_vocabulary(term):
                    message = f"{_curie(term)} is no property or class of a vocabulary in use."
                    remedy = "Correct its spelling; docs/model.md lists the properties in use."
                    yield Problem(file, found.called(subject), message, remedy)
            if isinstance(obj, Literal) and obj.datatype is not None and not _is_datatype(obj):
                message = f"{str(obj)!r} is no value of {_curie(obj.datatype)}."
                yield Problem(file, found.called(subject), message, "Correct the value or its type.")


def _undefined(file: str, node: str, term: str, names: Mapping[str, URIRef]) -> Problem:
    near = difflib.get_close_matches(term, names, n=1, cutoff=0.8)
    remedy = f"Did you mean {near[0]}? Else define it." if near else "Define it, or correct its spelling."
    return Problem(file, node, f"{term} is defined nowhere.", remedy)


def _is_vocabulary(term: URIRef) -> bool:
    return any(term in vocabulary for vocabulary in _VOCABULARIES)


def _is_datatype(literal: Literal) -> bool:
    return str(literal.datatype) in _DATATYPES and not literal.ill_typed


# --- names, circles, conflicts


def _name_problems(found: _Files) -> Iterator[Problem]:
    """Two concepts that answer to the same name."""
    bearers: defaultdict[str, dict[Node, str]] = defaultdict(dict)
    concepts = {node for kind in _CONCEPTS for node in found.data.subjects(RDF.type, kind)}
    for node in concepts:
        if (node, OWL.deprecated, None) in found.data:
            continue
        for predicate in _NAMES:
            for name in found.data.objects(node, predicate):
                bearers[fold(str(name))].setdefault(node, str(name))
    for same in bearers.values():
        for node, text in same.items():
            for other in same.keys() - {node}:
                message = f'"{text}" is also a name of {_curie(other)}.'
                remedy = "Remove it from one of the two, or make it more specific."
                yield Problem(found.where(node), found.called(node), message, remedy)


def _cycles(found: _Files) -> Iterator[Problem]:
    """Concepts that are a kind or a part of themselves."""
    for predicate, words in ((SKOS.broader, "a kind"), (MSK.partOf, "a part")):
        parents: defaultdict[Node, list[Node]] = defaultdict(list)
        for child, parent in found.data.subject_objects(predicate):
            parents[child].append(parent)
        for start in list(parents):
            way = _way_back(start, parents)
            if way:
                shown = " -> ".join(map(_curie, way))
                message = f"It is {words} of itself: {shown}."
                remedy = f"Remove one of these {_curie(predicate)}."
                yield Problem(found.where(start), found.called(start), message, remedy)


def _way_back(start: Node, parents: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """Return the shortest way from a node to itself, or nothing."""
    ways = [[start]]
    seen: set[Node] = set()
    for way in ways:
        for node in sorted(parents.get(way[-1], ()), key=str):
            if node == start:
                return [*way, node]
            if node not in seen:
                seen.add(node)
                ways.append([*way, node])
    return []


def _one_sided(found: _Files) -> Iterator[Problem]:
    """Relations that hold in both directions but are written in one."""
    for predicate, name in _BOTH_WAYS.items():
        for subject, obj in found.data.subject_objects(predicate):
            file = found.where(subject, (subject, predicate, obj))
            if subject == obj:
                message = f"{name} points at itself."
                yield Problem(file, found.called(subject), message, "Point it at the other one.")
            elif (obj, predicate, subject) not in found.data:
                message = f"{name} {_curie(obj)} is written in one direction only."
                remedy = f"Write {_curie(obj)} {name} {_curie(subject)} as well."
                yield Problem(file, found.called(subject), message, remedy)
