"""The command line: what it prints where, and with which exit code it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import rdflib
from rdflib import SKOS, Literal, URIRef

from mskgraph import KnowledgeGraph, __version__, ontology
from mskgraph.terms import iri
from tests.command_line import run
from tests.small_ontology import PREFIXES, claim, small_ontology

pytestmark = pytest.mark.usefixtures("seed")

HOSTILE = "<img src=x onerror=alert(1)> </script> [bold]x[/bold] \"quoted\" 'so' \\ & two\nlines"
# Out of a box of the table and past the fold of a line, only the parts without spaces can be looked for.
PARTS = ["<img", "src=x", "onerror=alert(1)>", "</script>", "[bold]x[/bold]", '"quoted"', "'so'", "\\", "&"]


def document(*arguments: str, **options: Any) -> Any:
    """What a command prints as JSON: one document on standard output, and a good end."""
    done = run(*arguments, **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(*arguments: str, **options: Any) -> str:
    """What a command says when it cannot do what was asked: exit code 2, nothing on standard output."""
    done = run(*arguments, **options)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.strip()
    return done.stderr


def named_triples(graph: rdflib.Graph) -> set[Any]:
    """What a graph says without blank nodes, which are named anew by each reading."""
    return {triple for triple in graph if not any(isinstance(term, rdflib.BNode) for term in triple)}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the ontology to spoil."""
    folder = tmp_path / "ontology"
    shutil.copytree(ontology.find(), folder)
    return folder


@pytest.fixture
def hostile(copy: Path) -> Path:
    """An ontology in which the label of a diagnosis, of a finding and of a source look like markup."""
    for name, node, predicate in [
        ("diagnoses/cysticercosis.ttl", "cysticercosis", SKOS.prefLabel),
        ("findings.ttl", "rice-grain", SKOS.prefLabel),
        ("sources.ttl", "source-seed", rdflib.DCTERMS.title),
    ]:
        graph = ontology.read([copy / name])
        subject = URIRef(iri(node))
        graph.set((subject, predicate, Literal(f"{HOSTILE} {node}", lang="en")))
        (copy / name).write_text(ontology.canonical(graph), encoding="utf-8")
    return copy


# ddx


def test_ddx_follows_the_contract() -> None:
    answer = document("ddx", "--finding", "soft tissue calcification", "--json")
    assert list(answer) == ["query", "setting", "coherence", "candidates", "next", "warnings"]
    assert answer["query"] == {"present": [iri("soft-tissue-calcification")], "absent": []}
    rows = {row["row"] for row in answer["coherence"]}
    assert len(rows) == 6
    listed = [c for c in answer["candidates"] if rows & {e["association"] for e in c["evidence"] if e["stated"]}]
    assert [c["label"] for c in listed if c["posterior"][0] > 0] == [
        "dystrophic calcification",
        "calcium pyrophosphate deposition disease",
        "metastatic calcification",
        "tumoral calcinosis",
        "metastatic osteosarcoma",
        "primary soft tissue osteosarcoma",
    ]
    assert answer["candidates"][0]["label"] == "dystrophic calcification"
    under = {candidate["label"]: candidate["category"] for candidate in answer["candidates"][1:]}
    assert under["cysticercosis"] == "infection"
    assert under["scleroderma"] == "autoimmune"
    assert answer == KnowledgeGraph.open().differential(["soft tissue calcification"]).to_json()


def test_ddx_takes_every_option_more_than_once_and_any_name() -> None:
    answer = document(
        *("ddx", "--json", "--finding", "CALCIFICATION", "--finding", "msk:phlebolith"),
        *("--site", iri("triceps-tendon"), "--site", "achilles TENDON", "--morphology", "rice grain"),
        *("--context", "Pain", "--absent", "crescentic", "--absent", "msk:tear", "--regime", "equal"),
    )
    names = ["soft-tissue-calcification", "phlebolith", "triceps-tendon", "achilles-tendon", "rice-grain", "pain"]
    assert answer["query"] == {"present": list(map(iri, names)), "absent": [iri("crescentic"), iri("tear")]}
    assert answer["coherence"] == []


