"""Every page, run without a browser: what it shows for an address, and what it does with what is chosen."""

from __future__ import annotations

import json
import re
import shutil
import string
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

from mskgraph import KnowledgeGraph, ontology, views
from mskgraph.graph import Knowledge
from mskgraph.terms import FEATURE_KINDS, iri, local_name
from mskgraph.ui.server import MAIN
from mskgraph.ui.widgets import NOTICE, plain

pytestmark = pytest.mark.usefixtures("seed", "at_the_machine")

SCREENS = {path.stem.partition("_")[2]: path for path in sorted((MAIN.parent / "screens").glob("[0-9]*_*.py"))}
DEFAULT = next(iter(SCREENS))
WITH_GRAPH = [name for name in SCREENS if name not in ("concepts", "query", "contribute")]

VALID = {
    "differential": [
        "f=soft-tissue-calcification",
        "f=soft-tissue-calcification&f=triceps-tendon&why=metastatic-calcification&all=1",
        "f=joint-effusion",
    ],
    "explore": [
        "show=soft-tissue-calcification",
        "show=phlebolith&show=soft-tissue-calcification&node=soft-tissue-calcification",
        "show=soft-tissue-calcification&show=soft-tissue-calcification..cysticercosis&hide=case&hide=site",
    ],
    "cases": [
        "case=case-ramsey-2017-1",
        "finding=soft-tissue-calcification&site=elbow-region",
        "dx=dystrophic-calcification&case=case-ramsey-2017-2",
    ],
    "concepts": ["", "by=finding", "by=category", "by=kind", "c=cysticercosis", "c=soft-tissue-calcification"],
    "model": [""],
    "query": ["", "q=ASK+%7B%7D"],
    "contribute": ["", "do=claim", "do=turtle", "do=history"],
}
PARAMETERS = ("f", "why", "all", "show", "node", "hide", "finding", "site", "dx", "case", "c", "by", "list", "do")
NONSENSE = (
    "<script>",
    "<img src=x onerror=alert(1)>",
    "nothing-of-this-name",
    "x" * 5000,
    "a..b..c",
    "..",
    "",
    "foo:bar",
    "skos:broader",
    "http://example.org/soft-tissue-calcification",
    "Finding",
    "soft tissue calcification",
    "腱 ☃ \x00 %00 ../../etc/passwd",
)

PageFactory = Callable[..., AppTest]


def open_page(name: str = DEFAULT, query: str = "") -> AppTest:
    """A page, opened at an address."""
    app = AppTest.from_file(MAIN, default_timeout=30)
    if name != DEFAULT:
        app.switch_page(str(SCREENS[name].relative_to(MAIN.parent)))
    for parameter, values in parse_qs(query, keep_blank_values=True).items():
        app.query_params[parameter] = values
    return app.run()


def shown_text(app: AppTest) -> str:
    """All that a reader can read, as it was before :func:`plain` made it safe."""
    kinds = ("title", "header", "subheader", "markdown", "info", "warning", "error", "button", "expander", "text")
    pieces = [getattr(item, "value", None) or getattr(item, "label", "") for kind in kinds for item in app.get(kind)]
    pieces += [str(part) for item in app.get("button") for part in (item.label,)]
    return "\n".join(re.sub(r"\\([^\w\s])", r"\1", str(piece).replace(":small[]", "")) for piece in pieces)


def addressed(app: AppTest) -> dict[str, list[str]]:
    """The parameters in the address."""
    return {name: value if isinstance(value, list) else [value] for name, value in app.query_params.items()}


def graph(app: AppTest) -> dict[str, Any]:
    """What the page gave to its graph."""
    (component,) = app.get("bidi_component")
    data = json.loads(component.proto.json)
    assert isinstance(data, dict)
    return data


def candidates(app: AppTest, where: str = "list") -> list[str]:
    """The candidates in the order of their buttons."""
    return [button.key.removeprefix(f"{where}_") for button in app.button if (button.key or "").startswith(f"{where}_")]


