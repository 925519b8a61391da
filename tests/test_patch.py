"""Patches: what they do one after the other, what takes them back, and that their text keeps every literal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdflib import XSD, Graph, Literal, URIRef

from mskgraph.curation import graph_of, lines
from mskgraph.errors import PatchInvalid
from mskgraph.ontology import literals_as_typed
from mskgraph.store import Patch

NODES = [f"urn:node:{name}" for name in ("a", "b", "c", "é", "東")]
PREDICATES = ["urn:p:one", "urn:p:two"]
TRICKY = [
    "",
    " ",
    '"',
    "\\",
    '\\"',
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\x0b\x0c\x1c\x1d\x1e",
    "\x85",
    "\u2028\u2029",
    "\u202egout\u202c",
    "\ufeff",
    "\ud7ff\ue000\U0010ffff",
    "A <urn:a> <urn:b> <urn:c> .\nTC .",
    "D D D",
    "TX .",
    "<urn:not-a-node>",
    "_:b0",
    " .",
    "'''\"\"\"",
    "x" * 5_000,
]

texts = st.one_of(st.sampled_from(TRICKY), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
literals = st.one_of(
    texts.map(Literal),
    st.builds(Literal, texts, lang=st.sampled_from(["en", "de-AT", "x-klingon"])),
    st.builds(Literal, st.sampled_from(["0.50", "0.5", ".5", "1E-7", "many"]), datatype=st.just(XSD.decimal)),
    st.builds(Literal, st.sampled_from(["007", "+7", "7"]), datatype=st.just(XSD.integer)),
    st.builds(Literal, texts, datatype=st.sampled_from([XSD.string, XSD.anyURI, URIRef("urn:type:own")])),
)
nodes = st.sampled_from(NODES).map(URIRef)
triples = st.tuples(nodes, st.sampled_from(PREDICATES).map(URIRef), st.one_of(nodes, literals))


@st.composite
def statements(draw: st.DrawFn) -> frozenset[str]:
    """Lines of N-Triples, as the curation writes them."""
    graph = Graph()
    with literals_as_typed():
        for triple in draw(st.lists(triples, max_size=8)):
            graph.add(triple)
    return frozenset(lines(graph))


@st.composite
def fitting(draw: st.DrawFn, state: frozenset[str]) -> Patch:
    """A patch that adds what is not there and removes what is."""
    new = draw(statements())
    gone = draw(st.sets(st.sampled_from(sorted(state)))) if state else set()
    return Patch(new - state, frozenset(gone))


@st.composite
def histories(draw: st.DrawFn) -> tuple[frozenset[str], list[Patch]]:
    """What there is at first, and patches that fit one after the other."""
    start = state = draw(statements())
    patches = []
    for _ in range(draw(st.integers(1, 5))):
        patch = draw(fitting(state))
        patches.append(patch)
        state = applied(patch, state)
    return start, patches


def applied(patch: Patch, state: frozenset[str]) -> frozenset[str]:
    return (state - patch.removed) | patch.added


def folded(patches: list[Patch]) -> Patch:
    whole = Patch()
    for patch in patches:
        whole = whole.then(patch)
    return whole


@given(histories())
def test_patches_joined_do_what_they_do_one_after_the_other(history: tuple[frozenset[str], list[Patch]]) -> None:
    start, patches = history
    state = start
    for patch in patches:
        state = applied(patch, state)
    assert applied(folded(patches), start) == state


@given(histories())
def test_the_inverse_takes_a_patch_back(history: tuple[frozenset[str], list[Patch]]) -> None:
    start, (patch, *_) = history
    assert applied(patch.inverse(), applied(patch, start)) == start
    assert patch.inverse().inverse() == patch
    assert applied(patch.then(patch.inverse()), start) == start


@given(histories())
def test_taking_all_back_from_the_last_to_the_first_leaves_the_start(
    history: tuple[frozenset[str], list[Patch]],
) -> None:
    start, patches = history
    back = [patch.inverse() for patch in reversed(patches)]
    assert applied(folded([*patches, *back]), start) == start


@given(histories())
def test_how_patches_are_grouped_does_not_matter(history: tuple[frozenset[str], list[Patch]]) -> None:
    start, patches = history
    for cut in range(len(patches)):
        joined = folded(patches[:cut]).then(folded(patches[cut:]))
        assert applied(joined, start) == applied(folded(patches), start)


@given(statements())
def test_an_empty_patch_changes_nothing(state: frozenset[str]) -> None:
    patch = Patch(state)
    assert not Patch()
    assert bool(patch) == bool(state)
    assert Patch().then(patch) == patch == patch.then(Patch())


@given(statements(), statements())
def test_the_text_keeps_every_literal(added: frozenset[str], removed: frozenset[str]) -> None:
    patch = Patch(added, removed)
    text = patch.text()
    assert Patch.parse(text) == patch
    assert Patch.parse(text).text() == text


@given(statements(), statements())
def test_the_text_has_one_line_for_each_triple(added: frozenset[str], removed: frozenset[str]) -> None:
    body = Patch(added, removed).text().split("\n")
    assert body[0] == "TX ."
    assert body[-2:] == ["TC .", ""]
    assert [line[0] for line in body[1:-2]] == ["D"] * len(removed) + ["A"] * len(added)


@given(st.lists(triples, max_size=8))
def test_lines_and_graphs_say_the_same(found: list[tuple[URIRef, URIRef, URIRef | Literal]]) -> None:
    graph = Graph()
    with literals_as_typed():
        for triple in found:
            graph.add(triple)
        assert set(graph_of(lines(graph))) == set(graph)


@given(statements(), statements())
def test_subjects_are_the_nodes_that_something_is_said_of(added: frozenset[str], removed: frozenset[str]) -> None:
    said = graph_of([*added, *removed])
    assert Patch(added, removed).subjects() == {str(subject) for subject in said.subjects()}


@given(statements(), statements())
def test_terms_are_the_iris_and_nothing_that_only_looks_like_one(
    added: frozenset[str], removed: frozenset[str]
) -> None:
    said = graph_of([*added, *removed])
    iris = {str(term) for triple in said for term in triple if isinstance(term, URIRef)}
    types = {str(value.datatype) for value in said.objects() if isinstance(value, Literal) and value.datatype}
    assert iris <= Patch(added, removed).terms() <= iris | types


@pytest.mark.parametrize("text", ["see _:b1", "_:b1", "a _:", 'quoted "_:x"'])
def test_a_text_may_look_like_a_node_without_a_name(text: str) -> None:
    graph = Graph().add((URIRef("urn:a"), URIRef("urn:b"), Literal(text)))
    assert set(graph_of(lines(graph))) == set(graph)


@pytest.mark.parametrize("turtle", ["[] <urn:b> <urn:c> .", "<urn:a> <urn:b> [] .", "<urn:a> <urn:b> (1 2) ."])
def test_a_node_without_a_name_is_refused(turtle: str) -> None:
    with pytest.raises(PatchInvalid, match="without a name"):
        lines(Graph().parse(data=turtle))


@pytest.mark.parametrize(
    "line",
    [
        "A<urn:a> <urn:b> <urn:c> .",
        "a <urn:a> <urn:b> <urn:c> .",
        "TX.",
        "PA x <urn:x> .",
        " A <urn:a>",
        "\0",
        "H id 1",
    ],
)
def test_a_text_that_is_no_patch_is_refused_with_the_line(line: str) -> None:
    with pytest.raises(PatchInvalid, match="Line 2 "):
        Patch.parse(f"TX .\n{line}\nTC .\n")
