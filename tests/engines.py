"""SPARQL servers and clients and a provider of sign-ins, for tests: ``python -m tests.engines`` provides them.

The servers are Oxigraph's, which a package of the development environment brings, and Virtuoso, unpacked from Debian's
packages without installing them, for an installed one starts a service. The client, Comunica, and the provider of
OpenID Connect are from npm. What is unpacked lies in the environment, so ``make clean`` removes it.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.app_process import free_port, tail
from tests.chromium import run_as_root

CACHE = Path(sys.prefix) / "engines"
VIRTUOSO_PACKAGE = "virtuoso-opensource-7-bin"
CLIENTS = Path(__file__).resolve().parent / "clients"
OIDC = Path(__file__).resolve().parent / "oidc"
INSTALLED = "installed.json"
"""Name of a copy of the lock file that is there once all of it has been installed."""

REMEDY = "run: .venv/bin/python -m tests.engines (make test does)"

ASK = {"query": "ASK {}"}
START_SECONDS = 60.0
STOP_SECONDS = 10.0
LOAD_SECONDS = 3600.0


class EngineMissing(Exception):
    """A server or client that the tests need is not there; says how to get it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no {name}: {REMEDY}")


@dataclass(frozen=True)
class Engine:
    """A running SPARQL server, on 127.0.0.1 only.

    :ivar auth: how to log in for updates, as in MSKGRAPH_STORE_AUTH: ``"digest USER:PASSWORD"``, or empty
    :ivar process: the server itself, so that its pid tells its memory
    :ivar store_url: the Graph Store HTTP Protocol, where there is one without login
    :ivar sql_port: where Virtuoso listens for SQL
    """

    name: str
    query_url: str
    update_url: str
    auth: str
    process: subprocess.Popen[bytes]
    log: Path
    folder: Path
    store_url: str = ""
    sql_port: int = field(default=0, repr=False)

    @property
    def login(self) -> httpx.Auth | None:
        """The same as :attr:`auth`, for httpx."""
        scheme, _, secret = self.auth.partition(" ")
        user, _, password = secret.partition(":")
        return {"digest": httpx.DigestAuth, "basic": httpx.BasicAuth}[scheme](user, password) if scheme else None


def update(engine: Engine, text: str, *, seconds: float = 60.0) -> None:
    """Run a SPARQL update, logged in as one who may.

    :raises httpx.HTTPStatusError: if the server refuses
    """
    answer = httpx.post(engine.update_url, data={"update": text}, auth=engine.login, timeout=seconds)
    answer.raise_for_status()


def bulk_load(engine: Engine, triples: Path, graph: str) -> None:
    """Load a file of N-Triples into a named graph, by the fastest way of the engine.

    :raises RuntimeError: if the engine does not take it
    """
    if engine.sql_port:
        load_by_sql(engine, triples, graph)
        return
    with triples.open("rb") as content:
        answer = httpx.post(
            engine.store_url,
            # A bulk load: not held back until the whole file is read, so memory stays small.
            params={"graph": graph, "no_transaction": ""},
            content=content,
            headers={"Content-Type": "application/n-triples"},
            timeout=LOAD_SECONDS,
        )
    if answer.is_error:
        raise RuntimeError(f"{engine.name} did not load {triples}: {answer.text}")


# ---- Oxigraph


def find_oxigraph() -> Path | None:
    """The server beside this Python."""
    found = shutil.which("oxigraph", path=sysconfig.get_path("scripts"))
    return Path(found) if found else None


@contextmanager
def oxigraph_server(folder: Path, *, on_disk: bool = False) -> Iterator[Engine]:
    """Start Oxigraph's server on a free port, and end it afterwards.

    :param folder: for its log, and for its data if they are to be on disk
    :raises EngineMissing: if it is not installed
    """
    program = find_oxigraph()
    if program is None:
        raise EngineMissing("Oxigraph server")
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    place = ["--location", str(folder / "data")] if on_disk else []
    log = folder / "oxigraph.log"
    with running([str(program), "serve", "--bind", f"127.0.0.1:{port}", *place], folder, log) as process:
        wait_until_answering(f"{url}/query", process, log, ASK)
        yield Engine("oxigraph", f"{url}/query", f"{url}/update", "", process, log, folder, store_url=f"{url}/store")


# ---- Virtuoso


def virtuoso_root() -> Path:
    return CACHE / "virtuoso"


