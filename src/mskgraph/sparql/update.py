"""``/sparql/update``: SPARQL 1.1 Update and the SPARQL 1.1 Graph Store HTTP Protocol, for who has a token.

What is sent is turned into a change like any other: checked, accepted into the journal or kept as a proposal, shown by
the program at once. Who sends it is told by a bearer token alone, which no browser sends by itself: a page of a
stranger can make one send requests here, but none that counts. Nor may such a page read an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from mskgraph import curation, ontology
from mskgraph.curation import Basis, Journal
from mskgraph.curation.access import Access, Person
from mskgraph.curation.nodes import property_labels
from mskgraph.errors import (
    AccessInvalid,
    Busy,
    ChangeRefused,
    JournalDamaged,
    JournalUnusable,
    MskGraphError,
    PatchInvalid,
    ProposalsDamaged,
    QueryStopped,
    StaleRevision,
)
from mskgraph.sparql.answering import (
    FORM,
    GRAPHS,
    VARY,
    Address,
    Answer,
    Answering,
    Refused,
    accept_of,
    body_of,
    client_of,
    dataset_of,
    not_acceptable,
    not_allowed,
    parameters_of,
    query_timeout,
    refusal,
    told,
)
from mskgraph.sparql.editing import FORMS, canonical_lines
from mskgraph.sparql.gate import Budget, Gate
from mskgraph.sparql.guard import MEMORY, QUERY_SIZE
from mskgraph.sparql.messages import Edit, Request
from mskgraph.sparql.negotiation import preferred
from mskgraph.sparql.worker import Worker
from mskgraph.store import ASSERTED_GRAPH, Dataset, Patch, is_iri, query_text, select

_UPDATE: Final = "application/sparql-update"
_SIZES: Final = dict.fromkeys(FORMS, Request.size)  # as an answer may have: what is got can be put back
_METHODS: Final = ("GET", "HEAD", "PUT", "POST", "DELETE")
_REALM: Final = 'Bearer realm="mskgraph"'
_PATIENCE: Final = 30.0  # seconds that a change waits for those before it
_TRIES: Final = 3  # when other processes change the knowledge meanwhile
_WORDS: Final = 200  # triples that an answer tells, of those added and of those removed
_FRESH: Final = {"Cache-Control": "no-store"}


class Opened(Basis, Protocol):
    """What is changed: a knowledge graph, and the worker that reads it for strangers."""

    @property
    def content_hash(self) -> str:
        """Hash of all of it."""
        ...

    @property
    def revision(self) -> str:
        """Hash of the last accepted change."""
        ...

    @property
    def worker(self) -> Worker:
        """Runs strangers' queries."""
        ...


def routes(
    gate: Gate,
    services: Answer,
    open_knowledge: Callable[[], Opened],
    open_to_change: Callable[[], Opened],
    bring_up_to_date: Callable[[], None],
) -> list[BaseRoute]:
    """Return the address at which programs change the knowledge.

    :param gate: through which who reads goes
    :param services: says what can be done here
    :param open_knowledge: gives what is read; cheap if nothing has changed
    :param open_to_change: gives what is changed, which an engine elsewhere may lag behind
    :param bring_up_to_date: lets an engine elsewhere hold what was accepted
    """
    one_at_a_time = Gate(running=1, patience=_PATIENCE)
    guesses = Budget(rate=1 / 6, burst=10)
    editor = _Editor(open_to_change, bring_up_to_date)

    @told
    async def answer(request: HttpRequest) -> Response:
        """Answer by the method."""
        if request.method in ("GET", "HEAD"):
            return await read(request)
        person = await _person(request, guesses)
        edit, message = await _edit(request)
        tags = request.headers.get("if-match", "")
        try:
            async with one_at_a_time.inside(client_of(request)):
                return await run_in_threadpool(editor.done, edit, person, message, tags)
        except ChangeRefused as refused:
            return _problems(refused, request)
        except MskGraphError as error:
            raise _refusal(error) from None

    async def read(request: HttpRequest) -> Response:
        """Give the whole graph, or say what can be done here if none is named."""
        parameters = parameters_of(request.url.query)
        if not parameters:
            return await services(request)
        if any(name == "update" for name, _ in parameters):
            raise not_allowed(_METHODS, "An update comes by POST.")
        if not _is_asserted(parameters):
            raise _no_such_graph()
        media = preferred(accept_of(request), GRAPHS)
        if media is None:
            raise not_acceptable()
        opened = await run_in_threadpool(open_knowledge)
        headers = {**VARY, "ETag": f'"{opened.content_hash}.{GRAPHS.index(media)}"', "Cache-Control": "no-cache"}
        known = request.headers.get("if-none-match", "")
        if headers["ETag"] in known or known.strip() == "*":
            return Response(status_code=304, headers=headers)
        whole = Request("CONSTRUCT WHERE { ?s ?p ?o }", query_timeout(), None, media, Dataset((ASSERTED_GRAPH,)))
        response = await Answering(gate, opened.worker, whole, request).response()
        response.headers.update(headers)
        return response

    async def elsewhere(_request: HttpRequest) -> Response:
        """Say that no graph has an address of its own."""
        return _no_such_graph().response()

    return [
        Route("/sparql/update", Address(answer, _METHODS)),
        Route("/sparql/update/{path:path}", Address(elsewhere, _METHODS)),
    ]


