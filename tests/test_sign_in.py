"""Signing in at a real provider of OpenID Connect, on an address that others reach; and what nobody can forge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from websockets.exceptions import InvalidStatus

from mskgraph.curation import Change, Journal
from mskgraph.ui.server import ROUTES
from tests.app_process import RunningApp
from tests.conftest import NewPage, StartApp
from tests.engines import EngineMissing, oidc_provider
from tests.processes import soon
from tests.stream_client import XSRF, stream
from tests.test_browser import PHONE, axe_faults, main_of, settled, whole

pytestmark = pytest.mark.usefixtures("seed")

PEOPLE = {
    "ada": {"name": "Ada :red[L]", "email": "ada@example.org", "email_verified": True},
    "bob": {"name": "Ada :red[L] <ada@example.org>", "email": "ada@example.org", "email_verified": False},
    "eve": {"name": "Eve", "groups": ["readers", "teachers"]},
}
ROLES = """
[roles]
accept = ["Ada@example.org"]

[roles.claim]
name = "groups"
propose = ["teachers"]
"""
TURTLE = """@prefix msk: <https://w3id.org/mskgraph/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
msk:cysticercosis skos:altLabel "{}"@en ."""
USER = "_streamlit_user"

Cookies = Mapping[str, str]
SetRoles = Callable[[str], None]


@pytest.fixture(scope="module")
def public(start_app: StartApp, seed: Path) -> RunningApp:
    """A program that others reach."""
    return start_app(ontology=seed, address="0.0.0.0")


@pytest.fixture(scope="module")
def auth(public: RunningApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The section of the settings, for a provider that runs."""
    try:
        folder = tmp_path_factory.mktemp("oidc")
        with oidc_provider(folder, f"{public.url}/oauth2callback", PEOPLE) as settings:
            scope = 'client_kwargs = {scope = "openid email profile groups"}'
            yield f'[auth]\n{settings}\n{scope}\ncookie_secret = "{"only for the tests, " * 2}"\n'
    except EngineMissing as error:
        pytest.fail(str(error))


@pytest.fixture
def roles(public: RunningApp, auth: str) -> SetRoles:
    """Write what follows after ``[auth]`` into the settings of the program, :data:`ROLES` at first."""

    def write(text: str) -> None:
        put(public, f"{auth}{text}")

    write(ROLES)
    return write


def put(app: RunningApp, text: str) -> None:
    """Put the settings in place at once, as half of them are other settings."""
    draft = app.home / "access.toml.new"
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(app.home / "access.toml")


@pytest.fixture(scope="module")
def known(public: RunningApp) -> dict[str, Cookies]:
    """Cookies of those who have signed in in a test of this module."""
    return {}


@pytest.fixture
def signed_in(public: RunningApp, roles: SetRoles, known: dict[str, Cookies]) -> Callable[[str], Cookies]:
    """Sign somebody in without a browser, and return the cookies that they have then."""

    def cookies_of(name: str) -> Cookies:
        if name not in known:
            known[name] = sign_in(public, name)
        return known[name]

    return cookies_of


def sign_in(app: RunningApp, name: str) -> Cookies:
    with stream(app) as session:
        session.run()
        session.run(**{session.widget("button", "Sign in"): True})
    with httpx.Client(follow_redirects=True) as client:
        client.get(f"{app.url}/_stcore/health")  # sets the token against forged requests
        asked = client.get(app.url + session.redirect)
        assert name in asked.text
        assert str(client.get(f"{asked.url}?account={name}").url).rstrip("/") == app.url
        return {cookie.name: cookie.value or "" for cookie in client.cookies.jar if "streamlit" in cookie.name}


def changes(app: RunningApp) -> list[Change]:
    return Journal(app.home / "journal.sqlite").changes()


def waiting(app: RunningApp) -> int:
    return len(Journal(app.home / "journal.sqlite").proposals())


def write(page: Page, name: str) -> None:
    page.get_by_role("textbox", name="Turtle", exact=True).fill(TURTLE.format(name))
    page.keyboard.press("Tab")
    settled(page)


def click(page: Page, name: str) -> None:
    main_of(page).get_by_role("button", name=name, exact=True).click()
    settled(page)


# In a browser


