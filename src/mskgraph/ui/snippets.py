"""A query as text for use elsewhere: on a command line, in a Python program."""

from __future__ import annotations

import shlex


def as_curl(endpoint: str, query: str, media: str) -> str:
    """Return the command that asks an endpoint a query with curl.

    >>> print(as_curl("http://localhost/sparql", "ASK { ?s ?p 'it' }", "text/csv"))
    curl -H 'Accept: text/csv' --data-urlencode 'query=ASK { ?s ?p '"'"'it'"'"' }' http://localhost/sparql
    """
    header, data = shlex.quote(f"Accept: {media}"), shlex.quote(f"query={query}")
    return f"curl -H {header} --data-urlencode {data} {shlex.quote(endpoint)}"


def as_python(endpoint: str, query: str, media: str) -> str:
    """Return a Python program that asks an endpoint a query, with pandas for a table in CSV."""
    plain = "'''" not in query and "\\" not in query and not query.endswith("'")
    literal = f"'''{query}'''" if plain else repr(query)
    table = media == "text/csv"
    return "\n".join(
        [
            "from urllib.parse import urlencode",
            "from urllib.request import Request, urlopen",
            *(["", "import pandas"] if table else []),
            "",
            f"query = {literal}",
            "data = urlencode({'query': query}).encode()",
            f"with urlopen(Request({endpoint!r}, data, {{'Accept': {media!r}}})) as answer:",
            "    print(pandas.read_csv(answer))" if table else "    print(answer.read().decode())",
        ]
    )
