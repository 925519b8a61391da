import streamlit as st

from mskgraph.ui.server import MIDDLEWARE, ROUTES

app = st.App("src/mskgraph/ui/main.py", routes=ROUTES, middleware=MIDDLEWARE)
