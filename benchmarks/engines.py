"""The commonest queries on five engines at three sizes: ``python -m benchmarks.engines`` (all), or ``--size 10000``.

The data are the ontology, what follows from it, and made-up cases up to the size. All engines get the same questions in
turn, about many concepts and cases, and have to give the same rows. Machine time and processor time are both taken:
on a busy machine the second says more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import multiprocessing
import os
import random
import resource
import shutil
import signal
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from multiprocessing.connection import Connection
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import quote

import pyoxigraph
import rdflib

from benchmarks.made_up_cases import NAMESPACE as CASES_NAMESPACE
from benchmarks.made_up_cases import made_up
from benchmarks.measure import readable
from mskgraph import ontology
from mskgraph.errors import MskGraphError
from mskgraph.graph import Knowledge, build
from mskgraph.store import (
    ASSERTED_GRAPH,
    DERIVED_GRAPH,
    Answer,
    EmbeddedStore,
    RemoteStore,
    StoreFolder,
    query_text,
    whole,
)
from mskgraph.terms import PREFIXES, iri
from tests.engines import Engine as Server
from tests.engines import bulk_load, oxigraph_server, virtuoso_server
from tests.processes import TICK, stat

SIZES = (10_000, 1_000_000, 10_000_000)
CASES_GRAPH = "https://example.org/cases"
QUESTIONS, FEW = 20, 3  # FEW of those without a parameter, which are always the same question
BUDGET = 60.0  # seconds that one engine may spend on the questions of one query
TARGET = 0.05  # seconds: 95 of 100 questions of a page, in memory, at TARGET_SIZE
TARGET_SIZE = 1_000_000
RDFLIB_AT_MOST = 1_000_000
RDFLIB_BYTES = 1_400  # a triple, measured at a million
MEMORY, DISK, SERVER, VIRTUOSO, RDFLIB = "memory", "disk", "Oxigraph server", "Virtuoso", "rdflib"
ENGINES = (MEMORY, DISK, SERVER, VIRTUOSO, RDFLIB)

_HEAD = "".join(f"PREFIX {name}: <{PREFIXES[name]}>\n" for name in ("msk", "dcterms", "skos", "rdfs"))
COUNTS = f"""{_HEAD}SELECT ?finding (COUNT(?observation) AS ?cases) WHERE {{
  ?observation msk:finding ?finding ; msk:present true .
}} GROUP BY ?finding ORDER BY DESC(?cases) ?finding LIMIT 20"""
ALIKE = f"""{_HEAD}SELECT ?other (COUNT(*) AS ?shared) WHERE {{
  <CASE> msk:observation ?mine . ?mine msk:finding ?finding ; msk:site ?site ; msk:present true .
  ?theirs msk:finding ?finding ; msk:site ?site ; msk:present true . ?other msk:observation ?theirs .
  FILTER(?other != <CASE>)
}} GROUP BY ?other ORDER BY DESC(?shared) ?other LIMIT 10"""
# As a page asks, which holds the concepts: with all kinds and all parts, so that the engine has no path to walk.
FIRST_AT_SITE = f"""{_HEAD}SELECT DISTINCT ?case ?title ?kind ?site WHERE {{
  {{
    SELECT ?observation ?kind ?site WHERE {{
      VALUES ?kind {{ KINDS }}
      VALUES ?site {{ SITES }}
      ?observation msk:finding ?kind ; msk:present true ; msk:site|msk:possibleSite ?site .
    }} LIMIT 50
  }}
  ?case msk:observation ?observation ; dcterms:title ?title .
}}"""
BY_TITLE = f"""{_HEAD}SELECT ?case ?title WHERE {{ ?case a msk:Case ; dcterms:title ?title . }}
ORDER BY ?title ?case LIMIT 50 OFFSET SKIP"""
IN_ANY_ORDER = f"""{_HEAD}SELECT ?case ?title WHERE {{
  {{ SELECT ?case WHERE {{ ?case a msk:Case }} LIMIT 50 OFFSET SKIP }}
  ?case dcterms:title ?title .
}}"""


@dataclass(frozen=True)
class Query:
    """One of the commonest queries, with its questions.

    :ivar same: whether the query says which rows they are; else only their number is compared
    """

    name: str
    questions: Sequence[str]
    same: bool = True


@dataclass(frozen=True)
class Reply:
    """What an engine made of a question: seconds, and a digest of its rows, or why there are none."""

    wall: float
    cpu: float
    rows: int = 0
    digest: str = ""
    failed: str = ""


@dataclass
class Measured:
    """All replies of one engine to one query."""

    replies: list[Reply] = field(default_factory=list)
    differing: int = 0

    @property
    def spent(self) -> float:
        return sum(reply.wall for reply in self.replies)

    @property
    def times(self) -> list[float]:
        return [reply.wall for reply in self.replies if not reply.failed]

    @property
    def cpu(self) -> float:
        return statistics.mean(reply.cpu for reply in self.replies if not reply.failed)


@dataclass(frozen=True)
class Loaded:
    """An engine that holds the data.

    :ivar memory: bytes it uses now
    :ivar disk: bytes of its files
    """

    ask: Callable[[str], Reply]
    wall: float
    cpu: float
    memory: Callable[[], int]
    disk: int = 0


def p95(times: Sequence[float]) -> float:
    """Return the time within which 95 of 100 are done."""
    return sorted(times)[math.ceil(0.95 * len(times)) - 1]


# Data


@dataclass(frozen=True)
class Data:
    """Files of N-Triples, one for each graph, and the knowledge in them."""

    size: int
    files: Mapping[str, Path]
    knowledge: Knowledge
    triples: int
    cases: int
    shown: Sequence[tuple[str, str, str]]  # finding, site and stated diagnosis of observations in cases


def written(size: int, folder: Path) -> Data:
    """Write the data of one size; for the smallest the ontology of the tests, because the whole one is larger."""
    root = ontology.find()
    seed = Path(__file__).parents[1] / "tests" / "data" / "seed"
    store = EmbeddedStore()
    store.load([*ontology.files(seed), root / "schema.ttl"] if size < 100_000 else ontology.files(root))
    store.derive_all()
    knowledge = build(store)
    files = {}
    for graph, name in ((ASSERTED_GRAPH, "asserted"), (DERIVED_GRAPH, "derived")):
        files[graph] = folder / f"{name}.nt"
        files[graph].write_bytes(store.triples_of(graph))
    files[CASES_GRAPH] = folder / "cases.nt"
    wanted = max(size - len(store), 100)
    triples, cases = len(store), 0
    shown: list[tuple[str, str, str]] = []
    with files[CASES_GRAPH].open("w", encoding="utf-8") as file:
        for text in made_up(wanted, knowledge):
            file.write(text)
            triples += text.count("\n")
            cases += f"<{iri('Case')}>" in text
            if cases <= 2_000:
                shown += _shown(text)
    return Data(size, files, knowledge, triples, cases, shown)


def _shown(text: str) -> Iterator[tuple[str, str, str]]:
    said: defaultdict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        _, predicate, value = line.split(" ", 2)
        said[predicate.rpartition("/")[2].rstrip(">")].append(value.removesuffix(" .").strip("<>"))
    if said["site"] and said["statedDiagnosis"]:
        yield said["finding"][0], said["site"][0], said["statedDiagnosis"][0]


def queries_of(data: Data) -> list[Query]:
    """Return the ten commonest queries of pages and endpoint, with questions about many concepts and cases.

    Half of the concepts are drawn as often as cases have them, half from all there are.
    """
    chance = random.Random(5)
    concepts = data.knowledge.concepts
    narrower: defaultdict[str, set[str]] = defaultdict(set)
    below: defaultdict[str, set[str]] = defaultdict(set)
    for concept in concepts.values():
        for parent in concept.parents:
            narrower[parent].add(concept.iri)
        for whole_of in (*concept.parents, *concept.part_of):
            below[whole_of].add(concept.iri)

    def of_kind(kind: str) -> list[str]:
        return sorted(node for node, concept in concepts.items() if concept.kind == kind)

    def half(number: int, place: int, kind: str) -> str:
        return chance.choice(data.shown)[place] if number % 2 else chance.choice(of_kind(kind))

    def region(site: str) -> str:
        for _ in range(chance.randrange(3)):
            wider = [node for node in concepts[site].part_of if node in concepts]
            site = chance.choice(wider) if wider else site
        return site

    def within(concept: str, steps: Mapping[str, set[str]]) -> str:
        """Return a concept and all that lies below it, as they are written in VALUES."""
        found = [concept]
        for node in found:  # grows on the way
            found += sorted(steps.get(node, set()) - set(found))
        return " ".join(f"<{node}>" for node in found)

    def case() -> str:
        return f"{CASES_NAMESPACE}case-{chance.randint(1, data.cases)}"

    numbers = range(QUESTIONS)
    claims, names = sorted(data.knowledge.claims), sorted(concepts)
    said = [chance.choice(claims) if n % 2 else case() for n in numbers]
    described = [chance.choice(names) if n % 2 else case() for n in numbers]
    places = [(half(n, 0, "finding"), region(half(n, 1, "site"))) for n in numbers]
    diagnoses = [half(n, 2, "diagnosis") for n in numbers]
    findings = [half(n, 0, "finding") for n in numbers]
    at_site = [query_text("cases_with_finding_at_site", finding=finding, region=site) for finding, site in places]
    first = [
        FIRST_AT_SITE.replace("KINDS", within(finding, narrower)).replace("SITES", within(site, below))
        for finding, site in places
    ]
    in_any_order = [IN_ANY_ORDER.replace("SKIP", str(50 * n % data.cases)) for n in numbers]
    return [
        Query("facts of a claim or case", [query_text("node_facts", node=node) for node in said]),
        Query("DESCRIBE a concept or case", [f"DESCRIBE <{node}>" for node in described]),
        Query("all cases with a finding at a site", at_site),
        Query("the first 50 of them", first, same=False),
        Query("cases of a diagnosis", [query_text("cases_of_a_diagnosis", diagnosis=node) for node in diagnoses]),
        Query("causes of a finding", [query_text("causes_of_finding", finding=node) for node in findings]),
        Query("names of a concept", [query_text("names_of_a_concept", concept=chance.choice(names)) for _ in numbers]),
        Query("observations counted by finding", [COUNTS] * FEW),
        Query("ten cases most like one", [ALIKE.replace("CASE", case()) for _ in numbers]),
        Query("50 cases by title", [BY_TITLE.replace("SKIP", str(50 * n)) for n in range(FEW)]),
        Query("50 cases in any order", in_any_order, same=False),
        Query("individuals counted by class", [query_text("class_counts")] * FEW),
    ]


# Rows


def digest_of(answer: Answer) -> tuple[int, str]:
    """Return how many rows there are and a digest of them that does not depend on order or on ways to write a value."""
    if answer.kind == "graph":
        rows = sorted({str(tuple(map(_term, triple))) for triple in _triples(answer.body)})
    else:
        document = json.loads(answer.body)
        rows = sorted(
            str(sorted((name, _json_term(term)) for name, term in row.items()))
            for row in document.get("results", {}).get("bindings", [])
        )
    return len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _triples(body: bytes) -> Iterator[tuple[Any, Any, Any]]:
    for quad in pyoxigraph.parse(body, format=pyoxigraph.RdfFormat.N_TRIPLES):
        yield quad.subject, quad.predicate, quad.object


def _term(term: Any) -> tuple[str, ...]:
    if isinstance(term, pyoxigraph.Literal):
        return _value(term.value, term.datatype.value, term.language)
    return ("node", getattr(term, "value", "triple"))


def _json_term(term: Mapping[str, str]) -> tuple[str, ...]:
    if term["type"] in ("uri", "bnode"):
        return ("node", term["value"] if term["type"] == "uri" else "")
    return _value(term["value"], term.get("datatype", ""), term.get("xml:lang"))


def _value(text: str, datatype: str, language: str | None) -> tuple[str, ...]:
    if language:
        return ("text", text, language.lower())
    kind = datatype.rpartition("#")[2]
    if kind == "boolean":
        return ("boolean", "true" if text in ("true", "1") else "false")
    if kind in ("integer", "int", "decimal", "double"):
        try:
            return ("number", str(Decimal(text).normalize()))
        except InvalidOperation:
            pass
    return ("text", text, "")


# Engines in a process of their own, so that memory and processor time are theirs alone


@contextmanager
def in_process(name: str, data: Data, folder: Path) -> Iterator[Loaded]:
    """Load a library into a process and let it answer."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(name, dict(data.files), folder, theirs))
    process.start()
    try:
        wall, cpu = ours.recv()

        def ask(text: str) -> Reply:
            ours.send(text)
            reply: Reply = ours.recv()
            return reply

        yield Loaded(ask, wall, cpu, lambda: _memory(process.pid or 0), _bytes(folder))
    finally:
        process.kill()
        process.join()


