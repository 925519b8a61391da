"""What is seen, and what it may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from mskgraph import ontology, views
from mskgraph.differential import Candidate, Differential, Regime, differential
from mskgraph.store import Store
from mskgraph.terms import FEATURE_KINDS, Kind, iri
from mskgraph.ui import widgets
from mskgraph.ui.graph_view import GraphEvent, graph_view, network_of
from mskgraph.ui.widgets import plain

EXAMPLE = [iri("soft-tissue-calcification")]
URGENT = 4  # of what must not be missed, in sight
FIRST = 25  # candidates listed until all are asked for; a docstring here would be shown on the page

TITLES: dict[Kind, str] = {"finding": "Finding", "site": "Site", "morphology": "Morphology", "context": "Context"}

kg, knowledge = widgets.opened()


def features() -> list[str]:
    """Return the features in the pickers, in the order of their kinds."""
    return [feature for kind in FEATURE_KINDS for feature in st.session_state[f"pick_{kind}"]]


def put(present: Sequence[str], absent: Sequence[str] | None = None, **changes: Sequence[str]) -> None:
    """Put the state of the page into the address: what is asked, and what else is given or was there."""
    kept = {name: st.query_params.get_all(name) for name in ("regime", "all", "list")}
    missing = st.session_state.pick_absent if absent is None else absent
    widgets.to_address(f=present, absent=[f for f in missing if f not in present], **{**kept, **changes})


def on_typed() -> None:
    """Add what was typed to what is seen; words that fit nothing stay in the box."""
    reading = knowledge.lexicon.read(st.session_state.typed)
    present = [] if st.session_state.example else features()
    put(
        list(dict.fromkeys([*present, *reading.features])) or present,
        list(dict.fromkeys([*st.session_state.pick_absent, *reading.absent])),
    )
    st.session_state.typed = " ".join(reading.unread)
    st.session_state.unread = " ".join(reading.unread)
    st.session_state.diagnoses, st.session_state.side_note = reading.diagnoses, reading.side_note


def on_picked() -> None:
    """Take over what the pickers hold."""
    put(features())


def on_candidate(candidate: str) -> None:
    """Show why a candidate is in the list."""
    put(features(), why=[candidate])


def on_all() -> None:
    """Draw the paths of all candidates, or of the first ones only."""
    put(features(), why=st.query_params.get_all("why"), all=["1"] if st.session_state.draw_all else [])


def on_list() -> None:
    """List all candidates, or the first ones only."""
    put(features(), why=st.query_params.get_all("why"), list=["all"] if st.session_state.list_all else [])


def on_regime() -> None:
    """Let stated prevalence count, or leave it out."""
    put(features(), why=st.query_params.get_all("why"), regime=["equal"] if st.session_state.leave_out else [])


def on_observed(feature: str, present: bool) -> None:
    """Add what was looked for next."""
    if present:
        put([*features(), feature])
    else:
        put(features(), [*st.session_state.pick_absent, feature])


def on_node(event: GraphEvent) -> None:
    """Select the diagnosis that was clicked in the graph."""
    if event.element == "node" and event.id in knowledge.concepts and knowledge.kind(event.id) == "diagnosis":
        on_candidate(event.id)


def on_suggested(label: str) -> None:
    """Take a suggestion in place of the word that fitted nothing."""
    present = [] if st.session_state.example else features()
    put(list(dict.fromkeys([*present, knowledge.lexicon.find(label, FEATURE_KINDS)])))
    st.session_state.typed = st.session_state.unread = ""


def ask() -> tuple[list[str], list[str], Regime]:
    """Show the search box and the pickers; return what is seen, what is absent, and whether prevalence counts."""
    present = widgets.from_address(knowledge, "f", FEATURE_KINDS)
    st.session_state.example = not present
    present = present or EXAMPLE
    st.text_input(
        "What do you see?",
        key="typed",
        on_change=on_typed,
        placeholder="Finding, site and look in any order, words may be cut short: calc triceps",
    )
    unread = st.session_state.get("unread", "")
    if unread and unread == st.session_state.typed:
        st.warning(plain(f'Nothing is called "{unread}".'))
        for label in knowledge.lexicon.suggest(unread, FEATURE_KINDS):
            st.button(plain(label), key=f"suggest_{label}", on_click=on_suggested, args=(label,))
    if side_note := st.session_state.pop("side_note", ""):
        st.caption(side_note)
    for diagnosis in st.session_state.pop("diagnoses", ()):
        findings = ", ".join(map(knowledge.label, knowledge.findings_of(diagnosis)[:5]))
        shows = f" It may show: {findings}." if findings else ""
        st.info(plain(f"{knowledge.label(diagnosis)} is a diagnosis, nothing that is seen.{shows}"))
        widgets.link(f"All about {knowledge.label(diagnosis)}", "25_concepts", c=[diagnosis])
    with st.container(key="pickers"):
        *columns, left, right = st.columns(len(FEATURE_KINDS) + 2, vertical_alignment="bottom")
    for column, kind in zip(columns, FEATURE_KINDS, strict=True):
        chosen = [feature for feature in present if knowledge.kind(feature) == kind]
        if st.session_state.get(f"pick_{kind}") != chosen:
            st.session_state[f"pick_{kind}"] = chosen
        options = sorted((c for c in knowledge.concepts.values() if c.kind == kind), key=lambda c: c.label)
        column.multiselect(
            TITLES[kind],
            [concept.iri for concept in options],
            key=f"pick_{kind}",
            format_func=knowledge.label,
            on_change=on_picked,
            placeholder="any",
        )
    absent = [f for f in widgets.from_address(knowledge, "absent", FEATURE_KINDS) if f not in present]
    if st.session_state.get("pick_absent") != absent:
        st.session_state.pick_absent = absent
    every = sorted((c for c in knowledge.concepts.values() if c.kind in FEATURE_KINDS), key=lambda c: c.label)
    left.multiselect(
        "Looked for and not there",
        [concept.iri for concept in every],
        key="pick_absent",
        format_func=knowledge.label,
        on_change=on_picked,
        placeholder="nothing",
    )
    st.session_state.leave_out = st.query_params.get("regime") == "equal"
    right.toggle("Leave prevalence out", key="leave_out", on_change=on_regime)
    if st.session_state.example:
        st.markdown("A worked example: soft tissue calcification. Type what you see, or pick it above.")
    return present, absent, "equal" if st.session_state.leave_out else "stated"


def notes(result: Differential) -> None:
    """Show what has to be said of the answer as a whole."""
    if len(result.warnings) > 1:
        with st.expander(f"{len(result.warnings)} notes on this answer"):
            widgets.bullets("", result.warnings)
    else:
        widgets.bullets("", result.warnings)


def ranked(result: Differential, selected: str) -> None:
    """Show the candidates: those that a source ranks, then the others in groups of the cause they stand under."""
    place = dict(zip((c.iri for c in result.candidates), views.places(result), strict=True))
    urgent = [c for c in result.candidates if c.must_not_miss]
    if urgent:
        st.header("Must not miss", help="Malignant or urgent, whatever their place in the list.")
        with st.container(horizontal=True, gap="xsmall"):
            for candidate in urgent[:URGENT]:
                name(candidate, selected, "urgent")
            if rest := urgent[URGENT:]:
                with st.popover(f"{len(rest)} more"), st.container(horizontal=True):
                    for candidate in rest:
                        name(candidate, selected, "urgent")
    listed = list(result.candidates)
    if result.total > FIRST:
        st.session_state.list_all = st.query_params.get("list") == "all"
        listed = listed if st.session_state.list_all else views.first_candidates(result, FIRST)
    some = f"{len(listed)} of " if len(listed) < result.total else ""
    st.header(f"{some}{result.total} candidate{'s' if result.total > 1 else ''}")
    groups: dict[str, list[Candidate]] = {}
    for candidate in listed:
        parent = "" if views.stands_out(candidate) else views.under(knowledge, candidate)
        groups.setdefault(parent, []).append(candidate)
    for parent, group in groups.items():
        if not parent or result.candidates[0] in group:
            rows(group, place, selected)
            continue
        title = f"{len(group)} more under {parent}, share of each not stated"
        with st.expander(plain(title), expanded=selected in [c.iri for c in group]):
            rows(group, place, selected)
    if some:
        st.markdown(f"{some}{result.total} are shown: the first, and those of stated prevalence.")
    if result.total > FIRST:
        st.toggle(f"List all {result.total}", key="list_all", on_change=on_list)
    st.markdown("Bars are probabilities with all that is given, on a log-odds scale; the line in the middle is 50 %.")


def rows(candidates: Sequence[Candidate], place: Mapping[str, str], selected: str) -> None:
    """Show candidates below each other."""
    for candidate in candidates:
        row(candidate, place[candidate.iri], selected)


def row(candidate: Candidate, place: str, selected: str) -> None:
    """Show one candidate."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f"**{plain(place)}**", width=34)
        name(candidate, selected, "list")
        st.markdown(f"**{plain(candidate.quantity or 'not stated')}**", width="content")
        widgets.interval_bar(candidate.posterior, views.log_odds_bar(candidate.posterior))
        st.markdown(plain(", ".join(category.label for category in candidate.categories)), width="content")
        if candidate.must_not_miss:
            st.badge("must not miss", color="red")
        if candidate.cases:
            st.badge(f"{len(candidate.cases)} case{'s' if len(candidate.cases) > 1 else ''}", color="gray")


