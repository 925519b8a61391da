"""The SPARQL editor on the page: a Streamlit component with completion from the graph.

The browser owns the text while it is edited; Python hears of it, and replaces it only by another revision. So a
rerun never takes away what somebody is typing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

LONGEST: Final = 1_000_000
"""Characters of a text from the browser; a longer one is dropped."""


@dataclass(frozen=True)
class EditorError:
    """What is wrong with the text that ran last, and where.

    :ivar line: counted from 1
    :ivar column: character of the line, counted from 1
    :ivar message: shown as it is, never as markup
    """

    line: int
    column: int
    message: str


_HTML: Final = """
<div class="frame"></div>
<div class="bar">
  <button type="button" class="run" aria-keyshortcuts="Control+Enter Meta+Enter">
    Run <kbd aria-hidden="true"></kbd>
  </button>
  <p class="hint" id="query-keys">Type the words of a term, such as soft tissue calcification, to have it completed;
  Ctrl+Space completes anywhere. Escape, then Tab leaves the editor.</p>
</div>
<p class="said" role="status"></p>
<p class="heard" role="status"></p>
<ul class="problems" aria-label="Problems"></ul>
"""


@cache
def _component() -> ComponentRenderer:
    # Not on import: without a running Streamlit, the folder of the files is not known yet.
    return st.components.v2.component("mskgraph.query_editor", html=_HTML, css="query_editor.css", js="query_editor.js")


def query_editor(
    value: str,
    *,
    key: str,
    revision: str,
    label: str,
    height: int = 320,
    error: EditorError | None = None,
    prefixes: Mapping[str, str],
    terms_url: str = "/terms",
    on_run: Callable[[str], None] | None = None,
    on_change: Callable[[str], None] | None = None,
) -> None:
    """Let somebody write a query and run it.

    The callbacks run before the script does: change session state in them. Texts about another revision than the one
    that was drawn last are dropped.

    :param value: text of this revision; that of the same revision is never put in place of what is being edited
    :param key: name of this place on the page; nothing else in session state may be called so, nor so with " ran"
    :param revision: name of what Python gave to edit: another one replaces the text (which can be undone)
    :param label: what the field is for, for those who do not see it
    :param height: height of the field in pixels, until the reader drags it to another one
    :param error: shown as long as the text is the one that ran
    :param prefixes: namespaces by prefix that completion may declare
    :param terms_url: where terms are asked for, on this server; see :mod:`mskgraph.ui.completion`
    :param on_run: called with the text after Ctrl+Enter or a click on Run; without it there is no such button
    :param on_change: called with the text a moment after the last key, when the focus leaves, and before ``on_run``
    """

    # The browser shows an error once Python has seen to its last run; until then it is about an earlier one.
    ran_key = f"{key} ran"

    def changed() -> None:
        # A text and a run can arrive together, in either order: the run has the newer text.
        state = st.session_state.get(key)
        message = _message(state, "run", revision) or _message(state, "text", revision)
        if message is not None and on_change is not None:
            on_change(message.text)

    def ran() -> None:
        message = _message(st.session_state.get(key), "run", revision)
        if message is None:
            return
        st.session_state[ran_key] = message.count
        if on_change is not None:
            on_change(message.text)
        if on_run is not None:
            on_run(message.text)

    _component()(
        key=key,
        data={
            "place": key,
            "text": value,
            "revision": revision,
            "label": label,
            "height": height,
            "error": None if error is None else asdict(error),
            "ran": st.session_state.get(ran_key),
            "prefixes": dict(prefixes),
            "terms": terms_url,
            "runs": on_run is not None,
            "reports": on_change is not None,
        },
        on_text_change=changed,
        on_run_change=ran,
    )


@dataclass(frozen=True)
class _Message:
    text: str
    count: int


def _message(state: Any, event: str, revision: str) -> _Message | None:
    # It comes from a browser: take nothing but a text of the expected revision.
    value = state.get(event) if isinstance(state, Mapping) else None
    if not isinstance(value, Mapping) or value.get("revision") != revision:
        return None
    text, count = value.get("text"), value.get("count")
    if not isinstance(text, str) or len(text) > LONGEST or not isinstance(count, int):
        return None
    return _Message(text, count)
