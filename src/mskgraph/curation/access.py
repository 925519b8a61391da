"""Who may change the knowledge: the settings file ``access.toml`` says who signs in where, and who has which role.

Reading is open to all. Without the file nobody can sign in. The file is read anew each time somebody asks, so that a
role that is taken away in it is gone at once; while it is faulty nobody has a role.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from mskgraph.curation.journal import home
from mskgraph.errors import AccessInvalid

Role = Literal["propose", "accept"]

ROLES: Final[Mapping[Role, frozenset[Role]]] = {
    "propose": frozenset({"propose"}),
    "accept": frozenset({"propose", "accept"}),
}
"""What each role may do: who accepts may propose, too."""

CALLBACK: Final = "/oauth2callback"
"""End of the address to which the provider sends people back."""

_NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
_SECRET = 32  # characters: with fewer, who has a cookie may find the secret that signs it
_LONGEST = 100  # characters of a name
_LOCAL = "local"


@dataclass(frozen=True)
class Person:
    """Who asks.

    :ivar name: as the history names them
    :ivar key: stable identity, to which drafts belong; empty if nobody is signed in
    :ivar roles: what they may do beside reading
    """

    name: str
    key: str
    roles: frozenset[Role]

    def may(self, role: Role) -> bool:
        """Return whether somebody has a role.

        >>> NOBODY.may("propose")
        False
        """
        return role in self.roles

    @property
    def is_local(self) -> bool:
        """Whether this is whoever sits at the machine itself, where nobody signs in."""
        return self.key == _LOCAL


NOBODY: Final = Person("", "", frozenset())


def at_the_machine(name: str) -> Person:
    """Return the one person who uses the program on their own machine, with all roles."""
    return Person(name, _LOCAL, ROLES["accept"])


def settings_file() -> Path:
    """Return where the settings are, or would be."""
    return home() / "access.toml"


@dataclass(frozen=True)
class Access:
    """The settings file.

    :ivar path: where it is, or would be
    :ivar auth: what Streamlit needs for signing in; empty if that is not set up
    :ivar emails: role by e-mail address, in small letters
    :ivar claim: name of the claim whose values give roles; empty if none does
    :ivar values: role by value of that claim
    :ivar tokens: name and role of each token, by its SHA-256
    """

    path: Path
    auth: Mapping[str, Any] = field(default_factory=dict, repr=False)
    emails: Mapping[str, Role] = field(default_factory=dict)
    claim: str = ""
    values: Mapping[str, Role] = field(default_factory=dict)
    tokens: Mapping[str, tuple[str, Role]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, path: Path | None = None) -> Access:
        """Read the file as it is now.

        :param path: of the file; ``access.toml`` in MSKGRAPH_HOME if none is given
        :raises AccessInvalid: if it cannot be read, or something in it is not understood
        """
        path = settings_file() if path is None else path
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return cls(path)
        except (OSError, UnicodeDecodeError) as error:
            raise AccessInvalid(path, "", f"it cannot be read: {error}") from None
        try:
            return _access(path, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise AccessInvalid(path, "", f"it is not TOML: {error}") from None

    @property
    def sign_in(self) -> bool:
        """Whether signing in is set up."""
        return bool(self.auth)

    @property
    def origin(self) -> str:
        """Where people reach the program, such as ``https://msk.example.org``; empty if signing in is not set up."""
        parts = urlsplit(self.auth.get("redirect_uri", ""))
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""

    def person(self, claims: Mapping[str, object]) -> Person:
        """Return whom the provider's claims name, and what they may do.

        An e-mail address counts only if the provider says that it has verified it.

        >>> access = Access(Path("access.toml"), emails={"ada@example.org": "propose"})
        >>> told = {"iss": "https://login.example", "sub": "17", "name": "Ada", "email": "Ada@example.org"}
        >>> access.person(told)
        Person(name='Ada (17)', key='https://login.example 17', roles=frozenset())
        >>> access.person({**told, "email_verified": True})
        Person(name='Ada <Ada@example.org>', key='https://login.example 17', roles=frozenset({'propose'}))
        """
        issuer, subject = claims.get("iss"), claims.get("sub")
        if not (isinstance(issuer, str) and isinstance(subject, str) and issuer and subject):
            return NOBODY
        email = claims.get("email") if claims.get("email_verified") is True else None
        email = email if isinstance(email, str) else ""
        given = claims.get(self.claim) if self.claim else None
        values = [given] if isinstance(given, str) else given if isinstance(given, list | tuple) else []
        named = [
            self.emails.get(email.lower()),
            *(self.values.get(value) for value in values if isinstance(value, str)),
        ]
        roles = frozenset[Role]().union(*(ROLES[role] for role in named if role))
        sure = f"<{_seen(email)}>" if email else f"({_seen(subject)})"  # a name anybody may give themselves
        name = claims.get("name") or claims.get("preferred_username") or ""
        return Person(f"{_seen(name)} {sure}".strip(), f"{issuer} {subject}", roles)

    def bearer(self, token: str) -> Person | None:
        """Return whose a token is; nothing if it is nobody's.

        >>> access = Access(Path("access.toml"), tokens={digest("secret"): ("importer", "propose")})
        >>> access.bearer("secret").name
        'token importer'
        >>> access.bearer("guess")
        """
        given, found = digest(token), None
        for known, (name, role) in self.tokens.items():  # all of them: how long it takes tells nothing
            if hmac.compare_digest(given, known):
                found = Person(f"token {name}", f"token {name}", ROLES[role])
        return found

    def warnings(self) -> Iterator[str]:
        """Yield what whoever starts the program should know of the file."""
        if os.name == "posix" and self.path.exists() and stat.S_IMODE(self.path.stat().st_mode) & 0o077:
            yield f"Others can read {self.path}, which holds secrets: chmod 600 it."


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(32)


