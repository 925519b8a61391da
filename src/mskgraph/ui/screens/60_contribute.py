"""The teacher's page: something is filled in, checked, looked at, published or proposed; any change can be undone."""

from __future__ import annotations

import streamlit as st

from mskgraph import views
from mskgraph.curation.access import Person
from mskgraph.curation.drafts import Drafts
from mskgraph.errors import DraftNotKept
from mskgraph.ui import editing, widgets
from mskgraph.ui.contribute import Form, cases, claims, concepts, edit, history, panel, review, table, triple, turtle
from mskgraph.ui.contribute.draft import Draft
from mskgraph.ui.contribute.fields import Fields
from mskgraph.ui.widgets import plain

FORMS: dict[str, Form] = {
    "case": cases,
    "claim": claims,
    "concept": concepts,
    "triple": triple,
    "table": table,
    "turtle": turtle,
    "edit": edit,
}
LISTS = {"review": "Proposals", "history": "History"}
DOINGS = {name: form.TITLE for name, form in FORMS.items()} | LISTS

state = st.session_state


def to_address(doing: str, draft: str = "") -> None:
    """Put what is done into the address, so that the page can be loaded again."""
    widgets.to_address(do=[doing] if doing != "case" else [], draft=[draft] if draft else [])


def on_doing() -> None:
    """Go to what was chosen."""
    to_address(state.contribute_doing)


def chosen() -> str:
    """Show what can be done, and return what was chosen."""
    doing = st.query_params.get("do", "case")
    if doing not in DOINGS:
        doing = "case"
    if state.get("contribute_doing") != doing:
        state.contribute_doing = doing
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "I want to",
            list(DOINGS),
            format_func=DOINGS.__getitem__,
            key="contribute_doing",
            on_change=on_doing,
            required=True,
            wrap=True,
        )
        widgets.copy_link()
    return doing


# Drafts


def taken_up(draft: Draft, drafts: Drafts) -> None:
    """Go on with the draft that the address names, as after the page was loaded again."""
    name = st.query_params.get("draft", "")
    if not name or name == draft.id or state.get("contribute_looked_up") == name:
        return
    kept = drafts.get(name)
    if kept and kept.doing == draft.doing:
        draft.take_up(kept)
    state.contribute_looked_up = name
    if not kept or kept.doing != draft.doing:
        st.info("The draft in the address is not there any more, or not yours. This form is empty.")


def on_go_on(draft: Draft, drafts: Drafts, name: str) -> None:
    """Go on with a draft of the list, if it is still there."""
    if kept := drafts.get(name):
        draft.take_up(kept)


def others(draft: Draft, drafts: Drafts) -> None:
    """Offer the drafts of this form that are not open."""
    kept = [each for each in drafts.all() if each.doing == draft.doing and each.id != draft.id]
    if failed := state.pop("contribute_not_discarded", ""):
        st.error(plain(failed))
    if not kept:
        return
    with st.expander(f"{len(kept)} draft{'s' if len(kept) > 1 else ''} not sent yet"):
        st.markdown("Nobody else sees these.")
        for each in kept:
            title = each.title or "Without a title"
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(plain(f"{title}, {views.when(each.time)}"), width="stretch")
                st.button("Go on", key=f"go on {each.id}", on_click=on_go_on, args=(draft, drafts, each.id))
                st.button("Discard", key=f"discard {each.id}", on_click=on_discard, args=(drafts, each.id))


def on_discard(drafts: Drafts, name: str) -> None:
    """Forget a draft, or say why not."""
    try:
        drafts.discard(name)
    except DraftNotKept as error:
        state.contribute_not_discarded = str(error)


def keep(form: Form, draft: Draft, drafts: Drafts, fields: Fields) -> None:
    """Keep what is filled in, and say so."""
    try:
        draft.keep(drafts, form.in_short(draft, fields.knowledge))
    except DraftNotKept as error:
        st.warning(plain(str(error)))
        return
    if draft.memory().parted:
        st.info("This draft goes on in another window, too; what you type here is a draft of its own now.")
    if draft.is_kept():
        if st.query_params.get("draft") != draft.id:
            state.contribute_looked_up = draft.id
            to_address(draft.doing, draft.id)
        st.markdown("What you type is, once you leave its field, kept as a draft that only you see.")
    elif "draft" in st.query_params:
        to_address(draft.doing)


def filling_in(doing: str, visitor: Person) -> None:
    """Show a form, and beside it what comes of it."""
    form, draft, drafts = FORMS[doing], Draft(doing), Drafts(visitor.key)
    panel.act(form, draft, visitor)
    kg, _ = widgets.opened()  # as it is after that
    # In a place of their own: what comes and goes above the fields would take the focus from them.
    with st.container(), widgets.errors_as_messages():
        taken_up(draft, drafts)
        others(draft, drafts)
    found = panel.outcome(form, draft)
    fields = Fields(kg, draft, found.faults if found else {})
    main, side = st.columns([7, 5], gap="large")
    with main:
        form.show(fields)
        below = st.container()
    with side:
        panel.show(fields, found, visitor)
    with below:
        keep(form, draft, drafts, fields)


visitor = editing.visitor()
st.title("Contribute")
if not visitor.may("propose"):
    st.warning(plain(editing.why_not()))
    history.show(widgets.opened()[0], visitor)
else:
    doing = chosen()
    if doing == "review":
        review.show(widgets.opened()[0], visitor)
    elif doing == "history":
        history.show(widgets.opened()[0], visitor)
    else:
        filling_in(doing, visitor)
