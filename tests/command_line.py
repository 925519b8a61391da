"""The command line, run in the process of the tests.

Starting Python anew and importing what a command needs takes longer than the command. That the program is the same as a
process of its own, tests of ``test_cli`` and ``test_packaging`` show.
"""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from unittest import mock

from mskgraph.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str, stdin: str | bytes = "", **settings: str) -> Ended:
    """Run the program with a command line and settings; of the settings around it only the ontology counts."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name == "MSKGRAPH_ONTOLOGY" or not name.startswith("MSKGRAPH_")
    }
    given = io.BytesIO(stdin if isinstance(stdin, bytes) else stdin.encode())
    out, error = io.BytesIO(), io.BytesIO()
    streams = {
        name: io.TextIOWrapper(stream, "utf-8", errors="surrogateescape", newline="", write_through=True)
        for name, stream in {"stdin": given, "stdout": out, "stderr": error}.items()
    }
    with (
        mock.patch.dict(os.environ, {**environment, **settings}, clear=True),
        mock.patch.multiple(sys, argv=["mskgraph", *arguments], **streams),
    ):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    return Ended(code, out.getvalue().decode(), error.getvalue().decode())