# Who asks


async def _person(request: HttpRequest, guesses: Budget) -> Person:
    """Return whom a request's token names.

    :raises Refused: if it has none, or a wrong one, or this address has tried too many of these
    """
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(
            401, "Changing the knowledge needs a token: Authorization: Bearer ...", {"WWW-Authenticate": _REALM}
        )
    try:
        access = await run_in_threadpool(Access.read)
    except AccessInvalid:  # which names files of the machine
        raise Refused(503, "The settings of who may what are not valid; until that is put right nobody may.") from None
    address = client_of(request)
    try:
        guesses.check(address)  # nothing is awaited from here on, so that many at once are counted one by one
    except Busy as busy:
        raise Refused(429, "Too many wrong tokens.", {"Retry-After": str(busy.retry_after)}) from None
    person = access.bearer(token.strip())
    if person is None:
        guesses.spend(address)
        raise Refused(401, "Nobody has that token.", {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'})
    if not person.may("propose"):
        headers = {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope"'}
        raise Refused(403, f"{person.name} may neither propose nor accept changes.", headers)
    return person


# What is asked


async def _edit(request: HttpRequest) -> tuple[Edit, str]:
    """Return what a request wants to change, and why.

    :raises Refused: if it is no request of either protocol
    """
    parameters = parameters_of(request.url.query)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and media not in FORMS:
        return await _update(request, parameters)
    message = _only(parameters, "message")
    if not _is_asserted(parameters):
        if request.method == "DELETE":
            raise _no_such_graph()
        raise Refused(
            403, f"No graph can be written here but <{ASSERTED_GRAPH}>, which is also the one without a name."
        )
    if request.method == "DELETE":
        return Edit("replace", b"", GRAPHS[0], timeout=query_timeout()), message
    media, body = await body_of(request, "A graph", _SIZES)
    return Edit("merge" if request.method == "POST" else "replace", body, media, timeout=query_timeout()), message


async def _update(request: HttpRequest, parameters: list[tuple[str, str]]) -> tuple[Edit, str]:
    media, body = await body_of(request, "A change", {FORM: QUERY_SIZE, _UPDATE: QUERY_SIZE, **_SIZES})
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Refused(400, f"The update cannot be read: {error}.") from None
    parameters = parameters + (parameters_of(text) if media == FORM else [("update", text)])
    names = [name for name, _ in parameters]
    if names.count("update") != 1:
        raise Refused(400, f"There has to be one update; there are {names.count('update')}.")
    if beside := {"query", "default", "graph"}.intersection(names):
        raise Refused(400, f"An update is sent without {' and '.join(sorted(beside))}.")
    update = _only(parameters, "update").encode()
    if len(update) > QUERY_SIZE:
        raise Refused(413, f"An update may have {QUERY_SIZE} bytes.")
    using = dataset_of(parameters, "using-graph-uri", "using-named-graph-uri")
    return Edit("update", update, using=using, timeout=query_timeout()), _only(parameters, "message")


def _only(parameters: list[tuple[str, str]], name: str) -> str:
    """Return the value of a parameter that may stand once; empty if it does not stand at all."""
    values = [value for key, value in parameters if key == name]
    if len(values) > 1:
        raise Refused(400, f"There may be one {name}; there are {len(values)}.")
    return values[0] if values else ""


def _is_asserted(parameters: list[tuple[str, str]]) -> bool:
    """Return whether the graph that is named is the one that can be written.

    :raises Refused: if none is named, or several are
    """
    named = [(name, value) for name, value in parameters if name in ("default", "graph")]
    if len(named) != 1:
        raise Refused(400, "Name one graph: ?default, or ?graph= and its IRI.")
    ((name, value),) = named
    if name == "graph" and not is_iri(value):
        raise Refused(400, "The name of a graph has to be an IRI.")
    return name == "default" or value == ASSERTED_GRAPH


def _no_such_graph() -> Refused:
    return Refused(404, f"There is no such graph here. There is one: ?default, or ?graph=<{ASSERTED_GRAPH}>.")


# What is done


class _Editor:
    """Turns edits into changes, one after the other."""

    def __init__(self, open_to_change: Callable[[], Opened], bring_up_to_date: Callable[[], None]) -> None:
        self._open, self._bring_up_to_date = open_to_change, bring_up_to_date
        self._content = ""
        self._worker: Worker | None = None

    def done(self, edit: Edit, person: Person, message: str, tags: str) -> Response:
        """Do an edit, or propose it, and say what was done.

        :param tags: the states of the knowledge for which it is meant, as ``If-Match`` has them; empty for any
        """
        for _ in range(_TRIES):
            opened = self._open()
            if tags and "*" not in tags and opened.content_hash not in tags:
                raise Refused(412, "The knowledge is not what it was. Read it again.")
            patch = self._patch(opened, edit)
            if not patch:
                return Response(status_code=204, headers=_FRESH)
            try:
                return self._kept(opened, patch, person, message)
            except StaleRevision:
                continue
        raise Refused(409, "The knowledge is being changed by others. Try again.")

    def _patch(self, opened: Opened, edit: Edit) -> Patch:
        """Return what an edit would change: literals that are removed as they were written."""
        asked = replace(edit, accepted=opened.accepted.patch.text())
        found = Patch.parse(self._reading(opened).run(asked).answer.body.decode())
        added = frozenset(curation.lines(curation.graph_of(found.added)))
        there = canonical_lines(curation.stated(opened.files, opened.accepted, found.subjects()))
        removed = frozenset(line for line, known in there.items() if known in found.removed)
        if lost := found.removed - set(there.values()):
            raise PatchInvalid(f"It cannot be removed, as it does not stand by itself in a file: {min(lost)}")
        return curation.fitting(opened, Patch(added, removed))

    def _reading(self, opened: Opened) -> Worker:
        """Return what works edits out: one process for as long as the files are the same."""
        content = ontology.content_hash(opened.files)
        if self._worker is None or self._content != content:
            if self._worker is not None:
                self._worker.close()
            self._content, self._worker = content, Worker(opened.files, edits=True)
        return self._worker

    def _kept(self, opened: Opened, patch: Patch, person: Person, message: str) -> Response:
        """Accept a change, or keep it as a proposal of somebody who may not accept."""
        words = _words(opened, patch)  # before, as nothing may fail once it is accepted
        if not person.may("accept"):
            proposal = curation.propose(Journal(), self._open, patch, person.name, message)
            return JSONResponse({"proposal": proposal.number, "words": words}, 202, _FRESH)
        change = curation.accept(Journal(), self._open, patch, person.name, message, opened.revision)
        said: dict[str, Any] = {"change": change.hash, "number": change.number, "words": words}
        try:
            self._bring_up_to_date()
        except MskGraphError as error:
            said["warning"] = str(error)
        return JSONResponse(said, headers=_FRESH)


def _words(opened: Opened, patch: Patch) -> list[str]:
    """Return what a patch does, in words."""
    shown = Patch(*(frozenset(sorted(lines)[:_WORDS]) for lines in (patch.added, patch.removed)))
    nodes = sorted(filter(is_iri, shown.terms()))
    labels = {row["node"]: row["label"] for row in select(opened.store, query_text("labels", node=nodes))}
    said = curation.in_words(shown, labels | property_labels(opened) | curation.names_given([shown]))
    left = len(patch.added) + len(patch.removed) - len(said)
    return [*said, f"... and {left} more."] if left else said


# What is refused


def _problems(refused: ChangeRefused, request: HttpRequest) -> Response:
    """Return what a change would leave wrong, as text or as JSON."""
    if preferred(accept_of(request), ["text/plain", "application/json"]) != "application/json":
        return PlainTextResponse(f"{refused}\n", 422, VARY)
    names = ("node", "message", "remedy")
    found = [{name: str(getattr(problem, name)) for name in names} for problem in refused.problems]
    return JSONResponse({"problems": found}, 422, VARY)


def _refusal(error: MskGraphError) -> Refused:
    match error:
        case PatchInvalid():
            return Refused(422, str(error))
        case QueryStopped(limit="time"):
            return Refused(408, f"It was stopped after {query_timeout():g} s. Do less at once.")
        case QueryStopped():
            return Refused(413, f"It needed more than {MEMORY // 1_000_000} MB and was stopped. Do less at once.")
        case JournalUnusable(reason=reason):  # its text names folders of the machine
            status = 507 if re.search("full|No space", reason) else 503
            return Refused(status, f"The journal cannot be written: {reason}. Nothing was changed.")
        case JournalDamaged() | ProposalsDamaged():
            return Refused(503, "The journal is damaged. Nothing was changed. See there: mskgraph history")
    return refusal(error)
