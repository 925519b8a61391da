"""The command line: ``mskgraph --help``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mskgraph import streams
from mskgraph.errors import MskGraphError
from mskgraph.terms import Kind

if TYPE_CHECKING:
    from mskgraph import KnowledgeGraph
    from mskgraph.store import Patch

app = typer.Typer(
    name="mskgraph",
    help="A knowledge graph of musculoskeletal ultrasound: from findings to candidate diagnoses, with every source. "
    "A teaching and reference tool, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Terms = list[str] | None


class QueryFormat(StrEnum):
    """Forms in which a query's result is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    TTL = "ttl"


class ExportFormat(StrEnum):
    """Forms in which the knowledge is exported."""

    TTL = "ttl"
    NQ = "nq"
    JSONLD = "jsonld"


class Role(StrEnum):
    """What somebody may do beside reading."""

    PROPOSE = "propose"
    ACCEPT = "accept"


class Regime(StrEnum):
    """Whether stated prevalence counts."""

    STATED = "stated"
    EQUAL = "equal"


def main() -> None:
    """Run the command line; errors of ours go to stderr with exit code 2."""
    if sys.stdout is sys.__stdout__:  # nobody who runs this has put something in their place
        streams.take()
    try:
        app()
    except MskGraphError as error:
        print(_printable(str(error), "\n"), file=sys.stderr)
        sys.exit(2)


def _print_version(wanted: bool) -> None:
    if wanted:
        from mskgraph import __version__

        print(f"mskgraph {__version__}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Take what stands before a command."""


@app.command("app")
def app_command(
    port: Annotated[int, typer.Option(help="Port of the browser program.", min=1, max=65535)] = 8501,
    address: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets others in, to read.")] = "127.0.0.1",
    store: Annotated[str | None, typer.Option(help="URL of the store; empty for the embedded one.")] = None,
    open_browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser window.")] = True,
) -> None:
    """Start the program in the browser."""
    from mskgraph import KnowledgeGraph
    from mskgraph.errors import QueryError
    from mskgraph.ui.server import notes, serve

    if store is not None:
        os.environ["MSKGRAPH_STORE"] = store
    kg = KnowledgeGraph.open()
    _ = kg.knowledge  # a broken ontology is told here, not in the first visitor's page
    try:
        kg.worker.start()
    except QueryError as error:  # a machine on which strangers' queries cannot be shut off; all else works
        print(f"Note: {_printable(str(error))}", file=sys.stderr)
    for note in (*kg.store.warnings, *notes(address)):
        print(f"Note: {_printable(note)}", file=sys.stderr)
    serve(port, address, open_browser=open_browser)


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="What the history calls whoever uses it.")],
    role: Annotated[Role, typer.Option(help="What it may do; accept includes propose.")],
) -> None:
    """Make a token with which a program may change the knowledge; it is shown this once and kept nowhere."""
    from mskgraph.curation import access

    if not access.is_token_name(name):
        raise typer.BadParameter("A name has up to 50 letters, digits and the marks _ and -.", param_hint="NAME")
    made = access.new_token()
    print(made)
    print(f"\nTo let it in, add to {_printable(str(access.settings_file()))}:", file=sys.stderr)
    print(f'\n[tokens.{name}]\nsha256 = "{access.digest(made)}"\nrole = "{role}"', file=sys.stderr)


