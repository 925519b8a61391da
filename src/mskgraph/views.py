"""What a page shows, worked out without a page: rows of tables, and drawings of the knowledge with every place set."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from mskgraph.differential import Candidate, Differential, Variation, differential
from mskgraph.graph import Case, Claim, Knowledge, Path
from mskgraph.terms import iri

NodeKind = Literal["finding", "morphology", "site", "context", "diagnosis", "case", "claim", "class", "more"]

MAX_NODES = 150
"""Labels stay readable up to about this many nodes."""

EXPAND_BY = 15
"""How many neighbours one expansion adds."""

PATH_NODES = 24
"""How many nodes a picture of paths holds while its labels can still be read."""

HAS_CASE = "has case"

_LINE = 22  # characters on a line of a node
_COLUMN = 270.0  # pixels from one column of a picture of paths to the next
_FIRST = 3  # how many of many are named, or drawn for a case whose diagnosis nobody states
_EDGE = 1e-6  # where the log-odds axis ends
_KIND_ORDER = {"diagnosis": 0, "finding": 1, "morphology": 2, "site": 3, "context": 4, "case": 5}


@dataclass(frozen=True, slots=True)
class Node:
    """A node as drawn.

    :ivar id: what a click reports
    :ivar label: the words on it, unwrapped
    :ivar kind: decides shape and colour
    :ivar x: pixels to the right
    :ivar y: pixels downwards
    :ivar detail: plain text shown on hover
    :ivar badge: short text after the label, such as "+12" for neighbours not drawn
    """

    id: str
    label: str
    kind: NodeKind
    x: float
    y: float
    detail: str = ""
    badge: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge as drawn, from source to target; dashed where sources disagree."""

    id: str
    source: str
    target: str
    label: str = ""
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """Nodes and edges with their places, and how many there would be without the limit."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    total_nodes: int = 0
    total_edges: int = 0


def percent(bounds: tuple[float, float]) -> str:
    """Return bounds of a probability as people write them.

    >>> percent((0.95889, 0.97989)), percent((0.0, 1.0)), percent((1e-5, 1e-4))
    ('95.9-98.0 %', 'not known', '0.001-0.01 %')
    """
    if bounds == (0.0, 1.0):
        return "not known"
    lower, upper = (_digits(100 * bound) for bound in bounds)
    return f"{lower} %" if lower == upper else f"{lower}-{upper} %"


def _digits(value: float) -> str:
    if value == 0 or value >= 10:
        return f"{value:.1f}" if value else "0"
    return format(Decimal(f"{value:.2g}"), "f")  # never 1e-05


def quantity(claim: Claim) -> str:
    """Return how often a claim says, in its source's own form."""
    return claim.estimate.stated or "not stated"


# Differential


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


def places(result: Differential) -> list[str]:
    """Return the place of each candidate as shown: its layer, "2 =" where it shares the layer with another."""
    sizes = Counter(candidate.layer for candidate in result.candidates)
    return [f"{c.layer} =" if sizes[c.layer] > 1 else str(c.layer) for c in result.candidates]


def log_odds_bar(bounds: tuple[float, float]) -> tuple[float, float]:
    """Return where a probability interval begins and ends on a log-odds axis from 0.0001 % to 99.9999 %.

    :returns: two shares of the axis, 0 to 1

    >>> [round(end, 3) for end in log_odds_bar((0.5, 1.0))]
    [0.5, 1.0]
    """
    reach = math.log10((1 - _EDGE) / _EDGE)
    start, end = (math.log10(p / (1 - p)) for p in (min(max(bound, _EDGE), 1 - _EDGE) for bound in bounds))
    return (start / reach + 1) / 2, (end / reach + 1) / 2


