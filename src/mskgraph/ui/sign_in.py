"""Signing in by OpenID Connect, which Streamlit does as ``access.toml`` says: who has, and what pages show of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import streamlit as st
from streamlit.errors import StreamlitAuthError

from mskgraph.curation.access import Person
from mskgraph.ui.widgets import plain

LASTS: Final = 12 * 3600.0
"""Seconds for which signing in counts; the browser's cookie would last for 30 days."""

_ended: set[str] = set()  # sign-ins that were ended: the cookie of another tab, or of a thief, still tells of them


def claims() -> Mapping[str, object]:
    """Return what the provider told when whoever opens the page signed in; nothing if that does not count any more."""
    told = st.user.to_dict()
    at = told.get("iat")
    fresh = isinstance(at, int | float) and time.time() - at < LASTS
    return told if told.get("is_logged_in") is True and fresh and _mark(told) not in _ended else {}


def bar(visitor: Person) -> None:
    """Show who is signed in and a button to change that."""
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if visitor.key:
            doing = next((f"may {role}" for role in ("accept", "propose") if visitor.may(role)), "may read")
            st.markdown(f"Signed in as {plain(visitor.name)} ({doing})", width="content")
            st.button("Sign out", on_click=_on_sign_out)
        else:
            st.button("Sign in", on_click=_on_sign_in)
    if failed := st.session_state.pop("sign_in_failed", ""):
        st.error(plain(failed))


def _on_sign_in() -> None:
    try:
        st.login()
    except StreamlitAuthError:  # started by Streamlit's own command, which does not know where the settings are
        st.session_state.sign_in_failed = "Signing in does not work like this: start the program with mskgraph app."


def _on_sign_out() -> None:
    _ended.add(_mark(st.user.to_dict()))
    st.logout()


def _mark(told: Mapping[str, object]) -> str:
    """Return what no other sign-in has: the nonce, made by chance for each."""
    return str(told.get("nonce"))
