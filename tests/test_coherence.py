"""The gate: impossible numbers and tables that nobody can believe are caught, sound ones are let through."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from mskgraph import KnowledgeGraph, ontology
from mskgraph.differential import (
    Bounds,
    Engine,
    avoids_sure_loss,
    bounds,
    faults,
    natural_extension,
    smallest_repair,
)
from mskgraph.differential.coherence import Fault
from mskgraph.errors import OntologyInvalid
from mskgraph.graph import NOT_STATED, Claim, Estimate, Knowledge, Table
from mskgraph.terms import iri
from tests.command_line import run

pytestmark = pytest.mark.usefixtures("seed")

SEED = 20_260_412
PRECISE = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
SEED_TABLE = [(0.95, 0.98), (0.01, 0.02), (0.01, 0.02), (1e-4, 1e-3), (1e-5, 1e-4), (1e-6, 1e-5)]


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return KnowledgeGraph.open().knowledge


# Against linear programs


def random_table(chance: np.random.Generator) -> list[Bounds]:
    """Bounds of any sort: some fit, some add up to too much, some to too little."""
    count = int(chance.integers(1, 13))
    middle = chance.dirichlet(np.ones(count)) * chance.choice([0.7, 1.0, 1.3])
    slack = chance.uniform(0, 0.3, (2, count)) * chance.choice([0.0, 0.1, 1.0])
    lower, upper = np.clip([middle - slack[0], middle + slack[1]], 0, 1)
    return list(zip(lower.tolist(), upper.tolist(), strict=True))


def test_a_table_without_sure_loss_is_one_with_a_distribution() -> None:
    chance = np.random.default_rng([SEED, 1])
    outcomes = set()
    for _ in range(300):
        rows = random_table(chance)
        solved = linprog(np.zeros(len(rows)), A_eq=np.ones((1, len(rows))), b_eq=[1.0], bounds=rows, options=PRECISE)
        assert avoids_sure_loss(rows) == (solved.status == 0), rows
        outcomes.add(solved.status)
    assert outcomes == {0, 2}


def test_the_natural_extension_is_that_of_linear_programs() -> None:
    """All bounds of one table are found in one program, side by side."""
    chance = np.random.default_rng([SEED, 2])
    tried = 0
    while tried < 150:
        rows = random_table(chance)
        if not avoids_sure_loss(rows):
            with pytest.raises(ValueError, match="no distribution"):
                natural_extension(rows)
            continue
        tried += 1
        count = len(rows)
        cost = np.concatenate([np.eye(count).ravel(), -np.eye(count).ravel()])
        solved = linprog(
            cost,
            A_eq=np.kron(np.eye(2 * count), np.ones((1, count))),
            b_eq=np.ones(2 * count),
            bounds=rows * (2 * count),
            options=PRECISE,
        )
        if solved.status == 2:  # a lone distribution that rounding leaves a hair outside its own bounds
            assert all(high - low < 1e-9 for low, high in rows)
            continue
        assert solved.status == 0
        parts = (cost * solved.x).reshape(2, count, count).sum(axis=2)
        found = np.array(natural_extension(rows)).T
        assert found == pytest.approx(np.array([parts[0], -parts[1]]), abs=1e-9)


def test_the_smallest_repair_is_that_of_a_linear_program() -> None:
    chance = np.random.default_rng([SEED, 3])
    broken = 0
    for _ in range(400):
        rows = random_table(chance)
        lower, upper = np.array(rows).T
        count = len(rows)
        identity, ones = np.eye(count), np.ones((count, 1))
        solved = linprog(
            [*np.zeros(count), 1.0],
            A_ub=np.vstack([np.hstack([-identity, -ones]), np.hstack([identity, -ones])]),
            b_ub=np.concatenate([-lower, upper]),
            A_eq=[[*np.ones(count), 0.0]],
            b_eq=[1.0],
            bounds=[(0, 1)] * (count + 1),
            options=PRECISE,
        )
        assert solved.status == 0
        assert smallest_repair(rows) == pytest.approx(solved.fun, abs=1e-9)
        broken += solved.fun > 1e-9
    assert 100 < broken < 300


def relaxed(rows: list[Bounds], by: float) -> list[Bounds]:
    return [(max(0.0, low - by), min(1.0, high + by)) for low, high in rows]


def test_the_smallest_repair_mends_and_a_little_less_does_not() -> None:
    chance = np.random.default_rng([SEED, 4])
    mended = 0
    while mended < 500:
        rows = random_table(chance)
        if avoids_sure_loss(rows):
            assert smallest_repair(rows) == 0.0
            continue
        by = smallest_repair(rows)
        assert avoids_sure_loss(relaxed(rows, by))
        natural_extension(relaxed(rows, by))
        if by > 1e-9:
            assert not avoids_sure_loss(relaxed(rows, 0.99 * by))
        mended += 1


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.integers(0, 2**32))
def test_the_natural_extension_of_itself_is_itself(seed: int) -> None:
    rows = random_table(np.random.default_rng(seed))
    if not avoids_sure_loss(rows):
        return
    once = natural_extension(rows)
    assert np.array(natural_extension(once)) == pytest.approx(np.array(once), abs=1e-14)
    for (low, high), (lower, upper) in zip(once, rows, strict=True):
        assert lower - 1e-15 <= low <= high <= upper + 1e-15


def test_decimals_that_do_not_add_up_in_binary_are_let_through() -> None:
    for rows in ([(0.1, 0.1)] * 10, [(0.7, 0.7), (0.2, 0.2), (0.1, 0.1)], [(0.0, 0.1)] * 10, [(0.1, 1.0)] * 10):
        assert avoids_sure_loss(rows)
        assert smallest_repair(rows) == 0.0
        assert all(low <= high for low, high in natural_extension(rows))


def test_the_table_of_the_seed() -> None:
    found = natural_extension(SEED_TABLE)
    assert [round(bound, 5) for bound in found[0]] == [0.95889, 0.97989]
    assert np.array(found[1:]) == pytest.approx(np.array(SEED_TABLE[1:]))


def test_the_tables_of_the_ontology_are_sound(knowledge: Knowledge) -> None:
    assert list(faults(knowledge)) == []


# A thousand faults


def estimates(rows: list[Bounds], chance: np.random.Generator) -> list[Estimate]:
    """Bounds as a source might state them; now and then a row is not stated at all."""
    said = []
    for low, high in rows:
        if chance.random() < 0.05:
            said.append(NOT_STATED)
        else:
            said.append(Estimate("percent-range", f"{100 * low:g}-{100 * high:g} %", lower=low, upper=high))
    return said


def clean(chance: np.random.Generator) -> list[Estimate]:
    """A table that some distribution fits: every row holds its share of one."""
    count = int(chance.integers(2, 13))
    rare = int(chance.integers(0, count))
    said, left = [], 1.0
    for _ in range(rare):
        marks = int(chance.integers(1, 5))
        limit = float(chance.choice([0.01, 0.05]))
        low, high = bounds(Estimate("order-of-magnitude", upper=limit, marks=marks))
        share = chance.uniform(low, high)
        if share > left / 2:
            continue
        left -= share
        said.append(Estimate("order-of-magnitude", f"{'<' * marks} {limit:%}", upper=limit, marks=marks))
    shares = chance.dirichlet(np.ones(count - rare)) * left
    for share in shares.tolist():
        if chance.random() < 0.3:
            total = int(chance.integers(5, 500))
            counted = round(share * total)
            said.append(Estimate("count", f"{counted} of {total}", numerator=counted, denominator=total))
        else:
            low, high = max(0.0, share - chance.uniform(0, 0.1)), min(1.0, share + chance.uniform(0, 0.1))
            said += estimates([(low, high)], chance)
    return [said[place] for place in chance.permutation(len(said))]


def table_of(knowledge: Knowledge, said: list[Estimate]) -> Knowledge:
    """The knowledge with one table and no other claim."""
    source = next(iter(knowledge.tables.values())).source
    table = Table(iri("table-test"), "Made up", iri("soft-tissue-calcification"), "nobody", source)
    diagnoses = sorted(c.iri for c in knowledge.concepts.values() if c.kind == "diagnosis")
    rows = {
        iri(f"row-{n}"): Claim(
            iri=iri(f"row-{n}"),
            diagnosis=diagnoses[n],
            relation="row",
            target=table.finding,
            estimate=estimate,
            source=source,
            table=table.iri,
            rank=n + 1,
        )
        for n, estimate in enumerate(said)
    }
    return replace(knowledge, claims=rows, tables={table.iri: table})


def wrong(**changes: object) -> Callable[[np.random.Generator], Estimate]:
    return lambda chance: Estimate(**changes)  # type: ignore[arg-type]


IMPOSSIBLE: dict[str, Callable[[np.random.Generator], Estimate]] = {
    "lower above upper": lambda chance: Estimate(
        "percent-range", "wrong", lower=chance.uniform(0.5, 1), upper=chance.uniform(0, 0.4999)
    ),
    "upper above 1": lambda chance: Estimate("percent-range", "wrong", lower=0.1, upper=1 + chance.uniform(1e-6, 99)),
    "lower below 0": lambda chance: Estimate("percent-range", "wrong", lower=-chance.uniform(1e-6, 1), upper=0.5),
    "no upper": wrong(form="percent-range", stated="wrong", lower=0.1),
    "no lower": wrong(form="word", stated="wrong", upper=0.1),
    "no number": lambda chance: Estimate("percent-range", "wrong", lower=float("nan"), upper=0.5),
    "more than all": lambda chance: Estimate("count", "wrong", numerator=int(chance.integers(51, 999)), denominator=50),
    "fewer than none": lambda chance: Estimate("count", "wrong", numerator=-int(chance.integers(1, 9)), denominator=50),
    "of nobody": wrong(form="count", stated="wrong", numerator=0, denominator=0),
    "of how many": wrong(form="count", stated="wrong", numerator=3),
    "marks without a limit": lambda chance: Estimate("order-of-magnitude", "wrong", marks=int(chance.integers(1, 5))),
    "a limit without marks": wrong(form="order-of-magnitude", stated="wrong", upper=0.01),
    "no mark": wrong(form="order-of-magnitude", stated="wrong", upper=0.01, marks=0),
    "a limit above 1": lambda chance: Estimate(
        "order-of-magnitude", "wrong", upper=1 + chance.uniform(1e-6, 99), marks=1
    ),
    "a limit of nothing": wrong(form="order-of-magnitude", stated="wrong", upper=0.0, marks=2),
}


def ranges(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> list[Estimate]:
    return [
        Estimate("percent-range", "wrong", lower=low, upper=high)
        for low, high in zip(lower.tolist(), upper.tolist(), strict=True)
    ]


def too_much(chance: np.random.Generator) -> list[Estimate]:
    """Lower bounds that add up to more than 1, be it by a millionth."""
    lower = chance.dirichlet(np.full(int(chance.integers(2, 13)), 5.0)) * (1 + 10 ** chance.uniform(-6, -1))
    return ranges(np.minimum(lower, 1), np.clip(lower + chance.uniform(0, 0.3, len(lower)), 0, 1))


def too_little(chance: np.random.Generator) -> list[Estimate]:
    """Upper bounds that add up to less than 1, be it by a millionth."""
    upper = chance.dirichlet(np.ones(int(chance.integers(1, 13)))) * (1 - 10 ** chance.uniform(-6, -0.5))
    return ranges(upper * chance.random(len(upper)), upper)


def test_a_thousand_clean_tables_pass(knowledge: Knowledge) -> None:
    chance = np.random.default_rng([SEED, 10])
    print(f"seed {SEED}, 10")
    forms = set()
    for _ in range(1000):
        said = clean(chance)
        forms |= {estimate.form for estimate in said}
        assert list(faults(table_of(knowledge, said))) == [], said
    assert forms == {"percent-range", "order-of-magnitude", "count", "not-stated"}


def test_a_thousand_faults_are_caught(knowledge: Knowledge) -> None:
    chance = np.random.default_rng([SEED, 11])
    print(f"seed {SEED}, 11")
    kinds = [*IMPOSSIBLE, "too much", "too little"]
    for number in range(1000):
        kind = kinds[number % len(kinds)]
        if kind in IMPOSSIBLE:
            said = clean(chance)
            place = int(chance.integers(len(said)))
            said[place] = IMPOSSIBLE[kind](chance)
            expected = iri(f"row-{place}")
        else:
            said = too_much(chance) if kind == "too much" else too_little(chance)
            expected = iri("table-test")
        broken = table_of(knowledge, said)
        found = list(faults(broken))
        assert [fault.node for fault in found][:1] == [expected], (kind, said)
        assert all(isinstance(fault, Fault) and fault.message and fault.remedy for fault in found)
        with pytest.raises(OntologyInvalid):
            Engine(broken)


def test_the_remedy_of_a_fault_would_do(knowledge: Knowledge) -> None:
    chance = np.random.default_rng([SEED, 12])
    for number in range(200):
        said = too_much(chance) if number % 2 else too_little(chance)
        (fault,) = faults(table_of(knowledge, said))
        points = float(fault.remedy.split(" by ")[1].split(" percentage points")[0])
        rows = [bounds(estimate) for estimate in said]
        side = ("Lower every lower bound", "Raise every upper bound")[number % 2 == 0]
        assert fault.remedy.startswith(side)
        assert points / 100 == pytest.approx(smallest_repair(rows), rel=1e-3)
        # The remedy is rounded to four digits.
        mended = ranges(*np.array(relaxed(rows, points / 99.9)).T)
        assert list(faults(table_of(knowledge, mended))) == []


# The command line

TABLE_FILE = "tables/soft-tissue-calcification.ttl"


def spoilt(folder: Path, before: str, after: str) -> Path:
    """A copy of the ontology with one number changed in its table."""
    shutil.copytree(ontology.find(), folder)
    file = folder / TABLE_FILE
    text = file.read_text("utf-8")
    assert text.count(before) == 1
    file.write_text(text.replace(before, after), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "msk:lower 0.95 ;",
            "msk:lower 0.98 ;",
            "The lower bounds of the rows add up to 100.0111 %, more than 100 %. Lower every lower bound by 0.00",
        ),
        (
            "msk:upper 0.98 .",
            "msk:upper 0.955 .",
            "The upper bounds of the rows add up to 99.611 %, less than 100 %. "
            "Raise every upper bound by 0.06483 percentage points, or give the rest to msk:other-cause.",
        ),
    ],
)
def test_an_incoherent_table_is_refused(tmp_path: Path, before: str, after: str, message: str) -> None:
    folder = spoilt(tmp_path / "ontology", before, after)
    checked = run("check", MSKGRAPH_ONTOLOGY=str(folder))
    assert checked.returncode == 1
    (line,) = checked.stdout.splitlines()  # what leads nowhere is told once the numbers can be
    assert line.startswith(f"{TABLE_FILE}: Causes of soft tissue calcification: {message}")
    asked = run("ddx", "--finding", "soft tissue calcification", MSKGRAPH_ONTOLOGY=str(folder))
    assert asked.returncode == 2
    assert asked.stdout == ""
    assert message in asked.stderr


def test_crossed_bounds_are_refused(tmp_path: Path) -> None:
    folder = spoilt(tmp_path / "ontology", "msk:upper 0.98 .", "msk:upper 0.94 .")
    checked = run("check", MSKGRAPH_ONTOLOGY=str(folder))
    assert checked.returncode == 1
    assert checked.stdout.startswith(f"{TABLE_FILE}: msk:table-soft-tissue-calcification-row-1-estimate: ")
    assert "may not lie above the upper bound" in checked.stdout
    asked = run("ddx", "--finding", "soft tissue calcification", MSKGRAPH_ONTOLOGY=str(folder))
    assert asked.returncode == 2
    assert asked.stdout == ""
    assert "'95-98 %' has no bounds between 0 and 1 in order: 0.95, 0.94." in asked.stderr