def headings(app: AppTest) -> list[str]:
    return [re.sub(r"\\(.)", r"\1", heading.value) for heading in (*app.header, *app.subheader)]


def is_healthy(app: AppTest, name: str) -> None:
    assert not app.exception
    titles = [title.value.casefold() for title in app.title]
    assert titles == [name] or (name == "concepts" and len(titles) == 1)  # the page of a concept has its label
    assert NOTICE in shown_text(app)


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return KnowledgeGraph.open().knowledge


# Opening


@pytest.mark.parametrize("name", WITH_GRAPH)
def test_a_page_opens_with_content_and_notice_and_a_table_beside_its_graph(name: str) -> None:
    app = open_page(name)
    is_healthy(app, name)
    assert not app.error
    assert not app.warning
    drawn = graph(app)
    assert drawn["nodes"]
    if name != "model":
        labels = {node["id"]: " ".join(node["label"].split()) for node in drawn["nodes"] if node["kind"] != "claim"}
        joined = {
            label for edge in drawn["edges"] for end in (edge["source"], edge["target"]) if (label := labels.get(end))
        }
        cells = {" ".join(str(cell).split()) for frame in app.dataframe for cell in frame.value.to_numpy().ravel()}
        assert joined
        assert {label for label in joined if "…" not in label} <= cells
    else:
        assert app.dataframe


@pytest.mark.parametrize(("name", "query"), [(name, query) for name, queries in VALID.items() for query in queries])
def test_a_page_opens_at_an_address_of_its_own(name: str, query: str) -> None:
    app = open_page(name, query)
    is_healthy(app, name)
    assert not app.error
    assert not app.warning
    assert addressed(app) == parse_qs(query)


@pytest.mark.parametrize("value", NONSENSE, ids=lambda value: ascii(value[:24]))
@pytest.mark.parametrize("name", SCREENS)
def test_a_page_opens_whatever_the_address_says(name: str, value: str) -> None:
    app = AppTest.from_file(MAIN, default_timeout=30)
    if name != DEFAULT:
        app.switch_page(str(SCREENS[name].relative_to(MAIN.parent)))
    for parameter in PARAMETERS:
        app.query_params[parameter] = [value, value]
    app.run()
    is_healthy(app, name)
    assert not app.error  # one unknown name is no reason to show nothing
    if name in WITH_GRAPH:
        assert graph(app)["nodes"]
    for warning in app.warning:
        assert len(warning.value) < 400
        assert not re.search(r"(?<!\\)[<>]", warning.value)


def test_one_unknown_name_is_told_and_the_rest_of_the_address_counts() -> None:
    app = open_page("differential", "f=soft-tissue-calcification&f=gone&why=metastatic-calcification")
    is_healthy(app, "differential")
    (warning,) = app.warning
    assert "gone" in warning.value
    assert "Why metastatic calcification?" in shown_text(app)
    app = open_page("explore", "show=phlebolith&show=gone")
    assert len(app.warning) == 1
    assert iri("phlebolith") in {node["id"] for node in graph(app)["nodes"]}


# Differential


def test_the_worked_example_is_ranked_before_anyone_types(knowledge: Knowledge) -> None:
    app = open_page()
    assert addressed(app) == {}
    result = KnowledgeGraph.open().differential(["soft tissue calcification"])
    rows = sorted((c for c in knowledge.claims.values() if c.rank is not None), key=lambda c: c.rank or 0)
    # Those that only share another's mass come after, under a heading of their own.
    alone = [c.iri for c in result.candidates if not c.parents or views.stands_out(c)]
    assert candidates(app)[: len(alone)] == alone
    assert {row.diagnosis for row in rows} <= set(alone)
    assert "worked example" in shown_text(app)
    assert "Why dystrophic calcification?" in shown_text(app)
    assert set(candidates(app)) == {candidate.iri for candidate in result.candidates}
    for row in rows:
        assert row.estimate.stated in shown_text(app)


