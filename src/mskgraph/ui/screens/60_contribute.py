"""The teacher's page: a case, a claim or plain Turtle is checked, looked at and published; any change can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, cast

import streamlit as st

from mskgraph import KnowledgeGraph, curation, views
from mskgraph.curation import Change, Journal, forms
from mskgraph.curation.forms import CaseForm, ClaimForm, HowOften, NewSource, Seen
from mskgraph.errors import ChangeRefused, MskGraphError, StaleRevision
from mskgraph.ontology import Problem
from mskgraph.store import Patch
from mskgraph.terms import FEATURE_KINDS, Kind
from mskgraph.ui import editing, widgets
from mskgraph.ui.editing import Checked
from mskgraph.ui.server import may_edit
from mskgraph.ui.widgets import plain

DOINGS = {"case": "Add a case", "claim": "Add a claim", "turtle": "Add Turtle", "history": "History"}
NEW = "new"  # in place of the IRI of a source
SENTENCES = 40  # of a change that are shown at once
CHANGES = 20  # of the history that are shown at once
WHOLE = 12  # rows of what changes that are shown without scrolling
UPLOAD = 10  # MB
TURTLE = """@prefix msk: <https://w3id.org/mskgraph/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .

msk:cysticercosis skos:altLabel "another name"@en ."""

kg, knowledge = widgets.opened()
state = st.session_state


class Proposal(NamedTuple):
    """What is filled in.

    :ivar given: equal as long as nothing in the form changes
    :ivar about: nodes to look at once it is published
    """

    given: object
    patch: Patch
    at_fields: Callable[[Iterable[Problem]], Mapping[str, list[str]]]
    about: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    :ivar faults: what is wrong, by field; under the empty name what belongs to none
    """

    given: object
    faults: Mapping[str, list[str]]
    checked: Checked | None = None
    about: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """What was published just now, and the draft that it was."""

    change: Change
    about: tuple[str, ...]
    doing: str
    draft: int


@dataclass
class Faults:
    """What is wrong with the form, and which of it has been shown beside its field."""

    found: Mapping[str, list[str]] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)

    def show(self, name: str) -> None:
        """Show what is wrong with a field."""
        self.shown.add(name)
        for text in self.found.get(name, ()):
            st.error(plain(text))

    def rest(self) -> list[str]:
        """Return what is wrong and was shown beside no field."""
        return [text for name, texts in self.found.items() if name not in self.shown for text in texts]


# What is filled in


def key(name: str) -> str:
    """Return the name of a field of the present draft in the session."""
    return f"{doing} {state.get(f'{doing} draft', 0)} {name}"


def held(name: str, otherwise: Any = None) -> Any:
    """Return what a field holds."""
    value = state.get(key(name))
    return otherwise if value is None else value


def source() -> forms.Source:
    """Return the source that is chosen, or the new one that is described."""
    part = "claim" if doing == "claim" else "case"
    chosen: str | None = held(f"{part} source")
    if chosen != NEW:
        return chosen
    names = ("title", "bibliographicCitation", "url", "identifier")
    return NewSource(*(held(f"source {name}", "") for name in names))


def seen(number: int) -> Seen:
    """Return an observation of the form, counted from 1."""
    part = f"observation-{number}"
    return Seen(
        held(f"{part} finding"),
        held(f"{part} present", "present") == "present",
        held(f"{part} site"),
        held(f"{part} side"),
        tuple(held(f"{part} morphology", ())),
        held(f"{part} note", ""),
    )


def case_form() -> CaseForm:
    """Return what the form of a case holds."""
    return CaseForm(
        held("case title", ""),
        held("case description", ""),
        source(),
        tuple(seen(number) for number in range(1, held("observations", 1) + 1)),
        tuple(held("case context", ())),
        tuple(held("case statedDiagnosis", ())),
        held("case note", ""),
    )


def is_described() -> bool:
    """Return whether the chosen feature is one that describes a finding."""
    feature = held("claim feature")
    return feature in knowledge.concepts and knowledge.kind(feature) in ("morphology", "site")