def name(candidate: Candidate, selected: str, where: str) -> None:
    """Show a candidate's name as a button that selects it."""
    st.button(
        f"**{plain(candidate.label)}**" if candidate.iri == selected else plain(candidate.label),
        key=f"{where}_{candidate.iri}",
        icon=":material/chevron_right:" if candidate.iri == selected else None,
        on_click=on_candidate,
        args=(candidate.iri,),
    )


def why(result: Differential, candidate: Candidate) -> None:
    """Show the steps that lead to a candidate, each with its quantity and source."""
    st.header(plain(f"Why {candidate.label}?"))
    concept = knowledge.concepts[candidate.iri]
    st.markdown(plain(concept.definition))
    st.markdown(plain(f"Its probability with all that is given is {views.bounds_in_words(candidate.posterior)}."))
    st.markdown(plain(views.standing(knowledge, result, candidate)))
    for step in views.evidence_rows(knowledge, candidate):
        if not step["Confidence"]:
            st.markdown(f"{plain(step['Step'])} ({plain(step['Source'])})")
            continue
        st.markdown(f"{plain(step['Step'])}  \n**{plain(step['How often'] or 'no number')}**, {plain(step['Source'])}")
        details = [text for text in (step["In whom"] and f"In: {step['In whom']}.", step["Note"]) if text]
        if details:
            st.markdown(plain(" ".join(details)))
    if len(result.present) + len(result.absent) > 1:
        st.markdown("**What each feature says**")
        widgets.text_table(views.contribution_rows(knowledge, result, candidate))
    widgets.bullets("What it rests on", views.foundations(knowledge, result, candidate))
    if candidate.unexplained:
        labels = ", ".join(map(knowledge.label, candidate.unexplained))
        st.markdown(plain(f"No source connects it with: {labels}."))
    if concept.must_not_miss:
        st.markdown(plain(f"Must not miss: {concept.must_not_miss}"))
    for note in concept.notes:
        st.markdown(plain(f"Note: {note}"))
    widgets.bullets("What points to it", views.pointers(knowledge, candidate.iri))
    widgets.bullets("To teach", views.remarks(knowledge, candidate.iri))
    with st.container(horizontal=True):
        widgets.link(f"All about {candidate.label}", "25_concepts", c=[candidate.iri])
        widgets.link(f"Explore {candidate.label}", "20_explore", show=[candidate.iri])


