"""Independence within one tensor: between neighbours, rows, columns and slices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from fanin.conformance.cases import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.sample import Sample, SampleTrial
from fanin.conformance.distribution.statistics import z_detects, z_limit
from fanin.conformance.distribution.tables import WIDE
from fanin.presets import he_normal, he_uniform

__all__ = ["CORRELATION_CHECKS"]

LAGS: Final = (*range(1, 17), 31, 32, 33, 64, 127, 128, 255, 256, 511, 512, 513, 1024, 4096, 65536, 1 << 18, 1 << 19)

STRUCTURED: Final = (
    Case((1024, 512), he_normal(), "OI", seed=201, name="fc.weight"),
    Case((512, 1024), he_uniform(), "IO", seed=202, name="fc.weight"),
    Case((96, 64, 3, 5), he_normal(), "OIHW", seed=203, name="conv.weight"),
    Case((3, 5, 64, 96), he_uniform(), "HWIO", seed=204, name="conv.weight"),
    Case((6, 128, 96), he_normal(), "SOI", seed=205, name=tuple(f"experts.{i}.weight" for i in range(6))),
)


def lags(trial: SampleTrial) -> Iterator[Result]:
    """Yield the largest correlation of weights that are a lag apart, and of their magnitudes.

    With independent weights each product has mean 0 and products of different pairs are uncorrelated, so that the sum
    over n pairs, in units of √n, is standard normal by the CLT.
    """
    limit = z_limit(trial.alpha)
    for item in trial.samples(WIDE):
        if isinstance(item, Result):
            yield item
            continue
        magnitudes = (np.abs(2 * item.scores - 1) - 0.5) * math.sqrt(12)
        for what, series in (("weights", item.uniform), ("magnitudes", magnitudes.astype(np.float32))):
            z = {lag: float(np.dot(series[:-lag], series[lag:])) / math.sqrt(item.n - lag) for lag in LAGS}
            worst = max(z, key=lambda lag: abs(z[lag]))  # used at once
            yield judge(
                f"{item.call}, {what}, {len(LAGS)} lags from 1 to {LAGS[-1]}",
                f"√n times the correlation of {what} at lag {worst}",
                z[worst],
                n=item.n,
                low=-limit,
                high=limit,
                alpha=len(LAGS) * trial.alpha,
                detects=f"a rank correlation of {z_detects(trial.alpha) / math.sqrt(item.n // 2):.4f} at a lag",
                mistake=lambda item=item, worst=worst: _lag_mistake(item, worst),  # type: ignore[misc]
            )


def _lag_mistake(sample: Sample, lag: int) -> str:
    flat = sample.values.ravel()
    equal = float(np.mean(flat[:-lag] == flat[lag:]))
    opposite = float(np.mean(flat[:-lag] == -flat[lag:]))
    if equal > 0.2:
        return f"{equal:.0%} of the weights equal the one {lag} places further: a word used twice, or a short period?"
    if opposite > 0.2:
        return f"{opposite:.0%} of the weights are minus the one {lag} places further: antithetic pairs?"
    ranks = sample.uniform
    r = float(np.dot(ranks[:-lag], ranks[lag:])) / (sample.n - lag)
    if abs(r) * math.sqrt(sample.n - lag) < z_limit():
        return f"the magnitudes of weights {lag} apart go together, their signs do not: pairs that share a radius?"
    return f"weights {lag} apart are correlated by {r:+.2%}: pairs made from one another, or streams that overlap"


def _along(sample: Sample, axis: int) -> npt.NDArray[np.float32]:
    """Return the ranks, with mean 0 and variance 1, as a matrix whose rows are the positions of one axis."""
    matrix: npt.NDArray[np.float32] = np.moveaxis(sample.uniform.reshape(sample.values.shape), axis, 0)
    return matrix.reshape(len(matrix), -1)


def axes(trial: SampleTrial) -> Iterator[Result]:
    """Yield, for each axis of a tensor, the largest correlation between two of its slices."""
    for item in trial.samples(STRUCTURED):
        if isinstance(item, Result):
            yield item
            continue
        for axis, letter in enumerate(item.case.layout or ""):
            slices = _along(item, axis)
            count, size = slices.shape
            pairs = count * (count - 1) // 2
            limit = z_limit(trial.alpha / pairs)
            detected = min(1.0, z_detects(trial.alpha / pairs) / math.sqrt(size))
            z: npt.NDArray[np.floating[Any]] = np.triu(slices @ slices.T, 1) / math.sqrt(size)
            first, second = np.unravel_index(int(np.argmax(np.abs(z))), z.shape)
            yield judge(
                f"{item.call}, axis {axis} ({letter})",
                f"√n times the correlation of slices {first} and {second} along axis {axis}",
                float(z[first, second]),
                n=size,
                low=-limit,
                high=limit,
                alpha=trial.alpha,
                detects=f"two slices with a rank correlation of {detected:.3f}",
                mistake="slices repeat: a shard, head or expert drawn from the same stream?",
                note=f"{pairs} pairs",
            )


def offsets(trial: SampleTrial) -> Iterator[Result]:
    """Yield, for each axis of a tensor, whether its slices have means of their own: chi-squared over the slices."""
    for item in trial.samples(STRUCTURED):
        if isinstance(item, Result):
            yield item
            continue
        for axis, letter in enumerate(item.case.layout or ""):
            slices = _along(item, axis)
            count, size = slices.shape
            total = float(np.sum(np.square(np.sum(slices, axis=1, dtype=np.float64)))) / size
            low, high = float(chi2.ppf(trial.alpha / 2, count)), float(chi2.isf(trial.alpha / 2, count))
            yield judge(
                f"{item.call}, axis {axis} ({letter})",
                f"the sum of the squared standard scores of the {count} slices' means",
                total,
                n=count,
                low=low,
                high=high,
                alpha=trial.alpha,
                detects=f"slices with means of their own, of {math.sqrt(max(high * 1.2 / count - 1, 0) / size):.4f} σ",
                mistake="the weights of a slice share an offset, or are centred slice by slice",
            )


CORRELATION_CHECKS: Final = (
    Check("correlation.lags", "distribution", "neighbours near and far are independent", lags),
    Check(
        "correlation.axes", "distribution", "rows, columns, kernel positions and stacked slices are independent", axes
    ),
    Check("correlation.offsets", "distribution", "rows, columns, kernel positions and slices have no offsets", offsets),
)
