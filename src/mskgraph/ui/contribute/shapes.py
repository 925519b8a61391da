"""The form of any class, as the shapes allow it: its fields on the page, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from mskgraph import KnowledgeGraph
from mskgraph.curation import nodes
from mskgraph.curation.fields import Field, forms
from mskgraph.curation.fields import fields as fields_of
from mskgraph.curation.node_forms import New, part_of
from mskgraph.terms import curie
from mskgraph.ui.contribute.draft import Draft
from mskgraph.ui.contribute.fields import OPTIONAL, Fields
from mskgraph.ui.widgets import plain, to_address

_SHORT = ("prefLabel", "title", "label", "stated", "locator", "identifier", "population")
"""Texts that are no more than a line."""


def show(fields: Fields, part: str, kind: str, node: str = "") -> None:
    """Show the fields of a class.

    :param part: how they are named in the draft, as :mod:`mskgraph.curation.node_forms` names faults
    :param node: that is edited; none if it is a new one
    """
    found = fields_of(fields.kg, kind)
    for field in found:
        if not field.optional:
            _field(fields, part, field, node)
    others = [field for field in found if field.optional]
    for start in range(0, len(others), 2):
        for column, field in zip(st.columns(2), others[start : start + 2], strict=False):
            with column:
                _field(fields, part, field, node)


def _field(fields: Fields, part: str, field: Field, node: str) -> None:
    name = f"{part} {field.name}"
    if field.own:
        _parts(fields, part, field, node)
        return
    offer = offered(fields.kg, field, node)
    if offer is None:
        _text(fields, field, name, part)
    else:
        filled = fields.draft.defaults.get(name) or ()  # which others may have put out of use since
        was = [filled] if isinstance(filled, str) else filled
        offer = {**offer, **{each: nodes.called(fields.kg, each) for each in was if each not in offer}}
        _choice(fields, field, name, offer, part)


def offered(kg: KnowledgeGraph, field: Field, node: str) -> Mapping[str, str] | None:
    """Return the values that can be chosen in a field with their labels; ``None`` if it is typed.

    What the node holds already is among them, whatever it is: nobody has asked for it to go.
    """
    if field.kind == "node":
        return nodes.options(kg, field, node)
    if field.kind == "boolean":
        return {"true": "yes", "false": "no"}
    if not field.among:
        return None
    held = nodes.filled(kg, node).get(field.key, ()) if node else ()
    return {each: curie(each) for each in (*field.among, *held)}


def label_of(field: Field, part: str) -> str:
    """Return a field's label; those of parts say which part they are of, so that no two are called the same."""
    number = part.rpartition("-")[2] if "." in part else ""
    either = " (one of these)" if field.either else ""
    return (
        f"{field.label[:1].upper()}{field.label[1:]}{f' {number}' if number else ''}{either}{OPTIONAL * field.optional}"
    )


def _choice(fields: Fields, field: Field, name: str, offer: Mapping[str, str], part: str) -> None:
    label, help_text = label_of(field, part), plain(field.help) or None
    if field.several:
        fields.several(label, name, list(offer), lambda each: offer.get(each, each), help=help_text)
    else:
        fields.one(label, name, list(offer), lambda each: offer.get(each, each), help=help_text)


def _text(fields: Fields, field: Field, name: str, part: str) -> None:
    label = label_of(field, part)
    if field.several:
        label += ", one a line"
    examples = {"date": "2026-01-31", "address": "https://", "decimal": "0.25", "integer": "7", "term": "https://"}
    area = field.several or (field.kind == "text" and field.name not in _SHORT)
    more = {"placeholder": examples.get(field.kind, ""), "help": plain(field.help) or None}
    fields.text(label, name, area=area, **more)


def _parts(fields: Fields, part: str, field: Field, node: str) -> None:
    """Show the parts of a node: those there are as links to their own forms, new ones as forms in this one."""
    draft, kg = fields.draft, fields.kg
    name = f"{part} {field.name}"
    there = nodes.filled(kg, node).get(field.key, ()) if node else ()
    start = 1 if field.needed and not there else 0
    counted = f"{name} count"
    count = draft.held(counted, start)
    draft.defaults[counted] = start
    st.markdown(f"**{plain(label_of(field, part))}**", help=plain(field.help) or None)
    whole = f"{nodes.called(kg, node)}, " if node else ""
    for each in there:
        label = f"Edit {nodes.called(kg, each).replace(whole, '')}"
        st.button(plain(label), key=draft.aside(each), on_click=to_address, kwargs={"do": ["edit"], "node": [each]})
    for number in range(1, count + 1):
        new = part_of(part, field, number)
        with st.container(border=True):
            if len(field.classes) > 1:
                fields.one(f"What it is {number}", f"{new} kind", list(field.classes), forms(kg).labels.__getitem__)
            show(fields, new, _kind_of(draft, field, new))
    with st.container(horizontal=True):
        if field.several or not (count or there):
            st.button("Add one", key=draft.aside(f"{name} more"), on_click=draft.put, args=(counted, count + 1))
        if count > start:
            st.button("Take it out", key=draft.aside(f"{name} less"), on_click=draft.put, args=(counted, count - 1))
    fields.wrong(name)


