"""From the bytes of a CSV or XLSX file to rows of text; nothing in them is ever evaluated.

What makes the whole file useless raises an error; what is wrong with one cell is noted with its place, so that a person
sees all of it at once.
"""

from __future__ import annotations

import csv
import re
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from zipfile import BadZipFile, ZipFile

from mskgraph.curation.checks import LONGEST
from mskgraph.curation.tables.columns import COLUMNS
from mskgraph.errors import PatchInvalid
from mskgraph.terms import fold

if TYPE_CHECKING:
    from openpyxl import Workbook

T = TypeVar("T")

LARGEST = 5_000_000
"""Bytes that a table may have."""

MOST_ROWS = 500
"""Rows that a table may have, without its header and rows that are empty."""

_MOST_COLUMNS = 100
_LAST_ROW = 10_000  # over which nothing is looked for, be it empty
_UNPACKED = 10_000_000  # bytes of all that is in an XLSX file
_PARTS = 1_000  # files in it

_TEMPLATE = "Start from the template."
_AS_XLSX = "Save it as an Excel workbook (.xlsx) or as CSV UTF-8."
_AS_UTF8 = "Save the table as CSV UTF-8 (or as .xlsx)"
_CALLS = re.compile(r"[|!]|[A-Za-z0-9.]\(")  # what a text after "+" or "-" needs to do something in a spreadsheet
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")  # how XLSX writes marks that XML cannot hold


@dataclass(frozen=True, order=True)
class Fault:
    """What is wrong with a table, and what helps.

    :ivar row: as a spreadsheet counts them, from 1; 0 for the table as a whole
    :ivar column: its name; empty for a row as a whole
    :ivar cell: as a spreadsheet calls it; empty where no single cell is meant

    >>> print(Fault(7, "site", 'Nothing is called "elbo".', "C7"))
    Row 7, site (C7): Nothing is called "elbo".
    """

    row: int
    column: str
    text: str
    cell: str = ""

    def __str__(self) -> str:
        column = f", {self.column}" if self.column else ""
        cell = f" ({self.cell})" if self.cell else ""
        return f"Row {self.row}{column}{cell}: {self.text}" if self.row else self.text


@dataclass(frozen=True)
class Table:
    """Rows of text by column.

    :ivar columns: names of the columns as they are written, from the first on; empty for one without a name
    :ivar header: the row that these stand in
    :ivar rows: by their numbers, as many texts each as there are columns; rows without any text are not among them
    :ivar faults: cells that cannot be taken as they are; their text is empty here
    :ivar sheet: of a workbook, the sheet that was read
    :ivar other_sheets: its sheets that were not
    """

    columns: tuple[str, ...]
    header: int
    rows: Mapping[int, tuple[str, ...]]
    faults: tuple[Fault, ...] = ()
    sheet: str = ""
    other_sheets: tuple[str, ...] = ()

    def text(self, row: int, column: str) -> str:
        """Return what is in a cell; nothing if the table has no such column.

        :param column: its name, folded
        """
        place = self.place(column)
        return "" if place is None else self.rows[row][place]

    def place(self, column: str) -> int | None:
        """Return the index of a column by its folded name, if there is one."""
        return next((index for index, name in enumerate(self.columns) if fold(name) == column), None)


class _Cell(NamedTuple):
    text: str
    wrong: str = ""


_Rows = Iterator[list[_Cell]]


