"""The files that come along are sound, and each kind of fault is reported with file and remedy."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from rdflib import OWL, RDF, SKOS, Graph, URIRef
from rdflib.compare import isomorphic

from mskgraph import ontology
from mskgraph.errors import OntologyInvalid, OntologyNotFound
from mskgraph.ontology import MSK, Problem
from mskgraph.terms import Mapping, written_mappings

pytestmark = pytest.mark.usefixtures("seed")

PREFIXES = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in ontology.PREFIXES.items())

GOUT = """
msk:gout a msk:Diagnosis ;
    skos:prefLabel "gout"@en ;
    skos:definition "Arthritis by urate crystals."@en ;
    msk:category msk:category-crystal ;
    dcterms:source msk:source-seed .
"""
CLAIM = """
msk:gout-joint-effusion-seed a msk:Association ;
    msk:diagnosis msk:gout ;
    msk:feature msk:joint-effusion ;
    msk:estimate msk:gout-joint-effusion-seed-estimate ;
    msk:confidence msk:confidence-medium ;
    msk:verification msk:verification-checked ;
    dcterms:source msk:source-seed .
"""
RANGE = """
msk:gout-joint-effusion-seed-estimate a msk:Estimate ;
    msk:form msk:form-percent-range ;
    msk:stated "20-30 %" ;
    msk:lower 0.2 ;
    msk:upper 0.3 .
"""
COUNT = """
msk:gout-joint-effusion-seed-estimate a msk:Estimate ;
    msk:form msk:form-count ;
    msk:stated "3 of 20" ;
    msk:numerator 3 ;
    msk:denominator 20 .
"""
OUT_OF_USE = GOUT.replace('"gout"', '"dracunculiasis"') + (
    "msk:gout owl:deprecated true ; dcterms:isReplacedBy msk:dracunculiasis ."
)
CASE = """
msk:case-new-1 a msk:Case ;
    dcterms:title "A knee"@en ;
    dcterms:description "A knee with fluid."@en ;
    msk:observation msk:case-new-1-observation-1 ;
    dcterms:source msk:source-seed .

msk:case-new-1-observation-1 a msk:Observation ;
    msk:finding msk:joint-effusion ;
    msk:site msk:elbow-joint ;
    msk:side msk:left ;
    msk:present false .
