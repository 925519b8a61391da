"""Three hundred inputs that cannot be accepted: each is refused with a clear error, and nothing is changed."""

from __future__ import annotations

import gzip
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mskgraph import KnowledgeGraph, curation
from mskgraph.curation import Journal
from mskgraph.errors import ChangeRefused, PatchInvalid
from tests.small_ontology import PREFIXES, claim, diagnosis, turtle
from tests.test_cli import run

pytestmark = pytest.mark.usefixtures("home")

Inputs = Iterator[tuple[str, bytes]]

VALID = (
    diagnosis("pseudogout", "pseudogout", ' skos:altLabel "chondrocalcinosis"@en, "CPPD"@en ;')
    + claim("pseudogout-atlas", msk__diagnosis="msk:pseudogout", msk__estimate="msk:pseudogout-atlas-estimate")
    + """msk:pseudogout-atlas-estimate a msk:Estimate ;
    msk:form msk:form-percent-range ;
    msk:lower 0.10 ;
    msk:stated "10 to 20 %" ;
    msk:upper 0.20 .
msk:case-1 a msk:Case ;
    dcterms:description "A swollen joint."@en ;
    dcterms:source msk:source-atlas ;
    dcterms:title "A joint"@en ;
    msk:observation msk:case-1-observation .
msk:case-1-observation a msk:Observation ;
    msk:finding msk:effusion ;
    msk:present true ;
    msk:site msk:elbow .
"""
)


def broken_turtle() -> Inputs:
    """A valid file with something taken out, put in, or cut off."""
    chance = random.Random(300)
    text = PREFIXES + VALID
    body = len(PREFIXES)
    outside = [place for place in range(body, len(text)) if text[body:place].count('"') % 2 == 0]
    marks = {mark: [place for place in range(body, len(text)) if text[place] == mark] for mark in '"@:'}
    for mark, places in marks.items():
        for place in chance.sample(places, min(len(places), 12)):
            yield f"without {mark} at {place - body}", (text[:place] + text[place + 1 :]).encode()
    for thing in ('"', "<", ">", "(", "{", "}", "]", "[ ", "\\", "@", "^^", ";;,", "%", "\0", "<<", "?x "):
        for place in chance.sample([place for place in outside if text[place - 1] == " "], 3):
            yield f"with {thing} at {place - body}", (text[:place] + thing + text[place:]).encode()
    for _ in range(20):
        place = chance.randrange(body, len(text) - 3)
        if not text[:place].rstrip().endswith("."):
            yield f"cut at {place - body}", text[:place].encode()
    for prefix in ("msk", "dcterms", "skos"):
        yield f"without prefix {prefix}", text.replace(f"@prefix {prefix}:", f"@prefix other-{prefix}:").encode()
    for old, new in (
        ("@prefix msk", "@prefix  msk: "),
        ("true", "True"),
        ("0.10", "0,10"),
        ("0.10", "10 %"),
        ("a msk", "A msk"),
    ):
        yield f"{new} for {old}", text.replace(old, new, 1).encode()


def incomplete() -> Inputs:
    """A valid file without one of the lines that it needs."""
    needed = (
        "dcterms:source",
        "skos:definition",
        "skos:prefLabel",
        "msk:category",
        "msk:confidence",
        "msk:diagnosis",
        "msk:estimate",
        "msk:feature",
        "msk:verification",
        "msk:form",
        "msk:lower",
        "msk:stated",
        "dcterms:title",
        "msk:finding",
        "msk:present",
        " a msk:",
    )
    lines = VALID.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if any(f"    {name} " in line or (name.startswith(" ") and name in line) for name in needed):
            end = " ." if line.rstrip().endswith(".") else ""
            if " a msk:" in line:
                rest = [*lines[:number], line.split(" a ")[0] + "\n", *lines[number + 1 :]]
            elif end:
                rest = [*lines[: number - 1], lines[number - 1].rstrip(" ;\n") + " .\n", *lines[number + 1 :]]
            else:
                rest = [*lines[:number], *lines[number + 1 :]]
            yield f"without line {number}, {line.strip()}", turtle("".join(rest))