def test_a_teacher_signs_in_publishes_loses_the_role_and_signs_out(
    page_factory: NewPage, public: RunningApp, roles: SetRoles
) -> None:
    page, before = page_factory(), changes(public)
    page.goto(f"{public.url}/contribute?do=turtle")
    whole(page)
    expect(page.get_by_text("To propose changes, sign in.")).to_be_visible()
    expect(main_of(page).get_by_role("textbox")).to_have_count(0)

    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="ada").click()
    expect(page.get_by_text("Signed in as Ada :red[L] <ada@example.org> (may accept)")).to_be_visible()
    for cookie in page.context.cookies():
        if cookie["name"].startswith(USER):
            assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")

    page.goto(f"{public.url}/contribute?do=turtle")
    whole(page)
    write(page, "a name by Ada")
    click(page, "Publish")
    expect(page.get_by_text("Published as change")).to_be_visible()
    assert [change.author for change in changes(public)[len(before) :]] == ["Ada :red[L] <ada@example.org>"]
    other_tab = page.context.new_page()
    other_tab.goto(f"{public.url}/contribute?do=turtle")
    whole(other_tab)

    write(page, "a name too many")
    click(page, "Check")
    expect(page.get_by_text("Nothing is wrong with it.")).to_be_visible()
    settled(page)
    roles("")  # Ada has no role any more
    click(page, "Publish")
    expect(page.get_by_text("Ada :red[L] <ada@example.org> may not propose changes.")).to_be_visible()
    expect(main_of(page).get_by_role("textbox")).to_have_count(0)
    assert len(changes(public)) == len(before) + 1

    roles(ROLES)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="End the session").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert not [cookie for cookie in page.context.cookies() if cookie["name"].startswith(USER)]
    write(other_tab, "from another tab")
    expect(other_tab.get_by_text("To propose changes, sign in.")).to_be_visible()
    assert len(changes(public)) == len(before) + 1


def test_axe_finds_no_fault_in_who_is_signed_in_on_a_phone(
    page_factory: NewPage, public: RunningApp, signed_in: Callable[[str], Cookies]
) -> None:
    page = page_factory(viewport=PHONE, color_scheme="light")
    cookies = [{"name": name, "value": value, "url": public.url} for name, value in signed_in("ada").items()]
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.goto(f"{public.url}/model")
    whole(page)
    expect(page.get_by_text("Signed in as Ada")).to_be_visible()
    faults = axe_faults(page, "light")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(500)  # colours change in a transition
    assert faults + axe_faults(page, "dark") == []
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= PHONE[0]


def test_a_page_of_another_program_on_this_machine_opens_no_session(
    page_factory: NewPage, public: RunningApp, auth: str, signed_in: Callable[[str], Cookies]
) -> None:
    page = page_factory()
    cookies = [{"name": name, "value": value, "url": public.url} for name, value in signed_in("ada").items()]
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    (metadata,) = [line.split('"')[1] for line in auth.splitlines() if line.startswith("server_metadata_url")]
    page.goto(metadata)  # to the same host, so the browser sends the cookies along
    script = """url => new Promise(done => {
        const socket = new WebSocket(url, ["streamlit"]);
        socket.onopen = () => done("open");
        socket.onerror = () => done("refused");
    })"""
    assert page.evaluate(script, f"{public.url.replace('http', 'ws', 1)}/_stcore/stream") == "refused"
    page.goto(public.url)  # where it is opened
    assert page.evaluate(script, f"{public.url.replace('http', 'ws', 1)}/_stcore/stream") == "open"


# Roles


def test_roles_come_from_verified_addresses_and_claims(public: RunningApp, signed_in: Callable[[str], Cookies]) -> None:
    seen = {}
    for name in PEOPLE:
        with stream(public, public.url, signed_in(name)) as session:
            text = session.run("do=turtle")
            seen[name] = (session.labels() & {"Publish", "Propose"}, text)
    assert {name: buttons for name, (buttons, _) in seen.items()} == {
        "ada": {"Publish", "Propose"},
        "bob": set(),
        "eve": {"Propose"},
    }
    (said,) = [line.replace("\\", "") for line in seen["bob"][1].splitlines() if line.startswith("Signed in")]
    assert said.endswith("(bob) (may read)")  # told apart from the one whose name and address these are
    assert "<" not in said


def test_who_may_propose_cannot_publish_with_a_forged_click(
    public: RunningApp, signed_in: Callable[[str], Cookies]
) -> None:
    before, proposed = changes(public), waiting(public)
    publish = ids(public, signed_in("ada"))["Publish"]
    with stream(public, public.url, signed_in("eve")) as session:
        session.run("do=turtle")
        area = session.widget("text_area", "Turtle")
        session.run("do=turtle", **{area: TURTLE.format("by Eve"), publish: True})
        session.run("do=turtle", **{area: TURTLE.format("by Eve"), session.widget("button", "Propose"): True})
    assert changes(public) == before
    assert waiting(public) == proposed + 1


