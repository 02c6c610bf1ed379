"""A right implementation that shares nothing with fanin: NumPy's own generator, SciPy's quantiles, fans by hand."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from fanin import Initializer, get_initializer
from fanin.conformance import Adapter, NotClaimed
from fanin.initializers import (
    Constant,
    DeltaOrthogonal,
    Dirac,
    Identity,
    Normal,
    Orthogonal,
    Sparse,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)
from fanin.layout import Geometry


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
        generator = self.generator(seed, name)
        if isinstance(initializer, Identity | Dirac | Orthogonal | DeltaOrthogonal | Sparse):
            return self.rounded(self.kernel(generator, initializer, geometry), dtype)
        values = self.values(generator, self.law(initializer, geometry), math.prod(shape))
        return self.rounded(values.reshape(shape), dtype)

    def generator(self, seed: int, name: Any) -> np.random.Generator:
        """Return the stream of a seed and a name."""
        digest = hashlib.blake2b(repr((seed, name)).encode()).digest()
        return np.random.Generator(np.random.SFC64(int.from_bytes(digest, "big")))

    def rounded(self, values: npt.NDArray[Any], dtype: str) -> npt.NDArray[Any]:
        """Return weights in a dtype, each the nearest number."""
        return values.astype(dtype)

    def kernel(self, generator: np.random.Generator, law: Any, geometry: Geometry) -> npt.NDArray[Any]:
        """Return a kernel whose matrices, one a group of a slice of the stack, are drawn one by one."""
        letters = geometry.layout or ""
        axes = [k for letter in "SOIDHW" for k, found in enumerate(letters) if found == letter]
        sizes = {letter: math.prod(geometry.shape[k] for k in axes if letters[k] == letter) for letter in "SOI"}
        spatial = [geometry.shape[k] for k in axes if letters[k] in "DHW"]
        kernel = np.zeros([sizes["S"], sizes["O"], sizes["I"], *spatial])
        split = "I" if geometry.transposed else "O"
        each = sizes[split] // geometry.groups
        for stack in range(sizes["S"]):
            for group in range(geometry.groups):
                part = slice(group * each, (group + 1) * each)
                where = (stack, slice(None), part) if split == "I" else (stack, part)
                self.fill(generator, law, kernel[where])
        canonical = kernel.reshape([geometry.shape[k] for k in axes])
        return np.transpose(canonical, np.argsort(axes))

    def fill(self, generator: np.random.Generator, law: Any, part: npt.NDArray[Any]) -> None:
        """Write the kernel (row, column, *tap) of one group."""
        rows, columns, *taps = part.shape
        middle = (..., *(size // 2 for size in taps))
        if isinstance(law, Orthogonal):
            part[:] = law.gain * self.orthogonal(generator, rows, columns * math.prod(taps)).reshape(part.shape)
        elif isinstance(law, DeltaOrthogonal):
            part[middle] = law.gain * self.orthogonal(generator, rows, columns)
        elif isinstance(law, Sparse):
            part[:] = self.sparse(generator, law, rows, columns)
        else:
            part[middle] = law.gain * np.eye(rows, columns)

    def orthogonal(self, generator: np.random.Generator, rows: int, columns: int) -> npt.NDArray[Any]:
        """Return a uniform matrix: the factor of a normal one, with random signs (any law of its own signs will do)."""
        factor, _ = np.linalg.qr(self.entries(generator, (max(rows, columns), min(rows, columns))))
        q: npt.NDArray[Any] = factor * generator.choice([-1.0, 1.0], factor.shape[1])
        return q if rows >= columns else q.T

    def entries(self, generator: np.random.Generator, shape: tuple[int, int]) -> npt.NDArray[Any]:
        """Return the matrix that is decomposed."""
        return generator.standard_normal(shape)

    def sparse(self, generator: np.random.Generator, law: Any, rows: int, columns: int) -> npt.NDArray[Any]:
        """Return normal weights, of each column those 0 that come first in a random order."""
        weights = self.values(generator, Normal(0.0, law.std), rows * columns).reshape(rows, columns)
        order = np.argsort(generator.random((rows, columns)), axis=0)
        np.put_along_axis(weights, order[: math.ceil(law.sparsity * rows)], 0.0, axis=0)
        return weights

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


class Specialist(HonestAdapter):
    """Claims the laws of one kind, and follows them with the seed and name that `change` leaves."""

    def __init__(
        self,
        claims: Callable[[Initializer], bool],
        change: Callable[[int, Any], tuple[int, Any]] = lambda seed, name: (seed, name),
    ) -> None:
        self.claims = claims
        self.change = change

    def sample(
        self, initializer: Initializer, *shape: Any, seed: int, name: Any = None, **rest: Any
    ) -> npt.NDArray[Any]:
        if not self.claims(get_initializer(initializer)):
            raise NotClaimed("mine draws one kind only")
        seed, name = self.change(seed, name)
        return super().sample(initializer, *shape, seed=seed, name=name, **rest)