def claim_form() -> ClaimForm:
    """Return what the form of a claim holds."""
    return ClaimForm(
        diagnosis=held("claim diagnosis"),
        feature=held("claim feature"),
        of_finding=held("claim ofFinding") if is_described() else None,
        sites=tuple(held("claim atSite", ())),
        how_often=HowOften(
            held("claim estimate", forms.NOT_STATED),
            held("estimate stated", ""),
            held("estimate lower"),
            held("estimate upper"),
            held("estimate numerator"),
            held("estimate denominator"),
            held("estimate frequencyWord"),
            held("estimate marks"),
        ),
        confidence=held("claim confidence"),
        modalities=tuple(held("claim modality", ())),
        population=held("claim population", ""),
        locator=held("claim locator", ""),
        source=source(),
        verification=held("claim verification"),
        note=held("claim note", ""),
    )


def given() -> object:
    """Return what the form holds."""
    if doing == "turtle":
        return held("turtle", ""), held("file")
    return case_form() if doing == "case" else claim_form()


def proposal(now: KnowledgeGraph, form: object) -> Proposal:
    """Return the change that a form asks for.

    :raises PatchInvalid: if it cannot be one
    """
    taken = forms.is_taken(now.store)
    if isinstance(form, CaseForm):
        draft = forms.case_draft(form, taken)
        about = (draft.node,)
    elif isinstance(form, ClaimForm):
        draft = forms.claim_draft(form, taken)
        about = (form.diagnosis or "",)
    else:
        patch = turtle_patch(now)
        return Proposal(form, patch, nowhere, tuple(sorted(patch.subjects())))
    return Proposal(form, curation.additions(now, draft.graph), draft.at_fields, about)


def in_short() -> str:
    """Return what the history says of a change for which no reason is given."""
    if doing == "claim":
        diagnosis, feature = (knowledge.label(held(f"claim {name}", "")) for name in ("diagnosis", "feature"))
        return f"Claim: {diagnosis}: {feature}"
    return f"Case: {held('case title', '')}"[:200] if doing == "case" else "Turtle"


def turtle_patch(now: KnowledgeGraph) -> Patch:
    """Return what the text and the file add."""
    graph = curation.graph_in(held("turtle", "").encode())
    if file := held("file"):
        graph += curation.graph_in(file[1])
    return curation.additions(now, graph)


def nowhere(problems: Iterable[Problem]) -> dict[str, list[str]]:
    """Return problems that belong to no field."""
    texts = [f"{problem.node}: {problem.message} {problem.remedy}" for problem in problems]
    return {"": texts} if texts else {}


def examined() -> Outcome:
    """Check what is filled in."""
    form = given()
    try:
        now = KnowledgeGraph.open()
        proposed = proposal(now, form)
        checked = editing.check(now, proposed.patch)
        return Outcome(form, proposed.at_fields(checked.problems), checked, proposed.about)
    except MskGraphError as error:
        return Outcome(form, {"": [str(error).replace("standard input", "Your Turtle")]})


def outcome() -> Outcome | None:
    """Return what the check of the present draft found; once asked for, it goes along with every change of the form."""
    found: Outcome | None = state.get(key("outcome"))
    if found is not None and found.given != given():
        found = state[key("outcome")] = examined()
    return found


# What is clicked


def on_doing() -> None:
    """Put what is to be done into the address."""
    chosen = state.contribute_doing
    widgets.to_address(do=[chosen] if chosen and chosen != "case" else [])


def on_check() -> None:
    """Check what is filled in, and show what it would do."""
    found = state[key("outcome")] = examined()
    state[key("previewed")] = found.given
    forget_said()


def on_publish() -> None:
    """Make what is filled in part of the knowledge; what was not checked before is checked now."""
    forget_said()
    found = outcome() or examined()
    state[key("outcome")] = found
    if found.faults or found.checked is None:
        return
    try:
        change = editing.publish(found.checked, state.contribute_author, held("message", "").strip() or in_short())
    except ChangeRefused as error:
        state[key("outcome")] = Outcome(found.given, {"": [str(problem) for problem in error.problems]})
    except StaleRevision:
        pass  # the page, which is drawn with what there is now, tells it
    except MskGraphError as error:
        state[key("failed")] = str(error)
    else:
        state.contribute_done = Done(change, found.about, doing, state.get(f"{doing} draft", 0))
        fresh(doing)


