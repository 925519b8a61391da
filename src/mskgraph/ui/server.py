"""The shell around the browser program: what it serves beside Streamlit, under which headers, how it starts.

Everything comes from this one server: the browser is told to load nothing from anywhere else.
"""

from __future__ import annotations

import base64
import errno
import gc
import hashlib
import importlib.util
import os
import re
import socket
import sys
import tomllib
import webbrowser
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from mskgraph import KnowledgeGraph, __version__, bring_up_to_date, open_to_change
from mskgraph.curation.access import Access, is_loopback, settings_file
from mskgraph.errors import AccessInvalid, MskGraphError, PortInUse
from mskgraph.sparql.protocol import routes
from mskgraph.ui import completion, resource

MAIN: Final = Path(__file__).with_name("main.py")
SETTINGS: Final = Path(__file__).parent / ".streamlit" / "config.toml"
VIS_NETWORK: Final = "/assets/vis-network.min.js"

_PASSED_ON = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


# Assets


def _package_folder(name: str) -> Path:
    # Without importing it: pyvis alone brings half of Jupyter along.
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed", name=name)
    return Path(spec.origin).parent


@cache
def _vis_network() -> tuple[bytes, str]:
    # The wheel holds two versions; its own pages use the newer one.
    files = _package_folder("pyvis").glob("lib/vis-*/vis-network.min.js")
    path = max(files, key=lambda file: [int(part) for part in re.findall(r"\d+", file.parent.name)])
    content = path.read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


async def vis_network(request: Request) -> Response:
    """The vis-network file of the installed pyvis, for ``graph_view.js``.

    :param request: GET or HEAD
    :returns: the script, or 304 if the browser has this very one
    """
    content, tag = _vis_network()
    headers = {"ETag": tag, "Cache-Control": "no-cache"}  # kept by the browser, but asked about each time
    known = {value.strip().removeprefix("W/") for value in request.headers.get("if-none-match", "").split(",")}
    if tag in known:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="text/javascript", headers=headers)


async def healthz(_request: Request) -> Response:
    """Whether the program can answer: for what watches over it.

    :returns: 200 with the hash of the ontology, or 503 with the reason
    """
    try:
        kg = await run_in_threadpool(_answering)
    except MskGraphError as error:
        return JSONResponse({"status": "error", "reason": str(error)}, 503)
    kind = kg.url.partition(":")[0] or "memory"
    return JSONResponse({"status": "ok", "version": __version__, "ontology": kg.content_hash, "store": kind})


def _answering() -> KnowledgeGraph:
    """Return the knowledge once its store has answered: an engine elsewhere may be gone.

    :raises MskGraphError: why it cannot
    """
    kg = KnowledgeGraph.open()
    kg.store.answer("ASK {}")
    return kg


ROUTES: Final[list[BaseRoute]] = [
    Route(VIS_NETWORK, vis_network, methods=["GET"]),
    Route("/healthz", healthz, methods=["GET"]),
    resource.ROUTE,
    completion.ROUTE,
    *routes(KnowledgeGraph.open, open_to_change, bring_up_to_date),
]
"""What this server answers beside Streamlit's own addresses."""


# Headers


def script_hashes(html: str) -> list[str]:
    """CSP sources of the inline scripts of a page.

    :param html: the page
    :returns: one ``'sha256-...'`` per script without ``src``
    """
    scripts = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", html, flags=re.DOTALL)
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


def content_security_policy() -> str:
    """The policy for every answer: nothing but this server, and of inline scripts only Streamlit's own one.

    Its hash is computed from the installed Streamlit, since it changes with the version.

    :returns: value of the header
    """
    index = (_package_folder("streamlit") / "static" / "index.html").read_text(encoding="utf-8")
    rules = {
        "default-src": ["'self'"],
        "script-src": ["'self'", *script_hashes(index)],
        "style-src": ["'self'", "'unsafe-inline'"],  # Streamlit styles every widget inline
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
    return "; ".join(" ".join([name, *values]) for name, values in rules.items())


class SecurityHeaders:
    """ASGI middleware that puts the security headers on every HTTP answer.

    A route that sets one of them itself keeps its own. Where people sign in over https, cookies go over nothing else:
    Streamlit does not see to that.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        headers = {
            "Content-Security-Policy": content_security_policy(),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, adding headers to the answer.

        :param scope: of the connection
        :param receive: from the server
        :param send: to the server
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                names = {name.lower() for name, _ in given}
                added = [header for header in self.headers if header[0] not in names]
                if b"set-cookie" in names and _is_over_https():
                    given = [_secure(header) for header in given]
                message = {**message, "headers": [*given, *added]}
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _is_over_https() -> bool:
    try:
        return Access.read().origin.startswith("https:")
    except AccessInvalid:
        return False


def _secure(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = header
    is_open = name.lower() == b"set-cookie" and b"secure" not in value.lower().split(b"; ")
    return (name, value + b"; Secure") if is_open else header


class OnlyThisServer:
    """ASGI middleware that answers only what is meant for this server, and cannot be taken for two requests.

    A page of a stranger may have its own name lead here (DNS rebinding) and read what only this machine should see:
    the names that Streamlit allows its pages hold for every address. And it may make the reader's browser ask here for
    something that has effects; Streamlit would let pages of this machine's other programs do so.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, or refuse it.

        :param scope: of the connection
        :param receive: from the server
        :param send: to the server
        """
        if scope["type"] in {"http", "websocket"} and (refusal := _refusal(scope)):
            # Before its handshake is accepted, a WebSocket that is closed is refused, too.
            await (WebSocketClose() if scope["type"] == "websocket" else refusal)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _refusal(scope: Scope) -> Response | None:
    headers = Headers(scope=scope)
    if "content-length" in headers and "transfer-encoding" in headers:  # RFC 9112, section 6.1
        return _refused(400, "A request has either a length or an encoding of its parts.")
    allowed = st.get_option("server.allowedHosts")
    if "*" not in allowed and [_name_of(host) in allowed for host in headers.getlist("host")] != [True]:
        return _refused(400, "This server is not known by that name.")
    if _has_effects(scope) and _is_foreign(headers):
        return _refused(403, "Only pages of this server may ask for that.")
    return None


def _refused(status: int, reason: str) -> Response:
    return PlainTextResponse(f"{reason}\n", status, {"Connection": "close"})


def _has_effects(scope: Scope) -> bool:
    """Return whether a request may do more than read."""
    if scope["type"] == "websocket" or scope["path"] == "/auth/logout":
        return True
    # Queries change nothing, and which pages may read their answers is settled there.
    return scope["method"] not in {"GET", "HEAD", "OPTIONS"} and scope["path"] != "/sparql"


def _is_foreign(headers: Headers) -> bool:
    """Return whether a page of another site has the reader's browser ask; programs that are no browsers do not say."""
    origin, host = headers.get("origin"), headers.get("host", "").lower()
    if origin is not None and origin.lower() not in {f"http://{host}", f"https://{host}"}:
        return True
    return headers.get("sec-fetch-site") in {"cross-site", "same-site"}


def _name_of(host: str) -> str:
    """Return the name in a ``Host`` header, without its port; empty if it is none."""
    found = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::\d{1,5})?", host.lower(), re.ASCII)
    return (found[1] or found[2]) if found else ""


