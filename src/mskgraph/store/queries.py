"""The queries that come with the package, and what can be read off any query without running it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from mskgraph.errors import QueryError

Form = Literal["select", "ask", "construct", "describe"]

DERIVATIONS = ("derive_types", "derive_edges")
"""Names of the queries whose triples are added on load, in this order."""

PERSONAS = ("radiologist", "teacher", "informatician", "program")
"""For whom a query of the package may be."""

# What may hold any word: comments, strings and IRIs; then variables, and names with a colon.
_OPAQUE = re.compile(
    r"""\#[^\n]* | \"{3}(?:[^\\]|\\.)*?\"{3} | '{3}(?:[^\\]|\\.)*?'{3} | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'
    | <[^\x00-\x20<>"{}|^`\\]*> | [?$]\w+ | (?<![\w.-])[\w.-]*:[\w.%:-]*""",
    re.VERBOSE | re.DOTALL,
)


def bare(query: str) -> str:
    """Return a query of the same length with spaces for all that may hold any word.

    >>> bare("ASK { ?s <from> 'from' }")
    'ASK {                  }'
    """
    return _OPAQUE.sub(lambda part: " " * len(part[0]), query)


class Outline(NamedTuple):
    """What a query's text says of itself.

    :ivar form: the kind of query; ``None`` if none is recognised
    :ivar names_dataset: whether it has a FROM clause, and so says itself which graphs it is about
    """

    form: Form | None
    names_dataset: bool


def outline(query: str) -> Outline:
    """Return the form of a query and whether it has a FROM clause; what is no query gives nothing sensible.

    >>> outline("PREFIX a: <http://from/> SELECT * FROM <http://x/g> { ?from ?p 'ask' } # CONSTRUCT")
    Outline(form='select', names_dataset=True)
    >>> outline("BASE <http://x/> ASK { ?s <from> 'from' }")
    Outline(form='ask', names_dataset=False)
    """
    words = re.findall(r"\w+", bare(query).lower())
    form = next((word for word in words if word in ("select", "ask", "construct", "describe")), None)
    return Outline(form, "from" in words)


def first_word(text: str) -> str:
    """Return the word with which a query or an update begins after its prefixes, in small letters; empty if none comes.

    >>> first_word("PREFIX a: <http://x/> INSERT DATA {}"), first_word("BASE <http://x/> # SELECT")
    ('insert', '')
    """
    found = re.search(r"(?!(?:prefix|base)\b)(?:\b\w+|[^\s\w])", bare(text).lower())
    return found[0] if found else ""


class Example(NamedTuple):
    """A query of the package as a reader meets it.

    :ivar name: file name without ``.rq``
    :ivar title: what it asks, in a few words
    :ivar description: one sentence
    :ivar persona: one of :data:`PERSONAS`
    :ivar text: the query without the lines that say the above
    """

    name: str
    title: str
    description: str
    persona: str
    text: str


def is_iri(text: str) -> bool:
    """Return whether a text can stand between angle brackets in a query.

    >>> is_iri("urn:x"), is_iri("gout"), is_iri("http://x/a> }")
    (True, False, False)
    """
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]+", text) is not None


@cache
def query_names() -> tuple[str, ...]:
    """Return the names of the queries that come with the package, sorted."""
    folder = files("mskgraph") / "queries"
    return tuple(sorted(entry.name.removesuffix(".rq") for entry in folder.iterdir() if entry.name.endswith(".rq")))


@cache
def examples() -> tuple[Example, ...]:
    """Return the queries that come with the package, sorted by title.

    >>> example("causes_of_finding").title, len(examples()) == len(query_names())
    ('Causes of a finding', True)
    """
    return tuple(sorted(map(example, query_names()), key=lambda each: each.title))


def example(name: str, **values: str | Sequence[str]) -> Example:
    """Return a query of the package, with its example values replaced as by :func:`query_text`."""
    *head, text = query_text(name, **values).split("\n", 3)
    title, description, persona = (line.partition(": ")[2] for line in head)
    return Example(name, title, description, persona, text)


def query_text(name: str, **values: str | Sequence[str]) -> str:
    """Return the text of a query of the package, with its example values replaced.

    A query that takes parameters carries one block ``VALUES ?name { example }`` for each.

    :param name: file name without ``.rq``
    :param values: for each parameter an IRI, or several
    :raises QueryError: if there is no such query, no such parameter, or a value that is no IRI

    >>> "VALUES ?finding { <https://w3id.org/mskgraph/phlebolith> }" in query_text(
    ...     "causes_of_finding", finding="https://w3id.org/mskgraph/phlebolith")
    True
    """
    if name not in query_names():
        raise QueryError(f"There is no query called {name}; there are {', '.join(query_names())}.")
    text = (files("mskgraph") / "queries" / f"{name}.rq").read_text("utf-8")
    for variable, given in values.items():
        terms = [given] if isinstance(given, str) else given
        for term in terms:
            if not is_iri(term):
                raise QueryError(f"{term!r} is not an IRI.")
        block = " ".join(f"<{term}>" for term in terms)
        pattern = rf"VALUES\s+\?{re.escape(variable)}\s*\{{[^}}]*\}}"
        text, count = re.subn(pattern, f"VALUES ?{variable} {{ {block} }}".replace("\\", "\\\\"), text)
        if count != 1:
            raise QueryError(f"The query {name} has {count} blocks VALUES ?{variable} instead of one.")
    return text