def fresh(which: str) -> None:
    """Begin an empty draft."""
    state.contribute_drafts = state.get("contribute_drafts", 0) + 1
    state[f"{which} draft"] = state.contribute_drafts


def on_undo(change_hash: str) -> None:
    """Take a change back; what was typed for the last one comes back into its form."""
    done: Done | None = state.get("contribute_done")
    forget_said()
    try:
        undone = editing.take_back(change_hash, state.contribute_author)
    except MskGraphError as error:
        state.contribute_refused = (change_hash, str(error).replace("msk:change-", ""))
        return
    said = f"Change {change_hash[:12]} is taken back by change {undone.hash[:12]}."
    if done and done.change.hash == change_hash:
        state[f"{done.doing} draft"] = done.draft
        state.pop(f"{done.doing} {done.draft} outcome", None)  # checked against what there was then
        said += " What you typed is in the form again."
    state.contribute_undone = said


def forget_said() -> None:
    """Take down what was said about the last click."""
    for name in ("contribute_done", "contribute_refused", "contribute_undone", key("failed")):
        state.pop(name, None)


def on_clear() -> None:
    """Empty the form."""
    forget_said()
    fresh(doing)


def on_observations(step: int) -> None:
    """Add an observation, or take the last one out."""
    state[key("observations")] = max(1, held("observations", 1) + step)


def on_file() -> None:
    """Keep the file, which its widget would forget with the page."""
    file = state[key("upload")]
    state[key("file")] = (file.name, file.getvalue()) if file else None


def on_no_file() -> None:
    """Leave the file out."""
    state[key("file")] = None


# Fields


def text(label: str, name: str, area: bool = False, **more: Any) -> None:
    """Show a field for a text."""
    show = partial(st.text_area, height=100) if area else st.text_input
    show(label, key=key(name), persist_state="session", **more)
    faults.show(name)


def number(label: str, name: str, **more: Any) -> None:
    """Show a field for a number."""
    st.number_input(label, key=key(name), value=None, persist_state="session", **more)
    faults.show(name)


def one(label: str, name: str, options: Sequence[str], called: Callable[[str], str], **more: Any) -> None:
    """Show a field for one of several things, by their labels."""
    if state.get(key(name)) not in (None, *options):
        state[key(name)] = None  # it has gone meanwhile
    more = {"index": None, "placeholder": "not chosen", **more}
    st.selectbox(label, options, format_func=called, key=key(name), persist_state="session", **more)
    faults.show(name)


def several(label: str, name: str, options: Sequence[str], called: Callable[[str], str], **more: Any) -> None:
    """Show a field for any number of things, by their labels."""
    if any(value not in options for value in held(name, ())):
        state[key(name)] = [value for value in held(name) if value in options]
    more = {"placeholder": "none", **more}
    st.multiselect(label, options, format_func=called, key=key(name), persist_state="session", **more)
    faults.show(name)


def of_kind(*kinds: Kind) -> list[str]:
    """Return the concepts of a kind, by label."""
    concepts = [concept for concept in knowledge.concepts.values() if concept.kind in kinds]
    return [concept.iri for concept in sorted(concepts, key=lambda concept: (concept.label.casefold(), concept.iri))]


def with_kind(concept: str) -> str:
    """Return a concept's label and what it is."""
    return f"{knowledge.label(concept)} ({knowledge.kind(concept)})"


def source_fields(part: str) -> None:
    """Show the fields for the source."""
    sources = {NEW: "A new source", **offered["Source"]}
    one("Source", f"{part} source", list(sources), lambda node: sources[node])
    if held(f"{part} source") == NEW:
        with st.container(border=True):
            text("Title of the source", "source title", placeholder="Short, as the list of sources shows it")
            text("Citation", "source bibliographicCitation", placeholder="Authors. Title. Journal year;volume:pages.")
            left, right = st.columns(2)
            with left:
                text("Web address", "source url", placeholder="https://")
            with right:
                text("Identifier", "source identifier", placeholder="doi:10.1000/182 or pmid:12345678")


