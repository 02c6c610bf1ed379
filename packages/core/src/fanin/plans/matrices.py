"""From a matrix initializer to the rule that draws it: the matrix of each group, and the tap that holds it.

Specification, section 9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from fanin.dtypes import DTYPES, DType
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import (
    Constant,
    DeltaOrthogonal,
    Dirac,
    Identity,
    MatrixInitializer,
    Normal,
    Orthogonal,
    Sparse,
)
from fanin.layout import Geometry, layout_choices
from fanin.plans.elements import check_scale, element_rule
from fanin.plans.rules import Diagonal, Draw, Fill, Haar, Masked
from fanin.stream.keys import label_words
from fanin.stream.lattice import NORMAL_BITS

__all__ = ["matrix_rule"]

_SPATIAL: Final = "DHW"
_MASK: Final = "mask"


def matrix_rule(initializer: MatrixInitializer, geometry: Geometry, dtype: DType) -> Diagonal | Masked | Haar:
    """Return how the elements of a tensor are computed, one matrix per group.

    Raises:
        FaninValueError: The tensor lacks the axes, or the dtype lacks the range, that the initializer needs.
        FaninTypeError: The initializer is not one of the specification's.
    """
    kernel = _Kernel.of(initializer.regrouped(geometry), initializer.kind)
    match initializer:
        case Identity():
            kernel.refuse_spatial(initializer.kind, "For a convolution, use fanin.dirac().")
            return _diagonal(initializer.gain, kernel, dtype)
        case Dirac():
            return _diagonal(initializer.gain, kernel, dtype)
        case Sparse():
            kernel.refuse_spatial(initializer.kind, "Use it for the matrix of a dense layer.")
            draw = element_rule(Normal(0.0, initializer.std), dtype)
            assert isinstance(draw, Draw)
            zeros = math.ceil(initializer.sparsity * kernel.rows)
            return Masked(draw, zeros, kernel.rows, kernel.columns, label_words(_MASK))
        case Orthogonal():
            _check_gain(initializer, initializer.gain, dtype)
            return Haar(initializer.gain, kernel.groups, kernel.rows, kernel.columns * kernel.taps)
        case DeltaOrthogonal():
            if kernel.rows < kernel.columns and 0 not in geometry.shape:
                raise FaninValueError(
                    f"delta_orthogonal preserves the norm of its input, so each group needs at least as many "
                    f"out-channels as in-channels. Received: {kernel.rows} out and {kernel.columns} in, from shape "
                    f"{geometry.shape} with layout {geometry.layout!r}. Use fanin.orthogonal()."
                )
            _check_gain(initializer, initializer.gain, dtype)
            return Haar(initializer.gain, kernel.groups, kernel.rows, kernel.columns, kernel.taps, kernel.centre)
    raise FaninTypeError(
        f"a matrix initializer must be one of those in fanin.initializers.matrices. Received: {initializer!r}."
    )


def _diagonal(gain: float, kernel: _Kernel, dtype: DType) -> Diagonal:
    fill = element_rule(Constant(gain), dtype)
    assert isinstance(fill, Fill)
    return Diagonal(fill.value, kernel.rows, kernel.columns, kernel.taps, kernel.centre)


@dataclass(frozen=True, slots=True)
class _Kernel:
    """A kernel in logical order: the number of groups, the matrix of each, and the sizes of the spatial axes."""

    groups: int
    rows: int
    columns: int
    spatial: tuple[int, ...]

    @classmethod
    def of(cls, geometry: Geometry, kind: str) -> _Kernel:
        """Return the kernel of a tensor.

        Raises:
            FaninValueError: The layout is not stated or has no out-axis or no in-axis, or a group begins within an
                axis.
        """
        layout = geometry.layout
        if layout is None or not {"O", "I"} <= set(layout):
            raise FaninValueError(
                f"{kind} needs at least one out-axis and one in-axis, which are never guessed. Received: shape "
                f"{geometry.shape} with layout {layout!r}. State the layout, for example "
                f"{layout_choices(max(2, len(geometry.shape)))}."
            )
        if geometry.transposed and 0 not in geometry.shape:
            geometry.check_groups_split()
        outputs, inputs, groups = geometry.channels("O"), geometry.channels("I"), geometry.groups
        rows, columns = (outputs, inputs // groups) if geometry.transposed else (outputs // groups, inputs)
        return cls(groups, rows, columns, tuple(geometry.channels(letter) for letter in _SPATIAL if letter in layout))

    @property
    def taps(self) -> int:
        return math.prod(self.spatial)

    @property
    def centre(self) -> int:
        """The flat position of the tap at index size // 2 of each spatial axis."""
        place = 0
        for size in self.spatial:
            place = place * size + size // 2
        return place

    def refuse_spatial(self, kind: str, instead: str) -> None:
        if self.spatial:
            raise FaninValueError(
                f"{kind} makes a matrix, but this tensor has spatial axes. Received: sizes {self.spatial}. {instead}"
            )


def _check_gain(initializer: MatrixInitializer, gain: float, dtype: DType) -> None:
    compute = DTYPES[dtype.compute]
    check_scale(initializer, math.ldexp(compute.round(gain), -NORMAL_BITS), NORMAL_BITS, compute)
    if math.isinf(dtype.round(compute.round(gain))):
        raise FaninValueError(
            f"{initializer} has weights up to {gain:.4g}, beyond the largest {dtype.name}, {dtype.largest:.6g}. Use a "
            f"smaller gain or a wider dtype."
        )
