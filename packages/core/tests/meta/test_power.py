"""The smallest error that a check says it detects is detected, and half of it is not: the stated power is the power.

Each error is put into an implementation that is right otherwise. n = 2^20 weights a tensor, three seeds; the statement
is 99 %, so that 3 misses among the more than 12 tensors of each row have probability below 1e-3.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fanin.conformance import Result
from fanin.conformance.distribution import DISTRIBUTION_CHECKS, SampleTrial
from fanin.conformance.distribution.pairs import LAGS
from fanin.conformance.distribution.statistics import cdf_detects, squares_detect, z_detects
from fanin.initializers import Normal, Uniform

from .honest import HonestAdapter

N = 1 << 20
Values = npt.NDArray[Any]


class Wrong(HonestAdapter):
    """Right, but for an error of one size."""

    def __init__(self, size: float) -> None:
        self.size = size


class Shifted(Wrong):
    def values(self, generator: np.random.Generator, law: Any, n: int) -> Values:
        values = super().values(generator, law, n)
        return values + self.size * law.std if isinstance(law, Normal) else values


class Wide(Wrong):
    def values(self, generator: np.random.Generator, law: Any, n: int) -> Values:
        values = super().values(generator, law, n)
        return law.mean + (values - law.mean) * (1 + self.size) if isinstance(law, Normal) else values


class Correlated(Wrong):
    """Weights that are the longest lag apart are correlated."""

    def values(self, generator: np.random.Generator, law: Any, n: int) -> Values:
        if not isinstance(law, Normal):
            return super().values(generator, law, n)
        lag = LAGS[-1]
        noise = generator.standard_normal(n + lag)
        weights: Values = law.mean + law.std * (math.sqrt(1 - self.size**2) * noise[lag:] + self.size * noise[:n])
        return weights


class Warped(Wrong):
    """The distribution function of u^(1 + c) differs from u by up to c / e."""

    def values(self, generator: np.random.Generator, law: Any, n: int) -> Values:
        if not isinstance(law, Uniform):
            return super().values(generator, law, n)
        warped: Values = law.low + (law.high - law.low) * generator.random(n) ** (1 + math.e * self.size)
        return warped


class BiasedBit(Wrong):
    """The rank's first bit is 1 with probability one half plus the size."""

    def values(self, generator: np.random.Generator, law: Any, n: int) -> Values:
        if not isinstance(law, Uniform):
            return super().values(generator, law, n)
        ranks = generator.random(n)
        ranks += 0.5 * ((ranks < 0.5) & (generator.random(n) < 2 * self.size))
        values: Values = law.low + (law.high - law.low) * ranks
        return values


NORMALS = ("fanin.normal(", "'normal'", "'he'")
UNIFORMS = ("fanin.uniform(", "'he_uniform'", "'glorot_uniform'", "'lecun_uniform'")
ERRORS = [
    ("moments.mean", Shifted, z_detects() / math.sqrt(N), NORMALS),
    ("moments.variance", Wide, squares_detect(N, 3.0), NORMALS),
    ("correlation.lags", Correlated, z_detects() / math.sqrt(N // 2), NORMALS),
    ("shape.quantiles", Warped, cdf_detects(N), UNIFORMS),
    ("resolution.bits", BiasedBit, z_detects() / 2 / math.sqrt(N), UNIFORMS),
]


def _results(check: str, adapter: HonestAdapter, laws: tuple[str, ...]) -> list[Result]:
    """Return the results for these laws: the deciding statistic of each tensor, where a check has several."""
    body = next(found for found in DISTRIBUTION_CHECKS if found.name == check)
    return [
        result
        for seed in (1, 2, 3)
        for result in body.run(SampleTrial(adapter, seed << 32))
        if any(law in result.on for law in laws)
        and "float16" not in result.on
        and "magnitudes" not in result.on
        and not result.on.endswith("bins")
        and result.verdict != "skipped"
    ]


@pytest.mark.parametrize(("check", "wrong", "size", "laws"), ERRORS, ids=[error[0] for error in ERRORS])
def test_the_stated_error_is_detected_and_half_of_it_is_not(
    check: str, wrong: type[Wrong], size: float, laws: tuple[str, ...]
) -> None:
    at_size = _results(check, wrong(size), laws)
    assert len(at_size) >= 12
    assert sum(result.failed for result in at_size) >= len(at_size) - 2
    at_half = _results(check, wrong(size / 2), laws)
    assert sum(result.failed for result in at_half) <= 2