@app.command()
def ddx(
    finding: Annotated[Terms, typer.Option(help="A finding seen.")] = None,
    site: Annotated[Terms, typer.Option(help="Where.")] = None,
    morphology: Annotated[Terms, typer.Option(help="How it looks.")] = None,
    context: Annotated[Terms, typer.Option(help="History, laboratory, symptom.")] = None,
    absent: Annotated[Terms, typer.Option(help="A feature looked for and not there.")] = None,
    text: Annotated[str, typer.Option(help='Features in one text, words may be cut short: "calc triceps".')] = "",
    regime: Annotated[Regime, typer.Option(help="Leave stated prevalence out with equal.")] = Regime.STATED,
    limit: Annotated[int, typer.Option(help="How many of the first candidates; JSON always has all.", min=1)] = 25,
    as_json: Json = False,
) -> None:
    """List candidate diagnoses for what is seen (each option can be given several times)."""
    from mskgraph import KnowledgeGraph
    from mskgraph.differential import differential
    from mskgraph.errors import UnknownTerm

    kg = KnowledgeGraph.open()
    lexicon = kg.knowledge.lexicon
    given: list[tuple[Terms, tuple[Kind, ...]]] = [
        (finding, ("finding",)),
        (site, ("site",)),
        (morphology, ("morphology",)),
        (context, ("context",)),
    ]
    present = [lexicon.find(term, kinds) for terms, kinds in given for term in terms or ()]
    missing = [lexicon.find(term) for term in absent or ()]
    reading = lexicon.read(text)
    if reading.unread:
        raise UnknownTerm(" ".join(reading.unread), lexicon.suggest(" ".join(reading.unread)))
    if reading.diagnoses:
        named = kg.knowledge.label(reading.diagnoses[0])
        findings = [kg.knowledge.label(finding) for finding in kg.knowledge.findings_of(reading.diagnoses[0])]
        shows = f" It may show: {', '.join(findings[:5])}." if findings else ""
        raise MskGraphError(f"{named} is a diagnosis, nothing that is seen.{shows}")
    present = list(dict.fromkeys([*present, *reading.features]))
    missing = list(dict.fromkeys([*missing, *reading.absent]))
    result = differential(kg.knowledge, present, missing, regime.value)
    if as_json:
        _print_json(result.to_json())
        return
    from mskgraph.views import differential_rows, firmness, first_candidates

    shown = {candidate.iri for candidate in first_candidates(result, limit)}
    pairs = zip(differential_rows(kg.knowledge, result), result.candidates, strict=True)
    rows = [row for row, candidate in pairs if candidate.iri in shown]
    if rows:
        _print_table([list(row.values()) for row in rows], list(rows[0]))
    if len(rows) < result.total:
        told = "the first, and those of stated prevalence; see --limit"
        print(f"{len(rows)} of {result.total} candidates shown: {told}.", file=sys.stderr)
    for note in filter(None, (reading.side_note, *result.warnings, *firmness(kg.knowledge, result))):
        print(_printable(f"Note: {note}"), file=sys.stderr)


@app.command()
def paths(
    start: Annotated[str, typer.Argument(metavar="FROM")],
    end: Annotated[str, typer.Argument(metavar="TO")],
    max_length: Annotated[int, typer.Option(help="Steps at most.", min=1, max=8)] = 4,
    limit: Annotated[int, typer.Option(help="Paths at most.", min=1, max=200)] = 10,
    as_json: Json = False,
) -> None:
    """Explain how two concepts hang together, shortest way first."""
    from mskgraph import KnowledgeGraph

    kg = KnowledgeGraph.open()
    knowledge = kg.knowledge
    found = kg.paths(start, end, max_length, limit)
    if as_json:
        _print_json([_path_json(knowledge, path) for path in found])
        return
    if not found:
        print(f"No path of at most {max_length} steps; try a larger --max-length.", file=sys.stderr)
    for path in found:
        print(_printable(knowledge.words(path)))
    if len(found) == limit:
        print(f"The first {limit} are shown; there may be more, see --limit.", file=sys.stderr)


@app.command()
def query(
    file: Annotated[str, typer.Argument(help="A .rq file, or - for standard input.")] = "-",
    form: Annotated[QueryFormat | None, typer.Option("--format", help="Default: table, or ttl for a graph.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds until the query is stopped.", min=0.1)] = 10.0,
    limit: Annotated[int | None, typer.Option(help="Rows at most.", min=1)] = None,
) -> None:
    """Run a SPARQL query: SELECT, ASK, CONSTRUCT or DESCRIBE."""
    from mskgraph import located
    from mskgraph.sparql import Request, Worker

    text = _text_of(file)
    with Worker(*located()[:4]) as worker:
        answer, end, _ = worker.run(Request(text, timeout, rows=limit))
    if end.truncated:
        print(f"The first {end.rows} are shown; there are more, see --limit.", file=sys.stderr)
    if answer.kind == "graph":
        if form not in (None, QueryFormat.TTL):
            raise typer.BadParameter("A graph is printed as ttl.", param_hint="--format")
        from mskgraph import ontology

        print(ontology.turtle_of(answer.body), end="", file=streams.document())
        return
    if form is QueryFormat.TTL:
        raise typer.BadParameter("A table of results is no graph; use table, csv or json.", param_hint="--format")
    document = json.loads(answer.body)
    if form is QueryFormat.JSON:
        _print_json(document)
    elif answer.kind == "ask":
        print(str(document["boolean"]).lower())
    else:
        _print_rows(*answer.table(), form)


