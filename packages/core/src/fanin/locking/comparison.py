"""One tensor against what fanin draws for it: how many elements differ, and which is the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.contract import Backend
from fanin.dtypes import DTYPES
from fanin.locking.canonical import needs_whole
from fanin.locking.digest import Hasher
from fanin.models import Parameter
from fanin.models.draw import common_region, counted_from, draw_parameter
from fanin.models.parameter import OTHER_DTYPES, Region, part_name
from fanin.plans import Plan
from fanin.plans.matrix_work import normal_matrices
from fanin.plans.rules import Haar
from fanin.weights import Tensor, float32_of
from fanin.weights.numbers import bits_of
from fanin.weights.tensor import index_of

__all__ = ["Comparison", "compare", "drawn"]

Array: TypeAlias = NDArray[Any]

_PIECE: Final = 1 << 20
_ERROR: Final = 2 * 2.0**-48
"""Of an orthogonal matrix, by condition number and gain: two backends are off by 2^-48 each (specification, 9.3)."""


@dataclass(frozen=True)
class Comparison:
    """What came out of comparing a tensor.

    Attributes:
        elements: Number of elements that were compared.
        differing: Number of those that differ.
        first: The index of the first one that differs, in the order of memory.
        given: Its value, and `wanted` what it should be.
        wanted: See `given`.
    """

    elements: int
    differing: int = 0
    first: tuple[int, ...] | None = None
    given: float | complex = 0.0
    wanted: float | complex = 0.0

    @property
    def text(self) -> str:
        """The comparison in words."""
        if self.first is None:
            return f"{self.elements} elements are equal"
        given, wanted = f"{self.given:.6g}", f"{self.wanted:.6g}"
        if given == wanted:
            given, wanted = f"{self.given:.17g}", f"{self.wanted:.17g}"
        return f"{self.differing:,} of {self.elements:,} differ, first at {self.first}: {given}, locked {wanted}"


def drawn(parameter: Parameter, name: str, seed: int, dtype: str, region: Region, backend: Backend) -> Array:
    """Return the bits that a region of a parameter has, in any dtype, as `Tensor.read` would.

    Raises:
        FaninError: A law cannot be drawn in the dtype.
    """
    one = parameter if parameter.dtype == dtype else parameter.with_dtype(dtype)
    return bits_of(draw_parameter(one, name, seed, backend, region=region))


def compare(
    parameter: Parameter, name: str, seed: int, tensor: Tensor, backend: Backend, hasher: Hasher | None = None
) -> Comparison:
    """Return how a tensor differs from what a parameter draws, as far as this process holds it.

    Args:
        parameter: A parameter that follows laws, of the tensor's shape.
        name: Its name, which is its stream's unless it says another.
        seed: The seed.
        tensor: The tensor; its dtype is one that the parameter can be drawn in.
        backend: NumPy's.
        hasher: What to give every element that is drawn to, or None.
    """
    limit = max(1, parameter.size) if needs_whole(parameter) else _PIECE
    elements = differing = 0
    first: tuple[int, ...] | None = None
    given: float | complex = 0.0
    wanted: float | complex = 0.0
    for region in tensor.pieces(limit):
        got, want = tensor.read(region), drawn(parameter, name, seed, tensor.dtype, region, backend)
        if hasher is not None:
            hasher.update(backend.tobytes(want))
        unequal = _bits(got) != _bits(want)
        if unequal.any():
            for plan, place, inner in _orthogonal(parameter.with_dtype(tensor.dtype), name, seed, region):
                at = index_of(place)
                unequal[at] &= ~_close(got[at], want[at], plan, inner, backend)
        elements += got.size
        count = int(unequal.sum())
        if count and first is None:
            place_of_first = tuple(map(int, np.unravel_index(int(unequal.argmax()), unequal.shape)))
            first = tuple(start + k for (start, _), k in zip(region, place_of_first, strict=True))
            given, wanted = (_number(array[place_of_first], tensor.dtype) for array in (got, want))
        differing += count
    return Comparison(elements, differing, first, given, wanted)


def _bits(array: Array) -> Array:
    """Return elements as whole numbers, of which two are equal where all bits are."""
    if array.dtype.kind in "iub":
        return array
    if array.dtype.kind == "c":  # a constant, where 0 and -0 are one
        return array
    contiguous = np.ascontiguousarray(array).reshape(array.shape)  # NumPy makes an axis of none
    return contiguous.view(f"u{array.dtype.itemsize}")


def _number(element: Any, dtype: str) -> float | complex:
    if dtype in OTHER_DTYPES:
        return complex(element) if dtype.startswith("complex") else float(element)
    return float(float32_of(np.asarray(element), dtype))


def _orthogonal(parameter: Parameter, name: str, seed: int, region: Region) -> Iterator[tuple[Plan, Region, Region]]:
    """Yield the plans of orthogonal matrices within a region, the place of each there, and which part of it that is."""
    if parameter.dtype in OTHER_DTYPES:
        return
    if needs_whole(parameter) and parameter.initializer is not None:
        plan = parameter.plan(name, seed, region)
        if isinstance(plan.rule, Haar):
            yield plan, counted_from(region, region), region
    for k, part in enumerate(parameter.parts):
        common = common_region(region, part.region)
        if common is not None:
            place = counted_from(region, common)
            for plan, inner, own in _orthogonal(
                part.parameter, part_name(name, k), seed, counted_from(part.region, common)
            ):
                moved = tuple((a + start, b + start) for (a, b), (start, _) in zip(inner, place, strict=True))
                yield plan, moved, own


def _close(got: Array, want: Array, plan: Plan, region: Region, backend: Backend) -> NDArray[np.bool_]:
    """Return which elements of orthogonal matrices two backends could both have drawn."""
    assert isinstance(plan.rule, Haar)
    dtype = plan.dtype
    given, wanted = (float32_of(array, dtype).astype(np.float64) for array in (got, want))
    form = DTYPES[dtype]
    spacing = np.maximum(np.abs(wanted), form.smallest_normal) * 2.0**-form.mantissa
    error = np.abs(given - wanted)
    if (error <= spacing).all():  # a step of the last place: no matrix is conditioned better than this
        return np.ones(error.shape, np.bool_)
    normal = backend.draw(normal_matrices(plan))
    condition = float(np.max(np.linalg.cond(normal), initial=1.0))
    return np.asarray(error <= _ERROR * condition * plan.rule.gain + spacing)
