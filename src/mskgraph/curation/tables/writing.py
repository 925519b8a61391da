"""Forms written as a table, and the empty table to start from, with an example in it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Final, Literal

from mskgraph.curation.checks import Basis
from mskgraph.curation.forms import CaseForm, ClaimForm, HowOften, NewSource, Seen
from mskgraph.curation.tables.columns import OF, SEEN, Column, What
from mskgraph.curation.tables.filling import Form, cells_of
from mskgraph.curation.tables.naming import Names
from mskgraph.curation.tables.reading import MOST_ROWS
from mskgraph.graph import Knowledge
from mskgraph.terms import iri

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

Written = Literal["csv", "xlsx"]

EXAMPLE: Final = "Example of the template: write your own over it."
"""The note of the example rows."""

EXPLAINING: Final = ("Columns", "Names")
"""Sheets of the template that explain its first one."""

_SOURCE = NewSource("Example source", "Example of the template: authors, title, journal, year, pages.")
_WIDTH, _WIDE = 18, 48  # of a column of a sheet, in letters
_LONGEST_LIST = 255  # letters of a list that a cell offers
_COUNTED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")  # would be read as one mark: the underscore is written as such a mark


def template(what: What, form: Written, basis: Basis) -> bytes:
    """Return a table to fill in: the names of the columns, and rows of an example that are right as they stand.

    :param form: an XLSX workbook also explains each column, offers the words of short lists, and holds all names
    """
    return written(_example(what, basis.knowledge), what, form, basis)


def written(forms: Iterable[Form], what: What, form: Written, basis: Basis) -> bytes:
    """Return a table that says what forms do.

    :param forms: all of them cases, or all of them claims
    """
    names = Names(basis)
    rows = [row for each in forms for row in cells_of(each, names)]
    return _csv(rows, what) if form == "csv" else _xlsx(rows, what, names)


def _example(what: What, knowledge: Knowledge) -> list[Form]:
    """Return one or two forms of what there is in the knowledge; their source is made up, as no real one says this."""
    if what == "case":
        return _example_case(knowledge)
    claims = sorted(knowledge.claims.values(), key=lambda claim: claim.iri)
    features = [claim for claim in claims if claim.relation == "feature"]
    if not features:
        return []
    described = next((claim for claim in features if knowledge.kind(claim.target) == "morphology"), features[0])
    plain = next((claim for claim in features if knowledge.kind(claim.target) == "finding"), features[-1])
    both = ClaimForm(
        confidence=iri("confidence-medium"),
        modalities=(iri("ultrasound"),),
        population="20 adults",
        locator="table 2, row 1",
        source=_SOURCE,
        verification=iri("verification-checked"),
        note=EXAMPLE,
    )
    return [
        replace(
            both,
            diagnosis=described.diagnosis,
            feature=described.target,
            of_finding=described.of_finding,
            how_often=HowOften("count", "13 of 20", numerator=13, denominator=20),
        ),
        replace(
            both,
            diagnosis=plain.diagnosis,
            feature=plain.target,
            how_often=HowOften("percent-range", "in about a third", 30.0, 35.0),
            modalities=(iri("ultrasound"), iri("radiography")),
        ),
    ]


def _example_case(knowledge: Knowledge) -> list[Form]:
    """Return a case after the pattern of the stored one that says most, or else of one finding."""
    cases = sorted(knowledge.cases.values(), key=lambda case: (-len(case.features), case.iri))
    case = cases[0] if cases else None
    shown = [
        Seen(each.finding, True, each.sites[0], iri(each.side) if each.side else None, each.morphologies)
        for each in (case.observations if case else ())
        if each.present and len(each.sites) == 1
    ]
    findings = sorted(each.iri for each in knowledge.concepts.values() if each.kind == "finding")
    if not findings:
        return []
    shown = shown[:2] or [Seen(findings[0])]
    missing = next((finding for finding in findings if finding not in {each.finding for each in shown}), None)
    example = CaseForm(
        title="Example case",
        description="What the images of one patient show, in your own words.",
        source=_SOURCE,
        observations=(replace(shown[0], note="5 mm."), *shown[1:], *([Seen(missing, False)] if missing else [])),
        contexts=case.contexts if case else (),
        diagnoses=case.diagnoses if case else (),
        note=EXAMPLE,
    )
    return [example]


def _csv(rows: Iterable[Mapping[str, str]], what: What) -> bytes:
    text = StringIO()
    writer = csv.DictWriter(text, [column.name for column in OF[what]], restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")  # with the mark by which spreadsheets know UTF-8


def _xlsx(rows: Iterable[Mapping[str, str]], what: What, names: Names) -> bytes:
    from openpyxl import Workbook

    columns = OF[what]
    workbook = Workbook()
    table = workbook.worksheets[0]
    table.title = f"{what.capitalize()}s"
    lines = [[column.name for column in columns]]
    lines += [[row.get(column.name, "") for column in columns] for row in rows]
    _fill(table, lines)
    for column in columns:
        _offer(table, columns.index(column) + 1, _words(column, names))
    _explain(workbook, columns, names)
    _list_names(workbook, columns, names)
    content = BytesIO()
    workbook.save(content)
    return content.getvalue()


def _fill(sheet: Worksheet, lines: Sequence[Sequence[str]], widths: Sequence[int] = ()) -> None:
    """Write texts into a sheet, all of them as text, under a first line that stays in view."""
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    for number in range(len(lines[0])):
        column = sheet.column_dimensions[get_column_letter(number + 1)]
        column.width = widths[number] if widths else _WIDTH
        column.number_format = "@"  # or "3/20" would become a date as it is typed
    for row, line in enumerate(lines, 1):
        for number, text in enumerate(line, 1):
            if text:
                cell = sheet.cell(row, number, _COUNTED.sub("_x005F_", text))
                cell.data_type = "s"
                cell.number_format = "@"
                cell.alignment = Alignment(vertical="top", wrap_text=True)
                cell.font = Font(bold=row == 1)
    sheet.freeze_panes = "A2"


def _offer(sheet: Worksheet, number: int, words: Sequence[str]) -> None:
    """Let the cells of a column offer a few words, and take no other."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    listed = ",".join(words)
    if words and len(listed) <= _LONGEST_LIST:
        letter = get_column_letter(number)
        offer = DataValidation(type="list", formula1=f'"{listed}"', allow_blank=True, showErrorMessage=True)
        offer.error = f"Write one of: {', '.join(words)}."
        sheet.add_data_validation(offer)
        offer.add(f"{letter}2:{letter}{MOST_ROWS + 1}")


