"""Mean, variance, and whether they vary as they should from tensor to tensor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy.stats import chi2

from fanin.conformance.check import Check, Result
from fanin.conformance.diagnosis.scales import scale_mistake
from fanin.conformance.distribution.cases import LAWS, WIDE
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.sample import Sample, SampleTrial, geometry_of, initializer_of
from fanin.conformance.distribution.statistics import square_interval, squares_detect, z_detects, z_limit

__all__ = ["MOMENT_CHECKS", "std_result"]

_FEW: Final = 1000


def mean(trial: SampleTrial) -> Iterator[Result]:
    """Yield the mean of each sample in standard errors: standard normal, exactly for a normal law, else by the CLT."""
    limit = z_limit(trial.alpha)
    for item in trial.samples(LAWS):
        if isinstance(item, Result):
            yield item
            continue
        z = float(np.sum(item.standard)) / math.sqrt(item.n)
        yield judge(
            item.call,
            "the mean, in standard errors from what it should be",
            z,
            n=item.n,
            low=-limit,
            high=limit,
            alpha=trial.alpha,
            detects=f"a mean that is off by {z_detects(trial.alpha) / math.sqrt(item.n):.2%} of σ",
            mistake=lambda item=item, z=z: _mean_mistake(item, z),  # type: ignore[misc]
        )


def _mean_mistake(sample: Sample, z: float) -> str:
    seen = sample.law.mean + z / math.sqrt(sample.n) * sample.law.std
    if sample.law.mean == 0 and abs(seen) > 0.1 * sample.law.std:
        return f"the mean is {seen:.4g} where it should be 0: the weights are on one side (half-open range, lost sign?)"
    if sample.law.mean != 0 and abs(seen) < 0.01 * sample.law.std:
        return "the mean is ignored"
    return f"the mean is {seen / sample.law.std:+.3%} of σ from where it should be: sampled in low precision?"


def variance(trial: SampleTrial) -> Iterator[Result]:
    """Yield the mean square about the known mean over the variance: a chi-squared interval for a normal law."""
    for item in trial.samples(LAWS):
        yield item if isinstance(item, Result) else std_result(item, trial.alpha)


def std_result(sample: Sample, alpha: float) -> Result:
    """Return whether a sample's mean square over the variance lies where it should."""
    low, high = square_interval(sample.n, sample.law.kurtosis, alpha)
    ratio = float(np.mean(np.square(sample.standard)))
    detected = squares_detect(sample.n, sample.law.kurtosis, alpha)
    return judge(
        sample.call,
        "the mean square over the variance",
        ratio,
        n=sample.n,
        low=low,
        high=high,
        alpha=alpha,
        detects=f"a standard deviation that is off by {detected:.2%}",
        mistake=lambda: _scale_mistake(sample, ratio),
    )


def _scale_mistake(sample: Sample, ratio: float) -> str:
    spread = 6 * math.sqrt((sample.law.kurtosis - 1) / sample.n) / 2
    seen = math.sqrt(ratio)
    named = scale_mistake(initializer_of(sample.case), geometry_of(sample.case), seen, spread)
    return named or f"the standard deviation is {seen:.4g} times what it should be"


def dispersion(trial: SampleTrial) -> Iterator[Result]:
    """Yield whether the means and variances of all samples together vary as chance has it, not less and not more.

    Less: each tensor is normalised by its own mean or standard deviation. Sums of squared standard scores, chi-squared.
    A low precision is left out, since rounding undoes most of a normalisation.
    """
    found = [item for item in trial.samples(WIDE) if isinstance(item, Sample)]
    if not found:
        yield Result(on="all samples", verdict="skipped", note="none of the laws is claimed")
        return
    means = [float(np.sum(item.standard)) ** 2 / item.n for item in found]
    squares = [(float(np.mean(np.square(item.standard))) - 1) ** 2 * item.n / (item.law.kurtosis - 1) for item in found]
    low, high = float(chi2.ppf(trial.alpha / 2, len(found))), float(chi2.isf(trial.alpha / 2, len(found)))
    for what, scores in (("means", means), ("variances", squares)):
        yield judge(
            f"the {what} of {len(found)} tensors",
            f"the sum of the squared standard scores of the {what}",
            sum(scores),
            n=len(found),
            low=low,
            high=high,
            alpha=trial.alpha,
            detects=_dispersion_detects(what, math.sqrt(len(found) / low)),
            mistake=f"each tensor is normalised so that its own {what[:-1]} is exact" if sum(scores) < low else "",
        )


def _dispersion_detects(what: str, times: float) -> str:
    """Return what is detected, in words: of few tensors only a normalisation is, which leaves no more than rounding."""
    if times < _FEW:
        return f"{what} that vary {times:.1f} times less than chance has it"
    return f"{what} that do not vary at all"


MOMENT_CHECKS: Final = (
    Check("moments.mean", "distribution", "the mean is the law's", mean),
    Check("moments.variance", "distribution", "the variance is the law's", variance),
    Check("moments.dispersion", "distribution", "tensors are drawn, not normalised one by one", dispersion),
)
