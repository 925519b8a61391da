"""The page of a concept as HTML, for the app and for ``/resource/{name}``. All text from the graph is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from mskgraph.graph import HAS_PART, NARROWER, Concept, Knowledge, Reference
from mskgraph.views import Entry, Group, Section

STYLE = """
.msk table { border-collapse: collapse; width: 100%; margin: 0 0 0.6rem; font-size: 0.95rem; table-layout: fixed }
.msk th, .msk td { text-align: left; vertical-align: top; padding: 0.3rem 0.8rem 0.3rem 0; overflow-wrap: break-word }
.msk th { font-weight: 600; border-bottom: 1px solid #7f8ea3 }
.msk td { border-bottom: 1px solid #7f8ea355 }
.msk th:first-child { width: 34% }
.msk a { color: inherit; text-decoration: underline; text-underline-offset: 2px }
.msk .disputed { border-left: 3px solid #d9822b; padding-left: 0.5rem }
.msk .note { font-size: 0.85rem }
.msk dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; margin: 0 0 1rem }
.msk dt { font-weight: 600 }
.msk dd { margin: 0; overflow-wrap: anywhere }
.msk details { margin: 0.1rem 0 0.3rem }
.msk summary { cursor: pointer; font-weight: 600 }
.msk ul { margin: 0.2rem 0 0.4rem 1.2rem; padding: 0 }
.msk nav a { margin-right: 0.9rem; white-space: nowrap; display: inline-block }
@media (max-width: 640px) {
  .msk thead { display: none }
  .msk tr { display: block; border-bottom: 1px solid #7f8ea3; padding: 0.3rem 0 }
  .msk td { display: block; border: 0; padding: 0.1rem 0 }
  .msk td:empty { display: none }
  .msk td.disputed { border-left: 3px solid #d9822b; padding-left: 0.5rem }
  .msk td[data-label]::before { content: attr(data-label) ": "; font-weight: 600 }
  .msk dl { grid-template-columns: 1fr }
}
"""

AT_ONCE = 12  # entries of a section that are in sight; the rest opens below them

Address = Callable[[str], str]
"""From the IRI of a concept or case to the address of its page."""

_COLUMNS: Mapping[str, Callable[[Entry], str]] = {
    "How often": lambda entry: entry.often,
    "In whom": lambda entry: entry.whom,
    "Source": lambda entry: entry.source.label if entry.source else "",
    "Confidence": lambda entry: entry.trust,
}


def head_html(knowledge: Knowledge, concept: Concept, address: Address) -> str:
    """Return what a concept is: definition, synonyms, what it is a kind and part of."""
    steps = knowledge.steps(concept.iri)
    kinds = [step.end for step in steps if step.relation == NARROWER]
    parts = [step.end for step in steps if step.relation == HAS_PART]

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


def contents_html(sections: Sequence[Section]) -> str:
    """Return links to the sections of a page, whose headings have the anchors of :func:`anchor`."""
    links = "".join(
        f'<a href="#{anchor(section.title)}">{escape(section.title)} ({len(section.entries)})</a>'
        for section in sections
    )
    return f'<div class="msk"><nav aria-label="On this page">{links}</nav></div>'


def anchor(title: str) -> str:
    """Return the name by which the heading of a section is linked to.

    >>> anchor("How it looks")
    'how-it-looks'
    """
    return re.sub(r"[^a-z]+", "-", title.lower()).strip("-")


def section_html(section: Section, address: Address) -> str:
    """Return the entries of a section as a table, the first ones in sight; columns empty throughout are left out."""
    first, rest = section.entries[:AT_ONCE], section.entries[AT_ONCE:]
    head, tail = _table(section, first, address), _table(section, rest, address) if rest else ""
    if rest:
        told = f"{len(first)} of {len(section.entries)} shown; {len(rest)} more"
        tail = f"<details><summary>{told}</summary>{tail}</details>"
    return f'<div class="msk">{head}{tail}</div>'


def _table(section: Section, entries: Sequence[Entry], address: Address) -> str:
    used = [name for name, of in _COLUMNS.items() if any(map(of, section.entries))]
    head = "".join(f'<th scope="col">{name}</th>' for name in ["What", *used])
    body = "".join(
        f"<tr><td{_mark(entry)}>{_what(entry, address)}</td>"
        + "".join(_cell(name, _COLUMNS[name](entry)) for name in used)
        + "</tr>"
        for entry in entries
    )
    title = escape(section.title)
    return f'<table aria-label="{title}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(name: str, text: str) -> str:
    return f'<td data-label="{name}">{escape(text)}</td>' if text else "<td></td>"


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


def _mark(entry: Entry) -> str:
    return ' class="disputed"' if entry.disputed else ""


def _what(entry: Entry, address: Address) -> str:
    words = ", ".join(_link(reference, address) for reference in entry.what)
    against = f" <strong>against</strong> {escape(entry.against)}" if entry.against else ""
    detail = f" {escape(entry.detail)}" if entry.detail else ""
    notes = f'<div class="note">{escape(" ".join(entry.notes))}</div>' if entry.notes else ""
    return f"{words}{against}{detail}{notes}"


def _link(reference: Reference, address: Address) -> str:
    label = escape(reference.label)
    # In this window: a reader who follows ten links does not want ten windows.
    return f'<a href="{escape(address(reference.iri))}" target="_self">{label}</a>' if reference.iri else label
