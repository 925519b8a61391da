"""Probability when all that is known are intervals: exact bounds of a posterior, and which cause is surely ahead.

Causes ``0 .. n-1`` are exclusive and exhaustive. A prior is any distribution ``p`` with ``lower <= p <= upper``; the
evidence has, under cause ``j``, any probability between ``a[j]`` and ``b[j]``. A bound is the least or greatest value
over everything that fits, so it says what follows from the intervals and nothing more (naive credal classifier:
Zaffalon, ISIPTA 1999; probability intervals: de Campos, Huete and Moral 1994).

The prior bounds must be reachable (:func:`mskgraph.differential.coherence.natural_extension` makes them so). Then the
extreme prior of a cause can be had together with any extreme of the others, and every bound has a closed form.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Competition(NamedTuple):
    """What the other causes can weigh against each cause.

    :ivar least: shape (n,), least probability of evidence and another cause, with the cause itself at its upper bound
    :ivar greatest: shape (n,), greatest one, with the cause itself at its lower bound
    """

    least: Floats
    greatest: Floats


def competition(lower: Floats, upper: Floats, a: Floats, b: Floats) -> Competition:
    """Return for each cause the least and greatest weight of all others together.

    The mass that is left is poured into the causes in the order of their likelihood, each up to its bound: a fractional
    knapsack. Sorting once and looking up each cause's place in the running sums takes O(n log n) for all causes.

    :param lower: shape (n,), reachable lower bounds of the prior
    :param upper: shape (n,), reachable upper bounds of the prior
    :param a: shape (n,), lower bounds of the likelihood
    :param b: shape (n,), upper bounds of the likelihood
    """
    return Competition(
        _poured(lower, upper, a, 1.0 - upper, np.argsort(a, kind="stable")),
        _poured(lower, upper, b, 1.0 - lower, np.argsort(-b, kind="stable")),
    )


def _poured(lower: Floats, upper: Floats, weight: Floats, mass: Floats, order: NDArray[np.intp]) -> Floats:
    """Return for each cause k the sum of p times weight over the others, their masses summing to ``mass[k]``."""
    room = upper - lower
    filled = np.cumsum(room[order])
    cost = np.cumsum((room * weight)[order])
    before = np.concatenate(([0.0], filled[:-1]))
    cost_before = np.concatenate(([0.0], cost[:-1]))

    def pour(amount: Floats) -> Floats:
        last = np.minimum(np.searchsorted(filled, amount), len(order) - 1)
        return cost_before[last] + (amount - before[last]) * weight[order][last]

    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    left = np.maximum(mass - (lower.sum() - lower), 0.0)
    skipped = left > before[place]  # the cause itself stands before the place where pouring ends
    extra = pour(left + np.where(skipped, room, 0.0)) - np.where(skipped, room * weight, 0.0)
    result: Floats = np.maximum((lower * weight).sum() - lower * weight + extra, 0.0)
    return result


def posterior(lower: Floats, upper: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return the exact lower and upper posterior probability of each cause.

    Where the evidence may be impossible, only the distributions that allow it count.

    :returns: two arrays of shape (n,)

    >>> seed = np.array([[.95889, .01, .01, 1e-4, 1e-5, 1e-6], [.979889, .02, .02, 1e-3, 1e-4, 1e-5]])
    >>> chondrocalcinosis = np.array([[0, .80, .05, 0, 0, 0], [.01, .99, .29, .01, .01, .01]])
    >>> low, high = posterior(*seed, *chondrocalcinosis)
    >>> [f"{x:.3f}-{y:.3f}" for x, y in zip(low[:3], high[:3])]
    ['0.000-0.535', '0.340-0.975', '0.017-0.420']
    """
    others = competition(lower, upper, a, b)
    return share(lower * a, others.greatest), share(upper * b, others.least)


def share(own: Floats, others: Floats) -> Floats:
    """Return ``own / (own + others)``, and 0 where both are 0."""
    total = own + others
    return np.divide(own, total, out=np.zeros_like(total), where=total > 0)


def layers(surely: Floats, possibly: Floats) -> NDArray[np.int64]:
    """Return the layer of each cause in the partial order of being surely ahead, from 1.

    Cause i is surely ahead of j if its probability exceeds j's under every distribution (maximality). With reachable
    prior bounds both extremes can be had at once, so that is ``surely[i] > possibly[j]``. The first layer are the
    causes that nothing is surely ahead of, the second those that only the first is ahead of, and so on.

    :param surely: shape (n,), least joint probability of cause and evidence: lower prior times lower likelihood
    :param possibly: shape (n,), greatest: upper prior times upper likelihood

    >>> layers(np.array([.9, .01, 0.]), np.array([.98, .02, .95])).tolist()
    [1, 2, 1]
    """
    order = np.argsort(-possibly, kind="stable")
    # A layer takes every cause left that reaches the best sure value left, so layers follow in this order.
    best_left = np.maximum.accumulate(surely[order][::-1])[::-1]
    layer = np.empty(len(order), dtype=np.int64)
    start, number = 0, 0
    ordered = possibly[order]
    while start < len(order):
        number += 1
        end = max(start + 1, int(np.searchsorted(-ordered, -best_left[start], side="right")))
        layer[order[start:end]] = number
        start = end
    return layer


def undominated(surely: Floats, possibly: Floats) -> NDArray[np.bool_]:
    """Return which causes nothing is surely ahead of; works along the last axis."""
    result: NDArray[np.bool_] = possibly >= surely.max(axis=-1, keepdims=True)
    return result


def witness(lower: Floats, upper: Floats, a: Floats, b: Floats, cause: int, *, greatest: bool) -> tuple[Floats, Floats]:
    """Return a prior and a likelihood within the bounds that give a cause its bound.

    :param greatest: whether the upper bound is meant
    :returns: two arrays of shape (n,)
    """
    likelihood = np.where(np.arange(len(a)) == cause, b if greatest else a, a if greatest else b)
    prior = lower.copy()
    prior[cause] = upper[cause] if greatest else lower[cause]
    left = 1.0 - prior.sum()
    for j in np.argsort(a if greatest else -b, kind="stable"):
        if j != cause:
            poured = min(max(left, 0.0), upper[j] - lower[j])
            prior[j] += poured
            left -= poured
    return prior, likelihood


def product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return likelihood bounds of features that are independent given the cause; features along the last axis."""
    return a.prod(axis=-1), b.prod(axis=-1)


def frechet(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return likelihood bounds of features whose dependence is unknown (Frechet); features along the last axis."""
    count = a.shape[-1]
    return np.maximum(0.0, a.sum(axis=-1) - (count - 1)), (b.min(axis=-1) if count else np.ones(b.shape[:-1]))