def test_ddx_reads_a_text() -> None:
    answer = document("ddx", "--text", "calc triceps", "--finding", "soft tissue calcification", "--json")
    assert answer["query"]["present"] == [iri("soft-tissue-calcification"), iri("triceps-tendon")]


def test_ddx_prints_a_table_for_people() -> None:
    done = run("ddx", "--finding", "soft tissue calcification", "--morphology", "crescentic")
    assert done.returncode == 0
    for words in ("Diagnosis", "95-98 %", "dracunculiasis", "<<<< 1 %"):
        assert words in done.stdout
    assert "https://w3id.org" not in done.stdout
    assert "Note: Sources disagree about dracunculiasis" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--finding", "calcifiction"], 'Nothing is called "calcifiction". Nearest: '),
        (["--finding", "soft tissue calcification", "--absent", "phlebolit"], "phlebolith"),
        (["--finding", "triceps tendon"], "Nothing is called"),
        (["--text", "cysticercosis"], "cysticercosis is a diagnosis, nothing that is seen."),
        (["--text", "calc xyzzy"], "xyzzy"),
        (["--regime", "sometimes", "--finding", "phlebolith"], "regime"),
    ],
)
def test_ddx_says_what_it_does_not_understand(arguments: list[str], words: str) -> None:
    assert words in refused("ddx", *arguments, "--json")


def test_ddx_of_nothing_says_what_is_missing() -> None:
    answer = document("ddx", "--json")
    assert answer["candidates"] == answer["next"] == []
    assert answer["warnings"] == [
        "Nothing is given as present: name at least one finding, look, site or context that is seen."
    ]
    done = run("ddx", "--absent", "phlebolith")
    assert done.returncode == 0
    assert done.stdout == ""
    assert "Note: Nothing is given as present" in done.stderr


# paths


def test_paths_explain_the_rice_grain_route() -> None:
    answer = document("paths", "soft tissue calcification", "cysticercosis", "--json")
    words = "soft tissue calcification may look like rice-grain, which is typical of cysticercosis."
    route = next(path for path in answer if path["words"] == words)
    assert list(route) == ["length", "nodes", "edges", "words"]
    assert route["length"] == 2
    assert route["nodes"] == [
        {"iri": iri("soft-tissue-calcification"), "label": "soft tissue calcification", "type": "finding"},
        {"iri": iri("rice-grain"), "label": "rice-grain", "type": "morphology"},
        {"iri": iri("cysticercosis"), "label": "cysticercosis", "type": "diagnosis"},
    ]
    assert [edge["relation"] for edge in route["edges"]] == [iri("mayLookLike"), iri("morphologyOf")]
    assert all(set(edge) == {"relation", "association"} and edge["association"] for edge in route["edges"])
    assert [path["length"] for path in answer] == sorted(path["length"] for path in answer)


def test_paths_take_any_name_and_a_length() -> None:
    given = ["paths", "MSK:soft-tissue-calcification", "muscular cysticercosis", "--max-length", "1"]
    assert document(*given, "--json") == []
    done = run(*given)
    assert (done.returncode, done.stdout) == (0, "")
    assert "--max-length" in done.stderr
    done = run("paths", iri("soft-tissue-calcification"), "Cysticercosis", "--limit", "2")
    assert len(done.stdout.splitlines()) == 2
    assert "--limit" in done.stderr


def test_paths_say_what_they_do_not_know() -> None:
    assert "Nearest: cysticercosis" in refused("paths", "soft tissue calcification", "cysticercoses", "--json")
    assert "Usage" in refused("paths", "phlebolith")


# query

LABELS = "SELECT ?c ?label WHERE { ?c a msk:Finding ; skos:prefLabel ?label } ORDER BY ?label"


def test_query_reads_a_file_and_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "labels.rq"
    file.write_text(LABELS, encoding="utf-8")
    answer = document("query", str(file), "--format", "json")
    assert answer["head"]["vars"] == ["c", "label"]
    rows = answer["results"]["bindings"]
    assert {"type": "literal", "xml:lang": "en", "value": "phlebolith"} in [row["label"] for row in rows]
    assert document("query", "-", "--format", "json", stdin=LABELS) == answer
    assert document("query", "--format", "json", stdin=LABELS) == answer