def find_virtuoso() -> Path | None:
    """The server named by the variable VIRTUOSO, else the unpacked one, else an installed one.

    Its SQL client, isql-vt, is expected beside it.
    """
    if named := os.environ.get("VIRTUOSO"):
        return Path(named)
    unpacked = virtuoso_root() / "usr" / "bin" / "virtuoso-t"
    if unpacked.exists():
        return unpacked
    found = shutil.which("virtuoso-t")
    return Path(found) if found else None


def virtuoso_environment() -> dict[str, str]:
    """Let the unpacked server find the libraries that were unpacked with it."""
    root = virtuoso_root()
    folders = [root / part / f"{platform.machine()}-linux-gnu" for part in ("usr/lib", "lib")]
    inherited = os.environ.get("LD_LIBRARY_PATH")
    return {**os.environ, "LD_LIBRARY_PATH": ":".join([*map(str, folders), *([inherited] if inherited else [])])}


VIRTUOSO_INI = """\
[Database]
DatabaseFile = virtuoso.db
ErrorLogFile = virtuoso.log
LockFile = virtuoso.lck
TransactionFile = virtuoso.trx
xa_persistent_file = virtuoso.pxa
ErrorLogLevel = 7
FileExtend = 200
MaxCheckpointRemap = 2000
TempStorage = TempDatabase

[TempDatabase]
DatabaseFile = virtuoso-temp.db
TransactionFile = virtuoso-temp.trx

[Parameters]
ServerPort = 127.0.0.1:{sql_port}
DisableUnixSocket = 1
MaxClientConnections = {threads}
CheckpointInterval = 60
CaseMode = 2
DirsAllowed = {folder}
NumberOfBuffers = {buffers}
MaxDirtyBuffers = {dirty}
MaxQueryMem = 2G
ThreadsPerQuery = 1

[HTTPServer]
ServerPort = 127.0.0.1:{http_port}
ServerRoot = vsp
MaxClientConnections = {threads}
ServerThreads = {threads}

[SPARQL]
ResultSetMaxRows = {max_rows}
MaxQueryExecutionTime = {seconds}
"""


@contextmanager
def virtuoso_server(
    folder: Path,
    *,
    buffers: int = 10_000,
    max_rows: int = 10_000_000,
    seconds: int = 120,
    threads: int = 20,
) -> Iterator[Engine]:
    """Start Virtuoso on free ports, with a database of its own, and end it afterwards.

    Everyone may query; who updates logs in as dba, whose password is new for each server.

    :param folder: for its settings, database and log; an empty folder or one that this made
    :param buffers: pages of 8 KiB held in memory; 85 000 for each GiB
    :param max_rows: at how many rows an answer is cut off without a word (Debian's setting: 10 000)
    :param seconds: how long a query may take
    :param threads: how many requests are answered at the same time
    :raises EngineMissing: if it is not installed
    """
    program = find_virtuoso()
    if program is None:
        raise EngineMissing("Virtuoso")
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vsp").mkdir(exist_ok=True)
    sql_port, http_port = free_port(), free_port()
    settings = VIRTUOSO_INI.format(
        sql_port=sql_port,
        http_port=http_port,
        folder=folder,
        buffers=buffers,
        dirty=buffers * 3 // 4,
        max_rows=max_rows,
        seconds=seconds,
        threads=threads,
    )
    (folder / "virtuoso.ini").write_text(settings)
    command = [str(program), "+foreground", "+configfile", "virtuoso.ini"]
    log = folder / "output.log"
    url = f"http://127.0.0.1:{http_port}"
    environment = virtuoso_environment()
    password = known_password(command, folder, log, environment)
    with running(command, folder, log, environment) as process:
        wait_until_answering(f"{url}/sparql", process, log, ASK)
        auth = f"digest dba:{password}"
        yield Engine("virtuoso", f"{url}/sparql", f"{url}/sparql-auth", auth, process, log, folder, sql_port=sql_port)


def known_password(command: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str]) -> str:
    """Give a new database a password, before the server listens to anyone; the one that an old database has."""
    kept = folder / "password"
    if kept.exists():
        return kept.read_text()
    password = secrets.token_hex(8)  # a long one is changed to something else, silently
    # With a new password on its command line, Virtuoso makes the database, changes the password and ends.
    with running([*command, "+pwdold", "dba", "+pwddba", password], folder, log, environment) as process:
        process.wait(START_SECONDS)
    if "password is changed" not in log.read_text(errors="replace"):
        raise RuntimeError(f"Virtuoso did not make its database:\n{tail(log)}")
    kept.touch(mode=0o600)
    kept.write_text(password)
    return password


