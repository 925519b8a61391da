"""Add cases or claims from a table: a template to fill in, and what is wrong by row."""

from __future__ import annotations

from functools import partial

import streamlit as st

from mskgraph import KnowledgeGraph, curation
from mskgraph.curation import tables
from mskgraph.curation.tables import Rows, Table, What, Written
from mskgraph.graph import Knowledge
from mskgraph.store import Patch
from mskgraph.ui.contribute import Wanted, about, nowhere
from mskgraph.ui.contribute.draft import Draft
from mskgraph.ui.contribute.fields import Fields
from mskgraph.ui.widgets import plain

TITLE = "Add a table"
NAMES = {"case": "cases", "claim": "claims"}
TYPES: dict[Written, str] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
}
FAULTS = 50  # that are shown at once


def show(fields: Fields) -> None:
    """Show what a table can hold, its template, and where to put the file."""
    fields.way("What are its rows?", "what", list(NAMES), NAMES.__getitem__)
    what = _what(fields.draft)
    st.markdown("Fill in the template: it has an example, and the Excel file explains each column.")
    with st.container(horizontal=True):
        for form, mime in TYPES.items():
            st.download_button(
                f"Template as {form.upper()}",
                data=partial(tables.template, what, form, fields.kg),
                file_name=f"{NAMES[what]}.{form}",
                mime=mime,
                on_click="ignore",
            )
    fields.file("The table, as .xlsx or .csv", ["xlsx", "csv"])
    fields.draft.defaults["leave out"] = False
    key = fields.draft.key("leave out")
    label, more = "Leave out rows that something is wrong with", "A case is left out with all of its rows."
    st.checkbox(label, key=key, persist_state="session", help=more)
    for text in fields.draft.memory().told[:FAULTS]:
        st.warning(plain(text))
    fields.shown.add("row")
    faults = fields.faults.get("row", ())
    if faults:
        st.markdown(f"{min(FAULTS, len(faults))} of {len(faults)} things to put right in the table:")
        st.markdown("\n".join(f"- {plain(fault)}" for fault in faults[:FAULTS]))


def _what(draft: Draft) -> What:
    return "claim" if draft.held("what") == "claim" else "case"


def wanted(now: KnowledgeGraph, draft: Draft) -> Wanted:
    """Return what the table adds.

    :raises PatchInvalid: if it is no table
    """
    draft.memory().told = []
    file = draft.held("file")
    if not file:
        return Wanted(Patch(), lambda _: {"file": ["Choose a file."]}, ())
    name, content = file
    leave_out = bool(draft.held("leave out"))
    table = tables.read(content, name)
    rows = tables.checked(table, _what(draft), now, leave_out)
    draft.memory().told = _told(table, rows)
    if rows.faults and not (leave_out and rows.nodes):
        return Wanted(Patch(), lambda _: {"row": list(map(str, rows.faults))}, ())
    return Wanted(curation.additions(now, rows.graph), nowhere, rows.nodes)


def _told(table: Table, rows: Rows) -> list[str]:
    """Return what is worth knowing of a table though nothing is wrong with it."""
    unread = [name for name in table.other_sheets if name not in tables.EXPLAINING]
    told = [f"Of the workbook, the sheet {table.sheet} was read; not read: {', '.join(unread)}."]
    left = [f"Left out are the rows {', '.join(map(str, rows.left_out))}:", *map(str, rows.faults)]
    return [
        *(told if unread else ()),
        *(left if rows.left_out and rows.nodes else ()),
        *map(str, rows.cautions),
    ]


def in_short(draft: Draft, knowledge: Knowledge) -> str:
    """Return the table by its name and what it is about."""
    file = draft.held("file")
    return f"Table {file[0]}{about(draft, knowledge)}"[:200] if file else ""
