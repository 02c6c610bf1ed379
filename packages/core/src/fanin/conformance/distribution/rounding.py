"""Rounding: a weight of a 16-bit dtype is the nearest number, not the one below or above."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.cases import LOW_PRECISION
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.sample import Sample, SampleTrial
from fanin.conformance.distribution.statistics import binomial_detects, binomial_interval
from fanin.dtypes import DTYPES

__all__ = ["ROUNDING_CHECKS"]

_FRACTION: Final = 0.5
"""What `frexp` gives for a power of two."""


def powers(trial: SampleTrial) -> Iterator[Result]:
    """Yield how many weights are a power of two, or minus one, over all tensors of a dtype.

    Below a power of two the numbers lie twice as close. So it is the nearest number for a stretch of ¾ of the step
    above it, of a whole step if the weights are cut toward 0, and of ½ if they are rounded away from it. (A number in
    between has a whole step in every case. Rounding at random has ¾, too.) The number is spread no wider than a
    binomial.
    """
    samples: dict[str, list[Sample]] = {}
    for item in trial.samples(LOW_PRECISION):
        if isinstance(item, Result):
            yield item
        else:
            samples.setdefault(item.case.dtype, []).append(item)
    for dtype, found in samples.items():
        n = sum(item.n for item in found)
        powers_of_two = [
            item.values[np.abs(np.frexp(item.values.astype(np.float32))[0]) == _FRACTION] for item in found
        ]
        for side, sign in (("", 1), ("minus ", -1)):
            seen = sum(int(np.count_nonzero(sign * values > 0)) for values in powers_of_two)
            p = sum(item.n * _probability(item, sign) for item in found) / n
            low, high = binomial_interval(n, p, trial.alpha)
            less, more = binomial_detects(n, p, trial.alpha)
            yield judge(
                f"{len(found)} tensors, dtype={dtype!r}, {side}powers of two",
                f"the number of weights that are {side}a power of two",
                seen,
                n=n,
                low=low,
                high=high,
                alpha=trial.alpha,
                detects=f"powers of two {less / p:.2f} or {more / p:.2f} times as often (cut toward 0: 1.33 times)",
                call=found[0].call,
                mistake="the weights are cut toward 0, not rounded"
                if seen > high
                else "the weights are rounded away from 0",
            )


def _probability(item: Sample, sign: int) -> float:
    """Return the probability of the powers of two of a sign: of numbers on either side of 1.0, and subnormal ones."""
    number = DTYPES[item.case.dtype]
    normal = np.ldexp(1.0, np.arange(number.min_exponent + 1, number.max_exponent + 1))
    subnormal = np.ldexp(1.0, np.arange(number.min_exponent - number.mantissa, number.min_exponent + 1))
    step = 2.0**-number.mantissa
    below = np.concatenate((subnormal - subnormal[0] / 2, normal * (1 - step / 4)))
    above = np.concatenate((subnormal + subnormal[0] / 2, normal * (1 + step / 2)))
    return float(np.sum(np.abs(item.law.cdf(sign * above) - item.law.cdf(sign * below))))


ROUNDING_CHECKS: Final = (
    Check("resolution.rounding", "distribution", "weights of 16-bit dtypes are rounded, not cut", powers),
)
