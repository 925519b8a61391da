"""Names: IRIs and CURIEs, from what people type to the concept they mean, and what other vocabularies call it."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import filterfalse
from typing import Literal

from mskgraph.errors import UnknownTerm

NAMESPACE = "https://w3id.org/mskgraph/"

PREFIXES = {
    "msk": NAMESPACE,
    "dcterms": "http://purl.org/dc/terms/",
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "DOID": "http://purl.obolibrary.org/obo/DOID_",
    "HP": "http://purl.obolibrary.org/obo/HP_",
    "ICD10CM": "http://purl.bioontology.org/ontology/ICD10CM/",
    "MONDO": "http://purl.obolibrary.org/obo/MONDO_",
    "RADLEX": "http://radlex.org/RID/",
    "SCTID": "http://snomed.info/id/",
    "UBERON": "http://purl.obolibrary.org/obo/UBERON_",
}
"""The prefixes that files are written with and that a query need not declare."""

Kind = Literal["finding", "morphology", "site", "context", "diagnosis", "case"]

FEATURE_KINDS: tuple[Kind, ...] = ("finding", "site", "morphology", "context")
"""What can be evidence, in the order in which an ambiguous word is read."""

_TOKEN = re.compile(r"[^\W_]+(?:['\u2019+-][^\W_]+)*\+*")
_PLAIN = str.maketrans({"\u2019": "'", "\u2010": "-", "\u2013": "-"})
# Words that join names; none begins or ends with one.
_BETWEEN = frozenset(["a", "an", "and", "at", "by", "for", "from", "in", "is", "of", "on", "or", "the", "to", "with"])
_DENIES = frozenset({"no", "not", "without"})  # never the beginning of a name: "no" is not "node"
_SIDES = dict.fromkeys(["left", "l", "lt"], "left") | dict.fromkeys(["right", "r", "rt"], "right")
_SIDES |= dict.fromkeys(["bilateral", "bilaterally", "both"], "both sides")
_WHOLE = _DENIES | _SIDES.keys()  # words that are no part of a name that is cut short
_SHORTEST_CUT = 3  # letters of a word that is cut short: "st" may begin anything
_SUGGESTIONS = 5
_NEAR = 60.0  # rapidfuzz score, 0 to 100, below which two texts have nothing to do with each other
_NEARER = 80.0  # the same for what is offered unasked, while somebody is typing
_SHORTEST_NEAR = 4  # letters of a misspelling: anything comes near to three
_SLIP = 88.0  # the same score, over which one text may well be the other misspelt
_SHORTEST_SLIP = 5  # letters of a word that may be misspelt: shorter ones are often abbreviations


def iri(name: str) -> str:
    """Return the full IRI of a CURIE or of a local name of the ontology.

    :param name: ``msk:gout``, ``skos:broader`` or ``gout``; a full IRI comes back unchanged
    :raises UnknownTerm: if the prefix is not one of :data:`PREFIXES`

    >>> iri("msk:mayCause"), iri("mayCause"), iri("https://w3id.org/mskgraph/mayCause")[-8:]
    ('https://w3id.org/mskgraph/mayCause', 'https://w3id.org/mskgraph/mayCause', 'mayCause')
    """
    if name.startswith(("http://", "https://")):
        return name
    prefix, colon, local = name.rpartition(":")
    namespace = PREFIXES.get(prefix if colon else "msk")
    if namespace is None:
        raise UnknownTerm(name, [f"{known}:{local}" for known in PREFIXES])
    return namespace + local


def curie(full: str) -> str:
    """Return the shortest written form of an IRI: a CURIE where a prefix fits, else the IRI.

    >>> curie("https://w3id.org/mskgraph/gout"), curie("http://example.org/x")
    ('msk:gout', 'http://example.org/x')
    """
    for prefix, namespace in PREFIXES.items():
        if full.startswith(namespace):
            return f"{prefix}:{full.removeprefix(namespace)}"
    return full


def local_name(full: str) -> str:
    """Return an IRI of the ontology without its namespace, as used in addresses of pages.

    >>> local_name("https://w3id.org/mskgraph/soft-tissue-calcification")
    'soft-tissue-calcification'
    """
    return full.removeprefix(NAMESPACE)


MAPPINGS_SUFFIX = ".sssom.tsv"
"""How the name of a file of mappings ends."""

_MAPPING_PREDICATES = ("skos:exactMatch", "skos:closeMatch", "skos:broadMatch", "skos:narrowMatch")
_MAPPING_PREFIXES = ("DOID", "HP", "ICD10CM", "MONDO", "RADLEX", "SCTID", "UBERON", "msk", "skos")
_MAPPING_COLUMNS = (
    "subject_id",
    "subject_label",
    "predicate_id",
    "object_id",
    "object_label",
    "mapping_justification",
    "comment",
)
_MAPPING_HEAD = "\n".join(
    [
        f"#mapping_set_id: {NAMESPACE}mappings",
        "#mapping_set_title: mskgraph to other vocabularies",
        "#license: https://creativecommons.org/licenses/by/4.0/",
        "#curie_map:",
        *(f"#  {prefix}: {PREFIXES[prefix]}" for prefix in _MAPPING_PREFIXES),
        "#  semapv: https://w3id.org/semapv/vocab/",
    ]
)


@dataclass(frozen=True, slots=True, order=True)
class Mapping:
    """What another vocabulary calls a concept: one row of an SSSOM file, all CURIEs as written there.

    :ivar subject: the concept
    :ivar predicate: ``skos:exactMatch``, ``closeMatch``, ``broadMatch`` (theirs is wider) or ``narrowMatch``
    :ivar object: the term of the other vocabulary
    :ivar label: what the other vocabulary calls it; empty where its licence keeps the words back
    :ivar justification: CURIE of the way it was found
    """

    subject: str
    predicate: str
    object: str
    subject_label: str = ""
    label: str = ""
    justification: str = "semapv:ManualMappingCuration"
    comment: str = ""

    @property
    def triple(self) -> tuple[str, str, str]:
        """Subject, predicate and object as IRIs."""
        return iri(self.subject), iri(self.predicate), iri(self.object)


def read_mappings(text: str) -> list[Mapping]:
    r"""Return the rows of an SSSOM file (https://w3id.org/sssom) with the columns and prefixes in use here.

    :raises ValueError: naming the first line that is wrong

    >>> read_mappings(written_mappings([Mapping("msk:gout", "skos:exactMatch", "MONDO:0005393")]))[0].object
    'MONDO:0005393'
    """
    lines = text.splitlines()
    first = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if first == len(lines) or tuple(lines[first].split("\t")) != _MAPPING_COLUMNS:
        raise ValueError(f"line {first + 1}: the columns have to be {', '.join(_MAPPING_COLUMNS)}, with tabs between")
    rows = []
    for number, line in enumerate(lines[first + 1 :], first + 2):
        cells = line.split("\t")
        if len(cells) != len(_MAPPING_COLUMNS):
            raise ValueError(f"line {number}: {len(cells)} cells instead of {len(_MAPPING_COLUMNS)}")
        subject, subject_label, predicate, obj, label, justification, comment = cells
        if not re.fullmatch(r"msk:[\w.-]+", subject):
            raise ValueError(f"line {number}: the subject {subject!r} is no concept such as msk:gout")
        if predicate not in _MAPPING_PREDICATES:
            raise ValueError(f"line {number}: the predicate {predicate!r} is none of {', '.join(_MAPPING_PREDICATES)}")
        if not re.fullmatch(rf"({'|'.join(_MAPPING_PREFIXES[:-2])}):[\w.-]+", obj):
            raise ValueError(f"line {number}: the object {obj!r} has none of the prefixes of the file's head")
        if not re.fullmatch(r"semapv:\w+", justification):
            raise ValueError(
                f"line {number}: {justification!r} is no justification such as semapv:ManualMappingCuration"
            )
        rows.append(Mapping(subject, predicate, obj, subject_label, label, justification, comment))
    return rows


def written_mappings(rows: Iterable[Mapping]) -> str:
    """Return rows as the text of an SSSOM file: sorted, each once."""
    lines = [
        "\t".join((m.subject, m.subject_label, m.predicate, m.object, m.label, m.justification, m.comment))
        for m in sorted(set(rows))
    ]
    return "\n".join([_MAPPING_HEAD, "\t".join(_MAPPING_COLUMNS), *lines, ""])


@dataclass(frozen=True, slots=True)
class Name:
    """One name of one concept.

    :ivar iri: the concept
    :ivar text: the name as written in the ontology
    :ivar kind: what the concept is
    :ivar preferred: whether it is the label that people read
    :ivar former: what bore the name before it was put out of use and this concept took its place; empty for a name of
        the concept's own
    """

    iri: str
    text: str
    kind: Kind
    preferred: bool
    former: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a typed text was taken to mean.

    :ivar features: concepts that it says are seen, in the order of the text, each once
    :ivar words: for each feature the words that led to it
    :ivar absent: concepts that it says are not there
    :ivar diagnoses: diagnoses that it names, which are nothing seen
    :ivar sides: "left", "right" or "both sides": of an observation, not of what is asked
    :ivar unread: words that led to no concept
    """

    features: tuple[str, ...]
    words: tuple[str, ...]
    absent: tuple[str, ...]
    diagnoses: tuple[str, ...]
    sides: tuple[str, ...]
    unread: tuple[str, ...]

    @property
    def side_note(self) -> str:
        """What to tell of the sides; empty if the text has none."""
        return f"{' and '.join(self.sides).capitalize()}: the answer is the same for every side." if self.sides else ""


def fold(text: str) -> str:
    """Return a text as it is compared: no case, no accents, single spaces, plain hyphens and quotes.

    >>> fold("  Sj\\u00f6gren\\u2019s   Disease ")
    "sjogren's disease"
    """
    if text.isascii():
        return " ".join(text.casefold().split())
    plain = unicodedata.normalize("NFKD", text).translate(_PLAIN)  # first NFKD: it makes other hyphens into U+2010
    return " ".join("".join(filterfalse(unicodedata.combining, plain)).casefold().split())


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(fold(text).replace("-", " "))


class Lexicon:
    """All names of all concepts, and the ways to look one up.

    >>> lexicon = Lexicon([Name(iri("gout"), "gout", "diagnosis", True),
    ...                    Name(iri("tophus"), "tophus", "finding", True)])
    >>> curie(lexicon.find("GOUT"))
    'msk:gout'
    >>> lexicon.find("gaut")
    Traceback (most recent call last):
    mskgraph.errors.UnknownTerm: Nothing is called "gaut". Nearest: gout.

    :ivar labels: what people read for each concept, by IRI
    :ivar kinds: what each concept is, by IRI
    :ivar replaced: what took the place of each concept that is out of use, by the IRI of that one
    """

    def __init__(self, names: Iterable[Name]) -> None:
        self._names = sorted(names, key=lambda name: (name.former != "", not name.preferred, len(name.text), name.text))
        self.labels = {name.iri: name.text for name in self._names if name.preferred}
        self.kinds = {name.iri: name.kind for name in self._names}
        self.replaced = {name.former: name.iri for name in self._names if name.former}
        self._by_text: defaultdict[str, list[Name]] = defaultdict(list)
        for name in self._names:
            self._by_text[fold(name.text)].append(name)
        self._by_iri = {
            written.casefold(): self.replaced.get(full, full)
            for full in (*self.replaced, *self.labels)
            for written in (full, curie(full), local_name(full))
        }
        self._tokenised = [(name, _tokens(name.text)) for name in self._names]
        self._by_tokens: defaultdict[str, list[Name]] = defaultdict(list)
        for name, tokens in self._tokenised:
            self._by_tokens[" ".join(tokens)].append(name)
        self._longest = max((len(tokens) for _, tokens in self._tokenised), default=0)

    @property
    def names(self) -> Sequence[Name]:
        """Every name of every concept, labels before synonyms, and these before names of what is out of use."""
        return self._names

    def find(self, text: str, kinds: Collection[Kind] = ()) -> str:
        """Return the IRI of the concept that a label, synonym, CURIE or IRI names, whatever its case.

        What is out of use leads to what took its place, unless something in use is called the same.

        :param text: what somebody wrote
        :param kinds: which kinds of concept to consider; all if empty
        :raises UnknownTerm: with the nearest labels
        """
        found = self.get(text, kinds)
        if found is None:
            raise UnknownTerm(text, self.suggest(text, kinds))
        return found

    def get(self, text: str, kinds: Collection[Kind] = ()) -> str | None:
        """Return what :meth:`find` does, or nothing, without the time that it takes to look for the nearest labels."""
        fits = self._fits(kinds)
        for name in self.named(text):
            if fits(name.kind):
                return name.iri
        known = self._by_iri.get(text.strip().casefold())
        return known if known is not None and fits(self.kinds[known]) else None

    def suggest(self, text: str, kinds: Collection[Kind] = ()) -> list[str]:
        """Return at most five labels that come nearest to a text, best first."""
        from rapidfuzz import fuzz, process

        fits = self._fits(kinds)
        names = [name for name in self._names if fits(name.kind)]
        matches = process.extract(
            fold(text), [fold(name.text) for name in names], scorer=fuzz.WRatio, limit=4 * _SUGGESTIONS
        )
        nearest = dict.fromkeys(self.labels[names[index].iri] for _, score, index in matches if score >= _NEAR)
        return list(nearest)[:_SUGGESTIONS]

    def named(self, text: str) -> Sequence[Name]:
        """Return the names that a text is, whatever its case and accents."""
        return self._by_text.get(fold(text), ())

    def nearly(self, text: str) -> list[Name]:
        """Return the names that a text may be meant for: written apart or with other hyphens, or misspelt.

        Known words are not misspelt: "septic bursitis" is not nearly "aseptic bursitis".
        """
        from rapidfuzz import fuzz, process

        whole, words = fold(text), _tokens(text)
        found = list(self._by_tokens.get(" ".join(words), ()))
        if any(word.isalpha() and len(word) >= _SHORTEST_SLIP and word not in self._words for word in words):
            nearest = process.extract(whole, list(self._by_text), scorer=fuzz.ratio, score_cutoff=_SLIP)
            found += [name for key, _, _ in nearest for name in self._by_text[key]]
        return [name for name in found if fold(name.text) != whole]

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(word for _, tokens in self._tokenised for word in tokens)

    def search(self, text: str, kinds: Collection[Kind] = (), limit: int = 20, *, typed: bool = False) -> list[str]:
        """Return the concepts one of whose names has, for every word typed, a word that starts with it.

        :param text: the beginning of one or more words, in any order
        :param kinds: which kinds of concept to consider; all if empty
        :param limit: how many at most
        :param typed: whether the text is a run of words within a longer one: then only its last word may be cut short,
            not to fewer than three letters, a side has to be typed, and a single word has to stand in a label or
            begin a whole name
        :returns: IRIs, best first: the whole name; then whole words, in labels before synonyms, in short names before
            long ones; then beginnings of words, in findings before sites, morphologies and contexts
        """
        wanted = _tokens(text)
        fits = self._fits(kinds)
        best: dict[str, tuple[bool, bool, int, int, int]] = {}
        for name, tokens in self._tokenised:
            if not wanted or not fits(name.kind) or not _all_start(wanted, tokens):
                continue
            if typed and not (
                set(wanted[:-1]) <= set(tokens)
                and not _SIDES.keys() & set(tokens) - set(wanted)
                and (len(wanted[-1]) >= _SHORTEST_CUT or wanted[-1] in tokens)
                and (len(wanted) > 1 or name.preferred or len(tokens) == 1)
            ):
                continue
            order = FEATURE_KINDS.index(name.kind) if name.kind in FEATURE_KINDS else len(FEATURE_KINDS)
            whole_words = set(wanted) <= set(tokens)
            length, synonym = len(tokens), 2 if name.former else int(not name.preferred)
            rest = (synonym, length, order) if whole_words else (order, length, synonym)
            rank = (wanted != tokens, not whole_words, *rest)
            best[name.iri] = min(rank, best.get(name.iri, rank))
        return sorted(best, key=lambda concept: (best[concept], self.labels[concept]))[:limit]

    def read(self, text: str, kinds: Sequence[Kind] = FEATURE_KINDS) -> Reading:
        """Return the features that a typed text names, in any order and abbreviated to beginnings of words.

        The longest run of words that fits one concept is taken first: "triceps tendon insertion" is one site. In a run
        only the last word may be cut short, or "calc Achilles" would be the calcaneal insertion of the Achilles tendon.
        What follows "no", "not" or "without" is absent, unless a name begins with it ("no flow"). Left and right are
        sides, unless they stand in a whole name ("left upper quadrant").

        :param text: for example ``"calc triceps"``
        :param kinds: which kinds of concept to consider
        """
        words = _tokens(text)
        features: dict[str, str] = {}
        absent: dict[str, None] = {}
        diagnoses: dict[str, None] = {}
        sides: dict[str, None] = {}
        unread: list[str] = []
        start, denied = 0, False
        while start < len(words):
            word = words[start]
            feature, end = self._longest_run(words, start, kinds)
            if feature is None:
                if word in _DENIES:
                    denied = True
                elif word in _SIDES:
                    sides.setdefault(_SIDES[word])
                elif word not in _BETWEEN:
                    unread.append(word)
            elif self.kinds[feature] not in kinds:
                diagnoses.setdefault(feature)
            elif denied:
                absent.setdefault(feature)
            else:
                features.setdefault(feature, " ".join(words[start:end]))
            if feature is not None:
                denied = denied and words[end : end + 1] in (["or"], ["nor"])  # no effusion or tear
            start = end
        seen = tuple(features)
        missing = tuple(feature for feature in absent if feature not in seen)
        return Reading(seen, tuple(features.values()), missing, tuple(diagnoses), tuple(sides), tuple(unread))

    def _longest_run(self, words: Sequence[str], start: int, kinds: Sequence[Kind]) -> tuple[str | None, int]:
        """Return what the longest run of words from a place names, and where the run ends; nothing and the next place.

        A diagnosis counts if the run is its whole name: it goes before features of which it is only the beginning.
        """
        if words[start] in _BETWEEN:
            return None, start + 1
        for end in range(min(len(words), start + self._longest), start, -1):
            run = words[start:end]
            whole = self._by_tokens.get(" ".join(run), ())
            exact = next((name.iri for name in whole if name.kind in kinds), None)
            if exact is not None:
                return exact, end
            diagnosis = next((name.iri for name in whole if name.kind == "diagnosis"), None)
            if diagnosis is not None:
                return diagnosis, end
            if run[-1] not in _BETWEEN and not _WHOLE.intersection(run) and not all(map(str.isdigit, run)):
                found = self.search(" ".join(run), kinds, limit=1, typed=True)
                if found:
                    return found[0], end
        return None, start + 1

    @staticmethod
    def _fits(kinds: Collection[Kind]) -> Callable[[Kind], bool]:
        return (lambda kind: kind in kinds) if kinds else (lambda _: True)


@dataclass(frozen=True, slots=True)
class Completion:
    """One thing that a text may be the beginning of.

    :ivar thing: what the name stands for, as given to :class:`Completer`
    :ivar name: the name of it that fits best
    :ivar near: whether no name of anything fits, and this one only comes near
    """

    thing: str
    name: str
    near: bool = False


class Completer:
    """Names of things, to be found while they are being typed.

    >>> completer = Completer([("gout", "gout"), ("gout", "urate arthropathy"), ("tophus", "tophus")])
    >>> completer.complete("ur art")
    [Completion(thing='gout', name='urate arthropathy', near=False)]
    >>> completer.complete("topus")
    [Completion(thing='tophus', name='tophus', near=True)]
    """

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        """Take pairs of a thing and a name of it; the first name of a thing is the one that people read."""
        seen: set[str] = set()
        self._names: list[tuple[str, str, bool]] = []
        for thing, name in names:
            self._names.append((thing, name, thing not in seen))
            seen.add(thing)
        self._folded = [fold(name) for _, name, _ in self._names]
        self._tokens = [_tokens(name) for _, name, _ in self._names]

    def complete(self, text: str, limit: int = 20) -> list[Completion]:
        """Return the things that a text may be the beginning of, best first, each once.

        A name that is the text comes before one that begins with it, then one with words that begin with those typed,
        in the order typed, then in any order; among equals the first names of things before others, short before long.
        Only if there is none at all are there things whose names come near.

        :param text: the beginning of one or more words, or of a CURIE
        :param limit: how many at most
        """
        whole, wanted = fold(text), _tokens(text)
        if not wanted:
            return []
        best: dict[str, tuple[int, bool, int, str]] = {}
        for (thing, name, first), folded, tokens in zip(self._names, self._folded, self._tokens, strict=True):
            fit = _fit(whole, wanted, folded, tokens)
            if fit is not None:
                rank = (fit, not first, len(name), name)
                best[thing] = min(rank, best.get(thing, rank))
        found = sorted(best, key=lambda thing: (best[thing], thing))[:limit]
        return [Completion(thing, best[thing][-1]) for thing in found] or self._near(whole, limit)

    def _near(self, whole: str, limit: int) -> list[Completion]:
        from rapidfuzz import fuzz, process

        if len(whole) < _SHORTEST_NEAR:
            return []
        matches = process.extract(whole, self._folded, scorer=fuzz.WRatio, limit=4 * limit, score_cutoff=_NEARER)
        nearest: dict[str, Completion] = {}
        for _, _, index in matches:
            thing, name, _ = self._names[index]
            nearest.setdefault(thing, Completion(thing, name, near=True))
        return list(nearest.values())[:limit]


def _fit(whole: str, wanted: Sequence[str], folded: str, tokens: Sequence[str]) -> int | None:
    """How well a name fits what is typed: 0 is best, ``None`` not at all."""
    if whole == folded or wanted == tokens:
        return 0
    if folded.startswith(whole) or (tokens[: len(wanted) - 1] == wanted[:-1] and _begin(wanted, tokens[: len(wanted)])):
        return 1
    if _begin(wanted, tokens):
        return 2
    return 3 if _all_start(wanted, tokens) else None


def _begin(wanted: Sequence[str], tokens: Iterable[str]) -> bool:
    """Whether each word typed begins a word of a name, in this order."""
    rest = iter(tokens)
    return all(any(token.startswith(word) for token in rest) for word in wanted)


def _all_start(wanted: Sequence[str], tokens: Sequence[str]) -> bool:
    return all(any(token.startswith(word) for token in tokens) for word in wanted)