def test_what_must_not_be_missed_stands_apart_and_in_the_list() -> None:
    app = open_page("differential", "f=soft-tissue-calcification")
    result = KnowledgeGraph.open().differential(["soft tissue calcification"])
    urgent = [candidate.iri for candidate in result.candidates if candidate.must_not_miss]
    assert urgent
    assert candidates(app, "urgent") == urgent
    assert set(urgent) <= set(candidates(app))
    badges = [
        markdown.value for markdown in app.markdown if "must not miss" in markdown.value and "badge" in markdown.value
    ]
    assert len(badges) == len(urgent)


def test_ties_share_a_place() -> None:
    result = KnowledgeGraph.open().differential(["soft tissue calcification"])
    text = shown_text(open_page("differential", "f=soft-tissue-calcification"))
    shown = views.places(result)
    assert "1 =" in shown
    for place in set(shown):
        assert text.count(f"**{place}**") == shown.count(place)


@pytest.mark.parametrize("kind", FEATURE_KINDS)
def test_a_choice_in_a_picker_goes_into_the_address(knowledge: Knowledge, kind: str) -> None:
    app = open_page("differential", "f=soft-tissue-calcification")
    concepts = sorted((c for c in knowledge.concepts.values() if c.kind == kind), key=lambda concept: concept.label)
    concept = next(c for c in concepts if c.iri != iri("soft-tissue-calcification"))
    picker = app.multiselect(key=f"pick_{kind}")
    picker.set_value([*picker.value, concept.iri]).run()
    assert set(addressed(app)["f"]) == {"soft-tissue-calcification", local_name(concept.iri)}
    is_healthy(app, "differential")
    assert app.multiselect(key=f"pick_{kind}").value[-1] == concept.iri
    again = open_page("differential", "&".join(f"f={name}" for name in addressed(app)["f"]))
    assert [picker.value for picker in again.multiselect] == [picker.value for picker in app.multiselect]


def test_taking_the_last_feature_out_brings_the_example_back() -> None:
    app = open_page("differential", "f=joint-effusion")
    app.multiselect(key="pick_finding").set_value([]).run()
    assert addressed(app) == {}
    assert "worked example" in shown_text(app)


def test_typed_words_are_read_as_features_and_the_rest_is_told_with_suggestions() -> None:
    app = open_page()
    app.text_input(key="typed").set_value("calc triceps").run()
    assert addressed(app)["f"][0] == "soft-tissue-calcification"
    assert any(name.startswith("triceps") for name in addressed(app)["f"])
    assert candidates(app)[0] == iri("dystrophic-calcification")
    before = addressed(app)
    app.text_input(key="typed").set_value("phlabolith").run()
    assert addressed(app) == before
    assert app.text_input(key="typed").value == "phlabolith"
    assert any("phlabolith" in warning.value for warning in app.warning)
    next(button for button in app.button if button.label == "phlebolith").click().run()
    assert "phlebolith" in addressed(app)["f"]
    assert not app.warning
    assert app.text_input(key="typed").value == ""


def test_a_side_that_is_typed_is_told_not_to_count() -> None:
    app = open_page()
    app.text_input(key="typed").set_value("left triceps calcification").run()
    assert not [name for name in addressed(app)["f"] if "left" in name]
    assert "Left: the answer is the same for every side." in [caption.value for caption in app.caption]
    assert app.text_input(key="typed").value == ""


def test_words_that_fit_nothing_stay_words() -> None:
    app = open_page()
    app.text_input(key="typed").set_value("<img src=x onerror=alert(1)> **b** :red[y]").run()
    is_healthy(app, "differential")
    for warning in app.warning:
        assert not re.search(r"(?<!\\)[<*\[:]", warning.value)


