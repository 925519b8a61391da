"""The knowledge without a browser: command line, loading, queries, paths."""

from __future__ import annotations

import itertools
import os
import random
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import networkx
import rdflib

import mskgraph
from benchmarks.measure import Row, in_turn
from mskgraph import KnowledgeGraph, ontology
from mskgraph.differential import _differential
from mskgraph.graph import Concept, Knowledge, Relation, Step
from mskgraph.store import query_text, select
from mskgraph.terms import Kind, Lexicon, Name, iri

COMMANDS = {
    "mskgraph paths": ("paths", "soft tissue calcification", "cysticercosis", "--json"),
    "mskgraph ddx": ("ddx", "--finding", "soft tissue calcification", "--json"),
}
RUNS = 9


def command_line() -> Iterator[Row]:
    """Whole processes, from the start of Python to its end."""
    program = Path(sys.executable).with_name("mskgraph")
    wall: defaultdict[str, list[float]] = defaultdict(list)
    cpu: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(RUNS):
        for name, arguments in COMMANDS.items():
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run([program, *arguments], check=True, stdout=subprocess.DEVNULL)
            wall[name].append(time.perf_counter() - start)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    for name in COMMANDS:
        yield Row(f"{name}: whole process", wall[name], 1.0)
        yield Row(f"{name}: its processor time", cpu[name])


def loading() -> Iterator[Row]:
    """Reading the ontology and giving a first answer, beside rdflib."""
    root = ontology.find()
    turtle = [path for path in ontology.files(root) if path.suffix == ".ttl"]  # rdflib reads no SSSOM: less work for it

    def ours() -> object:
        mskgraph._open.cache_clear()
        return KnowledgeGraph.open().differential(["soft tissue calcification"])

    def store_only() -> object:
        mskgraph._open.cache_clear()
        return select(KnowledgeGraph.open().store, query_text("causes_of_finding"))

    def rival() -> object:
        graph = rdflib.Graph()
        for path in turtle:
            graph.parse(path, format="turtle")
        return list(graph.query(query_text("causes_of_finding")))

    times = in_turn({"ours": ours, "store": store_only, "rdflib": rival}, RUNS)
    version = f"rdflib {rdflib.__version__}"
    yield Row("load, derive, build the graph, first differential", times["ours"])
    yield Row(
        "load, derive, causes of a finding by SPARQL",
        times["store"],
        None,
        f"{version}, parse and query",
        times["rdflib"],
    )

    store, graph = KnowledgeGraph.open().store, KnowledgeGraph.open().to_rdflib()
    query = query_text("causes_of_finding")
    if len(select(store, query)) != len(list(graph.query(query))):
        raise AssertionError("the two engines do not answer alike")
    times = in_turn({"ours": lambda: select(store, query), "rdflib": lambda: list(graph.query(query))}, 30)
    yield Row(
        "causes of a finding by SPARQL, loaded", times["ours"], None, f"{version}, the same query", times["rdflib"]
    )
    kg = KnowledgeGraph.open()
    terms = ["soft tissue calcification", "triceps tendon"]
    kg.differential(terms)  # what is prepared once for all questions

    def asked() -> object:
        _differential.cache_clear()
        return kg.differential(terms)

    times = in_turn({"ours": asked}, 30)
    yield Row("differential of a finding and a site, loaded", times["ours"])


