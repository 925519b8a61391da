"""The page of a concept: what it shows, that all that is said of it is there, and that text stays text."""

from __future__ import annotations

import asyncio
import html.parser
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import rdflib
from starlette.applications import Starlette

from mskgraph import KnowledgeGraph, views
from mskgraph.graph import Knowledge, Reference
from mskgraph.terms import iri
from mskgraph.ui.concept_html import browse_html, head_html, section_html
from mskgraph.ui.resource import ROUTE
from mskgraph.views import GROUPINGS, Entry, Group, Section
from tests.app_process import RunningApp
from tests.conftest import StartApp
from tests.small_ontology import added, diagnosis, small_ontology

HOSTILE = "<img src=x onerror=alert(1)></td></table><script>alert(2)</script>\" onclick='alert(3)' &amp;"


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return KnowledgeGraph.open().knowledge


@pytest.fixture(scope="module")
def whole_app(start_app: StartApp) -> RunningApp:
    """The program with its own, whole ontology."""
    return start_app()


def titles(knowledge: Knowledge, name: str) -> dict[str, tuple[Entry, ...]]:
    return {section.title: section.entries for section in views.concept_sections(knowledge, iri(name))}


def named(entries: tuple[Entry, ...]) -> set[str]:
    return {reference.label for entry in entries for reference in entry.what}


def test_a_diagnosis_shows_findings_with_numbers_sources_and_conflicts(knowledge: Knowledge) -> None:
    sections = titles(knowledge, "gout")
    sign = next(
        e
        for e in sections["What it shows"]
        if e.often == "sensitivity 43 of 62, specificity 100 % (compared with 30 controls)"
    )
    assert sign.what == (Reference(iri("double-contour-sign"), "double contour sign"),)
    assert sign.source is not None
    assert "Das" in sign.source.label
    assert sign.disputed
    assert any("disagree" in note for note in sign.notes)
    assert "tophus" in named(sections["What it shows"])
    assert sections["How often it occurs"]
    assert sections["In conflict"]
    assert any("MONDO:0005393" in label for label in named(sections["In other vocabularies"]))


def test_a_finding_shows_causes_looks_tables_and_cases(knowledge: Knowledge) -> None:
    sections = titles(knowledge, "soft-tissue-calcification")
    causes = sections["Causes"]
    assert {"dystrophic calcification", "metastatic osteosarcoma"} <= named(causes)
    assert "95-98 %" in {entry.often for entry in causes}
    assert any(entry.detail.startswith("table: ") for entry in causes)
    assert "rice-grain" in named(sections["How it may look"])
    assert len(sections["Cases"]) >= 5


def test_every_concept_has_a_page_and_what_is_said_of_it_is_on_it(knowledge: Knowledge) -> None:
    for node, concept in knowledge.concepts.items():
        sections = views.concept_sections(knowledge, node)
        assert all(section.entries for section in sections)
        sources = {entry.source.label for section in sections for entry in section.entries if entry.source}
        said = [c for c in knowledge.claims.values() if node in (c.diagnosis, c.target, c.of_finding)]
        said_by = {views.source_words(claim) for claim in said}
        assert said_by <= sources, concept.label


def test_nobody_is_left_out_of_the_lists(knowledge: Knowledge) -> None:
    everything = {member.iri for group in views.browse(knowledge, "kind") for member in group.members}
    assert everything == set(knowledge.concepts)
    by_category = {member.iri for group in views.browse(knowledge, "category") for member in group.members}
    assert by_category == {c.iri for c in knowledge.concepts.values() if c.kind == "diagnosis"}
    regions = {group.head.label: {m.label for m in group.members} for group in views.browse(knowledge, "region")}
    assert "lateral epicondylitis" in regions["elbow"]
    assert "gout" not in regions["elbow"] or "gout" in regions["foot"]
    assert "Baker cyst" in regions["knee"]
    findings = {group.head.label: {m.label for m in group.members} for group in views.browse(knowledge, "finding")}
    assert "gout" in findings["double contour sign"]
    for by in GROUPINGS:
        for group in views.browse(knowledge, by):
            labels = [member.label.casefold() for member in group.members]
            assert labels == sorted(labels)


def test_what_is_never_so_is_no_reason_to_be_listed(knowledge: Knowledge) -> None:
    regions = {group.head.iri: {m.iri for m in group.members} for group in views.browse(knowledge, "region")}
    assert iri("armillifer-infestation") not in regions.get(iri("subcutaneous-tissue"), set())


