"""The real program as a process of its own, for tests that talk to it over HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

PROGRAM = (sys.executable, "-m", "mskgraph")
START_SECONDS = 60.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class RunningApp:
    url: str
    home: Path
    log: Path
    process: subprocess.Popen[bytes]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def app_environment(home: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment, without the settings that would make a test depend on it."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MSKGRAPH_", "STREAMLIT_")) and name != "PYTHONPATH"
    }
    return {**inherited, "MSKGRAPH_HOME": str(home), **(settings or {})}


@contextmanager
def running_app(
    home: Path,
    *,
    ontology: Path | None = None,
    settings: Mapping[str, str] | None = None,
    program: Sequence[str] = PROGRAM,
    cwd: Path | None = None,
    address: str = "127.0.0.1",
) -> Iterator[RunningApp]:
    """Start ``mskgraph app`` on a free port, wait until it is healthy, and end it afterwards.

    :param home: folder for what the program writes (MSKGRAPH_HOME) and for its log
    :param ontology: another ontology folder (MSKGRAPH_ONTOLOGY); without it the program's own
    :param settings: more MSKGRAPH_* variables
    :param program: how to start it, up to the word ``app``
    :param address: to listen on; one that 127.0.0.1 reaches, too
    """
    home.mkdir(parents=True, exist_ok=True)
    chosen = dict(settings or {})
    if ontology is not None:
        chosen["MSKGRAPH_ONTOLOGY"] = str(ontology)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = home / "app.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*program, "app", "--no-browser", "--port", str(port), "--address", address],
            cwd=cwd,
            env=app_environment(home, chosen),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_healthy(url, process, log)
        yield RunningApp(url, home, log, process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"mskgraph app ended with exit code {process.returncode}:\n{tail(log)}")
        if is_healthy(url):
            return
        time.sleep(0.1)
    raise RuntimeError(f"mskgraph app was not healthy after {START_SECONDS:.0f} s:\n{tail(log)}")


def is_healthy(url: str) -> bool:
    try:
        answer = httpx.get(f"{url}/_stcore/health", timeout=2)
    except httpx.TransportError:
        return False
    # Streamlit answers an unknown address with its page and code 200, so only the body tells.
    return answer.status_code == 200 and answer.text.strip() == "ok"


def tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