def test_a_candidate_shows_why_with_source_and_quantity(knowledge: Knowledge) -> None:
    app = open_page("differential", "f=soft-tissue-calcification")
    chosen = iri("tumoral-calcinosis")
    app.button(key=f"list_{chosen}").click().run()
    assert addressed(app) == {"f": ["soft-tissue-calcification"], "why": ["tumoral-calcinosis"]}
    text = shown_text(app)
    assert "Why tumoral calcinosis?" in text
    result = KnowledgeGraph.open().differential(["soft tissue calcification"])
    candidate = next(candidate for candidate in result.candidates if candidate.iri == chosen)
    for row in views.evidence_rows(knowledge, candidate):
        assert row["Step"] in text
        assert row["How often"] in text
        assert row["Source"] in text
    drawn = graph(app)
    assert drawn["selected"] == chosen
    assert {iri("soft-tissue-calcification"), chosen} <= set(drawn["lit"])


def test_drawing_all_candidates_is_part_of_the_address() -> None:
    app = open_page("differential", "f=soft-tissue-calcification")
    few = len(graph(app)["nodes"])
    app.toggle(key="draw_all").set_value(True).run()
    assert addressed(app)["all"] == ["1"]
    assert len(graph(app)["nodes"]) > few
    app.button(key=f"list_{iri('tumoral-calcinosis')}").click().run()
    assert addressed(app)["all"] == ["1"]


def test_a_new_feature_leaves_switch_and_picture_in_agreement(knowledge: Knowledge) -> None:
    app = open_page("differential", "f=soft-tissue-calcification&all=1")
    assert app.toggle(key="draw_all").value is True
    morphology = next(c.iri for c in knowledge.concepts.values() if c.kind == "morphology" and c.label == "amorphous")
    app.multiselect(key="pick_morphology").set_value([morphology]).run()
    switches = [toggle for toggle in app.get("toggle") if toggle.key == "draw_all"]
    assert not switches or switches[0].value is (addressed(app).get("all") == ["1"])


def test_features_that_nothing_connects_say_so(knowledge: Knowledge) -> None:
    kg = KnowledgeGraph.open()
    lonely = next(
        c for c in knowledge.concepts.values() if c.kind == "site" and not kg.differential([c.iri]).candidates
    )
    app = open_page("differential", f"f={local_name(lonely.iri)}")
    is_healthy(app, "differential")
    assert candidates(app) == []
    assert "No claim" in shown_text(app)
    assert app.info


# Explore


def test_what_is_counted_on_a_node_is_what_is_not_drawn(knowledge: Knowledge) -> None:
    drawn = graph(open_page("explore", "show=soft-tissue-calcification"))["nodes"]
    ids = {node["id"] for node in drawn}
    for node in drawn:
        hidden = {step.end for step in knowledge.steps(node["id"])} - ids
        assert node["badge"] == (f"+{len(hidden)}" if hidden else "")
    assert any(node["badge"] for node in drawn)


def test_buttons_expand_collapse_undo_and_redo() -> None:
    app = open_page("explore", "show=phlebolith")

    def press(label: str) -> None:
        next(button for button in app.button if button.label == label).click().run()
        is_healthy(app, "explore")

    start = graph(app)
    press("Expand")
    expanded = graph(app)
    assert addressed(app)["show"] == ["phlebolith", "phlebolith"]
    press("Undo")
    assert addressed(app)["show"] == ["phlebolith"]
    assert graph(app)["nodes"] == start["nodes"]
    press("Redo")
    assert graph(app)["nodes"] == expanded["nodes"]
    press("Collapse")
    assert graph(app)["nodes"] == start["nodes"]
    assert next(button for button in app.button if button.label == "Collapse").disabled


def test_a_path_is_told_lit_and_in_the_address(knowledge: Knowledge) -> None:
    app = open_page("explore", "show=soft-tissue-calcification")
    app.selectbox(key="explore_end").set_value(iri("cysticercosis")).run()
    assert addressed(app)["show"] == ["soft-tissue-calcification", "soft-tissue-calcification..cysticercosis"]
    paths = knowledge.paths(iri("soft-tissue-calcification"), iri("cysticercosis"))
    assert knowledge.words(paths[0]) in shown_text(app)
    lit = set(graph(app)["lit"])
    assert {iri("soft-tissue-calcification"), iri("cysticercosis")} <= lit


