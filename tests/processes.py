"""What the processes of a running program are and use, from Linux's ``/proc``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")


def processes_of(home: Path) -> dict[int, int]:
    """Every living process that was started with ``MSKGRAPH_HOME=home``, with its parent.

    Told by their environment, so that children whose parent is gone are found too.
    """
    mark = f"MSKGRAPH_HOME={home}".encode()
    found = {}
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            ours = mark in (entry / "environ").read_bytes().split(b"\0")
            fields = stat(int(entry.name)) if ours else None
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if fields and fields[0] not in "ZX":
            found[int(entry.name)] = int(fields[1])
    return found


def zombies_of(pid: int) -> list[int]:
    """Dead children that their parent has not taken note of."""
    dead = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                fields = stat(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields[0] == "Z" and int(fields[1]) == pid:
                dead.append(int(entry.name))
    return dead


def stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the third on: state, parent, ..."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def memory_of(home: Path) -> int:
    """Bytes that a program and its children use; what they share counts once."""
    total = 0
    for pid in processes_of(home):
        try:
            lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def seconds_used(home: Path) -> float:
    """Processor time that the living processes of a program have used."""
    total = 0
    for pid in processes_of(home):
        try:
            fields = stat(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def soon(holds: Callable[[], bool], seconds: float) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def children_of(pid: int, command: str = "") -> list[int]:
    """The living children of a process, oldest first; with a command, only those whose command line has it."""
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                fields, line = stat(int(entry.name)), (entry / "cmdline").read_bytes().decode()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == pid and fields[0] not in "ZX" and command in line:
                found.append((int(fields[19]), int(entry.name)))
    return [child for _, child in sorted(found)]
