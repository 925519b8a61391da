"""Many clients at once at the SPARQL endpoint: ``python -m benchmarks.load``.

The clients ask, in a process of their own, what the engine in this one has answered before. Counted are answers,
refusals for want of room (503, after which a client waits as long as it is told), errors, and answers that are wrong
or cut short.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import hashlib
import io
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.measure import readable
from mskgraph import KnowledgeGraph
from mskgraph.store import select
from tests.app_process import running_app
from tests.processes import memory_of, processes_of

CLIENTS: Final = 50
SECONDS: Final = 60.0
SETTLING: Final = 3.0

JSON: Final = "application/sparql-results+json"
CSV: Final = "text/csv"
TSV: Final = "text/tab-separated-values"

# From a lookup to a few thousand rows; only IRIs, plain texts and whole numbers, which every form tells alike.
QUERIES: Final = {
    "one label": "SELECT ?l { msk:phlebolith skos:prefLabel ?l }",
    "labels of diagnoses": "SELECT ?d ?l { ?d a msk:Diagnosis ; skos:prefLabel ?l } ORDER BY ?l ?d",
    "claims by diagnosis": "SELECT ?d (COUNT(?c) AS ?n) { ?c msk:diagnosis ?d } GROUP BY ?d ORDER BY DESC(?n) ?d",
    "parts of parts": "SELECT ?s ?w { ?s msk:partOf+ ?w } ORDER BY ?s ?w",
    "features of a diagnosis": "SELECT ?f ?c { ?c msk:diagnosis msk:cysticercosis ; msk:feature ?f } ORDER BY ?f ?c",
    "how many of each kind": "SELECT ?t (COUNT(*) AS ?n) { ?s a ?t } GROUP BY ?t ORDER BY ?t",
    "text search": "SELECT ?s { ?s skos:definition ?d FILTER(CONTAINS(LCASE(STR(?d)), 'calcif')) } ORDER BY ?s",
    "much": "SELECT ?s ?p { ?s ?p ?o FILTER(isIRI(?s) && isIRI(?o)) } ORDER BY ?s ?p ?o LIMIT 3000",
    "nothing": "SELECT ?s { ?s a msk:NoSuchThing }",
}
PREFIXES: Final = """
PREFIX msk: <https://w3id.org/mskgraph/>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
"""


@dataclass
class Tally:
    """What the clients met with."""

    seconds: list[float] = field(default_factory=list)
    answered: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Measured:
    """The outcome of a run.

    :ivar clients: how many
    :ivar span: seconds that they asked for
    :ivar refused: 503 with a Retry-After
    :ivar wrong: what was asked, where the answer was another one or not whole
    :ivar errors: anything else, by its text
    :ivar memory: bytes before, at most, after
    :ivar processes: before, at most, after
    """

    clients: int
    span: float
    answered: int
    refused: int
    wrong: Sequence[str]
    errors: dict[str, int]
    median: float
    p95: float
    worst: float
    memory: tuple[int, int, int]
    processes: tuple[int, int, int]

    def lines(self) -> list[tuple[str, str]]:
        """It as rows of a table."""
        before, peak, after = (f"{size / 1e6:.0f} MB" for size in self.memory)
        return [
            ("clients, seconds", f"{self.clients}, {self.span:.0f}"),
            ("right answers (200)", f"{self.answered} ({self.answered / self.span:.0f} per second)"),
            ("refused for want of room (503 with Retry-After)", str(self.refused)),
            ("other errors", "; ".join(f"{text}: {n}" for text, n in self.errors.items()) or "0"),
            ("wrong or truncated answers", str(len(self.wrong))),
            (
                "time to an answer: median, p95, longest",
                ", ".join(map(readable, (self.median, self.p95, self.worst))),
            ),
            ("memory of program and children: before, at most, after", f"{before}, {peak}, {after}"),
            ("processes: before, at most, after", ", ".join(map(str, self.processes))),
        ]


# The right answers


def expected() -> dict[str, str]:
    """What each query gives, asked of the engine in this process: no server and no other process between."""
    store = KnowledgeGraph.open().store
    return {name: digest([sorted(row.items()) for row in select(store, query)]) for name, query in QUERIES.items()}


def digest(rows: Sequence[object]) -> str:
    return f"{len(rows)} rows, {hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]}"


def digest_of(media: str, body: bytes) -> str:
    """The same of an answer."""
    if media == JSON:
        bindings = json.loads(body)["results"]["bindings"]
        return digest([sorted((name, term["value"]) for name, term in row.items()) for row in bindings])
    if media == CSV:
        # Lines end with CR LF: an answer cut inside its last line is seen.
        if not body.endswith(b"\r\n"):
            raise ValueError("the last line has no end")
        head, *rows = csv.reader(io.StringIO(body.decode(), newline=""))
        return digest([sorted(zip(head, row, strict=True)) for row in rows])
    if media == TSV:
        if not body.endswith(b"\n"):
            raise ValueError("the last line has no end")
        head, *rows = (line.split("\t") for line in body.decode().splitlines())
        names = [name.removeprefix("?") for name in head]
        return digest([sorted(zip(names, map(plain, row), strict=True)) for row in rows])
    raise ValueError(f"{media} was not asked for")


def plain(term: str) -> str:
    """The text of a term of a TSV answer: of an IRI, a text with or without language, a number."""
    if term.startswith("<"):
        return term[1:-1]
    return json.loads(term[: term.rindex('"') + 1]) if term.startswith('"') else term


# The clients, in their own process


async def ask_on(url: str, answers: dict[str, str], seconds: float, number: int, tally: Tally) -> None:
    """One client: one question after another, on a connection that it keeps, as long as it has time."""
    chance = random.Random(number)
    end = time.monotonic() + seconds
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
        while time.monotonic() < end:
            name = chance.choice(list(QUERIES))
            media = chance.choice([JSON, CSV, TSV])
            start = time.perf_counter()
            try:
                answer = await send(client, chance.choice(["get", "form", "direct"]), QUERIES[name], media)
            except httpx.HTTPError as error:
                tally.errors[f"{type(error).__name__} {error}"] += 1
                continue
            took = time.perf_counter() - start
            if answer.status_code == 503 and answer.headers.get("retry-after", "").isdigit():
                tally.refused += 1
                await asyncio.sleep(min(int(answer.headers["retry-after"]), max(0.0, end - time.monotonic())))
            elif answer.status_code != 200:
                tally.errors[f"{answer.status_code} {answer.text[:100]}"] += 1
            elif fault := wrong(answer, media, answers[name]):
                tally.wrong.append(f"{name} as {media}: {fault}")
            else:
                tally.answered += 1
                tally.seconds.append(took)


async def send(client: httpx.AsyncClient, way: str, query: str, media: str) -> httpx.Response:
    headers, text = {"Accept": media}, PREFIXES + query
    if way == "get":
        return await client.get("/sparql", params={"query": text}, headers=headers)
    if way == "form":
        return await client.post("/sparql", data={"query": text}, headers=headers)
    headers["Content-Type"] = "application/sparql-query"
    return await client.post("/sparql", content=text, headers=headers)


def wrong(answer: httpx.Response, media: str, right: str) -> str:
    """What is wrong with an answer; empty if nothing."""
    given = answer.headers.get("content-type", "").partition(";")[0]
    if given != media:
        return f"it is {given}"
    try:
        found = digest_of(media, answer.content)
    except (ValueError, KeyError) as error:
        return f"not whole: {error}"
    return "" if found == right else f"{found} instead of {right}"


async def ask_all(url: str, answers: dict[str, str], seconds: float, clients: int) -> Tally:
    tally = Tally()
    await asyncio.gather(*(ask_on(url, answers, seconds, number, tally) for number in range(clients)))
    return tally


# The run


def measure(url: str, home: Path, answers: dict[str, str], seconds: float, clients: int) -> Measured:
    """Let clients loose on a running program and watch its processes.

    :param home: the ``MSKGRAPH_HOME`` of the program, by which its processes are known
    """
    if not url.startswith("http://127.0.0.1:"):
        raise ValueError(f"{url} is not of this machine")
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:  # what is made once is made before
        for _ in range(3):
            for query in QUERIES.values():
                client.get("/sparql", params={"query": PREFIXES + query}).raise_for_status()
    time.sleep(1)
    memory, processes = [memory_of(home)], [len(processes_of(home))]
    job = {"url": url, "answers": answers, "seconds": seconds, "clients": clients}
    command = [sys.executable, "-m", "benchmarks.load", "--as-clients"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as asking:
        if asking.stdin is None or asking.stdout is None:
            raise AssertionError
        asking.stdin.write(json.dumps(job).encode())
        asking.stdin.close()
        peaks: list[tuple[int, int]] = []
        while asking.poll() is None:
            peaks.append((memory_of(home), len(processes_of(home))))
            time.sleep(0.5)
        told: dict[str, Any] = json.loads(asking.stdout.read())
    time.sleep(SETTLING)
    times = sorted(told["seconds"]) or [0.0, 0.0]
    return Measured(
        clients=clients,
        span=seconds,
        answered=told["answered"],
        refused=told["refused"],
        wrong=told["wrong"],
        errors=told["errors"],
        median=statistics.median(times),
        p95=statistics.quantiles(times, n=20)[-1],
        worst=times[-1],
        memory=(memory[0], max(size for size, _ in peaks), memory_of(home)),
        processes=(processes[0], max(count for _, count in peaks), len(processes_of(home))),
    )


def main() -> None:
    """Start the program, measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--as-clients", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.as_clients:
        job = json.load(sys.stdin)
        tally = asyncio.run(ask_all(job["url"], job["answers"], job["seconds"], job["clients"]))
        print(json.dumps(asdict(tally)))
        return
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder)) as app:
        measured = measure(app.url, app.home, expected(), arguments.seconds, arguments.clients)
    print("\n| What | Measured |\n|---|---|\n" + "\n".join(f"| {what} | {said} |" for what, said in measured.lines()))
    for fault in measured.wrong[:10]:
        print(fault, file=sys.stderr)
    if measured.wrong or measured.errors:
        sys.exit(1)


if __name__ == "__main__":
    main()
