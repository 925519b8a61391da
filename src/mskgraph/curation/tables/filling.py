"""From the rows of a table to filled-in forms, and back: each row says what the form of a case or claim would hold."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mskgraph.curation.forms import CaseForm, ClaimForm, HowOften, NewSource, Seen, Source
from mskgraph.curation.tables.columns import OF, ROW_COLUMNS, SEEN, Column, What
from mskgraph.curation.tables.naming import Names, Unclear
from mskgraph.curation.tables.reading import Fault, Table, cell_name
from mskgraph.terms import fold

Form = CaseForm | ClaimForm
T = TypeVar("T")


@dataclass(frozen=True)
class Filled:
    """A filled-in form.

    :ivar rows: where it stands
    :ivar observed: of a case, the rows of its observations
    """

    form: Form
    rows: tuple[int, ...]
    observed: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Row:
    number: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


def filled(table: Table, what: What, names: Names) -> tuple[list[Filled], list[Fault]]:
    """Return the forms that a table fills in, and what is wrong with its cells.

    A cell that says nothing that can be understood leaves its field empty.
    """
    faults = [*table.faults, *_of_header(table, what)]
    if any(fault.row == table.header for fault in faults):
        return [], faults
    filling = _Filling(table, what, names)
    forms = list(filling.cases() if what == "case" else filling.claims())
    broken = {fault.row for fault in table.faults if not fault.column}  # what stands in their cells may be moved
    told = {(fault.row, fold(fault.column)) for fault in table.faults}
    new = [fault for fault in filling.faults if fault.row not in broken and (fault.row, fault.column) not in told]
    return forms, faults + new


def _of_header(table: Table, what: What) -> Iterator[Fault]:
    """Yield what is wrong with the names of the columns."""
    known = {fold(column.name): column for column in OF[what]}
    other: What = "claim" if what == "case" else "case"
    others = {fold(column.name) for column in OF[other]} - known.keys()
    seen: dict[str, str] = {}
    for index, name in enumerate(table.columns):
        folded, cell = fold(name), cell_name(table.header, index)
        if folded in seen:
            text = f"This column is there twice; the first is {seen[folded][: -len(str(table.header))]}. Keep one."
            yield Fault(table.header, name, text, cell)
        elif folded in others:
            yield Fault(table.header, name, f"This column belongs to a table of {other}s, not of {what}s.", cell)
        elif folded and folded not in known:
            near = difflib.get_close_matches(folded, known, n=1)
            remedy = f'Did you mean "{near[0]}"?' if near else f"There are: {', '.join(known)}."
            yield Fault(table.header, name[:80], f"There is no such column. {remedy}", cell)
        if folded:
            seen.setdefault(folded, cell)
    for folded, column in known.items():
        if column.needed and folded not in seen:
            text = f'The column "{column.name}" is missing. Add it, or start from the template.'
            yield Fault(table.header, column.name, text)


class _Filling:
    """A table while its rows are being read."""

    def __init__(self, table: Table, what: What, names: Names) -> None:
        self.faults: list[Fault] = []
        self._table = table
        self._names = names
        self._columns = {column.name: column for column in OF[what]}
        columns = [fold(name) for name in table.columns]
        self._rows = [_Row(number, dict(zip(columns, cells, strict=True))) for number, cells in table.rows.items()]
        self._refused = {fault.row for fault in table.faults if fold(fault.column) == "title"}
        self._new: dict[str, tuple[int, NewSource]] = {}
        for row in self._rows:
            self._describe(row)

    def claims(self) -> Iterator[Filled]:
        """Yield what each row says."""
        for row in self._rows:
            form = ClaimForm(
                diagnosis=self._term(row, "diagnosis"),
                feature=self._term(row, "feature"),
                of_finding=self._term(row, "of finding"),
                sites=self._terms(row, "sites"),
                how_often=self._how_often(row),
                confidence=self._term(row, "confidence"),
                modalities=self._terms(row, "techniques"),
                population=row["population"],
                locator=row["locator"],
                source=self._source(row),
                verification=self._term(row, "verification"),
                note=row["note"],
            )
            if form.of_finding and form.feature and self._names.kind(form.feature) not in ("morphology", "site"):
                self._fault(row, "of finding", "Only a morphology or a site is of a finding. Leave this empty.")
            yield Filled(form, (row.number,))

    def cases(self) -> Iterator[Filled]:
        """Yield what the rows of each case say."""
        begun: dict[str, int] = {}
        together: list[_Row] = []
        for row in self._rows:
            first = together[0] if together else None
            begins = bool(row["title"]) or row.number in self._refused
            if not begins and first is None:
                self._fault(row, "title", "Give the case a title: there is none above that this row could add to.")
            if first and (not begins or fold(row["title"]) == fold(first["title"]) != ""):
                self._compare(row, first)
                together.append(row)
                continue
            if together:
                yield self._case(together)
            title = fold(row["title"])
            if title and title in begun:
                text = f"Row {begun[title]} begins a case of this title. Put its rows together, or title one otherwise."
                self._fault(row, "title", text)
            begun.setdefault(title, row.number)
            together = [row]
        if together:
            yield self._case(together)

    def _case(self, rows: Sequence[_Row]) -> Filled:
        first = rows[0]
        observed = [row for row in rows if any(row[column] for column in ROW_COLUMNS)] or [first]
        observations: dict[Seen, int] = {}
        seen = [self._seen(row) for row in observed]
        for row, one in zip(observed, seen, strict=True):
            if one.finding and one in observations:
                self._fault(row, "finding", f"This is the observation of row {observations[one]} again. Delete one.")
            observations.setdefault(one, row.number)
        form = CaseForm(
            first["title"],
            first["description"],
            self._source(first),
            tuple(seen),
            self._terms(first, "contexts"),
            self._terms(first, "stated diagnoses"),
            first["note"],
        )
        return Filled(form, tuple(row.number for row in rows), tuple(row.number for row in observed))

    def _seen(self, row: _Row) -> Seen:
        present = SEEN.get(fold(row["seen"]))
        if present is None:
            self._fault(row, "seen", f'"{row["seen"][:20]}" is neither present nor absent.')
        return Seen(
            self._term(row, "finding"),
            present is not False,
            self._term(row, "site"),
            self._term(row, "side"),
            self._terms(row, "morphologies"),
            row["observation note"],
        )

    def _compare(self, row: _Row, first: _Row) -> None:
        """Note where a row says of a case what its first row does not."""
        for column in self._columns.keys() - ROW_COLUMNS - {"title"}:
            if row[column] not in ("", first[column]):
                text = f"Row {first.number}, where this case begins, says otherwise. Say it there, or title a new case."
                self._fault(row, column, text)

    def _describe(self, row: _Row) -> None:
        """Note a new source."""
        mine = NewSource(row["source"], row["source citation"], row["source address"], row["source identifier"])
        if not (mine.citation or mine.url or mine.identifier):
            return
        number, known = self._new.setdefault(fold(mine.title), (row.number, mine))
        pairs = ((mine.citation, known.citation), (mine.url, known.url), (mine.identifier, known.identifier))
        if not mine.title:
            self._fault(row, "source", "Give the new source a short title.")
        elif self._try(row, "source", lambda: self._names.source(mine.title)):
            text = "There is a source of this title already. Leave its further columns empty, or title yours otherwise."
            self._fault(row, "source citation", text)
        elif any(said and said != other for said, other in pairs):
            text = f"Row {number} describes this source otherwise. Describe it once, or title another one otherwise."
            self._fault(row, "source citation", text)

    def _source(self, row: _Row) -> Source:
        title = row["source"]
        known = self._try(row, "source", lambda: self._names.source(title)) if title else None
        if known or not title:
            return known
        if fold(title) in self._new:
            return self._new[fold(title)][1]
        self._fault(row, "source", self._names.no_source(title))
        return None

    def _how_often(self, row: _Row) -> HowOften:
        column = "read as" if row["read as"] else "how often"
        return self._try(row, column, lambda: self._names.how_often(row["how often"], row["read as"])) or HowOften()

    def _term(self, row: _Row, column: str) -> str | None:
        return next(iter(self._terms(row, column)), None)

    def _terms(self, row: _Row, column: str) -> tuple[str, ...]:
        return self._try(row, column, lambda: self._names.named(self._columns[column], row[column])) or ()

    def _try(self, row: _Row, column: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Unclear as error:
            self._fault(row, column, str(error))
            return None

    def _fault(self, row: _Row, column: str, text: str) -> None:
        fault = fault_at(self._table, row.number, column, text)
        if fault not in self.faults:
            self.faults.append(fault)


def fault_at(table: Table, row: int, column: str, text: str) -> Fault:
    """Return what is wrong in a row, with the cell of a column if the table has that."""
    place = table.place(column)
    return Fault(row, column, text, "" if place is None else cell_name(row, place))


def cells_of(form: Form, names: Names) -> list[dict[str, str]]:
    """Return the rows that fill in a form, by column."""
    return _cells_of_case(form, names) if isinstance(form, CaseForm) else [_cells_of_claim(form, names)]


def _cells_of_case(form: CaseForm, names: Names) -> list[dict[str, str]]:
    column = {each.name: each for each in OF["case"]}
    rows = [
        {
            "finding": names.written(column["finding"], seen.finding),
            "seen": next(word for word, present in SEEN.items() if present == seen.present),
            "site": names.written(column["site"], seen.site),
            "side": names.written(column["side"], seen.side),
            "morphologies": names.written(column["morphologies"], *seen.morphologies),
            "observation note": seen.note,
        }
        for seen in form.observations
    ]
    rows[0] |= {
        "title": form.title,
        "description": form.description,
        **_cells_of_source(form.source, column["source"], names),
        "contexts": names.written(column["contexts"], *form.contexts),
        "stated diagnoses": names.written(column["stated diagnoses"], *form.diagnoses),
        "note": form.note,
    }
    return rows


def _cells_of_claim(form: ClaimForm, names: Names) -> dict[str, str]:
    column = {each.name: each for each in OF["claim"]}
    stated, read_as = names.written_how_often(form.how_often)
    return {
        "diagnosis": names.written(column["diagnosis"], form.diagnosis),
        "feature": names.written(column["feature"], form.feature),
        "of finding": names.written(column["of finding"], form.of_finding),
        "sites": names.written(column["sites"], *form.sites),
        "how often": stated,
        "read as": read_as,
        "confidence": names.written(column["confidence"], form.confidence),
        "techniques": names.written(column["techniques"], *form.modalities),
        "population": form.population,
        "locator": form.locator,
        **_cells_of_source(form.source, column["source"], names),
        "verification": names.written(column["verification"], form.verification),
        "note": form.note,
    }


def _cells_of_source(source: Source, column: Column, names: Names) -> dict[str, str]:
    if not isinstance(source, NewSource):
        return {"source": names.written(column, source)}
    return {
        "source": source.title,
        "source citation": source.citation,
        "source address": source.url,
        "source identifier": source.identifier,
    }
