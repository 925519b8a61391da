"""What somebody is filling in: in the session, and on disk so that a closed browser loses nothing."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from mskgraph.curation.drafts import Drafts, Kept
from mskgraph.errors import DraftNotKept

if TYPE_CHECKING:
    from mskgraph.ui.contribute.panel import Outcome, Sent

state = st.session_state


@dataclass
class Memory:
    """What is remembered of a draft as soon as it is true.

    The next click breaks a script off wherever it touches the session, and begins a new run beside it. What was written
    elsewhere would be forgotten and done twice: so it is noted here, in one object that runs share, under its lock.

    :ivar version: under which it is kept on disk; 0 if it is not
    :ivar kept: its fields as they are kept
    :ivar parted: whether it goes on in another window, too
    :ivar asked: whether somebody asked what is wrong with it
    :ivar outcome: what the last check found
    :ivar preview: whether somebody waits to see what it would do
    :ivar previewed: what was filled in when that was shown
    :ivar send: what was asked for last, and is not done yet
    :ivar sent: what came of it
    :ivar failed: why nothing came of it
    :ivar told: what is worth knowing of a file though nothing is wrong with it
    """

    lock: RLock = field(default_factory=RLock)
    version: int = 0
    kept: Mapping[str, Any] | None = None
    parted: bool = False
    asked: bool = False
    outcome: Outcome | None = None
    preview: bool = False
    previewed: str = ""
    send: Literal["", "publish", "propose"] = ""
    sent: Sent | None = None
    failed: str = ""
    told: Sequence[str] = ()


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

    def memory(self) -> Memory:
        """Return what is remembered of this draft."""
        found: Memory = state.setdefault(self.aside("memory"), Memory())
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

    def forget(self, name: str) -> None:
        """Forget in the session a draft that nobody goes back to: with each one that stays, every page takes longer."""
        start = f"{self.doing} {name} "
        for key in [key for key in map(str, state) if key.startswith(start)]:
            del state[key]

    # On disk

    def keep(self, drafts: Drafts, title: str) -> None:
        """Keep what is filled in.

        Where the same draft goes on in another window, this one becomes a draft of its own: neither is lost.

        :raises DraftNotKept: if it cannot be
        """
        fields, memory, name = self.fields(), self.memory(), self.id
        if self.is_empty():
            return
        plain = {key: _plain(value) for key, value in fields.items()}
        with memory.lock:
            if memory.kept == fields:
                return
            version = drafts.keep(name, self.doing, title, plain, memory.version)
            if version is not None:
                memory.version, memory.kept = version, fields
                return
        self._part(fields)
        memory, name = self.memory(), self.id
        memory.version = drafts.keep(name, self.doing, title, plain) or 0

    def _part(self, fields: dict[str, Any]) -> None:
        self.fresh()
        for name, value in fields.items():
            self.put(name, value)
        self.memory().parted = True

    def take_up(self, kept: Kept) -> None:
        """Go on with a draft that was kept."""
        state[f"{self.doing} draft"] = kept.id
        for name, value in kept.fields.items():
            self.put(name, _value(value))
        memory, fields = self.memory(), self.fields()
        memory.version, memory.kept = kept.version, fields

    def is_kept(self) -> bool:
        """Return whether it is on disk."""
        return self.memory().version > 0

    def done(self, drafts: Drafts) -> None:
        """Forget it on disk, as it is sent or not wanted any more; the session still has it."""
        try:
            drafts.discard(self.id)
        except DraftNotKept:
            return  # it is offered again then, which loses nothing
        memory = self.memory()
        memory.version, memory.kept = 0, None


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
