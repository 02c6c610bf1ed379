"""Independence within one tensor: between neighbours, rows, columns and slices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.cases import WIDE
from fanin.conformance.distribution.fans import fan_samples
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.pairs import LAGS, magnitudes
from fanin.conformance.distribution.sample import Sample, SampleTrial
from fanin.conformance.distribution.statistics import z_detects, z_limit
from fanin.initializers.presets import he_normal, he_uniform

__all__ = ["CORRELATION_CHECKS"]

_ENOUGH: Final = 256
"""Slices of so many weights are compared: of fewer the products are not normal so far out."""

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
        for what, series in (("weights", item.uniform), ("magnitudes", magnitudes(item))):
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


def _structured(trial: SampleTrial) -> Iterator[Sample | Result]:
    """Yield the samples of the structured tensors, and of those by which the fans are told."""
    yield from trial.samples(STRUCTURED)
    yield from fan_samples(trial)


def _along(sample: Sample, of: npt.NDArray[np.float32], axis: int) -> npt.NDArray[np.float32]:
    """Return a matrix whose rows are the positions of one axis."""
    matrix: npt.NDArray[np.float32] = np.moveaxis(of.reshape(sample.values.shape), axis, 0)
    return matrix.reshape(len(matrix), -1)


def _axes(sample: Sample) -> list[tuple[str, int, npt.NDArray[np.float32]]]:
    """Return what is looked at, the axis, and the slices along it: of the ranks, and of their magnitudes."""
    return [
        (what, axis, _along(sample, series, axis))
        for what, series in (("weights", sample.uniform), ("magnitudes", magnitudes(sample)))
        for axis, size in enumerate(sample.values.shape)
        if size > 1
    ]


def axes(trial: SampleTrial) -> Iterator[Result]:
    """Yield the largest correlation between two slices of a tensor, along any of its axes."""
    for item in _structured(trial):
        if isinstance(item, Result):
            yield item
            continue
        found = [(what, axis, slices) for what, axis, slices in _axes(item) if slices.shape[1] >= _ENOUGH]
        pairs = sum(len(slices) * (len(slices) - 1) // 2 for *_, slices in found)
        limit, detected = (function(trial.alpha / pairs) for function in (z_limit, z_detects))
        worst, at = 0.0, ""
        for what, axis, slices in found:
            z: npt.NDArray[np.floating[Any]] = np.triu(slices @ slices.T, 1) / math.sqrt(slices.shape[1])
            first, second = np.unravel_index(int(np.argmax(np.abs(z))), z.shape)
            if abs(z[first, second]) >= abs(worst):
                letter = (item.case.layout or "")[axis]
                worst, at = float(z[first, second]), f"{what} {first} and {second} along axis {axis} ({letter})"
        sizes = [slices.shape[1] for *_, slices in found]
        yield judge(
            item.call,
            f"√n times the correlation of two slices: {at}",
            worst,
            n=min(sizes),
            low=-limit,
            high=limit,
            alpha=trial.alpha,
            detects=f"two slices with a rank correlation of {min(1.0, detected / math.sqrt(min(sizes))):.3f}",
            mistake="slices repeat: a shard, head or expert drawn from the same stream?",
            note=f"{pairs} pairs",
        )


def offsets(trial: SampleTrial) -> Iterator[Result]:
    """Yield, for each axis of a tensor, whether its slices have means of their own: chi-squared over the slices."""
    for item in _structured(trial):
        if isinstance(item, Result):
            yield item
            continue
        found = _axes(item)
        alpha = trial.alpha / len(found)
        for what, axis, slices in found:
            count, size = slices.shape
            total = float(np.sum(np.square(np.sum(slices, axis=1, dtype=np.float64)))) / size
            low, high = float(chi2.ppf(alpha / 2, count)), float(chi2.isf(alpha / 2, count))
            yield judge(
                f"{item.call}, {what}, axis {axis} ({(item.case.layout or '')[axis]})",
                f"the sum of the squared standard scores of the means of {count} slices",
                total,
                n=count,
                low=low,
                high=high,
                alpha=alpha,
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
