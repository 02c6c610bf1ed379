"""Small tensors and odd sizes: the first element and the last are weights like any other."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.law import ExpectedLaw
from fanin.conformance.distribution.sample import SampleTrial, initializer_of
from fanin.conformance.distribution.statistics import cdf_detects, cdf_distance, cdf_limit, z_detects, z_limit
from fanin.initializers.presets import normal, truncated_normal, uniform

__all__ = ["SMALL_CHECKS"]

_LAWS: Final = (normal(std=1.0), uniform(-1.0, 1.0), truncated_normal(std=1.0))
SIZES: Final = ((1, 512), (2, 512), (3, 512), (5, 512), (17, 512), (65_537, 128))
"""How many weights, and how many tensors of them, with a seed each; of the large ones the last weights count."""

_LAST: Final = 17


def positions(trial: SampleTrial) -> Iterator[Result]:
    """Yield the law of the weights at each position over many tensors, and how two positions correlate."""
    for law in _LAWS:
        for size, times in SIZES:
            case = Case((size,), law, "O", name="small.weight")
            rows = []
            for k in range(times):
                drawn = trial.drawn(dataclasses.replace(case, seed=20_000 + k))
                if isinstance(drawn, Result):
                    yield drawn
                    break
                rows.append(drawn[-_LAST:])
            else:
                yield from _judged(trial, case, np.stack(rows).astype(np.float64))


def _judged(
    trial: SampleTrial, case: Case, rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> Iterator[Result]:
    times, count = rows.shape
    expected = ExpectedLaw.of(initializer_of(case).law(None))
    distances = [cdf_distance(rows[:, k], expected.cdf) for k in range(count)]
    worst = int(np.argmax(distances))
    on = f"{times} of {trial.call(case)}, with a seed each"
    alpha = trial.alpha / count
    yield judge(
        on,
        f"the distance of weight {worst - count} from the law",
        distances[worst],
        n=times,
        high=cdf_limit(times, alpha),
        alpha=trial.alpha,
        detects=f"a weight at a position whose distribution function is off by {cdf_detects(times, alpha):.2f}",
        mistake="the last weight of an odd size is not drawn" if worst == count - 1 and case.shape[0] % 2 else "",
    )
    if count == 1:
        return
    ranks = (expected.cdf(rows) - 0.5) * math.sqrt(12)
    pairs = count * (count - 1) // 2
    limit, detected = (function(trial.alpha / pairs) for function in (z_limit, z_detects))
    z = np.triu(ranks.T @ ranks, 1) / math.sqrt(times)
    first, second = np.unravel_index(int(np.argmax(np.abs(z))), z.shape)
    yield judge(
        f"{on}, pairs",
        f"√n times the correlation of weights {first - count} and {second - count}",
        float(z[first, second]),
        n=times,
        low=-limit,
        high=limit,
        alpha=trial.alpha,
        detects=f"two positions with a rank correlation of {min(detected / math.sqrt(times), 1):.2f}",
        mistake="a weight is used again where a pair is left over",
    )


SMALL_CHECKS: Final = (
    Check("small.positions", "distribution", "small tensors and odd sizes follow the law at every position", positions),
)
