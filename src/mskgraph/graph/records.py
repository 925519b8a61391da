"""What the knowledge is made of: concepts, claims, tables, rules, cases, and steps between them, as plain objects."""

from __future__ import annotations

from dataclasses import dataclass

from mskgraph.terms import Kind, iri

EXCLUDED = iri("frequency-excluded")


@dataclass(frozen=True, slots=True)
class Reference:
    """An IRI with the words people read for it."""

    iri: str
    label: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """How often, in the form in which the source gave it.

    :ivar form: ``percent-range``, ``count``, ``order-of-magnitude``, ``word`` or ``not-stated``
    :ivar stated: as the source wrote it; empty if not stated
    :ivar lower: lower bound as a probability, where the form carries one
    :ivar upper: upper bound as a probability, where the form carries one
    :ivar numerator: n of n/m
    :ivar denominator: m of n/m
    :ivar marks: how many "<" stand before the upper bound
    :ivar word: IRI of the frequency word that gives the bounds
    """

    form: str
    stated: str = ""
    lower: float | None = None
    upper: float | None = None
    numerator: int | None = None
    denominator: int | None = None
    marks: int | None = None
    word: str | None = None


NOT_STATED = Estimate("not-stated")


@dataclass(frozen=True, slots=True)
class Mapped:
    """A term of another vocabulary.

    :ivar predicate: IRI of the relation to it, such as ``skos:exactMatch``
    :ivar label: what it is called there; empty where only its identifier may be given
    """

    iri: str
    predicate: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Concept:
    """A site, finding, morphology, context or diagnosis.

    :ivar parents: what it is a kind of (``skos:broader``)
    :ivar part_of: for a site, what it is part of
    :ivar categories: for a diagnosis, its aetiologic categories
    :ivar must_not_miss: why it must not be missed; empty if nothing says so
    :ivar mappings: what other vocabularies call it
    """

    iri: str
    label: str
    kind: Kind
    definition: str = ""
    synonyms: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    part_of: tuple[str, ...] = ()
    categories: tuple[Reference, ...] = ()
    must_not_miss: str = ""
    notes: tuple[str, ...] = ()
    sources: tuple[Reference, ...] = ()
    mappings: tuple[Mapped, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """What everything that one source says has in common.

    :ivar confidence: ``high``, ``medium`` or ``low``
    :ivar verification: ``checked`` if the text of the source was read for it, else ``excerpt only``
    :ivar population: in whom
    :ivar sites: it holds at these sites only
    :ivar compared_with: the controls that a specificity belongs to
    :ivar locator: where in the source
    :ivar conflicts: IRIs of what cannot be true together with it
    """

    iri: str
    source: Reference
    confidence: str = ""
    verification: str = ""
    population: str = ""
    sites: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    compared_with: str = ""
    locator: str = ""
    notes: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Sourced):
    """One statement about a diagnosis: an association, or a row of a differential table.

    :ivar diagnosis: whom it is about
    :ivar target: the feature, diagnosis or finding that it relates the diagnosis to
    :ivar relation: ``feature``, ``leadsTo``, ``progressesTo``, ``mistakenFor``, ``occursWith`` or ``row``
    :ivar estimate: how often; for a feature the probability of the feature given the diagnosis
    :ivar specificity: how often those without the diagnosis lack the feature
    :ivar of_finding: the finding that a morphology or site describes
    :ivar table: the differential table of a row
    :ivar rank: place in that table; ties share one
    """

    diagnosis: str
    relation: str
    target: str
    estimate: Estimate
    specificity: Estimate = NOT_STATED
    of_finding: str | None = None
    table: str | None = None
    rank: int | None = None

    @property
    def excluded(self) -> bool:
        """Whether the claim says that the diagnosis never shows its target."""
        return self.estimate.word == EXCLUDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence(Sourced):
    """How often a diagnosis or finding occurs in a population.

    :ivar measure: ``prevalence``, ``incidence per year`` or ``proportion of cases``
    """

    concept: str
    measure: str
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion(Sourced):
    """A cut-off of a measured quantity.

    :ivar about: concepts
    :ivar comparator: how a value stands to the cut-off, as a sign
    :ivar threshold: in the unit
    :ivar unit: of UCUM; ``1`` for a ratio
    :ivar points_to: diagnoses and findings; none for a normal value
    """

    about: tuple[str, ...]
    quantity: str
    comparator: str
    threshold: float
    unit: str
    points_to: tuple[str, ...] = ()
    sensitivity: Estimate = NOT_STATED
    specificity: Estimate = NOT_STATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Discriminator(Sourced):
    """A combination of features that points to a diagnosis or finding.

    :ivar given: the features
    :ivar points_to: diagnoses and findings
    :ivar against: diagnoses and findings that it makes less likely
    """

    given: tuple[str, ...]
    points_to: tuple[str, ...]
    against: tuple[str, ...] = ()
    sensitivity: Estimate = NOT_STATED
    specificity: Estimate = NOT_STATED


@dataclass(frozen=True, slots=True, kw_only=True)
class TeachingPoint(Sourced):
    """A remark that is no claim of frequency, about concepts, tables or sources.

    :ivar kind: what it is for, such as ``pitfall``
    """

    text: str
    about: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Table:
    """One source's list of exclusive causes of one finding in one setting.

    :ivar contexts: it holds only where all of these are given
    :ivar sites: it holds only at one of these; everywhere if there is none
    """

    iri: str
    title: str
    finding: str
    setting: str
    source: Reference
    contexts: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """What one patient shows: a finding, where, how it looks; ``sites`` has several where the source is ambiguous."""

    iri: str
    finding: str
    present: bool
    sites: tuple[str, ...] = ()
    side: str = ""
    morphologies: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """One captioned image of a case, described in our words."""

    iri: str
    identifier: str
    description: str


@dataclass(frozen=True, slots=True)
class Case:
    """One patient."""

    iri: str
    label: str
    description: str
    source: Reference
    observations: tuple[Observation, ...] = ()
    images: tuple[Image, ...] = ()
    contexts: tuple[str, ...] = ()
    diagnoses: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    maybe_same_patient: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def features(self) -> frozenset[str]:
        """IRIs of every finding, site and morphology shown, and of every context."""
        shown = (o for o in self.observations if o.present)
        seen = {feature for o in shown for feature in (o.finding, *o.sites, *o.morphologies)}
        return frozenset(seen | set(self.contexts))

    @property
    def absent(self) -> frozenset[str]:
        """IRIs of what was looked for and not seen: a finding, or if only a look of it was meant, that morphology."""
        missed = (o for o in self.observations if not o.present)
        return frozenset(feature for o in missed for feature in o.morphologies or (o.finding,)) - self.features


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation as it reads in the direction walked."""

    iri: str
    label: str
    inverse: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: from a node over a relation to a node, resting on a claim or on the ontology itself."""

    start: str
    relation: str
    end: str
    claim: str | None = None


Path = tuple[Step, ...]
