"""Accepted changes as PROV, so that who said what, when and why can be asked in SPARQL."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from rdflib import PROV, RDF, RDFS, XSD, Literal, URIRef

from mskgraph.curation.journal import Change
from mskgraph.terms import iri

_REVIEWER: Final = URIRef(iri("role-reviewer"))


def change_iri(change_hash: str) -> str:
    """Return the IRI of a change.

    >>> change_iri("0123456789abcdef")
    'https://w3id.org/mskgraph/change-0123456789ab'
    """
    return iri(f"change-{change_hash[:12]}")


def history(changes: Iterable[Change]) -> str:
    """Return changes as N-Triples: each an activity, each of its triples a statement that it generated or invalidated.

    The author is who the activity was associated with; a reviewer who is somebody else, by an association of that role.
    Plain reification, since triple terms are unknown to many engines.
    """
    return "\n".join(line for change in changes for line in _said(change))


def _said(change: Change) -> Iterator[str]:
    activity = URIRef(change_iri(change.hash))
    agent = _agent(change.author)
    yield _line(activity, RDF.type, PROV.Activity)
    yield _line(activity, PROV.endedAtTime, Literal(change.time, datatype=XSD.dateTime))
    yield _line(activity, PROV.wasAssociatedWith, agent)
    yield _line(agent, RDF.type, PROV.Agent)
    yield _line(agent, RDFS.label, Literal(change.author))
    if change.accepted_by not in ("", change.author):
        reviewer, review = _agent(change.accepted_by), URIRef(f"{activity}-review")
        yield _line(activity, PROV.qualifiedAssociation, review)
        yield _line(review, RDF.type, PROV.Association)
        yield _line(review, PROV.agent, reviewer)
        yield _line(review, PROV.hadRole, _REVIEWER)
        yield _line(_REVIEWER, RDF.type, PROV.Role)
        yield _line(_REVIEWER, RDFS.label, Literal("reviewer"))
        yield _line(reviewer, RDF.type, PROV.Agent)
        yield _line(reviewer, RDFS.label, Literal(change.accepted_by))
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


def _agent(name: str) -> URIRef:
    return URIRef(iri(f"agent-{hashlib.sha256(name.encode()).hexdigest()[:12]}"))


def _line(subject: URIRef, predicate: URIRef, value: URIRef | Literal) -> str:
    return f"{subject.n3()} {predicate.n3()} {_escaped(value)} ."


def _escaped(value: URIRef | Literal) -> str:
    # n3() writes a text of several lines in three quotes, which N-Triples does not know.
    if isinstance(value, URIRef) or value.datatype is not None:
        return value.n3()
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{text}"'