def bounds_in_words(bounds: tuple[float, float]) -> str:
    """Return bounds of a probability as words and numbers.

    >>> bounds_in_words((0.95889, 0.97989)), bounds_in_words((0.0, 0.02)), bounds_in_words((0.0, 1.0))
    ('between 95.9 and 98.0 %', 'at most 2 %', 'of unknown probability')
    """
    lower, upper = (_digits(100 * bound) for bound in bounds)
    if bounds == (0.0, 1.0):
        return "of unknown probability"
    if bounds[0] == 0.0:
        return f"at most {upper} %"
    return f"at least {lower} %" if bounds[1] == 1.0 else f"between {lower} and {upper} %"


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
                "Note": " ".join(claim_notes(knowledge, claim)) if claim else "",
            }
        )
    return rows


def pointers(knowledge: Knowledge, node: str) -> list[str]:
    """Return in words each combination of features that points to a diagnosis or finding, with its source.

    What contradicts it is named.
    """
    rules = []
    for rule in knowledge.discriminators.values():
        if node not in rule.points_to:
            continue
        given = " + ".join(map(knowledge.label, rule.given))
        rivals = [knowledge.discriminators[other] for other in rule.conflicts if other in knowledge.discriminators]
        disputes = [
            f"{rival.source.label} disagrees: {' + '.join(map(knowledge.label, rival.given))} points to "
            f"{_labels(knowledge, rival.points_to)}."
            for rival in rivals
        ]
        rules.append(" ".join([f"{given} ({rule.source.label}).", *rule.notes, *disputes]))
    return rules


def remarks(knowledge: Knowledge, node: str) -> list[str]:
    """Return the teaching points about a concept, each with its source."""
    return [f"{point.text} ({point.source.label})" for point in knowledge.teaching_points if node in point.about]


def setting(knowledge: Knowledge, claim: Claim) -> str:
    """Return the population that a claim's number belongs to."""
    return knowledge.tables[claim.table].setting if claim.table else claim.population


def source_words(claim: Claim) -> str:
    """Return a claim's source and where in it."""
    return f"{claim.source.label} ({claim.locator})" if claim.locator else claim.source.label


def claim_notes(knowledge: Knowledge, claim: Claim) -> list[str]:
    """Return a claim's notes, and for each claim that contradicts it what that says and who says so."""
    rivals = [knowledge.claims[rival] for rival in claim.conflicts if rival in knowledge.claims]
    contradicted = [
        f"Contradicted by {rival.source.label}: {knowledge.label(rival.diagnosis)}, {knowledge.label(rival.target)}."
        for rival in rivals
    ]
    return [*claim.notes, *contradicted]


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
    if candidate.layer > 1:
        ahead = [c for c in result.candidates if c.layer == 1 and c.iri not in candidate.apart]
        names = _few(knowledge, [c.iri for c in ahead])
        where = f"In layer {candidate.layer}: {names} surely more probable."
    elif not candidate.apart:
        where = "In the first layer, alone: surely more probable than every other candidate."
    elif candidate.quantity and result.ranking.setting.regime == "stated":
        where = f"In the first layer by its stated prevalence ({candidate.quantity}): nothing is surely more probable."
    else:
        where = "In the first layer: nothing is surely more probable."
    if candidate.apart:
        where += f" Cannot be told apart from {_few(knowledge, candidate.apart)}."
    return where


def foundations(knowledge: Knowledge, result: Differential, candidate: Candidate) -> list[str]:
    """Return in words the claims that put a candidate where it is, and what would move it; each tried on the engine."""
    claims = [knowledge.claims[claim] for claim in result.decisive_claims(candidate.iri)]
    said = [f"{_says(knowledge, claim)} ({quantity(claim)}, {source_words(claim)})" for claim in claims]
    lines = [f"These claims alone keep it in layer {candidate.layer}: {'; '.join(said)}."] if said else []
    change = result.smallest_change(candidate.iri)
    moves = "into" if candidate.layer > 1 else "out of"
    if change is None:
        lines.append(f"No single observation would take it {moves} the first layer.")
    else:
        lines.append(f"{knowledge.label(change.feature)} {change.becomes} would take it {moves} the first layer.")
    for claim, layer in result.under_each(candidate.iri):
        then = f"in layer {layer}" if layer else "not a candidate"
        lines.append(f"Disputed: without “{_says(knowledge, knowledge.claims[claim])}” it is {then}.")
    return lines


