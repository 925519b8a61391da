"""The page of a concept as HTML, for the app and for ``/resource/{name}``. All text from the graph is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

from mskgraph.graph import Concept, Knowledge, Reference
from mskgraph.views import Entry, Group, Section

STYLE = """
.msk table { border-collapse: collapse; width: 100%; margin: 0 0 1rem; font-size: 0.95rem }
.msk th, .msk td { text-align: left; vertical-align: top; padding: 0.3rem 0.6rem 0.3rem 0; overflow-wrap: anywhere }
.msk th { font-weight: 600; border-bottom: 1px solid #7f8ea3 }
.msk td { border-bottom: 1px solid #7f8ea355 }
.msk td:first-child { min-width: 9rem }
.msk a { color: inherit; text-decoration: underline; text-underline-offset: 2px }
.msk .disputed { border-left: 3px solid #d9822b; padding-left: 0.5rem }
.msk .note { font-size: 0.85rem }
.msk .wide { overflow-x: auto }
.msk dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; margin: 0 0 1rem }
.msk dt { font-weight: 600 }
.msk dd { margin: 0 }
.msk details { margin: 0.1rem 0 0.3rem }
.msk summary { cursor: pointer; font-weight: 600 }
.msk ul { margin: 0.2rem 0 0.4rem 1.2rem; padding: 0 }
"""

Address = Callable[[str], str]
"""From the IRI of a concept or case to the address of its page."""

_COLUMNS = ("How often", "In whom", "Source", "Confidence")


def head_html(knowledge: Knowledge, concept: Concept, address: Address) -> str:
    """Return what a concept is: definition, synonyms, what it is a kind and part of."""
    kinds = [c.iri for c in knowledge.concepts.values() if concept.iri in c.parents]
    parts = [c.iri for c in knowledge.concepts.values() if concept.iri in c.part_of]

    def links(nodes: Iterable[str]) -> str:
        return ", ".join(
            _link(Reference(node, knowledge.label(node)), address) for node in sorted(nodes, key=knowledge.label)
        )

    sources = "; ".join(escape(source.label) for source in concept.sources)
    facts = [
        ("Must not miss", escape(concept.must_not_miss)),
        ("Category", escape(", ".join(category.label for category in concept.categories))),
        ("Also", escape(", ".join(concept.synonyms))),
        ("A kind of", links(concept.parents)),
        ("Kinds", links(kinds)),
        ("Part of", links(concept.part_of)),
        ("Parts", links(parts)),
        ("Note", escape(" ".join(concept.notes))),
        ("Defined after", sources),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts if value)
    return f'<div class="msk"><p>{escape(concept.definition)}</p><dl>{rows}</dl></div>'


def section_html(section: Section, address: Address) -> str:
    """Return the entries of a section as a table; columns that are empty throughout are left out."""
    cells = [_cells(entry) for entry in section.entries]
    used = [place for place in range(len(_COLUMNS)) if any(row[place] for row in cells)]
    head = "".join(f'<th scope="col">{_COLUMNS[place]}</th>' for place in used)
    body = "".join(
        f"<tr><td{_mark(entry)}>{_what(entry, address)}</td>{''.join(f'<td>{row[place]}</td>' for place in used)}</tr>"
        for entry, row in zip(section.entries, cells, strict=True)
    )
    title = escape(section.title)
    return (
        f'<div class="msk wide" role="region" aria-label="{title}" tabindex="0"><table>'
        f'<thead><tr><th scope="col">What</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def browse_html(groups: Sequence[Group], address: Address) -> str:
    """Return groups as headings that open, each with its list of links."""
    return "".join(
        f'<div class="msk"><details><summary>{escape(group.head.label)} ({len(group.members)})</summary>'
        + (f"<p>{_link(group.head, address)}</p>" if group.head.iri else "")
        + "<ul>"
        + "".join(f"<li>{_link(member, address)}</li>" for member in group.members)
        + "</ul></details></div>"
        for group in groups
    )


def _cells(entry: Entry) -> tuple[str, ...]:
    source = escape(entry.source.label) if entry.source else ""
    return escape(entry.often), escape(entry.whom), source, escape(entry.trust)


def _mark(entry: Entry) -> str:
    return ' class="disputed"' if entry.disputed else ""


def _what(entry: Entry, address: Address) -> str:
    separator = " <strong>against</strong> " if entry.detail == "against each other" else ", "
    words = separator.join(_link(reference, address) for reference in entry.what)
    detail = f" {escape(entry.detail)}" if entry.detail and entry.detail != "against each other" else ""
    notes = f'<div class="note">{escape(" ".join(entry.notes))}</div>' if entry.notes else ""
    return f"{words}{detail}{notes}"


def _link(reference: Reference, address: Address) -> str:
    label = escape(reference.label)
    # In this window: a reader who follows ten links does not want ten windows.
    return f'<a href="{escape(address(reference.iri))}" target="_self">{label}</a>' if reference.iri else label