def read(content: bytes, name: str = "The table") -> Table:
    r"""Return the rows of a CSV file (comma, semicolon or tab between the cells) or of the first sheet of an XLSX file.

    :param name: of the file, for what is said about it
    :raises PatchInvalid: if there is no table of cases or claims in it, naming the place and what helps

    >>> read(b"title;finding\r\nA joint;effusion\r\n").rows
    {2: ('A joint', 'effusion')}
    """
    name = "".join(mark if mark.isprintable() else "\ufffd" for mark in name)[:100]
    if len(content) > LARGEST:
        raise PatchInvalid(f"{name} has more than {LARGEST // 1_000_000} MB. Give the table in parts.")
    if not content.strip():
        raise PatchInvalid(f"{name} is empty. {_TEMPLATE}")
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise PatchInvalid(f"{name} is an old Excel file (.xls), or has a password. {_AS_XLSX}")
    if content.startswith(b"PK"):
        return _in_workbook(content, name)
    if name.lower().endswith((".xlsx", ".xlsm", ".xls", ".ods")):
        raise PatchInvalid(f"{name} is no Excel workbook, whatever its name says. {_AS_XLSX}")
    return _in_text(content, name)


def cell_name(row: int, index: int) -> str:
    """Return what a spreadsheet calls a cell.

    :param index: of the column, from 0

    >>> cell_name(7, 2), cell_name(1, 27)
    ('C7', 'AB1')
    """
    from openpyxl.utils import get_column_letter

    return f"{get_column_letter(index + 1)}{row}"


def _table(rows: Iterable[Sequence[_Cell]], name: str, sheets: Sequence[str] = ("",)) -> Table:
    """Return rows as a table whose first row that is not empty names the columns."""
    header, columns = 0, [""]
    found: dict[int, tuple[str, ...]] = {}
    faults: list[Fault] = []
    for number, cells in enumerate(rows, 1):
        if number > _LAST_ROW:
            raise PatchInvalid(
                f"{name} has more than {_LAST_ROW} rows. Delete those that are empty, or give it in parts."
            )
        if not any(cell.text or cell.wrong for cell in cells):
            continue
        if not header:
            header, columns = number, _named(cells, number, name)
        else:
            found[number] = tuple(cell.text for cell in [*cells, *[_Cell("")] * len(columns)][: len(columns)])
        faults += _faults_of(cells, columns, number, is_header=number == header)
        if len(found) > MOST_ROWS:
            raise PatchInvalid(f"Row {number} of {name} is one too many: at most {MOST_ROWS}. Give the table in parts.")
    if not found:
        raise PatchInvalid(f"{name} has no row below the names of its columns. {_TEMPLATE}")
    return Table(tuple(columns), header, found, tuple(faults), sheets[0], tuple(sheets[1:]))