def _serve(name: str, files: Mapping[str, Path], folder: Path, pipe: Connection) -> None:
    start, cpu = time.perf_counter(), time.process_time()
    answer = {MEMORY: _in_memory, DISK: _on_disk, RDFLIB: _rdflib}[name](files, folder)
    pipe.send((time.perf_counter() - start, time.process_time() - cpu))
    signal.signal(signal.SIGALRM, _too_long)
    while True:
        text = pipe.recv()
        start, cpu = time.perf_counter(), time.process_time()
        signal.setitimer(signal.ITIMER_REAL, BUDGET if name == RDFLIB else 0)  # Oxigraph cannot be interrupted
        try:
            got = answer(text)
            signal.setitimer(signal.ITIMER_REAL, 0)
            wall, cpu = time.perf_counter() - start, time.process_time() - cpu
            pipe.send(Reply(wall, cpu, *digest_of(got)))
        except TimeoutError:
            pipe.send(Reply(time.perf_counter() - start, time.process_time() - cpu, failed=f"> {BUDGET:.0f} s"))


def _too_long(*_: object) -> None:
    raise TimeoutError


def _in_memory(files: Mapping[str, Path], folder: Path) -> Callable[[str], Answer]:
    store = EmbeddedStore()
    for graph, path in files.items():
        store.load_bulk(path, graph)
    return lambda text: whole(store.evaluate(text))