def _says(knowledge: Knowledge, claim: Claim) -> str:
    return f"{knowledge.label(claim.diagnosis)}: {knowledge.label(claim.target)}"


def impression_rows(knowledge: Knowledge, result: Differential) -> list[dict[str, str]]:
    """Return the sentences of :func:`impression` with the claims they rest on, keys Sentence and Rests on."""
    rows = []
    for phrase in impression(knowledge, result):
        claims = [knowledge.claims[claim] for claim in phrase.claims]
        said = dict.fromkeys(f"{_says(knowledge, claim)} ({source_words(claim)})" for claim in claims)
        rows.append({"Sentence": phrase.text, "Rests on": "; ".join(said) or "what was asked"})
    return rows


def firmness(knowledge: Knowledge, result: Differential) -> list[str]:
    """Return in words what would change the first layer."""
    return [_variation(knowledge, result, variation) for variation in result.robustness]


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
        f"{_few(knowledge, nodes)} {verb} the first layer"
        for nodes, verb in ((variation.joins, "joins"), (variation.leaves, "leaves"))
        if nodes
    ]
    return f"{when}: {' and '.join(parts)}."


def _few(knowledge: Knowledge, nodes: Sequence[str]) -> str:
    labels = ", ".join(knowledge.label(node) for node in nodes[:_FIRST])
    return labels if len(nodes) <= _FIRST else f"{labels} and {len(nodes) - _FIRST} more"


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

    def said(candidate: Candidate) -> str:
        return f"{candidate.label} ({bounds_in_words(candidate.posterior)})"

    def claims(*candidates: Candidate) -> tuple[str, ...]:
        return tuple(dict.fromkeys(e.claim.iri for candidate in candidates for e in candidate.evidence))

    lead, *rest = result.candidates
    phrases.append(Phrase(f"Leading: {said(lead)}.", claims(lead)))
    open_ones = [c for c in rest if c.layer == 1]
    if open_ones:
        few = open_ones[:_FIRST]
        more = f" and {len(open_ones) - _FIRST} more" if len(open_ones) > _FIRST else ""
        phrases.append(Phrase(f"Cannot be put behind it: {', '.join(map(said, few))}{more}.", claims(*open_ones)))
    urgent = [c for c in rest if c.must_not_miss]
    if urgent:
        phrases.append(Phrase(f"Not to be missed: {', '.join(map(said, urgent))}.", claims(*urgent)))
    if result.next:
        wanted = [observation.feature for observation in result.next[:_FIRST]]
        says = tuple(c.iri for c in knowledge.claims.values() if c.target in wanted)
        phrases.append(Phrase(f"To look for next: {', '.join(map(knowledge.label, wanted))}.", says))
    return phrases


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


def path_drawing(
    knowledge: Knowledge, result: Differential, selected: str | None = None, limit: int = PATH_NODES
) -> Drawing:
    """Return the paths from what is seen over claims to diagnoses and their cases, left to right.

    Candidates are drawn in shown order while there is room for all of their nodes; the selected one is always drawn,
    below the others if it came too late, so that selecting moves nothing.

    :param limit: nodes at most, without those of the selected candidate
    """
    pieces = {candidate.iri: _candidate_piece(knowledge, candidate) for candidate in result.candidates}
    every_node = {name: node for nodes, _ in pieces.values() for name, node in nodes.items()}
    every_edge = {edge.id: edge for _, lines in pieces.values() for edge in lines}
    columns = _columns(every_node, every_edge.values())
    first: dict[str, Node] = {}
    extra: dict[str, Node] = {}
    edges: dict[str, Edge] = {}
    full = False
    for candidate, (nodes, lines) in pieces.items():
        full = full or (bool(first) and len({*first, *nodes}) > limit)
        if full and candidate != selected:
            continue
        (extra if full else first).update((name, node) for name, node in nodes.items() if name not in first)
        edges.update((edge.id, edge) for edge in lines)
    placed = _in_columns(first, columns, edges)
    below = max((node.y for node in placed), default=0.0)
    rows: defaultdict[float, float] = defaultdict(lambda: below)
    for node in extra.values():
        x = _COLUMN * columns[node.id]
        rows[x] += _height(node)
        placed = (*placed, replace(node, x=x, y=rows[x]))
    return Drawing(placed, tuple(edges.values()), len(every_node), len(every_edge))