def of_wrong_type() -> Inputs:
    """A valid file with a value of another type."""
    for old, news in {
        "msk:lower 0.10": ['"low"', '"0.10"', "msk:gout", "true", "-0.1", "1.5", '"NaN"^^xsd:double', "0.5", "<low>"],
        "msk:present true": ['"true"', "1", "msk:effusion", '"perhaps"^^xsd:boolean', "true, false"],
        "msk:feature msk:effusion": ["msk:gout", "msk:source-atlas", '"effusion"', "msk:Finding", "3", "msk:case-1"],
        "msk:category msk:category-crystal": ["msk:gout", '"crystal"', "msk:category-none", "true"],
        "dcterms:source msk:source-atlas": ['"An atlas"', "msk:gout", "<https://example.org/atlas>", "msk:source-none"],
        'skos:prefLabel "pseudogout"@en': ['"pseudogout"', "msk:gout", '""@en', "5", '"gout"@en', '"a"@en, "b"@en'],
        "msk:site msk:elbow": ["msk:gout", '"elbow"@en', "msk:effusion", "msk:shoulder"],
        "msk:finding msk:effusion": ["msk:gout", '"effusion"@en', "msk:elbow", "msk:case-1"],
        "msk:confidence msk:confidence-medium": ['"medium"', "msk:confidence-total", "0.9"],
        "a msk:Case": ["msk:Patient", '"case"', "msk:case", "skos:Concept", "owl:Thing"],
    }.items():
        name = old.split(" ")[0]
        for new in news:
            yield f"{name} {new}", turtle(VALID.replace(old, f"{name} {new}", 1))


def unreadable_bytes() -> Inputs:
    """What is no text in UTF-8, or no text."""
    chance = random.Random(8)
    content = turtle(VALID)
    for _ in range(10):
        place = chance.randrange(len(PREFIXES), len(content))
        yield (
            f"no UTF-8 at {place}",
            content[:place] + chance.choice([b"\xff", b"\xc0\xaf", b"\xed\xa0\x80"]) + content[place:],
        )
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"):
        odd = turtle(VALID.replace("swollen", "swöllen"))
        yield encoding, odd.decode().encode(encoding)
    yield "latin-1", turtle(VALID.replace("swollen", "swöllen")).decode().encode("latin-1")
    yield "gzip", gzip.compress(content, mtime=0)
    yield "zeros", bytes(1_000)
    yield "noise", chance.randbytes(2_000)
    yield "a picture", b"\x89PNG\r\n\x1a\n" + chance.randbytes(100)
    yield "a database", b"SQLite format 3\0" + bytes(84)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


def other_formats() -> Inputs:
    """Documents of other kinds, some of which are traps for those who read them."""
    head = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    rdf = head + '<rdf:Description rdf:about="urn:x">{}</rdf:Description></rdf:RDF>'
    yield "RDF/XML", rdf.format("").encode()
    yield (
        "billion laughs",
        f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]>{rdf.format("&l9;")}'.encode(),
    )
    yield "external entity", f'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>{rdf.format("&x;")}'.encode()
    yield "JSON-LD", b'{"@context": "http://127.0.0.1:9/context", "@id": "urn:x", "@type": "urn:y"}'
    yield "HTML", b"<!doctype html><script>alert(1)</script>"
    yield "CSV", b"case,finding\n=cmd|' /C calc'!A0,effusion\n"
    yield "SPARQL update", b"PREFIX msk: <https://w3id.org/mskgraph/>\nDELETE WHERE { ?s ?p ?o }"
    yield "SPARQL insert", b"INSERT DATA { <urn:a> <urn:b> <urn:c> }"
    yield "RDF Patch", b"TX .\nA <urn:a> <urn:b> <urn:c> .\nTC .\n"
    yield "N-Quads", b"<urn:a> <urn:b> <urn:c> <urn:graph> .\n"
    yield "TriG", turtle("msk:asserted { msk:gout a msk:Site }")
    yield "N3 rule", turtle("{ ?x a msk:Diagnosis } => { ?x a msk:Finding } .")
    yield "N3 equality", turtle("msk:gout = msk:effusion .")
    yield "RDF-star", turtle("<< msk:gout a msk:Diagnosis >> msk:confidence msk:confidence-high .")
    yield "YAML", b"--- !!python/object/apply:os.system ['true']\n"
    yield "a pickle", b"cos\nsystem\n(S'true'\ntR."
    yield "a shell script", b"#!/bin/sh\nrm -rf ~\n"
    yield "prose", b"Gout is caused by crystals. So is pseudogout."
    yield "nothing", b""
    yield "a space", b" \n\t "
    yield "prefixes only", PREFIXES.encode()
    yield "a comment only", b"# msk:gout a msk:Site .\n"