class Tags(html.parser.HTMLParser):
    """Which elements and attributes a piece of HTML has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_text_of_the_graph_stays_text(knowledge: Knowledge) -> None:
    entry = Entry(
        (Reference(HOSTILE, HOSTILE),),
        HOSTILE,
        HOSTILE,
        HOSTILE,
        Reference(HOSTILE, HOSTILE),
        HOSTILE,
        (HOSTILE,),
        against=HOSTILE,
    )
    concept = replace(
        knowledge.concepts[iri("gout")],
        definition=HOSTILE,
        synonyms=(HOSTILE,),
        notes=(HOSTILE,),
        must_not_miss=HOSTILE,
        sources=(Reference(HOSTILE, HOSTILE),),
    )
    pieces = [
        section_html(Section(HOSTILE, (entry,)), lambda _: HOSTILE),
        head_html(knowledge, concept, lambda _: HOSTILE),
        browse_html([Group(Reference(HOSTILE, HOSTILE), (Reference(HOSTILE, HOSTILE),))], lambda _: HOSTILE),
    ]
    for piece in pieces:
        tags = Tags(piece)
        assert not {"img", "script"} & {tag for tag, _ in tags.found}
        assert not {"onerror", "onclick"} & {name for _, names in tags.found for name in names}
        assert "<img src=x onerror=alert(1)>" in tags.text


# /resource/{name}


# rdflib 7.6 itself uses what it deprecates when it reads JSON-LD.
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_a_concept_has_an_address_in_three_forms(whole_app: RunningApp, knowledge: Knowledge) -> None:
    url = f"{whole_app.url}/resource/gout"
    page = httpx.get(url, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "<h1>gout</h1>" in page.text
    assert "double contour sign" in page.text
    assert 'href="/resource/tophus"' in page.text
    assert "not a medical device" in page.text
    assert httpx.get(url).text == page.text
    for accept, form in (("text/turtle", "turtle"), ("application/ld+json", "json-ld")):
        answer = httpx.get(url, headers={"Accept": accept})
        assert answer.headers["content-type"].split(";")[0] == accept
        assert "Accept" in answer.headers["vary"].split(", ")
        graph = rdflib.Graph().parse(data=answer.text, format=form)
        label = rdflib.Literal("gout", lang="en")
        assert (rdflib.URIRef(iri("gout")), rdflib.SKOS.prefLabel, label) in graph


@pytest.mark.parametrize("name", ["source-das17", "gout-double-contour-sign-das17", "case-ramsey-2017-1", "mayCause"])
def test_what_is_no_concept_has_an_address_too(whole_app: RunningApp, name: str) -> None:
    page = httpx.get(f"{whole_app.url}/resource/{name}")
    assert page.status_code == 200
    assert "<dl>" in page.text


@pytest.mark.parametrize(
    "name", ["nothing-of-this-name", "..%2F..%2Fetc%2Fpasswd", "%3Cscript%3E", "a%3E%20%7B%7D", "x" * 500, "-", "a b"]
)
def test_an_address_of_nothing_is_not_found(whole_app: RunningApp, name: str) -> None:
    answer = httpx.get(f"{whole_app.url}/resource/{name}", headers={"Accept": "text/turtle"})
    assert answer.status_code in (400, 404)  # Streamlit itself refuses what tries to leave its folder
    assert "root:" not in answer.text
    assert "<script>" not in answer.text


def test_a_form_that_is_not_to_be_had_is_told(whole_app: RunningApp) -> None:
    answer = httpx.get(f"{whole_app.url}/resource/gout", headers={"Accept": "image/png"})
    assert answer.status_code == 406
    assert "text/turtle" in answer.text
    assert httpx.post(f"{whole_app.url}/resource/gout").status_code == 405


def test_the_address_of_what_is_out_of_use_leads_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(small_ontology(tmp_path / "ontology")))
    monkeypatch.setenv("MSKGRAPH_HOME", str(tmp_path / "home"))
    added(diagnosis("podagra", "podagra"))
    added("msk:podagra owl:deprecated true ; dcterms:isReplacedBy msk:gout .")

    def answer(accept: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            here = httpx.ASGITransport(Starlette(routes=[ROUTE]))
            async with httpx.AsyncClient(transport=here, base_url="http://here") as client:
                return await client.get("/resource/podagra", headers={"Accept": accept})

        return asyncio.run(ask())

    page = answer("text/html")
    assert (page.status_code, page.headers["location"]) == (303, "/resource/gout")
    assert page.headers["vary"] == "Accept"
    assert "out of use" in page.text
    turtle = answer("text/turtle")
    assert turtle.status_code == 200
    graph = rdflib.Graph().parse(data=turtle.text, format="turtle")
    here = rdflib.URIRef(iri("podagra"))
    assert (here, rdflib.DCTERMS.isReplacedBy, rdflib.URIRef(iri("gout"))) in graph
    assert (here, rdflib.OWL.deprecated, rdflib.Literal(True)) in graph
