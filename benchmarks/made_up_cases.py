"""Made-up cases by the million, as N-Triples: ``python -m benchmarks.made_up_cases 1000000 > cases.nt``.

No patient stands behind any of them. They use the concepts of the ontology and keep to its shapes, so that every query
of the program finds something in them. A few diagnoses, findings and sites make up most of the cases and most are rare
(Zipf's law), as in a clinic. The same number, seed and ontology give the same bytes.
"""

from __future__ import annotations

import argparse
import random
import sys
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from mskgraph import KnowledgeGraph
from mskgraph.graph import Knowledge
from mskgraph.terms import PREFIXES, iri

NAMESPACE = "https://example.org/cases/"
SOURCE = f"{NAMESPACE}source-made-up"
SEED = 1
SHOWN = 12  # of the findings or sites known of a diagnosis, so many at most are ever drawn


class Draw:
    """Draws one of some things, each with the weight 1/rank: the second half as often as the first, and so on."""

    def __init__(self, things: Sequence[str], chance: random.Random) -> None:
        self._things = things
        self._random = chance.random
        self._sums = list(accumulate(1 / rank for rank in range(1, len(things) + 1)))

    def __call__(self) -> str:
        return self._things[min(bisect(self._sums, self._random() * self._sums[-1]), len(self._things) - 1)]

    def __bool__(self) -> bool:
        return bool(self._things)


def made_up(triples: int, knowledge: Knowledge, seed: int = SEED) -> Iterator[str]:
    """Yield lines of N-Triples, a case at a time, until there are at least so many triples.

    :param triples: how many; there are up to 60 more, because a case is never cut short
    :param knowledge: whose concepts the cases are made of
    :returns: texts of several lines; the first is the source of all cases
    """
    cases = _Cases(knowledge, random.Random(seed))
    text = cases.source()
    count = text.count("\n")
    yield text
    number = 0
    while count < triples:
        number += 1
        text = cases.case(number)
        count += text.count("\n")
        yield text


