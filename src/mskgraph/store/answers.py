"""What a query gives: as it comes from an engine, whole, and as plain rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

import pyoxigraph

from mskgraph.errors import QueryError

Row = dict[str, str]
"""One solution: variable to IRI or lexical form; an unbound variable is absent."""

Result: TypeAlias = pyoxigraph.QuerySolutions | pyoxigraph.QueryBoolean | Iterator[pyoxigraph.Triple]
"""What an engine gives for SELECT, ASK, and CONSTRUCT or DESCRIBE, still coming in."""

Kind = Literal["select", "ask", "graph"]


class Answer(NamedTuple):
    """What a query gave.

    :ivar kind: ``"select"``, ``"ask"`` or ``"graph"``
    :ivar body: SPARQL 1.1 Query Results JSON for select and ask, N-Triples for graph
    """

    kind: Kind
    body: bytes

    def table(self) -> tuple[list[str], list[Row]]:
        """Return the variables of a select, in its order, and its rows as plain strings.

        :raises QueryError: if it is none
        """
        if self.kind != "select":
            raise QueryError("A SELECT query is needed here.")
        document = json.loads(self.body)
        rows = [{name: term["value"] for name, term in row.items()} for row in document["results"]["bindings"]]
        return document["head"]["vars"], rows

    def triples(self) -> list[tuple[str, str, dict[str, str]]]:
        """Return subject, predicate and object of each triple, the object as SPARQL Results JSON has it.

        :raises QueryError: if the answer is no graph
        """
        if self.kind != "graph":
            raise QueryError("A CONSTRUCT or DESCRIBE query is needed here.")
        quads = pyoxigraph.parse(self.body, format=pyoxigraph.RdfFormat.N_TRIPLES)
        return [(_name(quad.subject), _name(quad.predicate), _json_term(quad.object)) for quad in quads]


def _name(term: object) -> str:
    return term.value if isinstance(term, pyoxigraph.NamedNode) else str(term)


def _json_term(term: object) -> dict[str, str]:
    match term:
        case pyoxigraph.Literal(value=value, datatype=datatype, language=language):
            return {
                "type": "literal",
                "value": value,
                **({"xml:lang": language} if language else {"datatype": datatype.value}),
            }
        case pyoxigraph.BlankNode():
            return {"type": "bnode", "value": str(term)}
    return {"type": "uri", "value": _name(term)}


def kind_of(result: Result) -> Kind:
    """Return which kind of answer a result is."""
    if isinstance(result, pyoxigraph.QueryBoolean):
        return "ask"
    return "select" if isinstance(result, pyoxigraph.QuerySolutions) else "graph"


def whole(result: Result) -> Answer:
    """Return all of a result.

    :raises QueryError: if the engine fails on the way
    """
    kind = kind_of(result)
    try:
        if isinstance(result, pyoxigraph.QuerySolutions | pyoxigraph.QueryBoolean):
            return Answer(kind, result.serialize(format=pyoxigraph.QueryResultsFormat.JSON) or b"")
        return Answer(kind, pyoxigraph.serialize(result, format=pyoxigraph.RdfFormat.N_TRIPLES) or b"")
    except (ValueError, RuntimeError, OSError) as error:
        raise QueryError(f"The query failed: {error}") from None
