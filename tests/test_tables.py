"""Cases and claims from tables: what a file means, what is refused and where, and templates that are right."""

from __future__ import annotations

import csv
import re
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from mskgraph import KnowledgeGraph, curation
from mskgraph.curation import Journal, tables
from mskgraph.curation.forms import CaseForm, ClaimForm, HowOften, NewSource, Seen, Source, choices
from mskgraph.curation.tables import OF, Rows, What
from mskgraph.curation.tables.filling import filled
from mskgraph.curation.tables.naming import Names
from mskgraph.curation.tables.reading import is_plain
from mskgraph.errors import PatchInvalid
from mskgraph.terms import FEATURE_KINDS, fold, iri

pytestmark = pytest.mark.usefixtures("seed", "home")

SHEET = "xl/worksheets/sheet1.xml"
CASE = {
    "title": "Rice grains in the thigh",
    "description": "Many elongated calcifications along the muscle fibres.",
    "source": "msk:source-seed",
    "contexts": "pain",
    "stated diagnoses": "cysticercosis",
    "note": "Made up.",
    "finding": "soft tissue calcification",
    "seen": "present",
    "site": "muscle",
    "side": "left",
    "morphologies": "rice-grain",
    "observation note": "Small.",
}
CLAIM = {
    "diagnosis": "cysticercosis",
    "feature": "rice-grain",
    "of finding": "soft tissue calcification",
    "how often": "13 of 20",
    "confidence": "high",
    "techniques": "ultrasound; radiography",
    "population": "20 adults",
    "locator": "table 1",
    "source": "msk:source-seed",
    "verification": "checked",
    "note": "Made up.",
}
ROWS: dict[What, dict[str, str]] = {"case": CASE, "claim": CLAIM}
CASE_FORM = CaseForm(
    CASE["title"],
    CASE["description"],
    iri("source-seed"),
    (Seen(iri("soft-tissue-calcification"), True, iri("muscle"), iri("left"), (iri("rice-grain"),), "Small."),),
    (iri("pain"),),
    (iri("cysticercosis"),),
    "Made up.",
)
CLAIM_FORM = ClaimForm(
    iri("cysticercosis"),
    iri("rice-grain"),
    iri("soft-tissue-calcification"),
    (),
    HowOften("count", "13 of 20", numerator=13, denominator=20),
    iri("confidence-high"),
    (iri("ultrasound"), iri("radiography")),
    "20 adults",
    "table 1",
    iri("source-seed"),
    iri("verification-checked"),
    "Made up.",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSKGRAPH_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def kg(seed: Path, home: Path) -> KnowledgeGraph:
    return KnowledgeGraph.open()


@pytest.fixture(scope="module")
def names(kg: KnowledgeGraph) -> Names:
    return Names(kg)


def csv_of(*rows: Mapping[str, str], delimiter: str = ",", end: str = "\r\n") -> bytes:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = StringIO()
    writer = csv.DictWriter(text, columns, restval="", delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def case(**other: str) -> dict[str, str]:
    return CASE | {name.replace("_", " "): text for name, text in other.items()}


def claim(**other: str) -> dict[str, str]:
    return CLAIM | {name.replace("_", " "): text for name, text in other.items()}


def without(row: Mapping[str, str], *columns: str) -> dict[str, str]:
    return {column: text for column, text in row.items() if column not in columns}


def xlsx_of(*rows: Mapping[str, Any], edit: Callable[[Worksheet], None] = lambda sheet: None) -> bytes:
    """A workbook as spreadsheets write it, altered."""
    columns = list(rows[0])
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.append(columns)
    for row in rows:
        sheet.append([row[column] for column in columns])
    edit(sheet)
    content = BytesIO()
    workbook.save(content)
    return content.getvalue()


def with_part(content: bytes, name: str, alter: Callable[[bytes], bytes]) -> bytes:
    """A workbook one of whose files is another, or is added."""
    out = BytesIO()
    with ZipFile(BytesIO(content)) as old, ZipFile(out, "w", ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, alter(old.read(part)) if part == name else old.read(part))
        if name not in old.namelist():
            new.writestr(name, alter(b""))
    return out.getvalue()


def as_excel_writes(content: bytes, texts_of: Callable[[bytes], bytes] = lambda texts: texts) -> bytes:
    """A workbook whose texts are in a part of their own, in pieces, as Excel keeps them and openpyxl does not."""
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    with ZipFile(BytesIO(content)) as archive:
        texts = re.findall(rb"<is><t[^>]*>(.*?)</t></is>", archive.read(SHEET), re.S)
    numbers = iter(range(len(texts)))
    content = with_part(
        content,
        SHEET,
        lambda old: re.sub(
            rb't="inlineStr"><is>.*?</is>', lambda _: b't="s"><v>%d</v>' % next(numbers), old, flags=re.S
        ),
    )
    override = b'<Override PartName="/xl/sharedStrings.xml" ContentType="' + kind + b'"/></Types>'
    content = with_part(content, "[Content_Types].xml", lambda old: old.replace(b"</Types>", override))
    pieces = (b"<si><r><t>%s</t></r><r><t>%s</t></r></si>" % (text[:3], text[3:]) for text in texts)
    shared = b'<sst xmlns="' + main + b'">' + b"".join(pieces) + b"</sst>"
    return with_part(content, "xl/sharedStrings.xml", lambda _: texts_of(shared))


def letter(column: str) -> str:
    """Where a column of CASE stands."""
    return chr(ord("A") + list(CASE).index(column))


def setting(column: str, value: Any, **more: Any) -> Callable[[Worksheet], None]:
    """Write something into the first row of cases."""

    def edit(sheet: Worksheet) -> None:
        cell = sheet[f"{letter(column)}2"]
        cell.value = value
        for name, what in more.items():
            setattr(cell, name, what)

    return edit


def drafted(content: bytes, what: What = "case", leave_out: bool = False, name: str = "table") -> Rows:
    return tables.checked(tables.read(content, name), what, KnowledgeGraph.open(), leave_out)


def forms_of(content: bytes, what: What, names: Names) -> list[CaseForm | ClaimForm]:
    forms, faults = filled(tables.read(content), what, names)
    assert faults == []
    return [each.form for each in forms]


def faults_of(content: bytes, what: What = "case", name: str = "table") -> list[str]:
    try:
        rows = drafted(content, what, name=name)
    except PatchInvalid as error:
        return [str(error)]
    assert len(rows.graph) == 0 or not rows.faults
    return [str(fault) for fault in rows.faults]


# What a table means


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("what", ["case", "claim"])
def test_a_template_is_right_as_it_stands(what: What, form: tables.Written, kg: KnowledgeGraph) -> None:
    content = tables.template(what, form, kg)
    assert tables.read(content).columns == tuple(column.name for column in OF[what])
    rows = drafted(content, what)
    assert rows.faults == ()
    assert len(rows.nodes) == {"case": 1, "claim": 2}[what]
    assert {fault.column for fault in rows.cautions} == {"note"}, "it is told that this is the example"
    assert curation.problems(kg, curation.additions(kg, rows.graph)) == []


def test_templates_of_all_knowledge_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MSKGRAPH_ONTOLOGY")
    for what in OF:
        rows = drafted(tables.template(what, "xlsx", KnowledgeGraph.open()), what)
        assert rows.faults == ()
        assert rows.nodes


@pytest.mark.parametrize("what", ["case", "claim"])
def test_a_template_explains_itself_and_holds_no_formula(what: What, kg: KnowledgeGraph) -> None:
    book = load_workbook(BytesIO(tables.template(what, "xlsx", kg)))
    assert book.sheetnames == [f"{what.capitalize()}s", "Columns", "Names"]
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    assert {cell.number_format for cell in cells} == {"@"}, "or a spreadsheet makes dates of counts"
    explained = {row[0].value: row for row in book["Columns"].iter_rows(min_row=2)}
    assert list(explained) == [column.name for column in OF[what]]
    assert all(row[2].value for row in explained.values())
    offered = " ".join(offer.formula1 for offer in book.worksheets[0].data_validations.dataValidation)
    assert ("bilateral,left,right" in offered, "high,low,medium" in offered) == (what == "case", what == "claim")
    named = {cell.value for column in book["Names"].iter_cols() for cell in column}
    assert {"cysticercosis", "soft tissue calcification", "Ultrasonography in chondrocalcinosis"} <= named


@pytest.mark.parametrize(
    "content",
    [
        csv_of(CASE),
        csv_of(CASE, delimiter=";"),
        csv_of(CASE, delimiter="\t"),
        csv_of(CASE, end="\n"),
        csv_of(CASE, end="\r"),
        b"\xef\xbb\xbf" + csv_of(CASE),
        b"\r\n\r\n" + csv_of(CASE) + b"\r\n,,,\r\n",
        csv_of(dict(reversed(CASE.items()))),
        csv_of({name.upper(): text for name, text in CASE.items()}),
        csv_of({f" {name}\xa0": f"\xa0{text}  " for name, text in CASE.items()}),
        csv_of(CASE | {"": ""}),
        csv_of(case(finding="STC", site="msk:muscle", stated_diagnoses=iri("cysticercosis"), side="LEFT", seen="")),
        csv_of(case(source="MSK ultrasound cases file 12-2017", contexts="pain; PAIN ;", seen="yes")),
        xlsx_of(CASE),
        xlsx_of(CASE, edit=lambda sheet: sheet.parent.create_sheet("Hidden").__setattr__("sheet_state", "hidden")),
        xlsx_of(CASE, edit=setting("seen", True)),
        as_excel_writes(xlsx_of(CASE)),
        xlsx_of(CASE, edit=lambda sheet: sheet.insert_rows(1, 3)),
    ],
)
def test_spreadsheets_write_the_same_in_many_ways(content: bytes, names: Names) -> None:
    assert forms_of(content, "case", names) == [CASE_FORM]


def test_numbers_are_read_as_they_are_shown(names: Names) -> None:
    def edit(sheet: Worksheet) -> None:
        columns = [str(cell.value) for cell in sheet[1]]
        for row, (value, form) in enumerate([(0.05, "0%"), (0.07, "0.00%"), (0.2465, "0%")], 2):
            cell = sheet.cell(row, columns.index("how often") + 1, value)
            cell.number_format = form
            sheet.cell(row, columns.index("population") + 1, [5.0, 24.65, 1e-5][row - 2])

    forms = forms_of(xlsx_of(claim(), claim(locator="2"), claim(locator="3"), edit=edit), "claim", names)
    assert [form.how_often.lower for form in forms if isinstance(form, ClaimForm)] == [5, 7, 24.65]
    assert [form.how_often.stated for form in forms if isinstance(form, ClaimForm)] == ["5 %", "7 %", "24.65 %"]
    assert [form.population for form in forms if isinstance(form, ClaimForm)] == ["5", "24.65", "0.00001"]


@pytest.mark.parametrize(
    ("stated", "read_as", "meant"),
    [
        ("", "", HowOften()),
        ("not stated", "", HowOften()),
        ("", "Not stated", HowOften()),
        ("95-98 %", "", HowOften("percent-range", "95-98 %", 95.0, 98.0)),
        ("95 % to 98 %", "", HowOften("percent-range", "95 % to 98 %", 95.0, 98.0)),
        ("95\u201398%", "", HowOften("percent-range", "95\u201398%", 95.0, 98.0)),
        ("24,65 %", "", HowOften("percent-range", "24,65 %", 24.65, 24.65)),
        ("a third", "30 - 35%", HowOften("percent-range", "a third", 30.0, 35.0)),
        ("5 %", "1 of 20", HowOften("count", "5 %", numerator=1, denominator=20)),
        ("13/20", "", HowOften("count", "13/20", numerator=13, denominator=20)),
        ("13 out of 20", "", HowOften("count", "13 out of 20", numerator=13, denominator=20)),
        ("<< 1 %", "", HowOften("order-of-magnitude", "<< 1 %", upper=1.0, marks=2)),
        ("<0.8%", "", HowOften("order-of-magnitude", "<0.8%", upper=0.8, marks=1)),
        ("Often", "", HowOften("word", "Often", word=iri("frequency-frequent"))),
        ("in most", "very frequent", HowOften("word", "in most", word=iri("frequency-very-frequent"))),
    ],
)
def test_how_often_is_read_from_the_words_or_beside_them(
    stated: str, read_as: str, meant: HowOften, names: Names
) -> None:
    content = csv_of(claim(how_often=stated, read_as=read_as))
    assert forms_of(content, "claim", names) == [replace(CLAIM_FORM, how_often=meant)]


@pytest.mark.parametrize(
    "further",
    [
        {"finding": "joint effusion", "seen": "absent"},
        {"title": "rice grains in  the THIGH", "finding": "joint effusion", "seen": "no"},
        CASE | {"finding": "joint effusion", "seen": "absent", **dict.fromkeys(["site", "side", "morphologies"], "")},
    ],
    ids=["empty", "title", "all again"],
)
def test_further_rows_add_observations(further: Mapping[str, str], names: Names) -> None:
    further = {**further, "observation note": ""}
    (form,) = forms_of(csv_of(CASE, further), "case", names)
    second = Seen(iri("joint-effusion"), False)
    assert form == replace(CASE_FORM, observations=(*CASE_FORM.observations, second))
    columns = tuple(column for column in CASE if column in ("finding", "seen", "site", "side", "morphologies"))
    (form,) = forms_of(csv_of(without(CASE, *columns, "observation note"), further), "case", names)
    assert form == replace(CASE_FORM, observations=(second,)), "a first row may be about the case alone"


def test_rows_are_counted_as_a_spreadsheet_does() -> None:
    content = csv_of(case(description="one\ntwo\r\nthree"), case(title="Second", site="elbo"))
    (fault,) = drafted(content.replace(b"\r\nSecond", b"\r\n\r\nSecond")).faults
    assert (fault.row, fault.column, fault.cell) == (4, "site", f"{letter('site')}4")
    assert "elbow" in fault.text


# Forms to tables and back


def texts(longest: int = 60) -> st.SearchStrategy[str]:
    """What a cell can say, and what spreadsheets and formats trip over."""
    alphabet = st.one_of(st.characters(exclude_categories=["C"]), st.sampled_from("\",;\n\t'=+-@_x0Da%|"))
    odd = st.sampled_from(
        ["_x000D_", "_x005F_x0041_", "- no flow (yet)", "+", "0012", "1e5", "TRUE", '"', "3/20", "a;b"]
    )
    return st.one_of(st.text(alphabet, max_size=longest), odd).map(str.strip).filter(is_plain)


def titles() -> st.SearchStrategy[str]:
    return texts().filter(lambda text: bool(fold(text)))


def of(names: list[str], most: int = 3) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(names), max_size=most, unique=True).map(tuple)


@pytest.fixture(scope="module")
def known(kg: KnowledgeGraph) -> dict[str, list[str]]:
    """What a form can name, by kind or class."""
    concepts = kg.knowledge.concepts.values()
    kinds = {kind: [each.iri for each in concepts if each.kind == kind] for kind in (*FEATURE_KINDS, "diagnosis")}
    return kinds | {name: list(members) for name, members in choices(kg.store).items()}


def sources(known: Mapping[str, list[str]], new: list[NewSource]) -> st.SearchStrategy[Source]:
    old = st.sampled_from(known["Source"])
    return st.one_of(old, st.sampled_from(new)) if new else old


def new_sources(kg: KnowledgeGraph) -> st.SearchStrategy[list[NewSource]]:
    taken = {fold(title) for title in choices(kg.store)["Source"].values()}
    known = titles().filter(lambda title: fold(title) not in taken)
    new = st.builds(NewSource, known, titles(), texts(), texts())
    return st.lists(new, max_size=2, unique_by=lambda source: fold(source.title))


def how_often(known: Mapping[str, list[str]]) -> st.SearchStrategy[HowOften]:
    percent = st.decimals(0, 100, places=4).map(float)
    whole = st.integers(1, 10**9 - 1)
    stated = st.one_of(titles(), st.sampled_from(["5 %", "13 of 20", "never", "not stated", "<< 1 %"]))
    return st.one_of(
        st.just(HowOften()),
        st.builds(
            lambda stated, bounds: HowOften("percent-range", stated, *sorted(bounds)),
            stated,
            st.tuples(percent, percent),
        ),
        st.builds(lambda stated, n, m: HowOften("count", stated, numerator=n, denominator=m), stated, whole, whole),
        st.builds(
            lambda stated, word: HowOften("word", stated, word=word), stated, st.sampled_from(known["FrequencyWord"])
        ),
        st.builds(
            lambda stated, upper, marks: HowOften("order-of-magnitude", stated, upper=upper, marks=marks),
            stated,
            percent.filter(bool),
            st.integers(1, 9),
        ),
    )


@st.composite
def cases(draw: st.DrawFn, kg: KnowledgeGraph, known: Mapping[str, list[str]]) -> list[CaseForm]:
    new = draw(new_sources(kg))
    seen = st.builds(
        Seen,
        st.sampled_from(known["finding"]),
        st.booleans(),
        st.one_of(st.none(), st.sampled_from(known["site"])),
        st.one_of(st.none(), st.sampled_from(known["Side"])),
        of(known["morphology"]),
        texts(),
    )
    form = st.builds(
        CaseForm,
        titles(),
        texts(200),
        st.one_of(st.none(), sources(known, new)),
        st.lists(seen, min_size=1, max_size=3, unique=True).map(tuple),
        of(known["context"]),
        of(known["diagnosis"]),
        texts(),
    )
    return draw(st.lists(form, min_size=1, max_size=4, unique_by=lambda form: fold(form.title)))


@st.composite
def claims(draw: st.DrawFn, kg: KnowledgeGraph, known: Mapping[str, list[str]]) -> list[ClaimForm]:
    new = draw(new_sources(kg))
    form = st.builds(
        ClaimForm,
        st.sampled_from(known["diagnosis"]),
        st.sampled_from(known["morphology"] + known["site"]),
        st.one_of(st.none(), st.sampled_from(known["finding"])),
        of(known["site"]),
        how_often(known),
        st.sampled_from(known["Confidence"]),
        of(known["Modality"]),
        texts(),
        texts(),
        sources(known, new),
        st.sampled_from(known["Verification"]),
        texts(),
    )
    return draw(st.lists(form, min_size=1, max_size=4))


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("what", ["case", "claim"])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_forms_come_back_from_a_table(
    what: What, form: tables.Written, kg: KnowledgeGraph, names: Names, known: dict[str, list[str]], data: st.DataObject
) -> None:
    forms = data.draw(cases(kg, known) if what == "case" else claims(kg, known))
    assert forms_of(tables.written(forms, what, form, kg), what, names) == forms


# What is refused


def html(_: bytes) -> bytes:
    return b"<html><table><tr><td>title</td></tr></table></html>"


BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("k"))
)


