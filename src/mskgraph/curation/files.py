"""Back to files: accepted changes written into the ontology's own canonical files, and files compared by meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rdflib import RDF, SKOS, BNode, Graph
from rdflib.term import Node

from mskgraph import ontology
from mskgraph.curation.triples import graph_of
from mskgraph.errors import OntologyInvalid, OntologyNotFound, PatchInvalid
from mskgraph.ontology import MSK
from mskgraph.store import Patch, blank_nodes_named
from mskgraph.terms import MAPPINGS_SUFFIX, local_name

Triple = tuple[Node, Node, Node]

_HOMES: Mapping[Node, str] = {
    MSK.Source: "sources.ttl",
    MSK.Site: "anatomy.ttl",
    MSK.Finding: "findings.ttl",
    MSK.Morphology: "findings.ttl",
    MSK.Context: "contexts.ttl",
    MSK.Case: "cases/curated.ttl",
    MSK.Observation: "cases/curated.ttl",
    MSK.Image: "cases/curated.ttl",
}
"""Where a new node of a class goes; a diagnosis and what is claimed of it have a file of their own."""

_SHARED = frozenset((MSK.Source, MSK.Site, MSK.Finding, MSK.Morphology, MSK.Context))
"""Classes of nodes that many others point at, so that none of these decides where they go."""

_MAPPINGS = (SKOS.exactMatch, SKOS.closeMatch, SKOS.broadMatch, SKOS.narrowMatch)
_OTHERWISE = "rules/curated.ttl"


def rewritten(root: Path, patch: Patch) -> dict[str, str]:
    """Return the files that accepted changes alter, by their path under the ontology's folder, with their new text.

    A triple goes where its node is; a new node where its class has its place.

    :param root: folder of the ontology
    :param patch: what all changes do
    :returns: an empty text for a file that has nothing to say any more
    :raises OntologyNotFound: if that is none
    :raises PatchInvalid: for a mapping to another vocabulary, which is no line of Turtle
    """
    added, removed = graph_of(patch.added), graph_of(patch.removed)
    for triple in (*added, *removed):
        if triple[1] in _MAPPINGS:
            raise PatchInvalid(f"{triple[0]}: write a mapping as a line of mappings{MAPPINGS_SUFFIX} instead.")
    if not (root / "schema.ttl").is_file():
        raise OntologyNotFound([root])
    graphs, places = _placed(root)
    changed: set[str] = set()
    for triple in removed:
        for name, graph in graphs.items():
            if triple in graph:
                graph.remove(triple)
                changed.add(name)
    for subject in sorted(set(added.subjects()), key=str):
        name = places.get(subject) or _place(subject, added, places)
        graph = graphs.setdefault(name, Graph())
        for triple in added.triples((subject, None, None)):
            if triple not in graph:
                graph.add(triple)
                changed.add(name)
    return {name: ontology.canonical(graphs[name]) if len(graphs[name]) else "" for name in sorted(changed)}


def write_back(root: Path, patch: Patch) -> list[Path]:
    """Write accepted changes into the files of an ontology, and return the files that were written.

    :raises PatchInvalid: as :func:`rewritten` does; nothing is written then
    """
    texts = rewritten(root, patch)
    for name, text in texts.items():
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            ontology.write_whole(path, text.encode()) if text else path.unlink(missing_ok=True)
        except OSError as error:
            raise PatchInvalid(f"{path} cannot be written: {error.strerror}. Files before it are written.") from None
    return [root / name for name in texts]


def _placed(root: Path) -> tuple[dict[str, Graph], dict[Node, str]]:
    graphs, places = {}, {}
    for path in ontology.files(root):
        if path.name.endswith(MAPPINGS_SUFFIX):
            continue
        name = path.relative_to(root).as_posix()
        graphs[name] = ontology.read([path])
        for subject in graphs[name].subjects(RDF.type):
            places[subject] = name
    return graphs, places


def _place(subject: Node, added: Graph, places: Mapping[Node, str], seen: frozenset[Node] = frozenset()) -> str:
    """Return the file for a new node.

    :param seen: nodes whose place depends on this one's
    """
    kind = added.value(subject, RDF.type)
    if kind == MSK.Diagnosis:
        return f"diagnoses/{_slug(subject)}.ttl"
    if kind == MSK.DifferentialTable:
        return f"tables/{_slug(subject).removeprefix('table-')}.ttl"
    if kind is not None and kind in _SHARED:
        return _HOMES[kind]
    owner = added.value(subject, MSK.table) or added.value(subject, MSK.diagnosis) or added.value(subject, MSK.concept)
    users = sorted(set(added.subjects(None, subject)), key=str)  # an estimate goes with its claim, a look with its case
    for other in [*([owner] if owner is not None else []), *users]:
        if other in places:
            return places[other]
        if other not in seen and other != subject and (other, RDF.type, None) in added:
            place = _place(other, added, places, seen | {subject})
            if place != _OTHERWISE:
                return place
    return _HOMES.get(kind, _OTHERWISE) if kind is not None else _OTHERWISE


def _slug(node: Node) -> str:
    return re.sub(r"[^a-z0-9]+", "-", local_name(str(node)).lower()).strip("-") or "unnamed"


def difference(before: Sequence[Path], after: Sequence[Path]) -> Patch:
    """Return what leads from one ontology to another, whatever files it stands in and in whatever order.

    :raises OntologyInvalid: if a file cannot be read
    """
    one, other = _graph(before), _graph(after)
    named = [{t for t in graph if not _has_blank(t)} for graph in (one, other)]
    nameless = [blank_nodes_named(_lines(t for t in graph if _has_blank(t))) for graph in (one, other)]
    return Patch(
        frozenset(_lines(named[1] - named[0])) | (nameless[1] - nameless[0]),
        frozenset(_lines(named[0] - named[1])) | (nameless[0] - nameless[1]),
    )


def _has_blank(triple: Triple) -> bool:
    return any(isinstance(term, BNode) for term in triple)


def _graph(paths: Sequence[Path]) -> Graph:
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise OntologyInvalid([f"{path}: there is no such file or folder." for path in missing])
    found: list[Path] = []
    for path in paths:
        found += ontology.files(path) if path.is_dir() else [path]
    return ontology.read(found)


def _lines(triples: Iterable[Triple]) -> list[str]:
    part = Graph()
    for triple in triples:
        part.add(triple)
    with ontology.literals_as_typed():
        return [line for line in part.serialize(format="nt").split("\n") if line.strip()]
