"""A right implementation that shares nothing with fanin: NumPy's own generator, SciPy's quantiles, fans by hand."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from fanin import Constant, Geometry, Initializer, Normal, TruncatedNormal, Uniform, VarianceScaling
from fanin.conformance import Adapter, NotClaimed


class HonestAdapter(Adapter):
    """Follows every law. Subclasses change `values` to be off by a known amount."""

    name = "honest"
    named = True

    def sample(
        self,
        initializer: Initializer,
        shape: tuple[int, ...],
        *,
        layout: str | None,
        seed: int,
        name: str | Sequence[str] | None = None,
        dtype: str = "float32",
        groups: int = 1,
        transposed: bool = False,
        stride: int | tuple[int, ...] | None = None,
    ) -> npt.NDArray[Any]:
        if dtype == "bfloat16":
            raise NotClaimed("NumPy has no bfloat16")
        geometry = Geometry.of(shape, layout, groups, transposed, stride)
        digest = hashlib.blake2b(repr((seed, name)).encode()).digest()
        generator = np.random.Generator(np.random.SFC64(int.from_bytes(digest, "big")))
        return self.values(generator, self.law(initializer, geometry), math.prod(shape)).reshape(shape).astype(dtype)

    def law(self, initializer: Initializer, geometry: Geometry) -> Any:
        """Return the law, for variance scaling with fans that are counted here."""
        if not isinstance(initializer, VarianceScaling):
            return initializer
        count = dict.fromkeys("OIDHWS", 1)
        for size, letter in zip(geometry.shape, geometry.layout or "", strict=True):
            count[letter] *= size
        kernel = count["D"] * count["H"] * count["W"]
        if geometry.transposed:
            fan_in: float = count["I"] / geometry.groups * kernel / math.prod(geometry.stride)
            fan_out: float = count["O"] * kernel
        else:
            fan_in, fan_out = count["I"] * kernel, count["O"] / geometry.groups * kernel
        fan = {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
            "fan_geo": math.sqrt(fan_in * fan_out),
        }[initializer.mode]
        std = math.sqrt(initializer.scale / fan)
        if initializer.distribution == "normal":
            return Normal(0.0, std)
        if initializer.distribution == "uniform":
            return Uniform(-std * math.sqrt(3), std * math.sqrt(3))
        return TruncatedNormal(0.0, std)

    def values(self, generator: np.random.Generator, law: Any, n: int) -> npt.NDArray[Any]:
        """Return n independent weights."""
        if isinstance(law, Constant):
            return np.full(n, law.value)
        if isinstance(law, Normal):
            return law.mean + law.std * generator.standard_normal(n)
        if isinstance(law, Uniform):
            return generator.uniform(law.low, law.high, n)
        below, above = ndtr(law.lower), ndtr(law.upper)
        weights: npt.NDArray[Any] = law.mean + law.parent_std * ndtri(below + (above - below) * generator.random(n))
        return weights