def load_by_sql(engine: Engine, triples: Path, graph: str) -> None:
    with tempfile.TemporaryDirectory(dir=engine.folder) as within:
        # Virtuoso reads from the folder that its settings allow, and a name that it has read once not again.
        shared = Path(within) / f"{secrets.token_hex(8)}.nt"
        try:
            shared.hardlink_to(triples)
        except OSError:
            shutil.copyfile(triples, shared)
        sql(engine, f"ld_dir('{within}', '*.nt', '{graph}')", "rdf_loader_run()", "checkpoint")
        failed = sql(engine, f"select ll_error from DB.DBA.load_list where ll_file = '{shared}' and ll_state <> 2")
        failed += sql(
            engine, f"select ll_error from DB.DBA.load_list where ll_file = '{shared}' and ll_error is not null"
        )
    if failed.strip():
        raise RuntimeError(f"Virtuoso did not load {triples}: {failed.strip()}")


def sql(engine: Engine, *statements: str) -> str:
    """Run SQL in Virtuoso and return what its client prints: the rows, without headings.

    :raises RuntimeError: if a statement fails
    """
    program = find_virtuoso()
    if program is None:
        raise EngineMissing("Virtuoso")
    user, _, password = engine.auth.removeprefix("digest ").partition(":")
    client = program.with_name(program.name.replace("virtuoso-t", "isql-vt"))
    answer = subprocess.run(
        [
            *(str(client), f"127.0.0.1:{engine.sql_port}", user, password),
            *("VERBOSE=OFF", "BANNER=OFF", "PROMPT=OFF", "ERRORS=STDOUT"),
            "exec=" + "; ".join(statements) + ";",
        ],
        env=virtuoso_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LOAD_SECONDS,
        check=False,
    )
    if answer.returncode or "*** Error" in answer.stdout:
        raise RuntimeError(f"Virtuoso refused {'; '.join(statements)}: {answer.stdout}{answer.stderr}")
    return answer.stdout


# ---- Processes