def nested_or_large() -> Inputs:
    """What would take a reader's memory, stack or time."""
    yield "10 000 brackets", turtle("msk:gout skos:note " + "[ skos:note " * 10_000 + '"x"' + " ]" * 10_000 + " .")
    yield "10 000 lists", turtle("msk:gout skos:note " + "( " * 10_000 + ") " * 10_000 + ".")
    yield "open brackets", turtle("msk:gout skos:note " + "[" * 50_000)
    yield "open lists", turtle("msk:gout skos:note " + "(" * 50_000)
    yield "open braces", turtle("{" * 50_000)
    yield "a text without an end", turtle('msk:gout skos:note """' + "x" * 1_000_000)
    yield "a text of 500 kB", turtle(f'msk:gout skos:note "{"x" * 500_000}"@en .')
    yield "a label of 100 kB", turtle(diagnosis("long", "long " * 20_000))
    yield "a name of 100 kB", turtle(diagnosis("n" * 100_000, "long name"))
    yield "a number of 100 kB", turtle(VALID.replace("0.10", "0." + "1" * 100_000))
    yield "an exponent", turtle(VALID.replace("0.10", "1e999999999"))
    yield "a decimal with an exponent", turtle(VALID.replace("0.10", '"1E-999999999"^^xsd:decimal'))
    yield "a rank of 5 000 digits", turtle(VALID.replace("0.10", "9" * 5_000))
    yield "a language of 100 kB", turtle(f'msk:gout skos:note "x"@{"en-" * 30_000}x .')
    yield (
        "3 000 prefixes",
        turtle("".join(f"@prefix p{n}: <urn:{n}:> .\n" for n in range(3_000)) + "p1:a p2:b p3:c ."),
    )
    yield "500 claims without a source", turtle("".join(f"msk:c{n} a msk:Association .\n" for n in range(500)))


def odd_terms() -> Inputs:
    """IRIs, names, languages and types that are none, or not ours."""
    for iri in (
        "gout with spaces",
        "a b",
        "urn:x y",
        "http://example.org/a b",
        "http://example.org/<a>",
        'http://example.org/"a"',
        "http://example.org/{a}",
        "http://example.org/a|b",
        "http://example.org/a^b",
        "http://example.org/a`b",
        "http://example.org/a\\b",
        "http://example.org/\\u0020",
        "http://example.org/\\u003E",
        "http://example.org/\\u0000",
        "http://example.org/\u202etuog",
        "http://example.org/\u200b",
        "http://example.org/\n",
        "http://[not-an-address/",
        "http://example.org/%zz",
        "file:///etc/passwd",
        "file:notes.ttl",
        "javascript:alert(1)",
        "data:text/html,x",
        "relative",
        "../up",
        "#fragment",
        "?query",
        "//host/path",
        "",
        "https://w3id.org/mskgraph/",
        "https://w3id.org/mskgraph/a/../gout",
        "https://w3id.org/mskgraph/gout#part",
        "https://w3id.org/mskgraph/gout?x=1",
        "https://w3id.org/mskgraph/go\u00adut",
        "HTTPS://W3ID.ORG/mskgraph/gout",
        "https://w3id.org/mskgraph/gout> . <urn:a> <urn:b> <urn:c",
    ):
        yield f"about <{iri!a}>", turtle(f"<{iri}> dcterms:source msk:source-atlas .")
        yield f"pointing at <{iri!a}>", turtle(f"msk:gout skos:broader <{iri}> .")
    for value in (
        '"x"@',
        '"x"@en-',
        '"x"@1',
        '"x"@en@de',
        '"x"@e n',
        '"x"^^',
        '"x"^^xsd:',
        '"x"^^"y"',
        '"x"^^_:b',
        '"\\uD800"@en',
        '"\\U00110000"@en',
        '"\\u12"@en',
        '"\\x41"@en',
        '"\\"@en',
        "'x",
        '"two\nlines"@en',
        '"nul \\u0000"@en',
        '"bell \\u0007"@en',
        '"\\u202Eturned"@en',
        '"\\u2067"@en',
        '"\\u061C"@en',
        '"\\uFFFE"@en',
        '"x"@ar',
        '"\u0627\u0644"@ar',
        "[]",
        "[ a msk:Site ]",
        "_:b",
        "()",
        "( msk:elbow )",
        "_:",
        "?x",
        "@en",
        "a",
    ):
        yield f"a note {value!a}", turtle(f"msk:gout skos:note {value} .")
    for text in (
        "_:b a msk:Diagnosis .",
        "[] a msk:Diagnosis .",
        "[ a msk:Diagnosis ] .",
        "( 1 ) a msk:Site .",
        '"gout" a msk:Diagnosis .',
        "msk:gout _:b msk:elbow .",
        'msk:gout "is" msk:elbow .',
        "msk:gout [] msk:elbow .",
        "a a a .",
        "msk:gout a .",
        "msk:gout .",
        "msk: a msk:Diagnosis .",
        "msk:a%zz a msk:Site .",
        ": a : .",
        "@base <file:///etc/> . <passwd> a msk:Site .",
        "@prefix msk: <file:///etc/> . msk:passwd a msk:Site .",
        "<> <http://www.w3.org/2002/07/owl#imports> <file:///etc/passwd> .",
        "<> a owl:Ontology ; owl:imports <http://127.0.0.1:9/> .",
    ):
        yield text, turtle(text)


INPUTS = [
    pytest.param(content, id=f"{kind.__name__}: {name}".encode("ascii", "backslashreplace").decode()[:80])
    for kind in (broken_turtle, incomplete, of_wrong_type, unreadable_bytes, other_formats, nested_or_large, odd_terms)
    for name, content in kind()
]


