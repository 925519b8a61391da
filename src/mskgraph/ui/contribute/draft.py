"""What somebody is filling in: in the session, and on disk so that a closed browser loses nothing."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

import streamlit as st

from mskgraph.curation.drafts import Drafts, Kept
from mskgraph.errors import DraftNotKept

state = st.session_state


class Draft:
    """The present draft of a form.

    :ivar doing: which form
    :ivar defaults: what its fields hold before anybody touches them; filled while they are shown
    """

    def __init__(self, doing: str) -> None:
        self.doing = doing
        self.defaults: dict[str, Any] = {}
        state.setdefault(f"{doing} draft", secrets.token_hex(6))

    @property
    def id(self) -> str:
        """The name under which it is kept."""
        return str(state[f"{self.doing} draft"])

    def key(self, name: str) -> str:
        """Return the name of a field in the session."""
        return f"{self.doing} {self.id} field {name}"

    def aside(self, name: str) -> str:
        """Return the name of what the page notes of this draft in the session, and nobody has filled in."""
        return f"{self.doing} {self.id} aside {name}"

    def note(self, name: str, value: Any) -> None:
        """Note something aside."""
        state[self.aside(name)] = value

    def noted(self, name: str, otherwise: Any = None) -> Any:
        """Return what is noted aside."""
        return state.get(self.aside(name), otherwise)

    def memory(self) -> dict[str, Any]:
        """Return what is remembered of this draft as soon as it is true.

        The next click breaks a script off wherever it touches the session. What has been written elsewhere has to be
        remembered without that, or it is done twice: by writing into this dictionary, got before.
        """
        found: dict[str, Any] = state.setdefault(self.aside("memory"), {})
        return found

    def held(self, name: str, otherwise: Any = None) -> Any:
        """Return what a field holds."""
        value = state.get(self.key(name))
        return otherwise if value is None else value

    def put(self, name: str, value: Any) -> None:
        """Fill a field in."""
        state[self.key(name)] = value

    def fields(self) -> dict[str, Any]:
        """Return what is filled in, by field."""
        start = self.key("")
        return {name.removeprefix(start): state[name] for name in map(str, state) if name.startswith(start)}

    def is_empty(self) -> bool:
        """Return whether nobody has filled anything in yet; known once its fields are shown."""
        return all(value in (None, "", [], self.defaults.get(name)) for name, value in self.fields().items())

    def fresh(self) -> None:
        """Go on with an empty draft."""
        state[f"{self.doing} draft"] = secrets.token_hex(6)

    # On disk

    def keep(self, drafts: Drafts, title: str) -> None:
        """Keep what is filled in.

        Where the same draft goes on in another window, this one becomes a draft of its own: neither is lost.

        :raises DraftNotKept: if it cannot be
        """
        fields, memory, name = self.fields(), self.memory(), self.id
        if self.is_empty() or memory.get("kept") == fields:
            return
        plain = {key: _plain(value) for key, value in fields.items()}
        version = drafts.keep(name, self.doing, title, plain, memory.get("version", 0))
        if version is None:
            self._part(fields)
            memory = self.memory()
            version = drafts.keep(self.id, self.doing, title, plain)
        memory.update(version=version, kept=fields)

    def _part(self, fields: dict[str, Any]) -> None:
        self.fresh()
        for name, value in fields.items():
            self.put(name, value)
        self.note("parted", True)

    def take_up(self, kept: Kept) -> None:
        """Go on with a draft that was kept."""
        state[f"{self.doing} draft"] = kept.id
        for name, value in kept.fields.items():
            self.put(name, _value(value))
        self.memory().update(version=kept.version, kept=self.fields())

    def is_kept(self) -> bool:
        """Return whether it is on disk."""
        return "version" in self.memory()

    def done(self, drafts: Drafts) -> None:
        """Forget it on disk, as it is sent or not wanted any more; the session still has it."""
        try:
            drafts.discard(self.id)
        except DraftNotKept:
            return  # it is offered again then, which loses nothing
        memory = self.memory()
        for name in ("version", "kept"):
            memory.pop(name, None)


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it: a file by its name and content in base64."""
    if isinstance(value, tuple):
        name, content = value
        return {"file": name, "content": base64.b64encode(content).decode("ascii")}
    return value


def _value(plain: Any) -> Any:
    if isinstance(plain, dict):
        return plain["file"], base64.b64decode(plain["content"])
    return plain


def text_of(fields: dict[str, Any]) -> str:
    """Return fields as a text that is equal if they are."""
    return json.dumps({name: _plain(value) for name, value in fields.items()}, sort_keys=True)