MIDDLEWARE: Final[list[Middleware]] = [Middleware(SecurityHeaders), Middleware(OnlyThisServer)]
"""What every request passes, before Streamlit's own middleware."""


# Start


def settings() -> dict[str, Any]:
    """The settings of the browser program, read from its ``config.toml``.

    :returns: values by Streamlit's dotted names
    """

    def flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in table.items():
            found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
        return found

    return flat(tomllib.loads(SETTINGS.read_text(encoding="utf-8")))


def _check_port(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        if sys.platform != "win32":  # there it would let two programs listen on one port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(port) from error
            place, why = f"Port {port} of {address}", error.strerror
            raise MskGraphError(f"{place} cannot be had: {why}. Choose others with --port and --address.") from None


def is_local() -> bool:
    """Return whether who opens a page sits at this very machine, and nobody else could.

    The address that the server listens on and the one that the reader comes from have to be loopback addresses, and
    nobody may have passed the request on: behind a proxy on this machine all the world comes from here.
    """
    listens = st.get_option("server.address") or ""  # none is all there are
    comes_from = st.context.ip_address or "localhost"
    passed_on = any(name in st.context.headers for name in _PASSED_ON)
    return is_loopback(listens) and is_loopback(comes_from) and not passed_on


def notes(address: str) -> Iterator[str]:
    """Yield what whoever starts the program should know about who may edit.

    :param address: that it is going to listen on
    """
    try:
        access = Access.read()
    except AccessInvalid as error:
        yield str(error)
        return
    yield from access.warnings()
    if access.sign_in:
        yield f"Reading is open to all; to edit, people sign in at {access.origin}"
    elif not is_loopback(address):
        yield (
            f"Reading is open to all who reach {address}. Editing is off, as signing in is not set up: "
            f"docs/access.md says how, and {access.path} is where."
        )


def serve(
    port: int,
    address: str = "127.0.0.1",
    *,
    main: Path = MAIN,
    open_browser: bool = False,
    on_ready: Callable[[str], None] = print,
) -> None:
    """Run the browser program until it is stopped.

    :param port: TCP port; 0 takes a free one
    :param address: address to listen on; other machines reach it only if this is not a loopback address
    :param main: script to run in place of the program's own
    :param open_browser: whether to show the page in the reader's browser, where there is a display
    :param on_ready: called with the URL as soon as connections are accepted
    :raises PortInUse: if another program listens on the port
    """
    _check_port(address, port)

    @asynccontextmanager
    async def announce(_app: st.App) -> AsyncIterator[None]:
        # The socket listens before this runs: a browser opened here waits a moment and is served.
        url = f"http://{_host(address)}:{st.get_option('server.port')}"
        on_ready(url)
        if open_browser and _has_display():
            webbrowser.open(url)
        yield

    app = st.App(main.resolve(), routes=ROUTES, middleware=MIDDLEWARE, lifespan=announce)
    chosen = {
        **settings(),
        "server.port": port,
        "server.address": address,
        "logger.hideWelcomeMessage": True,  # on_ready says it in one line
        "secrets.files": [str(settings_file())],  # from which Streamlit reads how people sign in
    }
    if not is_loopback(address):
        chosen["server.allowedHosts"] = ["*"]  # the names by which others know this machine are theirs
    # What is loaded stays, hundreds of thousands of objects: looking through them for garbage would halt pages.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    with suppress(KeyboardInterrupt):  # the ordinary way of stopping it
        app.run(config=chosen)


def _has_display() -> bool:
    # Without one, webbrowser would fall back on a text browser in this very terminal.
    if sys.platform in {"win32", "darwin"}:
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _host(address: str) -> str:
    if address in {"0.0.0.0", "::"}:
        return "localhost"
    return f"[{address}]" if ":" in address else address
