"""Taking times, and writing them down."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measured thing: seconds, the target if there is one, and the rival it stands beside."""

    what: str
    seconds: Sequence[float]
    target: float | None = None
    rival: str = ""
    rival_seconds: Sequence[float] = ()

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def cells(self) -> list[str]:
        ratio = statistics.median(self.rival_seconds) / self.median if self.rival_seconds else None
        met = "" if self.target is None else f" ({'met' if self.median <= self.target else 'NOT MET'})"
        return [
            self.what,
            readable(self.median),
            readable(max(self.seconds)),
            str(len(self.seconds)),
            "" if self.target is None else readable(self.target) + met,
            self.rival,
            readable(statistics.median(self.rival_seconds)) if self.rival_seconds else "",
            "" if ratio is None else f"{ratio:.2g} x",
        ]


HEAD = ("What", "Median", "Max", "n", "Target", "Rival", "Its median", "Rival / ours")


def readable(seconds: float) -> str:
    """Return a time in the unit people would say it in."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds * 1e6:.3g} µs"


def timed(job: Callable[[], object]) -> float:
    """Return how long a job takes."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def in_turn(jobs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Run jobs one after another, round by round, so that whatever else the machine does hits all of them alike."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            gc.collect()
            times[name].append(timed(job))
    return times


def table(rows: Sequence[Row]) -> str:
    """Return rows as a table of Markdown."""
    cells = [list(HEAD), *(row.cells() for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
