"""A differential as a page shows it: rows, reasons, what it rests on, and words for a report."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby

from mskgraph.differential import Candidate, Differential, Variation
from mskgraph.graph import Case, Knowledge
from mskgraph.views.words import (
    FEW,
    bounds_in_words,
    few,
    notes_of,
    percent,
    quantity,
    says,
    setting,
    source_words,
    unknown,
)

_EDGE = 1e-6  # where the log-odds axis ends


def differential_rows(knowledge: Knowledge, result: Differential) -> list[dict[str, str]]:
    """Return one row a candidate, in shown order.

    :returns: dictionaries of str with the keys Place, Diagnosis, Probability, How often, Category, Why, Source, Cases
    """
    return [
        {
            "Place": str(place),
            "Diagnosis": candidate.label,
            "Probability": percent(candidate.posterior),
            "How often": how_often(knowledge, candidate),
            "Category": ", ".join(category.label for category in candidate.categories),
            "Why": reason(knowledge, candidate),
            "Source": ", ".join(dict.fromkeys(evidence.claim.source.label for evidence in candidate.evidence)),
            "Cases": str(len(candidate.cases)),
        }
        for place, candidate in zip(places(result), result.candidates, strict=True)
    ]


def first_candidates(result: Differential, limit: int) -> list[Candidate]:
    """Return the first candidates, in shown order, and of the others those whose prevalence a source states."""
    return [c for place, c in enumerate(result.candidates) if place < limit or c.quantity]


def places(result: Differential) -> list[str]:
    """Return the place of each candidate as shown: its layer, "2 =" where it shares the layer with another."""
    sizes = Counter(candidate.layer for candidate in result.candidates)
    return [f"{c.layer} =" if sizes[c.layer] > 1 else str(c.layer) for c in result.candidates]


def log_odds_bar(bounds: tuple[float, float]) -> tuple[float, float]:
    """Return where a probability interval begins and ends on a log-odds axis from 0.0001 % to 99.9999 %.

    :returns: two shares of the axis, 0 to 1; all of it if nothing is known

    >>> [round(end, 3) for end in log_odds_bar((0.5, 1.0))]
    [0.5, 1.0]
    """
    if unknown(bounds):
        return 0.0, 1.0
    reach = math.log10((1 - _EDGE) / _EDGE)
    start, end = (math.log10(p / (1 - p)) for p in (min(max(bound, _EDGE), 1 - _EDGE) for bound in bounds))
    return (start / reach + 1) / 2, (end / reach + 1) / 2


def how_often(knowledge: Knowledge, candidate: Candidate) -> str:
    """Return how often a candidate is the cause, as its source wrote it, or under which cause its share is unknown."""
    if candidate.quantity:
        return candidate.quantity
    if candidate.parents:
        return f"share of {under(knowledge, candidate)} not stated"
    return "not stated"


def under(knowledge: Knowledge, candidate: Candidate) -> str:
    """Return the listed causes that a candidate stands under; "or" joins what sources disagree about."""
    return " or ".join(map(knowledge.label, candidate.parents))


def stands_out(candidate: Candidate) -> bool:
    """Return whether a claim of its own connects a candidate with what was asked, not just the cause it leads to."""
    return any(e.claim.diagnosis == candidate.iri and e.claim.relation == "feature" for e in candidate.evidence)


def reason(knowledge: Knowledge, candidate: Candidate) -> str:
    """Return the steps that lead from the features to a candidate, in words."""
    return " ".join(dict.fromkeys(knowledge.words(chain) for chain in candidate.chains))


def evidence_rows(knowledge: Knowledge, candidate: Candidate) -> list[dict[str, str]]:
    """Return one row for each step of the path to a candidate, with quantity and source.

    :returns: dictionaries of str with the keys Step, How often, In whom, Source, Confidence, Note
    """
    rows = []
    for step in candidate.path:
        claim = knowledge.claims.get(step.claim or "")
        rows.append(
            {
                "Step": knowledge.words((step,)),
                "How often": quantity(claim) if claim else "",
                "In whom": setting(knowledge, claim) if claim else "",
                "Source": source_words(claim) if claim else "by definition",
                "Confidence": claim.confidence if claim else "",
                "Note": " ".join(notes_of(knowledge, claim)) if claim else "",
            }
        )
    return rows


def contribution_rows(knowledge: Knowledge, result: Differential, candidate: Candidate) -> list[dict[str, str]]:
    """Return one row a feature with the keys Feature, Seen, If this is the cause, Said by."""
    rows = []
    for feature, present, limits in result.contributions(candidate.iri):
        claims = [e.claim for e in candidate.evidence if e.feature == feature and e.present == present]
        given = result.ranking.table is not None and feature == result.ranking.table.finding
        rows.append(
            {
                "Feature": knowledge.label(feature),
                "Seen": "present" if present else "absent",
                "If this is the cause": "given" if given else percent(limits),
                "Said by": "; ".join(dict.fromkeys(f"{quantity(c)}, {source_words(c)}" for c in claims)) or "nobody",
            }
        )
    return rows


def standing(knowledge: Knowledge, result: Differential, candidate: Candidate) -> str:
    """Return in words why a candidate stands where it does, and what it cannot be told apart from."""
    # Without a prior nothing is known of probability: then the layers only say how well the evidence fits.
    known = result.ranking.table is not None or result.ranking.setting.regime == "equal"
    ahead_means = "more probable" if known else "better supported"
    if candidate.layer > 1:
        ahead = [c for c in result.candidates if c.layer == 1 and c.iri not in candidate.apart]
        verb = "is" if len(ahead) == 1 else "are"
        where = f"In layer {candidate.layer}: {few(knowledge, [c.iri for c in ahead])} {verb} surely {ahead_means}."
    elif not candidate.apart:
        where = f"In the first layer, alone: surely {ahead_means} than every other candidate."
    elif candidate.quantity and result.ranking.setting.regime == "stated":
        where = f"In the first layer by its stated prevalence ({candidate.quantity}): nothing is surely more probable."
    else:
        where = f"In the first layer: nothing is surely {ahead_means}."
    if candidate.apart:
        where += f" Cannot be told apart from {few(knowledge, candidate.apart)}."
    return where


def foundations(knowledge: Knowledge, result: Differential, candidate: Candidate) -> list[str]:
    """Return in words the claims that put a candidate where it is, and what would move it; each tried on the engine."""
    claims = [knowledge.claims[claim] for claim in result.decisive_claims(candidate.iri)]
    said = [f"{says(knowledge, claim)} ({quantity(claim)}, {source_words(claim)})" for claim in claims]
    lines = [f"These claims alone keep it in layer {candidate.layer}: {'; '.join(said)}."] if said else []
    change = result.smallest_change(candidate.iri)
    moves = "into" if candidate.layer > 1 else "out of"
    if change is None:
        lines.append(f"No single observation would take it {moves} the first layer.")
    else:
        lines.append(f"{knowledge.label(change.feature)} {change.becomes} would take it {moves} the first layer.")
    for claim, layer in result.under_each(candidate.iri):
        then = f"in layer {layer}" if layer else "not a candidate"
        lines.append(f"Disputed: without “{says(knowledge, knowledge.claims[claim])}” it is {then}.")
    return lines


def impression_rows(knowledge: Knowledge, result: Differential) -> list[dict[str, str]]:
    """Return the sentences of :func:`impression` with the claims they rest on, keys Sentence and Rests on."""
    rows = []
    for phrase in impression(knowledge, result):
        claims = [knowledge.claims[claim] for claim in phrase.claims]
        said = dict.fromkeys(f"{says(knowledge, claim)} ({source_words(claim)})" for claim in claims)
        rows.append({"Sentence": phrase.text, "Rests on": "; ".join(said) or "what was asked"})
    return rows


def firmness(knowledge: Knowledge, result: Differential) -> list[str]:
    """Return in words what would change the first layer, and how many candidates rest on one source alone."""
    lines = [_variation(knowledge, result, variation) for variation in result.robustness]
    if alone := result.on_one_source:
        rest = "rests" if len(alone) == 1 else "rest"
        lines.append(f"{len(alone)} of {result.total} candidates {rest} on one source each: {few(knowledge, alone)}.")
    return lines


def _variation(knowledge: Knowledge, result: Differential, variation: Variation) -> str:
    setting, base = variation.setting, result.ranking.setting
    if setting.regime != base.regime:
        when = "If stated prevalence is left out" if setting.regime == "equal" else "With stated prevalence"
    elif setting.base != base.base:
        when = f"If one more “<” divides by {setting.base:g}"
    elif setting.dependence != base.dependence:
        when = "If the features may depend on each other"
    else:
        titles = {claim.source.iri: claim.source.label for claim in knowledge.claims.values()}
        when = f"Without {', '.join(titles[source] for source in sorted(setting.without - base.without))}"
    parts = [
        f"{few(knowledge, nodes)} {verb if len(nodes) > 1 else f'{verb}s'} the first layer"
        for nodes, verb in ((variation.joins, "join"), (variation.leaves, "leave"))
        if nodes
    ]
    return f"{when}: {' and '.join(parts)}."


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence of a report, and the IRIs of the claims it rests on."""

    text: str
    claims: tuple[str, ...]


