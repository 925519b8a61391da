"""What can be wrong with an ontology: what the shapes refuse, and what shapes cannot say well."""

from __future__ import annotations

import difflib
import gc
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path

from rdflib import DCTERMS, OWL, PROV, RDF, RDFS, SH, SKOS, XSD, BNode, Graph, Literal, URIRef
from rdflib.collection import Collection as RdfList
from rdflib.term import Node

from mskgraph.errors import OntologyInvalid, OntologyNotFound
from mskgraph.ontology.files import MSK, PREFIXES, Problem, files, find, literals_as_typed, parse
from mskgraph.ontology.reasoning import contradictions
from mskgraph.terms import MAPPINGS_SUFFIX, NAMESPACE, fold

Triple = tuple[Node, Node, Node]

_CONCEPTS = [MSK[name] for name in ("Site", "Finding", "Morphology", "Context", "Diagnosis")]
_NAMES = (SKOS.prefLabel, SKOS.altLabel, SKOS.hiddenLabel)
_TITLES = (SKOS.prefLabel, RDFS.label, DCTERMS.title)
_VOCABULARIES = (DCTERMS, OWL, PROV, RDF, RDFS, SH, SKOS)
_DATATYPES = frozenset(
    map(str, (RDF.langString, XSD.anyURI, XSD.boolean, XSD.date, XSD.decimal, XSD.integer, XSD.string))
)
_WRITTEN = {
    str(XSD.boolean): re.compile("true|false|1|0"),
    str(XSD.date): re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    str(XSD.decimal): re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"),
    str(XSD.integer): re.compile("[+-]?[0-9]+"),
}
"""How values are written; Python, which reads them for rdflib, takes 1_000 and digits of other scripts, too."""

_BOTH_WAYS = {MSK.conflictsWith: "msk:conflictsWith", MSK.possiblySamePatient: "msk:possiblySamePatient"}

OUT_OF_USE = Literal("true", datatype=XSD.boolean)
"""The value of owl:deprecated."""

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
        part = parse(path, name)
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
        part = parse(path, name)
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
    with without_collection():
        return _examined(graphs, of, further)


