"""What people type finds the concept they mean, and what names nothing is told with the nearest labels."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mskgraph import KnowledgeGraph
from mskgraph.errors import UnknownTerm
from mskgraph.store import query_text, select
from mskgraph.terms import FEATURE_KINDS, PREFIXES, Completer, Lexicon, Name, curie, fold, iri, local_name

pytestmark = pytest.mark.usefixtures("seed")


@pytest.fixture(scope="module")
def kg() -> KnowledgeGraph:
    return KnowledgeGraph.open()


@pytest.fixture(scope="module")
def lexicon(kg: KnowledgeGraph) -> Lexicon:
    return kg.knowledge.lexicon


@pytest.fixture(scope="module")
def names(kg: KnowledgeGraph) -> list[tuple[str, str]]:
    """Every name in the files, with the concept that bears it."""
    return sorted((row["name"], row["concept"]) for row in select(kg.store, query_text("concept_names")))


def local(*found: str) -> list[str]:
    return [local_name(each) for each in found]


# IRIs and CURIEs


def test_a_full_iri_comes_back_unchanged() -> None:
    assert iri("http://example.org/x") == "http://example.org/x"


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_prefix_goes_both_ways(prefix: str) -> None:
    assert iri(f"{prefix}:thing") == f"{PREFIXES[prefix]}thing"
    assert curie(f"{PREFIXES[prefix]}thing") == f"{prefix}:thing"


def test_an_unknown_prefix_is_told_with_the_known_ones() -> None:
    with pytest.raises(UnknownTerm) as caught:
        iri("mks:gout")
    assert "msk:gout" in caught.value.suggestions


# One name, one concept


def test_every_name_of_the_ontology_finds_its_concept(lexicon: Lexicon, names: list[tuple[str, str]]) -> None:
    assert len(names) > 300
    assert {name: lexicon.find(name) for name, _ in names} == dict(names)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_name_is_found_however_it_is_cased_and_spaced(
    lexicon: Lexicon, names: list[tuple[str, str]], data: st.DataObject
) -> None:
    name, concept = data.draw(st.sampled_from(names))
    upper = data.draw(st.lists(st.booleans(), min_size=len(name), max_size=len(name)))
    gap = data.draw(st.sampled_from([" ", "  ", "\t", "\u00a0"]))
    typed = "".join(c.upper() if up else c.lower() for c, up in zip(name, upper, strict=True)).replace(" ", gap)
    assert lexicon.find(f" {typed} ") == concept


@pytest.mark.parametrize(
    "typed",
    [
        "rice-grain",
        "rice grain",
        "Rice-Grain",
        "RICE\u2010GRAIN",
        "rice\u2011grain",  # the hyphen that does not break, as word processors write it
        "rice\u2013grain",
        "r\u00edce-gr\u00e4in",
        "msk:rice-grain",
        "msk:Rice-Grain",
        "MSK:RICE-GRAIN",
        "https://w3id.org/mskgraph/rice-grain",
        "https://w3id.org/mskgraph/Rice-Grain",
        "HTTPS://W3ID.ORG/MSKGRAPH/RICE-GRAIN",
    ],
)
def test_one_concept_by_many_spellings(lexicon: Lexicon, typed: str) -> None:
    assert lexicon.find(typed) == iri("rice-grain")


def test_every_label_is_found_with_any_hyphen(lexicon: Lexicon) -> None:
    labels = {label: concept for concept, label in lexicon.labels.items() if "-" in label}
    assert labels
    for hyphen in "\u2010\u2011\u2013":
        assert {label: lexicon.find(label.replace("-", hyphen)) for label in labels} == labels


def test_a_synonym_and_a_misspelling_find_the_concept(lexicon: Lexicon) -> None:
    assert local(lexicon.find("CPPD"), lexicon.find("distrophic calcification")) == [
        "calcium-pyrophosphate-deposition",
        "dystrophic-calcification",
    ]


def test_a_case_is_found_by_its_title(kg: KnowledgeGraph) -> None:
    for case in kg.knowledge.cases.values():
        assert kg.knowledge.lexicon.find(case.label) == case.iri
        assert kg.knowledge.lexicon.find(case.label, ["case"]) == case.iri


def test_an_unknown_word_is_told_with_the_nearest_labels(lexicon: Lexicon) -> None:
    with pytest.raises(UnknownTerm) as caught:
        lexicon.find("calcifiction")
    assert caught.value.text == "calcifiction"
    assert 1 <= len(caught.value.suggestions) <= 5
    assert any("calcification" in label for label in caught.value.suggestions)
    assert set(caught.value.suggestions) <= set(lexicon.labels.values())


def test_a_word_near_nothing_has_no_suggestion(lexicon: Lexicon) -> None:
    with pytest.raises(UnknownTerm) as caught:
        lexicon.find("qqqqqqqq")
    assert caught.value.suggestions == ()


def test_a_name_of_another_kind_is_not_taken(lexicon: Lexicon) -> None:
    assert lexicon.find("triceps tendon", ["site"]) == iri("triceps-tendon")
    with pytest.raises(UnknownTerm) as caught:
        lexicon.find("triceps tendon", ["finding"])
    kinds = {lexicon.kinds[lexicon.find(label, ["finding"])] for label in caught.value.suggestions}
    assert kinds <= {"finding"}
    with pytest.raises(UnknownTerm):
        lexicon.find("msk:triceps-tendon", ["finding"])


@pytest.mark.parametrize("text", ["", " ", "\n", "\0", ":", "msk:", "http://", "a" * 5000])
def test_what_is_no_name_is_an_unknown_term(lexicon: Lexicon, text: str) -> None:
    with pytest.raises(UnknownTerm):
        lexicon.find(text)


# Beginnings of words


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("calc triceps", ["soft-tissue-calcification", "triceps-tendon"]),
        ("triceps calc", ["triceps-tendon", "soft-tissue-calcification"]),
        ("CALC Triceps", ["soft-tissue-calcification", "triceps-tendon"]),
        ("calc, triceps.", ["soft-tissue-calcification", "triceps-tendon"]),
        ("triceps tendon insertion", ["triceps-tendon-insertion"]),
        ("insertion triceps tendon", ["triceps-tendon-insertion"]),
        ("calcification triceps insertion rice-grain", None),
        ("soft tissue calcification", ["soft-tissue-calcification"]),
        ("soft tissue calcification of soft tissue", None),
        ("phlebolith", ["phlebolith"]),
    ],
)
def test_features_are_read_from_a_text(lexicon: Lexicon, text: str, features: list[str] | None) -> None:
    reading = lexicon.read(text)
    if features is not None:
        assert local(*reading.features) == features
        assert reading.unread == ()
    assert len(set(reading.features)) == len(reading.features) == len(reading.words)


def test_the_longest_run_of_words_wins(lexicon: Lexicon) -> None:
    whole = lexicon.read("calcification triceps tendon insertion rice-grain")
    assert local(*whole.features) == ["soft-tissue-calcification", "triceps-tendon-insertion", "rice-grain"]
    assert whole.words == ("calcification", "triceps tendon insertion", "rice grain")
    assert local(*lexicon.read("triceps tendon").features) == ["triceps-tendon"]


def test_words_that_lead_nowhere_are_told(lexicon: Lexicon) -> None:
    reading = lexicon.read("calc xyzzy triceps 4711")
    assert local(*reading.features) == ["soft-tissue-calcification", "triceps-tendon"]
    assert reading.unread == ("xyzzy", "4711")


@pytest.mark.parametrize(
    ("word", "side"),
    [("left", "left"), ("L", "left"), ("lt", "left"), ("right", "right"), ("r.", "right"), ("both", "both sides")],
)
def test_a_side_is_no_site(lexicon: Lexicon, word: str, side: str) -> None:
    for text in (f"{word} triceps tendon calcification", f"calcification {word} triceps tendon"):
        reading = lexicon.read(text)
        assert set(local(*reading.features)) == {"triceps-tendon", "soft-tissue-calcification"}
        assert (reading.sides, reading.unread) == ((side,), ())
        assert reading.side_note.startswith(side.capitalize())


def test_a_side_in_a_whole_name_is_part_of_it() -> None:
    names = [Name("q", "left upper quadrant", "site", True), Name("m", "mass", "finding", True)]
    lexicon = Lexicon(names)
    assert lexicon.read("mass in the left upper quadrant").features == ("m", "q")
    assert lexicon.read("left mass").features == ("m",)
    for text in ("right upper quadrant mass", "mass in the upper quadrant", "mass in the right upper quadr"):
        assert lexicon.read(text).features == ("m",)
        assert lexicon.read(text).unread
    assert (lexicon.read("mass").sides, lexicon.read("mass").side_note) == ((), "")


def test_one_or_two_letters_begin_nothing_and_a_diagnosis_goes_before_what_it_begins() -> None:
    names = [Name("s", "stump", "site", True), Name("k", "known gout", "context", True)]
    names += [Name("g", "gout", "diagnosis", True), Name("t", "US", "finding", True)]
    lexicon = Lexicon(names)
    assert lexicon.read("st").unread == ("st",)
    assert (lexicon.read("stu").features, lexicon.read("us").features) == (("s",), ("t",))
    assert (lexicon.read("gout").features, lexicon.read("gout").diagnoses) == ((), ("g",))
    assert lexicon.read("known gout").features == ("k",)


def test_a_feature_named_twice_is_read_once(lexicon: Lexicon) -> None:
    assert local(*lexicon.read("phlebolith phleb phlebolith").features) == ["phlebolith"]


WORDS_BETWEEN = ["and", "of", "of the", "at", "at the", "in", "with", "a", "an", "to", "is", "or", "for"]


@pytest.mark.parametrize("word", WORDS_BETWEEN)
def test_a_word_between_names_is_no_name(lexicon: Lexicon, word: str) -> None:
    reading = lexicon.read(f"calcification {word} triceps tendon")
    assert local(*reading.features) == ["soft-tissue-calcification", "triceps-tendon"]


@pytest.mark.parametrize("word", ["no", "not", "without"])
def test_what_is_denied_is_absent(lexicon: Lexicon, word: str) -> None:
    reading = lexicon.read(f"{word} calcification triceps tendon")
    assert local(*reading.features) == ["triceps-tendon"]
    assert local(*reading.absent) == ["soft-tissue-calcification"]
    assert reading.unread == ()
    both = lexicon.read(f"{word} effusion or tear in the triceps tendon")
    assert local(*both.absent) == ["joint-effusion", "tear"]
    assert local(*both.features) == ["triceps-tendon"]
    seen = lexicon.read(f"calcification, {word} calcification")
    assert (local(*seen.features), seen.absent) == (["soft-tissue-calcification"], ())


def test_a_name_may_begin_with_a_denial() -> None:
    lexicon = Lexicon(
        [
            Name("avascular", "avascular", "morphology", True),
            Name("avascular", "no flow", "morphology", False),
            Name("flow", "flow", "finding", True),
            Name("node", "node", "site", True),
        ]
    )
    assert lexicon.read("no flow").features == ("avascular",)
    reading = lexicon.read("no node flow")
    assert (reading.features, reading.absent) == (("flow",), ("node",))


def test_what_is_out_of_use_leads_to_what_took_its_place() -> None:
    tear, other = iri("tear"), iri("other")
    lexicon = Lexicon(
        [
            Name(tear, "old rupture", "finding", False, former=iri("rupture-x")),
            Name(tear, "gap", "finding", False, former=iri("rupture-x")),
            Name(tear, "tear", "finding", True),
            Name(other, "loss of continuity", "finding", True),
            Name(other, "gap", "finding", False),
        ]
    )
    for text in ("Old Rupture", "rupture-x", "msk:Rupture-X", iri("rupture-x"), "tear"):
        assert lexicon.find(text) == tear
    assert lexicon.find("gap") == other, "a name that something in use has itself wins"
    assert lexicon.read("gap").features == (other,)
    assert lexicon.read("old rupt").features == (tear,)
    assert lexicon.search("rupture") == [tear]
    assert lexicon.search("gap") == [other, tear]
    assert lexicon.suggest("old ruptur") == ["tear"]
    assert lexicon.labels == {tear: "tear", other: "loss of continuity"}
    assert lexicon.kinds.keys() == {tear, other}
    assert lexicon.replaced == {iri("rupture-x"): tear}


def test_a_diagnosis_named_is_told_apart_from_what_is_seen(lexicon: Lexicon) -> None:
    reading = lexicon.read("dystrophic calcification triceps tendon")
    assert local(*reading.diagnoses) == ["dystrophic-calcification"]
    assert local(*reading.features) == ["triceps-tendon"]


def test_a_single_word_has_to_stand_in_a_label_or_be_a_name() -> None:
    """Else "enlarged" would be a bursa because one of its findings has the synonym "enlarged bursa"."""
    lexicon = Lexicon(
        [
            Name("bursal", "bursal distension", "finding", True),
            Name("bursal", "enlarged bursa", "finding", False),
            Name("third", "third compartment", "site", True),
            Name("third", "3 compartment", "site", False),
        ]
    )
    assert lexicon.read("enlarged").unread == ("enlarged",)
    assert lexicon.read("3 mm").unread == ("3", "mm")
    assert lexicon.read("enlarged bursa").features == ("bursal",)


def test_a_word_inside_a_name_belongs_to_it(lexicon: Lexicon) -> None:
    assert local(*lexicon.read("vein of the lower limb").features) == ["vein-of-lower-limb"]
    assert local(*lexicon.read("cortex and medullary space").features) == ["cortex-and-medullary-space"]


def test_only_features_are_read_unless_asked_otherwise(lexicon: Lexicon) -> None:
    assert lexicon.read("cysticercosis").features == ()
    assert local(*lexicon.read("cysticercosis").diagnoses) == ["cysticercosis"]
    assert local(*lexicon.read("cysticercosis", ["diagnosis"]).features) == ["cysticercosis"]


def test_every_feature_is_read_from_its_label(lexicon: Lexicon) -> None:
    labels = {label: concept for concept, label in lexicon.labels.items() if lexicon.kinds[concept] in FEATURE_KINDS}
    missed = {label for label, concept in labels.items() if concept not in lexicon.read(label).features}
    assert missed == set()


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=60))
@example("\ud800")
@example("((((")
@example("msk:")
def test_reading_never_fails(lexicon: Lexicon, text: str) -> None:
    reading = lexicon.read(text)
    assert {lexicon.kinds[feature] for feature in reading.features} <= set(FEATURE_KINDS)
    assert lexicon.search(text, limit=3) == lexicon.search(text, limit=20)[:3]


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=60))
def test_whatever_is_typed_is_found_or_unknown(lexicon: Lexicon, text: str) -> None:
    found, suggestions = None, []
    try:
        found = lexicon.find(text)
    except UnknownTerm as error:
        suggestions = list(error.suggestions)
    assert found is None or found in lexicon.labels
    assert set(suggestions) <= set(lexicon.labels.values())


def test_a_pasted_page_is_read_quickly(lexicon: Lexicon) -> None:
    text = "calcification at the triceps tendon insertion with focal hyperaemia and no other change seen today " * 10
    started = time.process_time()
    reading = lexicon.read(text)
    assert time.process_time() - started < 1.5
    assert {"soft-tissue-calcification", "triceps-tendon-insertion"} <= set(local(*reading.features))


def test_a_search_puts_whole_names_first_and_finds_any_order(lexicon: Lexicon) -> None:
    assert local(*lexicon.search("tendon", ["site"]))[0] == "tendon"
    assert set(lexicon.search("tendon trice")) == set(lexicon.search("trice tendon"))
    assert lexicon.search("") == lexicon.search("   ") == []


def test_an_ambiguous_beginning_is_read_as_a_finding_first() -> None:
    lexicon = Lexicon([Name("s", "calcar", "site", True), Name("f", "calcified nodule", "finding", True)])
    assert lexicon.search("calc") == ["f", "s"]
    assert lexicon.search("calc", ["site"]) == ["s"]
    assert lexicon.read("calc").features == ("f",)


# Comparing


@settings(deadline=None, max_examples=500)
@given(st.text())
@example("rice\u2011grain")
@example("\ufe32")
@example("\u1e9e\u0130\u0149\u01f0")
@example("\u1fbd \uff07")
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_folding_takes_away_what_people_do_not_type() -> None:
    assert fold("  Sj\u00f6gren\u2019s\n DISEASE ") == "sjogren's disease"
    assert fold("STRASSE") == fold("stra\u00dfe")
    assert fold("rice\u2011grain") == fold("rice\u2010grain") == fold("rice\u2013grain") == "rice-grain"


# Names that look like markup


def test_names_are_data() -> None:
    texts = ["<img src=x onerror=alert(1)>", "</script>", "[bold]", 'a "quoted" name', "two\nlines", "(.*", "\\", "%s"]
    lexicon = Lexicon(Name(f"http://x/{n}", text, "finding", True) for n, text in enumerate(texts))
    assert [lexicon.find(text) for text in texts] == [f"http://x/{n}" for n in range(len(texts))]
    assert lexicon.read("img src").features == ("http://x/0",)


# While somebody is typing


@pytest.fixture(scope="module")
def completer(lexicon: Lexicon) -> Completer:
    return Completer((name.iri, name.text) for name in lexicon.names)


def test_completions_are_ranked_by_how_well_their_name_fits() -> None:
    names = ["tear of the calf", "calf", "calf muscle", "muscle of the calf", "ventral calf muscle", "calcaneus"]
    completer = Completer((name, name) for name in names)

    def found(text: str) -> list[str]:
        return [each.name for each in completer.complete(text)]

    assert found("calf") == ["calf", "calf muscle", "tear of the calf", "muscle of the calf", "ventral calf muscle"]
    assert found("calf mus") == ["calf muscle", "ventral calf muscle", "muscle of the calf"]
    assert found("mus calf") == ["muscle of the calf", "calf muscle", "ventral calf muscle"]
    assert found("CALC") == ["calcaneus"]


def test_a_label_counts_before_a_synonym_and_a_thing_comes_once() -> None:
    completer = Completer([("a", "long label"), ("b", "gout attack"), ("a", "gout"), ("a", "gout flare")])
    assert [(each.thing, each.name) for each in completer.complete("gout")] == [("a", "gout"), ("b", "gout attack")]
    assert [(each.thing, each.name) for each in completer.complete("gou")] == [("b", "gout attack"), ("a", "gout")]


def test_a_misspelling_is_only_near_and_only_if_nothing_fits() -> None:
    completer = Completer([("t", "tophus"), ("e", "effusion")])
    assert [(each.thing, each.near) for each in completer.complete("topus")] == [("t", True)]
    assert [(each.thing, each.near) for each in completer.complete("toph")] == [("t", False)]
    assert completer.complete("tof") == []
    assert completer.complete("...") == completer.complete("") == []


def test_every_name_completes_from_itself_and_from_the_beginnings_of_its_words(
    lexicon: Lexicon, completer: Completer
) -> None:
    for name in lexicon.names:
        assert completer.complete(name.text, 1)[0].thing == name.iri, name.text
    for label, concept in {label: concept for concept, label in lexicon.labels.items()}.items():
        short = " ".join(word[:4] for word in fold(label).replace("-", " ").split())
        assert concept in [each.thing for each in completer.complete(short, 50)], short


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=40))
@example("\ud800")
def test_any_text_can_be_completed(completer: Completer, text: str) -> None:
    assert len(completer.complete(text, 5)) <= 5
