"""Back to files, comparing by meaning, and the commands for changes."""

from __future__ import annotations

import getpass
import json
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from rdflib import RDF, Graph, Literal, URIRef

from mskgraph import KnowledgeGraph, curation, ontology
from mskgraph.curation import Journal, difference, rewritten, write_back
from mskgraph.errors import MskGraphError, OntologyInvalid, PatchInvalid
from mskgraph.ontology import MSK, literals_as_typed
from mskgraph.store import Patch
from mskgraph.terms import iri
from tests.small_ontology import added, claim, diagnosis, small_ontology, statements, taken_back, turtle
from tests.test_cli import document, refused, run

ESTIMATE = """msk:{name} a msk:Estimate ; msk:form msk:form-percent-range ;
    msk:lower 0.10 ; msk:stated "10 to 50 %" ; msk:upper 0.500 .
"""
PSEUDOGOUT = (
    diagnosis("pseudogout", "pseudogout")
    + claim("pseudogout-effusion", msk__diagnosis="msk:pseudogout", msk__estimate="msk:pseudogout-effusion-estimate")
    + ESTIMATE.format(name="pseudogout-effusion-estimate")
)
SOURCE = """msk:source-paper a msk:Source ; dcterms:bibliographicCitation "A paper. 2021." ;
    dcterms:title "A paper"@en ; msk:sourceKind "review" .
"""
CASE = """msk:case-new a msk:Case ; dcterms:description "A swollen joint."@en ; dcterms:source msk:source-atlas ;
    dcterms:title "A joint"@en ; msk:observation msk:case-new-observation .
msk:case-new-observation a msk:Observation ; msk:finding msk:effusion ; msk:present true ; msk:site msk:elbow .
"""


def concept(kind: str, name: str) -> str:
    return f"""msk:{name} a msk:{kind} ; dcterms:source msk:source-atlas ;
        skos:definition "A {name}."@en ; skos:prefLabel "{name}"@en .\n"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small ontology that may be written, in use."""
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(tmp_path / "ontology"))
    return small_ontology(tmp_path / "ontology")