def test_nobody_sees_the_drafts_of_somebody_else(
    page_factory: NewPage, public: RunningApp, signed_in: Callable[[str], Cookies]
) -> None:
    pages = {}
    for name in ("ada", "eve"):
        pages[name] = page_factory()
        cookies = [{"name": key, "value": value, "url": public.url} for key, value in signed_in(name).items()]
        pages[name].context.add_cookies(cookies)  # type: ignore[arg-type]
    pages["ada"].goto(f"{public.url}/contribute?do=turtle")
    whole(pages["ada"])
    write(pages["ada"], "a secret of hers")
    expect(pages["ada"].get_by_text("kept as a draft that only you see")).to_be_visible()
    pages["ada"].reload()
    expect(pages["ada"].get_by_role("textbox", name="Turtle", exact=True)).to_have_value(
        TURTLE.format("a secret of hers")
    )
    pages["eve"].goto(pages["ada"].url)
    expect(pages["eve"].get_by_text("not yours")).to_be_visible()
    expect(pages["eve"].get_by_role("textbox", name="Turtle", exact=True)).to_have_value("")
    assert "not sent yet" not in main_of(pages["eve"]).inner_text()


# Forged


def ids(app: RunningApp, cookies: Cookies) -> dict[str, str]:
    """What the page calls its widgets, for one who sees them."""
    with stream(app, app.url, cookies) as session:
        session.run("do=turtle")
        return {
            "Turtle": session.widget("text_area", "Turtle"),
            **{name: session.widget("button", name) for name in ("Publish", "Propose")},
        }


def test_a_click_of_a_client_that_is_no_browser_counts_if_its_owner_may(
    public: RunningApp, signed_in: Callable[[str], Cookies]
) -> None:
    """The forged clicks of the other tests fail for who sends them, not for how they are sent."""
    before = len(changes(public))
    with stream(public, public.url, signed_in("ada")) as session:
        session.run("do=turtle")
        area, publish = session.widget("text_area", "Turtle"), session.widget("button", "Publish")
        assert "Published" in session.run("do=turtle", **{area: TURTLE.format("sent by hand"), publish: True})
    assert len(changes(public)) == before + 1


@pytest.mark.parametrize("given", ["", "no sign-in", "faulty"])
def test_nobody_writes_by_a_forged_click_who_is_not_signed_in(
    public: RunningApp, signed_in: Callable[[str], Cookies], roles: SetRoles, given: str
) -> None:
    names, before, proposed = ids(public, signed_in("ada")), changes(public), waiting(public)
    cookies = {} if given == "" else signed_in("ada")
    if given == "no sign-in":
        (public.home / "access.toml").unlink()
    elif given == "faulty":
        roles("[roles]\naccept = 3")
    with stream(public, public.url, cookies) as session:
        text = session.run("do=turtle")
        assert not session.labels() & {"Turtle", "Publish", "Propose"}
        for button in ("Publish", "Propose"):
            session.run("do=turtle", **{names["Turtle"]: TURTLE.format("forged"), names[button]: True})
    expected = {"": "To propose changes, sign in", "no sign-in": "Editing is off", "faulty": "Come again later"}
    assert expected[given] in text.replace("\\", "")
    assert (changes(public), waiting(public)) == (before, proposed)


def test_a_page_that_was_drawn_with_a_role_cannot_write_without(
    public: RunningApp, signed_in: Callable[[str], Cookies], roles: SetRoles
) -> None:
    before, proposed = changes(public), waiting(public)
    with stream(public, public.url, signed_in("ada")) as session:
        session.run("do=turtle")
        area = session.widget("text_area", "Turtle")
        buttons = [session.widget("button", name) for name in ("Publish", "Propose")]
        for button in buttons:
            roles(ROLES)
            session.run("do=turtle", **{area: TURTLE.format("drawn before")})
            roles("")
            session.run("do=turtle", **{area: TURTLE.format("drawn before"), button: True})
    assert (changes(public), waiting(public)) == (before, proposed)


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "http://localhost:{port}", "null"])
def test_pages_of_other_sites_open_no_session(
    public: RunningApp, signed_in: Callable[[str], Cookies], origin: str
) -> None:
    foreign = origin.format(port=public.url.rsplit(":", 1)[1])
    with pytest.raises(InvalidStatus) as refused, stream(public, foreign, signed_in("ada")):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("lacking", ["origin", "scheme", "token", "right token", "signature"])
