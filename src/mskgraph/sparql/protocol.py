"""``/sparql``: the SPARQL 1.1 Protocol for queries, and what programs ask first: service description and VoID."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mskgraph.errors import QueryStopped
from mskgraph.sparql import description, update
from mskgraph.sparql.answering import (
    FORM,
    GRAPHS,
    PLAIN,
    TABLES,
    VARY,
    Address,
    Answer,
    Answering,
    Refused,
    accept_of,
    body_of,
    dataset_of,
    not_acceptable,
    parameters_of,
    query_timeout,
    told,
)
from mskgraph.sparql.gate import Gate
from mskgraph.sparql.guard import QUERY_SIZE
from mskgraph.sparql.messages import Request
from mskgraph.sparql.negotiation import preferred

_QUERY: Final = "application/sparql-query"


def routes(
    open_knowledge: Callable[[], update.Opened],
    open_to_change: Callable[[], update.Opened],
    bring_up_to_date: Callable[[], None],
) -> list[BaseRoute]:
    """Return the addresses that answer programs.

    :param open_knowledge: gives what is asked; cheap if nothing has changed
    :param open_to_change: gives what is changed, which an engine elsewhere may lag behind
    :param bring_up_to_date: lets an engine elsewhere hold what was accepted
    """
    gate = Gate()
    allowed = [origin.strip() for origin in os.environ.get("MSKGRAPH_CORS", "").split(",") if origin.strip()]

    def shared(answer: Answer) -> Answer:
        """Make answers of errors, and let pages of others read what is answered where that is allowed."""

        async def answered(request: HttpRequest) -> Response:
            response = await told(answer)(request)
            if allowed:
                response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            return response

        return answered

    @shared
    async def sparql(request: HttpRequest) -> Response:
        """Answer a query, or describe the service if there is none."""
        asked = await _asked(request)
        if asked is not None:
            opened = await run_in_threadpool(open_knowledge)
            return await Answering(gate, opened.worker, asked, request).response()
        if preferred(accept_of(request), [*GRAPHS, "text/html"]) == "text/html":
            return RedirectResponse("/query", 303, VARY)
        return await services(request)

    async def services(request: HttpRequest) -> Response:
        """Describe what can be asked and changed here."""
        address = base(request)

        def written(opened: update.Opened, form: str) -> bytes:
            return description.services(opened.store.graphs(), address, form)

        return await described(preferred(accept_of(request), GRAPHS), written)

    @shared
    async def void(request: HttpRequest) -> Response:
        """Describe the dataset."""
        address = base(request)

        def written(opened: update.Opened, form: str) -> bytes:
            counts: dict[str, str] = {}
            with suppress(QueryStopped):  # too many to count: then it is described without
                counts = description.sizes(opened.worker)
            return description.dataset(counts, opened.store.graphs(), address, form)

        return await described(preferred(accept_of(request), GRAPHS), written)

    async def described(media: str | None, write: Callable[[update.Opened, str], bytes]) -> Response:
        if media is None:
            raise Refused(406, f"Available are {', '.join(GRAPHS)}.", VARY)
        opened = await run_in_threadpool(open_knowledge)
        return Response(await run_in_threadpool(write, opened, media), media_type=media, headers=VARY)

    cors = [Middleware(CORSMiddleware, allow_origins=allowed, allow_methods=["GET", "POST"], allow_headers=["*"])]
    return [
        Route("/sparql", Address(sparql, ("GET", "HEAD", "POST")), middleware=cors if allowed else []),
        *update.routes(gate, services, open_knowledge, open_to_change, bring_up_to_date),
        Route("/void", void, methods=["GET"]),
        Route("/.well-known/void", void, methods=["GET"]),
    ]


def base(request: HttpRequest) -> str:
    """Return the address of this server as the client knows it, without a slash at its end.

    :raises Refused: if what it is called cannot be part of an address
    """
    if not re.fullmatch(r"[\w.:\[\]-]+", request.url.netloc, re.ASCII):
        raise Refused(400, "The name of this server cannot be read.")
    return str(request.base_url).rstrip("/")


# What is asked


async def _asked(request: HttpRequest) -> Request | None:
    """Return the query of a request; ``None`` for a GET without one.

    :raises Refused: if it is no request of the protocol
    """
    parameters = parameters_of(request.url.query)
    if request.method == "POST":
        media, body = await body_of(request, "A query", {FORM: QUERY_SIZE, _QUERY: QUERY_SIZE})
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise Refused(400, f"The query cannot be read: {error}.") from None
        parameters += parameters_of(text) if media == FORM else [("query", text)]
    queries = [value for name, value in parameters if name == "query"]
    if any(name == "update" for name, _ in parameters):
        raise Refused(400, "Updates are not taken here, but at /sparql/update.")
    if not parameters and request.method in ("GET", "HEAD"):
        return None
    if len(queries) != 1:
        raise Refused(400, f"There has to be one query; there are {len(queries)}.")
    if len(queries[0].encode()) > QUERY_SIZE:
        raise Refused(413, f"A query may have {QUERY_SIZE} bytes.")
    accept = accept_of(request)
    table, graph = preferred(accept, TABLES) or preferred(accept, PLAIN), preferred(accept, GRAPHS)
    if table is None and graph is None:
        raise not_acceptable()
    dataset = dataset_of(parameters, "default-graph-uri", "named-graph-uri")
    return Request(queries[0], query_timeout(), table, graph, dataset)
