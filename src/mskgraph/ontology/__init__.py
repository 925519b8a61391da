"""The knowledge as files: finding them, reading them as written, checking and releasing them.

A file of the ontology is Turtle, or SSSOM for mappings to other vocabularies, in one canonical form: writing what was
read changes no byte. What a file may say is laid down in ``shapes.ttl``; ``checks`` adds what shapes cannot say well:
that every term is defined, that no two concepts share a name, that nothing is a kind of itself, that a conflict is
known to both sides, that nothing uses what is out of use; ``reasoning`` shows that the schema can be true.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from rdflib import OWL, Literal, URIRef

from mskgraph.errors import OntologyInvalid
from mskgraph.ontology.checks import OUT_OF_USE, Finding, Further, check, examine, is_value, without_collection
from mskgraph.ontology.files import (
    MSK,
    PREFIXES,
    Form,
    Problem,
    canonical,
    canonical_text,
    content_hash,
    files,
    find,
    jsonld_of,
    literals_as_typed,
    parse_text,
    read,
    serialize,
    turtle_of,
    write_canonical,
    write_whole,
)
from mskgraph.terms import NAMESPACE

__all__ = [
    "MSK",
    "OUT_OF_USE",
    "PREFIXES",
    "Finding",
    "Form",
    "Further",
    "Problem",
    "canonical",
    "canonical_text",
    "check",
    "content_hash",
    "examine",
    "files",
    "find",
    "is_value",
    "jsonld_of",
    "literals_as_typed",
    "parse_text",
    "read",
    "release",
    "serialize",
    "turtle_of",
    "without_collection",
    "write_canonical",
    "write_whole",
]


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
    write_whole(to, canonical(graph).encode())
    return to
