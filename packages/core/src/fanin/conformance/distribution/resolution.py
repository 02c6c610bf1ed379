"""Resolution: bits of the rank, distinct values, and zeros that are zero."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np

from fanin.conformance.adapter import from_bytes
from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.cases import ATOM, LAWS, WIDE
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.law import ExpectedLaw
from fanin.conformance.distribution.sample import SampleTrial
from fanin.conformance.distribution.statistics import binomial_interval, poisson_detects, poisson_limit, z_detects
from fanin.dtypes import DTYPES
from fanin.initializers.presets import constant

__all__ = ["RESOLUTION_CHECKS"]

_BITS: Final = 16
_RESOLVED: Final = round(1 / ATOM)
"""A float32 weight has at least as many distinct values as so many equally likely ones would give."""

CONSTANTS: Final = (
    (Case((37, 11), "zeros", "OI", name="bias"), 0.0),
    (Case((37, 11), "ones", "OI", name="scale"), 1.0),
    (Case((37, 11), constant(-0.75), "OI", name="gate"), -0.75),
    (Case((37, 11), "zeros", "OI", name="bias", dtype="float64"), 0.0),
    (Case((37, 11), "zeros", "OI", name="bias", dtype="float16"), 0.0),
    (Case((37, 11), "ones", "OI", name="scale", dtype="bfloat16"), 1.0),
)


def bits(trial: SampleTrial) -> Iterator[Result]:
    """Yield how often each of the 16 leading bits of the rank F(w) is 1: binomial with probability ½."""
    for item in trial.samples(WIDE):
        if isinstance(item, Result):
            yield item
            continue
        low, high = binomial_interval(item.n, 0.5, trial.alpha)
        ranks = np.minimum(item.scores * 2.0**_BITS, 2.0**_BITS - 1).astype(np.uint32)
        counts = [int(np.count_nonzero(ranks & (1 << (_BITS - k)))) for k in range(1, _BITS + 1)]
        worst = max(range(_BITS), key=lambda k: abs(counts[k] - item.n / 2))
        yield judge(
            f"{item.call}, bits 1 to {_BITS}",
            f"how often bit {worst + 1} of the rank is 1",
            counts[worst],
            n=item.n,
            low=low,
            high=high,
            alpha=_BITS * trial.alpha,
            detects=f"a bit that is 1 with probability ½ ± {z_detects(trial.alpha) / 2 / math.sqrt(item.n):.2%}",
            mistake=f"bit {worst + 1} of the rank is biased: sampled with {worst} bits?" if worst > 2 else "",
        )


def distinct(trial: SampleTrial) -> Iterator[Result]:
    """Yield how many distinct values each sample has.

    The indicators of which values occur are negatively associated, so that the Chernoff bounds hold: the number of
    distinct values falls short of its mean E by t with probability at most exp(-t²/2E), and exceeds it by t with
    probability at most exp(-t²/2(E + t/3)).
    """
    for item in trial.samples(LAWS):
        if isinstance(item, Result):
            yield item
            continue
        wide = item.case.dtype in ("float32", "float64")
        mean = (
            _RESOLVED * -math.expm1(-item.n / _RESOLVED) if wide else _mean_distinct(item.law, item.case.dtype, item.n)
        )
        log = -math.log(trial.alpha / 2)
        low = mean - math.sqrt(2 * mean * log)
        high = None if wide else mean + log / 3 + math.sqrt(log * log / 9 + 2 * mean * log)
        values, counts = np.unique(item.values, return_counts=True)
        seen = values.size
        yield judge(
            item.call,
            "the number of distinct values",
            seen,
            n=item.n,
            low=low,
            high=high,
            alpha=trial.alpha,
            detects=f"fewer than {low:.0f} distinct values"
            + (
                f", as with less than {math.log2(_RESOLVED):.0f} random bits a weight"
                if wide
                else f" (mean {mean:.0f})"
            ),
            mistake="the weights are sampled in low precision, or repeat"
            if seen < low
            else "the weights are not rounded",
        )
        if wide:
            yield _most(item.call, item.n, int(counts.max()), float(values[counts.argmax()]), trial.alpha)


def _most(call: str, n: int, most: int, value: float, alpha: float) -> Result:
    """Return how often the most frequent value comes: beyond k with probability P(Poisson > k) / p, p that of each."""
    limit = poisson_limit(n * ATOM, alpha * ATOM)
    return judge(
        f"{call}, equal weights",
        "how many weights have the same value",
        most,
        n=n,
        high=limit,
        alpha=alpha,
        detects=f"a value that {poisson_detects(limit):.0f} of the weights have",
        mistake=f"the value {value:.6g} comes too often: weights are moved to it",
    )


@lru_cache(maxsize=32)
def _mean_distinct(law: ExpectedLaw, dtype: str, n: int) -> float:
    """Return the mean number of distinct values of n weights, rounded to a format of 16 bits."""
    half = 1 << (DTYPES[dtype].bits - 1)
    patterns = np.arange(half, dtype="<u2")
    positive = from_bytes(patterns.tobytes(), dtype)
    values = np.sort(positive[np.isfinite(positive)].astype(np.float64))
    numbers = np.concatenate((-values[:0:-1], values))
    between = (numbers[:-1] + numbers[1:]) / 2
    p = np.diff(np.concatenate(([0.0], law.cdf(between), [1.0])))
    return float(np.sum(-np.expm1(n * np.log1p(-p))))


def constants(trial: SampleTrial) -> Iterator[Result]:
    """Yield whether constants are exactly that, and positive zeros."""
    for case, value in CONSTANTS:
        call = trial.call(case)
        weights = trial.drawn(case)
        if isinstance(weights, Result):
            yield weights
            continue
        wrong = int(np.count_nonzero((weights != value) | (np.signbit(weights) != (value < 0))))
        yield judge(
            call,
            f"the number of weights that are not {value:g}",
            wrong,
            n=weights.size,
            high=0,
            detects="any other weight",
        )


RESOLUTION_CHECKS: Final = (
    Check("resolution.bits", "distribution", "each leading bit of the rank is 0 or 1 with equal probability", bits),
    Check(
        "resolution.distinct", "distribution", "there are as many distinct values as the dtype has room for", distinct
    ),
    Check("resolution.constants", "distribution", "zeros are zero, ones are one", constants),
)
