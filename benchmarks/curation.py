"""Changes: their checks beside pySHACL on the whole graph, and accepting one: ``python -m benchmarks.curation``.

The data are the ontology and made-up cases up to a size, in files of a few hundred cases. Ours checks what changes were
made to the nodes of; the rival validates everything, with the same shapes, as it comes. Each runs in a process of its
own, so that memory and processor time are theirs alone.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import random
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import pyshacl
from playwright.sync_api import Locator, Page, sync_playwright
from rdflib import DCTERMS, Graph, URIRef

from benchmarks.engines import markdown, p95
from benchmarks.made_up_cases import NAMESPACE as CASES_NAMESPACE
from benchmarks.made_up_cases import SEED, made_up
from benchmarks.measure import readable, table
from benchmarks.pages import arm, new_page, settled
from benchmarks.ranking import Tail
from mskgraph import KnowledgeGraph, curation, ontology
from mskgraph.curation import graph_of
from mskgraph.store import Patch
from mskgraph.terms import NAMESPACE, iri
from tests.app_process import running_app
from tests.chromium import ARGUMENTS, find_chromium
from tests.processes import PROC, seconds_used

SIZES = (10_000, 100_000, 1_000_000)
EACH = 10  # changes of a kind
CASES_A_FILE = 500
LIMIT = 900.0  # seconds for one validation of the whole graph
CLAIM = """\
msk:made-up-claim-{number} a msk:Association ;
    dcterms:source msk:made-up-source-made-up ;
    msk:confidence msk:confidence-low ;
    msk:diagnosis <{diagnosis}> ;
    msk:estimate msk:made-up-claim-{number}-estimate ;
    msk:feature <{feature}> ;
    msk:verification msk:verification-checked .

msk:made-up-claim-{number}-estimate a msk:Estimate ;
    msk:denominator 40 ;
    msk:form msk:form-count ;
    msk:numerator {number} ;
    msk:stated "{number} of 40" .
"""


class Spent(NamedTuple):
    """What one check took: seconds on the clock and of the processor, and bytes of memory at most until its end."""

    wall: float
    cpu: float
    memory: int


@dataclass
class Side:
    """What ours or the rival took.

    :ivar before: bytes of memory at most before anything was checked
    :ivar spent: by kind of change
    :ivar stopped: whether a check took too long
    """

    before: int = 0
    spent: dict[str, list[Spent]] = field(default_factory=dict)
    stopped: bool = False


# Data


def written(size: int, folder: Path) -> tuple[int, Patch]:
    """Write an ontology of a size, with cases; its rest is that of the tests for the smallest, else the whole one.

    :returns: how many triples it has, and a claim that could be added
    """
    root = ontology.find()
    if size < 100_000:
        shutil.copytree(Path(__file__).parents[1] / "tests" / "data" / "seed", folder)
        for name in ("schema.ttl", "shapes.ttl"):
            shutil.copy(root / name, folder)
    else:
        for path in ontology.files(root):
            target = folder / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    os.environ["MSKGRAPH_ONTOLOGY"] = str(folder)
    kg = KnowledgeGraph.open()
    there = len(ontology.read(ontology.files(folder)))
    _, claim = next(changes(kg))
    texts = (ours(text) for text in made_up(max(size - there, 100), kg.knowledge))
    for number in itertools.count(1):
        some = list(itertools.islice(texts, CASES_A_FILE))
        if not some:
            return there, claim
        there += sum(text.count("\n") for text in some)
        (folder / "cases" / f"made-up-{number}.ttl").write_bytes(_prefixed("".join(some)))
    raise AssertionError


def ours(text: str) -> str:
    """Return cases as nodes of our own namespace, with names as they are written in the ontology's files."""
    text = text.replace(CASES_NAMESPACE, f"{NAMESPACE}made-up-")
    for prefix, namespace in ontology.PREFIXES.items():
        text = re.sub(rf"<{re.escape(namespace)}([a-zA-Z0-9-]+)>", rf"{prefix}:\1", text)
    return text


def changes(kg: KnowledgeGraph) -> Iterator[tuple[str, Patch]]:
    """Yield changes of four kinds, in turn."""
    chance = random.Random(3)
    knowledge = kg.knowledge
    kinds: dict[str, list[str]] = {
        kind: sorted(node for node, concept in knowledge.concepts.items() if concept.kind == kind)
        for kind in ("diagnosis", "finding")
    }
    cases = sorted(node for node in knowledge.cases if "made-up" in node)
    new = made_up(1_000_000, knowledge, SEED + 1)
    next(new)  # the source, which is there already
    for number in range(1, EACH + 1):
        node = chance.choice(kinds["diagnosis"])
        claim = CLAIM.format(number=number, diagnosis=node, feature=chance.choice(kinds["finding"]))
        yield "a claim added", curation.additions(kg, curation.graph_in(_prefixed(claim)))
        text = ours(next(new)).replace("made-up-", "made-up-new-").replace("made-up-new-source-", "made-up-source-")
        yield "a case added", curation.additions(kg, curation.graph_in(_prefixed(text)))
        name = f'<{node}> skos:altLabel "made-up name {number}"@en .'
        yield "a name of a concept added", curation.additions(kg, curation.graph_in(_prefixed(name)))
        yield "a case taken away", Patch(removed=_all_of(kg, chance.choice(cases)))


