"""Who may change the knowledge: the settings file, roles, tokens, and what asks for them."""

from __future__ import annotations

import asyncio
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket
from streamlit.runtime.context import ContextProxy
from streamlit.user_info import UserInfoProxy
from typer.testing import CliRunner

from mskgraph.cli import app
from mskgraph.curation import Journal
from mskgraph.curation.access import NOBODY, Access, Person, at_the_machine, digest
from mskgraph.errors import AccessInvalid, NotAllowed
from mskgraph.store import Patch
from mskgraph.ui import editing, server, sign_in
from mskgraph.ui.editing import Checked
from mskgraph.ui.server import MIDDLEWARE, notes

AUTH = """
[auth]
redirect_uri = "https://msk.example.org/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "mskgraph"
client_secret = "secret"
server_metadata_url = "https://login.example.org/.well-known/openid-configuration"
"""
ROLES = """
[roles]
accept = ["Ada@Example.org"]
propose = ["bob@example.org", "ada@example.org"]

[roles.claim]
name = "groups"
accept = ["editors"]
propose = ["teachers"]
"""
ADA = {"iss": "https://login.example.org", "sub": "1", "name": "Ada", "email": "ada@example.org"}
CHECKED = Checked(Patch(frozenset({"<a:s> <a:p> <a:o> ."})), (), "")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MSKGRAPH_HOME", str(tmp_path))
    return tmp_path


def write(home: Path, text: str) -> Path:
    path = home / "access.toml"
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path


def claims(**more: object) -> dict[str, object]:
    return {**ADA, "email_verified": True, **more}


# The file


def test_without_the_file_nobody_signs_in_and_no_token_counts(home: Path) -> None:
    access = Access.read()
    assert (access.path, access.sign_in, access.origin) == (home / "access.toml", False, "")
    assert access.person(claims()).roles == frozenset()
    assert access.bearer("") is None
    assert list(access.warnings()) == []


def test_the_file_says_who_signs_in_where(home: Path) -> None:
    write(home, AUTH + ROLES)
    access = Access.read()
    assert access.sign_in
    assert access.origin == "https://msk.example.org"
    assert dict(access.auth) == tomllib.loads(AUTH)["auth"]


FAULTS = {
    "no TOML": ("\n[auth\n", "line 2"),
    "unknown section": ("[role]\n", "role is not known here"),
    "unknown key": ("[roles]\nadmin = []", "roles.admin is not known here"),
    "no section": ("auth = 1", "auth has to be a table"),
    "no list": ('[roles]\naccept = "ada@example.org"', "roles.accept has to be a list"),
    "no text in a list": ("[roles]\naccept = [1]", "roles.accept has to be a text"),
    "no address": ('[roles]\naccept = ["Ada"]', "'ada' is no e-mail address"),
    "values of no claim": ('[roles.claim]\naccept = ["editors"]', "roles.claim.name is missing"),
    "no name of a claim": ("[roles.claim]\nname = 1", "roles.claim.name has to be a text"),
    "token that is none": ("[tokens]\na = 1", "tokens.a has to be a table"),
    "tokens that are none": ("tokens = 1", "tokens has to be a table"),
    "token in the clear": ('[tokens]\na = {sha256 = "secret", role = "accept"}', "tokens.a.sha256 is no SHA-256"),
    "token without a role": (f'[tokens]\na = {{sha256 = "{digest("x")}"}}', 'has to be "propose" or "accept"'),
    "token of a role unknown": (f'[tokens]\na = {{sha256 = "{digest("x")}", role = "all"}}', "tokens.a.role has to be"),
    "token's name": (f'[tokens]\n"<b>" = {{sha256 = "{digest("x")}", role = "accept"}}', "has to have a name"),
    "secret too short": (AUTH.replace("0123456789abcdef0123456789abcdef", "short"), "auth.cookie_secret needs 32"),
    "key missing": (AUTH.replace("client_id", "#"), "auth.client_id is missing"),
    "key empty": (AUTH.replace('"mskgraph"', '" "'), "auth.client_id has to be a text"),
    "no https": (AUTH.replace("https://msk", "http://msk"), "auth.redirect_uri has to begin with https://"),
    "provider without https": (AUTH.replace("https://login", "http://login"), "auth.server_metadata_url has to begin"),
    "no address of a program": (AUTH.replace("https://msk.example.org/", "https://["), "auth.redirect_uri has to"),
    "another way back": (AUTH.replace("/oauth2callback", "/"), "auth.redirect_uri has to be the address"),
    "arguments that are none": (f"{AUTH}client_kwargs = 1", "auth.client_kwargs has to be a table"),
}


