"""The fields that forms are made of: each keeps its value in the draft and shows what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from mskgraph import KnowledgeGraph
from mskgraph.curation import forms
from mskgraph.curation.fields import fields as fields_of
from mskgraph.curation.forms import NewSource, Source
from mskgraph.terms import Kind, iri
from mskgraph.ui.contribute.draft import Draft
from mskgraph.ui.widgets import plain

NEW = "new"
"""In place of the IRI of a source: one that is described in the form."""

OPTIONAL = " (optional)"
"""After the label of a field that may stay empty."""

UPLOAD = 10  # MB


class Fields:
    """Shows the fields of a draft.

    :ivar shown: names of the fields beside which there was a place for what is wrong with them
    :ivar notes: what else is said beside a field, by its name
    :ivar aside: shows, beside the form, what it has to say there
    """

    def __init__(self, kg: KnowledgeGraph, draft: Draft, faults: Mapping[str, list[str]]) -> None:
        self.kg, self.draft, self.faults = kg, draft, faults
        self.knowledge = kg.knowledge
        self.offered = forms.choices(kg.store)
        self.shown: set[str] = set()
        self.notes: dict[str, str] = {}
        self.aside: Callable[[], None] | None = None

    def wrong(self, name: str) -> None:
        """Show what is wrong with a field, and what else is said of it."""
        self.shown.add(name)
        for text in self.faults.get(name, ()):
            st.error(plain(text))
        if note := self.notes.get(name):
            st.info(plain(note))

    def rest(self) -> list[str]:
        """Return what is wrong and was shown beside no field."""
        return [text for name, texts in self.faults.items() if name not in self.shown for text in texts]

    def asked(self, kind: str) -> Callable[[str, str], dict[str, Any]]:
        """Return what gives label, name and help of a field, as the shapes of a class have them.

        :param kind: name of the class
        """
        helps = self.helps(kind)
        optional = {field.name for field in fields_of(self.kg, iri(kind)) if field.optional}

        def said(label: str, name: str) -> dict[str, Any]:
            own = name.rpartition(" ")[2]
            return {"label": label + OPTIONAL * (own in optional), "name": name, "help": helps[own]}

        return said

    def helps(self, kind: str) -> dict[str, str | None]:
        """Return what the shapes say of the properties of a class."""
        return {field.name: plain(field.help) or None for field in fields_of(self.kg, iri(kind))}

    def text(self, label: str, name: str, area: bool = False, **more: Any) -> None:
        """Show a field for a text."""
        show = partial(st.text_area, height=100) if area else st.text_input
        show(label, key=self.draft.key(name), persist_state="session", **more)
        self.wrong(name)

    def number(self, label: str, name: str, **more: Any) -> None:
        """Show a field for a number."""
        st.number_input(label, key=self.draft.key(name), value=None, persist_state="session", **more)
        self.wrong(name)

    def one(self, label: str, name: str, options: Sequence[str], called: Callable[[str], str], **more: Any) -> None:
        """Show a field for one of several things, by their labels."""
        if self.draft.held(name) not in (None, *options):
            self.draft.put(name, None)  # it has gone meanwhile
        more = {"index": None, "placeholder": "not chosen", **more}
        key = self.draft.key(name)
        st.selectbox(label, options, format_func=called, key=key, persist_state="session", **more)
        self.wrong(name)

    def several(self, label: str, name: str, options: Sequence[str], called: Callable[[str], str], **more: Any) -> None:
        """Show a field for any number of things, by their labels."""
        if any(value not in options for value in self.draft.held(name, ())):
            self.draft.put(name, [value for value in self.draft.held(name) if value in options])
        more = {"placeholder": "none", "wrap": True, **more}
        key = self.draft.key(name)
        st.multiselect(label, options, format_func=called, key=key, persist_state="session", **more)
        self.wrong(name)

    def way(
        self, label: str, name: str, options: Sequence[str], called: Callable[[str], str] = str, **more: Any
    ) -> str:
        """Show a field for one of a few ways, the first of them if nobody says otherwise, and return it."""
        self.draft.defaults[name] = options[0]
        key = self.draft.key(name)
        st.radio(label, options, format_func=called, key=key, horizontal=True, persist_state="session", **more)
        self.wrong(name)
        return str(self.draft.held(name, options[0]))

    def file(self, label: str, types: Sequence[str]) -> None:
        """Show a field for a file, which is kept as "file": its name and its content."""
        upload = self.draft.aside("upload")

        def on_file() -> None:
            # The widget itself would forget it with the page.
            file = st.session_state[upload]
            self.draft.put("file", (file.name, file.getvalue()) if file else None)

        st.file_uploader(label, type=list(types), key=upload, max_upload_size=UPLOAD, on_change=on_file)
        if file := self.draft.held("file"):
            st.markdown(plain(f"{file[0]}, {len(file[1]):,} bytes, is part of your change."))
            if not st.session_state.get(upload):
                st.button("Leave the file out", on_click=self.draft.put, args=("file", None))
        self.wrong("file")

    # Of the knowledge

    def of_kind(self, *kinds: Kind) -> list[str]:
        """Return the concepts of a kind, by label."""
        concepts = [concept for concept in self.knowledge.concepts.values() if concept.kind in kinds]
        return [concept.iri for concept in sorted(concepts, key=lambda each: (each.label.casefold(), each.iri))]

    def with_kind(self, concept: str) -> str:
        """Return a concept's label and what it is."""
        return f"{self.knowledge.label(concept)} ({self.knowledge.kind(concept)})"

    def listed(self, label: str, name: str, of: str, **more: Any) -> None:
        """Show a field for one member of a class of :data:`mskgraph.curation.forms.LISTS`."""
        members = self.offered[of]
        self.one(label, name, list(members), lambda node: members[node], **more)

    def source(self, label: str, name: str, **more: Any) -> None:
        """Show the fields for the source."""
        sources = {NEW: "A new source", **self.offered["Source"]}
        self.one(label, name, list(sources), lambda node: sources[node], **more)
        if self.draft.held(name) == NEW:
            new = self.asked("Source")
            with st.container(border=True):
                title = "Short, as the list of sources shows it"
                self.text(**new("Title of the source", "source title"), placeholder=title)
                citation = "Authors. Title. Journal year;volume:pages."
                self.text(**new("Citation", "source bibliographicCitation"), placeholder=citation)
                left, right = st.columns(2)
                with left:
                    self.text(**new("Web address", "source url"), placeholder="https://")
                with right:
                    identifier = "doi:10.1000/182 or pmid:12345678"
                    self.text(**new("Identifier", "source identifier"), placeholder=identifier)


def source_of(draft: Draft, part: str) -> Source:
    """Return the source that is chosen, or the new one that is described."""
    chosen: str | None = draft.held(f"{part} source")
    if chosen != NEW:
        return chosen
    names = ("title", "bibliographicCitation", "url", "identifier")
    return NewSource(*(draft.held(f"source {name}", "") for name in names))