def observation_fields(number: int) -> None:
    """Show the fields for one observation."""
    part = f"observation-{number}"
    with st.container(border=True):
        st.markdown(f"**Observation {number}**")
        left, middle, right = st.columns(3)
        with left:
            one(f"Finding {number}", f"{part} finding", of_kind("finding"), knowledge.label)
        with middle:
            one(f"Site {number}", f"{part} site", of_kind("site"), knowledge.label, placeholder="not stated")
        with right:
            sides = offered["Side"]
            one(f"Side {number}", f"{part} side", list(sides), lambda n: sides[n], placeholder="not stated")
        left, middle, right = st.columns(3)
        with left:
            several(f"How it looks {number}", f"{part} morphology", of_kind("morphology"), knowledge.label)
        with middle:
            text(f"Note {number}", f"{part} note")
        with right:
            ways = ["present", "absent"]
            st.radio(f"Seen {number}", ways, key=key(f"{part} present"), horizontal=True, persist_state="session")
            faults.show(f"{part} present")


def case_fields() -> None:
    """Show the form of a case."""
    text("Title", "case title", placeholder="Calcification at the triceps tendon insertion")
    text("Description, in your own words", "case description", area=True)
    source_fields("case")
    count = held("observations", 1)
    for number in range(1, count + 1):
        observation_fields(number)
    with st.container(horizontal=True):
        st.button("Add an observation", on_click=on_observations, args=(1,))
        if count > 1:
            st.button(f"Take observation {count} out", on_click=on_observations, args=(-1,))
    faults.show("case observation")
    left, right = st.columns(2)
    with left:
        several("Context", "case context", of_kind("context"), knowledge.label)
    with right:
        several("Stated diagnosis", "case statedDiagnosis", of_kind("diagnosis"), knowledge.label)
    text("Note on the case", "case note")


def claim_fields() -> None:
    """Show the form of a claim."""
    left, right = st.columns(2)
    with left:
        one("Diagnosis", "claim diagnosis", of_kind("diagnosis"), knowledge.label)
    with right:
        one("Feature that goes with it", "claim feature", of_kind(*FEATURE_KINDS), with_kind)
    left, right = st.columns(2)
    with left:
        several("Only at these sites", "claim atSite", of_kind("site"), knowledge.label, placeholder="anywhere")
    with right:
        if is_described():
            one("Of which finding", "claim ofFinding", of_kind("finding"), knowledge.label, placeholder="of none")
    with st.container(border=True):
        how_often_fields()
    source_fields("claim")
    left, right = st.columns(2)
    with left:
        text("Where in the source", "claim locator", placeholder="table 2, row 1")
        one("Confidence", "claim confidence", list(offered["Confidence"]), lambda n: offered["Confidence"][n])
        several("Technique", "claim modality", list(offered["Modality"]), lambda n: offered["Modality"][n])
    with right:
        text("In whom", "claim population", placeholder="adults with shoulder pain")
        verifications = offered["Verification"]
        one("How you know the source", "claim verification", list(verifications), lambda n: verifications[n])
        text("Note on the claim", "claim note")


def how_often_fields() -> None:
    """Show the fields for how often, in the form in which the source says it."""
    ways = list(forms.FORMS)
    st.radio(
        "How often does the source say?",
        ways,
        format_func=lambda way: forms.FORMS[way],
        key=key("claim estimate"),
        horizontal=True,
        persist_state="session",
    )
    faults.show("claim estimate")
    way = held("claim estimate", forms.NOT_STATED)
    if way == forms.NOT_STATED:
        return
    percentage = {"min_value": 0.0, "max_value": 100.0, "step": 0.1, "format": "%g"}
    left, middle, right = st.columns(3)
    with left:
        if way == "percent-range":
            number("From, in percent", "estimate lower", help="24.7 % alone is 24.65 to 24.75.", **percentage)
        elif way == "count":
            number("n", "estimate numerator", min_value=0, step=1)
        elif way == "word":
            words = offered["FrequencyWord"]
            one("Word of the table", "estimate frequencyWord", list(words), lambda node: words[node])
        else:
            number("How many <", "estimate marks", min_value=1, max_value=9, step=1)
    with middle:
        if way == "percent-range":
            number("To, in percent", "estimate upper", **percentage)
        elif way == "count":
            number("of m", "estimate denominator", min_value=1, step=1)
        elif way == "order-of-magnitude":
            number("Less than, in percent", "estimate upper", **percentage)
    with right:
        text("As the source words it", "estimate stated", placeholder=STATED[way])


