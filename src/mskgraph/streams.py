"""Standard input, output and error of the command line, whatever they lead to: closed, cut short, in any encoding."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO


def take() -> None:
    """Let the standard streams be such that whatever they are, a command ends with its own exit code.

    Those that are closed are as good as empty: else a file that is opened next would get their number. What an
    encoding has no sign for is replaced.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    sys.stdin = sys.stdin or open(0)  # noqa: SIM115
    sys.stdout, sys.stderr = _stream(sys.stdout, 1), _stream(sys.stderr, 2)


def document() -> TextIO:
    """Return standard output for what other programs read, which is UTF-8 whatever a terminal would have."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    return sys.stdout


class _Pipe(io.FileIO):
    """Where nobody may listen any more, such as head that has seen enough: what is written then goes nowhere."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


def _stream(given: Any, descriptor: int) -> io.TextIOWrapper:
    buffer = io.BufferedWriter(_Pipe(descriptor, "w", closefd=False))
    if given is None:
        return io.TextIOWrapper(buffer, "utf-8")
    ways = {"line_buffering": given.line_buffering, "write_through": given.write_through}
    return io.TextIOWrapper(buffer, given.encoding, "replace", **ways)