def _prefixed(text: str) -> bytes:
    head = "".join(f"@prefix {name}: <{namespace}> .\n" for name, namespace in ontology.PREFIXES.items())
    return (head + text).encode()


def _all_of(kg: KnowledgeGraph, case: str) -> frozenset[str]:
    """Return what is said of a case, its observations and its images."""
    said = graph_of(curation.stated(kg.files, kg.accepted, {case}))
    parts = {str(part) for name in ("observation", "image") for part in said.objects(None, URIRef(iri(name)))}
    return frozenset(curation.stated(kg.files, kg.accepted, {case, *parts}))


# Measuring


def spent_on(job: Callable[[], object]) -> Spent:
    """Return what a job takes in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    job()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu, peak())


def peak() -> int:
    """Return how many bytes this process has used at most."""
    lines = (PROC / "self" / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def checking(pipe: Connection, claim: Patch) -> None:
    """Check changes one after another, each of which must be found right, and a claim without a source."""
    kg = KnowledgeGraph.open()
    made = list(changes(kg))
    pipe.send(peak())
    for kind, patch in made:
        found: list[ontology.Problem] = []
        pipe.send((kind, spent_on(partial(_check, kg, patch, found))))
        if found:
            raise AssertionError(f"{kind}: {found[0]}")
    if not curation.problems(kg, without_source(claim)):
        raise AssertionError("a claim without a source is let through")


def _check(kg: KnowledgeGraph, patch: Patch, found: list[ontology.Problem]) -> None:
    found += curation.problems(kg, patch)


def without_source(claim: Patch) -> Patch:
    """Return a claim that nothing may accept."""
    return Patch(frozenset(line for line in claim.added if f"<{DCTERMS.source}>" not in line))


def validating(pipe: Connection, claim: Patch) -> None:
    """Validate the whole graph with a claim added, and once more with one that has no source."""
    shapes, data = Graph(), Graph()
    for path in ontology.files(ontology.find()):
        graph = shapes if path.name == "shapes.ttl" else data
        graph += ontology.read([path])
    data += graph_of(claim.added)
    pipe.send(peak())
    for right in (True, False):
        verdicts: list[bool] = []
        pipe.send(("all", spent_on(partial(_validate, data, shapes, verdicts))))
        if verdicts != [right]:
            raise AssertionError("pySHACL judges otherwise")
        data -= graph_of(claim.added - without_source(claim).added)


def _validate(data: Graph, shapes: Graph, verdicts: list[bool]) -> None:
    verdicts.append(pyshacl.validate(data, shacl_graph=shapes, inplace=True)[0])


def in_process(job: Callable[[Connection, Patch], None], claim: Patch) -> Side:
    """Run one side in a process of its own, which is ended if a check takes too long."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=job, args=(theirs, claim))
    process.start()
    theirs.close()
    side = Side()
    try:
        side.before = ours.recv()
        while ours.poll(LIMIT):
            kind, spent = ours.recv()
            side.spent.setdefault(kind, []).append(spent)
        side.stopped = True
        process.kill()
    except EOFError:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"{job.__name__} failed") from None
    process.join()
    return side


def rows_of(size: int) -> Iterator[list[str]]:
    """Measure one size; ours before and after the rival, so that whatever else the machine does hits both."""
    folder = Path(tempfile.mkdtemp())
    try:
        triples, claim = written(size, folder / "ontology")
        ours = in_process(checking, claim)
        rival = in_process(validating, claim)
        again = in_process(checking, claim)
    finally:
        shutil.rmtree(folder)
    theirs = rival.spent.get("all", [])
    for kind, spent in ours.spent.items():
        spent = spent[1:] + again.spent[kind][1:]
        wall, cpu = (statistics.median(times) for times in ([s.wall for s in spent], [s.cpu for s in spent]))
        yield [
            f"{triples:,}",
            kind,
            f"{readable(wall)}, {readable(p95([s.wall for s in spent]))}; {readable(cpu)}",
            readable(ours.spent[kind][0].wall),
            f"{readable(theirs[0].wall)}; {readable(theirs[0].cpu)}" if theirs else f"> {LIMIT:.0f} s",
            f"{theirs[0].cpu / cpu:.2g} x" if theirs else f"> {LIMIT / wall:.2g} x",
            f"{megabytes(ours.before)} + {megabytes(ours.spent[kind][-1].memory - ours.before)}",
            f"{megabytes(rival.before)} + {megabytes(theirs[0].memory - rival.before)}" if theirs else "",
        ]


def megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


HEAD = [
    "Triples",
    "Change",
    "Ours: median, p95; processor",
    "The first",
    "Rival: once; processor",
    "Rival / ours",
    "Memory of ours",
    "of the rival",
]


def checks(sizes: Sequence[int] = SIZES) -> str:
    """Measure all sizes and return what RESULTS.md says of it."""
    before = os.getloadavg()[0]
    rows = [row for size in sizes for row in rows_of(size)]
    words = f"""
        Checks of a change, ours on its nodes and what is around them, beside pySHACL {version("pyshacl")} with
        the same shapes on the whole graph; it knows nothing of names, circles or numbers, so it does less. Both have
        read everything before; ours may still have to read a file for the first change of a kind, which stands apart
        from the {2 * (EACH - 1)} others. Rival / ours is of the processor time. Memory: with everything read, and what
        checking adds at most. A validation is given {LIMIT:.0f} s. Load average before: {before:.1f}, after:
        {os.getloadavg()[0]:.1f}."""
    return f"{' '.join(words.split())}\n\n{markdown([HEAD, *rows])}"


# In the browser


CLAIMS = 32  # of which the first warms everything
STILL = "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"


def accepting() -> Iterator[Tail]:
    """Accept claims in the page, one after another, until each preview and each success stands there."""
    folder = Path(tempfile.mkdtemp())
    spent: dict[str, list[Spent]] = {"Check": [], "Publish": []}
    try:
        triples, _ = written(SIZES[0], folder / "ontology")
        knowledge = KnowledgeGraph.open().knowledge
        chance = random.Random(4)
        label = knowledge.label
        diagnoses, findings = (
            sorted(node for node, concept in knowledge.concepts.items() if concept.kind == kind)
            for kind in ("diagnosis", "finding")
        )
        with (
            running_app(folder / "home", ontology=folder / "ontology") as app,
            sync_playwright() as playwright,
            playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS)) as browser,
        ):
            page = new_page(browser)
            page.goto(f"{app.url}/contribute?do=claim")
            for number in range(1, CLAIMS + 1):
                diagnosis, finding = chance.choice(diagnoses), chance.choice(findings)
                fill(page, label(diagnosis), f"{label(finding)} (finding)", number)
                for name, words in (("Check", "What it says"), ("Publish", "Published as change")):
                    page.wait_for_timeout(500)  # whatever the last field set going
                    settled(page)
                    before = seconds_used(app.home)
                    arm(page, "click", f"document.body.innerText.includes({words!r}) && {STILL}")
                    button(page, name).click()
                    page.get_by_text(words).first.wait_for()  # or it would wait for ever for what is refused
                    wall = float(page.evaluate("taken"))
                    spent[name].append(Spent(wall, seconds_used(app.home) - before, 0))
    finally:
        shutil.rmtree(folder)
    both = list(zip(spent["Check"][1:], spent["Publish"][1:], strict=True))
    at = f"{triples:,} triples, {len(knowledge.cases)} cases"
    for name, times in spent.items():
        yield Tail(f"click on {name} until it stands there, {at}", [each.wall for each in times[1:]])
        yield Tail("processor time of the program for it", [each.cpu for each in times[1:]])
    yield Tail(f"a claim accepted: both, {at}", [one.wall + other.wall for one, other in both], 1.0)
    yield Tail("processor time of the program for both", [one.cpu + other.cpu for one, other in both])


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("main").get_by_role("button", name=name, exact=True)


def pick(page: Page, label: str, text: str) -> None:
    """Choose an entry in a box by typing."""
    box = page.get_by_role("combobox", name=label, exact=True)
    box.focus()
    box.fill(text)
    page.get_by_role("option", name=text, exact=True).first.wait_for()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    settled(page)


def fill(page: Page, diagnosis: str, feature: str, number: int) -> None:
    """Fill in a claim."""
    pick(page, "Diagnosis", diagnosis)
    pick(page, "Feature that goes with it", feature)
    page.get_by_text("n of m", exact=True).click()
    settled(page)
    page.get_by_role("spinbutton", name="n", exact=True).fill(str(number))
    page.get_by_role("spinbutton", name="of m", exact=True).fill("40")
    page.get_by_role("textbox", name="As the source words it").fill(f"{number} of 40")
    pick(page, "Source", "Made-up cases")
    pick(page, "Confidence", "low")
    pick(page, "How you know the source", "checked")


def main() -> None:
    """Measure, and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curation", description=__doc__)
    parser.add_argument("--size", type=int, action="append", help="triples; several may be given (default: all)")
    parser.add_argument("--browser", action="store_true", help="only what is measured in the browser")
    arguments = parser.parse_args()
    if not arguments.browser:
        print(checks(arguments.size or SIZES), flush=True)
    if not arguments.size:
        print(f"\n{table(list(accepting()))}")


if __name__ == "__main__":
    main()
