"""What weights that differ look like: another seed, another name, another layout, another dtype."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fanin.contract import Backend
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninError
from fanin.locking.canonical import needs_whole
from fanin.locking.comparison import Comparison, compare, drawn
from fanin.locking.lock import Lock
from fanin.models import Parameter
from fanin.models.parameter import OTHER_DTYPES, Region
from fanin.weights import Tensor, float32_of
from fanin.weights.tensor import pieces

__all__ = ["Causes"]

_SAMPLE: Final = 64
"""Elements that are compared: 16 of float32 are equal by chance never."""

_ENOUGH_BITS: Final = 128
_SEEDS: Final = 1000
_SEARCHES: Final = 8
"""Parameters whose seed is searched for in vain before the search is given up."""

_GUESSES: Final = 64
"""Parameters without a cause before no more are looked for: all were trained, perhaps."""

_NAMES: Final = 2000
"""Parameters of one shape whose weights others are held against."""


class Causes:
    """Guesses of what went wrong, each proven on a sample: the first elements that this process holds."""

    def __init__(self, lock: Lock, backend: Backend) -> None:
        self.lock, self.backend = lock, backend
        self._found_seed: int | None = None
        self._guesses = _GUESSES
        self._searches = _SEARCHES
        self._known: dict[tuple[Region, str, tuple[int, ...]], dict[bytes, str]] = {}

    def of_shape(self, name: str, tensor: Tensor) -> str:
        """Return why a tensor may have another shape than the locked one."""
        locked = self.lock.scheme[name].shape
        if sorted(tensor.shape) == sorted(locked) and len(locked) > 1:
            return "the axes are in another order"
        if tensor.size == self.lock.scheme[name].size:
            return "the same number of elements: reshaped"
        return ""

    def of_dtype(self, name: str, tensor: Tensor) -> str:
        """Return why a tensor may have a dtype that the locked one is not stored in."""
        parameter = self.lock.scheme[name]
        if tensor.dtype not in DTYPES or parameter.dtype not in DTYPES:
            return ""
        sample = self._sample(parameter, tensor)
        if sample is None:
            return ""
        region, got = sample
        if self._equal_widened(parameter, name, tensor.dtype, parameter.dtype, region, got):
            return f"the locked weights, stored as {tensor.dtype}"
        if self._equal(parameter, name, self.lock.seed, tensor.dtype, region, got):
            return f"drawn in {tensor.dtype}"
        return ""

    def of_values(self, name: str, tensor: Tensor, given: str, compared: Comparison) -> str:
        """Return what weights of the right shape and dtype are instead.

        Args:
            name: The parameter.
            tensor: The tensor.
            given: What the weights call it.
            compared: What came out of comparing it.
        """
        parameter = self.lock.scheme[name]
        if tensor.dtype in OTHER_DTYPES:
            return ""
        sample = self._sample(parameter, tensor)
        if sample is None:
            return ""
        region, got = sample
        numbers = float32_of(got, tensor.dtype)
        if np.isnan(numbers).any():
            return "not a number"
        if numbers.size > 1 and (numbers == numbers.flat[0]).all():
            which = "every weight" if numbers.size == tensor.size else f"each of the first {numbers.size} weights"
            return f"{which} is {float(numbers.flat[0]):.6g}"
        if not _random(parameter) or got.size * got.dtype.itemsize * 8 < _ENOUGH_BITS:
            return ""
        if self._equal(parameter, name, self.lock.seed, tensor.dtype, region, got):
            return _PART
        if not self._guesses:
            return ""
        if self._found_seed is not None and self._equal(parameter, name, self._found_seed, tensor.dtype, region, got):
            return f"drawn with seed {self._found_seed}"
        cause = (
            self._dtype(parameter, name, tensor.dtype, region, got)
            or self._layout(parameter, name, tensor, region, got)
            or self._other(name, tensor, region, got, given)
            or self._seed(parameter, name, tensor.dtype, region, got)
            or self._scaled(parameter, name, tensor.dtype, region, numbers)
            or (_PART if compared.differing * 2 <= compared.elements and not needs_whole(parameter) else "")
        )
        self._guesses -= not cause
        return cause

    def copy_of(self, tensor: Tensor) -> str | None:
        """Return the locked parameter that a tensor is a copy of, as of a tied one that was stored twice."""
        if tensor.dtype not in DTYPES or not tensor.held or not tensor.size:
            return None
        region = next(pieces(tensor.held[0], _SAMPLE), None)
        if region is None:
            return None
        name = self._names(tensor, region).get(tensor.read(region).tobytes())
        if name is None or self.lock.scheme[name].size * DTYPES[tensor.dtype].bits < _ENOUGH_BITS:
            return None
        found = compare(self.lock.scheme[name], name, self.lock.seed, tensor, self.backend)
        return None if found.differing else name

    def _sample(self, parameter: Parameter, tensor: Tensor) -> tuple[Region, NDArray[Any]] | None:
        if needs_whole(parameter) and parameter.size > 1 << 20:  # each guess would decompose a large matrix
            return None
        for held in tensor.held:
            for region in pieces(held, _SAMPLE):
                return region, tensor.read(region)
        return None

    def _equal(self, parameter: Parameter, name: str, seed: int, dtype: str, region: Region, got: NDArray[Any]) -> bool:
        try:
            want = drawn(parameter, name, seed, dtype, region, self.backend)
        except FaninError:  # the law cannot be drawn so
            return False
        return want.tobytes() == got.tobytes()

    def _equal_widened(
        self, parameter: Parameter, name: str, dtype: str, narrow: str, region: Region, got: NDArray[Any]
    ) -> bool:
        """Return whether weights are those of a narrower dtype, stored in a wider one."""
        try:
            want = float32_of(drawn(parameter, name, self.lock.seed, narrow, region, self.backend), narrow)
        except FaninError:
            return False
        return bool((want == float32_of(got, dtype)).all())

    def _dtype(self, parameter: Parameter, name: str, dtype: str, region: Region, got: NDArray[Any]) -> str:
        for narrow in DTYPES:
            if DTYPES[narrow].bits < DTYPES[dtype].bits and self._equal_widened(
                parameter, name, dtype, narrow, region, got
            ):
                return f"rounded to {narrow}"
        if dtype == "float32":
            try:
                wide = drawn(parameter, name, self.lock.seed, "float64", region, self.backend)
            except FaninError:
                return ""
            if (wide.astype(np.float32) == got).all():
                return "drawn in float64, and then rounded"
        return ""

    def _layout(self, parameter: Parameter, name: str, tensor: Tensor, region: Region, got: NDArray[Any]) -> str:
        """Return whether the weights are stored in, or were drawn for, another order of the axes."""
        axes = [k for k, size in enumerate(parameter.shape) if size > 1]
        if parameter.parts or len(axes) < 2 or len(parameter.shape) > 5:
            return ""
        for order in itertools.permutations(range(len(parameter.shape))):
            moved = tuple(parameter.shape[k] for k in order)
            if moved == parameter.shape and order != tuple(sorted(order)):
                origin = _moved(region, order)
                try:
                    want = drawn(parameter, name, self.lock.seed, tensor.dtype, origin, self.backend).transpose(order)
                except FaninError:
                    continue
                if want.tobytes() == got.tobytes():
                    return f"transposed: axes {order} of the locked weights"
        for other in _other_layouts(parameter):
            if self._equal(other, name, self.lock.seed, tensor.dtype, region, got):
                return f"drawn for the layout {other.layout or 'of plain C order'}, locked {parameter.layout or 'none'}"
        return ""

    def _other(self, name: str, tensor: Tensor, region: Region, got: NDArray[Any], given: str) -> str:
        """Return whether the weights are those of another parameter, or of the same one under another name."""
        found = self._names(tensor, region).get(got.tobytes())
        if found is not None and found != name:
            return f"the weights of {found}"
        parameter = self.lock.scheme[name]
        for other in dict.fromkeys((given, *(f"{word}.{name}" for word in _PREFIXES), name.partition(".")[2])):
            if other and self._equal(replace(parameter, stream=None), other, self.lock.seed, tensor.dtype, region, got):
                return f"drawn with the name {other!r}"
        return ""

    def _names(self, tensor: Tensor, region: Region) -> dict[bytes, str]:
        """Return the locked parameters of a tensor's shape by what a region of their weights is."""
        key = region, tensor.dtype, tensor.shape
        if key not in self._known:
            found: dict[bytes, str] = {}
            for name in self._of_shape(tensor.shape):
                parameter = self.lock.scheme[name]
                try:
                    want = drawn(parameter, name, self.lock.seed, tensor.dtype, region, self.backend)
                except FaninError:
                    continue
                found.setdefault(want.tobytes(), name)
            self._known[key] = found
        return self._known[key]

    def _of_shape(self, shape: tuple[int, ...]) -> Iterator[str]:
        fitting = (
            name
            for name in self.lock.digests
            if (parameter := self.lock.scheme[name]).shape == shape
            and _random(parameter)
            and not (needs_whole(parameter) and parameter.size > 1 << 16)
        )
        return itertools.islice(fitting, _NAMES)

    def _seed(self, parameter: Parameter, name: str, dtype: str, region: Region, got: NDArray[Any]) -> str:
        if not self._searches or (needs_whole(parameter) and parameter.size > 1 << 12):
            return ""
        for seed in range(_SEEDS):
            if self._equal(parameter, name, seed, dtype, region, got):
                self._found_seed = seed  # it will be that of the others too
                return f"drawn with seed {seed}"
        self._searches -= 1
        return ""

    def _scaled(self, parameter: Parameter, name: str, dtype: str, region: Region, numbers: NDArray[Any]) -> str:
        want = float32_of(drawn(parameter, name, self.lock.seed, dtype, region, self.backend), dtype).astype(np.float64)
        if not want.any():
            return ""
        ratio = float((numbers * want).sum() / (want * want).sum())
        if (
            ratio
            and f"{ratio:.6g}" != "1"
            and np.allclose(numbers, ratio * want, rtol=2.0 ** -(DTYPES[dtype].mantissa - 1), atol=0)
        ):
            return f"{ratio:.6g} times the locked weights"
        return ""