def test_query_prints_a_table_and_csv() -> None:
    table = run("query", stdin=LABELS)
    assert table.returncode == 0
    assert "phlebolith" in table.stdout
    assert "msk:phlebolith" in table.stdout
    assert "rows." in table.stderr
    done = run("query", "--format", "csv", stdin=LABELS)
    rows = list(csv.reader(io.StringIO(done.stdout, newline="")))
    assert rows[0] == ["c", "label"]
    assert [iri("phlebolith"), "phlebolith"] in rows
    assert len(rows) - 1 == int(table.stderr.split()[0])


def test_a_table_leaves_nothing_out() -> None:
    long = "https://example.org/" + "a" * 200
    query = f"SELECT ?a ?b WHERE {{ VALUES (?a ?b) {{ (<{long}/1> <{long}/2>) }} }}"
    done = run("query", stdin=query)
    assert "\u2026" not in done.stdout
    assert done.stdout.count("a") >= 400


def test_query_limits_rows_and_says_so() -> None:
    done = run("query", "--format", "json", "--limit", "2", stdin=LABELS)
    assert len(json.loads(done.stdout)["results"]["bindings"]) == 2
    assert "The first 2 are shown" in done.stderr


def test_query_answers_yes_or_no() -> None:
    assert run("query", stdin="ASK { msk:phlebolith a msk:Finding }").stdout == "true\n"
    assert document("query", "--format", "json", stdin="ASK { msk:phlebolith a msk:Site }")["boolean"] is False


def test_query_prints_a_graph_as_turtle() -> None:
    query = "CONSTRUCT WHERE { ?d msk:mayCause msk:phlebolith }"
    done = run("query", "--format", "ttl", stdin=query)
    graph = rdflib.Graph().parse(data=done.stdout, format="turtle")
    assert {str(d).removeprefix(iri("")) for d in graph.subjects()} == {"venous-thrombosis", "soft-tissue-haemangioma"}
    assert run("query", stdin=query).stdout == done.stdout
    assert rdflib.Graph().parse(data=run("query", stdin="DESCRIBE msk:phlebolith").stdout, format="turtle")


@pytest.mark.parametrize(
    ("query", "form", "words"),
    [
        ("SELECT * {\n ?s ?p }", "json", "line 2, column"),
        ("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", "json", "SERVICE is not allowed"),
        ("INSERT DATA { msk:a msk:b msk:c }", "json", "This is an update"),
        (LABELS, "ttl", "no graph"),
        ("CONSTRUCT WHERE { ?s skos:broader ?o }", "csv", "ttl"),
        ("ASK {}", "ttl", "no graph"),
        ("", "table", "The query is empty"),
    ],
)
def test_query_says_what_it_cannot_do(query: str, form: str, words: str) -> None:
    assert words in refused("query", "--format", form, stdin=query)


def test_query_says_which_file_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "latin.rq").write_bytes(b"# caf\xe9\nASK {}")
    for name in ("missing.rq", "latin.rq", "."):
        assert str(tmp_path / name) in refused("query", str(tmp_path / name))
    assert "cannot be read" in refused("query", stdin=b"# caf\xe9\nASK {}")


def test_a_runaway_query_is_stopped_at_its_time() -> None:
    query = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
    assert "stopped after 0.5 s" in refused("query", "--timeout", "0.5", stdin=query)


def test_a_query_that_takes_too_much_memory_is_told_in_one_line() -> None:
    said = refused("query", "--timeout", "30", stdin="SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?a ?d ?h")
    assert said.splitlines() == ["The query needed more than 500 MB and was stopped. Narrow it."]


# Streams of other kinds


def process(shell: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of the shell in which $M is the program."""
    environment = {**os.environ, "M": f"{sys.executable} -m mskgraph", **settings}
    return subprocess.run(["sh", "-c", shell], capture_output=True, timeout=60, check=False, env=environment)


def unread(*arguments: str) -> tuple[int, bytes]:
    """Run the program for a reader that goes away before anything is printed: exit code, and standard error."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "mskgraph", *arguments]
    with os.fdopen(writing) as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, timeout=60, check=False)
    return done.returncode, done.stderr


def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    assert unread("export") == (0, b"")
    code, said = unread("ddx", "--text", "calc triceps")
    assert (code, b"rror" in said) == (0, False), said


