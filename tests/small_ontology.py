"""A made-up ontology of a few nodes under the real schema and shapes, and what a curator does with it."""

from __future__ import annotations

import shutil
from pathlib import Path

from mskgraph import KnowledgeGraph, curation
from mskgraph.curation import Change, Journal

ROOT = Path(__file__).resolve().parent.parent

PREFIXES = """\
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix msk: <https://w3id.org/mskgraph/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""


def small_ontology(folder: Path) -> Path:
    """Put the ontology into a folder that does not exist yet."""
    shutil.copytree(ROOT / "tests" / "data" / "small", folder)
    for name in ("schema.ttl", "shapes.ttl"):
        shutil.copy(ROOT / "ontology" / name, folder)
    return folder


def turtle(text: str) -> bytes:
    """A file of Turtle, with the prefixes that it may need."""
    return (PREFIXES + text).encode()


def added(text: str, author: str = "Ada", message: str = "") -> Change:
    """Accept what a text of Turtle says, as ``mskgraph add`` does."""
    kg = KnowledgeGraph.open()
    patch = curation.additions(kg, curation.graph_in(turtle(text)))
    return curation.accept(Journal(), KnowledgeGraph.open, patch, author, message, kg.revision)


def taken_back(change: Change, author: str = "Ada") -> Change:
    """Undo a change, as ``mskgraph undo`` does."""
    return curation.undo(Journal(), KnowledgeGraph.open, author, change.hash)


def statements() -> set[str]:
    """What the knowledge says now, literals as they were written; blank nodes of schema and shapes left out."""
    lines = KnowledgeGraph.open().export("nq").splitlines()
    return {line for line in lines if not line.startswith("_:") and "_:" not in line.split('"')[0]}


def claim(name: str, **properties: str) -> str:
    """A claim that could be accepted, but for the properties given; an empty one is left out."""
    usual = {
        "dcterms:source": "msk:source-atlas",
        "msk:confidence": "msk:confidence-medium",
        "msk:diagnosis": "msk:gout",
        "msk:estimate": "msk:not-stated",
        "msk:feature": "msk:effusion",
        "msk:verification": "msk:verification-checked",
    }
    wanted = usual | {key.replace("__", ":"): value for key, value in properties.items()}
    said = "".join(f" ;\n    {key} {value}" for key, value in wanted.items() if value)
    return f"msk:{name} a msk:Association{said} .\n"


def diagnosis(name: str, label: str, more: str = "") -> str:
    """A diagnosis that could be accepted."""
    return f"""msk:{name} a msk:Diagnosis ;
    dcterms:source msk:source-atlas ;
    skos:definition "What a test calls {label}."@en ;
    skos:prefLabel "{label}"@en ;{more}
    msk:category msk:category-crystal .
"""
