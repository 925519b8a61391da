"""The columns of a table of cases and of one of claims: what is written into each, and which field of a form it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mskgraph.terms import FEATURE_KINDS, Kind

What = Literal["case", "claim"]
"""What the rows of a table say."""


@dataclass(frozen=True)
class Column:
    """A column.

    :ivar fields: of a form, as :class:`mskgraph.curation.forms.Draft` names them, without the numbers of observations
    :ivar about: what is written into it
    :ivar needed: whether a table has to have it
    :ivar kinds: of the concepts that it names
    :ivar members: class of the list that it names members of
    :ivar several: whether it can name several, with ";" between
    """

    name: str
    fields: tuple[str, ...]
    about: str
    needed: bool = False
    kinds: tuple[Kind, ...] = ()
    members: str = ""
    several: bool = False


SEEN: Final[Mapping[str, bool]] = {
    "present": True,
    "absent": False,
    "": True,
    "yes": True,
    "no": False,
    "true": True,
    "false": False,
}
"""What the column "seen" can say; the first two are written."""


def _source(part: str) -> tuple[Column, ...]:
    return (
        Column(
            "source",
            (f"{part} source", "source title"),
            "Title of a source that is there already (its CURIE or IRI will do), or a short title for a new one.",
            needed=True,
            members="Source",
        ),
        Column(
            "source citation",
            ("source bibliographicCitation",),
            "Only for a new source, in one row at least: authors, title, journal, year, pages.",
        ),
        Column("source address", ("source url",), "Only for a new source: https://..."),
        Column("source identifier", ("source identifier",), "Only for a new source: doi:10.1000/182 or pmid:12345678."),
    )


_CASE = (
    Column(
        "title",
        ("case title",),
        "A short name, different for each case. Empty in a row that adds an observation to the case above it.",
        needed=True,
    ),
    Column("description", ("case description",), "The case in your own words, in English.", needed=True),
    *_source("case"),
    Column("contexts", ("case context",), "History, laboratory, symptoms.", kinds=("context",), several=True),
    Column("stated diagnoses", ("case statedDiagnosis",), "As the source states.", kinds=("diagnosis",), several=True),
    Column("note", ("case note",), "Anything else about the case."),
    Column("finding", ("observation finding",), "What was looked for: one.", needed=True, kinds=("finding",)),
    Column("seen", ("observation present",), "present or absent; empty is present."),
    Column("site", ("observation site",), "Where: one at most, without its side.", kinds=("site",)),
    Column("side", ("observation side",), "Empty if not stated.", members="Side"),
    Column("morphologies", ("observation morphology",), "How it looks.", kinds=("morphology",), several=True),
    Column("observation note", ("observation note",), "Anything else about this observation."),
)
_CLAIM = (
    Column("diagnosis", ("claim diagnosis",), "Whom the claim is about: one.", needed=True, kinds=("diagnosis",)),
    Column("feature", ("claim feature",), "What goes with it: one.", needed=True, kinds=FEATURE_KINDS),
    Column(
        "of finding",
        ("claim ofFinding",),
        "If the feature is a morphology or a site: the finding that looks so, or is there.",
        kinds=("finding",),
    ),
    Column("sites", ("claim atSite",), "If the claim holds at some sites only.", kinds=("site",), several=True),
    Column(
        "how often",
        ("estimate stated",),
        "In the words of the source. Empty if it does not say. Of all with the diagnosis, how many have the feature.",
    ),
    Column(
        "read as",
        (
            "claim estimate",
            *(f"estimate {name}" for name in ("form", "lower", "upper", "numerator", "denominator", "marks")),
            "estimate frequencyWord",
        ),
        'The number in these words, if they are not one: "95-98 %", "5 %", "13 of 20", "<< 1 %", or one of the words.',
        members="FrequencyWord",
    ),
    Column("confidence", ("claim confidence",), "How far this can be trusted.", needed=True, members="Confidence"),
    Column("techniques", ("claim modality",), "What it was seen with.", members="Modality", several=True),
    Column("population", ("claim population",), "In whom: adults with shoulder pain."),
    Column("locator", ("claim locator",), "Where in the source: table 2, row 1."),
    *_source("claim"),
    Column(
        "verification",
        ("claim verification",),
        "Whether the source itself was read.",
        needed=True,
        members="Verification",
    ),
    Column("note", ("claim note",), "Anything else about the claim."),
)

OF: Final[Mapping[What, tuple[Column, ...]]] = {"case": _CASE, "claim": _CLAIM}
"""The columns of a table by what its rows say, in the order of the template."""

COLUMNS: Final = frozenset(column.name for columns in OF.values() for column in columns)
"""The names of all columns."""

ROW_COLUMNS: Final = frozenset(
    column.name for column in _CASE if all(field.startswith("observation ") for field in column.fields)
)
"""Those that every row of a case has anew; the others are about the case as a whole."""