def paths() -> Iterator[Row]:
    """Shortest paths and neighbourhoods in made-up graphs, beside networkx."""
    for size in (2_000, 17_000):
        knowledge, names = synthetic(size)
        graph = knowledge.to_networkx()
        simple = networkx.Graph(graph)  # what a person would search: both directions, one edge a pair
        chance = random.Random(7)
        pairs: list[tuple[str, str]] = []
        while len(pairs) < 5:
            start, end = chance.sample(names, 2)
            distance = (
                networkx.shortest_path_length(simple, start, end) if networkx.has_path(simple, start, end) else 99
            )
            if distance in (3, 4):
                pairs.append((start, end))

        def ours(pairs: list[tuple[str, str]] = pairs, knowledge: Knowledge = knowledge) -> list[int]:
            return [len(knowledge.paths(start, end, max_length=4, limit=10)[0]) for start, end in pairs]

        def shortest(pairs: list[tuple[str, str]] = pairs, simple: networkx.Graph = simple) -> list[int]:
            found = (itertools.islice(networkx.shortest_simple_paths(simple, *pair), 10) for pair in pairs)
            return [len(next(iter(list(ways)))) - 1 for ways in found]

        def all_simple(pairs: list[tuple[str, str]] = pairs, simple: networkx.Graph = simple) -> list[int]:
            return [min(map(len, networkx.all_simple_paths(simple, *pair, cutoff=4))) - 1 for pair in pairs]

        if ours() != shortest():
            raise AssertionError("the two searches do not agree")
        jobs = {"ours": ours, "shortest": shortest}
        if size <= 2_000:
            jobs["all"] = all_simple
        times = in_turn(jobs, 3)
        label = f"10 shortest of at most 4 steps, 5 pairs, {size:,} nodes"
        rival = f"networkx {networkx.__version__}"
        yield Row(label, times["ours"], None, f"{rival} shortest_simple_paths", times["shortest"])
        if "all" in times:
            yield Row(label, times["ours"], None, f"{rival} all_simple_paths, cutoff 4", times["all"])

        centres = chance.sample(names, 20)

        def around(centres: list[str] = centres, knowledge: Knowledge = knowledge) -> list[int]:
            return [len(knowledge.neighbourhood(centre, 2)) for centre in centres]

        def ego(centres: list[str] = centres, graph: networkx.MultiDiGraph = graph) -> list[int]:
            return [len(networkx.ego_graph(graph, centre, 2, undirected=True)) for centre in centres]

        if around() != ego():
            raise AssertionError("the two neighbourhoods do not agree")
        times = in_turn({"ours": around, "ego": ego}, 3)
        yield Row(
            f"2 steps around 20 nodes, {size:,} nodes",
            times["ours"],
            None,
            f"{rival} ego_graph, undirected",
            times["ego"],
        )


def synthetic(size: int) -> tuple[Knowledge, list[str]]:
    """A graph of diagnoses, findings and morphologies in which few nodes have many neighbours, as in real ones."""
    chance = random.Random(size)
    skeleton = networkx.barabasi_albert_graph(size, 2, seed=1)
    kinds: tuple[Kind, ...] = ("diagnosis", "finding", "morphology")
    names = [iri(f"node-{number:05d}") for number in range(size)]
    concepts = {
        name: Concept(iri=name, label=f"node {number}", kind=kinds[number % 3]) for number, name in enumerate(names)
    }
    may_cause, caused_by = iri("mayCause"), iri("mayBeCausedBy")
    relations = {
        may_cause: Relation(may_cause, "may cause", caused_by),
        caused_by: Relation(caused_by, "may be caused by", may_cause),
    }
    ends = [pair if chance.random() < 0.5 else pair[::-1] for pair in skeleton.edges]
    edges = [Step(names[start], may_cause, names[end], iri(f"claim-{n}")) for n, (start, end) in enumerate(ends)]
    steps: defaultdict[str, list[Step]] = defaultdict(list)
    for edge in edges:
        steps[edge.start].append(edge)
        steps[edge.end].append(Step(edge.end, caused_by, edge.start, edge.claim))
    lexicon = Lexicon([Name(concept.iri, concept.label, concept.kind, True) for concept in concepts.values()])
    made_up = replace(
        KnowledgeGraph.open().knowledge,
        concepts=concepts,
        claims={},
        cases={},
        tables={},
        relations=relations,
        edges=edges,
        lexicon=lexicon,
        _steps=dict(steps),
    )
    return made_up, names


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))