def is_token_name(name: str) -> bool:
    """Return whether a token may be called that: what TOML takes without quotes.

    >>> is_token_name("importer-2"), is_token_name("a.b")
    (True, False)
    """
    return bool(re.fullmatch(r"[A-Za-z0-9_-]{1,50}", name))


def digest(token: str) -> str:
    """Return the SHA-256 of a token, as the settings file has it.

    >>> digest("secret")[:12]
    '2bb80d537b1d'
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _seen(name: object) -> str:
    """Return a name in one line, without marks that cannot be seen and without the brackets around what is sure."""
    shown = "".join(mark if mark.isprintable() and mark not in "<>()" else " " for mark in str(name))
    return " ".join(shown.split())[:_LONGEST]


# Reading the file


def _access(path: Path, given: dict[str, Any]) -> Access:
    sections = _table(path, "", given, ("auth", "roles", "tokens"))
    auth = _auth(path, sections["auth"]) if "auth" in sections else {}
    roles = _table(path, "roles", sections.get("roles", {}), ("propose", "accept", "claim"))
    claim = _table(path, "roles.claim", roles.pop("claim", {}), ("name", "propose", "accept"))
    name = _text(path, "roles.claim.name", claim.pop("name")) if "name" in claim else ""
    if claim and not name:
        raise AccessInvalid(path, "roles.claim.name", "is missing: say which claim has these values")
    emails = {value.lower(): role for value, role in _roles(path, "roles", roles).items()}
    for email in emails:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
            raise AccessInvalid(path, "roles", f"{email!r} is no e-mail address; other names go by roles.claim")
    values = _roles(path, "roles.claim", claim)
    return Access(path, auth, emails, name, values, dict(_tokens(path, sections.get("tokens", {}))))


def _auth(path: Path, given: object) -> dict[str, Any]:
    auth = _table(path, "auth", given, (*_NEEDED, "client_kwargs"))
    for name in _NEEDED:
        if name not in auth:
            raise AccessInvalid(path, f"auth.{name}", "is missing")
        _text(path, f"auth.{name}", auth[name])
    if len(auth["cookie_secret"]) < _SECRET:
        raise AccessInvalid(path, "auth.cookie_secret", f"needs {_SECRET} characters or more, made by chance")
    for name in ("redirect_uri", "server_metadata_url"):
        if not _safe(auth[name]):
            raise AccessInvalid(path, f"auth.{name}", "has to begin with https:// (http:// only on this machine)")
    if urlsplit(auth["redirect_uri"]).path != CALLBACK:
        raise AccessInvalid(path, "auth.redirect_uri", f"has to be the address of the program, then {CALLBACK}")
    if not isinstance(auth.get("client_kwargs", {}), dict):
        raise AccessInvalid(path, "auth.client_kwargs", "has to be a table")
    return auth


def _safe(url: str) -> bool:
    """Return whether nobody on the way can read what goes to an address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host or "")))


def is_loopback(address: str) -> bool:
    """Return whether an address or name is one of the machine itself, which no other can reach.

    >>> is_loopback("127.0.0.1"), is_loopback("127.evil.example"), is_loopback("0.0.0.0")
    (True, False, False)
    """
    return address in {"localhost", "::1"} or bool(re.fullmatch(r"127(\.\d{1,3}){3}", address, re.ASCII))


def _roles(path: Path, where: str, given: Mapping[str, object]) -> dict[str, Role]:
    """Return the role of each value; of two the one that may more."""
    found: dict[str, Role] = {}
    for role in ROLES:
        values = given.get(role, [])
        if not isinstance(values, list):
            raise AccessInvalid(path, f"{where}.{role}", 'has to be a list, such as ["ada@example.org"]')
        found |= {_text(path, f"{where}.{role}", value): role for value in values}
    return found


def _tokens(path: Path, given: object) -> Iterator[tuple[str, tuple[str, Role]]]:
    if not isinstance(given, dict):
        raise AccessInvalid(path, "tokens", "has to be a table")
    for name, token in given.items():
        where = f"tokens.{name}"
        if not is_token_name(name):
            raise AccessInvalid(path, where, "has to have a name of up to 50 letters, digits and the marks _ and -")
        settings = _table(path, where, token, ("sha256", "role"))
        known = _text(path, f"{where}.sha256", settings.get("sha256"))
        if not re.fullmatch(r"[0-9a-f]{64}", known):
            raise AccessInvalid(path, f"{where}.sha256", "is no SHA-256; mskgraph token makes one")
        role: Role | None = next((role for role in ROLES if role == settings.get("role")), None)
        if role is None:
            raise AccessInvalid(path, f"{where}.role", 'has to be "propose" or "accept"')
        yield known, (name, role)


def _table(path: Path, where: str, given: object, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise AccessInvalid(path, where, "has to be a table")
    for name in given:
        if name not in known:
            key = f"{where}.{name}" if where else name
            raise AccessInvalid(path, key, f"is not known here; these are: {', '.join(known)}")
    return dict(given)


def _text(path: Path, where: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise AccessInvalid(path, where, "has to be a text that is not empty")
    return value.strip()