def _named(cells: Sequence[_Cell], row: int, name: str) -> list[str]:
    columns = [" ".join(cell.text.split()) for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    if not _known(columns):
        shown = ", ".join(column[:30] for column in columns[:5])
        raise PatchInvalid(
            f"Row {row} of {name} should name the columns of cases or claims, but says: {shown}. {_TEMPLATE}"
        )
    return columns


def _few(cells: Sequence[T], row: int, name: str) -> Sequence[T]:
    """Return the cells of a row, if they are not too many to be looked at."""
    last = next((len(cells) - index for index, cell in enumerate(reversed(cells)) if _is_filled(cell)), 0)
    if last > _MOST_COLUMNS:
        raise PatchInvalid(f"Row {row} of {name} has more than {_MOST_COLUMNS} cells. {_TEMPLATE}")
    return cells[:last]


def _is_filled(cell: object) -> bool:
    return bool(cell) if isinstance(cell, str) else getattr(cell, "value", None) is not None


def _known(columns: Iterable[str]) -> int:
    """Return how many are columns of a table of any kind."""
    return sum(fold(column) in COLUMNS for column in columns)


def _faults_of(cells: Sequence[_Cell], columns: Sequence[str], row: int, is_header: bool) -> Iterator[Fault]:
    for index, cell in enumerate(cells):
        column = columns[index] if index < len(columns) else ""
        if cell.wrong:
            yield Fault(row, column, cell.wrong, cell_name(row, index))
        elif cell.text and not column and not is_header:
            text = (
                "Nothing says what this column is: name it, or, if a comma cut a text in two, put the text in quotes."
            )
            yield Fault(row, "", text, cell_name(row, index))
            return


def _cleaned(text: str) -> _Cell:
    """Return a text as the knowledge can hold it, or what is wrong with it."""
    if len(text) > LONGEST:
        return _Cell("", f"This has more than {LONGEST} characters. Say it shorter.")
    text = re.sub(r"\r\n?", "\n", text)
    text = "".join(" " if unicodedata.category(mark) == "Zs" else mark for mark in text).strip()
    bad = next((mark for mark in text if not mark.isprintable() and mark not in "\n\t"), None)
    if bad is not None and 0xDC80 <= ord(bad) <= 0xDCFF:  # how an undecodable byte is kept
        return _Cell("", f"This is not in UTF-8: it holds the byte {ord(bad) - 0xDC00:X}. {_AS_UTF8}.")
    if bad is not None:
        return _Cell("", f"This holds a mark that cannot be seen ({bad!a}). Type it anew without.")
    first = unicodedata.normalize("NFKC", text[:1])
    if first in {"=", "@"} or (first in {"+", "-"} and _CALLS.search(text)):
        return _Cell("", f"This begins like a formula of a spreadsheet ({text[:1]}). Write what it comes to, as text.")
    return _Cell(text)


def is_plain(text: str) -> bool:
    """Return whether a cell with this text is read as just this text.

    >>> is_plain("- no flow (yet)"), is_plain("=1+1"), is_plain("+SUM(1;1)")
    (True, False, False)
    """
    return _cleaned(text) == (text, "")


# --- CSV


def _in_text(content: bytes, name: str) -> Table:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise PatchInvalid(f"{name} is in UTF-16. {_AS_UTF8}.")
    text = content.decode("utf-8-sig", "surrogateescape")
    return _table(_records(text, _delimiter(text, name), name), name)


def _records(text: str, delimiter: str, name: str) -> _Rows:
    """Yield the rows of CSV, empty ones too, as a spreadsheet counts them."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    row = 0
    try:
        for cells in reader:
            row += 1
            yield [_cleaned(cell) for cell in _few(cells, row, name)]
    except csv.Error as error:
        what = {
            "unexpected end of data": "a quote is opened and never closed",
            "field larger": f"a cell has more than {LONGEST} characters; is a quote opened and never closed?",
        }
        said = next((words for start, words in what.items() if str(error).startswith(start)), "")
        said = said or "there is something between a closing quote and the end of its cell"
        remedy = 'A cell with a quote in it is written "so ""quoted"" here".'
        raise PatchInvalid(f"Row {row + 1} of {name} cannot be read: {said}. {remedy}") from None


def _delimiter(text: str, name: str) -> str:
    """Return which mark stands between cells: that with which most columns are known."""

    def known(delimiter: str) -> int:
        try:
            first = next((row for row in _records(text, delimiter, name) if any(cell.text for cell in row)), [])
        except PatchInvalid:  # told when the whole is read
            return 0
        return _known(cell.text for cell in first)

    return max(",;\t", key=known)


# --- XLSX


def _in_workbook(content: bytes, name: str) -> Table:
    from openpyxl.reader.excel import ExcelReader

    _looked_into(content, name)
    try:
        with warnings.catch_warnings(action="ignore"):  # of parts that are not read
            reader = ExcelReader(BytesIO(content), read_only=True, keep_links=False)
            reader.read()
            workbook: Workbook = reader.wb
            sheet = workbook.worksheets[0]
            if sheet.sheet_state != "visible":
                raise PatchInvalid(f"The first sheet of {name}, {sheet.title}, is hidden. Show it, or delete it.")
            path = next(rel.target for each, rel in reader.parser.find_sheets() if each.name == sheet.title)
            sheet.reset_dimensions()  # what a file says of its size may be wrong
            rows = enumerate(sheet.iter_rows(), 1)
            cells = ([_shown(cell) for cell in _few(row, number, name)] for number, row in rows)
            table = _table(cells, name, workbook.sheetnames)
            _all_seen(reader.archive, path, table, name)
            return table
    except PatchInvalid:
        raise
    except Exception as error:  # openpyxl raises whatever a damaged file makes it stumble over
        what = type(error.__cause__ or error).__name__
        raise PatchInvalid(f"{name} is a damaged workbook ({what}). {_AS_XLSX}") from None


def _looked_into(content: bytes, name: str) -> None:
    """Refuse what is no plain workbook, before anything of it is unpacked."""
    try:
        with ZipFile(BytesIO(content)) as archive:
            parts = {part.filename for part in archive.infolist()}
            unpacked = sum(part.file_size for part in archive.infolist())
    except (BadZipFile, ValueError, NotImplementedError, OSError):
        raise PatchInvalid(f"{name} is a damaged workbook. {_AS_XLSX}") from None
    if unpacked > _UNPACKED or len(parts) > _PARTS:
        raise PatchInvalid(
            f"{name} would unpack to more than {_UNPACKED // 1_000_000} MB or {_PARTS} parts. "
            "Copy the cells of the table into a new workbook."
        )
    if any(part.endswith("vbaProject.bin") for part in parts):
        raise PatchInvalid(f"{name} holds macros. {_AS_XLSX}")
    if any(part.startswith("xl/externalLinks/") for part in parts):
        raise PatchInvalid(f"{name} points at other workbooks. Copy the cells of the table, as values, into a new one.")
    if "xl/workbook.xml" not in parts:
        raise PatchInvalid(f"{name} is no Excel workbook (.xlsx). {_AS_XLSX}")


def _all_seen(archive: ZipFile, path: str, table: Table, name: str) -> None:
    """Refuse a sheet that says more or otherwise than who publishes it sees: merged cells, hidden rows and columns."""
    from defusedxml.ElementTree import iterparse

    row = 0
    with archive.open(path) as source:
        for _, element in iterparse(source, forbid_dtd=True):
            kind, hidden = element.tag.rpartition("}")[2], element.get("hidden") in ("1", "true")
            if kind == "mergeCell":
                remedy = "Take them apart, and write the text into each row that it is for."
                raise PatchInvalid(f"The cells {element.get('ref', '')[:20]} of {name} are merged. {remedy}")
            if kind == "row":
                row = int(element.get("r", row + 1))
                if hidden and (row in table.rows or row == table.header):
                    raise PatchInvalid(f"Row {row} of {name} is hidden. Show it (take filters off), or delete it.")
            elif kind == "col" and hidden and int(element.get("min", 1)) <= len(table.columns):
                column = cell_name(1, int(element.get("min", 1)) - 1)[:-1]
                raise PatchInvalid(f"Column {column} of {name} is hidden. Show it, or delete it.")
            element.clear()


def _shown(cell: Any) -> _Cell:
    """Return the text of a cell, or what is wrong with it."""
    value = cell.value
    if value is None:
        return _Cell("")
    if cell.data_type == "f":
        return _Cell("", "This is a formula. Copy the cell and paste it as a value.")
    if cell.data_type == "e":
        return _Cell("", f"This is an error of the spreadsheet ({str(value)[:20]}). Write what is meant.")
    if isinstance(value, date | time | timedelta):
        remedy = 'Format the column as text, and type it again; "3 of 20" is never taken for one.'
        return _Cell("", f"The spreadsheet made a date or time of this. {remedy}")
    if isinstance(value, bool):
        return _Cell("yes" if value else "no")
    if isinstance(value, int | float):
        number = Decimal(f"{value:.15g}")  # as many digits as a spreadsheet shows
        is_percent = "%" in cell.number_format
        return _cleaned(format((number * 100 if is_percent else number).normalize(), "f") + " %" * is_percent)
    return _cleaned(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), str(value)))