class _Cases:
    def __init__(self, knowledge: Knowledge, chance: random.Random) -> None:
        self._chance = chance
        self._labels = {node: _escaped(concept.label) for node, concept in knowledge.concepts.items()}
        # Which concepts are common is drawn once. What a diagnosis is known to show is drawn for it far more often.
        self._any = {kind: self._draw(knowledge, kind) for kind in ("finding", "morphology", "site", "context")}
        self._diagnosis = self._draw(knowledge, "diagnosis")
        self._of = {
            relation: self._targets(knowledge, iri(relation))
            for relation in ("mayCause", "typicalSite", "typicalMorphology", "typicalContext", "mayLookLike")
        }

    def _draw(self, knowledge: Knowledge, kind: str) -> Draw:
        nodes = sorted(node for node, concept in knowledge.concepts.items() if concept.kind == kind)
        self._chance.shuffle(nodes)
        return Draw(nodes, self._chance)

    def _targets(self, knowledge: Knowledge, relation: str) -> Mapping[str, Draw]:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for step in knowledge.edges:
            if step.relation == relation:
                found[step.start].add(step.end)
        targets = {}
        for node in sorted(found):
            ends = sorted(found[node])
            self._chance.shuffle(ends)
            targets[node] = Draw(ends[:SHOWN], self._chance)
        return targets

    def _known(self, relation: str, node: str, kind: str, share: float) -> str:
        """Return what is known of a node, or with the rest of the chance anything of that kind."""
        known = self._of[relation].get(node)
        return known() if known and self._chance.random() < share else self._any[kind]()

    def source(self) -> str:
        return (
            f"<{SOURCE}> {_A} <{iri('Source')}> .\n"
            f'<{SOURCE}> {_TITLE} "Made-up cases"@en .\n'
            f'<{SOURCE}> {_CITATION} "Made-up cases, drawn by benchmarks/made_up_cases.py; no patients." .\n'
        )

    def case(self, number: int) -> str:
        chance = self._chance.random
        case = f"{NAMESPACE}case-{number}"
        diagnosis = self._diagnosis()
        lines: list[str] = []
        images: list[str] = []
        if chance() < 0.4:
            image = f"{NAMESPACE}image-{number}"
            images.append(image)
            lines += (
                f"<{image}> {_A} {_IMAGE} .\n",
                f'<{image}> {_IDENTIFIER} "M{number}" .\n',
                f'<{image}> {_DESCRIPTION} "Made-up image of made-up case {number}."@en .\n',
                f"<{image}> {_MODALITY} {_ULTRASOUND} .\n",
                f"<{image}> {_SOURCE} <{SOURCE}> .\n",
            )
        region = self._known("typicalSite", diagnosis, "site", 0.8)
        side = _SIDES[bisect((0.42, 0.84, 0.92), chance())]
        seen: dict[str, str] = {}
        while True:
            absent = bool(seen) and chance() < 0.15
            finding = self._any["finding"]() if absent else self._known("mayCause", diagnosis, "finding", 0.85)
            if finding not in seen:  # twice the same finding at one site would only repeat the case
                seen[finding] = "" if absent else self._labels[finding]
                lines += self._observation(case, len(seen), diagnosis, finding, not absent, region, side, images)
            if chance() < 0.45 or len(seen) == 5:
                break
        contexts = {
            self._known("typicalContext", diagnosis, "context", 0.7) for _ in range(bisect((0.4, 0.8), chance()))
        }
        title = f"{next(iter(seen.values()))}, {self._labels[region]}, made-up case {number}"
        shown = ", ".join(label for label in seen.values() if label)
        head = [
            f"<{case}> {_A} {_CASE} .\n",
            f'<{case}> {_TITLE} "{title[:1].upper()}{title[1:]}"@en .\n',
            f'<{case}> {_DESCRIPTION} "Made-up case {number}: {shown} of the {self._labels[region]}."@en .\n',
            f"<{case}> {_SOURCE} <{SOURCE}> .\n",
            *(f"<{case}> {_OBSERVATION} <{case}-observation-{place}> .\n" for place in range(1, len(seen) + 1)),
            *(f"<{case}> {_HAS_IMAGE} <{image}> .\n" for image in images),
            *(f"<{case}> {_CONTEXT} <{context}> .\n" for context in sorted(contexts)),
        ]
        if chance() < 0.85:
            head.append(f"<{case}> {_STATED_DIAGNOSIS} <{diagnosis}> .\n")
        if contexts and chance() < 0.1:
            head.append(f"<{case}> {_STATED_CAUSE} <{min(contexts)}> .\n")
        return "".join(head + lines)

    def _observation(
        self,
        case: str,
        place: int,
        diagnosis: str,
        finding: str,
        present: bool,
        region: str,
        side: str,
        images: Sequence[str],
    ) -> Iterator[str]:
        chance = self._chance.random
        node = f"<{case}-observation-{place}>"
        yield f"{node} {_A} {_IS_OBSERVATION} .\n"
        yield f"{node} {_FINDING} <{finding}> .\n"
        yield f'{node} {_PRESENT} "{"true" if present else "false"}"^^{_BOOLEAN} .\n'
        other = self._any["site"]()
        if chance() < 0.03 and other != region:
            yield f"{node} {_POSSIBLE_SITE} <{region}> .\n"
            yield f"{node} {_POSSIBLE_SITE} <{other}> .\n"
            yield f'{node} {_NOTE} "Made up: the site may be either."@en .\n'
        else:
            yield f"{node} {_SITE} <{region}> .\n"
        if side:
            yield f"{node} {_SIDE} <{side}> .\n"
        if present:
            looks = [("mayLookLike", finding), ("typicalMorphology", diagnosis)][: bisect((0.35, 0.85), chance())]
            for morphology in sorted({self._known(relation, of, "morphology", 0.9) for relation, of in looks}):
                yield f"{node} {_MORPHOLOGY} <{morphology}> .\n"
            for image in images:
                yield f"{node} {_HAS_IMAGE} <{image}> .\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")


def _term(curie: str) -> str:
    return f"<{iri(curie)}>"


_SIDES = (iri("right"), iri("left"), iri("bilateral"), "")
_A = f"<{PREFIXES['rdf']}type>"
_BOOLEAN = f"<{PREFIXES['xsd']}boolean>"
_TITLE, _DESCRIPTION, _SOURCE = map(_term, ("dcterms:title", "dcterms:description", "dcterms:source"))
_IDENTIFIER, _CITATION, _NOTE = map(_term, ("dcterms:identifier", "dcterms:bibliographicCitation", "skos:note"))
_CASE, _IS_OBSERVATION, _IMAGE, _ULTRASOUND = map(_term, ("Case", "Observation", "Image", "ultrasound"))
_OBSERVATION, _HAS_IMAGE, _CONTEXT = map(_term, ("observation", "image", "context"))
_STATED_DIAGNOSIS, _STATED_CAUSE, _MODALITY = map(_term, ("statedDiagnosis", "statedCause", "modality"))
_FINDING, _PRESENT, _SITE, _POSSIBLE_SITE = map(_term, ("finding", "present", "site", "possibleSite"))
_SIDE, _MORPHOLOGY = map(_term, ("side", "morphology"))


def main() -> None:
    """Write as many triples as the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.made_up_cases", description=__doc__)
    parser.add_argument("triples", type=int, help="how many, or a few more")
    parser.add_argument(
        "--seed", type=int, default=SEED, help="another seed makes up other cases (default: %(default)s)"
    )
    arguments = parser.parse_args()
    for text in made_up(arguments.triples, KnowledgeGraph.open().knowledge, arguments.seed):
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