def _print_rows(names: Sequence[str], rows: Sequence[Mapping[str, str]], form: QueryFormat | None) -> None:
    values = [[row.get(name, "") for name in names] for row in rows]
    if form is QueryFormat.CSV:
        import csv

        writer = csv.writer(streams.document())
        writer.writerow(names)
        writer.writerows(values)
    else:
        from mskgraph.terms import curie

        _print_table([[curie(value) for value in row] for row in values], names)


@app.command()
def load(
    file: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Files of RDF: .ttl .nt .nq .trig .rdf .owl .jsonld, each also .gz. None: the knowledge only."
        ),
    ] = None,
    graph: Annotated[str, typer.Option(help="IRI of the graph that their triples go to.")] = "",
    store: Annotated[str | None, typer.Option(help="URL of the store: file:PATH or http(s)://...")] = None,
) -> None:
    """Fill a store on disk or an engine with the knowledge, and add files of any size to graphs of their own."""
    from mskgraph import located
    from mskgraph.store import ASSERTED_GRAPH, DERIVED_GRAPH, load_files
    from mskgraph.terms import iri

    files, content, url, changes, _ = located(store)
    if file and not graph:
        raise typer.BadParameter("Files need a graph, such as --graph https://example.org/cases.", param_hint="--graph")
    name = iri(graph) if graph else ""
    if name in (ASSERTED_GRAPH, DERIVED_GRAPH):
        raise typer.BadParameter("This graph is the knowledge itself; choose another.", param_hint="--graph")
    for path in file or ():
        if not path.is_file():
            raise typer.BadParameter(f"There is no file {path}.", param_hint="FILE")
    with _progress(sum(path.stat().st_size for path in file or ())) as told:
        load_files(url, files, content, file or (), name, told, changes)
    print(f"{url} holds the knowledge{f' and {len(file)} more in {name}' if file else ''}.", file=sys.stderr)