def _columns(nodes: Mapping[str, Node], edges: Iterable[Edge]) -> dict[str, int]:
    """Return the column of each node: right of all that lead to it, cases in the last one.

    A finding and a kind of it, both seen, lead to each other; then only the first of the two edges counts.
    """
    steps: dict[tuple[str, str], None] = {}
    for edge in edges:
        if (edge.target, edge.source) not in steps:
            steps[edge.source, edge.target] = None
    columns = dict.fromkeys(nodes, 0)
    for _ in nodes:
        late = [(start, end) for start, end in steps if columns[end] <= columns[start]]
        if not late:
            break
        for start, end in late:
            columns[end] = max(columns[end], columns[start] + 1)
    last = max(columns.values(), default=0)
    return {node: last if nodes[node].kind == "case" else column for node, column in columns.items()}


def path_rows(knowledge: Knowledge, result: Differential, drawing: Drawing) -> list[dict[str, str]]:
    """Return the same as :func:`path_drawing` as rows with the keys From, Relation, To, How often, Source."""
    drawn = {node.id for node in drawing.nodes}
    steps = dict.fromkeys(s for c in result.candidates if c.iri in drawn for s in c.path if {s.start, s.end} <= drawn)
    rows = []
    for step in steps:
        claim = knowledge.claims.get(step.claim or "")
        rows.append(
            {
                "From": knowledge.label(step.start),
                "Relation": knowledge.relations[step.relation].label,
                "To": knowledge.label(step.end),
                "How often": quantity(claim) if claim else "",
                "Source": source_words(claim) if claim else "by definition",
            }
        )
    cases = [(c, case) for c in result.candidates if c.iri in drawn for case in c.cases if case in drawn]
    for candidate, case in cases:
        source = knowledge.cases[case].source.label
        row = {"From": candidate.label, "Relation": HAS_CASE, "To": knowledge.label(case)}
        rows.append({**row, "How often": "", "Source": source})
    return rows


def lit_path(knowledge: Knowledge, candidate: Candidate) -> frozenset[str]:
    """Return the ids of the nodes and edges that belong to one candidate in :func:`path_drawing`."""
    nodes, edges = _candidate_piece(knowledge, candidate)
    return frozenset({*nodes, *(edge.id for edge in edges)})


def _candidate_piece(knowledge: Knowledge, candidate: Candidate) -> tuple[dict[str, Node], list[Edge]]:
    """Return the nodes, by id, and the edges of one candidate: its path with the claims between, and its cases."""
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    for step in candidate.path:
        nodes[step.start], nodes[step.end] = _node(knowledge, step.start), _node(knowledge, step.end)
        claim = knowledge.claims.get(step.claim or "")
        reads = knowledge.relations[step.relation].label
        if claim is None:
            edges.append(Edge(f"{step.start}|{step.end}", step.start, step.end, reads))
            continue
        words = f"{quantity(claim)} · {claim.source.label}"
        nodes[claim.iri] = Node(claim.iri, words, "claim", 0, 0, _claim_detail(knowledge, claim))
        disputed = bool(claim.conflicts)
        edges.append(Edge(f"{step.start}|{claim.iri}", step.start, claim.iri, reads, disputed))
        edges.append(Edge(f"{claim.iri}|{step.end}", claim.iri, step.end, "", disputed))
    for case in candidate.cases:
        nodes[case] = _node(knowledge, case)
        edges.append(Edge(f"{candidate.iri}|{case}", candidate.iri, case, HAS_CASE))
    return nodes, edges