@contextmanager
def without_collection() -> Iterator[None]:
    """Spare the garbage collector: it would look at hundreds of thousands of new things over and over, in vain."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _examined(graphs: Mapping[str, Graph], of: Collection[str] | None, further: Sequence[Further]) -> list[Problem]:
    files_ = _Files(graphs)
    problems = {
        *_shape_problems(files_, of),
        *_term_problems(files_, of),
        *_name_problems(files_),
        *_cycles(files_),
        *_one_sided(files_),
        *_out_of_use(files_),
        *_misplaced_mappings(files_),
        *_contradictions(files_),
    }
    if further and not problems:
        triples = files_.data.serialize(format="nt", encoding="utf-8")
        problems = {
            Problem(files_.where(URIRef(node)), files_.called(URIRef(node)), message, remedy)
            for more in further
            for node, message, remedy in more(triples)
        }
    return sorted(problem for problem in problems if of is None or problem.file in of)


class _Files:
    """The graphs of several files, together and each by itself, and which node is where."""

    def __init__(self, graphs: Mapping[str, Graph]) -> None:
        self.graphs = dict(sorted(graphs.items()))
        self.shapes: set[Triple] = set()
        self.data = Graph()  # for pySHACL, which asks for a store with contexts
        self.defining: defaultdict[Node, list[str]] = defaultdict(list)
        self._mentioning: dict[Node, str] = {}
        for name, graph in self.graphs.items():
            if (None, RDF.type, SH.NodeShape) in graph:
                self.shapes.update(graph)
            else:
                self.data += graph
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
        """Return the label of a node, or its CURIE if it has none or another node has the same."""
        for title in _TITLES:
            labels = sorted(self.data.objects(node, title), key=str)
            if labels and not any(set(self.data.subjects(other, labels[0])) - {node} for other in _TITLES):
                return str(labels[0])
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
    if not found.shapes:
        return
    from pyshacl import validate

    # Comparing a bound with a value such as "few"^^xsd:decimal stops pySHACL; these are reported as terms.
    sound = found.data
    ill_typed = [triple for triple in sound if isinstance(triple[2], Literal) and triple[2].ill_typed]
    if ill_typed:
        sound = Graph()
        sound += found.data
        for unsound in ill_typed:
            sound.remove(unsound)
    # A problem belongs to a file that says something about its node, so the other nodes need not be looked at. What
    # a file points at is looked at too, because pySHACL holds nested shapes to be met by any node not listed.
    nodes = {
        node
        for name in (of if of is not None and found.graphs.keys() - set(of) else ())
        for triple in found.graphs[name]
        for node in (triple[0], triple[2])
        if isinstance(node, URIRef)
    }
    with literals_as_typed():
        _, report, _ = validate(
            sound, shacl_graph=_aimed(frozenset(found.shapes)), focus_nodes=sorted(nodes) or None, inplace=True
        )
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


@lru_cache(maxsize=2)
def _aimed(triples: frozenset[Triple]) -> Graph:
    """Return shapes that say the same, with the targets of a node shape on its property shapes.

    pySHACL goes through the property shapes of a node shape for one node after the other, but looks at all targets of
    a property shape at once, which is several times faster.
    """
    shapes, aimed = Graph(), Graph()
    for triple in triples:
        shapes.add(triple)
        aimed.add(triple)
    targets = (SH.targetClass, SH.targetSubjectsOf, SH.targetObjectsOf, SH.targetNode)
    for shape in set(shapes.subjects(RDF.type, SH.NodeShape)):
        aims = [(predicate, target) for predicate in targets for target in shapes.objects(shape, predicate)]
        ignored = shapes.value(shape, SH.ignoredProperties)
        for constraint in shapes.objects(shape, SH.property) if aims else ():
            aimed.remove((shape, SH.property, constraint))
            for predicate, target in aims:
                aimed.add((constraint, predicate, target))
            path = shapes.value(constraint, SH.path)
            if ignored is not None and isinstance(path, URIRef):
                RdfList(aimed, ignored).append(path)
    return aimed


def _problem(file: str, node: str, fault: str, remedy: str) -> Problem:
    def sentence(text: str) -> str:
        text = text if text.endswith((".", "?")) or not text else f"{text}."
        return text if text.startswith("msk:") else text[:1].upper() + text[1:]

    return Problem(file, node, sentence(fault), sentence(remedy))


# --- that every term is defined, once, in the right namespace


def _term_problems(found: _Files, of: Collection[str] | None) -> Iterator[Problem]:
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
        if of is not None and file not in of:
            continue
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
            if isinstance(obj, Literal) and not is_value(obj):
                message = f"{str(obj)!r} is no value of {_curie(URIRef(str(obj.datatype)))}."
                yield Problem(file, found.called(subject), message, "Correct the value or its type.")


def _undefined(file: str, node: str, term: str, names: Mapping[str, URIRef]) -> Problem:
    near = difflib.get_close_matches(term, names, n=1, cutoff=0.8)
    remedy = f"Did you mean {near[0]}? Else define it." if near else "Define it, or correct its spelling."
    return Problem(file, node, f"{term} is defined nowhere.", remedy)


@cache
def _is_vocabulary(term: URIRef) -> bool:
    return any(term in vocabulary for vocabulary in _VOCABULARIES)


def is_value(literal: Literal) -> bool:
    """Return whether a literal is a plain text, or a value of a datatype in use.

    >>> is_value(Literal("0.5", datatype=XSD.decimal)), is_value(Literal("few", datatype=XSD.decimal))
    (True, False)
    """
    if literal.datatype is None:
        return True
    written = _WRITTEN.get(str(literal.datatype))
    is_written = written is None or written.fullmatch(literal) is not None
    return str(literal.datatype) in _DATATYPES and not literal.ill_typed and is_written


# --- that the schema can be true, and that mappings stand where they belong


def _contradictions(found: _Files) -> Iterator[Problem]:
    """Classes and properties of the schema that cannot be used without contradiction."""
    for graph in found.graphs.values():
        if (None, RDF.type, OWL.Ontology) in graph:
            for node, message in contradictions(graph):
                remedy = "Correct its superclass, domain or range, or the list of classes that share no member."
                yield Problem(found.where(node), _curie(node), f"It leads to a contradiction: {message}.", remedy)


def _misplaced_mappings(found: _Files) -> Iterator[Problem]:
    """Mappings outside the file of mappings."""
    for name, graph in found.graphs.items():
        if name.endswith(MAPPINGS_SUFFIX):
            continue
        for predicate in (SKOS.exactMatch, SKOS.closeMatch, SKOS.broadMatch, SKOS.narrowMatch):
            for subject in graph.subjects(predicate):
                message = f"The mapping {_curie(predicate)} does not belong in this file."
                remedy = f"Write it as a line of mappings{MAPPINGS_SUFFIX}."
                yield Problem(name, found.called(subject), message, remedy)


# --- names, circles, conflicts


def _name_problems(found: _Files) -> Iterator[Problem]:
    """Two concepts that answer to the same name."""
    bearers: defaultdict[str, dict[Node, str]] = defaultdict(dict)
    concepts = {node for kind in _CONCEPTS for node in found.data.subjects(RDF.type, kind)}
    for node in concepts:
        if (node, OWL.deprecated, OUT_OF_USE) in found.data:
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


def _out_of_use(found: _Files) -> Iterator[Problem]:
    """What is out of use without saying what takes its place, and who uses it all the same."""
    for node, value in found.data.subject_objects(OWL.deprecated):
        if value != OUT_OF_USE:
            message = "It is not said by true that it is out of use."
            remedy = "Write owl:deprecated true, or remove owl:deprecated."
            yield Problem(found.where(node, (node, OWL.deprecated, value)), found.called(node), message, remedy)
    out = set(found.data.subjects(OWL.deprecated, OUT_OF_USE))
    for node in set(found.data.subjects(DCTERMS.isReplacedBy)) - out:
        remedy = "Write owl:deprecated true as well, or remove dcterms:isReplacedBy."
        yield Problem(found.where(node), found.called(node), "Its place is taken, but it is in use.", remedy)
    for node in out:
        successors = sorted(found.data.objects(node, DCTERMS.isReplacedBy), key=str)
        kinds = set(found.data.objects(node, RDF.type))
        if not (
            len(successors) == 1
            and successors[0] not in out
            and kinds.intersection(found.data.objects(successors[0], RDF.type))
        ):
            message = "It is out of use, but nothing that is in use takes its place."
            remedy = "Name one dcterms:isReplacedBy: a node of the same class that is in use."
            yield Problem(found.where(node), found.called(node), message, remedy)
        for user, predicate in found.data.subject_predicates(node):
            if user not in out and predicate != DCTERMS.isReplacedBy:
                message = f"It uses {_curie(node)}, which is out of use."
                remedy = f"Use {' or '.join(map(_curie, successors)) or 'another'} instead."
                yield Problem(found.where(user, (user, predicate, node)), found.called(user), message, remedy)
