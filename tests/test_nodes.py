"""Any node by a form: fields read off the shapes, edits that drop nothing, options that fit, clean deletion."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import OWL, RDF, SH, SKOS, XSD, Graph, Literal, URIRef
from rdflib.compare import isomorphic

from mskgraph import KnowledgeGraph, curation, ontology
from mskgraph.curation import Journal
from mskgraph.curation.fields import Field, Forms, fields, forms, read_forms
from mskgraph.curation.forms import Draft
from mskgraph.curation.node_forms import Form, New, edit_draft, edit_patch, node_draft, triple_patch
from mskgraph.curation.nodes import called, class_of, filled, options, properties_for, subjects, values, worded
from mskgraph.curation.removal import SHOWN, deletion, deprecation, impact
from mskgraph.errors import NodeInUse, PatchInvalid, ValuesChanged
from mskgraph.graph import Knowledge
from mskgraph.ontology import MSK, literals_as_typed
from mskgraph.store import Accepted, Patch, Store, select
from mskgraph.terms import Lexicon, iri, local_name
from tests.small_ontology import ROOT, diagnosis, small_ontology, turtle

LABEL, SYNONYM, NOTE = iri("skos:prefLabel"), iri("skos:altLabel"), iri("skos:note")
NO_PATCH = Patch()
DEFINITION, SOURCE, BROADER = iri("skos:definition"), iri("dcterms:source"), iri("skos:broader")


@dataclass(frozen=True, eq=False)
class Basis:
    """A knowledge in which something was accepted since its store was filled: enough for what is stated."""

    kg: KnowledgeGraph
    patch: Patch = NO_PATCH

    @property
    def files(self) -> tuple[Path, ...]:
        return self.kg.files

    @property
    def store(self) -> Store:
        return self.kg.store

    @property
    def lexicon(self) -> Lexicon:
        return self.kg.lexicon

    @property
    def knowledge(self) -> Knowledge:
        return self.kg.knowledge

    @property
    def accepted(self) -> Accepted:
        return Accepted(self.kg.accepted.patch.then(self.patch))

    @cached_property
    def nodes(self) -> list[str]:
        """All that can be edited, sorted."""
        known = forms(self)
        rows = select(self.store, "SELECT ?n ?c { ?n a ?c }")
        return sorted({row["n"] for row in rows if row["c"] in known.fields} - known.fixed)


def opened(folder: Path) -> Basis:
    before = os.environ.get("MSKGRAPH_ONTOLOGY")
    os.environ["MSKGRAPH_ONTOLOGY"] = str(folder)
    try:
        return Basis(KnowledgeGraph.open())
    finally:
        os.environ.pop("MSKGRAPH_ONTOLOGY")
        if before is not None:
            os.environ["MSKGRAPH_ONTOLOGY"] = before


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSKGRAPH_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_ontology(tmp_path_factory.mktemp("small") / "ontology")


@pytest.fixture(scope="module")
def small(small_folder: Path) -> Basis:
    return opened(small_folder)


@pytest.fixture(scope="module")
def seed_basis(seed_folder: Path) -> Basis:
    """The first page, with a node of every class that it has none of."""
    basis = opened(seed_folder)
    there = {class_of(basis, node) for node in basis.nodes}
    graph = Graph()
    for kind in sorted(forms(basis).fields.keys() - there):
        graph += node_draft(basis, kind, least(basis, kind), f"made up {local_name(kind)}").graph
    return Basis(basis.kg.changed_by(curation.additions(basis, graph)))


@pytest.fixture(scope="module")
def real() -> Basis:
    return opened(ROOT / "ontology")


# the least that a form needs


def first(basis: Basis, field: Field) -> str:
    """Something that fits into a field."""
    match field.kind:
        case "node":
            return next(iter(options(basis, field)))
        case "integer":
            return "1"
        case "decimal":
            return "0.5"
        case "boolean":
            return "true"
    return f"Made up for {field.label}"


NUMBER = New(
    iri("Estimate"),
    {iri("form"): (iri("form-word"),), iri("stated"): ("often",), iri("frequencyWord"): (iri("frequency-frequent"),)},
)


def least(basis: Basis, kind: str) -> Form:
    """The least that the shapes ask of a class: read off its fields, but for what belongs together in a number."""
    found: dict[str, tuple[str | New, ...]] = {}
    rivals: set[str] = set()
    for field in fields(basis, kind):
        if kind == iri("Estimate") and not field.inverse:
            found.update({key: tuple(texts) for key, texts in NUMBER.values.items()})
            break
        if rivals & set(field.either) or not (field.needed or field.either):
            continue
        fits = options(basis, field)
        if field.either and not fits:
            continue
        rivals |= set(field.either)
        if field.kind == "node" and not fits:
            assert field.own
            found[field.key] = (part(basis, field),)
        else:
            found[field.key] = (first(basis, field),)
    return found


def part(basis: Basis, field: Field) -> New:
    """A part of a node that is not there yet."""
    (kind,) = field.classes
    if kind == iri("Estimate"):
        return NUMBER
    whole = {f.key for f in fields(basis, kind) if f.predicate == field.predicate and f.inverse != field.inverse}
    return New(kind, {key: value for key, value in least_of_part(basis, kind).items() if key not in whole})


@cache
def least_of_part(basis: Basis, kind: str) -> Form:
    return {
        field.key: (first(basis, field),)
        for field in fields(basis, kind)
        if field.needed and not (field.kind == "node" and not options(basis, field))
    }


COMPANIONS: dict[str, Form] = {
    "ofFinding": {iri("feature"): (iri("triceps-tendon"),)},
    "mustNotMissSource": {iri("mustNotMiss"): ("true",), iri("mustNotMissReason"): ("Because.",)},
    "mustNotMissReason": {iri("mustNotMiss"): ("true",), iri("mustNotMissSource"): (iri("source-seed"),)},
    "mustNotMiss": {iri("mustNotMissReason"): ("Because.",), iri("mustNotMissSource"): (iri("source-seed"),)},
}
"""What goes with a field under a condition of the shapes."""


def found_wrong(basis: Basis, draft: Draft) -> dict[str, list[str]]:
    return draft.at_fields(curation.problems(basis.kg, curation.additions(basis, draft.graph)))


def all_classes() -> list[str]:
    shapes = schema_and_shapes()[1]
    return sorted({str(kind) for shape in shapes.subjects(SH.closed) for kind in shapes.objects(shape, SH.targetClass)})


@cache
def schema_and_shapes() -> tuple[Graph, Graph]:
    schema, shapes = (ontology.read([ROOT / "ontology" / f"{name}.ttl"]) for name in ("schema", "shapes"))
    return schema, shapes


@pytest.mark.parametrize("kind", all_classes())
def test_the_least_that_a_form_needs_is_accepted(seed_basis: Basis, kind: str) -> None:
    draft = node_draft(seed_basis, kind, least(seed_basis, kind), "something new")
    assert not draft.slips
    assert found_wrong(seed_basis, draft) == {}


@pytest.mark.parametrize("kind", all_classes())
def test_an_empty_form_says_at_each_field_what_is_needed(seed_basis: Basis, kind: str) -> None:
    draft = node_draft(seed_basis, kind, {}, "something new")
    told = found_wrong(seed_basis, draft)
    needed = {field.name for field in fields(seed_basis, kind) if field.needed}
    (part,) = draft.parts.values()
    assert {f"{part} {name}" for name in needed} <= told.keys()
    assert "" not in told
    for field in fields(seed_basis, kind):
        if field.either and not {f"{part} {each.rpartition('/')[2]}" for each in field.either} & told.keys():
            assert any(f"{part} ^{each.rpartition('/')[2]}" in told for each in field.either)


# what is read off the shapes


def test_every_property_shape_is_in_a_form_or_has_a_reason(small: Basis) -> None:
    known = forms(small)
    assert known.unread == {}
    shown = {shape for each in known.fields.values() for field in each for shape in field.shapes}
    shapes = schema_and_shapes()[1]
    every = {str(shape).rpartition("/")[2] for shape in shapes.subjects(RDF.type, SH.PropertyShape)}
    assert shown | known.left.keys() == every
    assert not shown & known.left.keys()
    about_class = {name for name in known.left if name.startswith("constraint-class-")}
    conditions = {
        *("counts", "counted-of", "limit", "described", "two-possible-sites", "with-note", "without-site"),
        *("form-of-count", "form-of-lower", "form-of-upper", "form-of-marks", "form-of-word", "without-possibleSite"),
        *(f"{how}-mustNotMiss{what}" for how in ("with", "without") for what in ("", "Reason", "Source")),
    }
    one_of = {"one-claim", "one-number", "in-words"}
    elsewhere = {"mapping-exact", "mapping-close", "mapping-broad", "mapping-narrow", "estimate-label"}
    rest = {f"constraint-{name}" for name in conditions | one_of | elsewhere}
    assert known.left.keys() - about_class == rest


def test_every_field_has_words_for_people(small: Basis) -> None:
    for kind, each in forms(small).fields.items():
        assert len({field.label for field in each if not field.inverse}) == len([f for f in each if not f.inverse]), (
            kind
        )
        for field in each:
            assert field.label == field.label.strip() != field.name or field.label.isalpha()
            assert ":" not in field.label


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ('sh:pattern "^x" ; sh:datatype xsd:string', "pattern"),
        ("sh:datatype xsd:gYear", "what its values are"),
        ("sh:or ( [ sh:class msk:Site ] [ sh:datatype xsd:string ] )", "sh:or"),
        ("sh:not [ sh:class msk:Site ] ; sh:nodeKind sh:IRI", "sh:not"),
        ("sh:minCount 1", "what its values are"),
    ],
)
def test_a_shape_that_cannot_be_read_is_told(said: str, wrong: str) -> None:
    assert wrong in read_with(said).unread["constraint-new"]


@pytest.mark.parametrize(
    ("said", "kind", "texts"),
    [
        ("sh:datatype xsd:date", "date", ("2026-01-31", "31.1.2026")),
        ("sh:nodeKind sh:IRI", "term", ("https://example.org/x", "x y")),
        ("sh:in ( msk:left msk:right ) ; sh:nodeKind sh:IRI", "term", ("https://example.org/x", "x y")),
        ("sh:datatype xsd:anyURI", "address", ("https://example.org/x", "example.org")),
        ("sh:datatype xsd:integer ; sh:minInclusive 1", "integer", ("3", "3.5")),
        ("sh:datatype xsd:decimal ; sh:maxInclusive 1.5", "decimal", ("3.50", "three")),
        ("sh:datatype xsd:decimal", "decimal", ("1", "NaN")),
        ("sh:datatype xsd:boolean", "boolean", ("false", "no")),
        ("sh:datatype xsd:boolean", "boolean", ("1", "TRUE")),
        ("sh:datatype xsd:date", "date", ("2026-01-31", "2026-W05-6")),
        ("sh:datatype xsd:integer", "integer", ("-0100", "1_000")),
        ("sh:datatype xsd:integer", "integer", ("+5", "\u0661\u0662")),
    ],
)
def test_kinds_of_values_are_read_and_written(said: str, kind: str, texts: tuple[str, str]) -> None:
    known = read_with(said)
    (field,) = (each for each in known.fields[iri("Finding")] if each.label == "new")
    assert known.unread == {}
    assert field.kind == kind
    right, wrong = texts
    assert not field.slip(right)
    assert field.value(field.text(field.term(right)) or "") == field.value(right)
    assert field.slip(wrong)
    assert field.text(Literal("ainsi", lang="fr")) is None
    assert (field.least, field.most) == (1 if "minIn" in said else None, 1.5 if "maxIn" in said else None)
    assert field.among == ((iri("left"), iri("right")) if "sh:in" in said else ())


def read_with(said: str) -> Forms:
    """The forms with one more property shape for findings."""
    schema, shapes = schema_and_shapes()
    more = f"""@prefix sh: <{SH}> . @prefix msk: <{MSK}> . @prefix xsd: <{XSD}> .
        msk:constraint-new a sh:PropertyShape ; sh:path msk:new ; sh:name "new"@en ;
        sh:targetClass msk:Finding ; {said} ."""
    return read_forms(schema, shapes + Graph().parse(data=more))


# what is stated


def test_each_file_is_read_once_however_many_nodes_are_asked_about(
    real: Basis, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, ontology_read = Counter[Path](), ontology.read

    def counted(paths: list[Path]) -> Graph:
        read.update(paths)
        return ontology_read(paths)

    monkeypatch.setattr(ontology, "read", counted)
    some = real.nodes[::20]
    together = curation.stated(real.files, real.accepted, some)
    assert {line.split(">")[0][1:] for line in together} == set(some)
    assert together == {line for node in some for line in curation.stated(real.files, real.accepted, {node})}
    assert set(read.values()) <= {1}, "those not read before are read once"


# an edit drops nothing


FOREIGN = 'goutte "x" \\ y'


def stated(basis: Basis, node: str) -> Graph:
    """What is stated of a node, literals as they were written."""
    return curation.graph_of(curation.stated(basis.files, basis.accepted, {node}))


@cache
def lines_of(kg: KnowledgeGraph) -> frozenset[str]:
    return frozenset(line for line in kg.export("nq").splitlines() if "_:" not in line.split('"')[0])


def with_what_no_form_shows(basis: Basis, node: str) -> Basis:
    """The same with values of a node that its form cannot show, some of which the checks would not let in."""
    graph = Graph()
    here = URIRef(node)
    for field in fields(basis, class_of(basis, node)):
        if field.inverse:
            continue
        predicate = URIRef(field.predicate)
        graph.add((here, predicate, Literal(FOREIGN, lang="fr")))
        with literals_as_typed():
            graph.add((here, predicate, Literal("1.50e0", datatype=XSD.double)))
        if not field.several and field.kind == "text":  # a second value, behind the one that is shown
            graph.add((here, predicate, Literal("zzz, last of all", lang=field.language or None)))
    graph.add((here, OWL.deprecated, Literal(True)))
    graph.add((here, SKOS.exactMatch, URIRef("http://purl.obolibrary.org/obo/MONDO_0005393")))
    return replace(basis, patch=Patch(frozenset(curation.lines(graph))))


@cache
def some_of(basis: Basis) -> list[str]:
    """A node of each class, chosen at random."""
    shuffled = Random(6).sample(basis.nodes, len(basis.nodes))
    return sorted({class_of(basis, node): node for node in shuffled}.values())


def test_saving_a_form_unchanged_changes_nothing(small: Basis, seed_basis: Basis, real: Basis) -> None:
    for basis, nodes in ((small, small.nodes), (seed_basis, some_of(seed_basis)), (real, some_of(real)[::2])):
        assert nodes
        for node in nodes:
            form = filled(basis, node)
            assert any(form.values())
            assert edit_patch(basis, node, form, form) == Patch()
            assert edit_patch(basis, node, form, {}) == Patch()


@pytest.mark.parametrize("kind", all_classes())
def test_what_a_form_does_not_show_stays(seed_basis: Basis, kind: str) -> None:
    (node,) = (each for each in some_of(seed_basis) if class_of(seed_basis, each) == kind)
    basis = with_what_no_form_shows(seed_basis, node)
    form = filled(basis, node)
    assert FOREIGN not in {text for texts in form.values() for text in texts}
    assert edit_patch(basis, node, form, form) == Patch()
    emptied = edit_patch(basis, node, form, dict.fromkeys(form, ()))
    there = set(stated(basis, node))
    left = there - set(curation.graph_of(emptied.removed))
    shown = {
        (URIRef(node), URIRef(field.predicate), term)
        for field in fields(basis, kind)
        if not field.inverse
        for term in values(basis, node).get(field.predicate, ())
        if field.text(term) in form[field.key]
    }
    assert left == there - shown
    assert not emptied.added


def texts(field: Field, basis: Basis, node: str) -> st.SearchStrategy[str]:
    """Values that may be typed or chosen."""
    match field.kind:
        case "text":
            return st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
        case "integer":
            return st.integers(1, 10**6).map(str)
        case "decimal":
            return st.decimals(0, 1, places=4).map(str)
        case "boolean":
            return st.sampled_from(["true", "false"])
        case "address":
            return st.just("https://example.org/anew")
    fits = list(options(basis, field, node)) if field.kind == "node" else []
    return st.sampled_from(fits) if fits else st.nothing()


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_changing_one_field_changes_only_that_and_can_be_taken_back(
    seed_basis: Basis, real: Basis, data: st.DataObject
) -> None:
    basis = data.draw(st.sampled_from([seed_basis, real]))
    node = data.draw(st.sampled_from(some_of(basis)[:: 2 if basis is real else 1]))
    field = data.draw(st.sampled_from(fields(basis, class_of(basis, node))))
    most = 3 if field.several else 1
    wanted = data.draw(st.lists(texts(field, basis, node), max_size=most, unique=True))
    form = filled(basis, node)
    patch = edit_patch(basis, node, form, {**form, field.key: wanted})
    for subject, predicate, value in curation.graph_of([*patch.added, *patch.removed]):
        assert str(predicate) == field.predicate
        ends = {str(subject), str(value)}
        assert node in (ends if field.inverse or field.both_ways else {str(subject)})
    assert bool(patch) is not field.same(wanted, form[field.key])
    edited = replace(basis, patch=patch)
    if not field.inverse:
        assert field.same(filled(edited, node)[field.key], wanted)
        rest = {key: shown for key, shown in form.items() if key != field.key}
        assert {key: shown for key, shown in filled(edited, node).items() if key != field.key} == rest
        back = edit_patch(edited, node, filled(edited, node), form)
        assert patch.then(back) == back
        assert isomorphic(stated(replace(basis, patch=patch.then(back)), node), stated(basis, node))
    assert curation.fitting(basis, patch) == patch


@settings(deadline=None, max_examples=50)
@given(st.decimals(0, 1, places=3), st.integers(0, 3), st.sampled_from(["", "0"]))
def test_a_number_that_is_only_written_otherwise_is_not_changed(
    small: Basis, number: object, zeros: int, sign: str
) -> None:
    node = iri("gout-effusion-atlas-estimate")
    with literals_as_typed():
        written = Literal(f"{sign}{number}{'0' * zeros}", datatype=XSD.decimal)
        old = Literal("0.50", datatype=XSD.decimal)
    graphs = [Graph().add((URIRef(node), MSK["lower"], each)) for each in (written, old)]
    basis = replace(small, patch=Patch(*(frozenset(curation.lines(graph)) for graph in graphs)))
    form = filled(basis, node)
    assert form[iri("lower")] == (str(written),)
    assert edit_patch(basis, node, form, {**form, iri("lower"): (str(number),)}) == Patch()


def test_an_edit_is_made_to_what_is_there_now(small: Basis) -> None:
    node = iri("gout")
    before = filled(small, node)
    other = edit_patch(small, node, before, {SYNONYM: ("podagra",), NOTE: ("One.", "Two.")})
    now = replace(small, patch=other)
    patch = edit_patch(now, node, before, {**before, DEFINITION: ("Crystals of urate.",)})
    assert len(patch.added) == len(patch.removed) == 1
    assert "podagra" in filled(replace(small, patch=other.then(patch)), node)[SYNONYM]
    with pytest.raises(ValuesChanged, match='synonyms is now "podagra"') as caught:
        edit_patch(now, node, before, {**before, SYNONYM: ("urate disease",), DEFINITION: ("Crystals of urate.",)})
    assert caught.value.now == {"synonyms": ["podagra"]}
    with pytest.raises(ValuesChanged, match="kind of is now empty"):
        edit_patch(now, node, {**before, BROADER: (iri("gone"),)}, {BROADER: ()} | {BROADER: (iri("else"),)})
    assert edit_patch(now, node, before, {**before, SYNONYM: ("podagra",)}) == Patch()


def test_an_edit_of_one_of_both_sides_is_made_to_both(seed_basis: Basis) -> None:
    claims = [node for node in seed_basis.nodes if class_of(seed_basis, node) == iri("Association")][:2]
    one, other = claims
    key = iri("conflictsWith")
    form = filled(seed_basis, one)
    patch = edit_patch(seed_basis, one, form, {key: (*form[key], other)})
    assert len(patch.added) == 2
    assert curation.problems(seed_basis.kg, patch) == []
    joined = replace(seed_basis, patch=patch)
    assert edit_patch(joined, one, filled(joined, one), {key: form[key]}) == patch.inverse()


def test_a_part_can_be_added_to_what_is_there(seed_basis: Basis) -> None:
    case = next(node for node in seed_basis.nodes if class_of(seed_basis, node) == iri("Case"))
    form = filled(seed_basis, case)
    seen = New(iri("Observation"), {iri("finding"): (iri("joint-effusion"),), iri("present"): ("false",)})
    after = {iri("observation"): (*form[iri("observation")], seen)}
    patch = edit_patch(seed_basis, case, form, after)
    assert curation.problems(seed_basis.kg, patch) == []
    assert f"{case}-observation-{len(form[iri('observation')]) + 1}" in patch.subjects()
    empty = {iri("observation"): (*form[iri("observation")], New(iri("Observation"), {}))}
    told = edit_draft(seed_basis, case, empty).at_fields(
        curation.problems(seed_basis.kg, edit_patch(seed_basis, case, form, empty))
    )
    assert set(told) == {"case.observation-1 finding", "case.observation-1 present"}, "the first that is new"


@pytest.mark.parametrize(
    ("node", "after", "told"),
    [
        ("gout", {LABEL: ()}, {"diagnosis prefLabel"}),
        ("gout", {SYNONYM: ("elbow",)}, {"diagnosis altLabel"}),
        ("gout", {iri("category"): ()}, {"diagnosis category"}),
        ("gout", {SOURCE: (iri("elbow"),)}, {"diagnosis source"}),
        ("gout", {iri("mustNotMiss"): ("true",)}, {"diagnosis mustNotMiss"}),
        ("elbow", {iri("partOf"): (iri("triceps-tendon"),)}, {"site partOf"}),
        ("effusion", {BROADER: (iri("double-contour"),)}, {"finding broader"}),
        ("gout-effusion-atlas-estimate", {iri("lower"): ("0.95",)}, {"estimate lower"}),
        ("gout-effusion-atlas-estimate", {iri("upper"): ("1.5",)}, {"estimate upper"}),
        ("gout-effusion-atlas-estimate", {iri("form"): (iri("form-word"),)}, {"estimate form"}),
        ("gout-effusion-atlas", {iri("feature"): ()}, {"association feature"}),
        ("source-atlas", {iri("dcterms:bibliographicCitation"): (" ",)}, {"source bibliographicCitation"}),
    ],
)
def test_what_an_edit_would_leave_wrong_is_told_at_its_field(
    small: Basis, node: str, after: Form, told: set[str]
) -> None:
    form = filled(small, iri(node))
    patch = edit_patch(small, iri(node), form, after)
    found = edit_draft(small, iri(node), after).at_fields(curation.problems(small.kg, patch))
    assert set(found) == told
    said = [worded(small, text) for texts in found.values() for text in texts]
    assert not [text for text in said if "msk:" in text or "skos:" in text]


def test_what_can_be_no_value_is_told_before_it_is_one(small: Basis) -> None:
    node = iri("gout-effusion-atlas-estimate")
    form = filled(small, node)
    draft = edit_draft(small, node, {iri("lower"): ("half",)})
    assert draft.at_fields([]) == {"estimate lower": ["This is no number."]}
    with pytest.raises(PatchInvalid, match="no number"):
        edit_patch(small, node, form, {iri("lower"): ("half",)})
    source = node_draft(small, iri("Source"), {iri("url"): ("example org",)})
    assert "begins with https://" in source.slips["source url"]
    assert set(found_wrong(small, source)) == {"source title", "source bibliographicCitation", "source url"}


def test_what_is_unknown_has_no_form(small: Basis) -> None:
    for node in (iri("nothing"), iri("Diagnosis"), "http://example.org/x"):
        with pytest.raises(PatchInvalid, match="no node that can be edited"):
            filled(small, node)


def test_names_are_made_from_what_is_said_and_never_taken(small: Basis) -> None:
    def named(kind: str, form: Form, name: str = "") -> str:
        return node_draft(small, iri(kind), {iri(key): each for key, each in form.items()}, name).node

    assert named("Diagnosis", {"skos:prefLabel": ("Gout, acute",)}) == iri("gout-acute")
    assert named("Diagnosis", {"skos:prefLabel": ("Gout",)}) == iri("gout-2")
    assert named("Diagnosis", {"skos:prefLabel": ("Gout",)}, "Urate disease") == iri("urate-disease")
    assert named("Source", {"dcterms:title": ("An Atlas",)}) == iri("source-an-atlas")
    assert named("Site", {}) == iri("site-untitled")
    claim = {"diagnosis": (iri("gout"),), "leadsTo": (iri("gout"),), "dcterms:source": (iri("source-atlas"),)}
    assert named("Association", claim) == iri("gout-gout-atlas")
    estimate = node_draft(small, iri("Association"), {iri("estimate"): (NUMBER,)})
    assert f"{estimate.node}-estimate" in estimate.parts
    parts = estimate.parts.values()
    assert set(parts) == {"association", "association.estimate-1"}


# what is offered


def classes_with_links() -> list[str]:
    forms_ = read_forms(*schema_and_shapes()).fields
    return [kind for kind in all_classes() if any(field.kind == "node" for field in forms_[kind])]


@pytest.mark.parametrize("kind", classes_with_links())
def test_what_is_offered_is_accepted_and_what_is_not_is_refused(seed_basis: Basis, kind: str) -> None:
    chance = Random(kind)
    form, wrong = dict(least(seed_basis, kind)), {}
    for field in fields(seed_basis, kind):
        fits = list(options(seed_basis, field))
        if field.kind != "node":
            continue
        if not field.inverse:
            above = forms(seed_basis).above
            others = [n for n in seed_basis.nodes if not above[class_of(seed_basis, n)] & set(field.classes)]
            wrong[field.key] = (chance.choice(others),)
        if set(field.either) & form.keys() or field.name in ("form", "possibleSite"):  # one of several is chosen
            continue
        form |= COMPANIONS.get(field.name, {})
        if fits and field.key not in COMPANIONS["ofFinding"]:
            form[field.key] = tuple(chance.sample(fits, min(len(fits), 2 if field.several else 1)))
    draft = node_draft(seed_basis, kind, form, "something new")
    assert found_wrong(seed_basis, draft) == {}
    misfit = node_draft(seed_basis, kind, {**form, **wrong}, "something new")
    told = found_wrong(seed_basis, misfit)
    names = {field.name for field in fields(seed_basis, kind) if field.key in wrong}
    assert {f"{misfit.parts[misfit.node]} {name}" for name in names} <= told.keys()


def test_each_reading_of_an_ambiguous_site_is_offered(seed_basis: Basis) -> None:
    kind = iri("Observation")
    sites = list(options(seed_basis, next(f for f in fields(seed_basis, kind) if f.name == "possibleSite")))[:2]
    form = {**least(seed_basis, kind), iri("possibleSite"): sites}
    assert found_wrong(seed_basis, node_draft(seed_basis, kind, {**form, NOTE: ("Either.",)})) == {}
    assert set(found_wrong(seed_basis, node_draft(seed_basis, kind, form))) == {"observation possibleSite"}


def test_a_part_goes_only_into_what_can_have_it(seed_basis: Basis) -> None:
    for kind, key in (("Observation", "^" + iri("observation")), ("Image", "^" + iri("image"))):
        form = {**least(seed_basis, iri(kind)), key: (iri("cysticercosis"),)}
        told = found_wrong(seed_basis, node_draft(seed_basis, iri(kind), form))
        assert any("cysticercosis" in text for text in told[""])


def test_what_is_offered_leaves_out_what_cannot_be(small: Basis, seed_basis: Basis, real: Basis) -> None:
    def offered(basis: Basis, kind: str, name: str, node: str = "") -> dict[str, str]:
        (field,) = (each for each in fields(basis, iri(kind)) if each.name == name)
        return options(basis, field, iri(node) if node else "")

    assert set(offered(small, "Finding", "broader")) == {iri("effusion"), iri("double-contour")}
    assert offered(small, "Finding", "broader", "effusion") == {}  # neither itself nor what is below it
    assert set(offered(small, "Finding", "broader", "double-contour")) == {iri("effusion")}
    assert set(offered(small, "Association", "estimate")) == {iri("not-stated")}
    held = offered(small, "Association", "estimate", "gout-effusion-atlas")
    assert set(held) == {iri("not-stated"), iri("gout-effusion-atlas-estimate")}
    assert iri("not-stated") not in offered(small, "Occurrence", "estimate")
    assert offered(seed_basis, "DifferentialTable", "^table") == {}
    assert list(offered(small, "Association", "confidence").values()) == ["high", "low", "medium"]
    assert offered(small, "Source", "title") == {}
    before = Basis(small.kg.changed_by(podagra(small)))
    without = Basis(before.kg.changed_by(deprecation(before, PODAGRA, iri("gout"))))
    assert PODAGRA in offered(before, "Association", "diagnosis")
    assert PODAGRA not in offered(without, "Association", "diagnosis")
    assert len(offered(real, "Association", "feature")) > 500


def test_a_plain_triple_is_offered_only_where_there_is_room(small: Basis) -> None:
    claim = iri("gout-effusion-atlas")
    room = {field.name for field in properties_for(small, claim)}
    assert room.isdisjoint({"diagnosis", "feature", "leadsTo", "mistakenFor", "source", "estimate", "confidence"})
    assert {"specificity", "atSite", "note", "modality", "population"} <= room
    patch = triple_patch(small, claim, iri("atSite"), iri("elbow"))
    assert len(patch.added) == 1
    assert not patch.removed
    assert curation.problems(small.kg, patch) == []
    assert {field.name for field in properties_for(replace(small, patch=patch), claim)} == room
    spoken = triple_patch(small, claim, iri("population"), "adults")
    assert "population" not in {field.name for field in properties_for(replace(small, patch=spoken), claim)}


def test_nodes_are_found_by_their_words(seed_basis: Basis, small: Basis) -> None:
    assert next(iter(subjects(small, "gout"))) == iri("gout")
    assert set(subjects(small, "atlas gout")) == {iri("gout-effusion-atlas"), iri("gout-double-contour-atlas")}
    assert iri("gout-effusion-atlas-estimate") in subjects(small, "50 to 90")
    assert iri("dracunculiasis") in subjects(seed_basis, "DRACUNCULIASIS")
    assert subjects(small, "  ") == {} == subjects(small, "nonsense")
    assert iri("left") not in subjects(small, "left")
    assert called(small, iri("gout-effusion-atlas")) == "association: gout, effusion, An atlas"


# taking away

PODAGRA = iri("podagra")


def podagra(basis: Basis, name: str = "podagra", label: str = "podagra") -> Patch:
    """A diagnosis that nobody uses."""
    return curation.additions(basis, curation.graph_in(turtle(diagnosis(name, label))))


def test_what_is_deleted_leaves_nothing_behind_and_what_is_used_stays(small: Basis, seed_basis: Basis) -> None:
    checked, kept = 0, {}
    for basis in (small, seed_basis):
        mentioning: defaultdict[str, set[str]] = defaultdict(set)
        for line in lines_of(basis.kg):
            for term in set(re.findall(r"<([^>]*)>", line.split('"')[0])):
                mentioning[term].add(line)
        for node in basis.nodes:
            try:
                patch = deletion(basis, node)
            except NodeInUse as error:
                kept[node] = error.impact
                continue
            gone = {each for each in patch.subjects() if not mentioning[each] - patch.removed}
            assert node in gone
            assert not patch.added
            assert not gone & forms(basis).fixed
            assert not [each for each in gone if MSK[local_name(class_of(basis, each))] in CONCEPTS]
            owners = patch.subjects() - gone
            pointing = {line for line in mentioning[node] if line.startswith(tuple(f"<{each}> " for each in owners))}
            assert {
                line for line in patch.removed if not line.startswith(tuple(f"<{each}> " for each in gone))
            } == pointing
            if checked % 25 == 0 and not owners:
                assert curation.problems(basis.kg, patch) == []
            checked += 1
        for node, told in kept.items():
            assert MSK[local_name(class_of(basis, node))] in CONCEPTS or told.users or told.parts.count
        kept.clear()
    assert checked > 100


CONCEPTS = [MSK[name] for name in ("Site", "Finding", "Morphology", "Context", "Diagnosis")]


def test_a_case_goes_with_its_observations_and_a_claim_with_its_estimate(seed_basis: Basis, small: Basis) -> None:
    case = next(node for node in seed_basis.nodes if class_of(seed_basis, node) == iri("Case"))
    form = filled(seed_basis, case)
    patch = deletion(seed_basis, case)
    assert {*form[iri("observation")], *form[iri("image")], case} <= patch.subjects()
    assert patch.subjects() - {*form[iri("observation")], *form[iri("image")], case} <= set(
        form[iri("possiblySamePatient")]
    )
    assert curation.problems(seed_basis.kg, patch) == []
    start = statements_of(small)
    patch = deletion(small, iri("gout-effusion-atlas"))
    assert patch.subjects() == {iri("gout-effusion-atlas"), iri("gout-effusion-atlas-estimate")}
    assert "not-stated" not in deletion(small, iri("gout-double-contour-atlas")).text().split("estimate")[0]
    after = small.kg.changed_by(patch)
    assert statements_of(Basis(after)) == start - patch.removed
    assert statements_of(Basis(after.changed_by(patch.inverse()))) == start


def statements_of(basis: Basis) -> set[str]:
    return set(lines_of(basis.kg))


def test_a_table_goes_with_its_rows_but_not_a_row_with_its_table(seed_basis: Basis) -> None:
    table = iri("table-soft-tissue-calcification")
    rows = set(filled(seed_basis, table)["^" + iri("table")])
    assert len(rows) == 6
    assert impact(seed_basis, table).parts.count > len(rows)
    row = min(rows)
    assert table not in deletion(seed_basis, row).subjects()
    assert {kind for kind, _ in impact(seed_basis, table).users} == {"teaching point"}
    with pytest.raises(NodeInUse, match="Causes of soft tissue calcification is not deleted"):
        deletion(seed_basis, table)


def test_who_uses_a_node_is_told_with_how_many_there_are(small: Basis, real: Basis) -> None:
    told = impact(small, iri("gout"))
    assert told.claims == 2
    assert {key: each.count for key, each in told.users.items()} == {("association", "diagnosis"): 2}
    assert told.relations == ("gout may cause double contour.", "gout may cause effusion.")
    claim = impact(small, iri("gout-effusion-atlas"))
    assert (claim.users, claim.claims, claim.parts.count) == ({}, 0, 1)
    assert claim.relations == ("gout may cause effusion.",)
    with pytest.raises(NodeInUse, match="gout is not deleted: a concept stays"):
        deletion(small, iri("gout"))
    with pytest.raises(NodeInUse, match="An atlas is not deleted: 7 others use it") as caught:
        deletion(small, iri("source-atlas"))
    assert sum(each.count for each in caught.value.impact.users.values()) == 7
    much = impact(real, iri("soft-tissue-calcification"))
    assert much.relation_count > len(much.relations) == SHOWN
    assert much.cases.count == len(much.cases.shown) > 0
    assert all(each.count >= len(each.shown) <= SHOWN for each in much.users.values())


def test_a_concept_is_marked_as_out_of_use(small: Basis) -> None:
    before = Basis(small.kg.changed_by(podagra(small)))
    patch = deprecation(before, PODAGRA, iri("gout"))
    assert patch.added == {
        f'<{PODAGRA}> <{OWL.deprecated}> "true"^^<{XSD.boolean}> .',
        f"<{PODAGRA}> <{iri('dcterms:isReplacedBy')}> <{iri('gout')}> .",
    }
    assert not patch.removed
    assert curation.problems(before.kg, patch) == []
    now = Basis(before.kg.changed_by(patch))
    for node, instead in (("gout", "effusion"), ("gout", "gout"), ("gout", "podagra")):
        with pytest.raises(PatchInvalid, match="gout is replaced by another diagnosis"):
            deprecation(now, iri(node), iri(instead))
    assert deprecation(now, PODAGRA, iri("gout")) == Patch()


def test_what_others_use_is_not_put_out_of_use(small: Basis) -> None:
    basis = Basis(small.kg.changed_by(podagra(small)))
    with pytest.raises(NodeInUse, match=r"not put out of use: 2 others use it.* Let them use podagra") as caught:
        deprecation(basis, iri("gout"), PODAGRA)
    assert caught.value.impact == impact(basis, iri("gout"))


def test_who_was_replaced_by_what_is_replaced_follows(small: Basis) -> None:
    basis = Basis(small.kg.changed_by(podagra(small).then(podagra(small, "toe-gout", "toe gout"))))
    out = Basis(basis.kg.changed_by(deprecation(basis, iri("toe-gout"), PODAGRA)))
    patch = deprecation(out, PODAGRA, iri("gout"))
    assert curation.problems(out.kg, patch) == []
    now = Basis(out.kg.changed_by(patch))
    assert now.knowledge.lexicon.replaced == {PODAGRA: iri("gout"), iri("toe-gout"): iri("gout")}


def test_an_edit_is_accepted_and_taken_back_like_any_change(
    small_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(small_folder))
    basis = KnowledgeGraph.open()
    node = iri("effusion")
    start = lines_of(basis)
    form = filled(basis, node)
    patch = edit_patch(basis, node, form, {LABEL: ("joint fluid",), SYNONYM: ("effusion",)})
    change = curation.accept(Journal(), KnowledgeGraph.open, patch, "Ada")
    assert called(KnowledgeGraph.open(), node) == "joint fluid"
    curation.undo(Journal(), KnowledgeGraph.open, "Ada", change.hash)
    assert lines_of(KnowledgeGraph.open()) == start
    assert filled(KnowledgeGraph.open(), node) == form