_PART: Final = "a part was changed"

_PREFIXES: Final = ("module", "model", "_orig_mod")


def _random(parameter: Parameter) -> bool:
    return parameter.is_random or any(_random(part.parameter) for part in parameter.parts)


def _moved(region: Region, order: tuple[int, ...]) -> Region:
    """Return the region that `transpose(order)` makes this one of."""
    origin = [(0, 0)] * len(region)
    for ends, k in zip(region, order, strict=True):
        origin[k] = ends
    return tuple(origin)


def _other_layouts(parameter: Parameter) -> Iterator[Parameter]:
    """Yield a parameter as other layouts would draw it, with the same law."""
    initializer = parameter.initializer
    if initializer is None or parameter.groups > 1 or parameter.transposed or parameter.geometry.stack_axis is not None:
        return
    law = initializer.law(initializer.fans(parameter.geometry) if initializer.needs_fans else None)
    letters = parameter.layout or "OIDHW"[: len(parameter.shape)]
    if parameter.layout is None and len(letters) == 4:
        letters = "OIHW"
    for layout in (None, *map("".join, dict.fromkeys(itertools.permutations(letters)))):
        if layout != parameter.layout:
            try:
                yield replace(parameter, initializer=law, layout=layout, stride=None)
            except FaninError:
                continue