def test_whoever_does_not_read_the_problems_is_told_that_there_are_some(tmp_path: Path) -> None:
    file = tmp_path / "wrong.ttl"
    file.write_text("<urn:a> <urn:b> <urn:c> .", "utf-8")
    assert unread("check", str(file)) == (1, b"")


def test_streams_that_are_closed_are_as_good_as_empty(tmp_path: Path) -> None:
    file = tmp_path / "query.rq"
    file.write_text(LABELS, "utf-8")
    empty = process("$M query <&-")
    assert (empty.returncode, empty.stdout, empty.stderr.count(b"\n")) == (2, b"", 1)
    assert b"The query is empty" in empty.stderr
    whole = process(f"$M query {file} --format csv --limit 1")
    assert whole.stderr
    for closed, code, said in [
        ("<&-", whole.stdout, whole.stderr),
        (">&-", b"", whole.stderr),
        ("2>&-", whole.stdout, b""),
    ]:
        done = process(f"$M query {file} --format csv --limit 1 {closed}")
        assert (done.returncode, done.stdout, done.stderr) == (0, code, said), closed


def test_what_other_programs_read_is_utf_8_whatever_the_settings() -> None:
    query = "echo \"SELECT ('\u00e9' AS ?x) {}\" | $M query"
    for setting in ("ascii", "latin-1"):
        given = {"PYTHONIOENCODING": setting}
        assert process(f"{query} --format csv", **given).stdout == "x\r\n\u00e9\r\n".encode()
        assert json.loads(process(f"{query} --format json", **given).stdout.decode())
        assert process("$M export", **given).stdout == process("$M export").stdout
        table = process(query, **given)
        assert (table.returncode, table.stderr) == (0, b"1 row.\n")
        assert {"ascii": b" ? ", "latin-1": b" \xe9 "}[setting] in table.stdout


# check


def test_check_says_so_if_it_finds_no_fault(tmp_path: Path) -> None:
    done = run("check", MSKGRAPH_ONTOLOGY=str(small_ontology(tmp_path / "ontology")))
    assert (done.returncode, done.stdout) == (0, "")
    assert "No problems" in done.stderr


def test_check_brings_files_into_canonical_form_if_asked(tmp_path: Path, seed: Path) -> None:
    folder = Path(shutil.copytree(seed, tmp_path / "ontology"))
    before = {path: path.read_bytes() for path in ontology.files(folder)}
    untidy = folder / "contexts.ttl"
    untidy.write_text("# a remark\n" + untidy.read_text("utf-8"), encoding="utf-8")
    done = run("check", "--format", str(folder))
    assert f"{untidy}: brought into canonical form." in done.stderr
    assert "canonical" not in done.stdout
    assert {path: path.read_bytes() for path in ontology.files(folder)} == before


@pytest.mark.parametrize("by_setting", [True, False])
def test_check_names_file_node_and_remedy(copy: Path, by_setting: bool) -> None:
    file = copy / "diagnoses" / "cysticercosis.ttl"
    text = file.read_text("utf-8")
    uncited = text.replace("    dcterms:source msk:source-tmcr7 ;\n", "", 1)
    assert uncited != text
    file.write_text(uncited.replace("msk:feature msk:elongated", "msk:feature msk:elongatd"), encoding="utf-8")
    done = run("check", MSKGRAPH_ONTOLOGY=str(copy)) if by_setting else run("check", str(copy))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert len(lines) >= 2
    assert all(line.split(": ")[0].endswith("diagnoses/cysticercosis.ttl") for line in lines)
    source = next(line for line in lines if "exactly one source" in line)
    assert "msk:cysticercosis-" in source
    assert "Add dcterms:source" in source
    assert any("msk:elongatd is defined nowhere" in line and "msk:elongated?" in line for line in lines)


def test_check_of_one_file(tmp_path: Path) -> None:
    file = tmp_path / "gout.ttl"
    file.write_text(
        "@prefix msk: <https://w3id.org/mskgraph/> .\nmsk:gout a msk:Diagnosis .\nmsk:gout msk:", encoding="utf-8"
    )
    done = run("check", str(file))
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert done.stdout.startswith(f"{file}: line 3: ")
    assert str(tmp_path / "none.ttl") in refused("check", str(tmp_path / "none.ttl"))