def _node(knowledge: Knowledge, node: str, x: float = 0, y: float = 0, badge: str = "") -> Node:
    concept = knowledge.concepts.get(node)
    detail = concept.definition if concept else knowledge.cases[node].description
    return Node(node, knowledge.label(node), knowledge.kind(node), x, y, detail, badge)


def _claim_detail(knowledge: Knowledge, claim: Claim) -> str:
    lines = [
        f"{knowledge.label(claim.diagnosis)}: {knowledge.label(claim.target)}",
        f"How often: {quantity(claim)}",
        setting(knowledge, claim),
        f"Source: {source_words(claim)}",
        *claim_notes(knowledge, claim),
    ]
    return "\n".join(line for line in lines if line)


def _in_columns(nodes: Mapping[str, Node], columns: Mapping[str, int], edges: Mapping[str, Edge]) -> tuple[Node, ...]:
    """Place nodes in columns; in one, by the mean height of their neighbours to the left, so that lines cross less."""
    left: defaultdict[str, list[str]] = defaultdict(list)
    for edge in edges.values():
        left[edge.target].append(edge.source)
    by_column: defaultdict[int, list[str]] = defaultdict(list)
    for node in nodes:
        by_column[columns[node]].append(node)
    height: dict[str, float] = {}
    for column in sorted(by_column):
        members = by_column[column]
        if column:
            members.sort(key=lambda n: _mean([height[m] for m in left[n] if m in height]))
        top = -sum(_height(nodes[n]) for n in members) / 2
        for node in members:
            height[node] = top + _height(nodes[node]) / 2
            top += _height(nodes[node])
    # Columns are numbered with gaps where no claim stands between two concepts.
    place = {column: index for index, column in enumerate(sorted(set(columns.values())))}
    return tuple(replace(node, x=_COLUMN * place[columns[i]], y=height[i]) for i, node in nodes.items())


def tallest_column(drawing: Drawing) -> int:
    """Return how many nodes stand above each other at most."""
    columns: defaultdict[float, int] = defaultdict(int)
    for node in drawing.nodes:
        columns[node.x] += 1
    return max(columns.values(), default=0)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _lines(node: Node) -> int:
    return max(1, math.ceil(len(node.label) / (_LINE - 4)))


def _height(node: Node) -> float:
    return 17.0 * _lines(node) + 34


# Explore


@dataclass(frozen=True, slots=True)
class Exploration:
    """What is on the Explore page, as a list of what was done: the first opens a concept, each further one adds to it.

    :ivar shown: IRIs expanded, in order; one that occurs again adds its next neighbours; ``(a, b)`` adds the paths
        between two nodes
    """

    shown: tuple[str | tuple[str, str], ...]

    @property
    def origin(self) -> str:
        """The node that everything started from."""
        first = self.shown[0]
        return first if isinstance(first, str) else first[0]

    def expand(self, node: str) -> Exploration:
        """Return the exploration with a node's next neighbours added."""
        return Exploration((*self.shown, node))

    def collapse(self, node: str) -> Exploration:
        """Return the exploration without the neighbours that a node brought in; its first node stays."""
        rest = tuple(item for item in self.shown[1:] if item != node)
        return Exploration(self.shown[:1] + rest)

    def connect(self, start: str, end: str) -> Exploration:
        """Return the exploration with the paths between two nodes added."""
        return Exploration((*self.shown, (start, end)))


