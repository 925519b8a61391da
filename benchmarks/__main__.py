"""Measure everything, print it as a table, and write it to RESULTS.md."""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

from benchmarks import curation, engines, knowledge, pages, ranking
from benchmarks.measure import Row, table
from tests.chromium import find_chromium

RESULTS = Path(__file__).with_name("RESULTS.md")
PACKAGES = ("mskgraph", "streamlit", "pyoxigraph", "networkx", "rdflib", "pyvis", "playwright")
PARTS: dict[str, Callable[[], str | Iterable[Row]]] = {
    "Command line": knowledge.command_line,
    "Loading and asking": knowledge.loading,
    "Browser": pages.measured,
    "Paths and neighbourhoods in made-up graphs": knowledge.paths,
    "Ranking": ranking.measured,
    "Checks of a change": curation.checks,
    "Accepting a claim in the browser": curation.accepting,
    "Engines": engines.up_to_a_million,
}
"""Each part gives the rows of a table, or what stands in its section where that is more than one table."""


def main() -> None:
    """Run all parts, or those named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--date", default="", help="written into the results; left out if not given")
    parser.add_argument("--part", action="append", choices=list(PARTS), help="only this part; nothing is written then")
    arguments = parser.parse_args()
    start = time.monotonic()
    sections = [("# Benchmarks", introduction(arguments.date))]
    for title in arguments.part or PARTS:
        measured = PARTS[title]()
        text = measured if isinstance(measured, str) else table(list(measured))
        print(f"\n{title}\n\n{text}", flush=True)
        sections.append((f"## {title}", text))
    print(f"\n{time.monotonic() - start:.0f} s in total.")
    if not arguments.part:
        RESULTS.write_text("\n\n".join(f"{title}\n\n{text}" for title, text in sections) + "\n", encoding="utf-8")
        print(f"Written to {RESULTS}.")


def introduction(date: str) -> str:
    """Return what is measured where, with which versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        f"`make bench`{f', {date}' if date else ''}. Medians; rivals take turns with ours in one run, so that their "
        "ratio says more than the times. Above 1, the rival is slower.",
        f"Machine: {processor()}, {knowledge.processors()} processors for this run, {platform.system()} "
        f"{platform.release()}, no graphics card. {load()}",
        f"Python {platform.python_version()}, {versions}; {browser()}.",
        "pyvis's own page also asks two foreign hosts for files; here these fail at once, elsewhere they take longer. "
        "networkx's ego_graph copies the whole graph on each call when asked to walk against the edges.",
    ]
    return "\n\n".join(lines)


def processor() -> str:
    """Return the name of the processor."""
    path = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", path.read_text()) if path.exists() else None
    return found[1] if found else platform.machine()


def load() -> str:
    """Return how busy the machine was at the start."""
    path = Path("/proc/loadavg")
    return f"Load average at the start: {path.read_text().split()[0]}." if path.exists() else ""


def browser() -> str:
    """Return name and version of the browser."""
    executable = find_chromium()
    if executable is None:
        raise SystemExit("No Chromium: make test installs one, or name it in the variable CHROMIUM.")
    return subprocess.run([executable, "--version"], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