def test_the_search_opens_a_concept() -> None:
    app = open_page("explore")
    app.selectbox(key="explore_search").set_value(iri("cysticercosis")).run()
    assert addressed(app) == {"show": ["cysticercosis"], "node": ["cysticercosis"]}
    assert "cysticercosis" in headings(app)


def test_a_kind_is_left_out_of_the_picture_and_the_address_says_so() -> None:
    app = open_page("explore", "show=soft-tissue-calcification")
    kinds = app.get("button_group")[0]
    before = {node["id"]: (node["x"], node["y"]) for node in graph(app)["nodes"] if node["kind"] != "morphology"}
    kinds.set_value([kind for kind in kinds.value if kind != "morphology"]).run()
    assert addressed(app)["hide"] == ["morphology"]
    nodes = {node["id"]: node for node in graph(app)["nodes"]}
    assert "morphology" not in {node["kind"] for node in nodes.values()}
    assert {node: (nodes[node]["x"], nodes[node]["y"]) for node in before} == before


def test_the_filter_follows_the_address() -> None:
    app = open_page("explore", "show=soft-tissue-calcification&hide=morphology")
    assert "morphology" not in app.get("button_group")[0].value
    del app.query_params["hide"]
    app.run()
    assert "morphology" in app.get("button_group")[0].value
    assert "morphology" in {node["kind"] for node in graph(app)["nodes"]}


def test_what_does_not_fit_is_refused_in_words(knowledge: Knowledge) -> None:
    every = "&".join(f"show={local_name(concept)}" for concept in sorted(knowledge.concepts) for _ in range(3))
    app = open_page("explore", f"show=soft-tissue-calcification&{every}")
    is_healthy(app, "explore")
    assert len(graph(app)["nodes"]) <= views.MAX_NODES
    if len(knowledge.concepts) + len(knowledge.cases) > views.MAX_NODES:
        assert any(str(views.MAX_NODES) in warning.value for warning in app.warning)


# Cases


def test_facets_narrow_the_list_and_go_into_the_address(knowledge: Knowledge) -> None:
    app = open_page("cases")
    assert len(candidates(app, "case")) == len(knowledge.cases)
    app.multiselect(key="facet_finding").set_value([iri("soft-tissue-calcification")]).run()
    assert addressed(app) == {"finding": ["soft-tissue-calcification"]}
    fitting = candidates(app, "case")
    assert 0 < len(fitting) < len(knowledge.cases)
    for case in fitting:
        assert any(
            iri("soft-tissue-calcification") in knowledge.ancestors(seen) for seen in knowledge.cases[case].features
        )
    app.button(key=f"case_{fitting[-1]}").click().run()
    assert addressed(app) == {"finding": ["soft-tissue-calcification"], "case": [local_name(fitting[-1])]}
    assert knowledge.cases[fitting[-1]].label in headings(app)


def test_facets_that_no_case_fits_say_so() -> None:
    app = open_page("cases", "finding=soft-tissue-calcification&finding=tendon-tear&finding=ascites")
    is_healthy(app, "cases")
    assert candidates(app, "case") == []
    assert app.info
    assert "No case fits" in shown_text(app)


