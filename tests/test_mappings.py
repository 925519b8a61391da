"""The mappings to other vocabularies: valid SSSOM, in the graph, and refused where they are wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mskgraph import KnowledgeGraph, ontology
from mskgraph.terms import Mapping, curie, read_mappings, written_mappings

FILE = ontology.find() / "mappings.sssom.tsv"
# A process of its own: sssom-py warns while it is imported.
VALIDATE = """
import sys
from pathlib import Path

from sssom.constants import SchemaValidationType as Type
from sssom.parsers import parse_sssom_table
from sssom.validators import validate

for path in sys.argv[1:]:
    try:
        mappings = parse_sssom_table(Path(path))
        validate(mappings, [Type.JsonSchema, Type.PrefixMapCompleteness, Type.StrictCurieFormat], fail_on_error=True)
        print(len(mappings.df))
    except Exception as error:
        print(type(error).__name__)
"""
GOUT = Mapping("msk:gout", "skos:exactMatch", "MONDO:0005393", "gout", "gout")


def test_sssom_py_finds_every_mapping_valid_and_would_find_a_fault(tmp_path: Path) -> None:
    good = written_mappings([GOUT])
    texts = {
        "good": good,
        "prefix not declared": good.replace("#  MONDO: http://purl.obolibrary.org/obo/MONDO_\n", ""),
        "no CURIE": good.replace("MONDO:0005393", "MONDO 0005393"),
    }
    assert len(set(texts.values())) == 3
    files = [tmp_path / f"{name}.sssom.tsv" for name in texts]
    for file, text in zip(files, texts.values(), strict=True):
        file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-c", VALIDATE, str(FILE), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    whole, one, *faults = done.stdout.splitlines()
    assert whole == str(len(read_mappings(FILE.read_text("utf-8")))), done.stderr
    assert one == "1"
    assert len(faults) == 2
    assert "1" not in faults


def test_mappings_are_in_the_graph_with_the_words_of_the_other_vocabulary() -> None:
    kg = KnowledgeGraph.open()
    rows = {
        (curie(row.concept), curie(row.predicate), curie(row.term))
        for row in kg.query(
            "SELECT ?concept ?predicate ?term { VALUES ?predicate { skos:exactMatch skos:closeMatch skos:broadMatch "
            "skos:narrowMatch } ?concept ?predicate ?term }"
        ).itertuples()
    }
    mappings = read_mappings(FILE.read_text("utf-8"))
    assert rows == {(m.subject, m.predicate, m.object) for m in mappings}
    gout = kg.knowledge.concepts[kg.find("gout")[0]]
    assert ("MONDO:0005393", "gout") in {(curie(mapping.iri), mapping.label) for mapping in gout.mappings}


def test_snomed_ct_gives_identifiers_and_no_words() -> None:
    mappings = [m for m in read_mappings(FILE.read_text("utf-8")) if m.object.startswith("SCTID:")]
    assert mappings
    assert [m for m in mappings if m.label] == []


def test_every_subject_is_a_concept_of_the_ontology_under_its_label() -> None:
    knowledge = KnowledgeGraph.open().knowledge
    wrong = [
        m
        for m in read_mappings(FILE.read_text("utf-8"))
        if m.triple[0] not in knowledge.concepts or knowledge.label(m.triple[0]) != m.subject_label
    ]
    assert wrong == []


def test_one_term_is_the_same_as_one_concept_only() -> None:
    """Two concepts that were both the same as a third would be the same as each other."""
    exact = [m for m in read_mappings(FILE.read_text("utf-8")) if m.predicate == "skos:exactMatch"]
    concepts: dict[str, set[str]] = {}
    for m in exact:
        concepts.setdefault(m.object, set()).add(m.subject)
    assert {term: found for term, found in concepts.items() if len(found) > 1} == {}


LINE = "msk:gout\tgout\tskos:exactMatch\tMONDO:0005393\tgout\tsemapv:ManualMappingCuration\t"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (LINE.replace("skos:exactMatch", "owl:sameAs"), "predicate"),
        (LINE.replace("MONDO:", "MUNDO:"), "object"),
        (LINE.replace("msk:gout\t", "gout\t"), "subject"),
        (LINE.replace("semapv:", "semapf:"), "ManualMappingCuration"),
        (LINE + "\tmore", "cells"),
    ],
)
def test_a_wrong_line_is_refused_by_number(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=rf"^line \d+: .*{said}"):
        read_mappings(written_mappings([GOUT]) + line + "\n")


def test_a_mapping_in_turtle_and_a_broken_file_of_mappings_are_problems(
    tmp_path: Path, seed_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSKGRAPH_ONTOLOGY", str(seed_folder))
    turtle = tmp_path / "new.ttl"
    turtle.write_text(
        "@prefix msk: <https://w3id.org/mskgraph/> .\n@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n"
        "msk:gout skos:exactMatch <http://purl.obolibrary.org/obo/MONDO_0005393> .\n",
        encoding="utf-8",
    )
    (problem,) = [p for p in ontology.check([turtle]) if "skos:exactMatch" in p.message]
    assert "mappings.sssom.tsv" in problem.remedy
    broken = tmp_path / "broken.sssom.tsv"
    broken.write_text(written_mappings([GOUT]).replace("skos:exactMatch", "skos:sameMatch"), encoding="utf-8")
    (problem,) = ontology.check([broken])
    assert problem.node.startswith("line ")
    assert "skos:sameMatch" in problem.message
