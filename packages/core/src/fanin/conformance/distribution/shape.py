"""The shape of the law: quantiles, signs, tails and bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.cases import BOUNDED, LAWS, LOW_PRECISION, NORMAL
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.law import midpoints
from fanin.conformance.distribution.sample import Sample, SampleTrial
from fanin.conformance.distribution.statistics import (
    binomial_detects,
    binomial_interval,
    bins_detect,
    bins_limit,
    cdf_detects,
    cdf_limit,
    z_detects,
)
from fanin.dtypes import DTYPES
from fanin.initializers import TruncatedNormal

__all__ = ["SHAPE_CHECKS"]

_BINS: Final = 256
_SIGMAS: Final = (2.0, 3.0, 4.0)


def quantiles(trial: SampleTrial) -> Iterator[Result]:
    """Yield the distance between distribution functions, and Pearson's chi-squared over 256 bins."""
    for item in trial.samples(LAWS):
        if isinstance(item, Result):
            yield item
            continue
        edges = np.unique(midpoints(item.law.quantile(np.arange(1, _BINS) / _BINS), item.case.dtype))
        below = item.law.cdf(edges)
        seen = np.searchsorted(np.sort(item.values, axis=None), edges, side="right")
        counts = np.diff(np.concatenate(([0], seen, [item.n])))
        distance = float(np.max(np.abs(seen / item.n - below)))
        expected = np.diff(np.concatenate(([0.0], below, [1.0]))) * item.n
        yield judge(
            item.call,
            "the largest distance between the empirical and the true distribution function",
            distance,
            n=item.n,
            high=cdf_limit(item.n, trial.alpha),
            alpha=trial.alpha,
            detects=f"a distribution function that is off by {cdf_detects(item.n, trial.alpha):.4f}",
            mistake=lambda item=item: _shape_mistake(item),  # type: ignore[misc]
        )
        bins = edges.size + 1
        pearson = float(np.sum((counts - expected) ** 2 / expected))
        yield judge(
            f"{item.call}, {bins} bins",
            "Pearson's chi-squared over the bins",
            pearson,
            n=item.n,
            high=bins_limit(bins, trial.alpha),
            alpha=trial.alpha,
            detects=f"a density that is off by {bins_detect(bins, item.n, trial.alpha):.2%} (root mean square)",
            mistake=lambda item=item: _shape_mistake(item),  # type: ignore[misc]
        )


def _shape_mistake(sample: Sample) -> str:
    z = sample.standard
    if not np.var(z):
        return "all weights are equal"
    kurtosis = float(np.mean((z - z.mean()) ** 4) / np.var(z) ** 2)
    for name, value in (("a uniform", 1.8), ("a normal", 3.0), ("a normal truncated at 2σ", 2.3659)):
        if abs(kurtosis - value) < 0.02 and abs(sample.law.kurtosis - value) > 0.02:
            return f"the law is {name}: kurtosis {kurtosis:.3f}, expected {sample.law.kurtosis:.3f}"
    return ""


def signs(trial: SampleTrial) -> Iterator[Result]:
    """Yield how many weights lie above the law's median: binomial."""
    for item in trial.samples(LAWS):
        if isinstance(item, Result):
            yield item
            continue
        median = float(midpoints(item.law.quantile(0.5), item.case.dtype)) if item.law.quantile(0.5) else 0.0
        p = 1 - float(item.law.cdf(median))
        low, high = binomial_interval(item.n, p, trial.alpha)
        above = int(np.count_nonzero(item.values > median))
        zeros = int(np.count_nonzero(item.values == median))  # zeros of a low precision have either sign
        yield judge(
            item.call,
            "the number of weights above the median",
            above + zeros / 2,
            n=item.n,
            low=low - zeros / 2,
            high=high + zeros / 2,
            alpha=trial.alpha,
            detects=f"a probability of ½ ± {z_detects(trial.alpha) / 2 / math.sqrt(item.n):.2%} to exceed the median",
            mistake="the sign is dropped" if above > 0.99 * item.n or above < 0.01 * item.n else "",
        )