def accept(source: Path | bytes) -> None:
    """Accept what a file says, as ``mskgraph add`` does."""
    kg = KnowledgeGraph.open()
    patch = curation.additions(kg, curation.graph_in(source))
    curation.accept(Journal(), KnowledgeGraph.open, patch, "Mallory", "", kg.revision)


def is_refused(source: Path | bytes) -> str:
    """What is said of a file that cannot be accepted; nothing is changed by it."""
    before = KnowledgeGraph.open()
    with pytest.raises((PatchInvalid, ChangeRefused)) as caught:
        accept(source)
    after = KnowledgeGraph.open()
    assert Journal().changes() == []
    assert (after.revision, after.content_hash) == (before.revision, before.content_hash)
    told = str(caught.value)
    assert told.strip()
    assert "Traceback" not in told
    return told


def test_the_file_that_the_others_are_made_from_is_accepted() -> None:
    accept(turtle(VALID))
    assert len(Journal().changes()) == 1


def test_there_are_three_hundred_of_them_and_no_two_are_the_same() -> None:
    assert len(INPUTS) >= 300
    assert len({param.values[0] for param in INPUTS}) == len(INPUTS)


@pytest.mark.parametrize("content", INPUTS)
def test_it_is_refused_and_nothing_is_changed(content: bytes) -> None:
    start = time.monotonic()
    told = is_refused(content)
    assert len(told) < 1_000_000
    assert time.monotonic() - start < 30


def test_a_file_of_100_mb_is_refused_at_once(tmp_path: Path) -> None:
    large = tmp_path / "large.ttl"
    with large.open("wb") as file:
        file.write(turtle(VALID))
        file.truncate(100_000_000)
    start = time.monotonic()
    assert "10 MB" in is_refused(large)
    assert time.monotonic() - start < 2


def test_100_mb_of_text_are_refused_at_once() -> None:
    start = time.monotonic()
    assert "10 MB" in is_refused(turtle(VALID) + b" " * 100_000_000)
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("name", ["nowhere.ttl", "", "/proc/self/mem", "nowhere/\0.ttl"])
def test_what_is_no_file_is_told(tmp_path: Path, name: str) -> None:
    assert "cannot be read" in is_refused(tmp_path / name)


def test_a_name_that_is_misspelt_is_found_in_the_error() -> None:
    told = is_refused(turtle('msk:gout skos:altLabel "podagra"@en ;\n    skos:broader msk:gouty .\n'))
    assert "msk:gouty" in told


def test_broken_turtle_is_told_with_its_line() -> None:
    lines = PREFIXES.count("\n")
    assert f"line {lines + 3}" in is_refused(turtle('msk:a a msk:Site ;\n    skos:note "x"@en ;\n    oops .\n'))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken", turtle("msk:gout skos:note .")),
        ("no prefix", b"msk:gout a msk:Site ."),
        ("no source", turtle(claim("c", dcterms__source=""))),
        ("wrong type", turtle("msk:gout skos:broader msk:elbow .")),
        ("no UTF-8", b"\xff\xfe" + turtle(VALID)),
        ("UTF-16", turtle(VALID).decode().encode("utf-16")),
        ("zeros", bytes(100)),
        ("billion laughs", dict(other_formats())["billion laughs"]),
        ("nested", dict(nested_or_large())["10 000 brackets"]),
        ("no name", turtle("[] a msk:Site .")),
        ("control character", turtle('msk:gout skos:note "esc\\u001B[2J"@en .')),
        ("right to left", turtle('msk:gout skos:note "\\u202Eturned"@en .')),
        ("IRI with a space", turtle("msk:gout skos:broader <a b> .")),
        ("file IRI", turtle("<file:///etc/passwd> a msk:Site .")),
        ("half a mark", turtle('msk:gout skos:note "\\uD800"@en .')),
        ("nothing", b""),
        ("large", turtle(VALID) + b"\n" * 11_000_000),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_command_line_refuses_without_a_traceback(
    name: str, content: bytes, tmp_path: Path, home: Path, small: Path
) -> None:
    file = tmp_path / "input.ttl"
    file.write_bytes(content)
    before = KnowledgeGraph.open().content_hash
    for source, stdin in ((str(file), b""), ("-", content)):
        done = run("add", source, "--author", "Mallory", stdin=stdin, MSKGRAPH_HOME=str(home))
        assert done.returncode in (1, 2), name
        assert done.stderr.strip()
        assert "\x1b" not in done.stdout + done.stderr
        assert "\u202e" not in done.stdout + done.stderr
        assert "Accepted" not in done.stderr
        assert KnowledgeGraph.open().content_hash == before
        assert Journal().changes() == []