def _on_disk(files: Mapping[str, Path], folder: Path) -> Callable[[str], Answer]:
    place = StoreFolder(folder)
    with place.writing("") as draft:
        for graph, path in files.items():
            draft.load_bulk(path, graph)
    store = place.open()
    return lambda text: whole(store.evaluate(text))


def _rdflib(files: Mapping[str, Path], folder: Path) -> Callable[[str], Answer]:
    graph = rdflib.Graph()  # one graph, which is quicker for it than several
    for path in files.values():
        graph.parse(path, format="nt")

    def answer(text: str) -> Answer:
        result = graph.query(text, initNs=PREFIXES)
        if result.graph is not None:
            return Answer("graph", result.graph.serialize(format="nt", encoding="utf-8"))
        return Answer("select", result.serialize(format="json") or b"")

    return answer


# Servers


@contextmanager
def served(server: Server, data: Data) -> Iterator[Loaded]:
    """Load a server by its own bulk loader and let it answer as the program asks it."""
    pid = server.process.pid
    start, cpu = time.perf_counter(), _seconds(pid)
    for graph, path in data.files.items():
        bulk_load(server, path, graph)
    wall, cpu = time.perf_counter() - start, _seconds(pid) - cpu
    graphs = "&".join(f"default-graph-uri={quote(graph, safe='')}" for graph in (CASES_GRAPH,))
    store = RemoteStore.at(f"{server.query_url}?{graphs}")

    def ask(text: str) -> Reply:
        start, cpu = time.perf_counter(), _seconds(pid)
        try:
            answer = whole(store.evaluate(text))
        except MskGraphError as error:
            return Reply(time.perf_counter() - start, 0.0, failed=str(error).splitlines()[0][:120])
        return Reply(time.perf_counter() - start, _seconds(pid) - cpu, *digest_of(answer))

    yield Loaded(ask, wall, cpu, lambda: _memory(pid), _bytes(server.folder))