@contextmanager
def _progress(size: int) -> Iterator[Callable[[int], None]]:
    """Show on stderr how much of so many bytes is read."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Loading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not size) as progress:
        task = progress.add_task("", total=size)
        yield lambda count: progress.advance(task, count)


@app.command()
def check(
    path: Annotated[list[Path] | None, typer.Argument(help="Files or folders; the whole ontology if none.")] = None,
    reformat: Annotated[
        bool, typer.Option("--format", help="First bring the files into canonical form, and name those changed.")
    ] = False,
) -> None:
    """Check the ontology: shapes, coherence, citations, undefined terms, dead ends. Exit code 1 for a problem."""
    from mskgraph import ontology

    if reformat:
        for changed in ontology.write_canonical(path or None):
            print(f"{changed}: brought into canonical form.", file=sys.stderr)
    problems = ontology.check(path or None, [_faults])
    for problem in problems:
        print(problem)
    if problems:
        raise typer.Exit(1)
    print("No problems found.", file=sys.stderr)


@app.command()
def export(
    form: Annotated[ExportFormat, typer.Option("--format", help="RDF syntax.")] = ExportFormat.TTL,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File; standard output if none.")] = None,
    with_history: Annotated[bool, typer.Option("--with-history", help="Also who changed what, when and why.")] = False,
    to_files: Annotated[
        Path | None, typer.Option(help="Write the accepted changes into the files of the ontology in this folder.")
    ] = None,
) -> None:
    """Write the knowledge as it stands as one RDF document, or the accepted changes back into the ontology's files."""
    from mskgraph import KnowledgeGraph, located

    if to_files is not None:
        from mskgraph.curation import write_back
        from mskgraph.differential import dead_ends

        changed = write_back(to_files, located().accepted.patch)
        for path in changed:
            print(path)
        print(f"{len(changed)} file{'' if len(changed) == 1 else 's'} written.", file=sys.stderr)
        for fault in dead_ends(KnowledgeGraph.open().knowledge):
            told = f"mskgraph check will refuse {fault.label}: {fault.message} {fault.remedy}"
            print(_printable(told), file=sys.stderr)
        return
    text = KnowledgeGraph.open().export(form.value, with_history)
    if output is None:
        print(text, end="", file=streams.document())
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise MskGraphError(f"{output} cannot be written: {error.strerror}. Choose another file with -o.") from None


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="Turtle or N-Triples to add, - for standard input.")],
    author: Annotated[str | None, typer.Option(help="Who adds it; your login name if not given.")] = None,
    message: Annotated[str, typer.Option(help="Why.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check it and say what it would do.")] = False,
    as_json: Json = False,
) -> None:
    """Check triples and add them to the knowledge; mskgraph undo takes them back. Exit code 1 if they are refused."""
    from mskgraph import bring_up_to_date, curation, open_to_change
    from mskgraph.errors import ChangeRefused

    kg = open_to_change()
    source = sys.stdin.buffer.read(curation.LARGEST + 1) if str(file) == "-" else file
    patch = curation.additions(kg, curation.graph_in(source))
    words = _words(kg, patch)[0]
    change, problems = None, curation.problems(kg, patch)
    warnings = [] if problems else curation.cautions(kg, patch)
    if not problems and not dry_run:
        try:
            change = curation.accept(curation.Journal(), open_to_change, patch, author or _login(), message)
        except ChangeRefused as error:
            problems = list(error.problems)
    if as_json:
        _print_json(
            {
                "change": change.hash if change else None,
                "words": words,
                "problems": [_problem_json(problem) for problem in problems],
                "warnings": [_problem_json(warning) for warning in warnings],
            }
        )
    else:
        for line in words:
            print(_printable(line))
        for warning in warnings:
            print(_printable(f"Warning: {warning}"), file=sys.stderr)
        for problem in problems:
            print(_printable(str(problem)), file=sys.stderr)
    if problems:
        raise typer.Exit(1)
    if change is None:
        print("It can be added.", file=sys.stderr)
        return
    print(f"Accepted as change {change.number} ({change.hash[:12]}).", file=sys.stderr)
    bring_up_to_date()


@app.command()
def history(
    as_json: Json = False,
    repair: Annotated[bool, typer.Option("--repair", help="Put a damaged journal aside, keep what is intact.")] = False,
) -> None:
    """List the accepted changes, the last one first."""
    from mskgraph import KnowledgeGraph, curation
    from mskgraph.views import taken_back

    if repair:
        aside = curation.Journal().repair()
        print(f"The damaged journal is kept as {aside}.", file=sys.stderr)
    changes = curation.Journal().changes()[::-1]
    back, numbers = taken_back(changes), {change.hash: change.number for change in changes}
    words = _words(KnowledgeGraph.open(), *(change.patch for change in changes))
    said = [
        {
            "number": change.number,
            "change": change.hash,
            "author": change.author,
            "accepted_by": change.accepted_by,
            "time": change.time,
            "message": change.message,
            "undoes": change.undoes or None,
            "words": lines,
        }
        for change, lines in zip(changes, words, strict=True)
    ]
    if as_json:
        _print_json(said)
        return
    for change, lines in zip(changes, words, strict=True):
        who = change.author
        if change.accepted_by != change.author:
            who += f", accepted by {change.accepted_by}"
        why = change.message or "no reason given"
        print(_printable(f"{change.number}  {change.hash[:12]}  {change.time}  {who}: {why}"))
        if change.undoes:
            print(f"    Takes change {numbers[change.undoes]} back.")
        if change.hash in back:
            print(f"    Taken back by change {back[change.hash].number}.")
        for line in lines:
            print(_printable(f"    {line}"))
    if not changes:
        print("No change was accepted yet. Add one with: mskgraph add FILE", file=sys.stderr)