@pytest.mark.parametrize("case", sorted(KnowledgeGraph.open().knowledge.cases), ids=local_name)
def test_a_case_is_shown_with_its_observations_source_and_way_to_the_differential(
    knowledge: Knowledge, case: str
) -> None:
    app = open_page("cases", f"case={local_name(case)}")
    is_healthy(app, "cases")
    shown = knowledge.cases[case]
    text = shown_text(app)
    assert shown.source.label in text
    assert all(image.identifier in text for image in shown.images)
    cells = [str(cell) for table in app.table for cell in table.value.to_numpy().ravel()]
    for observation in shown.observations:
        assert plain(knowledge.label(observation.finding)) in cells
        for site in observation.sites:
            assert any(plain(knowledge.label(site)) in cell for cell in cells)
    links = [link.proto for link in app.get("page_link")]
    assert any("differential" in link.label.casefold() for link in links)
    for diagnosis in shown.diagnoses:
        assert knowledge.label(diagnosis) in text
        assert diagnosis in {node["id"] for node in graph(app)["nodes"]}


# Model


def test_the_model_shows_every_class_relation_source_and_the_version(knowledge: Knowledge) -> None:
    app = open_page("model")
    cells = {str(cell) for frame in app.dataframe for cell in frame.value.to_numpy().ravel()}
    assert {"Finding", "Diagnosis", "Site", "Morphology", "Case"} <= cells
    assert {claim.source.label for claim in knowledge.claims.values()} <= cells
    assert KnowledgeGraph.open().content_hash in shown_text(app)


# Errors


@pytest.fixture
def copied_ontology(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "ontology"
    shutil.copytree(ontology.find(), folder)
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(folder))
    return folder


@pytest.mark.parametrize("name", SCREENS)
def test_broken_turtle_is_a_message_that_names_the_file(copied_ontology: Path, name: str) -> None:
    (copied_ontology / "diagnoses" / "broken.ttl").write_text("@prefix msk: <oops> .\nmsk:a msk:b", encoding="utf-8")
    app = open_page(name)
    assert not app.exception
    (error,) = app.error
    assert "broken.ttl" in shown_text(app)
    assert "Traceback" not in error.value
    assert NOTICE in shown_text(app)


def test_the_page_recovers_once_the_file_is_repaired(copied_ontology: Path) -> None:
    broken = copied_ontology / "diagnoses" / "broken.ttl"
    broken.write_text("nonsense", encoding="utf-8")
    app = open_page()
    assert app.error
    broken.unlink()
    app.run()
    is_healthy(app, "differential")
    assert not app.error


def test_a_missing_ontology_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(tmp_path / "nowhere"))
    app = open_page()
    assert not app.exception
    assert "nowhere" in shown_text(app)


# Safe text

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


WORDS = {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "softbreak"}


def tokens(text: str) -> Iterable[tuple[str, str]]:
    for block in MARKDOWN.parse(text):
        yield block.type, ""
        for inline in block.children or ():
            yield inline.type, inline.content


def read_as_markdown(text: str) -> str:
    """The words of a text; fails if any of it is markup."""
    parts: Sequence[tuple[str, str]] = list(tokens(text))
    assert {kind for kind, _ in parts} <= WORDS, parts
    assert [kind for kind, _ in parts].count("paragraph_open") <= 1, parts
    return "".join("\n" if kind == "softbreak" else content for kind, content in parts)


@pytest.mark.parametrize("mark", [c for c in string.punctuation if c not in "%,;?^"])
def test_every_mark_is_made_literal(mark: str) -> None:
    assert plain(f"a{mark}b") in {f"a\\{mark}b", f"a\\{mark}:small[]b"}
    assert read_as_markdown(plain(mark)).replace(":small[]", "") == mark


@given(
    st.text(
        st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"))
        | st.sampled_from("\n\t" + string.punctuation)
    )
)
@example("    indented is code")
@example("two spaces at the end  \nbreak the line")
@example("one\n\ntwo")
@example("heading\n===")
@example("| a | b |\n|---|---|\n| 1 | 2 |")
@example("1. a\n- b\n> c\n```\nd\n```")
@example("&lt; &#58; ~~a~~ **b** [c](d) ![e](f) <g>")
def test_no_markup_survives(text: str) -> None:
    read = read_as_markdown(plain(text).replace(":small[]", ""))
    assert read.split() == text.split()