@dataclass(frozen=True, slots=True)
class ExplorationResult:
    """An exploration worked out.

    :ivar drawing: what is drawn
    :ivar paths: the paths of the last connection, shortest first
    :ivar lit: ids of the nodes and edges of those paths; ``None`` if there are none
    :ivar refused: what could not be added for want of room, in words
    """

    drawing: Drawing
    paths: tuple[Path, ...] = ()
    lit: frozenset[str] | None = None
    refused: str = ""


def explore(knowledge: Knowledge, exploration: Exploration, hidden: Collection[str] = ()) -> ExplorationResult:
    """Return the drawing of an exploration: at most :data:`MAX_NODES` nodes, old ones never moved by new ones.

    :param hidden: kinds of nodes that are left out of the picture
    """
    places: dict[str, tuple[float, float]] = {}
    paths: list[Path] = []
    refused = ""
    for item in exploration.shown:
        if isinstance(item, tuple):
            paths = knowledge.paths(*item)
            new = list(dict.fromkeys(node for path in paths for node in (path[0].start, *(s.end for s in path))))
            anchor = item[0]
        else:
            new = [item, *_next_neighbours(knowledge, item, places)]
            anchor = item
        new = [node for node in dict.fromkeys(new) if node not in places]
        if len(places) + len(new) > MAX_NODES:
            refused = f"No room: {len(new)} more nodes would pass the limit of {MAX_NODES}. Collapse a node first."
            continue
        _place(knowledge, places, new, anchor)
    visible = [node for node in places if knowledge.kind(node) not in hidden]
    edges = _edges_among(knowledge, visible)
    nodes = tuple(
        _node(knowledge, node, *places[node], badge=_badge(_hidden_neighbours(knowledge, node, places)))
        for node in visible
    )
    reachable = {step.end for node in visible for step in knowledge.steps(node)} | set(visible)
    drawing = Drawing(nodes, edges, len(reachable), len(edges))
    return ExplorationResult(drawing, tuple(paths), _lit(paths, edges), refused)


def _lit(paths: Sequence[Path], edges: Iterable[Edge]) -> frozenset[str] | None:
    if not paths:
        return None
    walked = {frozenset((step.start, step.end)) for path in paths for step in path}
    nodes = {node for pair in walked for node in pair}
    return frozenset(nodes | {edge.id for edge in edges if frozenset((edge.source, edge.target)) in walked})


def _badge(count: int) -> str:
    return f"+{count}" if count else ""


def _neighbours(knowledge: Knowledge, node: str) -> list[str]:
    ends = dict.fromkeys(step.end for step in knowledge.steps(node))
    return sorted(ends, key=lambda end: (_KIND_ORDER[knowledge.kind(end)], knowledge.label(end)))


def _next_neighbours(knowledge: Knowledge, node: str, drawn: Collection[str]) -> list[str]:
    return [neighbour for neighbour in _neighbours(knowledge, node) if neighbour not in drawn][:EXPAND_BY]


def _hidden_neighbours(knowledge: Knowledge, node: str, drawn: Collection[str]) -> int:
    return sum(1 for neighbour in _neighbours(knowledge, node) if neighbour not in drawn)


def _edges_among(knowledge: Knowledge, nodes: Collection[str]) -> tuple[Edge, ...]:
    within = set(nodes)
    edges: dict[tuple[str, str, str], Edge] = {}
    for step in knowledge.edges:
        if step.start in within and step.end in within:
            claim = knowledge.claims.get(step.claim or "")
            key = (step.start, step.relation, step.end)
            dashed = bool(claim and claim.conflicts) or (key in edges and edges[key].dashed)
            label = knowledge.relations[step.relation].label
            edges[key] = Edge("|".join(key), step.start, step.end, label, dashed)
    return tuple(edges.values())