@contextmanager
def running(
    command: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in a group of its own, and end the whole group afterwards."""
    # Should the tests be killed, no server is left behind.
    with_parent = [found, "--pdeathsig", "KILL"] if (found := shutil.which("setpriv")) else []
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*with_parent, *command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    for how, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, None)):
        if process.poll() is None:
            os.killpg(process.pid, how)
        try:
            process.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            continue


def wait_until_answering(
    url: str, process: subprocess.Popen[bytes], log: Path, params: Mapping[str, str] | None = None
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with exit code {process.returncode}:\n{tail(log)}")
        try:
            if httpx.get(url, params=params, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"the server did not answer after {START_SECONDS:.0f} s:\n{tail(log)}")


# ---- Parts from npm


def npm_root(sources: Path) -> Path:
    """Where npm installs what a folder of the tests asks for."""
    return CACHE / sources.name


def find_npm(sources: Path) -> Path | None:
    """The folder of these parts, if they are installed in the versions that the lock file wants."""
    installed = npm_root(sources) / INSTALLED
    if not (installed.exists() and shutil.which("node")):
        return None
    return npm_root(sources) if installed.read_bytes() == (sources / "package-lock.json").read_bytes() else None


def find_comunica() -> Path | None:
    """The client's program."""
    root = find_npm(CLIENTS)
    return root / "node_modules" / ".bin" / "comunica-sparql" if root else None


def comunica(url: str, query: str) -> list[dict[str, str]]:
    """Ask an endpoint with Comunica, which sends parts of the query and joins what comes back.

    :returns: for each row variable to IRI or text
    :raises EngineMissing: if it is not installed
    :raises RuntimeError: if it gives no answer
    """
    program = find_comunica()
    if program is None:
        raise EngineMissing("Comunica")
    form = "application/sparql-results+json"
    command = [str(program), f"sparql@{url}", "--query", query, "--outputType", form]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if answer.returncode:
        raise RuntimeError(f"Comunica ended with exit code {answer.returncode}:\n{answer.stderr}")
    rows = json.loads(answer.stdout)["results"]["bindings"]
    return [{name: term["value"] for name, term in row.items()} for row in rows]


# ---- Signing in


@contextmanager
def oidc_provider(folder: Path, redirect_uri: str, people: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Start a provider of OpenID Connect on a free port, with one client, and end it afterwards.

    :param folder: for its log
    :param redirect_uri: of the client
    :param people: the claims of each account by its name; nobody needs a password
    :returns: what belongs under ``[auth]`` beside ``cookie_secret``
    :raises EngineMissing: if it is not installed
    """
    parts, node = find_npm(OIDC), shutil.which("node")
    if parts is None or node is None:
        raise EngineMissing("OpenID Connect provider")
    port = free_port()
    metadata = f"http://127.0.0.1:{port}/.well-known/openid-configuration"
    log = folder / "oidc.log"
    command = [node, str(OIDC / "provider.mjs"), str(parts), str(port), redirect_uri, json.dumps(people)]
    with running(command, folder, log) as process:
        wait_until_answering(metadata, process, log)
        settings = {
            "redirect_uri": redirect_uri,
            "client_id": "mskgraph",
            "client_secret": "a secret of the tests",
            "server_metadata_url": metadata,
        }
        yield "\n".join(f'{name} = "{value}"' for name, value in settings.items())


# ---- Providing


def provide_virtuoso() -> Path | None:
    """The server, unpacked from Debian's packages with the libraries that this machine lacks."""
    if found := find_virtuoso():
        return found
    if shutil.which("apt-get") and shutil.which("dpkg") and not download_virtuoso():
        run_as_root(["apt-get", "update", "-qq"])  # the list of packages is missing, or too old
        download_virtuoso()
    return find_virtuoso()


def download_virtuoso() -> bool:
    """Try to unpack what Debian's list names; say whether it is there."""
    packages = packages_to_install()
    if packages:
        unpack(packages, virtuoso_root())
    return find_virtuoso() is not None


def packages_to_install() -> list[str]:
    """Virtuoso's package and those that it needs and this machine does not have; none if Debian's list is missing."""
    answer = subprocess.run(
        ["apt-get", "--simulate", "--quiet", "--no-install-recommends", "install", VIRTUOSO_PACKAGE],
        capture_output=True,
        text=True,
        check=False,
    )
    return [line.split()[1] for line in answer.stdout.splitlines() if line.startswith("Inst ")]


def unpack(packages: Sequence[str], target: Path) -> None:
    """Download Debian packages and unpack them; the target is there when all of it is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as within:
        downloads = Path(within) / "packages"
        downloads.mkdir()
        print("+ apt-get download", *packages, file=sys.stderr, flush=True)
        subprocess.run(["apt-get", "download", "-qq", *packages], cwd=downloads, check=False, stdout=sys.stderr)
        unpacked = Path(within) / "root"
        archives = sorted(downloads.glob("*.deb"))
        for archive in archives:
            subprocess.run(["dpkg", "-x", str(archive), str(unpacked)], check=True)
        if len(archives) == len(packages):
            unpacked.rename(target)


def provide_npm(sources: Path) -> Path | None:
    """Parts from npm, in the versions of the lock file; with Node from Debian's packages if there is none."""
    if found := find_npm(sources):
        return found
    if shutil.which("npm") is None and shutil.which("apt-get"):
        run_as_root(["apt-get", "update", "-qq"])
        run_as_root(["apt-get", "install", "-qq", "-y", "--no-install-recommends", "nodejs", "npm"])
    if npm := shutil.which("npm"):
        root = npm_root(sources)
        root.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(sources / name, root)
        print("+ npm ci", file=sys.stderr, flush=True)
        command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        if subprocess.run(command, cwd=root, check=False, stdout=sys.stderr).returncode == 0:
            shutil.copy(sources / "package-lock.json", root / INSTALLED)
    return find_npm(sources)


def main() -> int:
    provided = {
        "Oxigraph server": find_oxigraph(),
        "Virtuoso": provide_virtuoso(),
        "Comunica": provide_npm(CLIENTS),
        "OpenID Connect provider": provide_npm(OIDC),
    }
    remedies = {
        "Oxigraph server": "make setup",
        "Virtuoso": f"on Debian: apt-get download {VIRTUOSO_PACKAGE}; or name it: VIRTUOSO=/path/to/virtuoso-t",
        "Comunica": "install Node 18 or newer with npm",
        "OpenID Connect provider": "install Node 18 or newer with npm",
    }
    missing = [name for name, program in provided.items() if program is None]
    for name in missing:
        print(f"No {name} found, and it could not be installed ({remedies[name]}).", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
