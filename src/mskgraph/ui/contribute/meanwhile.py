"""What others have made of a node while somebody edits it: told beside the fields, and how to go on from there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from mskgraph.curation import node_forms, nodes
from mskgraph.curation.fields import Field
from mskgraph.curation.fields import fields as fields_of
from mskgraph.ui.contribute import shapes
from mskgraph.ui.contribute.draft import Draft
from mskgraph.ui.contribute.fields import Fields
from mskgraph.ui.widgets import plain

Values = Mapping[str, Sequence[str]]


def begin(draft: Draft, filled: Values) -> None:
    """Note what a form is filled with."""
    draft.put("theirs", "{}")
    draft.put("before", json.dumps(filled))


def before(draft: Draft) -> Values:
    """Return what a form was filled with."""
    found: Values = json.loads(draft.held("before", "{}"))
    return found


def tell(fields: Fields, part: str, kind: str, node: str) -> None:
    """Say beside each field that others have changed, too, what they made of it, and offer to go on from there."""
    draft, kg = fields.draft, fields.kg
    known, was, now = fields_of(kg, kind), before(draft), nodes.filled(kg, node)
    moved = [field for field in known if not field.own and not field.same(was.get(field.key, ()), now[field.key])]
    waiting, seen = _theirs(draft, part, moved, now), _seen(draft)
    for field in known:
        if field.name in waiting:
            ends = ""
        elif field.name in seen and not field.same(seen[field.name], _mine(draft, part, field)):
            ends = " Here are theirs and yours together." if field.several else " What is here takes its place."
        else:
            continue
        theirs = node_forms.shown(kg, field, {**seen, **waiting}[field.name])
        said = ", ".join(f'"{text}"' for text in theirs) or "empty"
        fields.notes[f"{part} {field.name}"] = (
            f"Somebody else has changed this since you began, to {said}. {ends}".strip()
        )
    if moved:
        fields.aside = partial(_offer, draft, part, nodes.called(kg, node), moved, now)


def _offer(draft: Draft, part: str, called: str, moved: Sequence[Field], now: Values) -> None:
    names = ", ".join(field.label for field in moved)
    st.warning(plain(f"Somebody else has changed {called} since you began: {names}."))
    st.button(
        "Go on from what is there now",
        on_click=_on_go_on,
        args=(draft, part, moved, now),
        help="What you typed stays. What you did not touch is filled in as it is now.",
    )


def _on_go_on(draft: Draft, part: str, moved: Sequence[Field], now: Values) -> None:
    was = before(draft)
    # What was before comes last: whoever clicks again while this is done begins it anew, and nothing is lost.
    draft.put("theirs", json.dumps({**_seen(draft), **_theirs(draft, part, moved, now)}))
    for field in moved:
        had, values = was.get(field.key, ()), now[field.key]
        if _is_touched(draft, part, field):
            values = node_forms.joined(field, had, _mine(draft, part, field), values)
        draft.put(f"{part} {field.name}", shapes.as_held(field, values))
    draft.put("before", json.dumps(now))


def _theirs(draft: Draft, part: str, moved: Sequence[Field], now: Values) -> dict[str, Sequence[str]]:
    """Return what others made of the fields that somebody has changed here, too, by their names."""
    return {
        field.name: now[field.key]
        for field in moved
        if _is_touched(draft, part, field) and not field.same(_mine(draft, part, field), now[field.key])
    }


def _seen(draft: Draft) -> Values:
    """Return what others had made of fields when somebody went on from there, by their names."""
    found: Values = json.loads(draft.held("theirs", "{}"))
    return found


def _mine(draft: Draft, part: str, field: Field) -> list[str]:
    return shapes.values_in(draft, part, field, before(draft).get(field.key, ()))


def _is_touched(draft: Draft, part: str, field: Field) -> bool:
    return bool(draft.held(f"{part} {field.name}") != shapes.as_held(field, before(draft).get(field.key, ())))
