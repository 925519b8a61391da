"""The server shell: headers, assets, settings, and how it starts and refuses to start."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import pyvis
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from streamlit import config

from mskgraph.errors import PortInUse
from mskgraph.ui.server import (
    MIDDLEWARE,
    ROUTES,
    SETTINGS,
    VIS_NETWORK,
    content_security_policy,
    script_hashes,
    serve,
    settings,
)
from tests.app_process import app_environment, free_port, is_healthy, wait_until_healthy
from tests.browser_log import BrowserLog
from tests.conftest import NewPage

ROOT = Path(__file__).resolve().parent.parent
SERVE = """
import sys
from pathlib import Path

from mskgraph.ui.server import serve

serve(int(sys.argv[1]), main=Path(sys.argv[2]))
"""
SHOW_OPTIONS = """
import streamlit as st

st.set_page_config(page_icon="🦴")
for name in ("browser.gatherUsageStats", "client.toolbarMode", "server.address", "server.fileWatcherType"):
    st.text(f"{name} = {st.get_option(name)}")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shell")


@pytest.fixture(scope="module")
def shell(folder: Path) -> Iterator[str]:
    """A small page behind the real ``serve``."""
    main = folder / "main.py"
    main.write_text(SHOW_OPTIONS, encoding="utf-8")
    port = free_port()
    yield from run([sys.executable, "-u", "-c", SERVE, str(port), str(main)], folder, port)


def run(command: list[str], folder: Path, port: int) -> Iterator[str]:
    url, log = f"http://127.0.0.1:{port}", folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=app_environment(folder), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until_healthy(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def ask(app: Starlette, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(answer())


def test_every_answer_carries_the_headers(shell: str) -> None:
    for path in ("/", VIS_NETWORK, "/_stcore/health", "/no/such/page"):
        answer = httpx.get(shell + path)
        assert answer.status_code == 200
        headers = answer.headers
        assert headers["content-security-policy"] == content_security_policy()
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]


def test_the_policy_allows_the_one_inline_script_of_the_page(shell: str) -> None:
    page = httpx.get(shell).text
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = content_security_policy()
    (sources,) = re.findall(r"script-src ([^;]*)", policy)
    assert sources == f"'self' 'sha256-{digest}'"
    assert "unsafe-eval" not in policy
    assert "http" not in policy


def test_only_inline_scripts_are_hashed() -> None:
    page = '<script src="a.js"></script><script type="module">one</script><script>\ntwo</script>'
    assert script_hashes(page) == [
        f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in (b"one", b"\ntwo")
    ]


def test_a_route_may_set_a_header_of_its_own() -> None:
    def answer(_request: Request) -> Response:
        return Response("x", headers={"Referrer-Policy": "origin"})

    app = Starlette(routes=[Route("/", answer)], middleware=MIDDLEWARE)
    assert ask(app, "/", {"Host": "localhost"}).headers.get_list("referrer-policy") == ["origin"]


def test_vis_network_comes_from_the_pyvis_wheel_and_is_cached() -> None:
    app = Starlette(routes=ROUTES)
    answer = ask(app, VIS_NETWORK)
    wheel = Path(pyvis.__file__).parent / "lib" / "vis-9.1.2" / "vis-network.min.js"
    assert answer.content == wheel.read_bytes()
    assert answer.headers["content-type"].startswith("text/javascript")
    tag = answer.headers["etag"]
    again = ask(app, VIS_NETWORK, {"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert ask(app, VIS_NETWORK, {"If-None-Match": '"other"'}).status_code == 200


def test_a_port_in_use_is_named_before_anything_starts() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"{port}.*--port") as caught:
            serve(port)
    assert caught.value.port == port


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT for other processes")
def test_an_interrupt_ends_it_quietly(tmp_path: Path) -> None:
    main = tmp_path / "main.py"
    main.write_text(SHOW_OPTIONS, encoding="utf-8")
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", SERVE, str(port), str(main)],
        env=app_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert url == f"http://127.0.0.1:{port}"
    while not is_healthy(url):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert (process.returncode, output) == (0, "")


def test_serve_says_where_it_is_in_one_line(shell: str, folder: Path) -> None:
    assert (folder / "log").read_text(encoding="utf-8").splitlines() == [shell]


def test_serve_uses_the_settings_of_the_package(shell: str, page_factory: NewPage, browser_log: BrowserLog) -> None:
    page = page_factory()
    page.goto(shell)
    expect_package_settings(page)
    assert browser_log.console_errors == []


def expect_package_settings(page: Page) -> None:
    for text in (
        "browser.gatherUsageStats = False",
        "client.toolbarMode = minimal",
        "server.address = 127.0.0.1",
        "server.fileWatcherType = none",
    ):
        expect(page.get_by_text(text)).to_be_visible()


def test_streamlit_run_finds_the_app_and_the_same_settings(tmp_path: Path, page_factory: NewPage) -> None:
    # The repository's own app.py and link, around a small page.
    assert (ROOT / ".streamlit" / "config.toml").samefile(SETTINGS)
    shutil.copy(ROOT / "app.py", tmp_path)
    shutil.copytree(ROOT / ".streamlit", tmp_path / ".streamlit")
    main = tmp_path / "src" / "mskgraph" / "ui" / "main.py"
    main.parent.mkdir(parents=True)
    main.write_text(SHOW_OPTIONS, encoding="utf-8")
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    for url in run(command, tmp_path, port):
        assert "content-security-policy" in httpx.get(url + VIS_NETWORK).headers
        page = page_factory()
        page.goto(url)
        expect_package_settings(page)


def test_foreign_host_names_reach_no_session(shell: str) -> None:
    port = int(shell.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(
            b"GET /_stcore/stream HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        status = connection.recv(64).split(b" ")[1]
    assert status == b"403"


def test_settings_are_options_that_streamlit_knows() -> None:
    assert settings()["browser.gatherUsageStats"] is False
    assert set(settings()) <= set(config._config_options_template)