STATED = {"percent-range": "95-98 %", "count": "13 of 20", "word": "classic", "order-of-magnitude": "<< 1 %"}


def turtle_fields() -> None:
    """Show the fields for Turtle."""
    st.text_area("Turtle", key=key("turtle"), height=320, placeholder=TURTLE, persist_state="session")
    st.file_uploader(
        "Or a file of Turtle",
        type=["ttl", "nt"],
        key=key("upload"),
        max_upload_size=UPLOAD,
        on_change=on_file,
    )
    if file := held("file"):
        st.markdown(plain(f"{file[0]}, {len(file[1]):,} bytes, is part of your change."))
        if not state.get(key("upload")):
            st.button("Leave the file out", on_click=on_no_file)


# What comes of it


def panel() -> None:
    """Show who says why, the buttons, and what they led to."""
    st.header("Your change")
    left, right = st.columns(2)
    with left:
        author_field()
    with right:
        text("Why", "message", placeholder="for the history")
    with st.container(horizontal=True):
        st.button("Check", on_click=on_check)
        st.button("Publish", type="primary", on_click=on_publish)
        st.button("Empty the form", type="tertiary", on_click=on_clear)
    said()
    found = outcome()
    if found is None:
        st.markdown("Check says what is wrong and what your change would do; nothing is written before you publish.")
    elif found.faults:
        refused(found)
    elif found.checked and found.checked.base != kg.revision:
        st.warning("Somebody has changed the knowledge since you checked. Nothing of yours is published yet.")
        st.button("Check again", on_click=on_check)
    elif found.checked:
        what_it_does(found.checked.patch, state.get(key("previewed")) == found.given)


def author_field() -> None:
    """Show the field for who changes something."""
    if "contribute_author" not in state:
        state.contribute_author = editing.login()
    st.text_input("Who you are", key="contribute_author", persist_state="session")


def said() -> None:
    """Show what came of the last click."""
    done: Done | None = state.get("contribute_done")
    if done:
        st.success(f"Published as change {done.change.hash[:12]}.")
        with st.container(horizontal=True, vertical_alignment="center"):
            for node in [node for node in done.about if node in knowledge.lexicon.kinds][:5]:
                page, name = ("30_cases", "case") if node in knowledge.cases else ("25_concepts", "c")
                widgets.link(f"Open {knowledge.label(node)}", page, **{name: [node]})
            st.button("Undo", on_click=on_undo, args=(done.change.hash,))
    if undone := state.get("contribute_undone"):
        st.success(plain(undone))
    if refusal := state.get("contribute_refused"):
        st.error(plain(refusal[1]))
    if failed := state.get(key("failed")):
        st.error(plain(failed))


def refused(found: Outcome) -> None:
    """Show what is wrong."""
    rest = faults.rest()
    total = sum(map(len, found.faults.values()))
    marked = total - len(rest)
    where = f" {marked} of them marked in the form." if marked else ""
    st.error(f"Not yet: {total} thing{'s are' if total > 1 else ' is'} to be put right.{where}")
    for text in rest[:SENTENCES]:
        st.error(plain(text))
    if len(rest) > SENTENCES:
        st.markdown(f"{SENTENCES} of {len(rest)} are shown.")


def what_it_does(patch: Patch, asked: bool) -> None:
    """Show a change that can be published: what it says, and what it would do to the answers.

    :param asked: whether somebody asked for it since the form was changed last
    """
    st.success("Nothing is wrong with it.")
    if not asked:
        st.markdown("Check to see what it would do, or publish it.")
        return
    with widgets.errors_as_messages():
        show_preview(previewed(patch))
        st.subheader("What it says")
        sentences(patch, views.labels_of(kg.store, knowledge, [patch]))