def _kind_of(draft: Draft, field: Field, part: str) -> str:
    chosen: str = draft.held(f"{part} kind") or field.classes[0]
    return chosen


def filled_in(kg: KnowledgeGraph, draft: Draft, part: str, kind: str, node: str = "") -> dict[str, list[str | New]]:
    """Return what the fields of a class hold, by their keys."""
    found: dict[str, list[str | New]] = {}
    for field in fields_of(kg, kind):
        name = f"{part} {field.name}"
        if field.own:
            there = nodes.filled(kg, node).get(field.key, ()) if node else ()
            count = draft.held(f"{name} count", 1 if field.needed and not there else 0)
            new = [part_of(part, field, number) for number in range(1, count + 1)]
            parts = [(each, _kind_of(draft, field, each)) for each in new]
            found[field.key] = [*there, *(New(kind, filled_in(kg, draft, each, kind)) for each, kind in parts)]
        else:
            found[field.key] = list(_texts(field, draft.held(name)))
    return found


def changed(
    kg: KnowledgeGraph, draft: Draft, part: str, kind: str, node: str, before: Mapping[str, Sequence[str]]
) -> dict[str, list[str | New]]:
    """Return what the fields of a node hold, without those that are as they were filled in."""
    found = filled_in(kg, draft, part, kind, node)
    for field in fields_of(kg, kind):
        was = before.get(field.key, ())
        if not field.own and draft.held(f"{part} {field.name}") == as_held(field, was):
            del found[field.key]
        elif not field.own:
            found[field.key] = list(values_in(draft, part, field, was))
    return found


def values_in(draft: Draft, part: str, field: Field, before: Sequence[str]) -> list[str]:
    """Return what a field holds, with those lines put together again that were one text before."""
    found = list(_texts(field, draft.held(f"{part} {field.name}")))
    for text in before:
        lines = _lines(text)
        for start in range(len(found) - len(lines) + 1):
            if found[start : start + len(lines)] == lines:
                found[start : start + len(lines)] = [text]
                break
    return found


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def _texts(field: Field, held: Any) -> Sequence[str]:
    if not held:
        return ()
    if isinstance(held, str):
        return _lines(held) if field.several else [held]
    return list(held)


def fill(kg: KnowledgeGraph, draft: Draft, part: str, kind: str, form: Mapping[str, Sequence[str]]) -> None:
    """Fill the fields of a class in, as they are before anybody touches them."""
    for field in fields_of(kg, kind):
        if not field.own:
            draft.put(f"{part} {field.name}", as_held(field, form.get(field.key, ())))


def defaults(kg: KnowledgeGraph, draft: Draft, part: str, kind: str, form: Mapping[str, Sequence[str]]) -> None:
    """Note how the fields of a class were filled in."""
    for field in fields_of(kg, kind):
        if not field.own:
            draft.defaults[f"{part} {field.name}"] = as_held(field, form.get(field.key, ()))


def as_held(field: Field, values: Sequence[str]) -> Any:
    """Return values as the widget of a field holds them."""
    is_list = field.kind in ("node", "boolean") or field.among
    if field.several:
        return list(values) if is_list else "\n".join(values)
    return values[0] if values else None if is_list else ""


def node_field(fields: Fields, label: str, name: str) -> str:
    """Show fields to find a node by its label, and return the one that is chosen; empty if none is."""
    draft, kg = fields.draft, fields.kg
    chosen: str = draft.held(name, "")
    words = f"{name} words"
    fields.text(label, words, placeholder="part of its name")
    found = nodes.subjects(kg, draft.held(words, ""))
    first = list(found)[:MOST]
    if len(first) == 1 and not chosen:
        draft.put(name, first[0])
    if chosen and chosen not in first:
        first.insert(0, chosen)
    kinds = fields.knowledge.lexicon.kinds
    called = {each: nodes.called(kg, each) + (f" ({kinds[each]})" if each in kinds else "") for each in first}
    if first:
        fields.one("Which of them", name, first, called.__getitem__)
        if len(found) > MOST:
            st.markdown(f"{MOST} of {len(found)} are offered: say more of its name.")
    else:
        fields.wrong(name)
        if draft.held(words):
            st.markdown("Nothing is called so. Try another part of its name.")
    return str(draft.held(name, ""))


MOST = 50
"""Nodes that are offered at once."""