def test_a_session_is_that_of_who_signed_in_only_if_all_is_as_the_browser_sends_it(
    public: RunningApp, signed_in: Callable[[str], Cookies], lacking: str
) -> None:
    cookies = dict(signed_in("ada"))
    origin = {"origin": None, "scheme": public.url.replace("http:", "https:")}.get(lacking, public.url)
    if lacking == "token":
        del cookies[XSRF]
    elif lacking == "signature":
        cookies[USER] = cookies[USER][:-4] + ("AAAA" if cookies[USER][-4:] != "AAAA" else "BBBB")
    token = httpx.get(f"{public.url}/_stcore/health").cookies[XSRF] if lacking == "right token" else None
    with stream(public, origin, cookies, token) as session:
        session.run("do=turtle")
        assert "Sign in" in session.labels()
        assert not session.labels() & {"Turtle", "Publish", "Propose"}


PATHS = [
    *sorted({route.path.replace("{name}", "cysticercosis") for route in ROUTES}),  # type: ignore[attr-defined]
    *("/", "/contribute", "/auth/login", "/auth/logout", "/oauth2callback", "/_stcore/health", "/_stcore/host-config"),
    *("/_stcore/upload_file/session/file", "/_stcore/agent/interact", "/_stcore/agent/mcp", "/media/x"),
]


@pytest.mark.parametrize("path", PATHS)
def test_requests_of_other_sites_change_nothing(
    public: RunningApp, signed_in: Callable[[str], Cookies], path: str
) -> None:
    before, proposed = changes(public), waiting(public)
    form = {"update": "INSERT DATA { <a:a> <a:b> <a:c> }", "query": "ASK {}"}
    with httpx.Client(base_url=public.url, cookies=dict(signed_in("ada"))) as client:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = client.request(method, path, data=form, headers={"Origin": "http://evil.example"})
            # Queries are for everybody; an update is none.
            assert answer.status_code == (403 if path != "/sparql" else 400 if method == "POST" else 405)
        client.get(path, params=form)  # what an image or a link makes a browser do
    assert (changes(public), waiting(public)) == (before, proposed)


@pytest.mark.parametrize("token", ["", "Bearer guess", "Basic YWRhOmFkYQ=="])
def test_signing_in_lets_no_program_change_anything(
    public: RunningApp, signed_in: Callable[[str], Cookies], token: str
) -> None:
    before, proposed = changes(public), waiting(public)
    update = {"update": "PREFIX msk: <https://w3id.org/mskgraph/> INSERT DATA { msk:gout msk:x msk:y }"}
    headers = {"Authorization": token} if token else {}
    with httpx.Client(base_url=public.url, cookies=dict(signed_in("ada")), headers=headers) as client:
        assert client.post("/sparql/update", data=update).status_code == 401
        assert client.put("/sparql/update?default", content=b"").status_code == 401
        assert client.delete("/sparql/update?default").status_code == 401
    assert (changes(public), waiting(public)) == (before, proposed)


def test_no_other_site_signs_anybody_out(public: RunningApp, signed_in: Callable[[str], Cookies]) -> None:
    cookies = dict(signed_in("ada"))
    with httpx.Client(base_url=public.url, cookies=cookies) as client:
        refused = client.get("/auth/logout", headers={"Sec-Fetch-Site": "cross-site"})
        assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)
        done = client.get("/auth/logout", headers={"Sec-Fetch-Site": "same-origin"})
        assert done.status_code == 302
        assert any(value.startswith(f'{USER}="";') for value in done.headers.get_list("set-cookie"))


def test_a_cookie_kept_from_before_signing_out_is_worth_nothing(public: RunningApp, roles: SetRoles) -> None:
    cookies = sign_in(public, "ada")
    with stream(public, public.url, cookies) as session:
        session.run("do=turtle")
        assert "Publish" in session.labels()
        session.run("do=turtle", **{session.widget("button", "Sign out"): True})
        assert session.redirect == "/auth/logout"
    with stream(public, public.url, cookies) as session:
        session.run("do=turtle")
        assert "Sign in" in session.labels()
        assert "Publish" not in session.labels()


def test_a_new_secret_for_cookies_ends_all_sign_ins(
    public: RunningApp, auth: str, signed_in: Callable[[str], Cookies]
) -> None:
    cookies = signed_in("ada")
    put(public, f"{auth}{ROLES}".replace("only for the tests", "a new one for it"))

    def is_signed_out() -> bool:
        with stream(public, public.url, cookies) as session:
            session.run()
            return "Sign in" in session.labels()

    assert soon(is_signed_out, 20)