def alike(present: Sequence[str], candidate: Candidate) -> None:
    """Show the cases of the candidate and those that show the same."""
    st.header("Cases")
    alike = views.cases_showing(knowledge, present)
    shown = [knowledge.cases[case] for case in candidate.cases if case not in {c.iri for c, _ in alike}]
    if not alike and not shown:
        st.markdown("No case shows these findings yet.")
    for case, seen in [*alike, *((case, ()) for case in shown)]:
        stated = " It is stated to be of this cause." if case.iri in candidate.cases else ""
        with st.container(border=True):
            widgets.link(case.label, "30_cases", case=[case.iri])
            shows = f"Shows {', '.join(map(knowledge.label, seen))}." if seen else ""
            st.markdown(plain(f"{case.description} {shows}{stated}"))


def further(result: Differential) -> None:
    """Show what to look for next, what would change the answer, two causes at once, and words for a report."""
    left, right = st.columns(2, gap="large")
    with left:
        st.header("Look for next")
        if not result.next:
            st.markdown("No feature that has a number in the graph is left to ask about.")
        for observation in result.next:
            with st.container(horizontal=True, vertical_alignment="center"):
                label = knowledge.label(observation.feature)
                fewer = observation.worst_case < len(result.ranking.first_layer)
                gain = f"at most {observation.worst_case} of {result.total} stay" if fewer else "may narrow the bounds"
                st.markdown(plain(f"{label}: {gain}"), width=260)
                for seen in (True, False):
                    st.button(
                        plain(f"{label} {'present' if seen else 'absent'}"),
                        key=f"next_{seen}_{observation.feature}",
                        on_click=on_observed,
                        args=(observation.feature, seen),
                    )
        st.header("How firm is this?")
        changes = views.firmness(knowledge, result)
        widgets.bullets("What changes the first layer", changes)
        if not changes:
            st.markdown("Nothing that was tried changes the first layer.")
    with right:
        st.header("Words for a report")
        st.code(
            "\n".join(phrase.text for phrase in views.impression(knowledge, result)), language=None, wrap_lines=True
        )
        with st.expander("What each sentence rests on"):
            widgets.text_table(views.impression_rows(knowledge, result))
        if result.pairs:
            st.header("Two causes at once")
            st.markdown("Neither explains all that is seen; together they do.")
            for one, two in result.pairs:
                st.markdown(plain(f"{knowledge.label(one)} and {knowledge.label(two)}"))


