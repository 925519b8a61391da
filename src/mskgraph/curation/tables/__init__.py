"""Cases and claims from a table: a template to fill in, and for each row what it says or what is wrong with it.

``columns`` says what a table holds, ``reading`` gets rows of text out of a file, ``naming`` finds what a cell means,
``filling`` makes filled-in forms of rows, ``writing`` goes the other way. What the forms
say is checked as any change is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rdflib import DCTERMS, Graph, URIRef

from mskgraph.curation import additions, problems
from mskgraph.curation.checks import MOST, Basis
from mskgraph.curation.forms import CaseForm, ClaimForm, Draft, NewSource, case_draft, claim_draft, is_taken
from mskgraph.curation.tables.columns import OF, Column, What
from mskgraph.curation.tables.filling import Filled, Form, fault_at, filled
from mskgraph.curation.tables.naming import Names
from mskgraph.curation.tables.reading import LARGEST, MOST_ROWS, Fault, Table, read
from mskgraph.curation.tables.writing import EXAMPLE, EXPLAINING, Written, template, written
from mskgraph.graph import Case, Claim
from mskgraph.ontology import Problem
from mskgraph.terms import curie, fold

__all__ = [
    "EXAMPLE",
    "EXPLAINING",
    "LARGEST",
    "MOST_ROWS",
    "OF",
    "Column",
    "Fault",
    "Rows",
    "Table",
    "What",
    "Written",
    "checked",
    "read",
    "template",
    "written",
]


@dataclass(frozen=True)
class Rows:
    """What a table says.

    :ivar graph: what it adds; nothing as long as a row is wrong, unless those that are were to be left out
    :ivar nodes: the cases or claims in it, in the order of the table
    :ivar faults: what is wrong, by row
    :ivar left_out: rows that are not in the graph
    :ivar cautions: what should be looked at, but may be so
    """

    graph: Graph
    nodes: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    left_out: tuple[int, ...] = ()
    cautions: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class _Drafted:
    filled: Filled
    draft: Draft


def checked(table: Table, what: What, basis: Basis, leave_out: bool = False) -> Rows:
    """Return what a table adds to the knowledge, checked as a whole; nothing is changed by it.

    :param what: what its rows say
    :param leave_out: whether to go on without the cases and claims that something is wrong with
    """
    names = Names(basis)
    forms, faults = filled(table, what, names)
    faults += _said_already(table, forms, basis, names)
    kept = forms
    while True:  # without what is left out, something else may be wrong
        drafted = _drafted(kept, is_taken(basis.store))
        said = {(fault.row, fold(fault.column)) for fault in faults}
        found = _found_wrong(table, what, basis, drafted)
        faults += [fault for fault in found if (fault.row, fault.column) not in said]
        wrong = {fault.row for fault in faults}
        good = [each for each in kept if not wrong.intersection(each.rows)]
        if not leave_out or len(good) == len(kept) or wrong & {0, table.header}:
            break
        kept = good
    is_right = kept == good and not wrong & {0, table.header}
    taken = drafted if is_right else []
    return Rows(
        _together(each.draft for each in taken),
        tuple(each.draft.node for each in taken),
        tuple(sorted(faults)),
        tuple(sorted(table.rows.keys() - {row for each in taken for row in each.filled.rows})),
        tuple(_examples(table, kept)),
    )


def _drafted(forms: Sequence[Filled], is_known: Callable[[str], bool]) -> list[_Drafted]:
    """Return the drafts of forms; those that describe the same new source share its node."""
    own: set[str] = set()
    sources: dict[str, NewSource] = {}
    known: dict[str, bool] = {}

    def is_taken_for(form: Form) -> Callable[[str], bool]:
        def is_taken(name: str) -> bool:
            if name in sources:
                return sources[name] != form.source
            if name not in known:
                known[name] = is_known(name)
            return name in own or known[name]

        return is_taken

    found = []
    for each in forms:
        form = each.form
        draft = _draft(form, is_taken_for(form))
        for node, part in draft.parts.items():
            if part == "source" and isinstance(form.source, NewSource):
                sources[node] = form.source
            else:
                own.add(node)
        found.append(_Drafted(each, draft))
    return found


def _draft(form: Form, is_taken: Callable[[str], bool]) -> Draft:
    return case_draft(form, is_taken) if isinstance(form, CaseForm) else claim_draft(form, is_taken)


def _together(drafted: Iterable[Draft]) -> Graph:
    graph = Graph()
    for draft in drafted:
        graph += draft.graph
    return graph


# --- what is wrong with what the rows say


def _found_wrong(table: Table, what: What, basis: Basis, drafted: Sequence[_Drafted]) -> Iterator[Fault]:
    """Yield what the checks of a change find, at the rows and columns that it is about."""
    if not drafted:
        return
    patch = additions(basis, _together(each.draft for each in drafted))
    if len(patch.added) > MOST:
        rows = len(table.rows) * MOST // len(patch.added)
        remedy = f"Give the table in parts of {rows} rows or fewer."
        yield Fault(0, "", f"The table comes to {len(patch.added)} triples; a change has at most {MOST}. {remedy}")
        return
    found: defaultdict[str, list[Problem]] = defaultdict(list)
    for problem in problems(basis, patch):
        found[problem.node].append(problem)
    for each in drafted:
        own = [problem for name in _called(each.draft) for problem in found.get(name, ())]
        for name, texts in each.draft.at_fields(own).items():
            for text in texts:
                yield _at_cell(table, what, each.filled, name, text)
    for name in found.keys() - {name for each in drafted for name in _called(each.draft)}:
        for problem in found[name]:
            yield Fault(0, "", f"{name}: {problem.message} {problem.remedy}")


def _called(draft: Draft) -> set[str]:
    """Return what problems call the nodes of a draft."""
    titles = {str(title) for node in draft.parts for title in draft.graph.objects(URIRef(node), DCTERMS.title)}
    return titles | {curie(node) for node in draft.parts}


def _at_cell(table: Table, what: What, filled: Filled, name: str, text: str) -> Fault:
    """Return what is wrong with a field of a form, at its cell.

    :param name: of the field, as drafts name it
    """
    part, _, prop = name.partition(" ")
    kind, _, number = part.partition("-")
    row = filled.observed[int(number) - 1] if number else filled.rows[0]
    column = next((column.name for column in OF[what] if f"{kind} {prop}" in column.fields), "")
    fault = fault_at(table, row, column, text)
    if kind == "source" and not table.text(row, column):  # another row describes it
        return fault_at(table, row, "source", f"Of this source: {text}")
    return fault


def _said_already(table: Table, forms: Iterable[Filled], basis: Basis, names: Names) -> Iterator[Fault]:
    """Yield cases and claims that the knowledge holds already, or that an earlier row says."""
    cases = {_case_key(case) for case in basis.knowledge.cases.values()}
    claims = {_claim_key(claim): 0 for claim in basis.knowledge.claims.values()}
    for each in forms:
        form, row = each.form, each.rows[0]
        if isinstance(form, CaseForm):
            if (fold(form.title), fold(form.description)) in cases:
                text = "The knowledge has a case of this title and description already. Delete it here."
                yield fault_at(table, row, "title", text)
        elif form.diagnosis and form.feature:
            earlier = claims.setdefault(_form_key(form, names), row)
            if earlier != row:
                where = f"Row {earlier} makes" if earlier else "The knowledge has"
                yield fault_at(table, row, "diagnosis", f"{where} this claim already. Delete it here.")


def _case_key(case: Case) -> tuple[str, str]:
    return fold(case.label), fold(case.description)


def _claim_key(claim: Claim) -> tuple[object, ...]:
    about = (claim.diagnosis, claim.target, claim.of_finding, frozenset(claim.sites), frozenset(claim.modalities))
    said = (claim.population, claim.locator, claim.estimate.stated)
    return (*about, claim.source.iri, *map(fold, said))


def _form_key(form: ClaimForm, names: Names) -> tuple[object, ...]:
    modalities = frozenset(names.label("Modality", modality) for modality in form.modalities)
    about = (form.diagnosis, form.feature, form.of_finding, frozenset(form.sites), modalities)
    source = fold(form.source.title) if isinstance(form.source, NewSource) else form.source
    return (*about, source, *map(fold, (form.population, form.locator, form.how_often.stated)))


def _examples(table: Table, forms: Iterable[Filled]) -> Iterator[Fault]:
    for each in forms:
        if each.form.note == EXAMPLE:
            text = "This is the example of the template. Delete it, unless it is meant."
            yield fault_at(table, each.rows[0], "note", text)
