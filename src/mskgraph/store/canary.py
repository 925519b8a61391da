"""Questions whose answers are known, put to an engine when it is connected to: so that its errors are told, not shown.

They need no right to write: what they compare with is computed here from the engine's plainest answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from mskgraph.errors import QueryError, StoreError
from mskgraph.store.answers import Row
from mskgraph.terms import iri

if TYPE_CHECKING:
    from mskgraph.store import Store

_MANY = 101  # squared, just more than the 10,000 rows at which engines are often set to stop


class _Canary(NamedTuple):
    """A question: ``?x`` should take each of the expected values, once."""

    about: str
    query: str
    expected: list[str]


def wrong_answers(store: Store) -> list[str]:
    """Return what an engine answers wrongly or refuses, one sentence each; nothing if all is well."""
    try:
        return [wrong for canary in _canaries(store) for wrong in _heard(store, canary)]
    except (QueryError, StoreError) as error:
        return [f"The engine could not be tried: {error}"]


def _heard(store: Store, canary: _Canary) -> Iterator[str]:
    try:
        found = sorted(row.get("x", "") for row in _rows(store, canary.query))
    except (QueryError, StoreError) as error:
        yield f"The engine refuses {canary.about}: {error}"
        return
    if found != sorted(canary.expected):
        yield f"The engine answers {canary.about} wrongly: {len(found)} rows instead of {len(canary.expected)}."


def _rows(store: Store, query: str) -> list[Row]:
    return store.answer(query).table()[1]


def _canaries(store: Store) -> Iterator[_Canary]:
    import networkx

    kinds = networkx.DiGraph([(row["a"], row["b"]) for row in _rows(store, "SELECT ?a ?b { ?a skos:broader ?b }")])
    parts = networkx.DiGraph([(row["a"], row["b"]) for row in _rows(store, "SELECT ?a ?b { ?a msk:partOf ?b }")])
    both = networkx.compose(kinds, parts)
    claims = _rows(store, "SELECT ?claim ?k { ?claim msk:feature ?k ; msk:diagnosis|msk:ofFinding ?d }")
    if not kinds or not parts or not claims:
        return
    top = max(sorted(kinds), key=lambda node: len(networkx.ancestors(kinds, node)))
    region = max(sorted(parts), key=lambda node: len(networkx.ancestors(both, node)))
    below, within = networkx.ancestors(kinds, top), networkx.ancestors(both, region)
    nothing = iri("no-such-thing")
    yield _Canary("property paths with +", f"SELECT DISTINCT ?x {{ ?x skos:broader+ <{top}> }}", [*below])
    yield _Canary(
        "property paths with * to given ends",
        f"SELECT DISTINCT ?x {{ VALUES ?top {{ <{top}> }} ?x skos:broader* ?top ; skos:prefLabel ?label }}",
        [*below, top],
    )
    yield _Canary(
        "property paths over a choice of properties",
        f"SELECT DISTINCT ?x {{ ?x (skos:broader|msk:partOf)* <{region}> . ?x a msk:Site }}",
        [*within, region],
    )
    above = {k: {k, *(networkx.descendants(kinds, k) if k in kinds else ())} for k in {row["k"] for row in claims}}
    finding, _ = Counter(node for row in claims for node in above[row["k"]]).most_common(1)[0]
    yield _Canary(
        "property paths from nodes that several rows share",
        f"SELECT ?x {{ ?x msk:feature ?k ; msk:diagnosis|msk:ofFinding ?d . ?k skos:broader* <{finding}> }}",
        [row["claim"] for row in claims if finding in above[row["k"]]],
    )
    yield _Canary(
        "property paths with ?",
        f"SELECT DISTINCT ?x {{ ?x skos:broader? <{top}> . ?x skos:prefLabel ?label }}",
        [*kinds.predecessors(top), top],
    )
    yield _Canary(
        "OPTIONAL",
        f"SELECT ?x {{ VALUES ?x {{ <{top}> <{nothing}> }} OPTIONAL {{ ?x skos:prefLabel ?label }} "
        "FILTER(!BOUND(?label)) }",
        [nothing],
    )
    yield _Canary(
        "counts",
        f"SELECT (COUNT(DISTINCT ?kind) AS ?x) {{ ?kind skos:broader <{top}> }}",
        [str(kinds.in_degree(top))],
    )
    yield _Canary(
        "CONCAT of texts in two scripts",
        'SELECT ?x { BIND(CONCAT(LANG("a"@en), STR("\u00b5\u4e2d"), STR(DATATYPE(1.5))) AS ?x) }',
        [f"en\u00b5\u4e2d{iri('xsd:decimal')}"],
    )
    numbers = " ".join(map(str, range(_MANY)))
    yield _Canary(
        "questions with more than 10,000 rows",
        f"SELECT ?x {{ VALUES ?x {{ {numbers} }} VALUES ?y {{ {numbers} }} }}",
        [str(number) for number in range(_MANY) for _ in range(_MANY)],
    )