def turtle(store: Store, candidate: Candidate) -> str:
    """Return the claims behind a candidate as Turtle."""
    claims = " ".join(f"<{evidence.claim.iri}>" for evidence in candidate.evidence)
    return ontology.turtle_of(store.answer(f"DESCRIBE {claims}").body)


st.title("Differential")
present, absent, regime = ask()
result = differential(knowledge, present, absent, regime)
if result.candidates:
    wanted = widgets.from_address(knowledge, "why", ["diagnosis"])
    candidate = next((c for c in result.candidates if c.iri in wanted), result.candidates[0])
    left, right = st.columns(2, gap="large")
    with left:
        ranked(result, candidate.iri)
    with right:
        notes(result)
        why(result, candidate)
        alike(present, candidate)
    further(result)
    everything = st.query_params.get("all") == "1"
    drawing = views.path_drawing(knowledge, result, candidate.iri, views.MAX_NODES if everything else views.PATH_NODES)
    st.header("Paths")
    st.markdown(
        f"From what is seen, over the claims, to diagnoses and cases. The path of the selected candidate is lit; "
        f"{widgets.shown_of(drawing)}."
    )
    with st.container(horizontal=True):
        if everything or len(drawing.nodes) < drawing.total_nodes:
            if st.session_state.get("draw_all") != everything:
                st.session_state.draw_all = everything
            st.toggle("Draw all candidates", key="draw_all", on_change=on_all)
        widgets.copy_link()
        widgets.sparql_behind("claims_on_features", feature=present)
        widgets.exports(
            "Differential of " + ", ".join(map(knowledge.label, present)),
            drawing,
            views.differential_rows(knowledge, result),
            lambda: turtle(kg.store, candidate),
            widgets.NOTICE,
        )
    graph_view(
        network_of(drawing),
        key="paths",
        graph_id=f"differential {everything} {regime} {' '.join(present)} without {' '.join(absent)}",
        height=min(900, max(360, 66 * views.tallest_column(drawing))),
        label=f"Paths from {', '.join(map(knowledge.label, present))} to the candidate diagnoses",
        selected=candidate.iri,
        lit=views.lit_path(knowledge, candidate),
        on_select=on_node,
    )
    widgets.table(views.path_rows(knowledge, result, drawing), "No paths.")
else:
    notes(result)
    st.info("Take a feature out, or open Explore to see what the graph knows about it.")