def _words(column: Column, names: Names) -> list[str]:
    """Return the words of which a cell of a column is one; none if it can say something else."""
    if column.name == "seen":
        return list(SEEN)[:2]
    return names.labels(column.members) if column.members in ("Side", "Confidence", "Verification") else []


def _explain(workbook: Workbook, columns: Sequence[Column], names: Names) -> None:
    """Add a sheet that says what is written into each column."""
    lines = [["Column", "Needed", "What to write", "Allowed"]]
    for column in columns:
        allowed = ", ".join(_words(column, names)) or (
            f"{' or '.join(column.kinds)}: see the sheet Names"
            if column.kinds
            else "see the sheet Names"
            if column.members == "Source"
            else ", ".join(names.labels(column.members))
            if column.members
            else ""
        )
        about = f"{column.about} Several with a semicolon between." if column.several else column.about
        lines.append([column.name, "yes" if column.needed else "", about, allowed])
    _fill(workbook.create_sheet(EXPLAINING[0]), lines, (_WIDTH, _WIDTH // 2, _WIDE, _WIDE))


def _list_names(workbook: Workbook, columns: Sequence[Column], names: Names) -> None:
    """Add a sheet with the names of all concepts and sources that the columns can name."""
    kinds = list(dict.fromkeys(kind for column in columns for kind in column.kinds))
    lists = {kind: names.concepts(kind) for kind in kinds} | {"source": names.labels("Source")}
    longest = max(map(len, lists.values()))
    rows = [[each[row] if row < len(each) else "" for each in lists.values()] for row in range(longest)]
    _fill(workbook.create_sheet(EXPLAINING[1]), [list(lists), *rows], [_WIDE // 2] * len(kinds) + [2 * _WIDE])
