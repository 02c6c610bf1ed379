"""Pooled correlations: over all large tensors together, so that an error of half a per cent shows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.cases import WIDE
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.sample import Sample, SampleTrial
from fanin.conformance.distribution.statistics import z_detects, z_limit

__all__ = ["LAGS", "PAIR_CHECKS"]

LAGS: Final = (*range(1, 17), 31, 32, 33, 64, 127, 128, 255, 256, 511, 512, 513, 1024, 4096, 65536, 1 << 18, 1 << 19)


def magnitudes(sample: Sample) -> npt.NDArray[np.float32]:
    """Return the ranks' distances from the median, shifted and stretched to mean 0 and variance 1, in stored order."""
    return ((np.abs(2 * sample.scores - 1) - 0.5) * math.sqrt(12)).astype(np.float32)


def pooled(trial: SampleTrial) -> Iterator[Result]:
    """Yield the largest correlation at a lag over all tensors, and that of weights 2k and 2k + 1.

    Sums of products of independent ranks; in units of the root of their number they are standard normal by the CLT.
    """
    found = [item for item in trial.samples(WIDE) if isinstance(item, Sample)]
    if not found:
        yield Result(on="all samples", verdict="skipped", note="none of the laws is claimed")
        return
    n = sum(item.n for item in found)
    counts = np.array([sum(item.n - lag for item in found) for lag in LAGS])
    for what, of in (("weights", lambda item: item.uniform), ("magnitudes", magnitudes)):
        sums, pairs = np.zeros(len(LAGS)), 0.0
        for item in found:
            series: npt.NDArray[Any] = of(item)
            sums += [float(np.dot(series[:-lag], series[lag:])) for lag in LAGS]
            pairs += float(np.dot(series[::2], series[1::2]))
        z = sums / np.sqrt(counts)
        worst = int(np.argmax(np.abs(z)))
        for kind, at, statistic, size, tests in (
            (f"{len(LAGS)} lags", f"lag {LAGS[worst]}", float(z[worst]), n, len(LAGS)),
            ("pairs", "2k and 2k + 1", pairs / math.sqrt(n // 2), n // 2, 1),
        ):
            limit, detected = (function(trial.alpha / tests) for function in (z_limit, z_detects))
            yield judge(
                f"{len(found)} tensors, {what}, {kind}",
                f"√n times the correlation of {what} at {at}",
                statistic,
                n=size,
                low=-limit,
                high=limit,
                alpha=trial.alpha,
                detects=f"a rank correlation of {detected / math.sqrt(size):.2%} "
                + ("of such pairs" if tests == 1 else "at a lag"),
                mistake="weights that are made in pairs depend on each other" if tests == 1 else "",
            )


PAIR_CHECKS: Final = (
    Check("correlation.pooled", "distribution", "over all tensors together, neighbours are independent", pooled),
)
