"""The page Contribute without a browser: forms to triples, faults at their fields, what a change would do, who may."""

from __future__ import annotations

import gc
import re
import shutil
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit import config
from streamlit.runtime.context import ContextProxy
from streamlit.runtime.state.common import TESTING_KEY
from streamlit.testing.v1 import AppTest

from mskgraph import KnowledgeGraph, curation, views
from mskgraph.curation import Change, Journal, node_forms, nodes, removal, tables
from mskgraph.curation.drafts import Drafts
from mskgraph.curation.fields import fields
from mskgraph.curation.forms import (
    CaseForm,
    ClaimForm,
    Draft,
    HowOften,
    NewSource,
    Seen,
    case_draft,
    choices,
    claim_draft,
    is_taken,
    slug,
)
from mskgraph.curation.triples import text_of
from mskgraph.errors import DraftNotKept, NotAllowed, StaleRevision
from mskgraph.graph import Knowledge
from mskgraph.store import ASSERTED_GRAPH, EmbeddedStore, Patch
from mskgraph.terms import iri, local_name
from mskgraph.ui import editing
from mskgraph.ui.contribute import history, panel
from mskgraph.ui.server import MAIN
from tests.small_ontology import turtle
from tests.test_pages import addressed, open_page, shown_text

pytestmark = pytest.mark.usefixtures("seed", "home", "at_the_machine")

SCREEN = "screens/60_contribute.py"
SEED = iri("source-seed")
OPENED = 4  # knowledge graphs that stay at hand
EVIL = "<script>alert(1)</script> **b** [x](javascript:alert(1)) :red[y] $z$"