def bombed(content: bytes) -> bytes:
    """An XML file in which one word stands for a billion letters."""
    body = re.sub(rb"<\?xml.*?\?>", b"", content)
    return BOMB + b"]>" + re.sub(rb">([^<>]{3,})<", b">&j;<", body, count=1)


def lying(content: bytes) -> bytes:
    """A workbook whose directory says that each of its files is small."""
    huge = with_part(content, "xl/worksheets/sheet1.xml", lambda old: old + b" " * 30_000_000)
    with ZipFile(BytesIO(huge)) as archive:
        sizes = {info.file_size for info in archive.infolist() if info.file_size > 1_000_000}
    for size in sizes:
        huge = huge.replace(struct.pack("<L", size), struct.pack("<L", 1_000))
    return huge


def in_sheet(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def alter(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return alter


FILES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is empty. Start from the template"),
    "blank": (b" \r\n\r\n", "is empty"),
    "mark alone": (b"\xef\xbb\xbf", "should name the columns|is empty|no row"),
    "header alone": (csv_of(CASE).splitlines()[0], "no row below the names"),
    "no header": (csv_of(CASE).splitlines()[1], "Row 1 .* should name the columns"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Excel file .*Save it as an Excel workbook"),
    "UTF-16": (csv_of(CASE).decode().encode("utf-16"), "UTF-16. Save the table as CSV UTF-8"),
    "UTF-32": (csv_of(CASE).decode().encode("utf-32"), "UTF-16|should name"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "Row 1 .* should name the columns"),
    "HTML": (html(b""), "Row 1 .* should name the columns"),
    "NUL bytes": (bytes(2000), "should name the columns|is empty"),
    "zip": (b"PK\x05\x06" + bytes(18), "no Excel workbook"),
    "damaged zip": (xlsx_of(CASE)[:-200], "damaged workbook. Save it"),
    "cut zip": (b"PK\x03\x04", "damaged workbook"),
    "garbled part": (with_part(xlsx_of(CASE), SHEET, html), "damaged workbook|should name|no row"),
    "cut part": (with_part(xlsx_of(CASE), SHEET, lambda old: old[:400]), "damaged workbook"),
    "no sheets": (with_part(xlsx_of(CASE), "xl/workbook.xml", lambda _: b"<workbook/>"), "damaged workbook"),
    "OpenDocument": (
        with_part(xlsx_of(CASE), "xl/workbook.xml", lambda _: b"").replace(b"xl/workbook.xml", b"xl/workboox.xml"),
        "is no Excel workbook",
    ),
    "macros": (with_part(xlsx_of(CASE), "xl/vbaProject.bin", lambda _: b"x"), "holds macros. Save it"),
    "external link": (
        with_part(xlsx_of(CASE), "xl/externalLinks/externalLink1.xml", lambda _: b"<x/>"),
        "points at other workbooks. Copy the cells",
    ),
    "bomb of the sheet": (with_part(xlsx_of(CASE), SHEET, bombed), "damaged workbook .Entities"),
    "bomb of the book": (with_part(xlsx_of(CASE), "xl/workbook.xml", bombed), "damaged workbook .Entities"),
    "bomb of the texts": (as_excel_writes(xlsx_of(CASE), bombed), "damaged workbook .Entities"),
    "zip bomb": (
        with_part(xlsx_of(CASE), SHEET, lambda old: old + b" " * 30_000_000),
        "unpack to more than 10 MB.*Copy the cells",
    ),
    "lying zip bomb": (lying(xlsx_of(CASE)), "damaged workbook"),
    "100 MB": (csv_of(CASE) + bytes(100_000_000), "more than 5 MB. Give the table in parts"),
    "two million rows": (csv_of(CASE) + b"\n" * 2_000_000, "more than 10000 rows. Delete those that are empty"),
    "far row": (
        with_part(xlsx_of(CASE), SHEET, in_sheet(b'r="2"', b'r="999999999"')),
        "more than 10000 rows",
    ),
    "501 rows": (csv_of(*[case(title=str(number)) for number in range(501)]), "Row 502 .* one too many: at most 500"),
    "501 rows of a book": (xlsx_of(*[CASE] * 501), "Row 502 .* one too many: at most 500"),
    "many columns": (b"title," + b"x," * 2_000_000 + b"y\n1\n", "more than 100 cells. Start from the template"),
    "merged cells": (
        xlsx_of(CASE, CASE, edit=lambda sheet: sheet.merge_cells("A2:A3")),
        "cells A2:A3 of .* merged. Take them apart",
    ),
    "all merged": (
        with_part(
            xlsx_of(CASE),
            SHEET,
            in_sheet(b"</sheetData>", b'</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'),
        ),
        "cells A1:XFD1048576 of .* merged",
    ),
    "hidden sheet": (
        xlsx_of(
            CASE,
            edit=lambda sheet: (sheet.parent.create_sheet("Other"), setattr(sheet, "sheet_state", "hidden"))[0],
        ),
        "first sheet of .* is hidden. Show it",
    ),
    "hidden row": (
        xlsx_of(CASE, edit=lambda sheet: setattr(sheet.row_dimensions[2], "hidden", True)),
        "Row 2 of .* is hidden. Show it",
    ),
    "hidden column": (
        xlsx_of(CASE, edit=lambda sheet: setattr(sheet.column_dimensions["B"], "hidden", True)),
        "Column B of .* is hidden. Show it",
    ),
    "open quote": (csv_of(CASE) + b'"open,x\r\ny', "Row 3 .* a quote is opened and never closed"),
    "open quote of the header": (b'"title,description\r\nx', "Row 1 .* a quote is opened and never closed"),
    "text after a quote": (b'title,note\r\n"a"b,c\r\n', "Row 2 .* between a closing quote and the end"),
    "endless cell": (b"title,note\r\n" + b"x" * 200_000, "Row 2 .* more than 10000 characters"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_table_is_refused(name: str, kg: KnowledgeGraph) -> None:
    content, told = FILES[name]
    began = time.process_time()
    with pytest.raises(PatchInvalid, match=told):
        drafted(content)
    assert time.process_time() - began < 10, "and that soon"
    assert_nothing_changed(kg)


def faults_of_file(content: bytes) -> str | None:
    try:
        tables.read(content)
    except PatchInvalid as error:
        return str(error)
    return None


GOOD = [csv_of(CASE), xlsx_of(CASE), as_excel_writes(xlsx_of(CASE))]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_whatever_happens_to_a_file_it_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(GOOD)))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    told = faults_of_file(bytes(content))
    assert told is None or re.match(r"The table|(Row|Column|The cells|The first sheet) .* The table", told)


def test_a_file_is_what_it_holds_whatever_its_name_says(names: Names) -> None:
    with pytest.raises(PatchInvalid, match=r"cases.xlsx is no Excel workbook, whatever its name says. Save it"):
        tables.read(csv_of(CASE), "cases.xlsx")
    assert tables.read(xlsx_of(CASE), "cases.csv").sheet == "Sheet"
    assert "\u202e" not in str(faults_of(b"", name="cases\u202e.csv"))


def assert_nothing_changed(kg: KnowledgeGraph) -> None:
    now = KnowledgeGraph.open()
    assert (now.content_hash, now.revision) == (kg.content_hash, "")
    assert Journal().changes() == []


CELLS: dict[str, tuple[What, bytes, str, str]] = {
    # spreadsheets
    "formula": ("case", xlsx_of(CASE, edit=setting("note", "=1+1")), "Row 2, note (F2)", "This is a formula. Copy"),
    "formula as text": (
        "case",
        xlsx_of(CASE, edit=setting("note", "=1+1", data_type="s")),
        "Row 2, note (F2)",
        "This begins like a formula",
    ),
    "error": ("case", xlsx_of(CASE, edit=setting("site", "#REF!", data_type="e")), "Row 2, site (I2)", ".*#REF!"),
    "date": ("case", xlsx_of(CASE, edit=setting("note", date(2020, 3, 1))), "Row 2, note (F2)", ".*date.*as text"),
    "number for a term": ("case", xlsx_of(CASE, edit=setting("site", 5.0)), "Row 2, site (I2)", 'Nothing .* "5"'),
    "percent for a term": (
        "case",
        xlsx_of(CASE, edit=setting("site", 0.05, number_format="0%")),
        "Row 2, site (I2)",
        'Nothing is called "5 %"',
    ),
    "false": ("case", xlsx_of(CASE, edit=setting("finding", False)), "Row 2, finding (G2)", 'Nothing .* "no"'),
    "escaped bell": ("case", xlsx_of(CASE, edit=setting("note", "a_x0007_")), "Row 2, note (F2)", ".*cannot be seen"),
    "escaped surrogate": (
        "case",
        xlsx_of(CASE, edit=setting("note", "_xD83D_")),
        "Row 2, note (F2)",
        ".*cannot be seen",
    ),
    # marks
    "=": ("case", csv_of(case(note="=1+1")), "Row 2, note (F2)", "This begins like a formula .*as text"),
    "@": ("case", csv_of(case(title="@SUM(A1)")), "Row 2, title (A2)", "This begins like a formula"),
    "+": ("case", csv_of(case(note="+SUM(1;1)")), "Row 2, note (F2)", "This begins like a formula"),
    "-": ("case", csv_of(case(note="-2+3+cmd|' /C calc'!A0")), "Row 2, note (F2)", "This begins like a formula"),
    "tab and =": ("case", csv_of(case(note="\t=1+1")), "Row 2, note (F2)", "This begins like a formula"),
    "wide =": ("case", csv_of(case(note="\uff1d1+1")), "Row 2, note (F2)", "This begins like a formula"),
    "= in a claim": (
        "claim",
        csv_of(claim(how_often="=13/20")),
        "Row 2, how often (D2)",
        "This begins like a formula",
    ),
    "NUL": ("case", csv_of(case(note="a\0b")), "Row 2, note (F2)", ".*mark that cannot be seen .*Type it anew"),
    "bell": ("case", csv_of(case(note="a\ab")), "Row 2, note (F2)", ".*mark that cannot be seen"),
    "right to left": ("case", csv_of(case(title="a\u202eb")), "Row 2, title (A2)", ".*u202e"),
    "no width": ("claim", csv_of(claim(diagnosis="cysti\u200bcercosis")), "Row 2, diagnosis (A2)", ".*u200b"),
    "in the header": ("case", csv_of(CASE | {"ti\u200btle": "x"}), "Row 1 (M1)", "u200b"),
    "Latin-1": (
        "case",
        csv_of(CASE, case(title="Zweiter", note="\xd6dem")).decode().encode("latin-1"),
        "Row 3, note (F3)",
        "This is not in UTF-8: it holds the byte D6. Save the table as CSV UTF-8",
    ),
    "cut UTF-8": ("case", csv_of(CASE) + b"x\xc3", "Row 3, title (A3)", "This is not in UTF-8"),
    "long cell": (
        "case",
        csv_of(case(description="x" * 10_001)),
        "Row 2, description (B2)",
        ".*more than 10000.*shorter",
    ),
    # columns
    "unknown column": ("case", csv_of(CASE | {"morphology": "x"}), "Row 1, morphology (M1)", '.*mean "morphologies"'),
    "strange column": (
        "case",
        csv_of(CASE | {"zzz": "x"}),
        "Row 1, zzz (M1)",
        "There is no such column. There are: ti",
    ),
    "column twice": ("case", csv_of(CASE | {"Title": "x"}), "Row 1, Title (M1)", ".*twice; the first is A. Keep one"),
    "no title": ("case", csv_of(without(CASE, "title")), "Row 1, title", 'The column "title" is missing. Add it'),
    "no finding": ("case", csv_of(without(CASE, "finding")), "Row 1, finding", 'The column "finding" is missing'),
    "no confidence": ("claim", csv_of(without(CLAIM, "confidence")), "Row 1, confidence", "The column .* is missing"),
    "the other table": (
        "claim",
        csv_of(CASE),
        "Row 1, title (A1)",
        "This column belongs to a table of cases, not of cl",
    ),
    "unnamed column": ("case", csv_of(CASE | {"": "x"}), "Row 2 (M2)", "Nothing says what this column is: name it"),
    "too many cells": ("case", csv_of(CASE).rstrip() + b",rest\r\n", "Row 2 (M2)", ".*comma cut a text in two"),
    # terms
    "unknown finding": (
        "case",
        csv_of(case(finding="soft tissue calcifcation")),
        "Row 2, finding (G2)",
        ".*Nearest: soft tissue calcification",
    ),
    "another kind": (
        "case",
        csv_of(case(site="rice-grain")),
        "Row 2, site (I2)",
        '"rice-grain" is a morphology, and a site',
    ),
    "one of several": (
        "case",
        csv_of(case(contexts="pain; pane")),
        "Row 2, contexts (D2)",
        'Nothing is called "pane"',
    ),
    "several for one": ("case", csv_of(case(site="muscle; elbow joint")), "Row 2, site (I2)", "Nothing is called"),
    "fifty and one": ("case", csv_of(case(contexts="pain;" * 50 + "pain")), "Row 2, contexts (D2)", ".*at most 50"),
    "CURIE of nothing": ("case", csv_of(case(site="msk:nowhere")), "Row 2, site (I2)", "Nothing is called"),
    "foreign IRI": ("case", csv_of(case(site="http://example.org/<x>")), "Row 2, site (I2)", "Nothing is called"),
    "side": ("case", csv_of(case(side="lft")), "Row 2, side (J2)", '"lft" is none of bilateral, left, right'),
    "seen": ("case", csv_of(case(seen="maybe")), "Row 2, seen (H2)", '"maybe" is neither present nor absent'),
    "confidence": ("claim", csv_of(claim(confidence="sure")), "Row 2, confidence (E2)", '"sure" is none of high, low'),
    "technique": ("claim", csv_of(claim(techniques="ultrasound; X")), "Row 2, techniques (F2)", '"X" is none of'),
    "unknown source": (
        "case",
        csv_of(case(source="Ultrasonography of chondrocalcinosis")),
        "Row 2, source (C2)",
        '.*Nearest: Ultrasonography in chondrocalcinosis.*fill in "source citation"',
    ),
    "of a finding": (
        "claim",
        csv_of(claim(feature="joint effusion")),
        "Row 2, of finding (C2)",
        "Only a morphology or a site is of a finding",
    ),
    # numbers
    "bare number": (
        "claim",
        csv_of(claim(how_often="0.05")),
        "Row 2, how often (D2)",
        '"0.05" is read as no number.*13 of',
    ),
    "vague words": ("claim", csv_of(claim(how_often="some")), "Row 2, how often (D2)", ".*read as no number"),
    "over 100": (
        "claim",
        csv_of(claim(how_often="105 %")),
        "Row 2, how often (D2)",
        "A percentage is between 0 and 100",
    ),
    "crossed": ("claim", csv_of(claim(how_often="9-5 %")), "Row 2, read as", "This is more than the other percentage"),
    "more than all": ("claim", csv_of(claim(how_often="21 of 20")), "Row 2, read as", "This is more than the whole"),
    "of none": ("claim", csv_of(claim(how_often="0 of 0")), "Row 2, how often (D2)", ".*m at least 1"),
    "less than nothing": ("claim", csv_of(claim(how_often="<< 0 %")), "Row 2, how often (D2)", "Nothing is less"),
    "number alone": ("claim", csv_of(claim(how_often="", read_as="5 %")), "Row 2, how often (D2)", "The words of the"),
    "read as nothing": ("claim", csv_of(claim(read_as="many")), "Row 2, read as (L2)", '"many" is read as no number'),
    "not stated, yet": ("claim", csv_of(claim(read_as="not stated")), "Row 2, read as (L2)", ".*into the note"),
    # what has to be there
    "case without title": (
        "case",
        csv_of(case(title="")),
        "Row 2, title (A2)",
        "Give the case a title: there is none",
    ),
    "no description": ("case", csv_of(case(description="")), "Row 2, description (B2)", "Describe the case"),
    "no source": ("case", csv_of(case(source="")), "Row 2, source (C2)", "Choose where the case is from"),
    "nothing seen": ("case", csv_of(CASE, {"site": "muscle"}), "Row 3, finding (G3)", "Choose what was looked for"),
    "no diagnosis": ("claim", csv_of(claim(diagnosis="")), "Row 2, diagnosis (A2)", "Choose the diagnosis"),
    "no feature": ("claim", csv_of(claim(feature="")), "Row 2, feature (B2)", ""),
    "no verification": ("claim", csv_of(claim(verification="")), "Row 2, verification (J2)", "Say whether"),
    # new sources
    "address": (
        "case",
        csv_of(case(source="A book", source_citation="A book. 2026.", source_address="example.org")),
        "Row 2, source address (N2)",
        "An address begins with https://",
    ),
    "source without title": (
        "case",
        csv_of(case(source="", source_citation="A book.")),
        "Row 2, source (C2)",
        "Give the",
    ),
    "source there already": (
        "case",
        csv_of(case(source="Ultrasonography in chondrocalcinosis", source_citation="Again.")),
        "Row 2, source citation (M2)",
        "There is a source of this title already",
    ),
    "source described twice": (
        "claim",
        csv_of(
            claim(source="A book", source_citation="A book. 2026."),
            claim(source="A book", source_citation="A book. 2025.", locator="2"),
        ),
        "Row 3, source citation (L3)",
        "Row 2 describes this source otherwise",
    ),
    # twice
    "claim twice": (
        "claim",
        csv_of(CLAIM, claim(note="again")),
        "Row 3, diagnosis (A3)",
        "Row 2 makes this claim already",
    ),
    "observation twice": ("case", csv_of(CASE, CASE), "Row 3, finding (G3)", "This is the observation of row 2 again"),
    "title twice": (
        "case",
        csv_of(CASE, case(title="Another"), case(side="right")),
        "Row 4, title (A4)",
        "Row 2 begins a case of this title. Put its rows together",
    ),
    "another description": (
        "case",
        csv_of(CASE, case(description="Other.", side="right")),
        "Row 3, description (B3)",
        "Row 2, where this case begins, says otherwise",
    ),
}


@pytest.mark.parametrize("name", CELLS)
def test_what_is_wrong_is_told_at_its_cell(name: str, kg: KnowledgeGraph) -> None:
    what, content, place, told = CELLS[name]
    found = faults_of(content, what)
    assert any(re.fullmatch(f"{re.escape(place)}: .*{told}.*", fault) for fault in found), found
    assert len(found) == len({fault.split(":")[0] for fault in found}), "each cell is told once"
    assert_nothing_changed(kg)


def test_a_minus_or_plus_is_no_formula(names: Names) -> None:
    notes = ["- no flow (yet)", "+", "-", "+/- 3 mm", "-5 mm", "+1 grade", "a = b", "x|y!"]
    content = csv_of(*(case(title=str(number), note=note) for number, note in enumerate(notes)))
    assert [form.note for form in forms_of(content, "case", names)] == notes


# What goes in


def test_nothing_goes_in_while_a_row_is_wrong_unless_it_is_left_out() -> None:
    rows = [CASE, case(title="Second", site="elbo"), {"finding": "joint effusion"}, case(title="Third", description="")]
    content = csv_of(*rows, case(title="Fourth"))
    refused = drafted(content)
    assert [(fault.row, fault.column) for fault in refused.faults] == [(3, "site"), (5, "description")]
    assert (len(refused.graph), refused.nodes, refused.left_out) == (0, (), (2, 3, 4, 5, 6))
    some = drafted(content, leave_out=True)
    assert some.faults == refused.faults
    assert some.left_out == (3, 4, 5), "a case goes out with all of its rows"
    assert some.nodes == (iri("case-rice-grains-in-the-thigh"), iri("case-fourth"))
    alone = drafted(csv_of(CASE, case(title="Fourth")))
    assert set(some.graph) == set(alone.graph)
    none = drafted(csv_of(case(site="elbo")), leave_out=True)
    assert (len(none.graph), none.nodes, none.left_out) == (0, (), (2,))


def test_a_title_that_is_refused_begins_a_case_all_the_same() -> None:
    content = csv_of(
        CASE, case(title="=A1", description="Another."), {"finding": "joint effusion"}, case(title="Third")
    )
    refused = drafted(content)
    assert [(fault.row, fault.column) for fault in refused.faults] == [(3, "title")]
    some = drafted(content, leave_out=True)
    assert some.left_out == (3, 4), "the case above is sound"
    assert some.nodes == (iri("case-rice-grains-in-the-thigh"), iri("case-third"))


def test_faults_of_the_whole_table_cannot_be_left_out() -> None:
    assert drafted(csv_of(CASE | {"zzz": "x"}), leave_out=True).nodes == ()


def test_a_new_source_is_described_once_for_all_rows(kg: KnowledgeGraph) -> None:
    content = csv_of(
        claim(source="A Book"),
        claim(source="A book", source_citation="Somebody. A book. 2026.", locator="2"),
        claim(source="Another", source_citation="Another. 2026.", locator="3"),
        claim(source="A book", source_citation="Somebody. A book. 2026.", locator="4"),
    )
    rows = drafted(content, "claim")
    assert rows.faults == ()
    after = kg.changed_by(curation.additions(kg, rows.graph)).knowledge
    sources = [after.claims[node].source.iri for node in rows.nodes]
    assert sources == [iri(f"source-{name}") for name in ("a-book", "a-book", "another", "a-book")]


def test_a_fault_of_a_shared_source_is_told_in_every_row_that_has_it() -> None:
    book = {"source": "A book", "source citation": "A book.", "source address": "nowhere"}
    rows = drafted(
        csv_of(claim(locator="1") | book, claim(locator="2", source="A book"), CLAIM), "claim", leave_out=True
    )
    assert [(fault.row, fault.column) for fault in rows.faults] == [(2, "source address"), (3, "source")]
    assert (len(rows.nodes), rows.left_out) == (1, (2, 3))


def test_what_was_added_is_not_added_again(kg: KnowledgeGraph) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSKGRAPH_HOME", str(Journal().path.parent / "another"))
        for what, row in ROWS.items():
            rows = drafted(csv_of(row), what)
            now = KnowledgeGraph.open()
            curation.accept(Journal(), KnowledgeGraph.open, curation.additions(now, rows.graph), "a teacher")
            (fault,) = drafted(csv_of(row), what).faults
            assert "The knowledge has" in fault.text
            other = {"case": case(description="Another one."), "claim": claim(population="others")}[what]
            assert drafted(csv_of(other), what).faults == ()
        knowledge = KnowledgeGraph.open().knowledge
    assert knowledge.cases[iri("case-rice-grains-in-the-thigh")].diagnoses == (iri("cysticercosis"),)
    assert knowledge.claims[iri("cysticercosis-rice-grain-seed-2")].estimate.numerator == 13


def test_five_hundred_rows_take_seconds() -> None:
    further = {name: CASE[name] for name in ("finding", "site", "side")}
    rows = [row for number in range(125) for row in (case(title=f"Case {number}"), *_others(further))]
    began = time.process_time()
    found = drafted(csv_of(*rows))
    assert (len(found.nodes), found.faults) == (125, ())
    assert time.process_time() - began < 10


def _others(row: Mapping[str, str]) -> Iterator[dict[str, str]]:
    for side in ("left", "right", "bilateral"):
        yield {**row, "side": side}


def test_unknown_names_without_end_take_seconds() -> None:
    rows = [
        claim(diagnosis=f"d{n}", sites=";".join(f"s{n} {m}" for m in range(50)), source=f"q{n}") for n in range(500)
    ]
    began = time.process_time()
    found = drafted(csv_of(*rows), "claim")
    assert len(found.faults) >= 1500
    assert time.process_time() - began < 10


def test_more_than_a_change_may_have_is_told_at_once() -> None:
    found = drafted(csv_of(*(claim(population=str(number)) for number in range(500))), "claim", leave_out=True)
    (fault,) = found.faults
    assert re.match(r"The table comes to \d+ triples; a change has at most 5000. Give .* parts of \d+ rows", str(fault))
    assert found.nodes == ()