def _seconds(pid: int) -> float:
    fields = stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICK


def _memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def _bytes(folder: Path) -> int:
    if not folder.exists():
        return 0
    return sum({path.stat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file()}.values())


# Measuring


@dataclass(frozen=True)
class Result:
    """What was measured at one size."""

    data: Data
    queries: Sequence[Query]
    measured: Mapping[tuple[str, str], Measured]  # engine and query
    load: Mapping[str, tuple[float, float]]
    memory: Mapping[str, int]
    disk: Mapping[str, int]


def measure(size: int, engines: Sequence[str], folder: Path, only: Sequence[str] = ()) -> Result:
    """Load every engine and let all of them answer, in turn."""
    data = written(size, folder)
    queries = [query for query in queries_of(data) if not only or query.name in only]
    wanted = [name for name in engines if name != RDFLIB or size <= RDFLIB_AT_MOST]
    measured: defaultdict[tuple[str, str], Measured] = defaultdict(Measured)
    with ExitStack() as stack:
        loaded: dict[str, Loaded] = {}
        for name in wanted:
            place = folder / name.replace(" ", "-")
            if name in (SERVER, VIRTUOSO):
                pages = min(250_000, 40_000 + size // 30)  # Virtuoso's memory, in pages of 8 KiB
                server = (
                    virtuoso_server(place, buffers=pages) if name == VIRTUOSO else oxigraph_server(place, on_disk=True)
                )
                loaded[name] = stack.enter_context(served(stack.enter_context(server), data))
            else:
                loaded[name] = stack.enter_context(in_process(name, data, place))
            print(f"{size:,}: {name} loaded in {loaded[name].wall:.1f} s", flush=True)
        for query in queries:
            for name, engine in loaded.items():
                if name != RDFLIB:  # it keeps nothing from one time to the next, and takes its time
                    engine.ask(query.questions[0])
            for question in query.questions:
                expected: Reply | None = None
                for name, engine in loaded.items():
                    of = measured[name, query.name]
                    if of.spent >= BUDGET:
                        continue
                    reply = engine.ask(question)
                    of.replies.append(reply)
                    expected = expected or reply
                    if not reply.failed and _differ(query, expected, reply):
                        of.differing += 1
            print(f"{size:,}: {query.name}: {_line(measured, loaded, query)}", flush=True)
        memory = {name: engine.memory() for name, engine in loaded.items()}
        load = {name: (engine.wall, engine.cpu) for name, engine in loaded.items()}
        disk = {name: engine.disk if name == DISK else 0 for name, engine in loaded.items()}
        disk |= {name: _bytes(folder / name.replace(" ", "-")) for name in loaded if name in (SERVER, VIRTUOSO)}
    return Result(data, queries, measured, load, memory, disk)


def _differ(query: Query, expected: Reply, reply: Reply) -> bool:
    return expected.rows != reply.rows or (query.same and expected.digest != reply.digest)


def _line(measured: Mapping[tuple[str, str], Measured], engines: Mapping[str, Loaded], query: Query) -> str:
    return "; ".join(f"{name} {cell(measured[name, query.name], None)}" for name in engines)


# Tables


def cell(of: Measured, base: Measured | None) -> str:
    """Return median and 95th percentile, ratios to the embedded engine, and what was not as expected."""
    failed = [reply.failed for reply in of.replies if reply.failed]
    if not of.times:
        return failed[0] if failed else "not run"
    text = f"{readable(statistics.median(of.times))}, {readable(p95(of.times))}"
    if base is not None and base is not of and base.times:
        text += f"; {statistics.median(of.times) / statistics.median(base.times):.2g} x, {of.cpu / base.cpu:.2g} x"
    if base is of:
        text += f"; {readable(of.cpu)}"
    if of.differing:
        text += f"; **{of.differing} of {len(of.replies)} other rows**"
    if failed:
        text += f"; {len(failed)} of {len(of.replies)}: {failed[0]}"
    return text


def tables(results: Sequence[Result]) -> str:
    """Return one table for each size, one of growth, and one of what the engines need."""
    return "\n\n".join([*(queries_table(result) for result in results), growth_table(results), cost_table(results)])


def queries_table(result: Result) -> str:
    """Return the times of one size."""
    engines = [name for name in ENGINES if (name, result.queries[0].name) in result.measured]
    at = result.data.size == TARGET_SIZE
    rows = [["Query", "Rows, mean", *(["p95 in memory <= 50 ms"] if at else []), *engines]]
    for query in result.queries:
        base = result.measured[MEMORY, query.name] if MEMORY in engines else Measured()
        count = statistics.mean(r.rows for r in base.replies) if base.replies else 0
        met = "met" if base.times and p95(base.times) <= TARGET else "NOT MET"
        cells = [cell(result.measured[name, query.name], base) for name in engines]
        rows.append([query.name, f"{count:.3g}", *([met] if at else []), *cells])
    what = f"### {result.data.triples:,} triples, {result.data.cases:,} cases"
    return f"{what}\n\n{markdown(rows)}"


def growth_table(results: Sequence[Result]) -> str:
    """Return processor time by size, and how much it grows for ten times the data."""
    sizes = [f"{result.data.triples:,}" for result in results]
    rows = [["Query", "Engine", *sizes, "ten times the data, last step"]]
    for query in results[0].queries:
        for name in (MEMORY, DISK, SERVER, VIRTUOSO):
            found = [result.measured.get((name, query.name)) for result in results]
            times = [of.cpu if of and of.times else None for of in found]
            growth = ""
            if len(times) > 1 and times[-1] and times[-2]:
                step = math.log10(results[-1].data.triples / results[-2].data.triples)
                growth = f"{(times[-1] / times[-2]) ** (1 / step):.2g} x"
            rows.append([query.name, name, *("" if t is None else readable(t) for t in times), growth])
    return f"### Processor time for a query, by size\n\n{markdown(rows)}"


def cost_table(results: Sequence[Result]) -> str:
    """Return what loading took, and memory and disk."""
    rows = [
        ["Triples", "Engine", "Load", "its processor time", "Memory after the queries", "Disk", "Disk for a triple"]
    ]
    for result in results:
        for name, (wall, cpu) in result.load.items():
            disk = result.disk.get(name, 0)
            rows.append([
                f"{result.data.triples:,}", name, readable(wall), readable(cpu), f"{result.memory[name] / 1e6:,.0f} MB",
                f"{disk / 1e6:,.0f} MB" if disk else "", f"{disk / result.data.triples:.0f} B" if disk else "",
            ])  # fmt: skip
        if result.data.size > RDFLIB_AT_MOST:
            needed = f"not run: would need about {result.data.size * RDFLIB_BYTES / 1e9:.0f} GB"
            rows.append([f"{result.data.triples:,}", RDFLIB, "", "", needed, "", ""])
    return f"### Loading, memory, disk\n\n{markdown(rows)}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def section(
    sizes: Sequence[int] = SIZES,
    engines: Sequence[str] = ENGINES,
    folder: Path | None = None,
    only: Sequence[str] = (),
) -> str:
    """Measure all sizes and return the section of RESULTS.md.

    :param only: names of queries; all if none
    """
    results = []
    before = os.getloadavg()[0]
    for size in sizes:
        within = Path(tempfile.mkdtemp(dir=folder))
        try:
            results.append(measure(size, engines, within, only))
        finally:
            shutil.rmtree(within)
        print(f"\n{tables(results[-1:])}\n", flush=True)
    return (
        f"{introduction()}\n\nLoad average before: {before:.1f}, after: {os.getloadavg()[0]:.1f}.\n\n{tables(results)}"
    )


