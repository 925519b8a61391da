"""How often, as an interval: each form in which a source gives a number, read in one place."""

from __future__ import annotations

from functools import lru_cache

from mskgraph.graph import Estimate

Bounds = tuple[float, float]
"""Lower and upper bound of a probability."""

UNKNOWN: Bounds = (0.0, 1.0)
"""What is known of a frequency that nobody states."""

MAGNITUDE_BASE = 10.0
"""What one more "<" divides by: "<< 1 %" is read as [1e-4, 1e-3]. A convention of this program, not of the sources."""

_CONFIDENCE = 0.95


@lru_cache(maxsize=65536)
def bounds(estimate: Estimate, base: float = MAGNITUDE_BASE) -> Bounds:
    """Return an estimate as an interval of a probability.

    A count becomes its exact 95 % interval (Clopper and Pearson, Biometrika 1934), a word the interval of the
    ontology's one table of frequency words, an order of magnitude the band that its marks name, and what nobody states
    ``(0, 1)``.

    :param base: what one more mark of an order of magnitude divides by
    :raises ValueError: if the estimate is impossible: n above m, bounds crossed or outside 0 to 1

    >>> bounds(Estimate("order-of-magnitude", "<< 1 %", upper=0.01, marks=2))
    (0.0001, 0.001)
    >>> [round(bound, 3) for bound in bounds(Estimate("count", "13 of 20", numerator=13, denominator=20))]
    [0.408, 0.846]
    """
    if estimate.form == "not-stated":
        return UNKNOWN
    if estimate.form == "count":
        return _clopper_pearson(estimate)
    if estimate.form == "order-of-magnitude":
        return _band(estimate, base)
    lower, upper = estimate.lower, estimate.upper
    if lower is None or upper is None or not 0 <= lower <= upper <= 1:
        raise ValueError(f"{estimate.stated!r} has no bounds between 0 and 1 in order: {lower}, {upper}")
    return lower, upper


def _clopper_pearson(estimate: Estimate) -> Bounds:
    from scipy.special import betaincinv

    n, m = estimate.numerator, estimate.denominator
    if n is None or m is None or not 0 <= n <= m or m == 0:
        raise ValueError(f"{estimate.stated!r} counts {n} of {m}")
    tail = (1 - _CONFIDENCE) / 2
    lower = float(betaincinv(n, m - n + 1, tail)) if n > 0 else 0.0
    upper = float(betaincinv(n + 1, m - n, 1 - tail)) if n < m else 1.0
    return lower, upper


def _band(estimate: Estimate, base: float) -> Bounds:
    limit, marks = estimate.upper, estimate.marks
    if limit is None or not 0 < limit <= 1 or marks is None or marks < 1:
        raise ValueError(f"{estimate.stated!r} needs a limit between 0 and 1 and at least one mark: {limit}, {marks}")
    upper = limit / base ** (marks - 1)
    return upper / base, upper
