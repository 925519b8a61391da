"""``GET /terms``: concepts, classes and properties whose names begin with what somebody is typing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mskgraph import KnowledgeGraph
from mskgraph.sparql.answering import gated
from mskgraph.store import query_text, select
from mskgraph.terms import Completer, curie

LONGEST: Final = 200
MOST: Final = 50
USUAL: Final = 20


@dataclass(frozen=True)
class Term:
    """What a query can name.

    :ivar kind: of a concept what it is, such as ``finding``; else ``class`` or ``property``
    """

    iri: str
    curie: str
    label: str
    kind: str


class Terms:
    """Everything that a query can name, by its labels, synonyms, CURIE and local name."""

    def __init__(self, kg: KnowledgeGraph) -> None:
        lexicon = kg.knowledge.lexicon
        concepts = [Term(iri, curie(iri), label, lexicon.kinds[iri]) for iri, label in lexicon.labels.items()]
        # Of a property with two labels the later one counts: that of the schema.
        self._terms = {term.iri: term for term in [*_borrowed(kg), *_schema(kg), *concepts]}
        labels = [(term.iri, term.label) for term in self._terms.values()]
        synonyms = [(name.iri, name.text) for name in lexicon.names if not name.preferred]
        written = [(iri, name) for iri, term in self._terms.items() for name in (term.curie, _last_part(term.curie))]
        self._completer = Completer([*labels, *synonyms, *written])

    def answer(self, text: str, limit: int) -> dict[str, Any]:
        """Return the answer to a request, ready for JSON."""
        found = self._completer.complete(text, limit)
        terms = [{**asdict(self._terms[each.thing]), "matched": each.name} for each in found]
        return {"terms": terms, "near": any(each.near for each in found)}


def _schema(kg: KnowledgeGraph) -> Iterator[Term]:
    for row in select(kg.store, query_text("class_counts")):
        yield Term(row["class"], curie(row["class"]), row["label"], "class")
    for row in select(kg.store, query_text("properties_of_the_schema")):
        yield Term(row["property"], curie(row["property"]), row["propertyLabel"], "property")


def _borrowed(kg: KnowledgeGraph) -> Iterator[Term]:
    """Yield what is in use of other vocabularies: the schema has no labels for it, but its names are words."""
    for row in select(kg.store, query_text("predicates_in_use")):
        written = curie(row["property"])
        if written != row["property"]:
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", _last_part(written)).lower()
            yield Term(row["property"], written, words, "property")


def _last_part(written: str) -> str:
    return written.partition(":")[2]


@lru_cache(maxsize=1)  # one knowledge at a time; a new one has another hash
def _terms(kg: KnowledgeGraph) -> Terms:
    return Terms(kg)


def _answer(text: str, limit: int) -> dict[str, Any]:
    return _terms(KnowledgeGraph.open()).answer(text, limit)


async def terms(request: Request) -> Response:
    """Answer with the terms that a text may be the beginning of, best first.

    ``near`` says that nothing begins so, and that these only come near.

    :param request: ``q`` is what is typed, ``limit`` how many terms at most
    :returns: 400 if one of them is too long or no such number
    """
    text = request.query_params.get("q", "")
    limit = request.query_params.get("limit", str(USUAL))
    if len(text) > LONGEST:
        return JSONResponse({"error": f"q is longer than {LONGEST} characters."}, status_code=400)
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= len(str(MOST)) and 1 <= int(limit) <= MOST):
        return JSONResponse({"error": f"limit is no number from 1 to {MOST}."}, status_code=400)
    return JSONResponse(await run_in_threadpool(_answer, text, int(limit)))


ROUTE: Final = Route("/terms", gated(terms), methods=["GET"])