def _place(knowledge: Knowledge, places: dict[str, tuple[float, float]], new: Sequence[str], anchor: str) -> None:
    """Add places for new nodes around an anchor; nodes that have a place keep it."""
    import networkx

    if not new:
        return
    centre = places.get(anchor, (0.0, 0.0))
    graph = networkx.Graph()
    graph.add_nodes_from([*places, *new])
    graph.add_edges_from((edge.source, edge.target) for edge in _edges_among(knowledge, [*places, *new]))
    scale = 220.0
    start = {node: (x / scale, y / scale) for node, (x, y) in places.items()}
    for index, node in enumerate(new):
        angle = 2 * math.pi * index / len(new)
        start[node] = (centre[0] / scale + math.cos(angle), centre[1] / scale + math.sin(angle))
    fixed = list(places) or [new[0]]
    if not places:
        start[new[0]] = centre
    found = networkx.spring_layout(graph, k=1.1, pos=start, fixed=fixed, iterations=60, seed=1)
    for node in new:
        places[node] = (float(found[node][0]) * scale, float(found[node][1]) * scale)
    _push_apart(knowledge, places, [node for node in new if node not in fixed])


def _push_apart(knowledge: Knowledge, places: dict[str, tuple[float, float]], movable: Sequence[str]) -> None:
    """Move new nodes until no two boxes overlap, or for a while."""
    sizes = {node: _size(knowledge.label(node)) for node in places}
    for _ in range(120):
        moved = False
        for node in movable:
            for other in places:
                if other == node:
                    continue
                dx, dy = places[node][0] - places[other][0], places[node][1] - places[other][1]
                gap_x = (sizes[node][0] + sizes[other][0]) / 2 + 24 - abs(dx)
                gap_y = (sizes[node][1] + sizes[other][1]) / 2 + 18 - abs(dy)
                if gap_x <= 0 or gap_y <= 0:
                    continue
                moved = True
                x, y = places[node]
                if gap_y < gap_x:
                    places[node] = (x, y + math.copysign(gap_y / 2 + 1, dy))
                else:
                    places[node] = (x + math.copysign(gap_x / 2 + 1, dx), y)
        if not moved:
            return


def _size(label: str) -> tuple[float, float]:
    lines = max(1, math.ceil(len(label) / (_LINE - 4)))
    return 7.4 * min(len(label) + 4, _LINE) + 22, 17.0 * lines + 18


def relation_rows(knowledge: Knowledge, node: str) -> list[dict[str, str]]:
    """Return one row for each neighbour of a node: relation, neighbour, kind, how often, source.

    :returns: dictionaries of str with the keys Relation, Concept, Kind, How often, Source
    """
    rows = []
    for step in knowledge.steps(node):
        claim = knowledge.claims.get(step.claim or "")
        rows.append(
            {
                "Relation": knowledge.relations[step.relation].label,
                "Concept": knowledge.label(step.end),
                "Kind": knowledge.kind(step.end),
                "How often": quantity(claim) if claim else "",
                "Source": source_words(claim) if claim else "",
            }
        )
    return rows


def edge_rows(drawing: Drawing) -> list[dict[str, str]]:
    """Return the edges of a drawing as rows with the keys From, Relation, To: the same content as the picture."""
    labels = {node.id: node.label for node in drawing.nodes}
    return [{"From": labels[e.source], "Relation": e.label, "To": labels[e.target]} for e in drawing.edges]


# Cases


def case_rows(knowledge: Knowledge, cases: Iterable[Case]) -> list[dict[str, str]]:
    """Return one row a case with the keys Case, Findings, Sites, Side, Stated diagnosis, Images."""
    return [
        {
            "Case": case.label,
            "Findings": _labels(knowledge, (o.finding for o in case.observations)),
            "Sites": _labels(knowledge, (site for o in case.observations for site in o.sites)),
            "Side": ", ".join(dict.fromkeys(o.side for o in case.observations if o.side)),
            "Stated diagnosis": _labels(knowledge, case.diagnoses),
            "Images": str(len(case.images)),
        }
        for case in cases
    ]