@pytest.fixture
def seeded(tmp_path: Path, seed_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The seed's ontology, to be written."""
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(tmp_path / "seeded"))
    return Path(shutil.copytree(seed_folder, tmp_path / "seeded"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MSKGRAPH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def written(folder: Path) -> list[str]:
    """Write the accepted changes back, and return which files that concerned."""
    patch = KnowledgeGraph.open().accepted.patch
    return [path.relative_to(folder).as_posix() for path in write_back(folder, patch)]


def is_sound(folder: Path) -> None:
    """The files are as they should be: canonical, and without a fault."""
    for path in ontology.files(folder):
        assert ontology.canonical_text(path) == path.read_text("utf-8"), path
    assert ontology.check([folder]) == []
    assert not list(folder.rglob("*.part"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# back to files


def test_everything_goes_to_its_place(folder: Path) -> None:
    """Where a reader of the ontology would look for it; a new diagnosis has a file of its own, with its claims."""
    start = contents(folder)
    added(PSEUDOGOUT)
    added(SOURCE)
    added('msk:gout skos:altLabel "podagra"@en .')
    added(
        claim("gout-elbow", msk__atSite="msk:elbow", msk__estimate="msk:gout-elbow-estimate")
        + ESTIMATE.format(name="gout-elbow-estimate")
    )
    for kind, name in (("Site", "knee"), ("Finding", "tear"), ("Morphology", "crescent"), ("Context", "pain")):
        added(concept(kind, name))
    # What is shared stays in the shared files, whoever uses it; a finding that nothing explains would be a dead end.
    added(claim("gout-tear", msk__feature="msk:tear", msk__atSite="msk:knee", dcterms__source="msk:source-paper"))
    added(CASE)
    places = {
        "diagnoses/pseudogout.ttl": ["pseudogout", "pseudogout-effusion", "pseudogout-effusion-estimate"],
        "diagnoses/gout.ttl": ["gout", "gout-tear", "gout-elbow", "gout-elbow-estimate", "gout-effusion-atlas"],
        "sources.ttl": ["source-paper", "source-atlas"],
        "anatomy.ttl": ["elbow", "knee"],
        "findings.ttl": ["effusion", "tear", "crescent"],
        "contexts.ttl": ["pain"],
        "cases/curated.ttl": ["case-new", "case-new-observation"],
    }
    assert written(folder) == sorted(places)
    for name, nodes in places.items():
        defined = set(ontology.read([folder / name]).subjects(RDF.type))
        assert {URIRef(iri(node)) for node in nodes} <= defined, name
    assert contents(folder).keys() == start.keys() | places.keys()
    assert run("check", str(folder)).returncode == 0
    for name in ("schema.ttl", "shapes.ttl"):
        assert contents(folder)[name] == start[name]
    is_sound(folder)


def test_only_the_files_that_change_are_written(folder: Path) -> None:
    start = contents(folder)
    added('msk:gout skos:altLabel "podagra"@en .')
    assert written(folder) == ["diagnoses/gout.ttl"]
    end = contents(folder)
    assert {name for name in end if end[name] != start.get(name)} == {"diagnoses/gout.ttl"}
    before, after = (content["diagnoses/gout.ttl"].decode().splitlines() for content in (start, end))
    assert set(after) - set(before) == {'    skos:altLabel "podagra"@en ;'}
    assert set(before) <= set(after)


def test_literals_are_written_as_they_were_given(folder: Path) -> None:
    added(PSEUDOGOUT)
    added('msk:gout skos:note "two\\nlines, \\"quoted\\" \\\\ é"@en .')
    written(folder)
    assert "msk:lower 0.10 ;" in (folder / "diagnoses" / "pseudogout.ttl").read_text()
    assert "msk:upper 0.500 ." in (folder / "diagnoses" / "pseudogout.ttl").read_text()
    assert "msk:lower 0.50 ;" in (folder / "diagnoses" / "gout.ttl").read_text()
    assert Literal('two\nlines, "quoted" \\ é', lang="en") in set(
        ontology.read([folder / "diagnoses/gout.ttl"]).objects()
    )


def test_what_was_written_back_is_the_same_knowledge_with_the_journal_and_without(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(PSEUDOGOUT)
    added('msk:gout skos:altLabel "podagra"@en .')
    accepted(Patch(frozenset(), frozenset(said_of("gout-effusion-atlas", "gout-effusion-atlas-estimate"))))
    before = statements()
    assert written(folder)
    assert statements() == before
    assert written(folder) == []
    monkeypatch.setenv("MSKGRAPH_HOME", str(tmp_path / "another home"))
    assert statements() == before
    is_sound(folder)


def said_of(*names: str) -> set[str]:
    return {line for line in statements() if line.startswith(tuple(f"<{iri(name)}> " for name in names))}


def accepted(patch: Patch) -> curation.Change:
    return curation.accept(Journal(), KnowledgeGraph.open, patch, "Ada")


def test_a_change_can_be_taken_back_after_it_was_written_back(folder: Path) -> None:
    """Additions and removals alike; writing back again then undoes it in the files."""
    start, files = statements(), contents(folder)
    changes = [
        added('msk:gout skos:altLabel "podagra"@en .'),
        accepted(Patch(frozenset(), frozenset(said_of("gout-effusion-atlas", "gout-effusion-atlas-estimate")))),
    ]
    written(folder)
    for change in reversed(changes):
        taken_back(change)
    assert statements() == start
    assert written(folder) == ["diagnoses/gout.ttl"]
    assert contents(folder) == files
    assert statements() == start


def test_changes_go_on_after_writing_back(folder: Path) -> None:
    added('msk:gout skos:altLabel "podagra"@en .')
    written(folder)
    second = added('msk:gout skos:altLabel "king of diseases"@en .')
    assert written(folder) == ["diagnoses/gout.ttl"]
    taken_back(second)
    assert any('"podagra"' in line for line in statements())
    assert not any('"king of diseases"' in line for line in statements())


def test_a_file_that_has_nothing_left_to_say_is_gone(folder: Path) -> None:
    start = contents(folder)
    change = added(PSEUDOGOUT)
    written(folder)
    taken_back(change)
    written(folder)
    assert contents(folder) == start
    is_sound(folder)


def test_a_new_observation_goes_where_its_case_is(seeded: Path) -> None:
    added(
        """msk:case-ramsey-2017-1 msk:observation msk:case-ramsey-2017-1-observation-9 .
        msk:case-ramsey-2017-1-observation-9 a msk:Observation ; msk:finding msk:soft-tissue-calcification ;
        msk:present true ; msk:site msk:triceps-tendon ."""
    )
    assert written(seeded) == ["cases/ramsey-2017.ttl"]
    is_sound(seeded)


def test_a_new_row_goes_where_its_table_is(seeded: Path) -> None:
    added(
        """msk:table-soft-tissue-calcification-row-7 a msk:TableRow ; dcterms:source msk:source-seed ;
        msk:confidence msk:confidence-medium ; msk:diagnosis msk:venous-thrombosis ; msk:rank 7 ;
        msk:estimate msk:table-soft-tissue-calcification-row-7-estimate ;
        msk:table msk:table-soft-tissue-calcification ; msk:verification msk:verification-checked .
        msk:table-soft-tissue-calcification-row-7-estimate a msk:Estimate ; msk:form msk:form-percent-range ;
        msk:lower 0.0 ; msk:stated "up to 1 %" ; msk:upper 0.01 ."""
    )
    assert written(seeded) == ["tables/soft-tissue-calcification.ttl"]
    is_sound(seeded)


def test_a_new_table_has_a_file_of_its_own(seeded: Path) -> None:
    graph = ontology.read([seeded / "tables" / "soft-tissue-calcification.ttl"])
    with literals_as_typed():
        text = ontology.canonical(graph).replace("table-soft-tissue-calcification", "table-other")
    text = text.replace("in general practice", "in a hospital")
    accepted(curation.additions(KnowledgeGraph.open(), curation.graph_in(text.encode())))
    assert written(seeded) == ["tables/other.ttl"]
    assert (seeded / "tables" / "other.ttl").read_text() == text
    is_sound(seeded)


def test_new_nodes_that_point_at_each_other_have_a_place(folder: Path) -> None:
    lines = {
        f"<{iri(one)}> <{iri(name)}> <{iri(other)}> ."
        for one, name, other in (
            ("rule-a", "rdf:type", "msk:Discriminator"),
            ("rule-b", "rdf:type", "msk:Discriminator"),
            ("rule-a", "msk:conflictsWith", "rule-b"),
            ("rule-b", "msk:conflictsWith", "rule-a"),
        )
    }
    texts = rewritten(folder, Patch(frozenset(lines)))
    assert len(texts) == 1
    (name,) = texts
    assert name.startswith("rules/")


def test_mappings_are_left_to_their_own_file(folder: Path) -> None:
    start = contents(folder)
    mapping = f"<{iri('gout')}> <{iri('skos:exactMatch')}> <http://purl.obolibrary.org/obo/MONDO_0005393> ."
    other = f'<{iri("gout")}> <{iri("skos:altLabel")}> "podagra"@en .'
    with pytest.raises(PatchInvalid, match=r"mappings\.sssom\.tsv"):
        write_back(folder, Patch(frozenset({mapping, other})))
    assert contents(folder) == start


def test_nothing_accepted_is_nothing_to_write(folder: Path) -> None:
    start = contents(folder)
    assert written(folder) == []
    assert contents(folder) == start


def test_a_folder_that_is_no_ontology_is_told(folder: Path, tmp_path: Path) -> None:
    added(PSEUDOGOUT)
    patch = KnowledgeGraph.open().accepted.patch
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "empty", tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(MskGraphError, match=place.name):
            write_back(place, patch)
    assert not list((tmp_path / "empty").iterdir())
    assert not (tmp_path / "nowhere").exists()


# compared by meaning


def test_an_ontology_says_the_same_however_it_is_written(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    files = [path for path in ontology.files(folder) if path.name not in ("schema.ttl", "shapes.ttl")]
    for name in ("schema.ttl", "shapes.ttl"):  # with nodes that have no names
        shuffled = Graph()
        lines = ontology.read([folder / name]).serialize(format="nt").splitlines()
        random.Random(1).shuffle(lines)
        shuffled.parse(data="\n".join(lines).replace("_:N", "_:other").replace("_:n", "_:other"), format="nt")
        (other / name).write_text(shuffled.serialize(format="longturtle"))
    (other / "all.ttl").write_text(ontology.read(files).serialize(format="longturtle"))
    assert difference([folder], [other]) == Patch()
    assert difference(sorted(folder.rglob("*.ttl")), [other]) == Patch()


def test_the_difference_leads_from_one_to_the_other(folder: Path, tmp_path: Path) -> None:
    before = Path(shutil.copytree(folder, tmp_path / "before"))
    start = statements()
    added(PSEUDOGOUT)
    accepted(Patch(frozenset(), frozenset(said_of("gout-effusion-atlas", "gout-effusion-atlas-estimate"))))
    end = statements()
    written(folder)
    patch = difference([before], [folder])
    assert patch == Patch(frozenset(end - start), frozenset(start - end))
    assert difference([folder], [before]) == patch.inverse()
    assert any('"0.10"' in line for line in patch.added)


def test_a_difference_in_nodes_without_names_is_one(folder: Path, tmp_path: Path) -> None:
    before = Path(shutil.copytree(folder, tmp_path / "before"))
    schema = folder / "schema.ttl"
    text = schema.read_text()
    place = text.index("owl:AllDisjointClasses")
    assert "msk:Case " in text[place:]
    schema.write_text(text[:place] + text[place:].replace("msk:Case ", "", 1))
    assert difference([before], [folder])
    assert run("diff", str(before), str(folder)).returncode == 1


def test_what_cannot_be_compared_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OntologyInvalid, match="nowhere"):
        difference([folder], [tmp_path / "nowhere"])
    (folder / "findings.ttl").write_text("this is no Turtle")
    with pytest.raises(OntologyInvalid, match=r"findings\.ttl"):
        difference([folder], [folder])


# the command line


@pytest.fixture
def settings(folder: Path, home: Path) -> dict[str, str]:
    return {"MSKGRAPH_HOME": str(home)}


@pytest.fixture
def synonym(tmp_path: Path) -> str:
    (tmp_path / "synonym.ttl").write_bytes(turtle('msk:gout skos:altLabel "podagra"@en .'))
    return str(tmp_path / "synonym.ttl")


@pytest.fixture
def unsourced(tmp_path: Path) -> str:
    (tmp_path / "unsourced.ttl").write_bytes(turtle(claim("c", dcterms__source="")))
    return str(tmp_path / "unsourced.ttl")


def test_add_says_what_was_added(synonym: str, settings: dict[str, str]) -> None:
    done = run("add", synonym, "--author", "Ada", "--message", "an old name", **settings)
    assert done.returncode == 0, done.stderr
    (change,) = Journal().changes()
    assert (change.author, change.message) == ("Ada", "an old name")
    assert done.stdout == "Added: gout: synonyms: podagra\n"
    assert f"change 1 ({change.hash[:12]})" in done.stderr
    assert run("ddx", "--text", "effusion", "--json", **settings).returncode == 0


def test_add_reads_standard_input(settings: dict[str, str]) -> None:
    done = run("add", "-", "--author", "Ada", stdin=turtle('msk:gout skos:altLabel "podagra"@en .'), **settings)
    assert done.returncode == 0, done.stderr
    assert len(Journal().changes()) == 1


def test_add_takes_the_login_for_the_author(synonym: str, settings: dict[str, str]) -> None:
    assert run("add", synonym, **settings).returncode == 0
    assert run("undo", **settings).returncode == 0
    assert [change.author for change in Journal().changes()] == [getpass.getuser()] * 2


def test_add_as_json(synonym: str, unsourced: str, settings: dict[str, str]) -> None:
    answer = document("add", synonym, "--json", **settings)
    assert list(answer) == ["change", "words", "problems", "warnings"]
    assert answer["change"] == Journal().head()
    assert answer["problems"] == []
    assert len(answer["words"]) == 1
    done = run("add", unsourced, "--json", **settings)
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["change"] is None
    assert answer["problems"]
    for problem in answer["problems"]:
        assert list(problem) == ["node", "message", "remedy"]
    assert len(Journal().changes()) == 1


def test_add_refuses_with_each_problem_on_its_own_line(unsourced: str, settings: dict[str, str]) -> None:
    done = run("add", unsourced, **settings)
    assert done.returncode == 1
    assert "source" in done.stderr
    assert Journal().changes() == []


def test_a_dry_run_changes_nothing(synonym: str, unsourced: str, home: Path, settings: dict[str, str]) -> None:
    done = run("add", synonym, "--dry-run", **settings)
    assert done.returncode == 0
    assert "podagra" in done.stdout
    assert "can be added" in done.stderr
    assert document("add", synonym, "--dry-run", "--json", **settings)["change"] is None
    assert run("add", unsourced, "--dry-run", **settings).returncode == 1
    assert not home.exists()


def test_adding_the_same_again_is_refused(synonym: str, settings: dict[str, str]) -> None:
    assert run("add", synonym, **settings).returncode == 0
    done = run("add", synonym, **settings)
    assert done.returncode == 1
    assert "already" in done.stderr
    assert len(Journal().changes()) == 1


@pytest.mark.parametrize("author", ["", " ", "x" * 2_000, "evil\u202e", "two\x1b[2Jlines"])
def test_an_author_who_cannot_be_named_is_told(author: str, synonym: str, settings: dict[str, str]) -> None:
    done = run("add", synonym, f"--author={author}", **settings)
    if author == "":
        assert done.returncode in (0, 2)  # as if it were not given, or not good enough
    else:
        assert done.returncode == 2
        assert "author" in done.stderr.lower()
        assert Journal().changes() == []
    assert "\x1b" not in done.stderr


def test_history_is_the_last_change_first(synonym: str, settings: dict[str, str]) -> None:
    assert document("history", "--json", **settings) == []
    assert "No change" in run("history", **settings).stderr
    run("add", synonym, "--author", "Ada", "--message", "an old name", **settings)
    run("undo", "--author", "Ben", **settings)
    second, first = document("history", "--json", **settings)
    assert list(first) == ["number", "change", "author", "accepted_by", "time", "message", "undoes", "words"]
    assert (first["number"], first["author"], first["message"], first["undoes"]) == (1, "Ada", "an old name", None)
    assert (second["number"], second["author"], second["undoes"]) == (2, "Ben", first["change"])
    assert first["words"][0].startswith("Added: gout: ")
    assert second["words"][0].startswith("Removed: gout: ")
    assert [change["change"] for change in (first, second)] == [change.hash for change in Journal().changes()]
    lines = run("history", **settings).stdout.splitlines()
    assert lines[0].startswith(f"2  {second['change'][:12]}  ")
    assert "Ben" in lines[0]
    assert lines[1:3] == ["    Takes change 1 back.", f"    {second['words'][0]}"]
    assert lines[3].startswith(f"1  {first['change'][:12]}  ")
    assert lines[4:] == ["    Taken back by change 2.", f"    {first['words'][0]}"]


def test_undo_says_what_it_did_and_what_it_cannot(synonym: str, settings: dict[str, str]) -> None:
    assert "no change" in refused("undo", **settings)
    run("add", synonym, **settings)
    (change,) = Journal().changes()
    assert "no change" in refused("undo", "ffffffffffff0", **settings)
    done = run("undo", change.hash[:12], **settings)
    assert done.returncode == 0
    assert done.stdout == "Removed: gout: synonyms: podagra\n"
    _, undone = Journal().changes()
    said = f"Change 1 ({change.hash[:12]}) is taken back by change 2 ({undone.hash[:12]}).\n"
    assert done.stderr == said
    assert "taken back already" in refused("undo", change.hash, **settings)
    assert len(Journal().changes()) == 2


def test_a_change_is_taken_back_by_its_number(home: Path, settings: dict[str, str]) -> None:
    for number in range(1, 4):
        added(f'msk:gout skos:altLabel "gout of kind {number}"@en .')
    first, second, _ = Journal().changes()
    assert run("undo", "2", **settings).returncode == 0
    assert Journal().changes()[-1].undoes == second.hash
    assert "taken back already" in refused("undo", "2", **settings)
    assert "no change '99'" in refused("undo", "99", **settings)
    # what is no number of a change is the beginning of a hash, whatever digits it has
    assert run("undo", first.hash[:12], **settings).returncode == 0
    assert Journal().changes()[-1].undoes == first.hash


def test_undo_that_would_leave_something_wrong_is_refused(settings: dict[str, str]) -> None:
    first = added(diagnosis("pseudogout", "pseudogout"))
    added(claim("pseudogout-effusion", msk__diagnosis="msk:pseudogout"))
    assert "pseudogout" in run("undo", first.hash, **settings).stderr
    assert run("undo", first.hash, **settings).returncode in (1, 2)
    assert len(Journal().changes()) == 2


@pytest.mark.parametrize(("form", "syntax"), [("ttl", "turtle"), ("nq", "nt")])
def test_export_is_the_knowledge_as_it_stands(form: str, syntax: str, synonym: str, settings: dict[str, str]) -> None:
    run("add", synonym, "--author", "Ada Lovelace", **settings)
    plain = run("export", "--format", form, **settings)
    assert plain.returncode == 0
    assert "Ada Lovelace" not in plain.stdout
    graph = Graph()
    with literals_as_typed():
        graph.parse(data=plain.stdout, format=syntax)
    named = {triple for triple in graph if isinstance(triple[0], URIRef) and not hasattr(triple[2], "_id")}
    wanted = curation.graph_of(statements())
    assert set(wanted) <= named
    with_history = run("export", "--format", form, "--with-history", **settings).stdout
    assert "Ada Lovelace" in with_history
    assert "wasGeneratedBy" in with_history


def test_export_as_json_ld_has_the_change(synonym: str, settings: dict[str, str]) -> None:
    run("add", synonym, **settings)
    answer = document("export", "--format", "jsonld", **settings)
    (gout,) = (node for node in answer["@graph"] if node["@id"] == "msk:gout")
    assert gout["skos:altLabel"] == {"@language": "en", "@value": "podagra"}
    change = curation.change_iri(Journal().head()).rsplit("/", 1)[1]
    assert f"msk:{change}" not in {node["@id"] for node in answer["@graph"]}
    with_history = document("export", "--format", "jsonld", "--with-history", **settings)
    assert f"msk:{change}" in {node["@id"] for node in with_history["@graph"]}


def test_history_is_exported_whatever_its_texts_hold(synonym: str, settings: dict[str, str]) -> None:
    run("add", synonym, "--author", 'Ada "A" \\ é', "--message", "two\nlines \\n\t'''", **settings)
    run("add", "-", stdin=turtle('msk:gout skos:note "a\\nb \\"c\\" \\\\n é"@en .'), **settings)
    done = run("export", "--format", "nq", "--with-history", **settings)
    graph = Graph().parse(data=done.stdout, format="nt")
    if len(Journal().changes()) == 2:
        assert Literal('Ada "A" \\ é') in set(graph.objects())
        assert Literal("two\nlines \\n\t'''") in set(graph.objects())
    assert Literal('a\nb "c" \\n é', lang="en") in set(graph.objects())


def test_export_to_a_file(synonym: str, tmp_path: Path, settings: dict[str, str]) -> None:
    run("add", synonym, **settings)
    done = run("export", "-o", str(tmp_path / "out.ttl"), **settings)
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "out.ttl").read_text("utf-8") == run("export", **settings).stdout
    assert "out.ttl" in refused("export", "-o", str(tmp_path / "nowhere" / "out.ttl"), **settings)


def test_export_to_files_names_those_it_wrote(
    synonym: str, folder: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    run("add", synonym, **settings)
    other = Path(shutil.copytree(folder, tmp_path / "checkout"))
    done = run("export", "--to-files", str(other), **settings)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [str(other / "diagnoses" / "gout.ttl")]
    assert "1 file written" in done.stderr
    assert run("check", str(other)).returncode == 0
    answer = run("diff", str(folder), str(other), "--json")
    assert answer.returncode == 1
    (line,) = json.loads(answer.stdout)["added"]
    assert '"podagra"@en' in line
    assert json.loads(answer.stdout)["removed"] == []
    assert "0 files" in run("export", "--to-files", str(other), **settings).stderr
    assert "check" not in done.stderr
    (tmp_path / "empty").mkdir()
    assert "empty" in refused("export", "--to-files", str(tmp_path / "empty"), **settings)


def test_what_was_accepted_with_a_warning_and_will_be_refused_in_the_files_is_told(
    folder: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    text = """msk:sign a msk:Finding ; dcterms:source msk:source-atlas ; skos:prefLabel "lone sign"@en ;
        skos:definition "A sign that nothing explains."@en ."""
    assert "Warning" in run("add", "-", stdin=turtle(text), **settings).stderr
    other = Path(shutil.copytree(folder, tmp_path / "checkout"))
    done = run("export", "--to-files", str(other), **settings)
    assert done.returncode == 0
    assert "mskgraph check will refuse lone sign: " in done.stderr
    checked = run("check", str(other))
    assert checked.returncode == 1
    assert "sign" in checked.stdout


def test_diff_tells_by_its_exit_code(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    same = run("diff", str(folder), str(other))
    assert (same.returncode, same.stdout) == (0, "")
    assert "the same" in same.stderr
    graph = ontology.read([other / "diagnoses" / "gout.ttl"])
    with literals_as_typed():
        graph.add((MSK.gout, URIRef(iri("skos:altLabel")), Literal("podagra\x1b[2J", lang="en")))
    (other / "diagnoses" / "gout.ttl").write_text(graph.serialize(format="turtle"))
    for before, after, sign in ((folder, other, "+"), (other, folder, "-")):
        done = run("diff", str(before), str(after))
        assert done.returncode == 1
        assert done.stdout.startswith(f"{sign} <{iri('gout')}> ")
        assert len(done.stdout.splitlines()) == 1
        assert "\x1b" not in done.stdout
    assert "nowhere" in refused("diff", str(folder), str(tmp_path / "nowhere"))
    assert run("diff", str(folder / "findings.ttl"), str(other / "findings.ttl")).returncode == 0


def test_a_damaged_journal_is_told_by_every_command_until_it_is_repaired(
    synonym: str, home: Path, settings: dict[str, str]
) -> None:
    for number in range(3):
        added(f'msk:gout skos:altLabel "name {number}"@en .')
    with closing(sqlite3.connect(Journal().path, isolation_level=None)) as database:
        database.execute("DROP TRIGGER no_update")
        database.execute("UPDATE change SET author = 'Mallory' WHERE number = 3")
    for command in (
        ["add", synonym],
        ["history"],
        ["history", "--json"],
        ["undo"],
        ["export"],
        ["ddx", "--finding", "effusion", "--json"],
    ):
        told = refused(*command, **settings)
        assert str(Journal().path) in told
        assert "2 changes are intact" in told
        assert "mskgraph history --repair" in told
    done = run("history", "--repair", **settings)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4
    assert "damaged" in done.stderr
    assert run("add", synonym, **settings).returncode == 0
    assert [change["number"] for change in document("history", "--json", **settings)] == [3, 2, 1]
    assert "nothing to repair" in refused("history", "--repair", **settings)


def test_a_home_that_cannot_be_written_is_told(synonym: str, tmp_path: Path, folder: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("add", synonym, MSKGRAPH_HOME=str(tmp_path / "file"))
    assert done.returncode == 2
    assert "MSKGRAPH_HOME" in done.stderr
    assert "Accepted" not in done.stderr
    assert document("history", "--json", MSKGRAPH_HOME=str(tmp_path / "file")) == []