CASE = CaseForm(
    title="Rice grains in the thigh",
    description="Many elongated calcifications along the muscle fibres.",
    source=SEED,
    observations=(
        Seen(iri("soft-tissue-calcification"), True, iri("muscle"), iri("left"), (iri("rice-grain"),), "Small."),
        Seen(iri("joint-effusion"), False),
    ),
    contexts=(iri("pain"),),
    diagnoses=(iri("cysticercosis"),),
    note="Made up.",
)
CLAIM = ClaimForm(
    diagnosis=iri("cysticercosis"),
    feature=iri("ring-like"),
    of_finding=iri("soft-tissue-calcification"),
    how_often=HowOften("percent-range", "3 to 24.65 %", 3.0, 24.65),
    confidence=iri("confidence-high"),
    modalities=(iri("ultrasound"), iri("radiography")),
    population="adults",
    locator="table 1",
    source=SEED,
    verification=iri("verification-checked"),
    note="Made up.",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MSKGRAPH_HOME", str(tmp_path))
    return tmp_path


class listening:
    """Let the program believe that it listens on an address."""

    def __init__(self, address: str | None) -> None:
        self.address = address

    def __enter__(self) -> None:
        self.before = config.get_option("server.address")
        config.set_option("server.address", self.address)

    def __exit__(self, *_: object) -> None:
        config.set_option("server.address", self.before)


def drafted(form: CaseForm | ClaimForm) -> Draft:
    taken = is_taken(KnowledgeGraph.open().store)
    return case_draft(form, taken) if isinstance(form, CaseForm) else claim_draft(form, taken)


def patch_of(form: CaseForm | ClaimForm) -> Patch:
    return curation.additions(KnowledgeGraph.open(), drafted(form).graph)


def accepted(form: CaseForm | ClaimForm) -> Change:
    return curation.accept(Journal(), KnowledgeGraph.open, patch_of(form), "a teacher")


def faults(form: CaseForm | ClaimForm) -> dict[str, list[str]]:
    draft = drafted(form)
    kg = KnowledgeGraph.open()
    return draft.at_fields(curation.problems(kg, curation.additions(kg, draft.graph)))


def triples() -> set[str]:
    """All that is stated, but for the syntax of OWL and SHACL, whose nodes have other names each time."""
    store = KnowledgeGraph.open().store
    assert isinstance(store, EmbeddedStore)
    lines = store.triples_of(ASSERTED_GRAPH).decode().splitlines()
    return {line for line in lines if not re.search(r"(^| )_:", line)}


def after(form: CaseForm | ClaimForm) -> Knowledge:
    """The knowledge as it would be with what a form says."""
    assert faults(form) == {}
    return KnowledgeGraph.open().changed_by(patch_of(form)).knowledge


# From forms to triples


@pytest.mark.parametrize("form", [CASE, CLAIM], ids=["case", "claim"])
def test_a_form_adds_what_it_says_and_keeps_every_other_triple(form: CaseForm | ClaimForm) -> None:
    before = triples()
    assert faults(form) == {}
    change = accepted(form)
    assert before < triples()
    assert triples() - before == change.patch.added
    assert not change.patch.removed
    curation.undo(Journal(), KnowledgeGraph.open, "a teacher")
    assert triples() == before


def test_a_case_is_read_as_it_was_filled_in() -> None:
    case = after(CASE).cases[iri("case-rice-grains-in-the-thigh")]
    assert (case.label, case.description, case.source.iri) == (CASE.title, CASE.description, SEED)
    assert (case.contexts, case.diagnoses, case.notes) == (CASE.contexts, CASE.diagnoses, (CASE.note,))
    first, second = case.observations
    assert (first.finding, first.present, first.sites) == (CASE.observations[0].finding, True, (iri("muscle"),))
    assert (first.side, first.morphologies, first.notes) == ("left", (iri("rice-grain"),), ("Small.",))
    assert (second.finding, second.present, second.sites) == (iri("joint-effusion"), False, ())


@pytest.mark.parametrize(
    ("how_often", "read"),
    [
        (HowOften(), ("not-stated", "", None, None, None, None, None, None)),
        (CLAIM.how_often, ("percent-range", "3 to 24.65 %", 0.03, 0.2465, None, None, None, None)),
        (HowOften("percent-range", "always", 100.0, 100.0), ("percent-range", "always", 1, 1, None, None, None, None)),
        (HowOften("percent-range", "never", 0.0, 1e-5), ("percent-range", "never", 0, 1e-7, None, None, None, None)),
        (HowOften("count", "2 of 7", numerator=2, denominator=7), ("count", "2 of 7", None, None, 2, 7, None, None)),
        (
            HowOften("order-of-magnitude", "<< 1 %", upper=1.0, marks=2),
            ("order-of-magnitude", "<< 1 %", None, 0.01, None, None, 2, None),
        ),
        (
            HowOften("word", "often", word=iri("frequency-frequent")),
            ("word", "often", None, None, None, None, None, iri("frequency-frequent")),
        ),
    ],
    ids=lambda value: value.form if isinstance(value, HowOften) else "",
)
def test_how_often_keeps_the_form_of_the_source(how_often: HowOften, read: tuple[Any, ...]) -> None:
    claim = after(replace(CLAIM, how_often=how_often)).claims[iri("cysticercosis-ring-like-seed")]
    said = claim.estimate
    bounds = (said.lower, said.upper) if said.form != "word" else (None, None)  # the word gives these
    assert (said.form, said.stated, *bounds, said.numerator, said.denominator, said.marks, said.word) == read
    assert (claim.diagnosis, claim.target, claim.of_finding) == (CLAIM.diagnosis, CLAIM.feature, CLAIM.of_finding)
    assert (claim.population, claim.locator, claim.confidence) == ("adults", "table 1", "high")


def test_a_new_source_comes_along() -> None:
    source = NewSource("A new book", "Somebody. A new book. 2026.", "https://example.org/book", "doi:10.1/2")
    accepted(replace(CLAIM, source=source))
    accepted(replace(CASE, source=source))
    knowledge = KnowledgeGraph.open().knowledge
    assert knowledge.claims[iri("cysticercosis-ring-like-a-new-book")].source.label == "A new book"
    (case,) = [case for case in knowledge.cases.values() if case.label == CASE.title]
    assert case.source.iri == iri("source-a-new-book-2"), "who describes it anew says that it is another"


def test_a_name_is_never_used_twice() -> None:
    taken: set[str] = set()
    names = []
    # Some have a name of their own that is that of the observation of another.
    for title in (CASE.title, CASE.title, "A", "A observation 1", "b observation 1", "B", "..."):
        draft = case_draft(replace(CASE, title=title), taken.__contains__)
        assert not taken & draft.parts.keys()
        taken |= draft.parts.keys()
        names.append(draft.node.removeprefix(iri("case-")))
    rice = "rice-grains-in-the-thigh"
    assert names == [rice, f"{rice}-2", "a", "a-observation-1-2", "b-observation-1", "b", "untitled"]
    assert is_taken(KnowledgeGraph.open().store)(iri("case-ramsey-2017-1"))
    assert not is_taken(KnowledgeGraph.open().store)(iri("case-ramsey-2017-99"))


@given(st.text(max_size=200))
def test_any_title_gives_a_name_as_the_ontology_writes_it(title: str) -> None:
    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", slug(title))
    assert len(slug(title)) <= 60
    draft = case_draft(replace(CASE, title=title), lambda name: False)
    assert re.fullmatch(re.escape(iri("case-")) + "[a-z0-9-]+", draft.node)


# What is wrong, at its field


@pytest.mark.parametrize(
    ("form", "where", "said"),
    [
        (replace(CASE, title=" "), "case title", "Give the case a title."),
        (replace(CASE, description=""), "case description", "own words"),
        (replace(CASE, source=None), "case source", "Choose where"),
        (replace(CASE, observations=(CASE.observations[0], Seen())), "observation-2 finding", "looked for"),
        (replace(CASE, source=NewSource("", "A citation.")), "source title", "title"),
        (replace(CASE, source=NewSource("A title", "")), "source bibliographicCitation", "citation"),
        (replace(CASE, source=NewSource("A title", "A citation.", "javascript:alert(1)")), "source url", "https://"),
        (replace(CLAIM, diagnosis=None), "claim diagnosis", "diagnosis"),
        (replace(CLAIM, feature=None, of_finding=None), "claim feature", "feature"),
        (replace(CLAIM, source=None), "claim source", "who says so"),
        (replace(CLAIM, confidence=None), "claim confidence", "trusted"),
        (replace(CLAIM, verification=None), "claim verification", "read"),
        (replace(CLAIM, how_often=HowOften("percent-range", "x", 5.0, 4.0)), "estimate lower", "more than"),
        (replace(CLAIM, how_often=HowOften("percent-range", "x", None, 4.0)), "estimate lower", "needed"),
        (replace(CLAIM, how_often=HowOften("percent-range", " ", 3.0, 4.0)), "estimate stated", "words of the source"),
        (
            replace(CLAIM, how_often=HowOften("count", "x", numerator=5, denominator=4)),
            "estimate numerator",
            "more than",
        ),
        (replace(CLAIM, how_often=HowOften("count", "x", numerator=5)), "estimate denominator", "needed"),
        (replace(CLAIM, how_often=HowOften("word", "x")), "estimate frequencyWord", "needed"),
        (replace(CLAIM, how_often=HowOften("order-of-magnitude", "x", upper=1.0)), "estimate marks", "needed"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(form: CaseForm | ClaimForm, where: str, said: str) -> None:
    found = faults(form)
    assert list(found) == [where]
    assert said in found[where][0]
    assert "msk:" not in str(found)


def test_what_is_wrong_goes_to_its_part_though_another_has_the_same_title() -> None:
    source = NewSource("Rice grains", "Somebody. Rice grains. 2026.")
    assert list(faults(replace(CASE, title="Rice grains", description="", source=source))) == ["case description"]
    source = replace(source, citation="")
    assert list(faults(replace(CASE, title="Rice grains", source=source))) == ["source bibliographicCitation"]


def test_a_slip_of_a_source_hides_nothing_else_of_it() -> None:
    told = {"source title", "source bibliographicCitation", "source url"}
    for form in (CASE, CLAIM):
        assert set(faults(replace(form, source=NewSource("", "", "nowhere")))) == told


def test_an_empty_form_tells_everything_at_once() -> None:
    assert set(faults(CaseForm())) == {"case title", "case description", "case source", "observation-1 finding"}
    assert set(faults(ClaimForm())) == {
        "claim diagnosis", "claim feature", "claim source", "claim confidence", "claim verification"
    }  # fmt: skip


@pytest.mark.parametrize("mark", ["\u202e", "\x07", "\u200b"])
def test_marks_that_cannot_be_seen_are_refused(mark: str) -> None:
    for form in (replace(CASE, description=f"a{mark}b"), replace(CLAIM, note=f"a{mark}b")):
        (text,) = faults(form)[""]
        assert "cannot be seen" in text


def test_pickers_offer_what_the_lists_hold() -> None:
    offered = choices(KnowledgeGraph.open().store)
    assert list(offered["Confidence"].values()) == ["high", "low", "medium"]
    assert set(offered["Side"]) == {iri("left"), iri("right"), iri("bilateral")}
    assert SEED in offered["Source"]


# What a change would do


def preview_of(patch: Patch) -> views.Preview:
    kg = KnowledgeGraph.open()
    return views.preview(kg.knowledge, kg.changed_by(patch).knowledge, patch)


def test_a_case_opens_its_relations_and_changes_no_answer() -> None:
    found = preview_of(patch_of(CASE))
    assert found.opened == (
        "Rice grains in the thigh comes with pain.",
        "Rice grains in the thigh is a case of cysticercosis.",
        "Rice grains in the thigh is located at muscle.",
        "Rice grains in the thigh shows soft tissue calcification.",
        "Rice grains in the thigh shows the appearance rice-grain.",
    )
    assert (found.closed, found.moved) == ((), ())
    assert found.asked == 1 + len(KnowledgeGraph.open().knowledge.cases)
    (case,) = found.cases
    assert "Its stated diagnosis cysticercosis is at place" in case


def test_a_claim_moves_the_candidates_that_it_speaks_of() -> None:
    finding = iri("tendon-tear")
    form = ClaimForm(
        iri("tendinopathy"),
        finding,
        how_often=HowOften("percent-range", "10 %", 9.5, 10.5),
        confidence=iri("confidence-low"),
        source=SEED,
        verification=iri("verification-checked"),
    )
    found = preview_of(patch_of(form))
    assert "tendon tear" in " ".join(found.opened)
    torn = [case.label for case in KnowledgeGraph.open().knowledge.cases.values() if finding in case.features]
    assert torn
    assert {row["Asked"] for row in found.moved} == {"tendon tear", *torn}
    rows = [row for row in found.moved if row["Diagnosis"] == "tendinopathy"]
    assert rows
    assert all(row["Place"].startswith("none → ") for row in rows)


@pytest.mark.parametrize(("of_finding", "feature"), [(None, "phlebolith"), ("soft-tissue-calcification", "rice-grain")])
def test_what_a_claim_does_to_the_answer_about_its_own_feature_is_told(of_finding: str | None, feature: str) -> None:
    kg = KnowledgeGraph.open()
    form = replace(
        CLAIM,
        diagnosis=iri("dracunculiasis"),
        feature=iri(feature),
        of_finding=of_finding and iri(of_finding),
        how_often=HowOften("percent-range", "99 %", 98.5, 99.5),
        source=SEED,
    )
    patch = patch_of(form)
    asked = [iri(name) for name in (of_finding, feature) if name]
    before, after = (each.differential(asked).candidates for each in (kg, kg.changed_by(patch)))
    places = [{each.label: place for place, each in enumerate(found, 1)} for found in (before, after)]
    assert places[0].get("dracunculiasis") != places[1]["dracunculiasis"]
    name = ", ".join(kg.knowledge.label(each) for each in sorted(asked))
    told = {row["Diagnosis"]: row["Place"] for row in preview_of(patch).moved if row["Asked"] == name}
    assert told["dracunculiasis"] == f"{places[0].get('dracunculiasis') or 'none'} → {places[1]['dracunculiasis']}"
    for label, said in told.items():
        assert {str(place.get(label) or "none") for place in places} == set(said.split(" → "))


def test_a_finding_that_nobody_knew_is_asked_about_as_it_will_be() -> None:
    finding = """msk:sign a msk:Finding ; skos:prefLabel "sign"@en ; skos:definition "A made-up sign."@en ;
        dcterms:source msk:source-seed ; skos:broader msk:soft-tissue-calcification ."""
    kg = KnowledgeGraph.open()
    found = preview_of(curation.additions(kg, curation.graph_in(turtle(finding))))
    assert {row["Asked"] for row in found.moved} == {"sign"}
    assert all(row["Place"].startswith("none → ") for row in found.moved)


def test_what_a_case_does_not_show_counts_in_its_differential() -> None:
    effusion, finding = iri("joint-effusion"), iri("soft-tissue-calcification")
    for seen in (True, False):
        case = replace(CASE, observations=(Seen(finding, True), Seen(effusion, seen)), contexts=(), diagnoses=())
        kg = KnowledgeGraph.open()
        after = kg.changed_by(patch_of(case)).knowledge
        (made,) = (each for each in after.cases.values() if each.label == CASE.title)
        assert (made.features, made.absent) == (({finding, effusion}, set()) if seen else ({finding}, {effusion}))
        asked = kg.differential([finding, effusion]) if seen else kg.differential([finding], [effusion])
        first = ", ".join(each.label for each in asked.candidates[:2])
        (told,) = preview_of(patch_of(case)).cases
        assert told.startswith(f"{CASE.title}: {len(asked.candidates)} candidates, first {first}")


def test_the_page_of_a_case_asks_with_what_it_does_not_show() -> None:
    accepted(CASE)
    (case,) = (each for each in KnowledgeGraph.open().knowledge.cases.values() if each.label == CASE.title)
    app = open_page("cases", f"case={local_name(case.iri)}")
    (link,) = (link.proto for link in app.get("page_link") if link.proto.label.startswith("Differential of these"))
    assert {"absent=joint-effusion", "f=rice-grain"} <= set(link.query_string.split("&"))


def test_taking_a_claim_back_is_the_reverse() -> None:
    change = accepted(CLAIM)
    found = preview_of(change.patch.inverse())
    assert found.closed == ("cysticercosis typically looks like ring-like.",)
    assert found.opened == ()


def test_words_call_what_has_no_label_by_what_it_is_about() -> None:
    kg = KnowledgeGraph.open()
    for form in (CASE, CLAIM):
        patch = patch_of(form)
        lines = views.words(kg.knowledge, patch, views.labels_of(kg.store, kg.knowledge, [patch]))
        assert len(lines) == len(patch.added)
        assert "msk:" not in " ".join(lines)
    assert any(line.startswith("Added: how often of the claim on cysticercosis: ring-like:") for line in lines)


def test_who_took_what_back_is_known_through_any_chain() -> None:
    first = accepted(CASE)
    undo = curation.undo(Journal(), KnowledgeGraph.open, "a teacher")
    assert views.taken_back(Journal().changes()) == {first.hash: undo}
    again = curation.undo(Journal(), KnowledgeGraph.open, "a teacher")
    assert views.taken_back(Journal().changes()) == {undo.hash: again}
    last = curation.undo(Journal(), KnowledgeGraph.open, "a teacher")
    assert views.taken_back(Journal().changes()) == {again.hash: last, first.hash: undo}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", views.when(first.time))


# The page


def page(do: str = "", **parameters: str) -> AppTest:
    app = AppTest.from_file(str(MAIN), default_timeout=30)
    app.switch_page(SCREEN)
    for name, value in {"do": do, **parameters}.items():
        if value:
            app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def click(app: AppTest, label: str) -> AppTest:
    (button,) = [button for button in app.button if button.label == label]
    button.click().run()
    assert not app.exception
    return app


def keyed(app: AppTest, kind: str, name: str) -> Any:
    """The field of the present draft with a name."""
    (found,) = [item for item in app.get(kind) if re.fullmatch(rf"\w+ \w+ field {re.escape(name)}", item.key or "")]
    return found


def fill_case(app: AppTest, title: str = CASE.title) -> AppTest:
    keyed(app, "text_input", "case title").set_value(title)
    keyed(app, "text_area", "case description").set_value(CASE.description)
    keyed(app, "selectbox", "case source").set_value(SEED)
    keyed(app, "selectbox", "observation-1 finding").set_value(iri("soft-tissue-calcification"))
    keyed(app, "selectbox", "observation-1 site").set_value(iri("muscle"))
    keyed(app, "multiselect", "observation-1 morphology").set_value([iri("rice-grain")])
    keyed(app, "multiselect", "case statedDiagnosis").set_value([iri("cysticercosis")])
    return app.run()


def fill_claim(app: AppTest) -> AppTest:
    keyed(app, "selectbox", "claim diagnosis").set_value(CLAIM.diagnosis)
    keyed(app, "selectbox", "claim feature").set_value(CLAIM.feature)
    keyed(app, "radio", "claim estimate").set_value("count")
    keyed(app, "selectbox", "claim source").set_value("new")
    keyed(app, "selectbox", "claim confidence").set_value(CLAIM.confidence)
    keyed(app, "selectbox", "claim verification").set_value(CLAIM.verification)
    app.run()
    keyed(app, "selectbox", "claim ofFinding").set_value(CLAIM.of_finding)
    keyed(app, "number_input", "estimate numerator").set_value(2)
    keyed(app, "number_input", "estimate denominator").set_value(7)
    keyed(app, "text_input", "estimate stated").set_value("2 of 7")
    keyed(app, "text_input", "source title").set_value("A new book")
    keyed(app, "text_input", "source bibliographicCitation").set_value("Somebody. A new book.")
    return app.run()


def fill_turtle(app: AppTest) -> AppTest:
    text = "@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n@prefix msk: <https://w3id.org/mskgraph/> .\n"
    keyed(app, "text_area", "turtle").set_value(f'{text}msk:pain skos:altLabel "hurting"@en .')
    return app.run()


def fill_concept(app: AppTest) -> AppTest:
    keyed(app, "text_input", "diagnosis prefLabel").set_value("a disease of nobody")
    keyed(app, "text_area", "diagnosis definition").set_value("Made up.")
    keyed(app, "multiselect", "diagnosis category").set_value([iri("category-infection")])
    keyed(app, "multiselect", "diagnosis source").set_value([SEED])
    keyed(app, "text_area", "diagnosis altLabel").set_value("nobody's disease\nnobodyitis")
    return app.run()


def fill_triple(app: AppTest) -> AppTest:
    keyed(app, "text_input", "node words").set_value("pain").run()
    keyed(app, "selectbox", "node").set_value(iri("pain")).run()
    alternative = "http://www.w3.org/2004/02/skos/core#altLabel"
    keyed(app, "selectbox", "property").set_value(alternative).run()
    keyed(app, "text_area", f"value {alternative}").set_value("hurting")
    return app.run()


def fill_table(app: AppTest) -> AppTest:
    held = f"table {app.session_state['table draft']} field file"
    app.session_state[held] = ("week.csv", tables.template("case", "csv", KnowledgeGraph.open()))
    return app.run()


def fill_edit(app: AppTest) -> AppTest:
    keyed(app, "text_input", "node words").set_value("cysticercosis").run()
    keyed(app, "selectbox", "node").set_value(iri("cysticercosis")).run()
    keyed(app, "text_area", "diagnosis definition").set_value("Another definition.")
    return app.run()


FILLING = {
    "case": fill_case,
    "claim": fill_claim,
    "concept": fill_concept,
    "triple": fill_triple,
    "table": fill_table,
    "turtle": fill_turtle,
    "edit": fill_edit,
}


@pytest.mark.parametrize("do", FILLING)
def test_check_publish_undo(do: str) -> None:
    before = triples()
    app = FILLING[do](page(do))
    click(app, "Check")
    assert "Nothing is wrong with it." in [item.value for item in app.success]
    assert "Added:" in shown_text(app)
    assert triples() == before, do
    assert not Journal().changes()
    click(app, "Publish")
    (change,) = Journal().changes()
    assert "Published as change 1." in [item.value for item in app.success]
    assert triples() - before == change.patch.added
    assert before - triples() == change.patch.removed
    assert bool(change.patch.removed) == (do == "edit")
    click(app, "Undo")
    assert "is taken back" in app.success[0].value
    assert triples() == before
    click(app, "Publish")  # what was typed is in the form again
    assert len(Journal().changes()) == 3


@pytest.mark.parametrize(
    ("do", "title"),
    [
        ("turtle", "Turtle about pain"),
        ("triple", "More about pain: hurting"),
        ("table", "Table week.csv about Example case, Example source"),
    ],
)
def test_what_no_reason_is_given_for_is_named_by_what_it_is_about(do: str, title: str) -> None:
    click(FILLING[do](page(do)), "Propose")
    assert Journal().proposals()[0].message == title


def test_of_many_things_that_a_change_is_about_some_are_named() -> None:
    app = page("turtle")
    prefixes = "@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix msk: <https://w3id.org/mskgraph/> ."
    said = [f'msk:{name} skos:altLabel "another {name}"@en .' for name in ("pain", "muscle", "phlebolith", "vein")]
    keyed(app, "text_area", "turtle").set_value("\n".join([prefixes, *said])).run()
    click(app, "Publish")
    assert Journal().changes()[0].message == "Turtle about muscle, pain, phlebolith and 1 more"


def test_publish_checks_by_itself_and_leaves_an_empty_form() -> None:
    app = click(fill_case(page()), "Publish")
    (change,) = Journal().changes()
    assert change.message == f"Case: {CASE.title}"
    assert keyed(app, "text_input", "case title").value == ""
    links = [link for link in app.get("page_link") if "case-rice-grains" in str(link.proto)]
    assert links


@pytest.mark.parametrize("do", FILLING)
def test_an_empty_form_changes_nothing_and_says_why(do: str) -> None:
    app = click(page(do), "Publish")
    assert app.error
    assert "marked in the form" in shown_text(app)
    assert not Journal().changes()


@pytest.mark.parametrize("do", ["case", "claim"])
def test_each_field_is_explained_and_says_whether_it_may_stay_empty(do: str) -> None:
    app = page(do)
    if do == "claim":
        keyed(app, "radio", "claim estimate").set_value("count")
        keyed(app, "selectbox", "claim feature").set_value(CLAIM.feature)
    keyed(app, "selectbox", f"{do} source").set_value("new").run()
    click(app, "Check")
    told = set(app.session_state[f"{do} {app.session_state[f'{do} draft']} aside memory"].outcome.faults)
    kinds = ("text_input", "text_area", "selectbox", "multiselect", "number_input", "radio")
    fields = {item.key.partition(" field ")[2]: item for kind in kinds for item in app.get(kind) if item.key}
    asked = {name: item for name, item in fields.items() if name and name != "message"}
    assert len(asked) > 10
    for name, item in asked.items():
        assert item.help, name
        if "(optional)" in item.label:
            assert name not in told
        elif name not in told:
            assert item.value not in (None, "", []), name  # there is an answer from the start


def test_what_is_wrong_goes_as_it_is_put_right() -> None:
    app = click(page(), "Check")
    assert "Give the case a title." in shown_text(app)
    keyed(app, "text_input", "case title").set_value("A title").run()
    assert "Give the case a title." not in shown_text(app)
    assert "Describe the case" in shown_text(app)


def test_broken_turtle_names_its_line() -> None:
    app = page("turtle")
    keyed(app, "text_area", "turtle").set_value("@prefix msk: <https://w3id.org/mskgraph/> .\nmsk:a msk:b").run()
    click(app, "Publish")
    assert "Your Turtle: line 2" in shown_text(app)
    assert not Journal().changes()


def test_a_page_that_stays_open_does_not_hold_every_knowledge_that_it_showed() -> None:
    app = page("claim")
    seen = [weakref.ref(KnowledgeGraph.open().knowledge)]
    for number in range(2 * OPENED):
        line = f'<{CLAIM.diagnosis}> <{iri("skos:altLabel")}> "name {number}"@en .'
        curation.accept(Journal(), KnowledgeGraph.open, Patch(frozenset({line})), "a teacher")
        click(app, "Empty the form")
        seen.append(weakref.ref(KnowledgeGraph.open().knowledge))
    app.session_state[TESTING_KEY].clear()  # where AppTest itself holds what names the options of each box
    gc.collect()
    assert sum(knowledge() is not None for knowledge in seen) <= OPENED + 1  # and the one that is shown


def test_drafts_outlive_a_look_at_another_page_and_another_form() -> None:
    app = page()
    click(app, "Add an observation")
    keyed(app, "text_input", "case title").set_value("A title")
    keyed(app, "multiselect", "observation-2 morphology").set_value([iri("rice-grain")]).run()
    app.switch_page("screens/40_model.py").run()
    app.switch_page(SCREEN)
    app.query_params["do"] = "claim"
    app.run()
    keyed(app, "text_input", "claim note").set_value("A note").run()
    app.query_params["do"] = "case"
    app.run()
    assert keyed(app, "text_input", "case title").value == "A title"
    assert keyed(app, "multiselect", "observation-2 morphology").value == [iri("rice-grain")]
    app.query_params["do"] = "claim"
    app.run()
    assert keyed(app, "text_input", "claim note").value == "A note"


def test_a_change_by_somebody_else_is_told_and_checked_against() -> None:
    app = click(fill_case(page()), "Check")
    accepted(CLAIM)
    click(app, "Publish")
    assert "Somebody has changed the knowledge" in shown_text(app)
    assert len(Journal().changes()) == 1
    click(app, "Check again")
    assert "Somebody" not in shown_text(app)
    click(app, "Publish")
    assert len(Journal().changes()) == 2


# Drafts


def test_a_draft_is_there_again_in_another_browser() -> None:
    app = page()
    keyed(app, "text_input", "case title").set_value("A title").run()
    click(app, "Add an observation")
    assert "kept as a draft that only you see" in shown_text(app)
    other = page(draft=addressed(app)["draft"][0])
    assert keyed(other, "text_input", "case title").value == "A title"
    assert keyed(other, "selectbox", "observation-2 finding")


def test_an_untouched_form_is_no_draft() -> None:
    for do in FILLING:
        app = page(do)
        assert "draft" not in app.query_params
    assert Drafts("local").all() == []


def test_drafts_that_are_not_open_are_offered_and_can_be_discarded() -> None:
    for title in ("One", "Two"):
        keyed(page(), "text_input", "case title").set_value(title).run()
    app = page()
    assert "2 drafts not sent yet" in [expander.label for expander in app.expander]
    go_on = [button for button in app.button if button.label == "Go on"]
    go_on[0].click().run()
    assert keyed(app, "text_input", "case title").value == "Two"
    assert "1 draft not sent yet" in [expander.label for expander in app.expander]
    click(app, "Discard")
    assert [kept.title for kept in Drafts("local").all()] == ["Case: Two"]
    click(app, "Empty the form")
    assert keyed(app, "text_input", "case title").value == ""
    assert Drafts("local").all() == []


def test_a_draft_that_cannot_be_discarded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    keyed(page(), "text_input", "case title").set_value("One").run()
    app = page()

    def discard(_drafts: Drafts, _name: str) -> None:
        raise DraftNotKept("the disk is full")

    monkeypatch.setattr(Drafts, "discard", discard)
    click(app, "Discard")
    assert "the disk is full" in shown_text(app)
    assert keyed(app, "text_input", "case title").value == ""


def test_one_draft_in_two_windows_becomes_two() -> None:
    app = page()
    keyed(app, "text_input", "case title").set_value("Begun").run()
    other = page(draft=addressed(app)["draft"][0])
    keyed(app, "text_input", "case title").set_value("In the first").run()
    keyed(other, "text_input", "case title").set_value("In the second").run()
    assert "a draft of its own now" in shown_text(other)
    assert {kept.title for kept in Drafts("local").all()} == {"Case: In the first", "Case: In the second"}
    assert keyed(other, "text_input", "case title").value == "In the second"


def test_a_draft_of_somebody_else_is_not_shown() -> None:
    Drafts("ada").keep("hers", "case", "Hers", {"case title": "Hers"})
    app = page(draft="hers")
    assert "not yours" in shown_text(app)
    assert "Hers" not in shown_text(app)
    assert keyed(app, "text_input", "case title").value == ""


def test_what_is_sent_is_no_draft_any_more() -> None:
    app = fill_case(page())
    assert Drafts("local").all()
    click(app, "Publish")
    assert Drafts("local").all() == []


def test_a_disk_that_takes_no_draft_is_told(home: Path) -> None:
    (home / "drafts.sqlite").write_bytes(b"no database" * 100)
    app = page()
    keyed(app, "text_input", "case title").set_value("A title").run()
    assert "What you type is not kept" in shown_text(app)
    click(fill_case(app), "Publish")
    assert len(Journal().changes()) == 1


# Editing


def test_an_edit_that_changes_nothing_is_no_change() -> None:
    app = page("edit", node="cysticercosis")
    click(app, "Check")
    assert [error.value for error in app.error] == ["Nothing is changed yet\\."]


@pytest.mark.parametrize("node", ["case-ramsey-2017-1", "cysticercosis", "source-seed"])
def test_looking_at_a_node_leaves_no_draft(node: str) -> None:
    app = page("edit", node=node)
    app.run()
    assert "draft" not in app.query_params
    assert Drafts("local").all() == []


def test_a_value_that_is_not_offered_any_more_stays(
    seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(seed, tmp_path / "ontology")
    text = (folder / "shapes.ttl").read_text("utf-8")
    kind = "msk:constraint-source-kind a sh:PropertyShape ;\n"
    assert kind in text
    (folder / "shapes.ttl").write_text(text.replace(kind, f'{kind}    sh:in ( "essay" "letter" ) ;\n'), "utf-8")
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(folder))
    app = page("edit", node="source-seed")
    box = keyed(app, "selectbox", "source sourceKind")
    assert box.options == ["essay", "letter", "blog"]
    keyed(app, "text_input", "source title").set_value("Another title").run()
    click(app, "Check")
    assert keyed(app, "selectbox", "source sourceKind").value == "blog"
    assert "The kind of a source is one plain text." in shown_text(app)  # as the shape says, for somebody to decide
    keyed(app, "selectbox", "source sourceKind").set_value("essay").run()
    click(app, "Publish")
    assert [text_of(line) for line in sorted(Journal().changes()[0].patch.added)] == ["Another title", "essay"]


def changed_by_another(node: str, **values: tuple[str, ...]) -> None:
    """Let somebody else edit a node in another window, by names of properties."""
    kg = KnowledgeGraph.open()
    form = nodes.filled(kg, node)
    named = {field.key: values[field.name] for field in fields(kg, nodes.class_of(kg, node)) if field.name in values}
    curation.accept(Journal(), KnowledgeGraph.open, node_forms.edit_patch(kg, node, form, named), "another")


def infos(app: AppTest) -> list[str]:
    return [item.value.replace("\\", "") for item in app.info]


def test_what_two_people_change_at_the_same_place_is_told_and_the_second_goes_on_from_there() -> None:
    node = iri("cysticercosis")
    app = fill_edit(page("edit"))
    keyed(app, "text_input", "message").set_value("My reason.").run()
    changed_by_another(node, definition=("Theirs.",), altLabel=("worms",))
    click(app, "Publish")
    assert "Look at it, and go on from there." in shown_text(app)
    assert len(Journal().changes()) == 1
    (told,) = infos(app)
    assert told == 'Somebody else has changed this since you began, to "Theirs.".'
    click(app, "Go on from what is there now")
    (told,) = infos(app)
    assert told == 'Somebody else has changed this since you began, to "Theirs.". What is here takes its place.'
    assert keyed(app, "text_area", "diagnosis definition").value == "Another definition."
    assert keyed(app, "text_area", "diagnosis altLabel").value == "worms"
    assert keyed(app, "text_input", "message").value == "My reason."
    click(app, "Publish")
    now = nodes.filled(KnowledgeGraph.open(), node)
    assert now[iri("skos:definition")] == ("Another definition.",)
    assert now[iri("skos:altLabel")] == ("worms",)
    assert {text_of(line) for line in Journal().changes()[-1].patch.removed} == {"Theirs."}


def test_of_several_values_those_of_both_stay() -> None:
    node = iri("cysticercosis")
    changed_by_another(node, altLabel=("one", "two"))
    app = page("edit", node="cysticercosis")
    keyed(app, "text_area", "diagnosis altLabel").set_value("one\ntwo\nmine").run()
    changed_by_another(node, altLabel=("two", "theirs"))
    click(app, "Publish")
    click(app, "Go on from what is there now")
    assert keyed(app, "text_area", "diagnosis altLabel").value == "two\nmine\ntheirs"
    assert "Here are theirs and yours together." in infos(app)[0]
    click(app, "Publish")
    assert set(nodes.filled(KnowledgeGraph.open(), node)[iri("skos:altLabel")]) == {"two", "mine", "theirs"}


def test_who_goes_on_overwrites_nothing_that_came_after_that() -> None:
    node = iri("cysticercosis")
    app = fill_edit(page("edit"))
    changed_by_another(node, definition=("Theirs.",))
    app.run()
    changed_by_another(node, definition=("Theirs, again.",), altLabel=("worms",))
    click(app, "Go on from what is there now")
    assert '"Theirs, again."' in infos(app)[0]
    click(app, "Publish")
    assert len(Journal().changes()) == 2
    other = page(do="edit", draft=addressed(app)["draft"][0])  # as after the browser was closed
    click(other, "Go on from what is there now")
    assert keyed(other, "text_area", "diagnosis altLabel").value == "worms"
    click(other, "Publish")
    assert nodes.filled(KnowledgeGraph.open(), node)[iri("skos:definition")] == ("Another definition.",)


def test_a_choice_that_others_put_out_of_use_is_not_taken_for_an_edit() -> None:
    grief = curation.graph_in(b"""
        @prefix msk: <https://w3id.org/mskgraph/> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
        msk:grief a msk:Context ; skos:prefLabel "grief"@en ; skos:definition "Pain."@en ;
            <http://purl.org/dc/terms/source> msk:source-seed .""")
    curation.accept(Journal(), KnowledgeGraph.open, curation.additions(KnowledgeGraph.open(), grief), "another")
    accepted(replace(CASE, contexts=(iri("grief"),)))
    app = page("edit", node="case-rice-grains-in-the-thigh")
    keyed(app, "text_area", "case description").set_value("Mine.").run()
    changed_by_another(iri("case-rice-grains-in-the-thigh"), context=(iri("pain"),))
    patch = removal.deprecation(KnowledgeGraph.open(), iri("grief"), iri("pain"))
    curation.accept(Journal(), KnowledgeGraph.open, patch, "another")
    app.run()
    assert keyed(app, "multiselect", "case context").value == [iri("grief")]
    click(app, "Go on from what is there now")
    assert keyed(app, "multiselect", "case context").value == [iri("pain")]
    assert infos(app) == []
    click(app, "Publish")
    assert {text_of(line) for line in Journal().changes()[-1].patch.added} == {"Mine."}


def test_two_people_add_a_part_to_the_same_case() -> None:
    accepted(CASE)
    node = "case-rice-grains-in-the-thigh"
    app, other = page("edit", node=node), page("edit", node=node)
    for window in (app, other):
        add = next(button for button in window.button if button.label == "Add one")
        add.click().run()
        note = "Mine." if window is app else "Theirs."
        keyed(window, "selectbox", "case.observation-1 finding").set_value(iri("tendon-tear"))
        keyed(window, "selectbox", "case.observation-1 present").set_value("true")
        keyed(window, "text_area", "case.observation-1 note").set_value(note).run()
    click(other, "Publish")
    app.run()
    assert keyed(app, "text_area", "case.observation-1 note").value == "Mine."
    click(app, "Publish")
    notes = [each.notes for each in KnowledgeGraph.open().knowledge.cases[iri(node)].observations]
    assert sorted(notes) == [(), ("Mine.",), ("Small.",), ("Theirs.",)]


def test_what_others_deleted_meanwhile_is_told_and_what_was_typed_stays() -> None:
    accepted(CASE)
    app = page("edit", node="case-rice-grains-in-the-thigh")
    keyed(app, "text_area", "case description").set_value("Mine.").run()
    curation.undo(Journal(), KnowledgeGraph.open, "another")
    app.run()
    assert not app.exception
    assert "may have been deleted meanwhile" in shown_text(app)
    assert Drafts("local").all()
    curation.undo(Journal(), KnowledgeGraph.open, "another")
    app.run()
    assert keyed(app, "text_area", "case description").value == "Mine."


def test_what_is_in_use_is_not_deleted_and_its_impact_is_shown() -> None:
    app = page("edit", node="source-seed")
    keyed(app, "radio", "way").set_value("delete it").run()
    assert "What rests on it" in [expander.label for expander in app.expander]
    click(app, "Publish")
    assert "others use it" in shown_text(app)
    assert not Journal().changes()


def test_a_case_is_deleted_with_its_parts_and_comes_back_whole() -> None:
    before = triples()
    accepted(CASE)
    app = page("edit", node="case-rice-grains-in-the-thigh")
    keyed(app, "radio", "way").set_value("delete it").run()
    click(app, "Publish")
    assert triples() == before
    click(app, "Undo")
    assert triples() - before == Journal().changes()[0].patch.added


def test_the_faults_of_a_table_are_told_by_row() -> None:
    app = page("table")
    content = "title,description,source,finding\nA,B,nowhere to be found,soft tissue calcification\n"
    app.session_state[f"table {app.session_state['table draft']} field file"] = ("week.csv", content.encode())
    app.run()
    click(app, "Publish")
    assert "Row 2, source" in shown_text(app)
    assert not Journal().changes()


def test_what_belongs_to_the_schema_has_no_form() -> None:
    app = page("edit", node="confidence-high")
    assert "belongs to the schema" in shown_text(app)
    assert not app.radio


# History


def test_history_tells_who_when_and_why_and_takes_back() -> None:
    first = accepted(CASE)
    second = curation.accept(Journal(), KnowledgeGraph.open, patch_of(CLAIM), EVIL[:40], EVIL)
    app = page("history")
    text = shown_text(app)
    assert text.index("Change 2") < text.index("Change 1")
    assert text.index(second.hash[:12]) < text.index(first.hash[:12])
    assert EVIL in text
    assert "a teacher" in text
    assert "Added: Rice grains in the thigh: title: Rice grains in the thigh" in text
    click(app, "Undo 1")
    assert Journal().changes()[-1].undoes == first.hash
    assert "Change 1 is taken back by change 3" in app.success[0].value
    assert "Taken back by change 3" in shown_text(app)
    assert "Takes change 1 back" in shown_text(app)
    assert [button.label for button in app.button if button.label.startswith("Undo")] == ["Undo 3", "Undo 2"]


def test_a_refused_undo_says_which_change_is_in_the_way() -> None:
    accepted(CASE)
    rice, other, relation = iri("case-rice-grains-in-the-thigh"), iri("case-ramsey-2017-1"), iri("possiblySamePatient")
    same = curation.graph_in(f"<{rice}> <{relation}> <{other}> . <{other}> <{relation}> <{rice}> .".encode())
    patch = curation.additions(KnowledgeGraph.open(), same)
    curation.accept(Journal(), KnowledgeGraph.open, patch, "another", "the same patient")
    app = page("history")
    click(app, "Undo 1")
    assert "change 2 by another" in app.error[0].value
    assert len(Journal().changes()) == 2
    click(app, "Undo 2")
    assert not app.error, [e.value for e in app.error]
    click(app, "Undo 1")
    assert len(Journal().changes()) == 4


def test_text_from_forms_and_journal_is_never_markup() -> None:
    app = click(fill_case(page(), EVIL), "Check")
    click(app, "Publish")
    click(app, "Undo")
    for item in (*app.markdown, *app.success, *app.error):
        assert not re.search(r"(?<!\\)<script", item.value)
        assert ":red[" not in item.value


# Who may


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.7", "", None, "::"])
def test_an_address_that_others_reach_allows_no_editing(address: str | None) -> None:
    change = accepted(CASE)
    with listening(address):
        assert not editing.visitor().roles
        for attempt in attempts(change):
            with pytest.raises(NotAllowed):
                attempt()
    assert Journal().changes() == [change]


@pytest.mark.parametrize("do", ["", "claim", "turtle", "history"])
def test_where_editing_is_off_there_is_the_history_and_nothing_to_click(do: str) -> None:
    accepted(CASE)
    with listening("0.0.0.0"):
        app = page(do)
    assert "Editing is off" in app.warning[0].value
    assert "Rice grains" in shown_text(app)
    assert not app.button
    assert not app.text_input


def attempts(change: Change) -> list[Callable[[], object]]:
    checked = editing.check(KnowledgeGraph.open(), patch_of(CLAIM))
    return [lambda: editing.publish(checked, "me", ""), lambda: editing.take_back(change.hash, "me")]


def test_who_comes_from_elsewhere_may_not_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert editing.visitor().may("accept")
    monkeypatch.setattr(ContextProxy, "ip_address", "192.0.2.7")
    assert not editing.visitor().roles


def test_a_page_that_was_opened_before_cannot_write_either() -> None:
    app = fill_case(page())
    with listening("0.0.0.0"):
        click(app, "Publish")
    assert not Journal().changes()


def test_a_stale_check_is_never_published() -> None:
    checked = editing.check(KnowledgeGraph.open(), patch_of(CASE))
    accepted(CLAIM)
    with pytest.raises(StaleRevision):
        editing.publish(checked, "me", "")
    assert len(Journal().changes()) == 1


@pytest.mark.parametrize("note", ["First line.\nSecond line.", "First line.\n\n  Second line.\nThird line."])
def test_a_note_of_several_lines_stays_one_note_when_another_is_added(note: str) -> None:
    accepted(replace(CASE, note=note))
    app = page("edit", node="case-rice-grains-in-the-thigh")
    held = keyed(app, "text_area", "case note").value
    keyed(app, "text_area", "case note").set_value(f"Before.\n{held}\nAfter.").run()
    click(app, "Publish")
    change = Journal().changes()[-1]
    assert not change.patch.removed
    assert {text_of(line) for line in change.patch.added} == {"Before.", "After."}


def test_of_a_long_history_some_is_shown_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "CHANGES", 2)
    monkeypatch.setattr(panel, "CHANGES", 2)
    app = click(fill_case(page()), "Check")
    for number in range(5):
        added = f'<{iri("pain")}> <{iri("skos:altLabel")}> "pain as of {number}"@en .'
        curation.accept(Journal(), KnowledgeGraph.open, Patch(frozenset([added])), "another", f"number {number}")
    app.run()
    assert "The last 2 of 5 changes are shown." in shown_text(app)
    told = [each.label[-1] for each in app.expander if each.label.startswith("another")]
    assert told == ["3", "4"]
    app = page("history")
    assert "2 of 5 changes, the last one first." in shown_text(app)
    click(app, "Show 2 more")
    assert "4 of 5 changes, the last one first." in shown_text(app)
    click(app, "Show 1 more")
    assert "5 of 5 changes, the last one first." in shown_text(app)
    assert "number 0" in shown_text(app)
    assert not [button for button in app.button if button.label.endswith("more")]
