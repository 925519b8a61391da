"""The knowledge as a graph: labels, neighbourhoods, paths, and paths in words."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from mskgraph.errors import UnknownTerm
from mskgraph.graph.records import (
    Case,
    Claim,
    Concept,
    Criterion,
    Discriminator,
    Occurrence,
    Path,
    Relation,
    Sourced,
    Step,
    Table,
    TeachingPoint,
)
from mskgraph.terms import Kind, Lexicon, iri, local_name

if TYPE_CHECKING:
    import networkx


BROADER, NARROWER = iri("skos:broader"), iri("skos:narrower")


PART_OF, HAS_PART = iri("partOf"), iri("hasPart")


MAX_PATHS = 1000
"""How many paths are looked at before the search gives up: more than anybody reads, few enough to be quick."""


Direction = Literal["any", "forward"]


@dataclass(frozen=True, eq=False)
class Knowledge:
    """Everything the rest of the program reads, as plain objects and as a graph.

    :ivar concepts: by IRI
    :ivar claims: by IRI
    :ivar cases: by IRI
    :ivar tables: by IRI
    :ivar discriminators: by IRI
    :ivar occurrences: by IRI
    :ivar criteria: by IRI
    :ivar teaching_points: in the order of their texts
    :ivar relations: by IRI, inverses included
    :ivar edges: every edge in its own direction
    """

    concepts: Mapping[str, Concept]
    claims: Mapping[str, Claim]
    cases: Mapping[str, Case]
    tables: Mapping[str, Table]
    discriminators: Mapping[str, Discriminator]
    occurrences: Mapping[str, Occurrence]
    criteria: Mapping[str, Criterion]
    teaching_points: Sequence[TeachingPoint]
    relations: Mapping[str, Relation]
    edges: Sequence[Step]
    lexicon: Lexicon
    _steps: Mapping[str, Sequence[Step]] = field(repr=False)

    @cached_property
    def sourced(self) -> Mapping[str, Sourced]:
        """Everything that has one source, by IRI: claims, occurrences, criteria, discriminators, teaching points."""
        points = {point.iri: point for point in self.teaching_points}
        return {**self.claims, **self.occurrences, **self.criteria, **self.discriminators, **points}

    def label(self, node: str) -> str:
        """Return the label of a concept or case, or the last part of its IRI if it has none."""
        return self.lexicon.labels.get(node) or local_name(node)

    def kind(self, node: str) -> Kind:
        """Return what kind of thing a node is.

        :raises UnknownTerm: if it is neither concept nor case
        """
        try:
            return self.lexicon.kinds[node]
        except KeyError:
            raise UnknownTerm(node, self.lexicon.suggest(local_name(node))) from None

    def steps(self, node: str) -> Sequence[Step]:
        """Return every step away from a node, over edges in both directions, sorted by relation and label."""
        return self._steps.get(node, ())

    def relation_counts(self, node: str) -> dict[str, int]:
        """Return how many neighbours each relation leads to from a node, by the relation as walked."""
        neighbours: defaultdict[str, set[str]] = defaultdict(set)
        for step in self.steps(node):
            neighbours[step.relation].add(step.end)
        return {relation: len(ends) for relation, ends in neighbours.items()}

    def neighbourhood(self, node: str, hops: int = 1) -> dict[str, int]:
        """Return the nodes within some steps of a node, in either direction, with their distance.

        :param hops: how many steps at most; 0 gives the node alone
        """
        distance = {node: 0}
        front = [node]
        for hop in range(1, hops + 1):
            reached = [step.end for start in front for step in self.steps(start) if step.end not in distance]
            front = list(dict.fromkeys(reached))
            distance.update(dict.fromkeys(front, hop))
        return distance

    def paths(
        self,
        start: str,
        end: str,
        max_length: int = 4,
        limit: int = 10,
        relations: Collection[str] = (),
        direction: Direction = "any",
    ) -> list[Path]:
        """Return the shortest paths that visit no node twice, shortest first.

        Of equal length, those over nodes with few neighbours come first: that two things share "rice-grain" says more
        than that they share "hyperechoic".

        :param start: IRI of a concept or case
        :param end: IRI of a concept or case
        :param max_length: steps at most
        :param limit: paths at most; at most :data:`MAX_PATHS` are looked at
        :param relations: IRIs of the relations that may be walked, read in either direction; all if empty
        :param direction: ``"forward"`` walks edges only as they are stated
        :raises UnknownTerm: if start or end is neither concept nor case
        """
        self.kind(start), self.kind(end)
        for relation in relations:
            if relation not in self.relations:
                raise UnknownTerm(relation, [known.label for known in self.relations.values()][:5])
        allowed = {known for relation in relations for known in (relation, self.relations[relation].inverse)}

        def steps(node: str) -> Iterator[Step]:
            seen = set()
            for step in self.steps(node):
                if step.end in seen or (allowed and step.relation not in allowed):
                    continue
                if direction == "forward" and step not in self._stated:
                    continue
                seen.add(step.end)
                yield step

        found: list[Path] = []
        for length in range(1, max_length + 1):
            near = self.neighbourhood(end, length)
            found.extend(sorted(_walks(steps, near, start, end, length, MAX_PATHS - len(found)), key=self._commonness))
            if len(found) >= min(limit, MAX_PATHS):
                break
        return found[:limit]

    def _commonness(self, path: Path) -> float:
        """Return how widely connected the inner nodes of a path are: the sum of the logarithms of their degrees."""
        return sum(math.log(len(self.steps(step.end))) for step in path[:-1])

    def words(self, path: Path) -> str:
        """Return a path as a sentence.

        "soft tissue calcification may look like rice-grain, which is typical of cysticercosis."
        """
        if not path:
            return ""
        parts = [f"{self.label(path[0].start)} {self._reads(path[0])} {self.label(path[0].end)}"]
        parts += [f"which {self._reads(step)} {self.label(step.end)}" for step in path[1:]]
        return ", ".join(parts) + "."

    def ancestors(self, concept: str) -> frozenset[str]:
        """Return a concept with everything it is a kind of or part of."""
        found = self._ancestors.get(concept)
        if found is None:
            found = self._ancestors[concept] = self._closure(concept, lambda c: (*c.parents, *c.part_of))
        return found

    def climbs(self, concept: str) -> Mapping[str, Path]:
        """Return what a concept is a kind or part of, with the fewest steps up to each; not the concept itself."""
        found: dict[str, Path] = {}
        front: list[tuple[str, Path]] = [(concept, ())]
        for node, steps in front:
            above = self.concepts.get(node)
            for relation, parents in ((BROADER, above.parents), (PART_OF, above.part_of)) if above else ():
                for parent in parents:
                    if parent != concept and parent not in found:
                        found[parent] = (*steps, Step(node, relation, parent))
                        front.append((parent, found[parent]))
        return found

    def below(self, concept: str) -> Collection[str]:
        """Return what is a kind or part of a concept, directly or not."""
        return self._below.get(concept, ())

    def findings_of(self, diagnosis: str) -> list[str]:
        """Return the findings that claims of a diagnosis are about, those with most claims first."""
        shown = Counter(
            claim.target
            for claim in self.claims.values()
            if claim.diagnosis == diagnosis and claim.relation in ("feature", "row") and not claim.excluded
        )
        findings = [target for target in shown if self.kind(target) == "finding"]
        return sorted(findings, key=lambda finding: (-shown[finding], self.label(finding)))

    def kinds_of(self, concept: str) -> frozenset[str]:
        """Return a concept with everything that is a kind of it."""
        return frozenset({concept, *self._descendants.get(concept, ())})

    def to_networkx(self) -> networkx.MultiDiGraph:
        """Return the graph for networkx.

        Nodes are IRIs with ``label`` and ``kind``; edges have ``relation``, ``label`` and ``claim`` (IRI or ``None``).
        """
        import networkx

        graph = networkx.MultiDiGraph()
        for node in sorted({*self.concepts, *self.cases}):
            graph.add_node(node, label=self.label(node), kind=self.kind(node))
        for step in self.edges:
            label = self.relations[step.relation].label
            graph.add_edge(step.start, step.end, relation=step.relation, label=label, claim=step.claim)
        return graph

    def _reads(self, step: Step) -> str:
        return self.relations[step.relation].label

    @cached_property
    def _ancestors(self) -> dict[str, frozenset[str]]:
        return {}

    @cached_property
    def _stated(self) -> frozenset[Step]:
        return frozenset(self.edges)

    @cached_property
    def _descendants(self) -> dict[str, set[str]]:
        below: defaultdict[str, set[str]] = defaultdict(set)
        for concept in self.concepts:
            for ancestor in self._closure(concept, lambda c: c.parents) - {concept}:
                below[ancestor].add(concept)
        return dict(below)

    @cached_property
    def _below(self) -> dict[str, list[str]]:
        below: defaultdict[str, list[str]] = defaultdict(list)
        for concept in sorted(self.concepts):
            for ancestor in self.climbs(concept):
                below[ancestor].append(concept)
        return dict(below)

    def _closure(self, concept: str, parents: Callable[[Concept], Iterable[str]]) -> frozenset[str]:
        seen: set[str] = set()
        front = [concept]
        while front:
            node = front.pop()
            if node not in seen:
                seen.add(node)
                if node in self.concepts:
                    front.extend(parents(self.concepts[node]))
        return frozenset(seen)


def _walks(
    steps: Callable[[str], Iterable[Step]], distance: Mapping[str, int], start: str, end: str, length: int, most: int
) -> Iterator[Path]:
    """Yield at most ``most`` simple paths of exactly ``length`` steps, in the order of the steps."""
    stack: list[tuple[str, Path]] = [(start, ())]
    found = 0
    while stack and found < most:
        node, path = stack.pop()
        if len(path) == length:
            if node == end:
                found += 1
                yield path
            continue
        visited = {start, *(step.end for step in path)}
        left = length - len(path) - 1
        onward = [
            step
            for step in steps(node)
            if step.end not in visited and distance.get(step.end, length + 1) <= left and (step.end != end or left == 0)
        ]
        stack.extend((step.end, (*path, step)) for step in reversed(onward))