def observation_rows(knowledge: Knowledge, case: Case) -> list[dict[str, str]]:
    """Return one row an observation with the keys Finding, Seen, Site, Side, Morphology, Images, Note."""
    return [
        {
            "Finding": knowledge.label(o.finding),
            "Seen": "present" if o.present else "absent",
            "Site": " or ".join(knowledge.label(site) for site in o.sites),
            "Side": o.side,
            "Morphology": _labels(knowledge, o.morphologies),
            "Images": ", ".join(o.images),
            "Note": " ".join(o.notes),
        }
        for o in case.observations
    ]


def case_drawing(knowledge: Knowledge, case: Case) -> tuple[Drawing, tuple[Path, ...]]:
    """Return the paths from what a case shows to its stated diagnoses and causes.

    Where none is stated, to the first candidates of the differential of what it shows.

    :returns: the drawing, left to right, and the paths in it
    """
    shown = [f for o in case.observations if o.present for f in (o.finding, *o.morphologies)] + list(case.contexts)
    targets = [*case.diagnoses, *(c for c in case.causes if knowledge.kind(c) == "diagnosis")]
    if not targets:
        targets = [candidate.iri for candidate in differential(knowledge, shown).candidates[:_FIRST]]
    relations = [iri(r) for r in ("mayCause", "typicalMorphology", "typicalContext", "mayLeadTo", "skos:broader")]
    paths = [
        path
        for feature in dict.fromkeys(shown)
        for target in dict.fromkeys(targets)
        for path in knowledge.paths(feature, target, max_length=3, limit=2, relations=relations)
    ]
    nodes: dict[str, Node] = {case.iri: _node(knowledge, case.iri)}
    columns = {case.iri: 0}
    edges: dict[str, Edge] = {}
    for feature in dict.fromkeys([*shown, *(site for o in case.observations for site in o.sites)]):
        nodes[feature] = _node(knowledge, feature)
        columns[feature] = 1
        edges[f"{case.iri}|{feature}"] = Edge(f"{case.iri}|{feature}", case.iri, feature, "shows")
    for path in paths:
        for step in path:
            for end in (step.start, step.end):
                nodes.setdefault(end, _node(knowledge, end))
            columns[step.end] = max(columns.get(step.end, 0), columns[step.start] + 1)
            key = f"{step.start}|{step.end}"
            edges[key] = Edge(key, step.start, step.end, knowledge.relations[step.relation].label)
    drawn = _in_columns(nodes, columns, edges)
    return Drawing(drawn, tuple(edges.values()), len(nodes), len(edges)), tuple(paths)


def _labels(knowledge: Knowledge, nodes: Iterable[str]) -> str:
    return ", ".join(knowledge.label(node) for node in dict.fromkeys(nodes))


# Model


_SCHEMA_PLACES = {
    "Site": (0, -170),
    "Morphology": (0, 130),
    "Finding": (380, -20),
    "Diagnosis": (800, -20),
    "Case": (380, 240),
    "Context": (800, 240),
}


def schema_drawing(rows: Iterable[Mapping[str, str]], counts: Mapping[str, str]) -> Drawing:
    """Return the classes of concepts and the relations that join them.

    :param rows: of ``schema_relations.rq`` with the relation's label as ``label``
    :param counts: class IRI to number of individuals, as text
    """
    labels: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        labels[row["from"], row["to"]].append(f"{row['label']} ({row['uses']})")
    names = {iri(name): (name, x, y) for name, (x, y) in _SCHEMA_PLACES.items()}
    nodes = tuple(Node(full, name, "class", x, y, badge=counts.get(full, "0")) for full, (name, x, y) in names.items())
    edges = tuple(
        Edge(f"{start}|{end}", start, end, "\n".join(words))
        for (start, end), words in labels.items()
        if start in names and end in names
    )
    return Drawing(nodes, edges, len(nodes), len(edges))
