"""Accepted changes as PROV, so that who said what, when and why can be asked in SPARQL."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from rdflib import PROV, RDF, RDFS, XSD, Literal, URIRef

from mskgraph.curation.journal import Change
from mskgraph.terms import iri


def change_iri(change_hash: str) -> str:
    """Return the IRI of a change.

    >>> change_iri("0123456789abcdef")
    'https://w3id.org/mskgraph/change-0123456789ab'
    """
    return iri(f"change-{change_hash[:12]}")


def history(changes: Iterable[Change]) -> str:
    """Return changes as N-Triples: each an activity, each of its triples a statement that it generated or invalidated.

    Plain reification, since triple terms are unknown to many engines.
    """
    return "\n".join(line for change in changes for line in _said(change))


def _said(change: Change) -> Iterator[str]:
    activity = URIRef(change_iri(change.hash))
    agent = URIRef(iri(f"agent-{hashlib.sha256(change.author.encode()).hexdigest()[:12]}"))
    yield _line(activity, RDF.type, PROV.Activity)
    yield _line(activity, PROV.endedAtTime, Literal(change.time, datatype=XSD.dateTime))
    yield _line(activity, PROV.wasAssociatedWith, agent)
    yield _line(agent, RDF.type, PROV.Agent)
    yield _line(agent, RDFS.label, Literal(change.author))
    if change.message:
        yield _line(activity, RDFS.comment, Literal(change.message))
    if change.undoes:
        yield _line(activity, PROV.wasInformedBy, URIRef(change_iri(change.undoes)))
    for name, relation, lines in (
        ("added", PROV.wasGeneratedBy, change.patch.added),
        ("removed", PROV.wasInvalidatedBy, change.patch.removed),
    ):
        for number, line in enumerate(sorted(lines), 1):
            statement = URIRef(f"{activity}-{name}-{number}")
            subject, predicate, value = line.removesuffix(" .").split(" ", 2)
            yield _line(statement, RDF.type, RDF.Statement)
            yield _line(statement, relation, activity)
            yield f"{statement.n3()} {RDF.subject.n3()} {subject} ."
            yield f"{statement.n3()} {RDF.predicate.n3()} {predicate} ."
            yield f"{statement.n3()} {RDF.object.n3()} {value} ."


def _line(subject: URIRef, predicate: URIRef, value: URIRef | Literal) -> str:
    return f"{subject.n3()} {predicate.n3()} {_escaped(value)} ."


def _escaped(value: URIRef | Literal) -> str:
    # n3() writes a text of several lines in three quotes, which N-Triples does not know.
    if isinstance(value, URIRef) or value.datatype is not None:
        return value.n3()
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{text}"'
