"""``GET /resource/{name}``: any thing of the knowledge as a page, as Turtle or as JSON-LD, by its address."""

from __future__ import annotations

import re
from html import escape
from typing import Final, Literal
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mskgraph import KnowledgeGraph, ontology
from mskgraph.graph import local_name_of
from mskgraph.sparql import preferred
from mskgraph.sparql.answering import gated
from mskgraph.store import Row, query_text, select
from mskgraph.terms import NAMESPACE, local_name
from mskgraph.ui.concept_html import STYLE, anchor, contents_html, head_html, section_html
from mskgraph.views import concept_sections

Form = Literal["html", "ttl", "jsonld"]

_FORMS: Final[dict[str, Form]] = {"text/html": "html", "text/turtle": "ttl", "application/ld+json": "jsonld"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,199}")


async def resource(request: Request) -> Response:
    """Answer with what is known of one node, in the form asked for.

    :param request: GET or HEAD; ``name`` is the last part of an IRI of the ontology
    :returns: 404 if there is no such node, 406 if none of the forms asked for is to be had; 303 from the page of a
        concept that is out of use to that of what took its place
    """
    media = preferred(", ".join(request.headers.getlist("accept")), list(_FORMS))
    if media is None:
        headers = {"Vary": "Accept"}
        return Response(f"Available are {', '.join(_FORMS)}.", 406, headers, "text/plain")
    name = request.path_params["name"]
    if media == "text/html" and (successor := await run_in_threadpool(_successor, name)):
        there = address(successor)
        text = f"This is out of use. What took its place is at {there}."
        headers = {"Vary": "Accept", "Location": there}
        return Response(text, status_code=303, media_type="text/plain", headers=headers)
    body = await run_in_threadpool(_body, name, _FORMS[media]) if _NAME.fullmatch(name) else None
    headers = {"Vary": "Accept"}
    if body is None:
        text = "Nothing of the knowledge has this name. The page Concepts lists what there is."
        return Response(text, status_code=404, media_type="text/plain", headers=headers)
    return Response(body, media_type=media, headers=headers)


def _body(name: str, form: Form) -> str | None:
    kg = KnowledgeGraph.open()
    node = NAMESPACE + name
    if form == "html":
        return _page(kg, node)
    triples = kg.store.answer(f"DESCRIBE <{node}>").body
    if not triples:
        return None
    return ontology.turtle_of(triples) if form == "ttl" else ontology.jsonld_of(triples)


def _successor(name: str) -> str:
    """Return what took the place of a concept that is out of use; empty if nothing did."""
    return KnowledgeGraph.open().knowledge.lexicon.replaced.get(NAMESPACE + name, "")


def address(iri: str) -> str:
    """Return the address of the page of a concept or case here."""
    return f"/resource/{quote(local_name(iri))}"


def _page(kg: KnowledgeGraph, node: str) -> str | None:
    knowledge = kg.knowledge
    concept = knowledge.concepts.get(node)
    if concept is None:
        return _facts(kg, node)
    found = concept_sections(knowledge, node)
    sections = "".join(
        f'<h2 id="{anchor(section.title)}">{escape(section.title)}</h2>{section_html(section, address)}'
        for section in found
    )
    head = head_html(knowledge, concept, address)
    app = f'<p><a href="/concepts?c={quote(local_name(node))}">Open in mskgraph</a></p>'
    return _document(concept.label, f"<p>{escape(concept.kind)}</p>{head}{app}{contents_html(found)}{sections}")


def _facts(kg: KnowledgeGraph, node: str) -> str | None:
    """Return the page of what is no concept, such as a claim or a source: its properties and their values in words."""
    rows = select(kg.store, query_text("node_facts", node=node))
    if not rows:
        return None

    def value(row: Row) -> str:
        label = escape(row.get("valueLabel", row["value"]))
        ours = row["value"].startswith(NAMESPACE)
        return f'<a href="{escape(address(row["value"]))}">{label}</a>' if ours else label

    facts = "".join(
        f"<dt>{escape(row.get('propertyLabel') or local_name_of(row['property']))}</dt><dd>{value(row)}</dd>"
        for row in rows
    )
    title = next((row["nodeLabel"] for row in rows if "nodeLabel" in row), local_name(node))
    return _document(title, f'<div class="msk"><dl>{facts}</dl></div>')


_PAGE_STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; background: #fff; color: #15202b }
a { color: inherit }
@media (prefers-color-scheme: dark) { body { background: #10151c; color: #e6edf3 } }
"""


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{escape(title)} - mskgraph</title>'
        f"<style>{_PAGE_STYLE}{STYLE}</style></head><body><main><h1>{escape(title)}</h1>{body}"
        "<p>A teaching and reference tool, not a medical device.</p></main></body></html>"
    )


ROUTE: Final = Route("/resource/{name}", gated(resource), methods=["GET"])
