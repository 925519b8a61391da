"""The library as other programs use it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import networkx
import pandas
import pytest
import rdflib

import mskgraph
from mskgraph import KnowledgeGraph, ontology
from mskgraph.differential import differential
from mskgraph.errors import OntologyInvalid, OntologyNotFound, QueryError, StoreError, UnknownTerm
from mskgraph.terms import iri, read_mappings
from tests.conftest import canonical_triples

pytestmark = pytest.mark.usefixtures("seed")


@pytest.fixture(scope="module")
def kg() -> KnowledgeGraph:
    return KnowledgeGraph.open()


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the ontology, which is the one to be opened."""
    folder = tmp_path / "ontology"
    shutil.copytree(ontology.find(), folder)
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(folder))
    return folder


def test_the_public_names() -> None:
    assert mskgraph.__all__ == ["KnowledgeGraph", "__version__"]
    public = {name for name in vars(KnowledgeGraph) if not name.startswith("_")}
    methods = {"open", "knowledge", "find", "differential", "paths", "query", "to_networkx", "to_rdflib", "export"}
    assert methods <= public
    assert public - methods <= {
        "files",
        "lexicon",
        "content_hash",
        "url",
        "store",
        "worker",
        "labels",
        "revision",
        "accepted",
        "changed_by",
        "labels_after",
    }
    assert mskgraph.__version__.count(".") == 2


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, mskgraph; print([m for m in "
        "('streamlit', 'pyvis', 'pyshacl', 'pandas', 'scipy', 'networkx', 'rapidfuzz') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


# Opening


def test_unchanged_files_are_opened_once(kg: KnowledgeGraph) -> None:
    assert KnowledgeGraph.open() is kg
    assert KnowledgeGraph.open().knowledge is kg.knowledge


def test_a_changed_file_is_read_again(copy: Path) -> None:
    before = KnowledgeGraph.open()
    assert KnowledgeGraph.open() is before
    file = copy / "diagnoses" / "cysticercosis.ttl"
    original = file.read_text("utf-8")
    file.write_text(original.replace('"cysticercosis"@en', '"measles of pork"@en'), encoding="utf-8")
    after = KnowledgeGraph.open()
    assert after is not before
    assert after.content_hash != before.content_hash
    assert after.find("measles of pork") == [iri("cysticercosis")]
    assert before.knowledge.label(iri("cysticercosis")) == "cysticercosis"
    file.write_text(original, encoding="utf-8")
    assert KnowledgeGraph.open() is before


def test_a_new_file_is_read(copy: Path) -> None:
    (copy / "diagnoses" / "gout.ttl").write_text(
        "@prefix msk: <https://w3id.org/mskgraph/> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n"
        'msk:gout a msk:Diagnosis ; skos:prefLabel "gout"@en .',
        encoding="utf-8",
    )
    assert KnowledgeGraph.open().find("GOUT") == [iri("gout")]


def test_a_broken_file_is_named_and_correcting_it_helps(copy: Path) -> None:
    file = copy / "findings.ttl"
    original = file.read_text("utf-8")
    file.write_text(original + "msk:x msk:y", encoding="utf-8")
    with pytest.raises(OntologyInvalid, match=r"findings\.ttl"):
        KnowledgeGraph.open()
    file.write_text(original, encoding="utf-8")
    assert KnowledgeGraph.open().find("phlebolith") == [iri("phlebolith")]


def test_no_ontology_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(tmp_path))
    with pytest.raises(OntologyNotFound, match="MSKGRAPH_ONTOLOGY"):
        KnowledgeGraph.open()


def test_the_store_comes_from_the_argument_then_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSKGRAPH_STORE", "http://localhost:1/sparql")
    with pytest.raises(StoreError):
        KnowledgeGraph.open()
    assert KnowledgeGraph.open(store="").find("phlebolith")


# Asking


def test_terms_are_found_by_any_name(kg: KnowledgeGraph) -> None:
    texts = ["Cysticercosis", "muscular cysticercosis", "msk:cysticercosis", iri("cysticercosis")]
    assert kg.find(*texts) == [iri("cysticercosis")] * 4
    assert kg.find() == []
    with pytest.raises(UnknownTerm):
        kg.find("phlebolith", "no such thing")


def test_the_differential_takes_names(kg: KnowledgeGraph) -> None:
    found = kg.differential(["calcification", "RICE-GRAIN"], absent=["phlebolith"])
    given = ([iri("soft-tissue-calcification"), iri("rice-grain")], [iri("phlebolith")])
    assert found == differential(kg.knowledge, *given)
    assert kg.differential(["phlebolith"], regime="equal").coherence == ()
    with pytest.raises(UnknownTerm):
        kg.differential(["phlebolith"], absent=["no such thing"])


def test_the_paths_take_names(kg: KnowledgeGraph) -> None:
    found = kg.paths("soft tissue calcification", "cysticercosis", max_length=2, limit=3)
    assert len(found) == 3
    assert found == kg.knowledge.paths(iri("soft-tissue-calcification"), iri("cysticercosis"), 2, 3)
    relations = [iri("mayLookLike"), iri("typicalMorphology")]
    words = [kg.knowledge.words(path) for path in kg.paths("calcification", "cysticercosis", 2, 10, relations)]
    assert "soft tissue calcification may look like rice-grain, which is typical of cysticercosis." in words


def test_rows_are_a_data_frame_of_text(kg: KnowledgeGraph) -> None:
    frame = kg.query("SELECT ?row ?rank WHERE { ?row a msk:TableRow ; msk:rank ?rank } ORDER BY ?rank ?row")
    assert list(frame.columns) == ["row", "rank"]
    assert list(frame["rank"]) == ["1", "2", "2", "4", "5", "6"]
    assert {str(kind) for kind in frame.dtypes} == {"str"}


def test_what_is_unbound_is_missing(kg: KnowledgeGraph) -> None:
    frame = kg.query("SELECT ?b ?a { { BIND('1' AS ?a) } UNION { BIND('2' AS ?a) BIND('x' AS ?b) } } ORDER BY ?a")
    assert frame["a"].tolist() == ["1", "2"]
    assert pandas.isna(frame["b"]).tolist() == [True, False]


def test_columns_come_as_asked_for(kg: KnowledgeGraph) -> None:
    frame = kg.query("SELECT ?b ?a { { BIND('1' AS ?a) } UNION { BIND('2' AS ?a) BIND('x' AS ?b) } } ORDER BY ?a")
    assert list(frame.columns) == ["b", "a"]


def test_no_row_still_has_its_columns(kg: KnowledgeGraph) -> None:
    frame = kg.query("SELECT ?a ?b WHERE { ?a msk:no-such-relation ?b }")
    assert (len(frame), list(frame.columns)) == (0, ["a", "b"])


def test_a_query_that_cannot_be_run_is_told(kg: KnowledgeGraph) -> None:
    with pytest.raises(QueryError) as caught:
        kg.query("SELECT * {")
    assert caught.value.line == 1
    with pytest.raises(QueryError, match="SELECT"):
        kg.query("ASK {}")


# Giving away


def test_the_networkx_graph(kg: KnowledgeGraph) -> None:
    graph = kg.to_networkx()
    assert isinstance(graph, networkx.MultiDiGraph)
    relations = {data["relation"] for data in graph[iri("cysticercosis")][iri("rice-grain")].values()}
    assert relations == {iri("typicalMorphology")}


def test_the_rdflib_graph_is_that_of_the_files(kg: KnowledgeGraph) -> None:
    graph = kg.to_rdflib()
    assert isinstance(graph, rdflib.Graph)
    files = rdflib.Graph()
    for path in sorted(ontology.find().rglob("*.ttl")):
        files.parse(path, format="turtle", publicID=iri(""))
    for mapping in read_mappings((ontology.find() / "mappings.sssom.tsv").read_text("utf-8")):
        subject, predicate, term = map(rdflib.URIRef, mapping.triple)
        files.add((subject, predicate, term))
        if mapping.label:
            files.add((term, rdflib.RDFS.label, rdflib.Literal(mapping.label, lang="en")))
    assert canonical_triples(graph) == canonical_triples(files)
    assert (None, rdflib.URIRef(iri("mayCause")), None) not in graph


def test_literals_are_given_away_as_written(copy: Path) -> None:
    (copy / "extra.ttl").write_text(
        "@prefix msk: <https://w3id.org/mskgraph/> . msk:x-estimate a msk:Estimate ; msk:lower 0.50 .", encoding="utf-8"
    )
    kg = KnowledgeGraph.open()
    assert "msk:lower 0.50" in kg.export("ttl")
    assert '"0.50"^^' in kg.export("nq")


# rdflib 7.6 itself uses what it deprecates when it reads JSON-LD.
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
@pytest.mark.parametrize("form", ["ttl", "nq", "jsonld"])
def test_an_export_holds_the_same_triples(kg: KnowledgeGraph, form: str) -> None:
    text = kg.export(form)  # type: ignore[arg-type]
    found = rdflib.Graph()
    if form == "nq":
        for subject, predicate, obj, name in rdflib.Dataset().parse(data=text, format="nquads").quads():
            assert name in (None, rdflib.graph.DATASET_DEFAULT_GRAPH_ID)
            found.add((subject, predicate, obj))
    else:
        found.parse(data=text, format={"ttl": "turtle", "jsonld": "json-ld"}[form])
    assert canonical_triples(found) == canonical_triples(kg.to_rdflib())
    if form == "jsonld":
        assert json.loads(text)["@context"]["msk"] == iri("")