# A broken ontology


def test_broken_turtle_is_named(copy: Path) -> None:
    file = copy / "findings.ttl"
    file.write_text(file.read_text("utf-8") + "\nmsk:broken msk:", encoding="utf-8")
    setting = {"MSKGRAPH_ONTOLOGY": str(copy)}
    for command in (["ddx", "--finding", "phlebolith", "--json"], ["export"]):
        said = refused(*command, **setting)
        assert "findings.ttl" in said
        assert "line" in said
    done = run("check", **setting)
    assert done.returncode == 1
    assert done.stdout.startswith("findings.ttl: line ")


def test_a_missing_ontology_is_told(tmp_path: Path) -> None:
    said = refused("ddx", "--finding", "phlebolith", MSKGRAPH_ONTOLOGY=str(tmp_path))
    assert str(tmp_path) in said
    assert "MSKGRAPH_ONTOLOGY" in said


def test_an_unknown_store_is_told() -> None:
    said = refused("paths", "phlebolith", "vein", MSKGRAPH_STORE="http://localhost:1/sparql")
    assert "http://localhost:1/sparql" in said


# export


def test_export_gives_the_files_back_as_turtle() -> None:
    done = run("export")
    assert done.returncode == 0
    assert done.stderr == ""
    files = ontology.read(ontology.files(ontology.find()))
    exported = rdflib.Graph().parse(data=done.stdout, format="turtle")
    assert len(exported) == len(files)
    assert named_triples(exported) == named_triples(files)


def test_export_writes_a_file(tmp_path: Path) -> None:
    file = tmp_path / "knowledge.nq"
    done = run("export", "--format", "nq", "-o", str(file))
    assert (done.returncode, done.stdout) == (0, "")
    dataset = rdflib.Dataset().parse(file, format="nquads")
    assert len(list(dataset.quads())) == len(ontology.read(ontology.files(ontology.find())))


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_export_gives_json_ld() -> None:
    text = run("export", "--format", "jsonld").stdout
    assert json.loads(text)
    graph = rdflib.Graph().parse(data=text, format="json-ld")
    assert len(graph) == len(ontology.read(ontology.files(ontology.find())))


def test_export_says_where_it_cannot_write(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "missing" / "x.ttl"):
        said = refused("export", "-o", str(place))
        assert str(place) in said
        assert "-o" in said


# Text from the graph is data


def test_labels_that_look_like_markup_are_printed_as_text(hostile: Path) -> None:
    setting = {"MSKGRAPH_ONTOLOGY": str(hostile)}
    label = f"{HOSTILE} cysticercosis"
    answer = document("ddx", "--finding", "soft tissue calcification", "--json", **setting)
    assert label in [candidate["label"] for candidate in answer["candidates"]]
    title = f"{HOSTILE} source-seed"
    assert title in [item["source"]["title"] for candidate in answer["candidates"] for item in candidate["evidence"]]
    found = document("paths", "soft tissue calcification", label, "--json", **setting)
    assert found[0]["nodes"][-1]["label"] == label
    for command in (
        ["ddx", "--finding", "soft tissue calcification"],
        ["paths", "soft tissue calcification", "msk:cysticercosis"],
    ):
        done = run(*command, **setting)
        assert done.returncode == 0
        assert [part for part in PARTS if part not in done.stdout] == []
        assert "\x1b" not in done.stdout
    query = "SELECT ?l { msk:cysticercosis skos:prefLabel ?l }"
    assert [part for part in PARTS if part not in run("query", stdin=query, **setting).stdout] == []
    rows = list(csv.reader(io.StringIO(run("query", "--format", "csv", stdin=query, **setting).stdout, newline="")))
    assert rows == [["l"], [label]]


def test_labels_that_look_like_markup_are_exported_as_text(hostile: Path) -> None:
    setting = {"MSKGRAPH_ONTOLOGY": str(hostile)}
    expected = Literal(f"{HOSTILE} cysticercosis", lang="en")
    for form, syntax in (("ttl", "turtle"), ("nq", "nt")):
        text = run("export", "--format", form, **setting).stdout
        graph = rdflib.Graph().parse(data=text, format=syntax)
        assert graph.value(URIRef(iri("cysticercosis")), SKOS.prefLabel) == expected
    nodes = json.loads(run("export", "--format", "jsonld", **setting).stdout)["@graph"]
    labels = [node["skos:prefLabel"]["@value"] for node in nodes if "skos:prefLabel" in node]
    assert str(expected) in labels


