"""The stated power of the checks of large tensors, pairs, rounding, frequent values and odd ends.

As in test_power.py: an error of the stated size is put into an implementation that is right otherwise; it is detected,
and half of it is not. Three seeds; the statement is 99 %, so that 2 misses of 3 tensors have probability below 3e-4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import ndtr, ndtri

from fanin.conformance import Result
from fanin.conformance.distribution import DISTRIBUTION_CHECKS, SampleTrial
from fanin.conformance.distribution.cases import ATOM, WIDE
from fanin.conformance.distribution.statistics import (
    ALPHA,
    binomial_detects,
    cdf_detects,
    poisson_detects,
    poisson_limit,
    z_detects,
)
from fanin.initializers import Normal

from .honest import HonestAdapter
from .mutants.adapters.repeats import Paired

Values = npt.NDArray[Any]
N, LARGE = 1 << 20, 1 << 24


class Wrong(HonestAdapter):
    """Right, but for an error of one size."""

    def __init__(self, size: float) -> None:
        self.size = size


class Thinned(Wrong):
    """Of the normals beyond 5 sigma so many are drawn again."""

    def values(self, generator: np.random.Generator, law: Any, n: int) -> Values:
        values = super().values(generator, law, n)
        if isinstance(law, Normal):
            far = np.flatnonzero(np.abs(values - law.mean) > 5 * law.std)
            far = far[generator.random(far.size) < self.size]
            values[far] = law.mean + law.std * generator.uniform(-1, 1, far.size)
        return values


class Frequent(Wrong):
    """Of N weights so many are one value, in the mean."""

    def values(self, generator: np.random.Generator, law: Any, n: int) -> Values:
        values = super().values(generator, law, n)
        if n == N and isinstance(law, Normal):
            values[generator.random(n) < self.size / n] = np.float32(law.mean + 0.3 * law.std)
        return values


class Cut(Wrong):
    """So many of the float16 weights are cut toward 0, which makes powers of two a third more frequent among them."""

    def rounded(self, values: Values, dtype: str) -> Values:
        near: Values = values.astype(dtype)
        if dtype != "float16":
            return near
        cut = (np.abs(near.astype(np.float64)) > np.abs(values)) & (
            np.random.default_rng(1).random(values.shape) < self.size
        )
        return np.where(cut, np.nextafter(near, np.float16(0)), near)


class Ended(Wrong):
    """The last weight of an odd size is normal with probability 1 - size, and small otherwise."""

    def values(self, generator: np.random.Generator, law: Any, n: int) -> Values:
        values = super().values(generator, law, n)
        if isinstance(law, Normal) and n % 2 and generator.random() < self.size:
            values[-1] = law.std * ndtri(0.5 + 1e-3 * generator.random())
        return values


def _paired(size: float) -> HonestAdapter:
    return Paired(size=2 * math.sin(math.pi / 6 * size), of="all")  # whose ranks are correlated by the size


def _paired_normals(size: float) -> HonestAdapter:
    return Paired(size=size, of="Normal")


NORMALS = 3 * LARGE - 1 + 4 * N
BEYOND = 2 * float(ndtr(-5.0))
ROUNDED = 0.75 / 1024 / 2
"""Nearly the probability of a power of two of one sign: of the 1,024 numbers of an octave it has ¾ of a share."""


def _ends(text: str, *without: str) -> Callable[[Result], bool]:
    return lambda result: result.on.endswith(text) and not any(word in result.on for word in without)


ERRORS: list[Any] = [
    pytest.param(
        "correlation.pooled",
        _ends("pairs", "magnitudes"),
        _paired,
        z_detects() / math.sqrt(len(WIDE) * N // 2),
        id="pairs",
    ),
    pytest.param(
        "large.normals", _ends("pairs"), _paired_normals, z_detects() / math.sqrt(3 * LARGE // 2), id="pairs of normals"
    ),
    pytest.param(
        "large.normals",
        _ends("beyond ±5σ"),
        Thinned,
        1 - binomial_detects(NORMALS, BEYOND)[0] / BEYOND,
        id="tails beyond 5σ",
    ),
    pytest.param(
        "resolution.distinct",
        lambda result: result.on.endswith("equal weights") and "fanin.normal(" in result.on,
        Frequent,
        poisson_detects(poisson_limit(N * ATOM, ALPHA * ATOM)),
        id="frequent values",
    ),
    pytest.param(
        "resolution.rounding",
        _ends("dtype='float16', powers of two"),
        Cut,
        3 * (binomial_detects(3 * N, ROUNDED)[1] / ROUNDED - 1),
        id="rounding",
    ),
    pytest.param(
        "small.positions",
        lambda result: "(3,), fanin.normal(" in result.on and not result.on.endswith("pairs"),
        Ended,
        2 * cdf_detects(512, ALPHA / 3),
        id="odd ends",
    ),
]


def _results(check: str, on: Callable[[Result], bool], adapter: HonestAdapter) -> list[Result]:
    body = next(found for found in DISTRIBUTION_CHECKS if found.name == check)
    found = [result for seed in (1, 2, 3) for result in body.run(SampleTrial(adapter, seed << 32))]
    return [result for result in found if result.verdict != "skipped" and on(result)]


@pytest.mark.parametrize(("check", "on", "wrong", "size"), ERRORS)
def test_the_stated_error_is_detected_and_half_of_it_is_not(
    check: str, on: Callable[[Result], bool], wrong: Callable[[float], HonestAdapter], size: float
) -> None:
    at_size = _results(check, on, wrong(size))
    assert len(at_size) >= 3
    assert sum(result.failed for result in at_size) >= len(at_size) - 1
    smaller = _results(check, on, wrong(size / (4 if check == "resolution.distinct" else 2)))  # so few are no normal
    assert sum(result.failed for result in smaller) <= 1
