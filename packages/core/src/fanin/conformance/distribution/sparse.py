"""Sparse matrices: the number of zeros, their places, and the weights that are left."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, hypergeom

from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.law import ExpectedLaw
from fanin.conformance.distribution.matrices import Floats, matrices_of
from fanin.conformance.distribution.sample import SampleTrial, initializer_of
from fanin.conformance.distribution.statistics import (
    binomial_detects,
    binomial_interval,
    cdf_detects,
    cdf_distance,
    cdf_limit,
    shared_interval,
    square_interval,
    squares_detect,
    z_detects,
    z_limit,
)
from fanin.initializers import Normal
from fanin.initializers.matrices import Sparse
from fanin.initializers.presets import sparse

__all__ = ["SPARSE_CHECKS"]

Mask = npt.NDArray[np.bool_]
_LAGS: Final = (1, 2, 3)
_ZERO: Final = 2.0**-22
"""A normal weight is 0 by itself with this probability at most: generators draw from 2^24 numbers and more."""

SPARSE: Final = (
    (Case((401, 256), sparse(0.25), "OI", seed=531, name="sparse.0.weight"), 101),
    (Case((1024, 37), sparse(0.3, std=0.5), "IO", seed=532, name="sparse.1.weight"), 12),
    (Case((50, 1024), sparse(0.9), "OI", seed=533, name="sparse.2.weight", dtype="float64"), 45),
)
"""The case, and the zeros of a column, written down by hand: 100.25 and 11.1 rounded up, and 45."""


def zeros(trial: SampleTrial) -> Iterator[Result]:
    """Yield what the zeros of each matrix are: how many, where, and whether they depend on each other."""
    for case, wanted in SPARSE:
        others = (case, dataclasses.replace(case, seed=case.seed + 100))
        drawn, again, other = (trial.drawn(found) for found in (case, *others))
        if isinstance(drawn, Result) or isinstance(again, Result) or isinstance(other, Result):
            yield next(found for found in (drawn, again, other) if isinstance(found, Result))
            continue
        call = trial.call(case)
        matrix = _matrix(drawn, case)
        yield _count(trial, call, matrix, wanted)
        yield from _values(trial, call, matrix[matrix != 0], case)
        yield from _places(trial, call, matrix == 0, _matrix(other, case) == 0, wanted)
        yield judge(
            f"{call}, again",
            "the number of zeros that are elsewhere in the second of two equal calls",
            int(np.count_nonzero((matrix == 0) != (_matrix(again, case) == 0))),
            n=matrix.size,
            high=0,
            detects="any difference",
            call=call,
            mistake="the seed does not fix the places of the zeros: they come from a global generator",
        )


def _matrix(values: npt.NDArray[Any], case: Case) -> Floats:
    return matrices_of(values, case)[0, 0, :, :, 0]


def _count(trial: SampleTrial, call: str, matrix: Floats, wanted: int) -> Result:
    """Return in how many columns the number of zeros is another one; those of normal weights are chance."""
    counts = np.count_nonzero(matrix == 0, axis=0)
    wrong = int(np.count_nonzero(counts != wanted))
    usual = int(np.bincount(counts).argmax())
    return judge(
        f"{call}, zeros of a column",
        f"the number of columns that have not {wanted} zeros",
        wrong,
        n=matrix.shape[1],
        high=int(binom.isf(trial.alpha, matrix.size, _ZERO)),
        alpha=trial.alpha,
        detects="one zero more or less in each column",
        call=call,
        mistake=f"most columns have {usual} zeros: the share is not rounded up, or is of something else",
    )


def _values(trial: SampleTrial, call: str, weights: Floats, case: Case) -> Iterator[Result]:
    """Yield mean, variance and distribution of the weights that are not 0: those of a normal law, exactly."""
    law = initializer_of(case)
    assert isinstance(law, Sparse)
    standard, n = weights / law.std, weights.size
    limit = z_limit(trial.alpha)
    yield judge(
        f"{call}, mean of the others",
        "the mean of the weights that are not 0, in standard errors",
        float(np.sum(standard)) / math.sqrt(n) if n else math.nan,
        n=n,
        low=-limit,
        high=limit,
        alpha=trial.alpha,
        detects=f"a mean that is off by {z_detects(trial.alpha) / math.sqrt(max(n, 1)):.2%} of σ",
        call=call,
        mistake="the zeros are chosen by the weights",
    )
    low, high = square_interval(max(n, 1), 3.0, trial.alpha)
    ratio = float(np.mean(np.square(standard))) if n else math.nan
    yield judge(
        f"{call}, variance of the others",
        "the mean square of the weights that are not 0, over the variance",
        ratio,
        n=n,
        low=low,
        high=high,
        alpha=trial.alpha,
        detects=f"a standard deviation that is off by {squares_detect(max(n, 1), 3.0, trial.alpha):.2%}",
        call=call,
        mistake=f"the standard deviation is {math.sqrt(ratio):.4g} times what it should be",
    )
    yield judge(
        f"{call}, distribution of the others",
        "the distance of the weights that are not 0 from the normal law",
        cdf_distance(standard, ExpectedLaw(Normal(0.0, 1.0)).cdf) if n else math.nan,
        n=n,
        high=cdf_limit(max(n, 1), trial.alpha),
        alpha=trial.alpha,
        detects=f"a distribution function that is off by {cdf_detects(max(n, 1), trial.alpha):.4f}",
        call=call,
        mistake="the zeros are chosen by the weights, or the weights are not normal",
    )


def _places(trial: SampleTrial, call: str, mask: Mask, other: Mask, wanted: int) -> Iterator[Result]:
    """Yield how often each row is 0, and how many zeros two columns share.

    A row is 0 in a binomial number of the columns. Two independent columns share a hypergeometric number of zeros, in
    whatever rows the one has its own; so the numbers that columns share with their neighbours are independent.
    """
    rows, columns = mask.shape
    p = wanted / rows
    counts = np.count_nonzero(mask, axis=1)
    worst = int(np.argmax(np.abs(counts - p * columns)))
    low, high = binomial_interval(columns, p, trial.alpha / rows)
    less, more = binomial_detects(columns, p, trial.alpha / rows)
    yield judge(
        f"{call}, rows",
        f"in how many columns row {worst} is 0",
        int(counts[worst]),
        n=columns,
        low=low,
        high=high,
        alpha=trial.alpha,
        detects=f"a row that is 0 with probability {less:.2f} or {min(more, 1.0):.2f} for {p:.2f}",
        call=call,
        mistake="the columns share their zeros, or some rows are preferred",
        note=f"{rows} rows",
    )
    yield from _shared(trial, call, mask, other, wanted)
    pairs = columns * (columns - 1) // 2
    low, high = shared_interval(rows, wanted, 1, trial.alpha / pairs)
    if high < wanted:  # else so many pairs share all their zeros by chance
        numbers = mask.astype(np.float32)
        shared = np.triu(numbers.T @ numbers - rows * p * p, 1)
        first, second = np.unravel_index(int(np.argmax(np.abs(shared))), shared.shape)
        yield judge(
            f"{call}, pairs of columns",
            f"the zeros that columns {first} and {second} share",
            int(np.count_nonzero(mask[:, first] & mask[:, second])),
            n=rows,
            low=low,
            high=high,
            alpha=trial.alpha,
            detects=f"two columns that share more than {high} of their {wanted} zeros",
            call=call,
            mistake="columns have the same mask",
            note=f"{pairs} pairs",
        )


def _shared(trial: SampleTrial, call: str, mask: Mask, other: Mask, wanted: int) -> Iterator[Result]:
    """Yield how many zeros columns share with those one, two and three further, and with those of another seed."""
    rows = len(mask)
    pairs = [(f"columns {lag} apart", mask[:, lag:] & mask[:, :-lag]) for lag in _LAGS]
    for what, shared in (*pairs, ("the same columns with two seeds", mask & other)):
        n = shared.shape[1]
        low, high = shared_interval(rows, wanted, n, trial.alpha)
        mean, std = (float(x) for x in (hypergeom.mean(rows, wanted, wanted), hypergeom.std(rows, wanted, wanted)))
        detected = (high / n - mean + 2.33 * std / math.sqrt(n)) / wanted
        number = int(np.count_nonzero(shared))
        yield judge(
            f"{call}, {what}",
            f"the zeros that {what} share, over all {n} pairs",
            number,
            n=n,
            low=low,
            high=high,
            alpha=trial.alpha,
            detects=f"{what} that share {detected:.1%} more of their zeros than by chance",
            call=call,
            mistake="the mask repeats from column to column, or from seed to seed" if number > high else "",
        )


SPARSE_CHECKS: Final = (
    Check("matrices.sparse", "distribution", "columns have their number of zeros, at random places", zeros),
)