@pytest.mark.parametrize(("text", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_file_is_named_with_what_is_wrong_and_nobody_may_edit(home: Path, text: str, reason: str) -> None:
    path = write(home, text)
    with pytest.raises(AccessInvalid) as caught:
        Access.read()
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)
    assert "nobody may edit" in str(caught.value)
    assert editing.visitor() == NOBODY
    with pytest.raises(NotAllowed, match="not valid"):
        editing.publish(CHECKED, "me", "")
    assert list(notes("127.0.0.1")) == [str(caught.value)]


def test_a_file_that_cannot_be_read_is_a_faulty_one(home: Path) -> None:
    (home / "access.toml").mkdir()
    with pytest.raises(AccessInvalid, match="cannot be read"):
        Access.read()
    (home / "access.toml").rmdir()
    (home / "access.toml").write_bytes(b"\xff")
    with pytest.raises(AccessInvalid, match="cannot be read"):
        Access.read()


@pytest.mark.skipif(os.name != "posix", reason="has no such rights")
def test_secrets_that_others_can_read_are_told(home: Path) -> None:
    path = write(home, AUTH)
    assert list(Access.read().warnings()) == []
    path.chmod(0o640)
    assert [str(path) in warning and "chmod 600" in warning for warning in notes("127.0.0.1")] == [True, False]


# Roles


@pytest.mark.parametrize(
    ("told", "role"),
    [
        (claims(), "accept"),
        (claims(email="ADA@example.ORG"), "accept"),  # the higher of two
        (claims(email="bob@example.org"), "propose"),
        (claims(email="eve@example.org"), ""),
        (ADA, ""),
        *[(claims(email_verified=said), "") for said in (False, None, "true", 1, "false", [True])],
        (claims(email=["ada@example.org"]), ""),
        (claims(email=None, groups=["readers", "editors"]), "accept"),
        ({**ADA, "groups": "teachers"}, "propose"),
        ({**ADA, "groups": ["Editors", 1, None, ["editors"]]}, ""),
        ({**ADA, "groups": {"editors": True}}, ""),
        ({**ADA, "roles": ["editors"]}, ""),
    ],
)
def test_roles_of_claims(home: Path, told: Mapping[str, object], role: str) -> None:
    write(home, AUTH + ROLES)
    person = Access.read().person(told)
    assert person.may("accept") is (role == "accept")
    assert person.may("propose") is (role in ("accept", "propose"))
    assert person.key == "https://login.example.org 1"


@pytest.mark.parametrize("lacking", [{"iss": None}, {"sub": ""}, {"sub": 1}, {"iss": ["x"]}])
def test_whom_no_provider_names_is_nobody(home: Path, lacking: dict[str, object]) -> None:
    write(home, AUTH + ROLES)
    assert Access.read().person(claims(**lacking)) == NOBODY


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (claims(), "Ada <ada@example.org>"),
        (ADA, "Ada (1)"),
        (claims(name=None, email=None, preferred_username="ada"), "ada (1)"),
        (claims(name=None, email=None), "(1)"),
        ({**ADA, "name": "Bob <bob@example.org>\n\u202eevil\u2069\x00"}, "Bob bob@example.org evil (1)"),
        ({**ADA, "name": "x" * 5000}, f"{'x' * 100} (1)"),
    ],
)
def test_nobody_can_take_the_name_of_another(told: Mapping[str, object], name: str) -> None:
    assert Access(Path("access.toml")).person(told).name == name


# Tokens


@pytest.mark.parametrize("role", ["propose", "accept"])
def test_a_token_that_is_made_is_let_in_as_told(home: Path, role: str) -> None:
    done = CliRunner().invoke(app, ["token", "importer", "--role", role])
    made = done.stdout.strip()
    assert (done.exit_code, len(made)) == (0, 43)
    assert made not in done.stderr
    assert list(home.iterdir()) == []
    write(home, f"{AUTH}{ROLES}{done.stderr.partition(':' + chr(10))[2]}")
    person = Access.read().bearer(made)
    assert person is not None
    assert (person.name, person.may("propose"), person.may("accept")) == ("token importer", True, role == "accept")
    for wrong in ("", made[:-1], made + " ", digest(made), "\udcff", "ü"):
        assert Access.read().bearer(wrong) is None


def test_tokens_are_made_by_chance_and_their_names_are_plain() -> None:
    made = {CliRunner().invoke(app, ["token", "importer", "--role", "propose"]).stdout for _ in range(5)}
    assert len(made) == 5
    for name in ("a.b", "", "a b", 'x"]', "x" * 51):
        assert CliRunner().invoke(app, ["token", name, "--role", "propose"]).exit_code == 2
    assert CliRunner().invoke(app, ["token", "importer", "--role", "admin"]).exit_code == 2