def tails(trial: SampleTrial) -> Iterator[Result]:
    """Yield how many weights of a normal law lie beyond 2, 3 and 4 σ, on each side: binomial."""
    for item in trial.samples(
        (*NORMAL, *(case for case in LOW_PRECISION if case.initialization == NORMAL[0].initialization))
    ):
        if isinstance(item, Result):
            yield item
            continue
        for sigmas in _SIGMAS:
            for side in (1, -1):
                end = float(midpoints(item.law.mean + side * sigmas * item.law.std, item.case.dtype))
                p = float(item.law.cdf(end)) if side < 0 else float(item.law.cdf(2 * item.law.mean - end))
                values = item.values if side > 0 else -item.values
                beyond = int(np.count_nonzero(values > side * end))
                low, high = binomial_interval(item.n, p, trial.alpha)
                less, more = binomial_detects(item.n, p, trial.alpha)
                yield judge(
                    f"{item.call}, beyond {side * sigmas:+g}σ",
                    f"the number of weights beyond {side * sigmas:+g}σ",
                    beyond,
                    n=item.n,
                    low=low,
                    high=high,
                    alpha=trial.alpha,
                    detects=f"a tail of {less / p:.0%} or {more / p:.0%} of what it should be",
                    mistake=f"the law is truncated at {sigmas:g}σ or before" if beyond == 0 else "",
                )


def bounds(trial: SampleTrial) -> Iterator[Result]:
    """Yield whether a bounded law stays within its ends, and comes as near to them as so many weights must.

    The probability beyond the largest of n weights exceeds -ln(alpha) / n with probability alpha.
    """
    for item in trial.samples((*BOUNDED, *LOW_PRECISION)):
        if isinstance(item, Result):
            yield item
            continue
        low, high = item.law.bounds
        step = 2.0 ** -DTYPES[item.case.dtype].mantissa
        ends = [abs(end) for end in (low, high) if math.isfinite(end)]
        if not ends:
            continue
        slack, width = 4 * step * max(ends), high - low if len(ends) == 2 else 2 * item.law.std
        smallest, largest = float(item.values.min()), float(item.values.max())
        yield judge(
            f"{item.call}, ends",
            "how far the weights reach beyond an end, over the half-width",
            2 * max(low - smallest, largest - high) / width,
            n=item.n,
            high=2 * slack / width,
            detects="any weight beyond the ends, apart from rounding",
            mistake=lambda item=item: _bound_mistake(item),  # type: ignore[misc]
        )
        limit = -math.log(trial.alpha) / item.n
        for name, end, beyond in (
            ("lower", low, float(item.law.cdf(smallest - step / 2 * abs(smallest)))),
            ("upper", high, 1 - float(item.law.cdf(largest + step / 2 * abs(largest)))),
        ):
            if not math.isfinite(end):
                continue
            yield judge(
                f"{item.call}, {name} end",
                f"the probability between the {name} end and the weight nearest to it",
                beyond,
                n=item.n,
                high=limit,
                alpha=trial.alpha,
                detects=f"an end that cuts off {limit:.2g} of the probability",
                mistake=lambda item=item: _bound_mistake(item),  # type: ignore[misc]
            )


def _bound_mistake(sample: Sample) -> str:
    law = sample.law.law
    smallest, largest = float(sample.values.min()), float(sample.values.max())
    if isinstance(law, TruncatedNormal):
        seen = [(x - law.mean) / law.parent_std for x in (smallest, largest)]
        return f"the law is cut at {seen[0]:+.3f} and {seen[1]:+.3f} parent σ, not at {law.lower:+g} and {law.upper:+g}"
    low, high = sample.law.bounds
    times = (largest - smallest) / (high - low)
    return f"the range is [{smallest:.5g}, {largest:.5g}], {times:.4g} times as wide as it should be"


SHAPE_CHECKS: Final = (
    Check("shape.quantiles", "distribution", "the weights are distributed by the law", quantiles),
    Check("shape.signs", "distribution", "half of the weights lie above the median", signs),
    Check("shape.tails", "distribution", "the tails of a normal are there, on both sides", tails),
    Check("shape.bounds", "distribution", "a bounded law fills its interval and does not leave it", bounds),
)
