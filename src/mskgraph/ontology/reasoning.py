"""Whether the schema can be true: a reasoner is given a made-up member of each class and pair of each property.

A class whose made-up member leads to a contradiction can have no member at all, and a property whose pair does can
never be used. That is what a reasoner calls unsatisfiable. Source of the rules: OWL 2 RL (OWL 2 Profiles, W3C 2012,
section 4.3), as owlrl has them.
"""

from __future__ import annotations

from collections.abc import Iterator

from rdflib import OWL, RDF, Graph, Namespace, URIRef
from rdflib.term import Node

_ERROR = Namespace("http://www.daml.org/2002/03/agents/agent-ont#")
_MADE_UP = "urn:made-up:"


def contradictions(schema: Graph) -> Iterator[tuple[Node, str]]:
    """Yield each class or property of a schema that cannot be used without contradiction, and why.

    A contradiction that needs no made-up thing is yielded with the ontology itself.

    >>> from rdflib import RDFS
    >>> from mskgraph.ontology import MSK, files, find, read
    >>> schema = read([find() / "schema.ttl"])
    >>> list(contradictions(schema))
    []
    >>> _ = schema.add((MSK.Finding, RDFS.subClassOf, MSK.Site))
    >>> MSK.Finding in dict(contradictions(schema))
    True
    """
    import owlrl

    closed = Graph()
    closed += schema
    about: dict[str, URIRef] = {}

    def made_up(term: URIRef, part: str) -> URIRef:
        thing = URIRef(f"{_MADE_UP}{len(about)}:{part}")
        about[str(thing)] = term
        return thing

    for term in sorted(schema.subjects(RDF.type, OWL.Class), key=str):
        if isinstance(term, URIRef):
            closed.add((made_up(term, "member"), RDF.type, term))
    for term in sorted(schema.subjects(RDF.type, OWL.ObjectProperty), key=str):
        if isinstance(term, URIRef):
            closed.add((made_up(term, "subject"), term, made_up(term, "object")))
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(closed)
    for message in sorted(map(str, closed.objects(None, _ERROR.error))):
        thing = next((word.strip("'\",()") for word in message.split() if _MADE_UP in word), "")
        whole = next(iter(schema.subjects(RDF.type, OWL.Ontology)), URIRef(""))
        yield about.get(thing, whole), message.replace(f" {thing}", "").removesuffix(" have a common individual")
