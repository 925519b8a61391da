"""The browser program: one file in ``screens/`` is one page; its number gives its place, its name its title."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from mskgraph.ui import editing, widgets

SCREENS = Path(__file__).with_name("screens")

st.set_page_config(page_title="mskgraph", page_icon="🦴", layout="wide", initial_sidebar_state="collapsed")
# The answer should be in sight at once: pickers share a line as far as what is chosen in them can be read. And a chosen
# pill keeps the colour of text, which alone has contrast enough.
STYLE = """
.stMainBlockContainer { padding-top: 4rem }
.stMainBlockContainer h1 { padding: 0 0 0.5rem }
.stMainBlockContainer h2 { padding-top: 0.5rem }
.st-key-pickers .stColumn { flex: 1 1 0; min-width: 7.5rem }
.st-key-pickers .stColumn:has([data-tag]) { flex-grow: 2; min-width: 15rem }
.st-key-pickers .stColumn:nth-last-child(2):not(:has([data-tag])) { min-width: 9.25rem }
.st-key-pickers .stColumn:last-child { flex: 0 1 auto; width: auto }
.stButtonGroup button { color: inherit !important }
.interval { height: 14px; border-radius: 7px; border: 1px solid #7f8ea3; overflow: hidden;
  background: linear-gradient(90deg, transparent 49.5%, #7f8ea3 49.5%, #7f8ea3 50.5%, transparent 50.5%) }
.interval .bar { height: 100%; background: #2f6bea }
.interval .open { background: repeating-linear-gradient(135deg, #7f8ea366 0 3px, transparent 3px 9px) }
"""

pages: list[StreamlitPage] = []
for path in sorted(SCREENS.glob("[0-9]*_*.py")):
    name = path.stem.partition("_")[2]
    pages.append(st.Page(path, title=name.capitalize(), url_path=name, default=not pages))
st.html(f"<style>{STYLE}</style>")
page = st.navigation(pages, position="top")
editing.show_sign_in()
with widgets.errors_as_messages():
    page.run()
widgets.footer()
widgets.forget_gone_widgets()
