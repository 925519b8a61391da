"""Between what a cell says and what the knowledge knows: concepts, sources, members of lists, and how often."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal

from mskgraph.curation.checks import Basis
from mskgraph.curation.forms import FORMS, LISTS, NOT_STATED, HowOften
from mskgraph.curation.tables.columns import Column
from mskgraph.curation.tables.reading import is_plain
from mskgraph.errors import UnknownTerm
from mskgraph.graph import Knowledge
from mskgraph.store import select
from mskgraph.terms import Kind, curie, fold, local_name

_SUGGESTED = 30  # unknown names of a table for which the nearest are looked up, which takes long
_NEAR = 60.0  # rapidfuzz score, 0 to 100, below which two titles have nothing to do with each other
_SHORT = 80  # characters of a cell that are repeated in what is said about it
_FEW = 8  # members of a list that are all told
_MOST_NAMES = 50  # in one cell

_NUMBER = r"([0-9]{1,9}(?:[.,][0-9]{1,9})?)"
_PERCENT = re.compile(rf"{_NUMBER} ?%?(?: ?[-\u2014\u2212] ?| to ){_NUMBER} ?%|{_NUMBER} ?%")
_COUNT = re.compile(r"([0-9]{1,9}) ?(?:/|of|out of) ?([0-9]{1,9})")
_MAGNITUDE = re.compile(rf"(<{{1,9}}) ?{_NUMBER} ?%")
_WAYS = '"95-98 %", "5 %", "13 of 20", "<< 1 %"'


class Unclear(Exception):
    """A cell that cannot be understood: it says why, and what helps."""


class Names:
    """What everything that a cell can name is called."""

    def __init__(self, basis: Basis) -> None:
        self._knowledge: Knowledge = basis.knowledge
        self._members: dict[str, defaultdict[str, set[str]]] = {name: defaultdict(set) for name in LISTS}
        self._labels: dict[str, dict[str, str]] = {name: {} for name in LISTS}
        self._nearest: dict[tuple[str, str], list[str]] = {}
        classes = " ".join(f"msk:{name}" for name in LISTS)
        query = f"""SELECT ?c ?n ?label ?other {{
            VALUES ?c {{ {classes} }} ?n a ?c ; rdfs:label|dcterms:title ?label
            OPTIONAL {{ ?n skos:altLabel ?other }} }}"""
        for row in select(basis.store, query):
            known, node = local_name(row["c"]), row["n"]
            self._labels[known][node] = row["label"]
            for name in (node, curie(node), local_name(node), row["label"], row.get("other") or row["label"]):
                self._members[known][fold(name)].add(node)

    def labels(self, members: str) -> list[str]:
        """Return what the members of a list are called, sorted."""
        return sorted(self._labels[members].values(), key=str.casefold)

    def kind(self, concept: str) -> Kind:
        """Return what a concept is."""
        return self._knowledge.kind(concept)

    def label(self, members: str, node: str) -> str:
        """Return what a member of a list is called."""
        return self._labels[members][node]

    def concepts(self, kind: Kind) -> list[str]:
        """Return the labels of the concepts of a kind, sorted."""
        found = (each.label for each in self._knowledge.concepts.values() if each.kind == kind)
        return sorted(found, key=str.casefold)

    def named(self, column: Column, text: str) -> tuple[str, ...]:
        """Return what a cell names, by IRIs, each once.

        :raises Unclear: if something in it names nothing
        """
        parts = [part.strip() for part in text.split(";")] if column.several else [text]
        if len(parts) > _MOST_NAMES:
            raise Unclear(f"This names {len(parts)} things; at most {_MOST_NAMES} fit into one cell.")
        return tuple(dict.fromkeys(self._one(column, part) for part in parts if part))

    def written(self, column: Column, *terms: str | None) -> str:
        """Return what a cell says that names things."""
        return "; ".join(self._written(column, term) for term in terms if term)

    def source(self, title: str) -> str | None:
        """Return the source of a title, CURIE or IRI, if there is one.

        :raises Unclear: if there are several
        """
        found = sorted(self._members["Source"].get(fold(title), ()))
        if len(found) > 1:
            which = " or ".join(map(curie, found))
            raise Unclear(f'{len(found)} sources are called "{_short(title)}". Write which is meant: {which}.')
        return found[0] if found else None

    def no_source(self, title: str) -> str:
        """Return what to say of a title that no source has."""
        return f'{self._no_member("Source", title)} If it is new, fill in "source citation", in one row at least.'

    def how_often(self, stated: str, read_as: str) -> HowOften:
        """Return how often, from the words of the source and from what they are to be read as, if that is not clear.

        :raises Unclear: if no number can be read
        """
        if not stated and not read_as:
            return HowOften()
        text = fold(read_as or stated)
        if text == fold(FORMS[NOT_STATED]):
            if fold(stated) not in ("", text):
                raise Unclear("If the source does not say how often, these words belong into the note.")
            return HowOften()
        if found := _PERCENT.fullmatch(text):
            lower, upper = (_percent(number) for number in ((found[3],) * 2 if found[3] else found.group(1, 2)))
            return HowOften("percent-range", stated, lower, upper)
        if found := _COUNT.fullmatch(text):
            if not int(found[2]):
                raise Unclear("A count is n of m, with m at least 1.")
            return HowOften("count", stated, numerator=int(found[1]), denominator=int(found[2]))
        if found := _MAGNITUDE.fullmatch(text):
            if not _percent(found[2]):
                raise Unclear("Nothing is less than 0 %.")
            return HowOften("order-of-magnitude", stated, upper=_percent(found[2]), marks=len(found[1]))
        if known := sorted(self._members["FrequencyWord"].get(text, ())):
            return HowOften("word", stated, word=known[0])
        words = ", ".join(self.labels("FrequencyWord"))
        remedy = f'Write into "read as" {_WAYS}, or one of the words {words}.'
        raise Unclear(f'"{_short(read_as or stated)}" is read as no number. {remedy}')

    def written_how_often(self, said: HowOften) -> tuple[str, str]:
        """Return the words of the source, and what they are to be read as, which is empty if they say it themselves."""
        if said.form == NOT_STATED:
            return "", ""
        try:
            if self.how_often(said.stated, "") == said:
                return said.stated, ""
        except Unclear:  # then the reading has to be written beside it
            pass
        match said.form:
            case "percent-range":
                return said.stated, f"{_digits(said.lower)}-{_digits(said.upper)} %"
            case "count":
                return said.stated, f"{said.numerator} of {said.denominator}"
            case "word":
                return said.stated, self._labels["FrequencyWord"][said.word or ""]
        return said.stated, f"{'<' * (said.marks or 0)} {_digits(said.upper)} %"

    def _one(self, column: Column, text: str) -> str:
        if column.members:
            found = sorted(self._members[column.members].get(fold(text), ()))
            if len(found) != 1:
                raise Unclear(self._no_member(column.members, text))
            return found[0]
        known = self._knowledge.lexicon.get(text, column.kinds)
        if known is None:
            raise Unclear(self._no_concept(column, text))
        return known

    def _written(self, column: Column, term: str) -> str:
        if column.members:
            label = self._labels[column.members][term]
            is_clear = self._members[column.members][fold(label)] == {term}
        else:
            label = self._knowledge.label(term)
            is_clear = self._knowledge.lexicon.get(label, column.kinds) == term
        return label if is_clear and is_plain(label) and not (column.several and ";" in label) else curie(term)

    def _no_member(self, members: str, text: str) -> str:
        labels = self.labels(members)
        if len(labels) <= _FEW:
            return f'"{_short(text)}" is none of {", ".join(labels)}.'
        return str(UnknownTerm(_short(text), self._near(text, members, lambda: _nearest(text, labels))))

    def _no_concept(self, column: Column, text: str) -> str:
        wanted = " or ".join(column.kinds)
        lexicon = self._knowledge.lexicon
        if (other := lexicon.get(text)) and lexicon.kinds[other] != "case":
            return f'"{_short(text)}" is a {lexicon.kinds[other]}, and a {wanted} is needed here.'
        near = self._near(text, wanted, lambda: lexicon.suggest(text[:_SHORT], column.kinds))
        return f"{UnknownTerm(_short(text), near)} A {wanted} is needed that is on the page Concepts."

    def _near(self, text: str, of: str, look: Callable[[], list[str]]) -> list[str]:
        """Return the nearest labels, as long as not too many have been looked for."""
        known = (text, of)
        if known not in self._nearest and len(self._nearest) < _SUGGESTED:
            self._nearest[known] = look()
        return self._nearest.get(known, [])


def _nearest(text: str, titles: Sequence[str]) -> list[str]:
    from rapidfuzz import fuzz, process

    found = process.extract(text[:_SHORT], titles, scorer=fuzz.WRatio, processor=fold, limit=3, score_cutoff=_NEAR)
    return [title for title, _, _ in found]


def _percent(digits: str) -> float:
    number = float(digits.replace(",", "."))
    if number > 100:
        raise Unclear("A percentage is between 0 and 100.")
    return number


def _digits(percent: float | None) -> str:
    return format(Decimal(str(percent or 0)).normalize(), "f")


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."