# Who asks


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Claims of who is signed in."""
    told: dict[str, Any] = {}
    monkeypatch.setattr(UserInfoProxy, "to_dict", lambda _self: dict(told))
    monkeypatch.setattr(sign_in, "_ended", set())
    monkeypatch.setattr(sign_in.time, "time", lambda: 1_000_000.0)
    return told


def listening(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    before = st.get_option
    monkeypatch.setattr(st, "get_option", lambda key: address if key == "server.address" else before(key))


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "is_local", lambda: True)


def test_at_the_machine_one_person_may_do_everything(at_home: None) -> None:
    person = editing.visitor()
    assert person == at_the_machine(editing.login())
    assert person.is_local
    assert (person.key, person.may("accept"), person.may("propose")) == ("local", True, True)
    assert editing.why_not() == ""


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "", None, "127.evil.example"])
def test_where_others_reach_it_nobody_edits(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    listening(monkeypatch, address)
    assert editing.visitor() == NOBODY
    assert editing.why_not() == editing.OFF
    with pytest.raises(NotAllowed, match="Editing is off"):
        editing.publish(CHECKED, "me", "")


def test_who_comes_from_elsewhere_or_through_a_proxy_is_not_at_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    listening(monkeypatch, "127.0.0.1")
    assert editing.visitor().is_local
    for header in ("x-forwarded-for", "Forwarded", "Via", "X-Real-Ip"):
        with monkeypatch.context() as patch:
            patch.setattr(ContextProxy, "headers", httpx.Headers({header: "127.0.0.1"}))
            assert editing.visitor() == NOBODY
    with monkeypatch.context() as patch:
        patch.setattr(ContextProxy, "ip_address", "192.0.2.7")
        assert editing.visitor() == NOBODY


def test_where_people_sign_in_being_at_the_machine_is_not_enough(
    home: Path, at_home: None, visit: dict[str, Any]
) -> None:
    write(home, AUTH + ROLES)
    assert editing.visitor() == NOBODY
    assert editing.why_not() == "To propose changes, sign in."
    visit.update(claims(is_logged_in=True, iat=1_000_000, nonce="n"))
    assert editing.visitor().name == "Ada <ada@example.org>"
    assert editing.why_not("accept") == ""


@pytest.mark.parametrize(
    "told",
    [
        {"is_logged_in": False},
        {"is_logged_in": "True"},
        {"iat": 1_000_000 - sign_in.LASTS},
        {"iat": None},
        {"iat": "1000000"},
    ],
)
def test_signing_in_does_not_count_for_ever(home: Path, visit: dict[str, Any], told: dict[str, object]) -> None:
    write(home, AUTH + ROLES)
    visit.update(claims(is_logged_in=True, iat=1_000_000 - sign_in.LASTS + 1, nonce="n"))
    assert editing.visitor().may("accept")
    visit.update(told)
    assert editing.visitor() == NOBODY


def test_each_write_asks_for_its_role_at_that_moment(home: Path, visit: dict[str, Any]) -> None:
    write(home, AUTH + ROLES)
    visit.update(claims(email="bob@example.org", is_logged_in=True, iat=1_000_000, nonce="n"))
    assert editing.visitor().may("propose")
    writes = [
        lambda: editing.publish(CHECKED, "me", ""),
        lambda: editing.take_back("", "me"),
        lambda: editing.accept_proposal(1),
        lambda: editing.reject_proposal(1, "why"),
    ]
    for attempt in writes:
        with pytest.raises(NotAllowed, match=r"<bob@example.org> may not accept changes. Ask"):
            attempt()
    write(home, AUTH)
    for attempt in (*writes, lambda: editing.propose(CHECKED, "me", "")):
        with pytest.raises(NotAllowed, match="may not"):
            attempt()
    assert not Journal().path.exists()


@pytest.mark.usefixtures("seed")
def test_who_signed_in_is_named_whatever_they_type_and_may_withdraw_what_they_proposed(
    home: Path, visit: dict[str, Any]
) -> None:
    write(home, AUTH + ROLES)
    visit.update(claims(email="bob@example.org", name="Bob", is_logged_in=True, iat=1_000_000, nonce="n"))
    msk, skos = "https://w3id.org/mskgraph/", "http://www.w3.org/2004/02/skos/core#"
    patches = [Patch(frozenset({f'<{msk}cysticercosis> <{skos}altLabel> "name {number}"@en .'})) for number in range(3)]
    proposed = [editing.propose(Checked(patch, (), ""), "Somebody Else", "why") for patch in patches]
    assert {proposal.author for proposal in proposed} == {"Bob <bob@example.org>"}
    assert editing.reject_proposal(proposed[0].number, "mine", "Somebody Else").decided_by == "Bob <bob@example.org>"
    visit.update(claims())
    change = editing.accept_proposal(proposed[1].number, author="Somebody Else").change
    assert (change.author, change.accepted_by) == ("Bob <bob@example.org>", "Ada <ada@example.org>")
    assert editing.reject_proposal(proposed[2].number, "no").decided_by == "Ada <ada@example.org>"
    assert editing.take_back(change.hash, "Somebody Else").change.author == "Ada <ada@example.org>"


@pytest.mark.usefixtures("seed")
def test_at_the_machine_the_name_is_what_is_typed(at_home: None) -> None:
    line = (
        '<https://w3id.org/mskgraph/cysticercosis> <http://www.w3.org/2004/02/skos/core#altLabel> "another name"@en .'
    )
    assert editing.publish(Checked(Patch(frozenset({line})), (), ""), "Ada", "why").change.author == "Ada"


# The server


def ask(method: str, path: str, headers: dict[str, str], allowed: list[str] | None = None) -> httpx.Response:
    """What the middleware lets through, to a route that sets a cookie."""

    def answer(_request: Request) -> Response:
        done = PlainTextResponse("done")
        done.set_cookie("a", "b", httponly=True)
        done.set_cookie("c", "d", secure=True)
        return done

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    routes = [Route("/{path:path}", answer, methods=methods)]
    served = Starlette(routes=routes, middleware=MIDDLEWARE)

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://localhost") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/x", {}, 200),  # no browser
        ("POST", "/x", {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, 200),
        ("POST", "/x", {"Origin": "http://localhost:8501"}, 403),
        ("PUT", "/x", {"Origin": "http://evil.example"}, 403),
        ("DELETE", "/x", {"Origin": "null"}, 403),
        ("PATCH", "/x", {"Sec-Fetch-Site": "same-site"}, 403),
        ("POST", "/x", {"Origin": "http://localhost.evil.example"}, 403),
        ("POST", "/x", {"Origin": "http://localhost@evil.example"}, 403),
        ("POST", "/x", {"Origin": "http://["}, 403),
        ("POST", "/sparql", {"Origin": "http://evil.example"}, 200),
        ("POST", "/sparql/update", {"Origin": "http://evil.example"}, 403),
        ("GET", "/x", {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}, 200),
        ("GET", "/oauth2callback", {"Sec-Fetch-Site": "cross-site"}, 200),
        ("GET", "/auth/logout", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", "/auth/logout", {"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_pages_of_other_sites_can_have_nothing_done(
    method: str, path: str, headers: dict[str, str], status: int
) -> None:
    assert ask(method, path, headers).status_code == status


@pytest.mark.parametrize(
    ("origin", "opened"),
    [
        (None, True),  # no browser
        ("http://localhost", True),
        ("http://localhost:3000", False),
        ("http://127.0.0.1", False),
        ("http://evil.example", False),
        ("null", False),
    ],
)
def test_only_pages_of_this_server_open_a_session(origin: str | None, opened: bool) -> None:
    """A page of another program on this machine would be taken for the person who sits at it."""

    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    served = Starlette(routes=[WebSocketRoute("/_stcore/stream", stream)], middleware=MIDDLEWARE)
    headers = [(b"host", b"localhost"), *([(b"origin", origin.encode())] if origin else [])]
    scope = {
        "type": "websocket",
        "path": "/_stcore/stream",
        "headers": headers,
        "query_string": b"",
        "subprotocols": [],
    }
    told: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        told.append(message["type"])

    asyncio.run(served(scope, receive, send))
    assert told == (["websocket.accept", "websocket.close"] if opened else ["websocket.close"])


@pytest.mark.parametrize(
    ("text", "cookies"),
    [
        ("", [False, True]),
        (AUTH, [True, True]),
        (AUTH.replace("https://msk.example.org", "http://localhost:8501"), [False, True]),
        ("[faulty", [False, True]),
    ],
)
def test_where_people_sign_in_over_https_cookies_go_over_nothing_else(
    home: Path, text: str, cookies: list[bool]
) -> None:
    write(home, text)
    given = ask("GET", "/x", {}).headers.get_list("set-cookie")
    assert [value.count("; Secure") == 1 for value in given] == cookies


def test_what_is_told_at_the_start(home: Path) -> None:
    assert list(notes("127.0.0.1")) == []
    (note,) = notes("0.0.0.0")
    assert "Editing is off" in note
    assert "docs/access.md" in note
    write(home, AUTH)
    for address in ("127.0.0.1", "0.0.0.0"):
        (note,) = notes(address)
        assert "sign in at https://msk.example.org" in note


def test_a_person_has_the_roles_given() -> None:
    assert Person("a", "b", frozenset({"propose"})).may("propose")
    assert not Person("a", "b", frozenset({"propose"})).may("accept")
    assert not Person("a", "b", frozenset({"propose"})).is_local
    assert server.is_loopback("127.0.0.1")