def previewed(patch: Patch) -> views.Preview:
    """Return what a change would do, worked out once."""
    name = (patch, kg.content_hash)
    known, found = state.get(key("preview"), (None, None))
    if known != name or found is None:
        with st.spinner("Working out what it would do ..."):
            found = views.preview(knowledge, kg.changed_by(patch).knowledge, patch)
        state[key("preview")] = (name, found)
    return cast(views.Preview, found)


def show_preview(found: views.Preview) -> None:
    """Show what a change would do."""
    st.subheader("What it would do")
    widgets.bullets("", found.cases)
    widgets.bullets("Relations opened", found.opened[:SENTENCES])
    widgets.bullets("Relations closed", found.closed[:SENTENCES])
    for relations in (found.opened, found.closed):
        if len(relations) > SENTENCES:
            st.markdown(f"{SENTENCES} of {len(relations)} are shown.")
    if not found.opened and not found.closed:
        st.markdown("No relation between concepts is opened or closed.")
    asked = f"the first {views.COMPARED} candidates of {found.asked} differentials: the example and every stored case"
    if found.moved:
        st.markdown(f"Compared were {asked}. These change:")
    if 0 < len(found.moved) <= WHOLE:
        widgets.text_table(found.moved)
    else:
        widgets.table(found.moved, f"Nothing changes among {asked}.")


def sentences(patch: Patch, labels: Mapping[str, str]) -> None:
    """Show a change in words."""
    lines = views.words(knowledge, patch, labels)
    widgets.bullets("", lines[:SENTENCES])
    if len(lines) > SENTENCES:
        st.markdown(f"{SENTENCES} of {len(lines)} triples are shown.")


def history(editable: bool) -> None:
    """Show who changed what, when and why, the last change first."""
    changes = Journal().changes()[::-1]
    if editable:
        left, _ = st.columns([1, 3])
        with left:
            author_field()
    if undone := state.get("contribute_undone"):
        st.success(plain(undone))
    if not changes:
        st.info("Nothing was changed yet: the knowledge is what the files of the ontology say.")
        return
    everything = state.get("contribute_all", False)
    shown = changes if everything else changes[:CHANGES]
    st.markdown(f"{len(shown)} of {len(changes)} change{'s' if len(changes) > 1 else ''}, the last one first.")
    if len(changes) > CHANGES:
        st.toggle(f"Show all {len(changes)}", key="contribute_all")
    labels = views.labels_of(kg.store, knowledge, [change.patch for change in shown])
    back = views.taken_back(changes)
    for change in shown:
        with st.container(border=True):
            entry(change, back.get(change.hash), labels, editable)


def entry(change: Change, taken_back_by: Change | None, labels: Mapping[str, str], editable: bool) -> None:
    """Show one change of the history."""
    name = change.hash[:12]
    left, middle, right = st.columns([6, 3, 2], vertical_alignment="center")
    left.markdown(f"**{plain(change.message or 'No reason given')}**  \n{plain(change.author)}, {views.when(change)}")
    middle.markdown(f"Change {name}")
    with right:
        if taken_back_by:
            st.markdown(f"Taken back by {taken_back_by.hash[:12]}")
        elif editable:
            st.button(f"Undo {name}", width="stretch", on_click=on_undo, args=(change.hash,))
    refusal = state.get("contribute_refused")
    if refusal and refusal[0] == change.hash:
        st.error(plain(refusal[1]))
    added, removed = len(change.patch.added), len(change.patch.removed)
    with st.expander(f"{added} added, {removed} removed"):
        sentences(change.patch, labels)


st.title("Contribute")
faults = Faults()
if may_edit():
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
else:
    doing = "history"
    st.warning(editing.OFF)
if doing == "history":
    history(may_edit())
else:
    found = outcome()
    faults = Faults(found.faults if found else {})
    offered = forms.choices(kg.store)
    main, side = st.columns([7, 5], gap="large")
    with main:
        {"case": case_fields, "claim": claim_fields, "turtle": turtle_fields}[doing]()
        st.markdown("What you type is kept while this tab is open, on other pages too; reloading the page empties it.")
    with side:
        panel()