def introduction() -> str:
    """Say how to read the tables."""
    lines = f"""
        memory and disk are the program's own store, Oxigraph in its process; the Oxigraph server is on disk too; both
        servers are asked over HTTP, as the program does. A cell has the median and the 95th percentile; in the column
        memory then its mean processor time, in the others how many times the median and the processor time of memory
        they are. {QUESTIONS} questions a query, about many concepts and cases; {FEW} where it takes no parameter. An
        engine that has spent {BUDGET:.0f} s on a query is asked no further question of it. All rows are compared with
        those of memory. The processor time of the servers comes in steps of 10 ms, so small ones are rough."""
    return dedent(lines).strip()


def up_to_a_million() -> str:
    """Return the section without the largest size, which takes half an hour and 10 GB of memory."""
    return section([size for size in SIZES if size <= TARGET_SIZE])


def main() -> None:
    """Measure what the command line names, and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--size", type=int, action="append", help="triples; several may be given (default: all)")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="only this one; several may be given")
    parser.add_argument("--query", action="append", help="only this one; several may be given")
    parser.add_argument("--folder", type=Path, help="where the data go while it runs: 5 GB at the largest size")
    parser.add_argument("--output", type=Path, help="file that the section is written to")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    text = section(arguments.size or SIZES, arguments.engine or ENGINES, arguments.folder, arguments.query or ())
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