def impression(knowledge: Knowledge, result: Differential) -> list[Phrase]:
    """Return a short impression for a report: what leads, what cannot be excluded, what to look for next."""
    seen = ", ".join(map(knowledge.label, result.ranking.query.present))
    missing = ", ".join(map(knowledge.label, result.ranking.query.absent))
    phrases = [Phrase(f"Seen: {seen}." + (f" Not seen: {missing}." if missing else ""), ())]
    if not result.candidates:
        return [*phrases, Phrase("No cause is known to the graph for this.", ())]

    def said(*candidates: Candidate) -> str:
        groups = [(known, list(group)) for known, group in groupby(candidates, _how_probable)]
        return ", ".join(
            f"{', '.join(c.label for c in group)} ({'each ' if len(group) > 1 else ''}{known})"
            for known, group in groups
        )

    def claims(*candidates: Candidate) -> tuple[str, ...]:
        return tuple(dict.fromkeys(e.claim.iri for candidate in candidates for e in candidate.evidence))

    lead, *rest = result.candidates
    phrases.append(Phrase(f"Leading: {said(lead)}.", claims(lead)))
    open_ones = [c for c in rest if c.layer == 1]
    if open_ones:
        more = f" and {len(open_ones) - FEW} more" if len(open_ones) > FEW else ""
        phrases.append(Phrase(f"Cannot be put behind it: {said(*open_ones[:FEW])}{more}.", claims(*open_ones)))
    urgent = [c for c in rest if c.must_not_miss]
    if urgent:
        phrases.append(Phrase(f"Not to be missed: {said(*urgent)}.", claims(*urgent)))
    if result.next:
        wanted = [observation.feature for observation in result.next[:FEW]]
        says = tuple(c.iri for c in knowledge.claims.values() if c.target in wanted)
        phrases.append(Phrase(f"To look for next: {', '.join(map(knowledge.label, wanted))}.", says))
    return phrases


def _how_probable(candidate: Candidate) -> str:
    if unknown(candidate.posterior):
        return "of unknown probability"
    return bounds_in_words(candidate.posterior)


def cases_showing(knowledge: Knowledge, features: Collection[str]) -> list[tuple[Case, tuple[str, ...]]]:
    """Return the cases that show any of the features, those that show most first, with which they show.

    A case shows a feature if it shows the feature itself, a kind of it or a part of it; a case that shows none of the
    findings asked for is left out.
    """
    findings = {feature for feature in features if knowledge.kind(feature) == "finding"}
    found = []
    for case in knowledge.cases.values():
        shown = tuple(f for f in features if any(f in knowledge.ancestors(seen) for seen in case.features))
        if shown and (not findings or findings & set(shown)):
            found.append((case, shown))
    return sorted(found, key=lambda item: (-len(item[1]), item[0].label))