def test_one_path_is_one_line_whatever_its_labels(hostile: Path) -> None:
    setting = {"MSKGRAPH_ONTOLOGY": str(hostile)}
    given = ["paths", "soft tissue calcification", "msk:cysticercosis", "--limit", "3"]
    assert len(run(*given, **setting).stdout.splitlines()) == len(document(*given, "--json", **setting)) == 3


def test_a_fault_beside_such_a_label_is_one_line(hostile: Path) -> None:
    file = hostile / "diagnoses" / "cysticercosis.ttl"
    file.write_text(file.read_text("utf-8").replace("category-infection", "category-infektion"), encoding="utf-8")
    done = run("check", str(hostile))
    assert done.returncode == 1
    assert all(": " in line and line.split(": ")[0].endswith(".ttl") for line in done.stdout.splitlines())
    assert any("<img src=x onerror=alert(1)>" in line for line in done.stdout.splitlines())


def test_a_terminal_gets_no_control_sequence_from_the_graph(copy: Path) -> None:
    file = copy / "diagnoses" / "cysticercosis.ttl"
    text = file.read_text("utf-8").replace('"cysticercosis"@en', '"cysti\\u001B[2Jcercosis"@en')
    file.write_text(text, encoding="utf-8")
    setting = {"MSKGRAPH_ONTOLOGY": str(copy)}
    query = "SELECT ?l { msk:cysticercosis skos:prefLabel ?l }"
    for done in (
        run("paths", "soft tissue calcification", "msk:cysticercosis", **setting),
        run("ddx", "--finding", "soft tissue calcification", **setting),
        run("query", stdin=query, **setting),
        run("ddx", "--finding", "\x1b[2J", **setting),
    ):
        assert "\x1b" not in done.stdout + done.stderr
    assert (
        "\x1b[2J"
        in document("query", "--format", "json", stdin=query, **setting)["results"]["bindings"][0]["l"]["value"]
    )


# Changes


def test_what_changes_is_told_by_what_it_is_about_as_on_the_pages(tmp_path: Path) -> None:
    settings = {"MSKGRAPH_HOME": str(tmp_path / "home")}
    settings["MSKGRAPH_ONTOLOGY"] = str(small_ontology(tmp_path / "ontology"))
    number = 'msk:form msk:form-count ; msk:numerator 3 ; msk:denominator 4 ; msk:stated "3/4"'
    estimate = f"msk:x-estimate a msk:Estimate ; {number} ."
    file = tmp_path / "claim.ttl"
    file.write_text(PREFIXES + claim("x", msk__estimate="msk:x-estimate") + estimate, "utf-8")
    added = run("add", str(file), "--author", "Ada", **settings)
    assert added.returncode == 0, added.stderr
    told = run("history", **settings).stdout, run("undo", **settings).stdout
    for said in (added.stdout, *told):
        assert "claim on gout: effusion" in said
        assert "msk:x" not in said
    assert document("history", "--json", **settings)[1]["words"] == added.stdout.splitlines()


# Ends


def test_help_names_every_command() -> None:
    done = run("--help")
    assert done.returncode == 0
    for command in ("app", "ddx", "paths", "query", "check", "export"):
        assert command in done.stdout
    assert "not a medical device" in " ".join(done.stdout.split())


def test_the_version_is_that_of_the_package() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"mskgraph {__version__}\n", "")


def test_an_address_that_cannot_be_had_is_told() -> None:
    assert "--address" in refused("app", "--address", "999.1.1.1", "--no-browser")


def test_an_unknown_command_is_told() -> None:
    assert "diagnose" in refused("diagnose")


def test_the_console_script_is_the_same_program() -> None:
    script = Path(sys.executable).with_name("mskgraph")
    assert script.exists()
    done = subprocess.run(
        [script, "paths", "phlebolith", "nothing at all"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert 'Nothing is called "nothing at all"' in done.stderr
