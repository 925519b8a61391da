"""A client of Streamlit's WebSocket without a browser, which may ask for what no page would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from tests.app_process import RunningApp

SECONDS = 30.0
XSRF = "_streamlit_xsrf"


@dataclass
class Stream:
    """A session, and what its page has shown so far.

    :ivar elements: in the order in which they came
    :ivar redirect: where the page sends the browser to sign in or out
    """

    socket: ClientConnection
    elements: list[Element] = field(default_factory=list)
    redirect: str = ""

    def run(self, query: str = "", page: str = "contribute", **widgets: str | bool) -> str:
        """Have the page drawn with widgets in these states, and return the texts on it.

        :param widgets: state by the widget's id: a text that is typed, or a button that is clicked
        """
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        for name, value in widgets.items():
            state = message.rerun_script.widget_states.widgets.add(id=name)
            if isinstance(value, bool):
                state.trigger_value = value
            else:
                state.string_value = value
        self.elements.clear()
        self.socket.send(message.SerializeToString())
        while True:
            told = ForwardMsg.FromString(self.socket.recv(SECONDS))  # type: ignore[arg-type]
            if told.WhichOneof("type") == "delta" and told.delta.WhichOneof("type") == "new_element":
                self.elements.append(told.delta.new_element)
            if told.WhichOneof("type") == "auth_redirect":
                self.redirect = told.auth_redirect.url
            if told.WhichOneof("type") == "script_finished":
                break
        return "\n".join(
            getattr(element, kind).body
            for element in self.elements
            if (kind := element.WhichOneof("type")) in {"markdown", "alert"}
        )

    def widget(self, kind: str, label: str) -> str:
        """Return the id of a widget on the page."""
        found = [getattr(element, kind) for element in self.elements if element.WhichOneof("type") == kind]
        (name,) = [widget.id for widget in found if widget.label == label]
        return str(name)

    def labels(self) -> set[str]:
        """Return the labels of the buttons and fields on the page."""
        kinds = ("button", "text_area", "text_input", "file_uploader")
        return {getattr(e, kind).label for e in self.elements for kind in kinds if e.WhichOneof("type") == kind}


@contextmanager
def stream(
    app: RunningApp, origin: str | None = None, cookies: Mapping[str, str] | None = None, token: str | None = None
) -> Iterator[Stream]:
    """Open a session.

    :param origin: where the page that asks comes from; a program that is no browser names none
    :param cookies: of a browser
    :param token: what the page says is in the cookie that no page elsewhere may read; what is in it if not given
    :raises websockets.exceptions.InvalidStatus: if it is refused
    """
    given = dict(cookies or {})
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in given.items())} if given else {}
    with connect(
        f"{app.url.replace('http', 'ws', 1)}/_stcore/stream",
        origin=origin,  # type: ignore[arg-type]
        additional_headers=headers,
        subprotocols=["streamlit", token or given.get(XSRF, "none")],  # type: ignore[list-item]
        max_size=None,
    ) as socket:
        yield Stream(socket)