"""
SOUND = GOUT + CLAIM + RANGE + CASE
GOUT_CLAIM_COUNT = GOUT + CLAIM + COUNT


def problems_of(path: Path, body: str) -> list[Problem]:
    file = path / "new.ttl"
    file.write_text(PREFIXES + body, encoding="utf-8")
    problems = ontology.check([file])
    assert {problem.file for problem in problems} <= {str(file)}
    return problems


def test_the_ontology_that_comes_along_has_no_problem_and_is_checked_quickly() -> None:
    started = time.process_time()
    assert [str(problem) for problem in ontology.check()] == []
    assert time.process_time() - started < 10


def test_every_file_is_canonical() -> None:
    files = ontology.files(ontology.find())
    assert [path.name for path in files if ontology.canonical_text(path).encode() != path.read_bytes()] == []


def test_files_are_brought_into_canonical_form_and_then_stay(tmp_path: Path) -> None:
    file, mappings = tmp_path / "new.ttl", tmp_path / "mappings.sssom.tsv"
    file.write_text(PREFIXES + GOUT, encoding="utf-8")
    rows = [Mapping("msk:gout", "skos:exactMatch", "MONDO:0005393"), Mapping("msk:achilles", "skos:closeMatch", "HP:1")]
    lines = written_mappings(rows).splitlines(keepends=True)
    mappings.write_text("".join([*lines[:-2], lines[-1], lines[-2]]), encoding="utf-8")
    said = ontology.read([file, mappings])
    assert ontology.write_canonical([tmp_path]) == [mappings, file]
    assert isomorphic(ontology.read([file, mappings]), said)
    assert mappings.read_text("utf-8") == "".join(lines)
    assert ontology.write_canonical([tmp_path]) == []


def test_nothing_is_written_if_one_file_cannot_be_read(tmp_path: Path) -> None:
    good, broken = tmp_path / "good.ttl", tmp_path / "zz.ttl"
    good.write_text(PREFIXES + GOUT, encoding="utf-8")
    broken.write_text("this is no Turtle", encoding="utf-8")
    with pytest.raises(OntologyInvalid, match=r"zz\.ttl"):
        ontology.write_canonical([tmp_path])
    assert good.read_text("utf-8") == PREFIXES + GOUT


def test_literals_stay_as_typed(tmp_path: Path) -> None:
    file = tmp_path / "new.ttl"
    file.write_text(PREFIXES + RANGE.replace("0.2 ;", "0.20 ;"), encoding="utf-8")
    assert "msk:lower 0.20 ;" in ontology.canonical(ontology.read([file]))
    file.write_text(PREFIXES + RANGE.replace("0.2 ;", "0.0000002 ;"), encoding="utf-8")
    assert "msk:lower 0.0000002 ;" in ontology.canonical(ontology.read([file]))


@pytest.mark.parametrize("body", [SOUND, GOUT_CLAIM_COUNT, GOUT.replace("gout", "g\u00f6ut"), OUT_OF_USE])
def test_what_is_sound_may_join(tmp_path: Path, body: str) -> None:
    assert problems_of(tmp_path, body) == []


FAULTS = {
    "broken Turtle": (SOUND.replace('"gout"@en ;', '"gout@en ;'), "line ", "not Turtle", "Correct line"),
    "prefix not declared": (SOUND.replace("msk:gout a", "mks:gout a"), "line ", "not Turtle", "prefix"),
    "association without a source": (
        GOUT + RANGE + CLAIM.replace("    dcterms:source msk:source-seed .\n", "    .\n"),
        "msk:gout-joint-effusion-seed",
        "Choose exactly one source.",
        "Add dcterms:source pointing at a node of sources.ttl.",
    ),
    "two sources": (
        SOUND + "msk:gout-joint-effusion-seed dcterms:source msk:source-uw .",
        "msk:gout-joint-effusion-seed",
        "exactly one source",
        "dcterms:source",
    ),
    "source that does not exist": (
        SOUND.replace("msk:source-seed", "msk:source-sead"),
        "msk:gout-joint-effusion-seed",
        "msk:source-sead is defined nowhere.",
        "Did you mean msk:source-seed?",
    ),
    "source that is something else": (
        GOUT + RANGE + CLAIM.replace("msk:source-seed", "msk:phlebolith"),
        "msk:gout-joint-effusion-seed",
        "exactly one source",
        "sources.ttl",
    ),
    "source as text": (
        GOUT + RANGE + CLAIM.replace("msk:source-seed", '"Ramsey 2017"'),
        "msk:gout-joint-effusion-seed",
        "exactly one source",
        "sources.ttl",
    ),
    "row without a source": (
        GOUT + RANGE + "msk:table-soft-tissue-calcification-row-9 a msk:TableRow ; msk:diagnosis msk:gout ; "
        " msk:rank 7 ;"
        " msk:table msk:table-soft-tissue-calcification ; msk:estimate msk:gout-joint-effusion-seed-estimate ;"
        " msk:confidence msk:confidence-low .",
        "msk:table-soft-tissue-calcification-row-9",
        "Choose exactly one source.",
        "Add dcterms:source",
    ),
    "case without a source": (
        CASE.replace("    dcterms:source msk:source-seed .", "    ."),
        "A knee",
        "Choose exactly one source.",
        "Add dcterms:source",
    ),
    "association without a class": (
        SOUND.replace("a msk:Association ;", ""),
        "msk:gout-joint-effusion-seed",
        "written like an association",
        "Write a msk:Association",
    ),
    "concept without a class": (
        SOUND.replace("a msk:Diagnosis ;", ""),
        "gout",
        "A concept states exactly one class.",
        "a msk:Diagnosis",
    ),
    "class misspelled": (
        SOUND.replace("msk:Association", "msk:Asociation"),
        "msk:gout-joint-effusion-seed",
        "msk:Asociation is defined nowhere.",
        "Did you mean msk:Association?",
    ),
    "two classes": (
        SOUND.replace("a msk:Diagnosis", "a msk:Diagnosis, msk:Finding"),
        "gout",
        "one class",
        "Write",
    ),
    "property misspelled": (
        SOUND.replace("msk:confidence msk", "msk:confidense msk"),
        "msk:gout-joint-effusion-seed",
        "The property msk:confidense does not belong on an association.",
        "Correct its spelling",
    ),
    "property of a vocabulary misspelled": (
        SOUND.replace("skos:definition", "skos:defintion"),
        "gout",
        "skos:defintion is no property",
        "Correct its spelling",
    ),
    "edge written by hand": (
        SOUND + "msk:gout msk:mayCause msk:joint-effusion .",
        "gout",
        "The property msk:mayCause does not belong on a diagnosis.",
        "derived on load",
    ),
    "undefined term": (
        SOUND.replace("msk:joint-effusion ;", "msk:tophaceous-deposit ;", 1),
        "msk:gout-joint-effusion-seed",
        "msk:tophaceous-deposit is defined nowhere.",
        "Define it",
    ),
    "no label": (
        SOUND.replace('skos:prefLabel "gout"@en', 'skos:altLabel "gouty"@en'),
        "msk:gout",
        "exactly one name, in English",
        "skos:prefLabel",
    ),
    "label without a language": (
        SOUND.replace('"gout"@en', '"gout"'),
        "gout",
        "exactly one name, in English",
        "@en",
    ),
    "no definition": (
        SOUND.replace('    skos:definition "Arthritis by urate crystals."@en ;\n', ""),
        "gout",
        "exactly one definition, in English",
        "skos:definition",
    ),
    "no category": (
        SOUND.replace("    msk:category msk:category-crystal ;\n", ""),
        "gout",
        "at least one category",
        "msk:category",
    ),
    "must not miss without a reason": (
        SOUND + "msk:gout msk:mustNotMiss true .",
        "gout",
        "Say all three or none",
        "msk:mustNotMissReason",
    ),
    "label clash": (
        SOUND.replace('"gout"@en', '"Vein Stone"@en'),
        "Vein Stone",
        "name of msk:phlebolith",
        "Remove it",
    ),
    "synonym clash": (
        SOUND + 'msk:gout skos:altLabel "CPPD"@en .',
        "gout",
        '"CPPD" is also a name',
        "Remove it",
    ),
    "kind of itself": (
        SOUND.replace("msk:category ", "skos:broader msk:gouty ; msk:category ")
        + SOUND.replace("gout", "gouty").split("\nmsk:gouty-joint")[0]
        + "msk:gouty skos:broader msk:gout .",
        "gout",
        "It is a kind of itself: msk:gout -> msk:gouty -> msk:gout.",
        "Remove one of these skos:broader.",
    ),
    "part of itself": (
        "msk:knee a msk:Site ; skos:prefLabel 'knee'@en ; skos:definition 'The knee.'@en ;"
        " dcterms:source msk:source-seed ; msk:partOf msk:knee .",
        "knee",
        "It is a part of itself",
        "Remove one of these msk:partOf.",
    ),
    "kind of another class": (
        SOUND + "msk:gout skos:broader msk:joint-effusion .",
        "gout",
        "A diagnosis is a kind of another diagnosis.",
        "Point skos:broader",
    ),
    "conflict in one direction": (
        SOUND + "msk:gout-joint-effusion-seed msk:conflictsWith msk:dracunculiasis-crescentic-seed .",
        "msk:gout-joint-effusion-seed",
        "one direction only",
        "Write msk:dracunculiasis-crescentic-seed msk:conflictsWith msk:gout-joint-effusion-seed as well.",
    ),
    "two claims in one": (
        SOUND + "msk:gout-joint-effusion-seed msk:leadsTo msk:tendinopathy .",
        "msk:gout-joint-effusion-seed",
        "Fill in exactly one of feature, leads to",
        "write another association",
    ),
    "no claim at all": (
        GOUT + RANGE + CLAIM.replace("    msk:feature msk:joint-effusion ;\n", ""),
        "msk:gout-joint-effusion-seed",
        "Fill in exactly one of feature, leads to",
        "Keep one of msk:feature",
    ),
    "appearance of no morphology": (
        SOUND + "msk:gout-joint-effusion-seed msk:ofFinding msk:joint-effusion .",
        "msk:gout-joint-effusion-seed",
        "is a morphology or a site",
        "Point msk:feature",
    ),
    "rule that points to a site": (
        "msk:discriminator-x a msk:Discriminator ; msk:given msk:phlebolith ; msk:pointsTo msk:vein ;"
        " msk:confidence msk:confidence-low ; dcterms:source msk:source-seed .",
        "msk:discriminator-x",
        "at least one diagnosis or finding that it points to",
        "Add msk:pointsTo",
    ),
    "remark about a list": (
        "msk:teaching-x a msk:TeachingPoint ; msk:about msk:left ; msk:text 'x'@en ;"
        " msk:confidence msk:confidence-low ; dcterms:source msk:source-seed .",
        "msk:teaching-x",
        "at least one concept, table or source",
        "Add msk:about",
    ),
    "cause that is a finding": (
        CASE + "msk:case-new-1 msk:statedCause msk:joint-effusion .",
        "A knee",
        "The stated cause is a context or a diagnosis.",
        "Point msk:statedCause",
    ),
    "n > m": (
        GOUT_CLAIM_COUNT.replace("msk:numerator 3", "msk:numerator 30"),
        "msk:gout-joint-effusion-seed-estimate",
        "not larger than m",
        "Correct msk:numerator",
    ),
    "lower > upper": (
        SOUND.replace("msk:lower 0.2", "msk:lower 0.4"),
        "msk:gout-joint-effusion-seed-estimate",
        "lower bound",
        "may not lie above the upper bound",
    ),
    "percent instead of fraction": (
        SOUND.replace("msk:lower 0.2", "msk:lower 20.0").replace("msk:upper 0.3", "msk:upper 30.0"),
        "msk:gout-joint-effusion-seed-estimate",
        "probability between 0 and 1",
        "Write msk:lower 0.95, not 95",
    ),
    "number as text": (
        SOUND.replace("msk:lower 0.2", 'msk:lower "0.2"'),
        "msk:gout-joint-effusion-seed-estimate",
        "decimal number",
        "Write msk:lower 0.95",
    ),
    "value that does not fit its type": (
        SOUND.replace("msk:lower 0.2", 'msk:lower "few"^^xsd:decimal'),
        "msk:gout-joint-effusion-seed-estimate",
        "'few' is no value of xsd:decimal.",
        "Correct the value",
    ),
    "percent range without its words": (
        SOUND.replace('    msk:stated "20-30 %" ;\n', ""),
        "msk:gout-joint-effusion-seed-estimate",
        "Give the words of the source, once.",
        'Write msk:stated "95-98 %".',
    ),
    "count with bounds": (
        GOUT_CLAIM_COUNT + "msk:gout-joint-effusion-seed-estimate msk:lower 0.1 .",
        "msk:gout-joint-effusion-seed-estimate",
        "Give exactly one kind of number",
        "Keep msk:lower with msk:upper",
    ),
    "word without its group": (
        GOUT + CLAIM + "msk:gout-joint-effusion-seed-estimate a msk:Estimate ;"
        " msk:form msk:form-word ; msk:stated 'often' .",
        "msk:gout-joint-effusion-seed-estimate",
        "Give exactly one kind of number",
        "or msk:frequencyWord",
    ),
    "percent range without its upper bound": (
        SOUND.replace("    msk:upper 0.3 .", "    ."),
        "msk:gout-joint-effusion-seed-estimate",
        "A percent range needs its upper bound",
        "Add msk:upper.",
    ),
    "count without its denominator": (
        GOUT_CLAIM_COUNT.replace(" ;\n    msk:denominator 20", ""),
        "msk:gout-joint-effusion-seed-estimate",
        "A count is n of m.",
        "Add msk:denominator.",
    ),
    "form that does not fit its number": (
        GOUT_CLAIM_COUNT.replace("msk:form-count", "msk:form-word"),
        "msk:gout-joint-effusion-seed-estimate",
        "A numerator or denominator belongs to a count.",
        "Write msk:form msk:form-count",
    ),
    "not stated by hand": (
        GOUT + CLAIM + "msk:gout-joint-effusion-seed-estimate a msk:Estimate ; msk:form msk:form-not-stated .",
        "msk:gout-joint-effusion-seed-estimate",
        "Give exactly one kind of number",
        "point msk:estimate at msk:not-stated",
    ),
    "estimate of nothing": (GOUT + RANGE, "msk:gout-joint-effusion-seed-estimate", "belongs to", "remove it"),
    "no estimate": (
        GOUT + CLAIM.replace("    msk:estimate msk:gout-joint-effusion-seed-estimate ;\n", ""),
        "msk:gout-joint-effusion-seed",
        "Say how often, exactly once.",
        "msk:not-stated",
    ),
    "observation without presence": (
        CASE.replace("    msk:present false .", "    ."),
        "msk:case-new-1-observation-1",
        "whether the finding was there",
        "Write one msk:present",
    ),
    "ambiguous site without a note": (
        CASE.replace("msk:site msk:elbow-joint", "msk:possibleSite msk:elbow-joint, msk:elbow-region"),
        "msk:case-new-1-observation-1",
        "Give two or more possible sites with a note",
        "skos:note",
    ),
    "side of a site": (
        CASE + "msk:elbow-joint msk:side msk:left .",
        "elbow joint",
        "The property msk:side does not belong on a site.",
        "Correct its spelling",
    ),
    "node without a name": (
        GOUT + CLAIM.replace("msk:gout-joint-effusion-seed-estimate", "[ a msk:Estimate ; msk:form msk:form-word ]"),
        "msk:gout-joint-effusion-seed",
        "a node without a name",
        "Give it a name",
    ),
    "what is out of use": (
        SOUND + "msk:gout owl:deprecated true ; dcterms:isReplacedBy msk:dracunculiasis .",
        "msk:gout-joint-effusion-seed",
        "It uses msk:gout, which is out of use.",
        "Use msk:dracunculiasis instead.",
    ),
    "out of use without a successor": (
        GOUT + "msk:gout owl:deprecated true .",
        "gout",
        "nothing that is in use takes its place",
        "Name one dcterms:isReplacedBy",
    ),
    "out of use with two successors": (
        GOUT + "msk:gout owl:deprecated true ; dcterms:isReplacedBy msk:dracunculiasis, msk:cysticercosis .",
        "gout",
        "nothing that is in use takes its place",
        "Name one dcterms:isReplacedBy",
    ),
    "successor of another class": (
        GOUT + "msk:gout owl:deprecated true ; dcterms:isReplacedBy msk:phlebolith .",
        "gout",
        "nothing that is in use takes its place",
        "of the same class",
    ),
    "successor that is out of use": (
        GOUT
        + GOUT.replace("gout", "podagra")
        + "msk:gout owl:deprecated true ; dcterms:isReplacedBy msk:podagra ."
        + "msk:podagra owl:deprecated true ; dcterms:isReplacedBy msk:dracunculiasis .",
        "gout",
        "nothing that is in use takes its place",
        "that is in use",
    ),
    "successor of what is in use": (
        GOUT + "msk:gout dcterms:isReplacedBy msk:dracunculiasis .",
        "gout",
        "Its place is taken, but it is in use.",
        "Write owl:deprecated true as well",
    ),
    "out of use by another word": (
        GOUT + 'msk:gout owl:deprecated "yes" ; dcterms:isReplacedBy msk:dracunculiasis .',
        "gout",
        "It is not said by true",
        "Write owl:deprecated true",
    ),
    "defined twice": (
        SOUND.replace("msk:gout", "msk:phlebolith-x") + "msk:venous-valve a msk:Site .",
        "venous valve",
        "msk:venous-valve is defined in anatomy.ttl already.",
        "Keep it in one file",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_reported_with_file_node_and_remedy(tmp_path: Path, fault: str) -> None:
    body, node, message, remedy = FAULTS[fault]
    problems = problems_of(tmp_path, body)
    fitting = [
        problem
        for problem in problems
        if problem.node.startswith(node) and message in problem.message and remedy in problem.remedy
    ]
    assert fitting, "\n".join(map(str, problems)) or "no problem was reported"
    for problem in problems:
        assert problem.file.endswith("new.ttl")
        assert problem.remedy
        assert "\n" not in str(problem)
        assert "sh:" not in str(problem), "no words of the shapes language"


def test_the_line_of_a_syntax_error_is_named(tmp_path: Path) -> None:
    file = tmp_path / "new.ttl"
    file.write_text("@prefix msk: <https://w3id.org/mskgraph/> .\n\nmsk:gout a msk:Diagnosis ;;\n    oops .\n", "utf-8")
    (problem,) = ontology.check([file])
    assert problem.node == "line 4"


def test_a_file_that_is_not_text_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "new.ttl"
    file.write_bytes(b"\xff\xfe\x00")
    (problem,) = ontology.check([file])
    assert "UTF-8" in problem.remedy


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ontology.find(), tmp_path / "ontology"))


def test_a_folder_with_a_schema_is_checked_by_itself(own: Path) -> None:
    assert ontology.check([own]) == []
    (own / "sources.ttl").unlink()
    problems = ontology.check([own])
    assert any(problem.file.endswith("cysticercosis.ttl") and "source" in problem.message for problem in problems)


def test_an_edited_copy_takes_the_place_of_the_file(own: Path) -> None:
    edited = own / "diagnoses" / "cysticercosis.ttl"
    assert ontology.check([edited]) == []
    edited.write_text(edited.read_text("utf-8").replace("msk:rice-grain", "msk:rice-grian"), "utf-8")
    problems = ontology.check([edited])
    assert {problem.file for problem in problems} == {str(edited)}
    assert any("Did you mean msk:rice-grain?" in problem.remedy for problem in problems)


def test_a_shipped_file_can_be_checked_alone() -> None:
    assert ontology.check([ontology.find() / "findings.ttl"]) == []


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OntologyNotFound, match=r"nowhere\.ttl"):
        ontology.check([tmp_path / "nowhere.ttl"])


def test_the_variable_names_another_ontology(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(own))
    assert ontology.find() == own
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(own / "diagnoses"))
    with pytest.raises(OntologyNotFound, match="diagnoses"):
        ontology.find()


def test_the_hash_follows_names_and_content_and_not_the_place(own: Path) -> None:
    before = ontology.content_hash(ontology.files(own))
    assert before == ontology.content_hash(ontology.files(ontology.find()))
    (own / "contexts.ttl").rename(own / "context.ttl")
    renamed = ontology.content_hash(ontology.files(own))
    (own / "context.ttl").write_text("", "utf-8")
    assert len({before, renamed, ontology.content_hash(ontology.files(own))}) == 3


def test_a_release_is_one_file_with_its_version(tmp_path: Path) -> None:
    first = ontology.release("2026-01-31", tmp_path / "a.ttl").read_bytes()
    second = ontology.release("2026-01-31", tmp_path / "b.ttl").read_bytes()
    assert first == second
    graph = Graph().parse(data=first, format="turtle")
    header = URIRef("https://w3id.org/mskgraph/")
    assert str(graph.value(header, OWL.versionIRI)) == "https://w3id.org/mskgraph/2026-01-31/"
    assert str(graph.value(header, OWL.versionInfo)) == "2026-01-31"
    assert (MSK.cysticercosis, RDF.type, MSK.Diagnosis) in graph


@pytest.mark.parametrize("wrong", ["", "2026", "31.1.2026", "2026-02-30", "20260131", "2026-W05-6"])
def test_a_version_is_a_date(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ValueError, match="2026-01-31"):
        ontology.release(wrong, tmp_path / "a.ttl")
    assert not list(tmp_path.iterdir())


def test_an_ontology_with_a_fault_is_not_released(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own / "new.ttl").write_text(PREFIXES + CASE.replace("msk:present false", "msk:present 1"), "utf-8")
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(own))
    with pytest.raises(OntologyInvalid, match="msk:present"):
        ontology.release("2026-01-31", tmp_path / "a.ttl")


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_documents_hold_the_same_triples() -> None:
    graph = ontology.read(path for path in ontology.files(ontology.find()) if path.parent.name == "cases")
    for form, name in (("ttl", "turtle"), ("nq", "nquads"), ("jsonld", "json-ld")):
        text = ontology.serialize(graph, form)  # type: ignore[arg-type]
        again = Graph().parse(data=text, format="nt" if form == "nq" else name)
        assert set(again) == set(graph), form
    assert "rice-grain" in str(ontology.read(ontology.files(ontology.find())).value(MSK["rice-grain"], SKOS.prefLabel))