@app.command()
def undo(
    change: Annotated[
        str, typer.Argument(help="Number of the change, or the beginning of its hash; the last change if none.")
    ] = "",
    author: Annotated[str | None, typer.Option(help="Who takes it back; your login name if not given.")] = None,
) -> None:
    """Take an accepted change back, by a new change."""
    from mskgraph import bring_up_to_date, curation, open_to_change

    journal = curation.Journal()
    done = curation.undo(journal, open_to_change, author or _login(), change)
    for line in _words(open_to_change(), done.patch)[0]:
        print(_printable(line))
    undone = next(each for each in journal.changes() if each.hash == done.undoes)
    by = f"is taken back by change {done.number} ({done.hash[:12]})"
    print(f"Change {undone.number} ({undone.hash[:12]}) {by}.", file=sys.stderr)
    bring_up_to_date()


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help="A file or folder of the ontology.")],
    after: Annotated[Path, typer.Argument(help="Another one; what it has more is shown with a plus.")],
    as_json: Json = False,
) -> None:
    """Compare two ontologies by what they say, not by how they are written. Exit code 1 if they differ."""
    from mskgraph.curation import difference

    patch = difference([before], [after])
    if as_json:
        _print_json({"added": sorted(patch.added), "removed": sorted(patch.removed)})
    else:
        for sign, lines in (("-", patch.removed), ("+", patch.added)):
            for line in sorted(lines):
                print(_printable(f"{sign} {line}"))
    if patch:
        raise typer.Exit(1)
    print("They say the same.", file=sys.stderr)


def _words(kg: KnowledgeGraph, *patches: Patch) -> list[list[str]]:
    """Return what each of some patches does, as the pages say it."""
    from mskgraph.curation.nodes import property_labels
    from mskgraph.views import words

    labels = {**property_labels(kg), **kg.labels_after(*patches)}
    return [words(kg.knowledge, patch, labels) for patch in patches]


def _problem_json(problem: Any) -> dict[str, str]:
    return {"node": problem.node, "message": problem.message, "remedy": problem.remedy}


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise MskGraphError("Who you are cannot be told: say it with --author.") from None


def _faults(triples: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield impossible numbers, incoherent tables and dead ends, for ``ontology.check``."""
    from mskgraph.differential import dead_ends, faults
    from mskgraph.graph import build
    from mskgraph.store import EmbeddedStore

    store = EmbeddedStore()
    store.load_triples(triples)
    store.derive_all()
    knowledge = build(store)
    # What leads where is worth asking only of numbers that can be.
    for fault in list(faults(knowledge)) or dead_ends(knowledge):
        yield fault.node, fault.message, fault.remedy


def _path_json(knowledge: Any, path: Sequence[Any]) -> dict[str, Any]:
    nodes = [path[0].start, *(step.end for step in path)] if path else []
    return {
        "length": len(path),
        "nodes": [{"iri": n, "label": knowledge.label(n), "type": knowledge.kind(n)} for n in nodes],
        "edges": [{"relation": step.relation, "association": step.claim} for step in path],
        "words": knowledge.words(path),
    }


def _text_of(file: str) -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8") if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MskGraphError(f"{file} cannot be read: {error}. Give a SPARQL file, or - for standard input.") from None


def _printable(text: str, kept: str = "") -> str:
    """Return a text that a terminal shows and does not obey."""
    return "".join(c if c.isprintable() or c in kept else " " if c.isspace() else "\ufffd" for c in text)


def _print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2), file=streams.document())


def _print_table(rows: Sequence[Sequence[str]], names: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in names:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(
            *(Text(_printable(value, "\n")) for value in row)
        )  # brackets in the graph's strings are no markup
    width = None if sys.stdout.isatty() else 160
    Console(width=width).print(table)
    print(f"{len(rows)} row{'' if len(rows) == 1 else 's'}.", file=sys.stderr)


if __name__ == "__main__":
    main()
